/* SPDX-License-Identifier: MIT */
/*
 * sys.dt: the device tree as tables. The blob was checked as a whole at boot;
 * depth and sizes are bounded here all the same.
 */
#include <stdbool.h>
#include <string.h>

#include <kernel/boot.h>
#include <libfdt.h>

#include "binding.h"
#include "modules.h"
#include "state.h"

#define DEPTH_MAX 16
#define CELLS_MAX 256 /* of a property shown as cells */

static void
push_cells(lua_State *L, const void *data, int length)
{
	const uint8_t *at = data;
	int i;

	lua_createtable(L, length / 4, 0);
	for (i = 0; i < length / 4; i++, at += 4) {
		uint32_t v = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		    (uint32_t)at[2] << 8 | at[3];

		lua_pushinteger(L, v);
		lua_rawseti(L, -2, i + 1);
	}
}

/* Properties of the node go into the table at the top. */
static void
add_properties(lua_State *L, const void *fdt, int node)
{
	int at, length;
	const char *name;
	const void *data;

	lua_newtable(L);
	fdt_for_each_property_offset(at, fdt, node)
	{
		data = fdt_getprop_by_offset(fdt, at, &name, &length);
		if (data == NULL || length < 0)
			continue;
		lua_pushlstring(L, data, (size_t)length);
		lua_setfield(L, -3, name);
		if (length > 0 && length % 4 == 0 && length / 4 <= CELLS_MAX) {
			push_cells(L, data, length);
			lua_setfield(L, -2, name);
		}
	}
	lua_setfield(L, -2, "cells");
}

static void
push_node(lua_State *L, const void *fdt, int node, int depth)
{
	int child;

	luaL_checkstack(L, 8, "device tree");
	lstate_poll(L);
	lua_newtable(L);
	add_properties(L, fdt, node);
	lua_newtable(L);
	if (depth < DEPTH_MAX) {
		fdt_for_each_subnode(child, fdt, node)
		{
			push_node(L, fdt, child, depth + 1);
			lua_setfield(L, -2, fdt_get_name(fdt, child, NULL));
		}
	}
	lua_setfield(L, -2, "nodes");
}

int
lib_sys_dt(lua_State *L)
{
	const char *path = luaL_optstring(L, 1, "/");
	size_t size;
	const void *fdt = boot_dtb(&size);
	int node;

	if (fdt == NULL)
		return binding_fail(L, "ENOENT", "there is no device tree");
	node = fdt_path_offset(fdt, path);
	if (node < 0)
		return binding_fail(
		    L, "ENOENT", "no node '%s': %s", path, fdt_strerror(node));
	push_node(L, fdt, node, 0);
	return 1;
}
