/* SPDX-License-Identifier: MIT */
/*
 * The slab layer: slabs of one cache, their lists and bits.
 *
 * Theory of operation
 *
 * 1. A slab is a run of frames cut into objects of one stride. Its descriptor
 *    lies elsewhere, so that an overflow of the last object cannot reach it
 *    (defect T23) and power-of-two sizes fill their frames:
 *
 *      run:   | colour |object 0|object 1| …      |object n-1| left over |
 *             s_base   s_base + s_first
 *      descriptor: list node, counts, one bit an object (set: free here)
 *
 *    Only the caches that descriptors come from keep them inside (they cannot
 *    come from themselves).
 * 2. A free object is not written to: no link, no pattern. The constructed
 *    state survives free and alloc (defects T2, G16), and a second free is a
 *    bit that is already set.
 * 3. Slabs hang in ten lists by how full they are. Objects are taken from the
 *    fullest partial slab (defect G22), so that nearly empty ones drain and
 *    can go back. Each list change is O(1).
 * 4. Empty slabs are kept while their objects are at most an eighth of all,
 *    and at least one slab is always kept; others go back to the zone after
 *    the lock is dropped. shrink and reap release all.
 * 5. Growing runs with no lock held: frames, descriptor, constructors. The
 *    grower takes one object of the new slab before it becomes visible, so it
 *    needs no second try (defect G2). A constructor that fails ends the
 *    attempt: objects before it are destructed, the failed one is not (the
 *    defect that HelenOS still has), and the slab is given back.
 * 6. Every frame of a slab has the descriptor as its owner word; it is cleared
 *    with the tag when the run is freed (defects T21, G20).
 * 7. An object returned is checked first: its frame's owner, the cache, the
 *    base address, and its bit. What fails is reported and not touched.
 */
#include "kmem_impl.h"

static unsigned
bucket_of(unsigned inuse, unsigned total)
{
	if (inuse == 0)
		return SLAB_EMPTY;
	if (inuse == total)
		return SLAB_FULL;
	return 1 + inuse * 8 / total;
}

void
slab_lock(struct kmem_cache *cp) NO_ANALYSIS
{
	mm_lock_acquire(&cp->c_slab_lock);
}

void
slab_unlock(struct kmem_cache *cp) NO_ANALYSIS
{
	mm_lock_release(&cp->c_slab_lock);
}

void
slab_layer_init(struct kmem_cache *cp)
{
	mm_lock_init(&cp->c_slab_lock);
	for (unsigned i = 0; i < SLAB_BUCKETS; i++)
		list_init(&cp->c_slabs[i]);
}

struct slab *
slab_of(uintptr_t addr)
{
	return (struct slab *)frame_slab(addr);
}

uintptr_t
slab_object(const struct slab *sp, unsigned index)
{
	MM_ASSERT2(index < sp->s_total, index, sp->s_total);
	return sp->s_base + sp->s_first +
	    (size_t)index * sp->s_cache->c_geo.g_stride;
}

long
slab_index(const struct slab *sp, uintptr_t addr)
{
	uintptr_t off = addr - sp->s_base - sp->s_first;
	uintptr_t index;

	if (addr < sp->s_base + sp->s_first)
		return -1;
	index = (uint32_t)off / (uint32_t)sp->s_cache->c_geo.g_stride;
	return index < sp->s_total ? (long)index : -1;
}

/* Put the slab into the list its count belongs to. */
static void slab_rehang_locked(struct kmem_cache *cp, struct slab *sp)
    REQUIRES(cp->c_slab_lock);
static void
slab_rehang_locked(struct kmem_cache *cp, struct slab *sp)
{
	unsigned bucket = bucket_of(sp->s_inuse, sp->s_total);

	if (bucket == sp->s_bucket)
		return;
	cp->c_slab_full -= sp->s_bucket == SLAB_FULL;
	cp->c_slab_empty -= sp->s_bucket == SLAB_EMPTY;
	list_remove(&sp->s_node);
	sp->s_bucket = (uint16_t)bucket;
	list_add(&cp->c_slabs[bucket], &sp->s_node);
	cp->c_slab_full += bucket == SLAB_FULL;
	cp->c_slab_empty += bucket == SLAB_EMPTY;
}

