/* SPDX-License-Identifier: MIT */
/*
 * The allocator from inside. Included by mm/ and its tests only.
 *
 * Lock order (ranks in mm/lock.h; ranks only go up):
 *
 *   1 registry_lock   list of caches, c_holds, c_dying, slots in use
 *   2 c_slab_lock     slab lists, bits, colour cursor, slab counters
 *   3 c_depot_lock    magazine lists, marks, counts
 *   4 z_lock          frame records
 *
 * At most one lock of a rank. Not called under any of them: frame_alloc,
 * constructors, destructors, the owner's reclaim, port_hart_call, port_report.
 * A hart's slots and its struct kmem_hart belong to that hart while pinned
 * (kmem_mag.c); others read the counters and tops with relaxed loads.
 */
#ifndef KMEM_IMPL_H
#define KMEM_IMPL_H

#include <stdatomic.h>

#include <mm/bits.h>
#include <mm/frame.h>
#include <mm/kmem.h>
#include <mm/list.h>
#include <mm/lock.h>
#include <mm/mag.h>
#include <mm/port.h>

#include "frame_slab.h"
#include "mm_assert.h"
#include "shared.h"

/* ---- Magazines (layout drawn in mm/mag.h) ---- */

struct magazine {
	struct magazine *mag_next;
	_Atomic uint32_t mag_capacity; /* relaxed: statistics read it */
	uint32_t mag_unused;
	void *mag_words[MAG_BYTES / 8 - 2];
};
_Static_assert(sizeof(struct magazine) == MAG_BYTES, "one magazine");
_Static_assert(KMEM_ROUNDS_MAX == MAG_BYTES / 8 - 3, "header and sentinel");

/* Reads both empty and full: what a slot without a magazine holds. */
extern void *const mag_dummy_words[2 * MAG_BYTES / 8];

static inline void **
mag_dummy_top(void)
{
	return (void **)(uintptr_t)&mag_dummy_words[MAG_BYTES / 8];
}

static inline bool
mag_top_full(void *const *top)
{
	return (uintptr_t)top % MAG_BYTES == 0;
}

static inline struct magazine *
mag_of(void **top)
{
	return (struct magazine *)(((uintptr_t)top - 8) &
	    ~(uintptr_t)(MAG_BYTES - 1));
}

static inline void **
mag_first(struct magazine *mp, uint32_t capacity)
{
	return (void **)((uintptr_t)mp + MAG_BYTES) - capacity;
}

static inline unsigned
mag_rounds(struct magazine *mp, void **top)
{
	return (unsigned)(top -
	    mag_first(mp,
		atomic_load_explicit(&mp->mag_capacity, memory_order_relaxed)));
}

/* A slot is written by its hart, pinned; statistics of others read it. */
static inline void **
slot_top(const struct mag_slot *s)
{
	return __atomic_load_n(&s->top, __ATOMIC_RELAXED);
}

static inline void **
slot_previous(const struct mag_slot *s)
{
	return __atomic_load_n(&s->previous, __ATOMIC_RELAXED);
}

static inline void
slot_set(struct mag_slot *s, void **top, void **previous)
{
	shared_store_top(&s->top, top);
	shared_store_top(&s->previous, previous);
}

static inline void
slot_set_top(struct mag_slot *s, void **top)
{
	shared_store_top(&s->top, top);
}

/* Give an empty magazine its capacity: place the sentinel. */
void mag_format(struct magazine *mp, uint32_t capacity);
struct magazine *mag_create(uint32_t capacity); /* NULL: no memory; no wait */
size_t mag_destroy(struct magazine *mp);        /* frames given back */
/* Slots: offset of a free one, initialised on every hart; 0: none left. */
uint64_t slot_alloc(void);
void slot_free(uint64_t offset);
uint64_t slot_dummy(void);
void slots_init(void);

/* ---- Slabs ---- */

#define SLAB_OBJECTS_MAX 512u
#define SLAB_BUCKETS     10u /* 0 empty, 1 … 8 partial, 9 full */
#define SLAB_EMPTY       0u
#define SLAB_FULL        9u

/*
 * Descriptor. It lies outside the slab, except in the caches that descriptors
 * themselves come from (c_embedded). s_bits has a set bit for each object that
 * is free in the slab; for caches with c_live it is followed by as many words
 * with a set bit for each object handed out to a caller.
 */
struct slab {
	struct list s_node; /* in c_slabs[s_bucket]; c_slab_lock */
	struct kmem_cache *s_cache;
	uintptr_t s_base; /* first byte of the run */
	uint32_t s_first; /* bytes from s_base to object 0 */
	uint16_t s_frames;
	uint16_t s_total; /* objects */
	uint16_t s_inuse; /* objects not free here; c_slab_lock */
	uint16_t s_colour;
	uint16_t s_bucket;
	uint16_t s_hint; /* no free bit in the words below; c_slab_lock */
	_Atomic uint64_t s_bits[];
};

