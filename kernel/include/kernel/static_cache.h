/* SPDX-License-Identifier: MIT */
/*
 * Caches known when the kernel is built: the hot pair inlined, 11 instructions
 * for both halves, against 17 and two calls.
 *
 *	static struct kmem_cache *timers;
 *
 *	opt = (struct kmem_options){ .slot = STATIC_SLOT_TIMERS };
 *	kmem_cache_create(&timers, "timer", 64, &opt, &why);
 *	t = static_cache_alloc(STATIC_SLOT_TIMERS, timers, 0);
 *
 * The slot is a constant expression and the cache was created with it; an
 * object may as well be allocated or freed by kmem_cache_alloc, kmem_cache_free
 * or any other way. Levels and limits work as in any cache: where every call is
 * verified the slot reads empty and full, and each call goes the long way.
 * Context: any, interrupts included. Each use in the source is a site, and the
 * image has room for 16 (arch/riscv/link.ld): wrap them in functions.
 */
#ifndef KERNEL_STATIC_CACHE_H
#define KERNEL_STATIC_CACHE_H

#include <arch/mag_inline.h>
#include <mm/kmem.h>
#include <mm/mag.h>

/* Who has which; 1 … KMEM_SLOTS_FIXED. */
enum static_slot { STATIC_SLOT_BENCH = 1, STATIC_SLOT_BOUNDARY };

_Static_assert(KMEM_SLOTS_FIXED <= ARCH_MAG_INLINE_SLOTS,
    "every fixed slot is within reach of an instruction");

static inline __attribute__((always_inline)) void *
static_cache_alloc(enum static_slot slot, struct kmem_cache *cp, unsigned flags)
{
	void *obj = arch_mag_pop_inline(slot);

	if (__builtin_expect(obj == NULL, 0))
		obj = kmem_alloc_slow(cp, flags);
	if ((flags & KMEM_ZERO) != 0)
		return kmem_cache_zero(cp, obj);
	return obj;
}

static inline __attribute__((always_inline)) void
static_cache_free(enum static_slot slot, struct kmem_cache *cp, void *obj)
{
	if (__builtin_expect(!arch_mag_push_inline(slot, obj), 0))
		kmem_free_slow(cp, obj);
}

#endif
