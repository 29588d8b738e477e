/* SPDX-License-Identifier: MIT */
/* The loads on kmem without colouring: what offsets are for. */
#define ADAPTER_CREATE_FLAGS KMEM_NOCOLOUR
#include "adapter_bare.h"

#define ADAPTER_GROUPS nocolour_groups
#include "load/all.c"

static const struct lab_variant nocolour_variant = { "nocolour",
	"ours without colours: all slabs begin at the same offset",
	LAB_CAN_CTOR | LAB_CAN_REAP | LAB_IS_OURS };

const struct lab_code lab_nocolour_code = { &nocolour_variant, nocolour_groups,
	NULL };
