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
 *             s_first  s_origin
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

#define EMPTY_BATCH 16u /* slabs that leave under one hold of the lock */

const struct frame_span slab_no_span;

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
	return sp->s_origin + (size_t)index * sp->s_cache->c_geo.g_stride;
}

long
slab_index(const struct slab *sp, uintptr_t addr)
{
	uint64_t index;

	if (addr < sp->s_origin)
		return -1;
	(void)slab_divide(sp->s_cache, addr - sp->s_origin, &index);
	return index < sp->s_total ? (long)index : -1;
}

static void slab_hang_locked(struct kmem_cache *cp, struct slab *sp,
    unsigned bucket) REQUIRES(cp->c_slab_lock);
static inline void
slab_hang_locked(struct kmem_cache *cp, struct slab *sp, unsigned bucket)
{
	sp->s_bucket = (uint16_t)bucket;
	list_add(&cp->c_slabs[bucket], &sp->s_node);
	shared_store_32(&cp->c_occupied,
	    atomic_load_explicit(&cp->c_occupied, memory_order_relaxed) |
		1u << bucket);
	cp->c_slab_full += bucket == SLAB_FULL;
	cp->c_slab_empty += bucket == SLAB_EMPTY;
}

static void slab_unhang_locked(struct kmem_cache *cp, struct slab *sp)
    REQUIRES(cp->c_slab_lock);
static inline void
slab_unhang_locked(struct kmem_cache *cp, struct slab *sp)
{
	unsigned bucket = sp->s_bucket;

	list_remove(&sp->s_node);
	if (list_empty(&cp->c_slabs[bucket]))
		shared_store_32(&cp->c_occupied,
		    atomic_load_explicit(
			&cp->c_occupied, memory_order_relaxed) &
			~(1u << bucket));
	cp->c_slab_full -= bucket == SLAB_FULL;
	cp->c_slab_empty -= bucket == SLAB_EMPTY;
}

static void slab_move_locked(struct kmem_cache *cp, struct slab *sp,
    unsigned bucket) REQUIRES(cp->c_slab_lock);
static __attribute__((noinline)) void
slab_move_locked(struct kmem_cache *cp, struct slab *sp, unsigned bucket)
{
	slab_unhang_locked(cp, sp);
	slab_hang_locked(cp, sp, bucket);
}

/* Put the slab into the list its count belongs to. */
static void slab_rehang_locked(struct kmem_cache *cp, struct slab *sp)
    REQUIRES(cp->c_slab_lock);
static inline void
slab_rehang_locked(struct kmem_cache *cp, struct slab *sp)
{
	unsigned bucket = bucket_of(sp->s_inuse, sp->s_total);

	if (bucket != sp->s_bucket)
		slab_move_locked(cp, sp, bucket);
}

/* The slab to take from: the fullest that is not full; an empty one last. */
static struct slab *slab_pick_locked(struct kmem_cache *cp)
    REQUIRES(cp->c_slab_lock);
static inline struct slab *
slab_pick_locked(struct kmem_cache *cp)
{
	uint32_t lists =
	    atomic_load_explicit(&cp->c_occupied, memory_order_relaxed) &
	    ~(1u << SLAB_FULL);
	unsigned b = SLAB_FULL - 1;

	if (lists == 0)
		return NULL;
	while ((lists >> b) == 0)
		b--;
	return LIST_ENTRY(cp->c_slabs[b].l_next, struct slab, s_node);
}

/*
 * Free objects of one word of bits, lowest first, up to n: runs of set bits
 * are runs of addresses. Returns how many; *bits loses them.
 */
static inline size_t
word_pull(uint64_t *bits, uintptr_t addr, size_t stride, void **out, size_t n)
{
	uint64_t left = *bits;
	unsigned at = 0; /* bits shifted out */
	size_t got = 0;

	while (left != 0 && got < n) {
		unsigned skip = bit_lowest(left);
		size_t from = got;

		addr += skip * stride;
		left >>= skip;
		do {
			out[got++] = (void *)addr;
			addr += stride;
			left >>= 1;
		} while ((left & 1) != 0 && got < n);
		at += skip + (unsigned)(got - from);
	}
	*bits = at < 64 ? *bits & ~(uint64_t)0 << at : 0;
	return got;
}

