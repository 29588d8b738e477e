/* SPDX-License-Identifier: MIT */
/*
 * Runs of frames inside one zone. Theory of operation: mm/frame.c, 2-4.
 * Everything here is called with the zone's lock held.
 */
#include "frame_impl.h"

#include <mm/bits.h>

#include "mm_assert.h"

static unsigned __attribute__((noinline)) bin_of(size_t frames)
{
	unsigned log;

	if (frames <= FRAME_EXACT_BINS)
		return (unsigned)frames - 1;
	log = bit_highest(frames);
	return FRAME_EXACT_BINS + (log - 5) * 4 +
	    (unsigned)((frames >> (log - 2)) & 3u);
}

/* Lowest bin at or above `from` that holds a run; FRAME_BINS: none. */
static unsigned __attribute__((noinline))
bin_find(const struct frame_zone *zp, unsigned from)
{
	uint64_t bits;

	_Static_assert(FRAME_BINS == 128, "two words");
	if (from >= FRAME_BINS)
		return FRAME_BINS;
	bits = zp->z_bitmap[from / 64] & ~(uint64_t)0 << (from % 64);
	if (bits != 0)
		return from / 64 * 64 + bit_lowest(bits);
	if (from >= 64 || zp->z_bitmap[1] == 0)
		return FRAME_BINS;
	return 64 + bit_lowest(zp->z_bitmap[1]);
}

static inline void
bin_push(struct frame_zone *zp, unsigned bin, size_t at, struct frame *head)
{
	uint32_t next = zp->z_bins[bin];

	link_set(head, FRAME_NONE, next);
	zp->z_bins[bin] = (uint32_t)at;
	if (next == FRAME_NONE) {
		zp->z_bitmap[bin / 64] |= (uint64_t)1 << (bin % 64);
	} else {
		struct frame *fp = zone_record(zp, next);

		link_set(fp, at, link_next(fp));
	}
}

static inline void
bin_remove(struct frame_zone *zp, unsigned bin, size_t at, struct frame *head)
{
	uint32_t next = link_next(head), prev = link_prev(head);

	MM_ASSERT2(kind_of(head) == KIND_FREE, at, kind_of(head));
	shared_store_64(&head->f_owner, 0);
	if (next != FRAME_NONE) {
		struct frame *fp = zone_record(zp, next);

		link_set(fp, prev, link_next(fp));
	}
	if (prev != FRAME_NONE) {
		struct frame *fp = zone_record(zp, prev);

		link_set(fp, link_prev(fp), next);
		return;
	}
	MM_ASSERT2(zp->z_bins[bin] == at, at, zp->z_bins[bin]);
	zp->z_bins[bin] = next;
	if (next == FRAME_NONE)
		zp->z_bitmap[bin / 64] &= ~((uint64_t)1 << (bin % 64));
}

/* Enter [at, at + frames) as a free run: records of both ends, and its bin. */
static void __attribute__((noinline))
run_link(struct frame_zone *zp, size_t at, size_t frames)
{
	struct frame *head = zone_record(zp, at);

	head[frames - 1].f_run = (uint32_t)frames;
	head->f_run = (uint32_t)frames;
	bin_push(zp, bin_of(frames), at, head);
}

static void __attribute__((noinline))
run_unlink(struct frame_zone *zp, size_t at)
{
	struct frame *head = zone_record(zp, at);

	bin_remove(zp, bin_of(head->f_run), at, head);
}

static void __attribute__((noinline))
run_rebin(struct frame_zone *zp, size_t at, size_t was, size_t frames)
{
	struct frame *head = zone_record(zp, at);

	bin_remove(zp, bin_of(was), at, head);
	bin_push(zp, bin_of(frames), at, head);
}

/*
 * Above the exact bins three bits of a length decide, the highest and the next
 * two; two lengths that differ by their other bits only are in one bin. What
 * is less than an eighth is surely other bits.
 */
static inline bool
same_bin(size_t a, size_t b)
{
	return a > FRAME_EXACT_BINS && b > FRAME_EXACT_BINS && (a ^ b) <= a / 8;
}

/* A free run that keeps its first frame has another length now. */
static inline void
run_resize(struct frame_zone *zp, size_t at, size_t was, size_t frames)
{
	struct frame *head = zone_record(zp, at);

	head[frames - 1].f_run = (uint32_t)frames;
	head->f_run = (uint32_t)frames;
	if (!same_bin(was, frames))
		run_rebin(zp, at, was, frames);
}

