/* SPDX-License-Identifier: MIT */
/*
 * Runs of frames inside one zone. Theory of operation: mm/frame.c, 2-4.
 * Everything here is called with the zone's lock held.
 */
#include "frame_impl.h"

#include <mm/bits.h>

#include "mm_assert.h"

static unsigned
bin_of(uint32_t frames)
{
	unsigned log;

	MM_ASSERT(frames > 0);
	if (frames <= FRAME_EXACT_BINS)
		return frames - 1;
	log = bit_highest(frames);
	return FRAME_EXACT_BINS + (log - 5) * 4 + ((frames >> (log - 2)) & 3u);
}

/* Lowest bin at or above `from` that holds a run; FRAME_BINS: none. */
static unsigned
bin_find(const struct frame_zone *zp, unsigned from)
{
	for (unsigned word = from / 64; word < FRAME_BINS / 64; word++) {
		uint64_t bits = zp->z_bitmap[word];

		if (word == from / 64)
			bits &= ~(uint64_t)0 << (from % 64);
		if (bits != 0)
			return word * 64 + bit_lowest(bits);
	}
	return FRAME_BINS;
}

/* Enter [at, at + frames) as a free run: records of both ends, and its bin. */
static void
run_link(struct frame_zone *zp, uint32_t at, uint32_t frames)
{
	unsigned bin = bin_of(frames);
	struct frame *head = &zp->z_frames[at];
	struct frame *tail = &zp->z_frames[at + frames - 1];

	MM_ASSERT2(at + frames <= zp->z_frontier, at, frames);
	tail->f_run = frames;
	head->f_run = frames;
	head->f_prev = FRAME_NONE;
	head->f_next = zp->z_bins[bin];
	if (head->f_next != FRAME_NONE)
		zp->z_frames[head->f_next].f_prev = at;
	zp->z_bins[bin] = at;
	zp->z_bitmap[bin / 64] |= (uint64_t)1 << (bin % 64);
}

static void
run_unlink(struct frame_zone *zp, uint32_t at)
{
	struct frame *head = &zp->z_frames[at];
	unsigned bin = bin_of(head->f_run);

	MM_ASSERT2(head->f_tag == FRAME_TAG_FREE, at, head->f_tag);
	if (head->f_prev == FRAME_NONE) {
		MM_ASSERT2(zp->z_bins[bin] == at, at, zp->z_bins[bin]);
		zp->z_bins[bin] = head->f_next;
		if (head->f_next == FRAME_NONE)
			zp->z_bitmap[bin / 64] &= ~((uint64_t)1 << (bin % 64));
	} else {
		zp->z_frames[head->f_prev].f_next = head->f_next;
	}
	if (head->f_next != FRAME_NONE)
		zp->z_frames[head->f_next].f_prev = head->f_prev;
}

/* Initialise the records of frames that are reached for the first time. */
static void
frontier_advance(struct frame_zone *zp, uint32_t to)
{
	MM_ASSERT2(to <= zp->z_total, to, zp->z_total);
	for (uint32_t i = zp->z_frontier; i < to; i++) {
		struct frame *fp = &zp->z_frames[i];

		fp->f_tag = FRAME_TAG_FREE;
		fp->f_head = 0;
		__atomic_store_n(&fp->f_slab, 0, __ATOMIC_RELAXED);
	}
	zp->z_frontier = to;
	/* Relaxed: frame_slab's own word carries the order. */
	if (to > zp->z_touched)
		__atomic_store_n(&zp->z_touched, to, __ATOMIC_RELAXED);
}

/* First multiple of `align` frames, by address, at or after frame `at`. */
static uint32_t
aligned_at(const struct frame_zone *zp, uint32_t at, uint32_t align)
{
	size_t first = (zp->z_base >> FRAME_SHIFT) + at;

	return at + (uint32_t)(align_up(first, align) - first);
}

/* A free run of this bin that can hold the request; FRAME_NONE: none. */
static uint32_t
bin_scan(
    const struct frame_zone *zp, unsigned bin, uint32_t frames, uint32_t align)
{
	uint32_t at = zp->z_bins[bin];

	while (at != FRAME_NONE) {
		const struct frame *head = &zp->z_frames[at];
		uint32_t skip = aligned_at(zp, at, align) - at;

		if (head->f_run >= skip && head->f_run - skip >= frames)
			return at;
		at = head->f_next;
	}
	return FRAME_NONE;
}

