/* SPDX-License-Identifier: MIT */
/*
 * control/turns: what the driver must be able to do. Objects go through the
 * hands of all harts: the first allocates them, each passes them on, the last
 * waits for two batches and frees them. `fault` makes the load do what the
 * driver must notice. Included by adapters.
 */

#define TURNS_BATCH 32u /* objects of a step */
#define TURNS_RING  (4u * TURNS_BATCH)

enum turns_fault {
	TURNS_GOOD,
	TURNS_LEAK,    /* an object is not freed */
	TURNS_STUCK,   /* every lane waits */
	TURNS_FAIL,    /* no memory, in a step */
	TURNS_ADDRESS, /* what is done depends on an address */
	TURNS_ENTER    /* no memory, when it enters */
};

/* From one lane to the next: one writes, one reads. */
struct turns_ring {
	_Alignas(64) _Atomic uint32_t tr_put; /* objects put so far */
	_Alignas(64) _Atomic uint32_t tr_got;
	void *tr_objs[TURNS_RING];
};

static size_t
turns_shared(const struct lab_run *run)
{
	return run->lr_harts * sizeof(struct turns_ring);
}

static bool
turns_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "turns",
		.ls_size = lab_param(run, "size") };

	run->lr_heap[0] = adapter_create(&spec);
	run->lr_heaps = run->lr_heap[0] != NULL ? 1u : 0u;
	return run->lr_heaps == 1u;
}

static bool
turns_enter(struct lab_lane *lane)
{
	return lane->ln_index != lane->ln_run->lr_harts - 1u ||
	    lab_param(lane->ln_run, "fault") != TURNS_ENTER;
}

/* Up to a batch of objects, from the heap or the lane before. */
static unsigned
turns_take(struct lab_lane *lane, void **objs, unsigned n)
{
	struct turns_ring *tr = lane->ln_run->lr_shared;
	uint32_t got, put;
	unsigned i;

	if (lane->ln_index == 0) {
		for (i = 0; i < n; i++) {
			objs[i] = adapter_alloc(lane->ln_run->lr_heap[0]);
			if (objs[i] == NULL)
				break;
		}
		return i;
	}
	tr += lane->ln_index - 1u;
	got = atomic_load_explicit(&tr->tr_got, memory_order_relaxed);
	/* Pairs with the release in turns_pass. */
	put = atomic_load_explicit(&tr->tr_put, memory_order_acquire);
	if (put - got < n)
		return 0;
	for (i = 0; i < n; i++)
		objs[i] = tr->tr_objs[(got + i) % TURNS_RING];
	/* Pairs with the acquire in turns_room. */
	atomic_store_explicit(&tr->tr_got, got + n, memory_order_release);
	return n;
}

static bool
turns_room(struct turns_ring *tr)
{
	uint32_t put = atomic_load_explicit(&tr->tr_put, memory_order_relaxed);

	/* Pairs with the release in turns_take. */
	return put - atomic_load_explicit(&tr->tr_got, memory_order_acquire) <=
	    TURNS_RING - TURNS_BATCH;
}

static void
turns_pass_on(struct turns_ring *tr, void *const *objs, unsigned n)
{
	uint32_t put = atomic_load_explicit(&tr->tr_put, memory_order_relaxed);
	unsigned i;

	for (i = 0; i < n; i++)
		tr->tr_objs[(put + i) % TURNS_RING] = objs[i];
	/* Pairs with the acquire in turns_take. */
	atomic_store_explicit(&tr->tr_put, put + n, memory_order_release);
}

static enum lab_step
turns_misbehave(struct lab_lane *lane, uint64_t fault, const void *obj)
{
	if (fault == TURNS_STUCK)
		return LAB_WAIT;
	if (fault == TURNS_FAIL && lane->ln_step == 3)
		return LAB_FAIL;
	if (fault == TURNS_ADDRESS)
		lane->ln_ops += obj == lane->ln_run->lr_heap[0] ? 1u : 2u;
	return LAB_MORE;
}

static enum lab_step
turns_step(struct lab_lane *lane)
{
	struct lab_run *run = lane->ln_run;
	struct turns_ring *ring = run->lr_shared;
	bool last = lane->ln_index == run->lr_harts - 1u;
	void *objs[2u * TURNS_BATCH];
	unsigned n = last && run->lr_harts > 1 ? 2u * TURNS_BATCH : TURNS_BATCH;
	uint64_t fault = lab_param(run, "fault");
	unsigned i, got;

	if (fault == TURNS_STUCK)
		return LAB_WAIT;
	if (!last && !turns_room(&ring[lane->ln_index]))
		return LAB_WAIT;
	got = turns_take(lane, objs, n);
	if (got < n)
		return lane->ln_index == 0 ? LAB_FAIL : LAB_WAIT;
	if (last) {
		for (i = 0; i < n; i++)
			adapter_free(run->lr_heap[0], objs[i]);
		lane->ln_ops += n;
	} else {
		turns_pass_on(&ring[lane->ln_index], objs, n);
	}
	return turns_misbehave(lane, fault, objs[0]);
}

/* What is still in the ring behind this lane. */
static void
turns_leave(struct lab_lane *lane)
{
	struct lab_run *run = lane->ln_run;
	struct turns_ring *tr = run->lr_shared;
	uint32_t got, put;

	tr += lane->ln_index;
	got = atomic_load_explicit(&tr->tr_got, memory_order_relaxed);
	put = atomic_load_explicit(&tr->tr_put, memory_order_acquire);
	for (; got != put; got++)
		adapter_free(run->lr_heap[0], tr->tr_objs[got % TURNS_RING]);
	if (lane->ln_index == 0 && lab_param(run, "fault") == TURNS_LEAK)
		(void)adapter_alloc(run->lr_heap[0]);
}

static void
turns_close(struct lab_run *run)
{
	(void)adapter_reap(run->lr_heap[0]);
	adapter_destroy(run->lr_heap[0]);
}

static const struct lab_load load_turns[] = {
	{ "control/turns", turns_shared, NULL, turns_open, turns_enter,
	    turns_step, turns_leave, turns_close },
	{ 0 },
};
