/* SPDX-License-Identifier: MIT */
/*
 * memory/blowup: one hart allocates, another frees. An allocator whose freed
 * objects stay with the hart that freed them takes new memory for each round,
 * without bound: Berger, McKinley, Blumofe and Wilson, "Hoard", ASPLOS 2000.
 * Harts 2k and 2k + 1 share a box: the even one fills it, the odd one
 * empties it and frees. A hart without partner does both in turn. Memory may
 * not grow: `frames_grown` is the last sample less the first one after the
 * warm-up. Included by adapters.
 */

struct blowup {
	struct meter bl_meter;
	size_t bl_n, bl_size;
	unsigned bl_boxes;
};

struct blowup_box {
	_Atomic unsigned bx_full;
	void *bx_objs[];
};

static size_t
blowup_box_bytes(size_t n)
{
	return sizeof(struct blowup_box) + n * sizeof(void *);
}

static size_t
blowup_shared(const struct lab_run *run)
{
	return sizeof(struct blowup) +
	    (run->lr_harts + 1u) / 2u * blowup_box_bytes(held_param(run, "n"));
}

static struct blowup_box *
blowup_box(struct blowup *bl, unsigned i)
{
	return (struct blowup_box *)(void *)((char *)(bl + 1) +
	    i * blowup_box_bytes(bl->bl_n));
}

static bool
blowup_open(struct lab_run *run)
{
	struct blowup *bl = run->lr_shared;

	bl->bl_n = held_param(run, "n");
	bl->bl_size = held_param(run, "size");
	bl->bl_boxes = (run->lr_harts + 1u) / 2u;
	meter_open(run, &bl->bl_meter);
	return held_open(run, "blowup");
}

static bool
blowup_is_full(struct blowup_box *bx)
{
	/* Pairs with the release in blowup_fill and blowup_empty. */
	return atomic_load_explicit(&bx->bx_full, memory_order_acquire) != 0;
}

static enum lab_step
blowup_fill(struct lab_lane *lane, struct blowup_box *bx)
{
	struct blowup *bl = lane->ln_run->lr_shared;
	heap_t *heap = lane->ln_run->lr_heap[0];
	size_t got = held_fill(heap, bx->bx_objs, 0, bl->bl_n);

	if (got < bl->bl_n) {
		held_drop(heap, bx->bx_objs, got);
		return LAB_FAIL;
	}
	/* Pairs with the acquire in blowup_is_full. */
	atomic_store_explicit(&bx->bx_full, 1u, memory_order_release);
	return LAB_MORE;
}

static void
blowup_empty(struct lab_lane *lane, struct blowup_box *bx)
{
	struct blowup *bl = lane->ln_run->lr_shared;

	held_drop(lane->ln_run->lr_heap[0], bx->bx_objs, bl->bl_n);
	/* Pairs with the acquire in blowup_is_full. */
	atomic_store_explicit(&bx->bx_full, 0u, memory_order_release);
	lane->ln_ops += bl->bl_n;
}

/* By lane 0, which has just filled a box: one is full at least. */
static void
blowup_sample(const struct lab_lane *lane)
{
	struct blowup *bl = lane->ln_run->lr_shared;
	uint64_t full = 0;
	unsigned i;

	for (i = 0; i < bl->bl_boxes; i++)
		full += blowup_is_full(blowup_box(bl, i)) ? 1u : 0u;
	meter_sample(lane, &bl->bl_meter, full * bl->bl_n * bl->bl_size);
}

static enum lab_step
blowup_step(struct lab_lane *lane)
{
	struct lab_run *run = lane->ln_run;
	struct blowup_box *bx = blowup_box(run->lr_shared, lane->ln_index / 2u);
	bool even = lane->ln_index % 2u == 0;
	bool lone = even && meter_is_mine(lane);
	enum lab_step step;

	if (blowup_is_full(bx)) {
		if (even && !lone)
			return LAB_WAIT;
		blowup_empty(lane, bx);
		return LAB_MORE;
	}
	if (!even)
		return LAB_WAIT;
	step = blowup_fill(lane, bx);
	if (step == LAB_MORE && lane->ln_index == 0)
		blowup_sample(lane);
	return step;
}

/* The box is its filler's. */
static void
blowup_leave(struct lab_lane *lane)
{
	struct blowup_box *bx =
	    blowup_box(lane->ln_run->lr_shared, lane->ln_index / 2u);

	if (lane->ln_index % 2u == 0 && blowup_is_full(bx)) {
		struct blowup *bl = lane->ln_run->lr_shared;

		held_drop(lane->ln_run->lr_heap[0], bx->bx_objs, bl->bl_n);
		/* Nobody looks any more: all steps are over. */
		atomic_store_explicit(&bx->bx_full, 0u, memory_order_relaxed);
	}
}

static void
blowup_close(struct lab_run *run)
{
	const struct blowup *bl = run->lr_shared;
	const struct meter *mt = &bl->bl_meter;

	meter_facts(run, mt);
	lab_fact(run->lr_out, "frames_grown", "frame", LAB_LOWER,
	    mt->mt_last > mt->mt_first ? mt->mt_last - mt->mt_first : 0, 1);
	held_close(run);
}
