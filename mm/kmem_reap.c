/* SPDX-License-Identifier: MIT */
/*
 * Reclaim: giving frames back.
 *
 * Theory of operation
 *
 * 1. Who calls. A person or script (kmem_reap); the frame zones when a request
 *    finds no run, after their lock is dropped (kmem_low_memory: the light
 *    levels first); shrink and destroy, for one cache. Never from an
 *    interrupt, and with no lock held.
 * 2. Order, cheapest loss first; the level says where it ends:
 *      owners' reclaim call-backs
 *      empty slabs of every cache          (nothing is evicted)
 *      magazines the working set did not need            KMEM_REAP_TRIM
 *      all magazines of the depots                       KMEM_REAP_DEPOT
 *      the magazines of the harts, other harts' included KMEM_REAP_ALL
 *    After each step the allocator's own empty slabs go too. The target is
 *    looked at after every magazine and every slab: no more is evicted than
 *    was needed (defects T6, T7), and what is counted is what the zones got,
 *    the allocator's own frames included (defect T5).
 * 3. Other harts. A batch of caches is held, and each hart that used one of
 *    them is asked once per batch to give up its magazines (kmem_mag.c, 4);
 *    harts that used none are not interrupted. The rounds are returned to
 *    their slabs here, on the requester, with interrupts on: the interrupted
 *    hart pays for a few words per cache.
 * 4. Termination. Every loop removes something from a finite list, or walks
 *    caches in the order of their generation, which only grows; frees by
 *    others meanwhile cannot prolong a pass beyond the magazines that were
 *    there when it began, since each list is bounded by its count at entry
 *    (defect T26).
 * 5. While a hart is inside kmem_low_memory, its own requests that run dry do
 *    not enter it again.
 */
#include "kmem_impl.h"

#define DRAIN_BATCH 8u

struct reaping {
	size_t target; /* frames; 0: no end */
	size_t debt;   /* frames that owners' frees took, for magazines */
	struct kmem_reaped got;
};

struct drain {
	struct kmem_cache *dn_caches[DRAIN_BATCH];
	struct drained dn_taken[DRAIN_BATCH];
	unsigned dn_count;
};

/* Relaxed: figures, nothing is ordered by them. */
static _Atomic uint64_t reap_counts[3], reap_drains, reap_running, reap_rounds,
    reap_frames;

static bool
satisfied(const struct reaping *r)
{
	return r->target != 0 && r->got.frames >= r->target + r->debt;
}

static void
add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static void
reap_internal(struct reaping *r)
{
	kmem_internal_release(&r->got.frames, r->target);
}

/* A magazine that has left the depot: rounds to their slabs, and itself. */
static void
reap_magazine(struct kmem_cache *cp, struct magazine *mp, bool full,
    struct kmem_reaped *got)
{
	uint32_t rounds = full
	    ? atomic_load_explicit(&mp->mag_capacity, memory_order_relaxed)
	    : 0;

	if (rounds > 0)
		got->frames += slab_put_inflight(
		    cp, mag_first(mp, rounds), rounds, false, 0);
	got->objects += rounds;
	got->frames += mag_destroy(mp);
}

uint32_t
depot_release(struct kmem_cache *cp, bool full, enum depot_share share,
    uint32_t n, struct kmem_reaped *got, size_t target)
{
	uint32_t done = 0;

	for (; done < n && (target == 0 || got->frames < target); done++) {
		struct magazine *mp = full ? depot_reap_full(cp, share)
					   : depot_reap_empty(cp, share);

		if (mp == NULL)
			break;
		reap_magazine(cp, mp, full, got);
	}
	return done;
}

static void
reap_depot(struct kmem_cache *cp, bool trim, struct reaping *r)
{
	enum depot_share share = trim ? DEPOT_SPARE : DEPOT_ALL;
	size_t target = r->target == 0 ? 0 : r->target + r->debt;
	uint32_t full, empty;

	depot_lock(cp);
	full = cp->c_full.ml_count;
	empty = cp->c_empty.ml_count;
	depot_unlock(cp);
	(void)depot_release(cp, true, share, full, &r->got, target);
	(void)depot_release(cp, false, share, empty, &r->got, target);
}

/* Runs on the hart that is drained, pinned. */
static void
drain_here(void *arg)
{
	struct drain *dn = arg;

	for (unsigned i = 0; i < dn->dn_count; i++)
		hart_take(dn->dn_caches[i], &dn->dn_taken[i]);
}

