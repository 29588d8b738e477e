/* SPDX-License-Identifier: MIT */
/*
 * The harts' caches of single frames.
 *
 * Theory of operation
 *
 * 1. One zone, the home zone, has its single frames kept by the harts: each
 *    has a magazine of up to 56 of them, in the same kind of slot as a cache's
 *    magazines (mm/mag.h), so that the pair on it is restartable too. The pair
 *    pops or pushes and writes the frame's record; no lock, no counter.
 *    Requests for low memory or an alignment, and frames of other zones, take
 *    the ordinary way. Home is the largest zone that is not FRAME_LOW, so that
 *    low memory is not hidden in caches; the largest of all, when all are low.
 * 2. A frame in a cache is marked KIND_CACHED: free to whoever asks, but not
 *    in a free run, so that its neighbours do not merge with it. Giving back
 *    exchanges the kind for that mark; what was there before must be that of
 *    an allocated single frame. So a frame that is freed twice is found at the
 *    second time, by two harts at once too.
 * 3. No room: the frame joins the hart's chain, linked through the records'
 *    owner words; a chain as long as a magazine is put aside in the zone whole
 *    (z_loose), which is two stores under the zone's lock. No rounds: they
 *    come from the own chain, else from a chain put aside, else from a run
 *    that is divided. So no call costs more than one magazine's rounds or one
 *    link, and the lock is taken once in 56 calls at most.
 * 4. Chains are not merged on that way. They are when a request of any kind
 *    does not find what it needs (frame.c, 7), and in a reclaim: then they go
 *    back to their zone frame by frame, adjacent ones as one run.
 * 5. Another hart's cache is emptied by that hart (port_hart_call): it links
 *    its rounds to its chain and hands that over, a few hundred instructions;
 *    the caller merges them.
 * 6. The counts are read off: rounds from where the top lies, chains from
 *    their lengths. Exact when nothing moves.
 * 7. Memory: 512 bytes a hart, taken once and for all. A small zone gets small
 *    magazines, or none, so that magazines and chains of the harts hold an
 *    eighth of it at most.
 */
#include <mm/frame.h>

#include <stdatomic.h>

#include <mm/bits.h>
#include <mm/mag.h>
#include <mm/port.h>

#include "frame_impl.h"
#include "mm_assert.h"

#define ROUNDS_MAX 56u
#define ROUNDS_MIN 4u
#define FIRST_WANT 8u  /* frames; doubles to a magazine's */
#define PIECES_MAX 4u  /* runs that one refill is put together from */
#define BATCH      16u /* frames merged under one lock */

/* A hart's; only that hart writes it, pinned. Others read the count. */
struct frame_mag {
	uint32_t fm_chain; /* first frame, linked by next; FRAME_NONE */
	_Atomic uint32_t fm_chained; /* frames of it */
	uint32_t fm_want;            /* frames of the next run to divide */
	uint32_t fm_unused[13];      /* the sentinel lies below the rounds */
	void *fm_rounds[ROUNDS_MAX]; /* the last `rounds` of them are used */
};
_Static_assert(sizeof(struct frame_mag) == MAG_BYTES, "ends like a magazine");

struct frame_home *frame_home;
static size_t magazine_frames;
static uint32_t rounds; /* capacity of a magazine, length of a chain */

static struct frame_zone *
home_zone(void)
{
	return (struct frame_zone *)frame_home;
}

static struct mag_slot *
slot_of(const struct frame_zone *zp, unsigned hart)
{
	return (struct mag_slot *)((uintptr_t)port_slot_base(hart) +
	    zp->z_home.fh_slot);
}

static void **
top_of(const struct mag_slot *s)
{
	return __atomic_load_n(&s->top, __ATOMIC_RELAXED);
}

static struct frame_mag *
mag_of(void **top)
{
	return (struct frame_mag *)(((uintptr_t)top - sizeof(*top)) &
	    ~(uintptr_t)(MAG_BYTES - 1));
}

