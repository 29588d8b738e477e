/* SPDX-License-Identifier: MIT */
/*
 * How C functions become Lua functions with help. A function exists in Lua
 * only through a record with usage and text, so none can lack its help;
 * binding_check (run by the build's host test) refuses empty ones.
 */
#ifndef LUA_BINDING_H
#define LUA_BINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "lauxlib.h"
#include "lua.h"

struct binding {
	const char *name; /* "create"; metamethods too: "__gc" */
	lua_CFunction fn;
	/* "slab.create(name, size [, opt]) -> cache | nil, msg, code" */
	const char *usage;
	/* Sentences: units, meaning, what raises; "" only for metamethods. */
	const char *text;
	/* Lua lines that run at a fresh prompt; or NULL. */
	const char *example;
};

/* A global table of functions. Arrays end with a record whose name is NULL. */
struct binding_module {
	const char *name; /* "slab"; "" puts the functions into _G */
	const char *text; /* one sentence */
	const struct binding *functions;
};

/* A userdata class: metatable registered under its name, __index = methods. */
struct binding_class {
	const char *name; /* "slab.cache", also __name */
	const char *text;
	const struct binding *methods; /* "__…" go into the metatable itself */
	/* Reads of a field that is no method: push one value, return true. */
	bool (*field)(lua_State *L, const char *key);
};

void binding_open_module(lua_State *L, const struct binding_module *m);
void binding_open_class(lua_State *L, const struct binding_class *c);

/* Every module and class of the image (lua/modules.c), for help and apropos. */
extern const struct binding_module *const binding_modules[]; /* NULL ends */
extern const struct binding_class *const binding_classes[];  /* NULL ends */

/* Expected failure: pushes nil, message, code; returns 3. */
int binding_fail(lua_State *L, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The contract's code for a -KMEM_E… value: "EEXIST", "ENOMEM", … */
const char *binding_kmem_code(int err);

/*
 * Option tables. `names` ends with NULL. Raises for an argument that is no
 * table (nil and none are an empty one), and for an unknown key, naming the
 * nearest valid one. Returns the table's index, or 0 when there is none.
 */
int binding_options(lua_State *L, int arg, const char *const names[]);
/* Field readers: false when absent; raise with the field's name when wrong. */
bool binding_opt_integer(lua_State *L, int table, const char *name,
    lua_Integer min, lua_Integer max, lua_Integer *out);
bool binding_opt_boolean(lua_State *L, int table, const char *name, bool *out);
bool binding_opt_string(
    lua_State *L, int table, const char *name, const char **out);
/* Argument in a range, with a message that names the range. */
lua_Integer binding_integer(
    lua_State *L, int arg, lua_Integer min, lua_Integer max, const char *what);

/* t[name] = v, for the table on top. */
void binding_set_integer(lua_State *L, const char *name, lua_Integer v);
void binding_set_boolean(lua_State *L, const char *name, bool v);
void binding_set_string(lua_State *L, const char *name, const char *v);

/* What the contract names and this version lacks: raises, with its name. */
int binding_not_yet(lua_State *L);

/* True for a function of some record of ours (not of Lua's own libraries). */
bool binding_is_ours(lua_CFunction fn);

/*
 * What is wrong with the records of a module or class: a sentence about the
 * first one without name, function, usage or text; NULL when all is well.
 */
const char *binding_check_module(const struct binding_module *m);
const char *binding_check_class(const struct binding_class *c);

#endif
