/* SPDX-License-Identifier: MIT */
/* What the files of the probes share. Theory: bench/metal/probe.c. */
#ifndef BENCH_METAL_PROBE_IMPL_H
#define BENCH_METAL_PROBE_IMPL_H

#include <bench/probe.h>

#include "../adapter.h"
#include "turns.h"

#define PROBE_SIZE    64u     /* bytes, where the figure says no other */
#define PROBE_PAIRS   10000u  /* of a loop that repeats one thing */
#define PROBE_BATCH   10000u  /* objects */
#define PROBE_LIVE    4096u   /* objects of random replacement */
#define PROBE_BULK    32u     /* objects of one bulk call */
#define PROBE_MAGS    64u     /* magazines out at once */
#define PROBE_RUN     8u      /* frames of a run */
#define PROBE_MANY    200000u /* objects of the memory figure */
#define PROBE_CACHES  64u     /* alive when one is created and destroyed */
#define PROBE_ROUND   1000u   /* objects handed over at once */
#define PROBE_OBJECTS 1000000u

/* The loops, in the order of the tables below. */
enum probe_load {
	LOAD_PAIR,
	LOAD_TRUST,
	LOAD_BATCH,
	LOAD_REPLACE,
	LOAD_BULK,
	LOAD_MAGAZINE,
	LOAD_MAGAZINES,
	LOAD_FRAME,
	LOAD_RUN,
	LOADS
};

extern const struct workload_code probe_kmem_code[LOADS];
extern const struct workload_code probe_noop_code[LOADS];

/* Instructions of one call, reading included. */
uint64_t probe_kmem_alloc(struct kmem_cache *cp, void **obj);
uint64_t probe_kmem_free(struct kmem_cache *cp, void *obj);
uint64_t probe_noop_alloc(struct kmem_cache *cp, void **obj);
uint64_t probe_noop_free(struct kmem_cache *cp, void *obj);
/* The two halves of the hand-over: n objects into, and from, an array. */
size_t probe_kmem_fill(struct kmem_cache *cp, void **objs, size_t n);
void probe_kmem_drop(struct kmem_cache *cp, void **objs, size_t n);
size_t probe_noop_fill(struct kmem_cache *cp, void **objs, size_t n);
void probe_noop_drop(struct kmem_cache *cp, void **objs, size_t n);

struct tally {
	uint64_t kmem, noop; /* instructions */
	uint64_t pairs;
};

/* A loop with the allocator and with nothing: warm-up, then `pairs`. */
bool probe_measure(struct probe_out *out, enum probe_load load,
    struct workload *w, uint64_t pairs, struct tally *t);

/* Callees of one call, their ret included, from the functions above. */
uint64_t probe_alloc(struct kmem_cache *cp, void **obj);
uint64_t probe_free(struct kmem_cache *cp, void *obj);
/* Instructions of a window with nothing in it. */
uint64_t probe_window_cost(void);

/* Record a figure; beyond PROBE_FACTS_MAX they are an error of the probe. */
void probe_fact(
    struct probe_out *out, const char *name, uint64_t value, uint64_t per);
void probe_note(struct probe_out *out, const char *name, const char *text);
/* Three facts: NAME.net, NAME.callees (net and two rets), NAME.gross. */
void probe_tally(
    struct probe_out *out, const char *name, const struct tally *t);

/* A cache of the probe's own; NULL after noting the error. */
struct kmem_cache *probe_cache(
    struct probe_out *out, size_t size, const struct kmem_options *opt);
void probe_uncache(struct probe_out *out, struct kmem_cache *cp);
/* Pointers; NULL after noting the error. kfree. */
void *probe_array(struct probe_out *out, size_t n, size_t bytes);

/* probe_hot.c */
void probe_pair(struct probe_out *out);
void probe_batch(struct probe_out *out);
void probe_replace(struct probe_out *out);
void probe_bulk(struct probe_out *out);
void probe_construct(struct probe_out *out);
void probe_checked(struct probe_out *out);
/* probe_inline.c */
void probe_inline(struct probe_out *out);
/* probe_worst.c */
void probe_worst(struct probe_out *out);
/* probe_irqoff.c */
void probe_irqoff(struct probe_out *out);
/* probe_memory.c */
void probe_frames(struct probe_out *out);
void probe_reclaim(struct probe_out *out);
void probe_memory(struct probe_out *out);
/* probe_cache.c */
void probe_create(struct probe_out *out);
void probe_spread(struct probe_out *out);
/* probe_rivals.c */
void probe_rivals(struct probe_out *out);
/* probe_sheaf.c */
void probe_sheaf(struct probe_out *out);
/* probe_harts.c */
void probe_handover(struct probe_out *out);
void probe_scale(struct probe_out *out);
/* probe_lines.c */
void probe_lines(struct probe_out *out);

#endif
