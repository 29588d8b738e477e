/* SPDX-License-Identifier: MIT */
/* The module `fault`: its names exist, its functions come later. */
#include "modules.h"

static const struct binding fault_functions[] = {
	{ "set", binding_not_yet,
	    "fault.set{site=, cache=, nth=, every=, prob=, seed=, times=} -> "
	    "guard",
	    "Make chosen allocations fail. Not in this version: raises.",
	    NULL },
	{ "clear", binding_not_yet, "fault.clear()",
	    "Let all allocations work again. Not in this version: raises.",
	    NULL },
	{ "count", binding_not_yet, "fault.count() -> n",
	    "How many allocations were made to fail. Not in this version: "
	    "raises.",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_fault_module = {
	"fault",
	"Allocations made to fail on purpose; not in this version.",
	fault_functions,
};
