/* SPDX-License-Identifier: MIT */
/* Object caches. Theory of operation: mm/kmem_cache.c. */
#ifndef MM_KMEM_H
#define MM_KMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kmem_cache;

#define KMEM_NAME_MAX  32u          /* bytes, with the terminating NUL */
#define KMEM_SIZE_MAX  (128u << 10) /* largest object of a cache, bytes */
#define KMEM_ALIGN_MAX (64u << 10)

/* Errors. Functions that return int return 0 or one of these, negated. */
enum kmem_error {
	KMEM_EINVAL = 1, /* an argument is out of its range */
	KMEM_EEXIST,     /* a cache of that name exists */
	KMEM_ENOMEM,     /* no memory, or the limit of the cache is reached */
	KMEM_EBUSY,      /* live objects, or slabs where there may be none */
	KMEM_ECONTEXT,   /* not from an interrupt */
	KMEM_ENOTYET     /* not in this version */
};

/* Flags of allocation. */
#define KMEM_NOWAIT 0x1u /* fail rather than reclaim; implied in interrupts */
#define KMEM_ZERO   0x2u /* object comes zeroed (not with a constructor) */
#define KMEM_PANIC  0x4u /* out of memory is a panic that names the cache */

/* Flags of creation. */
#define KMEM_HWALIGN    0x10u  /* align to the cache line, strictly */
#define KMEM_NOMAGAZINE 0x20u  /* every call goes to the slab layer */
#define KMEM_NOCOLOUR   0x40u  /* all objects at offset 0 of their slab */
#define KMEM_COUNT      0x80u  /* exact per-operation totals on a fast cache */
#define KMEM_LOW        0x100u /* slabs from zones marked FRAME_LOW */
#define KMEM_SINGLE_OWNER                                                      \
	0x200u             /* one hart at a time, no magazines, no slot;
				    may be destroyed with live objects */
#define KMEM_NOREAP 0x400u /* the system reap leaves this cache alone */

enum kmem_protect {
	KMEM_FAST,    /* misuse is caught when a magazine reaches its slab */
	KMEM_CHECKED, /* every free is verified at once */
	KMEM_DEBUG    /* not in this version */
};

enum kmem_level {
	KMEM_REAP_TRIM,  /* what the working set did not need; empty slabs */
	KMEM_REAP_DEPOT, /* all magazines of the depots; empty slabs */
	KMEM_REAP_ALL    /* also the magazines of every hart */
};

/*
 * Constructor: bring raw memory into the constructed state. Non-zero means
 * failure; the object is then never destructed. Runs with no lock held, on
 * any hart, possibly in an interrupt or in reclaim: it may not wait.
 */
typedef int (*kmem_ctor_fn)(void *obj, void *arg);
typedef void (*kmem_dtor_fn)(void *obj, void *arg);
/* Owner's reclaim: free what the owner can spare; called before a reap. */
typedef void (*kmem_reclaim_fn)(void *arg);

struct kmem_options {
	size_t align; /* bytes, power of two; 0: natural, 8 … a line */
	kmem_ctor_fn ctor;
	kmem_dtor_fn dtor; /* only together with ctor */
	kmem_reclaim_fn reclaim;
	void *arg;         /* handed to the three above */
	unsigned flags;    /* KMEM_HWALIGN … KMEM_NOREAP */
	unsigned magazine; /* rounds, 1 … KMEM_ROUNDS_MAX; 0: by size */
	unsigned colours;  /* at most so many; 0: all that fit */
	size_t limit;      /* live objects; 0: none */
	enum kmem_protect protect;
	unsigned frame_tag; /* tag of the slabs; 0: FRAME_TAG_SLAB */
	/*
	 * Fixed slot, 1 … KMEM_SLOTS_FIXED: for a hot pair that is compiled for
	 * this one cache. 0: any. A slot that another cache has is refused.
	 */
	unsigned slot;
};

#define KMEM_ROUNDS_MAX  61u
#define KMEM_SLOTS_FIXED 16u

/*
 * Create a cache of objects of `size` bytes, 1 … KMEM_SIZE_MAX. The name is
 * copied. Returns 0 and the cache, or an error; `why`, when not NULL, receives
 * a static sentence for it. Context: not from an interrupt, no lock held.
 */
int kmem_cache_create(struct kmem_cache **out, const char *name, size_t size,
    const struct kmem_options *opt, const char **why);

/*
 * Destroy. A cache with live objects is refused with -KMEM_EBUSY and stays
 * usable, unless it is KMEM_SINGLE_OWNER. Context: as create. Nobody else may
 * hold the cache.
 */
int kmem_cache_destroy(struct kmem_cache *cp);

