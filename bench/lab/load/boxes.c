/* SPDX-License-Identifier: MIT */
/*
 * Boxes of objects that harts hand to each other. Included by loads.
 *
 * A box is EMPTY, being FILLED, FULL, or being DRAINED. Only the hart that made
 * it FILLED or DRAINED, by a compare-and-swap from EMPTY or FULL, touches what
 * is in it; it gives the box on with a release store, which the acquire of the
 * next claim pairs with. So any number of harts may fill and drain at once, and
 * nobody waits inside a step: where there is no box in the state that is
 * wanted, the caller is told so. When harts take turns step by step, a box is
 * EMPTY or FULL between steps and the claims always succeed at the first try:
 * which box is taken depends on the order of the steps alone.
 */
#ifndef LAB_LOAD_BOXES
#define LAB_LOAD_BOXES

#include "classes.c"

enum box_state { BOX_EMPTY, BOX_FILLED, BOX_FULL, BOX_DRAINED };

struct box {
	_Alignas(64) _Atomic(uint32_t) bx_state; /* one line each */
	uint32_t bx_count;
	struct item *bx_items;
};

struct boxes {
	unsigned bs_count;
	unsigned bs_room; /* items of one box */
	struct box *bs_box;
};

#define BOXES_ALIGN 64u

static inline size_t
boxes_bytes(size_t count, size_t room)
{
	return sizeof(struct boxes) + BOXES_ALIGN +
	    count * (sizeof(struct box) + room * sizeof(struct item));
}

/* Lay them out in the run's shared memory, which is zeroed: all EMPTY. */
static inline struct boxes *
boxes_open(struct lab_run *run, unsigned count, unsigned room)
{
	struct boxes *bs = run->lr_shared;
	uint8_t *at = (uint8_t *)(bs + 1);
	struct item *items;
	unsigned i;

	at += (BOXES_ALIGN - (uintptr_t)at % BOXES_ALIGN) % BOXES_ALIGN;
	bs->bs_count = count;
	bs->bs_room = room;
	bs->bs_box = (void *)at;
	items = (void *)(bs->bs_box + count);
	for (i = 0; i < count; i++)
		bs->bs_box[i].bx_items = items + (size_t)i * room;
	return bs;
}

/* This box, if it is in that state. */
static inline bool
box_claim(struct box *bx, enum box_state from, enum box_state to)
{
	uint32_t state = (uint32_t)from;

	/* Acquire: pairs with box_give of the hart that had it before. */
	return atomic_compare_exchange_strong_explicit(&bx->bx_state, &state,
	    (uint32_t)to, memory_order_acquire, memory_order_relaxed);
}

/* Any box in that state, looking from number `first` on; NULL: none. */
static inline struct box *
box_find(struct boxes *bs, unsigned first, enum box_state from)
{
	enum box_state to = from == BOX_EMPTY ? BOX_FILLED : BOX_DRAINED;
	unsigned i;

	for (i = 0; i < bs->bs_count; i++) {
		struct box *bx = &bs->bs_box[(first + i) % bs->bs_count];

		if (box_claim(bx, from, to))
			return bx;
	}
	return NULL;
}

static inline void
box_give(struct box *bx, enum box_state state)
{
	/* Release: what is in the box comes before it. */
	atomic_store_explicit(
	    &bx->bx_state, (uint32_t)state, memory_order_release);
}

/* Free what is in a box that the caller has claimed, first in first out. */
static inline void
box_empty(const struct lab_run *run, struct box *bx)
{
	uint32_t i;

	for (i = 0; i < bx->bx_count; i++)
		item_free(run, &bx->bx_items[i]);
	bx->bx_count = 0;
	box_give(bx, BOX_EMPTY);
}

/*
 * Fill a claimed box with `n` objects of one size, and give it on. False: an
 * allocation failed; what there is of objects is in the box.
 */
static inline bool
box_fill(const struct lab_run *run, struct box *bx, unsigned n, size_t bytes)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (!item_alloc(run, &bx->bx_items[i], bytes))
			break;
	bx->bx_count = i;
	box_give(bx, BOX_FULL);
	return i == n;
}

/* All steps being over, on one hart: free what was not taken. */
static inline void
boxes_close(struct lab_run *run)
{
	struct boxes *bs = run->lr_shared;
	struct box *bx;

	while ((bx = box_find(bs, 0, BOX_FULL)) != NULL)
		box_empty(run, bx);
}

#endif
