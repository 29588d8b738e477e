/* SPDX-License-Identifier: MIT */
/*
 * Group latency: single calls. The longest time with interrupts off needs a
 * timer, which no load has: it is a probe, bench/metal/probe_irqoff.c. Included
 * by all.c.
 */

#include "tail.c"

static const struct lab_load load_latency[] = {
	{ "latency/tail", tail_shared, tail_lane, tail_open, tail_enter,
	    tail_step, tail_leave, tail_close },
	{ "latency/tail-grow", tail_shared, tail_grow_lane, tail_open,
	    tail_grow_enter, tail_grow_step, tail_leave, tail_close },
	{ 0 },
};
