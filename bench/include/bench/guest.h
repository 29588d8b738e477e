/* SPDX-License-Identifier: MIT */
/*
 * A program of another floor that runs on a heap of the lab: Lua, which bench
 * may not know. lua/bench_luaheap.c is it; an image without has none.
 */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the program allocates with; both fit lua_Alloc. */
struct lab_guest_heap {
	/*
	 * `ptr` NULL: a new block; `nsize` 0: free it; else the block, moved or
	 * not, with as much of its contents as fits. NULL: no memory, which a
	 * block that gets no larger never meets.
	 */
	void *(*gh_resize)(void *arg, void *ptr, size_t osize, size_t nsize);
	void *gh_arg;
};

enum lab_guest_job {
	LAB_GUEST_FIB,     /* calls; hardly an allocation */
	LAB_GUEST_STRINGS, /* strings and tables that come and go */
	LAB_GUEST_JOBS
};

/*
 * Do a job on a heap; what `tick` counts for it, without getting ready and
 * clearing away, is added to *ticks. All blocks are free afterwards. False: no
 * memory. Context: thread. NULL where there is no such program.
 */
bool lab_guest_run(const struct lab_guest_heap *heap, enum lab_guest_job job,
    uint64_t (*tick)(void), uint64_t *ticks) __attribute__((weak));

#endif
