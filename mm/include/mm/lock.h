/* SPDX-License-Identifier: MIT */
/*
 * The spinlock of mm, the ranks of its locks, and the annotations by which
 * clang checks both at compile time.
 *
 * Theory of operation
 *
 * 1. A lock is held with its hart pinned: no interrupt handler of this hart
 *    can run while it is held, so a handler that allocates never meets a lock
 *    that its own hart holds. Sections are a few dozen instructions long.
 * 2. Memory order: acquire is an atomic exchange with acquire order, release a
 *    store with release order. Everything written in one section is visible in
 *    the next section of the same lock (RVWMO: amoswap.aq / fence rw,w + sw;
 *    checked with herd7 for the aq/rl pair). No stand-alone fences.
 * 3. Ranks only go up, at most one lock of each rank:
 *
 *      rank_registry  list of caches, names, holds
 *      rank_slab      one cache's slab lists, bits and colour cursor
 *      rank_depot     one cache's magazine lists and working-set marks
 *      rank_zone      one zone's frame records
 *      rank_reserve   one reserve's objects; nothing is called under it
 *
 *    The tokens generate no code. Callbacks (constructor, destructor, owner's
 *    reclaim, low-memory call-back) run with nothing held.
 * 4. Checked: at compile time by clang's thread-safety analysis (make lint), at
 *    run time by ThreadSanitizer over the host port.
 */
#ifndef MM_LOCK_H
#define MM_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <mm/port.h>

#ifdef __clang__
#define CAPABILITY(x)       __attribute__((capability(x)))
#define ACQUIRED_AFTER(...) __attribute__((acquired_after(__VA_ARGS__)))
#define ACQUIRES(...)       __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASES(...)       __attribute__((release_capability(__VA_ARGS__)))
#define REQUIRES(...)       __attribute__((requires_capability(__VA_ARGS__)))
#define NO_ANALYSIS         __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(x)
#define ACQUIRED_AFTER(...)
#define ACQUIRES(...)
#define RELEASES(...)
#define REQUIRES(...)
#define NO_ANALYSIS
#endif

struct CAPABILITY("rank") lock_rank {
	char unused;
};
extern struct lock_rank rank_registry;
extern struct lock_rank rank_slab ACQUIRED_AFTER(rank_registry);
extern struct lock_rank rank_depot ACQUIRED_AFTER(rank_slab, rank_registry);
extern struct lock_rank rank_zone ACQUIRED_AFTER(
    rank_depot, rank_slab, rank_registry);

extern struct lock_rank rank_reserve ACQUIRED_AFTER(
    rank_zone, rank_depot, rank_slab, rank_registry);

struct CAPABILITY("lock") mm_lock {
	_Atomic uint32_t lk_held; /* 0 or 1 */
	uint32_t lk_contended;    /* times waited for; guarded by the lock */
	unsigned long lk_pin;     /* the holder's; guarded by the lock */
};

static inline void
mm_lock_init(struct mm_lock *l)
{
	atomic_init(&l->lk_held, 0);
	l->lk_contended = 0;
	l->lk_pin = 0;
}

/* Pairs with the release store of mm_lock_release. */
static inline void
mm_lock_acquire(struct mm_lock *l) ACQUIRES(l) NO_ANALYSIS
{
	unsigned long pin = port_pin();
	uint32_t waited = 0;

	while (atomic_exchange_explicit(
		   &l->lk_held, 1u, memory_order_acquire) != 0) {
		waited = 1;
		port_pause();
	}
	l->lk_contended += waited;
	l->lk_pin = pin;
}

/* For callers that stay pinned until after the release; true: it waited. */
static inline bool
mm_lock_acquire_pinned(struct mm_lock *l) ACQUIRES(l) NO_ANALYSIS
{
	bool waited = false;

	while (__builtin_expect(atomic_exchange_explicit(
				    &l->lk_held, 1u, memory_order_acquire) != 0,
	    0)) {
		waited = true;
		port_pause();
	}
	if (__builtin_expect(waited, 0))
		l->lk_contended++;
	return waited;
}

static inline void
mm_lock_release_pinned(struct mm_lock *l) RELEASES(l) NO_ANALYSIS
{
	atomic_store_explicit(&l->lk_held, 0u, memory_order_release);
}

/* Pairs with the acquire exchange of mm_lock_acquire. */
static inline void
mm_lock_release(struct mm_lock *l) RELEASES(l) NO_ANALYSIS
{
	unsigned long pin = l->lk_pin;

	atomic_store_explicit(&l->lk_held, 0u, memory_order_release);
	port_unpin(pin);
}

#endif
