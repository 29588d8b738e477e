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
 * 5. Memory. A free never needs any: it takes an empty magazine from the depot,
 *    else tries to make one without waiting, else returns the object to its
 *    slab. Magazines come from a cache without magazines, so nothing recurses.
 * 6. Verified caches (level checked, and KMEM_COUNT) keep their magazines in
 *    the cold structure. The hot pair finds the dummy and comes here, where
 *    every call is counted and, in checked caches, claims the object's live
 *    bit: set by alloc, cleared by free, both as one atomic operation, so that
 *    of two harts freeing one object exactly one succeeds.
 */
#include "kmem_impl.h"

void
mag_format(struct magazine *mp, uint32_t capacity)
{
	MM_ASSERT2(capacity > 0 && capacity <= KMEM_ROUNDS_MAX, mp, capacity);
	atomic_store_explicit(
	    &mp->mag_capacity, capacity, memory_order_relaxed);
	mag_first(mp, capacity)[-1] = NULL;
}

struct mag_slot *
hart_slot(struct kmem_cache *cp, unsigned hart)
{
	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		return &cp->c_harts[hart].hc_cold;
	return (struct mag_slot *)((uintptr_t)port_slot_base(hart) +
	    cp->c_own_slot);
}

void
hart_slots_init(struct kmem_cache *cp)
{
	for (unsigned h = 0; h < port_hart_count(); h++)
		slot_set(
		    &cp->c_harts[h].hc_cold, mag_dummy_top(), mag_dummy_top());
}

static unsigned
top_rounds(void **top)
{
	unsigned rounds;

	if (top == mag_dummy_top())
		return 0;
	/* Another hart's magazine may have gone meanwhile: bound the answer. */
	rounds = mag_rounds(mag_of(top), top);
	return rounds <= KMEM_ROUNDS_MAX ? rounds : 0;
}

static unsigned
slot_rounds(const struct mag_slot *s)
{
	return top_rounds(slot_top(s)) + top_rounds(slot_previous(s));
}

unsigned
hart_rounds(struct kmem_cache *cp, unsigned hart)
{
	unsigned rounds;

	if (cp->c_harts == NULL)
		return 0;
	rounds = slot_rounds(&cp->c_harts[hart].hc_cold);
	if (cp->c_own_slot != 0)
		rounds += slot_rounds(
		    (struct mag_slot *)((uintptr_t)port_slot_base(hart) +
			cp->c_own_slot));
	return rounds;
}

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

/* Make an empty magazine the loaded one; it has no rounds to lose. */
static void
load_empty(struct kmem_cache *cp, struct mag_slot *s, struct magazine *mp,
    void **previous)
{
	uint32_t capacity =
	    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed);

	mag_format(mp, capacity);
	slot_set(s, mag_first(mp, capacity), previous);
}

static bool
hart_has_none(const struct mag_slot *s)
{
	return slot_top(s) == mag_dummy_top() &&
	    slot_previous(s) == mag_dummy_top();
}

/* A full magazine from the depot. Both of ours are empty, or missing. */
static bool
refill_from_depot(
    struct kmem_cache *cp, struct kmem_hart *hc, struct mag_slot *s)
{
	void **top = slot_top(s), **previous = slot_previous(s);
	bool both = top != mag_dummy_top() && previous != mag_dummy_top();
	struct magazine *full =
	    depot_swap_full(cp, both ? mag_of(previous) : NULL);

	if (full == NULL)
		return false;
	if (top != mag_dummy_top())
		previous = top;
	slot_set(s, (void **)((uintptr_t)full + MAG_BYTES), previous);
	counter_add(&hc->hc_depot_get, 1);
	return true;
}

/* Objects straight from slabs that exist, into a magazine of ours. */
static bool
refill_from_slabs(
    struct kmem_cache *cp, struct mag_slot *s, struct magazine **spare)
{
	void **first;
	struct magazine *mp;
	size_t got;

	if (slot_top(s) == mag_dummy_top()) {
		mp = NULL;
		if (slot_previous(s) != mag_dummy_top())
			mp = mag_of(slot_previous(s));
		if (mp == NULL)
			mp = depot_get_empty(cp);
		if (mp == NULL) {
			mp = *spare;
			*spare = NULL;
		}
		if (mp == NULL)
			return false;
		load_empty(cp, s, mp, mag_dummy_top());
	} else {
		load_empty(cp, s, mag_of(slot_top(s)), slot_previous(s));
	}
	mp = mag_of(slot_top(s));
	first = slot_top(s);
	got = slab_take(cp, first,
	    atomic_load_explicit(&mp->mag_capacity, memory_order_relaxed));
	slot_set_top(s, first + got);
	return got > 0;
}

static void *
hart_refill(struct kmem_cache *cp, struct kmem_hart *hc, struct mag_slot *s,
    struct magazine **spare)
{
	MM_ASSERT2(slot_rounds(s) == 0, s, slot_rounds(s));
	/* A second try, with a spare, is the same miss. */
	if (*spare == NULL)
		counter_add(&hc->hc_alloc_miss, 1);
	/* Even a refill in vain may leave an empty magazine to be filled. */
	atomic_store_explicit(&hc->hc_used, 1u, memory_order_relaxed);
	if (!refill_from_depot(cp, hc, s) && !refill_from_slabs(cp, s, spare))
		return NULL;
	return slot_pop(s);
}

