/* SPDX-License-Identifier: MIT */
/*
 * A model of a first-level data cache.
 *
 * Theory of operation
 *
 * 1. Whether colouring helps is a question of addresses alone: how many lines
 *    that are used together fall into one set. An emulator has no caches, so
 *    the addresses that an allocator handed out are run through this model.
 * 2. It is the SiFive U74's cache: 32 KiB, 64 sets of 8 ways, lines of 64 B.
 *    The set is bits 6 to 11 of the address, which lie within a frame.
 * 3. Replacement is exact LRU; the U74's own is random, which is kinder to a
 *    set that is asked for too many lines and harder on one that is not. LRU
 *    gives whole numbers that repeat. Prefetching is not modelled.
 */
#include <string.h>

#include "l1.h"

void
l1_clear(struct l1 *l1)
{
	memset(l1, 0, sizeof(*l1));
}

unsigned
l1_set(uintptr_t addr)
{
	return (unsigned)(addr / L1_LINE % L1_SETS);
}

bool
l1_touch(struct l1 *l1, uintptr_t addr)
{
	uintptr_t *way = l1->l1_line[l1_set(addr)];
	uintptr_t line = addr / L1_LINE + 1u;
	unsigned at = 0;
	bool hit;

	while (at < L1_WAYS - 1u && way[at] != line)
		at++;
	hit = way[at] == line;
	/* Whatever was in front of it, or the oldest, gets one step older. */
	for (; at > 0; at--)
		way[at] = way[at - 1u];
	way[0] = line;
	return hit;
}
