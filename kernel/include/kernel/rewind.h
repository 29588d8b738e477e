/* SPDX-License-Identifier: MIT */
/*
 * Where interrupts meet the hot pair, for the test that counts them. Links only
 * into the images of make/variants.mk.
 */
#ifndef KERNEL_REWIND_H
#define KERNEL_REWIND_H

#include <stddef.h>
#include <stdint.h>

#include <arch/mag.h>

static inline size_t
rewind_range_count(void)
{
	return arch_mag_range_count();
}

/* An interrupt in [first, end) resumes at first. */
static inline void
rewind_range(size_t i, uintptr_t *first, uintptr_t *end)
{
	*first = __restart_start[i].mr_first;
	*end = __restart_start[i].mr_end;
}

/* fn: in every interrupt of every hart, on the trap stack. NULL: nobody. */
static inline void
rewind_watch(void (*fn)(uintptr_t pc, uintptr_t resume))
{
	arch_mag_watch = fn;
}

#endif
