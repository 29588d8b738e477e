/* SPDX-License-Identifier: MIT */
/* The loads on kmem without magazines: what the hart layer is for. */
#define ADAPTER_CREATE_FLAGS KMEM_NOMAGAZINE
#include "adapter_bare.h"

#define ADAPTER_GROUPS nomag_groups
#include "load/all.c"

static const struct lab_variant nomag_variant = { "nomag",
	"ours without magazines: each call goes to the slab layer",
	LAB_CAN_CTOR | LAB_CAN_REAP | LAB_CAN_COLOUR | LAB_IS_OURS };

const struct lab_code lab_nomag_code = { &nomag_variant, nomag_groups, NULL };
