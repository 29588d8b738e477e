/* SPDX-License-Identifier: MIT */
/*
 * An adapter whose heaps are caches of kmem. Who includes this has defined
 *
 *   ADAPTER_CREATE_FLAGS            of all its caches, KMEM_…
 *   ADAPTER_ALLOC_FLAGS             of each allocation
 *   unsigned long adapter_enter(void), void adapter_leave(unsigned long)
 *                                   around each call
 */
#ifndef BENCH_LAB_ADAPTER_KMEM_H
#define BENCH_LAB_ADAPTER_KMEM_H

#include "codes.h"

typedef struct kmem_cache heap_t;

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	return lab_kmem_create(spec, ADAPTER_CREATE_FLAGS);
}

static inline void *
adapter_alloc(heap_t *cp)
{
	unsigned long saved = adapter_enter();
	void *obj = kmem_cache_alloc(cp, ADAPTER_ALLOC_FLAGS);

	adapter_leave(saved);
	return obj;
}

static inline void
adapter_free(heap_t *cp, void *obj)
{
	unsigned long saved = adapter_enter();

	kmem_cache_free(cp, obj);
	adapter_leave(saved);
}

static inline void
adapter_destroy(heap_t *cp)
{
	lab_kmem_destroy(cp);
}

/* Waits for other harts, so it is never called with interrupts off. */
static inline size_t
adapter_reap(heap_t *cp)
{
	return kmem_cache_shrink(cp);
}

#endif
