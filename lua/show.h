/* SPDX-License-Identifier: MIT */
/* Tables that print as their contents. */
#ifndef LUA_SHOW_H
#define LUA_SHOW_H

#include "lua.h"

/* Let tostring of the table on the stack's top give a line of its contents. */
void show_as_text(lua_State *L);

#endif