/*
 * The hot pair. kmem_cache_alloc returns an object in constructed state, or
 * NULL. Context: any, interrupts included. No lock, no atomic operation and no
 * CSR access on a hit; one short lock per magazine on a miss.
 * kmem_cache_pop takes from the hart's loaded magazine or returns NULL. It and
 * kmem_cache_free may be supplied in assembly by the embedder (mm/mag.h). The
 * test for NULL is the one that the caller makes anyway: compilers join both.
 */
void *kmem_cache_pop(struct kmem_cache *cp);
void *kmem_alloc_slow(struct kmem_cache *cp, unsigned flags);
void kmem_cache_free(struct kmem_cache *cp, void *obj);

void *kmem_cache_zero(struct kmem_cache *cp, void *obj);

static inline void *
kmem_cache_alloc(struct kmem_cache *cp, unsigned flags)
{
	void *obj = kmem_cache_pop(cp);

	if (__builtin_expect(obj == NULL, 0))
		obj = kmem_alloc_slow(cp, flags);
	if ((flags & KMEM_ZERO) != 0)
		return kmem_cache_zero(cp, obj);
	return obj;
}

/*
 * Many at once. All or nothing: true and n objects, or false and none. Objects
 * in magazines are copied from and to the array; what callers freed into a fast
 * cache comes out unseen, as ever. Flags as for one; KMEM_PANIC when not all
 * are to be had. n may be 0. Context: any; interrupts are held off for two
 * magazines' rounds at a time. Who may choose n does best with KMEM_BULK_BEST.
 */
#define KMEM_BULK_BEST 32u
bool kmem_cache_alloc_bulk(
    struct kmem_cache *cp, unsigned flags, size_t n, void **objs);
void kmem_cache_free_bulk(struct kmem_cache *cp, size_t n, void **objs);

/* Objects of one magazine, handed out where they lie; r_count 0: none. */
struct kmem_rounds {
	void **r_objs;
	size_t r_count;
};

/*
 * A whole magazine's objects without copying: the taker owns them and the array
 * r_objs[0 … r_count), may use, free, replace and reorder them there, and gives
 * the array back, full or with the first r_count of it only, on any hart. They
 * are live until then; a cache with such an array out cannot be destroyed.
 * Nothing may be read or written outside the array.
 *
 * take returns none when memory is out, and always in caches that look at each
 * object or keep no magazines (level checked, KMEM_COUNT, KMEM_NOMAGAZINE,
 * KMEM_SINGLE_OWNER, a limit): bulk calls serve those. The number of objects is
 * the size of the cache's magazines, as it was at one time. KMEM_ZERO is not
 * heeded. give of what no take returned is a heap error report.
 * Context: any.
 */
void **kmem_rounds_take(struct kmem_cache *cp, unsigned flags, size_t *count);
void kmem_rounds_give(struct kmem_cache *cp, void **objs, size_t count);

static inline struct kmem_rounds
kmem_cache_take(struct kmem_cache *cp, unsigned flags)
{
	struct kmem_rounds r;

	r.r_objs = kmem_rounds_take(cp, flags, &r.r_count);
	return r;
}

static inline void
kmem_cache_give(struct kmem_cache *cp, struct kmem_rounds rounds)
{
	kmem_rounds_give(cp, rounds.r_objs, rounds.r_count);
}

/*
 * Fill magazines until the next n allocations of this hart need neither a slab
 * nor memory, provided that nobody else takes from the cache or reaps it, and
 * that they come before the working set is found not to need them (two or three
 * ticks of kmem_tick). Returns how many objects are so to be had: n or more,
 * fewer when memory is out or the limit is reached. A cache without magazines
 * keeps one empty slab at most. Context: not from an interrupt (0, reported).
 */
size_t kmem_cache_prefill(struct kmem_cache *cp, size_t n);

/*
 * A reserve: n objects of one cache kept for when memory is out, so that who
 * frees what he takes from it can always go on. Theory: mm/kmem_reserve.c.
 *
 * create fills it: 0, or -KMEM_EINVAL (n is 0 or above KMEM_RESERVE_MAX),
 * -KMEM_ENOMEM, -KMEM_ECONTEXT (in an interrupt). destroy frees what it holds;
 * objects taken from it stay good and go back to the cache.
 * alloc tries the cache without waiting, then the reserve, then the cache with
 * the caller's flags. free refills the reserve first. refill tops it up from
 * the cache and returns how many it holds. Objects may pass between the
 * reserve's calls and the cache's. Context of alloc, free, refill, held: any.
 */
#define KMEM_RESERVE_MAX 65536u
struct kmem_reserve;
int kmem_reserve_create(
    struct kmem_reserve **out, struct kmem_cache *cp, size_t n);
