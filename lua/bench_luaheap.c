/* SPDX-License-Identifier: MIT */
/*
 * Lua as a program under test: a state on a heap that the lab gives, for the
 * benchmark system/lua. Linked only into the image of `make bench`.
 *
 * The count must be the same each time, whatever seed the state has for the
 * hashes of its short strings. So what is counted makes no short string, and
 * looks nothing up by name: the chunks have locals and arrays only, and their
 * strings are long (more than 40 bytes, which Lua does not intern). Getting
 * ready and closing the state are outside of the count.
 */
#include <bench/guest.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static const char *const chunks[LAB_GUEST_JOBS] = {
	[LAB_GUEST_FIB] = "local function fib(n)\n"
			  "  if n < 2 then return n end\n"
			  "  return fib(n - 1) + fib(n - 2)\n"
			  "end\n"
			  "return function() return fib(16) == 987 end\n",
	[LAB_GUEST_STRINGS] = "local rep, all = string.rep, 0\n"
			      "local word = rep('lorem ipsum ', 4)\n"
			      "return function()\n"
			      "  for round = 1, 10 do\n"
			      "    local kept = {}\n"
			      "    for i = 1, 60 do\n"
			      "      local s = rep(word, 1 + i % 7) .. word\n"
			      "      kept[i] = {s, {i}}\n"
			      "      all = all + #s\n"
			      "    end\n"
			      "  end\n"
			      "  return all > 0\n"
			      "end\n",
};

/* Leave the chunk's function on the stack. */
static bool
get_ready(lua_State *L, enum lab_guest_job job)
{
	luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
	lua_pop(L, 1);
	if (luaL_loadbufferx(L, chunks[job], __builtin_strlen(chunks[job]),
		"=guest", "t") != LUA_OK)
		return false;
	return lua_pcall(L, 0, 1, 0) == LUA_OK && lua_isfunction(L, -1);
}

/* Protected: what opens a library may raise for want of memory. */
static int
ready_protected(lua_State *L)
{
	enum lab_guest_job job = (enum lab_guest_job)lua_tointeger(L, 1);

	if (!get_ready(L, job))
		return lua_error(L);
	return 1;
}

bool
lab_guest_run(const struct lab_guest_heap *heap, enum lab_guest_job job,
    uint64_t (*tick)(void), uint64_t *ticks)
{
	lua_State *L = lua_newstate(heap->gh_resize, heap->gh_arg);
	bool done = false;
	uint64_t start;

	if (L == NULL)
		return false;
	lua_pushcfunction(L, ready_protected);
	lua_pushinteger(L, (lua_Integer)job);
	if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
		(void)lua_gc(L, LUA_GCCOLLECT);
		start = tick();
		done = lua_pcall(L, 0, 1, 0) == LUA_OK && lua_toboolean(L, -1);
		(void)lua_gc(L, LUA_GCCOLLECT);
		*ticks += tick() - start;
	}
	lua_close(L);
	return done;
}
