/* SPDX-License-Identifier: MIT */
/*
 * latency/tail and latency/tail-grow: what single calls take.
 *
 * tail: a hart has TAIL_SLOTS places. A random one changes its state, so that
 * about half of them are filled; now and then TAIL_BURST objects are taken and
 * given back, and, after TAIL_REAP steps, idle memory is given back, so that
 * the way down to the frames is among the calls. tail-grow: allocations alone,
 * from an empty heap up to n objects, then all is freed, unmeasured, and given
 * back. Each call goes into the histogram, less what reading the counter twice
 * takes: what remains is the call with its arguments. Included by adapters.
 */

#define TAIL_STEP  200u /* changes of a place */
#define TAIL_SLOTS 512u
#define TAIL_BURST 100u
#define TAIL_REAP  4u /* steps */
#define TAIL_FILLS 8u /* steps in which tail-grow fills its places */

struct tail_own {
	size_t ta_places;
	size_t ta_filled; /* tail-grow: the first so many */
	uint64_t ta_steps;
	void *ta_objs[]; /* NULL: not held */
};

static void *
tail_alloc(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	uint64_t before = run->lr_tick();
	void *obj = adapter_alloc(run->lr_heap[0]);

	bench_hist_add(lane->ln_hist, held_since(run, before), 1);
	return obj;
}

static void
tail_free(struct lab_lane *lane, void *obj)
{
	const struct lab_run *run = lane->ln_run;
	uint64_t before = run->lr_tick();

	adapter_free(run->lr_heap[0], obj);
	bench_hist_add(lane->ln_hist, held_since(run, before), 1);
	lane->ln_ops++;
}

static size_t
tail_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct tail_own) +
	    (TAIL_SLOTS + TAIL_BURST) * sizeof(void *);
}

static size_t
tail_grow_lane(const struct lab_run *run)
{
	return sizeof(struct tail_own) + held_param(run, "n") * sizeof(void *);
}

static bool
tail_open(struct lab_run *run)
{
	return held_open(run, "tail");
}

static bool
tail_enter(struct lab_lane *lane)
{
	struct tail_own *own = lane->ln_own;

	own->ta_places = TAIL_SLOTS + TAIL_BURST;
	return true;
}

static bool
tail_grow_enter(struct lab_lane *lane)
{
	struct tail_own *own = lane->ln_own;

	own->ta_places = held_param(lane->ln_run, "n");
	return true;
}

static bool
tail_change(struct lab_lane *lane)
{
	struct tail_own *own = lane->ln_own;
	void **place = &own->ta_objs[held_random(lane, TAIL_SLOTS)];

	if (*place == NULL) {
		*place = tail_alloc(lane);
		return *place != NULL;
	}
	tail_free(lane, *place);
	*place = NULL;
	return true;
}

static bool
tail_burst(struct lab_lane *lane)
{
	struct tail_own *own = lane->ln_own;
	void **objs = &own->ta_objs[TAIL_SLOTS];
	unsigned i;

	for (i = 0; i < TAIL_BURST; i++) {
		objs[i] = tail_alloc(lane);
		if (objs[i] == NULL)
			return false;
	}
	for (i = 0; i < TAIL_BURST; i++) {
		tail_free(lane, objs[i]);
		objs[i] = NULL;
	}
	return true;
}

static enum lab_step
tail_step(struct lab_lane *lane)
{
	struct tail_own *own = lane->ln_own;
	unsigned left;

	for (left = TAIL_STEP; left != 0; left--)
		if (!tail_change(lane))
			return LAB_FAIL;
	if (!tail_burst(lane))
		return LAB_FAIL;
	if (++own->ta_steps % TAIL_REAP == 0)
		(void)adapter_reap(lane->ln_run->lr_heap[0]);
	return LAB_MORE;
}

static enum lab_step
tail_grow_step(struct lab_lane *lane)
{
	struct tail_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	size_t to = ++own->ta_steps * own->ta_places / TAIL_FILLS;

	while (own->ta_filled < to) {
		own->ta_objs[own->ta_filled] = tail_alloc(lane);
		if (own->ta_objs[own->ta_filled] == NULL)
			return LAB_FAIL;
		own->ta_filled++;
	}
	if (own->ta_filled == own->ta_places) {
		held_drop(heap, own->ta_objs, own->ta_filled);
		lane->ln_ops += own->ta_filled;
		own->ta_filled = 0;
		own->ta_steps = 0;
		(void)adapter_reap(heap);
	}
	return LAB_MORE;
}

static void
tail_leave(struct lab_lane *lane)
{
	struct tail_own *own = lane->ln_own;

	held_drop(lane->ln_run->lr_heap[0], own->ta_objs, own->ta_places);
	own->ta_filled = 0;
}

static size_t
tail_shared(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct bench_hist); /* of all lanes */
}

static void
tail_close(struct lab_run *run)
{
	struct bench_hist *all = run->lr_shared;
	const char *unit = held_unit(run);
	unsigned i;

	for (i = 0; i < run->lr_harts; i++)
		bench_hist_merge(all, run->lr_lanes[i].ln_hist);
	if (all->bh_count != 0) {
		lab_fact(run->lr_out, "p50", unit, LAB_LOWER,
		    bench_hist_percentile(all, 500000), 1);
		lab_fact(run->lr_out, "p99", unit, LAB_LOWER,
		    bench_hist_percentile(all, 990000), 1);
		lab_fact(run->lr_out, "p999", unit, LAB_LOWER,
		    bench_hist_percentile(all, 999000), 1);
		lab_fact(run->lr_out, "max", unit, LAB_LOWER, all->bh_max, 1);
	}
	held_close(run);
}
