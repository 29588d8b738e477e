/* SPDX-License-Identifier: MIT */
/*
 * An adapter whose allocator is a general-purpose one: a heap is a size and an
 * alignment of one pool, and no constructed state is kept. Who includes this
 * has defined
 *
 *   heap_t              with the heap's constructor
 *   GENERAL(name)       what the allocator's functions are called
 *   GENERAL_CTOR, GENERAL_ARG       members of heap_t
 *   bool general_destroy(heap_t *)  false: an object was not free
 */
#ifndef BENCH_LAB_ADAPTER_GENERAL_H
#define BENCH_LAB_ADAPTER_GENERAL_H

#include <mm/bits.h>
#include <mm/port.h>

#include "lab.h"

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	size_t size = spec->ls_size, align = spec->ls_align;
	heap_t *heap;

	if (spec->ls_line && align < PORT_CACHE_LINE)
		align = PORT_CACHE_LINE;
	/* An object ends where its last line does. */
	if (spec->ls_line)
		size = align_up(size, PORT_CACHE_LINE);
	heap = GENERAL(create)(size, align);
	if (heap != NULL) {
		heap->GENERAL_CTOR = spec->ls_ctor;
		heap->GENERAL_ARG = spec->ls_arg;
	}
	return heap;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	void *obj = GENERAL(alloc)(heap);

	if (heap->GENERAL_CTOR != NULL && obj != NULL &&
	    heap->GENERAL_CTOR(obj, heap->GENERAL_ARG) != 0) {
		GENERAL(free)(heap, obj);
		return NULL;
	}
	return obj;
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	GENERAL(free)(heap, obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	if (!general_destroy(heap))
		lab_fault("an object was not free when its heap was destroyed");
}

static inline size_t
adapter_reap(heap_t *heap)
{
	return GENERAL(reap)(heap);
}

#endif