void kmem_reserve_destroy(struct kmem_reserve *rp);
void *kmem_reserve_alloc(struct kmem_reserve *rp, unsigned flags);
void kmem_reserve_free(struct kmem_reserve *rp, void *obj);
size_t kmem_reserve_refill(struct kmem_reserve *rp);
size_t kmem_reserve_held(struct kmem_reserve *rp); /* objects in it now */

/*
 * Free by address alone, with a verdict: 0 when it was freed, -KMEM_EINVAL
 * after a heap error report (foreign, interior or second free). `cp` may be
 * NULL: whatever cache owns the address.
 */
int kmem_free_checked(struct kmem_cache *cp, uintptr_t addr);

/*
 * A misuse found above mm, by a handle that knows more than the address: make
 * it a heap error like any other (one report, counted). `kind` is an enum
 * mm_error of port.h, `cp` may be NULL, `detail` is a static sentence.
 */
void kmem_report_misuse(
    struct kmem_cache *cp, unsigned kind, uintptr_t addr, const char *detail);

/* Frames given back: everything this cache does not use, from all harts. */
size_t kmem_cache_shrink(struct kmem_cache *cp);
/* Objects moved from the magazines of one hart (or KMEM_ALL_HARTS) to slabs. */
#define KMEM_ALL_HARTS (~0u)
size_t kmem_cache_flush(struct kmem_cache *cp, unsigned hart);

struct kmem_reaped {
	size_t frames;  /* net frames the zones gained by this call, exact */
	size_t objects; /* objects moved from magazines to slabs */
};

/*
 * Give memory back until `target` frames have been gained (0: all that the
 * level allows). Context: not from an interrupt, no lock held; an interrupt
 * gets KMEM_REAP_DEPOT whatever it asks for.
 */
struct kmem_reaped kmem_reap(enum kmem_level level, size_t target);

/* How often reap took rounds from harts; monotonic, system-wide. */
struct kmem_reap_stats {
	uint64_t reaps[3];        /* by level */
	uint64_t drains;          /* remote harts asked to give up magazines */
	uint64_t drained_running; /* reaps that took rounds from another hart */
	uint64_t drained_rounds;  /* rounds so taken */
	uint64_t frames;          /* frames given back in all */
};
void kmem_get_reap_stats(struct kmem_reap_stats *st);

/*
 * Working-set tick: call about once a second from a thread context. False when
 * it changed nothing, and so would another before the allocator is used again.
 */
bool kmem_tick(void);

struct kmem_tune {
	bool set_magazine;
	unsigned magazine; /* rounds; 0: by size */
	bool set_limit;
	size_t limit;
	bool set_count;
	bool count;
	bool set_colours; /* only with no slabs */
	unsigned colours;
	bool set_protect; /* only with no slabs */
	enum kmem_protect protect;
};
/* Change what is set; `old`, when not NULL, receives what was. */
int kmem_cache_tune(
    struct kmem_cache *cp, const struct kmem_tune *t, struct kmem_tune *old);

/* Facts that do not change while the cache has slabs. */
struct kmem_info {
	char name[KMEM_NAME_MAX];
	size_t size;       /* bytes asked for */
	size_t align;      /* bytes */
	size_t stride;     /* bytes from object to object */
	unsigned per_slab; /* objects per slab */
	unsigned frames_per_slab;
	unsigned colours;   /* distinct first-object offsets */
	size_t colour_step; /* bytes between them */
	unsigned magazine;  /* rounds of a new magazine; 0: none */
	size_t limit;
	size_t waste_ppm;    /* of slab + metadata that is not objects */
	uint64_t generation; /* differs for each cache ever created */
	enum kmem_protect protect;
	unsigned flags;
};
void kmem_cache_get_info(struct kmem_cache *cp, struct kmem_info *info);

/* Of one hart. Totals counted on misses and exchanges only. */
struct kmem_hart_stats {
	bool used;            /* this hart ever used the cache */
	unsigned rounds;      /* objects in its two magazines */
	uint64_t alloc, free; /* as kmem_stats.alloc, of this hart */
	uint64_t mag_miss;
	uint64_t depot_get, depot_put;
};

#define KMEM_UNKNOWN UINT64_MAX /* not counted in this cache */

/*
 * Exact at quiescence; at any time never negative and never above the total.
 * alloc, free and mag_hit are KMEM_UNKNOWN in a fast cache without KMEM_COUNT.
 * Every field is described by kmem_schema().
 */
