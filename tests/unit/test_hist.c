/* SPDX-License-Identifier: MIT */
/* bench/hist.c: buckets, merging, percentiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bench/hist.h>

static struct bench_hist h, g;

static int
clear(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	memset(&g, 0, sizeof(g));
	return 0;
}

/* Each bucket begins where the one before ends, from 0 to the last value. */
static void
I2_6_buckets_tile_all_values(void **state)
{
	uint64_t low, high, next = 0;
	size_t i;

	(void)state;
	for (i = 0; i < BENCH_BUCKETS; i++) {
		bench_hist_range(i, &low, &high);
		assert_true(low == next);
		assert_true(high >= low);
		assert_int_equal(bench_hist_index(low), i);
		assert_int_equal(bench_hist_index(high), i);
		/* No bucket is wider than an eighth of its lowest value. */
		assert_true(high - low <= low / 8);
		next = high + 1;
	}
	assert_true(high == UINT64_MAX);
}

static void
I2_6_an_empty_histogram_says_zero(void **state)
{
	(void)state;
	assert_int_equal(bench_hist_percentile(&h, 0), 0);
	assert_int_equal(bench_hist_percentile(&h, 500000), 0);
	assert_int_equal(bench_hist_percentile(&h, 1000000), 0);
	bench_hist_add(&h, 7, 0);
	assert_int_equal(h.bh_count, 0);
	assert_int_equal(h.bh_max, 0);
}

/* Against sorted samples: right rank, error upwards, below an eighth. */
static void
I2_6_percentiles_err_upwards_by_less_than_an_eighth(void **state)
{
	enum { N = 1000 };
	static uint64_t v[N];
	uint64_t x = 88172645463325252u, p;
	size_t i, j;
	uint32_t ppm;

	(void)state;
	for (i = 0; i < N; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		v[i] = x >> (x % 50);
		bench_hist_add(&h, v[i], 1);
		for (j = i; j > 0 && v[j] < v[j - 1]; j--) {
			p = v[j];
			v[j] = v[j - 1];
			v[j - 1] = p;
		}
	}
	assert_true(h.bh_min == v[0]);
	assert_true(h.bh_max == v[N - 1]);
	for (ppm = 1000; ppm <= 1000000; ppm += 1000) {
		uint64_t truth = v[ppm / 1000 - 1];

		p = bench_hist_percentile(&h, ppm);
		assert_true(p >= truth);
		assert_true(p - truth <= truth / 8);
	}
	assert_true(bench_hist_percentile(&h, 1000000) == v[N - 1]);
	assert_true(bench_hist_percentile(&h, 0) == v[0]);
}

static void
I2_6_merging_equals_adding_all(void **state)
{
	struct bench_hist both;
	uint64_t i;

	(void)state;
	memset(&both, 0, sizeof(both));
	for (i = 0; i < 100; i++) {
		bench_hist_add(i % 3 == 0 ? &h : &g, i * i, i + 1);
		bench_hist_add(&both, i * i, i + 1);
	}
	bench_hist_merge(&h, &g);
	assert_memory_equal(&h, &both, sizeof(h));
	/* Merging nothing changes nothing, in either direction. */
	memset(&g, 0, sizeof(g));
	bench_hist_merge(&h, &g);
	assert_memory_equal(&h, &both, sizeof(h));
	bench_hist_merge(&g, &h);
	assert_memory_equal(&g, &both, sizeof(g));
}

static void
I2_6_the_sum_saturates(void **state)
{
	(void)state;
	bench_hist_add(&h, UINT64_MAX, 1);
	bench_hist_add(&h, 5, 3);
	assert_true(h.bh_sum == UINT64_MAX);
	assert_int_equal(h.bh_count, 4);
	clear(NULL);
	bench_hist_add(&h, UINT64_MAX / 2, 3);
	assert_true(h.bh_sum == UINT64_MAX);
	bench_hist_merge(&h, &h);
	assert_true(h.bh_sum == UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(I2_6_buckets_tile_all_values, clear),
		cmocka_unit_test_setup(
		    I2_6_an_empty_histogram_says_zero, clear),
		cmocka_unit_test_setup(
		    I2_6_percentiles_err_upwards_by_less_than_an_eighth, clear),
		cmocka_unit_test_setup(I2_6_merging_equals_adding_all, clear),
		cmocka_unit_test_setup(I2_6_the_sum_saturates, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
