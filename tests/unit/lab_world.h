/* SPDX-License-Identifier: MIT */
/*
 * The loads of bench/lab on this machine: an adapter over malloc that writes
 * down each call, and a driver that gives the harts their turns.
 *
 * The adapter has two kinds of objects: memory of malloc, filled with a
 * pattern, so that the address sanitizer sees what a load does wrong; and, as
 * the lab's noop has, one for each heap, which every allocation gives. A load
 * must make the same calls on both. An allocation, or the making of a heap, can
 * be told to fail. Included once per test program.
 */
#ifndef TESTS_UNIT_LAB_WORLD_H
#define TESTS_UNIT_LAB_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/lab/lab.h"
#include "bench/lab/trace.h"

#define WORLD_HARTS_MAX 16u
#define WORLD_FACTS_MAX 64u

typedef struct world_heap {
	size_t wh_size;
	unsigned wh_number;
	void *wh_only; /* the object of a heap that has no more */
} heap_t;

/* What the adapter is told, and what it has seen. */
static struct world {
	bool wo_noop;
	uint64_t wo_fail_at;   /* number of the call that fails; 0: none */
	uint64_t wo_heap_fail; /* number of the heap that cannot be made */
	_Atomic(uint64_t) wo_allocs, wo_frees;
	uint64_t wo_heaps, wo_gone;
	size_t wo_frames;  /* one more at each question */
	uint64_t wo_trail; /* hash of the calls so far */
	bool wo_threads;   /* the trail has no meaning: it is not kept */
} world;

static void
world_trail(uint64_t what)
{
	if (!world.wo_threads)
		world.wo_trail =
		    (world.wo_trail ^ what) * UINT64_C(0x100000001b3);
}

static inline heap_t *
adapter_create(const struct lab_spec *spec)
{
	heap_t *heap;

	if (++world.wo_heaps == world.wo_heap_fail) {
		world.wo_heaps--;
		world.wo_heap_fail = 0;
		return NULL;
	}
	assert_true(spec->ls_size >= 1 && spec->ls_size <= 131072);
	assert_non_null(spec->ls_name);
	heap = malloc(sizeof(*heap));
	assert_non_null(heap);
	heap->wh_size = spec->ls_size;
	heap->wh_number = (unsigned)world.wo_heaps;
	heap->wh_only = malloc(spec->ls_size);
	assert_non_null(heap->wh_only);
	return heap;
}

static inline void *
adapter_alloc(heap_t *heap)
{
	uint64_t call = atomic_fetch_add(&world.wo_allocs, 1) + 1;
	void *obj;

	world_trail(heap->wh_number * 2u);
	if (call == world.wo_fail_at) {
		atomic_fetch_sub(&world.wo_allocs, 1);
		world.wo_fail_at = 0;
		return NULL;
	}
	if (world.wo_noop)
		return heap->wh_only;
	obj = malloc(heap->wh_size);
	assert_non_null(obj);
	memset(obj, 0xa5, heap->wh_size);
	return obj;
}

static inline void
adapter_free(heap_t *heap, void *obj)
{
	atomic_fetch_add(&world.wo_frees, 1);
	world_trail(heap->wh_number * 2u + 1u);
	assert_non_null(obj);
	if (world.wo_noop) {
		assert_ptr_equal(obj, heap->wh_only);
		return;
	}
	/* Of its own heap: the sanitizer sees a shorter object. */
	memset(obj, 0x5a, heap->wh_size);
	free(obj);
}

static inline void
adapter_destroy(heap_t *heap)
{
	world.wo_gone++;
	free(heap->wh_only);
	free(heap);
}

static inline size_t
adapter_reap(heap_t *heap)
{
	return heap->wh_size & 0; /* malloc gives back by itself */
}

#define ADAPTER_GROUPS world_groups
#include "bench/lab/load/all.c"

/* ---- what the lab gives to loads ---- */

static unsigned world_facts;
static struct lab_fact world_fact_list[WORLD_FACTS_MAX];

void
lab_fact(struct lab_result *out, const char *name, const char *unit,
    enum lab_better better, uint64_t value, uint64_t per)
{
	struct lab_fact *f = &world_fact_list[world_facts];

