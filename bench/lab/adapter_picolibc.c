/* SPDX-License-Identifier: MIT */
/* The loads on the C library's malloc (bench/rival/picolibc.c). */
#include <mm/bits.h>
#include <mm/port.h>

#include "../rival/picolibc.h"

#include "lab.h"

typedef struct picolibc heap_t;

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	size_t align = spec->ls_align;
	heap_t *heap;

	if (spec->ls_line && align < PORT_CACHE_LINE)
		align = PORT_CACHE_LINE;
	/* An object ends where its last line does. */
	heap = picolibc_create(spec->ls_line
		? align_up(spec->ls_size, PORT_CACHE_LINE)
		: spec->ls_size,
	    align);
	if (heap != NULL) {
		heap->pl_ctor = spec->ls_ctor;
		heap->pl_arg = spec->ls_arg;
	}
	return heap;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	void *obj = picolibc_alloc(heap);

	if (heap->pl_ctor != NULL && obj != NULL &&
	    heap->pl_ctor(obj, heap->pl_arg) != 0) {
		picolibc_free(heap, obj);
		return NULL;
	}
	return obj;
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	picolibc_free(heap, obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	picolibc_destroy(heap);
}

static inline size_t
adapter_reap(heap_t *heap)
{
	return picolibc_reap(heap);
}

#define ADAPTER_GROUPS picolibc_groups
#include "load/all.c"

static const struct lab_variant picolibc_variant = { "picolibc",
	"picolibc's malloc under a lock", 0 };

const struct lab_code lab_picolibc_code = { &picolibc_variant, picolibc_groups,
	picolibc_charge };
