/* SPDX-License-Identifier: MIT */
/*
 * Values on their way from one Lua state to another. Theory: lua/value.c.
 */
#ifndef LUA_VALUE_H
#define LUA_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lua.h"

#define VALUE_DEPTH_MAX 16u                /* tables in tables */
#define VALUE_BYTES_MAX ((size_t)64 << 20) /* of one message */

/* Serialized values in kmalloc memory, owned by one party at a time. */
struct value_msg;

/* A userdata inside a message. */
enum value_cell_state {
	CELL_SOURCE, /* still owned by the userdata it was made from */
	CELL_OWNED,  /* by the message */
	CELL_GONE    /* pushed into the receiver, or dropped */
};

#define VALUE_CELL_WORDS 6u

struct value_cell {
	const struct value_class *vc_class;
	void *vc_source;   /* CELL_SOURCE: the userdata */
	uint32_t vc_prev;  /* offset of the cell before, 0: none */
	uint32_t vc_extra; /* bytes behind the cell, a multiple of 8 */
	uint64_t vc_state; /* enum value_cell_state */
	uint64_t vc_word[VALUE_CELL_WORDS]; /* the class's own */
	uint64_t vc_more[];                 /* vc_extra bytes */
};

/*
 * How a class of userdata crosses. Only measure and push may raise, and push
 * only before it changes anything; take, untake and drop run without Lua.
 */
struct value_class {
	const char *name; /* of the metatable */
	bool moves;       /* one owner at a time; else by reference */
	/* Bytes wanted behind the cell; raises when it cannot be sent. */
	size_t (*measure)(lua_State *L, void *ud);
	void (*describe)(void *ud, struct value_cell *c);
	/* The message becomes owner; false: the userdata was not. */
	bool (*take)(void *ud, struct value_cell *c);
	void (*untake)(void *ud, struct value_cell *c);
	/* Push a userdata that takes over from the cell (CELL_GONE). */
	void (*push)(lua_State *L, struct value_cell *c);
	void (*drop)(struct value_cell *c);
};

/* All that can cross; lua/cross.c. NULL ends. */
extern const struct value_class *const value_classes[];

/*
 * Push a box: a userdata that holds one message, or none.
 */
struct value_box;
struct value_box *value_box_push(lua_State *L);
/*
 * Encode the n values from stack index `first` on into a new box, which is
 * pushed. Raises for what cannot cross, as "<what> #2: …"; nothing has changed
 * then. `function`: the first value is a function, taken as bytecode. NULL,
 * and nothing pushed, when there is no memory.
 */
struct value_box *value_encode(
    lua_State *L, int first, int n, const char *what, bool function);
/* True when the box holds something that has one owner at a time. */
bool value_box_moves(const struct value_box *box);
/*
 * Take the message out, and its objects from their handles. NULL when one of
 * them is in it twice; then nothing has changed. No Lua, never waits: may be
 * called with a kernel lock held.
 */
struct value_msg *value_take(struct value_box *box);
/* Put a message into an empty box, so that Lua cares for it. */
void value_box_put(struct value_box *box, struct value_msg *m);

/*
 * Push all values of the box's message; returns how many. What it owned has
 * passed to the state; the message is freed. Raises when Lua has no memory.
 */
int value_push(lua_State *L, struct value_box *box);
/* Free a message and what it still owns; NULL is nothing. */
void value_drop(struct value_msg *m);

#endif
