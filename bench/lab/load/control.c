/* SPDX-License-Identifier: MIT */
/*
 * Group control: what the harness and the machine add. Included by all.c.
 *
 * control/noop is micro/pair (micro.c) under another name: on the variant noop
 * it says what loop and calls cost by themselves.
 */

#include "spin.c"

static const struct lab_load load_control[] = {
	{ "control/noop", NULL, NULL, pair_open, NULL, pair_step, pair_leave,
	    pair_close },
	{ "control/spin", NULL, spin_lane, spin_open, NULL, spin_step,
	    pair_leave, spin_close },
	{ 0 },
};