static size_t
drain_flush(struct drain *dn, struct kmem_reaped *got)
{
	size_t before = got->objects;

	for (unsigned i = 0; i < dn->dn_count; i++)
		drained_flush(dn->dn_caches[i], &dn->dn_taken[i], &got->frames,
		    &got->objects);
	return got->objects - before;
}

static bool
hart_used(const struct drain *dn, unsigned hart)
{
	for (unsigned i = 0; i < dn->dn_count; i++) {
		const struct kmem_cache *cp = dn->dn_caches[i];

		/* Relaxed: a use that starts now belongs to the next reap. */
		if (cp->c_harts != NULL &&
		    atomic_load_explicit(
			&cp->c_harts[hart].hc_used, memory_order_relaxed) != 0)
			return true;
	}
	return false;
}

/* One hart's magazines of a batch; the number of rounds it gave up. */
static size_t
drain_hart(struct drain *dn, unsigned hart, struct kmem_reaped *got)
{
	unsigned long pin;
	bool self;

	if (!hart_used(dn, hart))
		return 0;
	pin = port_pin();
	self = port_hart_self() == hart;
	if (self)
		drain_here(dn);
	port_unpin(pin);
	if (!self) {
		add(&reap_drains, 1);
		if (!port_hart_call(hart, drain_here, dn))
			return 0;
	}
	return drain_flush(dn, got);
}

/* All harts, for one batch. Rounds that came from other harts. */
static size_t
drain_batch(struct drain *dn, struct reaping *r)
{
	size_t remote = 0;
	unsigned self = port_hart_self();

	for (unsigned h = 0; h < port_hart_count() && !satisfied(r); h++) {
		size_t rounds = drain_hart(dn, h, &r->got);

		if (h != self)
			remote += rounds;
	}
	return remote;
}

/* Take caches that the system's reap leaves alone out of a batch. */
static void
drain_spare_noreap(struct drain *dn)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < dn->dn_count; i++) {
		struct kmem_cache *cp = dn->dn_caches[i];

		if ((cp->c_flags & KMEM_NOREAP) != 0)
			kmem_cache_release(cp);
		else
			dn->dn_caches[kept++] = cp;
	}
	dn->dn_count = kept;
}

/* Gather, drain, let go, until every cache has been seen. */
static void
reap_harts(struct reaping *r)
{
	uint64_t after = 0;
	size_t remote = 0;
	struct drain dn;

	while (!satisfied(r)) {
		dn.dn_count =
		    kmem_cache_gather(dn.dn_caches, DRAIN_BATCH, &after);
		if (dn.dn_count == 0)
			break;
		drain_spare_noreap(&dn);
		remote += drain_batch(&dn, r);
		for (unsigned i = 0; i < dn.dn_count; i++)
			kmem_cache_release(dn.dn_caches[i]);
	}
	if (remote > 0) {
		add(&reap_running, 1);
		add(&reap_rounds, remote);
	}
}

/* What the owner frees moves through any cache: only the zones can tell. */
static void
ask_owner(struct kmem_cache *cp, struct reaping *r)
{
	size_t before = frame_free_count(), after;

	cp->c_reclaim(cp->c_arg);
	after = frame_free_count();
	if (after > before)
		r->got.frames += after - before;
	else
		r->debt += before - after;
}

enum step { STEP_OWNERS, STEP_EMPTY, STEP_TRIM, STEP_DEPOT };

static void
reap_step_cache(struct kmem_cache *cp, enum step step, struct reaping *r)
{
	size_t before = r->got.frames + r->got.objects;

	switch (step) {
	case STEP_OWNERS:
		if (cp->c_reclaim != NULL)
			ask_owner(cp, r);
		break;
	case STEP_EMPTY:
		slab_release_empty(cp, &r->got.frames, r->target);
		break;
	case STEP_TRIM:
	case STEP_DEPOT:
		reap_depot(cp, step == STEP_TRIM, r);
		break;
	}
	if (r->got.frames + r->got.objects > before)
		add(&cp->c_reaped, 1);
}