/* Up to n free objects of one slab, lowest addresses first. */
static size_t slab_pull_locked(struct kmem_cache *cp, struct slab *sp,
    void **out, size_t n) REQUIRES(cp->c_slab_lock);
static size_t
slab_pull_locked(struct kmem_cache *cp, struct slab *sp, void **out, size_t n)
{
	unsigned words = (unsigned)div_up(sp->s_total, 64);
	size_t stride = cp->c_geo.g_stride, got = 0;

	MM_ASSERT2(sp->s_inuse < sp->s_total, sp->s_origin, sp->s_inuse);
	for (unsigned w = sp->s_hint; w < words && got < n; w++) {
		_Atomic uint64_t *word = slab_free_word(sp, w * 64);
		uint64_t bits =
		    atomic_load_explicit(word, memory_order_relaxed);

		got += word_pull(&bits, sp->s_origin + w * 64 * stride, stride,
		    out + got, n - got);
		shared_store_bits(word, bits);
		if (bits == 0)
			sp->s_hint = (uint16_t)(w + 1);
	}
	MM_ASSERT2(got > 0, sp->s_origin, sp->s_inuse);
	sp->s_inuse = (uint16_t)(sp->s_inuse + got);
	MM_ASSERT2(sp->s_inuse <= sp->s_total, sp->s_origin, sp->s_inuse);
	cp->c_inuse += got;
	if (cp->c_inuse > cp->c_peak)
		cp->c_peak = cp->c_inuse;
	slab_rehang_locked(cp, sp);
	return got;
}

/* Objects that the limit still allows. */
static uint64_t limit_room_locked(const struct kmem_cache *cp)
    REQUIRES(cp->c_slab_lock);
static uint64_t
limit_room_locked(const struct kmem_cache *cp)
{
	size_t limit = atomic_load_explicit(&cp->c_limit, memory_order_relaxed);

	if (limit == 0)
		return UINT64_MAX;
	/* It may have been lowered below what is in use. */
	return limit > cp->c_inuse ? limit - cp->c_inuse : 0;
}

/*
 * Is there a slab with free objects? Without the lock: when the answer is out
 * of date, one slab more is made than was needed.
 */
static inline bool
slab_glance(const struct kmem_cache *cp)
{
	return (atomic_load_explicit(&cp->c_occupied, memory_order_relaxed) &
		   ~(1u << SLAB_FULL)) != 0;
}

size_t
slab_take(struct kmem_cache *cp, void **out, size_t n)
{
	uint64_t room;
	size_t got = 0;

	if (!slab_glance(cp))
		return 0;
	slab_lock(cp);
	room = limit_room_locked(cp);
	if (room < n)
		n = room;
	while (got < n) {
		struct slab *sp = slab_pick_locked(cp);

		if (sp == NULL)
			break;
		got += slab_pull_locked(cp, sp, out + got, n - got);
	}
	slab_unlock(cp);
	return got;
}

/* One object of the slab to take from; NULL: none is free. */
static void *slab_take_one_locked(struct kmem_cache *cp)
    REQUIRES(cp->c_slab_lock);
static void *
slab_take_one_locked(struct kmem_cache *cp)
{
	struct slab *sp = slab_pick_locked(cp);
	_Atomic uint64_t *word;
	unsigned w, bit;
	uint64_t bits;

	if (sp == NULL || limit_room_locked(cp) == 0)
		return NULL;
	for (w = sp->s_hint;; w++) {
		MM_ASSERT2(w * 64 < sp->s_total, sp->s_origin, sp->s_inuse);
		word = slab_free_word(sp, w * 64);
		bits = atomic_load_explicit(word, memory_order_relaxed);
		if (bits != 0)
			break;
	}
	bit = bit_lowest(bits);
	bits &= bits - 1;
	shared_store_bits(word, bits);
	sp->s_hint = (uint16_t)(w + (bits == 0));
	sp->s_inuse++;
	if (++cp->c_inuse > cp->c_peak)
		cp->c_peak = cp->c_inuse;
	slab_rehang_locked(cp, sp);
	return (
	    void *)(sp->s_origin + (w * 64 + bit) * (size_t)cp->c_geo.g_stride);
}

