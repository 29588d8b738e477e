/* SPDX-License-Identifier: MIT */
/*
 * smp/remote-free: hart 0 allocates `count` objects, and when it has finished
 * the others free them, each its share (Linux slab_test, test 4). A single hart
 * does both. Box i belongs to hart i + 1; hart 0 starts a round when all boxes
 * are empty, so that allocating and freeing never overlap. Included by
 * adapters.
 */

static unsigned
remote_free_takers(const struct lab_run *run)
{
	return run->lr_harts > 1u ? run->lr_harts - 1u : 1u;
}

/* Objects of one box. */
static unsigned
remote_free_room(const struct lab_run *run)
{
	unsigned takers = remote_free_takers(run);

	return (count_param(run, "count") + takers - 1u) / takers;
}

static size_t
remote_free_shared(const struct lab_run *run)
{
	return boxes_bytes(remote_free_takers(run), remote_free_room(run));
}

static bool
remote_free_open(struct lab_run *run)
{
	if (!classes_open(run, count_param(run, "size")))
		return false;
	(void)boxes_open(run, remote_free_takers(run), remote_free_room(run));
	return true;
}

static enum lab_step
remote_free_fill(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct boxes *bs = run->lr_shared;
	size_t bytes = count_param(run, "size");
	unsigned i;

	/* Acquire: pairs with box_empty of the hart whose box it is. */
	for (i = 0; i < bs->bs_count; i++)
		if (atomic_load_explicit(&bs->bs_box[i].bx_state,
			memory_order_acquire) != BOX_EMPTY)
			return LAB_WAIT;
	for (i = 0; i < bs->bs_count; i++) {
		struct box *bx = &bs->bs_box[i];

		if (box_claim(bx, BOX_EMPTY, BOX_FILLED) &&
		    !box_fill(run, bx, bs->bs_room, bytes))
			return LAB_FAIL;
	}
	return LAB_MORE;
}

static enum lab_step
remote_free_take(struct lab_lane *lane, unsigned mine)
{
	struct boxes *bs = lane->ln_run->lr_shared;
	struct box *bx = &bs->bs_box[mine];

	if (!box_claim(bx, BOX_FULL, BOX_DRAINED))
		return LAB_WAIT;
	lane->ln_ops += bx->bx_count;
	box_empty(lane->ln_run, bx);
	return LAB_MORE;
}

static enum lab_step
remote_free_step(struct lab_lane *lane)
{
	enum lab_step step;

	if (lane->ln_index != 0)
		return remote_free_take(lane, lane->ln_index - 1u);
	step = remote_free_fill(lane);
	if (step != LAB_MORE || lane->ln_run->lr_harts > 1u)
		return step;
	return remote_free_take(lane, 0);
}

static void
boxed_close(struct lab_run *run)
{
	boxes_close(run);
	classes_close(run);
}
