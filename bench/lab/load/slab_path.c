/* SPDX-License-Identifier: MIT */
/*
 * micro/slab-path: the layer below the magazines.
 *
 * SLAB_PATH_LIVE objects fill many slabs. A step frees every object of a random
 * half, has the heap put back what it has cached, and allocates as many: each
 * object went to its slab, and came from a partial one, none from a magazine or
 * depot. Hardly a slab gets empty: frames are left alone. What a pair costs
 * here is so its hot part, its share of the reap, and one way each through the
 * slab layer. Included by adapters.
 */

#define SLAB_PATH_LIVE 1024u

struct slab_path_own {
	uint32_t sp_order[SLAB_PATH_LIVE];
	void *sp_objs[SLAB_PATH_LIVE]; /* NULL: not held */
};

static size_t
slab_path_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct slab_path_own);
}

static bool
slab_path_open(struct lab_run *run)
{
	return held_open(run, "slab-path");
}

static void
slab_path_leave(struct lab_lane *lane)
{
	struct slab_path_own *own = lane->ln_own;

	held_drop(lane->ln_run->lr_heap[0], own->sp_objs, SLAB_PATH_LIVE);
}

static bool
slab_path_enter(struct lab_lane *lane)
{
	struct slab_path_own *own = lane->ln_own;

	if (held_fill(lane->ln_run->lr_heap[0], own->sp_objs, 0,
		SLAB_PATH_LIVE) == SLAB_PATH_LIVE)
		return true;
	slab_path_leave(lane);
	return false;
}

static enum lab_step
slab_path_step(struct lab_lane *lane)
{
	struct slab_path_own *own = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	size_t i;

	held_shuffle(lane, own->sp_order, SLAB_PATH_LIVE);
	for (i = 0; i < SLAB_PATH_LIVE / 2; i++) {
		adapter_free(heap, own->sp_objs[own->sp_order[i]]);
		own->sp_objs[own->sp_order[i]] = NULL;
	}
	(void)adapter_reap(heap);
	for (i = 0; i < SLAB_PATH_LIVE / 2; i++) {
		void *obj = adapter_alloc(heap);

		if (obj == NULL)
			return LAB_FAIL;
		own->sp_objs[own->sp_order[i]] = obj;
	}
	lane->ln_ops += SLAB_PATH_LIVE / 2;
	return LAB_MORE;
}
