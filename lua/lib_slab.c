/* SPDX-License-Identifier: MIT */
/* The module slab: the allocator as a whole. */
#include <string.h>

#include <mm/frame.h>
#include <mm/port.h>

#include "cache.h"
#include "handle.h"
#include "heap.h"
#include "lauxlib.h"
#include "modules.h"
#include "show.h"
#include "stat.h"

#define FINDINGS_MAX 32u

static int
slab_find(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	struct lcache **slot = lcache_push_empty(L);
	struct kmem_cache *cp = kmem_cache_find(name);
	struct kmem_info info;

	if (cp == NULL)
		return binding_fail(
		    L, "ENOENT", "no cache is named '%s'", name);
	kmem_cache_get_info(cp, &info);
	kmem_cache_release(cp);
	*slot = lcache_of(&info);
	if (*slot == NULL)
		return binding_fail(L, "ENOENT",
		    "cache '%s' is just being made or destroyed", name);
	return 1;
}

/* Upvalues: rows, how many, index of the next. */
static int
next_cache(lua_State *L)
{
	struct stat_row *rows = lua_touserdata(L, lua_upvalueindex(1));
	lua_Integer n = lua_tointeger(L, lua_upvalueindex(2));
	lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));

	while (i < n) {
		struct lcache **slot = lcache_push_empty(L);

		*slot = lcache_of(&rows[i].info);
		i++;
		lua_pushinteger(L, i);
		lua_replace(L, lua_upvalueindex(3));
		if (*slot != NULL)
			return 1;
		lua_pop(L, 1);
	}
	return 0;
}

static int
slab_caches(lua_State *L)
{
	size_t n;

	(void)stat_snapshot(L, "*", &n);
	lua_pushinteger(L, (lua_Integer)n);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, next_cache, 3);
	return 1;
}

static int
slab_reap(lua_State *L)
{
	static const char *const names[] = { "level", "frames", NULL };
	enum kmem_level level = KMEM_REAP_TRIM;
	struct kmem_reaped r;
	lua_Integer frames = 0;
	const char *s;
	int table = binding_options(L, 1, names);

	if (table != 0) {
		(void)binding_opt_integer(
		    L, table, "frames", 0, LUA_MAXINTEGER, &frames);
		if (binding_opt_string(L, table, "level", &s)) {
			if (strcmp(s, "depot") == 0)
				level = KMEM_REAP_DEPOT;
			else if (strcmp(s, "all") == 0)
				level = KMEM_REAP_ALL;
			else if (strcmp(s, "trim") != 0)
				return luaL_error(L,
				    "option 'level' must be \"trim\", "
				    "\"depot\" or \"all\", not \"%s\"",
				    s);
		}
	}
	r = kmem_reap(level, (size_t)frames);
	lua_pushinteger(L, (lua_Integer)r.frames);
	lua_pushinteger(L, (lua_Integer)r.objects);
	return 2;
}

static int
slab_errors(lua_State *L)
{
	unsigned kind;

	lua_pushinteger(L, (lua_Integer)kmem_errors_total());
	lua_createtable(L, 0, MM_ERRORS_MAX);
	for (kind = 0; kind < MM_ERRORS_MAX; kind++) {
		uint64_t n = kmem_errors(kind);

		if (n == 0)
			continue;
		binding_set_integer(
		    L, mm_error_name((enum mm_error)kind), (lua_Integer)n);
	}
	show_as_text(L);
	return 2;
}

static void
push_finding(lua_State *L, const struct kmem_finding *f)
{
	lua_createtable(L, 0, 3);
	binding_set_string(L, "cache", f->cache);
	binding_set_string(L, "what", f->what);
	binding_set_integer(L, "where", (lua_Integer)f->where);
}

