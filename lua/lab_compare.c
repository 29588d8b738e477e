/* SPDX-License-Identifier: MIT */
/* lab.compare: one benchmark on several allocators, as a table and a chart. */
#include <string.h>

#include <console/console.h>
#include <kernel/fmt.h>
#include <kernel/time.h>
#include <mm/kmem.h>

#include "lab.h"
#include "state.h"

#define VARIANTS_MAX 24u
#define BAR_WIDTH    48u /* columns */
#define NAME_WIDTH   12

/* What one allocator came to. */
struct row {
	const struct lab_variant *ro_variant;
	bool ro_ran;
	uint64_t ro_value, ro_per; /* of a pair; 0 / 1: it has no pairs */
	uint64_t ro_peak, ro_after;
	char ro_why[128];
};

struct comparison {
	const struct lab_bench *co_bench;
	struct lab_options co_opt;
	const char *co_fact, *co_unit;
	unsigned co_rows;
	struct row co_row[VARIANTS_MAX];
	struct lab_result co_result;
};

static bool
interrupted(void *arg)
{
	return lstate_interrupted(arg);
}

static void
add(lua_State *L, struct comparison *co, const struct lab_variant *lv)
{
	if (co->co_rows == VARIANTS_MAX)
		luaL_error(L, "lab.compare: more than %d allocators",
		    (int)VARIANTS_MAX);
	co->co_row[co->co_rows++].ro_variant = lv;
}

/* All but noop that can. */
static void
choose_all(lua_State *L, struct comparison *co)
{
	const struct lab_variant *lv;
	size_t i;

	for (i = 0; (lv = lab_variant_at(i)) != NULL; i++)
		if (strcmp(lv->lv_name, "noop") != 0 &&
		    lab_refuses(co->co_bench, lv) == NULL)
			add(L, co, lv);
}

/* Those of the array on the stack's top. */
static void
choose_named(lua_State *L, struct comparison *co)
{
	const struct lab_variant *lv;
	const char *why;
	lua_Integer i, n;

	if (!lua_istable(L, -1))
		luaL_argerror(
		    L, 1, "option 'variants' must be an array of names");
	n = (lua_Integer)lua_rawlen(L, -1);
	for (i = 1; i <= n; i++) {
		if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
			luaL_argerror(
			    L, 1, "option 'variants' has names in it");
		lv = lab_variant_arg(L, 1, lua_tostring(L, -1));
		why = lab_refuses(co->co_bench, lv);
		if (why != NULL)
			luaL_error(L, "%s on %s: %s", co->co_bench->lb_id,
			    lv->lv_name, why);
		add(L, co, lv);
		lua_pop(L, 1);
	}
	if (n == 0)
		luaL_argerror(L, 1, "option 'variants' is empty");
}

static void
set_row(struct comparison *co, struct row *ro, int err)
{
	const struct lab_result *r = &co->co_result;
	const struct lab_fact *lf;

	ro->ro_per = 1;
	ro->ro_ran = err == 0;
	if (err != 0) {
		(void)fmt_format(
		    ro->ro_why, sizeof(ro->ro_why), "%s", r->error);
		return;
	}
	lf = lab_find_fact(r, co->co_fact);
	if (lf != NULL) {
		ro->ro_value = lf->lf_value;
		ro->ro_per = lf->lf_per;
	}
	lf = lab_find_fact(r, "peak_frames");
	ro->ro_peak = lf != NULL ? lf->lf_value : 0;
	lf = lab_find_fact(r, "frames_after");
	ro->ro_after = lf != NULL ? lf->lf_value : 0;
}

static void
put(lua_State *L, const char *text)
{
	lstate_write(L, text, strlen(text));
}

/* How often ours that is; without floating point, with two digits. */
static void
format_times(char *to, size_t n, const struct row *ro, const struct row *ours)
{
	uint64_t a, b;

	if (ours == NULL || ours->ro_value == 0 || ro->ro_value == 0 ||
	    __builtin_mul_overflow(ro->ro_value, ours->ro_per, &a) ||
	    __builtin_mul_overflow(ours->ro_value, ro->ro_per, &b))
		(void)fmt_format(to, n, "-");
	else
		lab_format(to, n, a, b);
}

static const struct row *
ours_of(const struct comparison *co)
{
	const struct lab_variant *first = lab_variant_at(0);
	unsigned i;

	for (i = 0; i < co->co_rows; i++)
		if (co->co_row[i].ro_variant == first && co->co_row[i].ro_ran)
			return &co->co_row[i];
	return NULL;
}

static void
put_head(lua_State *L, const struct comparison *co)
{
	unsigned harts = co->co_opt.harts != 0 ? co->co_opt.harts : 1;
	char line[192];

	(void)fmt_format(line, sizeof(line), "%s, %u hart%s: %s\n",
	    co->co_bench->lb_id, harts, harts == 1 ? "" : "s",
	    co->co_bench->lb_text);
	put(L, line);
	(void)fmt_format(line, sizeof(line), "%-*s %10s %8s %11s %12s\n",
	    NAME_WIDTH, "variant", co->co_unit, "x ours", "peak frames",
	    "frames after");
	put(L, line);
}

