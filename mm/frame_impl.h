/* SPDX-License-Identifier: MIT */
/* Frame zones from inside: records, bins, and the operations on one zone. */
#ifndef FRAME_IMPL_H
#define FRAME_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mm/frame.h>
#include <mm/lock.h>

#include "frame_slab.h"
#include "shared.h"

/* Bins: one per length up to 32 frames, then four per doubling to 2^28. */
#define FRAME_EXACT_BINS 32u
#define FRAME_BINS       128u
#define FRAME_RUN_MAX    ((size_t)1 << 28) /* frames: 1 TiB */
#define FRAME_NONE       0x7fffffffu

/*
 * A record's kind: 0 for a frame in a hart's cache, else the tag (0 when free)
 * and these. A free frame has an owner word of 0, unless it heads a run that
 * hangs in a bin or is part of a chain.
 */
#define KIND_TAG    0x0fu
#define KIND_HEAD   0x10u /* first frame of an allocated run */
#define KIND_ODD    0x20u /* the owner's word has bit 0 set, f_owner not */
#define KIND_OWNED  0x40u /* of a head: owners have been set; always in ONE */
#define KIND_FREE   0x80u /* in a free run of the zone */
#define KIND_ONE    0xffffff40u /* with HEAD: the run is one frame; negative */
#define KIND_CACHED 0u
_Static_assert(FRAME_SHORT_MAX == FRAME_EXACT_BINS, "mm/frame.h");
_Static_assert(FRAME_TAGS_MAX == KIND_TAG + 1, "a tag fits");
_Static_assert(FRAME_KIND_ONE == (KIND_ONE | KIND_HEAD), "mm/frame.h");
_Static_assert(FRAME_KIND_TO_OWNER ==
	(int)offsetof(struct frame, f_owner) -
	    (int)offsetof(struct frame, f_kind),
    "mm/frame.h");

struct frame_zone {
	/* Constant, but z_lock guards the span's bytes. First: frame_home. */
	struct frame_home z_home;

	/* Constant after frame_zone_add. */
	char z_name[FRAME_NAME_MAX];
	size_t z_total;      /* frames */
	uint32_t z_metadata; /* frames the records take */
	unsigned z_flags;

	struct mm_lock z_lock;
	/* Guarded by z_lock. Frames at z_frontier and beyond are one free run;
	 * of them those below z_touched have records, as free frames. */
	size_t z_frontier;
	size_t z_touched;
	size_t z_free;    /* in bins and behind the frontier */
	uint32_t z_loose; /* first frame of the last chain; FRAME_NONE */
	uint32_t z_loose_frames;
	uint32_t z_bins[FRAME_BINS]; /* head frame of a free run; FRAME_NONE */
	uint64_t z_bitmap[FRAME_BINS / 64]; /* bins that are not empty */
	/* Each is one taking of the lock; misses gave nothing. */
	uint64_t z_allocs, z_frees, z_misses;
};

static inline struct frame *
zone_record(const struct frame_zone *zp, size_t at)
{
	return &zp->z_home.fh_span.records[at];
}

static inline uintptr_t
zone_address(const struct frame_zone *zp, size_t at)
{
	return zp->z_home.fh_span.base + ((uintptr_t)at << FRAME_SHIFT);
}

static inline uint32_t
zone_index(const struct frame_zone *zp, uintptr_t addr)
{
	return (uint32_t)((addr - zp->z_home.fh_span.base) >> FRAME_SHIFT);
}

/* The kind of a frame's record, by the address of its first byte. */
static inline _Atomic uint32_t *
zone_kind(const struct frame_home *home, uintptr_t addr)
{
	return (
	    _Atomic uint32_t *)(home->fh_kinds + (addr >> (FRAME_SHIFT - 4)));
}

/* Records change under the zone's lock, but are also looked at without. */
static inline uint32_t
kind_of(const struct frame *fp)
{
	return atomic_load_explicit(&fp->f_kind, memory_order_relaxed);
}

