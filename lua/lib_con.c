/* SPDX-License-Identifier: MIT */
/* Tables, plots and the terminal: pictures in one or a few lines of text. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <console/console.h>
#include <kernel/fmt.h>

#include "binding.h"
#include "lualib.h"
#include "modules.h"
#include "state.h"

#define VALUES_MAX  65536
#define COLUMNS_MAX 32  /* of a table */
#define CELL_MAX    40u /* bytes of a table's cell */
#define BAR_WIDTH   40

/* Eight heights, and the levels of a dumb terminal (nine, from nothing). */
static const char *const blocks[] = { "\u2581", "\u2582", "\u2583", "\u2584",
	"\u2585", "\u2586", "\u2587", "\u2588" };
static const char levels[] = " .:-=+*#%@";

#define BLOCKS (sizeof(blocks) / sizeof(blocks[0]))
#define LEVELS (sizeof(levels) - 1)

static lua_Integer
list_length(lua_State *L, int arg)
{
	lua_Integer n;

	luaL_checktype(L, arg, LUA_TTABLE);
	n = (lua_Integer)lua_rawlen(L, arg);
	if (n > VALUES_MAX)
		luaL_argerror(L, arg, "at most 65536 values");
	return n;
}

static lua_Number
list_number(lua_State *L, int arg, lua_Integer i)
{
	char text[64];
	int is_number = 0;
	lua_Number v;

	lua_rawgeti(L, arg, i);
	v = lua_tonumberx(L, -1, &is_number);
	if (is_number == 0 || isnan(v)) {
		(void)fmt_format(text, sizeof(text), "value %lld is no number",
		    (long long)i);
		luaL_argerror(L, arg, text);
	}
	lua_pop(L, 1);
	return v;
}

/* A value's step among n, of a range; infinities are the range's ends. */
static size_t
step(lua_Number v, lua_Number low, lua_Number high, size_t n)
{
	lua_Number at;

	if (!(high > low))
		return n / 2;
	at = (v - low) / (high - low) * (lua_Number)n;
	if (!(at > 0))
		return 0;
	return at >= (lua_Number)n ? n - 1 : (size_t)at;
}

static int
con_spark(lua_State *L)
{
	lua_Integer n = list_length(L, 1), i;
	lua_Number low = HUGE_VAL, high = -HUGE_VAL, v;
	bool ansi = console_is_ansi();
	luaL_Buffer b;

	for (i = 1; i <= n; i++) {
		v = list_number(L, 1, i);
		if (v < low)
			low = v;
		if (v > high)
			high = v;
	}
	/* From zero, unless that hides everything: heights then compare. */
	if (low > 0 && low < high * 0.9)
		low = 0;
	luaL_buffinit(L, &b);
	for (i = 1; i <= n; i++) {
		v = list_number(L, 1, i);
		if (ansi)
			luaL_addstring(&b, blocks[step(v, low, high, BLOCKS)]);
		else
			luaL_addchar(
			    &b, levels[1 + step(v, low, high, LEVELS - 1)]);
	}
	luaL_pushresult(&b);
	return 1;
}

/* One cell per number 0…1, darker for more. */
static int
con_map(lua_State *L)
{
	static const char *const shades[] = { ".", "\u2591", "\u2592", "\u2593",
		"\u2588" };
	lua_Integer n = list_length(L, 1), width, i;
	bool ansi = console_is_ansi();
	luaL_Buffer b;

	width = lua_isnoneornil(L, 2) ? 64
				      : binding_integer(L, 2, 1, 1000, "width");
	luaL_buffinit(L, &b);
	for (i = 1; i <= n; i++) {
		lua_Number v = list_number(L, 1, i);

		if (ansi)
			luaL_addstring(&b, shades[step(v, 0, 1, 5)]);
		else
			luaL_addchar(&b, levels[step(v, 0, 1, LEVELS)]);
		if (i % width == 0 && i < n)
			luaL_addchar(&b, '\n');
	}
	luaL_pushresult(&b);
	return 1;
}

static void
add_bar(luaL_Buffer *b, size_t filled, size_t width)
{
	bool ansi = console_is_ansi();
	size_t i;

	for (i = 0; i < width; i++) {
		if (i < filled)
			luaL_addstring(b, ansi ? blocks[BLOCKS - 1] : "#");
		else
			luaL_addchar(b, ansi ? ' ' : '.');
	}
}

