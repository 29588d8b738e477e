/* SPDX-License-Identifier: MIT */
/*
 * smp/one-to-n: hart 0 allocates, one object at a time, and the others free
 * them as they come (Linux slab_test, test 5). A single hart does both.
 *
 * Each taker has a ring that hart 0 alone writes and it alone reads. `put` is
 * stored by hart 0 only, with release after the slot is written; the taker's
 * acquire of it pairs with that. `got` is the taker's, the same the other way
 * round, so that a slot is overwritten only after it was read. Both count
 * without end; their difference is what is in the ring. Included by adapters.
 */

#define RING_ROOM 256u /* objects of one ring; divides 2^32 */

struct ring {
	_Alignas(64) _Atomic(uint32_t) rg_put; /* hart 0's */
	_Alignas(64) _Atomic(uint32_t) rg_got; /* the taker's */
	_Alignas(64) void *rg_objs[RING_ROOM];
};

static unsigned
one_to_n_takers(const struct lab_run *run)
{
	return run->lr_harts > 1u ? run->lr_harts - 1u : 1u;
}

static size_t
one_to_n_shared(const struct lab_run *run)
{
	return (one_to_n_takers(run) + 1u) * sizeof(struct ring);
}

/* The shared memory, from its first whole line on. */
static struct ring *
one_to_n_rings(const struct lab_run *run)
{
	uint8_t *at = run->lr_shared;

	return (void *)(at + (64u - (uintptr_t)at % 64u) % 64u);
}

static bool
one_to_n_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "one-to-n",
		.ls_size = count_param(run, "size") };

	return heap_open(run, &spec);
}

/* Hart 0: one object for each ring in turn, until none has room. */
static enum lab_step
one_to_n_put(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct ring *rings = one_to_n_rings(run);
	unsigned takers = one_to_n_takers(run), put = 0, round, i;

	for (round = 0; round < RING_ROOM; round++)
		for (i = 0; i < takers; i++) {
			struct ring *rg = &rings[i];
			uint32_t at = atomic_load_explicit(
			    &rg->rg_put, memory_order_relaxed);
			void *obj;

			/* Acquire: the taker has read the slot. */
			if (at -
				atomic_load_explicit(
				    &rg->rg_got, memory_order_acquire) ==
			    RING_ROOM)
				continue;
			obj = adapter_alloc(run->lr_heap[0]);
			if (obj == NULL)
				return LAB_FAIL;
			rg->rg_objs[at % RING_ROOM] = obj;
			/* Release: the slot is written. */
			atomic_store_explicit(
			    &rg->rg_put, at + 1u, memory_order_release);
			put++;
		}
	return put != 0 ? LAB_MORE : LAB_WAIT;
}

/* The taker of a ring: all that is in it when the step begins. */
static unsigned
one_to_n_get(const struct lab_run *run, struct ring *rg)
{
	uint32_t got = atomic_load_explicit(&rg->rg_got, memory_order_relaxed);
	/* Acquire: pairs with the release of one_to_n_put. */
	uint32_t put = atomic_load_explicit(&rg->rg_put, memory_order_acquire);
	unsigned n = put - got;

	for (; got != put; got++)
		adapter_free(run->lr_heap[0], rg->rg_objs[got % RING_ROOM]);
	/* Release: the slots are read. */
	atomic_store_explicit(&rg->rg_got, got, memory_order_release);
	return n;
}

static enum lab_step
one_to_n_step(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct ring *rings = one_to_n_rings(run);
	enum lab_step step;
	unsigned n;

	if (lane->ln_index != 0) {
		n = one_to_n_get(run, &rings[lane->ln_index - 1u]);
		lane->ln_ops += n;
		return n != 0 ? LAB_MORE : LAB_WAIT;
	}
	step = one_to_n_put(lane);
	if (step == LAB_MORE && run->lr_harts == 1u)
		lane->ln_ops += one_to_n_get(run, rings);
	return step;
}

static void
one_to_n_close(struct lab_run *run)
{
	struct ring *rings = one_to_n_rings(run);
	unsigned i;

	for (i = 0; i < one_to_n_takers(run); i++)
		(void)one_to_n_get(run, &rings[i]);
	heap_close(run);
}
