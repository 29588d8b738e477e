/* SPDX-License-Identifier: MIT */
/*
 * Objects in Lua's hands: the class slab.obj.
 *
 * Theory of operation
 *
 * 1. A handle knows the record of its cache (hence name and generation), the
 *    address, and the number of the allocation. It alone can tell a second
 *    free from the free of whoever got the slot next: mm sees addresses only.
 *    So a second free is reported from here, whatever has become of the slot.
 * 2. One owner at a time. A handle that was sent to another hart is MOVED and
 *    raises at every use; the receiver has a handle of its own.
 * 3. A live object keeps its cache from being destroyed (mm counts it), so a
 *    live handle's cache exists, unless something freed the object behind
 *    the handle's back (unsafe.free).
 * 4. The address is written by the same mm call that allocates, and the free
 *    is noted with interrupts off: see lua/handle.c on kills.
 */
#include "obj.h"

#include <string.h>

#include <mm/port.h>

#include "lauxlib.h"
#include "modules.h"

/* Bytes that peek copies when the format does not tell how many it reads. */
#define PEEK_OPEN_MAX ((size_t)64 << 10)

static _Atomic uint64_t numbers;

uint64_t
obj_next_number(void)
{
	/* Relaxed: only uniqueness matters. */
	return atomic_fetch_add_explicit(&numbers, 1, memory_order_relaxed) + 1;
}

/* Free a live object and note it, as one step for interrupts. */
static int
free_live(struct lobj *o, struct kmem_cache *cp)
{
	unsigned long pin = port_pin();
	int err = 0;

	if (o->o_kind != OBJ_OF_CACHE)
		kfree(o->o_addr);
	else if (atomic_load_explicit(
		     &o->o_cache->lc_checked, memory_order_relaxed))
		err = kmem_free_checked(cp, (uintptr_t)o->o_addr);
	else
		kmem_cache_free(cp, o->o_addr);
	o->o_state = OBJ_FREED;
	port_unpin(pin);
	return err;
}

/* What is live is freed and counted as forgotten. */
void
obj_discard(struct lobj *o)
{
	struct kmem_cache *cp;

	if (o->o_addr != NULL &&
	    (o->o_state == OBJ_LIVE || o->o_state == OBJ_EMPTY)) {
		if (o->o_kind != OBJ_SCRATCH)
			lcache_count_gc(o->o_cache, (uintptr_t)o->o_addr, 1);
		if (o->o_kind != OBJ_OF_CACHE) {
			(void)free_live(o, NULL);
		} else {
			cp = lcache_enter(o->o_cache);
			if (cp != NULL) {
				(void)free_live(o, cp);
				lcache_leave(o->o_cache, cp);
			}
		}
	}
	o->o_state = OBJ_FREED;
	if (o->o_cache != NULL)
		lcache_drop(o->o_cache);
	o->o_cache = NULL;
}

static void
obj_drop(struct handle *h)
{
	obj_discard((struct lobj *)h);
}

struct lobj *
obj_push(lua_State *L)
{
	return handle_new(L, sizeof(struct lobj), OBJ_CLASS, 0, obj_drop);
}

struct lobj *
obj_push_scratch(lua_State *L, size_t size)
{
	struct lobj *o = obj_push(L);

	o->o_kind = OBJ_SCRATCH;
	o->o_size = size;
	if (!handle_kmalloc(&o->o_addr, size))
		luaL_error(L, "no memory for a scratch object of %I bytes",
		    (lua_Integer)size);
	memset(o->o_addr, 0, size);
	o->o_state = OBJ_LIVE;
	return o;
}

static unsigned
alloc_flags(lua_State *L, int arg, const struct lcache *lc)
{
	const char *s = luaL_optstring(L, arg, "");
	unsigned flags = 0;

	while (*s != '\0') {
		size_t n = strcspn(s, " ,");

		if (n == 6 && memcmp(s, "nowait", n) == 0)
			flags |= KMEM_NOWAIT;
		else if (n == 4 && memcmp(s, "zero", n) == 0)
			flags |= KMEM_ZERO;
		else if (n != 0)
			luaL_argerror(L, arg,
			    "flags are \"nowait\" and \"zero\", with a space "
			    "between");
		s += n + (s[n] != '\0' ? 1 : 0);
	}
	if ((flags & KMEM_ZERO) != 0 && lc->lc_ctor != NULL)
		luaL_argerror(
		    L, arg, "\"zero\" would undo the cache's constructor");
	return flags;
}

