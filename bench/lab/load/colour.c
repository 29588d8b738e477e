/* SPDX-License-Identifier: MIT */
/*
 * memory/colour: what the addresses of objects do to a cache. 448 objects of
 * 512 B fill 64 frames of a slab allocator. A program that walks the first
 * object of each slab, and one that walks all objects, touch the first line of
 * each: without colouring these fall into a few sets of the cache, and throw
 * each other out (Bonwick 1994, 4). The walks go through a model of the cache
 * (bench/lab/l1.c); they are repeated, and what misses then is counted: misses
 * for each touch. Included by adapters.
 */

#define COLOUR_ROUNDS 4u /* counted; one more before */

struct colour {
	size_t co_n, co_held;
	bool co_done;
	struct l1 co_l1;
	uintptr_t *co_addr; /* behind the objects */
	void *co_objs[];
};

static size_t
colour_shared(const struct lab_run *run)
{
	return sizeof(struct colour) +
	    held_param(run, "n") * (sizeof(void *) + sizeof(uintptr_t));
}

static bool
colour_open(struct lab_run *run)
{
	struct colour *co = run->lr_shared;

	co->co_n = held_param(run, "n");
	co->co_addr = (uintptr_t *)(void *)&co->co_objs[co->co_n];
	return held_open(run, "colour");
}

/* Shell's sort, by Knuth's gaps. */
static void
colour_sort(uintptr_t *a, size_t n)
{
	size_t gap = 1, i, j;

	while (gap < n / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3)
		for (i = gap; i < n; i++) {
			uintptr_t x = a[i];

			for (j = i; j >= gap && a[j - gap] > x; j -= gap)
				a[j] = a[j - gap];
			a[j] = x;
		}
}

/* Walk n addresses again and again; the misses, all rounds but the first. */
static uint64_t
colour_walk(struct l1 *l1, const uintptr_t *addr, size_t n)
{
	uint64_t misses = 0;
	unsigned round;
	size_t i;

	l1_clear(l1);
	for (round = 0; round <= COLOUR_ROUNDS; round++)
		for (i = 0; i < n; i++)
			if (!l1_touch(l1, addr[i]) && round > 0)
				misses++;
	return misses;
}

static unsigned
colour_sets(const uintptr_t *addr, size_t n)
{
	uint64_t used = 0;
	unsigned sets = 0;
	size_t i;

	for (i = 0; i < n; i++)
		used |= UINT64_C(1) << l1_set(addr[i]);
	for (; used != 0; used &= used - 1)
		sets++;
	return sets;
}

static enum lab_step
colour_step(struct lab_lane *lane)
{
	struct colour *co = lane->ln_run->lr_shared;
	heap_t *heap = lane->ln_run->lr_heap[0];
	size_t i;

	co->co_held = held_fill(heap, co->co_objs, 0, co->co_n);
	if (co->co_held < co->co_n)
		return LAB_FAIL;
	for (i = 0; i < co->co_n; i++)
		co->co_addr[i] = (uintptr_t)co->co_objs[i];
	held_drop(heap, co->co_objs, co->co_held);
	co->co_held = 0;
	co->co_done = true;
	lane->ln_ops += co->co_n;
	return LAB_DONE;
}

static void
colour_leave(struct lab_lane *lane)
{
	struct colour *co = lane->ln_run->lr_shared;

	held_drop(lane->ln_run->lr_heap[0], co->co_objs, co->co_held);
	co->co_held = 0;
}

static void
colour_facts(struct lab_result *out, struct colour *co)
{
	uintptr_t *addr = co->co_addr;
	size_t i, first = 0;

	colour_sort(addr, co->co_n);
	lab_fact(out, "misses_all", "1", LAB_LOWER,
	    colour_walk(&co->co_l1, addr, co->co_n),
	    (uint64_t)co->co_n * COLOUR_ROUNDS);
	lab_fact(
	    out, "sets_all", "1", LAB_HIGHER, colour_sets(addr, co->co_n), 1);
	/* The lowest object of each frame. */
	for (i = 0; i < co->co_n; i++)
		if (first == 0 ||
		    addr[i] / FRAME_SIZE != addr[first - 1] / FRAME_SIZE)
			addr[first++] = addr[i];
	lab_fact(out, "misses_first", "1", LAB_LOWER,
	    colour_walk(&co->co_l1, addr, first),
	    (uint64_t)first * COLOUR_ROUNDS);
	lab_fact(
	    out, "sets_used", "1", LAB_HIGHER, colour_sets(addr, first), 1);
	lab_fact(out, "frames_walked", "frame", LAB_NEITHER, first, 1);
}

static void
colour_close(struct lab_run *run)
{
	struct colour *co = run->lr_shared;

	if (co->co_done)
		colour_facts(run->lr_out, co);
	held_close(run);
}
