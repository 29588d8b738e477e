/* SPDX-License-Identifier: MIT */
/* Histogram of 64-bit values, bounded relative error. Theory: bench/hist.c. */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_HIST_SUB_BITS 3u /* 8 buckets per doubling: error below 12.5 % */
#define BENCH_HIST_SUBS     (1u << BENCH_HIST_SUB_BITS)
#define BENCH_BUCKETS       ((64u - BENCH_HIST_SUB_BITS + 1u) * BENCH_HIST_SUBS)

struct bench_hist {
	uint64_t bh_count;
	uint64_t bh_sum;         /* saturates */
	uint64_t bh_min, bh_max; /* exact; both 0 while empty */
	uint64_t bh_bucket[BENCH_BUCKETS];
};

/* Count `value` `times` times. O(1). */
void bench_hist_add(struct bench_hist *h, uint64_t value, uint64_t times);
void bench_hist_merge(struct bench_hist *h, const struct bench_hist *from);
/*
 * The value that at least `ppm` millionths of all lie at or below: the upper
 * edge of its bucket, cut to the range seen. 0 while empty.
 */
uint64_t bench_hist_percentile(const struct bench_hist *h, uint32_t ppm);

/* Bucket of a value, and the values it holds, both ends included. */
size_t bench_hist_index(uint64_t value);
void bench_hist_range(size_t index, uint64_t *low, uint64_t *high);

#endif
