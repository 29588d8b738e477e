/* SPDX-License-Identifier: MIT */
/* Before and after a storm: its caches, its lanes, and whether all adds up. */
#include <kernel/smp.h>
#include <mm/frame.h>

#include "../adapter.h"
#include "storm_state.h"

/* Share of free memory that the objects of a storm may take. */
#define MEMORY_SHARE 4u
#define OBJECT_MEAN  1024u /* bytes, generously, slabs included */

const struct storm_kind_info storm_kinds[STORM_CACHES] = {
	[STORM_16] = { "storm-16", 16, KMEM_FAST, false },
	[STORM_64] = { "storm-64", 64, KMEM_FAST, true },
	[STORM_200] = { "storm-200", 200, KMEM_CHECKED, false },
	[STORM_512] = { "storm-512", 512, KMEM_FAST, false },
	[STORM_1000] = { "storm-1000", 1000, KMEM_CHECKED, true },
	[STORM_4096] = { "storm-4096", 4096, KMEM_FAST, false },
};

static int
construct(void *obj, void *arg)
{
	struct storm *st = arg;
	uint64_t *words = obj;

	words[0] = (uint64_t)(uintptr_t)obj ^ STORM_CTOR_WORD;
	words[1] = ~words[0];
	/* Relaxed: a statistic, read when the harts are home. */
	atomic_fetch_add_explicit(&st->st_ctor, 1u, memory_order_relaxed);
	return 0;
}

static void
destruct(void *obj, void *arg)
{
	struct storm *st = arg;
	uint64_t *words = obj;

	if (!storm_constructed(words))
		atomic_fetch_add_explicit(
		    &st->st_ctor_bad, 1u, memory_order_relaxed);
	words[0] = words[1] = 0;
	atomic_fetch_add_explicit(&st->st_dtor, 1u, memory_order_relaxed);
}

/* Slots per hart that fit into a share of what is free. */
static unsigned
slots_per_hart(unsigned harts)
{
	size_t bytes = frame_free_count() * FRAME_SIZE / MEMORY_SHARE;
	unsigned slots = STORM_SLOTS_MAX;

	while (slots > STORM_SLOTS_MIN &&
	    (size_t)slots * harts * OBJECT_MEAN > bytes)
		slots /= 2u;
	return slots;
}

static struct storm_lane *
lane_create(struct storm *st, unsigned index)
{
	struct storm_lane *lane;

	lane = kzalloc(
	    sizeof(*lane) + st->st_slots * sizeof(lane->sn_slots[0]), 0);
	if (lane == NULL)
		return NULL;
	lane->sn_storm = st;
	lane->sn_index = index;
	lane->sn_random = bench_seed(st->st_opt->seed, 2u * index);
	lane->sn_irq_random = bench_seed(st->st_opt->seed, 2u * index + 1u);
	return lane;
}

int
storm_open(struct storm *st, const char **why)
{
	unsigned i;
	int err;

	*why = "harts must be 1 or more, and not more than the machine has";
	if (st->st_harts == 0 || st->st_harts > CREW_MAX ||
	    st->st_harts > smp_hart_count())
		return -KMEM_EINVAL;
	st->st_slots = slots_per_hart(st->st_harts);
	st->st_out->live_max = (uint64_t)st->st_slots * st->st_harts;
	*why = "no memory for the records of a storm";
	for (i = 0; i < st->st_harts; i++) {
		st->st_lane[i] = lane_create(st, i);
		if (st->st_lane[i] == NULL)
			return -KMEM_ENOMEM;
	}
	for (i = 0; i < STORM_CACHES; i++) {
		const struct storm_kind_info *ki = &storm_kinds[i];
		struct kmem_options opt = { .protect = ki->ki_protect };

		if (ki->ki_ctor) {
			opt.ctor = construct;
			opt.dtor = destruct;
			opt.arg = st;
		}
		err = kmem_cache_create(
		    &st->st_cache[i], ki->ki_name, ki->ki_size, &opt, why);
		if (err != 0) {
			st->st_cache[i] = NULL;
			return err;
		}
	}
	st->st_errors_before = kmem_errors_total();
	kmem_get_reap_stats(&st->st_reaps_before);
	return 0;
}

