/* SPDX-License-Identifier: MIT */
/*
 * Negative control: the same scene on a port whose drain does not wait for its
 * target (MM_PLANT_NO_DRAIN_HANDSHAKE). It has to fail, and to replay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/host/sim_scenes.h"

#define SEEDS 300u

static void
C3_a_drain_without_handshake_is_found(void **state)
{
	struct sim_options opt = { .harts = 3, .bytes = (size_t)8 << 20 };
	struct sim_outcome out, again;
	unsigned failed = 0;
	uint64_t first = 0;

	(void)state;
	for (opt.seed = 1; opt.seed <= SEEDS; opt.seed++) {
		sim_run(&opt, &scene_drain, &out);
		if (!out.failed)
			continue;
		if (failed++ == 0)
			first = opt.seed;
	}
	print_message("planted bug found by %u of %u seeds\n", failed, SEEDS);
	assert_true(failed >= SEEDS / 30);
	opt.seed = first;
	sim_run(&opt, &scene_drain, &out);
	sim_run(&opt, &scene_drain, &again);
	print_message(
	    "first, twice: seed %ju: %s\n", (uintmax_t)first, out.what);
	assert_true(out.failed && again.failed);
	assert_string_equal(out.what, again.what);
	assert_int_equal(out.steps, again.steps);
	assert_int_equal(out.digest, again.digest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(C3_a_drain_without_handshake_is_found),
	};

	return cmocka_run_group_tests_name("sim_plant", tests, NULL, NULL);
}
