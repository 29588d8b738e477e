/* SPDX-License-Identifier: MIT */
/*
 * First fit on a list of holes in the order of their addresses.
 *
 * Theory of operation
 *
 * 1. The original: the allocator of Kernighan and Ritchie's book, without the
 *    roving pointer, which is what small systems still ship (FreeRTOS's heap_4
 *    is one). Holes are linked by address; a request takes the first that is
 *    large enough and leaves the rest as a hole; a freed block is put in its
 *    place in the list and merged with its neighbours there. Simple, exact
 *    merging without a word in blocks beside the head. Both calls walk the
 *    list: O(holes), without a bound.
 * 2. Here: that. A block's head has the size and, while it is a hole, the
 *    next hole; two words, and all sizes are multiples of them (UNIT).
 *
 *      f_next | f_size | payload …
 *
 * 3. Around it: one lock, and interrupts off, as an embedder must add; heap_4
 *    stops its scheduler. The memory is an arena (arena.h): when no hole is
 *    large enough, the break moves up by what is missing, in frames, behind
 *    the last hole if that one ends there. Alignment beyond a unit, which the
 *    originals do not have: a hole is cut at both ends. A size is rounded up
 *    when a heap is made instead of with each call: to the rival's favour.
 * 4. Left out: nothing that a load calls.
 * 5. The price is the walk, about five instructions a hole in each call.
 *    Objects freed in random order leave a hole for every other one, so that a
 *    load with n live objects walks some n/8 holes a call. Whoever makes a plan
 *    keeps n small for this rival, or leaves it out.
 */
#include "firstfit.h"

#include <mm/bits.h>

#include "arena.h"
#include "rival.h"

#define UNIT      sizeof(struct hole)
#define HEAPS_MAX 64u

struct hole {
	struct hole *f_next; /* by address; NULL: the last */
	size_t f_size;       /* bytes, this head included */
};

/* Everything of the one heap; guarded by the lock. */
static struct rival_lock lock;
static struct arena arena;
static struct hole first; /* before all holes; no memory of its own */
static struct firstfit heaps[HEAPS_MAX];

static struct hole *
hole_at(void *at, ptrdiff_t offset)
{
	return (struct hole *)(void *)((char *)at + offset);
}

static struct hole *
end_of(struct hole *h)
{
	return hole_at(h, (ptrdiff_t)h->f_size);
}

/* Bytes to leave at the head of a hole, so that a payload there is aligned. */
static size_t
lead_of(const struct hole *h, size_t align)
{
	uintptr_t payload = (uintptr_t)h + UNIT;

	return align_up(payload, align) - payload;
}

/*
 * Take `size` bytes of the hole after `before`, `lead` bytes into it; what is
 * left on both sides stays in the list. All three are multiples of a unit, so
 * that any rest has room for a head.
 */
static struct hole *
carve(struct hole *before, size_t lead, size_t size)
{
	struct hole *h = before->f_next, *taken = hole_at(h, (ptrdiff_t)lead);
	size_t rest = h->f_size - lead - size;
	struct hole *next = h->f_next;

	if (rest != 0) {
		struct hole *left = hole_at(taken, (ptrdiff_t)size);

		left->f_size = rest;
		left->f_next = next;
		next = left;
	}
	if (lead != 0) {
		h->f_size = lead;
		h->f_next = next;
	} else {
		before->f_next = next;
	}
	taken->f_size = size;
	return taken;
}

/*
 * Move the break up until a hole of `want` bytes ends there: the last one made
 * longer, or one of its own. `last` is `first` where there is none; it is
 * smaller than `want` if it ends at the break.
 */
static __attribute__((noinline)) bool
grow(struct hole *last, size_t want)
{
	char *top = arena.ar_base + arena.ar_break;
	bool touches = last != &first && (char *)end_of(last) == top;
	size_t need = touches ? want - last->f_size : want, bytes;
	struct hole *h;

	bytes = align_up(arena.ar_break + need, FRAME_SIZE) - arena.ar_break;
	h = arena_grow(&arena, bytes);
	if (h == NULL)
		return false;
	if (touches) {
		last->f_size += bytes;
		return true;
	}
	h->f_size = bytes;
	h->f_next = NULL;
	last->f_next = h;
	return true;
}

