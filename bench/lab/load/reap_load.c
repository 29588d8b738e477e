/* SPDX-License-Identifier: MIT */
/*
 * memory/reap-load: memory is taken back from harts that work. Hart 0 reaps,
 * again and again; the odd harts replace random ones of `live` objects; the
 * other even ones did so in the warm-up, and sleep since, their magazines
 * full. Included by adapters.
 */

#define REAP_LOAD_STEP 200u /* pairs */

struct reap_load_own {
	size_t rl_live;
	uint64_t rl_took, rl_frames, rl_reaps; /* of hart 0 */
	void *rl_objs[];                       /* NULL: not held */
};

static size_t
reap_load_lane(const struct lab_run *run)
{
	return sizeof(struct reap_load_own) +
	    held_param(run, "live") * sizeof(void *);
}

static bool
reap_load_open(struct lab_run *run)
{
	return held_open(run, "reap-load");
}

static void
reap_load_leave(struct lab_lane *lane)
{
	struct reap_load_own *own = lane->ln_own;

	held_drop(lane->ln_run->lr_heap[0], own->rl_objs, own->rl_live);
}

static bool
reap_load_enter(struct lab_lane *lane)
{
	struct reap_load_own *own = lane->ln_own;
	size_t n = held_param(lane->ln_run, "live");

	own->rl_live = n;
	if (lane->ln_index == 0 ||
	    held_fill(lane->ln_run->lr_heap[0], own->rl_objs, 0, n) == n)
		return true;
	reap_load_leave(lane);
	return false;
}

static bool
reap_load_churn(struct lab_lane *lane)
{
	struct reap_load_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	unsigned left;

	for (left = REAP_LOAD_STEP; left != 0; left--) {
		size_t at = held_random(lane, own->rl_live);
		void *obj = adapter_alloc(heap);

		if (obj == NULL)
			return false;
		adapter_free(heap, own->rl_objs[at]);
		own->rl_objs[at] = obj;
	}
	lane->ln_ops += REAP_LOAD_STEP;
	return true;
}

static enum lab_step
reap_load_step(struct lab_lane *lane)
{
	struct reap_load_own *own = lane->ln_own;

	if (lane->ln_index == 0) {
		own->rl_frames += held_reap(
		    lane->ln_run, lane->ln_run->lr_heap[0], &own->rl_took);
		own->rl_reaps++;
		return LAB_MORE;
	}
	if (lane->ln_index % 2u == 0 && held_counted(lane))
		return LAB_MORE;
	return reap_load_churn(lane) ? LAB_MORE : LAB_FAIL;
}

static void
reap_load_close(struct lab_run *run)
{
	const struct reap_load_own *own = run->lr_lanes[0].ln_own;

	if (own->rl_reaps != 0) {
		lab_fact(run->lr_out, "frames_back", "frame", LAB_NEITHER,
		    own->rl_frames, own->rl_reaps);
		lab_fact(run->lr_out, "reap", held_unit(run), LAB_LOWER,
		    own->rl_took, own->rl_reaps);
	}
	held_close(run);
}