static void **
bottom_of(struct frame_mag *fm)
{
	return &fm->fm_rounds[ROUNDS_MAX - rounds];
}

static uint32_t
chained(const struct frame_mag *fm)
{
	return atomic_load_explicit(&fm->fm_chained, memory_order_relaxed);
}

static bool
is_full(void **top)
{
	return (uintptr_t)top % MAG_BYTES == 0;
}

void
frame_hart_init(uint64_t slot)
{
	struct frame_zone *zp = zone_for_singles();
	unsigned harts = port_hart_count();
	struct frame_mag *fm;

	MM_ASSERT(frame_home == NULL);
	rounds = ROUNDS_MAX;
	if (zp == NULL || slot == 0)
		return;
	/* Magazine and chain, of all harts: an eighth of the zone. */
	if (zp->z_total / (16 * harts) < rounds)
		rounds = (uint32_t)(zp->z_total / (16 * harts));
	if (rounds < ROUNDS_MIN)
		return;
	magazine_frames = div_up(harts * sizeof(*fm), FRAME_SIZE);
	fm =
	    frame_alloc_zones(magazine_frames, 1, FRAME_NOWAIT, FRAME_TAG_META);
	if (fm == NULL)
		return;
	zp->z_home.fh_slot = slot;
	for (unsigned h = 0; h < harts; h++, fm++) {
		struct mag_slot *s = slot_of(zp, h);

		fm->fm_chain = FRAME_NONE;
		fm->fm_want = FIRST_WANT;
		atomic_init(&fm->fm_chained, 0);
		bottom_of(fm)[-1] = NULL;
		s->top = s->previous = bottom_of(fm);
	}
	frame_home = &zp->z_home;
}

void
frame_hart_reset(void)
{
	frame_home = NULL;
}

size_t
frame_hart_magazines(void)
{
	return frame_home != NULL ? magazine_frames : 0;
}

/* --- rounds --- */

/* All frames of the chain become rounds: there is room for them. */
static void
refill_from_chain(struct frame_zone *zp, struct mag_slot *s)
{
	void **top = top_of(s);
	struct frame_mag *fm = mag_of(top);
	uint32_t at = fm->fm_chain;

	while (at != FRAME_NONE) {
		struct frame *fp = zone_record(zp, at);

		*top++ = (void *)zone_address(zp, at);
		at = link_next(fp);
		shared_store_64(&fp->f_owner, 0);
	}
	fm->fm_chain = FRAME_NONE;
	shared_store_32(&fm->fm_chained, 0);
	shared_store_top(&s->top, top);
}

/* Divide runs, the shortest first, until there are `want` more rounds. */
static void refill_from_runs_locked(struct frame_zone *zp, struct mag_slot *s,
    uint32_t want) REQUIRES(zp->z_lock);
static void
refill_from_runs_locked(
    struct frame_zone *zp, struct mag_slot *s, uint32_t want)
{
	void **top = top_of(s);

	for (unsigned i = 0; i < PIECES_MAX && want > 0; i++) {
		size_t frames = want;
		size_t at = zone_take_short_locked(zp, &frames);

		if (at == FRAME_NONE)
			break;
		want -= (uint32_t)frames;
		/* Downwards, so that they are handed out upwards. */
		for (size_t k = at + frames; k-- > at;) {
			struct frame *fp = zone_record(zp, k);

			fp->f_run = 1;
			shared_store_32(&fp->f_kind, KIND_CACHED);
			*top++ = (void *)zone_address(zp, k);
		}
	}
	if (top != top_of(s))
		zp->z_allocs++;
	else
		zp->z_misses++;
	shared_store_top(&s->top, top);
}

/* Take the chain that was put aside last; false: there is none. */
static bool chain_take_locked(struct frame_zone *zp, struct frame_mag *fm)
    REQUIRES(zp->z_lock);
