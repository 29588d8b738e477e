/* SPDX-License-Identifier: MIT */
/*
 * system/zone: runs of 1, 2, 4 … 1,024 frames, allocated and freed by every
 * hart, each call on its own counted: what a caller of frame_alloc pays, for
 * each order, and on more harts what the zones' lock adds. A step takes up to
 * eight runs of one order, 256 frames at most together unless one is longer,
 * then frees them, first first. The first round of a hart is not counted: what
 * its cache of single frames holds is then its own doing. There is no heap:
 * frames are ours alone.
 */

#include <mm/frame.h>

#include "share.c"

#define ZONE_ORDERS 11u
#define ZONE_RUNS   8u
#define ZONE_FRAMES 256u /* of one step, where a run is not longer */

struct zone_cost {
	uint64_t zc_alloc, zc_free, zc_calls; /* ticks, ticks, pairs */
};

struct zone_lane {
	unsigned zl_order;
	bool zl_warm; /* the first round is over */
	struct zone_cost zl_cost[ZONE_ORDERS];
};

struct zone_sum {
	_Atomic(uint64_t) zs_alloc[ZONE_ORDERS], zs_free[ZONE_ORDERS],
	    zs_calls[ZONE_ORDERS];
};

static size_t
zone_shared(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct zone_sum);
}

static size_t
zone_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct zone_lane);
}

static bool
zone_open(struct lab_run *run)
{
	run->lr_heaps = 0;
	return true;
}

/* What passed since `start`, without the reading itself. */
static inline uint64_t
zone_since(const struct lab_run *run, uint64_t start)
{
	uint64_t passed = run->lr_tick() - start;

	return passed > run->lr_tick_cost ? passed - run->lr_tick_cost : 0;
}

static enum lab_step
zone_step(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct zone_lane *zl = lane->ln_own;
	struct zone_cost cost = { 0 }, *zc = &zl->zl_cost[zl->zl_order];
	size_t frames = (size_t)1 << zl->zl_order;
	unsigned want, n, i;
	void *runs[ZONE_RUNS];
	uint64_t start;

	want = frames < ZONE_FRAMES ? (unsigned)(ZONE_FRAMES / frames) : 1u;
	want = want < ZONE_RUNS ? want : ZONE_RUNS;
	for (n = 0; n < want; n++) {
		start = run->lr_tick();
		runs[n] = frame_alloc(frames, 1, 0, FRAME_TAG_USER);
		cost.zc_alloc += zone_since(run, start);
		if (runs[n] == NULL)
			break;
	}
	for (i = 0; i < n; i++) {
		start = run->lr_tick();
		frame_free(runs[i], frames);
		cost.zc_free += zone_since(run, start);
	}
	if (zl->zl_warm) {
		zc->zc_alloc += cost.zc_alloc;
		zc->zc_free += cost.zc_free;
		zc->zc_calls += n;
	}
	lane->ln_ops += n;
	zl->zl_order = (zl->zl_order + 1u) % ZONE_ORDERS;
	zl->zl_warm = zl->zl_warm || zl->zl_order == 0;
	return n == want ? LAB_MORE : LAB_FAIL;
}

static void
zone_leave(struct lab_lane *lane)
{
	struct zone_sum *zs = lane->ln_run->lr_shared;
	const struct zone_lane *zl = lane->ln_own;
	unsigned i;

	for (i = 0; i < ZONE_ORDERS; i++) {
		const struct zone_cost *zc = &zl->zl_cost[i];

		/* Counts: they order nothing. */
		atomic_fetch_add_explicit(
		    &zs->zs_alloc[i], zc->zc_alloc, memory_order_relaxed);
		atomic_fetch_add_explicit(
		    &zs->zs_free[i], zc->zc_free, memory_order_relaxed);
		atomic_fetch_add_explicit(
		    &zs->zs_calls[i], zc->zc_calls, memory_order_relaxed);
	}
}

static void
zone_close(struct lab_run *run)
{
	static const struct {
		const char *alloc, *free;
	} names[ZONE_ORDERS] = {
		{ "alloc_order_0", "free_order_0" },
		{ "alloc_order_1", "free_order_1" },
		{ "alloc_order_2", "free_order_2" },
		{ "alloc_order_3", "free_order_3" },
		{ "alloc_order_4", "free_order_4" },
		{ "alloc_order_5", "free_order_5" },
		{ "alloc_order_6", "free_order_6" },
		{ "alloc_order_7", "free_order_7" },
		{ "alloc_order_8", "free_order_8" },
		{ "alloc_order_9", "free_order_9" },
		{ "alloc_order_10", "free_order_10" },
	};
	struct zone_sum *zs = run->lr_shared;
	unsigned i;

	for (i = 0; i < ZONE_ORDERS; i++) {
		uint64_t calls = atomic_load_explicit(
		    &zs->zs_calls[i], memory_order_relaxed);

		if (calls == 0)
			continue;
		lab_fact(run->lr_out, names[i].alloc, tick_unit(run), LAB_LOWER,
		    atomic_load_explicit(
			&zs->zs_alloc[i], memory_order_relaxed),
		    calls);
		lab_fact(run->lr_out, names[i].free, tick_unit(run), LAB_LOWER,
		    atomic_load_explicit(&zs->zs_free[i], memory_order_relaxed),
		    calls);
	}
}
