/* SPDX-License-Identifier: MIT */
/* The console's Lua state, and what a person types into it. */
#ifndef LUA_REPL_H
#define LUA_REPL_H

#include <stdbool.h>

#include "state.h"

/* The console's state; made anew when there is none. */
struct lstate *repl_state(void);
enum repl_end { REPL_RAN, REPL_FAILED, REPL_INCOMPLETE };

/*
 * Compile and run, with Ctrl-C armed once around both. On the stack of the
 * console's state lies nothing but a C function that compiles, and its `args`.
 * It returns the chunk, or nil and a message, or nothing: the text goes on.
 * The chunk's results are shown (`show`) or dropped; any error is printed. A
 * state that had to be cut off is dropped and rebuilt.
 */
enum repl_end repl_execute(int args, bool show);

/* Read, evaluate, print, until the power goes. */
_Noreturn void repl_run(void);

/* lua/show.c: print the values on the stack as the prompt shows them. */
int show_values(lua_State *L);

#endif