static int
slab_verify(lua_State *L)
{
	struct kmem_finding *found;
	struct lcache *lc = NULL;
	struct kmem_cache *cp = NULL;
	size_t n, i;

	lua_settop(L, 1);
	found = lua_newuserdatauv(L, FINDINGS_MAX * sizeof(*found), 0);
	if (!lua_isnil(L, 1))
		cp = lcache_use(L, 1, &lc);
	n = kmem_verify(cp, found, FINDINGS_MAX);
	if (cp != NULL)
		lcache_leave(lc, cp);
	if (n == 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushnil(L);
	lua_createtable(L, (int)(n < FINDINGS_MAX ? n : FINDINGS_MAX), 1);
	for (i = 0; i < n && i < FINDINGS_MAX; i++) {
		push_finding(L, &found[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	binding_set_integer(L, "n", (lua_Integer)n);
	return 2;
}

static const char *
tag_name(int tag)
{
	switch (tag) {
	case -1:
		return "outside";
	case FRAME_TAG_FREE:
		return "free";
	case FRAME_TAG_SLAB:
		return "slab";
	case FRAME_TAG_META:
		return "metadata";
	case FRAME_TAG_KMALLOC:
		return "kmalloc";
	case FRAME_TAG_LUA:
		return "lua";
	case FRAME_TAG_HELD:
		return "held";
	default:
		return "frames";
	}
}

static int
slab_whatis(lua_State *L)
{
	uintptr_t addr = (uintptr_t)luaL_checkinteger(L, 1);
	struct kmem_whatis w;

	kmem_whatis(addr, &w);
	lua_createtable(L, 0, 6);
	binding_set_string(L, "frame", tag_name(w.tag));
	if (!w.is_object)
		return 1;
	binding_set_string(L, "cache", w.cache);
	binding_set_integer(L, "slab", (lua_Integer)w.slab);
	binding_set_integer(L, "base", (lua_Integer)w.base);
	binding_set_integer(L, "offset", (lua_Integer)w.offset);
	if (!w.allocated)
		lua_pushliteral(L, "free");
	else if (w.live < 0)
		lua_pushliteral(L, "taken");
	else
		lua_pushstring(L, w.live > 0 ? "live" : "cached");
	lua_setfield(L, -2, "state");
	return 1;
}

static const struct binding functions[] = {
	{ "create", slab_create,
	    "slab.create(name, size [, {align=, ctor=, dtor=, reclaim=, "
	    "colour=, mag=, magazines=, limit=, protect=, count=, guard=, "
	    "low=}]) -> cache | nil, msg, code",
	    "Makes a cache of objects of size bytes (1..131072). align: "
	    "bytes, a power of two. ctor: \"zero\", \"pattern\", \"count\" or "
	    "a Lua function(obj) that runs once, on a scratch object, whose "
	    "bytes then construct every object; dtor: one of the words. "
	    "colour: true, false or how many at most. mag: rounds per "
	    "magazine; magazines=false: none. limit: live objects. protect: "
	    "\"fast\", or \"checked\" (default), which verifies every free. "
	    "count: exact totals also in a fast cache. low: memory below "
	    "4 GiB. Fails with EEXIST and ENOMEM.",
	    "c = slab.create('task', 200, {ctor='zero'}) print(c) "
	    "c:destroy()" },
	{ "find", slab_find, "slab.find(name) -> cache | nil, msg, code",
	    "A handle on the cache of that name, or ENOENT. Caches of the "
	    "machine can be looked at, not changed.",
	    "print(slab.find('kmalloc-64'))" },
	{ "caches", slab_caches, "slab.caches() -> iterator",
	    "Iterates over handles on all caches, in the order of their "
	    "names, as they were at the call.",
	    "for c in slab.caches() do print(c) end" },
	{ "stat", slab_stat,
	    "slab.stat([pattern [, \"table\" | \"rows\" | \"json\" | "
	    "\"csv\"]])",
	    "Prints a report on the caches whose names match (globs, with | "
	    "between), all statistics when it is one cache. With a form, "
	    "returns it: \"table\" is the report's text, \"rows\" an array of "
	    "tables, \"json\" and \"csv\" have every statistic by name.",
	    "slab.stat('lua*|kmalloc-*')" },
	{ "reap", slab_reap,
	    "slab.reap([{level=\"trim\" | \"depot\" | \"all\", frames=n}]) "
	    "-> frames, objects",
	    "Gives memory back: what the working set did not need (trim, the "
	    "default), all magazines of the depots (depot), also those of "
	    "every hart (all); stops when so many frames are gained. Returns "
	    "the frames gained and the objects moved back to slabs.",
	    "print(slab.reap{level='all'})" },
	{ "errors", slab_errors, "slab.errors() -> n, {by kind}",
	    "Heap errors reported since boot, and how many of each kind.",
	    "n, by = slab.errors() print(n)" },
	{ "verify", slab_verify, "slab.verify([c]) -> true | nil, findings",
	    "Checks the invariants of one cache, or of all caches and the "
	    "frame zones. Findings: an array of {cache, what, where}, at "
	    "most 32, with n, how many there are.",
	    "print(slab.verify())" },
	{ "whatis", slab_whatis, "slab.whatis(addr) -> table",
	    "What lies at an address: frame (free, slab, metadata, kmalloc, "
	    "lua, held, frames, outside) and, in an object: cache, slab, "
	    "base, offset, state (free, cached, live; taken in a fast "
	    "cache).",
	    "o = slab.kmalloc(100) print(slab.whatis(o:addr()).cache) "
	    "o:free()" },
	{ "schema", slab_schema, "slab.schema() -> table",
	    "An array of {name, unit, kind, text}, one for each statistic.",
	    "for _, k in ipairs(slab.schema()) do print(k.name, k.unit) end" },
	{ "kmalloc", slab_kmalloc, "slab.kmalloc(n) -> obj | nil, msg, code",
	    "Takes n bytes (0 gives 8) from the general caches, or whole "
	    "frames above 128 KiB.",
	    "o = slab.kmalloc(1000) print(o) o:free()" },
	{ "mark", slab_mark, "slab.mark() -> mark",
	    "The statistics of all caches now, for slab.diff.",
	    "m = slab.mark() print(m['kmalloc-64'].frames)" },
	{ "diff", slab_diff, "slab.diff(mark [, mark2]) -> table",
	    "By cache, the statistics that differ between two marks (or mark "
	    "and now), as differences; created or destroyed is set for a "
	    "cache that only one of them has.",
	    "m = slab.mark() o = slab.kmalloc(64) d = slab.diff(m) "
	    "o:free()" },
	{ "leaks", binding_not_yet, "slab.leaks{...}", "Not in this version.",
	    NULL },
	{ "log", binding_not_yet, "slab.log{...}", "Not in this version.",
	    NULL },
	{ "users", binding_not_yet, "slab.users(by)", "Not in this version.",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_slab_module = {
	.name = "slab",
	.text = "The slab allocator: caches, objects, statistics, reclaim.",
	.functions = functions,
};
