/* SPDX-License-Identifier: MIT */
/*
 * memory/frag-steady: a long life of mixed sizes. Each hart holds `live`
 * objects whose sizes are spread evenly over the doublings from 16 to 2,048 B,
 * four sizes to a doubling, and replaces a random one by one of a random size,
 * again and again: what is free lies ever more between what is not (Wilson,
 * Johnstone, Neely and Boles, "Dynamic Storage Allocation: A Survey and
 * Critical Review", 1995). Each size has a heap of its own. Included by
 * adapters.
 */

#define STEADY_STEP    300u /* pairs */
#define STEADY_CLASSES 29u

struct steady_own {
	_Atomic uint64_t st_bytes; /* of this lane's objects; the meter reads */
	size_t st_live;
	uint8_t *st_class; /* of each object; behind them */
	void *st_objs[];
};

static const char *const steady_names[STEADY_CLASSES] = { "steady-16",
	"steady-20", "steady-24", "steady-28", "steady-32", "steady-40",
	"steady-48", "steady-56", "steady-64", "steady-80", "steady-96",
	"steady-112", "steady-128", "steady-160", "steady-192", "steady-224",
	"steady-256", "steady-320", "steady-384", "steady-448", "steady-512",
	"steady-640", "steady-768", "steady-896", "steady-1024", "steady-1280",
	"steady-1536", "steady-1792", "steady-2048" };

static size_t
steady_size(size_t class)
{
	return (4u + class % 4u) << (class / 4u + 2u);
}

static size_t
steady_shared(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct meter);
}

static size_t
steady_lane(const struct lab_run *run)
{
	return sizeof(struct steady_own) +
	    held_param(run, "live") * (sizeof(void *) + sizeof(uint8_t));
}

static bool
steady_open(struct lab_run *run)
{
	meter_open(run, run->lr_shared);
	while (run->lr_heaps < STEADY_CLASSES) {
		const struct lab_spec spec = {
			.ls_name = steady_names[run->lr_heaps],
			.ls_size = steady_size(run->lr_heaps),
		};
		heap_t *heap = adapter_create(&spec);

		if (heap == NULL) {
			held_close(run);
			return false;
		}
		run->lr_heap[run->lr_heaps++] = heap;
	}
	return true;
}

/* Another object at a place; false without memory: the old one stays. */
static bool
steady_replace(struct lab_lane *lane, size_t at)
{
	struct steady_own *own = lane->ln_own;
	const struct lab_run *run = lane->ln_run;
	size_t class = held_random(lane, STEADY_CLASSES);
	uint64_t bytes;
	void *obj = adapter_alloc(run->lr_heap[class]);

	if (obj == NULL)
		return false;
	/* Relaxed: a figure. Only this lane writes it. */
	bytes = atomic_load_explicit(&own->st_bytes, memory_order_relaxed) +
	    steady_size(class);
	if (own->st_objs[at] != NULL) {
		adapter_free(run->lr_heap[own->st_class[at]], own->st_objs[at]);
		bytes -= steady_size(own->st_class[at]);
	}
	own->st_objs[at] = obj;
	own->st_class[at] = (uint8_t) class;
	atomic_store_explicit(&own->st_bytes, bytes, memory_order_relaxed);
	return true;
}

static void
steady_leave(struct lab_lane *lane)
{
	struct steady_own *own = lane->ln_own;
	size_t i;

	for (i = 0; i < own->st_live; i++)
		held_drop(lane->ln_run->lr_heap[own->st_class[i]],
		    &own->st_objs[i], 1);
}

static bool
steady_enter(struct lab_lane *lane)
{
	struct steady_own *own = lane->ln_own;
	size_t i;

	own->st_live = held_param(lane->ln_run, "live");
	own->st_class = (uint8_t *)&own->st_objs[own->st_live];
	for (i = 0; i < own->st_live; i++)
		if (!steady_replace(lane, i)) {
			steady_leave(lane);
			return false;
		}
	return true;
}

static void
steady_sample(const struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	uint64_t bytes = 0;
	unsigned i;

	for (i = 0; i < run->lr_harts; i++) {
		const struct steady_own *own = run->lr_lanes[i].ln_own;

		/* Relaxed: a figure. */
		bytes +=
		    atomic_load_explicit(&own->st_bytes, memory_order_relaxed);
	}
	meter_sample(lane, run->lr_shared, bytes);
}

static enum lab_step
steady_step(struct lab_lane *lane)
{
	struct steady_own *own = lane->ln_own;
	unsigned left;

	for (left = STEADY_STEP; left != 0; left--)
		if (!steady_replace(lane, held_random(lane, own->st_live)))
			return LAB_FAIL;
	lane->ln_ops += STEADY_STEP;
	if (meter_is_mine(lane))
		steady_sample(lane);
	return LAB_MORE;
}

static void
steady_close(struct lab_run *run)
{
	meter_facts(run, run->lr_shared);
	held_close(run);
}
