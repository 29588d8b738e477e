/* SPDX-License-Identifier: MIT */
/*
 * The rivals with slabs, seed2006 and linux24, on one thread that acts as
 * several harts: no two objects overlap, contents stay, memory may run out
 * anywhere, every frame comes back, and slabs are like the originals'.
 */
#include "tests/unit/rival_slabs.h"

#include <string.h>

#define HARTS 4u
#define LIVE  400u
#define STEPS 6000u

static const size_t sizes[] = { 1, 8, 9, 24, 64, 100, 192, 255, 257, 511, 512,
	513, 700, 1024, 1400, 2048, 2049, 3000, 4000, 4096, 4097, 5000, 8192,
	8200, 16385, 32768 };

struct model {
	const struct slab_rival *rival;
	void *heap;
	size_t size, align;
	unsigned count;
	struct {
		unsigned char *obj;
		uint64_t stamp;
	} live[LIVE];
	struct test_rng rng;
};

static void
model_alloc(struct model *m)
{
	unsigned char *obj = m->rival->alloc(m->heap);

	assert_non_null(obj);
	assert_int_equal((uintptr_t)obj % (m->align != 0 ? m->align : 8), 0);
	for (unsigned i = 0; i < m->count; i++)
		assert_false(obj < m->live[i].obj + m->size &&
		    m->live[i].obj < obj + m->size);
	m->live[m->count].obj = obj;
	m->live[m->count].stamp = test_random(&m->rng);
	stamp(obj, m->size, m->live[m->count++].stamp);
}

static void
model_free(struct model *m, unsigned i)
{
	assert_true(stamped(m->live[i].obj, m->size, m->live[i].stamp));
	m->rival->release(m->heap, m->live[i].obj);
	m->live[i] = m->live[--m->count];
}

/* A step on any hart: grow or shrink for a while, now and then reap. */
static void
model_step(struct model *m, unsigned step)
{
	bool grow = step / 500 % 2 == 0;

	mm_host_attach((unsigned)test_below(&m->rng, HARTS));
	if (test_below(&m->rng, 500) == 0)
		(void)m->rival->reap(m->heap);
	else if (m->count < LIVE &&
	    (m->count == 0 || test_below(&m->rng, 10) < (grow ? 7 : 3)))
		model_alloc(m);
	else
		model_free(m, (unsigned)test_below(&m->rng, m->count));
}

static void
model_run(const struct slab_rival *rival, size_t size, size_t align)
{
	struct model m = { .rival = rival,
		.size = size,
		.align = align,
		.rng = { size * 2 + align + 1 } };
	size_t before = frame_free_count();

	m.heap = rival->create(size, align, NULL);
	assert_non_null(m.heap);
	for (unsigned i = 0; i < STEPS; i++)
		model_step(&m, i);
	if (m.count != 0)
		assert_false(rival->destroy(m.heap));
	while (m.count != 0)
		model_free(&m, m.count - 1);
	assert_true(rival->destroy(m.heap));
	assert_int_equal(frame_free_count(), before);
	assert_int_equal(frame_verify(), 0);
}

static void
I5_2_rivals_keep_what_is_in_their_objects(void **state)
{
	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++)
		for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++)
			model_run(&slab_rivals[r], sizes[i], 0);
}

static void
I5_2_rivals_align_their_objects(void **state)
{
	static const size_t some[] = { 8, 24, 64, 200, 520, 3000, 4096, 8200 };

	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++)
		for (size_t align = 16; align <= FRAME_SIZE; align *= 4)
			for (unsigned i = 0; i < ARRAY_COUNT(some); i++)
				model_run(&slab_rivals[r], some[i], align);
}

