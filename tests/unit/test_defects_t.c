/* SPDX-License-Identifier: MIT */
/*
 * Row A19: defects of the allocator of 2006, by number (docs/features.md),
 * that no other test shows to be absent.
 */

#include "tests/unit/mm_test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mm/kmem_impl.h"

/* --- T15: harts that find a cache empty at the same time --- */

#define HARTS 4u

static struct {
	struct kmem_cache *cp;
	pthread_barrier_t start;
	void *obj[HARTS];
} together;

static void *
grow_at_once(void *arg)
{
	unsigned hart = (unsigned)(uintptr_t)arg;

	mm_host_attach(hart);
	(void)pthread_barrier_wait(&together.start);
	together.obj[hart] = kmem_cache_alloc(together.cp, 0);
	return NULL;
}

static void
A19_T15_harts_that_grow_at_once_make_one_slab_each(void **state)
{
	static const unsigned flags[] = { 0, KMEM_NOMAGAZINE };

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		struct kmem_options opt = { .flags = flags[round % 2] };
		pthread_t thread[HARTS];
		void **more;
		size_t left;
		uint64_t made;

		together.cp = cache_make("grow", 500, &opt);
		(void)pthread_barrier_init(&together.start, NULL, HARTS);
		for (unsigned h = 0; h < HARTS; h++)
			assert_int_equal(
			    pthread_create(&thread[h], NULL, grow_at_once,
				(void *)(uintptr_t)h),
			    0);
		for (unsigned h = 0; h < HARTS; h++)
			(void)pthread_join(thread[h], NULL);
		(void)pthread_barrier_destroy(&together.start);
		made = stats_of(together.cp).grow;
		assert_in_range(made, 1, HARTS);
		/* What was made is used before more is made. */
		mm_host_attach(0);
		(void)kmem_cache_flush(together.cp, KMEM_ALL_HARTS);
		assert_int_equal(stats_of(together.cp).objects_inuse, HARTS);
		left = stats_of(together.cp).objects_total - HARTS;
		assert_true(left > 2);
		more = calloc(left, sizeof(*more));
		assert_non_null(more);
		for (size_t i = 0; i < left; i++)
			more[i] = kmem_cache_alloc(together.cp, 0);
		assert_int_equal(stats_of(together.cp).grow, made);
		for (size_t i = 0; i < left; i++)
			kmem_cache_free(together.cp, more[i]);
		free(more);
		kmem_cache_free_bulk(together.cp, HARTS, together.obj);
		cache_unmake(together.cp);
	}
}

/* --- T18 --- */

static void
A19_T18_runs_are_as_long_as_asked_and_bounded(void **state)
{
	(void)state;
	/* Three frames are three: not rounded to two, nor to four. */
	for (size_t frames = 1; frames <= 70; frames++) {
		size_t before = frame_free_count(), got;
		void *run = frame_alloc(frames, 1, 0, FRAME_TAG_USER);

		assert_non_null(run);
		assert_int_equal(before - frame_free_count(), frames);
		assert_int_equal(
		    frame_run_base((uintptr_t)run + 5, &got), (uintptr_t)run);
		assert_int_equal(got, frames);
		frame_free(run, frames);
	}
	for (size_t size = 8; size <= KMEM_SIZE_MAX; size += 8) {
		struct geometry g =
		    geometry_choose(size, 8, size % 16 == 0, 0, 0);

		assert_in_range(g.g_frames, 1, 64);
		assert_int_equal(
		    g.g_short_frames, (g.g_stride + 4095) / FRAME_SIZE);
	}
}

/* --- T20 --- */

static void
all_harts_count(unsigned harts)
{
	struct kmem_options opt = { .flags = KMEM_COUNT };
	struct kmem_cache *cp[6];
	struct kmem_hart_stats hs;

	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		char name[] = { 'h', (char)('0' + c), '\0' };

		cp[c] = cache_make(name, 64, &opt);
	}
	/* The caches are older than the first word of the late harts. */
	for (unsigned h = harts; h-- > 0;) {
		mm_host_attach(h);
		for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
			for (unsigned i = 0; i <= h; i++)
				kmem_cache_free(
				    cp[c], kmem_cache_alloc(cp[c], 0));
		}
	}
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		for (unsigned h = 0; h < harts; h++) {
			assert_true(kmem_cache_hart_stats(cp[c], h, &hs));
			assert_int_equal(hs.alloc, h + 1);
			assert_int_equal(hs.free, h + 1);
		}
		assert_false(kmem_cache_hart_stats(cp[c], harts, &hs));
		assert_int_equal(stats_of(cp[c]).objects_inuse, 0);
		cache_unmake(cp[c]);
	}
	mm_host_attach(0);
}

static void
A19_T20_every_hart_that_may_come_has_its_words(void **state)
{
	static const unsigned harts[] = { 1, 2, 3, 5, 8, 31, HOST_HARTS_MAX };

	for (size_t i = 0; i < ARRAY_COUNT(harts); i++) {
		(void)world_teardown(state);
		world_start((size_t)64 << 20, harts[i], 0);
		all_harts_count(harts[i]);
	}
}

