/* SPDX-License-Identifier: MIT */
/*
 * mm on simulated harts, over many seeds. SEEDS= how many, SEED= only that one
 * (to replay what failed), with the scene and the step of the failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/host/sim_scenes.h"

#define SEEDS_DEFAULT 2000u

static uint64_t
environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

/* Seeds that fail, of `n` from `first`; the first failure is shown. */
static unsigned
run_seeds(const char *name, const struct sim_scene *scene,
    const struct sim_options *base, uint64_t first, unsigned n)
{
	struct sim_outcome out;
	uint64_t steps = 0, switches = 0, calls = 0;
	unsigned failed = 0;

	for (unsigned i = 0; i < n; i++) {
		struct sim_options opt = *base;

		opt.seed = first + i;
		sim_run(&opt, scene, &out);
		steps += out.steps;
		switches += out.switches;
		calls += out.calls;
		if (out.failed && failed++ == 0)
			print_message("%s: SEED=%ju: %s\n", name,
			    (uintmax_t)opt.seed, out.what);
	}
	print_message("%s: %u seeds, %u harts: %ju points, %ju switches, "
		      "%ju calls to other harts, %u failed\n",
	    name, n, base->harts, (uintmax_t)steps, (uintmax_t)switches,
	    (uintmax_t)calls, failed);
	return failed;
}

static void
clean(const char *name, const struct sim_scene *scene, unsigned harts,
    size_t bytes, unsigned share)
{
	struct sim_options opt = { .harts = harts, .bytes = bytes };
	uint64_t only = environment("SEED", 0);
	unsigned seeds = (unsigned)environment("SEEDS", SEEDS_DEFAULT) / share;

	if (only != 0)
		assert_int_equal(run_seeds(name, scene, &opt, only, 1), 0);
	else
		assert_int_equal(run_seeds(name, scene, &opt, 1, seeds), 0);
}

#define MIB ((size_t)1 << 20)

static void
C3_everything_mixed(void **state)
{
	(void)state;
	clean("mix", &scene_mix, 3, 8 * MIB, 2);
}

static void
C3_drains_against_hot_pairs(void **state)
{
	(void)state;
	clean("drain", &scene_drain, 3, 8 * MIB, 4);
}

static void
C3_reclaim_from_many_harts(void **state)
{
	(void)state;
	clean("dry", &scene_dry, 4, 640u << 10, 16);
}

static void
C3_create_and_destroy_against_walkers(void **state)
{
	(void)state;
	clean("registry", &scene_registry, 3, 8 * MIB, 8);
}

static void
C3_double_free_on_many_harts_is_caught(void **state)
{
	(void)state;
	clean("double-free", &scene_double_free, 4, 8 * MIB, 8);
}

/* The same seed is the same run; another seed is another. */
static void
a_seed_replays(void **state)
{
	struct sim_options opt = { .harts = 3, .bytes = 8 * MIB };
	struct sim_outcome a, b, c;

	(void)state;
	for (opt.seed = 1; opt.seed < 20; opt.seed++) {
		sim_run(&opt, &scene_mix, &a);
		sim_run(&opt, &scene_mix, &b);
		assert_int_equal(a.digest, b.digest);
		assert_int_equal(a.steps, b.steps);
		assert_string_equal(a.what, b.what);
		opt.seed += 1000;
		sim_run(&opt, &scene_mix, &c);
		opt.seed -= 1000;
		assert_int_not_equal(a.digest, c.digest);
	}
}

/* A simulator that finds nothing proves nothing. */
static void
a_deadlock_is_found(void **state)
{
	struct sim_options opt = { .harts = 2, .steps_max = 5000 };
	unsigned failed;

	(void)state;
	failed = run_seeds("deadlock (planted)", &scene_deadlock, &opt, 1, 20);
	assert_in_range(failed, 10, 20);
}

static void
a_lost_update_is_found_and_replayed(void **state)
{
	struct sim_options opt = { .harts = 2 };
	struct sim_outcome a, b;
	unsigned failed;

	(void)state;
	failed =
	    run_seeds("lost update (planted)", &scene_lost_update, &opt, 1, 20);
	assert_in_range(failed, 5, 20);
	for (opt.seed = 1; opt.seed <= 20; opt.seed++) {
		sim_run(&opt, &scene_lost_update, &a);
		sim_run(&opt, &scene_lost_update, &b);
		assert_string_equal(a.what, b.what);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deadlock_is_found),
		cmocka_unit_test(a_lost_update_is_found_and_replayed),
		cmocka_unit_test(a_seed_replays),
		cmocka_unit_test(C3_everything_mixed),
		cmocka_unit_test(C3_drains_against_hot_pairs),
		cmocka_unit_test(C3_reclaim_from_many_harts),
		cmocka_unit_test(C3_create_and_destroy_against_walkers),
		cmocka_unit_test(C3_double_free_on_many_harts_is_caught),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
