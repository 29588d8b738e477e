/* SPDX-License-Identifier: MIT */
/*
 * The loops of the probes. Included by the adapters of bench/metal; what an
 * adapter's functions are called begins with ADAPTER.
 */
#include "batch.c"
#include "pair.c"
#include "replace.c"

static bool
nothing_prepare(struct workload *w)
{
	(void)w;
	return true;
}

static void
nothing_finish(struct workload *w)
{
	(void)w;
}

/* `pair` by a caller that does not look whether it got an object. */
static uint64_t
trust_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	uint64_t left;

	for (left = pairs; left != 0; left--)
		adapter_free(cp, adapter_alloc(cp));
	return pairs;
}

static uint64_t
bulk_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	uint64_t done;

	for (done = 0; done < pairs; done += w->w_count) {
		if (!adapter_alloc_bulk(cp, w->w_count, w->w_slots))
			break;
		adapter_free_bulk(cp, w->w_count, w->w_slots);
	}
	return done;
}

/* A magazine of w_count objects, taken and given back. */
static uint64_t
magazine_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	struct kmem_rounds rounds;
	uint64_t done;

	for (done = 0; done < pairs; done += w->w_count) {
		rounds = adapter_take(cp, w->w_count);
		if (rounds.r_count == 0)
			break;
		adapter_give(cp, rounds);
	}
	return done;
}

/* PROBE_MAGS of them taken, then given back. */
static uint64_t
magazines_step(struct workload *w, uint64_t pairs)
{
	struct kmem_cache *cp = w->w_cache;
	struct kmem_rounds *out = (struct kmem_rounds *)(void *)w->w_slots;
	uint64_t done = 0;
	unsigned i;

	do {
		for (i = 0; i < PROBE_MAGS; i++) {
			out[i] = adapter_take(cp, w->w_count);
			if (out[i].r_count == 0)
				break;
		}
		if (i == PROBE_MAGS)
			done += i * w->w_count;
		else
			pairs = 0;
		while (i > 0)
			adapter_give(cp, out[--i]);
	} while (done < pairs);
	return done;
}

static uint64_t
frame_step(struct workload *w, uint64_t pairs)
{
	uint64_t left;
	void *run;

	(void)w;
	for (left = pairs; left != 0; left--) {
		run = adapter_frame_alloc(1);
		if (run == NULL)
			break;
		adapter_frame_free(run, 1);
	}
	return pairs - left;
}

static uint64_t
run_step(struct workload *w, uint64_t pairs)
{
	uint64_t left;
	void *run;

	(void)w;
	for (left = pairs; left != 0; left--) {
		run = adapter_frame_alloc(PROBE_RUN);
		if (run == NULL)
			break;
		adapter_frame_free(run, PROBE_RUN);
	}
	return pairs - left;
}

const struct workload_code ADAPTER(code)[LOADS] = {
	[LOAD_PAIR] = { "pair", pair_prepare, pair_step, pair_finish },
	[LOAD_TRUST] = { "trust", nothing_prepare, trust_step, nothing_finish },
	[LOAD_BATCH] = { "batch", nothing_prepare, batch_step, nothing_finish },
	[LOAD_REPLACE] = { "replace", replace_prepare, replace_step,
	    replace_finish },
	[LOAD_BULK] = { "bulk", nothing_prepare, bulk_step, nothing_finish },
	[LOAD_MAGAZINE] = { "magazine", nothing_prepare, magazine_step,
	    nothing_finish },
	[LOAD_MAGAZINES] = { "magazines", nothing_prepare, magazines_step,
	    nothing_finish },
	[LOAD_FRAME] = { "frame", nothing_prepare, frame_step, nothing_finish },
	[LOAD_RUN] = { "run", nothing_prepare, run_step, nothing_finish },
};

uint64_t
ADAPTER(alloc)(struct kmem_cache *cp, void **obj)
{
	uint64_t before = time_instret();

	*obj = adapter_alloc(cp);
	return time_instret() - before;
}

uint64_t
ADAPTER(free)(struct kmem_cache *cp, void *obj)
{
	uint64_t before = time_instret();

	adapter_free(cp, obj);
	return time_instret() - before;
}

size_t
ADAPTER(fill)(struct kmem_cache *cp, void **objs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		objs[i] = adapter_alloc(cp);
		if (objs[i] == NULL)
			break;
	}
	return i;
}

void
ADAPTER(drop)(struct kmem_cache *cp, void **objs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		adapter_free(cp, objs[i]);
}
