/* SPDX-License-Identifier: MIT */
/*
 * Waiting in wfi for what another hart makes true.
 *
 * Theory of operation
 * 1. Waiter: set own bit (seq_cst), then test. Waker: make true, fence
 *    (seq_cst), then read the bits. One of the two sees the other's store: the
 *    waiter finds the condition true, or the waker finds the bit and kicks.
 * 2. A kick between the test and wfi is an interrupt; interrupts are counted,
 *    and smp_sleep does not sleep when the count has moved since before the
 *    test. So it may be taken at any point and is not lost.
 * 3. The waker clears the bits it kicks; a waiter that finds its condition
 *    still false sets its bit again. Many wakes cost one kick.
 */
#include <stddef.h>

#include <kernel/panic.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/waitq.h>

#include "kernel_impl.h"

static void
expired(void *arg)
{
	(void)arg; /* the interrupt itself wakes */
}

static bool
test(bool (*stop)(void *), void *arg, uint64_t deadline_ns)
{
	return (stop != NULL && stop(arg)) ||
	    (deadline_ns != WAIT_FOREVER && time_ns() >= deadline_ns);
}

bool
waitq_wait(struct waitq *wq, bool (*cond)(void *), bool (*stop)(void *),
    void *arg, uint64_t deadline_ns)
{
	unsigned self = smp_hart_self();
	_Atomic uint64_t *word = &wq->wq_harts[self / 64];
	uint64_t bit = 1ull << self % 64;
	struct ktimer timer = { .kt_armed = false };
	bool met, idle = false;

	if (cond(arg))
		return true;
	hart_self()->h_waiting++; /* the timer is on the stack */
	if (deadline_ns != WAIT_FOREVER)
		timer_start(&timer, deadline_ns, expired, NULL);
	for (;;) {
		uint64_t seen = smp_wakes();

		/* Pairs with the fence in waitq_wake. */
		atomic_fetch_or_explicit(word, bit, memory_order_seq_cst);
		met = cond(arg);
		if (met || test(stop, arg, deadline_ns))
			break;
		if (!idle || smp_idle_is_due()) {
			idle = true;
			smp_run_idle();
			continue; /* that took a while: test again */
		}
		smp_sleep(seen);
	}
	atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
	timer_cancel(&timer);
	hart_self()->h_waiting--;
	return met;
}

void
waitq_wake(struct waitq *wq)
{
	/* Pairs with the fetch_or in waitq_wait. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned w = 0; w < 2; w++) {
		uint64_t bits = 0;

		/* Relaxed: the fence above has ordered it. */
		if (atomic_load_explicit(
			&wq->wq_harts[w], memory_order_relaxed) != 0)
			bits = atomic_exchange_explicit(
			    &wq->wq_harts[w], 0, memory_order_relaxed);
		for (; bits != 0; bits &= bits - 1)
			smp_kick(w * 64 + (unsigned)__builtin_ctzll(bits));
	}
}
