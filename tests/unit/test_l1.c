/* SPDX-License-Identifier: MIT */
/* bench/lab/l1.c: a data cache of 64 sets, 8 ways, lines of 64 B, LRU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/lab/l1.h"

#define SAME_SET (L1_LINE * L1_SETS) /* from a line to the next of its set */

static struct l1 l1;

static int
clear(void **state)
{
	(void)state;
	l1_clear(&l1);
	return 0;
}

static unsigned
touch_all(uintptr_t from, uintptr_t step, unsigned n)
{
	unsigned i, hits = 0;

	for (i = 0; i < n; i++)
		hits += l1_touch(&l1, from + i * step) ? 1u : 0u;
	return hits;
}

static void
I5_1_a_set_is_bits_6_to_11(void **state)
{
	(void)state;
	assert_int_equal(l1_set(0), 0);
	assert_int_equal(l1_set(63), 0);
	assert_int_equal(l1_set(64), 1);
	assert_int_equal(l1_set(4095), 63);
	assert_int_equal(l1_set(4096), 0);
	assert_int_equal(l1_set(UINTPTR_MAX), 63);
}

static void
I5_1_an_empty_cache_misses_even_line_0(void **state)
{
	(void)state;
	assert_false(l1_touch(&l1, 0));
	assert_true(l1_touch(&l1, 0));
	assert_true(l1_touch(&l1, 63)); /* the same line */
	assert_false(l1_touch(&l1, 64));
	assert_false(l1_touch(&l1, UINTPTR_MAX));
	assert_true(l1_touch(&l1, UINTPTR_MAX));
}

static void
I5_1_eight_lines_of_a_set_stay_and_nine_do_not(void **state)
{
	(void)state;
	assert_int_equal(touch_all(0, SAME_SET, L1_WAYS), 0);
	assert_int_equal(touch_all(0, SAME_SET, L1_WAYS), L1_WAYS);
	/* A ninth: walked round and round, each throws out the next. */
	assert_int_equal(touch_all(0, SAME_SET, L1_WAYS + 1), L1_WAYS);
	assert_int_equal(touch_all(0, SAME_SET, L1_WAYS + 1), 0);
	assert_int_equal(touch_all(0, SAME_SET, L1_WAYS + 1), 0);
}

static void
I5_1_the_oldest_goes_first(void **state)
{
	(void)state;
	(void)touch_all(0, SAME_SET, L1_WAYS);
	/* Line 0 is young again: line 1 makes room for line 8. */
	assert_true(l1_touch(&l1, 0));
	assert_false(l1_touch(&l1, 8 * SAME_SET));
	assert_true(l1_touch(&l1, 0));
	assert_true(l1_touch(&l1, 2 * SAME_SET));
	assert_false(l1_touch(&l1, 1 * SAME_SET));
	/* Ages then: 1, 2, 0, 8, 7, 6, 5, 4; 3 went for 1. */
	assert_false(l1_touch(&l1, 3 * SAME_SET));
	assert_false(l1_touch(&l1, 4 * SAME_SET));
	assert_true(l1_touch(&l1, 6 * SAME_SET));
}

static void
I5_1_all_of_32_kib_fits(void **state)
{
	const unsigned lines = L1_SETS * L1_WAYS;

	(void)state;
	assert_int_equal(touch_all(12345 * L1_LINE, L1_LINE, lines), 0);
	assert_int_equal(touch_all(12345 * L1_LINE, L1_LINE, lines), lines);
	l1_clear(&l1);
	assert_int_equal(touch_all(12345 * L1_LINE, L1_LINE, lines), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I5_1_a_set_is_bits_6_to_11),
		cmocka_unit_test_setup(
		    I5_1_an_empty_cache_misses_even_line_0, clear),
		cmocka_unit_test_setup(
		    I5_1_eight_lines_of_a_set_stay_and_nine_do_not, clear),
		cmocka_unit_test_setup(I5_1_the_oldest_goes_first, clear),
		cmocka_unit_test_setup(I5_1_all_of_32_kib_fits, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