/* What a slab looks like. Pure function of size, alignment and options. */
struct geometry {
	size_t g_stride; /* bytes */
	size_t g_align;
	unsigned g_frames;
	unsigned g_objects;
	unsigned g_words;   /* 64-bit words of s_bits for g_objects */
	unsigned g_colours; /* at least 1 */
	size_t g_colour_step;
	size_t g_descriptor; /* bytes outside the slab */
	unsigned
	    g_short_frames; /* fallback when no long run is free; or same */
	unsigned g_short_objects;
	size_t g_waste_ppm;
};
struct geometry geometry_choose(
    size_t size, size_t align, bool live, unsigned flags, unsigned colours_max);
size_t geometry_natural_align(size_t size);

/* ---- Depot ---- */

struct maglist {
	struct magazine *ml_head;
	uint32_t ml_count;
	uint32_t ml_min;   /* lowest count since the last tick */
	uint32_t ml_spare; /* lowest count of the interval before: not needed */
};

/* ---- Per hart ---- */

struct kmem_hart {
	struct mag_slot hc_cold; /* magazines of a cache with c_cold */
	_Atomic uint32_t
	    hc_used; /* has or had magazines since the last drain */
	uint32_t hc_unused;
	/* Written by the owner hart, pinned; read by anyone, relaxed. */
	uint64_t hc_alloc, hc_free; /* where counted */
	uint64_t hc_alloc_miss, hc_free_miss;
	uint64_t hc_depot_get, hc_depot_put;
	uint64_t hc_pad[7];
};
_Static_assert(sizeof(struct kmem_hart) == 2 * PORT_CACHE_LINE,
    "no line is shared by two harts");

/* Single writer: a load and a store, not an atomic read-modify-write. */
static inline void
counter_add(uint64_t *c, uint64_t n)
{
	shared_store_64(c, *c + n);
}

