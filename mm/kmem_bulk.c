/* SPDX-License-Identifier: MIT */
/*
 * Many objects at once, all or none; and zeroing.
 *
 * Theory of operation
 *
 * 1. First the loaded magazine of this hart alone, pinned: when it has n rounds
 *    (or room for n), they are copied and its top moves once.
 * 2. Else in steps, each pinned. The previous magazine is full or empty, never
 *    between: when the caller wants (or brings) as many as it holds, it is
 *    copied as a whole; then the loaded one as far as it goes; then the two
 *    change places, or the previous one is exchanged at the depot: one exchange
 *    a step, so that interrupts wait for two magazines' rounds at most. These
 *    are the visits and misses that single calls count too.
 * 3. What the magazines do not have comes straight from the slabs, up to CHUNK
 *    objects for each hold of the lock. Growing, reclaim and failure are those
 *    of a single allocation, made one at a time; each slab that it makes then
 *    serves the next chunk. What is freed beyond the empty magazines there are
 *    fills new ones, or goes to the slabs likewise when no frame is free.
 * 4. Verified caches (level checked, and KMEM_COUNT) count and judge each
 *    object: there a loop of single calls is the whole of it. The hot pair's
 *    slot is then the dummy's, which has neither rounds nor room.
 * 5. Rounds are copied unseen. In a fast cache a pointer that a caller freed
 *    wrongly is handed out again, here as by a single call: NULL too, which a
 *    single call would have met and reported.
 * 6. Cost: two instructions an object and direction, the copies being
 *    unrolled; KMEM_BULK_BEST objects are copied in one piece, others in pieces
 *    of 32, 16, 8, 4, 2 and 1. The build gives this file no frame pointer
 *    (objects.mk).
 */
#include "kmem_here.h"

#include <string.h>

#define CHUNK KMEM_ROUNDS_MAX /* objects of one hold of the slab lock */
#define BEST  KMEM_BULK_BEST

static inline __attribute__((always_inline)) void
copy_straight(void **to, void *const *from, size_t n)
{
#pragma GCC unroll 64
	for (size_t i = 0; i < n; i++)
		to[i] = from[i];
}

/* n is below 64; without loops, so that it costs little more than the words. */
static __attribute__((noinline)) void
copy(void **to, void *const *from, size_t n)
{
	if ((n & 32) != 0) {
		copy_straight(to, from, 32);
		if (n == 32)
			return;
		to += 32;
		from += 32;
	}
	if ((n & 16) != 0) {
		copy_straight(to, from, 16);
		to += 16;
		from += 16;
	}
	if ((n & 8) != 0) {
		copy_straight(to, from, 8);
		to += 8;
		from += 8;
	}
	if ((n & 4) != 0) {
		copy_straight(to, from, 4);
		to += 4;
		from += 4;
	}
	if ((n & 2) != 0) {
		copy_straight(to, from, 2);
		to += 2;
		from += 2;
	}
	if ((n & 1) != 0)
		*to = *from;
}
_Static_assert(KMEM_ROUNDS_MAX < 64, "copy");

/* Rounds that a top has below it; 0 for the dummy. */
static inline size_t
rounds_below(void **top)
{
	struct magazine *mp = mag_of(top);

	return ((uintptr_t)top - (uintptr_t)mp - magazine_low(mp)) /
	    sizeof(*top);
}

/* Rounds that a magazine has room for; 0 for the dummy. */
static inline size_t
room_above(void **top)
{
	return (0 - (uintptr_t)top) % MAG_BYTES / sizeof(*top);
}

/* n objects from the loaded magazine, or none. */
static bool
loaded_serves(struct mag_slot *s, size_t n, void **objs)
{
	void **top = slot_top(s);

	if (rounds_below(top) < n)
		return false;
	top -= n;
	copy(objs, top, n);
	slot_set_top(s, top);
	return true;
}

static bool
loaded_accepts(struct mag_slot *s, size_t n, void *const *objs)
{
	void **top = slot_top(s);

	if (room_above(top) < n)
		return false;
	copy(top, objs, n);
	slot_set_top(s, top + n);
	return true;
}

