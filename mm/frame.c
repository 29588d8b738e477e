/* SPDX-License-Identifier: MIT */
/*
 * Frame zones.
 *
 * Theory of operation
 *
 * 1. A zone is one contiguous piece of memory given by frame_zone_add. Its
 *    head holds one 16-byte record per frame; the rest is handed out in runs
 *    of any length. Nothing of a zone is touched until it is used, so adding a
 *    zone costs the same for 1 MiB and for 16 GiB, and so does booting.
 *
 *      | records (16 B a frame) | frame 0 | frame 1 | …      | last |
 *      z_frames                 z_base              ^ z_frontier
 *
 * 2. Behind the frontier lies one free run whose records have never been
 *    initialised (or were given back); requests that the bins cannot serve
 *    move the frontier up, and a freed run that ends at it moves it down.
 * 3. Before the frontier every run is described by its records. A free run has
 *    its length in its first and its last record and hangs in the bin of that
 *    length: one bin per length up to 32 frames, then four per doubling, with
 *    a bitmap of bins that are not empty. Finding a fit is two bit searches
 *    (segregated fit as in TLSF, Masmano et al. 2004, on frames instead of
 *    bytes). An exact length is preferred, then the shortest bin that surely
 *    fits; only when none does are the runs of the bin between looked at, so a
 *    request fails only when no run fits.
 * 4. Freeing looks at the records on both sides and merges: two free runs are
 *    never neighbours. Allocated frames carry a tag (what they serve) and a
 *    word for their owner in every record, so that any address leads to its
 *    slab in O(zones). The tag of a freed frame is cleared at once: no stale
 *    owner survives (defect T21).
 * 5. Order of zones: zones that are not FRAME_LOW first, so that low memory
 *    is kept for those who must have it.
 * 6. When no zone can serve, the reclaim call-back runs with no lock held
 *    (defect T17) and the request is tried again as long as frames come back,
 *    at most RECLAIM_TRIES times. While a hart is inside the call-back its
 *    own requests do not enter it again.
 */
#include <mm/frame.h>

#include <stdatomic.h>

#include <mm/bits.h>
#include <mm/port.h>

#include "frame_impl.h"
#include "frame_slab.h"
#include "mm_assert.h"

#define RECLAIM_TRIES 4

static struct frame_zone zones[FRAME_ZONES_MAX];
static unsigned n_zones; /* written at boot by one hart, before others run */
static frame_reclaim_fn reclaim_fn;

/* Monotonic, relaxed: nothing is ordered by them. */
static _Atomic uint64_t frame_fails;
static _Atomic uint64_t frame_reclaims;

#ifdef MM_TEST
/* The n-th frame_alloc from now fails, and all after it; -1: none. */
void frame_set_fail_after(int64_t n);
static _Atomic int64_t fail_after = -1;

void
frame_set_fail_after(int64_t n)
{
	atomic_store_explicit(&fail_after, n, memory_order_relaxed);
}

static bool
frame_must_fail(void)
{
	int64_t n = atomic_load_explicit(&fail_after, memory_order_relaxed);

	if (n < 0)
		return false;
	if (n == 0)
		return true;
	atomic_store_explicit(&fail_after, n - 1, memory_order_relaxed);
	return false;
}

#else
static inline bool
frame_must_fail(void)
{
	return false;
}
#endif

void
zone_lock(struct frame_zone *zp) NO_ANALYSIS
{
	mm_lock_acquire(&zp->z_lock);
}

void
zone_unlock(struct frame_zone *zp) NO_ANALYSIS
{
	mm_lock_release(&zp->z_lock);
}

static void
name_copy(char *to, const char *from, size_t n)
{
	size_t i = 0;

	for (; i + 1 < n && from[i] != '\0'; i++)
		to[i] = from[i];
	for (; i < n; i++)
		to[i] = '\0';
}

