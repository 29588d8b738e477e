/* SPDX-License-Identifier: MIT */
/*
 * From an address to the slab it lies in.
 *
 * The owner word of a slab's frames is its descriptor with bit 0 set; every
 * other word that can stand there has it clear. So one load says whether there
 * is a slab and which. A caller who expects the next address in the same zone
 * as the last remembers that zone's span and skips the search.
 */
#ifndef FRAME_SLAB_H
#define FRAME_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include <mm/frame.h>

#include "shared.h"

#define FRAME_WORD_SLAB 1u /* in f_owner: the rest is a slab's descriptor */

/* The record of one frame: 16 bytes, so 0.39 % of the memory described. */
struct frame {
	uint64_t f_owner;        /* or links, see frame_impl.h; read unlocked */
	uint32_t f_run;          /* head and last frame of a run: its length */
	_Atomic uint32_t f_kind; /* KIND_*, and the tag */
};
_Static_assert(sizeof(struct frame) == 16, "16 bytes of metadata per frame");

void frame_set_slab(void *run, size_t frames, uintptr_t descriptor);

/*
 * The descriptor of the slab that `addr` lies in; 0: in none, or not in this
 * span. Any context, no lock: whoever holds an object keeps its frame's record
 * as it is, and of any other address the answer was true at one instant.
 *
 * Relaxed: what the descriptor points to is reached through this very word, by
 * an address dependency, which every machine that mm is built for keeps in
 * order behind the load. ThreadSanitizer does not know that and is given an
 * acquire. Pairs with frame_set_slab's release.
 */
static inline uintptr_t
frame_span_slab(const struct frame_span *span, uintptr_t addr)
{
	uintptr_t off = addr - span->base;
	const struct frame *fp;
	uint64_t word;

	if (off >= shared_load_64(&span->bytes))
		return 0;
	fp = &span->records[off >> FRAME_SHIFT];
#ifdef SHARED_ATOMIC
	word = __atomic_load_n(&fp->f_owner, __ATOMIC_ACQUIRE);
#else
	word = shared_load_64(&fp->f_owner);
#endif
	if ((word & FRAME_WORD_SLAB) == 0)
		return 0;
	return (uintptr_t)(word - FRAME_WORD_SLAB);
}

/* The span of the zone `addr` lies in, for as long as mm runs; NULL: none. */
const struct frame_span *frame_span_of(uintptr_t addr);

/* frame_span_slab without knowing the span. Any context; O(zones). */
uintptr_t frame_slab(uintptr_t addr);

#endif