static void
I5_2_rivals_refuse_what_they_cannot_make(void **state)
{
	const struct seed2006_options many = { .rounds =
						   SEED2006_ROUNDS_MAX + 1 };

	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++) {
		const struct slab_rival *rival = &slab_rivals[r];

		assert_null(rival->create(0, 0, NULL));
		assert_null(rival->create(SIZE_MAX, 0, NULL));
		assert_null(rival->create(((size_t)128 << 10) + 1, 0, NULL));
		assert_null(rival->create(64, 24, NULL));
		assert_null(rival->create(64, 2 * FRAME_SIZE, NULL));
	}
	assert_null(seed2006_create(64, &many));
	rival_stop();
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++)
		assert_null(slab_rivals[r].create(64, 0, NULL));
	assert_true(rival_start());
	assert_true(rival_start()); /* again: nothing */
}

/* The largest size there is, which not every zone has room for twice. */
static void
I5_2_rivals_make_their_largest_objects(void **state)
{
	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++)
		model_run(&slab_rivals[r], (size_t)128 << 10, 0);
}

/* ---- memory runs out ---- */

/* False: something was refused, and all that was made has been freed. */
static bool
scenario(const struct slab_rival *rival, size_t size)
{
	void *objs[200], *heap[2];
	unsigned n = 0;
	bool whole = true;

	heap[0] = rival->create(size, 0, NULL);
	heap[1] = rival->create(size, 0, NULL);
	for (unsigned i = 0; i < 2; i++) {
		if (heap[i] == NULL) {
			whole = false;
			continue;
		}
		for (n = 0; n < ARRAY_COUNT(objs); n++) {
			mm_host_attach(n % HARTS);
			objs[n] = rival->alloc(heap[i]);
			if (objs[n] == NULL)
				break;
			stamp(objs[n], size, n);
		}
		whole = whole && n == ARRAY_COUNT(objs);
		while (n-- != 0) {
			assert_true(stamped(objs[n], size, n));
			mm_host_attach((n + 1) % HARTS);
			rival->release(heap[i], objs[n]);
		}
		assert_true(rival->destroy(heap[i]));
	}
	mm_host_attach(0);
	return whole;
}

static void
I5_2_rivals_bear_any_frame_that_is_refused(void **state)
{
	static const size_t some[] = { 24, 64, 512, 700, 2048, 8200 };
	size_t before;
	unsigned refused = 0;
	int64_t at;

	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++)
		for (unsigned i = 0; i < ARRAY_COUNT(some); i++) {
			bool whole = false;

			before = frame_free_count();
			for (at = 0; !whole; at++) {
				/* Single frames wait in the harts' caches. */
				(void)frame_flush_all();
				frame_set_fail_after(at);
				whole = scenario(&slab_rivals[r], some[i]);
				frame_set_fail_after(-1);
				refused += !whole;
				assert_int_equal(frame_free_count(), before);
				assert_true(at < 2000);
			}
		}
	/* 800 KiB of the largest alone are 200 frames. */
	assert_true(refused > 500);
}

/* Objects until there is no memory, linked through their first words. */
static size_t
exhaust(const struct slab_rival *rival, void *heap, void **all)
{
	size_t n = 0;
	void *obj;

	for (*all = NULL; (obj = rival->alloc(heap)) != NULL; n++) {
		memcpy(obj, all, sizeof(*all));
		*all = obj;
	}
	return n;
}

static void
give_back(const struct slab_rival *rival, void *heap, void *all)
{
	while (all != NULL) {
		void *next;

		memcpy(&next, all, sizeof(next));
		rival->release(heap, all);
		all = next;
	}
}

static void
I5_2_rivals_fill_all_memory_twice(void **state)
{
	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++) {
		const struct slab_rival *rival = &slab_rivals[r];
		size_t before = frame_free_count(), first;
		void *heap = rival->create(1000, 0, NULL), *all;

		assert_non_null(heap);
		first = exhaust(rival, heap, &all);
		/* Three of four bytes are objects', at the least. */
		assert_true(first * 1000 > before * FRAME_SIZE / 4 * 3);
		give_back(rival, heap, all);
		/* A frame of magazines may be in the way. */
		assert_true(exhaust(rival, heap, &all) >= first - first / 1000);
		give_back(rival, heap, all);
		assert_true(rival->destroy(heap));
		assert_int_equal(frame_free_count(), before);
	}
}

