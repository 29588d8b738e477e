/* SPDX-License-Identifier: MIT */
/*
 * The probe of the rivals: are they fair? A comparison says something only
 * while the other side does the work that its original did. What is known of
 * the originals is in docs/benchmarks.md; these are the figures of our
 * versions, by which `make bench` and the tests judge them. Each rival is a
 * function of the table at the end.
 */
#include <kernel/time.h>

#include "../rival/counted.h"
#include "../rival/rival.h"
#include "../rival/seed2006.h"
#include "probe_impl.h"

typedef void *alloc_fn(void *heap);
typedef void free_fn(void *heap, void *obj);

static inline void *
noop_alloc(void *heap)
{
	return bench_noop_alloc(heap, 0);
}

static inline void
noop_free(void *heap, void *obj)
{
	bench_noop_free(heap, obj);
}

static inline void *
seed_alloc(void *heap)
{
	return seed2006_alloc(heap, 0);
}

static inline void
seed_free(void *heap, void *obj)
{
	seed2006_free(heap, obj);
}

/* Instructions of a loop of pairs; 0: an allocation failed. */
static inline __attribute__((always_inline)) uint64_t
loop(alloc_fn *alloc, free_fn *release, void *heap, uint64_t pairs)
{
	uint64_t from = time_instret();

	for (; pairs != 0; pairs--) {
		void *obj = alloc(heap);

		if (obj == NULL)
			return 0;
		release(heap, obj);
	}
	return time_instret() - from;
}

static __attribute__((noinline)) uint64_t
noop_loop(void *heap, uint64_t pairs)
{
	return loop(noop_alloc, noop_free, heap, pairs);
}

static __attribute__((noinline)) uint64_t
seed_loop(void *heap, uint64_t pairs)
{
	return loop(seed_alloc, seed_free, heap, pairs);
}

/* Of PROBE_PAIRS pairs, without the way in and out; 0: it failed. */
static uint64_t
pairs_cost(uint64_t (*run)(void *heap, uint64_t pairs), void *heap)
{
	uint64_t warm = run(heap, PROBE_PAIRS);
	uint64_t once = run(heap, PROBE_PAIRS);
	uint64_t twice = run(heap, 2u * PROBE_PAIRS);

	return warm != 0 && once != 0 && twice > once ? twice - once : 0;
}

/* What a hot pair costs beyond two callees that only return. */
static void
net_fact(struct probe_out *out, const char *name,
    uint64_t (*run)(void *heap, uint64_t pairs), void *heap)
{
	uint64_t with = pairs_cost(run, heap);
	uint64_t without = pairs_cost(noop_loop, heap);

	if (with <= without)
		out->po_error = "an allocation failed";
	else
		probe_fact(out, name, with - without, PROBE_PAIRS);
}

static void
of_seed2006(struct probe_out *out)
{
	struct seed2006 *cp = seed2006_create(PROBE_SIZE, NULL);
	uint64_t atomics;

	if (cp == NULL) {
		out->po_error = "no memory for seed2006";
		return;
	}
	net_fact(out, "seed2006.net", seed_loop, cp);
	if (!seed2006_destroy(cp))
		out->po_error = "seed2006 lost an object";
	atomics = counted_seed2006(PROBE_SIZE, PROBE_PAIRS);
	if (atomics == 0)
		out->po_error = "no memory for the counted seed2006";
	else
		probe_fact(out, "seed2006.atomics", atomics, PROBE_PAIRS);
}

static void (*const rivals[])(struct probe_out *out) = {
	of_seed2006,
};

void
probe_rivals(struct probe_out *out)
{
	size_t i;

	if (!rival_start()) {
		out->po_error = "no memory for the rivals' table of frames";
		return;
	}
	for (i = 0; i < sizeof(rivals) / sizeof(rivals[0]); i++)
		rivals[i](out);
}
