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

#include <stdbool.h>
#include <stdint.h>

#define MAG_BYTES 512u

struct mag_slot {
	void **top;      /* of the loaded magazine */
	void **previous; /* top of the other: full or empty, never between */
};

_Static_assert(sizeof(struct mag_slot) == 16, "16 B per cache and hart");

/*
 * Where every call is counted: two neighbouring slots. The counts are written
 * by their hart alone, each by one instruction or pinned.
 */
struct mag_cold {
	struct mag_slot slot;
	uint64_t allocs, frees;
};

_Static_assert(sizeof(struct mag_cold) == 32, "two slots");

struct kmem_cache;
/*
 * The hot pair on the calling hart's cold slot (its offset is the third word of
 * the descriptor), counting. Alloc returns what kmem_cold_claim makes of the
 * object; when the loaded magazine does not serve, nothing was counted and the
 * result is kmem_cold_empty's or kmem_cold_full's. As the hot pair itself,
 * these two come from the embedder or from mm in C.
 */
void *kmem_cold_alloc(struct kmem_cache *cp, unsigned flags);
bool kmem_cold_free(struct kmem_cache *cp, void *obj);
void *kmem_cold_claim(struct kmem_cache *cp, unsigned flags, void *obj);
void *kmem_cold_empty(struct kmem_cache *cp, unsigned flags);
bool kmem_cold_full(struct kmem_cache *cp, void *obj);

/*
 * Where a push goes when the loaded magazine has no room; `caller` is the
 * address it returns to, for reports. kmem_free_slow finds that out itself.
 */
void kmem_free_for(struct kmem_cache *cp, void *obj, uintptr_t caller);
void kmem_free_slow(struct kmem_cache *cp, void *obj);

#endif
