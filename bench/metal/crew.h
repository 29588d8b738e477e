/* SPDX-License-Identifier: MIT */
/* Several harts on one task. Theory: bench/metal/crew.c. */
#ifndef BENCH_METAL_CREW_H
#define BENCH_METAL_CREW_H

#include <stdbool.h>
#include <stdint.h>

#define CREW_MAX 128u /* harts of one crew */

struct crew;
/* One member's part; index 0 is the caller's own hart. */
typedef void (*crew_fn)(struct crew *crew, void *arg, unsigned index);

/*
 * Run fn on `count` harts at the same time, this one among them, and return
 * when all have come back. 0, or -KMEM_EINVAL, -KMEM_ENOMEM, -KMEM_EBUSY with
 * a static sentence in *why; then fn ran nowhere. Context: thread.
 */
int crew_run(unsigned count, crew_fn fn, void *arg, const char **why);
/* The same, one hart after the other, the others asleep in wfi. */
int crew_run_in_turn(unsigned count, crew_fn fn, void *arg, const char **why);

/* Wait, asleep, until every member has called this as often. */
void crew_meet(struct crew *crew);
unsigned crew_hart(const struct crew *crew, unsigned index);

/* Sleep in wfi, serving interrupts. */
void crew_sleep(uint64_t ns);

#endif
