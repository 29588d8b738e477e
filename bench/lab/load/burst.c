/* SPDX-License-Identifier: MIT */
/*
 * micro/burst: many objects allocated, then all of them freed: in the order of
 * allocation, in the opposite one, or in a random one (Linux slab_test, test 1,
 * which has the first). Included by adapters.
 */

#define BURST_STEP 500u /* pairs at least */

enum { BURST_LIFO, BURST_FIFO, BURST_RANDOM };

struct burst_own {
	size_t bu_n;
	size_t bu_held;     /* the first so many are held, between steps */
	uint32_t *bu_order; /* of the frees; behind the objects */
	void *bu_objs[];
};

static size_t
burst_lane(const struct lab_run *run)
{
	return sizeof(struct burst_own) +
	    held_param(run, "n") * (sizeof(void *) + sizeof(uint32_t));
}

static bool
burst_open(struct lab_run *run)
{
	return held_open(run, "burst");
}

static bool
burst_enter(struct lab_lane *lane)
{
	struct burst_own *own = lane->ln_own;
	uint64_t order = lab_param(lane->ln_run, "order");
	size_t i, n = held_param(lane->ln_run, "n");

	own->bu_n = n;
	own->bu_order = (uint32_t *)(void *)&own->bu_objs[n];
	if (order == BURST_RANDOM) {
		held_shuffle(lane, own->bu_order, n);
		return true;
	}
	for (i = 0; i < n; i++)
		own->bu_order[i] =
		    (uint32_t)(order == BURST_FIFO ? i : n - 1 - i);
	return true;
}

static enum lab_step
burst_step(struct lab_lane *lane)
{
	struct burst_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	const uint32_t *order = own->bu_order;
	size_t i, done = 0, n = own->bu_n;

	do {
		own->bu_held = held_fill(heap, own->bu_objs, 0, n);
		if (own->bu_held < n)
			return LAB_FAIL;
		for (i = 0; i < n; i++)
			adapter_free(heap, own->bu_objs[order[i]]);
		own->bu_held = 0;
		done += n;
	} while (done < BURST_STEP);
	lane->ln_ops += done;
	return LAB_MORE;
}

static void
burst_leave(struct lab_lane *lane)
{
	struct burst_own *own = lane->ln_own;

	held_drop(lane->ln_run->lr_heap[0], own->bu_objs, own->bu_held);
	own->bu_held = 0;
}
