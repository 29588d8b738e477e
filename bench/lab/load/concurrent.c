/* SPDX-License-Identifier: MIT */
/*
 * smp/concurrent: every hart allocates `count` objects, then frees them, first
 * first, all harts at once on one cache (Linux slab_test, test 3). What a hart
 * allocates it frees. A step is a slice of either half. Included by adapters.
 */

#define CONCURRENT_SLICE 256u /* objects */

struct concurrent {
	unsigned cc_count; /* objects of one round */
	unsigned cc_held;  /* allocated in this round */
	unsigned cc_freed; /* of them freed */
	void *cc_objs[];
};

static size_t
concurrent_lane(const struct lab_run *run)
{
	return sizeof(struct concurrent) +
	    count_param(run, "count") * sizeof(void *);
}

static bool
concurrent_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "concurrent",
		.ls_size = count_param(run, "size") };

	return heap_open(run, &spec);
}

static bool
concurrent_enter(struct lab_lane *lane)
{
	struct concurrent *cc = lane->ln_own;

	cc->cc_count = count_param(lane->ln_run, "count");
	return true;
}

static void
concurrent_free(struct lab_lane *lane, unsigned n)
{
	struct concurrent *cc = lane->ln_own;

	for (; n != 0 && cc->cc_freed < cc->cc_held; n--) {
		adapter_free(
		    lane->ln_run->lr_heap[0], cc->cc_objs[cc->cc_freed]);
		cc->cc_freed++;
		lane->ln_ops++;
	}
	if (cc->cc_freed == cc->cc_held)
		cc->cc_held = cc->cc_freed = 0;
}

static enum lab_step
concurrent_step(struct lab_lane *lane)
{
	struct concurrent *cc = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	unsigned n;

	if (cc->cc_held == cc->cc_count) {
		concurrent_free(lane, CONCURRENT_SLICE);
		return LAB_MORE;
	}
	for (n = 0; n < CONCURRENT_SLICE && cc->cc_held < cc->cc_count; n++) {
		void *obj = adapter_alloc(heap);

		if (obj == NULL)
			return LAB_FAIL;
		cc->cc_objs[cc->cc_held] = obj;
		cc->cc_held++;
	}
	return LAB_MORE;
}

static void
concurrent_leave(struct lab_lane *lane)
{
	struct concurrent *cc = lane->ln_own;

	concurrent_free(lane, cc->cc_count);
}
