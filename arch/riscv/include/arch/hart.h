/* SPDX-License-Identifier: MIT */
/*
 * The hart block, and how a hart is entered.
 *
 *      struct hart        TLS (errno …)      magazine slots
 *   +----------------+---------------------+----------------- - -
 *   tp - HART_SIZE   tp                    tp + HART_SLOTS
 *
 * tp is constant for the life of a hart (but once, in hart_enter on the boot
 * hart) and a thread never changes harts, so hart_self() may be kept. The
 * compiler reads the stack protector's canary at tp - 8.
 */
#ifndef ARCH_HART_H
#define ARCH_HART_H

#define HART_SIZE     128
#define HART_TRAP_TOP (-112) /* of h_trap_top, from tp */
/*
 * Of the first slot, from tp: a constant, so that arch/mag_inline.h can name a
 * slot in an instruction. The link fails when the TLS outgrows it.
 */
#define HART_SLOTS    512

/* struct hart_start */
#define HART_STARTS_MAX 128
#define HART_START_SIZE 64
#define HART_START_TP   0
#define HART_START_SP   8
#define HART_START_SATP 16
#define HART_START_HIGH 24
#define HART_START_ID   32

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct hart {
	uint64_t h_hartid;    /* the SBI's number */
	uint32_t h_index;     /* ours, dense */
	uint32_t h_interrupt; /* > 0: in a trap or in a remote call */
	uintptr_t h_trap_top;
	uintptr_t h_trap_low;
	uintptr_t h_stack_low, h_stack_top;
	uintptr_t h_fault_low, h_fault_top; /* see kernel/fault.c */
	void *h_anchor;                     /* innermost fault anchor */
	uint64_t h_wakes; /* interrupts taken: wfi loops compare it */
	/* > 0: sleeps with what others may write to on its stack. */
	uint64_t h_waiting;
	uint64_t h_unused[4];
	uintptr_t h_canary;
};

_Static_assert(sizeof(struct hart) == HART_SIZE, "trap.S and ARCH_CFLAGS");
_Static_assert(offsetof(struct hart, h_canary) == HART_SIZE - 8, "canary");
_Static_assert(
    offsetof(struct hart, h_trap_top) == HART_SIZE + HART_TRAP_TOP, "boot.S");

static inline uintptr_t
hart_tp(void)
{
	return (uintptr_t)__builtin_thread_pointer();
}

static inline struct hart *
hart_self(void)
{
	return (struct hart *)(hart_tp() - HART_SIZE);
}

/* Bytes of the TLS block, rounded to 64. */
size_t hart_tls_bytes(void);
/* Fill a block: TLS image copied, the struct zeroed. `block` is aligned 64. */
struct hart *hart_block_init(void *block);

/*
 * Become the hart of `h`: tp, stack and trap stack are switched and fn is
 * called; nothing of the old stack is used again. h_trap_top and h_stack_top
 * are set.
 */
_Noreturn void hart_enter(struct hart *h, void (*fn)(void));

/*
 * What a secondary reads, with the MMU off, before its first C call. Lies in
 * the image, so that its physical address is known.
 */
struct hart_start {
	uint64_t hs_tp; /* 0: unused */
	uint64_t hs_sp;
	uint64_t hs_satp;
	uint64_t hs_high; /* where to go on, as linked */
	uint64_t hs_hartid;
	uint64_t hs_unused[3];
};

_Static_assert(sizeof(struct hart_start) == HART_START_SIZE, "boot.S");
_Static_assert(
    offsetof(struct hart_start, hs_hartid) == HART_START_ID, "boot.S");

/*
 * Start the hart of `h` by HSM, with record number k, below HART_STARTS_MAX.
 * Returns the SBI's error.
 */
long hart_start(unsigned k, const struct hart *h);

/* Sleep for good, interrupts off. */
_Noreturn void hart_park(void);

/* Exit through a debugger's semihosting; returns when nobody listens. */
void hart_semihost_exit(int code);

#endif
#endif
