/* SPDX-License-Identifier: MIT */
/* Ring of received bytes, with marks where bytes were lost. */
#ifndef CONSOLE_RING_H
#define CONSOLE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_BYTES_MIN 16u

/* What ring_get returns besides a byte. */
#define RING_EMPTY   (-1)
#define RING_LOSS    (-2) /* bytes are missing here */
#define RING_DROPPED (-3) /* what was here was dropped on purpose */

struct ring {
	/* Constant after ring_init. */
	uint8_t *r_bytes;
	size_t r_size; /* bytes, a power of two */
	/* Producer's. */
	_Atomic size_t r_tail; /* counts all bytes ever put; never wraps back */
	_Atomic size_t r_drop; /* position up to which nothing is to be read */
	bool r_full;           /* the last put was refused, its mark is in */
	_Atomic size_t r_high; /* most bytes ever waiting */
	/* Consumer's. */
	_Atomic size_t r_head;
	size_t r_dropped; /* the r_drop that has been obeyed */
};

/* `size` is a power of two, at least RING_BYTES_MIN. */
void ring_init(struct ring *r, void *bytes, size_t size);

/* Producer: false when there is no room; the loss is then marked. */
bool ring_put(struct ring *r, uint8_t byte);
/* Producer: bytes are missing at this place. */
void ring_mark_loss(struct ring *r);
/* Producer: what was put before `position` (<= tail) is not to be read. */
void ring_drop(struct ring *r, size_t position);

/* Consumer: the next byte, 0 … 255, or RING_EMPTY, _LOSS, _DROPPED. */
int ring_get(struct ring *r);
bool ring_is_empty(const struct ring *r);
/* Counters of positions, to compare: has the consumer passed a place? */
size_t ring_put_position(const struct ring *r);
size_t ring_get_position(const struct ring *r);

#endif
