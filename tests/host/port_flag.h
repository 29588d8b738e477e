/* SPDX-License-Identifier: MIT */
/*
 * A hart of the flag port: what its owner writes on every operation, and the
 * two steps by which an operation begins and ends. Theory: port_flag.c.
 */
#ifndef TESTS_PORT_FLAG_H
#define TESTS_PORT_FLAG_H

#include <mm/mag.h>
#include <mm/port.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flag_hart {
	/* First line: the owner writes it, a drainer writes fh_slots. */
	_Alignas(PORT_CACHE_LINE) _Atomic uint32_t fh_in_op; /* hot pair */
	_Atomic uint32_t fh_depth; /* pins, those of locks included */
	/* Slots of this hart; flag_shut while the hart is asked to wait. */
	_Atomic(unsigned char *) fh_slots;
	unsigned char *fh_own; /* the true ones */
	unsigned fh_self;
	bool fh_guest; /* a port_hart_call function runs here */
	/* Second line: held by whoever runs a function as this hart. */
	_Alignas(PORT_CACHE_LINE) pthread_mutex_t fh_call;
};

/* Slots that read both empty and full, whatever the offset. */
extern unsigned char flag_shut[];
/* The hart that this thread is; of a thread not attached, one that is shut. */
extern _Thread_local struct flag_hart *flag_me
    __attribute__((tls_model("local-exec"))); /* linked into the program */

/*
 * Begin a hot operation; the slots to work on. The signal fence keeps the
 * compiler from loading first; what keeps the processor from it is the
 * drainer's membarrier. Acquire pairs with the release that opens the slots
 * again: what a drain has done is seen.
 */
static inline unsigned char *
flag_enter(struct flag_hart *me)
{
	atomic_store_explicit(&me->fh_in_op, 1u, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	return atomic_load_explicit(&me->fh_slots, memory_order_acquire);
}

/* End it. Release pairs with the drainer's acquire loads of the flag. */
static inline void
flag_leave(struct flag_hart *me)
{
	atomic_store_explicit(&me->fh_in_op, 0u, memory_order_release);
}

#endif
