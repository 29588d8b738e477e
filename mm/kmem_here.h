/* SPDX-License-Identifier: MIT */
/*
 * The calling hart's own magazines, for who moves more than one round at a
 * time. All of it pinned. Theory: mm/kmem_bulk.c.
 */
#ifndef KMEM_HERE_H
#define KMEM_HERE_H

#include "kmem_impl.h"

/* The slot of this cache belongs to it alone. */
static inline bool
slot_serves(struct kmem_cache *cp)
{
	/* 0, no slot of its own, is never in force. */
	return atomic_load_explicit(&cp->c_slot, memory_order_relaxed) ==
	    cp->c_own_slot;
}

/* Of caches that have none, or whose every call is looked at: the dummy. */
extern struct mag_slot slot_of_nobody;

/*
 * The slot that the hot pair uses here, or one that has neither rounds nor
 * room: the dummy's capacity is 0. Whoever changes c_slot then asks each hart
 * for its magazines, so the answer is good until the unpin.
 */
static inline struct mag_slot *
slot_here(struct kmem_cache *cp)
{
#ifdef PORT_SLOT_HERE
	/* The embedder tells at once; slot 0 of each hart is nobody's too. */
	return (struct mag_slot *)((uintptr_t)port_slot_here() +
	    atomic_load_explicit(&cp->c_slot, memory_order_relaxed));
#else
	if (__builtin_expect(!slot_serves(cp), 0))
		return &slot_of_nobody;
	return hart_own(&cp->c_harts[port_hart_self()]);
#endif
}

/* Below 64, so the sign is nothing; and RISC-V loads it with the sign. */
static inline size_t
magazine_capacity(const struct magazine *mp)
{
	return (size_t)(int)atomic_load_explicit(
	    &mp->mag_capacity, memory_order_relaxed);
}

/* Bytes from its begin to its first round. */
static inline size_t
magazine_low(const struct magazine *mp)
{
	return (size_t)(int)atomic_load_explicit(
	    &mp->mag_low, memory_order_relaxed);
}

/* Rounds of a full top's magazine; 0 for the dummy. */
static inline size_t
full_rounds(void **top)
{
	return magazine_capacity(
	    (struct magazine *)((uintptr_t)top - MAG_BYTES));
}

static inline void
slot_set_previous(struct mag_slot *s, void **previous)
{
	shared_store_top(&s->previous, previous);
}

#endif
