/* SPDX-License-Identifier: MIT */
/*
 * The memory of Lua states.
 *
 * Theory of operation
 *
 * 1. A heap is what one Lua state lives in. Small blocks (up to
 *    HEAP_SMALL_MAX) come from caches of its own, made when first needed: 16 B
 *    steps to 128 B, then four classes per doubling, so that a block wastes at
 *    most a fifth of itself. Larger blocks are runs of frames, grown and cut
 *    in place where that is possible. The caches are single-owner: no
 *    magazines, because nothing is shared, and they may be destroyed with live
 *    objects. Dropping a heap is therefore destroying its caches and freeing
 *    its runs; Lua need not be in a state that could still be closed.
 *
 * 2. All heaps together stay below one cap. A heap takes room from it in
 *    steps of CHARGE_STEP, so that most allocations touch no shared word.
 *    `h_used <= h_granted` and `sum of h_granted <= cap` hold between calls
 *    (a cap that was lowered below that admits nothing until it holds again).
 *
 * 3. Out of memory. The first refusal of a size is answered NULL: Lua collects
 *    its garbage and asks again. The console's heap then draws on the reserve,
 *    a region taken at boot which nobody else can use, so that the prompt
 *    compiles and runs `t = nil` while zones and cap are exhausted. A running
 *    chunk must leave half of what it found, or more (heap_enter_chunk), so a
 *    runaway script ends in "not enough memory" and the next prompt still has
 *    a reserve. A collection of a full heap is long, and one per request would
 *    keep a runaway busy for minutes: it is asked for once in CREDIT requests.
 *    Blocks of the reserve are told by their address.
 *
 * 4. Lua forbids a shrinking realloc to fail. When the smaller class has no
 *    memory the block stays where it is and is listed as a misfit: the last
 *    MISFIT_BYTES of it, which the smaller size no longer needs, hold the link
 *    and the true size. While that list is not empty, every free looks there
 *    first. Neighbouring classes differ by at least MISFIT_BYTES.
 *
 * 5. Recursion. An allocation may make mm reclaim memory; reclaim calls back
 *    into no Lua state. The collector runs above heap_alloc, never below it.
 *    A new cache allocates mm's own records, which are not Lua's.
 */
#include "heap.h"

#include <stdatomic.h>
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/panic.h>
#include <mm/kmem.h>

#define FINE_STEP    16u  /* bytes between classes up to FINE_MAX */
#define FINE_MAX     128u /* bytes */
#define FINE_CLASSES (FINE_MAX / FINE_STEP)
#define FINE_SHIFT   7u /* log2(FINE_MAX) */
#define CHARGE_STEP  (16u << 10)
#define MISFIT_BYTES sizeof(struct heap_misfit)
#define GRANULE      64u /* bytes of the reserve per bit of its map */
#define WORD_BITS    64u
#define CHUNK_SHARE  (128u << 10) /* bytes of the reserve for one chunk */
#define CREDIT       64u
#define LOOKED_AT    1000u

/* A block of more than HEAP_SMALL_MAX bytes; the owner word of its frames. */
struct heap_run {
	struct heap_run *r_next, *r_prev;
	void *r_base;
	size_t r_frames;
};

/* The tail of a block whose size says less than it holds. */
struct heap_misfit {
	struct heap_misfit *m_next;
	size_t m_bytes; /* true size of the block, of which this is the end */
};

_Static_assert(sizeof(struct heap_misfit) <= FINE_STEP, "fits every slack");

/* Bytes that all heaps may have, and have been granted. */
static _Atomic uint64_t total_cap;
static _Atomic uint64_t total_granted;

/* Used by one heap at a time (that of the console): no lock. */
static struct {
	uint8_t *base;
	size_t granules, free;
	size_t cursor; /* where the last search ended */
	uint64_t *map; /* one bit per granule, set: in use */
} reserve;

static unsigned
class_of(size_t bytes)
{
	unsigned log;

	KASSERT(bytes > 0 && bytes <= HEAP_SMALL_MAX);
	if (bytes <= FINE_MAX)
		return (unsigned)((bytes - 1) / FINE_STEP);
	log = 63u - (unsigned)__builtin_clzll(bytes - 1);
	return FINE_CLASSES + (log - FINE_SHIFT) * 4 +
	    (unsigned)((bytes - 1 - ((size_t)1 << log)) >> (log - 2));
}

