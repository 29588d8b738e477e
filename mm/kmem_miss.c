/* SPDX-License-Identifier: MIT */
/*
 * Misses of the hart layer that a plain exchange did not serve: a hart without
 * magazines, a depot without the right kind, verified caches, NULL rounds.
 *
 * Theory of operation
 *
 * 1. Each try runs pinned and either succeeds or leaves the hart's magazines as
 *    good as it found them. What may take long or recurse (making a magazine, a
 *    slab) happens between two tries, unpinned; the second try looks again.
 * 2. alloc: a full magazine of the depot; else a magazine full of objects that
 *    free slabs still hold; else a new slab, whose first object goes to the
 *    caller. No call does two of the expensive things: magazines are made only
 *    when there are objects to put in.
 * 3. free tries to make a magazine, from frames that are free. When there are
 *    none, FLUSH rounds of the loaded magazine go back to their slabs, which
 *    makes room: a free never needs memory (defect T8).
 */
#include "kmem_impl.h"

#define FLUSH               8u  /* rounds; bounds the longest free */
#define REFILL_AFTER_MAKING 15u /* rounds; bounds the longest alloc */

static void *
slot_pop(struct mag_slot *s)
{
	void **top = slot_top(s);
	void *obj = top[-1];

	if (obj != NULL)
		slot_set_top(s, top - 1);
	return obj;
}

static bool
slot_push(struct mag_slot *s, void *obj)
{
	void **top = slot_top(s);

	if (mag_top_full(top))
		return false;
	*top = obj;
	slot_set_top(s, top + 1);
	return true;
}

/* From the hart's own two magazines. */
static void *
pair_pop(struct mag_slot *s)
{
	void **previous = slot_previous(s);
	void *obj = slot_pop(s);

	/* NULL may also be a round: then ours is not empty, and stays ours. */
	if (obj != NULL || top_rounds(slot_top(s)) != 0 ||
	    previous == mag_dummy_top() || !mag_top_full(previous))
		return obj;
	slot_set(s, previous, slot_top(s));
	return slot_pop(s);
}

static bool
pair_push(struct mag_slot *s, void *obj)
{
	void **previous = slot_previous(s);

	if (slot_push(s, obj))
		return true;
	if (previous == mag_dummy_top() || previous[-1] != NULL)
		return false;
	slot_set(s, previous, slot_top(s));
	return slot_push(s, obj);
}

/* Rounds that are NULL (a caller freed NULL) would hide those below. */
static unsigned
pair_drop_nulls(struct mag_slot *s)
{
	unsigned dropped = 0;
	void **top = slot_top(s);

	while (top_rounds(top) > 0 && top[-1] == NULL) {
		top--;
		dropped++;
	}
	if (dropped > 0)
		slot_set_top(s, top);
	return dropped;
}

static bool
hart_has_none(const struct mag_slot *s)
{
	return slot_top(s) == mag_dummy_top() &&
	    slot_previous(s) == mag_dummy_top();
}

/* One call to alloc or free as it goes through this file. */
struct miss {
	struct kmem_cache *ms_cache;
	bool ms_depot;             /* to be asked; the exchange has not */
	bool ms_counted;           /* the miss has been */
	bool ms_bare;              /* out: the hart has no magazine */
	unsigned ms_nulls;         /* out: NULL rounds dropped */
	struct magazine *ms_spare; /* in and out: to be used, and left over */
};

/* A full magazine from the depot. Both of ours are empty, or missing. */
static bool
refill_from_depot(struct miss *m, struct kmem_hart *hc, struct mag_slot *s)
{
	void **top = slot_top(s), **previous = slot_previous(s);
	bool both = top != mag_dummy_top() && previous != mag_dummy_top();
	struct magazine *full =
	    depot_swap_full(m->ms_cache, both ? mag_of(previous) : NULL);

	if (full == NULL)
		return false;
	if (top != mag_dummy_top())
		previous = top;
	slot_set(s, mag_end(full), previous);
	counter_add(&hc->hc_depot_get, 1);
	return true;
}

/* A magazine to fill: one of ours, of the depot, the spare one; or NULL. */
static struct magazine *
refill_target(struct miss *m, const struct mag_slot *s, void ***previous)
{
	struct magazine *mp;

	*previous = slot_previous(s);
	if (slot_top(s) != mag_dummy_top())
		return mag_of(slot_top(s));
	if (*previous != mag_dummy_top()) {
		mp = mag_of(*previous);
		*previous = mag_dummy_top();
		return mp;
	}
	mp = depot_get_empty(m->ms_cache);
	if (mp == NULL) {
		mp = m->ms_spare;
		m->ms_spare = NULL;
	}
	return mp;
}

