/* SPDX-License-Identifier: MIT */
/*
 * Invariants that hold between any two steps, on what can be seen without a
 * lock. A part whose lock is held at the moment, or whose hart is inside a
 * pinned section, is left out of a sum; every sum is judged from one side
 * only, so that what is under way cannot make it wrong:
 *
 *   live + rounds of harts + rounds of the depot + rounds on their way to
 *   their slabs <= out of the slabs <= all
 *
 * Now and then also each round: it is an object of this cache, it is not live,
 * and it is in one place only.
 */
#include "sim_props.h"

#include "sim_impl.h"

#include "mm/kmem_impl.h"

#define DEEP_ONE_IN 16u
#define ROUNDS_MAX  512u

static unsigned looks;

/* Rounds seen by one deep look. */
static uintptr_t seen[ROUNDS_MAX];
static unsigned seen_count;

static bool
lock_free(struct mm_lock *l)
{
	return atomic_load_explicit(&l->lk_held, memory_order_relaxed) == 0;
}

/* Harts whose slots nobody changes at the moment, one bit each. */
static unsigned
harts_open(void)
{
	unsigned harts = port_hart_count(), open = (1u << harts) - 1;

	for (unsigned f = 0; f < harts; f++) {
		if (sim_fibers[f].pins != 0)
			open &= ~(1u << sim_fibers[f].self);
	}
	return open;
}

static void
round_look(const struct kmem_cache *cp, uintptr_t obj)
{
	const struct slab *sp = slab_of(obj);

	if (sp == NULL || sp->s_cache != cp)
		sim_fail("look: a round is no object of its cache", obj, 0);
	if (live_is(obj))
		sim_fail("look: an object both live and in a magazine", obj, 0);
	for (unsigned i = 0; i < seen_count; i++) {
		if (seen[i] == obj)
			sim_fail("look: an object in two magazines", obj, i);
	}
	if (seen_count < ROUNDS_MAX)
		seen[seen_count++] = obj;
}

/* Rounds behind one top; each is an object that is out of its slab. */
static unsigned
top_look(const struct kmem_cache *cp, void **top, bool deep)
{
	struct magazine *mp;
	unsigned rounds;

	if (top == mag_dummy_top())
		return 0;
	mp = mag_of(top);
	rounds = mag_rounds(mp, top);
	if (rounds > KMEM_ROUNDS_MAX)
		sim_fail(
		    "look: a top outside its magazine", (uintptr_t)top, rounds);
	if (*(top - rounds - 1) != NULL)
		sim_fail("look: a magazine without its sentinel", (uintptr_t)mp,
		    rounds);
	for (unsigned i = 1; deep && i <= rounds; i++)
		round_look(cp, (uintptr_t)top[-(int)i]);
	return rounds;
}

static unsigned
slot_look(const struct kmem_cache *cp, const struct mag_slot *s, bool deep)
{
	void **previous = slot_previous(s);
	unsigned rounds = top_look(cp, previous, deep);

	if (rounds != 0 && !mag_top_full(previous))
		sim_fail("look: previous is neither full nor empty",
		    (uintptr_t)s, rounds);
	return rounds + top_look(cp, slot_top(s), deep);
}

static unsigned
hart_look(struct kmem_cache *cp, unsigned hart, bool deep)
{
	struct kmem_hart *hc = &cp->c_harts[hart];
	unsigned rounds = 0;

	if (hc->hc_cold != NULL)
		rounds += slot_look(cp, hc->hc_cold, deep);
	if (hc->hc_slot != NULL)
		rounds += slot_look(cp, hc->hc_slot, deep);
	return rounds;
}

void
look_at_cache(struct kmem_cache *cp, unsigned live)
{
	bool deep = ++looks % DEEP_ONE_IN == 0;
	unsigned open = harts_open();
	uint64_t out = live;

	if (cp == NULL || !lock_free(&cp->c_slab_lock))
		return;
	if (cp->c_inuse > cp->c_objects ||
	    cp->c_slab_full + cp->c_slab_empty > cp->c_slab_count)
		sim_fail("look: counts of the slabs contradict each other",
		    cp->c_inuse, cp->c_objects);
	seen_count = 0;
	for (unsigned h = 0; cp->c_harts != NULL && open >> h != 0; h++)
		out += (open >> h & 1) != 0 ? hart_look(cp, h, deep) : 0;
	if (lock_free(&cp->c_depot_lock))
		out += cp->c_depot_rounds;
	out += atomic_load_explicit(&cp->c_inflight, memory_order_relaxed);
	if (out > cp->c_inuse)
		sim_fail("look: more objects out than the slabs gave", out,
		    cp->c_inuse);
}

void
props_look(void *arg)
{
	(void)arg;
	for (unsigned c = 0; c < CACHES; c++)
		look_at_cache(caches[c], live_count(c));
}
