/* SPDX-License-Identifier: MIT */
/*
 * What jobs share by reference: channels, counters, barriers. Counted C
 * objects in kmalloc memory; each state has userdata that hold a reference.
 */
#ifndef LUA_SHARED_H
#define LUA_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

#include "handle.h"

#define CHAN_CLASS    "hart.chan"
#define COUNTER_CLASS "hart.counter"
#define BARRIER_CLASS "hart.barrier"

struct shared {
	_Atomic uint32_t sh_refs;
	void (*sh_free)(struct shared *sh); /* after the last reference */
};

struct shared_ud {
	struct handle su_handle;
	struct shared *su_shared; /* a reference; NULL: never made */
};

void shared_hold(struct shared *sh);
void shared_drop(struct shared *sh);
/* Push a userdata of the class; the caller stores a reference in it. */
struct shared_ud *shared_push(lua_State *L, const char *class_name);
/*
 * Push a userdata with a new, zeroed object of `bytes` bytes in it and one
 * reference. NULL, and nothing pushed, when there is no memory.
 */
void *shared_new(lua_State *L, const char *class_name, size_t bytes,
    void (*free_fn)(struct shared *));
/* The object of argument `arg`; raises when it is no such userdata. */
void *shared_arg(lua_State *L, int arg, const char *class_name);
int shared_gc(lua_State *L);
/* Same object, not same userdata. */
int shared_eq(lua_State *L);

/*
 * A time-out argument in ms (nil: for ever; 0: do not wait) as a deadline for
 * waitq_wait.
 */
uint64_t shared_deadline(lua_State *L, int arg);

int hart_chan(lua_State *L);    /* lua/chan.c */
int hart_counter(lua_State *L); /* lua/shared.c */
int hart_barrier(lua_State *L);

#endif
