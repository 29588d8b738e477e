/* SPDX-License-Identifier: MIT */
/* What the tests of kernel/'s pure parts share: random numbers, warnings. */
#ifndef KERNEL_TEST_H
#define KERNEL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* xorshift64*; seed it with anything but 0. */
struct rng {
	uint64_t state;
};

static inline uint64_t
rng_next(struct rng *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

static inline size_t
rng_below(struct rng *r, size_t n)
{
	return (size_t)(rng_next(r) >> 11) % n;
}

/* The sentences that a parser warned with, one per line. */
struct warnings {
	unsigned count;
	size_t longest;
	size_t n;
	char text[8192];
};

static inline void
warnings_add(void *arg, const char *sentence)
{
	struct warnings *w = arg;
	size_t len = strlen(sentence);

	for (size_t i = 0; i < len; i++)
		assert_true(sentence[i] >= 0x20 && sentence[i] < 0x7f);
	w->count++;
	if (len > w->longest)
		w->longest = len;
	if (w->n + len + 2 < sizeof(w->text)) {
		memcpy(w->text + w->n, sentence, len);
		w->n += len;
		w->text[w->n++] = '\n';
		w->text[w->n] = '\0';
	}
}

#endif
