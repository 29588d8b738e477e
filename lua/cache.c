/* SPDX-License-Identifier: MIT */
/* The class slab.cache: what a script does with one cache. */
#include "cache.h"

#include <string.h>

#include <kernel/fmt.h>
#include <kernel/smp.h>

#include "handle.h"
#include "lauxlib.h"
#include "modules.h"
#include "obj.h"

#define COLOURS_MAX 65536

void
not_in_this_version(lua_State *L, const char *what)
{
	luaL_error(L, "%s: not in this version", what);
	__builtin_unreachable();
}

const char *
lcache_protect_name(enum kmem_protect level)
{
	switch (level) {
	case KMEM_CHECKED:
		return "checked";
	case KMEM_DEBUG:
		return "debug";
	case KMEM_FAST:
	default:
		return "fast";
	}
}

enum kmem_protect
lcache_protect_arg(lua_State *L, const char *name)
{
	if (strcmp(name, "fast") == 0)
		return KMEM_FAST;
	if (strcmp(name, "checked") == 0)
		return KMEM_CHECKED;
	if (strcmp(name, "debug") == 0)
		not_in_this_version(L, "protect=\"debug\"");
	luaL_error(L,
	    "option 'protect' must be \"fast\", \"checked\" or \"debug\", "
	    "not \"%s\"",
	    name);
	__builtin_unreachable();
}

/* Caches of Lua states have one user each, on its hart; hands off them. */
static void
refuse_single_owner(lua_State *L, struct lcache *lc, const char *what)
{
	struct kmem_cache *cp = lcache_use(L, 1, &lc);
	struct kmem_info info;

	kmem_cache_get_info(cp, &info);
	lcache_leave(lc, cp);
	if ((info.flags & KMEM_SINGLE_OWNER) != 0)
		luaL_error(L,
		    "cache '%s' belongs to one Lua state; it cannot be %s",
		    lc->lc_name, what);
}

static int
cache_free(lua_State *L)
{
	struct lcache *lc = lcache_arg(L, 1);

	if (luaL_testudata(L, 2, BATCH_CLASS) != NULL) {
		batch_free_arg(L, 2, lc, 3);
		return 0;
	}
	if (luaL_testudata(L, 2, OBJ_CLASS) == NULL)
		return luaL_typeerror(L, 2, "slab.obj or slab.batch");
	if (!lua_isnoneornil(L, 3))
		return luaL_argerror(L, 3, "an order is for batches only");
	obj_free_arg(L, 2, lc);
	return 0;
}

static int
cache_shrink(lua_State *L)
{
	struct lcache *lc = lcache_arg(L, 1);
	struct kmem_cache *cp;
	size_t frames;

	refuse_single_owner(L, lc, "shrunk");
	cp = lcache_use(L, 1, &lc);
	frames = kmem_cache_shrink(cp);
	lcache_leave(lc, cp);
	lua_pushinteger(L, (lua_Integer)frames);
	return 1;
}

static int
cache_flush(lua_State *L)
{
	struct lcache *lc = lcache_arg(L, 1);
	unsigned hart = KMEM_ALL_HARTS;
	struct kmem_cache *cp;
	size_t n;

	if (!lua_isnoneornil(L, 2))
		hart = (unsigned)binding_integer(
		    L, 2, 0, (lua_Integer)smp_hart_count() - 1, "hart");
	refuse_single_owner(L, lc, "flushed");
	cp = lcache_use(L, 1, &lc);
	n = kmem_cache_flush(cp, hart);
	lcache_leave(lc, cp);
	lua_pushinteger(L, (lua_Integer)n);
	return 1;
}

bool
lcache_colour_option(lua_State *L, int table, unsigned *colours)
{
	int type = lua_getfield(L, table, "colour");
	lua_Integer n = 0;

	if (type == LUA_TBOOLEAN)
		n = lua_toboolean(L, -1) ? 0 : 1;
	else if (type != LUA_TNIL) {
		n = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
		if (n < 1 || n > COLOURS_MAX)
			luaL_error(L,
			    "option 'colour' must be true, false or a number "
			    "of colours, 1..%d",
			    COLOURS_MAX);
	}
	lua_pop(L, 1);
	*colours = (unsigned)n;
	return type != LUA_TNIL;
}

