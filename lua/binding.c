/* SPDX-License-Identifier: MIT */
/*
 * From records to Lua functions, and the checks all of them share.
 *
 * Opening a module costs a table and one store per function; the texts stay
 * where the compiler put them, in read-only data, until help() reads them.
 */
#include "binding.h"

#include <stdarg.h>
#include <string.h>

#include <kernel/fmt.h>
#include <mm/kmem.h>

#include "lualib.h"

#define MESSAGE_MAX  256u
/* Longer names are compared by their first bytes only. */
#define COMPARED_MAX 32u

static void
set_functions(lua_State *L, const struct binding *b)
{
	for (; b->name != NULL; b++) {
		lua_pushcfunction(L, b->fn);
		lua_setfield(L, -2, b->name);
	}
}

static int
count_functions(const struct binding *b)
{
	int n = 0;

	while (b[n].name != NULL)
		n++;
	return n;
}

/*
 * Several records may carry one module name; they meet in one table, which is
 * also in package.loaded's place, where tracebacks look for names.
 */
void
binding_open_module(lua_State *L, const struct binding_module *m)
{
	if (m->name[0] == '\0') {
		lua_pushglobaltable(L);
		set_functions(L, m->functions);
		lua_pop(L, 1);
		return;
	}
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	if (lua_getfield(L, -1, m->name) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_createtable(L, 0, count_functions(m->functions));
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, m->name);
		lua_pushvalue(L, -1);
		lua_setglobal(L, m->name);
	}
	set_functions(L, m->functions);
	lua_pop(L, 2);
}

/* Upvalues: the methods, and the class whose field reader is asked next. */
static int
index_field(lua_State *L)
{
	const struct binding_class *c = lua_touserdata(L, lua_upvalueindex(2));
	const char *key;

	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	if (lua_type(L, 2) != LUA_TSTRING)
		return 1;
	key = lua_tostring(L, 2);
	/* Only a value of this very class may reach the reader. */
	luaL_checkudata(L, 1, c->name);
	lua_pop(L, 1);
	if (c->field(L, key))
		return 1;
	lua_pushnil(L);
	return 1;
}

void
binding_open_class(lua_State *L, const struct binding_class *c)
{
	const struct binding *b;

	if (luaL_newmetatable(L, c->name) == 0) {
		lua_pop(L, 1);
		return;
	}
	lua_newtable(L);
	for (b = c->methods; b->name != NULL; b++) {
		lua_pushcfunction(L, b->fn);
		lua_setfield(
		    L, strncmp(b->name, "__", 2) == 0 ? -3 : -2, b->name);
	}
	/* Where messages look for the names of functions. */
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, c->name);
	lua_pop(L, 1);
	if (c->field != NULL) {
		union {
			const struct binding_class *in;
			void *out;
		} word = { .in = c };

		lua_pushlightuserdata(L, word.out);
		lua_pushcclosure(L, index_field, 2);
	}
	lua_setfield(L, -2, "__index");
	/* Scripts see the name, not the table: they cannot break a class. */
	lua_pushstring(L, c->name);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

int
binding_fail(lua_State *L, const char *code, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)fmt_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	lua_pushnil(L);
	lua_pushstring(L, text);
	lua_pushstring(L, code);
	return 3;
}

const char *
binding_kmem_code(int err)
{
	switch (err) {
	case -KMEM_EEXIST:
		return "EEXIST";
	case -KMEM_ENOMEM:
		return "ENOMEM";
	case -KMEM_EBUSY:
		return "EBUSY";
	default:
		return "EINVAL";
	}
}

