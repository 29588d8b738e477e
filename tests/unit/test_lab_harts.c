/* SPDX-License-Identifier: MIT */
/*
 * The loads of groups smp and trace, harts taking turns: every object is freed,
 * on its own heap and once; the calls do not depend on addresses; any
 * allocation may fail.
 */
#include "tests/unit/lab_world.h"

#define FAIL_DENSE 40u /* calls that fail one after the other */
#define FAIL_ALL   16u /* then so many, evenly spread */

static const unsigned harts_tried[] = { 1, 2, 3, 8 };

#define HARTS_TRIED (sizeof(harts_tried) / sizeof(harts_tried[0]))

static unsigned
steps_of(const struct lab_bench *bench)
{
	return bench->lb_warm + bench->lb_steps;
}

static void
I5_1_loads_free_what_they_allocate(void **state)
{
	const struct lab_bench *bench;
	struct world_run wr;
	size_t i, h;

	(void)state;
	for (i = 0; (bench = world_bench(i)) != NULL; i++)
		for (h = 0; h < HARTS_TRIED; h++) {
			world_forget();
			world_run(&wr, bench, harts_tried[h], WORLD_QUICK,
			    steps_of(bench));
			assert_false(wr.wr_failed);
			/* ops is what was counted, not a guess. */
			assert_true(wr.wr_ops > 0);
			assert_true(wr.wr_ops <= world.wo_frees);
		}
}

static void
I5_1_loads_are_as_large_as_agreed(void **state)
{
	const struct lab_bench *bench;
	struct world_run wr;
	size_t i, h;

	(void)state;
	for (i = 0; (bench = world_bench(i)) != NULL; i++)
		for (h = 0; h < HARTS_TRIED; h++) {
			world_forget();
			world_run(&wr, bench, harts_tried[h], WORLD_QUICK,
			    steps_of(bench));
			/* A quick run of all of them must fit in minutes. */
			if (world.wo_allocs > 40000)
				fail_msg("%s, %u harts: %ju allocations",
				    bench->lb_id, harts_tried[h],
				    (uintmax_t)world.wo_allocs);
		}
}

static void
I5_1_calls_do_not_depend_on_addresses(void **state)
{
	const struct lab_bench *bench;
	struct world_run wr;
	uint64_t trail, ops;
	size_t i, h;

	(void)state;
	for (i = 0; (bench = world_bench(i)) != NULL; i++)
		for (h = 0; h < HARTS_TRIED; h++) {
			unsigned steps = steps_of(bench);

			world_forget();
			world_run(
			    &wr, bench, harts_tried[h], WORLD_QUICK, steps);
			trail = world.wo_trail;
			ops = wr.wr_ops;
			world_forget();
			world.wo_noop = true;
			world_run(
			    &wr, bench, harts_tried[h], WORLD_QUICK, steps);
			if (world.wo_trail != trail || wr.wr_ops != ops)
				fail_msg("%s, %u harts: other calls on noop",
				    bench->lb_id, harts_tried[h]);
		}
}

/* Published, least and silly parameters, two or three rounds of each. */
static void
I5_1_loads_bear_all_parameters(void **state)
{
	const struct lab_bench *bench;
	struct world_run wr;
	size_t i, h;

	(void)state;
	for (i = 0; (bench = world_bench(i)) != NULL; i++)
		for (h = 0; h < HARTS_TRIED; h++) {
			world_forget();
			world_run(&wr, bench, harts_tried[h], WORLD_FULL, 3);
			assert_false(wr.wr_failed);
			world_forget();
			world_run(&wr, bench, harts_tried[h], WORLD_ZERO, 40);
			assert_false(wr.wr_failed);
		}
}

static void
fail_one(const struct lab_bench *bench, unsigned harts, uint64_t at)
{
	struct world_run wr;

	world_forget();
	world.wo_fail_at = at;
	world_run(&wr, bench, harts, WORLD_QUICK, steps_of(bench));
	/* The failure was met, and the load said so. */
	assert_int_equal(world.wo_fail_at, 0);
	if (!wr.wr_failed)
		fail_msg("%s, %u harts: call %ju failed, and it went on",
		    bench->lb_id, harts, (uintmax_t)at);
}

static void
I5_1_loads_survive_any_failed_allocation(void **state)
{
	const struct lab_bench *bench;
	struct world_run wr;
	uint64_t calls, k;
	size_t i, h;

	(void)state;
	for (i = 0; (bench = world_bench(i)) != NULL; i++)
		for (h = 0; h < 3; h += 2) {
			world_forget();
			world_run(&wr, bench, harts_tried[h], WORLD_QUICK,
			    steps_of(bench));
			calls = world.wo_allocs;
			for (k = 1; k <= calls && k <= FAIL_DENSE; k++)
				fail_one(bench, harts_tried[h], k);
			for (; k <= calls; k += 1 + calls / FAIL_ALL)
				fail_one(bench, harts_tried[h], k);
			fail_one(bench, harts_tried[h], calls);
		}
}