	assert_non_null(out);
	assert_true(per != 0);
	assert_true(strlen(name) < LAB_NAME_MAX);
	assert_true(strlen(unit) < LAB_NAME_MAX);
	assert_true(world_facts < LAB_FACTS_MAX);
	(void)snprintf(f->lf_name, sizeof(f->lf_name), "%s", name);
	f->lf_better = better;
	f->lf_value = value;
	f->lf_per = per;
	world_facts++;
}

uint64_t
lab_param(const struct lab_run *run, const char *name)
{
	unsigned i;

	for (i = 0; i < LAB_PARAMS_MAX; i++) {
		const struct lab_param *lp = &run->lr_bench->lb_params[i];

		if (lp->lp_name == NULL)
			break;
		if (strcmp(lp->lp_name, name) == 0)
			return run->lr_param[i];
	}
	fail_msg("%s has no parameter '%s'", run->lr_bench->lb_id, name);
	return 0;
}

/* Of malloc nothing is known; a load may not depend on the figure. */
size_t
lab_frames(const struct lab_run *run)
{
	assert_non_null(run);
	return ++world.wo_frames;
}

void *
lab_memory(size_t bytes)
{
	return calloc(1, bytes);
}

void
lab_memory_free(void *p, size_t bytes)
{
	(void)bytes;
	free(p);
}

/* ---- the benchmarks that harts run together ---- */

#define WORLD_TRACE "tests/data/kmem-ftrace.qtrace"

/* NULL ends. */
static inline const struct lab_bench *
world_bench(size_t i)
{
	static const struct lab_bench *const tables[] = { lab_smp, lab_trace };
	size_t t;

	for (t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		const struct lab_bench *bench;

		for (bench = tables[t]; bench->lb_id != NULL; bench++)
			if (i-- == 0)
				return bench;
	}
	return NULL;
}

/* Load the trace that trace/file replays; of a group of tests, before all. */
static inline int
world_load_trace(void **state)
{
	uint8_t bytes[4096];
	const char *why = NULL;
	FILE *file = fopen(WORLD_TRACE, "rb");
	size_t n;

	(void)state;
	if (file == NULL)
		return -1;
	n = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	return lab_trace_load(bytes, n, &why) ? 0 : -1;
}

/* ---- the driver ---- */

enum world_params { WORLD_QUICK, WORLD_FULL, WORLD_ZERO, WORLD_MAX };

struct world_run {
	struct lab_run wr_run;
	struct lab_lane wr_lanes[WORLD_HARTS_MAX];
	struct lab_result wr_out;
	const struct lab_load *wr_load;
	size_t wr_shared, wr_lane;
	uint64_t wr_ops;
	bool wr_failed; /* somewhere an allocation failed */
};

static _Atomic(uint64_t) world_ticks;

static uint64_t
world_tick(void)
{
	return atomic_fetch_add(&world_ticks, 1);
}

/* The load of a benchmark. */
static const struct lab_load *
world_load(const char *id)
{
	size_t g, i;

	for (g = 0; world_groups[g] != NULL; g++)
		for (i = 0; world_groups[g][i].ld_id != NULL; i++)
			if (strcmp(world_groups[g][i].ld_id, id) == 0)
				return &world_groups[g][i];
	fail_msg("no load is called '%s'", id);
	return NULL;
}

static void
world_forget(void)
{
	memset(&world, 0, sizeof(world));
	world.wo_trail = UINT64_C(0xcbf29ce484222325);
	world_facts = 0;
}

static uint64_t
world_param(const struct lab_param *lp, enum world_params which)
{
	switch (which) {
	case WORLD_QUICK:
		return lp->lp_quick;
	case WORLD_FULL:
		return lp->lp_full;
	case WORLD_MAX:
		return lp->lp_max;
	case WORLD_ZERO:
	default:
		return 0;
	}
}

/* Get a run ready and open it. False: the load could not. */
static bool
world_open(struct world_run *wr, const struct lab_bench *bench, unsigned harts,
    enum world_params which)
{
	struct lab_run *run = &wr->wr_run;
	unsigned i;

