/* SPDX-License-Identifier: MIT */
/*
 * Group smp: what harts do to each other. Included by all.c.
 *
 * Every load here must be right in two ways of running: harts that take turns
 * step by step, where a figure must repeat to the digit, and harts that run at
 * once. So harts meet only in what boxes.c, a ring or an exchange hands over,
 * and what a step does depends on random numbers and on what the steps before
 * it left, never on an address.
 */

#include "boxes.c"
#include "classes.c"
#include "share.c"

#include "alloc_test.c"
#include "barnes.c"
#include "cache_lines.c"
#include "concurrent.c"
#include "larson.c"
#include "mleak.c"
#include "mstress.c"
#include "one_to_n.c"
#include "remote_free.c"
#include "rptest.c"
#include "scale.c"
#include "scale_batch.c"
#include "sh.c"
#include "xmalloc.c"

static const struct lab_load load_smp[] = {
	{ "smp/scale", NULL, NULL, scale_open, NULL, scale_step, leave_nothing,
	    heap_close },
	{ "smp/scale-batch", NULL, scale_batch_lane, scale_batch_open, NULL,
	    scale_batch_step, leave_nothing, heap_close },
	{ "smp/concurrent", NULL, concurrent_lane, concurrent_open,
	    concurrent_enter, concurrent_step, concurrent_leave, heap_close },
	{ "smp/remote-free", remote_free_shared, NULL, remote_free_open, NULL,
	    remote_free_step, leave_nothing, boxed_close },
	{ "smp/one-to-n", one_to_n_shared, NULL, one_to_n_open, NULL,
	    one_to_n_step, leave_nothing, one_to_n_close },
	{ "smp/larson", larson_shared, larson_lane, larson_open, larson_enter,
	    larson_step, larson_leave, larson_close },
	{ "smp/xmalloc", xmalloc_shared, NULL, xmalloc_open, NULL, xmalloc_step,
	    leave_nothing, boxed_close },
	{ "smp/cache-scratch", lines_shared_bytes, lines_lane_bytes,
	    scratch_open, lines_enter, lines_step, lines_leave, lines_close },
	{ "smp/cache-thrash", lines_shared_bytes, lines_lane_bytes, lines_open,
	    lines_enter, lines_step, lines_leave, lines_close },
	{ "smp/mstress", mstress_shared, mstress_lane, larson_open,
	    mstress_enter, mstress_step, mstress_leave, mstress_close },
	{ "smp/rptest", rptest_shared, rptest_lane, rptest_open, rptest_enter,
	    rptest_step, rptest_leave, boxed_close },
	{ "smp/sh6", NULL, sh_lane, sh6_open, sh_enter, sh6_step, sh_leave,
	    classes_close },
	{ "smp/sh8", sh8_shared, sh_lane, sh8_open, sh_enter, sh8_step,
	    sh_leave, boxed_close },
	{ "smp/alloc-test", NULL, places_lane, places_open, places_enter,
	    alloc_test_step, places_leave, classes_close },
	{ "smp/thread-cache", NULL, places_lane, places_open,
	    thread_cache_enter, thread_cache_step, places_leave,
	    classes_close },
	{ "smp/mleak", mleak_shared, mleak_lane, mleak_open, NULL, mleak_step,
	    leave_nothing, mleak_close },
	{ "smp/barnes-like", NULL, barnes_lane, barnes_open, barnes_enter,
	    barnes_step, barnes_leave, barnes_close },
	{ 0 },
};
