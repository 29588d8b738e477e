/* SPDX-License-Identifier: MIT */
/*
 * micro/grow: the layer below the slabs. A step goes from an empty heap to n
 * objects and back, and has the heap give all its frames up: each object comes
 * from a new slab, each slab from new frames. `per_frame` is what that took for
 * each frame that the fill added, both ways, loop included. Included by
 * adapters.
 */

struct grow_own {
	size_t gr_n, gr_held;
	uint64_t gr_took, gr_frames;
	void *gr_objs[];
};

static size_t
grow_lane(const struct lab_run *run)
{
	return sizeof(struct grow_own) + held_param(run, "n") * sizeof(void *);
}

static bool
grow_open(struct lab_run *run)
{
	return held_open(run, "grow");
}

static bool
grow_enter(struct lab_lane *lane)
{
	struct grow_own *own = lane->ln_own;

	own->gr_n = held_param(lane->ln_run, "n");
	return true;
}

static enum lab_step
grow_step(struct lab_lane *lane)
{
	struct grow_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	size_t empty = lab_frames(lane->ln_run), full;
	uint64_t before = lane->ln_run->lr_tick();

	own->gr_held = held_fill(heap, own->gr_objs, 0, own->gr_n);
	if (own->gr_held < own->gr_n)
		return LAB_FAIL;
	full = lab_frames(lane->ln_run);
	while (own->gr_held > 0)
		adapter_free(heap, own->gr_objs[--own->gr_held]);
	(void)adapter_reap(heap);
	own->gr_frames += full > empty ? full - empty : 0;
	own->gr_took += held_since(lane->ln_run, before);
	lane->ln_ops += own->gr_n;
	return LAB_MORE;
}

static void
grow_leave(struct lab_lane *lane)
{
	struct grow_own *own = lane->ln_own;

	held_drop(lane->ln_run->lr_heap[0], own->gr_objs, own->gr_held);
	own->gr_held = 0;
}

static void
grow_close(struct lab_run *run)
{
	const struct grow_own *own = run->lr_lanes[0].ln_own;

	if (own->gr_frames != 0)
		lab_fact(run->lr_out, "per_frame", held_unit(run), LAB_LOWER,
		    own->gr_took, own->gr_frames);
	held_close(run);
}
