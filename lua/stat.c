/* SPDX-License-Identifier: MIT */
/*
 * Statistics: c:stats, slab.stat, slab.mark, slab.diff, slab.schema.
 *
 * mm's walk hands out held caches, and Lua may raise at any push. So a walk
 * copies facts into one block of Lua's memory, whose size was counted before,
 * and everything else works on the copy.
 */
#include "stat.h"

#include <stdlib.h>
#include <string.h>

#include <kernel/smp.h>

#include "lauxlib.h"
#include "state.h"

#define GC_FREED "gc_freed"
#define GC_FREED_TEXT                                                          \
	"Objects that Lua collected although nobody had freed them."

/* One element of a glob: where the list's part ends is at `end`. */
static bool
match_part(const char *p, const char *end, const char *s)
{
	const char *star = NULL, *resume = s;

	for (;;) {
		if (p < end && *p == '*') {
			star = ++p;
			resume = s;
			continue;
		}
		if (*s == '\0')
			return p == end;
		if (p < end && (*p == '?' || *p == *s)) {
			p++;
			s++;
			continue;
		}
		if (star == NULL)
			return false;
		p = star;
		s = ++resume;
	}
}

bool
name_glob(const char *list, const char *name)
{
	for (;;) {
		const char *end = list + strcspn(list, "|");

		if (match_part(list, end, name))
			return true;
		if (*end == '\0')
			return false;
		list = end + 1;
	}
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at `at`, as many as fit; *at goes behind them. */
static uint64_t
number_at(const char **at)
{
	uint64_t n = 0;

	for (; is_digit(**at); (*at)++)
		n = n * 10 + (uint64_t)(**at - '0');
	return n;
}

/* By name, numbers in it by value: kmalloc-128 before kmalloc-1024. */
static int
by_name(const void *a, const void *b)
{
	const struct stat_row *row_a = a, *row_b = b;
	const char *x = row_a->info.name, *y = row_b->info.name;

	while (*x != '\0' && *y != '\0') {
		if (is_digit(*x) && is_digit(*y)) {
			uint64_t m = number_at(&x), n = number_at(&y);

			if (m != n)
				return m < n ? -1 : 1;
		} else if (*x != *y) {
			break;
		} else {
			x++;
			y++;
		}
	}
	return (unsigned char)*x - (unsigned char)*y;
}

static size_t
count_caches(const char *pattern)
{
	struct kmem_cache *cp = kmem_cache_next(NULL);
	struct kmem_info info;
	size_t n = 0;

	for (; cp != NULL; cp = kmem_cache_next(cp)) {
		kmem_cache_get_info(cp, &info);
		n += name_glob(pattern, info.name);
	}
	return n;
}

struct stat_row *
stat_snapshot(lua_State *L, const char *pattern, size_t *n)
{
	/* Room for a few that appear meanwhile; more are left out. */
	size_t room = count_caches(pattern) + 8, got = 0, i;
	struct stat_row *rows = lua_newuserdatauv(L, room * sizeof(*rows), 0);
	struct kmem_cache *cp = kmem_cache_next(NULL);

	while (cp != NULL && got < room) {
		kmem_cache_get_info(cp, &rows[got].info);
		if (name_glob(pattern, rows[got].info.name)) {
			kmem_cache_stats(cp, &rows[got].stats);
			got++;
		}
		cp = kmem_cache_next(cp);
	}
	if (cp != NULL)
		kmem_cache_release(cp);
	for (i = 0; i < got; i++)
		rows[i].gc_freed =
		    lcache_gc_freed(rows[i].info.name, rows[i].info.generation);
	qsort(rows, got, sizeof(*rows), by_name);
	*n = got;
	return rows;
}

uint64_t
stat_value(const struct stat_row *row, const struct kmem_schema *k)
{
	uint64_t v;

	memcpy(&v, (const char *)&row->stats + k->offset, sizeof(v));
	return v;
}

void
stat_set_fields(lua_State *L, const struct stat_row *row)
{
	size_t n, i;
	const struct kmem_schema *k = kmem_schema(&n);

	for (i = 0; i < n; i++) {
		uint64_t v = stat_value(row, &k[i]);

		if (v == KMEM_UNKNOWN)
			continue;
		binding_set_integer(L, k[i].name, (lua_Integer)v);
	}
	binding_set_integer(L, GC_FREED, (lua_Integer)row->gc_freed);
}

static void
set_counter(lua_State *L, const char *name, uint64_t v)
{
	if (v == KMEM_UNKNOWN)
		return;
	binding_set_integer(L, name, (lua_Integer)v);
}

static void
push_hart(lua_State *L, const struct kmem_hart_stats *h)
{
	lua_createtable(L, 0, 6);
	set_counter(L, "rounds", h->rounds);
	set_counter(L, "alloc", h->alloc);
	set_counter(L, "free", h->free);
	set_counter(L, "mag_miss", h->mag_miss);
	set_counter(L, "depot_get", h->depot_get);
	set_counter(L, "depot_put", h->depot_put);
}

int
cache_stats(lua_State *L)
{
	struct lcache *lc;
	struct kmem_cache *cp = lcache_use(L, 1, &lc);
	struct stat_row row;
	unsigned hart;

	kmem_cache_get_info(cp, &row.info);
	kmem_cache_stats(cp, &row.stats);
	lcache_leave(lc, cp);
	row.gc_freed = lcache_gc_freed(row.info.name, row.info.generation);
	lua_createtable(L, 0, 32);
	stat_set_fields(L, &row);
	lua_newtable(L);
	for (hart = 0; hart < smp_hart_count(); hart++) {
		struct kmem_hart_stats h;
		bool known;

		cp = lcache_use(L, 1, &lc);
		known = kmem_cache_hart_stats(cp, hart, &h);
		lcache_leave(lc, cp);
		if (!known || !h.used)
			continue;
		push_hart(L, &h);
		lua_rawseti(L, -2, (lua_Integer)hart);
	}
	lua_setfield(L, -2, "harts");
	return 1;
}

static void
push_row(lua_State *L, const struct stat_row *row)
{
	lua_createtable(L, 0, 36);
	binding_set_string(L, "name", row->info.name);
	binding_set_integer(L, "size", (lua_Integer)row->info.size);
	stat_set_fields(L, row);
}

int
slab_stat(lua_State *L)
{
	static const char *const forms[] = { "report", "table", "rows", "json",
		"csv", NULL };
	const char *pattern = luaL_optstring(L, 1, "*");
	int form = luaL_checkoption(L, 2, "report", forms);
	struct stat_row *rows;
	const char *text;
	size_t n, i, len;

	rows = stat_snapshot(L, pattern, &n);
	switch (form) {
	case 0:
		stat_push_report(L, rows, n);
		text = lua_tolstring(L, -1, &len);
		lstate_write(L, text, len);
		return 0;
	case 1:
		stat_push_report(L, rows, n);
		return 1;
	case 2:
		lua_createtable(L, (int)n, 0);
		for (i = 0; i < n; i++) {
			push_row(L, &rows[i]);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		return 1;
	case 3:
		stat_push_json(L, rows, n);
		return 1;
	default:
		stat_push_csv(L, rows, n);
		return 1;
	}
}

/* A mark is a table by cache name, so that scripts can look into it. */
int
slab_mark(lua_State *L)
{
	size_t n, i;
	struct stat_row *rows = stat_snapshot(L, "*", &n);

	lua_createtable(L, 0, (int)n);
	for (i = 0; i < n; i++) {
		push_row(L, &rows[i]);
		binding_set_integer(
		    L, "generation", (lua_Integer)rows[i].info.generation);
		lua_setfield(L, -2, rows[i].info.name);
	}
	return 1;
}

/* The integer field of the table at index `t`; 0 when there is none. */
static lua_Integer
field_or_zero(lua_State *L, int t, const char *name)
{
	lua_Integer v = 0;

	if (lua_getfield(L, t, name) == LUA_TNUMBER)
		v = lua_tointeger(L, -1);
	lua_pop(L, 1);
	return v;
}

/* Push the non-zero differences of two rows (0: no such row), or nil. */
static void
push_delta(lua_State *L, int before, int after)
{
	size_t n, i;
	const struct kmem_schema *k = kmem_schema(&n);
	bool any = before == 0 || after == 0;

	lua_newtable(L);
	if (before == 0) {
		binding_set_boolean(L, "created", 1);
	}
	if (after == 0) {
		binding_set_boolean(L, "destroyed", 1);
	}
	for (i = 0; i <= n; i++) {
		const char *name = i < n ? k[i].name : GC_FREED;
		lua_Integer was =
		    before != 0 ? field_or_zero(L, before, name) : 0;
		lua_Integer is = after != 0 ? field_or_zero(L, after, name) : 0;

		if (was == is)
			continue;
		any = true;
		binding_set_integer(L, name, is - was);
	}
	if (!any) {
		lua_pop(L, 1);
		lua_pushnil(L);
	}
}

/* Rows of mark `from` against mark `in`; each pair is judged once (first). */
static void
diff_side(lua_State *L, int from, int in, int result, bool first)
{
	lua_pushnil(L);
	while (lua_next(L, from) != 0) {
		int row = lua_gettop(L), other = row + 1;
		bool same;

		if (lua_type(L, row - 1) != LUA_TSTRING ||
		    lua_type(L, row) != LUA_TTABLE)
			luaL_error(L, "this table is not from slab.mark");
		lua_pushvalue(L, row - 1);
		same = lua_rawget(L, in) == LUA_TTABLE &&
		    field_or_zero(L, row, "generation") ==
			field_or_zero(L, other, "generation");
		if (first && same)
			push_delta(L, row, other);
		else if (first)
			push_delta(L, row, 0);
		else if (!same)
			push_delta(L, 0, row);
		else
			lua_pushnil(L);
		if (!lua_isnil(L, -1)) {
			lua_pushvalue(L, row - 1);
			lua_insert(L, -2);
			lua_rawset(L, result);
		} else {
			lua_pop(L, 1);
		}
		lua_settop(L, row - 1);
	}
}

int
slab_diff(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		(void)slab_mark(L);
		lua_replace(L, 2);
	}
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	lua_newtable(L);
	diff_side(L, 1, 2, 3, true);
	diff_side(L, 2, 1, 3, false);
	return 1;
}

static void
push_schema(lua_State *L, const char *name, const char *unit, const char *kind,
    const char *text)
{
	lua_createtable(L, 0, 4);
	binding_set_string(L, "name", name);
	binding_set_string(L, "unit", unit);
	binding_set_string(L, "kind", kind);
	binding_set_string(L, "text", text);
}

int
slab_schema(lua_State *L)
{
	size_t n, i;
	const struct kmem_schema *k = kmem_schema(&n);

	lua_createtable(L, (int)n + 1, 0);
	for (i = 0; i < n; i++) {
		push_schema(L, k[i].name, k[i].unit, k[i].kind, k[i].text);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	push_schema(L, GC_FREED, "object", "counter", GC_FREED_TEXT);
	lua_rawseti(L, -2, (lua_Integer)n + 1);
	return 1;
}
