/* SPDX-License-Identifier: MIT */
/* Frame zones: runs of physical frames of any length. Theory: mm/frame.c. */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_SHIFT     12
#define FRAME_SIZE      ((size_t)1 << FRAME_SHIFT)
#define FRAME_ZONES_MAX 32u
#define FRAME_NAME_MAX  16u

/* What a frame serves. Tags from FRAME_TAG_USER on belong to the embedder. */
enum frame_tag {
	FRAME_TAG_FREE = 0,
	FRAME_TAG_SLAB,    /* objects of a cache */
	FRAME_TAG_META,    /* the allocator's own records */
	FRAME_TAG_KMALLOC, /* a kmalloc larger than the largest class */
	FRAME_TAG_USER,
	FRAME_TAGS_MAX = 16
};

/* Flags of frame_zone_add and of frame_alloc. */
#define FRAME_LOW                                                              \
	0x1u /* zone: addressable by 32-bit devices; alloc: only there */
#define FRAME_NOWAIT 0x2u /* alloc: fail at once, do not reclaim */

/* One zone, as frame_zone_stats reports it. All counts in frames. */
struct frame_zone_stats {
	char name[FRAME_NAME_MAX];
	uintptr_t base;  /* first byte of the zone */
	size_t total;    /* frames that can be handed out */
	size_t free;     /* of them free now */
	size_t touched;  /* frames whose metadata has been initialised */
	size_t largest;  /* longest free run */
	size_t metadata; /* frames that hold the zone's own records */
	unsigned flags;  /* FRAME_LOW */
};

/* All zones together, taken at one instant per zone. */
struct frame_stats {
	size_t total;
	size_t free;
	size_t used_by[FRAME_TAGS_MAX]; /* frames by tag; [0] is 0 */
	uint64_t allocs;
	uint64_t frees;
	uint64_t fails;    /* requests that found nothing, after reclaim */
	uint64_t reclaims; /* times the reclaim call-back ran */
};

/*
 * Give the allocator `frames` frames at `base` (frame aligned, readable and
 * writable, contents arbitrary). The zone's records are carved from its head:
 * 16 B per frame, none of which is touched until the frame is first used.
 * Cost O(1). Context: boot, one hart. Returns 0, or -1 when there are already
 * FRAME_ZONES_MAX zones or the range is too small to hold its own records.
 */
int frame_zone_add(const char *name, void *base, size_t frames, unsigned flags);

/*
 * Allocate `frames` adjacent frames at a multiple of `align` frames (a power
 * of two; 1 for any). Contents are arbitrary. NULL when no run is free, after
 * the reclaim call-back has been given its chance (unless FRAME_NOWAIT).
 * Context: any with FRAME_NOWAIT; else not from an interrupt and with no mm
 * lock held. Cost O(1) amortised; O(runs of that size class) when tight.
 */
void *frame_alloc(size_t frames, size_t align, unsigned flags, unsigned tag);

/* Give a whole run back. `frames` must be the length it was allocated with. */
void frame_free(void *run, size_t frames);

/*
 * Lengthen a run in place, from `frames` to `want`. False when the frames
 * behind it are not free. Shorten with frame_trim.
 */
bool frame_extend(void *run, size_t frames, size_t want);
void frame_trim(void *run, size_t frames, size_t keep);

/*
 * What owns the frame that holds `addr`: its tag, FRAME_TAG_FREE for a free
 * frame, and -1 for an address outside every zone. `owner`, when not NULL,
 * receives the word given to frame_set_owner (0 when none).
 * Context: any. Cost O(zones).
 */
int frame_lookup(uintptr_t addr, uintptr_t *owner);
void frame_set_owner(void *run, size_t frames, uintptr_t owner);
/*
 * First byte and length of the allocated run that holds `addr`; 0: none does.
 * Context: any. Cost O(frames of the run) from inside it, O(1) at its base.
 */
uintptr_t frame_run_base(uintptr_t addr, size_t *frames);

/* Called, with no lock held, when a request finds no run; frames freed. */
typedef size_t (*frame_reclaim_fn)(size_t frames);
void frame_set_reclaim(frame_reclaim_fn fn);

/* Free frames in all zones; a plain sum, exact when nothing moves. */
size_t frame_free_count(void);
size_t frame_total_count(void);
void frame_get_stats(struct frame_stats *st);
unsigned frame_zone_count(void);
bool frame_get_zone_stats(unsigned zone, struct frame_zone_stats *st);

/*
 * Walk every run of a zone in address order: fn(arg, first byte, frames, tag)
 * is called with no lock held, on a state that may be older than the call.
 * Used for pictures and for fragmentation figures.
 */
void frame_walk(unsigned zone,
    void (*fn)(void *arg, uintptr_t addr, size_t frames, unsigned tag),
    void *arg);

/* Forget every zone (not their memory): an embedder that starts mm again. */
void frame_reset(void);

/* Check every zone's invariants; the number of findings (0 is good). */
size_t frame_verify(void);

#endif