int
frame_zone_add(const char *name, void *base, size_t frames, unsigned flags)
{
	/* Records for all frames but their own: 257 per frame of records. */
	size_t metadata = div_up(frames, FRAME_SIZE / sizeof(struct frame) + 1);
	struct frame_zone *zp;

	if (n_zones == FRAME_ZONES_MAX || frames < metadata + 1 ||
	    frames > FRAME_RUN_MAX || (flags & ~FRAME_LOW) != 0)
		return -1;
	if (base == NULL || (uintptr_t)base % FRAME_SIZE != 0)
		return -1;
	zp = &zones[n_zones];
	name_copy(zp->z_name, name, sizeof(zp->z_name));
	zp->z_frames = base;
	zp->z_base = (uintptr_t)base + metadata * FRAME_SIZE;
	zp->z_metadata = (uint32_t)metadata;
	zp->z_total = (uint32_t)(frames - metadata);
	zp->z_flags = flags;
	mm_lock_init(&zp->z_lock);
	zp->z_frontier = 0;
	zp->z_touched = 0;
	zp->z_free = zp->z_total;
	zp->z_allocs = 0;
	zp->z_frees = 0;
	for (unsigned i = 0; i < FRAME_BINS; i++)
		zp->z_bins[i] = FRAME_NONE;
	for (unsigned i = 0; i < FRAME_BINS / 64; i++)
		zp->z_bitmap[i] = 0;
	for (unsigned i = 0; i < FRAME_TAGS_MAX; i++)
		zp->z_used_by[i] = 0;
	n_zones++;
	return 0;
}

void
frame_reset(void)
{
	n_zones = 0;
	reclaim_fn = NULL;
	atomic_store_explicit(&frame_fails, 0, memory_order_relaxed);
	atomic_store_explicit(&frame_reclaims, 0, memory_order_relaxed);
}

void
frame_set_reclaim(frame_reclaim_fn fn)
{
	reclaim_fn = fn;
}

static void *
zone_alloc(struct frame_zone *zp, uint32_t frames, uint32_t align, unsigned tag)
{
	uint32_t at;

	zone_lock(zp);
	at = zone_take_locked(zp, frames, align, tag);
	zone_unlock(zp);
	if (at == FRAME_NONE)
		return NULL;
	return (void *)(zp->z_base + ((uintptr_t)at << FRAME_SHIFT));
}

/* One pass over the zones, high ones first. */
static void *
zones_alloc(size_t frames, size_t align, unsigned flags, unsigned tag)
{
	void *run = NULL;

	if (frame_must_fail())
		return NULL;
	for (unsigned i = 0; i < n_zones && run == NULL; i++) {
		if ((zones[i].z_flags & FRAME_LOW) == 0 &&
		    (flags & FRAME_LOW) == 0)
			run = zone_alloc(
			    &zones[i], (uint32_t)frames, (uint32_t)align, tag);
	}
	for (unsigned i = 0; i < n_zones && run == NULL; i++) {
		if ((zones[i].z_flags & FRAME_LOW) != 0)
			run = zone_alloc(
			    &zones[i], (uint32_t)frames, (uint32_t)align, tag);
	}
	return run;
}

void *
frame_alloc(size_t frames, size_t align, unsigned flags, unsigned tag)
{
	void *run;

	MM_ASSERT2(frames > 0, frames, align);
	MM_ASSERT2(is_pow2(align), frames, align);
	MM_ASSERT2(tag > FRAME_TAG_FREE && tag < FRAME_TAGS_MAX, tag, 0);
	if (frames > FRAME_RUN_MAX || align > FRAME_RUN_MAX)
		return NULL;
	run = zones_alloc(frames, align, flags, tag);
	if (run != NULL)
		return run;
	if ((flags & FRAME_NOWAIT) == 0 && reclaim_fn != NULL &&
	    !port_in_interrupt()) {
		for (int i = 0; i < RECLAIM_TRIES && run == NULL; i++) {
			atomic_fetch_add_explicit(
			    &frame_reclaims, 1, memory_order_relaxed);
			if (reclaim_fn(frames) == 0)
				break;
			run = zones_alloc(frames, align, flags, tag);
		}
	}
	if (run == NULL)
		atomic_fetch_add_explicit(
		    &frame_fails, 1, memory_order_relaxed);
	return run;
}

static struct frame_zone *
zone_of(uintptr_t addr)
{
	for (unsigned i = 0; i < n_zones; i++) {
		struct frame_zone *zp = &zones[i];

		if (addr - zp->z_base < (uintptr_t)zp->z_total << FRAME_SHIFT)
			return zp;
	}
	return NULL;
}

