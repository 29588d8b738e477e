/* SPDX-License-Identifier: MIT */
/* The loads on TLSF (bench/rival/tlsf.c). */
#include "../rival/tlsf.h"

typedef struct tlsf heap_t;

#define GENERAL(name) tlsf_##name
#define GENERAL_CTOR  th_ctor
#define GENERAL_ARG   th_arg

static inline bool
general_destroy(heap_t *heap)
{
	return tlsf_destroy(heap);
}

#include "adapter_general.h"

#define ADAPTER_GROUPS tlsf_groups
#include "load/all.c"

static const struct lab_variant tlsf_variant = { "tlsf",
	"TLSF under a lock: two-level segregated fit (2004)", 0 };

const struct lab_code lab_tlsf_code = { &tlsf_variant, tlsf_groups,
	tlsf_charge };
