/* SPDX-License-Identifier: MIT */
/* The workloads on mm: object caches, and kmalloc for mixed sizes. */
#include <mm/host.h>

#include "host.h"

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

static inline void *
adapter_any(const struct host_run *r)
{
	return kmem_cache_alloc(r->hr_load.w_cache, 0);
}

static inline void *
adapter_build(const struct host_run *r)
{
	return kmem_cache_alloc(r->hr_built, 0);
}

static inline void
adapter_unbuild(const struct host_run *r, void *obj)
{
	kmem_cache_free(r->hr_built, obj);
}

static inline void *
adapter_malloc(size_t size)
{
	return kmalloc(size, 0);
}

static inline void
adapter_mfree(void *obj)
{
	kfree(obj);
}

static inline void
adapter_attach(unsigned hart)
{
	mm_host_attach(hart);
}

#include "workloads.c"

const struct host_code host_code_kmem = { "kmem", loads, any_alloc, any_malloc,
	any_free };
