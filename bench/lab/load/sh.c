/* SPDX-License-Identifier: MIT */
/*
 * smp/sh6 and smp/sh8: some objects are freed last first, others in the order
 * they came, after MicroQuill's descriptions of its sh6bench and sh8bench. The
 * published runs have two threads for each processor: a hart plays `threads` of
 * them in turn. A step of one allocates `blocks` objects, frees the younger
 * half at once, last first, and the older half of its step before, first first.
 * In sh8 the older half goes into a box instead, and whoever finds a full one
 * frees it. Included by adapters.
 */

#define SH_THREADS_MAX 8u

struct sh_thread {
	unsigned st_held; /* older half of the last step */
	struct item *st_items;
};

struct sh {
	struct sizes sh_sizes;
	unsigned sh_blocks, sh_threads, sh_turn;
	struct sh_thread sh_thread[SH_THREADS_MAX];
};

static unsigned
sh_threads(const struct lab_run *run)
{
	unsigned threads = count_param(run, "threads");

	return threads < SH_THREADS_MAX ? threads : SH_THREADS_MAX;
}

/* Of one thread: what is new, and what is left. */
static size_t
sh_items(const struct lab_run *run)
{
	return 2u * (size_t)count_param(run, "blocks");
}

static unsigned
sh_half(unsigned blocks)
{
	return blocks - blocks / 2u;
}

static size_t
sh8_shared(const struct lab_run *run)
{
	return boxes_bytes(2u * run->lr_harts, count_param(run, "blocks"));
}

static size_t
sh_lane(const struct lab_run *run)
{
	return sizeof(struct sh) +
	    sh_threads(run) * sh_items(run) * sizeof(struct item);
}

static bool
sh6_open(struct lab_run *run)
{
	return classes_open(run, CLASS_LARGEST);
}

static bool
sh8_open(struct lab_run *run)
{
	if (!sh6_open(run))
		return false;
	(void)boxes_open(run, 2u * run->lr_harts, count_param(run, "blocks"));
	return true;
}

static bool
sh_enter(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct sh *sh = lane->ln_own;
	struct item *items = (void *)(sh + 1);
	unsigned i;

	sh->sh_sizes =
	    sizes_between(lab_param(run, "min"), lab_param(run, "max"));
	sh->sh_blocks = count_param(run, "blocks");
	sh->sh_threads = sh_threads(run);
	for (i = 0; i < sh->sh_threads; i++)
		sh->sh_thread[i].st_items = items + i * sh_items(run);
	return true;
}

/* Fill the thread's second half of items. False: there was no memory. */
static bool
sh_make(struct lab_lane *lane, struct sh *sh, struct item *fresh)
{
	unsigned i;

	for (i = 0; i < sh->sh_blocks; i++) {
		size_t bytes =
		    size_even(sh->sh_sizes, bench_random(&lane->ln_random));

		if (!item_alloc(lane->ln_run, &fresh[i], bytes)) {
			items_drop(lane->ln_run, fresh, i);
			return false;
		}
	}
	return true;
}

/* First first. */
static void
sh_drop_old(struct lab_lane *lane, struct sh_thread *st)
{
	items_drop(lane->ln_run, st->st_items, st->st_held);
	lane->ln_ops += st->st_held;
	st->st_held = 0;
}

static bool
sh_work(struct lab_lane *lane, struct sh *sh, struct sh_thread *st)
{
	struct item *fresh = st->st_items + sh->sh_blocks;
	unsigned half = sh_half(sh->sh_blocks), i;

	if (!sh_make(lane, sh, fresh))
		return false;
	sh_drop_old(lane, st);
	for (i = sh->sh_blocks; i > half; i--)
		item_free(lane->ln_run, &fresh[i - 1u]);
	lane->ln_ops += sh->sh_blocks - half;
	for (i = 0; i < half; i++)
		st->st_items[i] = fresh[i];
	st->st_held = half;
	return true;
}

static struct sh_thread *
sh_next(struct sh *sh)
{
	sh->sh_turn = (sh->sh_turn + 1u) % sh->sh_threads;
	return &sh->sh_thread[sh->sh_turn];
}

static enum lab_step
sh6_step(struct lab_lane *lane)
{
	struct sh *sh = lane->ln_own;

	return sh_work(lane, sh, sh_next(sh)) ? LAB_MORE : LAB_FAIL;
}

static enum lab_step
sh8_step(struct lab_lane *lane)
{
	struct boxes *bs = lane->ln_run->lr_shared;
	struct sh *sh = lane->ln_own;
	struct sh_thread *st = sh_next(sh);
	struct box *bx;
	unsigned i;

	if (!sh_work(lane, sh, st))
		return LAB_FAIL;
	/* No box: it stays with the thread, which frees it in its next step. */
	bx = box_find(bs, lane->ln_index, BOX_EMPTY);
	if (bx != NULL) {
		for (i = 0; i < st->st_held; i++)
			bx->bx_items[i] = st->st_items[i];
		bx->bx_count = st->st_held;
		st->st_held = 0;
		box_give(bx, BOX_FULL);
	}
	bx = box_find(bs, lane->ln_index + 1u, BOX_FULL);
	if (bx != NULL) {
		lane->ln_ops += bx->bx_count;
		box_empty(lane->ln_run, bx);
	}
	return LAB_MORE;
}

static void
sh_leave(struct lab_lane *lane)
{
	struct sh *sh = lane->ln_own;
	unsigned i;

	for (i = 0; i < sh->sh_threads; i++)
		sh_drop_old(lane, &sh->sh_thread[i]);
}