static size_t
class_bytes(unsigned class)
{
	unsigned doubling, quarter;

	if (class < FINE_CLASSES)
		return (size_t)(class + 1) * FINE_STEP;
	doubling = (class - FINE_CLASSES) / 4;
	quarter = (class - FINE_CLASSES) % 4;
	return ((size_t)FINE_MAX << doubling) +
	    ((size_t)(FINE_MAX / 4) << doubling) * (quarter + 1);
}

static size_t
frames_of(size_t bytes)
{
	return (bytes + FRAME_SIZE - 1) >> FRAME_SHIFT;
}

/* Room that a block of `bytes` takes. */
static size_t
room_of(size_t bytes)
{
	if (bytes <= HEAP_SMALL_MAX)
		return class_bytes(class_of(bytes));
	return frames_of(bytes) << FRAME_SHIFT;
}

/* ---- the cap ---- */

static bool
grant(size_t bytes)
{
	/* A count, not a lock: it orders nothing. */
	uint64_t now =
	    atomic_load_explicit(&total_granted, memory_order_relaxed);
	uint64_t cap = atomic_load_explicit(&total_cap, memory_order_relaxed);

	do {
		if (now >= cap || bytes > cap - now)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&total_granted, &now,
	    now + bytes, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static bool
charge(struct heap *h, size_t bytes)
{
	size_t lacking, step;

	if (h->h_granted - h->h_used < bytes) {
		lacking = bytes - (h->h_granted - h->h_used);
		step = (lacking + CHARGE_STEP - 1) / CHARGE_STEP * CHARGE_STEP;
		if (!grant(step)) {
			step = lacking;
			if (!grant(step))
				return false;
		}
		h->h_granted += step;
	}
	h->h_used += bytes;
	KASSERT(h->h_used <= h->h_granted);
	return true;
}

static void
uncharge(struct heap *h, size_t bytes)
{
	size_t spare;

	KASSERT(h->h_used >= bytes);
	h->h_used -= bytes;
	spare = h->h_granted - h->h_used;
	if (spare > 3u * CHARGE_STEP) {
		spare -= CHARGE_STEP;
		atomic_fetch_sub_explicit(
		    &total_granted, spare, memory_order_relaxed);
		h->h_granted -= spare;
	}
}

uint64_t
heap_cap(void)
{
	return atomic_load_explicit(&total_cap, memory_order_relaxed);
}

void
heap_set_cap(uint64_t bytes)
{
	atomic_store_explicit(&total_cap, bytes, memory_order_relaxed);
}

uint64_t
heap_charged(void)
{
	return atomic_load_explicit(&total_granted, memory_order_relaxed);
}

size_t
heap_frames(void)
{
	struct frame_stats st;

	frame_get_stats(&st);
	return st.used_by[FRAME_TAG_LUA];
}

/* ---- the reserve ---- */

bool
heap_setup(uint64_t cap, size_t bytes)
{
	size_t frames = frames_of(bytes), words;
	uint8_t *run = frame_alloc(frames, 1, 0, FRAME_TAG_LUA);

	heap_set_cap(cap);
	if (run == NULL)
		return false;
	reserve.granules = (frames << FRAME_SHIFT) / GRANULE;
	words = (reserve.granules + WORD_BITS - 1) / WORD_BITS;
	/* The map lies at the head of the region; its granules stay used. */
	reserve.map = (void *)run;
	reserve.base = run + words * sizeof(uint64_t);
	reserve.base +=
	    (GRANULE - words * sizeof(uint64_t) % GRANULE) % GRANULE;
	reserve.granules -= (size_t)(reserve.base - run) / GRANULE;
	reserve.free = reserve.granules;
	memset(reserve.map, 0, words * sizeof(uint64_t));
	return true;
}

size_t
heap_reserve_free(size_t *total)
{
	if (total != NULL)
		*total = reserve.granules * GRANULE;
	return reserve.free * GRANULE;
}

static bool
in_reserve(const void *ptr)
{
	uintptr_t at = (uintptr_t)ptr - (uintptr_t)reserve.base;

	return at < reserve.granules * GRANULE;
}

static bool
granule_used(size_t i)
{
	return (reserve.map[i / WORD_BITS] >> (i % WORD_BITS) & 1u) != 0;
}

static void
granules_mark(size_t first, size_t n, bool used)
{
	size_t i;

	for (i = first; i < first + n; i++) {
		KASSERT(granule_used(i) != used);
		reserve.map[i / WORD_BITS] ^= (uint64_t)1 << (i % WORD_BITS);
	}
	reserve.free = used ? reserve.free - n : reserve.free + n;
}

/* n free granules in a row within [from, to); `to` when there are none. */
static size_t
granules_find(size_t from, size_t to, size_t n)
{
	size_t i, run = 0;

	for (i = from; i < to; i++) {
		run = granule_used(i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return to;
}

static size_t
granules_of(size_t bytes)
{
	return (bytes + GRANULE - 1) / GRANULE;
}

static void *
reserve_alloc(const struct heap *h, size_t bytes)
{
	size_t n = granules_of(bytes), at;

	if (!h->h_reserve || bytes > reserve.granules * GRANULE ||
	    reserve.free < n + h->h_reserve_floor)
		return NULL;
	at = granules_find(reserve.cursor, reserve.granules, n);
	if (at == reserve.granules) {
		at = granules_find(0, reserve.granules, n);
		if (at == reserve.granules)
			return NULL;
	}
	granules_mark(at, n, true);
	reserve.cursor = at + n;
	return reserve.base + at * GRANULE;
}

static void
reserve_free(void *ptr, size_t bytes)
{
	size_t at = (size_t)((uint8_t *)ptr - reserve.base) / GRANULE;

	granules_mark(at, granules_of(bytes), false);
}

void
heap_enter_chunk(struct heap *h)
{
	size_t share = reserve.free / 2;

	if (share > granules_of(CHUNK_SHARE))
		share = granules_of(CHUNK_SHARE);
	h->h_reserve_floor = reserve.free - share;
}

void
heap_leave_chunk(struct heap *h)
{
	h->h_reserve_floor = 0;
	h->h_credit = 0;
}

/* ---- small blocks ---- */

static struct kmem_cache *
cache_of(struct heap *h, unsigned class)
{
	struct kmem_options opt = {
		.flags = KMEM_SINGLE_OWNER | KMEM_NOCOLOUR,
		.protect = KMEM_FAST,
		.frame_tag = FRAME_TAG_LUA,
	};
	char name[KMEM_NAME_MAX];

	if (h->h_caches[class] == NULL) {
		(void)fmt_format(name, sizeof(name), "lua-%s-%zu", h->h_name,
		    class_bytes(class));
		if (kmem_cache_create(&h->h_caches[class], name,
			class_bytes(class), &opt, NULL) != 0)
			h->h_caches[class] = NULL;
	}
	return h->h_caches[class];
}

/* Cheap first: reclaim only when no slab and no zone has room. */
static void *
small_alloc(struct heap *h, size_t bytes)
{
	struct kmem_cache *cp = cache_of(h, class_of(bytes));
	void *obj;

	if (cp == NULL)
		return NULL;
	obj = kmem_cache_alloc(cp, KMEM_NOWAIT);
	if (obj == NULL)
		obj = kmem_cache_alloc(cp, 0);
	return obj;
}

/* ---- runs ---- */

static void *
frames_alloc(size_t frames)
{
	void *run = frame_alloc(frames, 1, FRAME_NOWAIT, FRAME_TAG_LUA);

	if (run == NULL)
		run = frame_alloc(frames, 1, 0, FRAME_TAG_LUA);
	return run;
}

static void *
run_alloc(struct heap *h, size_t bytes)
{
	struct heap_run *r;

	if (!charge(h, room_of(sizeof(*r))))
		return NULL;
	r = small_alloc(h, sizeof(*r));
	if (r == NULL)
		goto fail_charge;
	r->r_frames = frames_of(bytes);
	r->r_base = frames_alloc(r->r_frames);
	if (r->r_base == NULL)
		goto fail_record;
	frame_set_owner(r->r_base, r->r_frames, (uintptr_t)r);
	r->r_prev = NULL;
	r->r_next = h->h_runs;
	if (r->r_next != NULL)
		r->r_next->r_prev = r;
	h->h_runs = r;
	return r->r_base;

fail_record:
	kmem_cache_free(h->h_caches[class_of(sizeof(*r))], r);
fail_charge:
	uncharge(h, room_of(sizeof(*r)));
	return NULL;
}

static struct heap_run *
run_of(const void *ptr)
{
	union {
		uintptr_t word;
		struct heap_run *run;
	} owner = { .word = 0 };
	int tag = frame_lookup((uintptr_t)ptr, &owner.word);

	KASSERT(tag == (int)FRAME_TAG_LUA);
	KASSERT(owner.run != NULL && owner.run->r_base == ptr);
	return owner.run;
}

static void
run_free(struct heap *h, void *ptr)
{
	struct heap_run *r = run_of(ptr);

	if (r->r_prev != NULL)
		r->r_prev->r_next = r->r_next;
	else
		h->h_runs = r->r_next;
	if (r->r_next != NULL)
		r->r_next->r_prev = r->r_prev;
	frame_free(r->r_base, r->r_frames);
	kmem_cache_free(h->h_caches[class_of(sizeof(*r))], r);
	uncharge(h, room_of(sizeof(*r)));
}

/* In place; false when the frames behind the run are taken. */
static bool
run_resize(struct heap *h, void *ptr, size_t bytes)
{
	struct heap_run *r = run_of(ptr);
	size_t want = frames_of(bytes), have = r->r_frames;

	if (want < have) {
		frame_trim(ptr, have, want);
		uncharge(h, (have - want) << FRAME_SHIFT);
	} else if (want > have) {
		if (!charge(h, (want - have) << FRAME_SHIFT))
			return false;
		if (!frame_extend(ptr, have, want)) {
			uncharge(h, (want - have) << FRAME_SHIFT);
			return false;
		}
		frame_set_owner(ptr, want, (uintptr_t)r);
	}
	r->r_frames = want;
	return true;
}

/* ---- misfits ---- */

static void
misfit_add(struct heap *h, void *ptr, size_t bytes)
{
	struct heap_misfit *m;

	KASSERT(bytes >= FINE_STEP + MISFIT_BYTES);
	m = (void *)((uint8_t *)ptr + bytes - MISFIT_BYTES);
	m->m_bytes = bytes;
	m->m_next = h->h_misfits;
	h->h_misfits = m;
}

/* Take it off the list: its true size, or `bytes` when it is no misfit. */
static size_t
misfit_take(struct heap *h, const void *ptr, size_t bytes)
{
	struct heap_misfit **link = &h->h_misfits;

	while (*link != NULL) {
		struct heap_misfit *m = *link;

		if ((uintptr_t)m + MISFIT_BYTES - m->m_bytes ==
		    (uintptr_t)ptr) {
			*link = m->m_next;
			return m->m_bytes;
		}
		link = &m->m_next;
	}
	return bytes;
}

/* ---- all blocks ---- */

/* From cache or zone, within the cap. */
static void *
obtain(struct heap *h, size_t bytes)
{
	void *ptr;

	if (bytes > SIZE_MAX / 2 || !charge(h, room_of(bytes)))
		return NULL;
	ptr = bytes <= HEAP_SMALL_MAX ? small_alloc(h, bytes)
				      : run_alloc(h, bytes);
	if (ptr == NULL)
		uncharge(h, room_of(bytes));
	return ptr;
}

/* Less than a 32nd of the cap is left. */
static bool
nearly_full(const struct heap *h)
{
	uint64_t cap = heap_cap();
	uint64_t used = heap_charged() - (h->h_granted - h->h_used);

	return used > cap - cap / 32;
}

static void release(struct heap *h, void *ptr, size_t bytes);

/*
 * As obtain; then, on the second asking, from the reserve. A collection that
 * left the cap nearly full counts as no help: the next ones would help ever
 * less, and each takes the time of the whole heap.
 */
static void *
obtain_or_reserve(struct heap *h, size_t bytes)
{
	bool again = h->h_refused == bytes;
	void *ptr = obtain(h, bytes);

	if (ptr != NULL) {
		h->h_refused = 0;
		if (again && nearly_full(h)) {
			release(h, ptr, bytes);
			return NULL;
		}
		return ptr;
	}
	if (!h->h_building && h->h_credit == 0 && !again) {
		h->h_refused = bytes;
		return NULL;
	}
	h->h_refused = 0;
	h->h_credit = h->h_credit > 0 ? h->h_credit - 1 : CREDIT;
	return reserve_alloc(h, bytes);
}

/* `bytes` is the true size. */
static void
release(struct heap *h, void *ptr, size_t bytes)
{
	if (in_reserve(ptr)) {
		reserve_free(ptr, bytes);
		return;
	}
	if (bytes <= HEAP_SMALL_MAX)
		kmem_cache_free(h->h_caches[class_of(bytes)], ptr);
	else
		run_free(h, ptr);
	uncharge(h, room_of(bytes));
}

static bool
resize_in_place(struct heap *h, void *ptr, size_t osize, size_t nsize)
{
	if (in_reserve(ptr)) {
		size_t have = granules_of(osize), want = granules_of(nsize);

		if (want > have)
			return false;
		granules_mark(
		    (size_t)((uint8_t *)ptr - reserve.base) / GRANULE + want,
		    have - want, false);
		return true;
	}
	if (osize <= HEAP_SMALL_MAX || nsize <= HEAP_SMALL_MAX)
		return osize <= HEAP_SMALL_MAX && nsize <= HEAP_SMALL_MAX &&
		    class_of(osize) == class_of(nsize);
	return run_resize(h, ptr, nsize);
}

static void *
resize(struct heap *h, void *ptr, size_t osize, size_t nsize)
{
	size_t holds = misfit_take(h, ptr, osize);
	bool misfit = holds != osize, fits = nsize <= holds;
	void *moved;

	if (nsize <= SIZE_MAX / 2 && resize_in_place(h, ptr, holds, nsize))
		return ptr;
	moved = fits ? obtain(h, nsize) : obtain_or_reserve(h, nsize);
	if (moved != NULL) {
		memcpy(moved, ptr, nsize < osize ? nsize : osize);
		release(h, ptr, holds);
		return moved;
	}
	/* It stays where it is, listed when its size does not tell its room. */
	if (fits && holds > HEAP_SMALL_MAX && run_resize(h, ptr, FRAME_SIZE))
		holds = FRAME_SIZE;
	if (fits || misfit)
		misfit_add(h, ptr, room_of(holds));
	return fits ? ptr : NULL;
}

void *
heap_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct heap *h = ud;
	void *out = NULL;

	h->h_busy = true;
	if (nsize == 0) {
		if (ptr != NULL)
			release(h, ptr, misfit_take(h, ptr, osize));
	} else if (ptr == NULL) {
		out = obtain_or_reserve(h, nsize);
	} else {
		out = resize(h, ptr, osize, nsize);
	}
	h->h_busy = false;
	return out;
}

void
heap_init(struct heap *h, const char *name, bool use_reserve)
{
	memset(h, 0, sizeof(*h));
	(void)fmt_format(h->h_name, sizeof(h->h_name), "%s", name);
	h->h_reserve = use_reserve;
	h->h_building = true;
}

void
heap_prepare(struct heap *h)
{
	unsigned i;

	for (i = 0; i < HEAP_CLASSES; i++) {
		size_t bytes = class_bytes(i);
		void *ptr = heap_alloc(h, NULL, 0, bytes);

		if (ptr != NULL)
			(void)heap_alloc(h, ptr, bytes, 0);
	}
}

void
heap_built(struct heap *h)
{
	h->h_building = false;
}

size_t
heap_largest(const struct heap *h)
{
	const struct heap_run *r = h->h_runs;
	size_t largest = 0;

	for (unsigned i = 0; i < LOOKED_AT && r != NULL; i++) {
		if (r->r_frames > largest)
			largest = r->r_frames;
		r = r->r_next;
	}
	return largest;
}

void
heap_drop(struct heap *h)
{
	struct heap_run *r;
	unsigned i;

	/* The records lie in a cache that goes last. */
	for (r = h->h_runs; r != NULL; r = r->r_next)
		frame_free(r->r_base, r->r_frames);
	h->h_runs = NULL;
	for (i = 0; i < HEAP_CLASSES; i++) {
		if (h->h_caches[i] == NULL)
			continue;
		if (kmem_cache_destroy(h->h_caches[i]) != 0)
			panic("lua: heap '%s': cache of %zu bytes cannot be "
			      "destroyed",
			    h->h_name, class_bytes(i));
		h->h_caches[i] = NULL;
	}
	if (h->h_reserve && reserve.map != NULL) {
		memset(reserve.map, 0,
		    (reserve.granules + WORD_BITS - 1) / WORD_BITS *
			sizeof(uint64_t));
		reserve.free = reserve.granules;
	}
	h->h_misfits = NULL;
	atomic_fetch_sub_explicit(
	    &total_granted, h->h_granted, memory_order_relaxed);
	h->h_granted = 0;
	h->h_used = 0;
}
