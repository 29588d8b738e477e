/* SPDX-License-Identifier: MIT */
/* The loads on TLSF (bench/rival/tlsf.c). */
#include <mm/bits.h>
#include <mm/port.h>

#include "../rival/tlsf.h"

#include "lab.h"

typedef struct tlsf heap_t;

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	size_t align = spec->ls_align;
	heap_t *heap;

	if (spec->ls_line && align < PORT_CACHE_LINE)
		align = PORT_CACHE_LINE;
	/* An object ends where its last line does. */
	heap =
	    tlsf_create(spec->ls_line ? align_up(spec->ls_size, PORT_CACHE_LINE)
				      : spec->ls_size,
		align);
	if (heap != NULL) {
		heap->th_ctor = spec->ls_ctor;
		heap->th_arg = spec->ls_arg;
	}
	return heap;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	void *obj = tlsf_alloc(heap);

	if (heap->th_ctor != NULL && obj != NULL &&
	    heap->th_ctor(obj, heap->th_arg) != 0) {
		tlsf_free(heap, obj);
		return NULL;
	}
	return obj;
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	tlsf_free(heap, obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	if (!tlsf_destroy(heap))
		lab_fault("an object was not free when its heap was destroyed");
}

static inline size_t
adapter_reap(heap_t *heap)
{
	return tlsf_reap(heap);
}

#define ADAPTER_GROUPS tlsf_groups
#include "load/all.c"

static const struct lab_variant tlsf_variant = { "tlsf",
	"TLSF under a lock: two-level segregated fit (2004)", 0 };

const struct lab_code lab_tlsf_code = { &tlsf_variant, tlsf_groups,
	tlsf_charge };