/* Objects straight from slabs that exist, into a magazine of ours. */
static bool
refill_from_slabs(struct miss *m, struct mag_slot *s)
{
	struct kmem_cache *cp = m->ms_cache;
	void **previous, **first;
	bool made = m->ms_spare != NULL;
	struct magazine *mp = refill_target(m, s, &previous);
	size_t n, got;

	if (mp == NULL)
		return false;
	first = mag_reformat(cp, mp);
	slot_set(s, first, previous);
	n = atomic_load_explicit(&mp->mag_capacity, memory_order_relaxed);
	/* The magazine has just been made: enough for one call. */
	if (made && n > REFILL_AFTER_MAKING)
		n = REFILL_AFTER_MAKING;
	got = slab_take(cp, first, n);
	slot_set_top(s, first + got);
	return got > 0;
}

static void *
hart_refill(struct miss *m, struct kmem_hart *hc, struct mag_slot *s)
{
	MM_ASSERT2(slot_rounds(s) == 0, s, slot_rounds(s));
	if (!m->ms_counted)
		counter_add(&hc->hc_alloc_miss, 1);
	m->ms_counted = true;
	/* Even a refill in vain may leave an empty magazine to be filled. */
	shared_store_32(&hc->hc_used, 1);
	if (!(m->ms_depot && refill_from_depot(m, hc, s)) &&
	    !refill_from_slabs(m, s))
		return NULL;
	return slot_pop(s);
}