/* Records of frames that are reached for the first time are initialised. */
static void __attribute__((noinline)) touch(struct frame_zone *zp, size_t to)
{
	MM_ASSERT2(to <= zp->z_total, to, zp->z_total);
	for (size_t i = zp->z_touched; i < to; i++) {
		struct frame *fp = zone_record(zp, i);

		shared_store_64(&fp->f_owner, 0);
		shared_store_32(&fp->f_kind, KIND_FREE);
	}
	zp->z_touched = to;
	/*
	 * Relaxed: whoever was given an address was given it after this. An
	 * address that nobody gave away, tried on another hart at this very
	 * moment, may find the memory as it was before.
	 */
	shared_store_64(&zp->z_home.fh_span.bytes, (uint64_t)to << FRAME_SHIFT);
}

static inline void
frontier_advance(struct frame_zone *zp, size_t to)
{
	zp->z_frontier = to;
	if (__builtin_expect(to > zp->z_touched, 0))
		touch(zp, to);
}

/* First multiple of `align` frames, by address, at or after frame `at`. */
static size_t
aligned_at(const struct frame_zone *zp, size_t at, size_t align)
{
	size_t first = (zp->z_home.fh_span.base >> FRAME_SHIFT) + at;

	return at + align_up(first, align) - first;
}

/* A free run of this bin that can hold the request; FRAME_NONE: none. */
static size_t
bin_scan(const struct frame_zone *zp, unsigned bin, size_t frames, size_t align)
{
	size_t at = zp->z_bins[bin];

	while (at != FRAME_NONE) {
		const struct frame *head = zone_record(zp, at);
		size_t skip = aligned_at(zp, at, align) - at;

		if (head->f_run >= skip && head->f_run - skip >= frames)
			return at;
		at = link_next(head);
	}
	return FRAME_NONE;
}

/*
 * An aligned run, or a long one, from the bins. The first bin whose every run
 * surely fits costs O(1); only when there is none are the runs of the bins
 * between looked at.
 */
static size_t
bins_search(const struct frame_zone *zp, size_t frames, size_t align)
{
	size_t sure = frames + align - 1;
	unsigned first = bin_of(frames);
	unsigned bin = bin_of(sure);

	/* Above the exact bins a bin's shortest run may be shorter. */
	if (sure > FRAME_EXACT_BINS)
		bin++;
	bin = bin_find(zp, bin);
	if (bin < FRAME_BINS && first == bin)
		return zp->z_bins[bin];
	for (unsigned b = bin_find(zp, first); b < bin;
	     b = bin_find(zp, b + 1)) {
		size_t at = bin_scan(zp, b, frames, align);

		if (at != FRAME_NONE)
			return at;
	}
	return bin < FRAME_BINS ? zp->z_bins[bin] : FRAME_NONE;
}

/*
 * A short request of any alignment: every run of a bin for its length or more
 * holds it. It gets a longer run's end, so that the rest stays where it is.
 * With no such run it gets frames from behind the frontier.
 */
static size_t __attribute__((noinline))
take_short(struct frame_zone *zp, size_t frames)
{
	unsigned bin = bin_find(zp, (unsigned)frames - 1);
	size_t at, run;

	if (bin == FRAME_BINS) {
		at = zp->z_frontier;
		if (zp->z_total - at < frames)
			return FRAME_NONE;
		frontier_advance(zp, at + frames);
		return at;
	}
	at = zp->z_bins[bin];
	run = zone_record(zp, at)->f_run;
	if (run == frames)
		bin_remove(zp, bin, at, zone_record(zp, at));
	else
		run_resize(zp, at, run, run - frames);
	return at + run - frames;
}

/* An aligned one, or a long one. */
static size_t __attribute__((noinline))
take_other(struct frame_zone *zp, size_t frames, size_t align)
{
	size_t at = bins_search(zp, frames, align), start, end;

	if (at != FRAME_NONE) {
		end = at + zone_record(zp, at)->f_run;
		run_unlink(zp, at);
	} else {
		at = zp->z_frontier;
		start = aligned_at(zp, at, align);
		end = start + frames;
		if (end > zp->z_total)
			return FRAME_NONE;
		frontier_advance(zp, end);
	}
	start = aligned_at(zp, at, align);
	if (start > at)
		run_link(zp, at, start - at);
	if (end > start + frames)
		run_link(zp, start + frames, end - start - frames);
	return start;
}