static int
con_bar(lua_State *L)
{
	lua_Number done = luaL_checknumber(L, 1);
	lua_Number total = luaL_checknumber(L, 2);
	const char *label = luaL_optstring(L, 3, "");
	char text[16];
	size_t percent;
	luaL_Buffer b;

	percent = total > 0 ? step(done, 0, total, 101) : 100;
	luaL_buffinit(L, &b);
	luaL_addchar(&b, '[');
	add_bar(&b, percent * BAR_WIDTH / 100, BAR_WIDTH);
	(void)fmt_format(text, sizeof(text), "] %3zu%% ", percent);
	luaL_addstring(&b, text);
	luaL_addstring(&b, label);
	luaL_pushresult(&b);
	return 1;
}

/* A line per value: label, bar, value. */
static int
con_hist(lua_State *L)
{
	lua_Integer n = list_length(L, 1), i;
	lua_Number high = 0, v;
	char text[48];
	luaL_Buffer b;

	for (i = 1; i <= n; i++) {
		v = list_number(L, 1, i);
		if (v > high)
			high = v;
	}
	luaL_buffinit(L, &b);
	for (i = 1; i <= n; i++) {
		v = list_number(L, 1, i);
		(void)fmt_format(text, sizeof(text), "%6lld |", (long long)i);
		luaL_addstring(&b, text);
		add_bar(&b, high > 0 ? step(v, 0, high, BAR_WIDTH + 1) : 0,
		    BAR_WIDTH);
		luaL_addstring(&b, "| ");
		lua_rawgeti(L, 1, i);
		(void)luaL_tolstring(L, -1, NULL);
		lua_remove(L, -2);
		luaL_addvalue(&b);
		luaL_addchar(&b, '\n');
	}
	luaL_pushresult(&b);
	lstate_write(L, lua_tostring(L, -1), lua_rawlen(L, -1));
	return 0;
}

/* ---- tables ---- */

struct columns {
	int count;
	unsigned width[COLUMNS_MAX]; /* bytes of the widest cell */
	bool text[COLUMNS_MAX];      /* some cell is no number: left */
};

/* Pushes the text of row[name]; "" when absent. */
static const char *
push_cell(lua_State *L, int row, int names, int column, size_t *n)
{
	lua_rawgeti(L, names, column + 1);
	lua_rawget(L, row);
	if (lua_isnil(L, -1))
		lua_pushliteral(L, "");
	else
		(void)luaL_tolstring(L, -1, NULL);
	lua_remove(L, -2);
	return lua_tolstring(L, -1, n);
}

/* The second argument, or the sorted string keys of the first row. */
static void
push_names(lua_State *L)
{
	lua_Integer n = 0, i;

	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TTABLE);
		lua_pushvalue(L, 2);
		return;
	}
	lua_newtable(L);
	if (lua_rawgeti(L, 1, 1) != LUA_TTABLE) {
		lua_pop(L, 1);
		return;
	}
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		lua_pop(L, 1);
		if (lua_type(L, -1) != LUA_TSTRING)
			continue;
		/* Insertion sort: a table has few columns. */
		for (i = n; i > 0; i--) {
			lua_rawgeti(L, -3, i);
			if (lua_compare(L, -1, -2, LUA_OPLT) != 0) {
				lua_pop(L, 1);
				break;
			}
			lua_rawseti(L, -4, i + 1);
		}
		lua_pushvalue(L, -1);
		lua_rawseti(L, -4, i + 1);
		if (++n > COLUMNS_MAX)
			luaL_argerror(L, 1, "at most 32 columns");
	}
	lua_pop(L, 1);
}

