/* SPDX-License-Identifier: MIT */
/*
 * The workloads on two functions that only return: what loop, call and
 * arguments cost. What an allocator costs is its figure less this one.
 */
#include "host.h"

static struct built scratch;

static inline void *
adapter_alloc(struct kmem_cache *cp)
{
	(void)cp;
	return host_noop_alloc(&scratch);
}

static inline void
adapter_free(struct kmem_cache *cp, void *obj)
{
	(void)cp;
	host_noop_free(obj);
}

static inline void *
adapter_any(const struct host_run *r)
{
	(void)r;
	return host_noop_alloc(&scratch);
}

static inline void *
adapter_build(const struct host_run *r)
{
	(void)r;
	return host_noop_alloc(&scratch);
}

static inline void
adapter_unbuild(const struct host_run *r, void *obj)
{
	(void)r;
	host_noop_free(obj);
}

static inline void *
adapter_malloc(size_t size)
{
	(void)size;
	return host_noop_alloc(&scratch);
}

static inline void
adapter_mfree(void *obj)
{
	host_noop_free(obj);
}

static inline void
adapter_attach(unsigned hart)
{
	(void)hart;
}

#include "workloads.c"

const struct host_code host_code_noop = { "noop", loads, any_alloc, any_malloc,
	any_free };

/* The constructor alone: what no allocator without cached state can beat. */
static void
load_ctor(struct host_run *r, uint64_t pairs)
{
	for (uint64_t left = pairs; left != 0; left--) {
		struct built *obj = host_noop_alloc(&scratch);

		if (host_construct(obj, NULL) != 0)
			host_fail("not constructed", "ctor");
		r->hr_sum += obj->bu_refs;
		host_noop_free(obj);
	}
}

static const struct host_load ctor_loads[] = {
	{ .hl_name = "constructed", .hl_step = load_ctor },
	{ .hl_name = NULL },
};
const struct host_code host_code_ctor = { "ctor", ctor_loads, any_alloc,
	any_malloc, any_free };