static void
reap_step(enum step step, struct reaping *r)
{
	struct kmem_cache *caches[DRAIN_BATCH];
	uint64_t after = 0;
	unsigned n;

	while (!satisfied(r) &&
	    (n = kmem_cache_gather(caches, DRAIN_BATCH, &after)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			struct kmem_cache *cp = caches[i];

			if (!satisfied(r) && !cp->c_internal &&
			    (cp->c_flags & KMEM_NOREAP) == 0)
				reap_step_cache(cp, step, r);
			kmem_cache_release(cp);
		}
	}
	if (!satisfied(r))
		reap_internal(r);
}

struct kmem_reaped
kmem_reap(enum kmem_level level, size_t target)
{
	struct reaping r = { .target = target };

	if (port_in_interrupt() && level == KMEM_REAP_ALL)
		level = KMEM_REAP_DEPOT;
	MM_ASSERT2(level <= KMEM_REAP_ALL, level, target);
	add(&reap_counts[level], 1);
	if (!port_in_interrupt())
		reap_step(STEP_OWNERS, &r);
	reap_step(STEP_EMPTY, &r);
	reap_step(STEP_TRIM, &r);
	if (level >= KMEM_REAP_DEPOT)
		reap_step(STEP_DEPOT, &r);
	if (level == KMEM_REAP_ALL && !satisfied(&r)) {
		reap_harts(&r);
		reap_step(STEP_EMPTY, &r);
		(void)frame_flush_all(); /* free already; now in long runs */
	}
	if (!port_in_interrupt())
		kmem_settle();
	r.got.frames -= r.debt < r.got.frames ? r.debt : r.got.frames;
	add(&reap_frames, r.got.frames);
	return r.got;
}

void
kmem_get_reap_stats(struct kmem_reap_stats *st)
{
	for (unsigned i = 0; i < 3; i++)
		st->reaps[i] = counter_read(&reap_counts[i]);
	st->drains = counter_read(&reap_drains);
	st->drained_running = counter_read(&reap_running);
	st->drained_rounds = counter_read(&reap_rounds);
	st->frames = counter_read(&reap_frames);
}

static struct kmem_reaped
flush_harts(struct kmem_cache *cp, unsigned hart)
{
	struct drain dn = { .dn_caches = { cp }, .dn_count = 1 };
	struct kmem_reaped got = { 0 };

	for (unsigned h = 0; h < port_hart_count(); h++) {
		if (hart == KMEM_ALL_HARTS || hart == h)
			(void)drain_hart(&dn, h, &got);
	}
	return got;
}

size_t
kmem_cache_flush(struct kmem_cache *cp, unsigned hart)
{
	if (kmem_context_refused("kmem_cache_flush in an interrupt",
		(uintptr_t)__builtin_return_address(0)))
		return 0;
	return flush_harts(cp, hart).objects;
}

size_t
cache_empty(struct kmem_cache *cp)
{
	struct reaping r = { .target = 0 };

	r.got = flush_harts(cp, KMEM_ALL_HARTS);
	reap_depot(cp, false, &r);
	kmem_settle();
	slab_release_empty(cp, &r.got.frames, 0);
	reap_internal(&r);
	return r.got.frames;
}

size_t
kmem_cache_shrink(struct kmem_cache *cp)
{
	size_t frames;

	if (kmem_context_refused("kmem_cache_shrink in an interrupt",
		(uintptr_t)__builtin_return_address(0)))
		return 0;
	frames = cache_empty(cp);
	(void)frame_flush_own(); /* free already; now in long runs */
	return frames;
}

/* Harts inside kmem_low_memory, one bit each. */
static _Atomic uint64_t low_harts[KMEM_HARTS_MAX / 64];

size_t
kmem_low_memory(size_t frames)
{
	unsigned hart = port_hart_self();
	uint64_t bit = (uint64_t)1 << (hart % 64);
	_Atomic uint64_t *word = &low_harts[hart / 64];
	size_t got = 0;

	MM_ASSERT2(hart < KMEM_HARTS_MAX, hart, frames);
	/* Relaxed: only this hart looks at its bit. */
	if ((atomic_fetch_or_explicit(word, bit, memory_order_relaxed) & bit) !=
	    0)
		return 0;
	for (int level = KMEM_REAP_TRIM; level <= KMEM_REAP_ALL; level++) {
		if (got < frames)
			got += kmem_reap((enum kmem_level)level, frames - got)
				   .frames;
	}
	atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
	return got;
}
