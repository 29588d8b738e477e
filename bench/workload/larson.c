/* SPDX-License-Identifier: MIT */
/*
 * Workload `larson`: a server's memory. A hart holds WORKLOAD_SLOTS objects
 * and replaces a random one at a time; one replacement in 16 goes through a
 * pool that all harts share, so that objects are freed by harts that did not
 * allocate them. After Larson and Krishnan, "Memory Allocation for Long-Running
 * Server Applications", ISMM 1998. Included by adapters.
 */

static void
larson_finish(struct workload *w)
{
	void *obj;
	unsigned i;

	for (i = 0; i < WORKLOAD_SLOTS; i++) {
		if (w->w_slots[i] != NULL)
			adapter_free(w->w_cache, w->w_slots[i]);
		w->w_slots[i] = NULL;
	}
	for (i = 0; i < WORKLOAD_POOL; i++) {
		/* Pairs with the exchange of larson_step. */
		obj = atomic_exchange_explicit(
		    &w->w_pool[i], NULL, memory_order_acq_rel);
		if (obj != NULL)
			adapter_free(w->w_cache, obj);
	}
}

static bool
larson_prepare(struct workload *w)
{
	unsigned i;

	for (i = 0; i < WORKLOAD_SLOTS; i++)
		w->w_slots[i] = NULL;
	for (i = 0; i < WORKLOAD_SLOTS; i++) {
		w->w_slots[i] = adapter_alloc(w->w_cache);
		if (w->w_slots[i] == NULL) {
			larson_finish(w);
			return false;
		}
	}
	return true;
}

static uint64_t
larson_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	uint64_t left, r;
	void *fresh, *old;

	for (left = pairs; left != 0; left--) {
		fresh = adapter_alloc(cp);
		if (fresh == NULL)
			break;
		r = bench_random(&w->w_random);
		if ((r & 15u) == 0) {
			/* Pairs with itself on another hart. */
			old = atomic_exchange_explicit(
			    &w->w_pool[(r >> 8) % WORKLOAD_POOL], fresh,
			    memory_order_acq_rel);
		} else {
			old = w->w_slots[(r >> 8) % WORKLOAD_SLOTS];
			w->w_slots[(r >> 8) % WORKLOAD_SLOTS] = fresh;
		}
		if (old != NULL)
			adapter_free(cp, old);
	}
	return pairs - left;
}
