/* SPDX-License-Identifier: MIT */
/*
 * memory/footprint: n objects, and nothing else: what they take of the machine,
 * over what was asked for. The harts share the number. FOOTPRINT_FILL steps
 * fill, FOOTPRINT_DRAIN free again. Included by adapters.
 */

#define FOOTPRINT_FILL  8u
#define FOOTPRINT_DRAIN 2u

struct footprint {
	struct meter fo_meter;
	size_t fo_share; /* of each hart */
	size_t fo_size;
};

struct footprint_own {
	unsigned fo_step;
	/* Held: these, from the first on. The last lane reads it. */
	_Atomic uint64_t fo_held;
	void *fo_objs[];
};

static size_t
footprint_share(const struct lab_run *run)
{
	size_t share = held_param(run, "n") / run->lr_harts;

	return share != 0 ? share : 1u;
}

static size_t
footprint_shared(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct footprint);
}

static size_t
footprint_lane(const struct lab_run *run)
{
	return sizeof(struct footprint_own) +
	    footprint_share(run) * sizeof(void *);
}

static bool
footprint_open(struct lab_run *run)
{
	struct footprint *fo = run->lr_shared;

	fo->fo_share = footprint_share(run);
	fo->fo_size = held_param(run, "size");
	meter_open(run, &fo->fo_meter);
	return held_open(run, "footprint");
}

static void
footprint_sample(const struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct footprint *fo = run->lr_shared;
	uint64_t objects = 0;
	unsigned i;

	for (i = 0; i < run->lr_harts; i++) {
		const struct footprint_own *own = run->lr_lanes[i].ln_own;

		/* Relaxed: a figure. */
		objects +=
		    atomic_load_explicit(&own->fo_held, memory_order_relaxed);
	}
	meter_sample(lane, &fo->fo_meter, objects * fo->fo_size);
}

/* Hold the first `to` objects. False without memory. */
static bool
footprint_move(struct lab_lane *lane, size_t to)
{
	struct footprint_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	/* Relaxed: a figure for others, and only this lane writes it. */
	size_t held = atomic_load_explicit(&own->fo_held, memory_order_relaxed);

	if (held < to) {
		held = held_fill(heap, own->fo_objs, held, to);
	} else {
		lane->ln_ops += held - to;
		while (held > to)
			adapter_free(heap, own->fo_objs[--held]);
	}
	atomic_store_explicit(&own->fo_held, held, memory_order_relaxed);
	return held == to;
}

static enum lab_step
footprint_step(struct lab_lane *lane)
{
	const struct footprint *fo = lane->ln_run->lr_shared;
	struct footprint_own *own = lane->ln_own;
	unsigned step = ++own->fo_step;
	size_t to;

	if (step <= FOOTPRINT_FILL)
		to = fo->fo_share * step / FOOTPRINT_FILL;
	else
		to = fo->fo_share * (FOOTPRINT_FILL + FOOTPRINT_DRAIN - step) /
		    FOOTPRINT_DRAIN;
	if (!footprint_move(lane, to))
		return LAB_FAIL;
	if (meter_is_mine(lane))
		footprint_sample(lane);
	return step < FOOTPRINT_FILL + FOOTPRINT_DRAIN ? LAB_MORE : LAB_DONE;
}

static void
footprint_leave(struct lab_lane *lane)
{
	(void)footprint_move(lane, 0);
}

static void
footprint_close(struct lab_run *run)
{
	const struct footprint *fo = run->lr_shared;

	meter_facts(run, &fo->fo_meter);
	held_close(run);
}