/* --- T7 --- */

static void
A19_T7_no_more_caches_pay_than_are_needed(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	static void *obj[6][3000];
	struct kmem_cache *cp[6];
	uint64_t before[6];

	(void)state;
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		char name[] = { 'p', (char)('a' + c), '\0' };

		cp[c] = cache_make(name, 200, &opt);
		assert_true(kmem_cache_alloc_bulk(cp[c], 0, 3000, obj[c]));
		for (size_t i = 2700; i < 3000; i++)
			kmem_cache_free(cp[c], obj[c][i]);
		assert_true(stats_of(cp[c]).slabs_empty >= 2);
	}
	for (int level = KMEM_REAP_TRIM; level <= KMEM_REAP_ALL; level++) {
		unsigned paid = 0;
		uint64_t gone = 0;

		for (size_t c = 0; c < ARRAY_COUNT(cp); c++)
			before[c] = stats_of(cp[c]).slabs_empty;
		assert_true(kmem_reap((enum kmem_level)level, 1).frames >= 1);
		for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
			uint64_t now = stats_of(cp[c]).slabs_empty;

			paid += now != before[c];
			gone += before[c] - now;
		}
		assert_int_equal(paid, 1);
		assert_int_equal(gone, 1);
	}
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		for (size_t i = 0; i < 2700; i++)
			kmem_cache_free(cp[c], obj[c][i]);
		cache_unmake(cp[c]);
	}
}

/* --- T8 --- */

static void
A19_T8_a_free_on_a_hart_without_magazines_needs_none(void **state)
{
	struct kmem_cache *cp[60];
	void *obj[60][12];

	(void)state;
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		char name[] = { 'n', (char)('0' + c / 10), (char)('0' + c % 10),
			'\0' };

		cp[c] = cache_make(name, 64, NULL);
		for (size_t i = 0; i < 12; i++)
			obj[c][i] = kmem_cache_alloc(cp[c], 0);
	}
	/* More first frees than there is room for magazines. */
	frame_set_fail_after(0);
	for (unsigned h = 0; h < HARTS; h++) {
		mm_host_attach(HARTS - 1 - h);
		for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
			for (size_t i = 0; i < 3; i++)
				kmem_cache_free(cp[c], obj[c][h * 3 + i]);
		}
	}
	frame_set_fail_after(-1);
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		assert_int_equal(stats_of(cp[c]).objects_inuse, 0);
		cache_unmake(cp[c]);
	}
}

/* --- T23 --- */

static void
A19_T23_an_overflow_reaches_no_descriptor(void **state)
{
	static const size_t sizes[] = { 8, 40, 100, 500, 4096, 9000 };

	(void)state;
	for (size_t s = 0; s < 2 * ARRAY_COUNT(sizes); s++) {
		struct kmem_options opt = {
			.protect = s % 2 == 0 ? KMEM_FAST : KMEM_CHECKED,
		};
		struct kmem_cache *cp = cache_make("over", sizes[s / 2], &opt);
		struct kmem_slab_info slab[8];
		void *obj[40];
		size_t slabs;

		assert_true(
		    kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
		slabs = kmem_cache_slabs(cp, slab, ARRAY_COUNT(slab));
		if (slabs > ARRAY_COUNT(slab))
			slabs = ARRAY_COUNT(slab);
		/* Every byte of every slab, whoever it belongs to. */
		for (size_t i = 0; i < slabs; i++)
			memset((void *)slab[i].addr, 0xff,
			    slab[i].frames * FRAME_SIZE);
		assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(cp, obj[i]);
		expect_no_report();
		assert_int_equal(stats_of(cp).objects_inuse, 0);
		cache_unmake(cp);
	}
}

/* --- T25 --- */

static void
A19_T25_B14_destroy_of_a_busy_cache_on_every_hart(void **state)
{
	(void)state;
	for (unsigned busy = 0; busy < HARTS; busy++) {
		struct kmem_cache *cp = cache_make("busy", 64, NULL);
		void *obj;

		for (unsigned h = 0; h < HARTS; h++) {
			mm_host_attach(h);
			kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
		}
		mm_host_attach(busy);
		obj = kmem_cache_alloc(cp, 0);
		mm_host_attach(0);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(kmem_cache_destroy(cp), -KMEM_EBUSY);
			assert_int_equal(stats_of(cp).objects_inuse, 1);
			host_clear_reports();
		}
		kmem_cache_free(cp, obj);
		cache_unmake(cp);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(A19_T15_harts_that_grow_at_once_make_one_slab_each),
		world_test(A19_T7_no_more_caches_pay_than_are_needed),
		world_test(
		    A19_T8_a_free_on_a_hart_without_magazines_needs_none),
		world_test(A19_T18_runs_are_as_long_as_asked_and_bounded),
		world_test(A19_T20_every_hart_that_may_come_has_its_words),
		world_test(A19_T23_an_overflow_reaches_no_descriptor),
		world_test(A19_T25_B14_destroy_of_a_busy_cache_on_every_hart),
	};

	return cmocka_run_group_tests_name("defects_t", tests, NULL, NULL);
}
