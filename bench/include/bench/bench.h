/* SPDX-License-Identifier: MIT */
/* Timed loops in C, run on one hart or on many. Theory: bench/bench.c. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bench/hist.h>
#include <mm/kmem.h>

enum bench_order { BENCH_LIFO, BENCH_FIFO, BENCH_RANDOM };

#define BENCH_SIZE_DEFAULT    64u /* bytes */
#define BENCH_TIME_DEFAULT_NS UINT64_C(200000000)
#define BENCH_BATCH           64u /* pairs between two readings of the clock */

struct bench_options {
	struct kmem_cache *cache; /* NULL: one of `size`, made and destroyed */
	size_t size;              /* bytes; 0: BENCH_SIZE_DEFAULT */
	unsigned harts;           /* the caller's first; 0: 1 */
	uint64_t n;               /* pairs per hart; 0: by time */
	uint64_t time_ns;         /* per hart; 0: BENCH_TIME_DEFAULT_NS */
	enum kmem_protect protect;
	enum bench_order order;
	uint64_t seed;
};

struct bench_result {
	char name[16];
	uint64_t ops; /* alloc+free pairs, all harts */
	uint64_t ns;  /* longest hart; in turns: the sum of all */
	unsigned harts;
	bool turns;           /* one hart after the other */
	uint64_t cycles;      /* of all harts; 0: nobody counts them */
	bool exact;           /* the three below are filled in */
	uint64_t instr;       /* instructions of the measured loops */
	uint64_t instr_noop;  /* same loops with two bare-ret callees */
	uint64_t instr_pairs; /* pairs in each of the two */
	struct kmem_stats before, after; /* of the cache */
	struct bench_hist hist;          /* ns of a batch, scaled to 64 pairs */
	enum kmem_protect protect;
	size_t size;       /* bytes per object */
	bool stopped;      /* early, by `stop` */
	const char *error; /* static sentence; NULL: it ran */
};

struct bench_workload {
	const char *name, *text;
};
const struct bench_workload *bench_workloads(size_t *count);

/*
 * Run a workload by name. Harts beyond this one are lent by kernel/smp; `stop`
 * (may be NULL) is polled about every millisecond, and ends the run early.
 * 0, -KMEM_EINVAL (unknown name, bad option), -KMEM_ENOMEM, -KMEM_EBUSY
 * (a hart has other work); `out->error` says why. Context: thread.
 */
int bench_run(const char *name, const struct bench_options *opt,
    bool (*stop)(void *), void *stop_arg, struct bench_result *out);

/*
 * kmem_cache_destroy, tried again for a second, in wfi, while the cache is
 * refused though none of its objects lives: a report or a reap on another hart
 * holds what it walks over. Its result. Context: thread.
 */
int bench_destroy(struct kmem_cache *cp);

#endif
