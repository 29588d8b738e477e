/* SPDX-License-Identifier: MIT */
/*
 * The slab layer under the sheaves. Included by sheaf.c, which is compiled
 * twice, and by nobody else; theory there.
 */
#ifndef BENCH_RIVAL_SHEAF_SLAB_H
#define BENCH_RIVAL_SHEAF_SLAB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mm/bits.h>

#include "link.h"
#include "rival.h"

#define SLAB_ORDER_MOST   3u /* that slabs are given for economy's sake */
#define SLAB_PARTIAL_MOST 10u
#define SLAB_PARTIAL_FEW  5u
#define SLAB_SORTED       32u /* free objects of slabs that shrink sorts */
#define SLAB_LOOKAHEAD    3u  /* objects of other slabs that give skips */
/* The records may take one part in so many of what is free. */
#define SLAB_TABLE_SHARE  8u

/* One layer: objects of one size. */
struct slab_layer {
	size_t sl_stride,
	    sl_link; /* bytes; the link's offset in free objects */
	unsigned sl_order, sl_order_least;
	unsigned sl_keep; /* empty slabs go when so many are partial */
	int (*sl_ctor)(void *obj, void *arg);
	void *sl_arg;
	_Atomic int64_t sl_frames;
	struct rival_lock sl_lock;
	struct rival_link sl_partial; /* guarded by sl_lock, and … */
	unsigned sl_listed;           /* its length */
};

/* The record of a frame, as struct page; of a slab: its first frame's. */
struct slab {
	struct slab *sp_slab; /* in each frame of a slab */
	struct slab_layer *sp_layer;
	struct rival_link sp_link; /* guarded by sl_lock, as sp_listed */
	_Atomic(void *) sp_free;   /* changed under sp_lock, as sp_inuse */
	_Atomic uint32_t sp_inuse;
	struct rival_lock sp_lock;
	uint16_t sp_objects;
	uint8_t sp_order;
	bool sp_listed;
};

static struct {
	struct slab *t_slabs; /* NULL: there is none */
	uintptr_t t_base;
	size_t t_frames; /* of the table itself */
} slab_table;

/* Records for every frame from the lowest zone to the highest. */
static bool
slab_table_open(void)
{
	uintptr_t low = UINTPTR_MAX, high = 0;
	struct frame_zone_stats st;
	size_t bytes;
	unsigned i;

	for (i = 0; frame_get_zone_stats(i, &st); i++) {
		low = st.base < low ? st.base : low;
		if (st.base + st.total * FRAME_SIZE > high)
			high = st.base + st.total * FRAME_SIZE;
	}
	if (high <= low)
		return false;
	bytes = ((high - low) >> FRAME_SHIFT) * sizeof(struct slab);
	slab_table.t_frames = div_up(bytes, FRAME_SIZE);
	/* Zones far apart would make a table of holes. */
	if (slab_table.t_frames > frame_free_count() / SLAB_TABLE_SHARE)
		return false;
	slab_table.t_base = low;
	slab_table.t_slabs = rival_frames_alloc(slab_table.t_frames, false);
	return slab_table.t_slabs != NULL;
}

static void
slab_table_close(void)
{
	rival_frames_free(slab_table.t_slabs, slab_table.t_frames);
	slab_table.t_slabs = NULL;
}

static inline struct slab *
slab_record(const void *frame)
{
	return &slab_table.t_slabs[((uintptr_t)frame - slab_table.t_base) >>
	    FRAME_SHIFT];
}

static inline struct slab *
slab_of(const void *obj)
{
	return slab_record(obj)->sp_slab;
}

static inline char *
slab_memory(const struct slab *sp)
{
	return (char *)(slab_table.t_base +
	    ((uintptr_t)(sp - slab_table.t_slabs) << FRAME_SHIFT));
}

static inline void **
slab_link(const struct slab_layer *sl, void *obj)
{
	return (void **)(void *)((char *)obj + sl->sl_link);
}

/* The smallest order of frames for so many bytes. */
static unsigned
slab_order(size_t bytes)
{
	size_t frames = div_up(bytes, FRAME_SIZE);

	return frames <= 1 ? 0 : bit_highest(frames - 1) + 1;
}

static size_t
slab_fits(size_t stride, unsigned order)
{
	return (FRAME_SIZE << order) / stride;
}

