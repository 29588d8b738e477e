/* SPDX-License-Identifier: MIT */
/* Caches: creation, objects, constructors, limits. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

/* --- creation --- */

static int
failing_ctor(void *obj, void *arg)
{
	(void)obj;
	(void)arg;
	return 1;
}

static void
nothing_dtor(void *obj, void *arg)
{
	(void)obj;
	(void)arg;
}

struct refusal {
	const char *name;
	size_t size;
	struct kmem_options opt;
	int error;
	const char *word; /* must occur in the reason */
};

static void
refused(const struct refusal *r)
{
	struct kmem_cache *cp = NULL;
	const char *why = NULL;
	size_t before = frame_free_count();

	assert_int_equal(
	    kmem_cache_create(&cp, r->name, r->size, &r->opt, &why), -r->error);
	assert_null(cp);
	assert_non_null(why);
	if (strstr(why, r->word) == NULL)
		fail_msg("reason '%s' does not mention '%s'", why, r->word);
	/* Without a place for the reason it must not matter. */
	assert_int_equal(
	    kmem_cache_create(&cp, r->name, r->size, &r->opt, NULL), -r->error);
	assert_int_equal(frame_free_count(), before);
}

static void
B1_A19_T19_bad_arguments_are_refused_with_a_reason(void **state)
{
	static const struct refusal bad[] = {
		{ NULL, 8, { 0 }, KMEM_EINVAL, "name" },
		{ "", 8, { 0 }, KMEM_EINVAL, "name" },
		{ " z", 8, { 0 }, KMEM_EINVAL, "blank" },
		{ "z z", 8, { 0 }, KMEM_EINVAL, "blank" },
		{ "z\n", 8, { 0 }, KMEM_EINVAL, "control" },
		{ "\x01", 8, { 0 }, KMEM_EINVAL, "control" },
		{ "z\x7f", 8, { 0 }, KMEM_EINVAL, "control" },
		{ "0123456789abcdef0123456789abcdef", 8, { 0 }, KMEM_EINVAL,
		    "name" },
		{ "z", 0, { 0 }, KMEM_EINVAL, "size" },
		{ "z", KMEM_SIZE_MAX + 1, { 0 }, KMEM_EINVAL, "size" },
		{ "z", SIZE_MAX, { 0 }, KMEM_EINVAL, "size" },
		{ "z", SIZE_MAX - 6, { 0 }, KMEM_EINVAL, "size" },
		{ "z", 8, { .align = 3 }, KMEM_EINVAL, "align" },
		{ "z", 8, { .align = 24 }, KMEM_EINVAL, "align" },
		{ "z", 8, { .align = KMEM_ALIGN_MAX * 2 }, KMEM_EINVAL,
		    "align" },
		{ "z", 8, { .align = SIZE_MAX }, KMEM_EINVAL, "align" },
		{ "z", 8, { .dtor = nothing_dtor }, KMEM_EINVAL, "ctor" },
		{ "z", 8, { .magazine = KMEM_ROUNDS_MAX + 1 }, KMEM_EINVAL,
		    "magazine" },
		{ "z", 8, { .flags = 0x40000000 }, KMEM_EINVAL, "flag" },
		{ "z", 8, { .flags = KMEM_ZERO }, KMEM_EINVAL, "flag" },
		{ "z", 8, { .flags = KMEM_NOWAIT }, KMEM_EINVAL, "flag" },
		{ "z", 8, { .flags = KMEM_PANIC }, KMEM_EINVAL, "flag" },
		{ "z", 8, { .flags = UINT32_MAX }, KMEM_EINVAL, "flag" },
		{ "z", 8, { .magazine = UINT32_MAX }, KMEM_EINVAL, "magazine" },
		{ "z", 8, { .frame_tag = FRAME_TAGS_MAX }, KMEM_EINVAL, "tag" },
		{ "z", 8, { .frame_tag = UINT32_MAX }, KMEM_EINVAL, "tag" },
		{ "z", 8, { .protect = (enum kmem_protect)(KMEM_DEBUG + 1) },
		    KMEM_EINVAL, "protection" },
		{ "z", 8, { .protect = KMEM_DEBUG }, KMEM_ENOTYET,
		    "not in this version" },
	};
	struct refusal twice = { "taken", 8, { 0 }, KMEM_EEXIST, "name" };
	struct kmem_cache *cp = cache_make("taken", 8, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		refused(&bad[i]);
	refused(&twice);
	cache_unmake(cp);
	cp = cache_make("taken", 8, NULL);
	cache_unmake(cp);
}

static void
A19_T19_the_name_is_copied(void **state)
{
	char name[KMEM_NAME_MAX] = "0123456789abcdef0123456789abcde";
	struct kmem_cache *cp = cache_make(name, 8, NULL), *found;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	assert_string_equal(
	    info_of(cp).name, "0123456789abcdef0123456789abcde");
	assert_null(kmem_cache_find(name));
	found = kmem_cache_find("0123456789abcdef0123456789abcde");
	assert_ptr_equal(found, cp);
	kmem_cache_release(found);
	cache_unmake(cp);
	assert_null(kmem_cache_find("0123456789abcdef0123456789abcde"));
}

static void
H1_ten_thousand_creations_leave_nothing(void **state)
{
	size_t before, after_first = 0;
	uint64_t generation = 0;

	(void)state;
	before = world_frames();
	for (unsigned i = 0; i < 10000; i++) {
		struct kmem_options opt = {
			.align = (size_t)8 << (i % 5),
			.flags = i % 3 == 0 ? KMEM_NOMAGAZINE : 0,
			.protect = i % 2 == 0 ? KMEM_FAST : KMEM_CHECKED,
		};
		struct kmem_cache *cp = cache_make("again", 1 + i % 700, &opt);
		void *obj = kmem_cache_alloc(cp, 0);

		assert_non_null(obj);
		/* Slots come back too, or magazines would run out. */
		if (i % 3 != 0 && opt.protect == KMEM_FAST)
			assert_true(info_of(cp).magazine != 0);
		assert_int_not_equal(info_of(cp).generation, generation);
		generation = info_of(cp).generation;
		kmem_cache_free(cp, obj);
		cache_unmake(cp);
		/* What is kept for reuse does not grow. */
		if (i == 99)
			after_first = frame_free_count();
		if (i > 99)
			assert_true(frame_free_count() + 4 >= after_first);
	}
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	assert_int_equal(frame_free_count(), before);
}

/* --- objects --- */

static void
one_alignment(size_t size, size_t align, unsigned flags)
{
	struct kmem_options opt = { .align = align, .flags = flags };
	struct kmem_cache *cp = cache_make("al", size, &opt);
	struct kmem_info info = info_of(cp);
	void *obj[8];

	assert_true(info.stride >= size);
	assert_true(info.per_slab >= 1);
	if (align != 0)
		assert_true(info.align >= align);
	if ((flags & KMEM_HWALIGN) != 0)
		assert_int_equal(info.stride % PORT_CACHE_LINE, 0);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		obj[i] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[i]);
		assert_int_equal((uintptr_t)obj[i] % info.align, 0);
		if ((flags & KMEM_HWALIGN) != 0)
			assert_int_equal(
			    (uintptr_t)obj[i] % PORT_CACHE_LINE, 0);
		memset(obj[i], (int)i, size);
	}
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		const unsigned char *bytes = obj[i];

		assert_int_equal(bytes[0], i);
		assert_int_equal(bytes[size - 1], i);
		kmem_cache_free(cp, obj[i]);
	}
	cache_unmake(cp);
}

