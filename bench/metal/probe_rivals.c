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
#include "../rival/linux24.h"
#include "../rival/rival.h"
#include "../rival/seed2006.h"
#include "probe_impl.h"

#define BURST 1000u /* objects */

typedef uint64_t run_fn(void *heap, uint64_t pairs);
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

static inline void *
linux_alloc(void *heap)
{
	return linux24_alloc(heap);
}

static inline void
linux_free(void *heap, void *obj)
{
	linux24_free(heap, obj);
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

/* The same of rounds of BURST objects allocated, then freed, oldest first. */
static inline __attribute__((always_inline)) uint64_t
bursts(alloc_fn *alloc, free_fn *release, void *heap, uint64_t pairs)
{
	static void *objs[BURST];
	uint64_t from = time_instret();
	size_t i;

	for (; pairs >= BURST; pairs -= BURST) {
		for (i = 0; i < BURST; i++) {
			objs[i] = alloc(heap);
			if (objs[i] == NULL)
				return 0;
		}
		for (i = 0; i < BURST; i++)
			release(heap, objs[i]);
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

static __attribute__((noinline)) uint64_t
linux_loop(void *heap, uint64_t pairs)
{
	return loop(linux_alloc, linux_free, heap, pairs);
}

static __attribute__((noinline)) uint64_t
noop_bursts(void *heap, uint64_t pairs)
{
	return bursts(noop_alloc, noop_free, heap, pairs);
}

static __attribute__((noinline)) uint64_t
seed_bursts(void *heap, uint64_t pairs)
{
	return bursts(seed_alloc, seed_free, heap, pairs);
}

static __attribute__((noinline)) uint64_t
linux_bursts(void *heap, uint64_t pairs)
{
	return bursts(linux_alloc, linux_free, heap, pairs);
}

/* Of PROBE_PAIRS pairs, without the way in and out; 0: it failed. */
static uint64_t
pairs_cost(run_fn *run, void *heap)
{
	uint64_t warm = run(heap, PROBE_PAIRS);
	uint64_t once = run(heap, PROBE_PAIRS);
	uint64_t twice = run(heap, 2u * PROBE_PAIRS);

	return warm != 0 && once != 0 && twice > once ? twice - once : 0;
}

/* The dearest call of each kind in ten bursts, of a cache that has had some. */
struct worst {
	uint64_t alloc, release;
};

static void
dearest(uint64_t *most, uint64_t from)
{
	uint64_t cost = time_instret() - from - probe_window_cost();

	if (cost > *most)
		*most = cost;
}

static bool
seed_worst(void *heap, struct worst *w)
{
	static void *objs[BURST];
	size_t round, i;
	uint64_t from;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < BURST; i++) {
			from = time_instret();
			objs[i] = seed_alloc(heap);
			if (objs[i] == NULL)
				return false;
			if (round >= 10)
				dearest(&w->alloc, from);
		}
		for (i = 0; i < BURST; i++) {
			from = time_instret();
			seed_free(heap, objs[i]);
			if (round >= 10)
				dearest(&w->release, from);
		}
	}
	return true;
}

/* What a hot pair costs beyond two callees that only return. */
static void
net_fact(struct probe_out *out, const char *name, run_fn *run, run_fn *noop,
    void *heap)
{
	uint64_t with = pairs_cost(run, heap);
	uint64_t without = pairs_cost(noop, heap);

	if (with <= without)
		out->po_error = "an allocation failed";
	else
		probe_fact(out, name, with - without, PROBE_PAIRS);
}

/* Bursts with magazines of so many rounds; 0: as published. */
static void
seed_burst_fact(struct probe_out *out, const char *name, unsigned rounds)
{
	const struct seed2006_options opt = { .rounds = rounds };
	struct seed2006 *cp = seed2006_create(PROBE_SIZE, &opt);
	struct worst w = { 0, 0 };

	if (cp == NULL) {
		out->po_error = "no memory for seed2006";
		return;
	}
	net_fact(out, name, seed_bursts, noop_bursts, cp);
	if (rounds == 0 && seed_worst(cp, &w)) {
		probe_fact(out, "seed2006.worst.alloc", w.alloc, 1);
		probe_fact(out, "seed2006.worst.free", w.release, 1);
	}
	if (!seed2006_destroy(cp))
		out->po_error = "seed2006 lost an object";
}

static void
of_seed2006(struct probe_out *out)
{
	struct seed2006 *cp = seed2006_create(PROBE_SIZE, NULL);
	uint64_t atomics = counted_seed2006(PROBE_SIZE, PROBE_PAIRS);

	if (cp == NULL || atomics == 0) {
		out->po_error = "no memory for seed2006";
		return;
	}
	net_fact(out, "seed2006.net", seed_loop, noop_loop, cp);
	probe_fact(out, "seed2006.atomics", atomics, PROBE_PAIRS);
	if (!seed2006_destroy(cp))
		out->po_error = "seed2006 lost an object";
	seed_burst_fact(out, "seed2006.fifo", 0);
	seed_burst_fact(out, "seed62.fifo", SEED2006_ROUNDS_MAX);
}

static void
of_linux24(struct probe_out *out)
{
	struct linux24 *cp = linux24_create(PROBE_SIZE, NULL);

	if (cp == NULL) {
		out->po_error = "no memory for linux24";
		return;
	}
	net_fact(out, "linux24.net", linux_loop, noop_loop, cp);
	net_fact(out, "linux24.fifo", linux_bursts, noop_bursts, cp);
	if (!linux24_destroy(cp))
		out->po_error = "linux24 lost an object";
}

static void (*const rivals[])(struct probe_out *out) = {
	of_seed2006,
	of_linux24,
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
