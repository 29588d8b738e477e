/* SPDX-License-Identifier: MIT */
/*
 * March tests of memory, by 64-bit words. A template: whoever includes it
 * defines MARCH_LOAD(p) and MARCH_STORE(p, v), how one word is read and
 * written, so that unit tests can put faulty memory behind them.
 *
 * Theory of operation
 *
 * 1. March C- (van de Goor 1991; Marinescu 1982): six passes over all words,
 *    each of which does the same to every word before it goes to the next,
 *
 *        any w0   up r0 w1   up r1 w0   down r0 w1   down r1 w0   any r0
 *
 *    It finds every stuck-at, transition, address decoder and (idempotent,
 *    inversion and state) coupling fault between two words: whichever of the
 *    two comes first, one pass in each direction has changed the aggressor
 *    before the victim is read.
 * 2. Within a word the bits change together, so one background (0 is all
 *    zeros, 1 all ones) sees no coupling between two of them. With backgrounds
 *    0, 0101…, 0011…, 0000 1111… any two bits differ in one of the seven:
 *    log2(64) + 1, as van de Goor and Tlili (1998) ask for words.
 * 3. Two more patterns are written up, read and inverted up, read down: each
 *    word's own address, which shows words that answer for each other over any
 *    distance, and pseudo-random values.
 * 4. A whole pass lies between write and read of a word. So what is tested is
 *    larger than the caches, or it is the caches that are tested.
 */
#ifndef BENCH_MARCH_H
#define BENCH_MARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARCH_BACKGROUNDS 7u
#define MARCH_FULL        6u /* passes of one background */
#define MARCH_SHORT       3u /* of each of the two other patterns */

struct march {
	unsigned ma_backgrounds; /* 1 … MARCH_BACKGROUNDS */
	uint64_t ma_seed;
	/* Reported: a word that did not hold what it should. */
	void (*ma_fault)(void *arg, volatile uint64_t *p, uint64_t want,
	    uint64_t got, unsigned pass);
	void *ma_arg;
};

/* Read first, then written: 0, 1 (the inverse), or not at all. */
#define MARCH_NOT 2u
struct march_pass {
	uint8_t mp_down, mp_read, mp_write;
};

static const struct march_pass march_passes[MARCH_FULL + MARCH_SHORT] = {
	{ 0, MARCH_NOT, 0 },
	{ 0, 0, 1 },
	{ 0, 1, 0 },
	{ 1, 0, 1 },
	{ 1, 1, 0 },
	{ 0, 0, MARCH_NOT },
	{ 0, MARCH_NOT, 0 },
	{ 0, 0, 1 },
	{ 1, 1, MARCH_NOT },
};

static const uint64_t march_backgrounds[MARCH_BACKGROUNDS] = {
	0,
	UINT64_C(0x5555555555555555),
	UINT64_C(0x3333333333333333),
	UINT64_C(0x0f0f0f0f0f0f0f0f),
	UINT64_C(0x00ff00ff00ff00ff),
	UINT64_C(0x0000ffff0000ffff),
	UINT64_C(0x00000000ffffffff),
};

/* Passes of the whole test, numbered from 0. */
static inline unsigned
march_length(const struct march *ma)
{
	return ma->ma_backgrounds * MARCH_FULL + 2 * MARCH_SHORT;
}

static inline const struct march_pass *
march_pass_of(const struct march *ma, unsigned pass)
{
	unsigned full = ma->ma_backgrounds * MARCH_FULL;

	return pass < full
	    ? &march_passes[pass % MARCH_FULL]
	    : &march_passes[MARCH_FULL + (pass - full) % MARCH_SHORT];
}

/* The 0 of a word in a pass. */
static inline uint64_t
march_value(const struct march *ma, unsigned pass, uintptr_t p)
{
	unsigned full = ma->ma_backgrounds * MARCH_FULL;
	uint64_t x = p;

	if (pass < full)
		return march_backgrounds[pass / MARCH_FULL];
	if (pass < full + MARCH_SHORT)
		return x;
	/* The finaliser of splitmix64. */
	x ^= ma->ma_seed * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* One pass over `n` words at `p`; how many did not hold what they should. */
static inline size_t
march_run(const struct march *ma, unsigned pass, volatile uint64_t *p, size_t n)
{
	const struct march_pass *mp = march_pass_of(ma, pass);
	ptrdiff_t step = mp->mp_down != 0 ? -1 : 1;
	uint64_t read = mp->mp_read == 1 ? UINT64_MAX : 0;
	uint64_t write = mp->mp_write == 1 ? UINT64_MAX : 0;
	bool fixed = pass < ma->ma_backgrounds * MARCH_FULL;
	uint64_t value = march_value(ma, pass, 0);
	size_t faults = 0;

	if (mp->mp_down != 0)
		p += n - 1;
	for (; n > 0; n--, p += step) {
		if (!fixed)
			value = march_value(ma, pass, (uintptr_t)p);
		if (mp->mp_read != MARCH_NOT) {
			uint64_t got = MARCH_LOAD(p);

			if (got != (value ^ read)) {
				faults++;
				ma->ma_fault(
				    ma->ma_arg, p, value ^ read, got, pass);
			}
		}
		if (mp->mp_write != MARCH_NOT)
			MARCH_STORE(p, value ^ write);
	}
	return faults;
}

/* What was seen of one faulty word. */
struct march_fault {
	volatile uint64_t *mf_word;
	uint64_t mf_ones;  /* bits read 1 that were to be 0 */
	uint64_t mf_zeros; /* bits read 0 that were to be 1 */
	uint64_t mf_count; /* reads that differed */
	uint64_t mf_want, mf_got;
	unsigned mf_pass; /* of the first one */
};

static inline void
march_fault_add(
    struct march_fault *mf, uint64_t want, uint64_t got, unsigned pass)
{
	if (mf->mf_count++ == 0) {
		mf->mf_want = want;
		mf->mf_got = got;
		mf->mf_pass = pass;
	}
	mf->mf_ones |= got & ~want;
	mf->mf_zeros |= want & ~got;
}

/*
 * After a whole test: do stuck bits explain it? They do when each read that
 * they spoil did differ, and no other: the test is gone through once more, on
 * paper. Any word whose bits change in both directions, or not each time, is
 * something else.
 */
static inline bool
march_is_stuck(const struct march *ma, const struct march_fault *mf)
{
	uint64_t spoiled = 0;
	unsigned pass;

	if ((mf->mf_ones & mf->mf_zeros) != 0)
		return false;
	for (pass = 0; pass < march_length(ma); pass++) {
		const struct march_pass *mp = march_pass_of(ma, pass);
		uint64_t want = march_value(ma, pass, (uintptr_t)mf->mf_word);

		if (mp->mp_read == MARCH_NOT)
			continue;
		if (mp->mp_read == 1)
			want = ~want;
		if (((want | mf->mf_ones) & ~mf->mf_zeros) != want)
			spoiled++;
	}
	return spoiled == mf->mf_count;
}

#endif
