/* SPDX-License-Identifier: MIT */
/* The benchmarks of group control. Their loads: bench/lab/load/control.c. */
#include "lab.h"

const struct lab_bench lab_control[] = {
	{ "control/noop",
	    "the loop of micro/pair: on the variant noop, what the harness "
	    "costs",
	    LAB_ONE_HART, { { "size", "bytes", 64, 64, 131072 } }, 2, 10 },
	{ "control/spin",
	    "arithmetic that allocates nothing: the machine's "
	    "noise",
	    0, { { 0 } }, 1, 10 },
	{ 0 },
};
