/* SPDX-License-Identifier: MIT */
/*
 * Kernel spinlock: held with interrupts off, for a few dozen instructions.
 * Leaf locks: no other lock is taken, nothing is called that can wait.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>

struct klock {
	_Atomic unsigned kl_held;
};

/* Returns the interrupt state for klock_release. Any context. */
unsigned long klock_acquire(struct klock *l);
void klock_release(struct klock *l, unsigned long irq);
/* Panic path: false instead of waiting. */
bool klock_try(struct klock *l, unsigned long *irq);

#endif
