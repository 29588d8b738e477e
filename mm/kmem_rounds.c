/* SPDX-License-Identifier: MIT */
/*
 * Whole magazines in the hands of callers; and filling a cache beforehand.
 *
 * Theory of operation
 *
 * 1. Hand-over. kmem_cache_take gives a full magazine away as an array in
 *    place: one word of the slot changes, no object is copied. What the taker
 *    does with the array is his affair until kmem_cache_give brings it back,
 *    on any hart. A producer that takes, fills and passes magazines on to a
 *    consumer that gives them back costs neither of them a call per object.
 * 2. In the books the rounds of a taken magazine are live: statistics derive
 *    what is live from what slabs and magazines hold, and this one is in no
 *    list. So a cache cannot be destroyed while one is out. The 512 bytes come
 *    back with it, to the hart, the depot, or the cache of magazines.
 * 3. The slot's previous magazine is the one that goes and comes, because it is
 *    full or empty, never between. A missing one is the dummy, as on a hart
 *    that has just begun; everything in kmem_mag.c lives with that.
 * 4. When the hart has none that is full, the depot has, or one is filled by a
 *    bulk allocation: all or nothing. What comes back not full (objects were
 *    freed one by one meanwhile) is emptied by a bulk free.
 * 5. Verified caches would have to look at each round, which is what bulk
 *    calls do: there, and where there are no magazines, none is to be had.
 * 6. Prefill makes full magazines for the depot, which any hart's next miss
 *    finds, by growing where slabs have no more. They are magazines like
 *    others: the working set is judged as ever, so what is not used for whole
 *    intervals goes back (kmem_depot.c, 2 and 3), and a reap may take it.
 */
#include "kmem_here.h"

/* Written with what it holds, at most. */
struct mag_slot slot_of_nobody = {
	.top = (void **)(uintptr_t)&mag_dummy_words[MAG_BYTES / 8],
	.previous = (void **)(uintptr_t)&mag_dummy_words[MAG_BYTES / 8],
};

/* From the hart, else from the depot; NULL: neither has a full one. */
static struct magazine *
full_find(struct kmem_cache *cp)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_here(cp);
	struct magazine *mp = NULL;
	struct kmem_hart *hc;
	void **top, **previous;

	if (!slot_serves(cp))
		goto out;
	hc = &cp->c_harts[port_hart_self()];
	top = slot_top(s);
	previous = slot_previous(s);
	if (mag_top_full(previous) && previous != mag_dummy_top()) {
		mp = mag_of(previous);
		slot_set_previous(s, mag_dummy_top());
	} else if (mag_top_full(top) && top != mag_dummy_top()) {
		mp = mag_of(top);
		slot_set(s, previous, mag_dummy_top());
	} else {
		mp = depot_swap_full(cp, NULL);
		if (mp != NULL) {
			counter_add(&hc->hc_alloc_miss, 1);
			counter_add(&hc->hc_depot_get, 1);
		}
	}
out:
	port_unpin(pin);
	return mp;
}

/* An empty magazine of the size that is wanted now. */
static struct magazine *
empty_find(struct kmem_cache *cp)
{
	uint32_t capacity =
	    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed);
	unsigned long pin = port_pin();
	struct magazine *mp = depot_get_empty(cp);

	port_unpin(pin);
	if (mp == NULL)
		return mag_create(capacity);
	if (magazine_capacity(mp) != capacity)
		mag_format(mp, capacity);
	return mp;
}

static void **
array_of(struct magazine *mp, size_t *count)
{
	*count = magazine_capacity(mp);
	return mag_end(mp) - *count;
}

static __attribute__((noinline)) void **
take_rest(struct kmem_cache *cp, unsigned flags, size_t *count)
{
	struct magazine *mp = full_find(cp);
	void **objs;

	if (mp != NULL)
		return array_of(mp, count);
	*count = 0;
	if (!slot_serves(cp))
		return NULL;
	mp = empty_find(cp);
	if (mp != NULL) {
		objs = array_of(mp, count);
		if (kmem_cache_alloc_bulk(
			cp, flags & ~(KMEM_ZERO | KMEM_PANIC), *count, objs))
			return objs;
		depot_put(cp, mp, false);
	}
	if ((flags & KMEM_PANIC) != 0)
		port_panic(__FILE__, __LINE__, cp->c_name, cp->c_size, 0);
	*count = 0;
	return NULL;
}

void **
kmem_rounds_take(struct kmem_cache *cp, unsigned flags, size_t *count)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_here(cp);
	void **top = slot_previous(s);
	size_t n = 0;

	if (__builtin_expect(mag_top_full(top), 1)) {
		/* The dummy is full of nothing. */
		n = full_rounds(top);
		slot_set_previous(s, mag_dummy_top());
	}
	port_unpin(pin);
	if (__builtin_expect(n == 0, 0))
		return take_rest(cp, flags, count);
	*count = n;
	return top - n;
}

