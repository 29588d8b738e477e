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

#define KMEM_HARTS_MAX 128u /* of the sets of harts, a bit each */

/* ---- Magazines (layout drawn in mm/mag.h) ---- */

struct magazine {
	struct magazine *mag_next;
	_Atomic uint32_t mag_capacity; /* relaxed: statistics read it */
	_Atomic uint32_t mag_low;      /* bytes from here to the first round */
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

/* Top of a full magazine. */
static inline void **
mag_end(struct magazine *mp)
{
	return (void **)((uintptr_t)mp + MAG_BYTES);
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
static inline void
mag_format(struct magazine *mp, uint32_t capacity)
{
	MM_ASSERT2(capacity > 0 && capacity <= KMEM_ROUNDS_MAX, mp, capacity);
	shared_store_32(&mp->mag_capacity, capacity);
	shared_store_32(
	    &mp->mag_low, MAG_BYTES - capacity * (uint32_t)sizeof(void *));
	mag_first(mp, capacity)[-1] = NULL;
}

static inline unsigned
top_rounds(void **top)
{
	unsigned rounds;

	if (top == mag_dummy_top())
		return 0;
	/* Another hart's magazine may have gone meanwhile: bound the answer. */
	rounds = mag_rounds(mag_of(top), top);
	return rounds <= KMEM_ROUNDS_MAX ? rounds : 0;
}

static inline unsigned
slot_rounds(const struct mag_slot *s)
{
	return top_rounds(slot_top(s)) + top_rounds(slot_previous(s));
}

struct magazine *mag_create(uint32_t capacity); /* NULL: no memory; no wait */
size_t mag_destroy(struct magazine *mp);        /* frames given back */
bool mag_is_one(uintptr_t addr); /* a magazine that is not free begins there */
/* Slots: offset of a free one, initialised on every hart; 0: none left. */
uint64_t slot_alloc(void);
/* Offset of a fixed slot, likewise; 0: it is taken. */
uint64_t slot_claim(unsigned slot);
/* A slot with its counts: struct mag_cold. 0: none left. */
uint64_t slot_alloc_cold(void);
void slot_free_cold(uint64_t offset);
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
 * themselves come from (c_embedded). In caches with c_live the bits begin with
 * one an object that is set while the object is handed out to a caller; then,
 * at s_free_at, come those that are set while it is free in the slab.
 */
struct slab {
	struct list s_node; /* in c_slabs[s_bucket]; c_slab_lock */
	struct kmem_cache *s_cache;
	uintptr_t s_origin; /* first byte of object 0 */
	uint32_t s_first;   /* bytes of the run before it */
	uint16_t s_frames;
	uint16_t s_total;   /* objects */
	uint16_t s_inuse;   /* objects not free here; c_slab_lock */
	uint16_t s_free_at; /* words of live bits */
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
void geometry_reset(void);
/* Constant from kmem_init on. */
extern struct kmem_machine geometry_machine;

/* ---- Depot ---- */

struct maglist {
	struct magazine *ml_head;
	uint32_t ml_count;
	uint32_t ml_min;   /* lowest count since the last tick */
	uint32_t ml_spare; /* lowest count of the interval before: not needed */
	uint32_t ml_idle;  /* to go on idle time: beyond the bound */
};

/* ---- Per hart ---- */

struct kmem_hart {
	struct mag_slot *hc_slot; /* this hart's slot c_own_slot; NULL: none */
	struct mag_slot *hc_cold; /* and c_cold_slot, in force with c_cold */
	_Atomic uint32_t
	    hc_used; /* has or had magazines since the last drain */
	uint32_t hc_unused;
	/* Written by the owner hart, pinned; read by anyone, relaxed. */
	uint64_t hc_alloc_miss, hc_free_miss;
	uint64_t hc_depot_get, hc_depot_put;
	uint64_t hc_pad[9];
};
_Static_assert(sizeof(struct kmem_hart) == 2 * PORT_CACHE_LINE,
    "no line is shared by two harts");

/* Set once, possibly while others look (kmem_tune.c); NULL: not yet. */
static inline struct mag_slot *
hart_own(const struct kmem_hart *hc)
{
	return __atomic_load_n(&hc->hc_slot, __ATOMIC_RELAXED);
}

static inline struct mag_slot *
hart_cold(const struct kmem_hart *hc)
{
	return __atomic_load_n(&hc->hc_cold, __ATOMIC_RELAXED);
}

static inline void
shared_store_slot(struct mag_slot **word, struct mag_slot *slot)
{
#ifdef SHARED_ATOMIC
	__atomic_store_n(word, slot, __ATOMIC_RELAXED);
#else
	*(struct mag_slot *volatile *)(uintptr_t)word = slot;
#endif
}

/* What a hart has counted; only where it has a cold slot. */
static inline struct mag_cold *
hart_counts(const struct kmem_hart *hc)
{
	return (struct mag_cold *)hart_cold(hc);
}

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
	_Atomic uint64_t c_cold_slot; /* 0: none; set once */
	struct kmem_hart *c_harts;    /* one per hart; NULL: no magazines */
	_Atomic bool c_cold;     /* c_cold_slot in force, every call counted */
	_Atomic bool c_count;    /* KMEM_COUNT */
	bool c_live;             /* live bits: level checked */
	_Atomic bool c_mag_auto; /* the control law may change c_magsize */
	_Atomic uint32_t c_magsize; /* rounds of a new magazine */
	/* The zone of the latest slab; holds nothing before the first. */
	const struct frame_span *_Atomic c_span;
	uint64_t c_reciprocal; /* ceil(2^64 / stride) */

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
	uint64_t c_fixed_slot; /* kmem_options.slot's; 0: none */
	bool c_embedded;       /* descriptors inside the slabs */
	bool c_internal;       /* one of the allocator's own */
	uint64_t c_generation;

	/* Registry; registry_lock. */
	struct list c_node;
	struct list c_name_node; /* in the bucket of c_name */
	unsigned c_holds;
	bool c_dying;

	/* Slab layer; c_slab_lock. */
	struct mm_lock c_slab_lock;
	struct list c_slabs[SLAB_BUCKETS];
	_Atomic uint32_t c_occupied; /* a bit for each list with slabs */
	uint32_t c_slab_count;
	uint32_t c_slab_full, c_slab_empty;
	uint64_t c_objects;   /* in all slabs */
	uint64_t c_inuse;     /* not free in a slab: live or in magazines */
	uint64_t c_hiwater;   /* of c_inuse, up to the last tick */
	uint64_t c_peak;      /* of c_inuse, since the last tick */
	uint64_t c_peak_last; /* of c_inuse, in the interval before */
	uint64_t c_frames;
	_Atomic size_t c_limit; /* written under c_slab_lock; 0: none */
	unsigned c_colour_next;
	uint64_t c_slab_allocs, c_slab_frees; /* calls, without magazines */
	uint64_t c_grow, c_shrink;
	uint64_t c_short_slabs; /* made with the fallback geometry */

	/* Depot; c_depot_lock. */
	struct mm_lock c_depot_lock;
	struct maglist c_full, c_empty;
	uint64_t c_depot_rounds;
	uint32_t c_visits; /* exchanges since the last tick */
	uint32_t c_waits;  /* of this window, that waited for the lock */
	uint32_t c_mag_grown, c_mag_shrunk;

	/*
	 * Rounds that a reap, trim or drain has taken from magazines and not
	 * yet put into their slabs. Raised where they are taken (depot: under
	 * its lock; hart: by that hart, pinned), lowered under c_slab_lock with
	 * c_inuse.
	 */
	_Atomic uint64_t c_inflight;

	/* Relaxed, any hart, off the hot path. */
	_Atomic uint64_t c_alloc_fail, c_ctor_calls, c_dtor_calls, c_errors;
	_Atomic uint64_t c_reaped; /* times a reap took something */
};
_Static_assert(offsetof(struct kmem_cache, c_slot) == 0 &&
	offsetof(struct kmem_cache, c_cold_slot) == 16,
    "the hot pair reads the first word, the counting one the third");

/* An empty magazine, of the size that is wanted now; its first round. */
static inline void **
mag_reformat(struct kmem_cache *cp, struct magazine *mp)
{
	uint32_t capacity =
	    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed);

	if (atomic_load_explicit(&mp->mag_capacity, memory_order_relaxed) !=
	    capacity)
		mag_format(mp, capacity);
	return mag_first(mp, capacity);
}

static inline uint64_t
cold_slot(const struct kmem_cache *cp)
{
	return atomic_load_explicit(&cp->c_cold_slot, memory_order_relaxed);
}

/* The slot in force on the hart of `hc`. */
static inline struct mag_slot *
slot_of(const struct kmem_cache *cp, struct kmem_hart *hc)
{
	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		return hart_cold(hc);
	return hart_own(hc);
}

void slab_lock(struct kmem_cache *cp) ACQUIRES(cp->c_slab_lock, rank_slab);
void slab_unlock(struct kmem_cache *cp) RELEASES(cp->c_slab_lock, rank_slab);
void depot_lock(struct kmem_cache *cp) ACQUIRES(cp->c_depot_lock, rank_depot);
void depot_unlock(struct kmem_cache *cp) RELEASES(cp->c_depot_lock, rank_depot);
void registry_lock_take(void) ACQUIRES(rank_registry);
void registry_lock_drop(void) RELEASES(rank_registry);

/* ---- Slab layer, kmem_slab.c ---- */

/* Up to n objects from slabs that exist; takes the lock itself. */
size_t slab_take(struct kmem_cache *cp, void **out, size_t n);
void *slab_take_one(struct kmem_cache *cp);
/* A new slab; one object of it goes straight to the caller. NULL: no memory. */
void *slab_grow(struct kmem_cache *cp, unsigned flags);
/* Slab layer alone: take one, growing if need be. */
void *slab_alloc(struct kmem_cache *cp, unsigned flags);
/* True where no object more may leave the slabs. */
bool slab_limit_reached(struct kmem_cache *cp);
/*
 * Objects back into their slabs. Each is verified; a misuse is reported and
 * dropped. Empty slabs beyond `keep` objects' worth leave: returns frames given
 * back. `caller` is for the report.
 */
size_t slab_put(struct kmem_cache *cp, void *const *objs, size_t n,
    bool keep_empty, uintptr_t caller);
/* One object of the allocator's own back; frames given back. */
size_t slab_put_own(struct kmem_cache *cp, void *obj);
/* Rounds in flight (c_inflight) into their slabs; frames given back. */
size_t slab_put_inflight(struct kmem_cache *cp, void *const *objs, size_t n,
    bool keep_empty, uintptr_t caller);
/* Would slab_take find anything now? */
bool slab_has_free(struct kmem_cache *cp);
/* A glance, without the lock: who must be exact has stopped others. */
static inline bool
slab_has_empty(const struct kmem_cache *cp)
{
	return (atomic_load_explicit(&cp->c_occupied, memory_order_relaxed) &
		   (1u << SLAB_EMPTY)) != 0;
}
/* Empty slabs back to the zones until *frames reaches target (0: all). */
void slab_release_empty(struct kmem_cache *cp, size_t *frames, size_t target);
/* Every slab, whatever is alive in it (single owner). Frames given back. */
size_t slab_release_all(struct kmem_cache *cp);
/* Holds no frame: the span of a cache without slabs. */
extern const struct frame_span slab_no_span;
void slab_layer_init(struct kmem_cache *cp);
struct slab *slab_of(uintptr_t addr); /* NULL: not in a slab */
/* Index of the object that holds addr; -1 when it lies in none. */
long slab_index(const struct slab *sp, uintptr_t addr);
uintptr_t slab_object(const struct slab *sp, unsigned index);

/* First byte of the run. */
static inline uintptr_t
slab_base(const struct slab *sp)
{
	return sp->s_origin - sp->s_first;
}

static inline _Atomic uint64_t *
slab_live_word(struct slab *sp, unsigned index)
{
	return &sp->s_bits[index / 64];
}

static inline _Atomic uint64_t *
slab_free_word(struct slab *sp, unsigned index)
{
	return &sp->s_bits[sp->s_free_at + index / 64];
}

/* Under c_slab_lock exact; else true at one instant. */
static inline bool
slab_is_free(const struct slab *sp, unsigned index)
{
	return (atomic_load_explicit(&sp->s_bits[sp->s_free_at + index / 64],
		    memory_order_relaxed) >>
		       (index % 64) &
		   1) != 0;
}

/* slab_of for who expects the slab in the zone of this cache's latest one. */
static inline struct slab *
slab_near(const struct kmem_cache *cp, uintptr_t addr)
{
	const struct frame_span *span =
	    atomic_load_explicit(&cp->c_span, memory_order_relaxed);
	uintptr_t word = frame_span_slab(span, addr);

	if (__builtin_expect(word == 0, 0))
		return slab_of(addr);
	return (struct slab *)word;
}

/* Quotient by the stride; false: there is a remainder (kmem_live.c, 4). */
static inline bool
slab_divide(const struct kmem_cache *cp, uintptr_t off, uint64_t *index)
{
	__extension__ typedef unsigned __int128 product_type;
	product_type product = (product_type)off * cp->c_reciprocal;

	*index = (uint64_t)(product >> 64);
	return (uint64_t)product < cp->c_reciprocal;
}

/* ---- Making slabs, kmem_grow.c ---- */

/* A constructed slab that no list holds; NULL: no memory, or a ctor failed. */
struct slab *slab_build(struct kmem_cache *cp, unsigned flags);
/* Destruct objects [0, n) of a slab that no list holds. */
void slab_destruct(struct kmem_cache *cp, const struct slab *sp, unsigned n);
/* Give back a slab that no list holds, without destructors. */
size_t slab_discard(struct kmem_cache *cp, struct slab *sp);

/* Descriptors, kmem_internal.c. */
struct slab *slab_descriptor_alloc(const struct kmem_cache *cp, unsigned flags);
size_t slab_descriptor_free(const struct kmem_cache *cp, struct slab *sp);
size_t slab_descriptors_free(
    const struct kmem_cache *cp, void *const *descriptors, size_t n);
void kmem_internal_release(size_t *frames, size_t target);
void kmem_internal_init(void);
bool kmem_internal_next(unsigned i, struct kmem_cache **cp);
struct kmem_cache *kmem_cache_descriptor_alloc(unsigned frame_tag);
void kmem_cache_descriptor_free(struct kmem_cache *cp);
struct kmem_hart *kmem_harts_alloc(void);
void kmem_harts_free(struct kmem_hart *harts);

/* ---- Depot, kmem_depot.c ---- */

void depot_init(struct kmem_cache *cp);
/*
 * Give a magazine (or NULL), get one of the other kind or NULL: then nothing
 * was given. Pinned. These are the visits that the control law counts.
 */
struct magazine *depot_swap_full(struct kmem_cache *cp, struct magazine *empty);
struct magazine *depot_swap_empty(struct kmem_cache *cp, struct magazine *full);
/* Objects that may idle in the depot (kmem_depot.c, 3). */
static inline uint64_t
idle_bound_locked(const struct kmem_cache *cp)
{
	uint64_t peak =
	    cp->c_peak > cp->c_peak_last ? cp->c_peak : cp->c_peak_last;

	return peak / 8;
}
struct magazine *depot_get_empty(struct kmem_cache *cp);
void depot_put(struct kmem_cache *cp, struct magazine *mp, bool full);
/* What a reap may take: anything, what was spare, what is beyond the bound. */
enum depot_share { DEPOT_ALL, DEPOT_SPARE, DEPOT_IDLE };
/* A magazine that leaves; the rounds of a full one are in flight from here. */
struct magazine *depot_reap_full(struct kmem_cache *cp, enum depot_share share);
struct magazine *depot_reap_empty(
    struct kmem_cache *cp, enum depot_share share);
/*
 * End of an interval. `bound` is the number of objects that may idle here;
 * *excess: there are magazines beyond it. False when nothing has changed.
 */
bool depot_tick(struct kmem_cache *cp, uint64_t bound, bool *excess);
/* Objects that nobody needed for a whole interval. */
uint64_t depot_idle(struct kmem_cache *cp);
/* Rounds by stride in bytes: at creation, and the ends of the law's range. */
unsigned mag_rounds_for(size_t stride);
unsigned mag_rounds_least(size_t stride);
unsigned mag_rounds_most(size_t stride);

/* ---- Hart layer, kmem_mag.c ---- */

struct mag_slot *hart_slot(struct kmem_cache *cp, unsigned hart);
void hart_slots_init(struct kmem_cache *cp);
void hart_slots_find(struct kmem_cache *cp); /* after c_…_slot has changed */
unsigned hart_rounds(struct kmem_cache *cp, unsigned hart);

/* Free for `caller`; false after a report of a misuse. */
bool kmem_free_from(struct kmem_cache *cp, void *obj, uintptr_t caller);
/* What is left when neither magazine of the hart serves. */
/* `depot`: whether it is still to be asked. kmem_miss.c */
void *kmem_alloc_miss(
    struct kmem_cache *cp, unsigned flags, uintptr_t caller, bool depot);
void kmem_free_miss(
    struct kmem_cache *cp, void *obj, uintptr_t caller, bool depot);

/* ---- Level checked, kmem_live.c ---- */

void *live_alloc(struct kmem_cache *cp, unsigned flags, uintptr_t caller);
/* False after a report. */
bool live_free(struct kmem_cache *cp, void *obj, uintptr_t caller);

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

/* ---- Idle time, kmem_idle.c ---- */

/*
 * Wait until no other hart is in the middle of giving idle magazines back.
 * Not pinned, no lock held, not in an interrupt.
 */
void kmem_settle(void);

/* ---- Reclaim, kmem_reap.c ---- */

/* All that a cache does not use goes back, from all harts; frames. */
size_t cache_empty(struct kmem_cache *cp);
/* Up to `n` magazines of the depot, one kind: how many; adds to *got. */
uint32_t depot_release(struct kmem_cache *cp, bool full, enum depot_share share,
    uint32_t n, struct kmem_reaped *got, size_t target);

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
/* The oldest cache after a generation; the one after a cache; or NULL. */
struct kmem_cache *registry_after_locked(uint64_t generation)
    REQUIRES(rank_registry);
struct kmem_cache *registry_next_locked(const struct kmem_cache *cp)
    REQUIRES(rank_registry);
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

#endif
