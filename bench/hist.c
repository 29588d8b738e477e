/* SPDX-License-Identifier: MIT */
/*
 * Histogram of 64-bit values.
 *
 * Theory of operation
 *
 * 1. Buckets. Values below 8 have a bucket each. Above, every doubling is cut
 *    into 8 equal buckets: the index is the exponent of the value followed by
 *    the three bits below its leading one. So a bucket is never wider than an
 *    eighth of its lowest value, and 496 buckets hold all 64-bit values.
 * 2. What is exact. Count, least and greatest value are; the sum saturates
 *    instead of wrapping. A percentile is the upper edge of a bucket, so it
 *    errs upwards by less than 12.5 %, and never beyond the greatest value.
 */
#include <stdbool.h>

#include <bench/hist.h>

size_t
bench_hist_index(uint64_t value)
{
	unsigned exponent;

	if (value < BENCH_HIST_SUBS)
		return (size_t)value;
	exponent = 63u - (unsigned)__builtin_clzll(value);
	return (size_t)((uint64_t)(exponent - BENCH_HIST_SUB_BITS + 1u)
		   << BENCH_HIST_SUB_BITS) +
	    (size_t)((value >> (exponent - BENCH_HIST_SUB_BITS)) &
		(BENCH_HIST_SUBS - 1u));
}

void
bench_hist_range(size_t index, uint64_t *low, uint64_t *high)
{
	unsigned shift;
	uint64_t first;

	if (index < BENCH_HIST_SUBS) {
		*low = *high = index;
		return;
	}
	shift = (unsigned)(index >> BENCH_HIST_SUB_BITS) - 1u;
	first = (uint64_t)(index & (BENCH_HIST_SUBS - 1u)) + BENCH_HIST_SUBS;
	*low = first << shift;
	*high = *low + (((uint64_t)1 << shift) - 1u);
}

void
bench_hist_add(struct bench_hist *h, uint64_t value, uint64_t times)
{
	uint64_t part;

	if (times == 0)
		return;
	if (h->bh_count == 0 || value < h->bh_min)
		h->bh_min = value;
	if (value > h->bh_max)
		h->bh_max = value;
	h->bh_count += times;
	if (__builtin_mul_overflow(value, times, &part) ||
	    __builtin_add_overflow(h->bh_sum, part, &h->bh_sum))
		h->bh_sum = UINT64_MAX;
	h->bh_bucket[bench_hist_index(value)] += times;
}

void
bench_hist_merge(struct bench_hist *h, const struct bench_hist *from)
{
	size_t i;

	if (from->bh_count == 0)
		return;
	if (h->bh_count == 0 || from->bh_min < h->bh_min)
		h->bh_min = from->bh_min;
	if (from->bh_max > h->bh_max)
		h->bh_max = from->bh_max;
	h->bh_count += from->bh_count;
	if (__builtin_add_overflow(h->bh_sum, from->bh_sum, &h->bh_sum))
		h->bh_sum = UINT64_MAX;
	for (i = 0; i < BENCH_BUCKETS; i++)
		h->bh_bucket[i] += from->bh_bucket[i];
}

uint64_t
bench_hist_percentile(const struct bench_hist *h, uint32_t ppm)
{
	uint64_t rank, seen = 0, low, high;
	size_t i;

	if (h->bh_count == 0)
		return 0;
	if (ppm == 0)
		return h->bh_min;
	/* Rank of the wanted value, from 1, rounded up without overflow. */
	rank = h->bh_count / 1000000u * ppm +
	    (h->bh_count % 1000000u * ppm + 999999u) / 1000000u;
	for (i = 0; i < BENCH_BUCKETS; i++) {
		seen += h->bh_bucket[i];
		if (seen >= rank) {
			bench_hist_range(i, &low, &high);
			return high < h->bh_max ? high : h->bh_max;
		}
	}
	return h->bh_max;
}
