/* SPDX-License-Identifier: MIT */
/* A result of the lab as a table. */
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/time.h>

#include "lab.h"

static const char *const better_names[] = { "neither", "lower", "higher" };

const struct lab_fact *
lab_find_fact(const struct lab_result *r, const char *name)
{
	unsigned i;

	for (i = 0; i < r->facts; i++)
		if (strcmp(r->fact[i].lf_name, name) == 0)
			return &r->fact[i];
	return NULL;
}

void
lab_format(char *to, size_t n, uint64_t value, uint64_t per)
{
	uint64_t whole = value / per, rest = value % per, cents;

	/* Only a rest below 2^57 can be multiplied. */
	cents = rest <= UINT64_MAX / 200u ? (rest * 200u + per) / (2u * per)
					  : rest / (per / 100u);
	if (cents == 100u) {
		whole++;
		cents = 0;
	}
	if (cents == 0)
		(void)fmt_format(to, n, "%llu", (unsigned long long)whole);
	else
		(void)fmt_format(to, n, "%llu.%02llu",
		    (unsigned long long)whole, (unsigned long long)cents);
}

static void
set_number(lua_State *L, const char *name, uint64_t value, uint64_t per)
{
	if (value % per == 0)
		lua_pushinteger(L, (lua_Integer)(value / per));
	else
		lua_pushnumber(L, (lua_Number)value / (lua_Number)per);
	lua_setfield(L, -2, name);
}

static void
push_facts(lua_State *L, const struct lab_result *r)
{
	unsigned i;

	lua_createtable(L, (int)r->facts, 0);
	for (i = 0; i < r->facts; i++) {
		const struct lab_fact *lf = &r->fact[i];

		lua_createtable(L, 0, 5);
		binding_set_string(L, "name", lf->lf_name);
		binding_set_string(L, "unit", lf->lf_unit);
		binding_set_string(
		    L, "better", better_names[(unsigned)lf->lf_better % 3u]);
		binding_set_integer(L, "value", (lua_Integer)lf->lf_value);
		binding_set_integer(L, "per", (lua_Integer)lf->lf_per);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static void
push_hist(lua_State *L, const struct lab_result *r)
{
	uint64_t low, high;
	lua_Integer n = 0;
	size_t i;

	lua_createtable(L, 0, 2);
	binding_set_string(L, "unit", r->hist_unit);
	lua_newtable(L);
	for (i = 0; i < BENCH_BUCKETS; i++) {
		if (r->hist.bh_bucket[i] == 0)
			continue;
		bench_hist_range(i, &low, &high);
		lua_createtable(L, 3, 0);
		lua_pushinteger(L, (lua_Integer)low);
		lua_rawseti(L, -2, 1);
		lua_pushinteger(L, (lua_Integer)high);
		lua_rawseti(L, -2, 2);
		lua_pushinteger(L, (lua_Integer)r->hist.bh_bucket[i]);
		lua_rawseti(L, -2, 3);
		lua_rawseti(L, -2, ++n);
	}
	lua_setfield(L, -2, "buckets");
}

static void
push_params(
    lua_State *L, const struct lab_bench *lb, const struct lab_result *r)
{
	size_t i;

	lua_createtable(L, 0, LAB_PARAMS_MAX);
	for (i = 0; i < LAB_PARAMS_MAX && lb->lb_params[i].lp_name != NULL; i++)
		binding_set_integer(
		    L, lb->lb_params[i].lp_name, (lua_Integer)r->params[i]);
}

static void
push_lists(lua_State *L, const struct lab_result *r)
{
	unsigned i;

	lua_createtable(L, (int)r->harts, 0);
	for (i = 0; i < r->harts; i++) {
		lua_pushinteger(L, (lua_Integer)r->hart_ops[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "per_hart");
	lua_createtable(L, (int)r->series, 0);
	for (i = 0; i < r->series; i++) {
		lua_pushinteger(L, (lua_Integer)r->frames[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "frames");
	lua_createtable(L, (int)r->heat, 0);
	for (i = 0; i < r->heat; i++) {
		lua_pushinteger(L, r->cells[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "heat");
}

/* "micro/pair  ours  harts=1  10000 pairs" and a line for each fact. */
static int
to_string(lua_State *L)
{
	luaL_Buffer b;
	lua_Integer i, n;
	char figure[48], line[160];

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_getfield(L, 1, "summary");
	(void)luaL_tolstring(L, -1, NULL);
	lua_getfield(L, 1, "facts");
	n = lua_type(L, -1) == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, -1) : 0;
	luaL_buffinit(L, &b);
	lua_pushvalue(L, 3);
	luaL_addvalue(&b);
	for (i = 1; i <= n && i <= (lua_Integer)LAB_FACTS_MAX; i++) {
		int top = lua_gettop(L);

		lua_rawgeti(L, 4, i);
		if (lua_type(L, -1) != LUA_TTABLE)
			return luaL_error(L, "the result was changed");
		lua_getfield(L, -1, "value");
		lua_getfield(L, -2, "per");
		lua_getfield(L, -3, "name");
		lua_getfield(L, -4, "unit");
		lab_format(figure, sizeof(figure),
		    (uint64_t)lua_tointeger(L, -4),
		    lua_tointeger(L, -3) != 0 ? (uint64_t)lua_tointeger(L, -3)
					      : 1u);
		(void)fmt_format(line, sizeof(line), "\n  %-22s %14s %s",
		    luaL_checkstring(L, -2), figure, luaL_checkstring(L, -1));
		lua_settop(L, top);
		luaL_addstring(&b, line);
	}
	luaL_pushresult(&b);
	return 1;
}

static const char *
mode(void)
{
	if (time_harts_take_turns())
		return "exact";
	return time_instret_is_exact() ? "board" : "smp";
}

static void
set_summary(lua_State *L, const struct lab_bench *lb,
    const struct lab_options *opt, const struct lab_result *r)
{
	char text[128];

	(void)fmt_format(text, sizeof(text), "%s  %s  harts=%u  %llu pairs%s",
	    lb->lb_id, opt->variant, r->harts, (unsigned long long)r->ops,
	    r->stopped ? ", stopped" : "");
	binding_set_string(L, "summary", text);
}

void
lab_push_result(lua_State *L, const struct lab_bench *lb,
    const struct lab_options *opt, const struct lab_result *r)
{
	unsigned i;

	lua_createtable(L, 0, 16);
	for (i = 0; i < r->facts; i++)
		set_number(L, r->fact[i].lf_name, r->fact[i].lf_value,
		    r->fact[i].lf_per);
	set_summary(L, lb, opt, r);
	binding_set_string(L, "bench", lb->lb_id);
	binding_set_string(L, "variant", opt->variant);
	binding_set_string(L, "mode", mode());
	binding_set_integer(L, "harts", (lua_Integer)r->harts);
	binding_set_integer(L, "ops", (lua_Integer)r->ops);
	binding_set_boolean(L, "stopped", r->stopped);
	push_params(L, lb, r);
	lua_setfield(L, -2, "params");
	push_facts(L, r);
	lua_setfield(L, -2, "facts");
	if (r->hist_unit != NULL) {
		push_hist(L, r);
		lua_setfield(L, -2, "hist");
	}
	push_lists(L, r);
	if (luaL_newmetatable(L, LAB_RESULT_CLASS) != 0) {
		lua_pushcfunction(L, to_string);
		lua_setfield(L, -2, "__tostring");
	}
	lua_setmetatable(L, -2);
}
