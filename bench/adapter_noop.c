/* SPDX-License-Identifier: MIT */
/* The workloads on two functions that only return: the cost of the loop. */
#include "adapter.h"

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

#define ADAPTER_TABLE bench_code_noop
#include "workload/table.c"
