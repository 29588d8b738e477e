/* SPDX-License-Identifier: MIT */
/*
 * Lua as a program under test: a state on a heap that the lab gives, for the
 * benchmark system/lua. Linked only into the image of `make bench`.
 *
 * 1. A state is made as all of ours are, on a heap of its own; then its
 *    allocator is exchanged. Blocks from before are told by their frames' tag:
 *    they are left where they are, and go when the state's heap is dropped. A
 *    block that grows moves to the lab's heap. Closing the state frees all that
 *    lies there.
 * 2. The count must be the same each time, whatever seed the state has for the
 *    hashes of its short strings. So what is counted makes no short string, and
 *    looks nothing up by name: the chunks have locals and arrays only, and
 *    their strings are long: more than 40 bytes, which Lua does not intern,
 *    and less than a luaL_Buffer holds without a userdata and its methods.
 *    And the collector finds nothing else: modules and globals are forgotten
 *    before. Getting ready and closing the state are outside of the count.
 */
#include <bench/guest.h>

#include <string.h>

#include <mm/frame.h>

#include "heap.h"
#include "lauxlib.h"
#include "state.h"

#define COLLECTIONS 8u

static const char *const chunks[LAB_GUEST_JOBS] = {
	[LAB_GUEST_FIB] = "local function fib(n)\n"
			  "  if n < 2 then return n end\n"
			  "  return fib(n - 1) + fib(n - 2)\n"
			  "end\n"
			  "return function() return fib(16) == 987 end\n",
	[LAB_GUEST_STRINGS] = "local rep, all = string.rep, 0\n"
			      "local word = rep('lorem ipsum ', 4)\n"
			      "return function()\n"
			      "  for round = 1, 8 do\n"
			      "    local kept = {}\n"
			      "    for i = 1, 40 do\n"
			      "      local s = rep(word, 1 + i % 4) .. word\n"
			      "      kept[i] = {s, {i}}\n"
			      "      all = all + #s\n"
			      "    end\n"
			      "  end\n"
			      "  return all > 0\n"
			      "end\n",
};

/* lua_Alloc over the lab's heap; `ud` is the lab's. */
static void *
guest_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	const struct lab_guest_heap *heap = ud;
	void *moved;

	if (ptr == NULL ||
	    frame_lookup((uintptr_t)ptr, NULL) != (int)FRAME_TAG_LUA)
		return heap->gh_resize(heap->gh_arg, ptr, osize, nsize);
	if (nsize == 0)
		return NULL;
	if (nsize <= osize)
		return ptr;
	moved = heap->gh_resize(heap->gh_arg, NULL, 0, nsize);
	if (moved != NULL)
		memcpy(moved, ptr, osize);
	return moved;
}

/* Leave the chunk's function on the stack. */
static bool
get_ready(lua_State *L, enum lab_guest_job job)
{
	const char *text = chunks[job];

	return luaL_loadbufferx(L, text, strlen(text), "=guest", "t") ==
	    LUA_OK &&
	    lua_pcall(L, 0, 1, 0) == LUA_OK && lua_isfunction(L, -1);
}

/* Let go of all but the function on the stack: modules, globals, methods. */
static void
forget(lua_State *L)
{
	lua_pushliteral(L, "");
	lua_pushnil(L);
	(void)lua_setmetatable(L, -2);
	lua_pop(L, 1);
	lua_newtable(L);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_pushnil(L);
	while (lua_next(L, LUA_REGISTRYINDEX) != 0) {
		lua_pop(L, 1);
		/* Its own two are numbered. */
		if (lua_isinteger(L, -1))
			continue;
		lua_pushvalue(L, -1);
		lua_pushnil(L);
		lua_rawset(L, LUA_REGISTRYINDEX);
	}
}

bool
lab_guest_run(const struct lab_guest_heap *heap, enum lab_guest_job job,
    uint64_t (*tick)(void), uint64_t *ticks)
{
	struct lab_guest_heap guest = *heap;
	struct lstate *s = lstate_create("guest", false);
	bool done = false;
	uint64_t start;
	lua_State *L;
	unsigned i;

	if (s == NULL)
		return false;
	L = lstate_lua(s);
	lua_setallocf(L, guest_alloc, &guest);
	if (get_ready(L, job)) {
		forget(L);
		/* The table of strings is halved once in each. */
		for (i = 0; i < COLLECTIONS; i++)
			(void)lua_gc(L, LUA_GCCOLLECT);
		start = tick();
		/* A copy: no name of its own is to be collected now. */
		lua_pushvalue(L, -1);
		done = lua_pcall(L, 0, 1, 0) == LUA_OK && lua_toboolean(L, -1);
		(void)lua_gc(L, LUA_GCCOLLECT);
		*ticks += tick() - start;
	}
	lstate_destroy(s, false);
	return done;
}
