/* SPDX-License-Identifier: MIT */
/* The loops of the probes on functions that only return. */
#include <kernel/time.h>

#include "probe_impl.h"

static inline void *
adapter_alloc(struct kmem_cache *cp)
{
	return bench_noop_alloc(cp, 0);
}

static inline void
adapter_free(struct kmem_cache *cp, void *obj)
{
	bench_noop_free(cp, obj);
}

static inline bool
adapter_alloc_bulk(struct kmem_cache *cp, size_t n, void **objs)
{
	return bench_noop_alloc_bulk(cp, 0, n, objs) != NULL;
}

static inline void
adapter_free_bulk(struct kmem_cache *cp, size_t n, void **objs)
{
	bench_noop_free_bulk(cp, n, objs);
}

static inline struct kmem_rounds
adapter_take(struct kmem_cache *cp, size_t n)
{
	return bench_noop_take(cp, n);
}

static inline void
adapter_give(struct kmem_cache *cp, struct kmem_rounds rounds)
{
	bench_noop_give(cp, rounds);
}

static inline void *
adapter_frame_alloc(size_t n)
{
	return bench_noop_frame_alloc(n, 1, 2, 2);
}

static inline void
adapter_frame_free(void *run, size_t n)
{
	bench_noop_frame_free(run, n);
}

#define ADAPTER(name) probe_noop_##name
#include "../workload/loads.c"