static void
tune_options(lua_State *L, int arg, struct kmem_tune *t)
{
	static const char *const names[] = { "mag", "limit", "colour", "count",
		"protect", NULL };
	int table = binding_options(L, arg, names);
	const char *level;
	lua_Integer n;

	if (table == 0)
		luaL_argerror(L, arg, "a table of options is needed");
	if (binding_opt_integer(L, table, "mag", 0, KMEM_ROUNDS_MAX, &n)) {
		t->set_magazine = true;
		t->magazine = (unsigned)n;
	}
	if (binding_opt_integer(L, table, "limit", 0, LUA_MAXINTEGER, &n)) {
		t->set_limit = true;
		t->limit = (size_t)n;
	}
	t->set_count = binding_opt_boolean(L, table, "count", &t->count);
	t->set_colours = lcache_colour_option(L, table, &t->colours);
	if (binding_opt_string(L, table, "protect", &level)) {
		t->set_protect = true;
		t->protect = lcache_protect_arg(L, level);
	}
}

/* What stays as it is needs no cache without slabs: c:tune(old) works. */
static int
tune(struct kmem_cache *cp, struct kmem_tune *t, struct kmem_tune *old)
{
	const struct kmem_tune nothing = { 0 };
	int err = kmem_cache_tune(cp, &nothing, old);

	if (err != 0)
		return err;
	if (t->protect == old->protect)
		t->set_protect = false;
	if (t->colours == old->colours)
		t->set_colours = false;
	return kmem_cache_tune(cp, t, NULL);
}

static int
cache_tune(lua_State *L)
{
	struct lcache *lc = lcache_arg(L, 1);
	struct kmem_tune t = { 0 }, old = { 0 };
	struct kmem_cache *cp;
	int err;

	tune_options(L, 2, &t);
	cp = lcache_use(L, 1, &lc);
	err = lc->lc_ours ? tune(cp, &t, &old) : -KMEM_EINVAL;
	if (err == 0 && t.set_protect)
		atomic_store_explicit(&lc->lc_checked, t.protect != KMEM_FAST,
		    memory_order_relaxed);
	lcache_leave(lc, cp);
	if (!lc->lc_ours)
		return luaL_error(L,
		    "cache '%s' belongs to the machine; only caches of "
		    "slab.create can be tuned",
		    lc->lc_name);
	if (err == -KMEM_EBUSY)
		return binding_fail(L, "EBUSY",
		    "cache '%s' has slabs: protect and colour change only "
		    "without (free all objects, then c:shrink())",
		    lc->lc_name);
	if (err != 0)
		return binding_fail(L, binding_kmem_code(err),
		    "cache '%s' cannot be tuned so", lc->lc_name);
	lua_createtable(L, 0, 5);
	binding_set_integer(L, "mag", old.magazine);
	binding_set_integer(L, "limit", (lua_Integer)old.limit);
	if (old.colours == 0)
		binding_set_boolean(L, "colour", true);
	else
		binding_set_integer(L, "colour", old.colours);
	binding_set_boolean(L, "count", old.count);
	binding_set_string(L, "protect", lcache_protect_name(old.protect));
	return 1;
}

