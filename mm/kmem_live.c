/* SPDX-License-Identifier: MIT */
/*
 * Level checked: every free is judged at once.
 *
 * Theory of operation
 *
 * 1. The slot of a checked cache in force is nobody's (kmem_slot.c), so both
 *    halves of the hot pair come here. The magazines hang in a cold slot, which
 *    has a pair of its own, as fast as the hot one and counting (mm/mag.h).
 * 2. Each object has a live bit in its slab's descriptor: set by alloc, cleared
 *    by free, each by one atomic operation, so that of two harts that free one
 *    object exactly one succeeds. Relaxed: the bit is a claim, it publishes
 *    nothing; the object itself was handed from hart to hart by other means.
 * 3. A free is allowed when its address lies in a slab of this cache (one load
 *    of the frame's record, mm/frame_slab.h), is the first byte of an object,
 *    and its live bit was set. Anything else changes nothing and is reported.
 * 4. Division by the stride is a multiplication (Lemire, Kaser & Kurz 2019,
 *    "Faster remainder by direct computation"): with r = ceil(2^64 / stride)
 *    the high half of off * r is the index, and the low half is below r
 *    exactly when nothing remains. It holds for off and stride below 2^32; both
 *    are below 2^19 here.
 */
#include "kmem_impl.h"

/* The object of this cache that begins at addr, or NULL; *index in its slab. */
static inline struct slab *
object_at(const struct kmem_cache *cp, uintptr_t addr, unsigned *index)
{
	struct slab *sp = slab_near(cp, addr);
	uint64_t at;

	if (__builtin_expect(sp == NULL || sp->s_cache != cp, 0))
		return NULL;
	if (!slab_divide(cp, addr - sp->s_origin, &at) || at >= sp->s_total)
		return NULL;
	*index = (unsigned)at;
	return sp;
}

/*
 * Set the live bit of an object that goes to a caller. It came from this
 * cache's magazines or slabs, whose rounds were judged when they were freed.
 */
static inline void *
live_set(const struct kmem_cache *cp, struct slab *sp, void *obj)
{
	uint64_t index, bit, old;

	(void)slab_divide(cp, (uintptr_t)obj - sp->s_origin, &index);
	bit = (uint64_t)1 << (index % 64);
	old = atomic_fetch_or_explicit(
	    slab_live_word(sp, (unsigned)index), bit, memory_order_relaxed);
	MM_ASSERT2((old & bit) == 0, obj, sp);
	return obj;
}

/* The same in a slab of another zone than the latest. */
static __attribute__((noinline)) void *
live_set_far(const struct kmem_cache *cp, void *obj)
{
	struct slab *sp = slab_of((uintptr_t)obj);

	MM_ASSERT2(sp != NULL && sp->s_cache == cp, obj, cp->c_name);
	return live_set(cp, sp, obj);
}

/* What is wrong with this free; every way ends in a report. */
static __attribute__((noinline)) bool
live_refuse(struct kmem_cache *cp, uintptr_t addr, uintptr_t caller)
{
	struct slab *sp;
	unsigned index;

	if (kmem_free_allowed(cp, addr, caller, &sp, &index))
		kmem_report(cp, MM_DOUBLE_FREE, addr, caller,
		    "the object is not handed out");
	return false;
}

void *
kmem_cold_claim(struct kmem_cache *cp, unsigned flags, void *obj)
{
	const struct frame_span *span =
	    atomic_load_explicit(&cp->c_span, memory_order_relaxed);
	struct slab *sp;

	(void)flags;
	if (!cp->c_live)
		return obj;
	sp = (struct slab *)frame_span_slab(span, (uintptr_t)obj);
	if (__builtin_expect(sp == NULL, 0))
		return live_set_far(cp, obj);
	return live_set(cp, sp, obj);
}

void *
kmem_cold_empty(struct kmem_cache *cp, unsigned flags)
{
	return live_alloc(cp, flags, 0);
}

bool
kmem_cold_full(struct kmem_cache *cp, void *obj)
{
	kmem_free_miss(cp, obj, 0, true);
	return true;
}

void *
live_alloc(struct kmem_cache *cp, unsigned flags, uintptr_t caller)
{
	void *obj = kmem_alloc_miss(cp, flags, caller, true);

	return obj != NULL && cp->c_live ? live_set_far(cp, obj) : obj;
}

/* A slab of another zone than the latest, or a misuse; no magazines. */
static __attribute__((noinline)) bool
live_free_far(struct kmem_cache *cp, void *obj, uintptr_t caller)
{
	unsigned index = 0;
	struct slab *sp = object_at(cp, (uintptr_t)obj, &index);
	uint64_t bit = (uint64_t)1 << (index % 64);

	if (sp == NULL ||
	    (atomic_fetch_and_explicit(
		 slab_live_word(sp, index), ~bit, memory_order_relaxed) &
		bit) == 0)
		return live_refuse(cp, (uintptr_t)obj, caller);
	kmem_free_miss(cp, obj, caller, true);
	return true;
}

/* Calls only in tail position: no stack is touched on the common way. */
bool
live_free(struct kmem_cache *cp, void *obj, uintptr_t caller)
{
	const struct frame_span *span =
	    atomic_load_explicit(&cp->c_span, memory_order_relaxed);
	struct slab *sp = (struct slab *)frame_span_slab(span, (uintptr_t)obj);
	uint64_t index, bit;

	if (sp == NULL || sp->s_cache != cp || cold_slot(cp) == 0)
		return live_free_far(cp, obj, caller);
	if (!slab_divide(cp, (uintptr_t)obj - sp->s_origin, &index) ||
	    index >= sp->s_total)
		return live_refuse(cp, (uintptr_t)obj, caller);
	bit = (uint64_t)1 << (index % 64);
	if ((atomic_fetch_and_explicit(slab_live_word(sp, (unsigned)index),
		 ~bit, memory_order_relaxed) &
		bit) == 0)
		return live_refuse(cp, (uintptr_t)obj, caller);
	return kmem_cold_free(cp, obj);
}
