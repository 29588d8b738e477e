/* SPDX-License-Identifier: MIT */
/* Magazines and depot: no thrashing, no memory for a free, resizing. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

static struct kmem_hart_stats
hart_of(struct kmem_cache *cp, unsigned hart)
{
	struct kmem_hart_stats hs;

	assert_true(kmem_cache_hart_stats(cp, hart, &hs));
	return hs;
}

static struct kmem_cache *
cache_with_rounds(unsigned rounds)
{
	struct kmem_options opt = { .magazine = rounds };

	return cache_make("mag", 64, &opt);
}

/* Alloc n, free n in the same order. */
static void
burst(struct kmem_cache *cp, void **obj, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		obj[i] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[i]);
	}
	for (size_t i = 0; i < n; i++)
		kmem_cache_free(cp, obj[i]);
}

/*
 * A2: with two magazines, one item to and fro across any boundary of one of
 * them never reaches the depot.
 */
static void
A2_one_item_oscillating_on_a_boundary_does_not_thrash(void **state)
{
	const unsigned rounds = 8;
	struct kmem_cache *cp = cache_with_rounds(rounds);
	void *obj[100];

	(void)state;
	burst(cp, obj, 100);
	for (size_t base = 0; base < 40; base++) {
		struct kmem_stats before, after;

		for (size_t i = 0; i < base; i++)
			obj[i] = kmem_cache_alloc(cp, 0);
		/* Into the neighbourhood of the boundary, then to and fro. */
		kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
		before = stats_of(cp);
		for (unsigned i = 0; i < 1000; i++)
			kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
		after = stats_of(cp);
		assert_int_equal(after.mag_miss, before.mag_miss);
		assert_int_equal(after.depot_get, before.depot_get);
		assert_int_equal(after.depot_put, before.depot_put);
		assert_int_equal(after.grow, before.grow);
		for (size_t i = 0; i < base; i++)
			kmem_cache_free(cp, obj[i]);
	}
	cache_unmake(cp);
}

/* HelenOS: 111 … 250 lock acquisitions per 1,000 operations of such bursts. */
static void
A19_T9_bursts_cost_at_most_an_exchange_per_magazine(void **state)
{
	static const size_t sizes[] = { 1, 8, 9, 15, 16, 17, 64, 219, 1000 };
	const unsigned rounds = 8;
	void *obj[1000];

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_cache *cp = cache_with_rounds(rounds);
		size_t n = sizes[s];
		struct kmem_stats a, b;

		for (unsigned warm = 0; warm < 3; warm++)
			burst(cp, obj, n);
		a = stats_of(cp);
		for (unsigned round = 0; round < 10; round++)
			burst(cp, obj, n);
		b = stats_of(cp);
		/* Steady state: no slab is made, no magazine either. */
		assert_int_equal(a.grow, b.grow);
		assert_int_equal(a.frames, b.frames);
		assert_true(b.depot_get - a.depot_get <= 10 * (n / rounds + 1));
		assert_true(b.depot_put - a.depot_put <= 10 * (n / rounds + 1));
		if (n <= rounds)
			assert_int_equal(a.depot_get + a.depot_put,
			    b.depot_get + b.depot_put);
		cache_unmake(cp);
	}
}

