/* SPDX-License-Identifier: MIT */
/* The class bench.result: what bench.run returns. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "lib_bench.h"
#include "state.h"

#define NS_PER_S 1e9

static struct bench_result *
result_arg(lua_State *L, int arg)
{
	return luaL_checkudata(L, arg, BENCH_RESULT_CLASS);
}

struct bench_result *
bench_result_push(lua_State *L)
{
	struct bench_result *r = lua_newuserdatauv(L, sizeof(*r), 0);

	memset(r, 0, sizeof(*r));
	luaL_setmetatable(L, BENCH_RESULT_CLASS);
	return r;
}

/* Mean ns of one pair on one hart. */
static double
per_op(const struct bench_result *r)
{
	if (r->ops == 0)
		return 0;
	/* In turns `ns` is the sum over harts already. */
	return (double)r->ns * (r->turns ? 1.0 : (double)r->harts) /
	    (double)r->ops;
}

static double
ops_per_s(const struct bench_result *r)
{
	return r->ns == 0 ? 0 : (double)r->ops * NS_PER_S / (double)r->ns;
}

/* Three ways of measuring, never to be compared with each other. */
static const char *
mode(const struct bench_result *r)
{
	if (r->turns)
		return "exact";
	return r->exact ? "board" : "smp";
}

static double
cycles_per_op(const struct bench_result *r)
{
	return r->ops == 0 ? 0.0 : (double)r->cycles / (double)r->ops;
}

static double
instr_gross(const struct bench_result *r)
{
	return (double)r->instr / (double)r->instr_pairs;
}

static double
instr_per_op(const struct bench_result *r)
{
	return ((double)r->instr - (double)r->instr_noop) /
	    (double)r->instr_pairs +
	    2.0;
}

/* An integer when it is one: 22, not 22.0. */
static void
push_figure(lua_State *L, double v)
{
	lua_Integer whole;

	if (lua_numbertointeger(v, &whole) && (double)whole >= v &&
	    (double)whole <= v)
		lua_pushinteger(L, whole);
	else
		lua_pushnumber(L, v);
}

static uint64_t
stat_field(const struct kmem_stats *st, size_t offset)
{
	uint64_t v;

	memcpy(&v, (const char *)st + offset, sizeof(v));
	return v;
}

/* What a counter of the cache grew by; false when it does not count. */
static bool
counter_delta(const struct bench_result *r, const struct kmem_schema *field,
    uint64_t *delta)
{
	uint64_t before = stat_field(&r->before, field->offset);
	uint64_t after = stat_field(&r->after, field->offset);

	if (strcmp(field->kind, "counter") != 0 || before == KMEM_UNKNOWN ||
	    after == KMEM_UNKNOWN)
		return false;
	*delta = after - before;
	return true;
}

static void
push_counters(lua_State *L, const struct bench_result *r)
{
	const struct kmem_schema *schema;
	size_t n, i;
	uint64_t delta;

	schema = kmem_schema(&n);
	lua_createtable(L, 0, (int)n);
	for (i = 0; i < n; i++) {
		if (!counter_delta(r, &schema[i], &delta))
			continue;
		binding_set_integer(L, schema[i].name, (lua_Integer)delta);
	}
}

static bool
result_field(lua_State *L, const char *key)
{
	const struct bench_result *r = result_arg(L, 1);

	if (strcmp(key, "ops") == 0)
		lua_pushinteger(L, (lua_Integer)r->ops);
	else if (strcmp(key, "ns") == 0)
		lua_pushinteger(L, (lua_Integer)r->ns);
	else if (strcmp(key, "per_op") == 0)
		lua_pushnumber(L, per_op(r));
	else if (strcmp(key, "ops_per_s") == 0)
		lua_pushnumber(L, ops_per_s(r));
	else if (strcmp(key, "level") == 0)
		lua_pushstring(L, lcache_protect_name(r->protect));
	else if (strcmp(key, "counters") == 0)
		push_counters(L, r);
	else if (strcmp(key, "hist") == 0)
		(void)bench_hist_push(L, &r->hist);
	else if (strcmp(key, "name") == 0)
		lua_pushstring(L, r->name);
	else if (strcmp(key, "harts") == 0)
		lua_pushinteger(L, (lua_Integer)r->harts);
	else if (strcmp(key, "size") == 0)
		lua_pushinteger(L, (lua_Integer)r->size);
	else if (strcmp(key, "mode") == 0)
		lua_pushstring(L, mode(r));
	else if (strcmp(key, "cycles_per_op") == 0 && r->cycles != 0)
		push_figure(L, cycles_per_op(r));
	else if (strcmp(key, "instr_gross") == 0 && r->exact)
		push_figure(L, instr_gross(r));
	else if (strcmp(key, "instr_per_op") == 0 && r->exact)
		push_figure(L, instr_per_op(r));
	else
		return false;
	return true;
}

static void
write_line(lua_State *L, const char *line, int length)
{
	if (length > 0)
		lstate_write(L, line, strlen(line));
}

static void
print_counters(lua_State *L, const struct bench_result *r)
{
	const struct kmem_schema *schema;
	char line[160];
	size_t n, i, used;
	uint64_t delta;

	used = (size_t)snprintf(line, sizeof(line), "  counters    ");
	schema = kmem_schema(&n);
	for (i = 0; i < n; i++) {
		if (!counter_delta(r, &schema[i], &delta) || delta == 0)
			continue;
		if (used > 60) {
			line[used++] = '\n';
			lstate_write(L, line, used);
			used = (size_t)snprintf(
			    line, sizeof(line), "              ");
		}
		used += (size_t)snprintf(line + used, sizeof(line) - used,
		    "  %s %" PRIu64, schema[i].name, delta);
	}
	line[used++] = '\n';
	lstate_write(L, line, used);
}