static struct hole *
take(size_t size, size_t align)
{
	struct hole *before, *h;
	unsigned tries;

	for (tries = 0; tries < 2; tries++) {
		for (before = &first; (h = before->f_next) != NULL;
		     before = h) {
			size_t lead;

			if (h->f_size < size)
				continue;
			lead = align == UNIT ? 0 : lead_of(h, align);
			if (h->f_size - size >= lead)
				return carve(before, lead, size);
		}
		if (!grow(before, size + align - UNIT))
			return NULL;
	}
	return NULL;
}

void *
firstfit_alloc(struct firstfit *heap)
{
	unsigned long irq = rival_irq_off();
	struct hole *taken;

	rival_lock(&lock);
	taken = take(heap->ff_size, heap->ff_align);
	rival_unlock(&lock);
	rival_irq_restore(irq);
	return taken != NULL ? taken + 1 : NULL;
}

/* Into its place in the list, in one piece with holes that touch it. */
static void
put(struct hole *h)
{
	struct hole *before = &first, *next;

	while ((next = before->f_next) != NULL && next < h)
		before = next;
	if (next != NULL && end_of(h) == next) {
		h->f_size += next->f_size;
		next = next->f_next;
	}
	h->f_next = next;
	if (before != &first && end_of(before) == h) {
		before->f_size += h->f_size;
		before->f_next = h->f_next;
	} else {
		before->f_next = h;
	}
}

void
firstfit_free(struct firstfit *heap, void *obj)
{
	unsigned long irq = rival_irq_off();

	(void)heap;
	rival_lock(&lock);
	put((struct hole *)obj - 1);
	rival_unlock(&lock);
	rival_irq_restore(irq);
}

struct firstfit *
firstfit_create(size_t size, size_t align)
{
	unsigned long irq = rival_irq_off();
	struct firstfit *heap = NULL;
	size_t i;

	rival_lock(&lock);
	for (i = 0; i < HEAPS_MAX && heaps[i].ff_used; i++)
		;
	if (i < HEAPS_MAX && arena_open(&arena)) {
		if (arena.ar_users == 1)
			first.f_next = NULL;
		heap = &heaps[i];
		heap->ff_size = align_up(size, UNIT) + UNIT;
		heap->ff_align = align > UNIT ? align : UNIT;
		heap->ff_used = true;
		heap->ff_ctor = NULL;
		heap->ff_arg = NULL;
	}
	rival_unlock(&lock);
	rival_irq_restore(irq);
	return heap;
}

/* All below the break is one hole, or nothing is. */
static bool
all_free(void)
{
	return arena.ar_break ==
	    (first.f_next != NULL ? first.f_next->f_size : 0);
}

bool
firstfit_destroy(struct firstfit *heap)
{
	unsigned long irq = rival_irq_off();
	bool clean;

	rival_lock(&lock);
	heap->ff_used = false;
	clean = arena.ar_users > 1 || all_free();
	(void)arena_close(&arena);
	rival_unlock(&lock);
	rival_irq_restore(irq);
	return clean;
}

size_t
firstfit_reap(struct firstfit *heap)
{
	(void)heap;
	return 0;
}

size_t
firstfit_charge(void)
{
	return arena_charge(&arena);
}

size_t
firstfit_verify(size_t *holes, size_t *free_bytes)
{
	unsigned long irq = rival_irq_off();
	char *top, *at;
	size_t bad = 0, count = 0, bytes = 0;
	struct hole *h;

	rival_lock(&lock);
	at = arena.ar_base;
	top = at + arena.ar_break;
	for (h = first.f_next; h != NULL; h = h->f_next) {
		/* In order, inside, and never touching the one before. */
		if ((char *)h < at || (char *)h >= top ||
		    h->f_size > (size_t)(top - (char *)h)) {
			bad++;
			break;
		}
		bad += count != 0 && (char *)h == at;
		bad += h->f_size == 0 || h->f_size % UNIT != 0;
		at = (char *)end_of(h);
		bytes += h->f_size;
		count++;
	}
	rival_unlock(&lock);
	rival_irq_restore(irq);
	if (holes != NULL)
		*holes = count;
	if (free_bytes != NULL)
		*free_bytes = bytes;
	return bad;
}