static bool
chain_take_locked(struct frame_zone *zp, struct frame_mag *fm)
{
	if (zp->z_loose == FRAME_NONE)
		return false;
	fm->fm_chain = zp->z_loose;
	zp->z_loose = link_prev(zone_record(zp, fm->fm_chain));
	zp->z_loose_frames -= rounds;
	zp->z_allocs++;
	shared_store_32(&fm->fm_chained, rounds);
	return true;
}

/*
 * How much to divide now: little for a hart that needs little, so that it does
 * not break a long run for nothing; and when memory is short, not all for one.
 */
static uint32_t
next_want(const struct frame_zone *zp, struct frame_mag *fm)
{
	size_t share = zp->z_free / (4 * port_hart_count());
	uint32_t want = fm->fm_want < rounds ? fm->fm_want : rounds;

	fm->fm_want = want * 2;
	if (want > share)
		want = (uint32_t)share;
	return want > 0 ? want : 1;
}

/* The magazine is empty. */
static void
refill(struct frame_zone *zp, struct mag_slot *s)
{
	struct frame_mag *fm = mag_of(top_of(s));
	bool chain = fm->fm_chain != FRAME_NONE;

	if (!chain) {
		zone_enter(zp);
		chain = chain_take_locked(zp, fm);
		if (!chain)
			refill_from_runs_locked(zp, s, next_want(zp, fm));
		zone_leave(zp);
	}
	if (chain)
		refill_from_chain(zp, s);
}

void *
frame_slow_take(void *unused, uint32_t kind, unsigned flags)
{
	struct frame_zone *zp = home_zone();
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_of(zp, port_hart_self());
	void *run = top_of(s)[-1];

	(void)unused;
	if (run == NULL) {
		refill(zp, s);
		run = top_of(s)[-1];
	}
	if (run != NULL)
		shared_store_top(&s->top, top_of(s) - 1);
	port_unpin(pin);
	if (run == NULL)
		return frame_alloc_zones(1, 1, flags, kind & KIND_TAG);
	shared_store_32(zone_kind(&zp->z_home, (uintptr_t)run), kind);
	return run;
}

void
frame_slow_give(struct frame_home *home, void *run)
{
	struct frame_zone *zp = (struct frame_zone *)home;
	unsigned long pin = port_pin();
	struct mag_slot *s = slot_of(zp, port_hart_self());
	uint32_t at = zone_index(zp, (uintptr_t)run);
	void **top = top_of(s);
	struct frame_mag *fm = mag_of(top);

	if (!is_full(top)) {
		*top = run;
		shared_store_top(&s->top, top + 1);
		port_unpin(pin);
		return;
	}
	link_set(zone_record(zp, at), FRAME_NONE, fm->fm_chain);
	fm->fm_chain = at;
	shared_store_32(&fm->fm_chained, chained(fm) + 1);
	if (chained(fm) == rounds) {
		struct frame *head = zone_record(zp, at);

		zone_enter(zp);
		link_set(head, zp->z_loose, link_next(head));
		zp->z_loose = at;
		zp->z_loose_frames += rounds;
		zp->z_frees++;
		zone_leave(zp);
		fm->fm_chain = FRAME_NONE;
		shared_store_32(&fm->fm_chained, 0);
	}
	port_unpin(pin);
}

void
frame_bad_give(struct frame_home *home, void *run, uint32_t kind)
{
	/* What was found stays to be found. */
	shared_store_32(zone_kind(home, (uintptr_t)run), kind);
	port_panic(__FILE__, __LINE__,
	    (kind & KIND_TAG) == FRAME_TAG_FREE
		? "a frame that is freed is in use"
		: "a frame that is freed alone is a run of one",
	    (uintptr_t)run, kind);
}

/* --- giving back --- */