static void
B2_every_alignment_is_honoured_for_every_size(void **state)
{
	(void)state;
	for (size_t size = 1; size <= KMEM_SIZE_MAX;
	     size += size < 200 ? 1 : size / 3) {
		for (size_t align = 1; align <= KMEM_ALIGN_MAX; align *= 2)
			one_alignment(size, align, 0);
		one_alignment(size, 0, 0);
		one_alignment(size, 0, KMEM_HWALIGN);
	}
	one_alignment(KMEM_SIZE_MAX, KMEM_ALIGN_MAX, 0);
}

static void
natural_alignment_is_what_divides_the_size(void **state)
{
	static const struct {
		size_t size, align;
	} expect[] = { { 1, 8 }, { 8, 8 }, { 12, 16 }, { 16, 16 }, { 24, 8 },
		{ 32, 32 }, { 48, 16 }, { 64, 64 }, { 96, 32 }, { 128, 64 },
		{ 4096, 64 }, { 8200, 8 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(expect); i++) {
		struct kmem_cache *cp = cache_make("n", expect[i].size, NULL);

		assert_int_equal(info_of(cp).align, expect[i].align);
		cache_unmake(cp);
	}
}

/* The lowest object of a slab lies where its colour says. */
static void
colour_is_real(const struct kmem_slab_info *slab, const struct kmem_info *info,
    void **objs, size_t n)
{
	uintptr_t lowest = UINTPTR_MAX;

	for (size_t i = 0; i < n; i++) {
		uintptr_t at = (uintptr_t)objs[i];

		if (at - slab->addr < slab->frames * FRAME_SIZE && at < lowest)
			lowest = at;
	}
	assert_int_equal(lowest - slab->addr, slab->colour * info->colour_step);
}

static void
A13_B4_B16_G4_all_colours_are_used_and_legal(void **state)
{
	static const size_t sizes[] = { 40, 200, 256, 320, 700, 1500, 3000,
		5000 };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_cache *cp = cache_make("col", sizes[s], NULL);
		struct kmem_info info = info_of(cp);
		size_t n = (size_t)info.per_slab * info.colours * 2;
		void **objs = calloc(n, sizeof(*objs));
		struct kmem_slab_info *slabs;
		unsigned seen[512] = { 0 };
		size_t count;

		assert_non_null(objs);
		assert_true(kmem_cache_alloc_bulk(cp, 0, n, objs));
		count = kmem_cache_slabs(cp, NULL, 0);
		assert_true(count >= 2 * (size_t)info.colours);
		slabs = calloc(count, sizeof(*slabs));
		assert_non_null(slabs);
		assert_int_equal(kmem_cache_slabs(cp, slabs, count), count);
		for (size_t i = 0; i < count; i++) {
			assert_in_range(slabs[i].colour, 0, info.colours - 1);
			seen[slabs[i].colour]++;
			if (slabs[i].inuse == info.per_slab)
				colour_is_real(&slabs[i], &info, objs, n);
			/* The last object ends inside the slab. */
			assert_true(slabs[i].colour * info.colour_step +
				info.per_slab * info.stride <=
			    slabs[i].frames * FRAME_SIZE);
			assert_int_equal(slabs[i].frames, info.frames_per_slab);
		}
		for (unsigned c = 0; c < info.colours; c++)
			assert_true(seen[c] >= 2);
		if (sizes[s] >= 256)
			assert_true(info.colours >= 2);
		kmem_cache_free_bulk(cp, n, objs);
		free(slabs);
		free(objs);
		cache_unmake(cp);
	}
}

