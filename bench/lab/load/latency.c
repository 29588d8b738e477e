/* SPDX-License-Identifier: MIT */
/*
 * Group latency: single calls. The longest time with interrupts off needs a
 * timer, which no load has: it is a probe, bench/metal/probe_irqoff.c. Included
 * by all.c.
 */

#include "tail.c"

static const struct lab_load load_latency[] = {
	{ "latency/tail", NULL, tail_lane, tail_open, tail_enter, tail_step,
	    tail_leave, held_close },
	{ "latency/tail-grow", NULL, tail_grow_lane, tail_open, tail_grow_enter,
	    tail_grow_step, tail_leave, held_close },
	{ 0 },
};
