/* SPDX-License-Identifier: MIT */
/* Bit and power-of-two helpers; no state. */
#ifndef MM_BITS_H
#define MM_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
is_pow2(size_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

/* `align` is a power of two; the sum must not wrap (callers check sizes). */
static inline size_t
align_up(size_t x, size_t align)
{
	return (x + align - 1) & ~(align - 1);
}

static inline size_t
div_up(size_t x, size_t by)
{
	return (x + by - 1) / by;
}

/* Largest power of two that divides x; x > 0. */
static inline size_t
low_bit(size_t x)
{
	return x & (~x + 1);
}

/*
 * Index of the lowest set bit; x != 0. Branch by halves: the compiler's
 * builtin would call libgcc on a core without Zbb, which mm may not need.
 */
static inline unsigned
bit_lowest(uint64_t x)
{
	unsigned n = 0;

	if ((x & 0xffffffffu) == 0) {
		n += 32;
		x >>= 32;
	}
	if ((x & 0xffffu) == 0) {
		n += 16;
		x >>= 16;
	}
	if ((x & 0xffu) == 0) {
		n += 8;
		x >>= 8;
	}
	if ((x & 0xfu) == 0) {
		n += 4;
		x >>= 4;
	}
	if ((x & 0x3u) == 0) {
		n += 2;
		x >>= 2;
	}
	return n + (unsigned)((x & 1u) == 0);
}

/* Index of the highest set bit; x != 0. */
static inline unsigned
bit_highest(uint64_t x)
{
	unsigned n = 0;

	for (unsigned step = 32; step != 0; step >>= 1) {
		if ((x >> step) != 0) {
			n += step;
			x >>= step;
		}
	}
	return n;
}

static inline unsigned
bits_set(uint64_t x)
{
	unsigned n = 0;

	for (; x != 0; x &= x - 1)
		n++;
	return n;
}

#endif
