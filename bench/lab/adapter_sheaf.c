/* SPDX-License-Identifier: MIT */
/* The loads on Linux 7's slab allocator (bench/rival/sheaf.c). */
#include <mm/port.h>

#include "../rival/sheaf.h"

#include "lab.h"

typedef struct sheaf_cache heap_t;

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	size_t align = spec->ls_align;

	/* A slot is a multiple of its alignment, so lines are not shared. */
	if (spec->ls_line && align < PORT_CACHE_LINE)
		align = PORT_CACHE_LINE;
	return sheaf_create(spec->ls_size, align, spec->ls_ctor, spec->ls_arg);
}

static inline void *
adapter_alloc(heap_t *heap)
{
	return sheaf_alloc(heap);
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	sheaf_free(heap, obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	if (!sheaf_destroy(heap))
		lab_fault("an object was not free when its heap was destroyed");
}

static inline size_t
adapter_reap(heap_t *heap)
{
	return sheaf_reap(heap);
}

#define ADAPTER_GROUPS sheaf_groups
#include "load/all.c"

static const struct lab_variant sheaf_variant = { "sheaf",
	"Linux 7's SLUB: sheaves of fixed capacity and a barn",
	LAB_CAN_CTOR | LAB_CAN_REAP };

const struct lab_code lab_sheaf_code = { &sheaf_variant, sheaf_groups,
	sheaf_charge };
