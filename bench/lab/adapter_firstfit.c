/* SPDX-License-Identifier: MIT */
/* The loads on first fit (bench/rival/firstfit.c). */
#include "../rival/firstfit.h"

typedef struct firstfit heap_t;

#define GENERAL(name) firstfit_##name
#define GENERAL_CTOR  ff_ctor
#define GENERAL_ARG   ff_arg

static inline bool
general_destroy(heap_t *heap)
{
	return firstfit_destroy(heap);
}

#include "adapter_general.h"

#define ADAPTER_GROUPS firstfit_groups
#include "load/all.c"

static const struct lab_variant firstfit_variant = { "firstfit",
	"first fit by address under a lock", 0 };

const struct lab_code lab_firstfit_code = { &firstfit_variant, firstfit_groups,
	firstfit_charge };