/* The slab to take from: the fullest that is not full; an empty one last. */
static struct slab *slab_pick_locked(struct kmem_cache *cp)
    REQUIRES(cp->c_slab_lock);
static struct slab *
slab_pick_locked(struct kmem_cache *cp)
{
	for (unsigned b = SLAB_FULL; b-- > SLAB_EMPTY;) {
		if (!list_empty(&cp->c_slabs[b]))
			return LIST_ENTRY(
			    cp->c_slabs[b].l_next, struct slab, s_node);
	}
	return NULL;
}

/* Up to n free objects of one slab, lowest addresses first. */
static size_t slab_pull_locked(struct kmem_cache *cp, struct slab *sp,
    void **out, size_t n) REQUIRES(cp->c_slab_lock);
static size_t
slab_pull_locked(struct kmem_cache *cp, struct slab *sp, void **out, size_t n)
{
	unsigned words = (unsigned)div_up(sp->s_total, 64);
	size_t got = 0;

	MM_ASSERT2(sp->s_inuse < sp->s_total, sp->s_base, sp->s_inuse);
	for (unsigned w = sp->s_hint; w < words && got < n; w++) {
		uint64_t bits =
		    atomic_load_explicit(&sp->s_bits[w], memory_order_relaxed);

		while (bits != 0 && got < n) {
			unsigned index = w * 64 + bit_lowest(bits);

			bits &= bits - 1;
			out[got++] = (void *)slab_object(sp, index);
		}
		shared_store_bits(&sp->s_bits[w], bits);
		if (bits == 0)
			sp->s_hint = (uint16_t)(w + 1);
	}
	MM_ASSERT2(got > 0, sp->s_base, sp->s_inuse);
	sp->s_inuse = (uint16_t)(sp->s_inuse + got);
	MM_ASSERT2(sp->s_inuse <= sp->s_total, sp->s_base, sp->s_inuse);
	cp->c_inuse += got;
	slab_rehang_locked(cp, sp);
	return got;
}

size_t
slab_take(struct kmem_cache *cp, void **out, size_t n)
{
	size_t got = 0;

	slab_lock(cp);
	if (cp->c_limit != 0) {
		/* A limit may have been lowered below what is in use. */
		uint64_t room =
		    cp->c_limit > cp->c_inuse ? cp->c_limit - cp->c_inuse : 0;

		if (room < n)
			n = room;
	}
	while (got < n) {
		struct slab *sp = slab_pick_locked(cp);

		if (sp == NULL)
			break;
		got += slab_pull_locked(cp, sp, out + got, n - got);
	}
	if (cp->c_inuse > cp->c_hiwater)
		cp->c_hiwater = cp->c_inuse;
	slab_unlock(cp);
	return got;
}

/* Destruct objects [0, n) of a slab that no list holds. */
static void
slab_destruct(struct kmem_cache *cp, const struct slab *sp, unsigned n)
{
	if (cp->c_dtor == NULL)
		return;
	for (unsigned i = 0; i < n; i++)
		cp->c_dtor((void *)slab_object(sp, i), cp->c_arg);
	atomic_fetch_add_explicit(&cp->c_dtor_calls, n, memory_order_relaxed);
}

static bool
slab_construct(struct kmem_cache *cp, const struct slab *sp)
{
	if (cp->c_ctor == NULL)
		return true;
	for (unsigned i = 0; i < sp->s_total; i++) {
		if (cp->c_ctor((void *)slab_object(sp, i), cp->c_arg) != 0) {
			slab_destruct(cp, sp, i);
			return false;
		}
		atomic_fetch_add_explicit(
		    &cp->c_ctor_calls, 1, memory_order_relaxed);
	}
	return true;
}

/* Give back a slab that no list holds, without destructors. */
static size_t
slab_discard(struct kmem_cache *cp, struct slab *sp)
{
	void *run = (void *)sp->s_base;
	size_t frames = sp->s_frames;
	size_t descriptor = 0;

	if (!cp->c_embedded)
		descriptor = slab_descriptor_free(cp, sp);
	frame_free(run, frames);
	return frames + descriptor;
}

