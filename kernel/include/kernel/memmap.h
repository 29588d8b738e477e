/* SPDX-License-Identifier: MIT */
/*
 * From banks and reservations to the ranges the allocator may have. Pure.
 * usable = banks - reservations - [bank base, kernel end) of the bank that
 * holds the kernel (from 0 when none does), rounded inwards to frames, split at
 * 4 GiB, sorted, disjoint.
 */
#ifndef KERNEL_MEMMAP_H
#define KERNEL_MEMMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMMAP_RANGES_MAX 32u
#define MEMMAP_INPUT_MAX  96u

struct memmap_range {
	uint64_t base, size; /* bytes */
};

#define MEMMAP_SPLIT (1ull << 32) /* low and high zones part here */

static inline bool
memmap_is_low(struct memmap_range r)
{
	return r.base < MEMMAP_SPLIT;
}

struct memmap {
	struct memmap_range usable[MEMMAP_RANGES_MAX];
	unsigned n_usable;
	uint64_t usable_bytes;
	uint64_t lost_bytes; /* beyond MEMMAP_RANGES_MAX ranges (smallest go) */
};

/*
 * All inputs in bytes, any order, overlapping or wrapping (a range that wraps
 * past 2^64 is cut there). `limit` caps usable bytes, lowest addresses kept (0:
 * no cap). `top` is the first address beyond what the kernel can map.
 */
void memmap_build(struct memmap *out, const struct memmap_range *banks,
    unsigned n_banks, const struct memmap_range *reserved, unsigned n_reserved,
    struct memmap_range kernel, uint64_t limit, uint64_t top);

/* Take out usable[i]; those behind it move up. */
void memmap_remove(struct memmap *map, unsigned i);

#endif
