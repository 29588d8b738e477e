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
 *      records                  base                ^ z_frontier
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
 *    request fails only when no run fits. A short request without an alignment
 *    gets the end of a longer run, whose rest mostly stays in its bin.
 * 4. Freeing looks at the records on both sides and merges: two free runs are
 *    never neighbours. Allocated frames carry a tag (what they serve) and a
 *    word for their owner in every record, so that any address leads to its
 *    slab in O(zones), and in O(1) when the zone is known (frame_slab.h). Tag
 *    and owner of a freed frame are cleared at once: no stale owner survives
 *    (defect T21). Nobody counts frames by tag as they come and go; who asks
 *    walks the records (count_zone).
 * 5. Order of zones: zones that are not FRAME_LOW first, so that low memory
 *    is kept for those who must have it.
 * 6. Single frames mostly come from and go to the caches of the harts
 *    (frame_hart.c), which take no lock.
 * 7. When no zone can serve, what this hart's cache holds and what harts have
 *    put aside is merged into the zones; then what other harts have cached;
 *    then the reclaim call-back runs with no lock held (defect T17). After
 *    each the request is tried again, as long as frames come back, and after
 *    at most RECLAIM_TRIES calls it fails. With FRAME_NOWAIT, or in an
 *    interrupt, only the first is done: frames in other harts' caches may then
 *    be free and out of reach. While a hart is inside the call-back its own
 *    requests do not enter it again.
 */
#include <mm/frame.h>

#include <stdatomic.h>

#include <mm/bits.h>
#include <mm/port.h>

#include "frame_impl.h"
#include "frame_slab.h"
#include "mm_assert.h"

#define RECLAIM_TRIES 4
#define COUNT_BATCH   256u /* runs looked at under one lock */

static struct frame_zone zones[FRAME_ZONES_MAX];
static unsigned n_zones; /* written at boot by one hart, before others run */
/* As they are asked; NULL behind the last. */
static struct frame_zone *zone_order[FRAME_ZONES_MAX + 1];
struct frame_zone *frame_zone_first;
static unsigned first_low; /* in that order */
static frame_reclaim_fn reclaim_fn;

/* Monotonic, relaxed: nothing is ordered by them. */
static _Atomic uint64_t frame_fails;
static _Atomic uint64_t frame_reclaims;

#ifdef MM_TEST
/* The n-th frame_alloc from now fails, and all after it; -1: none. */
void frame_set_fail_after(int64_t n);
static _Atomic int64_t fail_after = -1;
static atomic_bool failing;

void
frame_set_fail_after(int64_t n)
{
	atomic_store_explicit(&failing, false, memory_order_relaxed);
	atomic_store_explicit(&fail_after, n, memory_order_relaxed);
}

void
frame_count_request(void)
{
	int64_t n = atomic_load_explicit(&fail_after, memory_order_relaxed);

	if (n == 0)
		atomic_store_explicit(&failing, true, memory_order_relaxed);
	if (n > 0)
		atomic_store_explicit(&fail_after, n - 1, memory_order_relaxed);
}

