/* SPDX-License-Identifier: MIT */
/*
 * What loads share: objects in an array, parameters, and what a call took.
 * Included by all.c, before the groups.
 */

/* A parameter of which there must be one at least. */
static size_t
held_param(const struct lab_run *run, const char *name)
{
	uint64_t value = lab_param(run, name);

	return value != 0 ? (size_t)value : 1u;
}

/* A run's only heap, of objects of the parameter `size`. */
static bool
held_open(struct lab_run *run, const char *name)
{
	const struct lab_spec spec = { .ls_name = name,
		.ls_size = held_param(run, "size") };

	run->lr_heap[0] = adapter_create(&spec);
	run->lr_heaps = run->lr_heap[0] != NULL ? 1u : 0u;
	return run->lr_heaps == 1u;
}

static void
held_close(struct lab_run *run)
{
	while (run->lr_heaps > 0)
		adapter_destroy(run->lr_heap[--run->lr_heaps]);
}

/* Fill places [from, to): how far it came; `to`, where memory was there. */
static size_t
held_fill(heap_t *heap, void **objs, size_t from, size_t to)
{
	for (; from < to; from++) {
		objs[from] = adapter_alloc(heap);
		if (objs[from] == NULL)
			break;
	}
	return from;
}

/* Free what the first n places hold, if not NULL; they are NULL then. */
static void
held_drop(heap_t *heap, void **objs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (objs[i] != NULL)
			adapter_free(heap, objs[i]);
		objs[i] = NULL;
	}
}

/* One of n. */
static inline size_t
held_random(struct lab_lane *lane, size_t n)
{
	return (size_t)((bench_random(&lane->ln_random) >> 16) % n);
}

/* The numbers below n, in a random order (Fisher and Yates). */
static void
held_shuffle(struct lab_lane *lane, uint32_t *order, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		j = held_random(lane, i + 1);
		order[i] = order[j];
		order[j] = (uint32_t)i;
	}
}

/* Is the warm-up over? What a step records of itself begins then. */
static inline bool
held_counted(const struct lab_lane *lane)
{
	return lane->ln_step >= lane->ln_run->lr_bench->lb_warm;
}

/* What lr_tick counts. */
static const char *
held_unit(const struct lab_run *run)
{
	return run->lr_exact ? "instr" : "ns";
}

/* Since `before`, without what reading costs. */
static inline uint64_t
held_since(const struct lab_run *run, uint64_t before)
{
	uint64_t took = run->lr_tick() - before;

	return took > run->lr_tick_cost ? took - run->lr_tick_cost : 0;
}

/* adapter_reap, and what it took. */
static size_t
held_reap(const struct lab_run *run, heap_t *heap, uint64_t *took)
{
	uint64_t before = run->lr_tick();
	size_t frames = adapter_reap(heap);

	*took += held_since(run, before);
	return frames;
}
