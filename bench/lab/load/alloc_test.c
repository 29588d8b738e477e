/* SPDX-License-Identifier: MIT */
/*
 * smp/alloc-test and smp/thread-cache: sizes and places by laws of their own.
 *
 * alloc-test follows the description of ITHare's alloc-test: a hart takes a
 * place of `slots` at random, some far more often than others, frees what is
 * there or, if there is nothing, allocates an object of up to 1 KiB. Sizes and
 * places have a Pareto distribution, here of index 1 (classes.c).
 *
 * thread-cache follows glibc's bench-malloc-thread: each thread has a working
 * set of `slots` objects of its own and replaces a random one; the likelihood
 * of a size falls with its square. Nothing is handed over, so what counts is
 * how well an allocator keeps threads apart. Included by adapters.
 */

#define PLACES_STEP 1000u /* places visited, of all harts */

struct places {
	struct sizes pl_sizes;
	struct sizes pl_where; /* alloc-test: places, from 1 on */
	unsigned pl_slots;
	struct item pl_items[];
};

static size_t
places_lane(const struct lab_run *run)
{
	return sizeof(struct places) +
	    count_param(run, "slots") * sizeof(struct item);
}

static bool
places_open(struct lab_run *run)
{
	return classes_open(run, CLASS_LARGEST);
}

static void
places_leave(struct lab_lane *lane)
{
	struct places *pl = lane->ln_own;

	items_drop(lane->ln_run, pl->pl_items, pl->pl_slots);
}

/* alloc-test begins with no object. */
static bool
places_enter(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct places *pl = lane->ln_own;

	pl->pl_slots = count_param(run, "slots");
	pl->pl_sizes =
	    sizes_between(lab_param(run, "min"), lab_param(run, "max"));
	pl->pl_where = (struct sizes){ 1u, pl->pl_slots };
	return true;
}

static bool
thread_cache_enter(struct lab_lane *lane)
{
	struct places *pl = lane->ln_own;
	unsigned i;

	(void)places_enter(lane);
	for (i = 0; i < pl->pl_slots; i++) {
		size_t bytes =
		    size_pareto(pl->pl_sizes, bench_random(&lane->ln_random));

		if (!item_alloc(lane->ln_run, &pl->pl_items[i], bytes)) {
			places_leave(lane);
			return false;
		}
	}
	return true;
}

static enum lab_step
alloc_test_step(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct places *pl = lane->ln_own;
	unsigned left;

	for (left = share_of(run, PLACES_STEP); left != 0; left--) {
		uint64_t r = bench_random(&lane->ln_random);
		struct item *it =
		    &pl->pl_items[size_pareto(pl->pl_where, r >> 32) - 1u];

		if (it->it_obj != NULL) {
			item_free(run, it);
			lane->ln_ops++;
		} else if (!item_alloc(run, it, size_pareto(pl->pl_sizes, r))) {
			return LAB_FAIL;
		}
	}
	return LAB_MORE;
}

static enum lab_step
thread_cache_step(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct places *pl = lane->ln_own;
	unsigned left;

	for (left = share_of(run, PLACES_STEP); left != 0; left--) {
		uint64_t r = bench_random(&lane->ln_random);
		struct item *it =
		    &pl->pl_items[(uint32_t)(r >> 32) % pl->pl_slots];

		if (it->it_obj != NULL)
			item_free(run, it);
		if (!item_alloc(run, it, size_pareto(pl->pl_sizes, r)))
			return LAB_FAIL;
		lane->ln_ops++;
	}
	return LAB_MORE;
}
