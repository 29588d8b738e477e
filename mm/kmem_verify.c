/* SPDX-License-Identifier: MIT */
/*
 * The invariants of a cache, one function each, judged under the lock that
 * guards them. What moves without a lock (the magazines of other harts) is
 * judged only when it is certainly wrong.
 *
 *   I1 a slab hangs in the list of its count, and is this cache's
 *   I2 a slab's count is its total less its free bits
 *   I3 the cache's sums are the sums over its slabs
 *   I4 the first and last frame of a slab name its descriptor
 *   I5 no object is both free in its slab and live
 *   I6 a full magazine of the depot is full of this cache's objects, none of
 *      them free in its slab; the depot's count of rounds is their sum
 *   I7 an empty magazine of the depot is empty
 *   I8 rounds in magazines do not exceed what the slabs gave out (quiescent)
 */
#include "kmem_impl.h"

struct verdict {
	struct kmem_finding *v_out;
	size_t v_room, v_count;
};

static void
found(struct verdict *v, const char *cache, const char *what, uintptr_t where)
{
	if (v->v_count < v->v_room) {
		struct kmem_finding *f = &v->v_out[v->v_count];

		kmem_name_copy(f->cache, cache, sizeof(f->cache));
		f->what = what;
		f->where = where;
	}
	v->v_count++;
}

/* I2, I5 */
static void
check_bits(const struct kmem_cache *cp, struct slab *sp, struct verdict *v)
{
	unsigned free = 0, words = (unsigned)div_up(sp->s_total, 64);
	bool both = false;

	for (unsigned w = 0; w < words; w++) {
		uint64_t bits = counter_read(slab_free_word(sp, w * 64));

		free += bits_set(bits);
		if (w < sp->s_hint && bits != 0)
			found(v, cp->c_name, "free bit below the hint",
			    slab_base(sp));
		if (cp->c_live)
			both |= (counter_read(slab_live_word(sp, w * 64)) &
				    bits) != 0;
	}
	if (sp->s_total - free != sp->s_inuse)
		found(v, cp->c_name,
		    "I2: slab count is not total less free bits",
		    slab_base(sp));
	if (both)
		found(v, cp->c_name, "I5: object both free and live",
		    slab_base(sp));
}

/* I4 */
static void
check_frames(const struct kmem_cache *cp, struct slab *sp, struct verdict *v)
{
	uintptr_t last = slab_base(sp) + (sp->s_frames - 1u) * FRAME_SIZE;

	if (slab_of(slab_base(sp)) != sp || slab_of(last) != sp)
		found(v, cp->c_name, "I4: frame does not name its slab",
		    slab_base(sp));
}

/* I1, I3 */
static void check_slabs_locked(struct kmem_cache *cp, struct verdict *v)
    REQUIRES(cp->c_slab_lock);
static void
check_slabs_locked(struct kmem_cache *cp, struct verdict *v)
{
	uint64_t objects = 0, inuse = 0, frames = 0;
	uint32_t slabs = 0;

	for (unsigned b = 0; b < SLAB_BUCKETS; b++) {
		struct list *head = &cp->c_slabs[b];

		for (struct list *l = head->l_next;
		     l != head && slabs <= cp->c_slab_count; l = l->l_next) {
			struct slab *sp = LIST_ENTRY(l, struct slab, s_node);

			slabs++;
			objects += sp->s_total;
			inuse += sp->s_inuse;
			frames += sp->s_frames;
			if (sp->s_bucket != b || sp->s_cache != cp ||
			    (b == SLAB_FULL) != (sp->s_inuse == sp->s_total) ||
			    (b == SLAB_EMPTY) != (sp->s_inuse == 0))
				found(v, cp->c_name, "I1: slab in a wrong list",
				    slab_base(sp));
			check_bits(cp, sp, v);
			check_frames(cp, sp, v);
		}
	}
	if (slabs != cp->c_slab_count || objects != cp->c_objects ||
	    inuse != cp->c_inuse || frames != cp->c_frames)
		found(v, cp->c_name, "I3: sums of the slabs differ", slabs);
}

/* One round of I6. */
static bool
round_good(struct kmem_cache *cp, uintptr_t obj)
{
	struct slab *sp = slab_of(obj);
	long index;

	if (sp == NULL || sp->s_cache != cp)
		return false;
	index = slab_index(sp, obj);
	if (index < 0 || slab_object(sp, (unsigned)index) != obj)
		return false;
	return !slab_is_free(sp, (unsigned)index);
}

/* I6, I7 */
static void check_depot_locked(struct kmem_cache *cp, struct verdict *v)
    REQUIRES(cp->c_depot_lock);
static void
check_depot_locked(struct kmem_cache *cp, struct verdict *v)
{
	uint64_t rounds = 0;
	uint32_t full = 0, empty = 0;
	struct magazine *mp;

	for (mp = cp->c_full.ml_head; mp != NULL && full < cp->c_full.ml_count;
	     mp = mp->mag_next, full++) {
		uint32_t n = atomic_load_explicit(
		    &mp->mag_capacity, memory_order_relaxed);

		rounds += n;
		for (uint32_t i = 0; i < n; i++) {
			if (!round_good(cp, (uintptr_t)mag_first(mp, n)[i]))
				found(v, cp->c_name,
				    "I6: round is no object of this cache",
				    (uintptr_t)mag_first(mp, n)[i]);
		}
	}
	for (mp = cp->c_empty.ml_head;
	     mp != NULL && empty < cp->c_empty.ml_count;
	     mp = mp->mag_next, empty++) {
		if (mag_first(mp,
			atomic_load_explicit(&mp->mag_capacity,
			    memory_order_relaxed))[-1] != NULL)
			found(v, cp->c_name, "I7: sentinel is gone",
			    (uintptr_t)mp);
	}
	if (full != cp->c_full.ml_count || empty != cp->c_empty.ml_count ||
	    rounds != cp->c_depot_rounds)
		found(v, cp->c_name, "I6: depot's counts differ", rounds);
}

static void
check_cache(struct kmem_cache *cp, struct verdict *v)
{
	slab_lock(cp);
	check_slabs_locked(cp, v);
	slab_unlock(cp);
	depot_lock(cp);
	check_depot_locked(cp, v);
	depot_unlock(cp);
}

size_t
kmem_verify(struct kmem_cache *cp, struct kmem_finding *out, size_t n)
{
	struct verdict v = { .v_out = out, .v_room = n };
	uint64_t after = 0;
	size_t bad;

	if (kmem_context_refused("kmem_verify in an interrupt",
		(uintptr_t)__builtin_return_address(0)))
		return 0;
	if (cp != NULL) {
		check_cache(cp, &v);
		return v.v_count;
	}
	while (kmem_cache_gather(&cp, 1, &after) == 1) {
		check_cache(cp, &v);
		kmem_cache_release(cp);
	}
	bad = frame_verify();
	for (size_t i = 0; i < bad; i++)
		found(
		    &v, "frames", "a zone's records contradict each other", 0);
	return v.v_count;
}
