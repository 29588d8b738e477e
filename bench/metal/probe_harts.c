/* SPDX-License-Identifier: MIT */
/* Probes of several harts, which take turns: bench/metal/turns.c. */
#include <kernel/fmt.h>
#include <kernel/time.h>
#include <mm/frame.h>

#include "crew.h"
#include "probe_impl.h"

#define SETTLE_NS   50000u
#define QUEUE_MAX   100u /* batches between producer and consumer */
#define SCALE_HARTS 8u

struct handover {
	struct kmem_cache *ho_cache;
	struct turns ho_turns; /* 0 producer, 1 consumer */
	unsigned ho_depth;     /* batches that wait, in the steady state */
	bool ho_noop, ho_failed;
	uint64_t ho_fill, ho_drop; /* instructions */
	uint64_t ho_objects;
	size_t ho_free_before, ho_peak; /* frames */
	void **ho_objs;                 /* QUEUE_MAX batches, a ring */
};

static void **
batch_at(struct handover *ho, uint64_t batch)
{
	return ho->ho_objs + batch % (ho->ho_depth + 1) * PROBE_ROUND;
}

static void
produce(struct handover *ho, uint64_t batch, bool counted)
{
	void **objs = batch_at(ho, batch);
	uint64_t start = time_instret();
	size_t got, used;

	got = ho->ho_noop ? probe_noop_fill(ho->ho_cache, objs, PROBE_ROUND)
			  : probe_kmem_fill(ho->ho_cache, objs, PROBE_ROUND);
	if (counted) {
		ho->ho_fill += time_instret() - start;
		ho->ho_objects += got;
	}
	if (got < PROBE_ROUND)
		ho->ho_failed = true;
	used = ho->ho_free_before - frame_free_count();
	if (used > ho->ho_peak)
		ho->ho_peak = used;
}

static void
consume(struct handover *ho, uint64_t batch, bool counted)
{
	void **objs = batch_at(ho, batch);
	uint64_t start = time_instret();

	if (ho->ho_noop)
		probe_noop_drop(ho->ho_cache, objs, PROBE_ROUND);
	else
		probe_kmem_drop(ho->ho_cache, objs, PROBE_ROUND);
	if (counted)
		ho->ho_drop += time_instret() - start;
}

static void
handover_lane(struct crew *crew, void *arg, unsigned index)
{
	struct handover *ho = arg;
	uint64_t batches = PROBE_OBJECTS / PROBE_ROUND, b;
	uint64_t warm = 2u * ho->ho_depth + 8u;

	for (b = 0; b < warm + batches; b++) {
		turns_await(&ho->ho_turns, index);
		if (index == 0)
			produce(ho, b, b >= warm);
		else if (b + 1 >= ho->ho_depth)
			consume(ho, b + 1 - ho->ho_depth, b >= warm);
		turns_pass(&ho->ho_turns, crew, 1u - index);
	}
	/* What still waits. */
	if (index == 1)
		for (b = warm + batches + 1 - ho->ho_depth; b < warm + batches;
		     b++)
			consume(ho, b, false);
}

static bool
handover_once(struct probe_out *out, struct handover *ho)
{
	const char *why = NULL;

	ho->ho_cache = probe_cache(out, PROBE_SIZE, NULL);
	if (ho->ho_cache == NULL)
		return false;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	ho->ho_free_before = frame_free_count();
	if (crew_run(2, handover_lane, ho, &why) != 0)
		out->po_error = why;
	else if (ho->ho_failed)
		out->po_error = "an allocation failed";
	probe_uncache(out, ho->ho_cache);
	return out->po_error == NULL;
}

static void
handover_depth(struct probe_out *out, unsigned depth, void **objs)
{
	struct handover with = { .ho_depth = depth, .ho_objs = objs };
	struct handover noop = {
		.ho_depth = depth, .ho_objs = objs, .ho_noop = true
	};
	char name[PROBE_NAME_MAX];
	struct tally t;

	if (!handover_once(out, &with) || !handover_once(out, &noop))
		return;
	t.kmem = with.ho_fill + with.ho_drop;
	t.noop = noop.ho_fill + noop.ho_drop;
	t.pairs = with.ho_objects;
	(void)fmt_format(name, sizeof(name), "handover.%u", depth);
	probe_tally(out, name, &t);
	(void)fmt_format(name, sizeof(name), "handover.%u.footprint", depth);
	probe_fact(out, name, with.ho_peak * FRAME_SIZE,
	    (uint64_t)depth * PROBE_ROUND * PROBE_SIZE);
	(void)fmt_format(name, sizeof(name), "handover.%u.frames", depth);
	probe_fact(out, name, with.ho_peak, 1);
}

void
probe_handover(struct probe_out *out)
{
	void **objs = probe_array(
	    out, (size_t)(QUEUE_MAX + 1u) * PROBE_ROUND, sizeof(void *));

	if (objs == NULL)
		return;
	probe_fact(
	    out, "handover.bound", 2u * 2u * KMEM_ROUNDS_MAX * PROBE_SIZE, 1);
	handover_depth(out, 1, objs);
	if (out->po_error == NULL)
		handover_depth(out, QUEUE_MAX, objs);
	kfree(objs);
}

struct scale {
	struct kmem_cache *sc_cache[SCALE_HARTS];
	void **sc_slots;
	enum probe_load sc_load;
	struct tally sc_sum;
	struct probe_out *sc_out;
};

static void
scale_lane(struct crew *crew, void *arg, unsigned index)
{
	struct scale *sc = arg;
	struct workload w = { .w_cache = sc->sc_cache[index],
		.w_slots = sc->sc_slots,
		.w_count = PROBE_BATCH };
	struct tally t;

	(void)crew;
	crew_sleep(SETTLE_NS);
	if (!probe_measure(sc->sc_out, sc->sc_load, &w, PROBE_PAIRS, &t))
		return;
	sc->sc_sum.kmem += t.kmem;
	sc->sc_sum.noop += t.noop;
	sc->sc_sum.pairs += t.pairs;
}

/* `harts` harts, each on a cache of its own. */
static void
scale_once(
    struct probe_out *out, struct scale *sc, const char *what, unsigned harts)
{
	const char *why = NULL;
	char name[PROBE_NAME_MAX];
	unsigned i, made;

	sc->sc_sum = (struct tally){ 0 };
	for (made = 0; made < harts; made++) {
		sc->sc_cache[made] = probe_cache(out, PROBE_SIZE, NULL);
		if (sc->sc_cache[made] == NULL)
			break;
	}
	if (made == harts) {
		if (crew_run_in_turn(harts, scale_lane, sc, &why) != 0)
			out->po_error = why;
		(void)fmt_format(
		    name, sizeof(name), "scale.%s.%u", what, harts);
		if (out->po_error == NULL)
			probe_tally(out, name, &sc->sc_sum);
	}
	for (i = 0; i < made; i++)
		probe_uncache(out, sc->sc_cache[i]);
}

void
probe_scale(struct probe_out *out)
{
	static const unsigned harts[] = { 1, 2, 4, SCALE_HARTS };
	struct scale sc = { .sc_out = out };
	unsigned i;

	sc.sc_slots = probe_array(out, PROBE_BATCH, sizeof(void *));
	if (sc.sc_slots == NULL)
		return;
	for (i = 0; i < 4 && out->po_error == NULL; i++) {
		sc.sc_load = LOAD_PAIR;
		scale_once(out, &sc, "pair", harts[i]);
		sc.sc_load = LOAD_BATCH;
		scale_once(out, &sc, "batch", harts[i]);
	}
	kfree(sc.sc_slots);
}
