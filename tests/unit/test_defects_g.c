/* SPDX-License-Identifier: MIT */
/*
 * Row B16: defects of Linux 2.4's slab allocator, by number
 * (docs/features.md), that no other test shows to be absent.
 */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

#include "mm/kmem_impl.h"

/* --- geometry: G3, G5, G6, G21 --- */

static void
B16_G5_alignment_and_colour_are_two_options(void **state)
{
	static const unsigned colours[] = { 0, 1, 2, 5, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(colours); i++) {
		for (size_t align = 8; align <= 1024; align *= 4) {
			struct kmem_options opt = { .align = align,
				.colours = colours[i] };
			struct kmem_cache *cp = cache_make("two", 700, &opt);
			struct kmem_info info = info_of(cp);
			void *obj = kmem_cache_alloc(cp, 0);

			assert_int_equal(info.align, align);
			assert_int_equal((uintptr_t)obj % align, 0);
			assert_true(info.colours >= 1);
			if (colours[i] != 0)
				assert_true(info.colours <= colours[i]);
			kmem_cache_free(cp, obj);
			cache_unmake(cp);
		}
	}
}

static void
B16_G6_every_slab_has_a_cache_for_its_descriptor(void **state)
{
	static const size_t aligns[] = { 8, 64, 4096, KMEM_ALIGN_MAX };

	(void)state;
	for (size_t size = 1; size <= KMEM_SIZE_MAX;
	     size += size < 600 ? 3 : size / 5) {
		for (size_t a = 0; a < 2 * ARRAY_COUNT(aligns); a++) {
			struct kmem_options opt = {
				.align = aligns[a / 2],
				.protect =
				    a % 2 == 0 ? KMEM_FAST : KMEM_CHECKED,
			};
			struct kmem_cache *cp = cache_make("desc", size, &opt);
			void *obj = kmem_cache_alloc(cp, 0);

			assert_non_null(obj);
			kmem_cache_free(cp, obj);
			cache_unmake(cp);
		}
	}
}

static void
B16_G3_G21_the_smallest_objects_fill_their_slab(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 64; size++) {
		struct kmem_cache *cp = cache_make("tiny", size, NULL);
		struct kmem_info info = info_of(cp);
		size_t bits = (info.per_slab + 63) / 64 * 8;

		assert_true(info.frames_per_slab >= 1);
		assert_in_range(
		    cp->c_geo.g_short_frames, 1, info.frames_per_slab);
		/* One bit an object, not a word, not a cache line. */
		assert_int_equal(
		    cp->c_geo.g_descriptor, sizeof(struct slab) + bits);
		assert_true(info.per_slab * info.stride + info.stride +
			(info.colours - 1) * info.colour_step >
		    info.frames_per_slab * FRAME_SIZE);
		/* 2.4 lost 34 % of a slab of 8-byte objects. */
		assert_true(info.waste_ppm <= 62500);
		cache_unmake(cp);
	}
}

/* --- levels and alignment: G7, G8 --- */

static int
level_ctor(void *obj, void *arg)
{
	(void)arg;
	memset(obj, 0x42, 16);
	return 0;
}

static void
B16_G7_checking_changes_no_layout(void **state)
{
	static const size_t sizes[] = { 16, 48, 100, 512, 1000, 4096, 20000 };
	static const unsigned flags[] = { 0, KMEM_HWALIGN, KMEM_NOCOLOUR };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		for (size_t f = 0; f < ARRAY_COUNT(flags); f++) {
			struct kmem_info info[2];

			for (unsigned level = 0; level < 2; level++) {
				struct kmem_options opt = {
					.flags = flags[f],
					.ctor = level_ctor,
					.protect = level == 0 ? KMEM_FAST
							      : KMEM_CHECKED,
				};
				struct kmem_cache *cp =
				    cache_make("lev", sizes[s], &opt);
				const unsigned char *obj;

				obj = kmem_cache_alloc(cp, 0);
				info[level] = info_of(cp);
				/* Constructed on every level. */
				assert_int_equal(obj[0], 0x42);
				assert_int_equal(obj[15], 0x42);
				assert_int_equal(
				    (uintptr_t)obj % info[level].align, 0);
				kmem_cache_free(cp, (void *)(uintptr_t)obj);
				cache_unmake(cp);
			}
			assert_int_equal(info[0].align, info[1].align);
			assert_int_equal(info[0].stride, info[1].stride);
			assert_int_equal(info[0].size, info[1].size);
			assert_int_equal(
			    info[0].colour_step, info[1].colour_step);
		}
	}
}

