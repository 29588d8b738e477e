/* SPDX-License-Identifier: MIT */
/*
 * The probe of the sheaves: is the rival what the original is known for? A
 * pair without atomic operations; nothing beyond main and spare in a burst of
 * up to two sheaves, then a visit to the barn for each sheaf's worth of
 * objects; no more idle objects than two sheaves a hart and ten. Counts are
 * those of the twin that counts, instructions those of the rival itself.
 */
#include <kernel/fmt.h>
#include <kernel/time.h>

#include "../rival/rival.h"
#include "../rival/sheaf_counted.h"
#include "probe_impl.h"

#define SHORT_BURST 1200u /* objects: past main, spare and barn */
#define LONG_BURST  7200u

/* The rival that does not count has the names that sheaf_counted.h renames. */
#undef sheaf_create
#undef sheaf_alloc
#undef sheaf_free
#undef sheaf_destroy
struct sheaf_cache *sheaf_create(
    size_t size, size_t align, int (*ctor)(void *obj, void *arg), void *arg);
void *sheaf_alloc(struct sheaf_cache *s);
void sheaf_free(struct sheaf_cache *s, void *obj);
bool sheaf_destroy(struct sheaf_cache *s);

static const char *const error = "an allocation failed";

/* Instructions of a loop of pairs; 0: an allocation failed. */
static __attribute__((noinline)) uint64_t
sheaf_pairs(struct sheaf_cache *s, uint64_t pairs)
{
	uint64_t from = time_instret();

	for (; pairs != 0; pairs--) {
		void *obj = sheaf_alloc(s);

		if (obj == NULL)
			return 0;
		sheaf_free(s, obj);
	}
	return time_instret() - from;
}

static __attribute__((noinline)) uint64_t
noop_pairs(void *heap, uint64_t pairs)
{
	uint64_t from = time_instret();

	for (; pairs != 0; pairs--) {
		void *obj = bench_noop_alloc(heap, 0);

		if (obj == NULL)
			return 0;
		bench_noop_free(heap, obj);
	}
	return time_instret() - from;
}

/* What a hot pair costs beyond two callees that only return. */
static void
cost(struct probe_out *out)
{
	struct sheaf_cache *s = sheaf_create(PROBE_SIZE, 0, NULL, NULL);
	uint64_t with, without;

	if (s == NULL || sheaf_pairs(s, PROBE_PAIRS) == 0) {
		out->po_error = error;
		return;
	}
	with = sheaf_pairs(s, PROBE_PAIRS);
	with = sheaf_pairs(s, 2u * PROBE_PAIRS) - with;
	without = noop_pairs(s, PROBE_PAIRS);
	without = noop_pairs(s, 2u * PROBE_PAIRS) - without;
	probe_fact(out, "sheaf.net", with - without, PROBE_PAIRS);
	if (!sheaf_destroy(s))
		out->po_error = "the sheaves lost an object";
}

/* n objects, then all back; false: an allocation failed. */
static bool
burst(struct sheaf_cache *s, void **objs, size_t n)
{
	size_t i, got;

	for (got = 0; got < n; got++) {
		objs[got] = counted_sheaf_alloc(s);
		if (objs[got] == NULL)
			break;
	}
	for (i = 0; i < got; i++)
		counted_sheaf_free(s, objs[i]);
	return got == n;
}

/* Visits to the barn in one burst that follows one like it. */
static uint64_t
visits(struct probe_out *out, struct sheaf_cache *s, void **objs, size_t n)
{
	struct sheaf_facts before, after;

	if (!burst(s, objs, LONG_BURST) || !burst(s, objs, n))
		out->po_error = error;
	counted_sheaf_look(s, &before);
	if (!burst(s, objs, n))
		out->po_error = error;
	counted_sheaf_look(s, &after);
	return after.visits - before.visits;
}

static void
steps(struct probe_out *out, struct sheaf_cache *s, void **objs)
{
	static const unsigned lengths[] = { 60, 120, 180, 240, 600 };
	uint64_t few, many;
	char name[PROBE_NAME_MAX];
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		(void)fmt_format(
		    name, sizeof(name), "sheaf.visits.%u", lengths[i]);
		probe_fact(out, name, visits(out, s, objs, lengths[i]), 1);
	}
	/* Objects of both ways for each visit, of what one burst is longer. */
	few = visits(out, s, objs, SHORT_BURST);
	many = visits(out, s, objs, LONG_BURST);
	probe_fact(out, "sheaf.step", 2u * (LONG_BURST - SHORT_BURST),
	    many > few ? many - few : 0);
}

static void
counts(struct probe_out *out, struct sheaf_cache *s, void **objs)
{
	struct sheaf_facts f;
	uint64_t before, i;

	steps(out, s, objs);
	counted_sheaf_look(s, &f);
	probe_fact(out, "sheaf.idle", f.idle, 1);
	probe_fact(out, "sheaf.idle.most",
	    (2u * port_hart_count() + SHEAF_BARN_MOST) * f.capacity, 1);
	before = rival_atomics;
	for (i = 0; i < PROBE_PAIRS; i++)
		if (!burst(s, objs, 1))
			out->po_error = error;
	probe_fact(out, "sheaf.atomics", rival_atomics - before, PROBE_PAIRS);
}

void
probe_sheaf(struct probe_out *out)
{
	void **objs = probe_array(out, LONG_BURST, sizeof(*objs));
	struct sheaf_cache *s = NULL;

	if (objs == NULL)
		return;
	cost(out);
	s = counted_sheaf_create(PROBE_SIZE, 0, NULL, NULL);
	if (s == NULL) {
		out->po_error = "no memory for the sheaves";
	} else {
		counts(out, s, objs);
		if (!counted_sheaf_destroy(s))
			out->po_error = "the sheaves lost an object";
	}
	kfree(objs);
}
