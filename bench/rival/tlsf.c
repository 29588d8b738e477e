/* SPDX-License-Identifier: MIT */
/*
 * TLSF: two-level segregated fit (Masmano, Ripoll, Crespo and Real, 2004).
 *
 * Theory of operation
 *
 * 1. The original: a general-purpose allocator for real time. Free blocks hang
 *    in lists by size: the first level is the power of two, the second cuts it
 *    into 32 equal parts; a bitmap says which powers have blocks, one for each
 *    power which parts have. Rounded up to the next part, a request finds the
 *    first list that surely fits with two bit searches: O(1). What is left
 *    over is split off, a freed block is merged with both neighbours at once.
 * 2. Here: all of it, after the paper, with the usual economy of one word for
 *    each block in use: its size, whose two lowest bits say whether it and the
 *    block before it are free. The address of the block before lies in that
 *    block's last word, which exists only while that block is free.
 *
 *      b_size | payload …                        in use
 *      b_size | b_next | b_prev | … | b_before   free (b_before is the
 *                                                next block's first word)
 *
 *    Below 256 bytes parts are 8 bytes wide. A list ends with a block that is
 *    in none, so that inserting and removing test nothing.
 * 3. Around it: one lock, and interrupts off, as an embedder must add; the
 *    original has none. The pool is an arena (arena.h): when no block fits, the
 *    break moves up by what is missing, in frames, and the new end merges with
 *    a free block before it. A size is rounded up when a heap is made instead
 *    of with each call, which saves the rival some instructions.
 * 4. Left out: realloc, several pools, walking for users. No load calls them,
 *    and none is on the way of those that are called.
 * 5. Bit searches are those of <mm/bits.h>. Cores with Zbb have instructions
 *    for them; the image is built for rv64gc, for all allocators alike.
 */
#include "tlsf.h"

#include <mm/bits.h>

#include "arena.h"
#include "rival.h"

#define WORD        sizeof(size_t)
#define PARTS_SHIFT 5u /* 32 parts of a power of two */
#define PARTS       (1u << PARTS_SHIFT)
#define SMALL_SHIFT (PARTS_SHIFT + 3u) /* below it, parts of 8 bytes */
#define POWERS      19u                /* up to 64 MiB, twice an arena */
#define HEAPS_MAX   64u

#define BLOCK_FREE  ((size_t)1)
#define BEFORE_FREE ((size_t)2)
#define FLAGS       (BLOCK_FREE | BEFORE_FREE)

struct block {
	struct block *b_before; /* the last word of the block before; if free */
	size_t b_size;          /* bytes of payload, and FLAGS */
	struct block *b_next, *b_prev; /* in its list; free blocks only */
};
#define HEAD        offsetof(struct block, b_next)
#define PAYLOAD_MIN (3 * WORD) /* two links, and the next block's b_before */
#define BLOCK_MIN   (PAYLOAD_MIN + WORD)

/* Everything of the one pool; guarded by the lock. */
static struct rival_lock pool_lock;
static struct arena arena;
static struct block nil;  /* ends every list */
static struct block *end; /* the last: no payload, never free */
static uint32_t power_map;
static uint32_t part_map[POWERS];
static struct block *lists[POWERS][PARTS];
static struct tlsf heaps[HEAPS_MAX];

struct place {
	unsigned p_power, p_part;
};

static size_t
size_of(const struct block *b)
{
	return b->b_size & ~FLAGS;
}

static struct block *
block_at(void *at, ptrdiff_t offset)
{
	return (struct block *)(void *)((char *)at + offset);
}

/* Only the end has none. */
static struct block *
next_of(struct block *b)
{
	return block_at(b, (ptrdiff_t)(size_of(b) + WORD));
}

/* The list that a free block of this size belongs to. */
static struct place
place_of(size_t size)
{
	struct place p = { 0, (unsigned)(size / WORD) };
	unsigned top;

	if (size >> SMALL_SHIFT != 0) {
		top = bit_highest(size);
		p.p_power = top - SMALL_SHIFT + 1;
		p.p_part = (unsigned)(size >> (top - PARTS_SHIFT)) - PARTS;
	}
	return p;
}

/* The smallest size whose list has only blocks of `size` bytes or more. */
static size_t
round_up(size_t size)
{
	if (size >> SMALL_SHIFT == 0)
		return size;
	return size + ((size_t)1 << (bit_highest(size) - PARTS_SHIFT)) - 1;
}

static void
insert(struct block *b)
{
	struct place p = place_of(size_of(b));
	struct block **list = &lists[p.p_power][p.p_part];

	b->b_next = *list;
	b->b_prev = &nil;
	(*list)->b_prev = b;
	*list = b;
	power_map |= 1u << p.p_power;
	part_map[p.p_power] |= 1u << p.p_part;
}