static inline uint64_t
counter_read(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* ---- Cache ---- */

struct kmem_cache {
	/* Hart layer: first word read by the hot pair. */
	_Atomic uint64_t
	    c_slot;          /* offset in force: c_own_slot, or the dummy's */
	uint64_t c_own_slot; /* 0: none */
	struct kmem_hart *c_harts; /* one per hart; NULL: no magazines */
	_Atomic bool c_cold;  /* magazines in hc_cold, every call counted */
	_Atomic bool c_count; /* KMEM_COUNT */
	bool c_live;          /* live bits: level checked */
	_Atomic uint32_t c_magsize; /* rounds of a new magazine */
	bool c_mag_auto;

	/* Properties, constant while there are slabs. */
	char c_name[KMEM_NAME_MAX];
	size_t c_size;
	struct geometry c_geo;
	kmem_ctor_fn c_ctor;
	kmem_dtor_fn c_dtor;
	kmem_reclaim_fn c_reclaim;
	void *c_arg;
	unsigned c_flags;
	unsigned c_colours_max; /* as asked; 0: all */
	unsigned c_frame_tag;
	enum kmem_protect c_protect;
	bool c_embedded; /* descriptors inside the slabs */
	bool c_internal; /* one of the allocator's own */
	uint64_t c_generation;

	/* Registry; registry_lock. */
	struct list c_node;
	unsigned c_holds;
	bool c_dying;

	/* Slab layer; c_slab_lock. */
	struct mm_lock c_slab_lock;
	struct list c_slabs[SLAB_BUCKETS];
	uint32_t c_slab_count;
	uint32_t c_slab_full, c_slab_empty;
	uint64_t c_objects; /* in all slabs */
	uint64_t c_inuse;   /* not free in a slab: live or in magazines */
	uint64_t c_hiwater; /* of c_inuse */
	uint64_t c_frames;
	size_t c_limit;
	unsigned c_colour_next;
	uint64_t c_slab_allocs, c_slab_frees; /* calls, without magazines */
	uint64_t c_grow, c_shrink;
	uint64_t c_short_slabs; /* made with the fallback geometry */

	/* Depot; c_depot_lock. */
	struct mm_lock c_depot_lock;
	struct maglist c_full, c_empty;
	uint64_t c_depot_rounds;

	/* Relaxed, any hart, off the hot path. */
	_Atomic uint64_t c_alloc_fail, c_ctor_calls, c_dtor_calls, c_errors;
	_Atomic uint64_t c_reaped; /* times a reap took something */
};
_Static_assert(offsetof(struct kmem_cache, c_slot) == 0,
    "the hot pair reads the first word");

void slab_lock(struct kmem_cache *cp) ACQUIRES(cp->c_slab_lock, rank_slab);
void slab_unlock(struct kmem_cache *cp) RELEASES(cp->c_slab_lock, rank_slab);
void depot_lock(struct kmem_cache *cp) ACQUIRES(cp->c_depot_lock, rank_depot);
void depot_unlock(struct kmem_cache *cp) RELEASES(cp->c_depot_lock, rank_depot);
void registry_lock_take(void) ACQUIRES(rank_registry);
void registry_lock_drop(void) RELEASES(rank_registry);

/* ---- Slab layer, kmem_slab.c ---- */

/* Up to n objects from slabs that exist; takes the lock itself. */
size_t slab_take(struct kmem_cache *cp, void **out, size_t n);
/* A new slab; one object of it goes straight to the caller. NULL: no memory. */
void *slab_grow(struct kmem_cache *cp, unsigned flags);
/* Slab layer alone: take one, growing if need be. */
void *slab_alloc(struct kmem_cache *cp, unsigned flags);
/*
 * Objects back into their slabs. Each is verified; a misuse is reported and
 * dropped. Empty slabs beyond `keep` objects' worth leave: returns frames given
 * back. `caller` is for the report.
 */
size_t slab_put(struct kmem_cache *cp, void *const *objs, size_t n,
    bool keep_empty, uintptr_t caller);
/* Empty slabs back to the zones until *frames reaches target (0: all). */
void slab_release_empty(struct kmem_cache *cp, size_t *frames, size_t target);
/* Every slab, whatever is alive in it (single owner). Frames given back. */
size_t slab_release_all(struct kmem_cache *cp);
void slab_layer_init(struct kmem_cache *cp);
struct slab *slab_of(uintptr_t addr); /* NULL: not in a slab */
/* Index of the object that holds addr; -1 when it lies in none. */
long slab_index(const struct slab *sp, uintptr_t addr);
uintptr_t slab_object(const struct slab *sp, unsigned index);

static inline _Atomic uint64_t *
slab_live_word(struct slab *sp, unsigned index)
{
	return &sp->s_bits[sp->s_cache->c_geo.g_words + index / 64];
}

/* Descriptors, kmem_internal.c. */
struct slab *slab_descriptor_alloc(const struct kmem_cache *cp, unsigned flags);
size_t slab_descriptor_free(const struct kmem_cache *cp, struct slab *sp);
void kmem_internal_release(size_t *frames, size_t target);
void kmem_internal_init(void);
bool kmem_internal_next(unsigned i, struct kmem_cache **cp);
struct kmem_cache *kmem_cache_descriptor_alloc(unsigned frame_tag);
void kmem_cache_descriptor_free(struct kmem_cache *cp);
struct kmem_hart *kmem_harts_alloc(void);
void kmem_harts_free(struct kmem_hart *harts);

/* ---- Depot, kmem_depot.c ---- */

void depot_init(struct kmem_cache *cp);
/* Give `give` (full or empty, or NULL), get one of the other kind or NULL. */
struct magazine *depot_swap_full(struct kmem_cache *cp, struct magazine *empty);
struct magazine *depot_swap_empty(struct kmem_cache *cp, struct magazine *full);
struct magazine *depot_get_empty(struct kmem_cache *cp);
void depot_put(struct kmem_cache *cp, struct magazine *mp, bool full);
/* For reap: a full magazine; only a spare one with `trim`. */
struct magazine *depot_reap_full(struct kmem_cache *cp, bool trim);
struct magazine *depot_reap_empty(struct kmem_cache *cp, bool trim);
void depot_tick(struct kmem_cache *cp);

/* ---- Hart layer, kmem_mag.c ---- */

struct mag_slot *hart_slot(struct kmem_cache *cp, unsigned hart);
void hart_slots_init(struct kmem_cache *cp);
unsigned hart_rounds(struct kmem_cache *cp, unsigned hart);

/* Free for `caller`; false after a report of a misuse. */
bool kmem_free_from(struct kmem_cache *cp, void *obj, uintptr_t caller);

/* What a drain takes from one hart and one cache: up to four tops. */
#define DRAIN_TOPS 4u
struct drained {
	void **dr_tops[DRAIN_TOPS]; /* dummy's top: nothing */
};
/* Take all magazines of the calling hart; pinned. */
void hart_take(struct kmem_cache *cp, struct drained *out);
/* Rounds to their slabs, magazines destroyed. Adds to *frames and *objects. */
void drained_flush(struct kmem_cache *cp, const struct drained *d,
    size_t *frames, size_t *objects);

/* ---- Reports, kmem_error.c ---- */

void kmem_report(struct kmem_cache *cp, enum mm_error kind, uintptr_t addr,
    uintptr_t caller, const char *detail);
/* Judge a free by address. True: it may be freed to *owner. */
bool kmem_free_allowed(struct kmem_cache *cp, uintptr_t addr, uintptr_t caller,
    struct slab **slab, unsigned *index);
/* True, after a report, when the caller may not wait. */
bool kmem_context_refused(const char *what, uintptr_t caller);

/* ---- Registry, kmem_cache.c ---- */

int registry_add(struct kmem_cache *cp); /* 0 or -KMEM_EEXIST */
void kmem_cache_hold(struct kmem_cache *cp);
/* Up to n caches younger than *after, held, oldest first; advances *after. */
unsigned kmem_cache_gather(
    struct kmem_cache **out, unsigned n, uint64_t *after);
void kmem_name_copy(char *to, const char *from, size_t n);
void kmem_cache_setup(struct kmem_cache *cp, const char *name, size_t size,
    const struct kmem_options *opt);
size_t kmem_low_memory(size_t frames);
int kmalloc_init(void);
void kmalloc_reset(void);
void registry_init(void);
void kmem_errors_reset(void);
unsigned mag_rounds_for(size_t stride);

#endif
