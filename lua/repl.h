/* SPDX-License-Identifier: MIT */
/* The console's Lua state, and what a person types into it. */
#ifndef LUA_REPL_H
#define LUA_REPL_H

#include <stdbool.h>

#include "state.h"

/* The console's state; made anew when there is none. */
struct lstate *repl_state(void);
/*
 * Run what lies on the state's stack, with Ctrl-C armed; print the error, if
 * any. True when it ended well. A state that had to be cut off is dropped and
 * rebuilt.
 */
bool repl_call(int args, int results);

/* Read, evaluate, print, until the power goes. */
_Noreturn void repl_run(void);

/* lua/show.c: print the values on the stack as the prompt shows them. */
int show_values(lua_State *L);

#endif
