/* SPDX-License-Identifier: MIT */
/*
 * smp/xmalloc: harts that only allocate and harts that only free, after Lever
 * and Boreham, "malloc() Performance in a Multithreaded Linux Environment",
 * USENIX 2000. Even harts fill boxes of `batch` objects, odd ones free what is
 * in any; the last of an odd number does both. Included by adapters.
 */

static unsigned
xmalloc_boxes(const struct lab_run *run)
{
	return 2u * run->lr_harts;
}

static size_t
xmalloc_shared(const struct lab_run *run)
{
	return boxes_bytes(xmalloc_boxes(run), count_param(run, "batch"));
}

static bool
xmalloc_open(struct lab_run *run)
{
	if (!classes_open(run, count_param(run, "size")))
		return false;
	(void)boxes_open(run, xmalloc_boxes(run), count_param(run, "batch"));
	return true;
}

static enum lab_step
xmalloc_put(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct boxes *bs = run->lr_shared;
	struct box *bx = box_find(bs, lane->ln_index, BOX_EMPTY);

	if (bx == NULL)
		return LAB_WAIT;
	return box_fill(run, bx, bs->bs_room, count_param(run, "size"))
	    ? LAB_MORE
	    : LAB_FAIL;
}

static enum lab_step
xmalloc_get(struct lab_lane *lane)
{
	struct box *bx =
	    box_find(lane->ln_run->lr_shared, lane->ln_index, BOX_FULL);

	if (bx == NULL)
		return LAB_WAIT;
	lane->ln_ops += bx->bx_count;
	box_empty(lane->ln_run, bx);
	return LAB_MORE;
}

static enum lab_step
xmalloc_step(struct lab_lane *lane)
{
	unsigned harts = lane->ln_run->lr_harts, i = lane->ln_index;
	enum lab_step put, got;

	if (i % 2u != 0)
		return xmalloc_get(lane);
	put = xmalloc_put(lane);
	if (put == LAB_FAIL || i + 1u != harts)
		return put;
	got = xmalloc_get(lane);
	return put == LAB_WAIT ? got : put;
}
