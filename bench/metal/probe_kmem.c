/* SPDX-License-Identifier: MIT */
/* The loops of the probes on the allocator, by direct calls. */
#include <kernel/time.h>
#include <mm/frame.h>

#include "probe_impl.h"

static inline void *
adapter_alloc(struct kmem_cache *cp)
{
	return kmem_cache_alloc(cp, 0);
}

static inline void
adapter_free(struct kmem_cache *cp, void *obj)
{
	kmem_cache_free(cp, obj);
}

static inline bool
adapter_alloc_bulk(struct kmem_cache *cp, size_t n, void **objs)
{
	return kmem_cache_alloc_bulk(cp, 0, n, objs);
}

static inline void
adapter_free_bulk(struct kmem_cache *cp, size_t n, void **objs)
{
	kmem_cache_free_bulk(cp, n, objs);
}

static inline struct kmem_rounds
adapter_take(struct kmem_cache *cp, size_t n)
{
	(void)n;
	return kmem_cache_take(cp, 0);
}

static inline void
adapter_give(struct kmem_cache *cp, struct kmem_rounds rounds)
{
	kmem_cache_give(cp, rounds);
}

static inline void *
adapter_frame_alloc(size_t n)
{
	return frame_alloc(n, 1, FRAME_NOWAIT, FRAME_TAG_META);
}

static inline void
adapter_frame_free(void *run, size_t n)
{
	frame_free(run, n);
}

#define ADAPTER(name) probe_kmem_##name
#include "../workload/loads.c"