static void
no_colour_and_few_colours(void **state)
{
	struct kmem_options none = { .flags = KMEM_NOCOLOUR };
	struct kmem_options few = { .colours = 3 };
	struct kmem_cache *cp = cache_make("none", 700, &none);

	(void)state;
	assert_int_equal(info_of(cp).colours, 1);
	cache_unmake(cp);
	cp = cache_make("few", 700, &few);
	assert_in_range(info_of(cp).colours, 1, 3);
	cache_unmake(cp);
}

static void
objects_are_disjoint_and_keep_their_bytes(void **state)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 24, 100, 1024, 5000, 60000,
		KMEM_SIZE_MAX };
	void *obj[150];

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_cache *cp = cache_make("o", sizes[s], NULL);

		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			obj[i] = kmem_cache_alloc(cp, 0);
			assert_non_null(obj[i]);
			stamp(obj[i], sizes[s], i);
		}
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			assert_true(stamped(obj[i], sizes[s], i));
			kmem_cache_free(cp, obj[i]);
		}
		assert_int_equal(kmem_verify(cp, NULL, 0), 0);
		cache_unmake(cp);
	}
}

static void
zero_flag_zeroes_all_bytes(void **state)
{
	static const size_t sizes[] = { 1, 8, 13, 100, 4096, 9001 };
	void *obj[100];

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_cache *cp = cache_make("zero", sizes[s], NULL);

		for (unsigned round = 0; round < 2; round++) {
			for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
				const unsigned char *p;

				p = obj[i] = kmem_cache_alloc(cp, KMEM_ZERO);
				assert_non_null(p);
				for (size_t k = 0; k < sizes[s]; k++)
					assert_int_equal(p[k], 0);
				memset(obj[i], 0xff, sizes[s]);
			}
			kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
		}
		assert_true(kmem_cache_alloc_bulk(
		    cp, KMEM_ZERO, ARRAY_COUNT(obj), obj));
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			const unsigned char *p = obj[i];

			for (size_t k = 0; k < sizes[s]; k++)
				assert_int_equal(p[k], 0);
		}
		kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
		cache_unmake(cp);
	}
}

