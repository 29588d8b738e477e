/* SPDX-License-Identifier: MIT */
/* Sessions to learn from; each runs as it stands at a fresh prompt. */
#ifndef LUA_EXAMPLES_H
#define LUA_EXAMPLES_H

struct example {
	const char *title; /* one line; NULL ends the list */
	const char *text;  /* Lua */
};

extern const struct example examples[];

#endif