/* The same for the batch that is in one piece. */
static inline __attribute__((always_inline)) bool
loaded_serves_best(struct mag_slot *s, void **objs)
{
	void **top = slot_top(s), **to = top - BEST;
	struct magazine *mp = mag_of(top);

	/* Signed: below the header it is negative. */
	if (__builtin_expect((intptr_t)((uintptr_t)to - (uintptr_t)mp) <
		    (intptr_t)magazine_low(mp),
		0))
		return false;
	copy_straight(objs, to, BEST);
	slot_set_top(s, to);
	return true;
}

static inline __attribute__((always_inline)) bool
loaded_accepts_best(struct mag_slot *s, void *const *objs)
{
	void **top = slot_top(s);

	if (__builtin_expect(
		(0 - (uintptr_t)top) % MAG_BYTES < BEST * sizeof(*top), 0))
		return false;
	copy_straight(top, objs, BEST);
	slot_set_top(s, top + BEST);
	return true;
}

/* All of the previous magazine, if it is full and n are at least as many. */
static size_t
previous_out(struct mag_slot *s, size_t n, void **objs)
{
	void **top = slot_previous(s);
	size_t rounds;

	if (!mag_top_full(top))
		return 0;
	rounds = full_rounds(top);
	if (rounds > n)
		return 0;
	copy(objs, top - rounds, rounds);
	slot_set_previous(s, top - rounds);
	return rounds;
}

/* Up to n of the loaded one. */
static size_t
loaded_out(struct mag_slot *s, size_t n, void **objs)
{
	size_t rounds = rounds_below(slot_top(s));

	if (n > rounds)
		n = rounds;
	(void)loaded_serves(s, n, objs);
	return n;
}

/* The loaded magazine is exhausted: another one in its place. */
static __attribute__((noinline)) size_t
exchange_out(struct kmem_cache *cp, struct mag_slot *s, size_t n, void **objs)
{
	struct kmem_hart *hc = &cp->c_harts[port_hart_self()];
	void **top = slot_top(s), **previous = slot_previous(s);
	bool both = top != mag_dummy_top() && previous != mag_dummy_top();
	struct magazine *full;

	MM_ASSERT2(rounds_below(top) == 0, top, n);
	if (previous != mag_dummy_top() && mag_top_full(previous)) {
		slot_set(s, previous, top);
		return loaded_out(s, n, objs);
	}
	full = depot_swap_full(cp, both ? mag_of(previous) : NULL);
	if (full == NULL)
		return 0;
	counter_add(&hc->hc_alloc_miss, 1);
	counter_add(&hc->hc_depot_get, 1);
	shared_store_32(&hc->hc_used, 1);
	slot_set(s, mag_end(full), top != mag_dummy_top() ? top : previous);
	return loaded_out(s, n, objs);
}

/* Up to n objects from the magazines of this hart and one of the depot. */
static size_t
step_out(struct kmem_cache *cp, size_t n, void **objs)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_here(cp);
	size_t got = 0;

	if (slot_serves(cp)) {
		got = previous_out(s, n, objs);
		if (got < n)
			got += loaded_out(s, n - got, objs + got);
		if (got < n)
			got += exchange_out(cp, s, n - got, objs + got);
	}
	port_unpin(pin);
	return got;
}

static size_t
previous_in(struct mag_slot *s, size_t n, void *const *objs)
{
	void **top = slot_previous(s);
	size_t rounds;

	if (mag_top_full(top))
		return 0;
	rounds = magazine_capacity(mag_of(top));
	if (rounds > n)
		return 0;
	copy(top, objs, rounds);
	slot_set_previous(s, top + rounds);
	return rounds;
}

static size_t
loaded_in(struct mag_slot *s, size_t n, void *const *objs)
{
	size_t room = room_above(slot_top(s));

	if (n > room)
		n = room;
	(void)loaded_accepts(s, n, objs);
	return n;
}

