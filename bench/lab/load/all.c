/* SPDX-License-Identifier: MIT */
/*
 * All loads, compiled for the adapter that includes this file and has defined
 *
 *   heap_t                          the type of a heap
 *   heap_t *adapter_create(const struct lab_spec *)    NULL: no memory
 *   void *adapter_alloc(heap_t *)                      NULL: no memory
 *   void adapter_free(heap_t *, void *obj)
 *   void adapter_destroy(heap_t *)                     all objects are free
 *   size_t adapter_reap(heap_t *)   give idle memory back: frames; 0 if none
 *   ADAPTER_GROUPS                  the name of the list made here
 *
 * as static inline functions, so that all calls are direct, and the loops are
 * the same code with the same flags. A file of a group includes its loads and
 * lists them.
 */

#include "held.c"

/* control.c uses what micro.c has. */
#include "micro.c"

#include "control.c"
#include "latency.c"
#include "memory.c"
#include "smp.c"
#include "system.c"
#include "trace.c"
#include "turns.c"

static const struct lab_load *const ADAPTER_GROUPS[] = {
	load_micro,
	load_smp,
	load_memory,
	load_latency,
	load_trace,
	load_system,
	load_control,
	load_turns,
	NULL,
};
