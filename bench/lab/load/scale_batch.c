/* SPDX-License-Identifier: MIT */
/*
 * smp/scale-batch: every hart allocates a batch of objects and frees it, last
 * first, all on one cache. A batch is larger than a magazine, so that harts
 * meet where magazines are exchanged. Included by adapters.
 */

#define SCALE_BATCHES 4u /* of one step, of all harts */

static size_t
scale_batch_lane(const struct lab_run *run)
{
	return count_param(run, "batch") * sizeof(void *);
}

static bool
scale_batch_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "scale-batch",
		.ls_size = count_param(run, "size") };

	return heap_open(run, &spec);
}

static enum lab_step
scale_batch_step(struct lab_lane *lane)
{
	heap_t *heap = lane->ln_run->lr_heap[0];
	void **objs = lane->ln_own;
	unsigned batch = count_param(lane->ln_run, "batch");
	unsigned left = share_of(lane->ln_run, SCALE_BATCHES), n, held;

	for (; left != 0; left--) {
		for (n = 0; n < batch; n++) {
			objs[n] = adapter_alloc(heap);
			if (objs[n] == NULL)
				break;
		}
		for (held = n; held != 0; held--)
			adapter_free(heap, objs[held - 1u]);
		lane->ln_ops += n;
		if (n < batch)
			return LAB_FAIL;
	}
	return LAB_MORE;
}
