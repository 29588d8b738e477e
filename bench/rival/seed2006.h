/* SPDX-License-Identifier: MIT */
/* HelenOS's kernel slab allocator as it was in 2006. Theory: seed2006.c. */
#ifndef BENCH_RIVAL_SEED2006_H
#define BENCH_RIVAL_SEED2006_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEED2006_ROUNDS     4u  /* of a magazine, as published */
#define SEED2006_ROUNDS_MAX 62u /* what a cache may ask for instead */
#define SEED2006_SIZE_MAX   ((size_t)128 << 10) /* bytes */

/* Flags of an allocation. */
#define SEED2006_NO_RECLAIM 0x1u

struct seed2006;

struct seed2006_options {
	size_t align;    /* bytes, a power of two up to a frame; 0: 8 */
	unsigned rounds; /* of a magazine; 0: SEED2006_ROUNDS */
	/* May be NULL; called on every allocation. Not 0: it failed. */
	int (*ctor)(void *obj, void *arg);
	void *arg;
};

/* `opt` may be NULL. NULL: no memory, or no such size or alignment. */
struct seed2006 *seed2006_create(
    size_t size, const struct seed2006_options *opt);
/* NULL: no memory, after all caches have been reclaimed; or the ctor failed. */
void *seed2006_alloc(struct seed2006 *cp, unsigned flags);
void seed2006_free(struct seed2006 *cp, void *obj);
/*
 * Take magazines apart, of the depot until a frame came free, or all there
 * are, those of slabs' descriptors too. Frames given back, as the original
 * counts them.
 */
size_t seed2006_reap(struct seed2006 *cp, bool all);
/* False: an object is still out, and the cache stays. */
bool seed2006_destroy(struct seed2006 *cp);

/* What a slab of a cache is like. */
struct seed2006_shape {
	size_t frames, objects, bytes; /* bytes: of one object */
	bool inside;                   /* the slab's descriptor is in it */
};
void seed2006_shape(const struct seed2006 *cp, struct seed2006_shape *out);

#ifdef RIVAL_COUNT
/* Times that each kind of lock was taken. */
struct seed2006_locks {
	uint64_t depot;     /* the cache's list of magazines */
	uint64_t slab;      /* the cache's slabs */
	uint64_t magazines; /* the slabs of the magazines of all caches */
};
void seed2006_locks(const struct seed2006 *cp, struct seed2006_locks *out);
#endif

#endif
