/* SPDX-License-Identifier: MIT */
/*
 * What a test of the board needs of the processor itself, and no other code:
 * single instructions, the bare counters, the physical side of an address.
 */
#ifndef KERNEL_INSTR_H
#define KERNEL_INSTR_H

#include <stdint.h>

#include <arch/csr.h>
#include <arch/instr.h>
#include <arch/layout.h>

/* Of an address in the linear map, as frame_alloc returns it. */
static inline uint64_t
instr_physical(const volatile void *p)
{
	return (uintptr_t)p - LAYOUT_LINEAR;
}

/* A software interrupt to this hart, without the firmware. */
static inline void
instr_soft_interrupt(void)
{
	csr_sip_set_soft();
}

/* The time base's ticks, as the instruction reads them on this hart. */
static inline uint64_t
instr_ticks(void)
{
	return csr_time();
}

#endif
