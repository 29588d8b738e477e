/* SPDX-License-Identifier: MIT */
/* The loads on kmem as it is. */
#define ADAPTER_CREATE_FLAGS 0u
#include "adapter_bare.h"

#define ADAPTER_GROUPS ours_groups
#include "load/all.c"

static const struct lab_variant ours_variant = { "ours",
	"Quarry's allocator as it is",
	LAB_CAN_CTOR | LAB_CAN_REAP | LAB_CAN_COLOUR | LAB_IS_OURS };

const struct lab_code lab_ours_code = { &ours_variant, ours_groups, NULL };
