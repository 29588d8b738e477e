/* SPDX-License-Identifier: MIT */
/* The Lua console's entry, called by kernel/main.c on the boot hart. */
#ifndef LUA_MAIN_H
#define LUA_MAIN_H

/* Runs init.lua / run= / batch scripts, then the prompt. Never returns. */
_Noreturn void lua_main(void);

#endif
