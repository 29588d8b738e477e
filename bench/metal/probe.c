/* SPDX-License-Identifier: MIT */
/*
 * Probes: the figures of `make bench`.
 *
 * Theory of operation
 *
 * 1. A probe measures one thing and records facts: exact integers with a
 *    divisor. No floating point, no clock: instructions and counts only, so
 *    two runs on one image give the same digits. docs/benchmarks.md defines
 *    each figure; scripts/bench makes the table of them.
 * 2. Loops (bench/workload/loads.c) are compiled twice, with the allocator and
 *    with callees that are a single `ret`. NAME.gross is the whole loop;
 *    NAME.net the difference of the two; NAME.callees is net plus two, the
 *    rets of the noop callees, which the difference has taken away. A loop is
 *    run for n pairs and for 2n, and the first taken from the second: what
 *    stands around it cancels out. Loops whose unit is a round of thousands run
 *    once, since what one round leaves behind the next may find.
 * 3. Single calls are timed by two readings of the counter around the call; the
 *    same function around a noop call tells what the reading costs. The result
 *    is the callee with its ret.
 * 4. Where harts take part they take turns (probe_harts.c): one runs, the
 *    others are asleep, because QEMU counts instructions of all together.
 * 5. The probes and their Lua module are linked into an image of their own,
 *    from the same objects as the kernel's, whose size is limited. Nothing of
 *    the kernel is compiled differently for them.
 */
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/time.h>

#include "probe_impl.h"

static const struct probe probes[] = {
	{ "pair", "hot pair", 1, probe_pair },
	{ "inline", "hot pair, inlined", 1, probe_inline },
	{ "batch", "many allocated, then freed", 1, probe_batch },
	{ "replace", "random replacement", 1, probe_replace },
	{ "bulk", "many by one call", 1, probe_bulk },
	{ "construct", "objects with a constructor", 1, probe_construct },
	{ "worst", "single calls, by what they did", 1, probe_worst },
	{ "checked", "pair of a checked cache", 1, probe_checked },
	{ "create", "create and destroy", 1, probe_create },
	{ "frames", "frame zone", 1, probe_frames },
	{ "reclaim", "giving memory back", 1, probe_reclaim },
	{ "memory", "memory taken for what was asked", 1, probe_memory },
	{ "irqoff", "the longest time with interrupts off", 1, probe_irqoff },
	{ "rivals", "work of other designs, to see that they are fair", 1,
	    probe_rivals },
	{ "sheaf", "Linux 7's sheaves: what they are known for", 1,
	    probe_sheaf },
	{ "handover", "producer and consumer", 2, probe_handover },
	{ "spread", "destroy of a cache that many harts used", 8,
	    probe_spread },
	{ "scale", "own caches on several harts", 8, probe_scale },
	{ "lines", "cache lines shared by two harts", 2, probe_lines },
};

#define PROBES (sizeof(probes) / sizeof(probes[0]))

const struct probe *
probe_list(size_t *count)
{
	*count = PROBES;
	return probes;
}

const struct probe *
probe_find(const char *name)
{
	size_t i;

	for (i = 0; i < PROBES; i++)
		if (strcmp(probes[i].pr_name, name) == 0)
			return &probes[i];
	return NULL;
}

static struct probe_fact *
fact_new(struct probe_out *out, const char *name)
{
	struct probe_fact *pf;

	if (out->po_count == PROBE_FACTS_MAX) {
		out->po_error = "more facts than PROBE_FACTS_MAX";
		return NULL;
	}
	pf = &out->po_facts[out->po_count++];
	(void)fmt_format(pf->pf_name, sizeof(pf->pf_name), "%s", name);
	pf->pf_text[0] = '\0';
	pf->pf_value = 0;
	pf->pf_per = 1;
	return pf;
}

void
probe_fact(
    struct probe_out *out, const char *name, uint64_t value, uint64_t per)
{
	struct probe_fact *pf = fact_new(out, name);

