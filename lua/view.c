/* SPDX-License-Identifier: MIT */
/*
 * Looking into a cache: c:slabs, c:objects, c:map.
 *
 * All three work on a copy of the slabs' facts, sorted by address, in a block
 * of Lua's memory; objects are then asked about one by one (kmem_whatis), and
 * may have changed since.
 */
#include <stdlib.h>
#include <string.h>

#include <console/console.h>

#include "cache.h"
#include "lauxlib.h"
#include "state.h"

struct snapshot {
	size_t count;
	struct kmem_info info;
	struct kmem_slab_info slabs[];
};

static int
by_addr(const void *a, const void *b)
{
	const struct kmem_slab_info *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static struct snapshot *
push_snapshot(lua_State *L)
{
	struct lcache *lc;
	struct kmem_cache *cp = lcache_use(L, 1, &lc);
	size_t room = kmem_cache_slabs(cp, NULL, 0), have;
	struct snapshot *sn;

	lcache_leave(lc, cp);
	sn = lua_newuserdatauv(L, sizeof(*sn) + room * sizeof(sn->slabs[0]), 0);
	cp = lcache_use(L, 1, &lc);
	have = kmem_cache_slabs(cp, sn->slabs, room);
	kmem_cache_get_info(cp, &sn->info);
	lcache_leave(lc, cp);
	/* More than there was room for came meanwhile: they are left out. */
	sn->count = have < room ? have : room;
	qsort(sn->slabs, sn->count, sizeof(sn->slabs[0]), by_addr);
	return sn;
}

/* Upvalues: snapshot, index of the next slab. */
static int
next_slab(lua_State *L)
{
	struct snapshot *sn = lua_touserdata(L, lua_upvalueindex(1));
	size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(2));
	const struct kmem_slab_info *si = &sn->slabs[i];

	if (i >= sn->count)
		return 0;
	lua_pushinteger(L, (lua_Integer)i + 1);
	lua_replace(L, lua_upvalueindex(2));
	lua_createtable(L, 0, 6);
	binding_set_integer(L, "addr", (lua_Integer)si->addr);
	binding_set_integer(L, "frames", (lua_Integer)si->frames);
	binding_set_integer(L, "colour", si->colour);
	binding_set_integer(L, "inuse", si->inuse);
	binding_set_integer(L, "live", si->live);
	binding_set_integer(L, "total", si->total);
	return 1;
}

int
cache_slabs(lua_State *L)
{
	(void)push_snapshot(L);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, next_slab, 2);
	return 1;
}

static const char *
object_state(uintptr_t addr, const struct kmem_info *info)
{
	struct kmem_whatis w;

	kmem_whatis(addr, &w);
	if (!w.is_object || strcmp(w.cache, info->name) != 0)
		return NULL;
	if (!w.allocated)
		return "free";
	if (w.live < 0)
		return "taken";
	return w.live > 0 ? "live" : "cached";
}

/* Upvalues: snapshot, number of the next object, wanted state or nil. */
static int
next_object(lua_State *L)
{
	struct snapshot *sn = lua_touserdata(L, lua_upvalueindex(1));
	size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(2));
	const char *wanted = lua_tostring(L, lua_upvalueindex(3));
	size_t per_slab = sn->info.per_slab;

	for (; per_slab > 0 && i < sn->count * per_slab; i++) {
		const struct kmem_slab_info *si = &sn->slabs[i / per_slab];
		uintptr_t addr = si->addr + si->colour * sn->info.colour_step +
		    (i % per_slab) * sn->info.stride;
		const char *state;

		if (i % 256 == 255)
			lstate_poll(L);
		if (i % per_slab >= si->total)
			continue;
		state = object_state(addr, &sn->info);
		if (state == NULL ||
		    (wanted != NULL && strcmp(state, wanted) != 0))
			continue;
		lua_pushinteger(L, (lua_Integer)i + 1);
		lua_replace(L, lua_upvalueindex(2));
		lua_pushinteger(L, (lua_Integer)addr);
		lua_pushstring(L, state);
		return 2;
	}
	lua_pushinteger(L, (lua_Integer)i);
	lua_replace(L, lua_upvalueindex(2));
	return 0;
}

int
cache_objects(lua_State *L)
{
	static const char *const states[] = { "free", "cached", "live", "taken",
		NULL };

	if (!lua_isnoneornil(L, 2))
		(void)luaL_checkoption(L, 2, NULL, states);
	lua_settop(L, 2);
	(void)push_snapshot(L);
	lua_pushinteger(L, 0);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, next_object, 3);
	return 1;
}

/* Shades from empty to full; the last is for full slabs alone. */
static const char *const ascii_shades[] = { ".", ":", "+", "*", "#" };
static const char *const block_shades[] = { ".", "\xe2\x96\x91", "\xe2\x96\x92",
	"\xe2\x96\x93", "\xe2\x96\x88" };
#define SHADES 5u

static unsigned
shade_of(const struct kmem_slab_info *si)
{
	if (si->live == 0)
		return 0;
	if (si->live >= si->total)
		return SHADES - 1;
	/* Thirds of what lies between empty and full. */
	return 1 + (si->live - 1) * 3 / (si->total > 1 ? si->total - 1 : 1);
}

int
cache_map(lua_State *L)
{
	lua_Integer width = lua_isnoneornil(L, 2)
	    ? 64
	    : binding_integer(L, 2, 1, 4096, "cells per line");
	const char *const *shades =
	    console_is_ansi() ? block_shades : ascii_shades;
	struct snapshot *sn = push_snapshot(L);
	size_t live = 0, out = 0, total = 0, i;
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	for (i = 0; i < sn->count; i++) {
		live += sn->slabs[i].live;
		out += sn->slabs[i].inuse;
		total += sn->slabs[i].total;
		luaL_addstring(&b, shades[shade_of(&sn->slabs[i])]);
		if ((i + 1) % (size_t)width == 0 || i + 1 == sn->count)
			luaL_addchar(&b, '\n');
	}
	lua_pushfstring(L,
	    "%I slabs, %I of %I objects live, %I cached  %s none %s%s%s some "
	    "%s all",
	    (lua_Integer)sn->count, (lua_Integer)live, (lua_Integer)total,
	    (lua_Integer)(out - live), shades[0], shades[1], shades[2],
	    shades[3], shades[4]);
	luaL_addvalue(&b);
	luaL_pushresult(&b);
	return 1;
}
