/* SPDX-License-Identifier: MIT */
/* Probes of frames: their pair, what giving them back costs, what is taken. */
#include <kernel/time.h>
#include <mm/frame.h>

#include "probe_impl.h"

#define FRAME_RECORD  16u /* bytes of metadata per frame in use */
#define FRAME_STEPS   40000u
#define FRAME_HELD    64u /* places, about half of them filled */
#define FRAME_BATCH   4096u
#define RECLAIM_LIVE  40000u /* objects */
#define FLUSH_OBJECTS 20000u
#define HART_OBJECTS  50u
/* Of RECLAIM_LIVE freed in a row: fewer than what may stay empty, an eighth. */
#define EMPTY_OBJECTS 4000u

static uint64_t
zone_locks(void)
{
	struct frame_stats st;

	frame_get_stats(&st);
	return st.locks;
}

/* A random one of `n` places gets a frame, or loses it; at last all do. */
static uint64_t
frames_at_random(struct probe_out *out, void **held, size_t n)
{
	uint64_t random = bench_seed(13, 0), calls;
	size_t i;

	for (calls = 0; calls < FRAME_STEPS; calls++) {
		i = (size_t)((bench_random(&random) >> 16) % n);
		if (held[i] != NULL) {
			frame_free(held[i], 1);
			held[i] = NULL;
			continue;
		}
		held[i] = frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_META);
		if (held[i] == NULL)
			out->po_error = "no frame was to be had";
	}
	for (i = 0; i < n; i++) {
		if (held[i] == NULL)
			continue;
		frame_free(held[i], 1);
		held[i] = NULL;
		calls++;
	}
	return calls;
}

/* All up, all down: more than a hart can keep. */
static uint64_t
frames_in_batch(struct probe_out *out, void **held, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		held[i] = frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_META);
		if (held[i] == NULL)
			out->po_error = "no frame was to be had";
	}
	for (i = 0; i < n; i++)
		if (held[i] != NULL)
			frame_free(held[i], 1);
	return 2u * n;
}

/* Shares in percent. */
static void
frames_locks(struct probe_out *out)
{
	void **held = probe_array(out, FRAME_BATCH, sizeof(void *));
	uint64_t before, calls;

	if (held == NULL)
		return;
	(void)frames_at_random(out, held, 1);
	before = zone_locks();
	calls = frames_at_random(out, held, 1);
	probe_fact(out, "lock.hot", 100u * (zone_locks() - before), calls);
	before = zone_locks();
	calls = frames_at_random(out, held, FRAME_HELD);
	probe_fact(out, "lock.random", 100u * (zone_locks() - before), calls);
	before = zone_locks();
	calls = frames_in_batch(out, held, FRAME_BATCH);
	probe_fact(out, "lock.batch", 100u * (zone_locks() - before), calls);
	kfree(held);
}

void
probe_frames(struct probe_out *out)
{
	struct workload w = { .w_count = 1 };
	struct tally t;

	if (probe_measure(out, LOAD_FRAME, &w, PROBE_PAIRS, &t))
		probe_tally(out, "frame", &t);
	if (probe_measure(out, LOAD_RUN, &w, PROBE_PAIRS, &t))
		probe_tally(out, "run8", &t);
	frames_locks(out);
}

static bool
fill(struct probe_out *out, struct kmem_cache *cp, void **objs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		objs[i] = kmem_cache_alloc(cp, 0);
		if (objs[i] == NULL) {
			while (i > 0)
				kmem_cache_free(cp, objs[--i]);
			out->po_error = "an allocation failed";
			return false;
		}
	}
	return true;
}

/* A reap, less what the same reap costs when there is nothing to give. */
static struct kmem_reaped
timed_reap(enum kmem_level level, uint64_t *cost)
{
	struct kmem_reaped got;
	uint64_t start, with;

	start = time_instret();
	got = kmem_reap(level, 0);
	with = time_instret() - start;
	start = time_instret();
	(void)kmem_reap(level, 0);
	*cost = with - (time_instret() - start);
	return got;
}

/* Empty slabs only: no object has to move for them. */
static void
reclaim_slabs(struct probe_out *out, void **objs)
{
	const struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	struct kmem_cache *cp = probe_cache(out, PROBE_SIZE, &opt);
	struct kmem_reaped got;
	struct kmem_stats st;
	uint64_t cost;
	size_t i;

	if (cp == NULL)
		return;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	if (fill(out, cp, objs, RECLAIM_LIVE)) {
		for (i = 0; i < EMPTY_OBJECTS; i++)
			kmem_cache_free(cp, objs[i]);
		kmem_cache_stats(cp, &st);
		got = timed_reap(KMEM_REAP_DEPOT, &cost);
		probe_fact(out, "slabs.frame", cost, got.frames);
		probe_fact(out, "slabs.frames", got.frames, 1);
		probe_fact(out, "slabs.empty", st.slabs_empty, 1);
		for (; i < RECLAIM_LIVE; i++)
			kmem_cache_free(cp, objs[i]);
	}
	probe_uncache(out, cp);
}

