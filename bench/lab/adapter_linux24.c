/* SPDX-License-Identifier: MIT */
/* The loads on the slab allocator of Linux 2.4. */
#include "../rival/linux24.h"
#include "../rival/rival.h"
#include "lab.h"

typedef struct linux24 heap_t;

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	const struct linux24_options opt = { .align = spec->ls_align,
		.line = spec->ls_line,
		.flat = spec->ls_flat,
		.ctor = spec->ls_ctor,
		.arg = spec->ls_arg };

	return rival_start() ? linux24_create(spec->ls_size, &opt) : NULL;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	return linux24_alloc(heap);
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	linux24_free(heap, obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	if (!linux24_destroy(heap))
		lab_fault("objects of a cache were not freed");
}

static inline size_t
adapter_reap(heap_t *heap)
{
	return linux24_reap(heap);
}

#define ADAPTER_GROUPS linux24_groups
#include "load/all.c"

static const struct lab_variant linux24_variant = { "linux24",
	"Linux 2.4: an array of objects per processor, colours, three lists",
	LAB_CAN_CTOR | LAB_CAN_REAP | LAB_CAN_COLOUR };

const struct lab_code lab_linux24_code = { &linux24_variant, linux24_groups,
	NULL };
