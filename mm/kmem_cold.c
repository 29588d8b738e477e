/* SPDX-License-Identifier: MIT */
/*
 * The counting pair on cold slots in C, inside a pin: the twin of what an
 * embedder may supply in assembly. Not part of the kernel's library.
 */
#include "kmem_impl.h"

static struct mag_cold *
cold_here(struct kmem_cache *cp)
{
	return (struct mag_cold *)((uintptr_t)port_slot_base(port_hart_self()) +
	    cold_slot(cp));
}

void *
kmem_cold_alloc(struct kmem_cache *cp, unsigned flags)
{
	unsigned long pin = port_pin();
	struct mag_cold *cold = cold_here(cp);
	void **top = slot_top(&cold->slot);
	void *obj = top[-1];

	if (obj != NULL) {
		slot_set_top(&cold->slot, top - 1);
		counter_add(&cold->allocs, 1);
	}
	port_unpin(pin);
	return obj != NULL ? kmem_cold_claim(cp, flags, obj)
			   : kmem_cold_empty(cp, flags);
}

bool
kmem_cold_free(struct kmem_cache *cp, void *obj)
{
	unsigned long pin = port_pin();
	struct mag_cold *cold = cold_here(cp);
	void **top = slot_top(&cold->slot);
	bool room = !mag_top_full(top);

	if (room) {
		*top = obj;
		slot_set_top(&cold->slot, top + 1);
		counter_add(&cold->frees, 1);
	}
	port_unpin(pin);
	return room || kmem_cold_full(cp, obj);
}
