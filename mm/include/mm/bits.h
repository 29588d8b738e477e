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
 * Bit searches without a bit instruction: the compiler's builtins would call
 * libgcc on a core without Zbb, which mm may not need.
 */

/*
 * Index of the lowest set bit; x != 0. A de Bruijn sequence multiplied by a
 * power of two has that power's number in its six highest bits (Leiserson,
 * Prokop and Randall 1998); the table undoes the sequence's order.
 */
static inline unsigned
bit_lowest(uint64_t x)
{
	static const uint8_t at[64] = { 0, 1, 2, 53, 3, 7, 54, 27, 4, 38, 41, 8,
		34, 55, 48, 28, 62, 5, 39, 46, 44, 42, 22, 9, 24, 35, 59, 56,
		49, 18, 29, 11, 63, 52, 6, 26, 37, 40, 33, 47, 61, 45, 43, 21,
		23, 58, 17, 10, 51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15,
		30, 14, 13, 12 };

	return at[((x & (~x + 1)) * UINT64_C(0x022fdd63cc95386d)) >> 58];
}

/* Index of the highest set bit; x != 0. Smeared, then the highest alone. */
static inline unsigned
bit_highest(uint64_t x)
{
	x |= x >> 1;
	x |= x >> 2;
	x |= x >> 4;
	x |= x >> 8;
	x |= x >> 16;
	x |= x >> 32;
	return bit_lowest(x ^ (x >> 1));
}

/* Sums of neighbouring fields of 1, 2 and 4 bits, then of all bytes. */
static inline unsigned
bits_set(uint64_t x)
{
	x -= (x >> 1) & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) +
	    ((x >> 2) & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)((x * UINT64_C(0x0101010101010101)) >> 56);
}

#endif
