/* SPDX-License-Identifier: MIT */
/*
 * The probe of a pair that is inlined, for a cache known at build time. There
 * are no callees whose cost could be told from the loop's, so two loops are
 * measured that differ by one pair: a loop of two pairs less a loop of one.
 */
#include <kernel/static_cache.h>
#include <kernel/time.h>

#include "probe_impl.h"

static inline bool
inlined_pair(struct kmem_cache *cp)
{
	void *obj = static_cache_alloc(STATIC_SLOT_BENCH, cp, 0);

	if (obj == NULL)
		return false;
	static_cache_free(STATIC_SLOT_BENCH, cp, obj);
	return true;
}

static __attribute__((noinline)) bool
loop_of_one(struct kmem_cache *cp, uint64_t rounds)
{
	for (; rounds != 0; rounds--)
		if (!inlined_pair(cp))
			return false;
	return true;
}

static __attribute__((noinline)) bool
loop_of_two(struct kmem_cache *cp, uint64_t rounds)
{
	for (; rounds != 0; rounds--)
		if (!inlined_pair(cp) || !inlined_pair(cp))
			return false;
	return true;
}

/* Instructions of PROBE_PAIRS rounds without the way in and out; 0: failed. */
static uint64_t
rounds_cost(
    bool (*loop)(struct kmem_cache *cp, uint64_t rounds), struct kmem_cache *cp)
{
	uint64_t from, once, twice;
	bool done = loop(cp, PROBE_PAIRS);

	from = time_instret();
	done = loop(cp, PROBE_PAIRS) && done;
	once = time_instret() - from;
	from = time_instret();
	done = loop(cp, 2u * PROBE_PAIRS) && done;
	twice = time_instret() - from;
	return done ? twice - once : 0;
}

void
probe_inline(struct probe_out *out)
{
	const struct kmem_options opt = { .slot = STATIC_SLOT_BENCH };
	struct kmem_cache *cp = probe_cache(out, PROBE_SIZE, &opt);
	uint64_t one, two;

	if (cp == NULL)
		return;
	one = rounds_cost(loop_of_one, cp);
	two = rounds_cost(loop_of_two, cp);
	if (one != 0 && two != 0)
		probe_fact(out, "inline.pair", two - one, PROBE_PAIRS);
	else
		out->po_error = "an allocation failed";
	probe_uncache(out, cp);
}
