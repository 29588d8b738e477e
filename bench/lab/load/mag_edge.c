/* SPDX-License-Identifier: MIT */
/*
 * micro/mag-edge: a hart that lives at the edge of a magazine.
 *
 * With one magazine per hart, a program that allocates one object and frees it,
 * just where the magazine ends, goes to the depot each time. Two magazines
 * cure that: Bonwick and Adams, "Magazines and Vmem", USENIX 2001. Where
 * the edge lies depends on the size of magazines, so all places are tried: with
 * 0, 1 … MAG_EDGE_SPAN - 1 objects held, one and two objects more are taken
 * and given back, MAG_EDGE_TURNS times. Magazines of up to 64 rounds have an
 * edge among them. Included by adapters.
 */

#define MAG_EDGE_SPAN  128u
#define MAG_EDGE_TURNS 2u

struct mag_edge_own {
	unsigned me_held;
	void *me_objs[MAG_EDGE_SPAN + 2];
};

static size_t
mag_edge_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct mag_edge_own);
}

static bool
mag_edge_open(struct lab_run *run)
{
	return held_open(run, "mag-edge");
}

/* `more` objects up, and down again: false without memory. */
static inline bool
mag_edge_swing(heap_t *heap, struct mag_edge_own *own, unsigned more)
{
	unsigned i, held = own->me_held;

	for (i = 0; i < more; i++) {
		own->me_objs[held] = adapter_alloc(heap);
		if (own->me_objs[held] == NULL) {
			own->me_held = held;
			return false;
		}
		held++;
	}
	while (held > own->me_held)
		adapter_free(heap, own->me_objs[--held]);
	return true;
}

static enum lab_step
mag_edge_step(struct lab_lane *lane)
{
	struct mag_edge_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	unsigned turn;

	while (own->me_held < MAG_EDGE_SPAN) {
		for (turn = 0; turn < MAG_EDGE_TURNS; turn++)
			if (!mag_edge_swing(heap, own, 1) ||
			    !mag_edge_swing(heap, own, 2))
				return LAB_FAIL;
		own->me_objs[own->me_held] = adapter_alloc(heap);
		if (own->me_objs[own->me_held] == NULL)
			return LAB_FAIL;
		own->me_held++;
	}
	while (own->me_held > 0)
		adapter_free(heap, own->me_objs[--own->me_held]);
	lane->ln_ops += MAG_EDGE_SPAN * (MAG_EDGE_TURNS * 3u + 1u);
	return LAB_MORE;
}

static void
mag_edge_leave(struct lab_lane *lane)
{
	struct mag_edge_own *own = lane->ln_own;

	held_drop(lane->ln_run->lr_heap[0], own->me_objs, own->me_held);
	own->me_held = 0;
}