	memset(wr, 0, sizeof(*wr));
	wr->wr_load = world_load(bench->lb_id);
	run->lr_bench = bench;
	run->lr_harts = harts;
	run->lr_seed = 42;
	run->lr_lanes = wr->wr_lanes;
	run->lr_out = &wr->wr_out;
	run->lr_tick = world_tick;
	run->lr_tick_cost = 1;
	run->lr_exact = !world.wo_threads;
	for (i = 0; i < LAB_PARAMS_MAX; i++)
		if (bench->lb_params[i].lp_name != NULL)
			run->lr_param[i] =
			    world_param(&bench->lb_params[i], which);
	wr->wr_shared =
	    wr->wr_load->ld_shared ? wr->wr_load->ld_shared(run) : 0;
	wr->wr_lane = wr->wr_load->ld_lane ? wr->wr_load->ld_lane(run) : 0;
	/* Exactly so many bytes: the sanitizer sees the next one touched. */
	run->lr_shared = calloc(1, wr->wr_shared);
	for (i = 0; i < harts; i++) {
		wr->wr_lanes[i].ln_run = run;
		wr->wr_lanes[i].ln_index = i;
		wr->wr_lanes[i].ln_random = bench_seed(42, i);
		wr->wr_lanes[i].ln_own = calloc(1, wr->wr_lane);
	}
	return wr->wr_load->ld_open(run);
}

static inline bool
world_enter(struct world_run *wr)
{
	unsigned i;

	for (i = 0; i < wr->wr_run.lr_harts; i++)
		if (wr->wr_load->ld_enter != NULL &&
		    !wr->wr_load->ld_enter(&wr->wr_lanes[i]))
			return false;
	return true;
}

/* Each hart in turn does a step, `steps` times. False: one failed. */
static inline bool
world_turns(struct world_run *wr, unsigned steps)
{
	unsigned harts = wr->wr_run.lr_harts, step, i, waits;

	for (step = 0; step < steps; step++) {
		waits = 0;
		for (i = 0; i < harts; i++) {
			struct lab_lane *lane = &wr->wr_lanes[i];
			enum lab_step came = wr->wr_load->ld_step(lane);

			lane->ln_step++;
			if (came == LAB_FAIL)
				return false;
			waits += came == LAB_WAIT;
		}
		/* All waiting for each other would be a standstill. */
		assert_true(waits < harts);
	}
	return true;
}

static void
world_free(struct world_run *wr)
{
	unsigned i;

	for (i = 0; i < wr->wr_run.lr_harts; i++)
		free(wr->wr_lanes[i].ln_own);
	free(wr->wr_run.lr_shared);
}

static inline void
world_close(struct world_run *wr, bool opened)
{
	unsigned i;

	for (i = 0; i < wr->wr_run.lr_harts; i++) {
		if (opened)
			wr->wr_load->ld_leave(&wr->wr_lanes[i]);
		wr->wr_ops += wr->wr_lanes[i].ln_ops;
	}
	if (opened)
		wr->wr_load->ld_close(&wr->wr_run);
	world_free(wr);
}

/* Nothing is held, neither objects nor heaps. */
static void
world_clean(const char *id)
{
	if (world.wo_allocs != world.wo_frees)
		fail_msg("%s: %ju allocated, %ju freed", id,
		    (uintmax_t)world.wo_allocs, (uintmax_t)world.wo_frees);
	if (world.wo_heaps != world.wo_gone)
		fail_msg("%s: %ju heaps made, %ju destroyed", id,
		    (uintmax_t)world.wo_heaps, (uintmax_t)world.wo_gone);
}

/* A whole run by turns. */
static inline void
world_run(struct world_run *wr, const struct lab_bench *bench, unsigned harts,
    enum world_params which, unsigned steps)
{
	bool opened = world_open(wr, bench, harts, which);

	wr->wr_failed = !opened || !world_enter(wr) || !world_turns(wr, steps);
	world_close(wr, opened);
	world_clean(bench->lb_id);
}

#endif