static void
measure(lua_State *L, int names, lua_Integer rows, struct columns *c)
{
	lua_Integer r;
	size_t n;
	int i;

	for (i = 0; i < c->count; i++) {
		if (lua_rawgeti(L, names, i + 1) != LUA_TSTRING)
			luaL_argerror(L, 2, "column names are strings");
		c->width[i] = (unsigned)lua_rawlen(L, -1);
		c->text[i] = false;
		lua_pop(L, 1);
	}
	for (r = 1; r <= rows; r++) {
		if (lua_rawgeti(L, 1, r) != LUA_TTABLE)
			luaL_argerror(L, 1, "rows are tables");
		for (i = 0; i < c->count; i++) {
			lua_rawgeti(L, names, i + 1);
			if (lua_rawget(L, -2) != LUA_TNUMBER &&
			    !lua_isnil(L, -1))
				c->text[i] = true;
			lua_pop(L, 1);
			(void)push_cell(L, lua_gettop(L), names, i, &n);
			if (n > CELL_MAX)
				n = CELL_MAX;
			if (n > c->width[i])
				c->width[i] = (unsigned)n;
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	}
}

static void
add_cell(luaL_Buffer *b, const char *text, size_t n, unsigned w, bool left)
{
	size_t i;

	if (n > w)
		n = w;
	for (i = n; !left && i < w; i++)
		luaL_addchar(b, ' ');
	luaL_addlstring(b, text, n);
	for (i = n; left && i < w; i++)
		luaL_addchar(b, ' ');
}

/* The row at the stack's top (0: the names) as one line, written. */
static void
write_row(lua_State *L, int row, int names, const struct columns *c)
{
	luaL_Buffer b;
	size_t n;
	int i;

	luaL_buffinit(L, &b);
	for (i = 0; i < c->count; i++) {
		const char *text;
		char cell[CELL_MAX];

		if (row != 0) {
			text = push_cell(L, row, names, i, &n);
		} else {
			lua_rawgeti(L, names, i + 1);
			text = lua_tolstring(L, -1, &n);
		}
		if (n > sizeof(cell))
			n = sizeof(cell);
		memcpy(cell, text, n);
		lua_pop(L, 1);
		if (i > 0)
			luaL_addstring(&b, "  ");
		add_cell(&b, cell, n, c->width[i], c->text[i]);
	}
	luaL_addchar(&b, '\n');
	luaL_pushresult(&b);
	lstate_write(L, lua_tostring(L, -1), lua_rawlen(L, -1));
	lua_pop(L, 1);
}

static int
con_table(lua_State *L)
{
	lua_Integer rows = list_length(L, 1), r;
	struct columns c;
	int names;

	lua_settop(L, 2);
	push_names(L);
	names = lua_gettop(L);
	if (lua_rawlen(L, names) > COLUMNS_MAX)
		return luaL_argerror(L, 2, "at most 32 columns");
	c.count = (int)lua_rawlen(L, names);
	measure(L, names, rows, &c);
	write_row(L, 0, names, &c);
	for (r = 1; r <= rows; r++) {
		lua_rawgeti(L, 1, r);
		write_row(L, lua_gettop(L), names, &c);
		lua_pop(L, 1);
		lstate_poll(L);
	}
	return 0;
}

/* ---- the terminal ---- */

static int
con_size(lua_State *L)
{
	unsigned columns, rows;

	console_size(&columns, &rows);
	lua_pushinteger(L, columns);
	lua_pushinteger(L, rows);
	return 2;
}

static int
con_term(lua_State *L)
{
	static const char *const names[] = { "ansi", "dumb", "auto", NULL };

	if (!lua_isnoneornil(L, 1))
		console_set_term(names[luaL_checkoption(L, 1, NULL, names)]);
	lua_pushstring(L, console_is_ansi() ? "ansi" : "dumb");
	return 1;
}

static const struct binding functions[] = {
	{ "table", con_table, "con.table(rows [, columns])",
	    "Print an array of tables as a table: columns in the order given, "
	    "else the first row's keys, sorted. Numbers to the right.",
	    "con.table({ { a = 1, b = 'x' }, { a = 20, b = 'y' } })" },
	{ "spark", con_spark, "con.spark(numbers) -> string",
	    "A line with one character per number, higher or darker for more; "
	    "block characters on an ansi terminal, ASCII on a dumb one.",
	    "print(con.spark{ 1, 5, 3, 8, 2 })" },
	{ "hist", con_hist, "con.hist(numbers)",
	    "Print a horizontal bar per number.", "con.hist{ 1, 5, 3 }" },
	{ "bar", con_bar, "con.bar(done, total [, label]) -> string",
	    "A progress bar with its percentage and a label.",
	    "print(con.bar(3, 4, 'of the work'))" },
	{ "map", con_map, "con.map(numbers [, width]) -> string",
	    "A cell per number from 0 to 1, darker for more, in lines of "
	    "width cells (64).",
	    "print(con.map{ 0, 0.2, 0.5, 0.9, 1 })" },
	{ "top", binding_not_yet, "con.top([opt])",
	    "A live view of all caches. Not in this version.", NULL },
	{ "size", con_size, "con.size() -> columns, rows",
	    "Size of the terminal; 80, 24 when it has not told.",
	    "print(con.size())" },
	{ "term", con_term, "con.term(['ansi'|'dumb'|'auto']) -> 'ansi'|'dumb'",
	    "What the terminal is taken for, after setting it. With 'auto' it "
	    "is asked, and is dumb until it answers.",
	    "print(con.term())" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_con_module = {
	.name = "con",
	.text = "Tables, plots and the terminal.",
	.functions = functions,
};
