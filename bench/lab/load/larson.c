/* SPDX-License-Identifier: MIT */
/*
 * smp/larson: a server's memory, after Larson and Krishnan, "Memory Allocation
 * for Long-Running Server Applications", ISMM 1998. A hart holds `slots`
 * objects of random sizes and replaces a random one at a time. In the original
 * a thread ends when it has replaced each object `bleed` times on average, and
 * a new one inherits what it held: so one free in `bleed` is of an object that
 * another thread allocated. Harts do not end; here one replacement in `bleed`
 * goes through a pool that all share, which gives the same part of foreign
 * frees without waiting for a generation.
 *
 * The pool is changed by exchange alone, with acquire and release: an object is
 * in one place at a time, and the hart that takes it out sees it as it was put
 * in. A place of the pool belongs to one size class, so that the class need not
 * travel along. Included by adapters.
 */

#define LARSON_STEP  1000u /* replacements, of all harts */
#define LARSON_PLACE 16u   /* places of the pool for each class */

struct larson {
	struct sizes la_sizes;
	unsigned la_slots, la_bleed;
	struct item la_items[];
};

static size_t
larson_shared(const struct lab_run *run)
{
	(void)run;
	return CLASSES * LARSON_PLACE * sizeof(_Atomic(void *));
}

static size_t
larson_lane(const struct lab_run *run)
{
	return sizeof(struct larson) +
	    count_param(run, "slots") * sizeof(struct item);
}

static bool
larson_open(struct lab_run *run)
{
	return classes_open(run, CLASS_LARGEST);
}

static void
larson_leave(struct lab_lane *lane)
{
	struct larson *la = lane->ln_own;

	items_drop(lane->ln_run, la->la_items, la->la_slots);
}

static bool
larson_enter(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct larson *la = lane->ln_own;
	unsigned i;

	la->la_sizes =
	    sizes_between(lab_param(run, "min"), lab_param(run, "max"));
	la->la_slots = count_param(run, "slots");
	la->la_bleed = count_param(run, "bleed");
	for (i = 0; i < la->la_slots; i++) {
		size_t bytes =
		    size_even(la->la_sizes, bench_random(&lane->ln_random));

		if (!item_alloc(run, &la->la_items[i], bytes)) {
			larson_leave(lane);
			return false;
		}
	}
	return true;
}

static enum lab_step
larson_step(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct larson *la = lane->ln_own;
	_Atomic(void *) *pool = run->lr_shared;
	unsigned left;

	for (left = share_of(run, LARSON_STEP); left != 0; left--) {
		uint64_t r = bench_random(&lane->ln_random);
		unsigned where = (unsigned)(r >> 40);
		struct item fresh, old;

		if (!item_alloc(run, &fresh, size_even(la->la_sizes, r)))
			return LAB_FAIL;
		if ((r >> 32 & 0xffffu) % la->la_bleed == 0) {
			old.it_class = fresh.it_class;
			/* Pairs with itself on another hart. */
			old.it_obj = atomic_exchange_explicit(
			    &pool[fresh.it_class * LARSON_PLACE +
				where % LARSON_PLACE],
			    fresh.it_obj, memory_order_acq_rel);
		} else {
			struct item *it = &la->la_items[where % la->la_slots];

			old = *it;
			*it = fresh;
		}
		if (old.it_obj != NULL)
			item_free(run, &old);
		lane->ln_ops++;
	}
	return LAB_MORE;
}

static void
larson_close(struct lab_run *run)
{
	_Atomic(void *) *pool = run->lr_shared;
	unsigned i;

	for (i = 0; i < CLASSES * LARSON_PLACE; i++) {
		struct item it = { atomic_load_explicit(
				       &pool[i], memory_order_acquire),
			i / LARSON_PLACE };

		if (it.it_obj != NULL)
			item_free(run, &it);
	}
	classes_close(run);
}