/* A run for a slab: the good length, else the shortest that holds an object. */
static void *
slab_run(struct kmem_cache *cp, unsigned flags, bool *is_short)
{
	const struct geometry *g = &cp->c_geo;
	unsigned low = (cp->c_flags & KMEM_LOW) != 0 ? FRAME_LOW : 0;
	size_t align = g->g_align > FRAME_SIZE ? g->g_align >> FRAME_SHIFT : 1;
	bool wait = (flags & KMEM_NOWAIT) == 0;
	void *run;

	*is_short = false;
	run = frame_alloc(
	    g->g_frames, align, low | FRAME_NOWAIT, cp->c_frame_tag);
	if (run != NULL)
		return run;
	*is_short = true;
	if (g->g_short_frames < g->g_frames) {
		run = frame_alloc(g->g_short_frames, align, low | FRAME_NOWAIT,
		    cp->c_frame_tag);
		if (run != NULL)
			return run;
	}
	if (!wait)
		return NULL;
	return frame_alloc(g->g_short_frames, align, low, cp->c_frame_tag);
}

/* Everything of a slab but its objects' construction and its list. */
static struct slab *
slab_make(struct kmem_cache *cp, unsigned flags)
{
	const struct geometry *g = &cp->c_geo;
	bool is_short;
	void *run = slab_run(cp, flags, &is_short);
	struct slab *sp = run;
	unsigned words;

	if (run == NULL)
		return NULL;
	if (!cp->c_embedded)
		sp = slab_descriptor_alloc(cp, flags);
	if (sp == NULL) {
		frame_free(run, is_short ? g->g_short_frames : g->g_frames);
		return NULL;
	}
	list_init(&sp->s_node);
	sp->s_cache = cp;
	sp->s_base = (uintptr_t)run;
	sp->s_frames = (uint16_t)(is_short ? g->g_short_frames : g->g_frames);
	sp->s_total = (uint16_t)(is_short ? g->g_short_objects : g->g_objects);
	sp->s_inuse = 0;
	sp->s_colour = 0;
	sp->s_first = cp->c_embedded
	    ? (uint32_t)(sp->s_frames * FRAME_SIZE - sp->s_total * g->g_stride)
	    : 0;
	sp->s_hint = 0;
	sp->s_bucket = SLAB_EMPTY;
	words = (unsigned)div_up(sp->s_total, 64);
	for (unsigned w = 0; w < g->g_words * (cp->c_live ? 2u : 1u); w++)
		atomic_init(&sp->s_bits[w], 0);
	for (unsigned w = 0; w < words; w++) {
		unsigned left = sp->s_total - w * 64u;

		atomic_init(&sp->s_bits[w],
		    left >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << left) - 1);
	}
	frame_set_slab(run, sp->s_frames, (uintptr_t)sp);
	return sp;
}

/* The next colour; a short slab has none to give. */
static void
slab_colour(struct kmem_cache *cp, struct slab *sp)
{
	const struct geometry *g = &cp->c_geo;

	if (g->g_colours < 2 || sp->s_total != g->g_objects)
		return;
	slab_lock(cp);
	sp->s_colour = (uint16_t)cp->c_colour_next;
	cp->c_colour_next = (cp->c_colour_next + 1) % g->g_colours;
	slab_unlock(cp);
	sp->s_first = (uint32_t)(sp->s_colour * g->g_colour_step);
	MM_ASSERT2(sp->s_first + sp->s_total * g->g_stride <=
		sp->s_frames * FRAME_SIZE,
	    sp->s_first, sp->s_total);
}

static void
slab_adopt(struct kmem_cache *cp, struct slab *sp, void **out)
{
	slab_lock(cp);
	cp->c_slab_count++;
	cp->c_slab_empty++;
	cp->c_objects += sp->s_total;
	cp->c_frames += sp->s_frames;
	cp->c_grow++;
	cp->c_short_slabs += sp->s_total != cp->c_geo.g_objects;
	list_add(&cp->c_slabs[SLAB_EMPTY], &sp->s_node);
	if (cp->c_limit == 0 || cp->c_inuse < cp->c_limit) {
		(void)slab_pull_locked(cp, sp, out, 1);
		if (cp->c_inuse > cp->c_hiwater)
			cp->c_hiwater = cp->c_inuse;
	}
	slab_unlock(cp);
}