/* The loaded magazine is full: another one in its place. */
static __attribute__((noinline)) size_t
exchange_in(
    struct kmem_cache *cp, struct mag_slot *s, size_t n, void *const *objs)
{
	struct kmem_hart *hc = &cp->c_harts[port_hart_self()];
	void **top = slot_top(s), **previous = slot_previous(s);
	bool both = top != mag_dummy_top() && previous != mag_dummy_top();
	uint32_t capacity;
	struct magazine *empty;

	if (!mag_top_full(previous)) {
		slot_set(s, previous, top);
		return loaded_in(s, n, objs);
	}
	empty = depot_swap_empty(cp, both ? mag_of(previous) : NULL);
	if (empty == NULL)
		return 0;
	counter_add(&hc->hc_free_miss, 1);
	counter_add(&hc->hc_depot_put, both);
	shared_store_32(&hc->hc_used, 1);
	capacity = atomic_load_explicit(&cp->c_magsize, memory_order_relaxed);
	if (magazine_capacity(empty) != capacity)
		mag_format(empty, capacity);
	slot_set(s, mag_first(empty, capacity),
	    top != mag_dummy_top() ? top : previous);
	return loaded_in(s, n, objs);
}

/* Up to n objects into the magazines of this hart and one of the depot. */
static size_t
step_in(struct kmem_cache *cp, size_t n, void *const *objs)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_here(cp);
	size_t done = 0;

	if (slot_serves(cp)) {
		done = previous_in(s, n, objs);
		if (done < n)
			done += loaded_in(s, n - done, objs + done);
		if (done < n)
			done += exchange_in(cp, s, n - done, objs + done);
	}
	port_unpin(pin);
	return done;
}

/*
 * The loaded magazine has a few rounds, too few; the previous one is full. To
 * go on with that one leaves a magazine so that the free that follows finds too
 * little room, and so for ever. Free objects of the slabs fill the loaded one
 * instead, while there are any: then both calls fit.
 */
static bool
topped_up(struct kmem_cache *cp, size_t n, void **objs)
{
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_here(cp);
	void **top = slot_top(s), **previous = slot_previous(s);
	size_t rounds = rounds_below(top), room = room_above(top);
	bool served = false;

	if (slot_serves(cp) && rounds > 0 && rounds + room >= n &&
	    mag_top_full(previous) && previous != mag_dummy_top()) {
		slot_set_top(s, top + slab_take(cp, top, room));
		served = loaded_serves(s, n, objs);
	}
	port_unpin(pin);
	return served;
}

/* Objects that went past the magazines of a cache that counts calls. */
static void
count_direct(struct kmem_cache *cp, size_t n, bool alloc)
{
	unsigned long pin;
	struct kmem_hart *hc;

	if (cp->c_harts == NULL) {
		slab_lock(cp);
		*(alloc ? &cp->c_slab_allocs : &cp->c_slab_frees) += n;
		slab_unlock(cp);
		return;
	}
	if (!atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		return;
	pin = port_pin();
	hc = &cp->c_harts[port_hart_self()];
	counter_add(
	    alloc ? &hart_counts(hc)->allocs : &hart_counts(hc)->frees, n);
	port_unpin(pin);
}

/* Worth the lock of the slabs: a single call would fill a magazine instead. */
static bool
many(const struct kmem_cache *cp, size_t n)
{
	return cp->c_harts == NULL ||
	    n >= atomic_load_explicit(&cp->c_magsize, memory_order_relaxed);
}

/* Straight from slabs that exist; not where each object is judged. */
static size_t
slabs_out(struct kmem_cache *cp, size_t n, void **objs)
{
	size_t got;

	if (cp->c_live || !many(cp, n))
		return 0;
	got = slab_take(cp, objs, n < CHUNK ? n : CHUNK);
	if (got > 0)
		count_direct(cp, got, true);
	return got;
}

/* And back, when there is no memory for a magazine. */
static size_t
slabs_in(struct kmem_cache *cp, size_t n, void **objs, uintptr_t caller)
{
	struct magazine *mp;

	if (cp->c_live || !many(cp, n))
		return 0;
	if (n > CHUNK)
		n = CHUNK;
	if (slot_serves(cp)) {
		mp = mag_create(
		    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed));
		if (mp != NULL) {
			depot_put(cp, mp, false);
			return step_in(cp, n, objs);
		}
	}
	count_direct(cp, n, false);
	(void)slab_put(cp, objs, n, true, caller);
	return n;
}