static void
take_out_of(struct place p, struct block *b)
{
	b->b_next->b_prev = b->b_prev;
	b->b_prev->b_next = b->b_next;
	if (b->b_prev != &nil)
		return;
	lists[p.p_power][p.p_part] = b->b_next;
	if (b->b_next != &nil)
		return;
	part_map[p.p_power] &= ~(1u << p.p_part);
	if (part_map[p.p_power] == 0)
		power_map &= ~(1u << p.p_power);
}

static void
take_out(struct block *b)
{
	take_out_of(place_of(size_of(b)), b);
}

/* A free block of at least `size` bytes, out of its list; NULL: none. */
static struct block *
search(size_t size)
{
	struct place p = place_of(round_up(size));
	uint32_t parts = part_map[p.p_power] & (~0u << p.p_part);
	uint32_t powers;
	struct block *b;

	if (parts == 0) {
		powers = power_map & (~0u << p.p_power << 1);
		if (powers == 0)
			return NULL;
		p.p_power = bit_lowest(powers);
		parts = part_map[p.p_power];
	}
	p.p_part = bit_lowest(parts);
	b = lists[p.p_power][p.p_part];
	take_out_of(p, b);
	return b;
}

static void
mark_free(struct block *b)
{
	struct block *next = next_of(b);

	b->b_size |= BLOCK_FREE;
	next->b_size |= BEFORE_FREE;
	next->b_before = b;
}

static void
mark_used(struct block *b)
{
	b->b_size &= ~BLOCK_FREE;
	next_of(b)->b_size &= ~BEFORE_FREE;
}

/* A block in use becomes free, in one piece with its free neighbours. */
static void
release(struct block *b)
{
	struct block *next = next_of(b), *before;

	if ((next->b_size & BLOCK_FREE) != 0) {
		take_out(next);
		b->b_size += size_of(next) + WORD;
	}
	if ((b->b_size & BEFORE_FREE) != 0) {
		before = b->b_before;
		take_out(before);
		before->b_size += size_of(b) + WORD;
		b = before;
	}
	mark_free(b);
	insert(b);
}

/* Give back what a block in use has beyond `size`; its next one is not free. */
static void
trim(struct block *b, size_t size)
{
	size_t have = size_of(b);
	struct block *rest;

	if (have < size + BLOCK_MIN)
		return;
	b->b_size = size | (b->b_size & FLAGS);
	rest = next_of(b);
	rest->b_size = have - size - WORD;
	mark_free(rest);
	insert(rest);
}

/* Move the end up until a block of `size` bytes is there. */
static __attribute__((noinline)) bool
grow(size_t size)
{
	size_t need = round_up(size) + WORD, bytes;
	struct block *b = end;

	/* A free last block is smaller than that, else it had been found. */
	if ((b->b_size & BEFORE_FREE) != 0)
		need -= size_of(b->b_before) + WORD;
	if (need < BLOCK_MIN)
		need = BLOCK_MIN;
	bytes = align_up(arena.ar_break + need, FRAME_SIZE) - arena.ar_break;
	if (arena_grow(&arena, bytes) == NULL)
		return false;
	b->b_size |= bytes - WORD;
	end = next_of(b);
	end->b_size = 0;
	release(b);
	return true;
}

static struct block *
find(size_t size)
{
	struct block *b = search(size);

	return b != NULL || !grow(size) ? b : search(size);
}

/* Move the payload of a free, unlisted block up to a multiple of `align`. */
static struct block *
move_up(struct block *b, size_t align)
{
	uintptr_t at = (uintptr_t)b + HEAD;
	size_t gap = align_up(at, align) - at;
	struct block *moved;

	/* What is cut off becomes a block, and must have room for one. */
	if (gap != 0 && gap < BLOCK_MIN)
		gap += align_up(BLOCK_MIN - gap, align);
	if (gap == 0)
		return b;
	moved = block_at(b, (ptrdiff_t)gap);
	moved->b_size = (size_of(b) - gap) | BLOCK_FREE;
	b->b_size = (gap - WORD) | (b->b_size & FLAGS);
	mark_free(b);
	insert(b);
	return moved;
}

void *
tlsf_alloc(struct tlsf *heap)
{
	unsigned long irq = rival_irq_off();
	size_t align = heap->th_align, size = heap->th_size;
	struct block *b;

	rival_lock(&pool_lock);
	if (align == WORD) {
		b = find(size);
	} else {
		b = find(size + align + BLOCK_MIN);
		if (b != NULL)
			b = move_up(b, align);
	}
	if (b != NULL) {
		mark_used(b);
		trim(b, size);
	}
	rival_unlock(&pool_lock);
	rival_irq_restore(irq);
	return b != NULL ? (char *)b + HEAD : NULL;
}

void
tlsf_free(struct tlsf *heap, void *obj)
{
	unsigned long irq = rival_irq_off();

	(void)heap;
	rival_lock(&pool_lock);
	release(block_at(obj, -(ptrdiff_t)HEAD));
	rival_unlock(&pool_lock);
	rival_irq_restore(irq);
}

