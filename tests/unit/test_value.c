/* SPDX-License-Identifier: MIT */
/*
 * lua/value.c on the host: two Lua states, messages between them in mm's
 * memory, and a class of userdata that counts who owns it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/lock.h>
#include <mm/host.h>
#include <mm/kmem.h>

#include "lauxlib.h"
#include "lua.h"
#include "lua/handle.h"
#include "lua/state.h"
#include "lua/value.h"
#include "lualib.h"

#define THING "test.thing"

/* ---- what value.c and handle.c need of the kernel ---- */

unsigned long
klock_acquire(struct klock *l)
{
	atomic_store_explicit(&l->kl_held, 1, memory_order_relaxed);
	return 0;
}

void
klock_release(struct klock *l, unsigned long irq)
{
	(void)irq;
	atomic_store_explicit(&l->kl_held, 0, memory_order_relaxed);
}

struct lstate *
lstate_of(lua_State *L)
{
	return (struct lstate *)(void *)L;
}

void
lstate_poll(lua_State *L)
{
	(void)L;
}

/* ---- a userdata that moves ---- */

struct thing {
	struct handle t_handle;
	bool t_owned;
};

static int owners; /* handles and messages that own a thing */

static void
thing_gc_drop(struct handle *h)
{
	struct thing *t = (struct thing *)(void *)h;

	owners -= t->t_owned ? 1 : 0;
	t->t_owned = false;
}

static int
thing_gc(lua_State *L)
{
	handle_release(lua_touserdata(L, 1));
	return 0;
}

