/* SPDX-License-Identifier: MIT */
/*
 * The depot of a cache: whole magazines, full ones and empty ones.
 *
 * Theory of operation
 *
 * 1. A hart whose two magazines cannot serve exchanges one here: an empty one
 *    for a full one when it allocates, a full one for an empty one when it
 *    frees (Bonwick & Adams 2001). One short lock of this cache per exchange,
 *    and never a lock of the whole system (defects T9, A15 of the ancestors).
 *    Keeping the empty ones makes freeing need no memory (defect T8).
 * 2. Working set. Each list remembers the lowest count it had since the last
 *    tick. That many magazines were never needed in the interval; at the tick
 *    the figure becomes `spare`, and a trim takes at most the lower of it and
 *    of the current interval's minimum. Ticks come about once a second.
 * 3. Bound. Rounds that were spare for a whole interval are idle. What idles
 *    beyond an eighth of the recent high-water mark is marked at the tick and
 *    given back on idle time (kmem_idle.c). Spare is known after one interval,
 *    marked after the second and gone in the third. Empty magazines that idle
 *    go at once: they are 512 bytes each and hold nothing.
 * 4. Size of magazines: a control law for each cache whose size is automatic.
 *
 *      window  WINDOW visits inside one interval between ticks. Judged here at
 *              its end, so that it needs no clock and works under full load.
 *      grow    one step at the end of a window: in any case while below the
 *              size that the stride got at creation (the cache was idle and
 *              no longer is); above it, when at least WAITS_GROW of the visits
 *              found the lock taken.
 *      shrink  one step at a tick, when the interval had fewer than QUIET
 *              visits.
 *      range   steps 1, 3, 7, 15, 31, 61 rounds. At creation the largest whose
 *              objects take 8 KiB; from two steps below that up to 64 KiB.
 *
 *    It converges: a step up about halves the visits that a given load makes,
 *    and with them the chance that two meet. It does not oscillate: a load of
 *    fewer than QUIET visits makes fewer than 3 * QUIET at the next smaller
 *    size, which is below a window, so it does not grow again; one that filled
 *    a window makes at least a third of it at the next larger size, which is
 *    more than QUIET, so it does not shrink. Sizes live in the magazines, so
 *    nobody is stopped (kmem_mag.c, 2).
 * 5. Recursion: magazines come from a cache without magazines, and no lock of
 *    a depot is held while one is made or destroyed. So the depot of one cache
 *    never reaches another.
 */
#include "kmem_impl.h"

#define WINDOW          64u /* visits; a power of two */
#define WAITS_GROW      4u
#define QUIET           16u /* visits; below WINDOW / 3 */
/* Objects of one magazine: at creation, and when grown. What idle harts hold
 * of a cache stays small against a slab or two. */
#define MAG_BYTES_START 8192u
#define MAG_BYTES_MOST  65536u

static const uint8_t mag_steps[] = { 1, 3, 7, 15, 31, KMEM_ROUNDS_MAX };
#define STEPS (sizeof(mag_steps) / sizeof(mag_steps[0]))

void
depot_lock(struct kmem_cache *cp) NO_ANALYSIS
{
	mm_lock_acquire(&cp->c_depot_lock);
}

void
depot_unlock(struct kmem_cache *cp) NO_ANALYSIS
{
	mm_lock_release(&cp->c_depot_lock);
}

void
depot_init(struct kmem_cache *cp)
{
	mm_lock_init(&cp->c_depot_lock);
	cp->c_full = (struct maglist){ 0 };
	cp->c_empty = (struct maglist){ 0 };
	cp->c_depot_rounds = 0;
	cp->c_visits = 0;
	cp->c_waits = 0;
}

/* The largest step of at most `bytes` of objects; at least one round. */
static unsigned
rounds_within(size_t stride, size_t bytes)
{
	unsigned rounds = 1;

	for (unsigned i = 0; i < STEPS; i++) {
		if (mag_steps[i] * stride <= bytes)
			rounds = mag_steps[i];
	}
	return rounds;
}

unsigned
mag_rounds_for(size_t stride)
{
	return rounds_within(stride, MAG_BYTES_START);
}

unsigned
mag_rounds_most(size_t stride)
{
	return rounds_within(stride, MAG_BYTES_MOST);
}

unsigned
mag_rounds_least(size_t stride)
{
	unsigned rounds = mag_rounds_for(stride);

	for (unsigned i = 0; i < STEPS; i++) {
		if (mag_steps[i] == rounds)
			return mag_steps[i < 2 ? 0 : i - 2];
	}
	return 1;
}

