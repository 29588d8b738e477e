/* SPDX-License-Identifier: MIT */
/*
 * Changing a cache while it is in use.
 *
 * Magazine size: new and re-formatted magazines get the new capacity; those in
 * use carry theirs with them (kmem_mag.c, 2). Counting: the slot in force is
 * switched, then every hart is drained once; after that call a hart can only
 * see the new slot, and what lay in the old one has been flushed. Limit: a
 * cache made with one has no magazines and is exact everywhere; one that gets
 * it later keeps its magazines, and whoever reaches the limit first takes
 * home what lies in them (kmem_mag.c). Level and colours shape the slabs, so
 * they need a cache without any.
 */
#include "kmem_impl.h"

static void
tune_magazine(struct kmem_cache *cp, unsigned rounds)
{
	/* Under the depot's lock, as the control law. */
	depot_lock(cp);
	atomic_store_explicit(
	    &cp->c_mag_auto, rounds == 0, memory_order_relaxed);
	shared_store_32(&cp->c_magsize,
	    rounds != 0 ? rounds : mag_rounds_for(cp->c_geo.g_stride));
	depot_unlock(cp);
	(void)kmem_cache_flush(cp, KMEM_ALL_HARTS);
}

/* Each hart is asked once, used or not: it has then seen what was before. */
static void
handshake(struct kmem_cache *cp)
{
	for (unsigned h = 0, harts = port_hart_count(); h < harts; h++)
		shared_store_32(&cp->c_harts[h].hc_used, 1);
	(void)kmem_cache_flush(cp, KMEM_ALL_HARTS);
}

/*
 * A slot that counts, and that every hart has been told of before one of them
 * can use it: whoever made it may not have got so far. False: none is left.
 */
static bool
cold_slot_get(struct kmem_cache *cp)
{
	/* Two who tune at once get one. */
	registry_lock_take();
	if (cold_slot(cp) == 0) {
		atomic_store_explicit(
		    &cp->c_cold_slot, slot_alloc_cold(), memory_order_relaxed);
		if (cold_slot(cp) != 0)
			hart_slots_find(cp);
	}
	registry_lock_drop();
	if (cold_slot(cp) == 0)
		return false;
	handshake(cp);
	return true;
}

/* False: no slot is left that could count. */
static bool
tune_count(struct kmem_cache *cp, bool count)
{
	bool cold = cp->c_live || count;

	if (cp->c_harts == NULL) {
		atomic_store_explicit(
		    &cp->c_count, count, memory_order_relaxed);
		return true;
	}
	if (cold && !cold_slot_get(cp))
		return false;
	/* Together, so that of two who tune one wins in all three. */
	registry_lock_take();
	atomic_store_explicit(&cp->c_count, count, memory_order_relaxed);
	/* Relaxed: the handshake orders it before each hart goes on. */
	atomic_store_explicit(&cp->c_cold, cold, memory_order_relaxed);
	atomic_store_explicit(&cp->c_slot, cold ? slot_dummy() : cp->c_own_slot,
	    memory_order_relaxed);
	registry_lock_drop();
	handshake(cp);
	return true;
}

/* Needs a cache without slabs. */
static int
tune_shape(struct kmem_cache *cp, const struct kmem_tune *t)
{
	enum kmem_protect protect = t->set_protect ? t->protect : cp->c_protect;
	unsigned colours = t->set_colours ? t->colours : cp->c_colours_max;
	bool live = protect == KMEM_CHECKED;
	uint32_t slabs;

	if (protect == KMEM_DEBUG)
		return -KMEM_ENOTYET;
	(void)cache_empty(cp);
	slab_lock(cp);
	slabs = cp->c_slab_count;
	slab_unlock(cp);
	if (slabs != 0)
		return -KMEM_EBUSY;
	if (!live && cp->c_harts != NULL && cp->c_own_slot == 0) {
		cp->c_own_slot = slot_alloc();
		if (cp->c_own_slot == 0)
			return -KMEM_ENOMEM;
		hart_slots_find(cp);
	}
	/* Before anything is changed: without it no call could be verified. */
	if (live && cp->c_harts != NULL && !cold_slot_get(cp))
		return -KMEM_ENOMEM;
	cp->c_protect = protect;
	cp->c_live = live;
	cp->c_colours_max = colours;
	cp->c_geo = geometry_choose(
	    cp->c_size, cp->c_geo.g_align, live, cp->c_flags, colours);
	cp->c_reciprocal = UINT64_MAX / cp->c_geo.g_stride + 1;
	cp->c_colour_next = 0;
	return tune_count(
		   cp, atomic_load_explicit(&cp->c_count, memory_order_relaxed))
	    ? 0
	    : -KMEM_ENOMEM;
}

static void
tune_old(struct kmem_cache *cp, struct kmem_tune *old)
{
	*old = (struct kmem_tune){
		.set_magazine = true,
		.magazine =
		    atomic_load_explicit(&cp->c_mag_auto, memory_order_relaxed)
		    ? 0
		    : atomic_load_explicit(
			  &cp->c_magsize, memory_order_relaxed),
		.set_limit = true,
		.limit =
		    atomic_load_explicit(&cp->c_limit, memory_order_relaxed),
		.set_count = true,
		.count =
		    atomic_load_explicit(&cp->c_count, memory_order_relaxed),
		.set_colours = true,
		.colours = cp->c_colours_max,
		.set_protect = true,
		.protect = cp->c_protect,
	};
}

int
kmem_cache_tune(
    struct kmem_cache *cp, const struct kmem_tune *t, struct kmem_tune *old)
{
	if (kmem_context_refused("kmem_cache_tune in an interrupt",
		(uintptr_t)__builtin_return_address(0)))
		return -KMEM_ECONTEXT;
	if (old != NULL)
		tune_old(cp, old);
	if ((t->set_magazine && t->magazine > KMEM_ROUNDS_MAX) ||
	    (t->set_protect && t->protect > KMEM_DEBUG))
		return -KMEM_EINVAL;
	if (t->set_protect || t->set_colours) {
		int err = tune_shape(cp, t);

		if (err != 0)
			return err;
	}
	if (t->set_limit) {
		slab_lock(cp);
		atomic_store_explicit(
		    &cp->c_limit, t->limit, memory_order_relaxed);
		slab_unlock(cp);
	}
	if (t->set_count && !tune_count(cp, t->count))
		return -KMEM_ENOMEM;
	if (t->set_magazine)
		tune_magazine(cp, t->magazine);
	return 0;
}