/*
 * A run from the bins. The first bin whose every run surely fits costs O(1);
 * only when there is none are the runs of the bins between looked at.
 */
static uint32_t
bins_find(const struct frame_zone *zp, uint32_t frames, uint32_t align)
{
	uint32_t sure = frames + align - 1;
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
		uint32_t at = bin_scan(zp, b, frames, align);

		if (at != FRAME_NONE)
			return at;
	}
	return bin < FRAME_BINS ? zp->z_bins[bin] : FRAME_NONE;
}

/* From the frames never used so far. */
static uint32_t
frontier_find(struct frame_zone *zp, uint32_t frames, uint32_t align)
{
	uint32_t from = zp->z_frontier;
	uint32_t at = aligned_at(zp, from, align);

	if (at > zp->z_total || zp->z_total - at < frames)
		return FRAME_NONE;
	frontier_advance(zp, at + frames);
	if (at > from)
		run_link(zp, from, at - from);
	return at;
}

static void
run_mark(struct frame_zone *zp, uint32_t at, uint32_t frames, unsigned tag)
{
	for (uint32_t i = at; i < at + frames; i++) {
		struct frame *fp = &zp->z_frames[i];

		__atomic_store_n(&fp->f_slab, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&fp->f_owner, 0, __ATOMIC_RELAXED);
		fp->f_tag = (uint8_t)tag;
		fp->f_head = 0;
	}
	zp->z_frames[at].f_head = 1;
	zp->z_frames[at].f_run = frames;
}

uint32_t
zone_take_locked(
    struct frame_zone *zp, uint32_t frames, uint32_t align, unsigned tag)
{
	uint32_t at;

	if (frames > zp->z_free)
		return FRAME_NONE;
	at = bins_find(zp, frames, align);
	if (at != FRAME_NONE) {
		uint32_t run = zp->z_frames[at].f_run;
		uint32_t start = aligned_at(zp, at, align);
		uint32_t end = at + run;

		run_unlink(zp, at);
		if (start > at)
			run_link(zp, at, start - at);
		if (end > start + frames)
			run_link(zp, start + frames, end - start - frames);
		at = start;
	} else {
		at = frontier_find(zp, frames, align);
		if (at == FRAME_NONE)
			return FRAME_NONE;
	}
	run_mark(zp, at, frames, tag);
	zp->z_free -= frames;
	zp->z_used_by[tag] += frames;
	zp->z_allocs++;
	return at;
}

/*
 * Free [at, at + frames), merging with free neighbours. A run that then ends
 * at the frontier is forgotten: the frontier moves back, so that long runs
 * come back whole.
 */
static void
run_release(struct frame_zone *zp, uint32_t at, uint32_t frames)
{
	uint32_t end = at + frames;

	for (uint32_t i = at; i < end; i++) {
		zp->z_frames[i].f_tag = FRAME_TAG_FREE;
		zp->z_frames[i].f_head = 0;
		__atomic_store_n(&zp->z_frames[i].f_slab, 0, __ATOMIC_RELAXED);
	}
	if (at > 0 && zp->z_frames[at - 1].f_tag == FRAME_TAG_FREE) {
		uint32_t before = zp->z_frames[at - 1].f_run;

		MM_ASSERT2(before > 0 && before <= at, before, at);
		at -= before;
		run_unlink(zp, at);
	}
	if (end < zp->z_frontier && zp->z_frames[end].f_tag == FRAME_TAG_FREE) {
		uint32_t after = zp->z_frames[end].f_run;

		run_unlink(zp, end);
		end += after;
	}
	MM_ASSERT2(end <= zp->z_frontier, end, zp->z_frontier);
	if (end == zp->z_frontier)
		zp->z_frontier = at;
	else
		run_link(zp, at, end - at);
}

void
zone_put_locked(struct frame_zone *zp, uint32_t at, uint32_t frames)
{
	const struct frame *head = &zp->z_frames[at];
	unsigned tag = head->f_tag;

	MM_ASSERT2(at + frames <= zp->z_frontier, at, frames);
	MM_ASSERT2(tag != FRAME_TAG_FREE, zp->z_base, at);
	MM_ASSERT2(head->f_head == 1, zp->z_base, at);
	MM_ASSERT2(head->f_run == frames, head->f_run, frames);
	zp->z_used_by[tag] -= frames;
	zp->z_free += frames;
	zp->z_frees++;
	run_release(zp, at, frames);
}

