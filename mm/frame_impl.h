/* SPDX-License-Identifier: MIT */
/* Frame zones from inside: records, bins, and the operations on one zone. */
#ifndef FRAME_IMPL_H
#define FRAME_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mm/frame.h>
#include <mm/lock.h>

/* Bins: one per length up to 32 frames, then four per doubling to 2^28. */
#define FRAME_EXACT_BINS 32u
#define FRAME_BINS       128u
#define FRAME_RUN_MAX    ((size_t)1 << 28) /* frames: 1 TiB */
#define FRAME_NONE       UINT32_MAX

/* The record of one frame: 16 bytes, so 0.39 % of the memory described. */
struct frame {
	union {
		uint64_t f_owner; /* allocated: the owner's word */
		struct {
			uint32_t f_next, f_prev; /* free run's head: bin list */
		};
	};
	uint32_t f_run;  /* head and last frame of a run: its length */
	uint8_t f_tag;   /* enum frame_tag; valid for every touched frame */
	uint8_t f_head;  /* 1 on the first frame of an allocated run */
	uint16_t f_slab; /* 1: f_owner is a slab's descriptor; read unlocked */
};
_Static_assert(sizeof(struct frame) == 16, "16 bytes of metadata per frame");

struct frame_zone {
	/* Constant after frame_zone_add. */
	char z_name[FRAME_NAME_MAX];
	uintptr_t z_base;       /* frame 0 of the zone */
	struct frame *z_frames; /* records, ahead of z_base */
	uint32_t z_total;       /* frames */
	uint32_t z_metadata;    /* frames the records take */
	unsigned z_flags;

	struct mm_lock z_lock;
	/* Guarded by z_lock. Frames at z_frontier and beyond are one free run
	 * whose records are not initialised; `touched` is its highest ever. */
	uint32_t z_frontier;
	uint32_t z_touched;
	uint32_t z_free;
	uint32_t z_bins[FRAME_BINS]; /* head frame of a free run; FRAME_NONE */
	uint64_t z_bitmap[FRAME_BINS / 64]; /* bins that are not empty */
	uint32_t z_used_by[FRAME_TAGS_MAX];
	uint64_t z_allocs, z_frees;
};

void zone_lock(struct frame_zone *zp) ACQUIRES(zp->z_lock, rank_zone);
void zone_unlock(struct frame_zone *zp) RELEASES(zp->z_lock, rank_zone);

/* Frame index of a run, or FRAME_NONE. */
uint32_t zone_take_locked(struct frame_zone *zp, uint32_t frames,
    uint32_t align, unsigned tag) REQUIRES(zp->z_lock);
void zone_put_locked(struct frame_zone *zp, uint32_t at, uint32_t frames)
    REQUIRES(zp->z_lock);
bool zone_extend_locked(struct frame_zone *zp, uint32_t at, uint32_t frames,
    uint32_t want) REQUIRES(zp->z_lock);
void zone_trim_locked(struct frame_zone *zp, uint32_t at, uint32_t frames,
    uint32_t keep) REQUIRES(zp->z_lock);
uint32_t zone_largest_locked(struct frame_zone *zp) REQUIRES(zp->z_lock);
size_t zone_verify_locked(struct frame_zone *zp) REQUIRES(zp->z_lock);

#endif
