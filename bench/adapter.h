/* SPDX-License-Identifier: MIT */
/* Between workloads, the allocators they run on, and who drives them. */
#ifndef BENCH_ADAPTER_H
#define BENCH_ADAPTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bench/bench.h>

#define WORKLOAD_BURST 1000u /* objects of one burst */
#define WORKLOAD_SLOTS 1024u /* live objects of larson, per hart */
#define WORKLOAD_POOL  256u  /* live objects of larson that harts exchange */

/* The part of a run that belongs to one hart. */
struct workload {
	struct kmem_cache *w_cache;
	void **w_slots;          /* WORKLOAD_SLOTS pointers */
	_Atomic(void *) *w_pool; /* WORKLOAD_POOL pointers, of all harts */
	uint16_t *w_permutation; /* WORKLOAD_BURST indexes */
	enum bench_order w_order;
	uint64_t w_random; /* state, never 0 */
	size_t w_count;    /* objects, where the workload lets one choose */
};

/* A workload compiled for one adapter. */
struct workload_code {
	const char *wc_name;
	/* Fill what the steps need. False: no memory, nothing is held. */
	bool (*wc_prepare)(struct workload *w);
	/*
	 * About `pairs` pairs; the number done. Fewer than asked means that an
	 * allocation failed; more, that the workload has a larger unit.
	 */
	uint64_t (*wc_step)(struct workload *w, uint64_t pairs);
	void (*wc_finish)(struct workload *w);
};

/* By adapter; both in the order of bench_workloads(). */
extern const struct workload_code bench_code_kmem[];
extern const struct workload_code bench_code_noop[];

/* The callees of the noop adapter: one instruction each. */
void *bench_noop_alloc(struct kmem_cache *cp, unsigned flags);
void bench_noop_free(struct kmem_cache *cp, void *obj);
void *bench_noop_alloc_bulk(
    struct kmem_cache *cp, unsigned flags, size_t n, void **objs);
void bench_noop_free_bulk(struct kmem_cache *cp, size_t n, void **objs);
struct kmem_rounds bench_noop_take(struct kmem_cache *cp, size_t n);
void bench_noop_give(struct kmem_cache *cp, struct kmem_rounds rounds);
void *bench_noop_frame_alloc(
    size_t frames, size_t align, unsigned flags, unsigned tag);
void bench_noop_frame_free(void *run, size_t frames);

/* The index of a workload, or -1. */
int bench_find(const char *name);
/* NULL when the options can be run; else a sentence. Fills in defaults. */
const char *bench_check(struct bench_options *opt);
/* Start state of one hart's random numbers. */
uint64_t bench_seed(uint64_t seed, unsigned index);

static inline uint64_t
bench_random(uint64_t *state)
{
	uint64_t x = *state;

	/* xorshift64: Marsaglia 2003, triple 13, 7, 17. */
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

#endif
