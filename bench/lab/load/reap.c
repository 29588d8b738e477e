/* SPDX-License-Identifier: MIT */
/*
 * memory/reap and memory/shrink: memory that is given back when it is asked
 * for. reap: n objects are allocated and freed, then nothing is in use.
 * shrink: a random half of them is still in use, so that hardly a slab is
 * empty; the half is filled up again before the next time. A step is one such
 * round. Included by adapters.
 */

struct reap {
	struct meter re_meter;
	size_t re_n;
	uint64_t re_took, re_frames, re_reaps; /* took: as lr_tick */
	size_t re_left;     /* frames in use after the last one */
	uint32_t *re_order; /* of the frees; behind the objects */
	void *re_objs[];    /* NULL: not held */
};

static size_t
reap_shared(const struct lab_run *run)
{
	return sizeof(struct reap) +
	    held_param(run, "n") * (sizeof(void *) + sizeof(uint32_t));
}

static bool
reap_open(struct lab_run *run)
{
	struct reap *re = run->lr_shared;

	re->re_n = held_param(run, "n");
	re->re_order = (uint32_t *)(void *)&re->re_objs[re->re_n];
	meter_open(run, &re->re_meter);
	return held_open(run, "reap");
}

/* Take what is missing of all n. */
static bool
reap_fill(struct lab_lane *lane)
{
	struct reap *re = lane->ln_run->lr_shared;
	heap_t *heap = lane->ln_run->lr_heap[0];
	size_t i;

	for (i = 0; i < re->re_n; i++) {
		if (re->re_objs[i] == NULL)
			re->re_objs[i] = adapter_alloc(heap);
		if (re->re_objs[i] == NULL)
			return false;
	}
	return true;
}

/* Free the first `n` of the order, then have the memory given back. */
static void
reap_round(struct lab_lane *lane, size_t n)
{
	struct lab_run *run = lane->ln_run;
	struct reap *re = run->lr_shared;
	size_t i;

	for (i = 0; i < n; i++) {
		adapter_free(run->lr_heap[0], re->re_objs[re->re_order[i]]);
		re->re_objs[re->re_order[i]] = NULL;
	}
	lane->ln_ops += n;
	re->re_frames += held_reap(run, run->lr_heap[0], &re->re_took);
	re->re_reaps++;
	re->re_left = meter_frames(run, &re->re_meter);
}

static enum lab_step
reap_step(struct lab_lane *lane)
{
	struct reap *re = lane->ln_run->lr_shared;

	if (!reap_fill(lane))
		return LAB_FAIL;
	held_shuffle(lane, re->re_order, re->re_n);
	reap_round(lane, re->re_n);
	return LAB_MORE;
}

static enum lab_step
shrink_step(struct lab_lane *lane)
{
	struct reap *re = lane->ln_run->lr_shared;

	if (!reap_fill(lane))
		return LAB_FAIL;
	held_shuffle(lane, re->re_order, re->re_n);
	reap_round(lane, re->re_n / 2);
	return LAB_MORE;
}

static void
reap_leave(struct lab_lane *lane)
{
	struct reap *re = lane->ln_run->lr_shared;

	held_drop(lane->ln_run->lr_heap[0], re->re_objs, re->re_n);
}

static void
reap_facts(struct lab_run *run)
{
	const struct reap *re = run->lr_shared;

	if (re->re_reaps == 0)
		return;
	lab_fact(run->lr_out, "frames_back", "frame", LAB_HIGHER, re->re_frames,
	    re->re_reaps);
	lab_fact(run->lr_out, "reap", held_unit(run), LAB_LOWER, re->re_took,
	    re->re_reaps);
	if (re->re_frames != 0)
		lab_fact(run->lr_out, "per_frame", held_unit(run), LAB_LOWER,
		    re->re_took, re->re_frames);
	lab_fact(
	    run->lr_out, "frames_left", "frame", LAB_LOWER, re->re_left, 1);
}

static void
reap_close(struct lab_run *run)
{
	reap_facts(run);
	held_close(run);
}

/* Also what the half that lives takes, over what it asks for. */
static void
shrink_close(struct lab_run *run)
{
	const struct reap *re = run->lr_shared;

	reap_facts(run);
	if (re->re_reaps != 0)
		lab_fact(run->lr_out, "overhead", "1", LAB_LOWER,
		    (uint64_t)re->re_left * FRAME_SIZE,
		    (re->re_n - re->re_n / 2) * held_param(run, "size"));
	held_close(run);
}
