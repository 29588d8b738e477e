/* SPDX-License-Identifier: MIT */
/* What the files of the module `lab` share. */
#ifndef LUA_LAB_H
#define LUA_LAB_H

#include <bench/lab.h>

#include "modules.h"

#define LAB_RESULT_CLASS "lab.result"

/*
 * What the options have in common: a benchmark (under the name `key`: an id,
 * or what follows its slash), harts, seed, time_ms, full, and the benchmark's
 * parameters; `more` are names besides, NULL ends. Raises for what is wrong.
 */
const struct lab_bench *lab_read(lua_State *L, int table, const char *key,
    const char *const more[], struct lab_options *opt);
/* By name; raises, and names all, when there is none. */
const struct lab_variant *lab_variant_arg(
    lua_State *L, int table, const char *name);
/*
 * Run, with Ctrl-C. True: the result's table is on the stack; false: nil,
 * message and code are.
 */
bool lab_push_run(lua_State *L, const struct lab_options *opt);

/* lua/lab_result.c: push the table of a result. */
void lab_push_result(lua_State *L, const struct lab_bench *lb,
    const struct lab_options *opt, const struct lab_result *r);
/* A figure of the result; NULL: it has none of that name. */
const struct lab_fact *lab_find_fact(
    const struct lab_result *r, const char *name);
/* value / per with two digits, rounded, as text. */
void lab_format(char *to, size_t n, uint64_t value, uint64_t per);

int lab_compare(lua_State *L); /* lua/lab_compare.c */

#endif
