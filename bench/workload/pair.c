/* SPDX-License-Identifier: MIT */
/* Workload `pair`: one object allocated and freed. Included by adapters. */

static bool
pair_prepare(struct workload *w)
{
	(void)w;
	return true;
}

/* Nothing may be added to this loop: its instructions are what is published. */
static uint64_t
pair_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	uint64_t left = pairs;

	for (; left != 0; left--) {
		void *obj = adapter_alloc(cp);

		if (obj == NULL)
			break;
		adapter_free(cp, obj);
	}
	return pairs - left;
}

static void
pair_finish(struct workload *w)
{
	(void)w;
}
