/* SPDX-License-Identifier: MIT */
/* picolibc's malloc, as a rival. Theory: bench/rival/picolibc.c. */
#ifndef BENCH_RIVAL_PICOLIBC_H
#define BENCH_RIVAL_PICOLIBC_H

#include <stdbool.h>
#include <stddef.h>

struct picolibc {
	size_t pl_size;  /* bytes, as asked */
	size_t pl_align; /* 0: as malloc gives them */
	bool pl_used;
	/* For whoever made the heap: its constructor. NULL at first. */
	int (*pl_ctor)(void *obj, void *arg);
	void *pl_arg;
};

/*
 * A heap of objects of `size` bytes at multiples of `align` (a power of two,
 * 0: malloc's own). All heaps are the one malloc. NULL: no memory.
 */
struct picolibc *picolibc_create(size_t size, size_t align);
void *picolibc_alloc(struct picolibc *heap); /* NULL: no memory */
void picolibc_free(struct picolibc *heap, void *obj);
/* Its objects are free. With the last heap the memory goes. */
void picolibc_destroy(struct picolibc *heap);
/* Always 0: this malloc gives nothing back. */
size_t picolibc_reap(struct picolibc *heap);
/* Frames to add to the zone's count: arena.h. */
size_t picolibc_charge(void);

#endif