/* The zone and index of a run that the caller owns; a bug if it is none. */
static struct frame_zone *
run_of(void *run, uint32_t *at)
{
	struct frame_zone *zp = zone_of((uintptr_t)run);

	MM_ASSERT2(zp != NULL, run, 0);
	MM_ASSERT2((uintptr_t)run % FRAME_SIZE == 0, run, 0);
	*at = (uint32_t)(((uintptr_t)run - zp->z_base) >> FRAME_SHIFT);
	return zp;
}

void
frame_free(void *run, size_t frames)
{
	uint32_t at;
	struct frame_zone *zp = run_of(run, &at);

	zone_lock(zp);
	zone_put_locked(zp, at, (uint32_t)frames);
	zone_unlock(zp);
}

bool
frame_extend(void *run, size_t frames, size_t want)
{
	uint32_t at;
	struct frame_zone *zp = run_of(run, &at);
	bool done = true;

	MM_ASSERT2(want >= frames, frames, want);
	if (want > FRAME_RUN_MAX)
		return false;
	if (want > frames) {
		zone_lock(zp);
		done = zone_extend_locked(
		    zp, at, (uint32_t)frames, (uint32_t)want);
		zone_unlock(zp);
	}
	return done;
}

void
frame_trim(void *run, size_t frames, size_t keep)
{
	uint32_t at;
	struct frame_zone *zp = run_of(run, &at);

	if (keep == frames)
		return;
	zone_lock(zp);
	zone_trim_locked(zp, at, (uint32_t)frames, (uint32_t)keep);
	zone_unlock(zp);
}

/*
 * Records of frames below the frontier are stable for their owner, and a
 * foreign address is judged under the zone's lock: the answer was true at one
 * instant.
 */
int
frame_lookup(uintptr_t addr, uintptr_t *owner)
{
	struct frame_zone *zp = zone_of(addr);
	int tag = FRAME_TAG_FREE;
	uint32_t at;

	if (owner != NULL)
		*owner = 0;
	if (zp == NULL)
		return -1;
	at = (uint32_t)((addr - zp->z_base) >> FRAME_SHIFT);
	zone_lock(zp);
	if (at < zp->z_frontier) {
		tag = zp->z_frames[at].f_tag;
		if (tag != FRAME_TAG_FREE && owner != NULL)
			*owner = (uintptr_t)zp->z_frames[at].f_owner;
	}
	zone_unlock(zp);
	return tag;
}

/* Release pairs with frame_slab's acquire: the word comes before the mark. */
static void
set_owner(void *run, size_t frames, uintptr_t owner, uint16_t slab)
{
	uint32_t at;
	struct frame_zone *zp = run_of(run, &at);

	zone_lock(zp);
	MM_ASSERT2(zp->z_frames[at].f_head == 1, run, frames);
	MM_ASSERT2(zp->z_frames[at].f_run == frames, run, frames);
	for (uint32_t i = at; i < at + frames; i++) {
		struct frame *fp = &zp->z_frames[i];

		__atomic_store_n(&fp->f_owner, owner, __ATOMIC_RELAXED);
		__atomic_store_n(&fp->f_slab, slab, __ATOMIC_RELEASE);
	}
	zone_unlock(zp);
}

void
frame_set_owner(void *run, size_t frames, uintptr_t owner)
{
	set_owner(run, frames, owner, 0);
}

void
frame_set_slab(void *run, size_t frames, uintptr_t descriptor)
{
	set_owner(run, frames, descriptor, 1);
}

/*
 * No lock: whoever holds an object keeps its frame's record as it is. For any
 * other address the answer was true at one instant, as it would be with one.
 */
uintptr_t
frame_slab(uintptr_t addr)
{
	struct frame_zone *zp = zone_of(addr);
	const struct frame *fp;
	uint32_t at;

	if (zp == NULL)
		return 0;
	at = (uint32_t)((addr - zp->z_base) >> FRAME_SHIFT);
	if (at >= __atomic_load_n(&zp->z_touched, __ATOMIC_RELAXED))
		return 0;
	fp = &zp->z_frames[at];
	/* Acquire pairs with set_owner's release. */
	if (__atomic_load_n(&fp->f_slab, __ATOMIC_ACQUIRE) != 1)
		return 0;
	return (uintptr_t)__atomic_load_n(&fp->f_owner, __ATOMIC_RELAXED);
}

