/* SPDX-License-Identifier: MIT */
/*
 * memcpy, memmove, memset, memcmp by aligned words.
 *
 * The C library's are byte loops, and in some builds of it do misaligned
 * loads, which a U74 traps into firmware. Here no access is misaligned: where
 * source and destination disagree by less than a word, words are put together
 * by shifts.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD sizeof(uint64_t)
#define LINE (4 * WORD) /* per turn of the unrolled loops */
#define ONES 0x0101010101010101u

/* Accesses to the same bytes as words: may alias anything. */
typedef uint64_t __attribute__((may_alias)) word_t;

static int
aligned(const void *p)
{
	return (uintptr_t)p % WORD == 0;
}

/* Both aligned, n a multiple of a word, ascending. */
static void
copy_words(word_t *d, const word_t *s, size_t words)
{
	for (; words >= 4; words -= 4, d += 4, s += 4) {
		word_t a = s[0];
		word_t b = s[1];
		word_t c = s[2];
		word_t e = s[3];

		d[0] = a;
		d[1] = b;
		d[2] = c;
		d[3] = e;
	}
	while (words-- > 0)
		*d++ = *s++;
}

/*
 * d aligned, s not: from aligned words around s. Reads only words that hold a
 * byte of the source.
 */
static void
copy_shifted(word_t *d, const unsigned char *s, size_t words)
{
	unsigned off = (unsigned)((uintptr_t)s % WORD);
	const word_t *from = (const word_t *)(const void *)(s - off);
	unsigned right = off * 8, left = 64 - right;
	word_t low = *from++;

	while (words-- > 0) {
		word_t high = *from++;

		*d++ = low >> right | high << left;
		low = high;
	}
}

static void
copy_up(unsigned char *d, const unsigned char *s, size_t n)
{
	size_t words;

	if (n >= 2 * WORD) {
		for (; !aligned(d); n--)
			*d++ = *s++;
		words = n / WORD;
		if (aligned(s))
			copy_words((word_t *)(void *)d,
			    (const word_t *)(const void *)s, words);
		else
			copy_shifted((word_t *)(void *)d, s, words);
		d += words * WORD;
		s += words * WORD;
		n %= WORD;
	}
	while (n-- > 0)
		*d++ = *s++;
}

static void
copy_down(unsigned char *d, const unsigned char *s, size_t n)
{
	d += n;
	s += n;
	if (n >= 2 * WORD && ((uintptr_t)d - (uintptr_t)s) % WORD == 0) {
		for (; !aligned(d); n--)
			*--d = *--s;
		for (; n >= WORD; n -= WORD) {
			d -= WORD;
			s -= WORD;
			*(word_t *)(void *)d = *(const word_t *)(const void *)s;
		}
	}
	while (n-- > 0)
		*--d = *--s;
}

void *
memcpy(void *restrict d, const void *restrict s, size_t n)
{
	copy_up(d, s, n);
	return d;
}

void *
memmove(void *d, const void *s, size_t n)
{
	/* Upwards is right unless the destination starts inside the source. */
	if ((uintptr_t)d - (uintptr_t)s < n)
		copy_down(d, s, n);
	else
		copy_up(d, s, n);
	return d;
}

void *
memset(void *d, int c, size_t n)
{
	unsigned char *p = d;
	word_t v = (unsigned char)c * (word_t)ONES;

	if (n >= 2 * WORD) {
		word_t *w;

		for (; !aligned(p); n--)
			*p++ = (unsigned char)c;
		w = (word_t *)(void *)p;
		for (; n >= LINE; n -= LINE, w += 4) {
			w[0] = v;
			w[1] = v;
			w[2] = v;
			w[3] = v;
		}
		for (; n >= WORD; n -= WORD)
			*w++ = v;
		p = (unsigned char *)w;
	}
	while (n-- > 0)
		*p++ = (unsigned char)c;
	return d;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	if (((uintptr_t)p - (uintptr_t)q) % WORD == 0) {
		for (; n > 0 && !aligned(p); n--, p++, q++)
			if (*p != *q)
				return *p < *q ? -1 : 1;
		for (; n >= WORD; n -= WORD, p += WORD, q += WORD)
			if (*(const word_t *)(const void *)p !=
			    *(const word_t *)(const void *)q)
				break;
	}
	for (; n > 0; n--, p++, q++)
		if (*p != *q)
			return *p < *q ? -1 : 1;
	return 0;
}
