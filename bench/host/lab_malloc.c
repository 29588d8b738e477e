/* SPDX-License-Identifier: MIT */
/*
 * The lab's loads on the malloc that the process has, as adapter_malloc.c. A
 * heap is a size: these libraries keep no type, and no constructed state.
 */
#include <stdlib.h>

#include "../lab/lab.h"
#include "host.h"

typedef struct {
	size_t h_size, h_align;
	int (*h_ctor)(void *obj, void *arg);
	void *h_arg;
} heap_t;

#define LINE         64u
#define MALLOC_ALIGN 16u /* what malloc promises */

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	heap_t *heap = malloc(sizeof(*heap));
	size_t align = spec->ls_line ? LINE : spec->ls_align;

	if (heap == NULL)
		return NULL;
	heap->h_align = align > MALLOC_ALIGN ? align : 0;
	heap->h_size = spec->ls_size;
	if (heap->h_align != 0) /* as aligned_alloc wants it */
		heap->h_size = (heap->h_size + align - 1) & ~(align - 1);
	heap->h_ctor = spec->ls_ctor;
	heap->h_arg = spec->ls_arg;
	return heap;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	void *obj = heap->h_align == 0
	    ? malloc(heap->h_size)
	    : aligned_alloc(heap->h_align, heap->h_size);

	if (obj != NULL && heap->h_ctor != NULL &&
	    heap->h_ctor(obj, heap->h_arg) != 0) {
		free(obj);
		return NULL;
	}
	return obj;
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	(void)heap;
	free(obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	free(heap);
}

static inline size_t
adapter_reap(heap_t *heap)
{
	(void)heap;
	return 0;
}

#define ADAPTER_GROUPS malloc_groups
#include "../lab/load/all.c"

static const struct lab_variant malloc_variant = { "malloc",
	"the malloc of this process", 0 };

const struct lab_code lab_malloc_code = { &malloc_variant, malloc_groups,
	NULL };
