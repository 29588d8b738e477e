/* SPDX-License-Identifier: MIT */
/*
 * The hart layer: two magazines for each hart that uses a cache.
 *
 * Theory of operation
 *
 * 1. Loaded and previous. Objects are popped from and pushed to the loaded
 *    magazine; the previous one is either full or empty. When the loaded one
 *    cannot serve, the two change places if that helps, and only else is the
 *    depot asked. So a hart that oscillates by less than a magazine's rounds
 *    never leaves this layer (Bonwick & Adams 2001, 3.1).
 * 2. Representation. A slot holds, for each of the two, a pointer behind its
 *    last round (drawn in mm/mag.h). Empty, full and "no magazine" all show in
 *    that one word, so the hot pair is: load top, load or store a round, store
 *    top. The store of top is the commit: before it nothing has happened.
 *    Capacity is where the sentinel lies; magazines of different sizes live
 *    side by side, so changing the size needs no stop (defect G1).
 * 3. Who may touch it. A slot, and the counters of struct kmem_hart, belong to
 *    one hart, and there to whoever runs: thread or interrupt handler. The hot
 *    pair is safe against interrupts by being restarted (arch) or by a pin
 *    (kmem_hot.c). Everything here runs pinned. Another hart never writes a
 *    slot; to empty it, it asks the owner by port_hart_call, which runs
 *    hart_take between two operations (4). The handshake of port_hart_call
 *    orders the rounds taken before the requester reads them.
 * 4. Drain. hart_take moves up to four tops out (own slot and cold slot) and
 *    leaves dummies: bounded, no lock. The requester returns the rounds to the
 *    slabs with interrupts on.
 * 5. Memory. A free never needs any; kmem_miss.c tells how. Magazines come
 *    from a cache without magazines, so nothing recurses.
 * 6. Verified caches (level checked, and KMEM_COUNT) have their magazines in a
 *    second, cold slot. The hot pair finds the dummy and comes here, and goes
 *    on to the counting pair (mm/mag.h) and kmem_live.c. One switched at run
 *    time keeps both slots, since an interrupted hot pair still knows the old.
 */
#include "kmem_impl.h"

struct mag_slot *
hart_slot(struct kmem_cache *cp, unsigned hart)
{
	return slot_of(cp, &cp->c_harts[hart]);
}

void
hart_slots_init(struct kmem_cache *cp)
{
	hart_slots_find(cp);
}

static struct mag_slot *
slot_at(uintptr_t base, uint64_t offset)
{
	return offset == 0 ? NULL : (struct mag_slot *)(base + offset);
}

void
hart_slots_find(struct kmem_cache *cp)
{
	unsigned harts = port_hart_count();

	for (unsigned h = 0; h < harts; h++) {
		uintptr_t base = (uintptr_t)port_slot_base(h);

		struct kmem_hart *hc = &cp->c_harts[h];

		/* Once found, a slot stays where it is. */
		if (hart_own(hc) == NULL)
			shared_store_slot(
			    &hc->hc_slot, slot_at(base, cp->c_own_slot));
		if (hart_cold(hc) == NULL)
			shared_store_slot(
			    &hc->hc_cold, slot_at(base, cold_slot(cp)));
	}
}

/* No rounds: true for the dummy too. */
static inline bool
top_is_first(void **top)
{
	struct magazine *mp;

	if (top[-1] != NULL)
		return false;
	if (top == mag_dummy_top())
		return true;
	mp = mag_of(top);
	return top ==
	    mag_first(mp,
		atomic_load_explicit(&mp->mag_capacity, memory_order_relaxed));
}

unsigned
hart_rounds(struct kmem_cache *cp, unsigned hart)
{
	unsigned rounds = 0;

	if (cp->c_harts == NULL)
		return 0;
	if (hart_cold(&cp->c_harts[hart]) != NULL)
		rounds += slot_rounds(hart_cold(&cp->c_harts[hart]));
	if (hart_own(&cp->c_harts[hart]) != NULL)
		rounds += slot_rounds(hart_own(&cp->c_harts[hart]));
	return rounds;
}

/*
 * A miss of the loaded magazine, the common cases: the previous one serves, or
 * the depot has a full one. Shorter than the general way of kmem_miss.c, which
 * finds out again whatever this one leaves: no magazine yet, NULL rounds, cold.
 */
static __attribute__((noinline)) void *
alloc_exchange(struct kmem_cache *cp, unsigned flags)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	unsigned long pin = port_pin();
	struct kmem_hart *hc = &cp->c_harts[port_hart_self()];
	void **top, **previous, *obj = NULL;
	struct mag_slot *s = hart_own(hc);
	struct magazine *full;
	bool depot = true; /* not asked yet */

	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		goto out;
	top = slot_top(s);
	previous = slot_previous(s);
	if (!top_is_first(top) || top == mag_dummy_top())
		goto out; /* refilled by an interrupt, or a NULL round */
	if (mag_top_full(previous)) {
		obj = previous[-1];
		if (obj != NULL)
			slot_set(s, previous - 1, top);
		goto out;
	}
	depot = false;
	full = depot_swap_full(cp, mag_of(previous));
	if (full == NULL)
		goto out;
	counter_add(&hc->hc_alloc_miss, 1);
	counter_add(&hc->hc_depot_get, 1);
	previous = mag_end(full);
	obj = previous[-1];
	slot_set(s, previous - (obj != NULL), top);
