/* SPDX-License-Identifier: MIT */
/* lua/binding.c on a host Lua: what scripts see of modules and options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <mm/kmem.h>

#include "lua/binding.h"
#include "lualib.h"

static int
take_options(lua_State *L)
{
	static const char *const names[] = { "size", "harts", "magazines",
		"name", NULL };
	int t = binding_options(L, 1, names);
	const char *text = "-";
	lua_Integer v = -1;
	bool b = false;

	(void)binding_opt_integer(L, t, "size", 1, 100, &v);
	(void)binding_opt_boolean(L, t, "magazines", &b);
	(void)binding_opt_string(L, t, "name", &text);
	lua_pushfstring(
	    L, "%I %s %s", (LUAI_UACINT)v, b ? "true" : "false", text);
	return 1;
}

static int
take_integer(lua_State *L)
{
	lua_pushinteger(L, binding_integer(L, 2, 1, 131072, "size"));
	return 1;
}

static int
refuse(lua_State *L)
{
	return binding_fail(L, "ENOMEM", "no memory for %u objects", 7u);
}

static int
make_thing(lua_State *L)
{
	(void)lua_newuserdatauv(L, 8, 0);
	luaL_setmetatable(L, "test.thing");
	return 1;
}

static int
touch(lua_State *L)
{
	(void)luaL_checkudata(L, 1, "test.thing");
	lua_pushliteral(L, "touched");
	return 1;
}

static bool
field(lua_State *L, const char *key)
{
	if (strcmp(key, "size") != 0)
		return false;
	lua_pushinteger(L, 8);
	return true;
}

static const struct binding functions[] = {
	{ "options", take_options, "t.options{}", "Text.", NULL },
	{ "create", take_integer, "t.create(x, size)", "Text.", NULL },
	{ "fail", refuse, "t.fail()", "Text.", NULL },
	{ "thing", make_thing, "t.thing()", "Text.", NULL },
	{ "later", binding_not_yet, "t.later()", "Text.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};
static const struct binding_module module = { "t", "A module.", functions };

static const struct binding methods[] = {
	{ "touch", touch, "thing:touch()", "Text.", NULL },
	{ "__len", touch, NULL, "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};
static const struct binding_class class = { "test.thing", "A class.", methods,
	field };

const struct binding_module *const binding_modules[] = { &module, NULL };
const struct binding_class *const binding_classes[] = { &class, NULL };

static lua_State *L;

static int
setup(void **state)
{
	(void)state;
	L = luaL_newstate();
	luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
	binding_open_module(L, &module);
	binding_open_class(L, &class);
	lua_settop(L, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lua_close(L);
	return 0;
}

/* The text that the chunk returns or fails with. */
static const char *
outcome(const char *chunk)
{
	lua_settop(L, 0);
	if (luaL_loadbuffer(L, chunk, strlen(chunk), "=c") == LUA_OK)
		(void)lua_pcall(L, 0, 1, 0);
	return luaL_tolstring(L, -1, NULL);
}

static void
contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' lacks '%s'", text, part);
}

static void
I2_6_options_are_read(void **state)
{
	(void)state;
	assert_string_equal(outcome("return t.options()"), "-1 false -");
	assert_string_equal(outcome("return t.options(nil)"), "-1 false -");
	assert_string_equal(outcome("return t.options{size=5, magazines=true, "
				    "name='x'}"),
	    "5 true x");
	/* A float with an integer's value is that integer. */
	assert_string_equal(outcome("return t.options{size=5.0}"), "5 false -");
}

static void
I2_6_an_unknown_option_names_the_nearest(void **state)
{
	(void)state;
	contains(outcome("return t.options{harst=1}"), "nearest is 'harts'");
	contains(outcome("return t.options{Size=1}"), "nearest is 'size'");
	contains(outcome("return t.options{mag=1}"), "unknown option 'mag'");
	contains(outcome("return t.options{[1]=1}"), "option names are string");
	contains(outcome("return t.options('xxx')"), "table expected");
	/* Long and hostile names end in a bounded message. */
	contains(outcome("return t.options{[load('return ...')"
			 "('\\27[2J'..tostring(t))]=1}"),
	    "unknown option");
}

