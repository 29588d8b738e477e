/* SPDX-License-Identifier: MIT */
/*
 * How the prompt shows values: as print does, but a table as its contents.
 * Bounded in depth, rows and bytes, so that no table floods the screen.
 */
#include <stdbool.h>
#include <string.h>

#include <console/console.h>
#include <kernel/fmt.h>

#include "lauxlib.h"
#include "lualib.h"
#include "repl.h"
#include "show.h"
#include "state.h"

#define DEPTH_MAX   2    /* tables in tables shown in full */
#define ROWS_MAX    40   /* of the outermost table */
#define INLINE_ROWS 12   /* of a table within a line */
#define SORT_MAX    1000 /* keys; larger tables are shown as they come */
#define STRING_MAX  60u  /* bytes of a string in a table */
#define LINE_BYTES  74u

/* Integers that can only be addresses of ours: the upper half's. */
#define ADDRESS_LOW  (-(1ll << 38))
#define ADDRESS_HIGH (-(7ll << 28))

static void compact(lua_State *L, int at, int depth);

/* A quoted string, cut when long; what does not print is escaped. */
static void
quote(lua_State *L, int at)
{
	size_t length, i;
	const char *text = lua_tolstring(L, at, &length);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addchar(&b, '"');
	for (i = 0; i < length && i < STRING_MAX; i++) {
		unsigned char c = (unsigned char)text[i];
		char hex[8];

		if (c == '"' || c == '\\') {
			luaL_addchar(&b, '\\');
			luaL_addchar(&b, (char)c);
		} else if (c == '\n') {
			luaL_addstring(&b, "\\n");
		} else if (c < ' ' || c == 127) {
			(void)fmt_format(
			    hex, sizeof(hex), "\\x%02x", (unsigned)c);
			luaL_addstring(&b, hex);
		} else {
			luaL_addchar(&b, (char)c);
		}
	}
	luaL_addstring(&b, length > STRING_MAX ? "\"..." : "\"");
	luaL_pushresult(&b);
}