void *
slab_grow(struct kmem_cache *cp, unsigned flags)
{
	struct slab *sp;
	void *obj = NULL;
	bool full;

	slab_lock(cp);
	full = cp->c_limit != 0 && cp->c_inuse >= cp->c_limit;
	slab_unlock(cp);
	if (full)
		return NULL;
	sp = slab_make(cp, flags);
	if (sp == NULL)
		return NULL;
	slab_colour(cp, sp);
	if (!slab_construct(cp, sp)) {
		(void)slab_discard(cp, sp);
		return NULL;
	}
	slab_adopt(cp, sp, &obj);
	return obj;
}

void *
slab_alloc(struct kmem_cache *cp, unsigned flags)
{
	void *obj;

	if (slab_take(cp, &obj, 1) == 1)
		return obj;
	if (port_in_interrupt())
		flags |= KMEM_NOWAIT;
	obj = slab_grow(cp, flags);
	/* Reclaim may have found no frames, but objects in magazines. */
	if (obj == NULL && slab_take(cp, &obj, 1) == 0)
		return NULL;
	return obj;
}

/* Take a slab out of the cache's books; the lists no longer hold it. */
static void slab_forget_locked(struct kmem_cache *cp, struct slab *sp)
    REQUIRES(cp->c_slab_lock);
static void
slab_forget_locked(struct kmem_cache *cp, struct slab *sp)
{
	list_remove(&sp->s_node);
	cp->c_slab_full -= sp->s_bucket == SLAB_FULL;
	cp->c_slab_empty -= sp->s_bucket == SLAB_EMPTY;
	cp->c_slab_count--;
	cp->c_objects -= sp->s_total;
	cp->c_inuse -= sp->s_inuse;
	cp->c_frames -= sp->s_frames;
	cp->c_shrink++;
}

/* Destruct and give back the slabs of a private list. */
static size_t
slab_bury(struct kmem_cache *cp, struct list *dead)
{
	size_t frames = 0;

	while (!list_empty(dead)) {
		struct slab *sp = LIST_ENTRY(dead->l_next, struct slab, s_node);

		list_remove(&sp->s_node);
		slab_destruct(cp, sp, sp->s_total);
		frames += slab_discard(cp, sp);
	}
	return frames;
}

/* May this slab, empty now, stay? See 4 above. */
static bool slab_keep_locked(const struct kmem_cache *cp)
    REQUIRES(cp->c_slab_lock);
static bool
slab_keep_locked(const struct kmem_cache *cp)
{
	uint64_t empty = (uint64_t)cp->c_slab_empty * cp->c_geo.g_objects;

	return cp->c_slab_empty <= 1 || empty <= cp->c_objects / 8;
}

/*
 * The slab an object returns to, by address alone; the last one is tried
 * first, since neighbours come back together. NULL after noting why.
 */
static struct slab *
put_target(struct kmem_cache *cp, uintptr_t addr, struct slab *last,
    long *index, enum mm_error *kind)
{
	struct slab *sp = last;

	if (sp == NULL || addr - sp->s_base >= sp->s_frames * FRAME_SIZE)
		sp = slab_of(addr);
	*kind = MM_FOREIGN_FREE;
	if (sp == NULL)
		return NULL;
	*kind = MM_WRONG_CACHE;
	if (sp->s_cache != cp)
		return NULL;
	*kind = MM_INTERIOR_FREE;
	*index = slab_index(sp, addr);
	if (*index < 0 || slab_object(sp, (unsigned)*index) != addr)
		return NULL;
	*kind = MM_DOUBLE_FREE;
	if ((atomic_load_explicit(
		 &sp->s_bits[*index / 64], memory_order_relaxed) >>
		    (*index % 64) &
		1) != 0)
		return NULL;
	return sp;
}

/*
 * A slab has become empty: move what may not stay to `dead`. Two at most, so
 * that the section stays short and an excess still shrinks with every slab.
 */
static void slab_retire_locked(struct kmem_cache *cp, struct list *dead,
    bool keep_empty, struct slab **last) REQUIRES(cp->c_slab_lock);
