/* SPDX-License-Identifier: MIT */
/*
 * mm on simulated harts, over many seeds.
 *
 *   test_sim                      the tests; SEEDS= says how many seeds in all
 *   test_sim SCENE SEED [HARTS]   one run again, as a failure prints it
 *   test_sim SCENE find SEEDS     the first seed that fails
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/host/sim_scenes.h"

#define SEEDS_DEFAULT 100000u

static const char *program;
static uint64_t all_seeds, all_switches;
static double all_seconds, all_cpu;

static unsigned
seeds_wanted(void)
{
	const char *text = getenv("SEEDS");

	return text != NULL ? (unsigned)strtoul(text, NULL, 0) : SEEDS_DEFAULT;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor time of the workers that have ended. */
static double
workers_cpu(void)
{
	struct rusage r;

	(void)getrusage(RUSAGE_CHILDREN, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void
print_failure(const struct sim_play *p, const struct sim_options *opt,
    const struct sim_outcome *out)
{
	struct sim_options one = *opt;
	struct sim_outcome again;

	print_error(
	    "%s: seed %" PRIu64 ": %s\n", p->scene->name, out->seed, out->what);
	one.seed = out->seed;
	sim_run(&one, p->scene, &again);
	print_error("  alone: %s%s\n", again.failed ? again.what : "passed",
	    strcmp(again.what, out->what) == 0 ? " (the same)" : "");
	print_error("  replay: %s %s %" PRIu64 " %u\n", program, p->scene->name,
	    out->seed, opt->harts);
}

/* One line of the table; true when every seed passed. */
static bool
play(const struct sim_play *p, unsigned n)
{
	struct sim_options opt;
	struct sim_outcome out;
	double begin = now(), cpu = workers_cpu(), seconds;
	unsigned seeds;

	sim_options_of(p, &opt);
	sim_seeds(&opt, p->scene, n, &out, &seeds);
	seconds = now() - begin;
	cpu = workers_cpu() - cpu;
	all_seeds += seeds;
	all_switches += out.switches;
	all_seconds += seconds;
	all_cpu += cpu;
	if (out.failed) {
		print_failure(p, &opt, &out);
		return false;
	}
	print_message("%-11s %u harts %6u seeds %10" PRIu64 " points %9" PRIu64
		      " switches %7" PRIu64 " calls %7" PRIu64
		      " interrupts %6" PRIu64 " rewinds %8" PRIu64
		      " looks %5" PRIu64
		      " for races %5.0f seeds/s %6.2f ms each\n",
	    p->scene->name, opt.harts, seeds, out.steps, out.switches,
	    out.calls, out.interrupts, out.rewinds, out.checks, out.raced,
	    seconds > 0 ? seeds / seconds : 0, cpu * 1e3 / seeds);
	return true;
}

/* Every way in which a scene is played, with its share of the seeds. */
static void
play_all(const struct sim_scene *scene)
{
	bool good = true;

	for (unsigned i = 0; i < sim_play_count; i++) {
		const struct sim_play *p = &sim_plays[i];
		unsigned n =
		    (unsigned)((uint64_t)seeds_wanted() * p->share / 1000);

		if (p->scene == scene)
			good = play(p, n != 0 ? n : 1) && good;
	}
	assert_true(good);
}

static void
C3_everything_mixed(void **state)
{
	(void)state;
	play_all(&scene_mix);
}

static void
C3_objects_freed_on_other_harts(void **state)
{
	(void)state;
	play_all(&scene_remote);
}

static void
A12_interrupts_and_drains_restart_the_pair(void **state)
{
	(void)state;
	play_all(&scene_pair);
}

#define WAVES_SEEN 40u

static void
D2_A14_a_square_wave_of_load_converges_both_ways(void **state)
{
	struct sim_options opt;
	struct sim_outcome out;
	unsigned seeds;

	(void)state;
	sim_options_of(sim_find("square"), &opt);
	sim_seeds(&opt, &scene_square, WAVES_SEEN, &out, &seeds);
	if (out.failed)
		print_failure(sim_find("square"), &opt, &out);
	assert_false(out.failed);
	print_message("square      %u harts %6u seeds; rounds at each tick, of "
		      "some:\n",
	    opt.harts, seeds);
	for (opt.seed = 1; opt.seed <= 3; opt.seed++) {
		sim_run(&opt, &scene_square, &out);
		print_message("  %s\n", out.said);
	}
}

static void
D3_trimming_while_another_counts_frames(void **state)
{
	(void)state;
	play_all(&scene_idle);
}

static void
C3_reclaim_from_two_harts(void **state)
{
	(void)state;
	play_all(&scene_reap);
}

static void
C3_create_and_destroy_against_walkers(void **state)
{
	(void)state;
	play_all(&scene_registry);
}

static void
G1_magazines_resize_under_load(void **state)
{
	(void)state;
	play_all(&scene_resize);
}

static void
C3_exhaustion_from_all_harts(void **state)
{
	(void)state;
	play_all(&scene_dry);
}

static void
C3_double_free_on_many_harts_is_caught(void **state)
{
	(void)state;
	play_all(&scene_double_free);
}

static void
C3_bulk_against_shrink_and_limits(void **state)
{
	(void)state;
	play_all(&scene_bulk);
}

static void
B11_general_purpose_on_many_harts(void **state)
{
	(void)state;
	play_all(&scene_general);
}

/* A scene that must fail, and the words it must fail with. */
static void
must_fail(const struct sim_scene *scene, unsigned within, const char *words)
{
	const struct sim_play *p = sim_find(scene->name);
	struct sim_options opt;
	struct sim_outcome out, again;
	unsigned seeds;

	sim_options_of(p, &opt);
	sim_seeds(&opt, scene, within, &out, &seeds);
	print_message(
	    "%s: found by seed %u: %s\n", scene->name, seeds, out.what);
	assert_true(out.failed);
	assert_non_null(strstr(out.what, words));
	opt.seed = out.seed;
	sim_run(&opt, scene, &again);
	assert_string_equal(again.what, out.what);
	assert_int_equal(again.digest, out.digest);
}

static void
D4_no_hot_store_to_a_line_of_another_hart(void **state)
{
	(void)state;
	play_all(&scene_own);
	must_fail(&scene_own_packed, 10, "line of another hart");
}

static void
B2_two_harts_never_own_objects_on_one_line(void **state)
{
	(void)state;
	play_all(&scene_aligned);
	must_fail(&scene_unaligned, 10, "two harts own objects");
}

/* The same seed is the same run, alone or after others; another is another. */
static void
a_seed_replays(void **state)
{
	static const struct sim_scene *const scenes[] = { &scene_mix,
		&scene_registry, &scene_dry };
	const unsigned n = 16;

	(void)state;
	for (unsigned s = 0; s < sizeof(scenes) / sizeof(scenes[0]); s++) {
		struct sim_options opt;
		struct sim_outcome many, one, other;
		uint64_t digest = 0, steps = 0;
		unsigned seeds;

		sim_options_of(sim_find(scenes[s]->name), &opt);
		sim_seeds(&opt, scenes[s], n, &many, &seeds);
		assert_false(many.failed);
		for (unsigned i = 0; i < n; i++, opt.seed++) {
			sim_run(&opt, scenes[s], &one);
			digest ^= one.digest;
			steps += one.steps;
			opt.seed += 1000;
			sim_run(&opt, scenes[s], &other);
			opt.seed -= 1000;
			assert_int_not_equal(one.digest, other.digest);
		}
		assert_int_equal(steps, many.steps);
		assert_int_equal(digest, many.digest);
	}
}

/* A simulator that finds nothing proves nothing. */
static void
a_deadlock_is_found(void **state)
{
	(void)state;
	must_fail(&scene_deadlock, 20, "no progress");
}

static void
a_lost_update_is_found_and_replayed(void **state)
{
	(void)state;
	must_fail(&scene_lost_update, 20, "update lost");
}

static int
print_sums(void **state)
{
	(void)state;
	print_message("%" PRIu64 " seeds, %" PRIu64 " switches in %.1f s: "
		      "%.0f seeds/s; %.1f s of processor time\n",
	    all_seeds, all_switches, all_seconds,
	    all_seconds > 0 ? (double)all_seeds / all_seconds : 0, all_cpu);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deadlock_is_found),
		cmocka_unit_test(a_lost_update_is_found_and_replayed),
		cmocka_unit_test(a_seed_replays),
		cmocka_unit_test(C3_everything_mixed),
		cmocka_unit_test(C3_objects_freed_on_other_harts),
		cmocka_unit_test(A12_interrupts_and_drains_restart_the_pair),
		cmocka_unit_test(
		    D2_A14_a_square_wave_of_load_converges_both_ways),
		cmocka_unit_test(D3_trimming_while_another_counts_frames),
		cmocka_unit_test(C3_reclaim_from_two_harts),
		cmocka_unit_test(C3_create_and_destroy_against_walkers),
		cmocka_unit_test(G1_magazines_resize_under_load),
		cmocka_unit_test(C3_exhaustion_from_all_harts),
		cmocka_unit_test(C3_double_free_on_many_harts_is_caught),
		cmocka_unit_test(C3_bulk_against_shrink_and_limits),
		cmocka_unit_test(B11_general_purpose_on_many_harts),
		cmocka_unit_test(D4_no_hot_store_to_a_line_of_another_hart),
		cmocka_unit_test(B2_two_harts_never_own_objects_on_one_line),
	};
	int status = sim_command(argc, argv);

	program = argv[0];
	if (status >= 0)
		return status;
	return cmocka_run_group_tests_name("sim", tests, NULL, print_sums);
}
