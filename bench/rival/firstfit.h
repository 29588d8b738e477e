/* SPDX-License-Identifier: MIT */
/* Address-ordered first fit, as a rival. Theory: bench/rival/firstfit.c. */
#ifndef BENCH_RIVAL_FIRSTFIT_H
#define BENCH_RIVAL_FIRSTFIT_H

#include <stdbool.h>
#include <stddef.h>

struct firstfit {
	size_t ff_size;  /* of a block: rounded, its head included */
	size_t ff_align; /* a power of two, no less than a unit */
	bool ff_used;
	/* For whoever made the heap: its constructor. NULL at first. */
	int (*ff_ctor)(void *obj, void *arg);
	void *ff_arg;
};

/*
 * A heap of objects of `size` bytes at multiples of `align` (a power of two,
 * 0: 16). All heaps share one list of holes and its lock. NULL: no memory.
 */
struct firstfit *firstfit_create(size_t size, size_t align);
void *firstfit_alloc(struct firstfit *heap); /* NULL: no memory */
void firstfit_free(struct firstfit *heap, void *obj);
/*
 * With the last heap the memory goes. False: it was the last, and an object of
 * some heap was not free.
 */
bool firstfit_destroy(struct firstfit *heap);
/* Always 0, as in the original. */
size_t firstfit_reap(struct firstfit *heap);
/* Frames to add to the zone's count: arena.h. */
size_t firstfit_charge(void);

/*
 * Walk all holes. The number of rules found broken; *holes and *free_bytes
 * (both may be NULL): how many there are, and their bytes with heads.
 */
size_t firstfit_verify(size_t *holes, size_t *free_bytes);

#endif
