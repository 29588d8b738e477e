/* SPDX-License-Identifier: MIT */
/* The Lua scripts of lua/scripts, inside the image (scripts/embed-lua). */
#ifndef LUA_EMBED_H
#define LUA_EMBED_H

#include <stddef.h>

struct embedded_script {
	const char *name;   /* below lua/scripts, without .lua: "storm" */
	const char *packed; /* source, as scripts/embed-lua packs it */
	size_t packed_size; /* bytes */
	size_t size;        /* bytes of the source */
};

/* Scripts for run(), and under lib/ modules for require(). */
extern const struct embedded_script embedded_scripts[];
extern const size_t embedded_scripts_count;

/* What a byte of a packed source stands for; { 0, 0 }: for itself. */
extern const unsigned char embedded_pairs[256][2];

#endif
