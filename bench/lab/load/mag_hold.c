/* SPDX-License-Identifier: MIT */
/*
 * memory/mag-hold: what a size of magazines costs in memory. All harts allocate
 * and free bursts of random lengths up to n, then go idle with everything
 * freed: what their magazines and the depot still hold serves nobody. The
 * figure belongs beside the instructions of a pair with that size. For
 * allocators whose heaps are caches of kmem. Included by adapters.
 */

#define MAG_HOLD_STEP 300u /* pairs at least */

struct mag_hold_own {
	size_t mh_n, mh_held;
	void *mh_objs[];
};

static size_t
mag_hold_lane(const struct lab_run *run)
{
	return sizeof(struct mag_hold_own) +
	    held_param(run, "n") * sizeof(void *);
}

static bool
mag_hold_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "mag-hold",
		.ls_size = held_param(run, "size"),
		.ls_mag = (unsigned)lab_param(run, "mag") };

	run->lr_heap[0] = adapter_create(&spec);
	run->lr_heaps = run->lr_heap[0] != NULL ? 1u : 0u;
	return run->lr_heaps == 1u;
}

static bool
mag_hold_enter(struct lab_lane *lane)
{
	struct mag_hold_own *own = lane->ln_own;

	own->mh_n = held_param(lane->ln_run, "n");
	return true;
}

static enum lab_step
mag_hold_step(struct lab_lane *lane)
{
	struct mag_hold_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	size_t done, n;

	for (done = 0; done < MAG_HOLD_STEP; done += n) {
		n = 1 + held_random(lane, own->mh_n);
		own->mh_held = held_fill(heap, own->mh_objs, 0, n);
		if (own->mh_held < n)
			return LAB_FAIL;
		while (own->mh_held > 0)
			adapter_free(heap, own->mh_objs[--own->mh_held]);
	}
	lane->ln_ops += done;
	return LAB_MORE;
}

static void
mag_hold_leave(struct lab_lane *lane)
{
	struct mag_hold_own *own = lane->ln_own;

	held_drop(lane->ln_run->lr_heap[0], own->mh_objs, own->mh_held);
	own->mh_held = 0;
}

static void
mag_hold_close(struct lab_run *run)
{
	struct kmem_stats st;

	if ((run->lr_variant->lv_can & LAB_IS_OURS) != 0) {
		kmem_cache_stats(run->lr_heap[0], &st);
		lab_fact(run->lr_out, "idle_bytes", "byte", LAB_LOWER,
		    st.objects_cached * held_param(run, "size"), 1);
		lab_fact(run->lr_out, "idle_frames", "frame", LAB_LOWER,
		    st.frames, 1);
	}
	held_close(run);
}