static uint32_t
mag_capacity(struct magazine *mp)
{
	return atomic_load_explicit(&mp->mag_capacity, memory_order_relaxed);
}

static struct magazine *list_pop_locked(
    struct kmem_cache *cp, struct maglist *ml) REQUIRES(cp->c_depot_lock);
static inline struct magazine *
list_pop_locked(struct kmem_cache *cp, struct maglist *ml)
{
	struct magazine *mp = ml->ml_head;

	(void)cp;
	if (mp == NULL)
		return NULL;
	MM_ASSERT2(ml->ml_count > 0, mp, 0);
	ml->ml_head = mp->mag_next;
	mp->mag_next = NULL;
	ml->ml_count--;
	if (ml->ml_count < ml->ml_min)
		ml->ml_min = ml->ml_count;
	return mp;
}

static void list_push_locked(struct kmem_cache *cp, struct maglist *ml,
    struct magazine *mp) REQUIRES(cp->c_depot_lock);
static inline void
list_push_locked(struct kmem_cache *cp, struct maglist *ml, struct magazine *mp)
{
	(void)cp;
	MM_ASSERT2(mp->mag_next == NULL, mp, mp->mag_next);
	mp->mag_next = ml->ml_head;
	ml->ml_head = mp;
	ml->ml_count++;
}

static struct magazine *full_pop_locked(struct kmem_cache *cp)
    REQUIRES(cp->c_depot_lock);
static inline struct magazine *
full_pop_locked(struct kmem_cache *cp)
{
	struct magazine *mp = list_pop_locked(cp, &cp->c_full);

	if (mp != NULL) {
		MM_ASSERT2(cp->c_depot_rounds >= mag_capacity(mp),
		    cp->c_depot_rounds, mp);
		cp->c_depot_rounds -= mag_capacity(mp);
	}
	return mp;
}

static void full_push_locked(struct kmem_cache *cp, struct magazine *mp)
    REQUIRES(cp->c_depot_lock);
static inline void
full_push_locked(struct kmem_cache *cp, struct magazine *mp)
{
	list_push_locked(cp, &cp->c_full, mp);
	cp->c_depot_rounds += mag_capacity(mp);
}

/* One step towards larger or smaller magazines, inside the range. */
static bool
mag_step(struct kmem_cache *cp, bool up)
{
	size_t stride = cp->c_geo.g_stride;
	unsigned now =
	    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed);
	unsigned to = now;

	for (unsigned i = 0; i < STEPS; i++) {
		if (up && mag_steps[i] > now && to == now)
			to = mag_steps[i];
		if (!up && mag_steps[i] < now)
			to = mag_steps[i];
	}
	if (to == now || to < mag_rounds_least(stride) ||
	    to > mag_rounds_most(stride))
		return false;
	shared_store_32(&cp->c_magsize, to);
	return true;
}

/* The end of a window of visits: grow? */
static void window_close_locked(struct kmem_cache *cp)
    REQUIRES(cp->c_depot_lock);
static __attribute__((noinline)) void
window_close_locked(struct kmem_cache *cp)
{
	uint32_t waits = cp->c_waits;

	cp->c_waits = 0;
	if (!atomic_load_explicit(&cp->c_mag_auto, memory_order_relaxed))
		return;
	if (waits >= WAITS_GROW ||
	    atomic_load_explicit(&cp->c_magsize, memory_order_relaxed) <
		mag_rounds_for(cp->c_geo.g_stride))
		cp->c_mag_grown += mag_step(cp, true);
}

static void visit_begin(struct kmem_cache *cp)
    ACQUIRES(cp->c_depot_lock, rank_depot);
static inline void
visit_begin(struct kmem_cache *cp) NO_ANALYSIS
{
	bool waited = mm_lock_acquire_pinned(&cp->c_depot_lock);

	if (__builtin_expect(waited, 0))
		cp->c_waits++;
	if (__builtin_expect(++cp->c_visits % WINDOW == 0, 0))
		window_close_locked(cp);
}

static void visit_end(struct kmem_cache *cp)
    RELEASES(cp->c_depot_lock, rank_depot);
static inline void
visit_end(struct kmem_cache *cp) NO_ANALYSIS
{
	mm_lock_release_pinned(&cp->c_depot_lock);
}

