/* SPDX-License-Identifier: MIT */
/* The benchmarks of group system. Their loads: bench/lab/load/system.c. */
#include "lab.h"

const struct lab_bench lab_system[] = {
	{ "system/zone",
	    "runs of 1 to 1,024 frames, allocated and freed by every hart: "
	    "each call's cost, by order",
	    LAB_WHOLE | LAB_OURS, { { NULL, NULL, 0, 0, 0 } }, 11, 22 },
	{ "system/lua",
	    "a Lua state on the allocator's size classes, and on an arena: "
	    "Fibonacci numbers, strings that come and go",
	    LAB_WHOLE | LAB_ONE_HART, { { NULL, NULL, 0, 0, 0 } }, 0, 1 },
	{ 0 },
};
