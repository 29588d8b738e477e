/* SPDX-License-Identifier: MIT */
/* Group micro: what a caller pays. Included by all.c. */

#include "pair.c"

static const struct lab_load load_micro[] = {
	{ "micro/pair", NULL, NULL, pair_open, NULL, pair_step, pair_leave,
	    pair_close },
	{ 0 },
};
