/* SPDX-License-Identifier: MIT */
/*
 * micro/depot: more objects than a hart's two magazines hold go out and come
 * back, last first, so that whole magazines go to the depot and are fetched
 * from it: once for each magazine's worth of calls (Bonwick and Adams 2001).
 * Included by adapters.
 */

#define DEPOT_OBJECTS (3u * 64u) /* magazines have up to 64 rounds */
#define DEPOT_ROUNDS  3u

struct depot_own {
	size_t dp_held;
	void *dp_objs[DEPOT_OBJECTS];
};

static size_t
depot_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct depot_own);
}

static bool
depot_open(struct lab_run *run)
{
	return held_open(run, "depot");
}

static enum lab_step
depot_step(struct lab_lane *lane)
{
	struct depot_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	unsigned round;

	for (round = 0; round < DEPOT_ROUNDS; round++) {
		own->dp_held = held_fill(heap, own->dp_objs, 0, DEPOT_OBJECTS);
		if (own->dp_held < DEPOT_OBJECTS)
			return LAB_FAIL;
		while (own->dp_held > 0)
			adapter_free(heap, own->dp_objs[--own->dp_held]);
	}
	lane->ln_ops += DEPOT_ROUNDS * DEPOT_OBJECTS;
	return LAB_MORE;
}

static void
depot_leave(struct lab_lane *lane)
{
	struct depot_own *own = lane->ln_own;

	held_drop(lane->ln_run->lr_heap[0], own->dp_objs, own->dp_held);
	own->dp_held = 0;
}
