/* SPDX-License-Identifier: MIT */
/* What the files of the module `bench` share. */
#ifndef LUA_LIB_BENCH_H
#define LUA_LIB_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include <bench/bench.h>

#include "modules.h"

#define BENCH_RESULT_CLASS "bench.result"
#define BENCH_HIST_CLASS   "bench.hist"

/* lua/bench_result.c: push an empty result. */
struct bench_result *bench_result_push(lua_State *L);
/* lua/bench_hist.c: push a copy, or an empty one when `from` is NULL. */
struct bench_hist *bench_hist_push(lua_State *L, const struct bench_hist *from);

/*
 * What the long ones have in common: options harts, s, seed and progress. The
 * function for progress stays on the stack, and so does its error.
 */
struct lstate;
struct bench_watcher {
	lua_State *L;
	struct lstate *state;
	int function; /* stack index; 0: none */
	bool failed;  /* its error is on the top of the stack */
};
struct bench_common {
	struct bench_watcher watcher;
	unsigned harts;
	uint64_t seed, time_ns; /* 0: not given */
};
void bench_read_common(lua_State *L, int table, struct bench_common *c);
/* Call it with done / total; false when the work is to end. */
bool bench_watch(void *watcher, uint64_t done, uint64_t total);

/* lua/bench_storm.c */
int bench_storm(lua_State *L);
int bench_exhaust(lua_State *L);
int bench_progress(lua_State *L);

#endif