static void
A19_T8_freeing_needs_no_memory(void **state)
{
	static const unsigned flags[] = { 0, KMEM_NOMAGAZINE, KMEM_COUNT };
	void *obj[2000];

	(void)state;
	for (size_t f = 0; f < ARRAY_COUNT(flags); f++) {
		struct kmem_options opt = { .flags = flags[f] };
		struct kmem_cache *cp = cache_make("nomem", 64, &opt);

		assert_true(
		    kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
		mm_host_attach(1);
		/* From now on every request for frames fails. */
		frame_set_fail_after(0);
		for (size_t i = 0; i < 1000; i++)
			kmem_cache_free(cp, obj[i]);
		mm_host_attach(0);
		kmem_cache_free_bulk(cp, 1000, obj + 1000);
		assert_int_equal(stats_of(cp).objects_inuse, 0);
		assert_int_equal(kmem_verify(cp, NULL, 0), 0);
		(void)kmem_reap(KMEM_REAP_ALL, 0);
		assert_int_equal(stats_of(cp).objects_cached, 0);
		frame_set_fail_after(-1);
		cache_unmake(cp);
	}
}

static void
every_magazine_size_holds_what_it_says(void **state)
{
	void *obj[4 * KMEM_ROUNDS_MAX];

	(void)state;
	for (unsigned rounds = 1; rounds <= KMEM_ROUNDS_MAX; rounds++) {
		struct kmem_cache *cp = cache_with_rounds(rounds);
		struct kmem_info info;
		struct kmem_stats st;
		size_t n = 4u * rounds;

		kmem_cache_get_info(cp, &info);
		assert_int_equal(info.magazine, rounds);
		for (size_t i = 0; i < n; i++) {
			obj[i] = kmem_cache_alloc(cp, 0);
			stamp(obj[i], 64, i);
		}
		for (size_t i = 0; i < n; i++) {
			assert_true(stamped(obj[i], 64, i));
			kmem_cache_free(cp, obj[i]);
			assert_true(hart_of(cp, 0).rounds <= 2 * rounds);
			st = stats_of(cp);
			assert_int_equal(st.objects_inuse, n - 1 - i);
			assert_true(st.objects_inuse + st.objects_cached <=
			    st.objects_total);
		}
		assert_int_equal(st.mag_size, rounds);
		assert_int_equal(kmem_verify(cp, NULL, 0), 0);
		cache_unmake(cp);
	}
}

static void
magazines_are_last_in_first_out(void **state)
{
	struct kmem_cache *cp = cache_with_rounds(8);
	void *obj[8];

	(void)state;
	for (size_t i = 0; i < 8; i++)
		obj[i] = kmem_cache_alloc(cp, 0);
	for (size_t i = 0; i < 8; i++)
		kmem_cache_free(cp, obj[i]);
	for (size_t i = 8; i-- > 0;)
		assert_ptr_equal(kmem_cache_alloc(cp, 0), obj[i]);
	kmem_cache_free_bulk(cp, 8, obj);
	cache_unmake(cp);
}

/*
 * G1: a new size must not disturb magazines in use. Alloc and free between
 * changes so that magazines of many sizes are in slots and depot at once.
 */
static void
A14_B16_G1_resizing_under_use_loses_nothing(void **state)
{
	struct kmem_cache *cp = cache_with_rounds(30);
	struct test_rng rng = { .state = 99 };
	void *obj[1000];
	size_t n = 0;

	(void)state;
	for (unsigned op = 0; op < 60000; op++) {
		if (op % 50 == 0) {
			struct kmem_tune t = {
				.set_magazine = true,
				.magazine = 1 +
				    (unsigned)test_below(&rng, KMEM_ROUNDS_MAX),
			};

			assert_int_equal(kmem_cache_tune(cp, &t, NULL), 0);
		}
		if (op % 37 == 0)
			mm_host_attach((unsigned)test_below(&rng, 4));
		/* Swings of a few hundred objects up and down. */
		if (n < ARRAY_COUNT(obj) &&
		    test_below(&rng, 10) < ((op / 500) % 2 == 0 ? 7u : 3u)) {
			obj[n] = kmem_cache_alloc(cp, 0);
			assert_non_null(obj[n]);
			stamp(obj[n], 64, (uintptr_t)obj[n]);
			n++;
		} else if (n > 0) {
			size_t i = test_below(&rng, n);

			assert_true(stamped(obj[i], 64, (uintptr_t)obj[i]));
			memset(obj[i], 0, 64);
			kmem_cache_free(cp, obj[i]);
			obj[i] = obj[--n];
		}
		if (op % 1000 == 0) {
			assert_int_equal(stats_of(cp).objects_inuse, n);
			assert_int_equal(kmem_verify(cp, NULL, 0), 0);
		}
	}
	mm_host_attach(0);
	kmem_cache_free_bulk(cp, n, obj);
	cache_unmake(cp);
}

/* H3: one hart only allocates, another only frees. */
static void
H3_producer_and_consumer_have_a_bounded_footprint(void **state)
{
	struct kmem_cache *cp = cache_make("flow", 128, NULL);
	struct kmem_info info;
	uint64_t most = 0;
	void *obj[64];

	(void)state;
	kmem_cache_get_info(cp, &info);
	for (unsigned round = 0; round < 5000; round++) {
		mm_host_attach(0);
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			obj[i] = kmem_cache_alloc(cp, 0);
			assert_non_null(obj[i]);
		}
		mm_host_attach(1);
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(cp, obj[i]);
		if (stats_of(cp).objects_total > most)
			most = stats_of(cp).objects_total;
	}
	mm_host_attach(0);
	/* Live × 1.25, two magazines a hart, an exchange, and one slab. */
	assert_true(most <=
	    ARRAY_COUNT(obj) * 5 / 4 + 6u * info.magazine + info.per_slab);
	cache_unmake(cp);
}

