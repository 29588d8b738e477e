/* SPDX-License-Identifier: MIT */
/* Caches of kmem, called as they are. Who includes it: adapter_kmem.h. */
#ifndef BENCH_LAB_ADAPTER_BARE_H
#define BENCH_LAB_ADAPTER_BARE_H

#define ADAPTER_ALLOC_FLAGS 0

static inline unsigned long
adapter_enter(void)
{
	return 0;
}

static inline void
adapter_leave(unsigned long saved)
{
	(void)saved;
}

#include "adapter_kmem.h"

#endif
