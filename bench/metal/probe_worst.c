/* SPDX-License-Identifier: MIT */
/*
 * Single calls: the dearest, and what each way through the slow path costs.
 *
 * Every call of a schedule is timed alone. What a dear one did is read off the
 * statistics that moved since the dear call before; cheap calls move none.
 * The schedules start on a cache without slabs, in a machine with free memory,
 * so new slabs, new magazines and slabs that go back are all in them; a
 * constructor and reclaim are not.
 */
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/time.h>

#include "probe_impl.h"

#define WORST_OBJECTS 8192u /* slots; at most so many live */
#define WORST_STEPS   40000u
#define EDGE_MAX      160u
#define DEAR          45u /* instructions beyond which a call is looked at */
#define WATCHED_MAX   16u
#define CLASSES_MAX   24u

/* What a call did. */
enum {
	DID_MISS = 1,
	DID_DEPOT = 2,
	DID_GROW = 4,
	DID_SHRINK = 8,
	DID_MAGAZINE = 16, /* made or destroyed one */
	DID_RECORDS = 32,  /* the allocator's own caches grew or shrank */
	DID_SWAP = 64, /* moved no figure: the two magazines changed places */
	DID_COUNT = 7
};
static const char *const did_names[DID_COUNT] = { "miss", "depot", "grow",
	"shrink", "magazine", "records", "swap" };

struct snapshot {
	struct kmem_stats ss_own;
	uint64_t ss_magazines, ss_records;
};

struct class
{
	unsigned cl_did;
	uint64_t cl_calls, cl_min, cl_max, cl_sum;
};

struct watch {
	struct kmem_cache *wa_cache;
	struct kmem_cache *wa_internal[WATCHED_MAX];
	unsigned wa_internals, wa_magazine; /* index of its cache */
	struct snapshot wa_last;
	/* [0] allocs, [1] frees */
	struct class wa_class[2][CLASSES_MAX];
	unsigned wa_classes[2];
	uint64_t wa_worst[2];
	unsigned wa_worst_did[2];
	void *wa_slots[WORST_OBJECTS];
};

static void
snapshot_take(const struct watch *wa, struct snapshot *ss)
{
	struct kmem_stats st;
	unsigned i;

	ss->ss_records = ss->ss_magazines = 0;
	kmem_cache_stats(wa->wa_cache, &ss->ss_own);
	for (i = 0; i < wa->wa_internals; i++) {
		kmem_cache_stats(wa->wa_internal[i], &st);
		ss->ss_records += st.grow + st.shrink;
		if (i == wa->wa_magazine)
			ss->ss_magazines = st.objects_inuse;
	}
}

static unsigned
what_moved(const struct snapshot *a, const struct snapshot *b)
{
	unsigned did = 0;

	if (a->ss_own.mag_miss != b->ss_own.mag_miss)
		did |= DID_MISS;
	if (a->ss_own.depot_get != b->ss_own.depot_get ||
	    a->ss_own.depot_put != b->ss_own.depot_put)
		did |= DID_DEPOT;
	if (a->ss_own.grow != b->ss_own.grow)
		did |= DID_GROW;
	if (a->ss_own.shrink != b->ss_own.shrink)
		did |= DID_SHRINK;
	if (a->ss_magazines != b->ss_magazines)
		did |= DID_MAGAZINE;
	if (a->ss_records != b->ss_records)
		did |= DID_RECORDS;
	return did;
}

static void
classify(struct watch *wa, unsigned way, unsigned did, uint64_t cost)
{
	struct class *cl = wa->wa_class[way];
	unsigned i;

	for (i = 0; i < wa->wa_classes[way] && cl[i].cl_did != did; i++)
		;
	if (i == CLASSES_MAX)
		return;
	if (i == wa->wa_classes[way]) {
		wa->wa_classes[way]++;
		cl[i].cl_did = did;
		cl[i].cl_min = UINT64_MAX;
	}
	cl[i].cl_calls++;
	cl[i].cl_sum += cost;
	if (cost < cl[i].cl_min)
		cl[i].cl_min = cost;
	if (cost > cl[i].cl_max)
		cl[i].cl_max = cost;
}

static void
judge(struct watch *wa, unsigned way, uint64_t cost)
{
	struct snapshot now;
	unsigned did = 0;

	if (cost > DEAR) {
		snapshot_take(wa, &now);
		did = what_moved(&wa->wa_last, &now);
		if (did == 0)
			did = DID_SWAP;
		wa->wa_last = now;
	}
	classify(wa, way, did, cost);
	if (cost > wa->wa_worst[way]) {
		wa->wa_worst[way] = cost;
		wa->wa_worst_did[way] = did;
	}
}

static bool
take(struct watch *wa, size_t i)
{
	uint64_t cost = probe_alloc(wa->wa_cache, &wa->wa_slots[i]);

	judge(wa, 0, cost);
	return wa->wa_slots[i] != NULL;
}

static void
drop(struct watch *wa, size_t i)
{
	uint64_t cost = probe_free(wa->wa_cache, wa->wa_slots[i]);

	wa->wa_slots[i] = NULL;
	judge(wa, 1, cost);
}

static void
shuffle(struct watch *wa, size_t n, uint64_t *random)
{
	size_t i, j;
	void *t;

	for (i = n - 1; i > 0; i--) {
		j = (size_t)(bench_random(random) % (i + 1));
		t = wa->wa_slots[i];
		wa->wa_slots[i] = wa->wa_slots[j];
		wa->wa_slots[j] = t;
	}
}

