/* SPDX-License-Identifier: MIT */
/* The module `board`: tests of a board. Judged by lua/scripts/lib/quarry. */
#include <string.h>

#include <bench/board.h>
#include <kernel/smp.h>
#include <kernel/time.h>

#include "handle.h"
#include "lib_bench.h"
#include "state.h"

#define PLANT_CLASS "board.plant"
#define PPM_MAX     100000 /* a tenth */
#define LOSE_MAX    1000000

/* What of board_plant it put there. */
struct planted {
	struct handle pl_handle;
	bool pl_stuck, pl_lose, pl_drift;
};

static int
push_names(lua_State *L)
{
	const struct board_part *part;
	size_t i;

	lua_newtable(L);
	for (i = 0; (part = board_part_at(i)) != NULL; i++) {
		lua_pushstring(L, part->name);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* A table of the cells that say something. */
static void
push_row(lua_State *L, const char *column, const int64_t *cells)
{
	size_t n;

	lua_newtable(L);
	for (; *column != '\0'; column += n + (column[n] == ' ' ? 1 : 0)) {
		n = strcspn(column, " ");
		if (*cells != BOARD_NONE) {
			lua_pushlstring(L, column, n);
			lua_pushinteger(L, (lua_Integer)*cells);
			lua_rawset(L, -3);
		}
		cells++;
	}
}

static void
push_rows(lua_State *L, const struct board_part *part, unsigned harts,
    const int64_t *cells)
{
	size_t n = board_rows(part, harts), columns = board_columns(part), i;
	lua_Integer filled = 0;

	lua_newtable(L);
	for (i = 0; i < n; i++, cells += columns) {
		if (cells[0] == BOARD_NONE)
			continue;
		push_row(L, part->columns, cells);
		lua_rawseti(L, -2, ++filled);
	}
}

static int
l_test(lua_State *L)
{
	static const char *const names[] = { "harts", "s", "seed", "n", "all",
		"progress", NULL };
	struct bench_common c = { .watcher = { L, lstate_of(L), 0, false },
		.harts = smp_hart_count() };
	struct board_options opt = { .progress = bench_watch };
	const struct board_part *part;
	const char *why;
	int64_t *cells;
	lua_Integer v;
	int table, err;

	if (lua_isnoneornil(L, 1))
		return push_names(L);
	part = board_part(luaL_checkstring(L, 1));
	luaL_argcheck(L, part != NULL, 1, "no such test: see board.test()");
	table = binding_options(L, 2, names);
	if (binding_opt_integer(L, table, "n", 1, UINT32_MAX, &v))
		opt.n = (uint64_t)v;
	(void)binding_opt_boolean(L, table, "all", &opt.all);
	bench_read_common(L, table, &c);
	opt.harts = c.harts;
	opt.seed = c.seed;
	opt.time_ns = c.time_ns;
	opt.progress_arg = &c.watcher;
	cells = lua_newuserdatauv(L,
	    board_rows(part, c.harts) * board_columns(part) * sizeof(*cells),
	    0);
	luaL_checkstack(L, 8, "test");
	err = board_run(part, &opt, cells, &why);
	if (c.watcher.failed)
		return lua_error(L);
	lstate_poll(L);
	if (err != 0)
		return binding_fail(L, binding_kmem_code(err), "%s", why);
	push_rows(L, part, c.harts, cells);
	return 1;
}

/* Compiled when it is first used, as all Lua is. */
static int
l_check(lua_State *L)
{
	static const char *const names[] = { "only", "memory", "s", "seed",
		"harts", NULL };

	if (binding_options(L, 1, names) == 0) {
		lua_settop(L, 2);
		lua_newtable(L);
		lua_replace(L, 1);
	}
	lua_settop(L, 2);
	lua_getglobal(L, "require");
	lua_pushliteral(L, "quarry.board");
	lua_call(L, 1, 1);
	lua_insert(L, 1);
	lua_call(L, 2, LUA_MULTRET);
	return lua_gettop(L);
}

/* ---- planted faults ---- */

static void
planted_drop(struct handle *h)
{
	struct planted *pl = (struct planted *)h;

	if (pl->pl_stuck)
		board_plant.stuck_mask = board_plant.stuck_at = 0;
	if (pl->pl_lose)
		board_plant.lose = 0;
	if (pl->pl_drift)
		board_plant.drift_ppm = 0;
	pl->pl_stuck = pl->pl_lose = pl->pl_drift = false;
}

static int
l_plant(lua_State *L)
{
	static const char *const names[] = { "stuck_bit", "at", "value",
		"lose_ipi", "drift_ppm", "hart", NULL };
	int table = binding_options(L, 1, names);
	lua_Integer bit, at = 0, value = 1, lose, ppm;
	lua_Integer hart = smp_hart_count() - 1;
	struct planted *pl =
	    handle_new(L, sizeof(*pl), PLANT_CLASS, 0, planted_drop);

	(void)binding_opt_integer(L, table, "hart", 0, hart, &hart);
	(void)binding_opt_integer(L, table, "value", 0, 1, &value);
	(void)binding_opt_integer(
	    L, table, "at", LUA_MININTEGER, LUA_MAXINTEGER, &at);
	luaL_argcheck(L, at % 8 == 0, 1, "option 'at' must be a multiple of 8");
	pl->pl_stuck = binding_opt_integer(L, table, "stuck_bit", 0, 63, &bit);
	if (pl->pl_stuck) {
		board_plant.stuck_mask = UINT64_C(1) << bit;
		board_plant.stuck_at = (uintptr_t)at;
		board_plant.stuck_one = value != 0;
	}
	pl->pl_lose =
	    binding_opt_integer(L, table, "lose_ipi", 1, LOSE_MAX, &lose);
	if (pl->pl_lose) {
		board_plant.lose = (uint64_t)lose;
		board_plant.lose_hart = (unsigned)hart;
	}
	pl->pl_drift =
	    binding_opt_integer(L, table, "drift_ppm", -PPM_MAX, PPM_MAX, &ppm);
	if (pl->pl_drift) {
		board_plant.drift_from = time_ns();
		board_plant.drift_hart = (unsigned)hart;
		board_plant.drift_ppm = ppm;
	}
	luaL_argcheck(L, pl->pl_stuck || pl->pl_lose || pl->pl_drift, 1,
	    "one of stuck_bit, lose_ipi and drift_ppm is needed");
	return 1;
}

static int
plant_free(lua_State *L)
{
	handle_release(luaL_checkudata(L, 1, PLANT_CLASS));
	return 0;
}

/* ---- records ---- */

static const struct binding functions[] = {
	{ "check", l_check,
	    "board.check([{only=, memory=, s=, seed=, harts=} [, form]]) -> "
	    "table | text",
	    "Test the board on `harts` harts (all): memory, caches, atomics, "
	    "IPIs, clocks, timers, interrupts, misaligned accesses, cycle "
	    "counters; of them those that `only` names (\"memory|ipi\"). "
	    "Memory gets about `s` seconds (1), a sample of the free frames "
	    "that `seed` (1) chooses; memory=\"all\" tests each. Prints a "
	    "report, then raises an error that names every fault. Forms "
	    "\"table\" and \"json\" return the results and do neither.",
	    "board.check{only=\"atomic|timer\"}" },
	{ "test", l_test,
	    "board.test([name [, {harts=, n=, s=, seed=, all=, progress=}]]) "
	    "-> rows | nil, msg, code",
	    "One test of board.check, its figures unjudged: an array of "
	    "tables. `n`: how often; for memory, frames. Without a name: the "
	    "names.",
	    "for _, r in ipairs(board.test(\"timer\")) do print(r.hart, "
	    "r.late_max_ns) end" },
	{ "plant", l_plant,
	    "board.plant{stuck_bit=, at=, value=, lose_ipi=, drift_ppm=, "
	    "hart=} -> guard",
	    "Plant faults for board.check to find: bit 0..63 of the word at "
	    "`at` (the first tested; the sample includes it) stuck at `value` "
	    "(1); the next n IPIs of the kit to `hart` (the last) lost; its "
	    "clock fast by ppm. They act only in what the kit itself writes, "
	    "sends and reads, until the guard is closed or collected.",
	    "g = board.plant{lose_ipi=1} g:free()" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_board_module = {
	.name = "board",
	.text = "Bring-up: tests of memory, caches, harts and clocks.",
	.functions = functions,
};

static const struct binding plant_methods[] = {
	{ "free", plant_free, "g:free()",
	    "Removes the faults at once, as <close> would.",
	    "g = board.plant{lose_ipi=1} g:free()" },
	{ "__gc", plant_free, "", "", NULL },
	{ "__close", plant_free, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class board_plant_class = {
	.name = PLANT_CLASS,
	.text = "Faults that board.plant has planted.",
	.methods = plant_methods,
	.field = NULL,
};
