/* SPDX-License-Identifier: MIT */
/*
 * Statistics. Nothing is counted on the hot path: how many objects are in use
 * follows from what the slabs gave out less what lies in magazines. Counters
 * of a hart are written by it alone and summed here. Under load the parts are
 * read one after the other; each figure is then clamped to what is possible,
 * and exact again at quiescence.
 */
#include "kmem_impl.h"

#define FIELD(name, unit, kind, text)                                          \
	{                                                                      \
#name, unit, kind, text, offsetof(struct kmem_stats, name)     \
	}

static const struct kmem_schema schema[] = {
	FIELD(
	    objects_inuse, "object", "gauge", "Handed out and not freed yet."),
	FIELD(objects_cached, "object", "gauge",
	    "Free, in magazines of harts and depot."),
	FIELD(objects_idle, "object", "gauge",
	    "Cached in the depot and needed by nobody for a whole interval."),
	FIELD(idle_bound, "object", "gauge",
	    "What may idle in the depot; more goes back on idle time."),
	FIELD(objects_total, "object", "gauge", "That all slabs can hold."),
	FIELD(slabs_full, "slab", "gauge", "Slabs with no free object."),
	FIELD(slabs_partial, "slab", "gauge",
	    "Slabs with free objects and others."),
	FIELD(slabs_empty, "slab", "gauge",
	    "Slabs with all objects free, kept for reuse."),
	FIELD(frames, "frame", "gauge", "Frames the slabs take."),
	FIELD(bytes_inuse, "byte", "gauge", "objects_inuse times the size."),
	FIELD(bytes_total, "byte", "gauge", "frames times 4,096."),
	FIELD(hiwater, "object", "gauge",
	    "Most objects out of their slabs at once: an upper bound of the "
	    "most in use, exact in a cache without magazines."),
	FIELD(alloc, "1", "counter",
	    "Objects handed out; known where every call is counted."),
	FIELD(free, "1", "counter",
	    "Objects freed; known where every call is counted."),
	FIELD(alloc_fail, "1", "counter", "Calls that returned no object."),
	FIELD(mag_hit, "1", "counter",
	    "Calls served by the hart's own magazines; known where every call "
	    "is counted."),
	FIELD(mag_miss, "1", "counter",
	    "Calls that the hart's own magazines could not serve."),
	FIELD(
	    depot_get, "1", "counter", "Full magazines taken from the depot."),
	FIELD(depot_put, "1", "counter", "Full magazines put into the depot."),
	FIELD(depot_contended, "1", "counter",
	    "Times the depot's lock had to be waited for."),
	FIELD(mag_size, "round", "gauge",
	    "Rounds of a new magazine; 0: no magazines."),
	FIELD(mag_grow, "1", "counter",
	    "Times contention made magazines larger."),
	FIELD(mag_shrink, "1", "counter",
	    "Times idleness made magazines smaller."),
	FIELD(grow, "1", "counter", "Slabs made."),
	FIELD(shrink, "1", "counter", "Slabs given back."),
	FIELD(reap, "1", "counter",
	    "Steps of a reap that took something from this cache."),
	FIELD(ctor, "1", "counter", "Objects constructed."),
	FIELD(dtor, "1", "counter", "Objects destructed."),
	FIELD(errors, "1", "counter", "Heap errors reported for this cache."),
};
_Static_assert(sizeof(schema) / sizeof(schema[0]) * sizeof(uint64_t) ==
	sizeof(struct kmem_stats),
    "every statistic is described");

const struct kmem_schema *
kmem_schema(size_t *count)
{
	*count = sizeof(schema) / sizeof(schema[0]);
	return schema;
}