out:
	port_unpin(pin);
	return obj != NULL ? obj : kmem_alloc_miss(cp, flags, caller, depot);
}

/* The same for a loaded magazine without room. */
static __attribute__((noinline)) void
free_exchange(struct kmem_cache *cp, void *obj, uintptr_t caller)
{
	unsigned long pin = port_pin();
	struct kmem_hart *hc = &cp->c_harts[port_hart_self()];
	void **top, **previous;
	struct mag_slot *s = hart_own(hc);
	struct magazine *empty;
	bool done = false, depot = true;

	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		goto out;
	top = slot_top(s);
	previous = slot_previous(s);
	if (!mag_top_full(top) || top == mag_dummy_top())
		goto out;
	if (mag_top_full(previous)) {
		if (previous == mag_dummy_top())
			goto out;
		depot = false;
		empty = depot_swap_empty(cp, mag_of(previous));
		if (empty == NULL)
			goto out;
		counter_add(&hc->hc_free_miss, 1);
		counter_add(&hc->hc_depot_put, 1);
		previous = mag_reformat(cp, empty);
	}
	*previous = obj;
	slot_set(s, previous + 1, top);
	done = true;
out:
	port_unpin(pin);
	if (!done)
		kmem_free_miss(cp, obj, caller, depot);
}

/* Without magazines, or verified without a slot. */
static __attribute__((noinline)) void *
alloc_bare(struct kmem_cache *cp, unsigned flags)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);

	return live_alloc(cp, flags, caller);
}

/* Calls in tail position only: no stack, and one return address for all. */
void *
kmem_alloc_slow(struct kmem_cache *cp, unsigned flags)
{
	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed)) {
		if (cold_slot(cp) != 0)
			return kmem_cold_alloc(cp, flags);
	} else if (cp->c_own_slot != 0) {
		return alloc_exchange(cp, flags);
	}
	return alloc_bare(cp, flags);
}

bool
kmem_free_from(struct kmem_cache *cp, void *obj, uintptr_t caller)
{
	if (cp->c_live)
		return live_free(cp, obj, caller);
	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed) &&
	    cold_slot(cp) != 0)
		return kmem_cold_free(cp, obj);
	if (cp->c_own_slot != 0)
		free_exchange(cp, obj, caller);
	else
		kmem_free_miss(cp, obj, caller, true);
	return true;
}

/* As above: what is verified leaves before anything is put on the stack. */
void
kmem_free_for(struct kmem_cache *cp, void *obj, uintptr_t caller)
{
	if (cp->c_live)
		(void)live_free(cp, obj, caller);
	else
		(void)kmem_free_from(cp, obj, caller);
}

void
kmem_free_slow(struct kmem_cache *cp, void *obj)
{
	kmem_free_for(cp, obj, (uintptr_t)__builtin_return_address(0));
}

static void
slot_take(struct mag_slot *s, void ***tops)
{
	tops[0] = slot_top(s);
	tops[1] = slot_previous(s);
	slot_set(s, mag_dummy_top(), mag_dummy_top());
}

void
hart_take(struct kmem_cache *cp, struct drained *out)
{
	struct kmem_hart *hc;
	unsigned rounds = 0;

	for (unsigned i = 0; i < DRAIN_TOPS; i++)
		out->dr_tops[i] = mag_dummy_top();
	if (cp->c_harts == NULL)
		return;
	hc = &cp->c_harts[port_hart_self()];
	if (hart_cold(hc) != NULL)
		slot_take(hart_cold(hc), &out->dr_tops[0]);
	if (hart_own(hc) != NULL)
		slot_take(hart_own(hc), &out->dr_tops[2]);
	for (unsigned i = 0; i < DRAIN_TOPS; i++)
		rounds += top_rounds(out->dr_tops[i]);
	atomic_fetch_add_explicit(
	    &cp->c_inflight, rounds, memory_order_relaxed);
	shared_store_32(&hc->hc_used, 0);
}

void
drained_flush(struct kmem_cache *cp, const struct drained *d, size_t *frames,
    size_t *objects)
{
	for (unsigned i = 0; i < DRAIN_TOPS; i++) {
		void **top = d->dr_tops[i];
		struct magazine *mp;
		unsigned rounds;

		if (top == mag_dummy_top())
			continue;
		mp = mag_of(top);
		rounds = mag_rounds(mp, top);
		MM_ASSERT2(rounds <= KMEM_ROUNDS_MAX, mp, rounds);
		*frames +=
		    slab_put_inflight(cp, top - rounds, rounds, false, 0);
		*objects += rounds;
		*frames += mag_destroy(mp);
	}
}
