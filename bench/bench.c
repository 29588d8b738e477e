/* SPDX-License-Identifier: MIT */
/*
 * Timed loops on the allocator.
 *
 * Theory of operation
 *
 * 1. One source per workload (bench/workload), compiled once for each adapter
 *    with the same flags and direct calls: adapter_kmem.c calls the allocator,
 *    adapter_noop.c two functions that are a single `ret` each. Nothing here
 *    or in bench/workload knows the kernel, so the host can run them too.
 * 2. A workload is prepared, stepped many times, and finished. The clock is
 *    read between steps of BENCH_BATCH pairs, never inside a loop that counts.
 * 3. By time (bench/metal/run.c): all harts get ready, meet, and start
 *    together; each stops by its own clock after the same time. `ops` is the
 *    sum over harts, `ns` the longest hart.
 * 4. By instructions, where the machine counts them exactly: before the timed
 *    part each hart runs BENCH_EXACT_PAIRS pairs in one step, with the
 *    allocator and again with the noop adapter, both after a warm-up of the
 *    same length and from the same seed. The difference of the two, per pair,
 *    is what the callees cost beyond two `ret`s; adding 2 gives the callees
 *    with their rets. Call, loop and arguments are in both and cancel out.
 * 5. Where instructions are exact, harts run one after the other: QEMU with
 *    -icount runs harts in long slices and counts for all of them together, so
 *    a figure taken while another hart runs would hold that hart's work too.
 */
#include <string.h>

#include "adapter.h"

/* Golden ratio in 64 bits: spreads neighbouring seeds (Steele et al., 2014). */
#define SEED_STEP UINT64_C(0x9e3779b97f4a7c15)

static const struct bench_workload workloads[] = {
	{ "pair", "one object allocated and freed at once" },
	{ "burst", "1,000 objects allocated, then freed in `order`" },
	{ "larson",
	    "1,024 live objects per hart, replaced at random; 1 in 16 "
	    "is freed by whichever hart comes next" },
	{ "noop",
	    "`pair` on two functions that only return: the cost of the "
	    "loop" },
};

#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

const struct bench_workload *
bench_workloads(size_t *count)
{
	*count = WORKLOADS;
	return workloads;
}

int
bench_find(const char *name)
{
	size_t i;

	for (i = 0; i < WORKLOADS; i++)
		if (strcmp(workloads[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *
bench_check(struct bench_options *opt)
{
	if (opt->harts == 0)
		opt->harts = 1;
	if (opt->size == 0)
		opt->size = BENCH_SIZE_DEFAULT;
	if (opt->n == 0 && opt->time_ns == 0)
		opt->time_ns = BENCH_TIME_DEFAULT_NS;
	if (opt->cache == NULL && opt->size > KMEM_SIZE_MAX)
		return "size is larger than any object of a cache";
	if (opt->order != BENCH_LIFO && opt->order != BENCH_FIFO &&
	    opt->order != BENCH_RANDOM)
		return "order is lifo, fifo or random";
	return NULL;
}

uint64_t
bench_seed(uint64_t seed, unsigned index)
{
	uint64_t x = (seed + 1u) * SEED_STEP + (uint64_t)index * SEED_STEP;

	/* The finaliser of splitmix64; the generator must not start at 0. */
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return x != 0 ? x : SEED_STEP;
}