/* What lies in magazines of one cache goes to another that needs frames. */
static void
I5_2_seed2006_reclaims_before_it_refuses(void **state)
{
	const struct slab_rival *rival = &slab_rivals[0];
	void *idle = rival->create(1024, 0, NULL);
	void *busy = rival->create(2048, 0, NULL), *all;
	size_t before = frame_free_count(), n = 0, most;

	(void)state;
	assert_non_null(idle);
	assert_non_null(busy);
	most = exhaust(rival, busy, &all);
	give_back(rival, busy, all);
	(void)rival->reap(busy);
	assert_true(frame_free_count() >= before - 4);
	n = exhaust(rival, idle, &all);
	give_back(rival, idle, all);
	/* All of it is in the first one's magazines now. */
	assert_true(n > most);
	assert_true(frame_free_count() < before / 10);
	assert_true(exhaust(rival, busy, &all) > most - most / 100);
	give_back(rival, busy, all);
	assert_true(rival->destroy(idle));
	assert_true(rival->destroy(busy));
}

/* The last resort: what lies in harts' own magazines, which light spares. */
static void
I5_2_seed2006_reclaims_from_all_harts(void **state)
{
	const struct slab_rival *rival = &slab_rivals[0];
	void *idle = rival->create(4000, 0, NULL);
	void *busy = rival->create(2048, 0, NULL), *all, *objs[8];

	(void)state;
	assert_non_null(idle);
	assert_non_null(busy);
	for (unsigned h = 0; h < HARTS; h++) {
		mm_host_attach(h);
		for (unsigned i = 0; i < ARRAY_COUNT(objs); i++)
			objs[i] = rival->alloc(idle);
		for (unsigned i = 0; i < ARRAY_COUNT(objs); i++)
			rival->release(idle, objs[i]);
	}
	mm_host_attach(0);
	(void)exhaust(rival, busy, &all);
	assert_int_equal(rival->reap(idle), 0); /* it has nothing any more */
	give_back(rival, busy, all);
	assert_true(rival->destroy(idle));
	assert_true(rival->destroy(busy));
}

static void
I5_2_reap_gives_idle_memory_back(void **state)
{
	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++) {
		const struct slab_rival *rival = &slab_rivals[r];
		void *heap = rival->create(512, 0, NULL), *objs[800];
		size_t empty, held;

		assert_non_null(heap);
		empty = frame_free_count();
		for (unsigned i = 0; i < ARRAY_COUNT(objs); i++)
			objs[i] = rival->alloc(heap);
		assert_true(frame_free_count() <= empty - 100);
		for (unsigned i = 0; i < ARRAY_COUNT(objs); i++) {
			mm_host_attach(i % HARTS);
			rival->release(heap, objs[i]);
		}
		held = empty - frame_free_count();
		assert_true(held >= 100); /* idle, and kept */
		assert_true(rival->reap(heap) >= 100);
		/* Descriptors and magazines may hold a few. */
		assert_true(empty - frame_free_count() <= 4);
		mm_host_attach(0);
		assert_true(rival->destroy(heap));
	}
}

/* ---- constructors ---- */

#define MADE UINT64_C(0x636f6e7374727563)

static unsigned constructed;

static int
construct(void *obj, void *arg)
{
	const uint64_t made = MADE;

	(void)arg;
	constructed++;
	memcpy(obj, &made, sizeof(made));
	memcpy((char *)obj + 64, &made, sizeof(made));
	return 0;
}

static bool
is_made(const void *obj)
{
	const uint64_t made = MADE;

	return memcmp(obj, &made, sizeof(made)) == 0 &&
	    memcmp((const char *)obj + 64, &made, sizeof(made)) == 0;
}

