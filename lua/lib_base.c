/* SPDX-License-Identifier: MIT */
/*
 * Base functions that differ here: output goes where the state's output goes,
 * chunks are text only, files are those of lua/script.c; and the part of
 * debug that cannot break a state.
 */
#include <stdbool.h>
#include <string.h>

#include <kernel/archive.h>
#include <kernel/fmt.h>

#include "binding.h"
#include "lualib.h"
#include "modules.h"
#include "script.h"
#include "state.h"

/* Slot that keeps the piece a reader function returned (as Lua's own load). */
#define READER_SLOT 5

static int
base_print(lua_State *L)
{
	int n = lua_gettop(L), i;
	luaL_Buffer b;
	size_t length;
	const char *text;

	/* One write for the whole line, so that no other hart gets in. */
	luaL_buffinit(L, &b);
	for (i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&b, '\t');
		(void)luaL_tolstring(L, i, NULL);
		luaL_addvalue(&b);
	}
	luaL_addchar(&b, '\n');
	luaL_pushresult(&b);
	text = lua_tolstring(L, -1, &length);
	lstate_write(L, text, length);
	return 0;
}

static const char *
read_piece(lua_State *L, void *ud, size_t *size)
{
	(void)ud;
	luaL_checkstack(L, 2, "too many nested functions");
	lua_pushvalue(L, 1);
	lua_call(L, 0, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		*size = 0;
		return NULL;
	}
	if (lua_isstring(L, -1) == 0)
		luaL_error(L, "reader function must return a string");
	lua_replace(L, READER_SLOT);
	return lua_tolstring(L, READER_SLOT, size);
}

/* nil and the message, or the function with its environment set. */
static int
loaded(lua_State *L, int status, int env)
{
	if (status != LUA_OK) {
		lua_pushnil(L);
		lua_insert(L, -2);
		return 2;
	}
	if (env != 0) {
		lua_pushvalue(L, env);
		if (lua_setupvalue(L, -2, 1) == NULL)
			lua_pop(L, 1);
	}
	return 1;
}

static int
base_load(lua_State *L)
{
	const char *mode = luaL_optstring(L, 3, "t");
	int env = lua_isnone(L, 4) ? 0 : 4, status;
	size_t size;
	const char *text, *name;

	if (strchr(mode, 't') == NULL) {
		lua_pushnil(L);
		lua_pushliteral(L, "only text chunks are accepted (mode 't')");
		return 2;
	}
	text = lua_tolstring(L, 1, &size);
	if (text != NULL) {
		name = luaL_optstring(L, 2, text);
		status = luaL_loadbufferx(L, text, size, name, "t");
	} else {
		name = luaL_optstring(L, 2, "=(load)");
		luaL_checktype(L, 1, LUA_TFUNCTION);
		lua_settop(L, READER_SLOT);
		status = lua_load(L, read_piece, NULL, name, "t");
	}
	return loaded(L, status, env);
}

static int
base_loadfile(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	int env = lua_isnone(L, 3) ? 0 : 3;

	return loaded(L, script_load(L, name), env);
}