static void
slab_retire_locked(struct kmem_cache *cp, struct list *dead, bool keep_empty,
    struct slab **last)
{
	for (unsigned i = 0; i < 2; i++) {
		struct slab *sp;

		if (cp->c_slab_empty == 0 ||
		    (keep_empty && slab_keep_locked(cp)))
			return;
		sp = LIST_ENTRY(
		    cp->c_slabs[SLAB_EMPTY].l_next, struct slab, s_node);
		slab_forget_locked(cp, sp);
		list_add(dead, &sp->s_node);
		if (*last == sp)
			*last = NULL;
	}
}

/* One object back. False with *kind: a misuse, nothing was changed. */
static bool slab_put_one_locked(struct kmem_cache *cp, uintptr_t addr,
    struct slab **last, struct list *dead, bool keep_empty, enum mm_error *kind)
    REQUIRES(cp->c_slab_lock);
static bool
slab_put_one_locked(struct kmem_cache *cp, uintptr_t addr, struct slab **last,
    struct list *dead, bool keep_empty, enum mm_error *kind)
{
	long index = 0;
	struct slab *sp = put_target(cp, addr, *last, &index, kind);
	unsigned word = (unsigned)index / 64;

	if (sp == NULL)
		return false;
	MM_ASSERT2(sp->s_inuse > 0, sp->s_base, addr);
	shared_store_bits(&sp->s_bits[word],
	    atomic_load_explicit(&sp->s_bits[word], memory_order_relaxed) |
		(uint64_t)1 << (index % 64));
	if (word < sp->s_hint)
		sp->s_hint = (uint16_t)word;
	sp->s_inuse--;
	cp->c_inuse--;
	slab_rehang_locked(cp, sp);
	*last = sp;
	if (sp->s_inuse == 0)
		slab_retire_locked(cp, dead, keep_empty, last);
	return true;
}

size_t
slab_put(struct kmem_cache *cp, void *const *objs, size_t n, bool keep_empty,
    uintptr_t caller)
{
	struct list dead;
	size_t i = 0;

	list_init(&dead);
	while (i < n) {
		enum mm_error kind = MM_ERRORS_MAX;
		struct slab *last = NULL; /* good under this lock only */
		bool good = true;

		slab_lock(cp);
		for (; i < n && good; i++)
			good = slab_put_one_locked(cp, (uintptr_t)objs[i],
			    &last, &dead, keep_empty, &kind);
		slab_unlock(cp);
		/* Reports run with no lock held; then we go on behind it. */
		if (!good)
			kmem_report(cp, kind, (uintptr_t)objs[i - 1], caller,
			    "found when its magazine reached the slab");
	}
	return slab_bury(cp, &dead);
}

void
slab_release_empty(struct kmem_cache *cp, size_t *frames, size_t target)
{
	struct list dead;

	while (target == 0 || *frames < target) {
		list_init(&dead);
		slab_lock(cp);
		if (!list_empty(&cp->c_slabs[SLAB_EMPTY])) {
			struct slab *sp =
			    LIST_ENTRY(cp->c_slabs[SLAB_EMPTY].l_next,
				struct slab, s_node);

			slab_forget_locked(cp, sp);
			list_add(&dead, &sp->s_node);
		}
		slab_unlock(cp);
		if (list_empty(&dead))
			return;
		*frames += slab_bury(cp, &dead);
	}
}

size_t
slab_release_all(struct kmem_cache *cp)
{
	size_t frames = 0;
	struct list dead;

	MM_ASSERT((cp->c_flags & KMEM_SINGLE_OWNER) != 0);
	for (unsigned b = 0; b < SLAB_BUCKETS; b++) {
		list_init(&dead);
		slab_lock(cp);
		while (!list_empty(&cp->c_slabs[b])) {
			struct slab *sp = LIST_ENTRY(
			    cp->c_slabs[b].l_next, struct slab, s_node);

			slab_forget_locked(cp, sp);
			list_add(&dead, &sp->s_node);
		}
		slab_unlock(cp);
		frames += slab_bury(cp, &dead);
	}
	return frames;
}
