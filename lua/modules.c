/* SPDX-License-Identifier: MIT */
/* The list of everything Lua offers: opened in each state, read by help(). */
#include "modules.h"

#include "lualib.h"

const struct binding_module *const binding_modules[] = {
	&lib_base_module,
	&lib_debug_module,
	&lib_help_module,
	&lib_slab_module,
	&lib_frame_module,
	&lib_hart_module,
	&lib_bench_module,
	&lib_board_module,
	&lib_trace_module,
	&lib_fault_module,
	&lib_con_module,
	&lib_fs_module,
	&lib_sys_module,
	&lib_unsafe_module,
	&lib_lab_module,
	/* NULL, and the list's end, in an image without it. */
	&lib_probe_module,
	NULL,
};

const struct binding_class *const binding_classes[] = {
	&slab_cache_class,
	&slab_obj_class,
	&slab_batch_class,
	&frame_run_class,
	&frame_guard_class,
	&hart_job_class,
	&hart_chan_class,
	&hart_counter_class,
	&hart_barrier_class,
	&bench_result_class,
	&bench_hist_class,
	&board_plant_class,
	NULL,
};

/* Lua's own, without io, os, package and debug. */
static const luaL_Reg standard[] = {
	{ LUA_GNAME, luaopen_base },
	{ LUA_COLIBNAME, luaopen_coroutine },
	{ LUA_TABLIBNAME, luaopen_table },
	{ LUA_STRLIBNAME, luaopen_string },
	{ LUA_MATHLIBNAME, luaopen_math },
	{ LUA_UTF8LIBNAME, luaopen_utf8 },
	{ NULL, NULL },
};

void
modules_open(lua_State *L, bool unsafe)
{
	const luaL_Reg *lib;
	size_t i;

	for (lib = standard; lib->func != NULL; lib++) {
		luaL_requiref(L, lib->name, lib->func, 1);
		lua_pop(L, 1);
	}
	for (i = 0; binding_classes[i] != NULL; i++)
		binding_open_class(L, binding_classes[i]);
	for (i = 0; binding_modules[i] != NULL; i++) {
		if (binding_modules[i] != &lib_unsafe_module || unsafe)
			binding_open_module(L, binding_modules[i]);
	}
}
