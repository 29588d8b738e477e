/* SPDX-License-Identifier: MIT */
/* bench.storm, exhaust and progress: what the stress scripts stand on. */
#include <stdio.h>
#include <string.h>

#include <bench/exhaust.h>
#include <bench/storm.h>
#include <console/console.h>
#include <kernel/smp.h>
#include <kernel/time.h>

#include "lib_bench.h"
#include "state.h"

#define SECONDS_MAX 86400.0
#define BAR_WIDTH   30u
#define REDRAW_NS   100000000 /* at most ten times a second */

/* On the leader, in the middle of the work: nothing here may raise. */
bool
bench_watch(void *arg, uint64_t done, uint64_t total)
{
	struct bench_watcher *w = arg;
	bool more;

	if (lstate_interrupted(w->state))
		return false;
	if (w->function == 0)
		return true;
	lua_pushvalue(w->L, w->function);
	lua_pushnumber(w->L, (lua_Number)done / (lua_Number)total);
	/* An error must not jump over harts that are at work. */
	if (lua_pcall(w->L, 1, 1, 0) != LUA_OK) {
		w->failed = true;
		return false;
	}
	more = lua_isnil(w->L, -1) || lua_toboolean(w->L, -1) != 0;
	lua_pop(w->L, 1);
	return more;
}

static void
set_count(lua_State *L, const char *name, uint64_t v)
{
	binding_set_integer(L, name, (lua_Integer)v);
}

static void
push_result(lua_State *L, const struct storm_result *r)
{
	lua_createtable(L, 0, 20);
	set_count(L, "harts", r->harts);
	set_count(L, "ns", r->ns);
	set_count(L, "ops", r->ops);
	set_count(L, "allocs", r->allocs);
	set_count(L, "frees", r->frees);
	set_count(L, "irq_ops", r->irq_ops);
	set_count(L, "handed", r->handed);
	set_count(L, "alloc_fail", r->alloc_fail);
	set_count(L, "reaps_trim", r->reaps[0]);
	set_count(L, "reaps_depot", r->reaps[1]);
	set_count(L, "reaps_all", r->reaps[2]);
	set_count(L, "drained_running", r->drained_running);
	set_count(L, "drained_rounds", r->drained_rounds);
	set_count(L, "frames", r->frames);
	set_count(L, "ctor", r->ctor);
	set_count(L, "dtor", r->dtor);
	set_count(L, "live_max", r->live_max);
	set_count(L, "findings", r->findings);
	binding_set_string(L, "finding", r->finding);
	binding_set_boolean(L, "stopped", r->stopped ? 1 : 0);
}

void
bench_read_common(lua_State *L, int table, struct bench_common *c)
{
	lua_Integer v;
	lua_Number s;

	if (table == 0)
		return;
	if (binding_opt_integer(
		L, table, "harts", 1, (lua_Integer)smp_hart_count(), &v))
		c->harts = (unsigned)v;
	if (binding_opt_integer(
		L, table, "seed", LUA_MININTEGER, LUA_MAXINTEGER, &v))
		c->seed = (uint64_t)v;
	lua_pushliteral(L, "s");
	if (lua_rawget(L, table) != LUA_TNIL) {
		s = lua_tonumber(L, -1);
		/* Written so that a NaN is refused too. */
		if (!(s > 0 && s <= SECONDS_MAX))
			luaL_argerror(L, table,
			    "option 's' must be a number "
			    "of seconds, above 0, up to "
			    "86400");
		c->time_ns = (uint64_t)(s * 1e9);
	}
	lua_pop(L, 1);
	lua_pushliteral(L, "progress");
	if (lua_rawget(L, table) == LUA_TNIL) {
		lua_pop(L, 1);
		return;
	}
	if (!lua_isfunction(L, -1))
		luaL_argerror(L, table, "option 'progress' must be a function");
	c->watcher.function = lua_gettop(L);
}

int
bench_storm(lua_State *L)
{
	static const char *const names[] = { "s", "seed", "harts", "progress",
		NULL };
	struct bench_common c = { .watcher = { L, lstate_of(L), 0, false } };
	struct storm_options opt = { .progress = bench_watch };
	struct storm_result r;
	const char *why;
	int err;

	bench_read_common(L, binding_options(L, 1, names), &c);
	luaL_checkstack(L, 8, "storm");
	opt.harts = c.harts;
	opt.seed = c.seed;
	opt.time_ns = c.time_ns;
	opt.progress_arg = &c.watcher;
	err = storm_run(&opt, &r, &why);
	if (c.watcher.failed)
		return lua_error(L);
	lstate_poll(L);
	if (err != 0)
		return binding_fail(
		    L, binding_kmem_code(err), "storm: %s", why);
	push_result(L, &r);
	return 1;
}

