/* SPDX-License-Identifier: MIT */
/* The Lua scripts of lua/scripts, inside the image (scripts/embed-lua). */
#ifndef LUA_EMBED_H
#define LUA_EMBED_H

#include <stddef.h>

struct embedded_script {
	const char *name; /* "storm": the file's name without .lua */
	const char *text; /* source, NUL-terminated */
	size_t size;      /* bytes, without the NUL */
};

/* In the order of their names. */
extern const struct embedded_script embedded_scripts[];
extern const size_t embedded_scripts_count;

#endif
