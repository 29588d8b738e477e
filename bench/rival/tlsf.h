/* SPDX-License-Identifier: MIT */
/* TLSF, two-level segregated fit, as a rival. Theory: bench/rival/tlsf.c. */
#ifndef BENCH_RIVAL_TLSF_H
#define BENCH_RIVAL_TLSF_H

#include <stdbool.h>
#include <stddef.h>

struct tlsf {
	size_t th_size;  /* of a block: rounded, no smaller than a free one */
	size_t th_align; /* a power of two, no less than a word's */
	bool th_used;
	/* For whoever made the heap: its constructor. NULL at first. */
	int (*th_ctor)(void *obj, void *arg);
	void *th_arg;
};

/*
 * A heap of objects of `size` bytes at multiples of `align` (a power of two,
 * 0: 8). All heaps share one pool and its lock. NULL: no memory.
 */
struct tlsf *tlsf_create(size_t size, size_t align);
void *tlsf_alloc(struct tlsf *heap); /* NULL: no memory */
void tlsf_free(struct tlsf *heap, void *obj);
/*
 * With the last heap the pool's memory goes. False: it was the last, and an
 * object of some heap was not free.
 */
bool tlsf_destroy(struct tlsf *heap);
/* Always 0: what the pool has it keeps, as the original does. */
size_t tlsf_reap(struct tlsf *heap);
/* Frames to add to the zone's count: arena.h. */
size_t tlsf_charge(void);

/*
 * Walk all blocks and all lists. The number of rules found broken, which are
 * at the function; *free_bytes (may be NULL): the payload of all free blocks.
 */
size_t tlsf_verify(size_t *free_bytes);

#endif
