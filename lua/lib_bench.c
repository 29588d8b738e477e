/* SPDX-License-Identifier: MIT */
/* The module `bench`: timed loops in C, started from Lua. */
#include "lib_bench.h"

#include <string.h>

#include <kernel/smp.h>
#include <kernel/time.h>

#include "cache.h"
#include "state.h"

#define TIME_MAX_MS 3600000
#define NS_PER_MS   1000000u

static const char *const run_options[] = { "cache", "size", "harts", "n",
	"time_ms", "protect", "order", "seed", NULL };

static bool
interrupted(void *arg)
{
	return lstate_interrupted(arg);
}

/* One of `names` (NULL ends); raises for any other word. */
static unsigned
choice(lua_State *L, int table, const char *name, const char *const names[])
{
	const char *word;
	unsigned i;

	if (!binding_opt_string(L, table, name, &word))
		return 0;
	for (i = 0; names[i] != NULL; i++)
		if (strcmp(word, names[i]) == 0)
			return i;
	lua_pushfstring(L,
	    "option '%s' cannot be '%s'; the first of its words "
	    "is '%s'",
	    name, word, names[0]);
	luaL_argerror(L, table, lua_tostring(L, -1));
	return 0;
}

static void
read_options(lua_State *L, int table, struct bench_options *opt)
{
	static const char *const orders[] = { "lifo", "fifo", "random", NULL };
	static const char *const levels[] = { "fast", "checked", NULL };
	lua_Integer v;

	if (binding_opt_integer(L, table, "size", 1, KMEM_SIZE_MAX, &v))
		opt->size = (size_t)v;
	if (binding_opt_integer(
		L, table, "harts", 1, (lua_Integer)smp_hart_count(), &v))
		opt->harts = (unsigned)v;
	if (binding_opt_integer(L, table, "n", 1, LUA_MAXINTEGER, &v))
		opt->n = (uint64_t)v;
	if (binding_opt_integer(L, table, "time_ms", 1, TIME_MAX_MS, &v))
		opt->time_ns = (uint64_t)v * NS_PER_MS;
	if (binding_opt_integer(
		L, table, "seed", LUA_MININTEGER, LUA_MAXINTEGER, &v))
		opt->seed = (uint64_t)v;
	opt->order = (enum bench_order)choice(L, table, "order", orders);
	opt->protect = (enum kmem_protect)choice(L, table, "protect", levels);
}

/* The option `cache` at the top of the stack (0: absent). */
static int
push_cache_option(lua_State *L, int table)
{
	if (table == 0)
		return 0;
	lua_pushliteral(L, "cache");
	if (lua_rawget(L, table) == LUA_TNIL) {
		lua_pop(L, 1);
		return 0;
	}
	if (luaL_testudata(L, -1, CACHE_CLASS) == NULL)
		luaL_argerror(L, table,
		    "option 'cache' must be a cache, as "
		    "slab.create returns it");
	return lua_gettop(L);
}

static int
l_run(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	struct bench_options opt = { .seed = 0 };
	struct lstate *s = lstate_of(L);
	struct lcache *lc = NULL;
	struct bench_result *r;
	int table, at, err;

	table = binding_options(L, 2, run_options);
	read_options(L, table, &opt);
	r = bench_result_push(L);
	at = push_cache_option(L, table);
	if (at != 0)
		opt.cache = lcache_use(L, at, &lc);
	/* Nothing raises while the cache is held. */
	err = bench_run(name, &opt, interrupted, s, r);
	if (at != 0) {
		lcache_leave(lc, opt.cache);
		lua_pop(L, 1);
	}
	lstate_poll(L);
	if (err == -KMEM_EINVAL)
		return luaL_error(L, "bench.run '%s': %s", name, r->error);
	if (err != 0)
		return binding_fail(L, binding_kmem_code(err),
		    "bench.run '%s': %s", name, r->error);
	return 1;
}