/* The same kind for several records; four at a time, for speed. */
static inline void
kinds_set(struct frame *fp, size_t frames, uint32_t kind)
{
	const struct frame *end = fp + frames;

	for (size_t odd = frames % 4; odd > 0; odd--, fp++)
		shared_store_32(&fp->f_kind, kind);
	for (; fp != end; fp += 4) {
		shared_store_32(&fp[0].f_kind, kind);
		shared_store_32(&fp[1].f_kind, kind);
		shared_store_32(&fp[2].f_kind, kind);
		shared_store_32(&fp[3].f_kind, kind);
	}
}

/* Owners are 0: of free frames they always are. */
static inline void
run_mark(struct frame *fp, size_t frames, uint32_t tag)
{
	fp->f_run = (uint32_t)frames;
	kinds_set(fp, frames, tag);
	shared_store_32(&fp->f_kind,
	    frames == 1 ? tag | KIND_HEAD | KIND_ONE : tag | KIND_HEAD);
}

/* What alloc_short does not do itself; locked or not. */
static void *__attribute__((noinline)) alloc_slowly(struct frame_zone *zp,
    size_t frames, unsigned tag, unsigned flags, bool locked) NO_ANALYSIS
{
	size_t at;

	if (!locked)
		zone_enter(zp);
	at = take_short(zp, frames);
	if (at == FRAME_NONE) {
		zp->z_misses++;
		zone_leave(zp);
		return frame_alloc_zones(frames, 1, flags, tag);
	}
	run_mark(zone_record(zp, at), frames, tag);
	zp->z_free -= frames;
	zp->z_allocs++;
	zone_leave(zp);
	return (void *)zone_address(zp, at);
}

/* Lowest bin above the exact ones that holds a run; FRAME_BINS: none. */
static inline unsigned
bin_long(const struct frame_zone *zp)
{
	uint64_t bits = zp->z_bitmap[0] >> FRAME_EXACT_BINS;

	if (bits != 0)
		return FRAME_EXACT_BINS + bit_lowest(bits);
	if (zp->z_bitmap[1] != 0)
		return 64 + bit_lowest(zp->z_bitmap[1]);
	return FRAME_BINS;
}

/*
 * The two cases that cost least are done here, with no call in between, so
 * that little has to be kept: a run whose rest stays in its bin, and frames
 * behind the frontier that have been used before.
 */
void *
frame_alloc_short(size_t frames, unsigned flags, unsigned tag) NO_ANALYSIS
{
	struct frame_zone *zp = frame_zone_first;
	struct frame *fp;
	size_t at, run;
	unsigned bin;

	frame_count_request();
	if (zp == NULL || frame_failing())
		return frame_alloc_zones(frames, 1, flags, tag);
	if (__builtin_expect(!zone_try_enter(zp), 0))
		return alloc_slowly(zp, frames, tag, flags, false);
	if ((uint32_t)zp->z_bitmap[0] >> (frames - 1) != 0)
		return alloc_slowly(zp, frames, tag, flags, true);
	bin = bin_long(zp);
	if (bin == FRAME_BINS) {
		at = zp->z_frontier;
		if (at + frames > zp->z_touched)
			return alloc_slowly(zp, frames, tag, flags, true);
		zp->z_frontier = at + frames;
		fp = zone_record(zp, at);
	} else {
		at = zp->z_bins[bin];
		fp = zone_record(zp, at);
		run = fp->f_run - frames;
		if (!same_bin(fp->f_run, run))
			return alloc_slowly(zp, frames, tag, flags, true);
		fp->f_run = (uint32_t)run;
		fp[run - 1].f_run = (uint32_t)run;
		fp += run;
		at += run;
	}
	fp->f_run = (uint32_t)frames;
	kinds_set(fp, frames, tag);
	shared_store_32(&fp->f_kind, tag | KIND_HEAD);
	zp->z_free -= frames;
	zp->z_allocs++;
	at = zone_address(zp, at);
	zone_leave(zp);
	return (void *)at;
}

void *
zone_alloc(struct frame_zone *zp, size_t frames, size_t align, unsigned tag)
{
	size_t at;

	zone_enter(zp);
	at = align == 1 && frames <= FRAME_EXACT_BINS
	    ? take_short(zp, frames)
	    : take_other(zp, frames, align);
	if (at != FRAME_NONE) {
		run_mark(zone_record(zp, at), frames, tag);
		zp->z_free -= frames;
		zp->z_allocs++;
	} else {
		zp->z_misses++;
	}
	zone_leave(zp);
	return at == FRAME_NONE ? NULL : (void *)zone_address(zp, at);
}