static void
B16_G8_aligned_objects_share_no_cache_line(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 200; size++) {
		struct kmem_options opt = { .flags = KMEM_HWALIGN };
		struct kmem_cache *cp = cache_make("apart", size, &opt);
		uintptr_t line[70];
		void *obj[70];
		size_t lines = (size + 63) / 64;

		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			obj[i] = kmem_cache_alloc(cp, 0);
			line[i] = (uintptr_t)obj[i] / PORT_CACHE_LINE;
			assert_int_equal(
			    (uintptr_t)obj[i] % PORT_CACHE_LINE, 0);
			for (size_t k = 0; k < i; k++)
				assert_true(line[k] >= line[i] + lines ||
				    line[i] >= line[k] + lines);
		}
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(cp, obj[i]);
		cache_unmake(cp);
	}
}

/* --- reap: G11, G17 --- */

static void
B16_G11_one_reap_takes_every_free_slab_of_every_cache(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	static void *obj[6][4000];
	struct kmem_cache *cp[6];
	struct kmem_stats st;
	size_t held = 0;
	struct kmem_reaped r;

	(void)state;
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		char name[] = { 'r', (char)('a' + c), '\0' };

		cp[c] = cache_make(name, 100 * (c + 1), &opt);
		assert_true(kmem_cache_alloc_bulk(cp[c], 0, 4000, obj[c]));
		/* A tenth comes back: so many empty slabs may stay. */
		for (size_t i = 3600; i < 4000; i++)
			kmem_cache_free(cp[c], obj[c][i]);
		st = stats_of(cp[c]);
		assert_true(st.slabs_empty >= 2);
		held += st.slabs_empty * info_of(cp[c]).frames_per_slab;
	}
	r = kmem_reap(KMEM_REAP_TRIM, 0);
	assert_true(r.frames >= held);
	assert_int_equal(r.objects, 0);
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		assert_int_equal(stats_of(cp[c]).slabs_empty, 0);
		for (size_t i = 0; i < 3600; i++)
			kmem_cache_free(cp[c], obj[c][i]);
		cache_unmake(cp[c]);
	}
}

static void
B16_G17_an_unused_cache_holds_nothing_for_any_hart(void **state)
{
	struct kmem_cache *magazines = kmem_cache_find("kmem-magazine");
	struct kmem_cache *cp[50];
	struct kmem_hart_stats hs;
	uint64_t before;

	(void)state;
	assert_non_null(magazines);
	before = stats_of(magazines).objects_inuse;
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++) {
		char name[] = { 'u', (char)('0' + i / 10), (char)('0' + i % 10),
			'\0' };

		cp[i] = cache_make(name, 64, NULL);
	}
	assert_int_equal(stats_of(magazines).objects_inuse, before);
	/* Hart 3 uses one of them: two magazines at most, of that one. */
	churn(cp[7], 3, 1);
	assert_true(stats_of(magazines).objects_inuse <= before + 2);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++) {
		for (unsigned h = 0; h < 4; h++) {
			assert_true(kmem_cache_hart_stats(cp[i], h, &hs));
			assert_int_equal(hs.used, i == 7 && h == 3);
			if (!hs.used)
				assert_int_equal(hs.rounds, 0);
		}
		if (i != 7)
			assert_int_equal(stats_of(cp[i]).frames, 0);
	}
	/* And nothing once it is idle and reaped. */
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	assert_int_equal(stats_of(magazines).objects_inuse, before);
	kmem_cache_release(magazines);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		cache_unmake(cp[i]);
}

/* --- destruction: G12, G13, G20 --- */

static struct {
	struct kmem_cache *cp;
	unsigned calls;
} seen;

/* In the middle of a destroy that will be refused. */
static void
seen_dtor(void *obj, void *arg)
{
	struct kmem_cache *cp = kmem_cache_find("window"), *twin = NULL;

	(void)obj;
	(void)arg;
	assert_ptr_equal(cp, seen.cp);
	assert_int_equal(
	    kmem_cache_create(&twin, "window", 8, NULL, NULL), -KMEM_EEXIST);
	kmem_cache_release(cp);
	seen.calls++;
}

