/* SPDX-License-Identifier: MIT */
/* A storm of interrupts on the hot pair. Theory: bench/metal/boundary.c. */
#ifndef BENCH_BOUNDARY_H
#define BENCH_BOUNDARY_H

#include <stddef.h>
#include <stdint.h>

#include <mm/kmem.h>

#define BOUNDARY_ROWS_MAX 256u

struct boundary_options {
	uint64_t interrupts; /* of the caller's hart; 0: 20,000 */
	uint64_t seed;
	unsigned harts; /* 2: another hart drains this one; 0: 1 */
	enum kmem_protect protect;
};

/* An instruction of the hot pair, out of line or inlined. */
struct boundary_row {
	uintptr_t pc;
	unsigned window;     /* rows of one function, or of one inline site */
	uint64_t interrupts; /* that came before it was executed */
	uint64_t rewinds;    /* of these, resumed elsewhere */
};

struct boundary_result {
	uint64_t interrupts, rewinds; /* anywhere on this hart */
	uint64_t pairs;               /* of the thread */
	uint64_t irq_ops;             /* allocs and frees of the handler */
	uint64_t drained;             /* rounds that another hart took */
	unsigned findings;            /* 0 is good */
	const char *finding;          /* the first one; "" when none */
	size_t n_rows;
	struct boundary_row rows[BOUNDARY_ROWS_MAX];
};

/*
 * 0 when it ran, whatever it found; else a kmem error with a static sentence in
 * *why. After a finding the heap is suspect, and its caches stay. Context:
 * thread, with no work on hart 1 when two harts are asked for.
 */
int boundary_run(const struct boundary_options *opt,
    struct boundary_result *out, const char **why);

#endif
