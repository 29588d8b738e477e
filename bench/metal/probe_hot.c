/* SPDX-License-Identifier: MIT */
/* Probes of what a caller pays per pair: hot, in batches, at random, bulk. */
#include <kernel/time.h>

#include "probe_impl.h"

#define CONSTRUCTED 256u /* bytes */
#define CTOR_STAMP  UINT64_C(0xc0ffee)

/* One loop on a cache of its own. */
static void
loop(struct probe_out *out, const char *name, enum probe_load load,
    size_t count, enum bench_order order, uint64_t pairs)
{
	struct kmem_cache *cp = probe_cache(out, PROBE_SIZE, NULL);
	struct workload w = {
		.w_cache = cp, .w_count = count, .w_order = order
	};
	struct tally t;

	if (cp == NULL)
		return;
	w.w_slots = probe_array(out, count, sizeof(void *));
	if (w.w_slots != NULL && probe_measure(out, load, &w, pairs, &t))
		probe_tally(out, name, &t);
	kfree(w.w_slots);
	probe_uncache(out, cp);
}

void
probe_pair(struct probe_out *out)
{
	loop(out, "pair", LOAD_PAIR, 1, BENCH_LIFO, PROBE_PAIRS);
	loop(out, "trust", LOAD_TRUST, 1, BENCH_LIFO, PROBE_PAIRS);
}

void
probe_batch(struct probe_out *out)
{
	loop(out, "fifo", LOAD_BATCH, PROBE_BATCH, BENCH_FIFO, PROBE_BATCH);
	loop(out, "lifo", LOAD_BATCH, PROBE_BATCH, BENCH_LIFO, PROBE_BATCH);
}

void
probe_replace(struct probe_out *out)
{
	loop(out, "pair", LOAD_PAIR, 1, BENCH_LIFO, PROBE_PAIRS);
	loop(out, "replace", LOAD_REPLACE, PROBE_LIVE, BENCH_LIFO, PROBE_PAIRS);
}

/* Whole magazines of whatever size the cache gives them. */
static void
whole(struct probe_out *out, const char *name, enum probe_load load)
{
	struct kmem_cache *cp = probe_cache(out, PROBE_SIZE, NULL);
	struct workload w = { .w_cache = cp };
	struct kmem_rounds rounds;
	struct tally t;

	if (cp == NULL)
		return;
	rounds = kmem_cache_take(cp, 0);
	w.w_count = rounds.r_count;
	w.w_slots = probe_array(out, PROBE_MAGS, sizeof(rounds));
	if (rounds.r_count == 0) {
		out->po_error = "no magazine was to be had";
	} else {
		kmem_cache_give(cp, rounds);
		if (w.w_slots != NULL &&
		    probe_measure(out, load, &w, PROBE_PAIRS, &t)) {
			probe_tally(out, name, &t);
			probe_fact(out, "magazine.rounds", w.w_count, 1);
		}
	}
	kfree(w.w_slots);
	probe_uncache(out, cp);
}

void
probe_bulk(struct probe_out *out)
{
	loop(
	    out, "bulk", LOAD_BULK, PROBE_BULK, BENCH_LIFO, PROBE_BULK * 1000u);
	whole(out, "magazine", LOAD_MAGAZINE);
	whole(out, "magazines", LOAD_MAGAZINES);
}

static int
construct(void *obj, void *arg)
{
	uint64_t *word = obj;
	uint64_t *calls = arg;
	size_t i;

	for (i = 0; i < CONSTRUCTED / sizeof(*word); i++)
		word[i] = CTOR_STAMP + i;
	++*calls;
	return 0;
}

void
probe_construct(struct probe_out *out)
{
	uint64_t calls = 0, after_warm;
	const struct kmem_options opt = { .ctor = construct, .arg = &calls };
	struct kmem_cache *cp = probe_cache(out, CONSTRUCTED, &opt);
	struct workload w = { .w_cache = cp };
	struct tally t;
	void *obj;

	if (cp == NULL)
		return;
	obj = kmem_cache_alloc(cp, 0);
	if (obj != NULL)
		kmem_cache_free(cp, obj);
	after_warm = calls;
	if (probe_measure(out, LOAD_PAIR, &w, PROBE_PAIRS, &t)) {
		probe_tally(out, "construct", &t);
		probe_fact(out, "construct.ctors", calls - after_warm, 1);
	}
	probe_uncache(out, cp);
}

/* Hot calls of a checked cache, each alone: they all cost the same. */
static void
checked_apart(struct probe_out *out, struct kmem_cache *cp)
{
	uint64_t allocs = 0, frees = 0;
	void *obj;
	unsigned i;

	for (i = 0; i < PROBE_PAIRS; i++) {
		allocs += probe_alloc(cp, &obj);
		if (obj == NULL) {
			out->po_error = "an allocation failed";
			return;
		}
		frees += probe_free(cp, obj);
	}
	probe_fact(out, "checked.alloc", allocs, PROBE_PAIRS);
	probe_fact(out, "checked.free", frees, PROBE_PAIRS);
}

void
probe_checked(struct probe_out *out)
{
	const struct kmem_options opt = { .protect = KMEM_CHECKED };
	struct kmem_cache *cp = probe_cache(out, PROBE_SIZE, &opt);
	struct workload w = { .w_cache = cp };
	struct tally t;

	if (cp == NULL)
		return;
	if (probe_measure(out, LOAD_PAIR, &w, PROBE_PAIRS, &t)) {
		probe_tally(out, "checked", &t);
		checked_apart(out, cp);
	}
	probe_uncache(out, cp);
}
