/* SPDX-License-Identifier: MIT */
/*
 * Threads on caches while everything is reaped: contents, counts, frames.
 * Built twice: stress_tsan is the same under ThreadSanitizer, in fewer rounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/host/stress.h"

#ifndef ROUNDS
#define ROUNDS 150000u
#endif

static void
C4_threads_against_reaps(void **state)
{
	const char *rounds = getenv("ROUNDS"), *seed = getenv("SEED");
	struct stress_result r;

	(void)state;
	stress_run(rounds != NULL ? (unsigned)strtoul(rounds, NULL, 0) : ROUNDS,
	    seed != NULL ? strtoull(seed, NULL, 0) : 1, &r);
	print_message("%ju operations, %ju reaps, %ju objects freed by "
		      "another thread, %ju in whole magazines\n",
	    (uintmax_t)r.ops, (uintmax_t)r.reaps, (uintmax_t)r.passed,
	    (uintmax_t)r.handed);
	assert_int_equal(r.bad, 0);
	assert_int_equal(r.reports, 0);
	assert_int_equal(r.insane, 0);
	assert_int_equal(r.findings, 0);
	assert_int_equal(r.inuse, 0);
	assert_int_equal(r.leaked, 0);
	if (rounds == NULL) {
		assert_true(r.ops > ROUNDS);
		assert_true(r.reaps > ROUNDS / 50);
		assert_true(r.passed > ROUNDS / 50);
		assert_true(r.handed > ROUNDS / 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(C4_threads_against_reaps),
	};

	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
