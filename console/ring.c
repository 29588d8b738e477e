/* SPDX-License-Identifier: MIT */
/*
 * Ring of received bytes, with marks where bytes were lost.
 *
 * Theory of operation
 * 1. One producer (the receive path, boot hart, interrupts off) and one
 *    consumer (console_readline, boot hart, thread). Each owns one index; the
 *    indices count bytes for ever, and their difference is what waits. No
 *    lock: the producer publishes bytes by a release store of the tail, the
 *    consumer gives room back by a release store of the head.
 * 2. A loss has a place in the stream of bytes, because the line it falls into
 *    must not be executed. It is written into the ring as two bytes, ESCAPE
 *    and LOSS; a received ESCAPE byte (0xff, which no UTF-8 text contains) is
 *    written twice.
 * 3. Invariant: after each byte put, room for one mark is left. So the place
 *    where the ring overflowed can always be marked; further bytes lost at
 *    that place need no further mark.
 * 4. Ctrl-C drops what waits. The producer may not move the head, so it leaves
 *    the position in r_drop and the consumer moves itself.
 */
#include "ring.h"

#define ESCAPE     0xffu
#define LOSS       0x01u
#define MARK_BYTES 2u

void
ring_init(struct ring *r, void *bytes, size_t size)
{
	*r = (struct ring){ .r_bytes = bytes, .r_size = size };
}

static size_t
room(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->r_tail, memory_order_relaxed);
	/* Acquire: pairs with the release of r_head in ring_get. */
	size_t head = atomic_load_explicit(&r->r_head, memory_order_acquire);

	return r->r_size - (tail - head);
}

/* The caller has checked the room. */
static void
append(struct ring *r, const uint8_t *bytes, size_t n)
{
	size_t tail = atomic_load_explicit(&r->r_tail, memory_order_relaxed);
	size_t used = r->r_size - room(r) + n;

	for (size_t i = 0; i < n; i++)
		r->r_bytes[(tail + i) & (r->r_size - 1)] = bytes[i];
	/* Release: pairs with the acquire of r_tail in the consumer. */
	atomic_store_explicit(&r->r_tail, tail + n, memory_order_release);
	/* Relaxed: a figure for console_get_stats, nothing depends on it. */
	if (used > atomic_load_explicit(&r->r_high, memory_order_relaxed))
		atomic_store_explicit(&r->r_high, used, memory_order_relaxed);
}

bool
ring_put(struct ring *r, uint8_t byte)
{
	const uint8_t bytes[2] = { byte, byte };
	size_t n = byte == ESCAPE ? 2 : 1;

	if (room(r) < n + MARK_BYTES) {
		if (!r->r_full)
			ring_mark_loss(r);
		r->r_full = true;
		return false;
	}
	append(r, bytes, n);
	r->r_full = false;
	return true;
}

void
ring_mark_loss(struct ring *r)
{
	const uint8_t mark[MARK_BYTES] = { ESCAPE, LOSS };

	/* No room: the last thing put was a mark, which serves for both. */
	if (room(r) >= MARK_BYTES)
		append(r, mark, MARK_BYTES);
}

void
ring_drop(struct ring *r, size_t position)
{
	/* Release: pairs with the acquire of r_drop in ring_get. */
	atomic_store_explicit(&r->r_drop, position, memory_order_release);
}

int
ring_get(struct ring *r)
{
	size_t head = atomic_load_explicit(&r->r_head, memory_order_relaxed);
	/* Acquire: pairs with the release in ring_drop. */
	size_t drop = atomic_load_explicit(&r->r_drop, memory_order_acquire);
	/* Acquire: pairs with the release in append; after the load above, so
	 * that tail is never behind drop. */
	size_t tail = atomic_load_explicit(&r->r_tail, memory_order_acquire);
	const size_t mask = r->r_size - 1;
	int byte;

	if (drop != r->r_dropped) {
		r->r_dropped = drop;
		/* The consumer may have read past the place already. */
		if (drop - head <= tail - head)
			atomic_store_explicit(
			    &r->r_head, drop, memory_order_release);
		return RING_DROPPED;
	}
	if (head == tail)
		return RING_EMPTY;
	byte = r->r_bytes[head & mask];
	head++;
	/* The producer publishes an escaped pair in one store. */
	if (byte == (int)ESCAPE) {
		if (r->r_bytes[head & mask] == LOSS)
			byte = RING_LOSS;
		head++;
	}
	/* Release: the bytes have been read; pairs with the acquire in room. */
	atomic_store_explicit(&r->r_head, head, memory_order_release);
	return byte;
}

bool
ring_is_empty(const struct ring *r)
{
	size_t head = atomic_load_explicit(&r->r_head, memory_order_relaxed);
	/* Acquire: pairs with the release in append. */
	size_t tail = atomic_load_explicit(&r->r_tail, memory_order_acquire);

	return head == tail;
}

size_t
ring_put_position(const struct ring *r)
{
	return atomic_load_explicit(&r->r_tail, memory_order_relaxed);
}

size_t
ring_get_position(const struct ring *r)
{
	return atomic_load_explicit(&r->r_head, memory_order_relaxed);
}