/*
 * The order of a slab: room for a number of objects that grows with the harts,
 * and as little waste as an order up to SLAB_ORDER_MOST allows.
 */
static unsigned
slab_choose_order(size_t stride)
{
	size_t few = 4u * (bit_highest(port_hart_count()) + 2u);
	unsigned order, least;
	size_t part;

	if (few > slab_fits(stride, SLAB_ORDER_MOST))
		few = slab_fits(stride, SLAB_ORDER_MOST);
	least = slab_order((few != 0 ? few : 1) * stride);
	for (part = 16; part > 1; part /= 2)
		for (order = least; order <= SLAB_ORDER_MOST; order++)
			if ((FRAME_SIZE << order) % stride <=
			    (FRAME_SIZE << order) / part)
				return order;
	return slab_order(stride);
}

static void
slab_layer_open(struct slab_layer *sl, size_t size, size_t align,
    int (*ctor)(void *obj, void *arg), void *arg)
{
	size_t body = align_up(size, sizeof(void *));
	unsigned keep;

	/* What is constructed stays so: the link lies behind it. */
	sl->sl_link = ctor != NULL ? body : body / 2 & ~(sizeof(void *) - 1);
	if (ctor != NULL)
		body += sizeof(void *);
	sl->sl_stride = align_up(body, align > 8u ? align : 8u);
	sl->sl_order = slab_choose_order(sl->sl_stride);
	sl->sl_order_least = slab_order(sl->sl_stride);
	keep = bit_highest(sl->sl_stride) / 2;
	if (keep < SLAB_PARTIAL_FEW)
		keep = SLAB_PARTIAL_FEW;
	sl->sl_keep = keep < SLAB_PARTIAL_MOST ? keep : SLAB_PARTIAL_MOST;
	sl->sl_ctor = ctor;
	sl->sl_arg = arg;
	sl->sl_lock = (struct rival_lock){ 0 };
	atomic_store_explicit(&sl->sl_frames, 0, memory_order_relaxed);
	rival_list_init(&sl->sl_partial);
	sl->sl_listed = 0;
}

static void
slab_list_locked(struct slab_layer *sl, struct rival_link *at, struct slab *sp)
{
	rival_list_add(at, &sp->sp_link);
	sp->sp_listed = true;
	sl->sl_listed++;
}

static void
slab_unlist_locked(struct slab_layer *sl, struct slab *sp)
{
	rival_list_remove(&sp->sp_link);
	sp->sp_listed = false;
	sl->sl_listed--;
}

static void
slab_discard(struct slab_layer *sl, struct slab *sp)
{
	size_t frames = (size_t)1 << sp->sp_order;

	rival_add(&sl->sl_frames, -(int64_t)frames);
	rival_frames_free(slab_memory(sp), frames);
}

/* Construct and chain all objects, in the order of their addresses. */
static bool
slab_fill(struct slab_layer *sl, struct slab *sp)
{
	char *obj = slab_memory(sp);
	unsigned left;

	atomic_store_explicit(&sp->sp_free, obj, memory_order_relaxed);
	for (left = sp->sp_objects; left != 0; left--) {
		char *next = left > 1 ? obj + sl->sl_stride : NULL;

		if (sl->sl_ctor != NULL && sl->sl_ctor(obj, sl->sl_arg) != 0)
			return false;
		*slab_link(sl, obj) = next;
		obj = next;
	}
	return true;
}

/* A slab of free objects that nobody else knows; NULL: no memory. */
static struct slab *
slab_new(struct slab_layer *sl)
{
	unsigned order = sl->sl_order;
	void *run = rival_frames_alloc((size_t)1 << order, true);
	struct slab *sp;
	size_t i;

	if (run == NULL && order > sl->sl_order_least) {
		order = sl->sl_order_least;
		run = rival_frames_alloc((size_t)1 << order, true);
	}
	if (run == NULL)
		return NULL;
	sp = slab_record(run);
	for (i = 0; i < (size_t)1 << order; i++)
		sp[i].sp_slab = sp;
	sp->sp_layer = sl;
	sp->sp_lock = (struct rival_lock){ 0 };
	sp->sp_objects = (uint16_t)slab_fits(sl->sl_stride, order);
	sp->sp_order = (uint8_t)order;
	sp->sp_listed = false;
	atomic_store_explicit(&sp->sp_inuse, 0, memory_order_relaxed);
	rival_add(&sl->sl_frames, (int64_t)1 << order);
	if (slab_fill(sl, sp))
		return sp;
	slab_discard(sl, sp);
	return NULL;
}