static struct thing *
thing_push(lua_State *L)
{
	if (luaL_newmetatable(L, THING)) {
		lua_pushcfunction(L, thing_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_pop(L, 1);
	return handle_new(L, sizeof(struct thing), THING, 0, thing_gc_drop);
}

static int
thing_make(lua_State *L)
{
	thing_push(L)->t_owned = true;
	owners++;
	return 1;
}

static size_t
thing_measure(lua_State *L, void *ud)
{
	if (!((struct thing *)ud)->t_owned)
		luaL_error(L, "thing is gone");
	return 5; /* odd on purpose */
}

static void
thing_describe(void *ud, struct value_cell *c)
{
	(void)ud;
	memcpy(c->vc_more, "thing", 5);
}

static bool
thing_take(void *ud, struct value_cell *c)
{
	struct thing *t = ud;
	bool had = t->t_owned;

	(void)c;
	t->t_owned = false;
	return had;
}

static void
thing_untake(void *ud, struct value_cell *c)
{
	(void)c;
	((struct thing *)ud)->t_owned = true;
}

static void
thing_receive(lua_State *L, struct value_cell *c)
{
	struct thing *t = thing_push(L);

	assert_memory_equal(c->vc_more, "thing", 5);
	t->t_owned = true;
	c->vc_state = CELL_GONE;
}

static void
thing_forget(struct value_cell *c)
{
	(void)c;
	owners--;
}

static const struct value_class thing_class = {
	.name = THING,
	.moves = true,
	.measure = thing_measure,
	.describe = thing_describe,
	.take = thing_take,
	.untake = thing_untake,
	.push = thing_receive,
	.drop = thing_forget,
};

const struct value_class *const value_classes[] = { &thing_class, NULL };

/* ---- fixture ---- */

static lua_State *from, *to;

static int
plain_make(lua_State *L)
{
	(void)lua_newuserdatauv(L, 1, 0);
	return 1;
}

static void
open_libraries(lua_State *L)
{
	luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
	luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
	luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
	luaL_requiref(L, LUA_COLIBNAME, luaopen_coroutine, 1);
	lua_settop(L, 0);
}

static int
setup(void **state)
{
	(void)state;
	owners = 0;
	assert_int_equal(mm_host_init((size_t)16 << 20, 1), 0);
	mm_host_attach(0);
	from = luaL_newstate();
	to = luaL_newstate();
	assert_non_null(from);
	assert_non_null(to);
	open_libraries(from);
	open_libraries(to);
	lua_register(from, "plain", plain_make);
	lua_register(from, "thing", thing_make);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lua_close(from);
	lua_close(to);
	assert_int_equal(owners, 0);
	/* No message is left in the allocator. */
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	mm_host_fini();
	return 0;
}

/* Encode what the chunk returns; in a function, so that errors come back. */
static bool as_function;

static int
encode_here(lua_State *L)
{
	struct value_msg **out = lua_touserdata(L, 1);
	struct value_box *box;
	int n;

	lua_getglobal(L, "chunk");
	lua_call(L, 0, LUA_MULTRET);
	n = lua_gettop(L) - 1;
	box = value_encode(L, 2, n, "argument", as_function);
	if (box == NULL) {
		assert_int_equal(lua_gettop(L), n + 1);
		return luaL_error(L, "no memory");
	}
	*out = value_take(box);
	if (*out == NULL)
		return luaL_error(L, "twice");
	return 0;
}

/* The message, or NULL with the error's text in `why`. */
static struct value_msg *
encode(const char *chunk, const char **why)
{
	struct value_msg *m = NULL;

	assert_int_equal(luaL_loadstring(from, chunk), LUA_OK);
	lua_setglobal(from, "chunk");
	lua_pushcfunction(from, encode_here);
	lua_pushlightuserdata(from, &m);
	if (lua_pcall(from, 1, 0, 0) != LUA_OK) {
		*why = lua_tostring(from, -1);
		return NULL;
	}
	*why = NULL;
	return m;
}

/* Decode in the other state and run the check there: true, or its error. */
static void
decode_and_check(struct value_msg *m, const char *check)
{
	struct value_box *box;
	int n;

	lua_settop(to, 0);
	assert_int_equal(luaL_loadstring(to, check), LUA_OK);
	box = value_box_push(to);
	value_box_put(box, m);
	n = value_push(to, box);
	lua_remove(to, 2); /* the box */
	if (lua_pcall(to, n, 0, 0) != LUA_OK)
		fail_msg("%s", lua_tostring(to, -1));
}

static void
crosses(const char *chunk, const char *check)
{
	const char *why;
	struct value_msg *m = encode(chunk, &why);

	if (m == NULL)
		fail_msg("%s: %s", chunk, why);
	decode_and_check(m, check);
}

static void
refused(const char *chunk, const char *part)
{
	const char *why;

	assert_null(encode(chunk, &why));
	if (strstr(why, part) == NULL)
		fail_msg("'%s' lacks '%s'", why, part);
	lua_settop(from, 0);
}

/* ---- tests ---- */

static void
I2_6_plain_values_cross(void **state)
{
	(void)state;
	crosses("return", "assert(select('#', ...) == 0)");
	crosses("return nil, true, false, nil",
	    "local n, t, f = ... assert(select('#', ...) == 4 and n == nil "
	    "and t == true and f == false)");
	crosses("return 1, -1, math.mininteger, math.maxinteger",
	    "local a, b, c, d = ... assert(a == 1 and b == -1 and "
	    "c == math.mininteger and d == math.maxinteger)");
	crosses("return 1.0, -0.0, 1/0, 0/0",
	    "local a, b, c, d = ... assert(math.type(a) == 'float' and "
	    "1/b == -1/0 and c == 1/0 and d ~= d)");
	crosses("return '', 'x', 'a\\0b', ('y'):rep(100000)",
	    "local a, b, c, d = ... assert(a == '' and b == 'x' and "
	    "c == 'a\\0b' and d == ('y'):rep(100000))");
}

static void
I2_6_strings_of_every_length_cross(void **state)
{
	(void)state;
	crosses("local t = {} for i = 0, 70 do t[i] = ('s'):rep(i) end "
		"return t, 'end'",
	    "local t, e = ... for i = 0, 70 do assert(t[i] == ('s'):rep(i)) "
	    "end assert(e == 'end')");
}

static void
I2_6_tables_are_copied(void **state)
{
	(void)state;
	crosses("return {1, {2, {3}}, k = 'v', [true] = 1, [2.5] = {}}, {}",
	    "local t, e = ... assert(t[2][2][1] == 3 and t.k == 'v' and "
	    "t[true] == 1 and next(t[2.5]) == nil and next(e) == nil)");
	crosses("local s = {1} return {s, s}",
	    "local t = ... assert(t[1] ~= t[2] and t[1][1] == t[2][1])");
	crosses("return setmetatable({1}, {__index = print})",
	    "assert(getmetatable((...)) == nil and (...)[1] == 1)");
}

static void
I2_6_depth_has_a_bound(void **state)
{
	(void)state;
	crosses("local t = {'core'} for i = 1, 15 do t = {t} end return t",
	    "local t = ... for i = 1, 15 do t = t[1] end "
	    "assert(t[1] == 'core')");
	refused("local t = {} for i = 1, 16 do t = {t} end return t",
	    "#1: more than 16 tables");
	refused("local t = {} t.t = {t} return 1, t",
	    "#2: a table that contains itself");
	refused("local t = {} t[t] = 1 return t", "contains itself");
}

static void
I2_6_what_cannot_cross_is_named(void **state)
{
	(void)state;
	refused("return print", "argument #1: a function cannot cross");
	refused("return 1, {{coroutine.create(print)}}",
	    "argument #2: a thread cannot cross");
	refused("return plain()", "argument #1: userdata: 0x");
}

static void
I2_6_functions_cross_as_code(void **state)
{
	(void)state;
	as_function = true;
	crosses("return function(a, b) return a + b, tostring(a) end, 3, 4",
	    "local f, a, b = ... local s, t = f(a, b) "
	    "assert(s == 7 and t == '3')");
	refused("local up, v = 1, 2 return function() return up + v end",
	    "upvalue 'up' cannot cross");
	refused("local _ENV = {} return function() return x end",
	    "'_ENV' is not the table of globals");
	refused("return print", "written in C");
	refused("return function() end, print", "argument #1: a function");
	as_function = false;
}

static void
I2_6_objects_move_and_have_one_owner(void **state)
{
	const char *why;
	struct value_msg *m;

	(void)state;
	crosses("o = thing() return {o, 'and', thing()}",
	    "kept = ... assert(kept[2] == 'and')");
	assert_int_equal(owners, 2);
	refused("return o", "thing is gone");
	/* Twice in one message: nothing has moved afterwards. */
	refused("p, q = thing(), thing() return q, p, {p}", "twice");
	assert_int_equal(owners, 4);
	crosses("return p, q", "more = {...}");
	assert_int_equal(owners, 4);
	/* A message that nobody receives gives back what it owns. */
	m = encode("return thing(), {thing()}", &why);
	assert_non_null(m);
	assert_int_equal(owners, 6);
	value_drop(m);
	assert_int_equal(owners, 4);
	value_drop(NULL);
}

static void
I2_6_an_error_while_encoding_moves_nothing(void **state)
{
	(void)state;
	refused("r = thing() return {r, print}", "a function cannot cross");
	assert_int_equal(owners, 1);
	crosses("return r", "got = ...");
	assert_int_equal(owners, 1);
}

static void
I2_6_no_memory_is_said_and_harmless(void **state)
{
	(void)state;
	/* 16 MiB of mm cannot take a 20 MB message. */
	refused("s = thing() return s, ('x'):rep(20000000)", "no memory");
	assert_int_equal(owners, 1);
	refused("return ('x'):rep(70000000)", "longer than 64 MiB");
	crosses("return s, ('x'):rep(1000000)",
	    "local s, x = ... assert(#x == 1000000)");
}

static void
I2_6_killed_state_gives_back(void **state)
{
	(void)state;
	lua_settop(from, 0);
	assert_int_equal(
	    luaL_dostring(from, "a, b = thing(), {thing(), thing()}"), LUA_OK);
	assert_int_equal(owners, 3);
	handles_drop(lstate_of(from));
	assert_int_equal(owners, 0);
	/* A state without handles, and one dropped before. */
	handles_drop(lstate_of(from));
	handles_drop(lstate_of(to));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(I2_6_plain_values_cross),
		TEST(I2_6_strings_of_every_length_cross),
		TEST(I2_6_tables_are_copied),
		TEST(I2_6_depth_has_a_bound),
		TEST(I2_6_what_cannot_cross_is_named),
		TEST(I2_6_functions_cross_as_code),
		TEST(I2_6_objects_move_and_have_one_owner),
		TEST(I2_6_an_error_while_encoding_moves_nothing),
		TEST(I2_6_no_memory_is_said_and_harmless),
		TEST(I2_6_killed_state_gives_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
