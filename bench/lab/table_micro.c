/* SPDX-License-Identifier: MIT */
/*
 * The benchmarks of group micro: one hart, one heap, one path each. Their
 * loads: bench/lab/load/micro.c.
 */
#include "lab.h"

#define SIZE_BYTES                                                             \
	{                                                                      \
		"size", "bytes", 64, 64, 131072                                \
	}

const struct lab_bench lab_micro[] = {
	{ "micro/pair",
	    "one object allocated and freed at once (Linux slab_test, 2)",
	    LAB_ONE_HART, { SIZE_BYTES }, 2, 10 },
	{ "micro/burst", "n objects allocated, then freed (Linux slab_test, 1)",
	    LAB_ONE_HART,
	    { SIZE_BYTES, { "n", "objects", 1000, 100000, 200000 },
		{ "order", "of frees: 0 last first, 1 first first, 2 random", 1,
		    1, 2 } },
	    2, 4 },
	{ "micro/mag-edge",
	    "one or two objects taken and given back at every place of a "
	    "magazine, its edges too (Bonwick and Adams 2001)",
	    LAB_ONE_HART, { SIZE_BYTES }, 2, 4 },
	{ "micro/depot",
	    "192 objects taken and given back: magazines go through the depot "
	    "(Bonwick and Adams 2001)",
	    LAB_ONE_HART, { SIZE_BYTES }, 2, 6 },
	{ "micro/slab-path",
	    "half of 1,024 objects freed, put back into their slabs by a reap, "
	    "and allocated again (Bonwick 1994)",
	    LAB_ONE_HART | LAB_REAP, { SIZE_BYTES }, 2, 4 },
	{ "micro/grow",
	    "from nothing to n objects and back to nothing: slabs and frames "
	    "each time (Bonwick 1994)",
	    LAB_ONE_HART | LAB_REAP,
	    { SIZE_BYTES, { "n", "objects", 1000, 100000, 200000 } }, 1, 3 },
	{ "micro/ctor",
	    "256 B whose constructor writes each word, of which the caller "
	    "reads one (Bonwick 1994)",
	    LAB_ONE_HART | LAB_CTOR, { { 0 } }, 1, 6 },
	{ "micro/kmalloc-sizes",
	    "two dozen objects of each of 12 sizes, 8 to 4,096 B "
	    "(glibc-simple of mimalloc-bench)",
	    LAB_ONE_HART, { { 0 } }, 2, 8 },
	{ 0 },
};