/*
 * Edit distance (Levenshtein) of two names, each cut at COMPARED_MAX bytes. One
 * row of the matrix is enough.
 */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[COMPARED_MAX + 1];
	size_t la = strnlen(a, COMPARED_MAX), lb = strnlen(b, COMPARED_MAX);
	size_t i, j;

	for (j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			unsigned best =
			    diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

static const char *
nearest(const char *name, const char *const names[])
{
	const char *best = names[0];
	unsigned least = ~0u;
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		unsigned d = distance(name, names[i]);

		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

static bool
listed(const char *name, const char *const names[])
{
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

int
binding_options(lua_State *L, int arg, const char *const names[])
{
	char text[MESSAGE_MAX];

	if (lua_isnoneornil(L, arg))
		return 0;
	luaL_checktype(L, arg, LUA_TTABLE);
	arg = lua_absindex(L, arg);
	luaL_checkstack(L, 4, "options");
	lua_pushnil(L);
	while (lua_next(L, arg) != 0) {
		const char *key;

		lua_pop(L, 1);
		if (lua_type(L, -1) != LUA_TSTRING) {
			(void)fmt_format(text, sizeof(text),
			    "option names are strings, got a %s",
			    luaL_typename(L, -1));
			return luaL_argerror(L, arg, text);
		}
		key = lua_tostring(L, -1);
		if (!listed(key, names)) {
			(void)fmt_format(text, sizeof(text),
			    "unknown option '%.32s', the nearest is '%s'", key,
			    names[0] != NULL ? nearest(key, names) : "none");
			return luaL_argerror(L, arg, text);
		}
	}
	return arg;
}

/* The field, on the stack; false (and nothing there) when absent. */
static bool
push_option(lua_State *L, int table, const char *name)
{
	if (table == 0)
		return false;
	luaL_checkstack(L, 4, "options");
	lua_pushstring(L, name);
	if (lua_rawget(L, table) == LUA_TNIL) {
		lua_pop(L, 1);
		return false;
	}
	return true;
}

static void
option_type_error(lua_State *L, int table, const char *name, const char *want)
{
	char text[MESSAGE_MAX];

	(void)fmt_format(text, sizeof(text), "option '%s' must be %s, got %s",
	    name, want, luaL_typename(L, -1));
	luaL_argerror(L, table, text);
}

bool
binding_opt_integer(lua_State *L, int table, const char *name, lua_Integer min,
    lua_Integer max, lua_Integer *out)
{
	char text[MESSAGE_MAX];
	lua_Integer v;
	int exact = 0;

	if (!push_option(L, table, name))
		return false;
	if (lua_type(L, -1) != LUA_TNUMBER)
		option_type_error(L, table, name, "an integer");
	v = lua_tointegerx(L, -1, &exact);
	if (exact == 0 || v < min || v > max) {
		(void)fmt_format(text, sizeof(text),
		    "option '%s' must be an integer %lld..%lld", name,
		    (long long)min, (long long)max);
		luaL_argerror(L, table, text);
	}
	lua_pop(L, 1);
	*out = v;
	return true;
}

bool
binding_opt_boolean(lua_State *L, int table, const char *name, bool *out)
{
	if (!push_option(L, table, name))
		return false;
	if (!lua_isboolean(L, -1))
		option_type_error(L, table, name, "true or false");
	*out = lua_toboolean(L, -1) != 0;
	lua_pop(L, 1);
	return true;
}

/* The string stays valid as long as the table holds it. */
bool
binding_opt_string(lua_State *L, int table, const char *name, const char **out)
{
	if (!push_option(L, table, name))
		return false;
	if (lua_type(L, -1) != LUA_TSTRING)
		option_type_error(L, table, name, "a string");
	*out = lua_tostring(L, -1);
	lua_pop(L, 1);
	return true;
}

lua_Integer
binding_integer(
    lua_State *L, int arg, lua_Integer min, lua_Integer max, const char *what)
{
	char text[MESSAGE_MAX];
	lua_Integer v = luaL_checkinteger(L, arg);

	if (v < min || v > max) {
		(void)fmt_format(text, sizeof(text), "%s must be %lld..%lld",
		    what, (long long)min, (long long)max);
		luaL_argerror(L, arg, text);
	}
	return v;
}

/* The name in the table of records: it holds also through a pcall. */
static const char *
name_of(lua_CFunction fn, const char **module)
{
	const struct binding *b;
	size_t i;

	for (i = 0; binding_modules[i] != NULL; i++) {
		*module = binding_modules[i]->name;
		for (b = binding_modules[i]->functions; b->name != NULL; b++) {
			if (b->fn == fn && fn != binding_not_yet)
				return b->name;
		}
	}
	for (i = 0; binding_classes[i] != NULL; i++) {
		*module = binding_classes[i]->name;
		for (b = binding_classes[i]->methods; b->name != NULL; b++) {
			if (b->fn == fn && fn != binding_not_yet)
				return b->name;
		}
	}
	return NULL;
}

bool
binding_is_ours(lua_CFunction fn)
{
	const char *module;

	return fn == binding_not_yet || name_of(fn, &module) != NULL;
}

void
binding_set_integer(lua_State *L, const char *name, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, name);
}

void
binding_set_boolean(lua_State *L, const char *name, bool v)
{
	lua_pushboolean(L, v);
	lua_setfield(L, -2, name);
}

void
binding_set_string(lua_State *L, const char *name, const char *v)
{
	lua_pushstring(L, v);
	lua_setfield(L, -2, name);
}

int
binding_not_yet(lua_State *L)
{
	lua_Debug ar;

	if (lua_getstack(L, 0, &ar) != 0 && lua_getinfo(L, "n", &ar) != 0 &&
	    ar.name != NULL)
		return luaL_error(L, "'%s': not in this version", ar.name);
	return luaL_error(L, "not in this version");
}

static const char *
check_records(const struct binding *b)
{
	for (; b->name != NULL; b++) {
		bool meta = strncmp(b->name, "__", 2) == 0;

		if (b->name[0] == '\0')
			return "a record with an empty name";
		if (b->fn == NULL)
			return b->name;
		if (b->text == NULL || (!meta && b->text[0] == '\0'))
			return b->name;
		if (!meta && (b->usage == NULL || b->usage[0] == '\0'))
			return b->name;
	}
	return NULL;
}

const char *
binding_check_module(const struct binding_module *m)
{
	if (m->name == NULL || m->text == NULL || m->text[0] == '\0')
		return "a module without name or text";
	if (m->functions == NULL)
		return m->name;
	return check_records(m->functions);
}

const char *
binding_check_class(const struct binding_class *c)
{
	if (c->name == NULL || c->name[0] == '\0' || c->text == NULL ||
	    c->text[0] == '\0')
		return "a class without name or text";
	if (c->methods == NULL)
		return c->name;
	return check_records(c->methods);
}