struct kmem_stats {
	uint64_t objects_inuse, objects_cached, objects_idle, idle_bound;
	uint64_t objects_total;
	uint64_t slabs_full, slabs_partial, slabs_empty;
	uint64_t frames, bytes_inuse, bytes_total, hiwater;
	uint64_t alloc, free, alloc_fail, mag_hit, mag_miss;
	uint64_t depot_get, depot_put, depot_contended;
	uint64_t mag_size, mag_grow, mag_shrink;
	uint64_t grow, shrink, reap, ctor, dtor, errors;
};
void kmem_cache_stats(struct kmem_cache *cp, struct kmem_stats *st);
bool kmem_cache_hart_stats(
    struct kmem_cache *cp, unsigned hart, struct kmem_hart_stats *st);

/* One record per field of struct kmem_stats, in its order. */
struct kmem_schema {
	const char *name;
	const char *unit; /* "object", "slab", "frame", "byte", "1", "round" */
	const char *kind; /* "gauge" or "counter" */
	const char *text; /* one sentence */
	size_t offset;    /* in struct kmem_stats */
};
const struct kmem_schema *kmem_schema(size_t *count);

/*
 * Walk. kmem_cache_next(NULL) is the first cache; the cache returned is held
 * and the one passed in is released; stop early with kmem_cache_release.
 * A held cache may be destroyed meanwhile: it is then empty and no longer
 * found, and its descriptor goes with the last hold.
 */
struct kmem_cache *kmem_cache_next(struct kmem_cache *cp);
struct kmem_cache *kmem_cache_find(const char *name); /* held, or NULL */
void kmem_cache_release(struct kmem_cache *cp);

struct kmem_slab_info {
	uintptr_t addr; /* first byte of the slab */
	size_t frames;
	unsigned colour; /* index of the colour */
	unsigned inuse;  /* objects not free in the slab (magazines included) */
	unsigned
	    live; /* handed out; in a fast cache, which cannot tell: inuse */
	unsigned total;
};
/* Copy up to n slabs' facts; the number there are (may exceed n). */
size_t kmem_cache_slabs(
    struct kmem_cache *cp, struct kmem_slab_info *out, size_t n);

/* What lies at an address. */
struct kmem_whatis {
	int tag; /* frame_lookup's answer */
	bool is_object;
	char cache[KMEM_NAME_MAX];
	uintptr_t slab, base; /* first byte of slab and of object */
	size_t offset;        /* of the address in its object */
	bool allocated;       /* slab layer says: not free (may be cached) */
	int live;             /* checked caches: 1 handed out, 0 not; else -1 */
};
void kmem_whatis(uintptr_t addr, struct kmem_whatis *w);

/* A broken invariant found by kmem_verify. */
struct kmem_finding {
	char cache[KMEM_NAME_MAX];
	const char *what; /* static sentence */
	uintptr_t where;
};
/*
 * Check the invariants of one cache (NULL: of all, and of the frame zones).
 * Returns the number of findings; the first n are copied out. Exact when
 * nothing moves; under load only facts that locks protect are judged.
 */
size_t kmem_verify(struct kmem_cache *cp, struct kmem_finding *out, size_t n);

/* Heap errors reported so far; kinds are those of enum mm_error in port.h. */
uint64_t kmem_errors(unsigned kind);
uint64_t kmem_errors_total(void);

/*
 * General purpose. kmalloc(0) returns a pointer that is distinct, of 8 bytes,
 * and is freed like any other. Alignment: largest power of two dividing the
 * class size, 8 … a line; FRAME_SIZE above KMEM_SIZE_MAX. kfree(NULL) does
 * nothing; kfree of an object of another cache frees it there.
 */
void *kmalloc(size_t size, unsigned flags);
void *kzalloc(size_t size, unsigned flags);
void *krealloc(void *ptr, size_t size, unsigned flags);
void kfree(void *ptr);
size_t ksize(const void *ptr); /* usable bytes; 0 when it is not kmalloc's */

/*
 * The first-level data cache, where the embedder knows it. Objects that want a
 * line of their own get one of line_bytes, sizes that divide by it are aligned
 * to it; colours are a line apart and repeat after a way: sets * line_bytes.
 * mm's own structures are padded to PORT_CACHE_LINE, always.
 */
struct kmem_machine {
	size_t line_bytes; /* power of two, 16 … 4096; default 64 */
	size_t way_bytes;  /* a multiple of the line, at most 1 MiB; 4096 */
};
/*
 * On one hart, before kmem_init; kmem_reset brings the defaults back. Returns
 * 0, or -KMEM_EINVAL for other values than these: nothing has changed then.
 */
int kmem_set_machine(const struct kmem_machine *m);

/*
 * Start the allocator: after the first frame_zone_add, before anything else,
 * on one hart, once port_hart_count() is final. Registers the reclaim
 * call-back with the frame zones. Returns 0 or -KMEM_ENOMEM.
 */
int kmem_init(void);
/* Forget everything, for an embedder that calls kmem_init again. */
void kmem_reset(void);

#endif