/*
 * Links of a bin's list, and of chains, in the owner's word: the next frame's
 * number, doubled because bit 0 would mean a slab, and the previous one's.
 */
static inline uint32_t
link_next(const struct frame *fp)
{
	return (uint32_t)shared_load_64(&fp->f_owner) >> 1;
}

static inline uint32_t
link_prev(const struct frame *fp)
{
	return (uint32_t)(shared_load_64(&fp->f_owner) >> 32);
}

static inline void
link_set(struct frame *fp, uint64_t prev, uint64_t next)
{
	shared_store_64(&fp->f_owner, prev << 32 | next << 1);
}

void zone_lock(struct frame_zone *zp) ACQUIRES(zp->z_lock, rank_zone);
void zone_unlock(struct frame_zone *zp) RELEASES(zp->z_lock, rank_zone);

/* The same for alloc and free. */
static inline void
zone_enter(struct frame_zone *zp) ACQUIRES(zp->z_lock, rank_zone) NO_ANALYSIS
{
	mm_lock_acquire(&zp->z_lock);
}

/* False: somebody else has the lock. Acquire pairs with zone_leave. */
static inline bool
zone_try_enter(struct frame_zone *zp) NO_ANALYSIS
{
	unsigned long pin = port_pin();

	if (__builtin_expect(atomic_exchange_explicit(&zp->z_lock.lk_held, 1u,
				 memory_order_acquire) != 0,
		0)) {
		port_unpin(pin);
		return false;
	}
	zp->z_lock.lk_pin = pin;
	return true;
}

static inline void
zone_leave(struct frame_zone *zp) RELEASES(zp->z_lock, rank_zone) NO_ANALYSIS
{
	mm_lock_release(&zp->z_lock);
}

/* A run, or NULL. These three take the lock themselves. */
void *zone_alloc(
    struct frame_zone *zp, size_t frames, size_t align, unsigned tag);
/* `off`, a multiple of a frame's size, from the zone's first frame. */
void zone_free(struct frame_zone *zp, uintptr_t off, size_t frames);
/* Up to *frames frames, the run nobody else wants; records as they were. */
size_t zone_take_short_locked(struct frame_zone *zp, size_t *frames)
    REQUIRES(zp->z_lock);
/* Of frames that a hart's cache had. */
void zone_put_cached_locked(struct frame_zone *zp, uint32_t at, uint32_t frames)
    REQUIRES(zp->z_lock);
bool zone_extend_locked(struct frame_zone *zp, uint32_t at, uint32_t frames,
    uint32_t want) REQUIRES(zp->z_lock);
void zone_trim_locked(struct frame_zone *zp, uint32_t at, uint32_t frames,
    uint32_t keep) REQUIRES(zp->z_lock);
size_t zone_largest_locked(struct frame_zone *zp) REQUIRES(zp->z_lock);
size_t zone_verify_locked(struct frame_zone *zp) REQUIRES(zp->z_lock);

/* ---- frame.c ---- */

/* The first that is asked; NULL: no zones. */
extern struct frame_zone *frame_zone_first;
/* By size of a zone: where single frames come from; NULL: no zones. */
struct frame_zone *zone_for_singles(void);
/* Without the harts' caches. Waiting: all but they has been tried before. */
void *frame_alloc_zones(
    size_t frames, size_t align, unsigned flags, unsigned tag);
#ifdef MM_TEST
/* Fault injection: every request is counted once; from one on they fail. */
void frame_count_request(void);
bool frame_failing(void);
#else
static inline void
frame_count_request(void)
{
}
static inline bool
frame_failing(void)
{
	return false;
}
#endif

/* ---- frame_hart.c ---- */

/* Frames in all harts' caches; those that harts have put aside included. */
size_t frame_cached(void);
size_t frame_flush_others(void);
void frame_hart_reset(void);
/* Frames that hold the magazines. */
size_t frame_hart_magazines(void);

#endif
