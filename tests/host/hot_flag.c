/* SPDX-License-Identifier: MIT */
/*
 * The hot pair for the flag port, with the flag inlined: one store more than
 * the work itself on the way in and one on the way out. A hart that is asked
 * to wait finds slots that read both empty and full and so falls through to
 * the slow path, which waits in port_pin; no test for that stands here.
 * Theory: port_flag.c.
 */
#include "port_flag.h"

#include <mm/kmem.h>

/* The first word of a cache is the offset of its slot (mm/mag.h). */
static inline struct mag_slot *
slot_of(const struct kmem_cache *cp, unsigned char *slots)
{
	const _Atomic uint64_t *offset = (const void *)cp;

	return (struct mag_slot *)(void *)(slots +
	    atomic_load_explicit(offset, memory_order_relaxed));
}

void *
kmem_cache_pop(struct kmem_cache *cp)
{
	struct flag_hart *me = flag_me;
	struct mag_slot *s = slot_of(cp, flag_enter(me));
	void **top = __atomic_load_n(&s->top, __ATOMIC_RELAXED);
	void *obj = top[-1];

	if (__builtin_expect(obj != NULL, 1))
		__atomic_store_n(&s->top, top - 1, __ATOMIC_RELAXED);
	flag_leave(me);
	return obj;
}

void
kmem_cache_free(struct kmem_cache *cp, void *obj)
{
	struct flag_hart *me = flag_me;
	struct mag_slot *s = slot_of(cp, flag_enter(me));
	void **top = __atomic_load_n(&s->top, __ATOMIC_RELAXED);

	if (__builtin_expect((uintptr_t)top % MAG_BYTES == 0, 0)) {
		flag_leave(me);
		kmem_free_slow(cp, obj);
		return;
	}
	*top = obj;
	__atomic_store_n(&s->top, top + 1, __ATOMIC_RELAXED);
	flag_leave(me);
}