uintptr_t
frame_run_base(uintptr_t addr, size_t *frames)
{
	struct frame_zone *zp = zone_of(addr);
	uintptr_t base = 0;
	uint32_t at;

	*frames = 0;
	if (zp == NULL)
		return 0;
	at = (uint32_t)((addr - zp->z_base) >> FRAME_SHIFT);
	zone_lock(zp);
	if (at < zp->z_frontier && zp->z_frames[at].f_tag != FRAME_TAG_FREE) {
		while (at > 0 && zp->z_frames[at].f_head == 0)
			at--;
		*frames = zp->z_frames[at].f_run;
		base = zp->z_base + ((uintptr_t)at << FRAME_SHIFT);
	}
	zone_unlock(zp);
	return base;
}

size_t
frame_free_count(void)
{
	size_t free = 0;

	for (unsigned i = 0; i < n_zones; i++) {
		zone_lock(&zones[i]);
		free += zones[i].z_free;
		zone_unlock(&zones[i]);
	}
	return free;
}

size_t
frame_total_count(void)
{
	size_t total = 0;

	for (unsigned i = 0; i < n_zones; i++)
		total += zones[i].z_total;
	return total;
}

void
frame_get_stats(struct frame_stats *st)
{
	*st = (struct frame_stats){ 0 };
	for (unsigned i = 0; i < n_zones; i++) {
		struct frame_zone *zp = &zones[i];

		zone_lock(zp);
		st->total += zp->z_total;
		st->free += zp->z_free;
		for (unsigned t = 0; t < FRAME_TAGS_MAX; t++)
			st->used_by[t] += zp->z_used_by[t];
		st->allocs += zp->z_allocs;
		st->frees += zp->z_frees;
		zone_unlock(zp);
	}
	st->fails = atomic_load_explicit(&frame_fails, memory_order_relaxed);
	st->reclaims =
	    atomic_load_explicit(&frame_reclaims, memory_order_relaxed);
}

unsigned
frame_zone_count(void)
{
	return n_zones;
}

bool
frame_get_zone_stats(unsigned zone, struct frame_zone_stats *st)
{
	struct frame_zone *zp;

	if (zone >= n_zones)
		return false;
	zp = &zones[zone];
	name_copy(st->name, zp->z_name, sizeof(st->name));
	st->base = zp->z_base;
	st->total = zp->z_total;
	st->metadata = zp->z_metadata;
	st->flags = zp->z_flags;
	zone_lock(zp);
	st->free = zp->z_free;
	st->touched = zp->z_touched;
	st->largest = zone_largest_locked(zp);
	zone_unlock(zp);
	return true;
}

/* The lock is dropped around every call; a walk resumes by frame number. */
void
frame_walk(unsigned zone,
    void (*fn)(void *arg, uintptr_t addr, size_t frames, unsigned tag),
    void *arg)
{
	struct frame_zone *zp;
	uint32_t at = 0;

	if (zone >= n_zones)
		return;
	zp = &zones[zone];
	while (at < zp->z_total) {
		uint32_t run;
		unsigned tag = FRAME_TAG_FREE;

		zone_lock(zp);
		if (at >= zp->z_frontier) {
			run = zp->z_total - at;
		} else {
			const struct frame *fp = &zp->z_frames[at];

			/* Not at a head any more: step until we are. */
			tag = fp->f_tag;
			run = 1;
			if (fp->f_head == 1 || tag == FRAME_TAG_FREE)
				run = fp->f_run;
			if (run == 0 || run > zp->z_frontier - at)
				run = 1;
		}
		zone_unlock(zp);
		fn(arg, zp->z_base + ((uintptr_t)at << FRAME_SHIFT), run, tag);
		at += run;
	}
}

size_t
frame_verify(void)
{
	size_t bad = 0;

	for (unsigned i = 0; i < n_zones; i++) {
		zone_lock(&zones[i]);
		bad += zone_verify_locked(&zones[i]);
		zone_unlock(&zones[i]);
	}
	return bad;
}
