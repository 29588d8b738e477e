/* SPDX-License-Identifier: MIT */
/*
 * What the rivals' calls take: atomic operations and locks, counted by twins
 * that are linked here. The figures of seed2006 are those published for the
 * original (per 1,000 operations, bursts of n allocations and n frees).
 */
#define RIVAL_COUNT

#include "bench/rival/linux24.h"
#include "bench/rival/rival.h"
#include "bench/rival/seed2006.h"
#include "tests/unit/mm_test.h"

#define BURST_MAX 1000u

static void *objs[BURST_MAX];

static int
counts_setup(void **state)
{
	(void)world_setup(state);
	assert_true(rival_start());
	return 0;
}

static int
counts_teardown(void **state)
{
	rival_stop();
	return world_teardown(state);
}

static void
seed_burst(struct seed2006 *cp, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		objs[i] = seed2006_alloc(cp, 0);
	for (unsigned i = 0; i < n; i++)
		seed2006_free(cp, objs[i]);
}

/* Rounded. */
static uint64_t
per_1000(uint64_t count, uint64_t ops)
{
	return (count * 1000 + ops / 2) / ops;
}

static void
I5_2_seed2006_has_six_atomics_per_pair(void **state)
{
	struct seed2006 *cp = seed2006_create(64, NULL);
	struct seed2006_locks was, is;
	uint64_t from;

	(void)state;
	assert_non_null(cp);
	seed_burst(cp, 1); /* makes the magazine */
	seed2006_locks(cp, &was);
	for (unsigned i = 0; i < 1000; i++) {
		void *obj;

		from = rival_atomics;
		obj = seed2006_alloc(cp, 0);
		assert_int_equal(rival_atomics - from, 3);
		from = rival_atomics;
		seed2006_free(cp, obj);
		assert_int_equal(rival_atomics - from, 3);
	}
	seed2006_locks(cp, &is);
	assert_int_equal(is.depot, was.depot);
	assert_int_equal(is.slab, was.slab);
	assert_int_equal(is.magazines, was.magazines);
	assert_true(seed2006_destroy(cp));
}

/* Locks of each kind per 1,000 operations of bursts of n. */
static void
seed_locks(unsigned rounds, unsigned n, uint64_t *depot, uint64_t *magazines)
{
	const struct seed2006_options opt = { .rounds = rounds };
	struct seed2006 *cp = seed2006_create(64, &opt);
	struct seed2006_locks was, is;
	unsigned bursts = 20000 / n;

	assert_non_null(cp);
	for (unsigned i = 0; i < 100; i++)
		seed_burst(cp, n);
	seed2006_locks(cp, &was);
	for (unsigned i = 0; i < bursts; i++)
		seed_burst(cp, n);
	seed2006_locks(cp, &is);
	assert_int_equal(is.slab, was.slab);
	*depot = per_1000(is.depot - was.depot, 2 * n * bursts);
	*magazines = per_1000(is.magazines - was.magazines, 2 * n * bursts);
	assert_true(seed2006_destroy(cp));
}

static void
I5_2_seed2006_bursts_take_the_depots_lock(void **state)
{
	static const unsigned want[][2] = { { 1, 0 }, { 8, 0 }, { 9, 111 },
		{ 16, 125 }, { 64, 219 }, { 1000, 250 } };
	uint64_t depot, magazines;

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(want); i++) {
		seed_locks(0, want[i][0], &depot, &magazines);
		print_message("bursts of %u: depot %ju, magazines %ju\n",
		    want[i][0], (uintmax_t)depot, (uintmax_t)magazines);
		/* Of 250 magazines that a burst fills, two stay here. */
		assert_in_range(
		    depot, want[i][1] - want[i][0] / 500, want[i][1]);
		assert_int_equal(magazines, want[i][1]);
	}
	/* Sixty-two rounds make it rare. */
	seed_locks(SEED2006_ROUNDS_MAX, 1000, &depot, &magazines);
	assert_in_range(depot, 1, 1000 / 62);
	assert_in_range(magazines, depot, 1000 / 62);
}

static void
linux_burst(struct linux24 *cp, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		objs[i] = linux24_alloc(cp);
	for (unsigned i = 0; i < n; i++)
		linux24_free(cp, objs[i]);
}

static void
I5_2_linux24_has_no_atomics_in_a_hot_pair(void **state)
{
	struct linux24 *cp = linux24_create(64, NULL);
	uint64_t from;

	(void)state;
	assert_non_null(cp);
	linux_burst(cp, 1);
	from = rival_atomics;
	for (unsigned i = 0; i < 1000; i++)
		linux_burst(cp, 1 + i % 50);
	assert_int_equal(rival_atomics, from);
	assert_true(linux24_destroy(cp));
	/* Objects above a frame have no array: a lock per call. */
	cp = linux24_create(FRAME_SIZE + 8, NULL);
	assert_non_null(cp);
	linux_burst(cp, 1);
	from = linux24_locks(cp);
	linux_burst(cp, 10);
	from = linux24_locks(cp) - from;
	assert_true(from >= 20);
	assert_true(linux24_destroy(cp));
}

/* 252 places, so 748 of 1,000 objects go to the slabs and back, by 126. */
static void
I5_2_linux24_bursts_take_the_lock_by_batches(void **state)
{
	struct linux24 *cp = linux24_create(64, NULL);
	uint64_t from;

	(void)state;
	assert_non_null(cp);
	for (unsigned i = 0; i < 10; i++)
		linux_burst(cp, 1000);
	from = linux24_locks(cp);
	for (unsigned i = 0; i < 100; i++)
		linux_burst(cp, 1000);
	print_message("locks per burst of 1,000: %ju / 100\n",
	    (uintmax_t)(linux24_locks(cp) - from));
	assert_in_range(linux24_locks(cp) - from, 100 * 2 * 748 / 126,
	    100 * 2 * (748 / 126 + 2));
	assert_true(linux24_destroy(cp));
}

int
main(void)
{
#define counts_test(f)                                                         \
	cmocka_unit_test_setup_teardown(f, counts_setup, counts_teardown)
	const struct CMUnitTest tests[] = {
		counts_test(I5_2_seed2006_has_six_atomics_per_pair),
		counts_test(I5_2_seed2006_bursts_take_the_depots_lock),
		counts_test(I5_2_linux24_has_no_atomics_in_a_hot_pair),
		counts_test(I5_2_linux24_bursts_take_the_lock_by_batches),
	};

	return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