bool
frame_failing(void)
{
	return atomic_load_explicit(&failing, memory_order_relaxed);
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

/* High zones first. */
static void
order_zones(void)
{
	unsigned at = 0;

	for (unsigned i = 0; i < n_zones; i++)
		if ((zones[i].z_flags & FRAME_LOW) == 0)
			zone_order[at++] = &zones[i];
	first_low = at;
	for (unsigned i = 0; i < n_zones; i++)
		if ((zones[i].z_flags & FRAME_LOW) != 0)
			zone_order[at++] = &zones[i];
	zone_order[at] = NULL;
	frame_zone_first = zone_order[0];
}

struct frame_zone *
zone_for_singles(void)
{
	struct frame_zone *best = NULL;
	unsigned end = first_low > 0 ? first_low : n_zones;

	for (unsigned i = 0; i < end; i++)
		if (best == NULL || zone_order[i]->z_total > best->z_total)
			best = zone_order[i];
	return best;
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
	zp->z_home.fh_span.records = base;
	zp->z_home.fh_span.base = (uintptr_t)base + metadata * FRAME_SIZE;
	zp->z_home.fh_span.bytes = 0;
	zp->z_metadata = (uint32_t)metadata;
	zp->z_total = frames - metadata;
	zp->z_flags = flags;
	mm_lock_init(&zp->z_lock);
	zp->z_frontier = 0;
	zp->z_touched = 0;
	zp->z_free = zp->z_total;
	zp->z_loose = FRAME_NONE;
	zp->z_loose_frames = 0;
	zp->z_allocs = 0;
	zp->z_frees = 0;
	zp->z_misses = 0;
	for (unsigned i = 0; i < FRAME_BINS; i++)
		zp->z_bins[i] = FRAME_NONE;
	for (unsigned i = 0; i < FRAME_BINS / 64; i++)
		zp->z_bitmap[i] = 0;
	zp->z_home.fh_slot = 0;
	zp->z_home.fh_kinds = (uintptr_t)&zp->z_home.fh_span.records->f_kind -
	    (zp->z_home.fh_span.base >> (FRAME_SHIFT - 4));
	n_zones++;
	order_zones();
	return 0;
}

void
frame_reset(void)
{
	frame_hart_reset();
	n_zones = 0;
	zones[0].z_home.fh_span.bytes = 0;
	order_zones();
	reclaim_fn = NULL;
	atomic_store_explicit(&frame_fails, 0, memory_order_relaxed);
	atomic_store_explicit(&frame_reclaims, 0, memory_order_relaxed);
}

void
frame_set_reclaim(frame_reclaim_fn fn)
{
	reclaim_fn = fn;
}

/* One pass over the zones. */
static void *
zones_alloc(size_t frames, size_t align, unsigned flags, unsigned tag)
{
	void *run = NULL;

	if (frame_failing())
		return NULL;
	for (unsigned i = (flags & FRAME_LOW) != 0 ? first_low : 0;
	     i < n_zones && run == NULL; i++)
		run = zone_alloc(zone_order[i], frames, align, tag);
	return run;
}

/* No zone could serve: whatever else there is. Theory: 7. */
static void *
alloc_tight(size_t frames, size_t align, unsigned flags, unsigned tag)
{
	bool wait = (flags & FRAME_NOWAIT) == 0 && !port_in_interrupt();
	void *run = NULL;

	if (frame_flush_own() > 0)
		run = zones_alloc(frames, align, flags, tag);
	if (run == NULL && wait && frame_flush_others() > 0)
		run = zones_alloc(frames, align, flags, tag);
	for (int i = 0;
	     wait && reclaim_fn != NULL && i < RECLAIM_TRIES && run == NULL;
	     i++) {
		atomic_fetch_add_explicit(
		    &frame_reclaims, 1, memory_order_relaxed);
		if (reclaim_fn(frames) == 0)
			break;
		(void)frame_flush_own();
		run = zones_alloc(frames, align, flags, tag);
	}
	if (run == NULL)
		atomic_fetch_add_explicit(
		    &frame_fails, 1, memory_order_relaxed);
	return run;
}

void *
frame_alloc_zones(size_t frames, size_t align, unsigned flags, unsigned tag)
{
	void *run = zones_alloc(frames, align, flags, tag);

	return run != NULL ? run : alloc_tight(frames, align, flags, tag);
}

/* What frame_alloc_any does not do at once. */
static void *__attribute__((noinline))
alloc_other(size_t frames, size_t align, unsigned flags, unsigned tag)
{
	MM_ASSERT2(tag > FRAME_TAG_FREE && tag < FRAME_TAGS_MAX, tag, 0);
	MM_ASSERT2(frames > 0, frames, align);
	MM_ASSERT2(is_pow2(align), frames, align);
	if (frames > FRAME_RUN_MAX || align > FRAME_RUN_MAX)
		return NULL;
	frame_count_request();
	return frame_alloc_zones(frames, align, flags, tag);
}

void *
frame_alloc_any(size_t frames, size_t align, unsigned flags, unsigned tag)
{
	if (align != 1 || (flags & FRAME_LOW) != 0 ||
	    tag - 1 >= FRAME_TAGS_MAX - 1)
		return alloc_other(frames, align, flags, tag);
	if (frames == 1 && frame_home != NULL)
		return frame_hot_take(frame_home, FRAME_KIND_ONE | tag, flags);
	if (frames - 2 > FRAME_SHORT_MAX - 2)
		return alloc_other(frames, align, flags, tag);
	return frame_alloc_short(frames, flags, tag);
}

static struct frame_zone *
zone_of(uintptr_t addr)
{
	for (unsigned i = 0; i < n_zones; i++) {
		struct frame_zone *zp = &zones[i];

		if (addr - zp->z_home.fh_span.base < (uintptr_t)zp->z_total
			<< FRAME_SHIFT)
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
	*at = (uint32_t)(((uintptr_t)run - zp->z_home.fh_span.base) >>
	    FRAME_SHIFT);
	return zp;
}

/* Anywhere but in the first zone, or a mistake. */
static void __attribute__((noinline)) free_other(uintptr_t addr, size_t frames)
{
	struct frame_zone *zp = zone_of(addr);
	uintptr_t off;

	MM_ASSERT2(zp != NULL, addr, frames);
	off = addr - zp->z_home.fh_span.base;
	MM_ASSERT2(
	    off < shared_load_64(&zp->z_home.fh_span.bytes), addr, frames);
	MM_ASSERT2(off % FRAME_SIZE == 0, addr, frames);
	zone_free(zp, off, frames);
}

void
frame_free_run(void *run, size_t frames)
{
	struct frame_zone *zp = &zones[0];
	uintptr_t off = (uintptr_t)run - zp->z_home.fh_span.base;

	if (off < shared_load_64(&zp->z_home.fh_span.bytes) &&
	    off % FRAME_SIZE == 0)
		zone_free(zp, off, frames);
	else
		free_other((uintptr_t)run, frames);
}

void
frame_far_give(struct frame_home *home, void *run)
{
	(void)home;
	frame_free_run(run, 1);
}

void
frame_free_any(void *run, size_t frames)
{
	if (frames == 1 && frame_home != NULL)
		frame_hot_give(frame_home, run);
	else
		frame_free_run(run, frames);
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

/* The word given to frame_set_owner or frame_set_slab. */
static uintptr_t
owner_of(const struct frame *fp)
{
	uint64_t word = shared_load_64(&fp->f_owner);

	if ((word & FRAME_WORD_SLAB) != 0)
		return (uintptr_t)(word - FRAME_WORD_SLAB);
	return (uintptr_t)(word | ((kind_of(fp) & KIND_ODD) != 0));
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
	at = (uint32_t)((addr - zp->z_home.fh_span.base) >> FRAME_SHIFT);
	zone_lock(zp);
	if (at < zp->z_frontier) {
		const struct frame *fp = zone_record(zp, at);

		tag = (int)(kind_of(fp) & KIND_TAG);
		if (tag != FRAME_TAG_FREE && owner != NULL)
			*owner = owner_of(fp);
	}
	zone_unlock(zp);
	return tag;
}

/* Give every record of a run this word, and this bit of its kind. */
static void
set_owner(void *run, size_t frames, uint64_t word, uint32_t odd)
{
	uint32_t at;
	struct frame_zone *zp = run_of(run, &at);

	zone_lock(zp);
	MM_ASSERT2(
	    (kind_of(zone_record(zp, at)) & KIND_HEAD) != 0, run, frames);
	MM_ASSERT2(zone_record(zp, at)->f_run == frames, run, frames);
	for (uint32_t i = at; i < at + frames; i++) {
		struct frame *fp = zone_record(zp, i);

		shared_store_32(&fp->f_kind,
		    (kind_of(fp) & ~KIND_ODD) | odd |
			(i == at ? KIND_OWNED : 0));
		/* Release pairs with frame_span_slab. */
		__atomic_store_n(&fp->f_owner, word, __ATOMIC_RELEASE);
	}
	zone_unlock(zp);
}

void
frame_set_owner(void *run, size_t frames, uintptr_t owner)
{
	set_owner(run, frames, owner & ~(uint64_t)FRAME_WORD_SLAB,
	    (owner & FRAME_WORD_SLAB) != 0 ? KIND_ODD : 0);
}

void
frame_set_slab(void *run, size_t frames, uintptr_t descriptor)
{
	MM_ASSERT2((descriptor & FRAME_WORD_SLAB) == 0, run, descriptor);
	set_owner(run, frames, descriptor | FRAME_WORD_SLAB, 0);
}

const struct frame_span *
frame_span_of(uintptr_t addr)
{
	const struct frame_zone *zp = zone_of(addr);

	return zp == NULL ? NULL : &zp->z_home.fh_span;
}

uintptr_t
frame_slab(uintptr_t addr)
{
	const struct frame_span *span = frame_span_of(addr);

	return span == NULL ? 0 : frame_span_slab(span, addr);
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
	at = (uint32_t)((addr - zp->z_home.fh_span.base) >> FRAME_SHIFT);
	zone_lock(zp);
	if (at < zp->z_frontier &&
	    (kind_of(zone_record(zp, at)) & KIND_TAG) != 0) {
		while (
		    at > 0 && (kind_of(zone_record(zp, at)) & KIND_HEAD) == 0)
			at--;
		*frames = zone_record(zp, at)->f_run;
		base = zone_address(zp, at);
	}
	zone_unlock(zp);
	return base;
}

size_t
frame_free_count(void)
{
	size_t free = frame_cached();

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

/* The run at `at`, or as much as can be told of it. */
static uint32_t
run_at(const struct frame_zone *zp, size_t at, uint32_t kind)
{
	uint32_t run = zone_record(zp, at)->f_run;

	/* Not at a head any more: step until we are. */
	if (kind != KIND_FREE && (kind & KIND_HEAD) == 0)
		return 1;
	return run == 0 || run > zp->z_frontier - at ? 1 : run;
}

/*
 * Who has the zone's frames. Nobody counts that when frames come and go, so it
 * is read off the records here, some at a time under the lock.
 */
static void
count_zone(struct frame_zone *zp, struct frame_stats *st)
{
	size_t at = 0;
	bool more = true;

	while (more) {
		zone_lock(zp);
		for (unsigned n = 0; n < COUNT_BATCH && at < zp->z_frontier;
		     n++) {
			uint32_t kind = kind_of(zone_record(zp, at));
			uint32_t run = run_at(zp, at, kind);

			st->used_by[kind & KIND_TAG] += run;
			st->cached += kind == KIND_CACHED;
			at += run;
		}
		more = at < zp->z_frontier;
		zone_unlock(zp);
	}
	st->used_by[FRAME_TAG_FREE] += zp->z_total - at;
}

void
frame_get_stats(struct frame_stats *st)
{
	*st = (struct frame_stats){ 0 };
	for (unsigned i = 0; i < n_zones; i++) {
		struct frame_zone *zp = &zones[i];

		st->total += zp->z_total;
		count_zone(zp, st);
		zone_lock(zp);
		st->allocs += zp->z_allocs;
		st->frees += zp->z_frees;
		st->locks += zp->z_allocs + zp->z_frees + zp->z_misses;
		zone_unlock(zp);
	}
	st->magazines = frame_hart_magazines();
	st->free = st->used_by[FRAME_TAG_FREE];
	st->used_by[FRAME_TAG_FREE] = 0;
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
	st->base = zp->z_home.fh_span.base;
	st->total = zp->z_total;
	st->metadata = zp->z_metadata;
	st->flags = zp->z_flags;
	st->free = &zp->z_home == frame_home ? frame_cached() : 0;
	zone_lock(zp);
	st->free += zp->z_free;
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
	size_t at = 0;

	if (zone >= n_zones)
		return;
	zp = &zones[zone];
	while (at < zp->z_total) {
		size_t run = zp->z_total - at;
		unsigned tag = FRAME_TAG_FREE;

		zone_lock(zp);
		if (at < zp->z_frontier) {
			uint32_t kind = kind_of(zone_record(zp, at));

			tag = kind & KIND_TAG;
			run = run_at(zp, at, kind);
		}
		zone_unlock(zp);
		fn(arg, zone_address(zp, at), run, tag);
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