size_t
zone_take_short_locked(struct frame_zone *zp, size_t *frames)
{
	unsigned bin = bin_find(zp, 0);
	size_t at, run;

	if (bin < FRAME_BINS) {
		at = zp->z_bins[bin];
		run = zone_record(zp, at)->f_run;
		if (run <= *frames) {
			*frames = run;
			run_unlink(zp, at);
		} else {
			run_resize(zp, at, run, run - *frames);
			at += run - *frames;
		}
	} else {
		at = zp->z_frontier;
		if (zp->z_total - at < *frames)
			*frames = zp->z_total - at;
		if (*frames == 0)
			return FRAME_NONE;
		frontier_advance(zp, at + *frames);
	}
	zp->z_free -= *frames;
	return at;
}

/*
 * Free [at, at + frames), merging with free neighbours. A run that then ends
 * at the frontier is forgotten: the frontier moves back, so that long runs
 * come back whole.
 */
static void __attribute__((noinline))
run_merge(struct frame_zone *zp, size_t at, size_t end, size_t before)
{
	const struct frame *behind = zone_record(zp, end);

	if (end < zp->z_frontier && kind_of(behind) == KIND_FREE) {
		size_t after = behind->f_run;

		run_unlink(zp, end);
		end += after;
	}
	if (end == zp->z_frontier) {
		if (before > 0)
			run_unlink(zp, at - before);
		zp->z_frontier = at - before;
	} else if (before > 0) {
		run_resize(zp, at - before, before, end - at + before);
	} else {
		run_link(zp, at, end - at);
	}
}

static inline void
run_release(struct frame_zone *zp, size_t at, size_t frames, bool owned)
{
	struct frame *fp = zone_record(zp, at);
	size_t before = 0;

	if (at > 0 && kind_of(fp - 1) == KIND_FREE)
		before = fp[-1].f_run;
	for (size_t i = 0; owned && i < frames; i++)
		shared_store_64(&fp[i].f_owner, 0);
	kinds_set(fp, frames, KIND_FREE);
	run_merge(zp, at, at + frames, before);
}

static void __attribute__((noinline)) free_slowly(struct frame_zone *zp,
    uintptr_t off, size_t frames, bool locked) NO_ANALYSIS
{
	size_t at = off >> FRAME_SHIFT;
	const struct frame *head = zone_record(zp, at);
	uint32_t kind;

	if (!locked)
		zone_enter(zp);
	kind = kind_of(head);
	MM_ASSERT2((kind & KIND_HEAD) != 0, zone_address(zp, at), kind);
	MM_ASSERT2(head->f_run == frames, head->f_run, frames);
	zp->z_free += frames;
	zp->z_frees++;
	run_release(zp, at, frames, (kind & KIND_OWNED) != 0);
	zone_leave(zp);
}

/* As frame_alloc_short: here only what ends at the frontier or joins none. */
void
zone_free(struct frame_zone *zp, uintptr_t off, size_t frames) NO_ANALYSIS
{
	struct frame *fp;
	size_t at, before = 0, rest;

	if (__builtin_expect(!zone_try_enter(zp), 0)) {
		free_slowly(zp, off, frames, false);
		return;
	}
	at = off >> FRAME_SHIFT;
	fp = zone_record(zp, at);
	if ((kind_of(fp) & (KIND_HEAD | KIND_OWNED)) != KIND_HEAD ||
	    fp->f_run != frames || at == 0) {
		free_slowly(zp, off, frames, true);
		return;
	}
	if (kind_of(fp - 1) == KIND_FREE)
		before = fp[-1].f_run;
	if (at + frames == zp->z_frontier && before == 0) {
		zp->z_frontier = at;
	} else {
		rest = before + frames;
		if (before == 0 || at + frames == zp->z_frontier ||
		    kind_of(fp + frames) == KIND_FREE ||
		    !same_bin(rest, before)) {
			free_slowly(zp, off, frames, true);
			return;
		}
		fp[frames - 1].f_run = (uint32_t)rest;
		(fp - before)->f_run = (uint32_t)rest;
	}
	kinds_set(fp, frames, KIND_FREE);
	zp->z_free += frames;
	zp->z_frees++;
	zone_leave(zp);
}

void
zone_put_cached_locked(struct frame_zone *zp, uint32_t at, uint32_t frames)
{
	for (uint32_t i = at; i < at + frames; i++)
		MM_ASSERT2(kind_of(zone_record(zp, i)) == KIND_CACHED, i, at);
	zp->z_free += frames;
	run_release(zp, at, frames, true);
}

bool
zone_extend_locked(
    struct frame_zone *zp, uint32_t at, uint32_t frames, uint32_t want)
{
	uint32_t end = at + frames;
	uint32_t more = want - frames;
	struct frame *head = zone_record(zp, at);
	uint32_t kind = kind_of(head);

