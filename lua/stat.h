/* SPDX-License-Identifier: MIT */
/* A snapshot of all caches, as reports, rows and marks read it. */
#ifndef LUA_STAT_H
#define LUA_STAT_H

#include "cache.h"

struct stat_row {
	struct kmem_info info;
	struct kmem_stats stats;
	uint64_t gc_freed;
};

/*
 * Push a userdata with one row for each cache whose name matches, sorted by
 * name; *n is how many. Raises when Lua has no memory.
 */
struct stat_row *stat_snapshot(lua_State *L, const char *pattern, size_t *n);
/* Set every statistic of the row in the table on top. */
void stat_set_fields(lua_State *L, const struct stat_row *row);
/* The human report, JSON and CSV of the rows: push one string. */
void stat_push_report(lua_State *L, const struct stat_row *rows, size_t n);
void stat_push_json(lua_State *L, const struct stat_row *rows, size_t n);
void stat_push_csv(lua_State *L, const struct stat_row *rows, size_t n);
/* A field by its schema record. */
uint64_t stat_value(const struct stat_row *row, const struct kmem_schema *k);

#endif
