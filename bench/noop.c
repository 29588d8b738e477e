/* SPDX-License-Identifier: MIT */
/*
 * The callees of the noop adapter. Each must be a single `ret`: the figure of
 * bench.run adds 2 for them. Their own file, so that no caller sees a body,
 * and without frame pointers, which would add four instructions.
 */
#include "adapter.h"

#ifndef __clang__
#pragma GCC optimize("omit-frame-pointer", "no-stack-protector")
#endif

void *
bench_noop_alloc(struct kmem_cache *cp, unsigned flags)
{
	(void)flags;
	/* Not NULL, and already in the register of the result. */
	return cp;
}

void
bench_noop_free(struct kmem_cache *cp, void *obj)
{
	(void)cp;
	(void)obj;
}

void *
bench_noop_alloc_bulk(
    struct kmem_cache *cp, unsigned flags, size_t n, void **objs)
{
	(void)flags;
	(void)n;
	(void)objs;
	return cp;
}

void
bench_noop_free_bulk(struct kmem_cache *cp, size_t n, void **objs)
{
	(void)cp;
	(void)n;
	(void)objs;
}

struct kmem_rounds
bench_noop_take(struct kmem_cache *cp, size_t n)
{
	union {
		struct kmem_cache *cp;
		void **objs;
	} any = { .cp = cp };

	/* Both halves lie in the registers of the result already. */
	return (struct kmem_rounds){ any.objs, n };
}

void
bench_noop_give(struct kmem_cache *cp, struct kmem_rounds rounds)
{
	(void)cp;
	(void)rounds;
}

void *
bench_noop_frame_alloc(
    size_t frames, size_t align, unsigned flags, unsigned tag)
{
	(void)align;
	(void)flags;
	(void)tag;
	/* No address, but not NULL, and in its register already. */
	return (void *)(uintptr_t)frames;
}

void
bench_noop_frame_free(void *run, size_t frames)
{
	(void)run;
	(void)frames;
}
