/* SPDX-License-Identifier: MIT */
/* Workload `replace`: objects that live for a while. Included by adapters. */

/* w_count live objects, a random one replaced at a time. */
static void
replace_finish(struct workload *w)
{
	size_t i;

	for (i = 0; i < w->w_count; i++)
		if (w->w_slots[i] != NULL)
			adapter_free(w->w_cache, w->w_slots[i]);
}

static bool
replace_prepare(struct workload *w)
{
	size_t i;

	for (i = 0; i < w->w_count; i++)
		w->w_slots[i] = NULL;
	for (i = 0; i < w->w_count; i++) {
		w->w_slots[i] = adapter_alloc(w->w_cache);
		if (w->w_slots[i] == NULL) {
			replace_finish(w);
			return false;
		}
	}
	return true;
}

static uint64_t
replace_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	void **slots = w->w_slots;
	uint64_t left, mask = w->w_count - 1u; /* a power of two */
	void *fresh;
	size_t i;

	for (left = pairs; left != 0; left--) {
		i = (size_t)((bench_random(&w->w_random) >> 16) & mask);
		fresh = adapter_alloc(cp);
		if (fresh == NULL)
			break;
		adapter_free(cp, slots[i]);
		slots[i] = fresh;
	}
	return pairs - left;
}