/* Why an allocation from the cache failed: its limit, or no memory. */
static int
alloc_failed(lua_State *L, struct lcache *lc, struct kmem_cache *cp)
{
	struct kmem_info info;
	struct kmem_stats st;

	kmem_cache_get_info(cp, &info);
	kmem_cache_stats(cp, &st);
	lcache_leave(lc, cp);
	if (info.limit != 0 && st.objects_inuse >= info.limit)
		return binding_fail(L, "ENOMEM",
		    "cache '%s': its limit of %zu live objects is reached",
		    info.name, info.limit);
	return lcache_fail_memory(L, info.name);
}

#define LUA_VALUES 8u /* frames for handles until it is looked at again */

/* Refuse before the machine is so full that Lua itself would stop. */
static bool
may_take(lua_State *L, struct kmem_cache *cp)
{
	struct kmem_stats st;

	if (!lcache_no_room(L, 1))
		return true;
	kmem_cache_stats(cp, &st);
	return st.objects_inuse < st.objects_total &&
	    !lcache_lua_is_stuck(L, LUA_VALUES);
}

int
cache_alloc(lua_State *L)
{
	struct lcache *lc = lcache_arg(L, 1);
	unsigned flags = alloc_flags(L, 2, lc);
	struct kmem_cache *cp;
	struct lobj *o;

	if (!lc->lc_ours)
		return luaL_error(L,
		    "cache '%s' belongs to the machine; take objects from "
		    "caches of slab.create, or from slab.kmalloc",
		    lc->lc_name);
	o = obj_push(L);
	o->o_kind = OBJ_OF_CACHE;
	cp = lcache_use(L, 1, &lc);
	lcache_hold(lc);
	o->o_cache = lc;
	o->o_size = lc->lc_size;
	if (!may_take(L, cp) ||
	    !kmem_cache_alloc_bulk(cp, flags & ~KMEM_ZERO, 1, &o->o_addr)) {
		o->o_addr = NULL;
		return alloc_failed(L, lc, cp);
	}
	lcache_leave(lc, cp);
	o->o_state = OBJ_LIVE;
	o->o_number = obj_next_number();
	if ((flags & KMEM_ZERO) != 0)
		memset(o->o_addr, 0, o->o_size);
	return 1;
}

int
slab_kmalloc(lua_State *L)
{
	size_t n = (size_t)binding_integer(
	    L, 1, 0, (lua_Integer)1 << 40, "size in bytes");
	struct lobj *o = obj_push(L);

	o->o_kind = OBJ_OF_KMALLOC;
	o->o_size = n == 0 ? 8 : n;
	if (lcache_no_room(L, n / 4096 + 1) || !handle_kmalloc(&o->o_addr, n))
		return lcache_fail_memory(L, "kmalloc");
	o->o_state = OBJ_LIVE;
	o->o_number = obj_next_number();
	return 1;
}

/* `lc`: the cache that the object was freed to, or NULL: kmalloc's. */
static void
report(
    struct lobj *o, struct lcache *lc, enum mm_error kind, const char *detail)
{
	struct kmem_cache *cp;
	struct kmem_whatis w;

	if (lc != NULL) {
		cp = lcache_enter(lc);
		kmem_report_misuse(cp, kind, (uintptr_t)o->o_addr, detail);
		if (cp != NULL)
			lcache_leave(lc, cp);
		return;
	}
	kmem_whatis((uintptr_t)o->o_addr, &w);
	cp = w.is_object ? kmem_cache_find(w.cache) : NULL;
	kmem_report_misuse(cp, kind, (uintptr_t)o->o_addr, detail);
	if (cp != NULL)
		kmem_cache_release(cp);
}

static const char *
source_name(const struct lobj *o)
{
	return o->o_cache != NULL ? o->o_cache->lc_name : "kmalloc";
}

