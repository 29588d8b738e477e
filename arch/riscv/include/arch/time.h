/* SPDX-License-Identifier: MIT */
/* Counters, beyond what csr.h reads directly. */
#ifndef ARCH_TIME_H
#define ARCH_TIME_H

#include <stdbool.h>

/*
 * True when instret counts instructions: hardware, and QEMU with -icount.
 * Elsewhere QEMU gives host time. Costs about 2,500 instructions.
 */
bool time_instret_probe(void);
/*
 * Where instret counts instructions: is a cycle an instruction, too? True of
 * QEMU with -icount, whose harts take turns, and of no processor.
 */
bool time_cycle_counts_instructions(void);

#endif