static void
B16_G12_a_refused_destroy_never_hides_the_cache(void **state)
{
	struct kmem_options opt = { .ctor = level_ctor, .dtor = seen_dtor };
	void *obj[200];

	(void)state;
	seen.calls = 0;
	seen.cp = cache_make("window", 400, &opt);
	assert_true(kmem_cache_alloc_bulk(seen.cp, 0, ARRAY_COUNT(obj), obj));
	for (size_t i = 1; i < ARRAY_COUNT(obj); i++)
		kmem_cache_free(seen.cp, obj[i]);
	assert_int_equal(kmem_cache_destroy(seen.cp), -KMEM_EBUSY);
	host_clear_reports();
	/* The slabs without live objects went while we looked. */
	assert_true(seen.calls > 0);
	obj[1] = kmem_cache_alloc(seen.cp, 0);
	assert_non_null(obj[1]);
	kmem_cache_free(seen.cp, obj[1]);
	kmem_cache_free(seen.cp, obj[0]);
	(void)kmem_cache_shrink(seen.cp);
	cache_unmake(seen.cp);
	assert_null(kmem_cache_find("window"));
}

static struct {
	struct kmem_cache *cp;
	unsigned shrinks;
} grower;

/* A slab of the cache is under construction: others shrink it meanwhile. */
static int
grower_ctor(void *obj, void *arg)
{
	unsigned hart = port_hart_self();

	(void)arg;
	memset(obj, 0x11, 16);
	mm_host_attach((hart + 1) % 4);
	(void)kmem_cache_shrink(grower.cp);
	assert_int_equal(kmem_verify(grower.cp, NULL, 0), 0);
	mm_host_attach(hart);
	grower.shrinks++;
	return 0;
}

static void
B16_G13_a_cache_that_grows_may_be_shrunk(void **state)
{
	static const unsigned flags[] = { 0, KMEM_NOMAGAZINE };

	(void)state;
	for (size_t f = 0; f < ARRAY_COUNT(flags); f++) {
		struct kmem_options opt = { .ctor = grower_ctor,
			.flags = flags[f] };
		void *obj[100];

		grower.shrinks = 0;
		grower.cp = cache_make("both", 600, &opt);
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			obj[i] = kmem_cache_alloc(grower.cp, 0);
			assert_non_null(obj[i]);
			for (size_t k = 0; k < i; k++)
				assert_ptr_not_equal(obj[k], obj[i]);
		}
		assert_true(grower.shrinks >= ARRAY_COUNT(obj));
		assert_int_equal(
		    stats_of(grower.cp).objects_inuse, ARRAY_COUNT(obj));
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(grower.cp, obj[i]);
		cache_unmake(grower.cp);
	}
}

static void
A19_T21_B16_G20_no_frame_remembers_a_slab_that_went(void **state)
{
	static const size_t sizes[] = { 8, 300, 4096, 20000 };
	struct kmem_whatis w;

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_cache *cp = cache_make("past", sizes[s], NULL);
		struct kmem_slab_info slab;
		void *obj = kmem_cache_alloc(cp, 0), *run;
		size_t frames;

		assert_int_equal(kmem_cache_slabs(cp, &slab, 1), 1);
		frames = slab.frames;
		kmem_cache_free(cp, obj);
		(void)kmem_cache_shrink(cp);
		for (size_t i = 0; i < frames; i++) {
			uintptr_t at = slab.addr + i * FRAME_SIZE;

			kmem_whatis(at, &w);
			assert_int_equal(w.tag, FRAME_TAG_FREE);
			assert_false(w.is_object);
			assert_null(slab_of(at));
		}
		/* Nor when somebody else has it. */
		run = frame_alloc(frames, 1, 0, FRAME_TAG_USER);
		for (size_t i = 0; i < frames; i++) {
			uintptr_t at = (uintptr_t)run + i * FRAME_SIZE, owner;

			assert_int_equal(
			    frame_lookup(at, &owner), FRAME_TAG_USER);
			assert_int_equal(owner, 0);
			assert_null(slab_of(at));
		}
		frame_free(run, frames);
		cache_unmake(cp);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(B16_G5_alignment_and_colour_are_two_options),
		world_test(B16_G6_every_slab_has_a_cache_for_its_descriptor),
		world_test(B16_G3_G21_the_smallest_objects_fill_their_slab),
		world_test(B16_G7_checking_changes_no_layout),
		world_test(B16_G8_aligned_objects_share_no_cache_line),
		world_test(
		    B16_G11_one_reap_takes_every_free_slab_of_every_cache),
		world_test(B16_G17_an_unused_cache_holds_nothing_for_any_hart),
		world_test(B16_G12_a_refused_destroy_never_hides_the_cache),
		world_test(B16_G13_a_cache_that_grows_may_be_shrunk),
		world_test(A19_T21_B16_G20_no_frame_remembers_a_slab_that_went),
	};

	return cmocka_run_group_tests_name("defects_g", tests, NULL, NULL);
}
