/* SPDX-License-Identifier: MIT */
/* Destroying a cache that a walker may hold for a moment. */
#include <bench/bench.h>
#include <kernel/time.h>

#include "crew.h"

#define TRY_FOR_NS   UINT64_C(1000000000)
#define TRY_EVERY_NS UINT64_C(200000)

int
bench_destroy(struct kmem_cache *cp)
{
	uint64_t deadline = time_ns() + TRY_FOR_NS;
	struct kmem_stats st;
	int err;

	for (;;) {
		err = kmem_cache_destroy(cp);
		if (err != -KMEM_EBUSY || time_ns() >= deadline)
			return err;
		kmem_cache_stats(cp, &st);
		if (st.objects_inuse != 0)
			return err;
		crew_sleep(TRY_EVERY_NS);
	}
}