static void
I2_6_wrong_values_name_the_option(void **state)
{
	(void)state;
	contains(outcome("return t.options{size=0}"),
	    "bad argument #1 to 'options' (option 'size' must be an integer "
	    "1..100)");
	contains(outcome("return t.options{size=101}"), "1..100");
	contains(outcome("return t.options{size=0/0}"), "1..100");
	contains(outcome("return t.options{size=1.5}"), "1..100");
	contains(outcome("return t.options{size='5'}"), "got string");
	contains(outcome("return t.options{magazines=0}"), "true or false");
	contains(outcome("return t.options{name=1}"), "must be a string");
}

static void
I2_6_an_argument_out_of_range_names_the_range(void **state)
{
	(void)state;
	contains(outcome("return t.create(1, -1)"),
	    "bad argument #2 to 'create' (size must be 1..131072)");
	contains(
	    outcome("return t.create(1)"), "number expected, got no value");
	assert_string_equal(outcome("return t.create(1, 131072)"), "131072");
}

static void
I2_6_expected_failure_is_three_values(void **state)
{
	(void)state;
	assert_string_equal(outcome("local v, m, c = t.fail() "
				    "return tostring(v)..m..c"),
	    "nilno memory for 7 objectsENOMEM");
	assert_string_equal(binding_kmem_code(-KMEM_EEXIST), "EEXIST");
	assert_string_equal(binding_kmem_code(-KMEM_EBUSY), "EBUSY");
	assert_string_equal(binding_kmem_code(-KMEM_ENOMEM), "ENOMEM");
	assert_string_equal(binding_kmem_code(-KMEM_ECONTEXT), "EINVAL");
}

static void
I2_6_classes_have_methods_and_fields(void **state)
{
	(void)state;
	assert_string_equal(outcome("return t.thing():touch()"), "touched");
	assert_string_equal(outcome("return t.thing().size"), "8");
	assert_string_equal(outcome("return t.thing().nix"), "nil");
	assert_string_equal(outcome("return t.thing()[1]"), "nil");
	assert_string_equal(outcome("return #t.thing()"), "touched");
	/* No script gets at the metatable. */
	assert_string_equal(
	    outcome("return getmetatable(t.thing())"), "test.thing");
	contains(outcome("t.thing().size = 1"), "");
	contains(outcome("return t.thing().touch({})"), "test.thing expected");
}

static void
I2_6_what_is_not_built_says_so(void **state)
{
	(void)state;
	contains(outcome("t.later()"), "'later': not in this version");
	contains(outcome("pcall(error) local f = t.later "
			 "local ok, m = pcall(f) return m"),
	    "not in this version");
}

static void
I2_6_tracebacks_know_the_module(void **state)
{
	(void)state;
	lua_settop(L, 0);
	assert_int_equal(
	    luaL_loadstring(L, "local ok, m = pcall(t.create, 1, 0) return m"),
	    LUA_OK);
	assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
	contains(lua_tostring(L, -1), "t.create");
}

static void
I2_6_own_functions_are_known(void **state)
{
	(void)state;
	assert_true(binding_is_ours(take_options));
	assert_true(binding_is_ours(touch));
	assert_true(binding_is_ours(binding_not_yet));
	assert_false(binding_is_ours(luaopen_base));
	assert_null(binding_check_module(&module));
	assert_null(binding_check_class(&class));
}

static void
I2_6_records_without_text_are_found(void **state)
{
	static const struct binding bad[] = {
		{ "silent", refuse, "t.silent()", "", NULL },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	static const struct binding lost[] = {
		{ "lost", NULL, "t.lost()", "Text.", NULL },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	const struct binding_module m1 = { "m", "Text.", bad };
	const struct binding_module m2 = { "m", "Text.", lost };
	const struct binding_module m3 = { "m", "", functions };

	(void)state;
	assert_string_equal(binding_check_module(&m1), "silent");
	assert_string_equal(binding_check_module(&m2), "lost");
	assert_non_null(binding_check_module(&m3));
}

int
main(void)
{
#define lua_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		lua_test(I2_6_options_are_read),
		lua_test(I2_6_an_unknown_option_names_the_nearest),
		lua_test(I2_6_wrong_values_name_the_option),
		lua_test(I2_6_an_argument_out_of_range_names_the_range),
		lua_test(I2_6_expected_failure_is_three_values),
		lua_test(I2_6_classes_have_methods_and_fields),
		lua_test(I2_6_what_is_not_built_says_so),
		lua_test(I2_6_tracebacks_know_the_module),
		lua_test(I2_6_own_functions_are_known),
		lua_test(I2_6_records_without_text_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