static void
shuffle(void **objs, size_t n)
{
	uint64_t random = bench_seed(11, 0);
	size_t i, j;
	void *t;

	for (i = n - 1; i > 0; i--) {
		j = (size_t)(bench_random(&random) % (i + 1));
		t = objs[i];
		objs[i] = objs[j];
		objs[j] = t;
	}
}

/*
 * Objects leave the depot for slabs that stay in use: every other one is freed,
 * in the order of their addresses, or in none.
 */
static void
reclaim_objects(
    struct probe_out *out, const char *name, void **objs, bool shuffled)
{
	struct kmem_cache *cp = probe_cache(out, PROBE_SIZE, NULL);
	struct kmem_reaped got;
	uint64_t cost;
	size_t i;

	if (cp == NULL)
		return;
	if (fill(out, cp, objs, RECLAIM_LIVE)) {
		for (i = 0; i < FLUSH_OBJECTS; i++) {
			void *t = objs[i];

			objs[i] = objs[2 * i];
			objs[2 * i] = t;
		}
		if (shuffled)
			shuffle(objs, FLUSH_OBJECTS);
		for (i = 0; i < FLUSH_OBJECTS; i++)
			kmem_cache_free(cp, objs[i]);
		got = timed_reap(KMEM_REAP_DEPOT, &cost);
		probe_fact(out, name, cost, got.objects);
		for (; i < RECLAIM_LIVE; i++)
			kmem_cache_free(cp, objs[i]);
	}
	probe_uncache(out, cp);
}

/* One flush of a hart's magazines that hold a few dozen objects. */
static void
reclaim_hart(struct probe_out *out, void **objs)
{
	struct kmem_cache *cp = probe_cache(out, PROBE_SIZE, NULL);
	uint64_t start, cost;
	size_t moved, i;

	if (cp == NULL)
		return;
	if (fill(out, cp, objs, FLUSH_OBJECTS)) {
		for (i = 0; i < HART_OBJECTS; i++)
			kmem_cache_free(cp, objs[i]);
		start = time_instret();
		moved = kmem_cache_flush(cp, KMEM_ALL_HARTS);
		cost = time_instret() - start;
		probe_fact(out, "hart.object", cost, moved);
		probe_fact(out, "hart.objects", moved, 1);
		for (; i < FLUSH_OBJECTS; i++)
			kmem_cache_free(cp, objs[i]);
	}
	probe_uncache(out, cp);
}

/* Everything: full magazines in depot and hart, and the slabs behind them. */
static void
reclaim_all(struct probe_out *out, void **objs)
{
	struct kmem_cache *cp = probe_cache(out, PROBE_SIZE, NULL);
	struct kmem_reaped got;
	uint64_t cost;
	size_t i;

	if (cp == NULL)
		return;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	if (fill(out, cp, objs, RECLAIM_LIVE)) {
		for (i = 0; i < RECLAIM_LIVE; i++)
			kmem_cache_free(cp, objs[i]);
		got = timed_reap(KMEM_REAP_ALL, &cost);
		/* The two allowances of the figure, as one sum. */
		probe_fact(out, "all.of_allowed", cost,
		    60u * (uint64_t)got.frames + 40u * (uint64_t)got.objects);
		probe_fact(out, "all.frames", got.frames, 1);
		probe_fact(out, "all.objects", got.objects, 1);
	}
	probe_uncache(out, cp);
}

void
probe_reclaim(struct probe_out *out)
{
	void **objs = probe_array(out, RECLAIM_LIVE, sizeof(void *));

	if (objs == NULL)
		return;
	reclaim_slabs(out, objs);
	reclaim_objects(out, "depot.object", objs, false);
	reclaim_objects(out, "depot.shuffled", objs, true);
	reclaim_hart(out, objs);
	reclaim_all(out, objs);
	kfree(objs);
}

void
probe_memory(struct probe_out *out)
{
	void **objs = probe_array(out, PROBE_MANY, sizeof(void *));
	struct kmem_cache *cp;
	size_t before, frames, i;

	if (objs == NULL)
		return;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	before = frame_free_count();
	cp = probe_cache(out, PROBE_SIZE, NULL);
	if (cp != NULL && fill(out, cp, objs, PROBE_MANY)) {
		frames = before - frame_free_count();
		probe_fact(out, "memory.ratio",
		    frames * (FRAME_SIZE + FRAME_RECORD),
		    (uint64_t)PROBE_MANY * PROBE_SIZE);
		probe_fact(out, "memory.frames", frames, 1);
		for (i = 0; i < PROBE_MANY; i++)
			kmem_cache_free(cp, objs[i]);
	}
	if (cp != NULL)
		probe_uncache(out, cp);
	kfree(objs);
}
