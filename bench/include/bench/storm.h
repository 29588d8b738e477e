/* SPDX-License-Identifier: MIT */
/* The storm: every operation of the allocator on all harts at once, checked. */
#ifndef BENCH_STORM_H
#define BENCH_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct storm_options {
	unsigned harts;   /* the caller's first; 0: all */
	uint64_t time_ns; /* 0: 10 s */
	uint64_t seed;
	/*
	 * Called a few times a second on the caller's hart, in the middle of
	 * the storm: may allocate, may not raise. False ends the storm early.
	 */
	bool (*progress)(void *arg, uint64_t done_ns, uint64_t total_ns);
	void *progress_arg;
};

struct storm_result {
	unsigned harts;
	uint64_t ns;            /* from the common start to the last free */
	uint64_t ops;           /* allocs + frees, all harts, interrupts too */
	uint64_t allocs, frees; /* in thread context */
	uint64_t irq_ops;       /* allocs + frees in interrupt context */
	uint64_t handed;        /* objects freed by another hart */
	uint64_t alloc_fail;    /* allocations that found no memory */
	uint64_t reaps[3];      /* by level: trim, depot, all */
	uint64_t drained_running; /* of those, took rounds from another hart */
	uint64_t drained_rounds;
	uint64_t frames;     /* given back by reaps */
	uint64_t ctor, dtor; /* calls */
	uint64_t live_max;   /* objects the harts could hold at a time */
	bool stopped;        /* early, by `progress` */
	unsigned findings;   /* 0 is good */
	char finding[256];   /* the first one, a sentence; "" when none */
};

/*
 * Run one storm. 0 when it ran, whatever it found; -KMEM_EINVAL, -KMEM_ENOMEM
 * or -KMEM_EBUSY with a static sentence in *why when it did not. After a
 * finding the heap is suspect: nothing more is freed, the caches stay.
 * Context: thread.
 */
int storm_run(const struct storm_options *opt, struct storm_result *out,
    const char **why);

#endif