static __attribute__((noinline)) bool
zero_all(struct kmem_cache *cp, size_t n, void **objs)
{
	for (size_t i = 0; i < n; i++)
		(void)kmem_cache_zero(cp, objs[i]);
	return true;
}

/* What the loaded magazine alone does not serve. */
static __attribute__((noinline)) bool
alloc_rest(struct kmem_cache *cp, unsigned flags, size_t n, void **objs)
{
	const unsigned single = flags & ~(KMEM_PANIC | KMEM_ZERO);
	size_t got = 0;

	if (topped_up(cp, n, objs))
		got = n;
	while (got < n) {
		size_t more = step_out(cp, n - got, objs + got);

		if (more == 0)
			more = slabs_out(cp, n - got, objs + got);
		if (more == 0) {
			objs[got] = kmem_alloc_slow(cp, single);
			more = objs[got] != NULL;
		}
		if (more == 0)
			break;
		got += more;
	}
	if (got < n) {
		kmem_cache_free_bulk(cp, got, objs);
		if ((flags & KMEM_PANIC) != 0)
			port_panic(
			    __FILE__, __LINE__, cp->c_name, cp->c_size, n);
		return false;
	}
	if ((flags & KMEM_ZERO) != 0)
		zero_all(cp, n, objs);
	return true;
}

static __attribute__((noinline)) bool
alloc_any(struct kmem_cache *cp, unsigned flags, size_t n, void **objs)
{
	unsigned long pin = port_pin();
	bool served = loaded_serves(slot_here(cp), n, objs);

	port_unpin(pin);
	if (!served)
		return alloc_rest(cp, flags, n, objs);
	if ((flags & KMEM_ZERO) != 0)
		return zero_all(cp, n, objs);
	return true;
}

bool
kmem_cache_alloc_bulk(
    struct kmem_cache *cp, unsigned flags, size_t n, void **objs)
{
	unsigned long pin;
	bool served;

	/* One test: whoever has flags goes the longer way. */
	if (((n ^ BEST) | (size_t)(int)flags) != 0)
		return alloc_any(cp, flags, n, objs);
	pin = port_pin();
	served = loaded_serves_best(slot_here(cp), objs);
	port_unpin(pin);
	if (__builtin_expect(!served, 0))
		return alloc_rest(cp, 0, BEST, objs);
	return true;
}

static __attribute__((noinline)) void
free_rest(struct kmem_cache *cp, size_t n, void **objs)
{
	/* Called last, by a jump: the address is that of the bulk's caller. */
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);

	while (n > 0) {
		size_t done = step_in(cp, n, objs);

		if (done == 0)
			done = slabs_in(cp, n, objs, caller);
		if (done == 0) {
			(void)kmem_free_from(cp, objs[0], caller);
			done = 1;
		}
		n -= done;
		objs += done;
	}
}

static __attribute__((noinline)) void
free_any(struct kmem_cache *cp, size_t n, void **objs)
{
	unsigned long pin = port_pin();
	bool accepted = loaded_accepts(slot_here(cp), n, objs);

	port_unpin(pin);
	if (!accepted)
		free_rest(cp, n, objs);
}

void
kmem_cache_free_bulk(struct kmem_cache *cp, size_t n, void **objs)
{
	unsigned long pin;
	bool accepted;

	if (n != BEST) {
		free_any(cp, n, objs);
		return;
	}
	pin = port_pin();
	accepted = loaded_accepts_best(slot_here(cp), objs);
	port_unpin(pin);
	if (__builtin_expect(!accepted, 0))
		free_rest(cp, BEST, objs);
}

void *
kmem_cache_zero(struct kmem_cache *cp, void *obj)
{
	/* Zeroing would destroy the constructed state: a bug of the caller. */
	MM_ASSERT2(cp->c_ctor == NULL, cp->c_name, obj);
	if (obj != NULL)
		memset(obj, 0, cp->c_size);
	return obj;
}
