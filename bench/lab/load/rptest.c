/* SPDX-License-Identifier: MIT */
/*
 * smp/rptest: blocks of mixed sizes replaced at random, after the description
 * of rpmalloc-benchmark. A hart holds `blocks` of them; in each loop it
 * replaces `ops` random ones by blocks whose likelihood falls linearly with
 * their size. Every `cross` loops it also allocates `ops` blocks for others to
 * free, and frees a box full that another has filled, if there is one. A step
 * is one loop. Included by adapters.
 */

struct rptest {
	struct sizes rp_sizes;
	unsigned rp_blocks, rp_ops, rp_cross;
	unsigned rp_loop;
	struct item rp_items[];
};

static unsigned
rptest_boxes(const struct lab_run *run)
{
	return 2u * run->lr_harts;
}

static size_t
rptest_shared(const struct lab_run *run)
{
	return boxes_bytes(rptest_boxes(run), count_param(run, "ops"));
}

static size_t
rptest_lane(const struct lab_run *run)
{
	return sizeof(struct rptest) +
	    count_param(run, "blocks") * sizeof(struct item);
}

static bool
rptest_open(struct lab_run *run)
{
	if (!classes_open(run, CLASS_LARGEST))
		return false;
	(void)boxes_open(run, rptest_boxes(run), count_param(run, "ops"));
	return true;
}

static void
rptest_leave(struct lab_lane *lane)
{
	struct rptest *rp = lane->ln_own;

	items_drop(lane->ln_run, rp->rp_items, rp->rp_blocks);
}

static bool
rptest_enter(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct rptest *rp = lane->ln_own;
	unsigned i;

	rp->rp_sizes =
	    sizes_between(lab_param(run, "min"), lab_param(run, "max"));
	rp->rp_blocks = count_param(run, "blocks");
	rp->rp_ops = count_param(run, "ops");
	rp->rp_cross = count_param(run, "cross");
	for (i = 0; i < rp->rp_blocks; i++) {
		size_t bytes =
		    size_falling(rp->rp_sizes, bench_random(&lane->ln_random));

		if (!item_alloc(run, &rp->rp_items[i], bytes)) {
			rptest_leave(lane);
			return false;
		}
	}
	return true;
}

/* Hand a box of blocks over, and take one that may be another's. */
static enum lab_step
rptest_exchange(struct lab_lane *lane, struct rptest *rp)
{
	const struct lab_run *run = lane->ln_run;
	struct boxes *bs = run->lr_shared;
	struct box *bx = box_find(bs, lane->ln_index, BOX_EMPTY);
	unsigned i;

	if (bx != NULL) {
		for (i = 0; i < rp->rp_ops; i++)
			if (!item_alloc(run, &bx->bx_items[i],
				size_falling(rp->rp_sizes,
				    bench_random(&lane->ln_random))))
				break;
		bx->bx_count = i;
		box_give(bx, BOX_FULL);
		if (i < rp->rp_ops)
			return LAB_FAIL;
	}
	bx = box_find(bs, lane->ln_index + 1u, BOX_FULL);
	if (bx != NULL) {
		lane->ln_ops += bx->bx_count;
		box_empty(run, bx);
	}
	return LAB_MORE;
}

static enum lab_step
rptest_step(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct rptest *rp = lane->ln_own;
	unsigned left;

	for (left = rp->rp_ops; left != 0; left--) {
		uint64_t r = bench_random(&lane->ln_random);
		struct item *it =
		    &rp->rp_items[(uint32_t)(r >> 32) % rp->rp_blocks];

		if (it->it_obj != NULL)
			item_free(run, it);
		if (!item_alloc(run, it,
			size_falling(
			    rp->rp_sizes, bench_random(&lane->ln_random))))
			return LAB_FAIL;
		lane->ln_ops++;
	}
	rp->rp_loop++;
	if (rp->rp_loop % rp->rp_cross != 0)
		return LAB_MORE;
	return rptest_exchange(lane, rp);
}
