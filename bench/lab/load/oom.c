/* SPDX-License-Identifier: MIT */
/*
 * memory/oom: memory is out, then it is there again.
 *
 * Objects of 64 KiB are taken until none comes any more: because the machine
 * has no more frames, or because `limit` of the cache is reached, which costs
 * less and goes the same way up to the zones. Then OOM_TRIES more are asked for
 * in vain, all are freed, and one is to be had again. A step is one such round;
 * between its first failed call and its last free nothing else allocates.
 * Included by adapters.
 */

#define OOM_SIZE    65536u /* bytes */
#define OOM_OBJECTS 65536u /* held at most: 4 GiB */
#define OOM_TRIES   4u

struct oom {
	size_t oo_places, oo_held;
	uint64_t oo_most, oo_failed, oo_rounds;
	uint64_t oo_fail_took;     /* of the failing calls */
	uint64_t oo_recovery_took; /* from the first free to an object */
	void *oo_objs[];
};

/* Places for more than the limit: it, not the array, is to be the end. */
static size_t
oom_places(const struct lab_run *run)
{
	uint64_t limit = lab_param(run, "limit");

	return limit != 0 ? (size_t)limit + 1 : OOM_OBJECTS;
}

static size_t
oom_shared(const struct lab_run *run)
{
	return sizeof(struct oom) + oom_places(run) * sizeof(void *);
}

/* Only kmem has a limit. */
static void
oom_limit(const struct lab_run *run)
{
	const struct kmem_tune tune = { .set_limit = true,
		.limit = (size_t)lab_param(run, "limit") };

	if ((run->lr_variant->lv_can & LAB_IS_OURS) != 0)
		(void)kmem_cache_tune(run->lr_heap[0], &tune, NULL);
}

static bool
oom_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "oom", .ls_size = OOM_SIZE };
	struct oom *oo = run->lr_shared;

	run->lr_heap[0] = adapter_create(&spec);
	if (run->lr_heap[0] == NULL)
		return false;
	run->lr_heaps = 1;
	oo->oo_places = oom_places(run);
	oom_limit(run);
	return true;
}

static void
oom_fail(struct lab_run *run)
{
	struct oom *oo = run->lr_shared;
	uint64_t before;
	unsigned i;
	void *obj;

	for (i = 0; i < OOM_TRIES; i++) {
		before = run->lr_tick();
		obj = adapter_alloc(run->lr_heap[0]);
		if (obj != NULL) {
			adapter_free(run->lr_heap[0], obj);
			continue;
		}
		oo->oo_fail_took += held_since(run, before);
		oo->oo_failed++;
	}
}

static enum lab_step
oom_step(struct lab_lane *lane)
{
	struct lab_run *run = lane->ln_run;
	struct oom *oo = run->lr_shared;
	heap_t *heap = run->lr_heap[0];
	uint64_t before;
	void *obj;

	oo->oo_held = held_fill(heap, oo->oo_objs, 0, oo->oo_places);
	if (oo->oo_held > oo->oo_most)
		oo->oo_most = oo->oo_held;
	if (oo->oo_held < oo->oo_places)
		oom_fail(run);
	lane->ln_ops += oo->oo_held;
	before = run->lr_tick();
	held_drop(heap, oo->oo_objs, oo->oo_held);
	oo->oo_held = 0;
	obj = adapter_alloc(heap);
	oo->oo_recovery_took += held_since(run, before);
	oo->oo_rounds++;
	if (obj == NULL)
		return LAB_FAIL;
	adapter_free(heap, obj);
	lane->ln_ops++;
	(void)adapter_reap(heap);
	return LAB_MORE;
}

static void
oom_leave(struct lab_lane *lane)
{
	struct oom *oo = lane->ln_run->lr_shared;

	held_drop(lane->ln_run->lr_heap[0], oo->oo_objs, oo->oo_held);
	oo->oo_held = 0;
}

static void
oom_close(struct lab_run *run)
{
	const struct oom *oo = run->lr_shared;
	struct lab_result *out = run->lr_out;

	lab_fact(out, "objects", "1", LAB_NEITHER, oo->oo_most, 1);
	lab_fact(out, "failed_allocs", "1", LAB_NEITHER, oo->oo_failed, 1);
	if (oo->oo_failed != 0)
		lab_fact(out, "failed_call", held_unit(run), LAB_LOWER,
		    oo->oo_fail_took, oo->oo_failed);
	if (oo->oo_rounds != 0)
		lab_fact(out, "recovery", held_unit(run), LAB_LOWER,
		    oo->oo_recovery_took, oo->oo_rounds);
	held_close(run);
}