static bool
interrupted(void *arg)
{
	return lstate_interrupted(arg);
}

static int
bench_kmem_error(lua_State *L, int err, const char *why)
{
	return binding_fail(L, binding_kmem_code(err), "exhaust: %s", why);
}

/*
 * Everything is held while the function runs, and freed whatever it does: its
 * error, or an interruption, is raised again afterwards.
 */
int
bench_exhaust(lua_State *L)
{
	struct kmem_options ko = { .protect = KMEM_FAST };
	struct kmem_cache *cp;
	struct exhaust ex;
	const char *why;
	size_t size;
	int err, status = LUA_OK;
	bool all;

	size = (size_t)binding_integer(L, 1, 16, KMEM_SIZE_MAX, "size");
	luaL_checktype(L, 2, LUA_TFUNCTION);
	luaL_checkstack(L, 8, "exhaust");
	lua_settop(L, 2);
	err = kmem_cache_create(&cp, "exhaust", size, &ko, &why);
	if (err != 0)
		return bench_kmem_error(L, err, why);
	all = exhaust_take(&ex, cp, interrupted, lstate_of(L));
	if (all)
		status = lua_pcall(L, 0, 0, 0);
	exhaust_release(&ex, size);
	err = bench_destroy(cp);
	if (status != LUA_OK)
		return lua_error(L);
	lstate_poll(L);
	if (ex.ex_broken != 0)
		return luaL_error(L, "exhaust: an object was handed out twice");
	if (err != 0)
		return bench_kmem_error(L, err, "its cache kept live objects");
	lua_pushinteger(L, (lua_Integer)ex.ex_count);
	return 1;
}

/* Upvalues of a bar: label, quarters printed, ns of the last drawing, drawn. */
enum { BAR_LABEL = 1, BAR_QUARTERS, BAR_LAST_NS, BAR_DRAWN };

static void
bar_set(lua_State *L, int upvalue, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_replace(L, lua_upvalueindex(upvalue));
}

static void
bar_draw(lua_State *L, double done, const char *text)
{
	char line[160], marks[BAR_WIDTH + 1];
	lua_Integer now = (lua_Integer)time_ns();
	unsigned n = (unsigned)(done * BAR_WIDTH);

	if (now - lua_tointeger(L, lua_upvalueindex(BAR_LAST_NS)) < REDRAW_NS)
		return;
	memset(marks, '.', BAR_WIDTH);
	memset(marks, '#', n);
	marks[BAR_WIDTH] = '\0';
	(void)snprintf(line, sizeof(line), "\r%-10.10s [%s] %3d %% %-24.24s\r",
	    lua_tostring(L, lua_upvalueindex(BAR_LABEL)), marks,
	    (int)(done * 100), text);
	lstate_write(L, line, strlen(line));
	bar_set(L, BAR_LAST_NS, now);
	bar_set(L, BAR_DRAWN, 1);
}

static int
bar_call(lua_State *L)
{
	const char *text = luaL_optstring(L, 2, "");
	lua_Integer quarters;
	char line[160];
	double done;

	if (lua_isnoneornil(L, 1)) {
		if (lua_tointeger(L, lua_upvalueindex(BAR_DRAWN)) != 0) {
			(void)snprintf(line, sizeof(line), "\r%*s\r", 78, "");
			lstate_write(L, line, strlen(line));
			bar_set(L, BAR_DRAWN, 0);
		}
		return 0;
	}
	done = luaL_checknumber(L, 1);
	if (!(done >= 0))
		done = 0;
	if (done > 1)
		done = 1;
	if (console_is_ansi()) {
		bar_draw(L, done, text);
		return 0;
	}
	quarters = (lua_Integer)(done * 4);
	if (quarters <= lua_tointeger(L, lua_upvalueindex(BAR_QUARTERS)))
		return 0;
	bar_set(L, BAR_QUARTERS, quarters);
	(void)snprintf(line, sizeof(line), "%.32s: %3d %%  %.60s\n",
	    lua_tostring(L, lua_upvalueindex(BAR_LABEL)), (int)(quarters * 25),
	    text);
	lstate_write(L, line, strlen(line));
	return 0;
}

int
bench_progress(lua_State *L)
{
	luaL_checkstring(L, 1);
	lua_settop(L, 1);
	lua_pushinteger(L, 0);
	lua_pushinteger(L, 0);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, bar_call, 4);
	return 1;
}
