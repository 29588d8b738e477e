/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a condition that another hart makes true, in wfi.
 *
 * Waiter: marks itself in the queue, tests the condition, sleeps, tests again.
 * Waker: makes the condition true (under the lock that guards it), then wakes.
 * A wake-up that comes between test and sleep stays pending as an IPI, and wfi
 * returns at once: no wake-up is lost.
 */
#ifndef KERNEL_WAITQ_H
#define KERNEL_WAITQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct waitq {
	_Atomic uint64_t wq_harts[2]; /* one bit per waiting hart */
};

#define WAIT_FOREVER UINT64_MAX

/*
 * Until cond(arg) is true (returned true), or time_ns() passes deadline_ns or
 * stop(arg) is true (false). cond and stop may take locks; stop may be NULL.
 * Context: thread, no lock held. Interrupts are served while waiting.
 */
bool waitq_wait(struct waitq *wq, bool (*cond)(void *arg),
    bool (*stop)(void *arg), void *arg, uint64_t deadline_ns);
/* Any context. */
void waitq_wake(struct waitq *wq);

#endif