/* The object, for reading and writing: raises unless it is live. */
static struct lobj *
obj_live(lua_State *L, int arg)
{
	struct lobj *o = luaL_checkudata(L, arg, OBJ_CLASS);
	struct kmem_cache *cp;

	switch (o->o_state) {
	case OBJ_LIVE:
		break;
	case OBJ_MOVED:
		luaL_error(L,
		    "object %p of '%s' was sent to another hart; the "
		    "receiver has it",
		    o->o_addr, source_name(o));
		break;
	case OBJ_FREED:
	case OBJ_EMPTY:
	default:
		luaL_error(L, "object %p of '%s' was freed", o->o_addr,
		    source_name(o));
	}
	if (o->o_kind == OBJ_OF_CACHE) {
		cp = lcache_enter(o->o_cache);
		if (cp == NULL)
			lcache_raise_gone(L, o->o_cache);
		lcache_leave(o->o_cache, cp);
	}
	return o;
}

static void
check_free(lua_State *L, struct lobj *o, struct lcache *cache)
{
	if (o->o_kind == OBJ_SCRATCH)
		luaL_error(L, "a constructor may not free its object");
	if (o->o_state == OBJ_FREED && o->o_addr != NULL) {
		report(o, o->o_cache, MM_DOUBLE_FREE,
		    "a Lua handle was freed a second time");
		luaL_error(L,
		    "double-free of object %p of '%s' (allocation %I); it "
		    "was freed before",
		    o->o_addr, source_name(o), (lua_Integer)o->o_number);
	}
	if (cache != NULL && o->o_state == OBJ_LIVE && o->o_cache != cache) {
		report(o, cache, MM_WRONG_CACHE,
		    "a Lua handle was freed to a cache it is not from");
		luaL_error(L, "wrong-cache: object %p is of '%s', not of '%s'",
		    o->o_addr, source_name(o), cache->lc_name);
	}
}

void
obj_free_arg(lua_State *L, int arg, struct lcache *cache)
{
	struct lobj *o = luaL_checkudata(L, arg, OBJ_CLASS);
	struct kmem_cache *cp = NULL;
	int err;

	check_free(L, o, cache);
	(void)obj_live(L, arg);
	if (o->o_kind == OBJ_OF_CACHE) {
		cp = lcache_enter(o->o_cache);
		if (cp == NULL)
			lcache_raise_gone(L, o->o_cache);
	}
	err = free_live(o, cp);
	if (cp != NULL)
		lcache_leave(o->o_cache, cp);
	if (err != 0)
		luaL_error(L,
		    "object %p of '%s' was not freed: see the "
		    "report",
		    o->o_addr, source_name(o));
}

static int
obj_free(lua_State *L)
{
	obj_free_arg(L, 1, NULL);
	return 0;
}

static int
obj_close(lua_State *L)
{
	struct lobj *o = luaL_checkudata(L, 1, OBJ_CLASS);

	if (o->o_state == OBJ_LIVE && o->o_kind != OBJ_SCRATCH)
		obj_free_arg(L, 1, NULL);
	return 0;
}

static int
obj_gc(lua_State *L)
{
	handle_release(luaL_checkudata(L, 1, OBJ_CLASS));
	return 0;
}

static int
obj_addr(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)(uintptr_t)obj_live(L, 1)->o_addr);
	return 1;
}

static int
obj_size(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)obj_live(L, 1)->o_size);
	return 1;
}

/* Push string.<name>, from the libraries as they were loaded. */
static void
push_string_function(lua_State *L, const char *name)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_getfield(L, -1, "string");
	if (lua_type(L, -1) != LUA_TTABLE)
		luaL_error(L, "string.%s is gone", name);
	lua_getfield(L, -1, name);
	lua_replace(L, -3);
	lua_pop(L, 1);
}

static size_t
offset_arg(lua_State *L, const struct lobj *o)
{
	return (size_t)binding_integer(
	    L, 2, 0, (lua_Integer)o->o_size, "offset in bytes");
}

static void
check_bounds(lua_State *L, const struct lobj *o, size_t off, size_t n)
{
	if (n > o->o_size - off)
		luaL_argerror(L, 2,
		    lua_pushfstring(L,
			"offset %I and %I bytes end outside the object of %I "
			"bytes",
			(lua_Integer)off, (lua_Integer)n,
			(lua_Integer)o->o_size));
}

