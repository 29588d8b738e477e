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
	size_t free;     /* of them free now, in harts' caches or not */
	size_t touched;  /* frames whose metadata has been initialised */
	size_t largest;  /* longest free run */
	size_t metadata; /* frames that hold the zone's own records */
	unsigned flags;  /* FRAME_LOW */
};

/* All zones together. Frames are looked at one after the other, each once. */
struct frame_stats {
	size_t total;
	size_t free;
	size_t cached;                  /* of them in the harts' caches */
	size_t used_by[FRAME_TAGS_MAX]; /* frames by tag; [0] is 0 */
	size_t magazines; /* of used_by[FRAME_TAG_META]: the caches' own */
	/* Runs that the zones gave and took; to and from a hart's cache a
	 * whole batch counts as one, what the cache then serves as none. */
	uint64_t allocs;
	uint64_t frees;
	uint64_t locks;    /* times alloc or free took a zone's lock */
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
 * Frames in the caches of other harts are reached before anything is given up,
 * but not with FRAME_NOWAIT nor from an interrupt.
 * Context: any with FRAME_NOWAIT; else not from an interrupt and with no mm
 * lock held. Cost O(1) amortised; O(runs of that size class) when tight.
 */
static inline void *frame_alloc(
    size_t frames, size_t align, unsigned flags, unsigned tag);

/* Give a whole run back. `frames` must be the length it was allocated with. */
static inline void frame_free(void *run, size_t frames);

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

/*
 * Caches of single frames, one for each hart. They exist from frame_hart_init
 * on, which is given a slot (mm/port.h) that reads both empty and full on
 * every hart; 0: there is none, and there are no caches. Boot, one hart.
 */
void frame_hart_init(uint64_t slot);
/*
 * Merge what the harts' caches hold into the zones: of this hart, and what
 * harts have put aside; of all harts. Returns the frames moved, which were
 * counted as free before. The first: any context; the second: as
 * port_hart_call, not pinned and not in an interrupt.
 */
size_t frame_flush_own(void);
size_t frame_flush_all(void);

/* ---- inside frame_alloc and frame_free ---- */

#define FRAME_KIND_ONE 0xffffff50u /* record of a frame that is a whole run */

struct frame;

/* The frames of a zone that have ever been used: their records are valid. */
struct frame_span {
	uintptr_t base;        /* of the zone's frame 0; constant */
	uint64_t bytes;        /* only grows; read unlocked */
	struct frame *records; /* constant */
};

/* The head of a zone: all that the hot pair of single frames knows. */
struct frame_home {
	struct frame_span fh_span;
	uint64_t fh_slot;   /* offset of the harts' caches */
	uintptr_t fh_kinds; /* a record's kind lies here + (address >> 8) */
};
#define FRAME_KIND_TO_OWNER (-12) /* bytes, in a record */

/* The zone whose single frames harts keep; NULL before frame_hart_init. */
extern struct frame_home *frame_home;
/* Of the embedder, as kmem's hot pair is (mm/frame_hot.c in C) … */
void *frame_hot_take(struct frame_home *home, uint32_t kind, unsigned flags);
void frame_hot_give(struct frame_home *home, void *run);
/* … and where it goes on: no rounds; no room, the record being done; not a
 * frame of the zone; the record was of this kind, not of a frame in use. */
void *frame_slow_take(void *unused, uint32_t kind, unsigned flags);
void frame_slow_give(struct frame_home *home, void *run);
void frame_far_give(struct frame_home *home, void *run);
_Noreturn void frame_bad_give(
    struct frame_home *home, void *run, uint32_t kind);
void *frame_alloc_any(
    size_t frames, size_t align, unsigned flags, unsigned tag);
/* 2 to FRAME_SHORT_MAX adjacent frames, of any alignment. */
#define FRAME_SHORT_MAX 32u
void *frame_alloc_short(size_t frames, unsigned flags, unsigned tag);
void frame_free_any(void *run, size_t frames);
void frame_free_run(void *run, size_t frames);

/* What the compiler knows about a request need not be asked at run time. */
static inline __attribute__((always_inline)) void *
frame_alloc(size_t frames, size_t align, unsigned flags, unsigned tag)
{
	if (!__builtin_constant_p(frames) || !__builtin_constant_p(align) ||
	    !__builtin_constant_p(flags) || !__builtin_constant_p(tag) ||
	    align != 1 || (flags & FRAME_LOW) != 0 || tag == FRAME_TAG_FREE ||
	    tag >= FRAME_TAGS_MAX || frames == 0 || frames > FRAME_SHORT_MAX)
		return frame_alloc_any(frames, align, flags, tag);
	if (frames > 1)
		return frame_alloc_short(frames, flags, tag);
	if (frame_home == NULL)
		return frame_alloc_any(1, 1, flags, tag);
	return frame_hot_take(frame_home, FRAME_KIND_ONE | tag, flags);
}

static inline __attribute__((always_inline)) void
frame_free(void *run, size_t frames)
{
	if (!__builtin_constant_p(frames))
		frame_free_any(run, frames);
	else if (frames != 1 || frame_home == NULL)
		frame_free_run(run, frames);
	else
		frame_hot_give(frame_home, run);
}

#endif
