/* SPDX-License-Identifier: MIT */
/*
 * Userdata that own something outside the Lua heap: an object, frames, a
 * reference on a job. Theory: lua/handle.c.
 */
#ifndef LUA_HANDLE_H
#define LUA_HANDLE_H

#include <stdbool.h>
#include <stddef.h>

#include <mm/frame.h>

#include "lua.h"

struct lstate;

/* First member of such a userdata. Owner state's hart only. */
struct handle {
	struct handle *h_next, *h_prev;
	/* Give back what is owned; no Lua, may find nothing to give. */
	void (*h_drop)(struct handle *h);
};

/*
 * Push a new, zeroed userdata of `size` bytes with the class's metatable,
 * linked to its state. Raises when Lua has no memory. `uservalues` as Lua's.
 */
void *handle_new(lua_State *L, size_t size, const char *class_name,
    int uservalues, void (*drop)(struct handle *h));
/* Unlink and drop; the second call does nothing. For __gc and for moves. */
void handle_release(struct handle *h);

/*
 * Drop whatever the handles of a state own, without running Lua: before the
 * heap of a killed state goes. The owner hart, or nobody, runs the state.
 */
void handles_drop(struct lstate *s);

/*
 * kmalloc whose result reaches *slot with no interrupt in between, so that a
 * state killed at any instruction owns it or never had it. False: no memory.
 */
bool handle_kmalloc(void **slot, size_t bytes);
/* The same for a run of frames with this tag. */
bool handle_frames(void **slot, size_t frames, unsigned tag);
/* Frames that scripts hold: frame.alloc, frame.pressure. */
#define FRAME_TAG_HELD ((unsigned)FRAME_TAG_USER + 1)

#endif