void *
slab_take_one(struct kmem_cache *cp)
{
	void *obj;

	if (!slab_glance(cp))
		return NULL;
	slab_lock(cp);
	obj = slab_take_one_locked(cp);
	slab_unlock(cp);
	return obj;
}

bool
slab_has_free(struct kmem_cache *cp)
{
	bool has;

	slab_lock(cp);
	has = cp->c_inuse < cp->c_objects && limit_room_locked(cp) > 0;
	slab_unlock(cp);
	return has;
}

bool
slab_limit_reached(struct kmem_cache *cp)
{
	bool reached;

	if (atomic_load_explicit(&cp->c_limit, memory_order_relaxed) == 0)
		return false;
	slab_lock(cp);
	reached = limit_room_locked(cp) == 0;
	slab_unlock(cp);
	return reached;
}

static void
slab_adopt(struct kmem_cache *cp, struct slab *sp, void **out)
{
	slab_lock(cp);
	cp->c_slab_count++;
	cp->c_objects += sp->s_total;
	cp->c_frames += sp->s_frames;
	cp->c_grow++;
	cp->c_short_slabs += sp->s_total != cp->c_geo.g_objects;
	slab_hang_locked(cp, sp, SLAB_EMPTY);
	/* Fresh: its first object goes to the grower (defect G2). */
	if (limit_room_locked(cp) == 0)
		goto out;
	*out = (void *)sp->s_origin;
	shared_store_bits(slab_free_word(sp, 0),
	    atomic_load_explicit(slab_free_word(sp, 0), memory_order_relaxed) &
		~(uint64_t)1);
	sp->s_inuse = 1;
	if (++cp->c_inuse > cp->c_peak)
		cp->c_peak = cp->c_inuse;
	slab_rehang_locked(cp, sp);
out:
	slab_unlock(cp);
}

void *
slab_grow(struct kmem_cache *cp, unsigned flags)
{
	struct slab *sp;
	void *obj = NULL;

	if (slab_limit_reached(cp))
		return NULL;
	sp = slab_build(cp, flags);
	if (sp == NULL)
		return NULL;
	slab_adopt(cp, sp, &obj);
	return obj;
}

void *
slab_alloc(struct kmem_cache *cp, unsigned flags)
{
	void *obj = slab_take_one(cp);

	if (obj != NULL)
		return obj;
	if (port_in_interrupt())
		flags |= KMEM_NOWAIT;
	obj = slab_grow(cp, flags);
	/* Reclaim may have found no frames, but objects in magazines. */
	return obj != NULL ? obj : slab_take_one(cp);
}

/* Take a slab out of the cache's books; the lists no longer hold it. */
static void slab_forget_locked(struct kmem_cache *cp, struct slab *sp)
    REQUIRES(cp->c_slab_lock);
static void
slab_forget_locked(struct kmem_cache *cp, struct slab *sp)
{
	slab_unhang_locked(cp, sp);
	cp->c_slab_count--;
	cp->c_objects -= sp->s_total;
	cp->c_inuse -= sp->s_inuse;
	cp->c_frames -= sp->s_frames;
	cp->c_shrink++;
}

/*
 * Destruct and give back the slabs of a private list. Their descriptors go
 * home together: those of neighbours are neighbours.
 */
