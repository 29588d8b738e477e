/* SPDX-License-Identifier: MIT */
/* The benchmarks of group trace. Their load: bench/lab/load/replay.c. */
#include "lab.h"

const struct lab_bench lab_trace[] = {
	{ "trace/server",
	    "a made trace: requests with buffers, small objects and an answer "
	    "another hart frees, and sessions (bench/lab/trace_make.c)",
	    0, { { "objects", "of the trace", 2000, 200000, 524288 } }, 4, 16 },
	{ "trace/compile",
	    "a made trace: functions whose nodes die together, and symbols "
	    "that stay (bench/lab/trace_make.c)",
	    0, { { "objects", "of the trace", 2000, 200000, 524288 } }, 4, 16 },
	{ "trace/adversary",
	    "a made trace: growing sizes, one object in 16 survives, freed by "
	    "another hart (after Robson 1971; bench/lab/trace_make.c)",
	    0, { { "objects", "of the trace", 2304, 200000, 524288 } }, 4, 16 },
	{ "trace/file",
	    "a trace of Linux's kmem events, loaded with lab.trace (made by "
	    "scripts/trace-convert)",
	    0, { { NULL, NULL, 0, 0, 0 } }, 4, 16 },
	{ 0 },
};
