/* SPDX-License-Identifier: MIT */
/* Group memory: what is taken, and what comes back. Included by all.c. */

#include <mm/frame.h>

#include "../l1.h"

#include "meter.c"

#include "blowup.c"
#include "colour.c"
#include "footprint.c"
#include "frag_adversary.c"
#include "frag_steady.c"
#include "mag_hold.c"
#include "oom.c"
#include "reap.c"
#include "reap_load.c"

static const struct lab_load load_memory[] = {
	{ "memory/frag-steady", steady_shared, steady_lane, steady_open,
	    steady_enter, steady_step, steady_leave, steady_close },
	{ "memory/frag-adversary", adversary_shared, NULL, adversary_open, NULL,
	    adversary_step, adversary_leave, adversary_close },
	{ "memory/blowup", blowup_shared, NULL, blowup_open, NULL, blowup_step,
	    blowup_leave, blowup_close },
	{ "memory/colour", colour_shared, NULL, colour_open, NULL, colour_step,
	    colour_leave, colour_close },
	{ "memory/footprint", footprint_shared, footprint_lane, footprint_open,
	    NULL, footprint_step, footprint_leave, footprint_close },
	{ "memory/mag-hold", NULL, mag_hold_lane, mag_hold_open, mag_hold_enter,
	    mag_hold_step, mag_hold_leave, mag_hold_close },
	{ "memory/reap", reap_shared, NULL, reap_open, NULL, reap_step,
	    reap_leave, reap_close },
	{ "memory/reap-load", NULL, reap_load_lane, reap_load_open,
	    reap_load_enter, reap_load_step, reap_load_leave, reap_load_close },
	{ "memory/shrink", reap_shared, NULL, reap_open, NULL, shrink_step,
	    reap_leave, shrink_close },
	{ "memory/oom", oom_shared, NULL, oom_open, NULL, oom_step, oom_leave,
	    oom_close },
	{ 0 },
};