static bool
is_name(lua_State *L, int at)
{
	const char *s;
	size_t n, i;

	if (lua_type(L, at) != LUA_TSTRING)
		return false;
	s = lua_tolstring(L, at, &n);
	for (i = 0; i < n; i++) {
		char c = s[i];

		if (!(c == '_' || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') ||
			(i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return n > 0;
}

/* Pushes the text of a value in a table. */
static void
element(lua_State *L, int at, int depth)
{
	if (lua_type(L, at) == LUA_TSTRING)
		quote(L, at);
	else if (lua_type(L, at) == LUA_TTABLE &&
	    luaL_getmetafield(L, at, "__tostring") == LUA_TNIL)
		compact(L, at, depth);
	else {
		if (lua_type(L, at) == LUA_TTABLE)
			lua_pop(L, 1);
		if (lua_isinteger(L, at) &&
		    lua_tointeger(L, at) >= ADDRESS_LOW &&
		    lua_tointeger(L, at) < ADDRESS_HIGH)
			lua_pushfstring(
			    L, "%p", (void *)(intptr_t)lua_tointeger(L, at));
		else
			(void)luaL_tolstring(L, at, NULL);
	}
}

/* Pushes "key = value", or the value alone for the list part. */
static void
pair(lua_State *L, int table, int key, bool list, int depth)
{
	key = lua_absindex(L, key);
	lua_pushvalue(L, key);
	lua_rawget(L, table);
	element(L, lua_gettop(L), depth);
	lua_remove(L, -2);
	if (list)
		return;
	if (is_name(L, key)) {
		lua_pushfstring(
		    L, "%s = %s", lua_tostring(L, key), lua_tostring(L, -1));
	} else {
		element(L, key, DEPTH_MAX);
		lua_pushfstring(
		    L, "[%s] = %s", lua_tostring(L, -1), lua_tostring(L, -2));
		lua_remove(L, -2);
	}
	lua_remove(L, -2);
}

/* Numbers before strings before the rest, each in its order. */
static int
rank(int type)
{
	return type == LUA_TNUMBER ? 0 : type == LUA_TSTRING ? 1 : 2;
}

static bool
before(lua_State *L, int a, int b)
{
	int ra = rank(lua_type(L, a)), rb = rank(lua_type(L, b));

	if (ra != rb)
		return ra < rb;
	return ra < 2 && lua_compare(L, a, b, LUA_OPLT) != 0;
}

/* Shell sort of the array on the stack's top: no callbacks, no recursion. */
static void
sort_keys(lua_State *L, lua_Integer n)
{
	int array = lua_gettop(L);
	lua_Integer gap, i, j;

	for (gap = n / 2; gap > 0; gap /= 2) {
		for (i = gap + 1; i <= n; i++) {
			lua_rawgeti(L, array, i);
			for (j = i; j > gap; j -= gap) {
				lua_rawgeti(L, array, j - gap);
				if (!before(L, array + 1, -1)) {
					lua_pop(L, 1);
					break;
				}
				lua_rawseti(L, array, j);
			}
			lua_rawseti(L, array, j);
		}
	}
}

/* Pushes an array of the keys beyond the list part 1..n; their number. */
static lua_Integer
other_keys(lua_State *L, int table, lua_Integer n)
{
	lua_Integer found = 0;

	lua_newtable(L);
	lua_pushnil(L);
	while (lua_next(L, table) != 0) {
		lua_Integer k;

		lua_pop(L, 1);
		if (lua_isinteger(L, -1)) {
			k = lua_tointeger(L, -1);
			if (k >= 1 && k <= n)
				continue;
		}
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, ++found);
		if (found % 1000 == 0)
			lstate_poll(L);
	}
	if (found <= SORT_MAX)
		sort_keys(L, found);
	return found;
}

/*
 * Calls back through `emit` for each row of a table: one text on the stack,
 * which emit takes. At most `rows`; the number left out.
 */
static lua_Integer
each_row(lua_State *L, int table, int depth, lua_Integer rows,
    void (*emit)(lua_State *L, void *arg), void *arg)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, table), others, i;
	lua_Integer shown = 0;
	int keys;

	others = other_keys(L, table, n);
	keys = lua_gettop(L);
	for (i = 1; i <= n && shown < rows; i++, shown++) {
		lua_pushinteger(L, i);
		pair(L, table, -1, true, depth);
		lua_remove(L, -2);
		emit(L, arg);
	}
	for (i = 1; i <= others && shown < rows; i++, shown++) {
		lua_rawgeti(L, keys, i);
		pair(L, table, -1, false, depth);
		lua_remove(L, -2);
		emit(L, arg);
	}
	lua_remove(L, keys);
	return n + others - shown;
}

/* Text gathered below everything that comes and goes: a slot of the stack. */
static void
emit_inline(lua_State *L, void *arg)
{
	const int *slot = arg;

	lua_pushvalue(L, *slot);
	lua_insert(L, -2);
	if (lua_rawlen(L, -2) > 1) {
		lua_pushliteral(L, ", ");
		lua_insert(L, -2);
		lua_concat(L, 3);
	} else {
		lua_concat(L, 2);
	}
	lua_replace(L, *slot);
}

static void
compact(lua_State *L, int at, int depth)
{
	lua_Integer left;
	int slot;

	at = lua_absindex(L, at);
	luaL_checkstack(L, 16, "show");
	if (depth >= DEPTH_MAX) {
		lua_pushnil(L);
		if (lua_next(L, at) == 0) {
			lua_pushliteral(L, "{}");
			return;
		}
		lua_pop(L, 2);
		lua_pushliteral(L, "{...}");
		return;
	}
	lua_pushliteral(L, "{");
	slot = lua_gettop(L);
	left = each_row(L, at, depth + 1, INLINE_ROWS, emit_inline, &slot);
	if (left > 0)
		lua_pushfstring(L, ", ...(+%I)}", (LUAI_UACINT)left);
	else
		lua_pushliteral(L, "}");
	lua_concat(L, 2);
}

/* A row of its own; one that is too long goes on after a comma. */
static void
emit_row(lua_State *L, void *arg)
{
	const char *s = lua_tostring(L, -1);
	size_t left = lua_rawlen(L, -1), cut, n;
	bool quoted;
	luaL_Buffer b;

	(void)arg;
	luaL_buffinit(L, &b);
	luaL_addstring(&b, "  ");
	while (left > LINE_BYTES) {
		quoted = false;
		for (cut = n = 0; n < LINE_BYTES; n++) {
			if (s[n] == '\\')
				n++;
			else if (s[n] == '"')
				quoted = !quoted;
			else if (s[n] == ',' && s[n + 1] == ' ' && !quoted)
				cut = n + 1;
		}
		if (cut == 0)
			break;
		luaL_addlstring(&b, s, cut);
		luaL_addstring(&b, "\n    ");
		s += cut + 1;
		left -= cut + 1;
	}
	luaL_addlstring(&b, s, left);
	luaL_addstring(&b, ",\n");
	luaL_pushresult(&b);
	lstate_write(L, lua_tostring(L, -1), lua_rawlen(L, -1));
	lua_pop(L, 2);
}

static int
show_tostring(lua_State *L)
{
	compact(L, 1, 0);
	return 1;
}

void
show_as_text(lua_State *L)
{
	if (luaL_newmetatable(L, "shown")) {
		lua_pushcfunction(L, show_tostring);
		lua_setfield(L, -2, "__tostring");
	}
	lua_setmetatable(L, -2);
}

static void
show_table(lua_State *L, int at)
{
	lua_Integer left;
	char text[48];
	size_t length;

	compact(L, at, 0);
	length = lua_rawlen(L, -1);
	if (length <= LINE_BYTES) {
		lua_pushliteral(L, "\n");
		lua_concat(L, 2);
		lstate_write(L, lua_tostring(L, -1), lua_rawlen(L, -1));
		lua_pop(L, 1);
		return;
	}
	lua_pop(L, 1);
	lstate_write(L, "{\n", 2);
	left = each_row(L, at, 1, ROWS_MAX, emit_row, NULL);
	if (left > 0) {
		length = fmt_format(
		    text, sizeof(text), "  ...(+%lld)\n", (long long)left);
		lstate_write(L, text, length);
	}
	lstate_write(L, "}\n", 2);
}

int
show_values(lua_State *L)
{
	int n = lua_gettop(L), i;
	luaL_Buffer b;

	if (n == 1 && lua_type(L, 1) == LUA_TTABLE) {
		if (luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) {
			show_table(L, 1);
			return 0;
		}
		lua_pop(L, 1);
	}
	luaL_buffinit(L, &b);
	for (i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&b, '\t');
		if (lua_type(L, i) == LUA_TTABLE)
			element(L, i, 0);
		else
			(void)luaL_tolstring(L, i, NULL);
		luaL_addvalue(&b);
	}
	luaL_addchar(&b, '\n');
	luaL_pushresult(&b);
	lstate_write(L, lua_tostring(L, -1), lua_rawlen(L, -1));
	return 0;
}
