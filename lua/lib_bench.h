/* SPDX-License-Identifier: MIT */
/* What the files of the module `bench` share. */
#ifndef LUA_LIB_BENCH_H
#define LUA_LIB_BENCH_H

#include <stdint.h>

#include <bench/bench.h>

#include "modules.h"

#define BENCH_RESULT_CLASS "bench.result"
#define BENCH_HIST_CLASS   "bench.hist"

/* lua/bench_result.c: push an empty result. */
struct bench_result *bench_result_push(lua_State *L);
/* lua/bench_hist.c: push a copy, or an empty one when `from` is NULL. */
struct bench_hist *bench_hist_push(lua_State *L, const struct bench_hist *from);

/* lua/bench_storm.c */
int bench_storm(lua_State *L);
int bench_exhaust(lua_State *L);
int bench_progress(lua_State *L);

#endif