struct magazine *
depot_swap_full(struct kmem_cache *cp, struct magazine *empty)
{
	struct magazine *mp;

	visit_begin(cp);
	mp = full_pop_locked(cp);
	if (mp != NULL && empty != NULL)
		list_push_locked(cp, &cp->c_empty, empty);
	visit_end(cp);
	return mp;
}

struct magazine *
depot_swap_empty(struct kmem_cache *cp, struct magazine *full)
{
	struct magazine *mp;

	visit_begin(cp);
	mp = list_pop_locked(cp, &cp->c_empty);
	if (mp != NULL && full != NULL)
		full_push_locked(cp, full);
	visit_end(cp);
	return mp;
}

struct magazine *
depot_get_empty(struct kmem_cache *cp)
{
	return depot_swap_empty(cp, NULL);
}

void
depot_put(struct kmem_cache *cp, struct magazine *mp, bool full)
{
	depot_lock(cp);
	if (full)
		full_push_locked(cp, mp);
	else
		list_push_locked(cp, &cp->c_empty, mp);
	depot_unlock(cp);
}

/* May one more go? It also lowers what later calls may take. */
static bool
list_yields(struct maglist *ml, enum depot_share share)
{
	if (share == DEPOT_ALL)
		return true;
	/* What this interval needed is not spare after all. */
	if (ml->ml_spare == 0 || ml->ml_min == 0 ||
	    (share == DEPOT_IDLE && ml->ml_idle == 0))
		return false;
	/* The idle are some of the spare. */
	ml->ml_spare--;
	if (share == DEPOT_IDLE)
		ml->ml_idle--;
	else if (ml->ml_idle > ml->ml_spare)
		ml->ml_idle = ml->ml_spare;
	return true;
}

struct magazine *
depot_reap_full(struct kmem_cache *cp, enum depot_share share)
{
	struct magazine *mp = NULL;

	depot_lock(cp);
	if (list_yields(&cp->c_full, share))
		mp = full_pop_locked(cp);
	if (mp != NULL)
		atomic_fetch_add_explicit(
		    &cp->c_inflight, mag_capacity(mp), memory_order_relaxed);
	depot_unlock(cp);
	return mp;
}

struct magazine *
depot_reap_empty(struct kmem_cache *cp, enum depot_share share)
{
	struct magazine *mp = NULL;

	depot_lock(cp);
	if (list_yields(&cp->c_empty, share))
		mp = list_pop_locked(cp, &cp->c_empty);
	depot_unlock(cp);
	return mp;
}

/* Magazines that neither this interval nor the one before needed. */
static uint32_t
list_idle(const struct maglist *ml)
{
	return ml->ml_spare < ml->ml_min ? ml->ml_spare : ml->ml_min;
}

/* True: a mark has moved. */
static bool
list_tick(struct maglist *ml, uint32_t bound)
{
	uint32_t idle = list_idle(ml);
	bool moved = ml->ml_spare != ml->ml_min || ml->ml_min != ml->ml_count;

	ml->ml_idle = idle > bound ? idle - bound : 0;
	ml->ml_spare = ml->ml_min;
	ml->ml_min = ml->ml_count;
	return moved;
}

bool
depot_tick(struct kmem_cache *cp, uint64_t bound, bool *excess)
{
	uint64_t rounds = 1;
	bool moved, shrunk = false;

	depot_lock(cp);
	/* The bound in magazines, by the mean of those that are here. */
	if (cp->c_full.ml_count > 0)
		rounds = cp->c_depot_rounds / cp->c_full.ml_count;
	bound /= rounds;
	moved = list_tick(
	    &cp->c_full, bound < UINT32_MAX ? (uint32_t)bound : UINT32_MAX);
	moved |= list_tick(&cp->c_empty, 0);
	moved |= cp->c_visits != 0;
	*excess = cp->c_full.ml_idle != 0 || cp->c_empty.ml_idle != 0;
	if (cp->c_visits < QUIET &&
	    atomic_load_explicit(&cp->c_mag_auto, memory_order_relaxed))
		shrunk = mag_step(cp, false);
	cp->c_mag_shrunk += shrunk;
	cp->c_visits = 0;
	cp->c_waits = 0;
	depot_unlock(cp);
	return moved || shrunk || *excess;
}

uint64_t
depot_idle(struct kmem_cache *cp)
{
	uint64_t idle = 0;

	depot_lock(cp);
	if (cp->c_full.ml_count > 0)
		idle = list_idle(&cp->c_full) *
		    (cp->c_depot_rounds / cp->c_full.ml_count);
	depot_unlock(cp);
	return idle;
}
