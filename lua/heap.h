/* SPDX-License-Identifier: MIT */
/* The memory of one Lua state. Theory of operation: lua/heap.c. */
#ifndef LUA_HEAP_H
#define LUA_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mm/frame.h>

/* All frames that serve only Lua carry it. */
#define FRAME_TAG_LUA ((unsigned)FRAME_TAG_USER)

#define HEAP_CLASSES   24u
#define HEAP_SMALL_MAX 2048u /* bytes; larger blocks are runs of frames */
#define HEAP_NAME_MAX  16u

struct kmem_cache;
struct heap_run;
struct heap_misfit;

/* Everything belongs to the hart that runs the state. */
struct heap {
	struct kmem_cache *h_caches[HEAP_CLASSES]; /* NULL until needed */
	size_t h_used;    /* bytes handed out, rounded to class or frame */
	size_t h_granted; /* bytes taken from the cap, >= h_used */
	struct heap_run *h_runs;
	struct heap_misfit *h_misfits;
	size_t h_refused;       /* size that was refused last; 0: none */
	size_t h_reserve_floor; /* granules the running chunk must leave */
	unsigned h_credit;      /* requests the reserve serves unasked */
	bool h_reserve;         /* may use the reserve */
	bool h_building;        /* no collector yet that could help */
	volatile bool h_busy;   /* inside heap_alloc: may not be cut off */
	char h_name[HEAP_NAME_MAX];
};

/*
 * Once, before the first state: the cap of all heaps together and the size of
 * the reserve, in bytes. False when there is no memory for the reserve.
 */
bool heap_setup(uint64_t cap, size_t reserve);
uint64_t heap_cap(void);
void heap_set_cap(uint64_t bytes);
/* Frames that serve only Lua, the reserve included. */
size_t heap_frames(void);
/*
 * Frames of the largest block among the LOOKED_AT youngest; 0: none larger
 * than HEAP_SMALL_MAX. O(blocks looked at).
 */
size_t heap_largest(const struct heap *h);
/* Bytes granted to all heaps, as the cap sees them. */
uint64_t heap_charged(void);

void heap_init(struct heap *h, const char *name, bool reserve);
/*
 * Make all caches now, for a state that lives for good: what later chunks do
 * then changes no frame count but Lua's own. Best effort.
 */
void heap_prepare(struct heap *h);
/* The collector works from here on: refuse first, then use the reserve. */
void heap_built(struct heap *h);
/* Every block, wherever the state was when it stopped. O(slabs + runs). */
void heap_drop(struct heap *h);

/* lua_Alloc; ud is the heap. Making a block smaller never fails. */
void *heap_alloc(void *ud, void *ptr, size_t osize, size_t nsize);

/*
 * The reserve is shared out between prompts: a chunk that runs may take half
 * of what is left, at most 32 KiB, so that the next one finds the rest.
 */
void heap_enter_chunk(struct heap *h);
void heap_leave_chunk(struct heap *h);
/* Bytes of the reserve: free, and in all. */
size_t heap_reserve_free(size_t *total);

#endif
