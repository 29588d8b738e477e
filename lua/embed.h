/* SPDX-License-Identifier: MIT */
/* The Lua scripts of lua/scripts, inside the image (scripts/embed-lua). */
#ifndef LUA_EMBED_H
#define LUA_EMBED_H

#include <stddef.h>

struct embedded_script {
	const char *name; /* below lua/scripts, without .lua: "storm" */
	const char *text; /* source, NUL-terminated */
	size_t size;      /* bytes, without the NUL */
};

/* Scripts for run(), and under lib/ modules for require(). */
extern const struct embedded_script embedded_scripts[];
extern const size_t embedded_scripts_count;

#endif
