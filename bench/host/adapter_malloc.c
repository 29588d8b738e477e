/* SPDX-License-Identifier: MIT */
/*
 * The workloads on the malloc that the process has: glibc's, or the library
 * that was loaded before it. Compiled with -fno-plt like everything here: a
 * call goes through one pointer, and costs one instruction like ours. These
 * libraries keep no constructed state, so each object is constructed anew.
 */
#include <stdlib.h>

#include "host.h"

static inline void *
adapter_alloc(struct kmem_cache *cp)
{
	(void)cp;
	return malloc(HOST_SIZE);
}

static inline void
adapter_free(struct kmem_cache *cp, void *obj)
{
	(void)cp;
	free(obj);
}

static inline void *
adapter_any(const struct host_run *r)
{
	return malloc(r->hr_size);
}

static inline void *
adapter_build(const struct host_run *r)
{
	void *obj = malloc(HOST_CTOR_SIZE);

	(void)r;
	if (obj != NULL && host_construct(obj, NULL) != 0)
		host_fail("not constructed", "malloc");
	return obj;
}

static inline void
adapter_unbuild(const struct host_run *r, void *obj)
{
	(void)r;
	free(obj);
}

static inline void *
adapter_malloc(size_t size)
{
	return malloc(size);
}

static inline void
adapter_mfree(void *obj)
{
	free(obj);
}

static inline void
adapter_attach(unsigned hart)
{
	(void)hart;
}

#include "workloads.c"

const struct host_code host_code_malloc = { "malloc", loads, any_alloc,
	any_malloc, any_free };
