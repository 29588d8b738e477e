/* SPDX-License-Identifier: MIT */
/*
 * Reserves: objects of one cache kept for when memory is out.
 *
 * Theory of operation
 *
 * 1. A reserve holds up to n objects that it has allocated like any caller: in
 *    the books of the cache they are live, so no reap takes them, and the cache
 *    cannot be destroyed while the reserve has any. They are taken from it only
 *    when the cache has nothing to give without waiting.
 * 2. The promise: who takes objects from a reserve, and brings each back to it
 *    before he needs more than n at once, always gets one. Hence free refills
 *    first, and only a full reserve passes objects on to the cache; and the
 *    reserve comes before reclaim, which may take long and find nothing. Only
 *    when it is empty does an allocation wait, panic or fail as its flags say.
 * 3. An allocation that the cache serves does not refill; refill is a call of
 *    its own, for whoever knows a good moment.
 * 4. One lock a reserve, for a push or a pop: a leaf (rank_reserve). The cache
 *    is never called with it held, so any context may use a reserve.
 * 5. In a checked cache an object that lies in the reserve is not handed out:
 *    its live bit is cleared by the free that brings it, which is verified as
 *    every free of such a cache, and set when it goes. So a second free, by
 *    whichever call, is reported at once. In a fast cache what is wrong is
 *    found when it reaches a slab, but NULL is refused here.
 */
#include "kmem_impl.h"

#include <string.h>

struct lock_rank rank_reserve;

struct kmem_reserve {
	struct kmem_cache *r_cache;
	struct mm_lock r_lock;
	size_t r_count; /* objects held; r_lock */
	size_t r_max;
	void *r_objs[]; /* r_lock */
};

static void reserve_lock(struct kmem_reserve *rp)
    ACQUIRES(rp->r_lock, rank_reserve);
static void
reserve_lock(struct kmem_reserve *rp) NO_ANALYSIS
{
	mm_lock_acquire(&rp->r_lock);
}

static void reserve_unlock(struct kmem_reserve *rp)
    RELEASES(rp->r_lock, rank_reserve);
static void
reserve_unlock(struct kmem_reserve *rp) NO_ANALYSIS
{
	mm_lock_release(&rp->r_lock);
}

static bool
reserve_push(struct kmem_reserve *rp, void *obj)
{
	bool room;

	reserve_lock(rp);
	room = rp->r_count < rp->r_max;
	if (room)
		rp->r_objs[rp->r_count++] = obj;
	reserve_unlock(rp);
	return room;
}

static void *
reserve_pop(struct kmem_reserve *rp)
{
	void *obj = NULL;

	reserve_lock(rp);
	if (rp->r_count > 0)
		obj = rp->r_objs[--rp->r_count];
	reserve_unlock(rp);
	return obj;
}

size_t
kmem_reserve_held(struct kmem_reserve *rp)
{
	size_t n;

	reserve_lock(rp);
	n = rp->r_count;
	reserve_unlock(rp);
	return n;
}

/* Relaxed below: the bit is a claim and publishes nothing (kmem_live.c, 2). */

/* An object leaves for a caller. */
static void
live_mark(const struct kmem_cache *cp, void *obj)
{
	struct slab *sp;
	unsigned index;
	uint64_t bit, old;

	if (!cp->c_live)
		return;
	sp = slab_near(cp, (uintptr_t)obj);
	index = (unsigned)slab_index(sp, (uintptr_t)obj);
	bit = (uint64_t)1 << (index % 64);
	old = atomic_fetch_or_explicit(
	    slab_live_word(sp, index), bit, memory_order_relaxed);
	MM_ASSERT2((old & bit) == 0, obj, cp->c_name);
}

