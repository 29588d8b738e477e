/* SPDX-License-Identifier: MIT */
/* Objects and batches of them in Lua's hands. Theory: obj.c, batch.c. */
#ifndef LUA_OBJ_H
#define LUA_OBJ_H

#include <stdint.h>

#include "cache.h"
#include "handle.h"

enum obj_state {
	OBJ_EMPTY, /* nothing was allocated yet */
	OBJ_LIVE,
	OBJ_FREED,
	OBJ_MOVED /* to another state */
};

enum obj_kind {
	OBJ_OF_CACHE,
	OBJ_OF_KMALLOC,
	OBJ_SCRATCH /* what a constructor function sees; not to be freed */
};

struct lobj {
	struct handle o_handle;
	struct lcache *o_cache; /* a reference; NULL: kmalloc's, or scratch */
	void *o_addr;           /* kept after the free, for messages */
	size_t o_size;          /* bytes that may be used */
	uint64_t o_number;      /* of the allocation; no two alike */
	enum obj_state o_state;
	enum obj_kind o_kind;
};

#define BATCH_INLINE_MAX 4096u /* pointers that lie in the userdata itself */

struct lbatch {
	struct handle b_handle;
	struct lcache *b_cache; /* a reference */
	void **b_objs; /* b_inline or b_run; entries from b_count on are NULL */
	void *b_run;   /* frames, or NULL */
	size_t b_frames; /* of b_run */
	size_t b_room;   /* pointers that b_objs can hold */
	size_t b_count;
	size_t b_size; /* bytes of an object */
	enum obj_state b_state;
	void *b_inline[]; /* when there is no run */
};

uint64_t obj_next_number(void);
/* Push an empty handle; the caller fills it. */
struct lobj *obj_push(lua_State *L);
/* Push an empty batch with room for n pointers; NULL (and none): no memory. */
struct lbatch *batch_push(lua_State *L, size_t n);

/* The same without room: the caller gives it a run (inline_n is 0) or fills. */
struct lbatch *batch_push_bare(lua_State *L, size_t inline_n);
/* What a handle's end does, for an owner that is no handle. No Lua. */
void obj_discard(struct lobj *o);
void batch_discard(struct lbatch *b);

/*
 * Free argument `arg`, a live object (a live batch in the order that argument
 * `order` names). `cache`, when not NULL, must be its cache. Raises, after a
 * heap error report where the misuse is one.
 */
void obj_free_arg(lua_State *L, int arg, struct lcache *cache);
void batch_free_arg(lua_State *L, int arg, struct lcache *cache, int order);

/* A constructor's scratch object: raises when there is no memory. */
struct lobj *obj_push_scratch(lua_State *L, size_t size);

/* Deterministic Fisher-Yates; the same seed gives the same order. */
void batch_shuffle(struct lbatch *b, uint64_t seed);

#endif
