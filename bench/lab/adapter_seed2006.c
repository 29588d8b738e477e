/* SPDX-License-Identifier: MIT */
/*
 * The loads on HelenOS's slab allocator of 2006. adapter_seed62.c includes this
 * file for larger magazines.
 */
#include "../rival/rival.h"
#include "../rival/seed2006.h"
#include "lab.h"

#ifndef SEED_NAME
#define SEED_NAME   "seed2006"
#define SEED_TEXT   "HelenOS 2006: magazines of 4, locks and shared counters"
#define SEED_CODE   lab_seed2006_code
#define SEED_ROUNDS 0u /* as published, or as a load asks for */
#endif

typedef struct seed2006 heap_t;

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	unsigned rounds = SEED_ROUNDS != 0 ? SEED_ROUNDS : spec->ls_mag;
	const struct seed2006_options opt = { .align = spec->ls_line &&
			spec->ls_align < PORT_CACHE_LINE
		    ? PORT_CACHE_LINE
		    : spec->ls_align,
		.rounds =
		    rounds < SEED2006_ROUNDS_MAX ? rounds : SEED2006_ROUNDS_MAX,
		.ctor = spec->ls_ctor,
		.arg = spec->ls_arg };

	return rival_start() ? seed2006_create(spec->ls_size, &opt) : NULL;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	return seed2006_alloc(heap, 0);
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	seed2006_free(heap, obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	if (!seed2006_destroy(heap))
		lab_fault("objects of a cache were not freed");
}

static inline size_t
adapter_reap(heap_t *heap)
{
	return seed2006_reap(heap, true);
}

#define ADAPTER_GROUPS seed_groups
#include "load/all.c"

static const struct lab_variant seed_variant = { SEED_NAME, SEED_TEXT,
	LAB_CAN_REAP };

const struct lab_code SEED_CODE = { &seed_variant, seed_groups, NULL };
