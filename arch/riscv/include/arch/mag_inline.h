/* SPDX-License-Identifier: MIT */
/*
 * The hot pair, inline, for a slot whose place is known when this is compiled.
 *
 * The sequences of mag.S without their callers: the slot is an immediate from
 * tp, so pop is 5 instructions and push is 6. Each instance enters its range
 * into the table of mag.S. What a replay needs is tp, the immediate and push's
 * argument, and none of these may lie in a register that the range writes:
 * hence the early clobbers. The way out when the magazine cannot serve is a
 * jump, so the caller's own test of the result costs nothing.
 */
#ifndef ARCH_MAG_INLINE_H
#define ARCH_MAG_INLINE_H

#include <stddef.h>

#include <arch/hart.h>
#include <arch/mag.h>

/* Slots that an immediate reaches: 0 is the allocator's own. */
#define ARCH_MAG_INLINE_SLOTS 16

_Static_assert(
    HART_SLOTS + (ARCH_MAG_INLINE_SLOTS + 1) * ARCH_MAG_SLOT_BYTES <= 2048,
    "a load reaches 2,047 bytes");

#define ARCH_MAG_RANGE                                                         \
	".pushsection .restart, \"a\", @progbits\n"                            \
	".balign 8\n"                                                          \
	".dword 771b, 772b\n"                                                  \
	".popsection\n"

/* Checkers do not see that asm goto writes; the values below cost nothing. */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wconditional-uninitialized"
#endif

/* `slot` is a constant, 1 … ARCH_MAG_INLINE_SLOTS. NULL: no round. */
static inline __attribute__((always_inline)) void *
arch_mag_pop_inline(unsigned slot)
{
	void *obj = NULL;
	void **top = NULL;

	__asm__ volatile goto(
	    "771: ld %[top], %[slot](tp)\n"
	    "ld %[obj], -8(%[top])\n"
	    "addi %[top], %[top], -8\n"
	    "beqz %[obj], %l[empty]\n"
	    "sd %[top], %[slot](tp)\n" /* commit */
	    "772:\n" ARCH_MAG_RANGE
	    : [obj] "=&r"(obj), [top] "=&r"(top)
	    : [slot] "i"(HART_SLOTS + slot * ARCH_MAG_SLOT_BYTES)
	    : "memory"
	    : empty);
	if (obj == NULL)
		__builtin_unreachable();
	return obj;
empty:
	return NULL;
}

/* False: no room, nothing has happened. */
static inline __attribute__((always_inline)) _Bool
arch_mag_push_inline(unsigned slot, void *obj)
{
	void **top = NULL;
	unsigned long rest = 0;

	__asm__ volatile goto(
	    "771: ld %[top], %[slot](tp)\n"
	    "andi %[rest], %[top], %[mask]\n"
	    "beqz %[rest], %l[full]\n"
	    "sd %[obj], 0(%[top])\n"
	    "addi %[top], %[top], 8\n"
	    "sd %[top], %[slot](tp)\n" /* commit */
	    "772:\n" ARCH_MAG_RANGE
	    : [top] "=&r"(top), [rest] "=&r"(rest)
	    : [slot] "i"(HART_SLOTS + slot * ARCH_MAG_SLOT_BYTES),
	    [mask] "i"(ARCH_MAG_BYTES - 1), [obj] "r"(obj)
	    : "memory"
	    : full);
	return 1;
full:
	return 0;
}

#ifdef __clang__
#pragma clang diagnostic pop
#endif

#endif