/* --- constructors --- */

struct builder {
	unsigned calls, built, unbuilt;
	unsigned fail_at; /* this call fails; 0: none */
	void *failed[8];
	unsigned failures;
};

static int
builder_ctor(void *obj, void *arg)
{
	struct builder *b = arg;

	assert_int_equal(host_pins(), 0);
	b->calls++;
	if (b->calls == b->fail_at) {
		b->failed[b->failures++] = obj;
		return 1;
	}
	stamp(obj, 100, (uintptr_t)obj);
	b->built++;
	return 0;
}

static void
builder_dtor(void *obj, void *arg)
{
	struct builder *b = arg;

	assert_int_equal(host_pins(), 0);
	/* Only constructed objects arrive, as their constructor left them. */
	assert_true(stamped(obj, 100, (uintptr_t)obj));
	memset(obj, 0, 100);
	b->unbuilt++;
}

static struct kmem_cache *
builder_cache(struct builder *b, unsigned flags)
{
	struct kmem_options opt = {
		.ctor = builder_ctor,
		.dtor = builder_dtor,
		.arg = b,
		.flags = flags,
	};

	return cache_make("built", 100, &opt);
}

static void
A18_B8_A19_T1_T2_constructed_state_survives_free_and_alloc(void **state)
{
	struct builder b = { 0 };
	struct kmem_cache *cp = builder_cache(&b, 0);
	void *obj[300];

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			obj[i] = kmem_cache_alloc(cp, 0);
			assert_non_null(obj[i]);
			assert_true(stamped(obj[i], 100, (uintptr_t)obj[i]));
		}
		assert_int_equal(
		    b.built - b.unbuilt, stats_of(cp).objects_total);
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(cp,
			    obj[round % 2 == 0 ? i : ARRAY_COUNT(obj) - 1 - i]);
		if (round == 2)
			(void)kmem_cache_shrink(cp);
		assert_int_equal(
		    b.built - b.unbuilt, stats_of(cp).objects_total);
		assert_int_equal(stats_of(cp).ctor, b.built);
		assert_int_equal(stats_of(cp).dtor, b.unbuilt);
	}
	cache_unmake(cp);
	assert_true(b.built >= ARRAY_COUNT(obj));
	assert_int_equal(b.built, b.unbuilt);
}

static void
A18_A19_T1_B16_G16_a_failing_ctor_leaks_nothing(void **state)
{
	(void)state;
	for (unsigned k = 1; k <= 90; k++) {
		struct builder b = { .fail_at = k };
		struct kmem_cache *cp = builder_cache(&b, KMEM_NOMAGAZINE);
		size_t got = 0, before;
		void *obj[200];

		(void)kmem_cache_shrink(cp);
		before = frame_free_count();
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			obj[got] = kmem_cache_alloc(cp, 0);
			got += obj[got] != NULL;
			if (k == 1 && i == 0) {
				assert_int_equal(stats_of(cp).frames, 0);
				(void)kmem_cache_shrink(cp);
				assert_int_equal(frame_free_count(), before);
			}
		}
		/* One failure, at one growth; all else was served. */
		assert_int_equal(b.failures, 1);
		assert_int_equal(got, ARRAY_COUNT(obj) - 1);
		assert_int_equal(stats_of(cp).alloc_fail, 1);
		assert_int_equal(
		    b.built - b.unbuilt, stats_of(cp).objects_total);
		while (got != 0)
			kmem_cache_free(cp, obj[--got]);
		cache_unmake(cp);
		assert_int_equal(b.built, b.unbuilt);
	}
}

