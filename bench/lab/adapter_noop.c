/* SPDX-License-Identifier: MIT */
/*
 * The loads on two functions that only return: what loops and harness cost.
 *
 * A heap is one object, which each allocation returns: loads may write to it,
 * but all their objects are that one. It is constructed once, since a load
 * frees objects as they were made. Its record lies in the frame before it.
 */
#include <mm/frame.h>

#include "lab.h"
#include "noop.h"

typedef struct lab_noop heap_t;

struct noop_record {
	size_t nr_bytes; /* of record and object */
};

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	size_t bytes = FRAME_SIZE + spec->ls_size;
	struct noop_record *record = lab_memory(bytes);
	void *obj;

	if (record == NULL)
		return NULL;
	record->nr_bytes = bytes;
	obj = (char *)record + FRAME_SIZE;
	if (spec->ls_ctor != NULL && spec->ls_ctor(obj, spec->ls_arg) != 0) {
		lab_memory_free(record, bytes);
		return NULL;
	}
	return obj;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	return lab_noop_alloc(heap);
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	lab_noop_free(heap, obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	struct noop_record *record;

	if (heap == NULL)
		return;
	record = (struct noop_record *)(void *)((char *)heap - FRAME_SIZE);
	lab_memory_free(record, record->nr_bytes);
}

static inline size_t
adapter_reap(heap_t *heap)
{
	(void)heap;
	return 0;
}

#define ADAPTER_GROUPS noop_groups
#include "load/all.c"

static const struct lab_variant noop_variant = { "noop",
	"no allocator: the cost of the loop, and 2", 0 };

const struct lab_code lab_noop_code = { &noop_variant, noop_groups, NULL };
