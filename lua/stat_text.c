/* SPDX-License-Identifier: MIT */
/*
 * Statistics as text: the aligned report, JSON, CSV. Names are of visible
 * ASCII without quotes and backslashes (lua/create.c), so that JSON and CSV
 * need no escapes; kmalloc's and Lua's own are so too.
 */
#include <string.h>

#include <kernel/fmt.h>

#include "lauxlib.h"
#include "stat.h"

/* What the report shows of each cache; all of it when it is one cache. */
static const struct {
	const char *field; /* name in the schema */
	const char *title;
} columns[] = {
	{ "objects_inuse", "inuse" },
	{ "objects_cached", "cached" },
	{ "objects_total", "total" },
	{ "slabs_full", "full" },
	{ "slabs_partial", "part" },
	{ "slabs_empty", "empty" },
	{ "frames", "frames" },
	{ "alloc_fail", "fail" },
	{ "mag_size", "mag" },
	{ "errors", "err" },
};
#define COLUMNS  (sizeof(columns) / sizeof(columns[0]))
#define CELL_MAX 24u

static const struct kmem_schema *
schema_find(const char *name)
{
	size_t n, i;
	const struct kmem_schema *k = kmem_schema(&n);

	for (i = 0; i < n; i++) {
		if (strcmp(k[i].name, name) == 0)
			return &k[i];
	}
	return NULL;
}

static void
cell(const struct stat_row *row, const char *field, char out[CELL_MAX])
{
	const struct kmem_schema *k = schema_find(field);
	uint64_t v = k != NULL ? stat_value(row, k) : KMEM_UNKNOWN;

	if (v == KMEM_UNKNOWN)
		fmt_format(out, CELL_MAX, "-");
	else
		fmt_format(out, CELL_MAX, "%llu", (unsigned long long)v);
}

static void
add_padded(luaL_Buffer *b, const char *text, size_t width, bool right)
{
	size_t n = strlen(text), pad = n < width ? width - n : 0;

	while (right && pad > 0) {
		luaL_addchar(b, ' ');
		pad--;
	}
	luaL_addstring(b, text);
	while (!right && pad-- > 0)
		luaL_addchar(b, ' ');
}

static void
add_row(luaL_Buffer *b, const struct stat_row *row, const size_t *widths)
{
	char text[CELL_MAX];
	size_t i;

	add_padded(b, row->info.name, widths[COLUMNS], false);
	fmt_format(text, sizeof(text), "%zu", row->info.size);
	luaL_addchar(b, ' ');
	add_padded(b, text, widths[COLUMNS + 1], true);
	for (i = 0; i < COLUMNS; i++) {
		cell(row, columns[i].field, text);
		luaL_addchar(b, ' ');
		add_padded(b, text, widths[i], true);
	}
	luaL_addchar(b, '\n');
}

static void
widen(size_t *width, const char *text)
{
	if (strlen(text) > *width)
		*width = strlen(text);
}

static void
add_table(luaL_Buffer *b, const struct stat_row *rows, size_t n)
{
	size_t widths[COLUMNS + 2];
	char text[CELL_MAX];
	size_t i, r;

	for (i = 0; i < COLUMNS; i++)
		widths[i] = strlen(columns[i].title);
	widths[COLUMNS] = strlen("cache");
	widths[COLUMNS + 1] = strlen("size");
	for (r = 0; r < n; r++) {
		for (i = 0; i < COLUMNS; i++) {
			cell(&rows[r], columns[i].field, text);
			widen(&widths[i], text);
		}
		widen(&widths[COLUMNS], rows[r].info.name);
		fmt_format(text, sizeof(text), "%zu", rows[r].info.size);
		widen(&widths[COLUMNS + 1], text);
	}
	add_padded(b, "cache", widths[COLUMNS], false);
	luaL_addchar(b, ' ');
	add_padded(b, "size", widths[COLUMNS + 1], true);
	for (i = 0; i < COLUMNS; i++) {
		luaL_addchar(b, ' ');
		add_padded(b, columns[i].title, widths[i], true);
	}
	luaL_addchar(b, '\n');
	for (r = 0; r < n; r++)
		add_row(b, &rows[r], widths);
}