	if (pf == NULL)
		return;
	pf->pf_value = value;
	pf->pf_per = per != 0 ? per : 1;
}

void
probe_note(struct probe_out *out, const char *name, const char *text)
{
	struct probe_fact *pf = fact_new(out, name);

	if (pf != NULL)
		(void)fmt_format(pf->pf_text, sizeof(pf->pf_text), "%s", text);
}

void
probe_tally(struct probe_out *out, const char *name, const struct tally *t)
{
	/* A callee that costs less than a ret does not exist. */
	uint64_t net = t->kmem > t->noop ? t->kmem - t->noop : 0;
	char full[PROBE_NAME_MAX];

	(void)fmt_format(full, sizeof(full), "%s.net", name);
	probe_fact(out, full, net, t->pairs);
	(void)fmt_format(full, sizeof(full), "%s.callees", name);
	probe_fact(out, full, net + 2u * t->pairs, t->pairs);
	(void)fmt_format(full, sizeof(full), "%s.gross", name);
	probe_fact(out, full, t->kmem, t->pairs);
}

static uint64_t
timed_step(const struct workload_code *code, struct workload *w, uint64_t pairs,
    uint64_t *done)
{
	uint64_t before = time_instret();

	*done = code->wc_step(w, pairs);
	return time_instret() - before;
}

static bool
measure_one(enum probe_load load, const struct workload_code *code,
    struct workload *w, uint64_t pairs, uint64_t *instr, uint64_t *done)
{
	bool rounds = load == LOAD_BATCH || load == LOAD_MAGAZINES;
	uint64_t warm, once, twice = 2u * pairs;

	w->w_random = bench_seed(0, 0);
	if (!code->wc_prepare(w))
		return false;
	warm = code->wc_step(w, pairs);
	once = timed_step(code, w, pairs, done);
	if (rounds) {
		*instr = once;
	} else {
		*instr = timed_step(code, w, 2u * pairs, &twice) - once;
		twice -= *done;
	}
	code->wc_finish(w);
	return warm >= pairs && *done >= pairs && twice >= pairs;
}

bool
probe_measure(struct probe_out *out, enum probe_load load, struct workload *w,
    uint64_t pairs, struct tally *t)
{
	uint64_t done;

	if (measure_one(
		load, &probe_kmem_code[load], w, pairs, &t->kmem, &t->pairs) &&
	    measure_one(
		load, &probe_noop_code[load], w, pairs, &t->noop, &done) &&
	    done == t->pairs)
		return true;
	out->po_error = "an allocation failed";
	return false;
}

uint64_t
probe_alloc(struct kmem_cache *cp, void **obj)
{
	uint64_t with = probe_kmem_alloc(cp, obj);
	void *none;

	return with + 1 - probe_noop_alloc(cp, &none);
}

uint64_t
probe_free(struct kmem_cache *cp, void *obj)
{
	uint64_t with = probe_kmem_free(cp, obj);

	return with + 1 - probe_noop_free(cp, obj);
}

uint64_t
probe_window_cost(void)
{
	uint64_t before = time_instret();

	return time_instret() - before;
}

struct kmem_cache *
probe_cache(struct probe_out *out, size_t size, const struct kmem_options *opt)
{
	static unsigned serial;
	struct kmem_cache *cp;
	char name[KMEM_NAME_MAX];

	(void)fmt_format(name, sizeof(name), "probe-%u", ++serial);
	if (kmem_cache_create(&cp, name, size, opt, &out->po_error) != 0)
		return NULL;
	out->po_error = NULL;
	return cp;
}

void
probe_uncache(struct probe_out *out, struct kmem_cache *cp)
{
	if (bench_destroy(cp) != 0)
		out->po_error = "a probe's cache could not be destroyed";
}

void *
probe_array(struct probe_out *out, size_t n, size_t bytes)
{
	void *p = kzalloc(n * bytes, 0);

	if (p == NULL)
		out->po_error = "no memory for the probe's own records";
	return p;
}
