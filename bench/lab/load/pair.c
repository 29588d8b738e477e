/* SPDX-License-Identifier: MIT */
/*
 * micro/pair: one object allocated and freed at once, so that nothing but the
 * hot path is in it (Linux slab_test, test 2). Included by adapters.
 */

#define PAIR_STEP 1000u /* pairs */

static bool
pair_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "pair",
		.ls_size = lab_param(run, "size") };

	run->lr_heap[0] = adapter_create(&spec);
	run->lr_heaps = run->lr_heap[0] != NULL ? 1u : 0u;
	return run->lr_heaps == 1u;
}

/* Nothing may be added to this loop: its instructions are what is published. */
static enum lab_step
pair_step(struct lab_lane *lane)
{
	heap_t *heap = lane->ln_run->lr_heap[0];
	unsigned left;

	for (left = PAIR_STEP; left != 0; left--) {
		void *obj = adapter_alloc(heap);

		if (obj == NULL)
			return LAB_FAIL;
		adapter_free(heap, obj);
	}
	lane->ln_ops += PAIR_STEP;
	return LAB_MORE;
}

static void
pair_leave(struct lab_lane *lane)
{
	(void)lane;
}

static void
pair_close(struct lab_run *run)
{
	adapter_destroy(run->lr_heap[0]);
}
