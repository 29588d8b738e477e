/* SPDX-License-Identifier: MIT */
/* Group micro: what a caller pays. Included by all.c. */

#include "burst.c"
#include "ctor.c"
#include "depot.c"
#include "grow.c"
#include "kmalloc_sizes.c"
#include "mag_edge.c"
#include "pair.c"
#include "slab_path.c"

static const struct lab_load load_micro[] = {
	{ "micro/pair", NULL, NULL, pair_open, NULL, pair_step, pair_leave,
	    pair_close },
	{ "micro/burst", NULL, burst_lane, burst_open, burst_enter, burst_step,
	    burst_leave, held_close },
	{ "micro/mag-edge", NULL, mag_edge_lane, mag_edge_open, NULL,
	    mag_edge_step, mag_edge_leave, held_close },
	{ "micro/depot", NULL, depot_lane, depot_open, NULL, depot_step,
	    depot_leave, held_close },
	{ "micro/slab-path", NULL, slab_path_lane, slab_path_open,
	    slab_path_enter, slab_path_step, slab_path_leave, held_close },
	{ "micro/grow", NULL, grow_lane, grow_open, grow_enter, grow_step,
	    grow_leave, grow_close },
	{ "micro/ctor", NULL, ctor_lane, ctor_open, NULL, ctor_step, pair_leave,
	    held_close },
	{ "micro/kmalloc-sizes", NULL, sizes_lane, sizes_open, NULL, sizes_step,
	    sizes_leave, sizes_close },
	{ 0 },
};
