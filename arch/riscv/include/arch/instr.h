/* SPDX-License-Identifier: MIT */
/*
 * Instructions that a test of the processor wants by themselves, as no compiler
 * would choose them. Nobody else calls these.
 */
#ifndef ARCH_INSTR_H
#define ARCH_INSTR_H

#include <stdbool.h>
#include <stdint.h>

/* One lr, add, sc: false when the sc was refused, as it may be at any time. */
bool arch_lrsc_add32(uint32_t *p, uint32_t v);
bool arch_lrsc_add64(uint64_t *p, uint64_t v);
/* amomaxu.d: the value before. */
uint64_t arch_amo_max64(uint64_t *p, uint64_t v);

/*
 * `n` 8-byte accesses at any address, in a row; n is 1 or more. The only
 * misaligned ones of the kernel, which is compiled to make none: a processor or
 * its firmware may refuse them by an exception.
 */
uint64_t arch_misaligned_load(const void *p, uint64_t n);
void arch_misaligned_store(void *p, uint64_t v, uint64_t n);

#endif
