/* SPDX-License-Identifier: MIT */
/*
 * What can break the machine: there only with unsafe=1. Addresses are not
 * checked; a wild one raises a fault error, or worse.
 */
#include <stdbool.h>
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/panic.h>
#include <mm/kmem.h>

#include "binding.h"
#include "cache.h"
#include "modules.h"

#define CALL_ARGUMENTS 6

/* An address as Lua knows it: an integer of 64 bits. */
static uintptr_t
address(lua_State *L, int arg)
{
	return (uintptr_t)luaL_checkinteger(L, arg);
}

static unsigned
width(lua_State *L, int arg)
{
	lua_Integer bytes = luaL_optinteger(L, arg, 8);

	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		luaL_argerror(L, arg, "width must be 1, 2, 4 or 8 bytes");
	return (unsigned)bytes;
}

union place {
	uintptr_t word;
	volatile uint8_t *b;
	volatile uint16_t *h;
	volatile uint32_t *w;
	volatile uint64_t *d;
};

static int
unsafe_peek(lua_State *L)
{
	union place at = { .word = address(L, 1) };
	uint64_t v;

	switch (width(L, 2)) {
	case 1:
		v = *at.b;
		break;
	case 2:
		v = *at.h;
		break;
	case 4:
		v = *at.w;
		break;
	default:
		v = *at.d;
		break;
	}
	lua_pushinteger(L, (lua_Integer)v);
	return 1;
}

static int
unsafe_poke(lua_State *L)
{
	union place at = { .word = address(L, 1) };
	uint64_t v = (uint64_t)luaL_checkinteger(L, 2);

	switch (width(L, 3)) {
	case 1:
		*at.b = (uint8_t)v;
		break;
	case 2:
		*at.h = (uint16_t)v;
		break;
	case 4:
		*at.w = (uint32_t)v;
		break;
	default:
		*at.d = v;
		break;
	}
	return 0;
}

static int
unsafe_call(lua_State *L)
{
	union {
		uintptr_t word;
		uint64_t (*fn)(
		    uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
	} entry = { .word = address(L, 1) };
	uint64_t a[CALL_ARGUMENTS] = { 0 };
	int n = lua_gettop(L) - 1, i;

	if (n > CALL_ARGUMENTS)
		return luaL_argerror(
		    L, CALL_ARGUMENTS + 2, "at most six arguments");
	for (i = 0; i < n; i++)
		a[i] = (uint64_t)luaL_checkinteger(L, i + 2);
	lua_pushinteger(
	    L, (lua_Integer)entry.fn(a[0], a[1], a[2], a[3], a[4], a[5]));
	return 1;
}

static int
unsafe_free(lua_State *L)
{
	uintptr_t at = address(L, 1);
	struct kmem_cache *cp = NULL;
	struct lcache *lc;
	const char *name;
	char text[96];
	int err;

	if (!lua_isnoneornil(L, 2)) {
		if (luaL_testudata(L, 2, CACHE_CLASS) != NULL) {
			cp = lcache_use(L, 2, &lc);
			lcache_leave(lc, cp);
			name = lc->lc_name;
		} else {
			name = luaL_checkstring(L, 2);
		}
		cp = kmem_cache_find(name);
		if (cp == NULL)
			return luaL_argerror(L, 2, "no cache of that name");
	}
	err = kmem_free_checked(cp, at);
	if (cp != NULL)
		kmem_cache_release(cp);
	if (err != 0) {
		(void)fmt_format(text, sizeof(text),
		    "heap error: free of 0x%llx was refused; see the report",
		    (unsigned long long)at);
		return luaL_error(L, "%s", text);
	}
	lua_pushboolean(L, 1);
	return 1;
}

static unsigned overflow(unsigned depth);

/* Volatile, so that the compiler sees neither recursion nor address. */
static unsigned (*volatile deeper)(unsigned depth) = overflow;
static volatile uintptr_t nowhere;

static unsigned
overflow(unsigned depth)
{
	volatile unsigned char ballast[256];

	ballast[depth % sizeof(ballast)] = (unsigned char)depth;
	return deeper(depth + 1) + ballast[depth % sizeof(ballast)];
}

static int
unsafe_crash(lua_State *L)
{
	static const char *const kinds[] = { "panic", "null", "stack", "ebreak",
		NULL };
	union place at = { .word = nowhere };

	switch (luaL_checkoption(L, 1, "panic", kinds)) {
	case 1:
		lua_pushinteger(L, *at.w);
		return 1;
	case 2:
		lua_pushinteger(L, (lua_Integer)deeper(0));
		return 1;
	case 3:
		__builtin_trap();
	default:
		panic("unsafe.crash(): as ordered");
	}
}

static const struct binding functions[] = {
	{ "peek", unsafe_peek, "unsafe.peek(addr [, width]) -> integer",
	    "Read 1, 2, 4 or 8 (default) bytes of memory. An address that is "
	    "not mapped raises a fault error.",
	    NULL },
	{ "poke", unsafe_poke, "unsafe.poke(addr, value [, width])",
	    "Write 1, 2, 4 or 8 (default) bytes of memory.", NULL },
	{ "call", unsafe_call, "unsafe.call(addr, ...) -> integer",
	    "Call machine code with up to six integers.", NULL },
	{ "free", unsafe_free, "unsafe.free(addr [, cache]) -> true",
	    "Free an object by its address, to the cache that owns it or to "
	    "the one given. A free that the allocator refuses is reported, "
	    "counted, and raises.",
	    NULL },
	{ "crash", unsafe_crash, "unsafe.crash([kind])",
	    "End badly: 'panic' (the default) stops the machine; 'null' reads "
	    "address 0, 'stack' overflows the native stack, 'ebreak' executes "
	    "a trap: those three raise a fault error.",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_unsafe_module = {
	.name = "unsafe",
	.text = "What can break the machine; only with the boot argument "
		"unsafe=1.",
	.functions = functions,
};
