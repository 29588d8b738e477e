/* SPDX-License-Identifier: MIT */
/* Between bench/lab and the driver, bench/metal/lab_*.c. */
#ifndef BENCH_LAB_CODES_H
#define BENCH_LAB_CODES_H

#include <mm/kmem.h>

#include "lab.h"

/* bench/lab/codes.c: the tables of benchmarks; NULL: not in this image. */
#define LAB_GROUPS 8u
extern const struct lab_bench lab_turns[]; /* group control, too */
extern const struct lab_bench *const lab_groups[LAB_GROUPS];

/*
 * What the allocators of this image keep from run to run, before any frames
 * are counted. False: no memory.
 */
bool lab_codes_start(void);

/* The code of a variant, noop's too; never NULL for one of lab_variant_at. */
const struct lab_code *lab_code_of(const struct lab_variant *variant);
/* NULL: it was compiled without that load. */
const struct lab_load *lab_load_of(const struct lab_code *code, const char *id);

/* NULL when the options fit the benchmark, else a sentence; fills `values`. */
const char *lab_values(const struct lab_bench *bench,
    const struct lab_options *opt, uint64_t values[LAB_PARAMS_MAX]);

/* Frames that lab_memory holds. */
size_t lab_memory_frames(void);
/* The sentence of lab_fault, and forget it; NULL: there was none. */
const char *lab_fault_take(void);

/*
 * Level ground: a heap in which every run begins alike. Theory: ground.c.
 * Others must leave the allocator alone meanwhile for that to be exact.
 */
struct lab_ground {
	void *lg_frames; /* runs that fill holes, linked */
	void *lg_caches; /* records of caches whose slabs are filled, linked */
};
/* False: no memory; what was taken is in it all the same. */
bool lab_ground_level(struct lab_ground *ground);
void lab_ground_restore(struct lab_ground *ground);

/* bench/lab/heap_kmem.c: what the adapters of kmem share. */
struct kmem_cache *lab_kmem_create(const struct lab_spec *spec, unsigned flags);
void lab_kmem_destroy(struct kmem_cache *cp);
/* Called while a destroy is refused without live objects; NULL: never. */
extern bool (*lab_kmem_patience)(unsigned attempt);

#endif