/* The magazine that an array lies in; NULL: no take returned it. */
static struct magazine *
magazine_of(void **objs, size_t count)
{
	uintptr_t at = (uintptr_t)objs - sizeof(*objs);
	struct magazine *mp =
	    (struct magazine *)(at & ~(uintptr_t)(MAG_BYTES - 1));
	size_t n;

	if (!mag_is_one((uintptr_t)mp) || array_of(mp, &n) != objs || count > n)
		return NULL;
	return mp;
}

/* A magazine without objects goes where the cache, or any, will find it. */
static void
magazine_home(struct kmem_cache *cp, struct magazine *mp)
{
	if (cp->c_harts != NULL)
		depot_put(cp, mp, false);
	else
		(void)mag_destroy(mp);
}

/*
 * A full magazine becomes this hart's previous one; what was there goes to the
 * depot. Where no slot serves (the cache counts calls meanwhile) the objects
 * are freed apart.
 */
static __attribute__((noinline)) void
give_full(struct kmem_cache *cp, struct magazine *mp)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_here(cp);
	bool serves = slot_serves(cp);
	struct kmem_hart *hc;
	void **previous, **objs;
	size_t count;

	if (serves) {
		hc = &cp->c_harts[port_hart_self()];
		previous = slot_previous(s);
		slot_set_previous(s, mag_end(mp));
		shared_store_32(&hc->hc_used, 1);
		if (previous != mag_dummy_top()) {
			depot_put(cp, mag_of(previous), mag_top_full(previous));
			counter_add(&hc->hc_depot_put, mag_top_full(previous));
		}
	}
	port_unpin(pin);
	if (serves)
		return;
	objs = array_of(mp, &count);
	kmem_cache_free_bulk(cp, count, objs);
	magazine_home(cp, mp);
}

static __attribute__((noinline)) void
give_rest(struct kmem_cache *cp, void **objs, size_t count)
{
	/* Called last, by a jump: the address is that of give's caller. */
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	struct magazine *mp;

	if (objs == NULL && count == 0)
		return;
	mp = magazine_of(objs, count);
	if (mp == NULL) {
		kmem_report(cp, MM_BAD_POINTER, (uintptr_t)objs, caller,
		    "given back, but not rounds that were taken");
		return;
	}
	if (count == magazine_capacity(mp)) {
		give_full(cp, mp);
		return;
	}
	kmem_cache_free_bulk(cp, count, objs);
	magazine_home(cp, mp);
}

void
kmem_rounds_give(struct kmem_cache *cp, void **objs, size_t count)
{
	void **top = objs + count;
	unsigned long pin;
	struct mag_slot *s;
	bool given;

	/* Not an array that ends as a full magazine of so many does? */
	if (!mag_top_full(top) || count == 0 || full_rounds(top) != count) {
		give_rest(cp, objs, count);
		return;
	}
	pin = port_pin();
	s = slot_here(cp);
	/* A loaded magazine tells that this hart is known to use the cache. */
	given = slot_previous(s) == mag_dummy_top() &&
	    slot_top(s) != mag_dummy_top();
	if (__builtin_expect(given, 1))
		slot_set_previous(s, top);
	port_unpin(pin);
	if (__builtin_expect(!given, 0))
		give_full(cp, mag_of(top));
}

/* Objects that the next allocations of this hart find without growing. */
static size_t
at_hand(struct kmem_cache *cp)
{
	size_t n;
	unsigned long pin;

	if (cp->c_harts == NULL) {
		slab_lock(cp);
		n = (size_t)(cp->c_objects - cp->c_inuse);
		slab_unlock(cp);
		return n;
	}
	depot_lock(cp);
	n = (size_t)cp->c_depot_rounds;
	depot_unlock(cp);
	pin = port_pin();
	n += hart_rounds(cp, port_hart_self());
	port_unpin(pin);
	return n;
}

/* All rounds of an empty magazine from slabs, old and new; or none. */
static bool
fill(struct kmem_cache *cp, struct magazine *mp)
{
	size_t n = magazine_capacity(mp), got = 0, more;
	void **first = mag_end(mp) - n;

	while (got < n) {
		more = slab_take(cp, first + got, n - got);
		if (more == 0) {
			void *obj = slab_grow(cp, 0);

			if (obj == NULL)
				break;
			first[got] = obj;
			more = 1;
		}
		got += more;
	}
	if (got < n)
		(void)slab_put(cp, first, got, true, 0);
	return got == n;
}

size_t
kmem_cache_prefill(struct kmem_cache *cp, size_t n)
{
	size_t have;

	if (kmem_context_refused("kmem_cache_prefill in an interrupt",
		(uintptr_t)__builtin_return_address(0)))
		return 0;
	have = at_hand(cp);
	if (cp->c_harts == NULL && have < n) {
		void *obj = slab_grow(cp, 0);

		if (obj != NULL)
			(void)slab_put(cp, &obj, 1, true, 0);
	}
	/* Counted here, not read again: a reap meanwhile must not keep us. */
	while (cp->c_harts != NULL && have < n) {
		struct magazine *mp = empty_find(cp);
		bool full;

		if (mp == NULL)
			break;
		full = fill(cp, mp);
		depot_put(cp, mp, full);
		if (!full)
			break;
		have += magazine_capacity(mp);
	}
	return at_hand(cp);
}