static int
obj_peek(lua_State *L)
{
	struct lobj *o = obj_live(L, 1);
	size_t off = offset_arg(L, o);
	size_t n = o->o_size - off;
	int top;

	luaL_checkstring(L, 3);
	lua_settop(L, 3);
	push_string_function(L, "packsize");
	lua_pushvalue(L, 3);
	/* Fails for formats of variable length: those read what there is. */
	if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_isinteger(L, -1)) {
		n = (size_t)lua_tointeger(L, -1);
		check_bounds(L, o, off, n);
	} else if (n > PEEK_OPEN_MAX) {
		n = PEEK_OPEN_MAX;
	}
	lua_settop(L, 3);
	top = lua_gettop(L);
	push_string_function(L, "unpack");
	lua_pushvalue(L, 3);
	lua_pushlstring(L, (const char *)o->o_addr + off, n);
	lua_call(L, 2, LUA_MULTRET);
	/* The last one is the position behind; the caller did not ask. */
	lua_pop(L, 1);
	return lua_gettop(L) - top;
}

static int
obj_poke(lua_State *L)
{
	struct lobj *o = obj_live(L, 1);
	size_t off = offset_arg(L, o);
	const char *bytes;
	size_t n;

	luaL_checkstring(L, 3);
	push_string_function(L, "pack");
	lua_insert(L, 3);
	lua_call(L, lua_gettop(L) - 3, 1);
	bytes = luaL_checklstring(L, -1, &n);
	check_bounds(L, o, off, n);
	/* A __tostring among the values may have freed it meanwhile. */
	o = obj_live(L, 1);
	memcpy((char *)o->o_addr + off, bytes, n);
	return 0;
}

static int
obj_tostring(lua_State *L)
{
	struct lobj *o = luaL_checkudata(L, 1, OBJ_CLASS);
	const char *what = "";

	if (o->o_state == OBJ_FREED || o->o_state == OBJ_EMPTY)
		what = " (freed)";
	else if (o->o_state == OBJ_MOVED)
		what = " (moved)";
	lua_pushfstring(L, "slab.obj %p size %I of '%s' number %I%s", o->o_addr,
	    (lua_Integer)o->o_size, source_name(o), (lua_Integer)o->o_number,
	    what);
	return 1;
}

static const struct binding methods[] = {
	{ "free", obj_free, "o:free()",
	    "Gives the object back to its cache. A second free is reported "
	    "(double-free, counted in slab.errors()) and raises, also when "
	    "the slot has been handed out again.",
	    "o = slab.kmalloc(100) o:free() print(pcall(o.addr, o))" },
	{ "addr", obj_addr, "o:addr() -> integer",
	    "Address of the first byte. Raises when it was freed or moved.",
	    "o = slab.kmalloc(100) print(o:addr() % 8) o:free()" },
	{ "size", obj_size, "o:size() -> integer",
	    "Bytes of the object, as asked for.",
	    "o = slab.kmalloc(100) print(o:size()) o:free()" },
	{ "peek", obj_peek, "o:peek(off, fmt) -> value, ...",
	    "Reads values at the byte offset off, from 0, in a format of "
	    "string.pack. Raises when they end outside the object.",
	    "o = slab.kmalloc(16) o:poke(8, '<I4', 7) "
	    "print(o:peek(8, '<I4')) o:free()" },
	{ "poke", obj_poke, "o:poke(off, fmt, value, ...)",
	    "Writes values at the byte offset off, from 0, in a format of "
	    "string.pack. Raises, and writes nothing, when they end outside "
	    "the object.",
	    "o = slab.kmalloc(16) o:poke(0, 'z', 'hello') "
	    "print(o:peek(0, 'z')) o:free()" },
	{ "__tostring", obj_tostring, "", "", NULL },
	{ "__gc", obj_gc, "", "", NULL },
	{ "__close", obj_close, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class slab_obj_class = {
	.name = OBJ_CLASS,
	.text = "One object, owned by this handle. Made by c:alloc and "
		"slab.kmalloc; freed by o:free(), by <close>, or when it is "
		"collected (then counted in gc_freed).",
	.methods = methods,
	.field = NULL,
};