static void
put_row(lua_State *L, const struct comparison *co, const struct row *ro)
{
	char line[192], figure[32], times[32];

	if (!ro->ro_ran) {
		(void)fmt_format(line, sizeof(line), "%-*s failed: %s\n",
		    NAME_WIDTH, ro->ro_variant->lv_name, ro->ro_why);
		put(L, line);
		return;
	}
	lab_format(figure, sizeof(figure), ro->ro_value, ro->ro_per);
	format_times(times, sizeof(times), ro, ours_of(co));
	(void)fmt_format(line, sizeof(line), "%-*s %10s %8s %11llu %12llu\n",
	    NAME_WIDTH, ro->ro_variant->lv_name, figure, times,
	    (unsigned long long)ro->ro_peak, (unsigned long long)ro->ro_after);
	put(L, line);
}

/* A row is printed when it is there: some take seconds. */
static void
run_all(lua_State *L, struct comparison *co)
{
	unsigned i;
	int err;

	for (i = 0; i < co->co_rows; i++) {
		co->co_opt.variant = co->co_row[i].ro_variant->lv_name;
		err = lab_run(
		    &co->co_opt, interrupted, lstate_of(L), &co->co_result);
		lstate_poll(L);
		/* Options that fit no allocator: the harts, mostly. */
		if (err == -KMEM_EINVAL)
			luaL_error(L, "%s: %s", co->co_bench->lb_id,
			    co->co_result.error);
		set_row(co, &co->co_row[i], err);
		if (i == 0)
			put_head(L, co);
		put_row(L, co, &co->co_row[i]);
	}
}

/* A bar for each figure, the longest for the greatest. */
static void
put_chart(lua_State *L, const struct comparison *co)
{
	const char *cell = console_is_ansi() ? "\u2588" : "#";
	lua_Number most = 0, v;
	char line[64];
	unsigned i, k, length;

	for (i = 0; i < co->co_rows; i++) {
		v = (lua_Number)co->co_row[i].ro_value /
		    (lua_Number)co->co_row[i].ro_per;
		most = v > most ? v : most;
	}
	if (!(most > 0))
		return;
	for (i = 0; i < co->co_rows; i++) {
		const struct row *ro = &co->co_row[i];

		if (!ro->ro_ran)
			continue;
		v = (lua_Number)ro->ro_value / (lua_Number)ro->ro_per;
		length = (unsigned)(v / most * BAR_WIDTH);
		(void)fmt_format(line, sizeof(line), "%-*s |", NAME_WIDTH,
		    ro->ro_variant->lv_name);
		put(L, line);
		for (k = 0; k < (length > 0 ? length : 1); k++)
			put(L, cell);
		lab_format(line, sizeof(line), ro->ro_value, ro->ro_per);
		put(L, " ");
		put(L, line);
		put(L, "\n");
	}
}

static void
push_rows(lua_State *L, const struct comparison *co)
{
	unsigned i;

	lua_createtable(L, (int)co->co_rows, 0);
	for (i = 0; i < co->co_rows; i++) {
		const struct row *ro = &co->co_row[i];

		lua_createtable(L, 0, 6);
		binding_set_string(L, "variant", ro->ro_variant->lv_name);
		if (ro->ro_ran) {
			binding_set_integer(
			    L, "value", (lua_Integer)ro->ro_value);
			binding_set_integer(L, "per", (lua_Integer)ro->ro_per);
			lua_pushnumber(L,
			    (lua_Number)ro->ro_value / (lua_Number)ro->ro_per);
			lua_setfield(L, -2, co->co_fact);
			binding_set_integer(
			    L, "peak_frames", (lua_Integer)ro->ro_peak);
			binding_set_integer(
			    L, "frames_after", (lua_Integer)ro->ro_after);
		} else {
			binding_set_string(L, "why", ro->ro_why);
		}
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* At the prompt the table above is what one wants to see, not the rows. */
static int
rows_tostring(lua_State *L)
{
	lua_pushfstring(L, "%I rows", (LUAI_UACINT)lua_rawlen(L, 1));
	return 1;
}

int
lab_compare(lua_State *L)
{
	static const char *const more[] = { "variants", NULL };
	bool exact = time_harts_take_turns();
	struct comparison *co;

	lua_settop(L, 1);
	co = lua_newuserdatauv(L, sizeof(*co), 0);
	memset(co, 0, sizeof(*co));
	co->co_fact = exact ? "instr_per_op" : "ns_per_op";
	co->co_unit = exact ? "instr/op" : "ns/op";
	co->co_bench = lab_read(L, 1, "workload", more, &co->co_opt);
	lua_pushliteral(L, "variants");
	if (lua_rawget(L, 1) == LUA_TNIL)
		choose_all(L, co);
	else
		choose_named(L, co);
	lua_settop(L, 2);
	run_all(L, co);
	put_chart(L, co);
	push_rows(L, co);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, rows_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_setmetatable(L, -2);
	return 1;
}