static void
stats_slabs(struct kmem_cache *cp, struct kmem_stats *st, uint64_t *out)
{
	slab_lock(cp);
	*out = cp->c_inuse;
	st->objects_total = cp->c_objects;
	st->slabs_full = cp->c_slab_full;
	st->slabs_empty = cp->c_slab_empty;
	st->slabs_partial =
	    cp->c_slab_count - cp->c_slab_full - cp->c_slab_empty;
	st->frames = cp->c_frames;
	st->hiwater = cp->c_hiwater > cp->c_peak ? cp->c_hiwater : cp->c_peak;
	st->idle_bound = idle_bound_locked(cp);
	st->alloc = cp->c_slab_allocs;
	st->free = cp->c_slab_frees;
	st->grow = cp->c_grow;
	st->shrink = cp->c_shrink;
	slab_unlock(cp);
}

static void
stats_harts(struct kmem_cache *cp, struct kmem_stats *st)
{
	uint64_t alloc = 0, free = 0;

	for (unsigned h = 0; h < port_hart_count(); h++) {
		const struct kmem_hart *hc = &cp->c_harts[h];

		if (hart_cold(hc) != NULL) {
			alloc += shared_load_64(&hart_counts(hc)->allocs);
			free += shared_load_64(&hart_counts(hc)->frees);
		}
		st->mag_miss += shared_load_64(&hc->hc_alloc_miss) +
		    shared_load_64(&hc->hc_free_miss);
		st->depot_get += shared_load_64(&hc->hc_depot_get);
		st->depot_put += shared_load_64(&hc->hc_depot_put);
		st->objects_cached += hart_rounds(cp, h);
	}
	st->alloc = KMEM_UNKNOWN;
	st->free = KMEM_UNKNOWN;
	st->mag_hit = KMEM_UNKNOWN;
	if (cp->c_live ||
	    atomic_load_explicit(&cp->c_count, memory_order_relaxed)) {
		uint64_t calls = alloc + free;

		st->alloc = alloc;
		st->free = free;
		st->mag_hit = calls > st->mag_miss ? calls - st->mag_miss : 0;
	}
	st->mag_size =
	    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed);
}

void
kmem_cache_stats(struct kmem_cache *cp, struct kmem_stats *st)
{
	uint64_t out;

	*st = (struct kmem_stats){ 0 };
	stats_slabs(cp, st, &out);
	if (cp->c_harts != NULL)
		stats_harts(cp, st);
	st->objects_idle = depot_idle(cp);
	depot_lock(cp);
	st->objects_cached +=
	    cp->c_depot_rounds + counter_read(&cp->c_inflight);
	st->depot_contended = cp->c_depot_lock.lk_contended;
	st->mag_grow = cp->c_mag_grown;
	st->mag_shrink = cp->c_mag_shrunk;
	depot_unlock(cp);
	if (st->objects_cached > out)
		st->objects_cached = out;
	st->objects_inuse = out - st->objects_cached;
	st->bytes_inuse = st->objects_inuse * cp->c_size;
	st->bytes_total = st->frames * FRAME_SIZE;
	st->alloc_fail = counter_read(&cp->c_alloc_fail);
	st->reap = counter_read(&cp->c_reaped);
	st->ctor = counter_read(&cp->c_ctor_calls);
	st->dtor = counter_read(&cp->c_dtor_calls);
	st->errors = counter_read(&cp->c_errors);
}

bool
kmem_cache_hart_stats(
    struct kmem_cache *cp, unsigned hart, struct kmem_hart_stats *st)
{
	const struct kmem_hart *hc;
	bool counted = cp->c_live ||
	    atomic_load_explicit(&cp->c_count, memory_order_relaxed);