/* Merge a chain into its zone. Frames. */
static size_t
chain_release(struct frame_zone *zp, uint32_t at)
{
	size_t frames = 0;

	while (at != FRAME_NONE) {
		unsigned long pin = port_pin();

		zone_enter(zp);
		for (unsigned i = 0; i < BATCH && at != FRAME_NONE; i++) {
			uint32_t low = at, high = at;

			at = link_next(zone_record(zp, at));
			while (at != FRAME_NONE &&
			    (at == high + 1 || at + 1 == low)) {
				low = at < low ? at : low;
				high = at > high ? at : high;
				at = link_next(zone_record(zp, at));
			}
			zone_put_cached_locked(zp, low, high - low + 1);
			frames += high - low + 1;
		}
		zp->z_frees++;
		zone_leave(zp);
		port_unpin(pin);
	}
	return frames;
}

/*
 * Own rounds and chain, as one chain. Pinned, often in an interrupt: a link
 * for each round, and no lock.
 */
static uint32_t
hart_collect(struct frame_zone *zp)
{
	struct mag_slot *s = slot_of(zp, port_hart_self());
	void **top = top_of(s);
	struct frame_mag *fm = mag_of(top);
	uint32_t chain = fm->fm_chain;

	for (; top[-1] != NULL; top--) {
		uint32_t at = zone_index(zp, (uintptr_t)top[-1]);

		link_set(zone_record(zp, at), FRAME_NONE, chain);
		chain = at;
	}
	shared_store_top(&s->top, top);
	fm->fm_chain = FRAME_NONE;
	fm->fm_want = FIRST_WANT;
	shared_store_32(&fm->fm_chained, 0);
	return chain;
}

/* What harts have put aside, but not what they put aside meanwhile. */
static size_t
loose_release(struct frame_zone *zp)
{
	size_t frames = 0, all;

	zone_lock(zp);
	all = zp->z_loose_frames;
	zone_unlock(zp);
	while (frames < all) {
		uint32_t chain;

		zone_lock(zp);
		chain = zp->z_loose;
		if (chain != FRAME_NONE) {
			zp->z_loose = link_prev(zone_record(zp, chain));
			zp->z_loose_frames -= rounds;
		}
		zone_unlock(zp);
		if (chain == FRAME_NONE)
			break;
		frames += chain_release(zp, chain);
	}
	return frames;
}

size_t
frame_flush_own(void)
{
	struct frame_zone *zp = home_zone();
	unsigned long pin;
	uint32_t chain;

	if (zp == NULL)
		return 0;
	pin = port_pin();
	chain = hart_collect(zp);
	port_unpin(pin);
	return chain_release(zp, chain) + loose_release(zp);
}

static void
collect_here(void *arg)
{
	*(uint32_t *)arg = hart_collect(home_zone());
}

/* Relaxed: a figure, or a guess whether it is worth to ask. */
static uint32_t
hart_cached(const struct frame_zone *zp, unsigned hart)
{
	void **top = top_of(slot_of(zp, hart));
	struct frame_mag *fm = mag_of(top);

	return (uint32_t)(top - bottom_of(fm)) + chained(fm);
}

size_t
frame_flush_others(void)
{
	struct frame_zone *zp = home_zone();
	size_t frames = 0;

	if (zp == NULL)
		return 0;
	for (unsigned h = 0; h < port_hart_count(); h++) {
		uint32_t chain = FRAME_NONE;

		if (h == port_hart_self() || hart_cached(zp, h) == 0)
			continue;
		if (port_hart_call(h, collect_here, &chain))
			frames += chain_release(zp, chain);
	}
	return frames;
}

size_t
frame_flush_all(void)
{
	size_t frames = frame_flush_own();

	return frames + frame_flush_others();
}

size_t
frame_cached(void)
{
	struct frame_zone *zp = home_zone();
	size_t frames;

	if (zp == NULL)
		return 0;
	zone_lock(zp);
	frames = zp->z_loose_frames;
	zone_unlock(zp);
	for (unsigned h = 0; h < port_hart_count(); h++)
		frames += hart_cached(zp, h);
	return frames;
}
