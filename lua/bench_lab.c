/* SPDX-License-Identifier: MIT */
/*
 * The module `lab`: any benchmark on any allocator. Linked only into the image
 * of `make lab`; elsewhere lua/lib_lab.c says so.
 */
#include <string.h>

#include <bench/trace.h>
#include <kernel/smp.h>
#include <mm/kmem.h>

#include "lab.h"
#include "state.h"

/* NULL in an image without the benchmarks of group trace. */
#pragma weak lab_trace_load
#pragma weak lab_trace_objects

#define TIME_MAX_MS 3600000
#define NS_PER_MS   1000000u
#define NAMES_MAX   (LAB_PARAMS_MAX + 12u)

static bool
interrupted(void *arg)
{
	return lstate_interrupted(arg);
}

/* An argument's error, with the message on the stack's top. */
static _Noreturn void
raise(lua_State *L, int arg)
{
	luaL_argerror(L, arg, lua_tostring(L, -1));
	__builtin_unreachable();
}

/* "micro/pair" for "micro/pair", and for "pair" if no other ends so. */
static const struct lab_bench *
bench_named(const char *name)
{
	const struct lab_bench *lb = lab_find_bench(name), *found = NULL;
	const char *slash;
	size_t i;

	if (lb != NULL)
		return lb;
	for (i = 0; (lb = lab_bench_at(i)) != NULL; i++) {
		slash = strchr(lb->lb_id, '/');
		if (slash == NULL || strcmp(slash + 1, name) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = lb;
	}
	return found;
}

static const struct lab_bench *
bench_arg(lua_State *L, int table, const char *key)
{
	const struct lab_bench *lb;
	const char *name;
	luaL_Buffer b;
	size_t i;

	if (!binding_opt_string(L, table, key, &name)) {
		lua_pushfstring(L, "option '%s' is missing", key);
		raise(L, table);
	}
	lb = bench_named(name);
	if (lb != NULL)
		return lb;
	luaL_buffinit(L, &b);
	luaL_addstring(&b, "no benchmark has that name; there are:");
	for (i = 0; (lb = lab_bench_at(i)) != NULL; i++) {
		luaL_addchar(&b, ' ');
		luaL_addstring(&b, lb->lb_id);
	}
	luaL_pushresult(&b);
	raise(L, table);
}

const struct lab_variant *
lab_variant_arg(lua_State *L, int table, const char *name)
{
	const struct lab_variant *lv = lab_find_variant(name);
	luaL_Buffer b;
	size_t i;

	if (lv != NULL)
		return lv;
	luaL_buffinit(L, &b);
	luaL_addstring(&b, "no allocator has that name; there are:");
	for (i = 0; (lv = lab_variant_at(i)) != NULL; i++) {
		luaL_addchar(&b, ' ');
		luaL_addstring(&b, lv->lv_name);
	}
	luaL_pushresult(&b);
	raise(L, table);
}

static void
read_params(lua_State *L, int table, const struct lab_bench *lb, bool full,
    struct lab_options *opt)
{
	const struct lab_param *lp = lb->lb_params;
	lua_Integer v, max;
	size_t i;

	for (i = 0; i < LAB_PARAMS_MAX && lp[i].lp_name != NULL; i++) {
		max = lp[i].lp_max < LUA_MAXINTEGER ? (lua_Integer)lp[i].lp_max
						    : LUA_MAXINTEGER;
		opt->set[i] = full;
		opt->params[i] = lp[i].lp_full;
		if (binding_opt_integer(L, table, lp[i].lp_name, 0, max, &v)) {
			opt->set[i] = true;
			opt->params[i] = (uint64_t)v;
		}
	}
}

const struct lab_bench *
lab_read(lua_State *L, int table, const char *key, const char *const more[],
    struct lab_options *opt)
{
	const char *names[NAMES_MAX] = { key, "harts", "seed", "time_ms",
		"full" };
	const struct lab_bench *lb;
	lua_Integer v;
	bool full = false;
	size_t n = 5, i;

	luaL_checktype(L, table, LUA_TTABLE);
	lb = bench_arg(L, table, key);
	for (i = 0; more[i] != NULL; i++)
		names[n++] = more[i];
	for (i = 0; i < LAB_PARAMS_MAX && lb->lb_params[i].lp_name != NULL; i++)
		names[n++] = lb->lb_params[i].lp_name;
	(void)binding_options(L, table, names);
	opt->bench = lb->lb_id;
	opt->seed = 1;
	if (binding_opt_integer(
		L, table, "harts", 1, (lua_Integer)smp_hart_count(), &v))
		opt->harts = (unsigned)v;
	if (binding_opt_integer(
		L, table, "seed", LUA_MININTEGER, LUA_MAXINTEGER, &v))
		opt->seed = (uint64_t)v;
	if (binding_opt_integer(L, table, "time_ms", 1, TIME_MAX_MS, &v))
		opt->time_ns = (uint64_t)v * NS_PER_MS;
	(void)binding_opt_boolean(L, table, "full", &full);
	read_params(L, table, lb, full, opt);
	return lb;
}

bool
lab_push_run(lua_State *L, const struct lab_options *opt)
{
	struct lstate *s = lstate_of(L);
	struct lab_result *r = lua_newuserdatauv(L, sizeof(*r), 0);
	int err;

	err = lab_run(opt, interrupted, s, r);
	lstate_poll(L);
	if (err == -KMEM_EINVAL)
		return luaL_error(L, "%s on %s: %s", opt->bench, opt->variant,
			   r->error) != 0;
	if (err != 0) {
		(void)binding_fail(L, binding_kmem_code(err), "%s on %s: %s",
		    opt->bench, opt->variant, r->error);
		lua_remove(L, -4);
		return false;
	}
	lab_push_result(L, lab_find_bench(opt->bench), opt, r);
	lua_remove(L, -2);
	return true;
}

static int
l_run(lua_State *L)
{
	static const char *const more[] = { "variant", NULL };
	struct lab_options opt = { .variant = "ours" };

	(void)lab_read(L, 1, "bench", more, &opt);
	if (binding_opt_string(L, 1, "variant", &opt.variant))
		(void)lab_variant_arg(L, 1, opt.variant);
	return lab_push_run(L, &opt) ? 1 : 3;
}

static void
push_flags(lua_State *L, unsigned flags)
{
	static const struct {
		const char *name;
		unsigned flag;
	} all[] = {
		{ "one_hart", LAB_ONE_HART },
		{ "two_up", LAB_TWO_UP },
		{ "ours", LAB_OURS },
		{ "timed", LAB_TIMED },
		{ "whole", LAB_WHOLE },
		{ "ctor", LAB_CTOR },
		{ "reap", LAB_REAP },
	};
	size_t i;

	lua_createtable(L, 0, 0);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if ((flags & all[i].flag) != 0)
			binding_set_boolean(L, all[i].name, true);
}

static void
push_params(lua_State *L, const struct lab_param *lp)
{
	size_t i;

	lua_newtable(L);
	for (i = 0; i < LAB_PARAMS_MAX && lp[i].lp_name != NULL; i++) {
		lua_createtable(L, 0, 5);
		binding_set_string(L, "name", lp[i].lp_name);
		binding_set_string(L, "text", lp[i].lp_text);
		binding_set_integer(L, "quick", (lua_Integer)lp[i].lp_quick);
		binding_set_integer(L, "full", (lua_Integer)lp[i].lp_full);
		binding_set_integer(L, "max", (lua_Integer)lp[i].lp_max);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static int
l_list(lua_State *L)
{
	const struct lab_bench *lb;
	size_t i;

	lua_newtable(L);
	for (i = 0; (lb = lab_bench_at(i)) != NULL; i++) {
		lua_createtable(L, 0, 4);
		binding_set_string(L, "id", lb->lb_id);
		binding_set_string(L, "text", lb->lb_text);
		push_flags(L, lb->lb_flags);
		lua_setfield(L, -2, "flags");
		push_params(L, lb->lb_params);
		lua_setfield(L, -2, "params");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
l_variants(lua_State *L)
{
	const struct lab_variant *lv;
	size_t i;

	lua_newtable(L);
	for (i = 0; (lv = lab_variant_at(i)) != NULL; i++) {
		lua_createtable(L, 0, 6);
		binding_set_string(L, "name", lv->lv_name);
		binding_set_string(L, "text", lv->lv_text);
		binding_set_boolean(
		    L, "ctor", (lv->lv_can & LAB_CAN_CTOR) != 0);
		binding_set_boolean(
		    L, "reap", (lv->lv_can & LAB_CAN_REAP) != 0);
		binding_set_boolean(
		    L, "colour", (lv->lv_can & LAB_CAN_COLOUR) != 0);
		binding_set_boolean(L, "ours", (lv->lv_can & LAB_IS_OURS) != 0);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
l_trace(lua_State *L)
{
	size_t n;
	const char *bytes = luaL_checklstring(L, 1, &n);
	const char *why = "no benchmark of this image replays traces";

	if (lab_trace_load == NULL || lab_trace_objects == NULL ||
	    !lab_trace_load(bytes, n, &why))
		return binding_fail(L, "EINVAL", "lab.trace: %s", why);
	lua_pushinteger(L, (lua_Integer)lab_trace_objects());
	return 1;
}

static const struct binding functions[] = {
	{ "list", l_list,
	    "lab.list() -> array of {id=, text=, flags=, params=}",
	    "The benchmarks. params: name, text, quick, full and max of each; "
	    "flags: one_hart, two_up (what harts it needs), ours (asks what "
	    "only our allocator can do), timed (has a histogram), whole (only "
	    "figures of its own), ctor, reap. Only in the image of `make lab`.",
	    NULL },
	{ "variants", l_variants,
	    "lab.variants() -> array of {name=, text=, ctor=, reap=, colour=, "
	    "ours=}",
	    "The allocators, and what they can. noop is none: the cost of the "
	    "loops. Only in the image of `make lab`.",
	    NULL },
	{ "run", l_run,
	    "lab.run{bench=, variant=, harts=, seed=, time_ms=, full=, "
	    "<parameter>=} -> table | nil, msg, code",
	    "Run `bench` (an id of lab.list(), or what follows its slash) on "
	    "`variant` (\"ours\") and `harts` harts (1). Parameters are those "
	    "of the benchmark; those not given are quick's, or with full=true "
	    "as published. In exact mode instructions are counted and the "
	    "figures repeat to the digit; else it runs for `time_ms` ms (50). "
	    "facts has each figure as value / per; so has the table itself, by "
	    "name. Only in the image of `make lab`.",
	    NULL },
	{ "compare", lab_compare,
	    "lab.compare{workload=, variants=, harts=, seed=, time_ms=, full=, "
	    "<parameter>=} -> rows | nil, msg, code",
	    "Run a benchmark on all allocators that can run it, or on those in "
	    "the array `variants`, and print a table and a chart: instructions "
	    "(elsewhere ns) for a pair, how often ours that is, frames at most "
	    "and after all was freed. Only in the image of `make lab`.",
	    NULL },
	{ "trace", l_trace, "lab.trace(bytes) -> objects | nil, msg, code",
	    "Take over a file of scripts/trace-convert, as fs.read returns it, "
	    "for the benchmark trace/file. Only in the image of `make lab`.",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_lab_module = {
	"lab",
	"Any benchmark on any allocator; in the image of `make lab`.",
	functions,
};
