/* SPDX-License-Identifier: MIT */
/* What the driver itself is tried with. Its load: bench/lab/load/turns.c. */
#include "codes.h"

const struct lab_bench lab_turns[] = {
	{ "control/turns",
	    "objects that go through the hands of all harts: tries the driver",
	    0,
	    { { "size", "bytes", 64, 64, 131072 },
		{ "fault",
		    "0: none; 1 leak, 2 all wait, 3 no memory, 4 by address, "
		    "5 no memory at first",
		    0, 0, 5 } },
	    4, 20 },
	{ 0 },
};
