/* SPDX-License-Identifier: MIT */
/*
 * The hot pair in C, for embedders without a restartable sequence: the same
 * work as the assembly twin, inside a pin. Not part of the kernel's library.
 */
#include "kmem_impl.h"

static struct mag_slot *
own_slot(struct kmem_cache *cp)
{
	return (struct mag_slot *)((uintptr_t)port_slot_base(port_hart_self()) +
	    atomic_load_explicit(&cp->c_slot, memory_order_relaxed));
}

void *
kmem_cache_pop(struct kmem_cache *cp)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = own_slot(cp);
	void **top = slot_top(s);
	void *obj = top[-1];

	if (obj != NULL)
		slot_set_top(s, top - 1);
	port_unpin(pin);
	return obj;
}

void
kmem_cache_free(struct kmem_cache *cp, void *obj)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = own_slot(cp);
	void **top = slot_top(s);
	bool room = !mag_top_full(top);

	if (room) {
		*top = obj;
		slot_set_top(s, top + 1);
	}
	port_unpin(pin);
	if (!room)
		kmem_free_slow(cp, obj);
}