static int
l_print(lua_State *L)
{
	const struct bench_result *r = result_arg(L, 1);
	char line[160];

	write_line(L, line,
	    snprintf(line, sizeof(line), "%s  %s  %zu B  %u hart%s%s%s\n",
		r->name, lcache_protect_name(r->protect), r->size, r->harts,
		r->harts == 1 ? "" : "s",
		r->turns && r->harts > 1 ? ", one after the other" : "",
		r->stopped ? "  stopped early" : ""));
	write_line(L, line,
	    snprintf(line, sizeof(line),
		"  pairs         %" PRIu64 " in %.1f ms: %.2f M/s, %.1f ns "
		"each on its hart\n",
		r->ops, (double)r->ns / 1e6, ops_per_s(r) / 1e6, per_op(r)));
	write_line(L, line,
	    snprintf(line, sizeof(line),
		"  64 pairs, ns  p50 %" PRIu64 "  p99 %" PRIu64 "  max %" PRIu64
		"\n",
		bench_hist_percentile(&r->hist, 500000),
		bench_hist_percentile(&r->hist, 990000), r->hist.bh_max));
	if (r->exact)
		write_line(L, line,
		    snprintf(line, sizeof(line),
			"  instructions  %.2f per pair; %.2f with loop and "
			"calls\n",
			instr_per_op(r), instr_gross(r)));
	if (r->cycles != 0)
		write_line(L, line,
		    snprintf(line, sizeof(line),
			"  cycles        %.1f per pair, loop included\n",
			cycles_per_op(r)));
	print_counters(L, r);
	return 0;
}

static int
l_json(lua_State *L)
{
	const struct bench_result *r = result_arg(L, 1);
	const struct kmem_schema *schema;
	const char *comma = "";
	char part[256];
	luaL_Buffer b;
	size_t n, i;
	uint64_t delta;

	luaL_buffinit(L, &b);
	(void)snprintf(part, sizeof(part),
	    "{\"name\":\"%s\",\"mode\":\"%s\",\"level\":\"%s\",\"size\":%zu,"
	    "\"harts\":%u,\"ops\":%" PRIu64 ",\"ns\":%" PRIu64
	    ",\"per_op\":%.3f,\"ops_per_s\":%.1f,",
	    r->name, mode(r), lcache_protect_name(r->protect), r->size,
	    r->harts, r->ops, r->ns, per_op(r), ops_per_s(r));
	luaL_addstring(&b, part);
	if (r->exact) {
		(void)snprintf(part, sizeof(part),
		    "\"instr_gross\":%.4f,\"instr_per_op\":%.4f,",
		    instr_gross(r), instr_per_op(r));
		luaL_addstring(&b, part);
	} else {
		luaL_addstring(
		    &b, "\"instr_gross\":null,\"instr_per_op\":null,");
	}
	if (r->cycles != 0) {
		(void)snprintf(part, sizeof(part), "\"cycles_per_op\":%.2f,",
		    cycles_per_op(r));
		luaL_addstring(&b, part);
	}
	(void)snprintf(part, sizeof(part),
	    "\"batch_ns\":{\"p50\":%" PRIu64 ",\"p99\":%" PRIu64
	    ",\"max\":%" PRIu64 "},\"counters\":{",
	    bench_hist_percentile(&r->hist, 500000),
	    bench_hist_percentile(&r->hist, 990000), r->hist.bh_max);
	luaL_addstring(&b, part);
	schema = kmem_schema(&n);
	for (i = 0; i < n; i++) {
		if (!counter_delta(r, &schema[i], &delta))
			continue;
		(void)snprintf(part, sizeof(part), "%s\"%s\":%" PRIu64, comma,
		    schema[i].name, delta);
		luaL_addstring(&b, part);
		comma = ",";
	}
	luaL_addstring(&b, "}}");
	luaL_pushresult(&b);
	return 1;
}

static int
l_tostring(lua_State *L)
{
	const struct bench_result *r = result_arg(L, 1);
	int64_t tenths = (int64_t)(per_op(r) * 10 + 0.5);

	lua_pushfstring(L, "bench.result '%s' %I pairs, %I.%d ns each", r->name,
	    (LUAI_UACINT)r->ops, (LUAI_UACINT)(tenths / 10),
	    (int)(tenths % 10));
	return 1;
}

static const struct binding result_methods[] = {
	{ "print", l_print, "r:print()",
	    "Print the figures and the counters that moved.", NULL },
	{ "json", l_json, "r:json() -> string",
	    "All figures as one line of JSON; `instr_…` null where "
	    "nothing counts them.",
	    NULL },
	{ "__tostring", l_tostring, NULL, "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class bench_result_class = {
	BENCH_RESULT_CLASS,
	"Figures of one run: ops (pairs), ns (longest hart), per_op (ns of a "
	"pair on its hart), ops_per_s (all harts), level, counters, hist; in "
	"exact mode and on hardware instr_gross and instr_per_op; on hardware "
	"cycles_per_op; name, size, harts, mode (exact, board or smp).",
	result_methods,
	result_field,
};