void
storm_close(struct storm *st)
{
	unsigned i;

	for (i = 0; i < STORM_CACHES; i++) {
		struct kmem_cache *cp = st->st_cache[i];

		if (cp != NULL && bench_destroy(cp) != 0)
			storm_finding(st,
			    "%s cannot be destroyed, though all "
			    "its objects are free",
			    storm_kinds[i].ki_name);
	}
	if (atomic_load_explicit(&st->st_ctor_bad, memory_order_relaxed) != 0)
		storm_finding(st,
		    "a destructor found an object that was not "
		    "in its constructed state");
	st->st_out->ctor =
	    atomic_load_explicit(&st->st_ctor, memory_order_relaxed);
	st->st_out->dtor =
	    atomic_load_explicit(&st->st_dtor, memory_order_relaxed);
	if (st->st_out->ctor != st->st_out->dtor)
		storm_finding(st,
		    "%llu objects were constructed and %llu "
		    "destructed",
		    (unsigned long long)st->st_out->ctor,
		    (unsigned long long)st->st_out->dtor);
	for (i = 0; i < st->st_harts && i < CREW_MAX; i++)
		kfree(st->st_lane[i]);
}

/* The figures of one cache when no object of it is in use. */
static void
audit_cache(struct storm *st, unsigned kind, bool reaped)
{
	struct kmem_cache *cp = st->st_cache[kind];
	const char *name = storm_kinds[kind].ki_name;
	struct kmem_stats s;
	struct kmem_info info;
	uint64_t slabs;

	kmem_cache_stats(cp, &s);
	kmem_cache_get_info(cp, &info);
	slabs = s.slabs_full + s.slabs_partial + s.slabs_empty;
	if (s.objects_inuse != 0)
		storm_finding(st,
		    "%s says %llu objects are in use, all are "
		    "free",
		    name, (unsigned long long)s.objects_inuse);
	if (s.objects_cached > s.objects_total)
		storm_finding(st, "%s caches %llu objects of %llu", name,
		    (unsigned long long)s.objects_cached,
		    (unsigned long long)s.objects_total);
	if (s.bytes_inuse != 0)
		storm_finding(st, "%s says %llu bytes are in use, all are free",
		    name, (unsigned long long)s.bytes_inuse);
	if ((slabs == 0) != (s.frames == 0) ||
	    (slabs == 0) != (s.objects_total == 0))
		storm_finding(st,
		    "%s has %llu slabs, %llu frames and %llu "
		    "objects",
		    name, (unsigned long long)slabs,
		    (unsigned long long)s.frames,
		    (unsigned long long)s.objects_total);
	if (info.protect == KMEM_CHECKED && s.alloc != s.free)
		storm_finding(st, "%s counts %llu allocs and %llu frees", name,
		    (unsigned long long)s.alloc, (unsigned long long)s.free);
	if (reaped && s.objects_total != 0)
		storm_finding(st,
		    "%s keeps %llu objects after a reap of level "
		    "all, %llu of them cached",
		    name, (unsigned long long)s.objects_total,
		    (unsigned long long)s.objects_cached);
}

void
storm_audit(struct storm *st)
{
	struct kmem_finding found;
	struct kmem_reaped reaped;
	size_t before, after;
	unsigned i;

	for (i = 0; i < STORM_CACHES; i++)
		audit_cache(st, i, false);
	before = frame_free_count();
	reaped = kmem_reap(KMEM_REAP_ALL, 0);
	after = frame_free_count();
	if (after - before != reaped.frames)
		storm_finding(st,
		    "a reap says it gave %zu frames back, the "
		    "zones have %zu more",
		    reaped.frames, after - before);
	for (i = 0; i < STORM_CACHES; i++)
		audit_cache(st, i, true);
	if (kmem_verify(NULL, &found, 1) != 0)
		storm_finding(st, "kmem_verify after the storm: %s: %s (%#lx)",
		    found.cache, found.what, (unsigned long)found.where);
	if (st->st_out->allocs != st->st_out->frees)
		storm_finding(st, "%llu objects were allocated and %llu freed",
		    (unsigned long long)st->st_out->allocs,
		    (unsigned long long)st->st_out->frees);
	if (kmem_errors_total() != st->st_errors_before)
		storm_finding(st, "%llu heap errors were reported",
		    (unsigned long long)(kmem_errors_total() -
			st->st_errors_before));
}
