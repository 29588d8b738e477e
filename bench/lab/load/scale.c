/* SPDX-License-Identifier: MIT */
/*
 * smp/scale: every hart allocates and frees one object, all on one cache: the
 * scalability figure of Bonwick and Adams, "Magazines and Vmem", USENIX 2001.
 * Nothing is handed over; all that harts share is the cache. Included by
 * adapters.
 */

#define SCALE_STEP 1000u /* pairs, of all harts */

static bool
scale_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "scale",
		.ls_size = count_param(run, "size") };

	return heap_open(run, &spec);
}

static enum lab_step
scale_step(struct lab_lane *lane)
{
	heap_t *heap = lane->ln_run->lr_heap[0];
	unsigned pairs = share_of(lane->ln_run, SCALE_STEP), left;

	for (left = pairs; left != 0; left--) {
		void *obj = adapter_alloc(heap);

		if (obj == NULL)
			return LAB_FAIL;
		adapter_free(heap, obj);
	}
	lane->ln_ops += pairs;
	return LAB_MORE;
}
