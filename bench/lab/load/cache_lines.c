/* SPDX-License-Identifier: MIT */
/*
 * smp/cache-scratch and smp/cache-thrash: does an allocator give objects of
 * one cache line to two harts? After Berger et al., "Hoard", ASPLOS 2000. Each
 * hart holds a small object, writes it many times, frees it and allocates the
 * next. In cache-thrash each hart allocates its own from the start (active
 * false sharing); in cache-scratch the first ones come from one hart, side by
 * side, and are freed by those they were given to (passive false sharing).
 *
 * The instructions do not show what a shared line costs; the fact lines_shared
 * shows how often it would be paid: at the end of a step a hart says which line
 * its object lies on, and counts the others that say the same. These words are
 * relaxed, each a value of its own; it is a sample when harts run together and
 * exact when they take turns. It is done without a branch on an address, so
 * that it costs the same on an allocator whose objects are all the same.
 * Included by adapters.
 */

#define LINE_SHIFT 6u    /* log2 of the bytes of a line */
#define LINE_WORK  4096u /* about the writes of one step */

/* What the others see of a hart: a line each, so that we do not share one. */
struct line_view {
	_Alignas(64) _Atomic(uintptr_t) lv_line; /* number of it, 0: none */
};

struct lines {
	_Atomic(uint64_t) li_shared, li_looked;
	struct line_view *li_views; /* of all harts */
	void *li_first[];           /* cache-scratch: one for each hart */
};

struct line_lane {
	volatile uint8_t *ll_obj; /* the one it holds */
	unsigned ll_pairs, ll_writes;
	uint64_t ll_shared, ll_looked;
};

static size_t
lines_shared_bytes(const struct lab_run *run)
{
	return sizeof(struct lines) + 64u +
	    run->lr_harts * (sizeof(void *) + sizeof(struct line_view));
}

static size_t
lines_lane_bytes(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct line_lane);
}

static bool
lines_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "lines",
		.ls_size = count_param(run, "size"),
		.ls_line = lab_param(run, "line") != 0 };
	struct lines *li = run->lr_shared;
	uint8_t *at = (uint8_t *)&li->li_first[run->lr_harts];

	li->li_views = (void *)(at + (64u - (uintptr_t)at % 64u) % 64u);
	return heap_open(run, &spec);
}

static void
lines_drop_first(struct lab_run *run)
{
	struct lines *li = run->lr_shared;
	unsigned i;

	for (i = 0; i < run->lr_harts; i++) {
		if (li->li_first[i] != NULL)
			adapter_free(run->lr_heap[0], li->li_first[i]);
		li->li_first[i] = NULL;
	}
}

static bool
scratch_open(struct lab_run *run)
{
	struct lines *li = run->lr_shared;
	unsigned i;

	if (!lines_open(run))
		return false;
	for (i = 0; i < run->lr_harts; i++) {
		li->li_first[i] = adapter_alloc(run->lr_heap[0]);
		if (li->li_first[i] == NULL) {
			lines_drop_first(run);
			heap_close(run);
			run->lr_heaps = 0;
			return false;
		}
	}
	return true;
}

static bool
lines_enter(struct lab_lane *lane)
{
	struct lab_run *run = lane->ln_run;
	struct lines *li = run->lr_shared;
	struct line_lane *ll = lane->ln_own;
	void *first = li->li_first[lane->ln_index];

	ll->ll_writes = share_of(run, count_param(run, "writes"));
	ll->ll_pairs = share_of(run, 1u + LINE_WORK / ll->ll_writes);
	li->li_first[lane->ln_index] = NULL;
	if (first != NULL)
		adapter_free(run->lr_heap[0], first);
	ll->ll_obj = adapter_alloc(run->lr_heap[0]);
	return ll->ll_obj != NULL;
}

/* Say which line is ours, and count the harts that hold a part of it, too. */
static void
lines_look(struct lab_lane *lane, struct line_lane *ll)
{
	struct lines *li = lane->ln_run->lr_shared;
	uintptr_t mine = (uintptr_t)ll->ll_obj >> LINE_SHIFT;
	unsigned i, same = 0;

	atomic_store_explicit(
	    &li->li_views[lane->ln_index].lv_line, mine, memory_order_relaxed);
	for (i = 0; i < lane->ln_run->lr_harts; i++)
		same += atomic_load_explicit(&li->li_views[i].lv_line,
			    memory_order_relaxed) == mine;
	ll->ll_shared += same - 1u; /* one of them is this hart */
	ll->ll_looked++;
}

static inline void
lines_free(heap_t *heap, struct line_lane *ll)
{
	void *obj = (void *)(uintptr_t)ll->ll_obj;

	ll->ll_obj = NULL;
	adapter_free(heap, obj);
}

static enum lab_step
lines_step(struct lab_lane *lane)
{
	struct line_lane *ll = lane->ln_own;
	heap_t *heap = lane->ln_run->lr_heap[0];
	unsigned left, i;

	for (left = ll->ll_pairs; left != 0; left--) {
		for (i = ll->ll_writes; i != 0; i--)
			*ll->ll_obj = (uint8_t)i;
		lines_free(heap, ll);
		ll->ll_obj = adapter_alloc(heap);
		if (ll->ll_obj == NULL)
			return LAB_FAIL;
	}
	lines_look(lane, ll);
	lane->ln_ops += ll->ll_pairs;
	return LAB_MORE;
}

static void
lines_leave(struct lab_lane *lane)
{
	struct lines *li = lane->ln_run->lr_shared;
	struct line_lane *ll = lane->ln_own;

	if (ll->ll_obj != NULL)
		lines_free(lane->ln_run->lr_heap[0], ll);
	atomic_fetch_add_explicit(
	    &li->li_shared, ll->ll_shared, memory_order_relaxed);
	atomic_fetch_add_explicit(
	    &li->li_looked, ll->ll_looked, memory_order_relaxed);
}

static void
lines_close(struct lab_run *run)
{
	struct lines *li = run->lr_shared;
	uint64_t looked =
	    atomic_load_explicit(&li->li_looked, memory_order_relaxed);

	lines_drop_first(run);
	heap_close(run);
	if (looked != 0)
		lab_fact(run->lr_out, "lines_shared", "1", LAB_LOWER,
		    atomic_load_explicit(&li->li_shared, memory_order_relaxed),
		    looked);
}
