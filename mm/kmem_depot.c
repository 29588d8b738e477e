/* SPDX-License-Identifier: MIT */
/*
 * The depot of a cache: whole magazines, full ones and empty ones.
 *
 * Theory of operation
 *
 * 1. A hart whose two magazines cannot serve exchanges one here: an empty one
 *    for a full one when it allocates, a full one for an empty one when it
 *    frees (Bonwick & Adams 2001). One short lock of this cache per exchange,
 *    and never a lock of the whole system (defects T9, A15 of the ancestors).
 *    Keeping the empty ones makes freeing need no memory (defect T8).
 * 2. Working set. Each list remembers the lowest count it had since the last
 *    tick. That many magazines were never needed in the interval; at the tick
 *    the figure becomes `spare`, and a trim takes at most the lower of it and
 *    of the current interval's minimum. Ticks come about once a second.
 * 3. Recursion: magazines come from a cache without magazines, and no lock of
 *    a depot is held while one is made or destroyed. So the depot of one cache
 *    never reaches another.
 */
#include "kmem_impl.h"

void
depot_lock(struct kmem_cache *cp) NO_ANALYSIS
{
	mm_lock_acquire(&cp->c_depot_lock);
}

void
depot_unlock(struct kmem_cache *cp) NO_ANALYSIS
{
	mm_lock_release(&cp->c_depot_lock);
}

void
depot_init(struct kmem_cache *cp)
{
	mm_lock_init(&cp->c_depot_lock);
	cp->c_full = (struct maglist){ 0 };
	cp->c_empty = (struct maglist){ 0 };
	cp->c_depot_rounds = 0;
}

static struct magazine *list_pop_locked(
    struct kmem_cache *cp, struct maglist *ml) REQUIRES(cp->c_depot_lock);
static struct magazine *
list_pop_locked(struct kmem_cache *cp, struct maglist *ml)
{
	struct magazine *mp = ml->ml_head;

	(void)cp;
	if (mp == NULL)
		return NULL;
	MM_ASSERT2(ml->ml_count > 0, mp, 0);
	ml->ml_head = mp->mag_next;
	mp->mag_next = NULL;
	ml->ml_count--;
	if (ml->ml_count < ml->ml_min)
		ml->ml_min = ml->ml_count;
	return mp;
}

static void list_push_locked(struct kmem_cache *cp, struct maglist *ml,
    struct magazine *mp) REQUIRES(cp->c_depot_lock);
static void
list_push_locked(struct kmem_cache *cp, struct maglist *ml, struct magazine *mp)
{
	(void)cp;
	MM_ASSERT2(mp->mag_next == NULL, mp, mp->mag_next);
	mp->mag_next = ml->ml_head;
	ml->ml_head = mp;
	ml->ml_count++;
}

static uint32_t
mag_capacity(struct magazine *mp)
{
	return atomic_load_explicit(&mp->mag_capacity, memory_order_relaxed);
}

static struct magazine *full_pop_locked(struct kmem_cache *cp)
    REQUIRES(cp->c_depot_lock);
static struct magazine *
full_pop_locked(struct kmem_cache *cp)
{
	struct magazine *mp = list_pop_locked(cp, &cp->c_full);

	if (mp != NULL) {
		MM_ASSERT2(cp->c_depot_rounds >= mag_capacity(mp),
		    cp->c_depot_rounds, mp);
		cp->c_depot_rounds -= mag_capacity(mp);
	}
	return mp;
}

static void full_push_locked(struct kmem_cache *cp, struct magazine *mp)
    REQUIRES(cp->c_depot_lock);
static void
full_push_locked(struct kmem_cache *cp, struct magazine *mp)
{
	list_push_locked(cp, &cp->c_full, mp);
	cp->c_depot_rounds += mag_capacity(mp);
}

struct magazine *
depot_swap_full(struct kmem_cache *cp, struct magazine *empty)
{
	struct magazine *mp;

	depot_lock(cp);
	mp = full_pop_locked(cp);
	if (mp != NULL && empty != NULL)
		list_push_locked(cp, &cp->c_empty, empty);
	depot_unlock(cp);
	return mp;
}

struct magazine *
depot_swap_empty(struct kmem_cache *cp, struct magazine *full)
{
	struct magazine *mp;

	depot_lock(cp);
	mp = list_pop_locked(cp, &cp->c_empty);
	if (mp != NULL && full != NULL)
		full_push_locked(cp, full);
	depot_unlock(cp);
	return mp;
}

struct magazine *
depot_get_empty(struct kmem_cache *cp)
{
	return depot_swap_empty(cp, NULL);
}

void
depot_put(struct kmem_cache *cp, struct magazine *mp, bool full)
{
	depot_lock(cp);
	if (full)
		full_push_locked(cp, mp);
	else
		list_push_locked(cp, &cp->c_empty, mp);
	depot_unlock(cp);
}

/* May a trim take one more? It also lowers what later trims may take. */
static bool
list_spare(struct maglist *ml)
{
	uint32_t spare = ml->ml_spare < ml->ml_min ? ml->ml_spare : ml->ml_min;

	if (spare == 0 || ml->ml_count == 0)
		return false;
	ml->ml_spare--;
	return true;
}

struct magazine *
depot_reap_full(struct kmem_cache *cp, bool trim)
{
	struct magazine *mp = NULL;

	depot_lock(cp);
	if (!trim || list_spare(&cp->c_full))
		mp = full_pop_locked(cp);
	depot_unlock(cp);
	return mp;
}

struct magazine *
depot_reap_empty(struct kmem_cache *cp, bool trim)
{
	struct magazine *mp = NULL;

	depot_lock(cp);
	if (!trim || list_spare(&cp->c_empty))
		mp = list_pop_locked(cp, &cp->c_empty);
	depot_unlock(cp);
	return mp;
}

void
depot_tick(struct kmem_cache *cp)
{
	depot_lock(cp);
	cp->c_full.ml_spare = cp->c_full.ml_min;
	cp->c_full.ml_min = cp->c_full.ml_count;
	cp->c_empty.ml_spare = cp->c_empty.ml_min;
	cp->c_empty.ml_min = cp->c_empty.ml_count;
	depot_unlock(cp);
}
