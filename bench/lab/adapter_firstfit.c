/* SPDX-License-Identifier: MIT */
/* The loads on first fit (bench/rival/firstfit.c). */
#include <mm/bits.h>
#include <mm/port.h>

#include "../rival/firstfit.h"

#include "lab.h"

typedef struct firstfit heap_t;

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	size_t align = spec->ls_align;
	heap_t *heap;

	if (spec->ls_line && align < PORT_CACHE_LINE)
		align = PORT_CACHE_LINE;
	/* An object ends where its last line does. */
	heap = firstfit_create(spec->ls_line
		? align_up(spec->ls_size, PORT_CACHE_LINE)
		: spec->ls_size,
	    align);
	if (heap != NULL) {
		heap->ff_ctor = spec->ls_ctor;
		heap->ff_arg = spec->ls_arg;
	}
	return heap;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	void *obj = firstfit_alloc(heap);

	if (heap->ff_ctor != NULL && obj != NULL &&
	    heap->ff_ctor(obj, heap->ff_arg) != 0) {
		firstfit_free(heap, obj);
		return NULL;
	}
	return obj;
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	firstfit_free(heap, obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	if (!firstfit_destroy(heap))
		lab_fault("an object was not free when its heap was destroyed");
}

static inline size_t
adapter_reap(heap_t *heap)
{
	return firstfit_reap(heap);
}

#define ADAPTER_GROUPS firstfit_groups
#include "load/all.c"

static const struct lab_variant firstfit_variant = { "firstfit",
	"first fit by address under a lock", 0 };

const struct lab_code lab_firstfit_code = { &firstfit_variant, firstfit_groups,
	firstfit_charge };