/* All up, all down; first first, last first, at random; then around edges. */
static bool
schedule_batches(struct watch *wa, size_t n)
{
	uint64_t random = bench_seed(9, 0);
	size_t i, k;
	unsigned way;

	for (way = 0; way < 6; way++) {
		if (way == 3)
			(void)kmem_cache_shrink(wa->wa_cache);
		for (i = 0; i < n; i++)
			if (!take(wa, i))
				return false;
		if (way % 3 == 2)
			shuffle(wa, n, &random);
		for (i = 0; i < n; i++)
			drop(wa, way % 3 == 1 ? n - 1 - i : i);
	}
	for (k = 1; k <= EDGE_MAX && k <= n; k++) {
		for (i = 0; i < k; i++)
			if (!take(wa, i))
				return false;
		for (i = 0; i < k; i++)
			drop(wa, i);
	}
	return true;
}

/* A random slot changes its state; about half of them are live. */
static bool
schedule_random(struct watch *wa, size_t n)
{
	uint64_t random = bench_seed(10, 0);
	unsigned step;
	size_t i;

	(void)kmem_cache_shrink(wa->wa_cache);
	for (step = 0; step < WORST_STEPS; step++) {
		i = (size_t)((bench_random(&random) >> 16) % n);
		if (wa->wa_slots[i] != NULL)
			drop(wa, i);
		else if (!take(wa, i))
			return false;
	}
	for (i = 0; i < n; i++)
		if (wa->wa_slots[i] != NULL)
			drop(wa, i);
	return true;
}

static void
did_text(unsigned did, char *text, size_t size)
{
	size_t n = 0;
	unsigned i;

	n = fmt_format(text, size, "%s", did == 0 ? "hot" : "");
	for (i = 0; i < DID_COUNT; i++)
		if ((did >> i & 1u) != 0)
			n += fmt_format(text + n, size - n, "%s%s",
			    n > 0 ? "+" : "", did_names[i]);
}

static void
report_classes(struct probe_out *out, const struct watch *wa, unsigned way)
{
	char name[PROBE_NAME_MAX], text[PROBE_TEXT_MAX], did[48];
	unsigned i;

	for (i = 0; i < wa->wa_classes[way]; i++) {
		const struct class *cl = &wa->wa_class[way][i];

		did_text(cl->cl_did, did, sizeof(did));
		(void)fmt_format(name, sizeof(name), "%s.%s",
		    way == 0 ? "alloc" : "free", did);
		probe_fact(out, name, cl->cl_sum, cl->cl_calls);
		(void)fmt_format(name, sizeof(name), "%s.%s.is",
		    way == 0 ? "alloc" : "free", did);
		(void)fmt_format(text, sizeof(text),
		    "%llu calls, %llu to %llu instructions",
		    (unsigned long long)cl->cl_calls,
		    (unsigned long long)cl->cl_min,
		    (unsigned long long)cl->cl_max);
		probe_note(out, name, text);
	}
}

static void
report_worst(
    struct probe_out *out, const struct watch *wa, size_t size, unsigned way)
{
	char name[PROBE_NAME_MAX], did[48];

	(void)fmt_format(name, sizeof(name), "worst.%s.%zu",
	    way == 0 ? "alloc" : "free", size);
	probe_fact(out, name, wa->wa_worst[way], 1);
	did_text(wa->wa_worst_did[way], did, sizeof(did));
	(void)fmt_format(name, sizeof(name), "worst.%s.%zu.did",
	    way == 0 ? "alloc" : "free", size);
	probe_note(out, name, did);
}

static void
watch_open(struct watch *wa, struct kmem_cache *cp)
{
	struct kmem_cache *at;
	struct kmem_info info;

	memset(wa, 0, sizeof(*wa));
	wa->wa_cache = cp;
	for (at = kmem_cache_next(NULL); at != NULL; at = kmem_cache_next(at)) {
		kmem_cache_get_info(at, &info);
		if (strncmp(info.name, "kmem-", 5) != 0 ||
		    wa->wa_internals == WATCHED_MAX)
			continue;
		if (strcmp(info.name, "kmem-magazine") == 0)
			wa->wa_magazine = wa->wa_internals;
		wa->wa_internal[wa->wa_internals++] =
		    kmem_cache_find(info.name);
	}
	snapshot_take(wa, &wa->wa_last);
}

static void
watch_close(struct watch *wa)
{
	unsigned i;

	for (i = 0; i < wa->wa_internals; i++)
		kmem_cache_release(wa->wa_internal[i]);
}

void
probe_worst(struct probe_out *out)
{
	static const size_t sizes[] = { PROBE_SIZE, 8, 256, 1024, 4096 };
	struct watch *wa = probe_array(out, 1, sizeof(*wa));
	struct kmem_cache *cp;
	size_t n;
	unsigned i;

	if (wa == NULL)
		return;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cp = probe_cache(out, sizes[i], NULL);
		if (cp == NULL)
			break;
		/* Large objects in numbers that leave memory ample. */
		n = sizes[i] > 512 ? WORST_OBJECTS / 8 : WORST_OBJECTS;
		watch_open(wa, cp);
		if (!schedule_batches(wa, n) || !schedule_random(wa, n))
			out->po_error = "an allocation failed";
		watch_close(wa);
		report_worst(out, wa, sizes[i], 0);
		report_worst(out, wa, sizes[i], 1);
		if (sizes[i] == PROBE_SIZE) {
			report_classes(out, wa, 0);
			report_classes(out, wa, 1);
		}
		probe_uncache(out, cp);
	}
	kfree(wa);
}
