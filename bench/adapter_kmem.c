/* SPDX-License-Identifier: MIT */
/* The workloads on an object cache, by direct calls. */
#include "adapter.h"

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

#define ADAPTER_TABLE bench_code_kmem
#include "workload/table.c"