/* true, or nil, message, code. Raises for caches that are not ours. */
static int
destroy(lua_State *L, struct lcache *lc)
{
	struct kmem_cache *cp;
	struct kmem_stats st;
	int err;

	if (!lc->lc_ours)
		return luaL_error(L,
		    "cache '%s' belongs to the machine; only caches of "
		    "slab.create can be destroyed",
		    lc->lc_name);
	cp = lcache_enter(lc);
	if (cp == NULL)
		lcache_raise_gone(L, lc);
	kmem_cache_stats(cp, &st);
	lcache_leave(lc, cp);
	err = lcache_destroy(lc);
	if (err == 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	if (err == -KMEM_EBUSY && st.objects_inuse > 0)
		return binding_fail(L, "EBUSY",
		    "cache '%s' busy: %llu object%s live", lc->lc_name,
		    (unsigned long long)st.objects_inuse,
		    st.objects_inuse == 1 ? "" : "s");
	if (err == -KMEM_EBUSY)
		return binding_fail(L, "EBUSY",
		    "cache '%s' busy: 0 objects live, but another hart is "
		    "using it",
		    lc->lc_name);
	return binding_fail(L, binding_kmem_code(err),
	    "cache '%s' cannot be destroyed from here", lc->lc_name);
}

static int
cache_destroy(lua_State *L)
{
	return destroy(L, lcache_arg(L, 1));
}

/* local c <close> = slab.create(…): destroy, and say so when that fails. */
static int
cache_close(lua_State *L)
{
	struct lcache *lc = lcache_arg(L, 1);
	struct kmem_cache *cp = lcache_enter(lc);

	if (cp == NULL)
		return 0;
	lcache_leave(lc, cp);
	if (destroy(L, lc) != 1 && lua_isnil(L, 2))
		return luaL_error(L, "%s", lua_tostring(L, -2));
	return 0;
}

static int
cache_gc(lua_State *L)
{
	handle_release(luaL_checkudata(L, 1, CACHE_CLASS));
	return 0;
}

static int
cache_eq(lua_State *L)
{
	void *a = luaL_testudata(L, 1, CACHE_CLASS);
	void *b = luaL_testudata(L, 2, CACHE_CLASS);

	lua_pushboolean(L,
	    a != NULL && b != NULL &&
		lcache_of_userdata(a) == lcache_of_userdata(b));
	return 1;
}

static int
cache_tostring(lua_State *L)
{
	struct lcache *lc = lcache_arg(L, 1);
	struct kmem_cache *cp = lcache_enter(lc);
	struct kmem_info info;
	struct kmem_stats st;
	char text[192];

	if (cp == NULL) {
		lua_pushfstring(L, "slab.cache '%s' (destroyed)", lc->lc_name);
		return 1;
	}
	kmem_cache_get_info(cp, &info);
	kmem_cache_stats(cp, &st);
	lcache_leave(lc, cp);
	fmt_format(text, sizeof(text),
	    "slab.cache '%s' size %zu stride %zu in use %llu/%llu slabs %llu "
	    "colours %u mag %u",
	    info.name, info.size, info.stride,
	    (unsigned long long)st.objects_inuse,
	    (unsigned long long)st.objects_total,
	    (unsigned long long)(st.slabs_full + st.slabs_partial +
		st.slabs_empty),
	    info.colours, info.magazine);
	lua_pushstring(L, text);
	return 1;
}

static bool
cache_field(lua_State *L, const char *key)
{
	struct lcache *lc;
	struct kmem_cache *cp = lcache_use(L, 1, &lc);
	struct kmem_info info;

	kmem_cache_get_info(cp, &info);
	lcache_leave(lc, cp);
	if (strcmp(key, "name") == 0)
		lua_pushstring(L, info.name);
	else if (strcmp(key, "size") == 0)
		lua_pushinteger(L, (lua_Integer)info.size);
	else if (strcmp(key, "align") == 0)
		lua_pushinteger(L, (lua_Integer)info.align);
	else if (strcmp(key, "stride") == 0)
		lua_pushinteger(L, (lua_Integer)info.stride);
	else if (strcmp(key, "per_slab") == 0)
		lua_pushinteger(L, info.per_slab);
	else if (strcmp(key, "colours") == 0)
		lua_pushinteger(L, info.colours);
	else if (strcmp(key, "mag") == 0)
		lua_pushinteger(L, info.magazine);
	else if (strcmp(key, "frames_per_slab") == 0)
		lua_pushinteger(L, info.frames_per_slab);
	else if (strcmp(key, "protect") == 0)
		lua_pushstring(L, lcache_protect_name(info.protect));
	else
		return false;
	return true;
}

static const struct binding methods[] = {
	{ "alloc", cache_alloc, "c:alloc([flags]) -> obj | nil, msg, code",
	    "Takes one object. flags: \"nowait\" fails rather than reclaims, "
	    "\"zero\" clears it (not with a constructor); both may stand in "
	    "one string. ENOMEM when there is no memory or the limit is "
	    "reached. A forgotten object is freed when it is collected.",
	    "c = slab.create('help1', 64) o = c:alloc() print(o) o:free() "
	    "c:destroy()" },
	{ "alloc_n", cache_alloc_n, "c:alloc_n(n) -> batch | nil, msg, code",
	    "Takes n objects, all or none, into a batch.",
	    "c = slab.create('help2', 64) b = c:alloc_n(100) print(#b) "
	    "b:free() c:destroy()" },
	{ "free", cache_free, "c:free(obj | batch [, order])",
	    "Frees an object or a batch of this cache; one of another cache "
	    "is reported (wrong-cache) and raises. order, for batches: "
	    "\"lifo\" (default), \"fifo\" or \"random\".",
	    "c = slab.create('help3', 64) c:free(c:alloc()) c:destroy()" },
	{ "stats", cache_stats, "c:stats() -> table",
	    "Every statistic of the cache (slab.schema() explains each), and "
	    "harts[0 ...] with those of each hart that used it. Totals that "
	    "are not counted in a fast cache are nil.",
	    "c = slab.create('help4', 64) print(c:stats().objects_inuse) "
	    "c:destroy()" },
	{ "shrink", cache_shrink, "c:shrink() -> frames",
	    "Empties the magazines of all harts into the slabs and gives "
	    "every empty slab back; returns the frames so gained.",
	    "c = slab.create('help5', 64) c:alloc():free() "
	    "print(c:shrink()) c:destroy()" },
	{ "flush", cache_flush, "c:flush([hart]) -> n",
	    "Moves the objects in one hart's magazines (default: of every "
	    "hart) back to their slabs; returns how many.",
	    "c = slab.create('help6', 64) c:alloc():free() print(c:flush()) "
	    "c:destroy()" },
	{ "tune", cache_tune,
	    "c:tune{mag=, limit=, colour=, count=, protect=} -> old | nil, "
	    "msg, code",
	    "Changes what is given and returns what all five were. mag: "
	    "rounds, 0 is by size; limit: live objects, 0 is none. protect "
	    "and colour change only while the cache has no slabs (EBUSY).",
	    "c = slab.create('help7', 64) print(c:tune{mag=31}.mag) "
	    "c:destroy()" },
	{ "slabs", cache_slabs, "c:slabs() -> iterator",
	    "Iterates over a snapshot of the slabs, each a table of addr, "
	    "frames, colour, inuse, live and total. inuse counts what lies in "
	    "magazines too; a fast cache cannot tell live from that.",
	    "c = slab.create('help8', 64) c:alloc():free() "
	    "for s in c:slabs() do print(s.inuse, s.total) end c:destroy()" },
	{ "objects", cache_objects, "c:objects([state]) -> iterator",
	    "Iterates over the objects of all slabs in address order: "
	    "address, state. States: \"free\" (in its slab), \"cached\" (in a "
	    "magazine), \"live\"; a fast cache cannot tell the last two "
	    "apart and says \"taken\". With a state, only those.",
	    "c = slab.create('help9', 64) o = c:alloc() "
	    "for a in c:objects('live') do print(a == o:addr()) end "
	    "o:free() c:destroy()" },
	{ "map", cache_map, "c:map([width]) -> string",
	    "A picture of the slabs, one cell each in address order, by how "
	    "many of their objects are live, width cells per line (default "
	    "64), and a legend. In a fast cache objects in magazines count as "
	    "live.",
	    "c = slab.create('help10', 64) b = c:alloc_n(500) print(c:map()) "
	    "b:free() c:destroy()" },
	{ "destroy", cache_destroy, "c:destroy() -> true | nil, msg, code",
	    "Destroys the cache and gives all its memory back. With live "
	    "objects: EBUSY, with their number. Afterwards every use of the "
	    "handle raises; a new cache of the name is another cache.",
	    "c = slab.create('help11', 64) print(c:destroy())" },
	{ "__tostring", cache_tostring, "", "", NULL },
	{ "__eq", cache_eq, "", "", NULL },
	{ "__gc", cache_gc, "", "", NULL },
	{ "__close", cache_close, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class slab_cache_class = {
	.name = CACHE_CLASS,
	.text = "A handle on a cache. Fields: name size align stride per_slab "
		"colours mag frames_per_slab protect. Made by slab.create, "
		"slab.find and slab.caches; with <close> it is destroyed.",
	.methods = methods,
	.field = cache_field,
};