	*st = (struct kmem_hart_stats){ .alloc = KMEM_UNKNOWN,
		.free = KMEM_UNKNOWN };
	if (hart >= port_hart_count())
		return false;
	if (cp->c_harts == NULL)
		return true;
	hc = &cp->c_harts[hart];
	st->used =
	    atomic_load_explicit(&hc->hc_used, memory_order_relaxed) != 0 ||
	    shared_load_64(&hc->hc_alloc_miss) +
		    shared_load_64(&hc->hc_free_miss) >
		0;
	st->rounds = hart_rounds(cp, hart);
	if (counted && hart_cold(hc) != NULL) {
		st->alloc = shared_load_64(&hart_counts(hc)->allocs);
		st->free = shared_load_64(&hart_counts(hc)->frees);
	}
	st->mag_miss = shared_load_64(&hc->hc_alloc_miss) +
	    shared_load_64(&hc->hc_free_miss);
	st->depot_get = shared_load_64(&hc->hc_depot_get);
	st->depot_put = shared_load_64(&hc->hc_depot_put);
	return true;
}

void
kmem_cache_get_info(struct kmem_cache *cp, struct kmem_info *info)
{
	const struct geometry *g = &cp->c_geo;

	*info = (struct kmem_info){
		.size = cp->c_size,
		.align = g->g_align,
		.stride = g->g_stride,
		.per_slab = g->g_objects,
		.frames_per_slab = g->g_frames,
		.colours = g->g_colours,
		.colour_step = g->g_colour_step,
		.magazine = cp->c_harts == NULL
		    ? 0
		    : atomic_load_explicit(
			  &cp->c_magsize, memory_order_relaxed),
		.limit =
		    atomic_load_explicit(&cp->c_limit, memory_order_relaxed),
		.waste_ppm = g->g_waste_ppm,
		.generation = cp->c_generation,
		.protect = cp->c_protect,
		.flags = cp->c_flags,
	};
	kmem_name_copy(info->name, cp->c_name, sizeof(info->name));
}

/* The colour by what it does; descriptors inside the slab have none. */
static unsigned
slab_colour_index(const struct slab *sp)
{
	if (sp->s_cache->c_embedded)
		return 0;
	return (unsigned)(sp->s_first / sp->s_cache->c_geo.g_colour_step);
}

/* Objects of a slab that callers hold. */
static unsigned
slab_live(const struct kmem_cache *cp, struct slab *sp)
{
	unsigned live = 0;

	if (!cp->c_live)
		return sp->s_inuse;
	for (unsigned i = 0; i < sp->s_total; i += 64)
		live += bits_set(counter_read(slab_live_word(sp, i)));
	return live;
}

size_t
kmem_cache_slabs(struct kmem_cache *cp, struct kmem_slab_info *out, size_t n)
{
	size_t seen = 0;

	slab_lock(cp);
	/* Fullest first, as the allocator prefers them. */
	for (unsigned b = SLAB_BUCKETS; b-- > 0;) {
		struct list *head = &cp->c_slabs[b];

		for (struct list *l = head->l_next; l != head && seen < n;
		     l = l->l_next) {
			struct slab *sp = LIST_ENTRY(l, struct slab, s_node);

			out[seen++] = (struct kmem_slab_info){
				.addr = slab_base(sp),
				.frames = sp->s_frames,
				.colour = slab_colour_index(sp),
				.inuse = sp->s_inuse,
				.live = slab_live(cp, sp),
				.total = sp->s_total,
			};
		}
	}
	seen = cp->c_slab_count;
	slab_unlock(cp);
	return seen;
}

void
kmem_whatis(uintptr_t addr, struct kmem_whatis *w)
{
	const struct slab *sp;
	long index;

	*w = (struct kmem_whatis){ .live = -1 };
	w->tag = frame_lookup(addr, NULL);
	sp = slab_of(addr);
	if (sp == NULL)
		return;
	kmem_name_copy(w->cache, sp->s_cache->c_name, sizeof(w->cache));
	w->slab = slab_base(sp);
	index = slab_index(sp, addr);
	if (index < 0)
		return;
	w->is_object = true;
	w->base = slab_object(sp, (unsigned)index);
	w->offset = addr - w->base;
	w->allocated = !slab_is_free(sp, (unsigned)index);
	if (sp->s_cache->c_live)
		w->live = (int)(counter_read(&sp->s_bits[index / 64]) >>
			(index % 64) &
		    1);
}