bool
zone_extend_locked(
    struct frame_zone *zp, uint32_t at, uint32_t frames, uint32_t want)
{
	uint32_t end = at + frames;
	uint32_t more = want - frames;
	struct frame *head = &zp->z_frames[at];
	uint64_t owner = head->f_owner;

	MM_ASSERT2(head->f_head == 1 && head->f_run == frames, at, frames);
	if (end == zp->z_frontier) {
		if (zp->z_total - end < more)
			return false;
		frontier_advance(zp, end + more);
	} else {
		uint32_t run = zp->z_frames[end].f_run;

		if (zp->z_frames[end].f_tag != FRAME_TAG_FREE || run < more)
			return false;
		run_unlink(zp, end);
		if (run > more)
			run_link(zp, end + more, run - more);
	}
	zp->z_used_by[head->f_tag] += more;
	zp->z_free -= more;
	run_mark(zp, at, want, head->f_tag);
	for (uint32_t i = at; i < at + want; i++)
		zp->z_frames[i].f_owner = owner; /* no slab is extended */
	return true;
}

void
zone_trim_locked(
    struct frame_zone *zp, uint32_t at, uint32_t frames, uint32_t keep)
{
	struct frame *head = &zp->z_frames[at];

	MM_ASSERT2(head->f_head == 1 && head->f_run == frames, at, frames);
	MM_ASSERT2(keep > 0 && keep < frames, keep, frames);
	head->f_run = keep;
	zp->z_used_by[head->f_tag] -= frames - keep;
	zp->z_free += frames - keep;
	run_release(zp, at + keep, frames - keep);
}

uint32_t
zone_largest_locked(struct frame_zone *zp)
{
	uint32_t largest = zp->z_total - zp->z_frontier;

	for (unsigned bin = bin_find(zp, 0); bin < FRAME_BINS;
	     bin = bin_find(zp, bin + 1)) {
		for (uint32_t at = zp->z_bins[bin]; at != FRAME_NONE;
		     at = zp->z_frames[at].f_next) {
			if (zp->z_frames[at].f_run > largest)
				largest = zp->z_frames[at].f_run;
		}
	}
	return largest;
}

/* One run of the walk below: its findings; its length through `frames`. */
static size_t
run_verify(
    const struct frame_zone *zp, uint32_t at, bool after_free, uint32_t *frames)
{
	const struct frame *head = &zp->z_frames[at];
	uint32_t run = head->f_run;
	size_t bad = 0;

	*frames = 1;
	if (run == 0 || run > zp->z_frontier - at)
		return 1;
	*frames = run;
	if (head->f_tag == FRAME_TAG_FREE) {
		bad += zp->z_frames[at + run - 1].f_run != run;
		bad += after_free; /* neighbours must have been merged */
		bad += at + run == zp->z_frontier;
	} else {
		bad += head->f_head != 1;
	}
	for (uint32_t i = at; i < at + run; i++)
		bad += zp->z_frames[i].f_tag != head->f_tag;
	return bad;
}

size_t
zone_verify_locked(struct frame_zone *zp)
{
	uint32_t free = zp->z_total - zp->z_frontier;
	uint32_t listed = free, frames;
	bool after_free = false;
	size_t bad = 0;

	for (uint32_t at = 0; at < zp->z_frontier; at += frames) {
		bad += run_verify(zp, at, after_free, &frames);
		after_free = zp->z_frames[at].f_tag == FRAME_TAG_FREE;
		if (after_free)
			free += frames;
	}
	for (unsigned bin = 0; bin < FRAME_BINS; bin++) {
		uint32_t steps = 0;

		for (uint32_t at = zp->z_bins[bin];
		     at != FRAME_NONE && steps <= zp->z_total; steps++) {
			listed += zp->z_frames[at].f_run;
			bad += bin_of(zp->z_frames[at].f_run) != bin;
			at = zp->z_frames[at].f_next;
		}
	}
	bad += free != zp->z_free;
	bad += listed != zp->z_free;
	return bad;
}