/* Also where the objects go through magazines, and all or nothing. */
static void
A18_B16_G16_a_ctor_may_fail_at_any_object_of_any_cache(void **state)
{
	static const struct kmem_options kinds[] = {
		{ .flags = 0 },
		{ .flags = KMEM_COUNT },
		{ .flags = KMEM_NOCOLOUR, .magazine = 3 },
		{ .protect = KMEM_CHECKED },
		{ .flags = KMEM_SINGLE_OWNER },
	};

	(void)state;
	for (unsigned k = 1; k <= 5 * 100; k++) {
		struct builder b = { .fail_at = (k + 4) / 5 };
		struct kmem_options opt = kinds[k % 5];
		struct kmem_cache *cp;
		size_t got = 0;
		void *obj[150];

		opt.ctor = builder_ctor;
		opt.dtor = builder_dtor;
		opt.arg = &b;
		cp = cache_make("fails", 100, &opt);
		if (k % 2 == 0 && !kmem_cache_alloc_bulk(cp, 0, 100, obj))
			assert_int_equal(stats_of(cp).objects_inuse, 0);
		else if (k % 2 == 0)
			got = 100;
		while (got < ARRAY_COUNT(obj)) {
			obj[got] = kmem_cache_alloc(cp, 0);
			got += obj[got] != NULL;
			assert_true(b.failures <= 1);
		}
		assert_int_equal(
		    b.built - b.unbuilt, stats_of(cp).objects_total);
		assert_int_equal(stats_of(cp).objects_inuse, got);
		while (got != 0)
			kmem_cache_free(cp, obj[--got]);
		cache_unmake(cp);
		assert_int_equal(b.failures, 1);
		assert_int_equal(b.built, b.unbuilt);
	}
}

static void
a_ctor_that_always_fails_means_no_objects(void **state)
{
	struct kmem_options opt = { .ctor = failing_ctor };
	struct kmem_cache *cp = cache_make("never", 64, &opt);
	void *obj[3];

	(void)state;
	assert_null(kmem_cache_alloc(cp, 0));
	assert_false(kmem_cache_alloc_bulk(cp, 0, 3, obj));
	assert_int_equal(stats_of(cp).objects_total, 0);
	assert_int_equal(stats_of(cp).frames, 0);
	cache_unmake(cp);
}

/* --- limits and flags --- */

static void
the_limit_is_exact(void **state)
{
	static const unsigned flags[] = { 0, KMEM_NOMAGAZINE };

	(void)state;
	for (size_t f = 0; f < ARRAY_COUNT(flags); f++) {
		struct kmem_options opt = {
			.limit = 100,
			.flags = flags[f],
		};
		struct kmem_tune more = { .set_limit = true, .limit = 120 };
		struct kmem_tune old;
		struct kmem_cache *cp = cache_make("lim", 64, &opt);
		void *obj[130];
		uint64_t frames;
		size_t n = 0;

		while ((obj[n] = kmem_cache_alloc(cp, 0)) != NULL)
			n++;
		assert_int_equal(n, 100);
		kmem_cache_free(cp, obj[--n]);
		obj[n] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[n++]);
		frames = stats_of(cp).frames;
		for (unsigned i = 0; i < 300; i++)
			assert_null(kmem_cache_alloc(cp, 0));
		/* A refused request makes no slab. */
		assert_int_equal(stats_of(cp).frames, frames);
		assert_int_equal(kmem_cache_tune(cp, &more, &old), 0);
		assert_int_equal(old.limit, 100);
		while ((obj[n] = kmem_cache_alloc(cp, 0)) != NULL)
			n++;
		assert_int_equal(n, 120);
		/* Below what is live: nothing until enough has come back. */
		more.limit = 50;
		assert_int_equal(kmem_cache_tune(cp, &more, NULL), 0);
		while (n > 50) {
			assert_null(kmem_cache_alloc(cp, 0));
			kmem_cache_free(cp, obj[--n]);
			(void)kmem_cache_flush(cp, KMEM_ALL_HARTS);
		}
		assert_null(kmem_cache_alloc(cp, 0));
		kmem_cache_free(cp, obj[--n]);
		obj[n] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[n++]);
		kmem_cache_free_bulk(cp, n, obj);
		cache_unmake(cp);
	}
}

/* The limit is of live objects: what another hart has cached is not live. */
static void
the_limit_counts_live_objects_on_all_harts(void **state)
{
	struct kmem_options opt = { .limit = 100 };
	struct kmem_cache *cp = cache_make("lim", 64, &opt);
	void *obj[100];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, 100, obj));
	for (size_t i = 0; i < 100; i++)
		kmem_cache_free(cp, obj[i]);
	mm_host_attach(1);
	for (size_t i = 0; i < 100; i++) {
		obj[i] = kmem_cache_alloc(cp, 0);
		if (obj[i] == NULL)
			fail_msg("only %zu of 100 objects", i);
	}
	assert_null(kmem_cache_alloc(cp, 0));
	for (size_t i = 0; i < 100; i++)
		kmem_cache_free(cp, obj[i]);
	cache_unmake(cp);
}