/* One try to allocate inside the hart layer. */
static void *
hart_alloc(struct miss *m)
{
	struct kmem_cache *cp = m->ms_cache;
	unsigned long pin = port_pin();
	struct kmem_hart *hc = &cp->c_harts[port_hart_self()];
	struct mag_slot *s = slot_of(cp, hc);
	void *obj = pair_pop(s);
	unsigned dropped;

	/* Each round dropped may show another NULL below or in the other. */
	while (obj == NULL && (dropped = pair_drop_nulls(s)) > 0) {
		m->ms_nulls += dropped;
		obj = pair_pop(s);
	}
	if (obj == NULL)
		obj = hart_refill(m, hc, s);
	m->ms_bare = hart_has_none(s);
	if (obj != NULL &&
	    atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		counter_add(&hart_counts(hc)->allocs, 1);
	port_unpin(pin);
	return obj;
}

static void
hart_count(struct kmem_cache *cp, bool alloc)
{
	struct kmem_hart *hc;
	unsigned long pin;

	if (!atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		return;
	pin = port_pin();
	hc = &cp->c_harts[port_hart_self()];
	counter_add(
	    alloc ? &hart_counts(hc)->allocs : &hart_counts(hc)->frees, 1);
	port_unpin(pin);
}

/* Through the magazines, else from slabs, else by growing. */
static void *
mag_alloc(struct kmem_cache *cp, unsigned flags, uintptr_t caller, bool depot)
{
	struct miss m = { .ms_cache = cp, .ms_depot = depot };
	void *obj = hart_alloc(&m);

	if (obj == NULL && m.ms_bare && slab_has_free(cp)) {
		m.ms_spare = mag_create(
		    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed));
		obj = hart_alloc(&m);
		if (m.ms_spare != NULL)
			(void)mag_destroy(m.ms_spare);
	}
	if (obj == NULL) {
		obj = slab_alloc(cp, flags);
		if (obj != NULL)
			hart_count(cp, true);
	}
	if (m.ms_nulls > 0)
		kmem_report(cp, MM_BAD_POINTER, 0, caller,
		    "NULL was freed into a magazine");
	return obj;
}

/*
 * At the limit, objects in magazines are as good as free ones: take them home
 * and try once more. Only where one may wait for other harts.
 */
static void *
limit_alloc(struct kmem_cache *cp, unsigned flags)
{
	if (!slab_limit_reached(cp) || (flags & KMEM_NOWAIT) != 0 ||
	    port_in_interrupt())
		return NULL;
	(void)cache_empty(cp);
	return slab_alloc(cp, flags);
}

void *
kmem_alloc_miss(
    struct kmem_cache *cp, unsigned flags, uintptr_t caller, bool depot)
{
	void *obj;

	if (cp->c_harts != NULL) {
		obj = mag_alloc(cp, flags, caller, depot);
		if (obj == NULL)
			obj = limit_alloc(cp, flags);
	} else {
		obj = slab_alloc(cp, flags);
		if (obj != NULL) {
			slab_lock(cp);
			cp->c_slab_allocs++;
			slab_unlock(cp);
		}
	}
	if (obj == NULL) {
		atomic_fetch_add_explicit(
		    &cp->c_alloc_fail, 1, memory_order_relaxed);
		if ((flags & KMEM_PANIC) != 0)
			port_panic(__FILE__, __LINE__, cp->c_name, cp->c_size,
			    cp->c_objects);
	}
	return obj;
}

/* An empty magazine for a hart whose own are full, or missing. */
static bool
hart_make_room(struct miss *m, struct kmem_hart *hc, struct mag_slot *s)
{
	struct kmem_cache *cp = m->ms_cache;
	void **top = slot_top(s), **previous = slot_previous(s);
	bool both = top != mag_dummy_top() && previous != mag_dummy_top();
	struct magazine *empty = NULL;

	if (m->ms_spare != NULL) {
		empty = m->ms_spare;
		m->ms_spare = NULL;
		if (both)
			depot_put(cp, mag_of(previous), true);
	} else if (m->ms_depot) {
		empty = depot_swap_empty(cp, both ? mag_of(previous) : NULL);
	}
	if (empty == NULL)
		return false;
	counter_add(&hc->hc_depot_put, both);
	slot_set(s, mag_reformat(cp, empty),
	    top != mag_dummy_top() ? top : previous);
	shared_store_32(&hc->hc_used, 1);
	return true;
}

/* One try to free inside the hart layer. */
static bool
hart_free(struct miss *m, void *obj)
{
	struct kmem_cache *cp = m->ms_cache;
	unsigned long pin = port_pin();
	struct kmem_hart *hc = &cp->c_harts[port_hart_self()];
	struct mag_slot *s = slot_of(cp, hc);
	bool done = pair_push(s, obj);

	if (!done) {
		if (!m->ms_counted)
			counter_add(&hc->hc_free_miss, 1);
		m->ms_counted = true;
		done = hart_make_room(m, hc, s) && slot_push(s, obj);
	}
	if (done && atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		counter_add(&hart_counts(hc)->frees, 1);
	port_unpin(pin);
	return done;
}

/*
 * Room by sending rounds home: up to FLUSH of the loaded magazine, copied to
 * out, and obj in their place; or obj alone when there is no magazine.
 */
static unsigned
hart_flush(struct kmem_cache *cp, void *obj, void **out)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_of(cp, &cp->c_harts[port_hart_self()]);
	void **top = slot_top(s);
	unsigned n = top_rounds(top);

	if (n > FLUSH)
		n = FLUSH;
	for (unsigned i = 0; i < n; i++)
		out[i] = *--top;
	if (n > 0) {
		/* In flight until they are in their slabs. */
		atomic_fetch_add_explicit(
		    &cp->c_inflight, n, memory_order_relaxed);
		*top = obj;
		slot_set_top(s, top + 1);
	}
	port_unpin(pin);
	return n;
}

static void
mag_free(struct kmem_cache *cp, void *obj, uintptr_t caller, bool depot)
{
	struct miss m = { .ms_cache = cp, .ms_depot = depot };
	void *home[FLUSH];
	unsigned n;

	/* A depot that was asked a moment ago will not answer otherwise. */
	if (depot && hart_free(&m, obj))
		return;
	m.ms_spare = mag_create(
	    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed));
	if (m.ms_spare != NULL) {
		bool done = hart_free(&m, obj);

		if (m.ms_spare != NULL)
			(void)mag_destroy(m.ms_spare);
		if (done)
			return;
	}
	n = hart_flush(cp, obj, home);
	if (n > 0)
		(void)slab_put_inflight(cp, home, n, true, caller);
	else
		(void)slab_put(cp, &obj, 1, true, caller);
	hart_count(cp, false);
}

void
kmem_free_miss(struct kmem_cache *cp, void *obj, uintptr_t caller, bool depot)
{
	if (cp->c_harts != NULL) {
		mag_free(cp, obj, caller, depot);
		return;
	}
	slab_lock(cp);
	cp->c_slab_frees++;
	slab_unlock(cp);
	(void)slab_put(cp, &obj, 1, true, caller);
}