static void
I5_2_objects_come_constructed(void **state)
{
	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++) {
		const struct slab_rival *rival = &slab_rivals[r];
		void *heap = rival->create(72, 0, construct), *objs[600];
		unsigned first;

		assert_non_null(heap);
		constructed = 0;
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned i = 0; i < ARRAY_COUNT(objs); i++) {
				objs[i] = rival->alloc(heap);
				assert_true(is_made(objs[i]));
			}
			for (unsigned i = 0; i < ARRAY_COUNT(objs); i++)
				rival->release(heap, objs[i]);
			if (round == 0)
				first = constructed;
		}
		/* One keeps what was made, the other makes it each time. */
		assert_int_equal(constructed,
		    rival->constructed ? first : 3 * ARRAY_COUNT(objs));
		assert_true(rival->destroy(heap));
	}
}

static int
refuse(void *obj, void *arg)
{
	(void)obj;
	(void)arg;
	return constructed++ == 20 ? -1 : 0;
}

static void
I5_2_constructors_may_fail(void **state)
{
	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++) {
		const struct slab_rival *rival = &slab_rivals[r];
		size_t before = frame_free_count();
		void *heap = rival->create(128, 0, refuse), *objs[40];
		unsigned refused = 0;

		assert_non_null(heap);
		constructed = 0;
		for (unsigned i = 0; i < ARRAY_COUNT(objs); i++) {
			objs[i] = rival->alloc(heap);
			refused += objs[i] == NULL;
		}
		assert_int_equal(refused, 1);
		for (unsigned i = 0; i < ARRAY_COUNT(objs); i++)
			if (objs[i] != NULL)
				rival->release(heap, objs[i]);
		assert_true(rival->destroy(heap));
		assert_int_equal(frame_free_count(), before);
	}
}

/* ---- slabs are like the originals' ---- */

static void
I5_2_seed2006_slabs_are_as_published(void **state)
{
	static const struct {
		size_t size, frames, objects;
		bool inside;
	} rows[] = {
		{ 8, 1, 506, true },
		{ 64, 1, 63, true },
		{ 100, 1, 38, true },
		{ 256, 1, 15, true },
		{ 512, 1, 8, false },
		{ 700, 1, 5, true },
		{ 1024, 1, 4, false },
		{ 1400, 2, 5, true },
		{ 2048, 1, 2, false },
		{ 3000, 4, 5, true },
		{ 4000, 1, 1, true },
		{ 5000, 4, 3, true },
		{ 8200, 8, 3, true },
		{ 16385, 16, 3, true },
	};
	struct seed2006_shape is;

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		struct seed2006 *cp = seed2006_create(rows[i].size, NULL);

		assert_non_null(cp);
		seed2006_shape(cp, &is);
		assert_int_equal(is.frames, rows[i].frames);
		assert_int_equal(is.objects, rows[i].objects);
		assert_int_equal(is.inside, rows[i].inside);
		assert_true(seed2006_destroy(cp));
	}
}

static void
I5_2_linux24_slabs_are_as_published(void **state)
{
	static const struct {
		size_t size, frames, objects;
		unsigned limit;
		bool outside;
	} rows[] = {
		{ 8, 1, 336, 252, false },
		{ 64, 1, 59, 252, false },
		{ 100, 1, 37, 252, false },
		{ 256, 1, 15, 252, false },
		{ 264, 1, 15, 124, false },
		{ 512, 1, 8, 124, true },
		{ 700, 2, 11, 124, false },
		{ 1024, 1, 4, 124, true },
		{ 1032, 2, 7, 60, false },
		{ 1400, 4, 11, 60, false },
		{ 2048, 1, 2, 60, true },
		{ 3000, 4, 5, 60, false },
		{ 4000, 1, 1, 60, false },
		{ 5000, 4, 3, 0, false },
		{ 8200, 4, 1, 0, false },
		{ 16385, 8, 1, 0, false },
	};
	struct linux24_shape is;

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		struct linux24 *cp = linux24_create(rows[i].size, NULL);

		assert_non_null(cp);
		linux24_shape(cp, &is);
		assert_int_equal(is.frames, rows[i].frames);
		assert_int_equal(is.objects, rows[i].objects);
		assert_int_equal(is.outside, rows[i].outside);
		assert_int_equal(is.limit, rows[i].limit);
		assert_int_equal(is.batch, rows[i].limit / 2);
		assert_true(linux24_destroy(cp));
	}
}