/* One cache alone: every statistic with its unit, in two columns. */
static void
add_details(luaL_Buffer *b, const struct stat_row *row)
{
	size_t n, i, j;
	const struct kmem_schema *k = kmem_schema(&n);
	const char *unit;
	char text[CELL_MAX];

	luaL_addchar(b, '\n');
	for (j = 0; j <= n; j++) {
		i = j / 2 + (j % 2 != 0 ? n / 2 + 1 : 0);
		if (i < n)
			cell(row, k[i].name, text);
		else
			fmt_format(text, sizeof(text), "%llu",
			    (unsigned long long)row->gc_freed);
		luaL_addstring(b, "  ");
		add_padded(b, i < n ? k[i].name : "gc_freed", 16, false);
		add_padded(b, text, 12, true);
		unit = i < n ? k[i].unit : "object";
		/* "1" is the unit of what is merely counted. */
		if (strcmp(unit, "1") == 0)
			unit = "";
		fmt_format(text, sizeof(text), "%s%s",
		    unit[0] != '\0' ? " " : "", unit);
		add_padded(b, text, j % 2 == 0 ? 8 : 0, false);
		if (j % 2 != 0 || j == n)
			luaL_addchar(b, '\n');
	}
}

void
stat_push_report(lua_State *L, const struct stat_row *rows, size_t n)
{
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	if (n == 0) {
		luaL_addstring(&b, "no cache has such a name\n");
	} else {
		add_table(&b, rows, n);
		if (n == 1)
			add_details(&b, &rows[0]);
	}
	luaL_pushresult(&b);
}

static void
add_json_row(luaL_Buffer *b, const struct stat_row *row)
{
	size_t n, i;
	const struct kmem_schema *k = kmem_schema(&n);
	char text[KMEM_NAME_MAX + 64];

	fmt_format(text, sizeof(text), "{\"name\":\"%s\",\"size\":%zu",
	    row->info.name, row->info.size);
	luaL_addstring(b, text);
	for (i = 0; i < n; i++) {
		uint64_t v = stat_value(row, &k[i]);

		if (v == KMEM_UNKNOWN)
			fmt_format(
			    text, sizeof(text), ",\"%s\":null", k[i].name);
		else
			fmt_format(text, sizeof(text), ",\"%s\":%llu",
			    k[i].name, (unsigned long long)v);
		luaL_addstring(b, text);
	}
	fmt_format(text, sizeof(text), ",\"gc_freed\":%llu}",
	    (unsigned long long)row->gc_freed);
	luaL_addstring(b, text);
}

void
stat_push_json(lua_State *L, const struct stat_row *rows, size_t n)
{
	luaL_Buffer b;
	size_t i;

	luaL_buffinit(L, &b);
	luaL_addchar(&b, '[');
	for (i = 0; i < n; i++) {
		if (i > 0)
			luaL_addchar(&b, ',');
		add_json_row(&b, &rows[i]);
	}
	luaL_addchar(&b, ']');
	luaL_pushresult(&b);
}

void
stat_push_csv(lua_State *L, const struct stat_row *rows, size_t n)
{
	size_t fields, i, r;
	const struct kmem_schema *k = kmem_schema(&fields);
	char text[64];
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addstring(&b, "name,size");
	for (i = 0; i < fields; i++) {
		luaL_addchar(&b, ',');
		luaL_addstring(&b, k[i].name);
	}
	luaL_addstring(&b, ",gc_freed\n");
	for (r = 0; r < n; r++) {
		fmt_format(text, sizeof(text), "%s,%zu", rows[r].info.name,
		    rows[r].info.size);
		luaL_addstring(&b, text);
		for (i = 0; i < fields; i++) {
			luaL_addchar(&b, ',');
			cell(&rows[r], k[i].name, text);
			/* What is not counted is an empty field. */
			if (strcmp(text, "-") != 0)
				luaL_addstring(&b, text);
		}
		fmt_format(text, sizeof(text), ",%llu\n",
		    (unsigned long long)rows[r].gc_freed);
		luaL_addstring(&b, text);
	}
	luaL_pushresult(&b);
}