static void
A15_steady_flow_takes_magazines_from_the_depot_only(void **state)
{
	struct kmem_cache *cp = cache_with_rounds(10);
	struct frame_stats a, b;
	void *obj[200];

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		if (round == 20)
			frame_get_stats(&a);
		mm_host_attach(round % 4);
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			obj[i] = kmem_cache_alloc(cp, 0);
		mm_host_attach((round + 1) % 4);
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(cp, obj[i]);
	}
	frame_get_stats(&b);
	assert_int_equal(a.allocs, b.allocs);
	assert_int_equal(a.frees, b.frees);
	mm_host_attach(0);
	cache_unmake(cp);
}

static void
flush_moves_one_harts_rounds(void **state)
{
	struct kmem_cache *cp = cache_with_rounds(10);
	void *obj[40];
	unsigned rounds[4];

	(void)state;
	for (unsigned h = 0; h < 4; h++) {
		mm_host_attach(h);
		burst(cp, obj, 10u * (h + 1));
	}
	mm_host_attach(0);
	for (unsigned h = 0; h < 4; h++) {
		rounds[h] = hart_of(cp, h).rounds;
		assert_in_range(rounds[h], 1, 20);
		assert_true(hart_of(cp, h).used);
	}
	assert_int_equal(kmem_cache_flush(cp, 2), rounds[2]);
	assert_int_equal(hart_of(cp, 2).rounds, 0);
	assert_int_equal(hart_of(cp, 1).rounds, rounds[1]);
	assert_int_equal(kmem_cache_flush(cp, 2), 0);
	assert_int_equal(kmem_cache_flush(cp, KMEM_ALL_HARTS),
	    rounds[0] + rounds[1] + rounds[3]);
	for (unsigned h = 0; h < 4; h++)
		assert_int_equal(hart_of(cp, h).rounds, 0);
	assert_int_equal(kmem_verify(cp, NULL, 0), 0);
	cache_unmake(cp);
}

static void
B9_every_call_may_be_the_first_on_a_hart(void **state)
{
	struct kmem_cache *cp = cache_make("first", 64, NULL);
	struct kmem_hart_stats hs;
	void *a = kmem_cache_alloc(cp, 0), *b = kmem_cache_alloc(cp, 0);

	(void)state;
	assert_false(hart_of(cp, 1).used);
	mm_host_attach(1);
	kmem_cache_free(cp, a);
	assert_true(hart_of(cp, 1).used);
	mm_host_attach(2);
	assert_int_equal(kmem_cache_flush(cp, KMEM_ALL_HARTS) > 0, true);
	mm_host_attach(3);
	kmem_cache_free_bulk(cp, 1, &b);
	assert_false(kmem_cache_hart_stats(cp, 4, &hs));
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	mm_host_attach(0);
	cache_unmake(cp);
}

/* Harts that never used a cache are not interrupted for it. */
static void
B16_G18_harts_without_rounds_are_left_alone(void **state)
{
	struct kmem_cache *cp = cache_make("quiet", 64, NULL);
	uint64_t calls;

	(void)state;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
	calls = host_hart_calls;
	(void)kmem_cache_shrink(cp);
	assert_true(host_hart_calls - calls <= 1);
	mm_host_attach(3);
	kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
	mm_host_attach(0);
	calls = host_hart_calls;
	(void)kmem_cache_shrink(cp);
	assert_in_range(host_hart_calls - calls, 1, 2);
	assert_int_equal(stats_of(cp).objects_cached, 0);
	cache_unmake(cp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(
		    A2_one_item_oscillating_on_a_boundary_does_not_thrash),
		world_test(A19_T9_bursts_cost_at_most_an_exchange_per_magazine),
		world_test(A19_T8_freeing_needs_no_memory),
		world_test(every_magazine_size_holds_what_it_says),
		world_test(magazines_are_last_in_first_out),
		world_test(A14_B16_G1_resizing_under_use_loses_nothing),
		world_test(H3_producer_and_consumer_have_a_bounded_footprint),
		world_test(A15_steady_flow_takes_magazines_from_the_depot_only),
		world_test(flush_moves_one_harts_rounds),
		world_test(B9_every_call_may_be_the_first_on_a_hart),
		world_test(B16_G18_harts_without_rounds_are_left_alone),
	};

	return cmocka_run_group_tests_name("kmem_mag", tests, NULL, NULL);
}