/* Where the first objects of seven slabs lie, as they are made. */
static void
first_objects(const struct linux24_options *opt, size_t offsets[7])
{
	struct linux24 *cp = linux24_create(700, opt);
	const size_t slab = 2 * FRAME_SIZE;
	void *objs[77];
	unsigned made = 0;

	assert_non_null(cp);
	for (unsigned i = 0; i < ARRAY_COUNT(objs); i++) {
		objs[i] = linux24_alloc(cp);
		assert_non_null(objs[i]);
		/* An array is filled from a slab's first object on. */
		if (i % 11 == 10) {
			assert_in_range((uintptr_t)objs[i] % slab, 0, 1024);
			offsets[made++] = (uintptr_t)objs[i] % slab;
		}
	}
	for (unsigned i = 0; i < ARRAY_COUNT(objs); i++)
		linux24_free(cp, objs[i]);
	assert_true(linux24_destroy(cp));
}

/* 320 bytes are left over: 0 to 5 lines would fit, the fifth is never used. */
static void
I5_2_linux24_loses_a_colour(void **state)
{
	const struct linux24_options flat = { .flat = true };
	size_t offsets[7];

	(void)state;
	first_objects(NULL, offsets);
	for (unsigned i = 0; i < ARRAY_COUNT(offsets); i++)
		assert_int_equal(offsets[i], 128 + i % 5 * 64);
	first_objects(&flat, offsets);
	for (unsigned i = 0; i < ARRAY_COUNT(offsets); i++)
		assert_int_equal(offsets[i], 128);
}

static void
I5_2_linux24_shares_lines_when_asked_not_to(void **state)
{
	static const size_t want[][2] = { { 8, 16 }, { 15, 16 }, { 16, 32 },
		{ 31, 32 }, { 32, 64 }, { 64, 64 }, { 72, 128 } };
	const struct linux24_options line = { .line = true };
	struct linux24_shape is;

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(want); i++) {
		struct linux24 *cp = linux24_create(want[i][0], &line);

		assert_non_null(cp);
		linux24_shape(cp, &is);
		assert_int_equal(is.bytes, want[i][1]);
		assert_true(linux24_destroy(cp));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		rival_test(I5_2_rivals_keep_what_is_in_their_objects),
		rival_test(I5_2_rivals_align_their_objects),
		rival_test(I5_2_rivals_refuse_what_they_cannot_make),
		rival_test(I5_2_rivals_make_their_largest_objects),
		rival_test(I5_2_rivals_bear_any_frame_that_is_refused),
		rival_test(I5_2_rivals_fill_all_memory_twice),
		rival_test(I5_2_seed2006_reclaims_before_it_refuses),
		rival_test(I5_2_seed2006_reclaims_from_all_harts),
		rival_test(I5_2_reap_gives_idle_memory_back),
		rival_test(I5_2_objects_come_constructed),
		rival_test(I5_2_constructors_may_fail),
		rival_test(I5_2_seed2006_slabs_are_as_published),
		rival_test(I5_2_linux24_slabs_are_as_published),
		rival_test(I5_2_linux24_loses_a_colour),
		rival_test(I5_2_linux24_shares_lines_when_asked_not_to),
	};

	return cmocka_run_group_tests_name("rivals", tests, NULL, NULL);
}