static void
I5_1_loads_survive_any_heap_that_cannot_be_made(void **state)
{
	const struct lab_bench *bench;
	struct world_run wr;
	uint64_t heaps, k;
	size_t i;

	(void)state;
	for (i = 0; (bench = world_bench(i)) != NULL; i++) {
		world_forget();
		world_run(&wr, bench, 2, WORLD_QUICK, 2);
		heaps = world.wo_heaps;
		for (k = 1; k <= heaps; k++) {
			world_forget();
			world.wo_heap_fail = k;
			world_run(&wr, bench, 2, WORLD_QUICK, 2);
			assert_true(wr.wr_failed);
		}
	}
}

static const struct lab_bench *
bench_of(const char *id)
{
	const struct lab_bench *bench;
	size_t i;

	for (i = 0; (bench = world_bench(i)) != NULL; i++)
		if (strcmp(bench->lb_id, id) == 0)
			return bench;
	fail_msg("no benchmark '%s'", id);
	return NULL;
}

/* Who frees what: pairs of a hart in a run by turns. */
static void
I5_1_objects_change_harts_where_they_should(void **state)
{
	static const char *const gives[] = { "smp/remote-free", "smp/one-to-n",
		"smp/xmalloc" };
	struct world_run wr;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(gives) / sizeof(gives[0]); i++) {
		const struct lab_bench *bench = bench_of(gives[i]);

		world_forget();
		world_run(&wr, bench, 2, WORLD_QUICK, steps_of(bench));
		/* Pairs are counted where they end: hart 0 frees none. */
		assert_int_equal(wr.wr_lanes[0].ln_ops, 0);
		assert_true(wr.wr_lanes[1].ln_ops > 1000);
	}
}

/* malloc's objects lie close together; on noop all are the same one. */
static void
I5_1_cache_lines_that_harts_share_are_counted(void **state)
{
	const struct lab_bench *bench = bench_of("smp/cache-thrash");
	struct world_run wr;

	(void)state;
	world_forget();
	world.wo_noop = true;
	world_run(&wr, bench, 4, WORLD_QUICK, 10);
	assert_int_equal(world_facts, 1);
	assert_string_equal(world_fact_list[0].lf_name, "lines_shared");
	/* 4 harts, 10 steps: in the first round 0, 1, 2, 3 others are there. */
	assert_int_equal(world_fact_list[0].lf_per, 40);
	assert_int_equal(world_fact_list[0].lf_value, 6 + 36 * 3);
	world_forget();
	world_run(&wr, bench, 1, WORLD_QUICK, 10);
	assert_int_equal(world_fact_list[0].lf_value, 0);
}

static void
I5_1_sizes_find_the_least_class_that_holds_them(void **state)
{
	size_t bytes;

	(void)state;
	for (bytes = 1; bytes <= CLASS_LARGEST; bytes++) {
		unsigned class = class_of(bytes);

		assert_true(class < CLASSES);
		assert_true(class_kinds[class].ck_bytes >= bytes);
		if (class > 0)
			assert_true(class_kinds[class - 1].ck_bytes < bytes);
	}
}

/* The laws that sizes are drawn by, against what they promise. */
static void
I5_1_sizes_follow_their_laws(void **state)
{
	const struct sizes sz = sizes_between(8, 1024);
	unsigned small = 0, low = 0, i;
	uint64_t random = bench_seed(1, 0);

	(void)state;
	for (i = 0; i < 100000; i++) {
		uint64_t r = bench_random(&random);
		size_t even = size_even(sz, r), less = size_falling(sz, r);
		size_t pareto = size_pareto(sz, r);

		assert_in_range(even, 8, 1024);
		assert_in_range(less, 8, 1024);
		assert_in_range(pareto, 8, 1024);
		small += pareto >= 16;
		low += less < 8 + 1017 / 2;
	}
	/* P(size >= 2 · min) = 1/2; below the middle of a line: 3/4. */
	assert_in_range(small, 49000, 51000);
	assert_in_range(low, 74000, 76000);
	/* A range that a person wrote the wrong way round, or too large. */
	assert_int_equal(sizes_between(100, 5).sz_min, 100);
	assert_int_equal(sizes_between(100, 5).sz_span, 1);
	assert_int_equal(sizes_between(UINT64_MAX, 5).sz_min, CLASS_LARGEST);
	assert_int_equal(sizes_between(0, 0).sz_min, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I5_1_loads_free_what_they_allocate),
		cmocka_unit_test(I5_1_loads_are_as_large_as_agreed),
		cmocka_unit_test(I5_1_calls_do_not_depend_on_addresses),
		cmocka_unit_test(I5_1_loads_bear_all_parameters),
		cmocka_unit_test(I5_1_loads_survive_any_failed_allocation),
		cmocka_unit_test(
		    I5_1_loads_survive_any_heap_that_cannot_be_made),
		cmocka_unit_test(I5_1_objects_change_harts_where_they_should),
		cmocka_unit_test(I5_1_cache_lines_that_harts_share_are_counted),
		cmocka_unit_test(
		    I5_1_sizes_find_the_least_class_that_holds_them),
		cmocka_unit_test(I5_1_sizes_follow_their_laws),
	};

	return cmocka_run_group_tests(tests, world_load_trace, NULL);
}
