/* SPDX-License-Identifier: MIT */
/*
 * micro/kmalloc-sizes: a few dozen objects of each size from 8 to 4,096 B,
 * allocated, then freed, one size after the other (glibc-simple of
 * mimalloc-bench; the sizes are those of Linux's kmalloc). `size_N` is what a
 * pair of that size took, loop included. Included by adapters.
 */

#define SIZES       12u
#define SIZES_BATCH 24u

static const struct sizes_class {
	size_t sc_size;
	const char *sc_name, *sc_fact;
} sizes_classes[SIZES] = {
	{ 8, "sizes-8", "size_8" },
	{ 16, "sizes-16", "size_16" },
	{ 32, "sizes-32", "size_32" },
	{ 64, "sizes-64", "size_64" },
	{ 96, "sizes-96", "size_96" },
	{ 128, "sizes-128", "size_128" },
	{ 192, "sizes-192", "size_192" },
	{ 256, "sizes-256", "size_256" },
	{ 512, "sizes-512", "size_512" },
	{ 1024, "sizes-1024", "size_1024" },
	{ 2048, "sizes-2048", "size_2048" },
	{ 4096, "sizes-4096", "size_4096" },
};

struct sizes_own {
	unsigned so_class; /* of the objects that are held */
	size_t so_held;
	uint64_t so_took[SIZES], so_pairs[SIZES];
	void *so_objs[SIZES_BATCH];
};

static size_t
sizes_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct sizes_own);
}

static bool
sizes_open(struct lab_run *run)
{
	while (run->lr_heaps < SIZES) {
		const struct sizes_class *sc = &sizes_classes[run->lr_heaps];
		const struct lab_spec spec = { .ls_name = sc->sc_name,
			.ls_size = sc->sc_size };
		heap_t *heap = adapter_create(&spec);

		if (heap == NULL) {
			held_close(run);
			return false;
		}
		run->lr_heap[run->lr_heaps++] = heap;
	}
	return true;
}

static enum lab_step
sizes_step(struct lab_lane *lane)
{
	struct sizes_own *own = lane->ln_own;
	const struct lab_run *run = lane->ln_run;
	uint64_t before;
	unsigned c;

	for (c = 0; c < SIZES; c++) {
		heap_t *heap = run->lr_heap[c];

		own->so_class = c;
		before = run->lr_tick();
		own->so_held = held_fill(heap, own->so_objs, 0, SIZES_BATCH);
		if (own->so_held < SIZES_BATCH)
			return LAB_FAIL;
		while (own->so_held > 0)
			adapter_free(heap, own->so_objs[--own->so_held]);
		if (!held_counted(lane))
			continue;
		own->so_took[c] += held_since(run, before);
		own->so_pairs[c] += SIZES_BATCH;
	}
	lane->ln_ops += SIZES * SIZES_BATCH;
	return LAB_MORE;
}

static void
sizes_leave(struct lab_lane *lane)
{
	struct sizes_own *own = lane->ln_own;

	held_drop(
	    lane->ln_run->lr_heap[own->so_class], own->so_objs, own->so_held);
	own->so_held = 0;
}

static void
sizes_close(struct lab_run *run)
{
	const struct sizes_own *own = run->lr_lanes[0].ln_own;
	unsigned c;

	for (c = 0; c < SIZES; c++)
		if (own->so_pairs[c] != 0)
			lab_fact(run->lr_out, sizes_classes[c].sc_fact,
			    held_unit(run), LAB_LOWER, own->so_took[c],
			    own->so_pairs[c]);
	held_close(run);
}
