/* SPDX-License-Identifier: MIT */
/* The loads on the C library's malloc (bench/rival/picolibc.c). */
#include "../rival/picolibc.h"

typedef struct picolibc heap_t;

#define GENERAL(name) picolibc_##name
#define GENERAL_CTOR  pl_ctor
#define GENERAL_ARG   pl_arg

/* The library does not tell what is not free. */
static inline bool
general_destroy(heap_t *heap)
{
	picolibc_destroy(heap);
	return true;
}

#include "adapter_general.h"

#define ADAPTER_GROUPS picolibc_groups
#include "load/all.c"

static const struct lab_variant picolibc_variant = { "picolibc",
	"picolibc's malloc under a lock", 0 };

const struct lab_code lab_picolibc_code = { &picolibc_variant, picolibc_groups,
	picolibc_charge };