static size_t
slab_bury(struct kmem_cache *cp, struct list *dead)
{
	void *descriptors[EMPTY_BATCH];
	size_t frames = 0, n = 0;

	while (!list_empty(dead)) {
		struct slab *sp = LIST_ENTRY(dead->l_next, struct slab, s_node);
		void *run = (void *)slab_base(sp);
		size_t run_frames = sp->s_frames;

		list_remove(&sp->s_node);
		slab_destruct(cp, sp, sp->s_total);
		if (!cp->c_embedded)
			descriptors[n++] = sp;
		frame_free(run, run_frames);
		frames += run_frames;
		if (n == EMPTY_BATCH || (n > 0 && list_empty(dead))) {
			frames += slab_descriptors_free(cp, descriptors, n);
			n = 0;
		}
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
 * Objects on their way back. Neighbours come back together, so what changes a
 * slab's list is done once for a row of them.
 */
struct returning {
	bool rt_keep_empty;
	struct list rt_dead; /* slabs that leave */
};

/*
 * A slab has become empty: move what may not stay to the dead. Two at most, so
 * that the section stays short and an excess still shrinks with every slab.
 */
static void slab_retire_locked(struct kmem_cache *cp, struct returning *rt)
    REQUIRES(cp->c_slab_lock);
static void
slab_retire_locked(struct kmem_cache *cp, struct returning *rt)
{
	for (unsigned i = 0; i < 2; i++) {
		struct slab *sp;

		if (cp->c_slab_empty == 0 ||
		    (rt->rt_keep_empty && slab_keep_locked(cp)))
			return;
		sp = LIST_ENTRY(
		    cp->c_slabs[SLAB_EMPTY].l_next, struct slab, s_node);
		slab_forget_locked(cp, sp);
		list_add(&rt->rt_dead, &sp->s_node);
	}
}

/* The slab of an address; NULL with *kind: no free of this cache. */
static struct slab *
put_target(const struct kmem_cache *cp, uintptr_t addr, enum mm_error *kind)
{
	struct slab *sp = slab_near(cp, addr);

	*kind = MM_FOREIGN_FREE;
	if (sp == NULL)
		return NULL;
	*kind = MM_WRONG_CACHE;
	return sp->s_cache == cp ? sp : NULL;
}

/*
 * The row of objects at the head of objs that lie in one slab: how many came
 * back. It ends before an address outside that slab, and before a misuse, which
 * sets *kind; then nothing was changed for it.
 */
static size_t put_row_locked(struct kmem_cache *cp, struct slab *sp,
    void *const *objs, size_t n, enum mm_error *kind) REQUIRES(cp->c_slab_lock);
static inline size_t
put_row_locked(struct kmem_cache *cp, struct slab *sp, void *const *objs,
    size_t n, enum mm_error *kind)
{
	const uintptr_t origin = sp->s_origin, base = slab_base(sp);
	const uintptr_t bytes = (uintptr_t)sp->s_frames << FRAME_SHIFT;
	_Atomic uint64_t *words = slab_free_word(sp, 0);
	uint64_t hint = sp->s_hint;
	size_t done;

	for (done = 0; done < n; done++) {
		uintptr_t addr = (uintptr_t)objs[done];
		uint64_t index, bit, bits;

		if (addr - base >= bytes)
			break;
		if (!slab_divide(cp, addr - origin, &index) ||
		    index >= sp->s_total) {
			*kind = MM_INTERIOR_FREE;
			break;
		}
		bits = atomic_load_explicit(
		    &words[index / 64], memory_order_relaxed);
		bit = (uint64_t)1 << (index % 64);
		if ((bits & bit) != 0) {
			*kind = MM_DOUBLE_FREE;
			break;
		}
		shared_store_bits(&words[index / 64], bits | bit);
		if (index / 64 < hint)
			hint = index / 64;
	}
	sp->s_hint = (uint16_t)hint;
	return done;
}

/* The books after `n` objects of one slab came back. */
static void put_close_locked(struct kmem_cache *cp, struct slab *sp, size_t n,
    struct returning *rt) REQUIRES(cp->c_slab_lock);
static void
put_close_locked(
    struct kmem_cache *cp, struct slab *sp, size_t n, struct returning *rt)
{
	MM_ASSERT2(sp->s_inuse >= n, sp->s_origin, sp->s_inuse);
	sp->s_inuse = (uint16_t)(sp->s_inuse - n);
	MM_ASSERT2(cp->c_inuse >= n, cp->c_inuse, n);
	cp->c_inuse -= n;
	slab_rehang_locked(cp, sp);
	if (sp->s_inuse == 0)
		slab_retire_locked(cp, rt);
}

/* Row by row, up to the end or a misuse: how many were looked at. */
static size_t put_rows_locked(struct kmem_cache *cp, void *const *objs,
    size_t n, struct returning *rt, enum mm_error *kind)
    REQUIRES(cp->c_slab_lock);
static size_t
put_rows_locked(struct kmem_cache *cp, void *const *objs, size_t n,
    struct returning *rt, enum mm_error *kind)
{
	size_t done = 0;

	while (done < n) {
		enum mm_error bad = MM_ERRORS_MAX;
		struct slab *sp = put_target(cp, (uintptr_t)objs[done], kind);
		size_t row;

		if (sp == NULL)
			return done + 1;
		row = put_row_locked(cp, sp, objs + done, n - done, &bad);
		MM_ASSERT2(row > 0 || bad != MM_ERRORS_MAX, objs[done], sp);
		if (row > 0)
			put_close_locked(cp, sp, row, rt);
		done += row;
		*kind = bad;
		if (bad != MM_ERRORS_MAX)
			return done + 1;
	}
	*kind = MM_ERRORS_MAX;
	return done;
}

/* `flying`: the objects are counted in c_inflight. */
static __attribute__((noinline)) size_t
put_all(struct kmem_cache *cp, void *const *objs, size_t n, bool keep_empty,
    bool flying, uintptr_t caller)
{
	struct returning rt = { .rt_keep_empty = keep_empty };
	size_t i = 0;

	list_init(&rt.rt_dead);
	while (i < n) {
		enum mm_error kind;
		size_t done;

		slab_lock(cp);
		done = put_rows_locked(cp, objs + i, n - i, &rt, &kind);
		if (flying)
			atomic_fetch_sub_explicit(
			    &cp->c_inflight, done, memory_order_relaxed);
		slab_unlock(cp);
		i += done;
		/* Reports run with no lock held; then we go on behind it. */
		if (kind != MM_ERRORS_MAX)
			kmem_report(cp, kind, (uintptr_t)objs[i - 1], caller,
			    "found when its magazine reached the slab");
	}
	return list_empty(&rt.rt_dead) ? 0 : slab_bury(cp, &rt.rt_dead);
}

size_t
slab_put(struct kmem_cache *cp, void *const *objs, size_t n, bool keep_empty,
    uintptr_t caller)
{
	return put_all(cp, objs, n, keep_empty, false, caller);
}

size_t
slab_put_inflight(struct kmem_cache *cp, void *const *objs, size_t n,
    bool keep_empty, uintptr_t caller)
{
	return put_all(cp, objs, n, keep_empty, true, caller);
}

size_t
slab_put_own(struct kmem_cache *cp, void *obj)
{
	struct slab *sp = slab_near(cp, (uintptr_t)obj);
	_Atomic uint64_t *word;
	uint64_t index, bit, bits;
	bool dead;

	MM_ASSERT2(sp != NULL && sp->s_cache == cp, obj, cp->c_name);
	MM_ASSERT2(slab_divide(cp, (uintptr_t)obj - sp->s_origin, &index) &&
		index < sp->s_total,
	    obj, sp);
	word = slab_free_word(sp, (unsigned)index);
	bit = (uint64_t)1 << (index % 64);
	slab_lock(cp);
	bits = atomic_load_explicit(word, memory_order_relaxed);
	MM_ASSERT2((bits & bit) == 0, obj, sp);
	shared_store_bits(word, bits | bit);
	if (index / 64 < sp->s_hint)
		sp->s_hint = (uint16_t)(index / 64);
	sp->s_inuse--;
	cp->c_inuse--;
	slab_rehang_locked(cp, sp);
	dead = sp->s_inuse == 0 && !slab_keep_locked(cp);
	if (dead)
		slab_forget_locked(cp, sp);
	slab_unlock(cp);
	return dead ? slab_discard(cp, sp) : 0;
}

/* Empty slabs, up to n, out of the books. */
static void
empty_take(struct kmem_cache *cp, struct list *dead, unsigned n)
{
	slab_lock(cp);
	for (; n > 0 && !list_empty(&cp->c_slabs[SLAB_EMPTY]); n--) {
		struct slab *sp = LIST_ENTRY(
		    cp->c_slabs[SLAB_EMPTY].l_next, struct slab, s_node);

		slab_forget_locked(cp, sp);
		list_add(dead, &sp->s_node);
	}
	slab_unlock(cp);
}

void
slab_release_empty(struct kmem_cache *cp, size_t *frames, size_t target)
{
	struct list dead;

	while (target == 0 || *frames < target) {
		unsigned n = EMPTY_BATCH;

		if (!slab_has_empty(cp))
			return;
		/* Not one slab more than needed. */
		if (target != 0 && (target - *frames) / cp->c_geo.g_frames < n)
			n = (unsigned)((target - *frames) / cp->c_geo.g_frames);
		list_init(&dead);
		empty_take(cp, &dead, n > 0 ? n : 1);
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