/* The first heap's pool: an end alone. */
static bool
pool_open(void)
{
	unsigned i, j;

	if (!arena_open(&arena))
		return false;
	if (arena.ar_users > 1)
		return true;
	power_map = 0;
	for (i = 0; i < POWERS; i++) {
		part_map[i] = 0;
		for (j = 0; j < PARTS; j++)
			lists[i][j] = &nil;
	}
	end = block_at(arena_grow(&arena, WORD), -(ptrdiff_t)WORD);
	end->b_size = 0;
	return true;
}

struct tlsf *
tlsf_create(size_t size, size_t align)
{
	unsigned long irq = rival_irq_off();
	struct tlsf *heap = NULL;
	size_t i;

	rival_lock(&pool_lock);
	for (i = 0; i < HEAPS_MAX && heaps[i].th_used; i++)
		;
	if (i < HEAPS_MAX && pool_open()) {
		heap = &heaps[i];
		size = align_up(size, WORD);
		heap->th_size = size > PAYLOAD_MIN ? size : PAYLOAD_MIN;
		heap->th_align = align > WORD ? align : WORD;
		heap->th_used = true;
		heap->th_ctor = NULL;
		heap->th_arg = NULL;
	}
	rival_unlock(&pool_lock);
	rival_irq_restore(irq);
	return heap;
}

/* Between the first word and the end lies nothing, or one free block. */
static bool
pool_is_idle(void)
{
	struct block *b = block_at(arena.ar_base, -(ptrdiff_t)WORD);

	return b == end || ((b->b_size & BLOCK_FREE) != 0 && next_of(b) == end);
}

bool
tlsf_destroy(struct tlsf *heap)
{
	unsigned long irq = rival_irq_off();
	bool clean;

	rival_lock(&pool_lock);
	heap->th_used = false;
	clean = arena.ar_users > 1 || pool_is_idle();
	(void)arena_close(&arena);
	rival_unlock(&pool_lock);
	rival_irq_restore(irq);
	return clean;
}

size_t
tlsf_reap(struct tlsf *heap)
{
	(void)heap;
	return 0;
}

size_t
tlsf_charge(void)
{
	return arena_charge(&arena);
}

/*
 * Each block: ends where the next begins, and the last at the break; the next
 * one knows whether it is free, and where it is; no two free ones side by side.
 */
static size_t
verify_blocks(size_t *count, size_t *free_bytes)
{
	const char *top = arena.ar_base + arena.ar_break;
	struct block *b = block_at(arena.ar_base, -(ptrdiff_t)WORD);
	size_t bad = 0;

	while (b != end) {
		bool is_free = (b->b_size & BLOCK_FREE) != 0;
		struct block *next = next_of(b);

		if ((char *)next + HEAD > top || next <= b)
			return bad + 1;
		bad += is_free != ((next->b_size & BEFORE_FREE) != 0);
		if (is_free) {
			bad += next->b_before != b;
			bad += (next->b_size & BLOCK_FREE) != 0;
			bad += size_of(b) < PAYLOAD_MIN;
			*free_bytes += size_of(b);
			(*count)++;
		}
		b = next;
	}
	bad += (char *)end + HEAD != top;
	return bad + (end->b_size & ~BEFORE_FREE);
}

static bool
is_inside(const struct block *b)
{
	uintptr_t offset = (uintptr_t)b - (uintptr_t)arena.ar_base + WORD;

	return offset < arena.ar_break && offset % WORD == 0;
}

/* One list: free blocks of its size only, linked both ways, in its bitmap. */
static size_t
verify_list(unsigned power, unsigned part, size_t most, size_t *count)
{
	bool marked = (part_map[power] >> part & 1u) != 0;
	struct block *b = lists[power][part], *prev = &nil;
	size_t bad = marked != (b != &nil);

	for (; b != &nil; b = b->b_next) {
		struct place p;

		/* The links of what is no free block lead anywhere. */
		if (!is_inside(b) || (b->b_size & BLOCK_FREE) == 0 ||
		    ++*count > most)
			return bad + 1;
		p = place_of(size_of(b));
		bad += p.p_power != power || p.p_part != part;
		bad += b->b_prev != prev;
		prev = b;
	}
	return bad;
}

size_t
tlsf_verify(size_t *free_bytes)
{
	unsigned long irq = rival_irq_off();
	size_t bad, bytes = 0, blocks = 0, listed = 0;
	unsigned i, j;

	rival_lock(&pool_lock);
	bad = verify_blocks(&blocks, &bytes);
	for (i = 0; i < POWERS; i++) {
		bad += (power_map >> i & 1u) != (part_map[i] != 0);
		for (j = 0; j < PARTS; j++)
			bad += verify_list(i, j, blocks, &listed);
	}
	bad += blocks != listed;
	rival_unlock(&pool_lock);
	rival_irq_restore(irq);
	if (free_bytes != NULL)
		*free_bytes = bytes;
	return bad;
}
