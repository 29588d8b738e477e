/* SPDX-License-Identifier: MIT */
/* Linux 7's slab allocator, as a rival. Theory: bench/rival/sheaf.c. */
#ifndef BENCH_RIVAL_SHEAF_H
#define BENCH_RIVAL_SHEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHEAF_BARN_MOST 10u /* full sheaves in a barn; and empty ones */

struct sheaf_cache;

/*
 * A cache of objects of `size` bytes at multiples of `align` (a power of two,
 * 0: 8). `ctor` (may be NULL) runs once for each object of a new slab; state
 * survives free and alloc. NULL: no memory. Context: thread, one at a time.
 */
struct sheaf_cache *sheaf_create(
    size_t size, size_t align, int (*ctor)(void *obj, void *arg), void *arg);
void *sheaf_alloc(struct sheaf_cache *s); /* NULL: no memory */
void sheaf_free(struct sheaf_cache *s, void *obj);
/*
 * With the last cache all memory goes. False: an object was not free, and its
 * slab is lost.
 */
bool sheaf_destroy(struct sheaf_cache *s);
/*
 * Flush every hart's sheaves, the barn and empty slabs: the frames given back.
 * A hart that is inside the allocator keeps its sheaves, as it cannot be
 * waited for from an interrupt. On the host no other thread may be inside.
 */
size_t sheaf_reap(struct sheaf_cache *s);
/* Frames to add to the zone's count: the records of frames are free. */
size_t sheaf_charge(void);

/* What a cache is and, where it is not in use, what lies in it. */
struct sheaf_facts {
	unsigned capacity;    /* objects of a sheaf */
	unsigned order;       /* of a slab's frames */
	unsigned objects;     /* of a slab */
	unsigned partial;     /* slabs that are not full */
	uint64_t idle;        /* objects in sheaves, of harts and barn */
	uint64_t full, empty; /* sheaves in the barn */
	/* Only in sheaf_counted.h's build; of all caches, since the start. */
	uint64_t visits;  /* calls that neither main nor spare could serve */
	uint64_t refills; /* of them, sheaves filled from slabs */
	uint64_t flushes; /* of them, sheaves emptied into slabs */
};
void sheaf_look(struct sheaf_cache *s, struct sheaf_facts *f);

#endif