static int
l_list(lua_State *L)
{
	const struct bench_workload *all;
	size_t n, i;

	all = bench_workloads(&n);
	lua_createtable(L, (int)n, 0);
	for (i = 0; i < n; i++) {
		lua_createtable(L, 0, 2);
		binding_set_string(L, "name", all[i].name);
		binding_set_string(L, "text", all[i].text);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
l_time(lua_State *L)
{
	uint64_t before, after;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	before = time_ns();
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	after = time_ns();
	lua_pushinteger(L, (lua_Integer)(after - before));
	lua_insert(L, 1);
	return lua_gettop(L);
}

static int
l_instret(lua_State *L)
{
	if (!time_instret_is_exact())
		return binding_fail(L, "EINVAL",
		    "this machine's instret does not count instructions "
		    "(QEMU without -icount shift=0)");
	lua_pushinteger(L, (lua_Integer)time_instret());
	return 1;
}

static int
l_hist(lua_State *L)
{
	(void)bench_hist_push(L, NULL);
	return 1;
}

static const struct binding bench_functions[] = {
	{ "run", l_run,
	    "bench.run(name [, {cache=, size=, harts=, n=, time_ms=, protect=, "
	    "order=, seed=}]) -> result | nil, msg, code",
	    "Run a workload of bench.list() in C: on `cache`, or on a cache of "
	    "`size` bytes (64) and level `protect` (\"fast\") of its own; on "
	    "`harts` harts (1), the caller's first, started together; for "
	    "`time_ms` ms (200) or `n` pairs per hart. `order` (\"lifo\", "
	    "\"fifo\", \"random\") is that of burst's frees; equal `seed`s "
	    "give equal sequences. Under QEMU's -icount harts run one "
	    "after the other. EBUSY when not enough harts are idle. Raises for "
	    "an unknown name or option.",
	    "r = bench.run(\"pair\", {size=128, time_ms=50})  r:print()" },
	{ "list", l_list, "bench.list() -> array of {name=, text=}",
	    "The workloads that bench.run knows.",
	    "for _, w in ipairs(bench.list()) do print(w.name, w.text) end" },
	{ "suite", binding_not_yet, "bench.suite{...}",
	    "All workloads with repetitions and statistics. Not in this "
	    "version: raises.",
	    NULL },
	{ "time", l_time, "bench.time(fn, ...) -> ns, results...",
	    "Call fn with the arguments; how long it took in ns, then its "
	    "results. Errors pass through.",
	    "print(bench.time(slab.reap))" },
	{ "instret", l_instret, "bench.instret() -> n | nil, msg, code",
	    "Instructions retired since power-on, where the machine counts "
	    "them exactly; else nil, since a number would be host time.",
	    "print(bench.instret())" },
	{ "hist", l_hist, "bench.hist() -> hist",
	    "A new, empty histogram of integers from 0: h:add(v [, n]), "
	    "h:merge(h2), h:p(99.9), h:min(), h:max(), h:mean(), h:count(), "
	    "h:plot(). Percentiles err by less than 12.5 %.",
	    "h = bench.hist() for i = 1, 100 do h:add(i * i) end print(h:p(50))"
	    "  h:plot()" },
	{ "storm", bench_storm,
	    "bench.storm([{s=, seed=, harts=, progress=}]) -> table | nil, "
	    "msg, code",
	    "The loop behind run(\"storm\"): on `harts` harts (all) for `s` "
	    "seconds (10), random allocs and frees of all sizes, checked, with "
	    "reaps. `progress(done)` is called with 0..1; false ends the "
	    "storm. The table holds counts; `findings` is 0 when all is well, "
	    "else `finding` says what is wrong.",
	    "print(bench.storm{s=0.2, seed=1}.findings)" },
	{ "exhaust", bench_exhaust,
	    "bench.exhaust(size, fn) -> n | nil, msg, code",
	    "Allocate objects of `size` bytes (16 or more) in C until there is "
	    "no memory at all, call fn() there, free them, and return how many "
	    "there were. An error in fn is raised again when all is freed.",
	    "print(bench.exhaust(4096, function() print(frame.free()) end))" },
	{ "progress", bench_progress, "bench.progress(label) -> bar",
	    "A progress bar: bar(done [, text]) with done 0..1 redraws one "
	    "line on a terminal, elsewhere prints a line per quarter; bar() "
	    "removes it.",
	    "bar = bench.progress(\"demo\")  bar(0.5)  bar()" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_bench_module = {
	"bench",
	"Timed loops in C, their results, and histograms.",
	bench_functions,
};
