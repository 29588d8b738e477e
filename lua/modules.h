/* SPDX-License-Identifier: MIT */
/*
 * Every module and class of the image, by the file that defines it. The lists
 * in lua/modules.c are what a fresh state opens and what help() knows.
 */
#ifndef LUA_MODULES_H
#define LUA_MODULES_H

#include "binding.h"

/* lib_base.c, lib_help.c: names in _G. */
extern const struct binding_module lib_base_module;
extern const struct binding_module lib_debug_module;
extern const struct binding_module lib_help_module;
/* lib_sys.c, lib_con.c, lib_fs.c, lib_unsafe.c */
extern const struct binding_module lib_sys_module;
extern const struct binding_module lib_con_module;
extern const struct binding_module lib_fs_module;
extern const struct binding_module lib_unsafe_module; /* only unsafe=1 */
/* lib_slab.c, obj.c, batch.c */
extern const struct binding_module lib_slab_module;
extern const struct binding_class slab_cache_class;
extern const struct binding_class slab_obj_class;
extern const struct binding_class slab_batch_class;
/* lib_frame.c */
extern const struct binding_module lib_frame_module;
extern const struct binding_class frame_run_class;
extern const struct binding_class frame_guard_class;
/* lib_hart.c, job.c, chan.c */
extern const struct binding_module lib_hart_module;
extern const struct binding_class hart_job_class;
extern const struct binding_class hart_chan_class;
extern const struct binding_class hart_counter_class;
extern const struct binding_class hart_barrier_class;
/* lib_board.c */
extern const struct binding_module lib_board_module;
extern const struct binding_class board_plant_class;
/* lib_bench.c, lib_trace.c, lib_fault.c */
extern const struct binding_module lib_bench_module;
extern const struct binding_class bench_result_class;
extern const struct binding_class bench_hist_class;
extern const struct binding_module lib_trace_module;
extern const struct binding_module lib_fault_module;
/* lib_lab.c; bench_lab.c in the image of `make lab` */
extern const struct binding_module lib_lab_module;
/* bench_probe.c: only in the image of `make bench` */
extern const struct binding_module lib_probe_module __attribute__((weak));

int lib_sys_dt(lua_State *L); /* dt.c */

/* Open everything in a fresh state; `unsafe` adds the module of that name. */
void modules_open(lua_State *L, bool unsafe);

#endif
