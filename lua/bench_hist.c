/* SPDX-License-Identifier: MIT */
/* The class bench.hist: histograms in Lua's hands. Theory: bench/hist.c. */
#include <string.h>

#include <bench/hist.h>
#include <kernel/fmt.h>

#include "lib_bench.h"
#include "state.h"

#define PLOT_WIDTH 40u /* characters of the longest bar */
#define PLOT_ROWS  64u /* one for each doubling */

static struct bench_hist *
hist_arg(lua_State *L, int arg)
{
	return luaL_checkudata(L, arg, BENCH_HIST_CLASS);
}

struct bench_hist *
bench_hist_push(lua_State *L, const struct bench_hist *from)
{
	struct bench_hist *h = lua_newuserdatauv(L, sizeof(*h), 0);

	if (from != NULL)
		*h = *from;
	else
		memset(h, 0, sizeof(*h));
	luaL_setmetatable(L, BENCH_HIST_CLASS);
	return h;
}

static int
l_add(lua_State *L)
{
	struct bench_hist *h = hist_arg(L, 1);
	lua_Integer value, times = 1;

	value = binding_integer(L, 2, 0, LUA_MAXINTEGER, "a value");
	if (!lua_isnoneornil(L, 3))
		times = binding_integer(L, 3, 0, LUA_MAXINTEGER, "a count");
	bench_hist_add(h, (uint64_t)value, (uint64_t)times);
	lua_settop(L, 1);
	return 1;
}

static int
l_merge(lua_State *L)
{
	bench_hist_merge(hist_arg(L, 1), hist_arg(L, 2));
	lua_settop(L, 1);
	return 1;
}

static int
l_p(lua_State *L)
{
	struct bench_hist *h = hist_arg(L, 1);
	lua_Number p = luaL_checknumber(L, 2);

	luaL_argcheck(L, p >= 0 && p <= 100, 2, "a percentile must be 0..100");
	lua_pushinteger(
	    L, (lua_Integer)bench_hist_percentile(h, (uint32_t)(p * 10000.0)));
	return 1;
}

static int
l_max(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)hist_arg(L, 1)->bh_max);
	return 1;
}

static int
l_min(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)hist_arg(L, 1)->bh_min);
	return 1;
}

static int
l_mean(lua_State *L)
{
	struct bench_hist *h = hist_arg(L, 1);

	if (h->bh_count == 0)
		lua_pushnumber(L, 0);
	else
		lua_pushnumber(
		    L, (lua_Number)h->bh_sum / (lua_Number)h->bh_count);
	return 1;
}

static int
l_count(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)hist_arg(L, 1)->bh_count);
	return 1;
}

/* One row per doubling between the least and the greatest value. */
static int
l_plot(lua_State *L)
{
	struct bench_hist *h = hist_arg(L, 1);
	uint64_t rows[PLOT_ROWS] = { 0 }, most = 0, low, high;
	char line[128], bar[PLOT_WIDTH + 1];
	unsigned row, first = PLOT_ROWS, last = 0;
	size_t i, n;

	for (i = 0; i < BENCH_BUCKETS; i++) {
		if (h->bh_bucket[i] == 0)
			continue;
		bench_hist_range(i, &low, &high);
		row = 63u - (unsigned)__builtin_clzll(low | 1u);
		rows[row] += h->bh_bucket[i];
		first = row < first ? row : first;
		last = row > last ? row : last;
		most = rows[row] > most ? rows[row] : most;
	}
	for (row = first; row <= last && most > 0; row++) {
		/* No overflow: counts of ns events stay far below 2^58. */
		n = (size_t)((double)rows[row] / (double)most * PLOT_WIDTH);
		if (n == 0 && rows[row] > 0)
			n = 1;
		memset(bar, '#', n);
		bar[n] = '\0';
		low = row == 0 ? 0 : (uint64_t)1 << row;
		(void)fmt_format(line, sizeof(line), "%16llu.. %10llu %s\n",
		    (unsigned long long)low, (unsigned long long)rows[row],
		    bar);
		lstate_write(L, line, strlen(line));
	}
	(void)fmt_format(line, sizeof(line),
	    "count %llu  min %llu  p50 %llu  p99 %llu  max %llu\n",
	    (unsigned long long)h->bh_count, (unsigned long long)h->bh_min,
	    (unsigned long long)bench_hist_percentile(h, 500000),
	    (unsigned long long)bench_hist_percentile(h, 990000),
	    (unsigned long long)h->bh_max);
	lstate_write(L, line, strlen(line));
	return 0;
}

static int
l_tostring(lua_State *L)
{
	struct bench_hist *h = hist_arg(L, 1);

	lua_pushfstring(L, "bench.hist count %I min %I p50 %I p99 %I max %I",
	    (LUAI_UACINT)h->bh_count, (LUAI_UACINT)h->bh_min,
	    (LUAI_UACINT)bench_hist_percentile(h, 500000),
	    (LUAI_UACINT)bench_hist_percentile(h, 990000),
	    (LUAI_UACINT)h->bh_max);
	return 1;
}

static const struct binding hist_methods[] = {
	{ "add", l_add, "h:add(v [, n]) -> h",
	    "Count the integer v, 0 or more, n times (1).", NULL },
	{ "merge", l_merge, "h:merge(h2) -> h", "Add all of h2's values.",
	    NULL },
	{ "p", l_p, "h:p(percent) -> v",
	    "The value that `percent` (0..100) of all lie at or below; errs "
	    "upwards by less than 12.5 %.",
	    NULL },
	{ "max", l_max, "h:max() -> v", "The greatest value, exact.", NULL },
	{ "min", l_min, "h:min() -> v", "The least value, exact.", NULL },
	{ "mean", l_mean, "h:mean() -> number", "The mean of all values.",
	    NULL },
	{ "count", l_count, "h:count() -> n", "How many values there are.",
	    NULL },
	{ "plot", l_plot, "h:plot()",
	    "Print a bar for each doubling, and a line of percentiles.", NULL },
	{ "__tostring", l_tostring, NULL, "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class bench_hist_class = {
	BENCH_HIST_CLASS,
	"Histogram of integers, with a bounded relative error.",
	hist_methods,
	NULL,
};
