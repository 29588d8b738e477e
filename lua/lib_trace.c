/* SPDX-License-Identifier: MIT */
/* The module `trace`: its names exist, its functions come later. */
#include "modules.h"

static const struct binding trace_functions[] = {
	{ "start", binding_not_yet, "trace.start{...}",
	    "Begin to record allocs and frees. Not in this version: raises.",
	    NULL },
	{ "stop", binding_not_yet, "trace.stop() -> trace",
	    "End the recording. Not in this version: raises.", NULL },
	{ "load", binding_not_yet, "trace.load(file) -> trace",
	    "Read a recording from a file. Not in this version: raises.",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_trace_module = {
	"trace",
	"Recording and replay of allocations; not in this version.",
	trace_functions,
};
