/* SPDX-License-Identifier: MIT */
/*
 * memory/footprint: n objects, and nothing else: what they take of the machine,
 * over what was asked for. The harts share the number. FOOTPRINT_FILL steps
 * fill; the hart that is full last looks at what is taken, then FOOTPRINT_DRAIN
 * steps free again. Included by adapters.
 */

#define FOOTPRINT_FILL  8u
#define FOOTPRINT_DRAIN 2u

struct footprint {
	struct meter fo_meter;
	size_t fo_share; /* of each hart */
	size_t fo_size;
	_Atomic unsigned fo_full;    /* harts that hold their share */
	_Atomic unsigned fo_sampled; /* 1: they may free it */
};

struct footprint_own {
	unsigned fo_step;
	size_t fo_held; /* these, from the first on */
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

/* This hart holds its share; who comes last takes the sample of all. */
static void
footprint_full(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct footprint *fo = run->lr_shared;
	uint64_t objects = (uint64_t)fo->fo_share * run->lr_harts;

	/* All have filled before; what they did is seen by who comes last. */
	if (atomic_fetch_add_explicit(&fo->fo_full, 1u, memory_order_acq_rel) !=
	    run->lr_harts - 1u)
		return;
	meter_sample(lane, &fo->fo_meter, objects * fo->fo_size);
	/* Pairs with the acquire in footprint_step. */
	atomic_store_explicit(&fo->fo_sampled, 1u, memory_order_release);
}

/* Hold the first `to` objects. False without memory. */
static bool
footprint_move(struct lab_lane *lane, size_t to)
{
	struct footprint_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];

	if (own->fo_held < to)
		own->fo_held = held_fill(heap, own->fo_objs, own->fo_held, to);
	lane->ln_ops += own->fo_held > to ? own->fo_held - to : 0;
	while (own->fo_held > to)
		adapter_free(heap, own->fo_objs[--own->fo_held]);
	return own->fo_held == to;
}

static enum lab_step
footprint_step(struct lab_lane *lane)
{
	struct footprint *fo = lane->ln_run->lr_shared;
	struct footprint_own *own = lane->ln_own;
	unsigned step = own->fo_step + 1;
	size_t to = fo->fo_share * step / FOOTPRINT_FILL;

	if (step > FOOTPRINT_FILL) {
		/* Pairs with the release in footprint_full. */
		if (atomic_load_explicit(
			&fo->fo_sampled, memory_order_acquire) == 0)
			return LAB_WAIT;
		to = fo->fo_share * (FOOTPRINT_FILL + FOOTPRINT_DRAIN - step) /
		    FOOTPRINT_DRAIN;
	}
	if (!footprint_move(lane, to))
		return LAB_FAIL;
	own->fo_step = step;
	if (step == FOOTPRINT_FILL)
		footprint_full(lane);
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
