/* SPDX-License-Identifier: MIT */
/* The loads on kmem as it is. */
#include <mm/kmem.h>

#include "lab.h"

typedef struct kmem_cache heap_t;

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	const struct kmem_options opt = { .align = spec->ls_align,
		.ctor = spec->ls_ctor,
		.arg = spec->ls_arg,
		.magazine = spec->ls_mag,
		.flags = (spec->ls_line ? KMEM_HWALIGN : 0u) |
		    (spec->ls_flat ? KMEM_NOCOLOUR : 0u) };
	struct kmem_cache *cp;

	return kmem_cache_create(
		   &cp, spec->ls_name, spec->ls_size, &opt, NULL) == 0
	    ? cp
	    : NULL;
}

static inline void *
adapter_alloc(heap_t *cp)
{
	return kmem_cache_alloc(cp, 0);
}

static inline void
adapter_free(heap_t *cp, void *obj)
{
	kmem_cache_free(cp, obj);
}

static inline void
adapter_destroy(heap_t *cp)
{
	(void)kmem_cache_destroy(cp);
}

static inline size_t
adapter_reap(heap_t *cp)
{
	return kmem_cache_shrink(cp);
}

#define ADAPTER_GROUPS ours_groups
#include "load/all.c"

static const struct lab_variant ours_variant = { "ours",
	"Quarry's allocator as it is",
	LAB_CAN_CTOR | LAB_CAN_REAP | LAB_CAN_COLOUR | LAB_IS_OURS };

const struct lab_code lab_ours_code = { &ours_variant, ours_groups, NULL };
