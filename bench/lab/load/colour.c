/* SPDX-License-Identifier: MIT */
/*
 * memory/colour: what the addresses of objects do to a cache.
 *
 * n objects of 512 B fill COLOUR_SLABS slabs and more. A program that uses the
 * same place of many slabs, or objects one after the other, touches their first
 * lines; without colouring these fall into a few sets of the cache and throw
 * each other out (Bonwick 1994). Three walks go through a model of the cache
 * (bench/lab/l1.c): the first object of each slab, the first seven of each, and
 * as many objects as that in a row. Each is repeated, and what misses then is
 * counted: misses for each touch.
 *
 * Where a slab begins, kmem says. An allocator that cannot say is taken at its
 * frames: its slabs are those, or it has none. Included by adapters.
 */

#define COLOUR_SLABS  64u
#define COLOUR_SEVEN  7u
#define COLOUR_LINES  (COLOUR_SLABS * COLOUR_SEVEN)
#define COLOUR_ROUNDS 4u /* counted; one more before */

struct colour {
	size_t co_n, co_held;
	bool co_done;
	size_t co_slabs; /* that are known; 0: frames are slabs */
	struct l1 co_l1;
	uintptr_t co_walk[COLOUR_LINES];
	/* Behind the objects, as many as these. */
	uintptr_t *co_addr;
	struct kmem_slab_info *co_slab;
	void *co_objs[];
};

static size_t
colour_shared(const struct lab_run *run)
{
	return sizeof(struct colour) +
	    held_param(run, "n") *
	    (sizeof(void *) + sizeof(uintptr_t) +
		sizeof(struct kmem_slab_info));
}

static bool
colour_open(struct lab_run *run)
{
	struct colour *co = run->lr_shared;

	co->co_n = held_param(run, "n");
	co->co_addr = (uintptr_t *)(void *)&co->co_objs[co->co_n];
	co->co_slab = (struct kmem_slab_info *)(void *)&co->co_addr[co->co_n];
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

/* The slabs of a cache by address; 0: more than there are objects. */
static size_t
colour_slabs(struct kmem_cache *cp, struct colour *co)
{
	size_t n = kmem_cache_slabs(cp, co->co_slab, co->co_n), i, j;

	if (n > co->co_n)
		return 0;
	for (i = 1; i < n; i++) {
		struct kmem_slab_info x = co->co_slab[i];

		for (j = i; j > 0 && co->co_slab[j - 1].addr > x.addr; j--)
			co->co_slab[j] = co->co_slab[j - 1];
		co->co_slab[j] = x;
	}
	return n;
}

/* Where the slab begins that holds an address; of slab *at, or behind it. */
static uintptr_t
colour_base(const struct colour *co, uintptr_t addr, size_t *at)
{
	if (co->co_slabs == 0)
		return addr / FRAME_SIZE;
	while (*at + 1 < co->co_slabs && co->co_slab[*at + 1].addr <= addr)
		(*at)++;
	return co->co_slab[*at].addr;
}

/* The first `each` objects of each slab, in a walk; how many they are. */
static size_t
colour_pick(struct colour *co, unsigned each)
{
	size_t i, n = 0, slabs = 0, at = 0;
	uintptr_t base = 0, now;
	unsigned taken = each;

	for (i = 0; i < co->co_n; i++) {
		now = colour_base(co, co->co_addr[i], &at);
		if (slabs == 0 || now != base) {
			if (slabs++ == COLOUR_SLABS)
				break;
			base = now;
			taken = 0;
		}
		if (taken++ < each)
			co->co_walk[n++] = co->co_addr[i];
	}
	return n;
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
	if ((lane->ln_run->lr_variant->lv_can & LAB_IS_OURS) != 0)
		co->co_slabs = colour_slabs(lane->ln_run->lr_heap[0], co);
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
	size_t n;

	colour_sort(co->co_addr, co->co_n);
	n = colour_pick(co, 1);
	lab_fact(out, "misses_first", "1", LAB_LOWER,
	    colour_walk(&co->co_l1, co->co_walk, n),
	    (uint64_t)n * COLOUR_ROUNDS);
	lab_fact(
	    out, "sets_used", "1", LAB_HIGHER, colour_sets(co->co_walk, n), 1);
	lab_fact(out, "slabs", "1", LAB_NEITHER, n, 1);
	n = colour_pick(co, COLOUR_SEVEN);
	lab_fact(out, "misses_all", "1", LAB_LOWER,
	    colour_walk(&co->co_l1, co->co_walk, n),
	    (uint64_t)n * COLOUR_ROUNDS);
	n = co->co_n < COLOUR_LINES ? co->co_n : COLOUR_LINES;
	lab_fact(out, "misses_row", "1", LAB_LOWER,
	    colour_walk(&co->co_l1, co->co_addr, n),
	    (uint64_t)n * COLOUR_ROUNDS);
}

static void
colour_close(struct lab_run *run)
{
	struct colour *co = run->lr_shared;

	if (co->co_done)
		colour_facts(run->lr_out, co);
	held_close(run);
}