/* An empty magazine for a hart whose own are full, or missing. */
static bool
hart_make_room(struct kmem_cache *cp, struct kmem_hart *hc, struct mag_slot *s,
    struct magazine **spare)
{
	void **top = slot_top(s), **previous = slot_previous(s);
	bool both = top != mag_dummy_top() && previous != mag_dummy_top();
	struct magazine *empty =
	    depot_swap_empty(cp, both ? mag_of(previous) : NULL);

	if (empty == NULL && *spare != NULL) {
		empty = *spare;
		*spare = NULL;
		if (both)
			depot_put(cp, mag_of(previous), true);
	}
	if (empty == NULL)
		return false;
	counter_add(&hc->hc_depot_put, both);
	load_empty(cp, s, empty, top != mag_dummy_top() ? top : previous);
	atomic_store_explicit(&hc->hc_used, 1u, memory_order_relaxed);
	return true;
}

/*
 * The object of this cache that begins at addr, or NULL; *index in its slab.
 * Inlined: verified caches do this for every call.
 */
static inline struct slab *
object_at(const struct kmem_cache *cp, uintptr_t addr, unsigned *index)
{
	struct slab *sp = slab_of(addr);
	size_t stride = cp->c_geo.g_stride, off;

	if (sp == NULL || sp->s_cache != cp)
		return NULL;
	off = addr - sp->s_base - sp->s_first;
	if (off >= sp->s_frames * FRAME_SIZE) /* below object 0: it wraps */
		return NULL;
	*index = (uint32_t)off / (uint32_t)stride;
	return *index * stride == off && *index < sp->s_total ? sp : NULL;
}

/* Set the live bit of an object that goes to a caller. */
static void
live_set(const struct kmem_cache *cp, void *obj)
{
	unsigned index;
	struct slab *sp = object_at(cp, (uintptr_t)obj, &index);
	uint64_t bit, old;

	MM_ASSERT2(sp != NULL, obj, cp->c_name);
	bit = (uint64_t)1 << (index % 64);
	/* Relaxed: the bit is a claim, it publishes nothing. */
	old = atomic_fetch_or_explicit(
	    slab_live_word(sp, index), bit, memory_order_relaxed);
	MM_ASSERT2((old & bit) == 0, obj, sp);
}

/* What is wrong with this free; every way ends in a report. */
static __attribute__((noinline)) void
live_refuse(struct kmem_cache *cp, uintptr_t addr, uintptr_t caller)
{
	struct slab *sp;
	unsigned index;

	if (kmem_free_allowed(cp, addr, caller, &sp, &index))
		kmem_report(cp, MM_DOUBLE_FREE, addr, caller,
		    "the object is not handed out");
}

/* Claim an object for freeing; false, after a report, when it cannot be. */
static bool
live_clear(struct kmem_cache *cp, uintptr_t addr, uintptr_t caller)
{
	unsigned index;
	struct slab *sp = object_at(cp, addr, &index);

	if (sp != NULL) {
		uint64_t bit = (uint64_t)1 << (index % 64);

		if ((atomic_fetch_and_explicit(slab_live_word(sp, index), ~bit,
			 memory_order_relaxed) &
			bit) != 0)
			return true;
	}
	live_refuse(cp, addr, caller);
	return false;
}

/* Verified caches, the common case: the loaded magazine serves. */
static void *
cold_pop(struct kmem_cache *cp)
{
	unsigned long pin = port_pin();
	struct kmem_hart *hc = &cp->c_harts[port_hart_self()];
	void *obj = NULL;

	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		obj = slot_pop(&hc->hc_cold);
	if (obj != NULL)
		counter_add(&hc->hc_alloc, 1);
	port_unpin(pin);
	return obj;
}

static bool
cold_push(struct kmem_cache *cp, void *obj)
{
	unsigned long pin = port_pin();
	struct kmem_hart *hc = &cp->c_harts[port_hart_self()];
	bool done = false;

	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		done = slot_push(&hc->hc_cold, obj);
	if (done)
		counter_add(&hc->hc_free, 1);
	port_unpin(pin);
	return done;
}

/* One try to allocate inside the hart layer. */
static void *
hart_alloc(
    struct kmem_cache *cp, struct magazine **spare, bool *bare, unsigned *nulls)
{
	unsigned long pin = port_pin();
	unsigned hart = port_hart_self();
	struct kmem_hart *hc = &cp->c_harts[hart];
	struct mag_slot *s = hart_slot(cp, hart);
	void *obj = pair_pop(s);
	unsigned dropped;