/* An object comes from a caller. False after a report: it is not to be had. */
static bool
live_claim(struct kmem_cache *cp, void *obj, uintptr_t caller)
{
	struct slab *sp;
	unsigned index;
	uint64_t bit;

	if (!cp->c_live)
		return true;
	if (!kmem_free_allowed(cp, (uintptr_t)obj, caller, &sp, &index))
		return false;
	bit = (uint64_t)1 << (index % 64);
	if ((atomic_fetch_and_explicit(
		 slab_live_word(sp, index), ~bit, memory_order_relaxed) &
		bit) != 0)
		return true;
	kmem_report(cp, MM_DOUBLE_FREE, (uintptr_t)obj, caller,
	    "the object is not handed out");
	return false;
}

size_t
kmem_reserve_refill(struct kmem_reserve *rp)
{
	struct kmem_cache *cp = rp->r_cache;

	while (kmem_reserve_held(rp) < rp->r_max) {
		void *obj = kmem_cache_alloc(cp, KMEM_NOWAIT);

		if (obj == NULL || !live_claim(cp, obj, 0))
			break;
		if (!reserve_push(rp, obj)) {
			/* Another filled it meanwhile. */
			live_mark(cp, obj);
			kmem_cache_free(cp, obj);
		}
	}
	return kmem_reserve_held(rp);
}

int
kmem_reserve_create(struct kmem_reserve **out, struct kmem_cache *cp, size_t n)
{
	struct kmem_reserve *rp;

	*out = NULL;
	if (kmem_context_refused("kmem_reserve_create in an interrupt",
		(uintptr_t)__builtin_return_address(0)))
		return -KMEM_ECONTEXT;
	if (n == 0 || n > KMEM_RESERVE_MAX)
		return -KMEM_EINVAL;
	rp = kmalloc(sizeof(*rp) + n * sizeof(rp->r_objs[0]), 0);
	if (rp == NULL)
		return -KMEM_ENOMEM;
	memset(rp, 0, sizeof(*rp));
	mm_lock_init(&rp->r_lock);
	rp->r_cache = cp;
	rp->r_max = n;
	/* Here one may wait, as refill may not. */
	while (rp->r_count < n) {
		void *obj = kmem_cache_alloc(cp, 0);

		if (obj == NULL) {
			kmem_reserve_destroy(rp);
			return -KMEM_ENOMEM;
		}
		(void)live_claim(cp, obj, 0);
		(void)reserve_push(rp, obj);
	}
	*out = rp;
	return 0;
}

void
kmem_reserve_destroy(struct kmem_reserve *rp)
{
	void *obj;

	if (rp == NULL)
		return;
	while ((obj = reserve_pop(rp)) != NULL) {
		live_mark(rp->r_cache, obj);
		kmem_cache_free(rp->r_cache, obj);
	}
	kfree(rp);
}

void *
kmem_reserve_alloc(struct kmem_reserve *rp, unsigned flags)
{
	const unsigned how = KMEM_NOWAIT | KMEM_PANIC | KMEM_ZERO;
	struct kmem_cache *cp = rp->r_cache;
	void *obj = kmem_cache_alloc(cp, (flags & ~how) | KMEM_NOWAIT);

	if (obj == NULL) {
		obj = reserve_pop(rp);
		if (obj != NULL)
			live_mark(cp, obj);
		else if ((flags & KMEM_NOWAIT) == 0 ||
		    (flags & KMEM_PANIC) != 0)
			obj = kmem_cache_alloc(cp, flags & ~KMEM_ZERO);
	}
	if ((flags & KMEM_ZERO) != 0)
		return kmem_cache_zero(cp, obj);
	return obj;
}

void
kmem_reserve_free(struct kmem_reserve *rp, void *obj)
{
	struct kmem_cache *cp = rp->r_cache;
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);

	if (obj == NULL) {
		kmem_report(
		    cp, MM_BAD_POINTER, 0, caller, "NULL freed to a reserve");
		return;
	}
	/* Seen before the claim, which would have to be undone. */
	if (kmem_reserve_held(rp) == rp->r_max) {
		(void)kmem_free_from(cp, obj, caller);
		return;
	}
	if (!live_claim(cp, obj, caller))
		return;
	if (reserve_push(rp, obj))
		return;
	live_mark(cp, obj);
	(void)kmem_free_from(cp, obj, caller);
}
