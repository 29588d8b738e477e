/* SPDX-License-Identifier: MIT */
/*
 * What is done while a hart has nothing else to do.
 *
 * Theory of operation
 *
 * 1. kmem_tick ends an interval of the working set for every cache, about once
 *    a second, called by whoever is idle. It rolls the marks of slab layer and
 *    depot, lets the control law shrink magazines (kmem_depot.c, 4), and then
 *    gives back what idled beyond the bound (kmem_depot.c, 3).
 * 2. No holds while marks are rolled: registry, slab layer and depot are locked
 *    in the order of their ranks, TICK_CACHES caches at a time.
 * 3. Giving back goes in chunks of one magazine: from the moment it leaves the
 *    depot until its frames are in the zone, the hart shows its bit in
 *    `trimming`. Whoever promises exact counts (destroy, shrink, reap) first
 *    takes what the depots have, so that no chunk that begins later matters,
 *    and then waits for those under way: kmem_settle calls such a hart, again
 *    and again, which sleeps here and lets the other one go on there. Who is
 *    inside a chunk itself (a destructor) does not wait, so no two wait for
 *    each other.
 * 4. Nothing is locked or pinned around a chunk, since destructors run in it.
 */
#include "kmem_impl.h"

#define TICK_CACHES 16u /* per section of the registry lock */

/*
 * A bit for each hart inside a chunk. Relaxed: who must see it has taken the
 * lock of the depot after the chunk did; the call orders what the chunk wrote.
 */
static _Atomic uint64_t trimming[KMEM_HARTS_MAX / 64];

/* The end of an interval for one cache. False: nothing has changed. */
static bool
tick_cache(struct kmem_cache *cp, bool *excess)
{
	uint64_t bound;
	bool moved, more;

	slab_lock(cp);
	bound = idle_bound_locked(cp);
	if (cp->c_peak > cp->c_hiwater)
		cp->c_hiwater = cp->c_peak;
	moved = cp->c_peak_last != cp->c_peak || cp->c_peak != cp->c_inuse;
	cp->c_peak_last = cp->c_peak;
	cp->c_peak = cp->c_inuse;
	slab_unlock(cp);
	moved |= depot_tick(cp, bound, &more);
	*excess |= more;
	return moved;
}

/* Up to TICK_CACHES caches; *excess: one at least has something to give. */
static bool
tick_some(uint64_t *after, unsigned *done, bool *excess)
{
	struct kmem_cache *cp;
	bool moved = false;

	*done = 0;
	registry_lock_take();
	for (cp = registry_after_locked(*after);
	     cp != NULL && *done < TICK_CACHES; cp = registry_next_locked(cp)) {
		*after = cp->c_generation;
		moved |= tick_cache(cp, excess);
		(*done)++;
	}
	registry_lock_drop();
	return moved;
}

/*
 * One magazine, full or else empty, of the first cache younger than *after
 * that has one to give; moves on to it. False: no more caches.
 */
static bool
trim_chunk(uint64_t *after)
{
	uint64_t next = *after;
	struct kmem_reaped got = { 0 };
	struct kmem_cache *cp;

	if (kmem_cache_gather(&cp, 1, &next) == 0)
		return false;
	if ((cp->c_flags & KMEM_NOREAP) != 0 ||
	    (depot_release(cp, true, DEPOT_IDLE, 1, &got, 0) == 0 &&
		depot_release(cp, false, DEPOT_IDLE, 1, &got, 0) == 0))
		*after = next;
	kmem_cache_release(cp);
	return true;
}

static void
settled(void *arg)
{
	(void)arg;
}

static bool
is_trimming(unsigned hart)
{
	return (counter_read(&trimming[hart / 64]) >> (hart % 64) & 1) != 0;
}

void
kmem_settle(void)
{
	if (is_trimming(port_hart_self()))
		return;
	for (unsigned h = 0; h < port_hart_count(); h++) {
		/* A hart that does not answer has been named by the port. */
		while (is_trimming(h) && port_hart_call(h, settled, NULL))
			;
	}
}

/* What idles, chunk by chunk. */
static void
trim_idle(void)
{
	unsigned hart = port_hart_self();
	uint64_t bit = (uint64_t)1 << (hart % 64);
	uint64_t after = 0;
	bool more;

	MM_ASSERT2(hart < KMEM_HARTS_MAX, hart, KMEM_HARTS_MAX);
	do {
		atomic_fetch_or_explicit(
		    &trimming[hart / 64], bit, memory_order_relaxed);
		more = trim_chunk(&after);
		atomic_fetch_and_explicit(
		    &trimming[hart / 64], ~bit, memory_order_relaxed);
	} while (more);
}

bool
kmem_tick(void)
{
	uint64_t after = 0;
	bool excess = false, moved = false;
	unsigned done;

	do {
		moved |= tick_some(&after, &done, &excess);
	} while (done == TICK_CACHES);
	if (excess && !is_trimming(port_hart_self()))
		trim_idle();
	return moved;
}