static void
bulk_is_all_or_nothing(void **state)
{
	struct kmem_options opt = { .limit = 500 };
	struct kmem_cache *cp = cache_make("bulk", 48, &opt);
	void *obj[501];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, 0, obj));
	kmem_cache_free_bulk(cp, 0, obj);
	assert_false(kmem_cache_alloc_bulk(cp, 0, 501, obj));
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	for (size_t n = 1; n <= 500; n = n * 2 + 1) {
		assert_true(kmem_cache_alloc_bulk(cp, 0, n, obj));
		assert_int_equal(stats_of(cp).objects_inuse, n);
		for (size_t i = 0; i < n; i++)
			stamp(obj[i], 48, i);
		for (size_t i = 0; i < n; i++)
			assert_true(stamped(obj[i], 48, i));
		kmem_cache_free_bulk(cp, n, obj);
		assert_int_equal(stats_of(cp).objects_inuse, 0);
	}
	assert_true(kmem_cache_alloc_bulk(cp, 0, 400, obj));
	assert_false(kmem_cache_alloc_bulk(cp, 0, 101, obj + 400));
	assert_int_equal(stats_of(cp).objects_inuse, 400);
	assert_true(kmem_cache_alloc_bulk(cp, 0, 100, obj + 400));
	kmem_cache_free_bulk(cp, 500, obj);
	cache_unmake(cp);
}

static void
alloc_with_panic_flag(void *arg)
{
	(void)kmem_cache_alloc(arg, KMEM_PANIC);
}

static void
B7_panic_flag_panics_when_there_is_no_memory(void **state)
{
	struct kmem_options opt = { .limit = 1 };
	struct kmem_cache *cp = cache_make("must", 64, &opt);
	const char *what;

	(void)state;
	assert_false(host_panics(alloc_with_panic_flag, cp, &what));
	assert_true(host_panics(alloc_with_panic_flag, cp, &what));
	assert_non_null(what);
	world_abandon();
}

static unsigned reclaimed;

static void
count_reclaim(void *arg)
{
	(void)arg;
	reclaimed++;
}

static void
A10_nowait_does_not_reclaim(void **state)
{
	struct kmem_options opt = { .reclaim = count_reclaim };
	struct kmem_cache *cp = cache_make("nw", 4000, &opt);
	size_t frames = frame_free_count();
	struct frame_zone_stats zone;
	void *all;

	(void)state;
	assert_true(frame_get_zone_stats(0, &zone));
	all = frame_alloc(zone.largest, 1, 0, FRAME_TAG_USER);
	assert_non_null(all);
	while (frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_USER) != NULL)
		frames--;
	reclaimed = 0;
	assert_null(kmem_cache_alloc(cp, KMEM_NOWAIT));
	assert_int_equal(reclaimed, 0);
	assert_null(kmem_cache_alloc(cp, 0));
	assert_true(reclaimed > 0);
	world_abandon();
	frame_free(all, zone.largest);
	cache_unmake(cp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(B1_A19_T19_bad_arguments_are_refused_with_a_reason),
		world_test(A19_T19_the_name_is_copied),
		world_test(H1_ten_thousand_creations_leave_nothing),
		world_test(B2_every_alignment_is_honoured_for_every_size),
		world_test(natural_alignment_is_what_divides_the_size),
		world_test(A13_B4_B16_G4_all_colours_are_used_and_legal),
		world_test(no_colour_and_few_colours),
		world_test(objects_are_disjoint_and_keep_their_bytes),
		world_test(zero_flag_zeroes_all_bytes),
		world_test(
		    A18_B8_A19_T1_T2_constructed_state_survives_free_and_alloc),
		world_test(A18_A19_T1_B16_G16_a_failing_ctor_leaks_nothing),
		world_test(
		    A18_B16_G16_a_ctor_may_fail_at_any_object_of_any_cache),
		world_test(a_ctor_that_always_fails_means_no_objects),
		world_test(the_limit_is_exact),
		world_test(the_limit_counts_live_objects_on_all_harts),
		world_test(bulk_is_all_or_nothing),
		world_test(B7_panic_flag_panics_when_there_is_no_memory),
		world_test(A10_nowait_does_not_reclaim),
	};

	return cmocka_run_group_tests_name("kmem_cache", tests, NULL, NULL);
}
