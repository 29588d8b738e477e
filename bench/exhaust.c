/* SPDX-License-Identifier: MIT */
/*
 * Taking every object that the machine has memory for.
 *
 * The objects hold the list of themselves: the first word is the link, the
 * second a stamp made of both addresses, so that an object handed out twice
 * shows when the list is walked. Freeing goes by 64 hands that each take
 * objects off the list in turn: slabs empty slowly and out of order, which is
 * the hard case for whoever gives frames back.
 */
#include <bench/exhaust.h>

#include "adapter.h"

#define POLL_EVERY 1024u
#define HANDS      64u

struct held {
	struct held *he_next;
	uint64_t he_stamp;
};

static uint64_t
stamp_of(const struct held *he)
{
	return ((uint64_t)(uintptr_t)he << 16) ^
	    (uint64_t)(uintptr_t)he->he_next;
}

bool
exhaust_take(struct exhaust *ex, struct kmem_cache *cp, bool (*stop)(void *arg),
    void *arg)
{
	struct held *he;

	*ex = (struct exhaust){ .ex_cache = cp };
	for (;;) {
		he = kmem_cache_alloc(cp, 0);
		if (he == NULL)
			return true;
		he->he_next = ex->ex_head;
		he->he_stamp = stamp_of(he);
		ex->ex_head = he;
		ex->ex_count++;
		if (stop != NULL && ex->ex_count % POLL_EVERY == 0 && stop(arg))
			return false;
	}
}

static void
drop(struct exhaust *ex, struct held *he)
{
	kmem_cache_free(ex->ex_cache, he);
}

void
exhaust_release(struct exhaust *ex, uint64_t seed)
{
	uint64_t random = bench_seed(seed, 0), n = 0;
	struct held *hand[HANDS] = { NULL };
	struct held *he, *next;
	unsigned i;

	/* The count bounds a list whose links may have been smashed. */
	for (he = ex->ex_head; he != NULL && n < ex->ex_count; he = next) {
		n++;
		if (he->he_stamp != stamp_of(he)) {
			ex->ex_broken += ex->ex_count - n + 1;
			break;
		}
		next = he->he_next;
		i = (unsigned)(bench_random(&random) % HANDS);
		if (hand[i] != NULL)
			drop(ex, hand[i]);
		hand[i] = he;
	}
	for (i = 0; i < HANDS; i++)
		if (hand[i] != NULL)
			drop(ex, hand[i]);
	ex->ex_head = NULL;
}
