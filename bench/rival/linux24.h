/* SPDX-License-Identifier: MIT */
/* The slab allocator of Linux 2.4. Theory: linux24.c. */
#ifndef BENCH_RIVAL_LINUX24_H
#define BENCH_RIVAL_LINUX24_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINUX24_SIZE_MAX ((size_t)128 << 10) /* bytes */

struct linux24;

struct linux24_options {
	size_t align; /* bytes, a power of two up to a frame; 0: 8 */
	bool line;    /* SLAB_HWCACHE_ALIGN */
	bool flat;    /* no colours */
	/* May be NULL; of all objects of a new slab. Not 0: it failed. */
	int (*ctor)(void *obj, void *arg);
	void *arg;
};

/* `opt` may be NULL. NULL: no memory, or no such size or alignment. */
struct linux24 *linux24_create(size_t size, const struct linux24_options *opt);
/* NULL: no memory, or a constructor failed. */
void *linux24_alloc(struct linux24 *cp);
void linux24_free(struct linux24 *cp, void *obj);
/*
 * Empty the arrays of all harts, then give back every free slab; frames. Not
 * pinned, not in an interrupt. A hart that does not answer keeps its array.
 */
size_t linux24_reap(struct linux24 *cp);
/* False: an object is still out, and the cache stays. As linux24_reap. */
bool linux24_destroy(struct linux24 *cp);

/* What a slab of a cache, and a hart's array, are like. */
struct linux24_shape {
	size_t frames, objects, bytes; /* bytes: of one object */
	size_t colours, colour_bytes;
	bool outside; /* the slab's descriptor is elsewhere */
	unsigned limit, batch;
};
void linux24_shape(const struct linux24 *cp, struct linux24_shape *out);

#ifdef RIVAL_COUNT
/* Times that the cache's lock was taken. */
uint64_t linux24_locks(const struct linux24 *cp);
#endif

#endif