	MM_ASSERT2((kind & KIND_HEAD) != 0, at, frames);
	MM_ASSERT2(head->f_run == frames, at, frames);
	if (end == zp->z_frontier) {
		if (zp->z_total - end < more)
			return false;
		frontier_advance(zp, end + more);
	} else {
		uint32_t run = zone_record(zp, end)->f_run;

		if (kind_of(zone_record(zp, end)) != KIND_FREE || run < more)
			return false;
		run_unlink(zp, end);
		if (run > more)
			run_link(zp, end + more, run - more);
	}
	zp->z_free -= more;
	head->f_run = want;
	shared_store_32(&head->f_kind,
	    kind & (KIND_TAG | KIND_HEAD | KIND_ODD | KIND_OWNED));
	for (uint32_t i = frames; i < want; i++) {
		shared_store_64(&head[i].f_owner, head->f_owner);
		shared_store_32(&head[i].f_kind, kind & (KIND_TAG | KIND_ODD));
	}
	return true;
}

void
zone_trim_locked(
    struct frame_zone *zp, uint32_t at, uint32_t frames, uint32_t keep)
{
	struct frame *head = zone_record(zp, at);
	uint32_t kind = kind_of(head);

	MM_ASSERT2((kind & KIND_HEAD) != 0, at, frames);
	MM_ASSERT2(head->f_run == frames, at, frames);
	MM_ASSERT2(keep > 0 && keep < frames, keep, frames);
	head->f_run = keep;
	if (keep == 1)
		shared_store_32(&head->f_kind, kind | KIND_ONE);
	zp->z_free += frames - keep;
	run_release(zp, at + keep, frames - keep, (kind & KIND_OWNED) != 0);
}

size_t
zone_largest_locked(struct frame_zone *zp)
{
	size_t largest = zp->z_total - zp->z_frontier;

	for (unsigned bin = bin_find(zp, 0); bin < FRAME_BINS;
	     bin = bin_find(zp, bin + 1)) {
		for (uint32_t at = zp->z_bins[bin]; at != FRAME_NONE;
		     at = link_next(zone_record(zp, at))) {
			if (zone_record(zp, at)->f_run > largest)
				largest = zone_record(zp, at)->f_run;
		}
	}
	return largest;
}

/* One run of the walk below: its findings; its length through `frames`. */
static size_t
run_verify(
    const struct frame_zone *zp, uint32_t at, bool after_free, uint32_t *frames)
{
	const struct frame *head = zone_record(zp, at);
	uint32_t run = head->f_run, kind = kind_of(head);
	size_t bad = 0;

	*frames = 1;
	if (run == 0 || run > zp->z_frontier - at)
		return 1;
	*frames = run;
	if (kind == KIND_FREE) {
		bad += head[run - 1].f_run != run;
		bad += after_free; /* neighbours must have been merged */
		bad += at + run == zp->z_frontier;
	} else if (kind == KIND_CACHED) {
		bad += run != 1;
	} else {
		bad += (kind & KIND_HEAD) == 0;
		bad += (kind & KIND_TAG) == FRAME_TAG_FREE;
		bad += (run == 1) != ((kind & KIND_ONE) == KIND_ONE);
	}
	for (uint32_t i = 1; i < run; i++) {
		bad += kind_of(head + i) !=
		    (kind & (KIND_TAG | KIND_ODD | KIND_FREE));
		bad += kind == KIND_FREE && head[i].f_owner != 0;
	}
	return bad;
}

size_t
zone_verify_locked(struct frame_zone *zp)
{
	size_t free = zp->z_total - zp->z_frontier;
	size_t listed = free;
	uint32_t frames;
	bool after_free = false;
	size_t bad = 0;

	for (uint32_t at = 0; at < zp->z_frontier; at += frames) {
		bad += run_verify(zp, at, after_free, &frames);
		after_free = kind_of(zone_record(zp, at)) == KIND_FREE;
		if (after_free)
			free += frames;
	}
	for (unsigned bin = 0; bin < FRAME_BINS; bin++) {
		uint32_t steps = 0;

		for (uint32_t at = zp->z_bins[bin];
		     at != FRAME_NONE && steps <= zp->z_total; steps++) {
			const struct frame *head = zone_record(zp, at);

			listed += head->f_run;
			bad += bin_of(head->f_run) != bin;
			at = link_next(head);
		}
	}
	bad += free != zp->z_free;
	bad += listed != zp->z_free;
	return bad;
}
