/* SPDX-License-Identifier: MIT */
/* The benchmarks of group memory. Their loads: bench/lab/load/memory.c. */
#include "lab.h"

#define SIZE_BYTES                                                             \
	{                                                                      \
		"size", "bytes", 64, 64, 131072                                \
	}

const struct lab_bench lab_memory_benches[] = {
	{ "memory/frag-steady",
	    "random replacement of mixed sizes, 16 to 2,048 B: frames over "
	    "bytes asked (Wilson and others 1995)",
	    0, { { "live", "objects of each hart", 2000, 10000, 100000 } }, 2,
	    12 },
	{ "memory/frag-adversary",
	    "one survivor in 64 objects, then another size: frames pinned "
	    "(Robson 1977)",
	    LAB_ONE_HART | LAB_WHOLE,
	    { { "size", "bytes", 64, 64, 65536 },
		{ "n", "objects", 4096, 200000, 200000 } },
	    0, 4 },
	{ "memory/blowup",
	    "one hart allocates, another frees: memory may not grow (Berger "
	    "and others 2000, Hoard)",
	    0, { SIZE_BYTES, { "n", "objects of a round", 250, 1000, 100000 } },
	    4, 16 },
	{ "memory/colour",
	    "misses of a model of the U74's data cache, walking objects at the "
	    "same place of many slabs (Bonwick 1994)",
	    LAB_ONE_HART | LAB_WHOLE,
	    { { "size", "bytes", 512, 512, 4096 },
		{ "n", "objects", 4608, 4608, 8192 } },
	    0, 1 },
	{ "memory/footprint",
	    "n objects of one size: frames over bytes asked (Bonwick 1994)",
	    LAB_WHOLE,
	    { SIZE_BYTES,
		{ "n", "objects of all harts", 20000, 200000, 400000 } },
	    0, 10 },
	{ "memory/mag-hold",
	    "what harts keep when idle, by the size of magazines (Bonwick and "
	    "Adams 2001)",
	    LAB_OURS,
	    { SIZE_BYTES,
		{ "mag", "rounds of a magazine; 0: as the allocator chooses", 0,
		    0, 61 },
		{ "n", "objects of a burst, at most", 300, 1000, 100000 } },
	    2, 6 },
	{ "memory/reap", "memory given back when nothing is in use",
	    LAB_ONE_HART | LAB_WHOLE | LAB_REAP,
	    { SIZE_BYTES, { "n", "objects", 1500, 100000, 200000 } }, 0, 3 },
	{ "memory/reap-load",
	    "memory taken back from harts while they allocate and free",
	    LAB_TWO_UP | LAB_WHOLE | LAB_REAP,
	    { SIZE_BYTES,
		{ "live", "objects of each hart", 500, 10000, 100000 } },
	    2, 8 },
	{ "memory/shrink", "memory given back while half of it is in use",
	    LAB_ONE_HART | LAB_WHOLE | LAB_REAP,
	    { SIZE_BYTES, { "n", "objects", 1500, 100000, 200000 } }, 0, 3 },
	{ "memory/oom",
	    "64 KiB objects until memory is out, then freed: failing calls, "
	    "and the way back",
	    LAB_ONE_HART | LAB_WHOLE | LAB_OURS,
	    { { "limit", "objects; 0: until the machine has none", 200, 0,
		4096 } },
	    0, 2 },
	{ 0 },
};
