/* SPDX-License-Identifier: MIT */
/*
 * Workload `burst`: WORKLOAD_BURST objects allocated, then all freed, last
 * first (lifo), first first (fifo) or in a seeded order. Included by adapters.
 */

static bool
burst_prepare(struct workload *w)
{
	uint16_t *p = w->w_permutation;
	unsigned i, j;
	uint16_t t;

	for (i = 0; i < WORKLOAD_BURST; i++)
		p[i] = (uint16_t)(w->w_order == BENCH_LIFO
			? WORKLOAD_BURST - 1u - i
			: i);
	if (w->w_order != BENCH_RANDOM)
		return true;
	for (i = WORKLOAD_BURST - 1u; i > 0; i--) {
		j = (unsigned)(bench_random(&w->w_random) % (i + 1u));
		t = p[i];
		p[i] = p[j];
		p[j] = t;
	}
	return true;
}

static uint64_t
burst_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	void **slots = w->w_slots;
	const uint16_t *order = w->w_permutation;
	uint64_t done = 0;
	unsigned i, got;

	do {
		for (got = 0; got < WORKLOAD_BURST; got++) {
			slots[got] = adapter_alloc(cp);
			if (slots[got] == NULL)
				break;
		}
		if (got < WORKLOAD_BURST) {
			while (got > 0)
				adapter_free(cp, slots[--got]);
			return pairs > 0 ? pairs - 1u : 0;
		}
		for (i = 0; i < WORKLOAD_BURST; i++)
			adapter_free(cp, slots[order[i]]);
		done += WORKLOAD_BURST;
	} while (done < pairs);
	return done;
}

static void
burst_finish(struct workload *w)
{
	(void)w;
}
