/* SPDX-License-Identifier: MIT */
/*
 * Layout of magazine and slot, shared with whoever implements the hot pair
 * in assembly. Theory: mm/kmem_mag.c.
 *
 *   magazine: 512 bytes, aligned to 512
 *   +------+-----+- - - - -+------+---------+---------+- - -+----------+
 *   | next | cap |  unused | NULL | round 0 | round 1 |     | last     |
 *   +------+-----+- - - - -+------+---------+---------+- - -+----------+
 *   0      8     16         sentinel                               512 ^
 *
 * A slot's `top` points behind the last round: top[-1] is the next object, the
 * sentinel NULL says "empty", and top at a multiple of 512 says "full".
 */
#ifndef MM_MAG_H
#define MM_MAG_H

#include <stdint.h>

#define MAG_BYTES 512u

struct mag_slot {
	void **top;      /* of the loaded magazine */
	void **previous; /* top of the other: full or empty, never between */
};

_Static_assert(sizeof(struct mag_slot) == 16, "16 B per cache and hart");

struct kmem_cache;
/* Where a push goes when the loaded magazine has no room. */
void kmem_free_slow(struct kmem_cache *cp, void *obj);

#endif