	/* Each round dropped may show another NULL below or in the other. */
	while (obj == NULL && (dropped = pair_drop_nulls(s)) > 0) {
		*nulls += dropped;
		obj = pair_pop(s);
	}
	if (obj == NULL)
		obj = hart_refill(cp, hc, s, spare);
	*bare = hart_has_none(s);
	if (obj != NULL &&
	    atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		counter_add(&hc->hc_alloc, 1);
	port_unpin(pin);
	return obj;
}

static void
hart_count_alloc(struct kmem_cache *cp)
{
	unsigned long pin = port_pin();

	counter_add(&cp->c_harts[port_hart_self()].hc_alloc, 1);
	port_unpin(pin);
}

/* Through the magazines, else by growing. */
static void *
mag_alloc(struct kmem_cache *cp, unsigned flags, uintptr_t caller)
{
	struct magazine *spare = NULL;
	unsigned nulls = 0;
	bool bare;
	void *obj = hart_alloc(cp, &spare, &bare, &nulls);

	if (obj == NULL && bare) {
		spare = mag_create(
		    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed));
		if (spare != NULL)
			obj = hart_alloc(cp, &spare, &bare, &nulls);
		if (spare != NULL)
			(void)mag_destroy(spare);
	}
	if (obj == NULL) {
		obj = slab_alloc(cp, flags);
		if (obj != NULL &&
		    atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
			hart_count_alloc(cp);
	}
	if (nulls > 0)
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
	bool reached;

	slab_lock(cp);
	reached = cp->c_limit != 0 && cp->c_inuse >= cp->c_limit;
	slab_unlock(cp);
	if (!reached || (flags & KMEM_NOWAIT) != 0 || port_in_interrupt())
		return NULL;
	(void)kmem_cache_shrink(cp);
	return slab_alloc(cp, flags);
}

/* The loaded magazine did not serve. */
static __attribute__((noinline)) void *
alloc_miss(struct kmem_cache *cp, unsigned flags, uintptr_t caller)
{
	void *obj;

	if (cp->c_harts != NULL) {
		obj = mag_alloc(cp, flags, caller);
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

void *
kmem_alloc_slow(struct kmem_cache *cp, unsigned flags)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	void *obj = NULL;

	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed) &&
	    cp->c_harts != NULL)
		obj = cold_pop(cp);
	if (obj == NULL)
		obj = alloc_miss(cp, flags, caller);
	if (obj != NULL && cp->c_live)
		live_set(cp, obj);
	return obj;
}

/* One try to free inside the hart layer. */
static bool
hart_free(struct kmem_cache *cp, void *obj, struct magazine **spare)
{
	unsigned long pin = port_pin();
	unsigned hart = port_hart_self();
	struct kmem_hart *hc = &cp->c_harts[hart];
	struct mag_slot *s = hart_slot(cp, hart);
	bool done = pair_push(s, obj);

	if (!done) {
		if (*spare == NULL)
			counter_add(&hc->hc_free_miss, 1);
		done = hart_make_room(cp, hc, s, spare) && slot_push(s, obj);
	}
	if (done && atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		counter_add(&hc->hc_free, 1);
	port_unpin(pin);
	return done;
}

static void
mag_free(struct kmem_cache *cp, void *obj, uintptr_t caller)
{
	struct magazine *spare = NULL;
	unsigned long pin;

	if (hart_free(cp, obj, &spare))
		return;
	spare = mag_create(
	    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed));
	if (spare != NULL && hart_free(cp, obj, &spare))
		obj = NULL;
	if (spare != NULL)
		(void)mag_destroy(spare);
	if (obj == NULL)
		return;
	/* No memory for a magazine: the object goes home alone. */
	(void)slab_put(cp, &obj, 1, true, caller);
	pin = port_pin();
	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		counter_add(&cp->c_harts[port_hart_self()].hc_free, 1);
	port_unpin(pin);
}

bool
kmem_free_from(struct kmem_cache *cp, void *obj, uintptr_t caller)
{
	if (cp->c_live && !live_clear(cp, (uintptr_t)obj, caller))
		return false;
	if (cp->c_harts != NULL) {
		if (!atomic_load_explicit(&cp->c_cold, memory_order_relaxed) ||
		    !cold_push(cp, obj))
			mag_free(cp, obj, caller);
		return true;
	}
	slab_lock(cp);
	cp->c_slab_frees++;
	slab_unlock(cp);
	(void)slab_put(cp, &obj, 1, true, caller);
	return true;
}

void
kmem_free_slow(struct kmem_cache *cp, void *obj)
{
	(void)kmem_free_from(cp, obj, (uintptr_t)__builtin_return_address(0));
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
	unsigned hart = port_hart_self();

	for (unsigned i = 0; i < DRAIN_TOPS; i++)
		out->dr_tops[i] = mag_dummy_top();
	if (cp->c_harts == NULL)
		return;
	slot_take(&cp->c_harts[hart].hc_cold, &out->dr_tops[0]);
	if (cp->c_own_slot != 0)
		slot_take((struct mag_slot *)((uintptr_t)port_slot_base(hart) +
			      cp->c_own_slot),
		    &out->dr_tops[2]);
	atomic_store_explicit(
	    &cp->c_harts[hart].hc_used, 0u, memory_order_relaxed);
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
		*frames += slab_put(cp, top - rounds, rounds, false, 0);
		*objects += rounds;
		*frames += mag_destroy(mp);
	}
}