/*
 * Change list and count together, if both are what they were. Interrupts are
 * off. Where two words can be exchanged at once there is no lock in this.
 */
static bool
slab_update(
    struct slab *sp, void *was, uint32_t was_inuse, void *head, uint32_t inuse)
{
	bool same;

	rival_lock(&sp->sp_lock);
	same =
	    atomic_load_explicit(&sp->sp_free, memory_order_relaxed) == was &&
	    atomic_load_explicit(&sp->sp_inuse, memory_order_relaxed) ==
		was_inuse;
	if (same) {
		atomic_store_explicit(&sp->sp_free, head, memory_order_relaxed);
		atomic_store_explicit(
		    &sp->sp_inuse, inuse, memory_order_relaxed);
	}
	rival_unlock(&sp->sp_lock);
	return same;
}

/*
 * A slab that was full, or is empty now, under the layer's lock: into the list
 * or out of it. True: nobody has it any more, and it is to be discarded.
 */
static bool
slab_settle_locked(
    struct slab_layer *sl, struct slab *sp, bool was_full, bool empty)
{
	/* Partial and unlisted: somebody has it in hand, and will see. */
	if (!was_full && !sp->sp_listed)
		return false;
	if (empty && sl->sl_listed >= sl->sl_keep) {
		if (sp->sp_listed)
			slab_unlist_locked(sl, sp);
		return true;
	}
	if (was_full)
		slab_list_locked(sl, sl->sl_partial.rk_prev, sp);
	return false;
}

/* A chain of n objects of one slab, free from now on. */
static void
slab_release(
    struct slab_layer *sl, struct slab *sp, void *head, void *tail, unsigned n)
{
	unsigned long irq = rival_irq_off();
	bool moves, updated, gone = false;
	uint32_t inuse;
	void *was;

	do {
		was = atomic_load_explicit(&sp->sp_free, memory_order_relaxed);
		inuse =
		    atomic_load_explicit(&sp->sp_inuse, memory_order_relaxed);
		moves = was == NULL || inuse == n;
		*slab_link(sl, tail) = was;
		if (moves)
			rival_lock(&sl->sl_lock);
		updated = slab_update(sp, was, inuse, head, inuse - n);
		if (moves && updated)
			gone =
			    slab_settle_locked(sl, sp, was == NULL, inuse == n);
		if (moves)
			rival_unlock(&sl->sl_lock);
	} while (!updated);
	rival_irq_restore(irq);
	if (gone)
		slab_discard(sl, sp);
}

/* Take partial slabs out of the list until they have `want` free objects. */
static void
slab_detach(struct slab_layer *sl, struct rival_link *to, unsigned want)
{
	unsigned long irq = rival_irq_off();
	unsigned found = 0;

	rival_lock(&sl->sl_lock);
	while (found < want && !rival_list_empty(&sl->sl_partial)) {
		struct slab *sp =
		    RIVAL_ENTRY(sl->sl_partial.rk_next, struct slab, sp_link);

		slab_unlist_locked(sl, sp);
		rival_list_add(to->rk_prev, &sp->sp_link);
		found += sp->sp_objects -
		    atomic_load_explicit(&sp->sp_inuse, memory_order_relaxed);
	}
	rival_unlock(&sl->sl_lock);
	rival_irq_restore(irq);
}

/* Back to the list's head, untouched: others freed more than was wanted. */
static void
slab_relist(struct slab_layer *sl, struct slab *sp)
{
	unsigned long irq = rival_irq_off();

	rival_lock(&sl->sl_lock);
	slab_list_locked(sl, &sl->sl_partial, sp);
	rival_unlock(&sl->sl_lock);
	rival_irq_restore(irq);
}

