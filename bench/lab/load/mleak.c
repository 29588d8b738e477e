/* SPDX-License-Identifier: MIT */
/*
 * smp/mleak: lives of threads that end, after the description of mleak in
 * mimalloc-bench. A step is one life: it allocates `objects` of mixed sizes,
 * the same in each life so that nothing grows by chance, frees one half, and
 * leaves the other to be freed by another hart. What an allocator keeps for
 * each hart must not grow with the lives: hart 0 notes the frames in use at the
 * end of every `lives` of its own, always with as much left to others; the fact
 * frames_grown is what the last has more than the first. Included by adapters.
 */

/* Frames in use; hart 0 alone writes it. */
struct mleak_mark {
	bool mm_set;
	uint64_t mm_first, mm_last;
};

struct mleak {
	unsigned ml_lives; /* of hart 0 */
	struct item ml_items[];
};

static size_t
mleak_shared(const struct lab_run *run)
{
	return sizeof(struct mleak_mark) +
	    boxes_bytes(run->lr_harts, count_param(run, "objects"));
}

static size_t
mleak_lane(const struct lab_run *run)
{
	return sizeof(struct mleak) +
	    count_param(run, "objects") * sizeof(struct item);
}

/* Behind the boxes. */
static struct mleak_mark *
mleak_mark(const struct lab_run *run)
{
	uint8_t *at = run->lr_shared;

	at += boxes_bytes(run->lr_harts, count_param(run, "objects"));
	return (void *)at;
}

static bool
mleak_open(struct lab_run *run)
{
	if (!classes_open(run, CLASS_LARGEST))
		return false;
	(void)boxes_open(run, run->lr_harts, count_param(run, "objects"));
	return true;
}

/* What another hart's life left: free it. */
static void
mleak_inherit(struct lab_lane *lane)
{
	struct box *bx =
	    box_find(lane->ln_run->lr_shared, lane->ln_index + 1u, BOX_FULL);

	if (bx == NULL)
		return;
	lane->ln_ops += bx->bx_count;
	box_empty(lane->ln_run, bx);
}

/* Leave the first half to another, or free it where there is no box. */
static void
mleak_bequeath(struct lab_lane *lane, struct mleak *ml, unsigned half)
{
	struct box *bx =
	    box_find(lane->ln_run->lr_shared, lane->ln_index, BOX_EMPTY);
	unsigned i;

	if (bx == NULL) {
		items_drop(lane->ln_run, ml->ml_items, half);
		lane->ln_ops += half;
		return;
	}
	for (i = 0; i < half; i++)
		bx->bx_items[i] = ml->ml_items[i];
	bx->bx_count = half;
	box_give(bx, BOX_FULL);
}

static void
mleak_note(const struct lab_run *run, const struct mleak *ml)
{
	struct mleak_mark *mm = mleak_mark(run);

	if (ml->ml_lives % count_param(run, "lives") != 0)
		return;
	mm->mm_last = lab_frames(run);
	if (!mm->mm_set)
		mm->mm_first = mm->mm_last;
	mm->mm_set = true;
}

static enum lab_step
mleak_step(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	const struct sizes sz =
	    sizes_between(lab_param(run, "min"), lab_param(run, "max"));
	struct mleak *ml = lane->ln_own;
	unsigned objects = count_param(run, "objects"), i;
	uint64_t random = bench_seed(run->lr_seed, lane->ln_index);

	for (i = 0; i < objects; i++) {
		size_t bytes = size_even(sz, bench_random(&random));

		if (!item_alloc(run, &ml->ml_items[i], bytes)) {
			items_drop(run, ml->ml_items, i);
			return LAB_FAIL;
		}
	}
	for (i = objects / 2u; i < objects; i++)
		item_free(run, &ml->ml_items[i]);
	lane->ln_ops += objects - objects / 2u;
	mleak_bequeath(lane, ml, objects / 2u);
	mleak_inherit(lane);
	ml->ml_lives++;
	if (lane->ln_index == 0)
		mleak_note(run, ml);
	return LAB_MORE;
}

static void
mleak_close(struct lab_run *run)
{
	const struct mleak_mark *mm = mleak_mark(run);

	boxes_close(run);
	classes_close(run);
	/* A run that was shorter than `lives` has nothing to say. */
	if (mm->mm_set)
		lab_fact(run->lr_out, "frames_grown", "frame", LAB_LOWER,
		    mm->mm_last > mm->mm_first ? mm->mm_last - mm->mm_first : 0,
		    1);
}
