/* SPDX-License-Identifier: MIT */
/* The benchmarks of group latency. Their loads: bench/lab/load/latency.c. */
#include "lab.h"

#define SIZE_BYTES                                                             \
	{                                                                      \
		"size", "bytes", 64, 64, 131072                                \
	}

const struct lab_bench lab_latency[] = {
	{ "latency/tail",
	    "each call of a mix of random changes, bursts and reaps", LAB_TIMED,
	    { SIZE_BYTES }, 2, 12 },
	{ "latency/tail-grow",
	    "each allocation of a fill from an empty heap: new slabs included",
	    LAB_TIMED,
	    { SIZE_BYTES,
		{ "n", "objects of each hart", 2000, 20000, 200000 } },
	    0, 8 },
	{ 0 },
};