/* All free objects of a detached slab; those beyond `want` go back. */
static unsigned
slab_drain(struct slab_layer *sl, struct slab *sp, void **objs, unsigned want)
{
	unsigned long irq = rival_irq_off();
	unsigned got = 0, rest = 0;
	void *obj, *head, *tail = NULL;
	uint32_t inuse;

	do {
		obj = atomic_load_explicit(&sp->sp_free, memory_order_relaxed);
		inuse =
		    atomic_load_explicit(&sp->sp_inuse, memory_order_relaxed);
	} while (!slab_update(sp, obj, inuse, NULL, sp->sp_objects));
	rival_irq_restore(irq);
	for (; obj != NULL && got < want; obj = *slab_link(sl, obj))
		objs[got++] = obj;
	for (head = obj; obj != NULL; obj = *slab_link(sl, obj)) {
		tail = obj;
		rest++;
	}
	if (rest != 0)
		slab_release(sl, sp, head, tail, rest);
	return got;
}

/* The first objects of a new slab; the others are for all. */
static unsigned
slab_begin(struct slab_layer *sl, struct slab *sp, void **objs, unsigned want)
{
	void *obj = atomic_load_explicit(&sp->sp_free, memory_order_relaxed);
	unsigned got = 0;

	for (; obj != NULL && got < want; obj = *slab_link(sl, obj))
		objs[got++] = obj;
	atomic_store_explicit(&sp->sp_free, obj, memory_order_relaxed);
	atomic_store_explicit(&sp->sp_inuse, got, memory_order_relaxed);
	if (obj != NULL)
		slab_relist(sl, sp);
	return got;
}

/* Up to `want` objects; how many. Fewer: no memory. */
static unsigned
slab_take(struct slab_layer *sl, void **objs, unsigned want)
{
	struct rival_link held;
	unsigned got = 0;
	struct slab *sp;

	rival_list_init(&held);
	slab_detach(sl, &held, want);
	while (!rival_list_empty(&held)) {
		sp = RIVAL_ENTRY(held.rk_next, struct slab, sp_link);
		rival_list_remove(&sp->sp_link);
		if (got < want)
			got += slab_drain(sl, sp, objs + got, want - got);
		else
			slab_relist(sl, sp);
	}
	while (got < want && (sp = slab_new(sl)) != NULL)
		got += slab_begin(sl, sp, objs + got, want - got);
	return got;
}

/*
 * n objects back, those of one slab together: from the array's end down, past
 * a few objects of others. The array's order is changed.
 */
static void
slab_give(struct slab_layer *sl, void **objs, unsigned n)
{
	while (n != 0) {
		void *head = objs[--n], *tail = head;
		struct slab *sp = slab_of(head);
		unsigned i = n, count = 1, skip = SLAB_LOOKAHEAD;

		while (i != 0 && skip != 0) {
			void *obj = objs[--i];

			if (slab_of(obj) != sp) {
				skip--;
				continue;
			}
			*slab_link(sl, obj) = head;
			head = obj;
			count++;
			objs[i] = objs[--n];
		}
		slab_release(sl, sp, head, tail, count);
	}
}

/* Discard what is empty; of the others, the fullest come first from now on. */
static void
slab_shrink(struct slab_layer *sl)
{
	struct rival_link sorted[SLAB_SORTED], gone, *link, *next;
	unsigned long irq = rival_irq_off();
	struct slab *sp;
	unsigned i;

	rival_list_init(&gone);
	for (i = 0; i < SLAB_SORTED; i++)
		rival_list_init(&sorted[i]);
	rival_lock(&sl->sl_lock);
	for (link = sl->sl_partial.rk_next; link != &sl->sl_partial;
	     link = next) {
		unsigned left;

		next = link->rk_next;
		sp = RIVAL_ENTRY(link, struct slab, sp_link);
		left = sp->sp_objects -
		    atomic_load_explicit(&sp->sp_inuse, memory_order_relaxed);
		if (left == sp->sp_objects) {
			slab_unlist_locked(sl, sp);
			rival_list_add(&gone, link);
		} else if (left != 0 && left <= SLAB_SORTED) {
			rival_list_remove(link);
			rival_list_add(&sorted[left - 1], link);
		}
	}
	for (i = SLAB_SORTED; i-- != 0;) {
		while (!rival_list_empty(&sorted[i])) {
			link = sorted[i].rk_prev;
			rival_list_remove(link);
			rival_list_add(&sl->sl_partial, link);
		}
	}
	rival_unlock(&sl->sl_lock);
	rival_irq_restore(irq);
	while (!rival_list_empty(&gone)) {
		sp = RIVAL_ENTRY(gone.rk_next, struct slab, sp_link);
		rival_list_remove(&sp->sp_link);
		slab_discard(sl, sp);
	}
}

#endif
