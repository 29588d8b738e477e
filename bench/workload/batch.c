/* SPDX-License-Identifier: MIT */
/* Workload `batch`: many objects at a time. Included by adapters. */

/* Rounds of w_count objects: allocated, then freed last or first first. */
static uint64_t
batch_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	void **slots = w->w_slots;
	size_t n = w->w_count, i;
	uint64_t done = 0;

	do {
		for (i = 0; i < n; i++) {
			slots[i] = adapter_alloc(cp);
			if (slots[i] == NULL)
				break;
		}
		if (i < n) {
			while (i > 0)
				adapter_free(cp, slots[--i]);
			return done;
		}
		if (w->w_order == BENCH_LIFO) {
			for (i = n; i > 0; i--)
				adapter_free(cp, slots[i - 1]);
		} else {
			for (i = 0; i < n; i++)
				adapter_free(cp, slots[i]);
		}
		done += n;
	} while (done < pairs);
	return done;
}
