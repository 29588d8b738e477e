/* SPDX-License-Identifier: MIT */
/* The benchmarks of group micro. Their loads: bench/lab/load/micro.c. */
#include "lab.h"

const struct lab_bench lab_micro[] = {
	{ "micro/pair",
	    "one object allocated and freed at once (Linux slab_test, 2)",
	    LAB_ONE_HART, { { "size", "bytes", 64, 64, 131072 } }, 2, 10 },
	{ 0 },
};
