/* SPDX-License-Identifier: MIT */
/*
 * Scripts by name: RAM files (fs.put), then the initrd, then those embedded
 * in the image. With or without ".lua".
 */
#ifndef LUA_SCRIPT_H
#define LUA_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "lua.h"

struct ram_file;

struct script {
	const char *text;
	size_t size;
	/* Held until script_release; both NULL: the text is constant. */
	struct ram_file *ram;
	char *unpacked;
};

/* False: there is none, or no memory to unpack it. */
bool script_find(const char *name, struct script *out);
void script_release(struct script *sc);

/*
 * Compile text under the name `chunk` ("@x.lua"): a first line that begins
 * with # and a byte order mark are skipped; text chunks only. Status and
 * stack as luaL_loadbufferx.
 */
int script_compile(
    lua_State *L, const char *text, size_t size, const char *chunk);
/* Find and compile; LUA_ERRFILE, with a message, when there is none. */
int script_load(lua_State *L, const char *name);

/* RAM files, lua/lib_fs.c. Held: the text stays until ram_file_release. */
struct ram_file *ram_file_find(const char *name);
const char *ram_file_text(const struct ram_file *f, size_t *size);
void ram_file_release(struct ram_file *f);

#endif
