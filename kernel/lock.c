/* SPDX-License-Identifier: MIT */
/* Kernel spinlock. */
#include <arch/csr.h>
#include <kernel/lock.h>
#include <kernel/panic.h>

/* A holder keeps it for dozens of instructions: this is a dead holder. */
#define SPINS_MAX 2000000000u

unsigned long
klock_acquire(struct klock *l)
{
	unsigned long irq = csr_irq_save();
	unsigned spins = 0;

	/* Acquire pairs with the release in klock_release. */
	while (atomic_exchange_explicit(&l->kl_held, 1, memory_order_acquire)) {
		while (
		    atomic_load_explicit(&l->kl_held, memory_order_relaxed)) {
			csr_pause();
			if (++spins == SPINS_MAX)
				panic("kernel lock %p is never released",
				    (void *)l);
		}
	}
	return irq;
}

void
klock_release(struct klock *l, unsigned long irq)
{
	/* Pairs with klock_acquire and klock_try. */
	atomic_store_explicit(&l->kl_held, 0, memory_order_release);
	csr_irq_restore(irq);
}

bool
klock_try(struct klock *l, unsigned long *irq)
{
	*irq = csr_irq_save();
	/* Acquire pairs with the release in klock_release. */
	if (atomic_exchange_explicit(&l->kl_held, 1, memory_order_acquire) == 0)
		return true;
	csr_irq_restore(*irq);
	return false;
}