static int
run_or_dofile(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	if (script_load(L, name) != LUA_OK)
		return lua_error(L);
	lua_replace(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

static int
base_run(lua_State *L)
{
	return run_or_dofile(L);
}

static int
base_dofile(lua_State *L)
{
	lua_settop(L, 1);
	return run_or_dofile(L);
}

static int
base_require(lua_State *L)
{
	char file[ARCHIVE_NAME_MAX], *p;
	const char *name = luaL_checkstring(L, 1);

	lua_settop(L, 1);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	if (lua_getfield(L, 2, name) != LUA_TNIL)
		return 1;
	if (fmt_format(file, sizeof(file), "lib/%s.lua", name) >= sizeof(file))
		return luaL_argerror(L, 1, "name too long");
	for (p = file + 4; p[strlen(".lua")] != '\0'; p++) {
		if (*p == '.')
			*p = '/';
	}
	if (script_load(L, file) != LUA_OK)
		return luaL_error(
		    L, "module '%s' not found: %s", name, lua_tostring(L, -1));
	lua_pushvalue(L, 1);
	lua_pushstring(L, file);
	lua_call(L, 2, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, 2, name);
	return 1;
}

static const struct binding functions[] = {
	{ "print", base_print, "print(...)",
	    "Write the values, with tabs between them and a newline, as one "
	    "piece: output of two harts does not mix within a line.",
	    "print(1, 'two', nil)" },
	{ "load", base_load,
	    "load(chunk [, name [, mode [, env]]]) -> function | nil, msg",
	    "Compile a string, or the pieces a function returns. Text chunks "
	    "only: compiled ones are refused.",
	    "print(load('return 1 + 1')())" },
	{ "loadfile", base_loadfile,
	    "loadfile(file [, mode [, env]]) -> function | nil, msg",
	    "Compile a file (see run), without running it.", NULL },
	{ "dofile", base_dofile, "dofile(file) -> results...",
	    "Compile and run a file, without arguments. See run.", NULL },
	{ "run", base_run, "run(file, ...) -> results...",
	    "Run a script with arguments. The file is one of RAM (fs.put), of "
	    "the initrd, or embedded in the image (help() lists those); the "
	    "ending .lua may be left out. Errors are passed on.",
	    "run('smoke', { s = 1 })" },
	{ "require", base_require, "require(name) -> module",
	    "Run lib/NAME.lua (dots become slashes) once, and return what it "
	    "returned, now and later.",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_base_module = {
	.name = "",
	.text = "Lua's base functions, with files of RAM, initrd and image.",
	.functions = functions,
};

static lua_State *
thread_argument(lua_State *L, int *arg)
{
	if (lua_isthread(L, 1)) {
		*arg = 1;
		return lua_tothread(L, 1);
	}
	*arg = 0;
	return L;
}

static int
debug_traceback(lua_State *L)
{
	int arg;
	lua_State *L1 = thread_argument(L, &arg);
	const char *text = lua_tostring(L, arg + 1);
	lua_Integer level;

	if (text == NULL && !lua_isnoneornil(L, arg + 1)) {
		lua_pushvalue(L, arg + 1);
		return 1;
	}
	level = luaL_optinteger(L, arg + 2, L == L1 ? 1 : 0);
	if (level < 0 || level > 1000000)
		return luaL_argerror(L, arg + 2, "level out of range");
	luaL_traceback(L, L1, text, (int)level);
	return 1;
}

static int
debug_getinfo(lua_State *L)
{
	int arg;
	lua_State *L1 = thread_argument(L, &arg);
	lua_Debug ar;

	memset(&ar, 0, sizeof(ar));
	if (lua_isfunction(L, arg + 1)) {
		lua_pushvalue(L, arg + 1);
		lua_xmove(L, L1, 1);
		lua_getinfo(L1, ">Slnu", &ar);
	} else {
		lua_Integer level = luaL_checkinteger(L, arg + 1);

		if (level < 0 || level > 1000000 ||
		    lua_getstack(L1, (int)level, &ar) == 0)
			return 0;
		lua_getinfo(L1, "Slnu", &ar);
	}
	lua_createtable(L, 0, 8);
	binding_set_string(L, "what", ar.what);
	binding_set_string(L, "source", ar.source);
	binding_set_string(L, "short_src", ar.short_src);
	binding_set_integer(L, "linedefined", ar.linedefined);
	binding_set_integer(L, "currentline", ar.currentline);
	binding_set_string(L, "name", ar.name);
	binding_set_string(L, "namewhat", ar.namewhat);
	binding_set_integer(L, "nparams", ar.nparams);
	binding_set_boolean(L, "isvararg", ar.isvararg);
	return 1;
}

static const struct binding debug_functions[] = {
	{ "traceback", debug_traceback,
	    "debug.traceback([thread,] [message [, level]]) -> string",
	    "The message followed by the calls that led here.",
	    "print(debug.traceback('here'))" },
	{ "getinfo", debug_getinfo,
	    "debug.getinfo([thread,] function|level) -> table | nil",
	    "Facts about a function: what, source, short_src, linedefined, "
	    "currentline, name, namewhat, nparams, isvararg.",
	    "print(debug.getinfo(print).what)" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_debug_module = {
	.name = "debug",
	.text = "The part of Lua's debug library that cannot break a state.",
	.functions = debug_functions,
};
