/* SPDX-License-Identifier: MIT */
/*
 * The storm: every operation of the allocator on all harts at once, checked.
 *
 * Theory of operation
 *
 * 1. Load. Each hart has up to 512 slots. An operation picks one at random: an
 *    empty slot gets an object (six caches, fast and checked, two with a
 *    constructor, and kmalloc of 8 … 4,096 bytes), a full one is checked and
 *    freed, or in one case of eight put into the inbox of a random hart, which
 *    checks and frees it. A one-shot timer, once a millisecond, does the same
 *    in interrupt context with eight slots of its own.
 * 2. Disturbance. The caller's hart reaps once per some thousand operations of
 *    all harts, mostly with level `all`, sometimes with the other levels, and
 *    now and then resizes magazines, shrinks or flushes a cache, makes and
 *    destroys one, and lets kmem_verify look. The other harts reap too, so that
 *    two of them ask each other for their magazines at the same time.
 * 3. Detection. storm_object.c shows objects with two owners while the storm
 *    runs. Every heap error report ends it as well. storm_audit.c adds up at
 *    the end: nothing in use, nothing cached after a reap, as many destructor
 *    as constructor calls, frames gained as the reap said, all invariants.
 * 4. After a finding nobody touches the heap any more than it must: what the
 *    harts hold stays where it is, and the caller is told.
 * 5. All waits are in wfi. The clock is read once per ROUND operations.
 */
#include <stdarg.h>
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/smp.h>

#include "../adapter.h"
#include "storm_state.h"

#define ROUND             64u /* operations between two looks around */
#define IRQ_EVERY_NS      UINT64_C(1000000)
/*
 * Reaps keep pace with operations, so that both come in proportion on a slow
 * or busy machine too: one per so many rounds, of all harts together by the
 * first hart of the storm, and of its own by each other hart.
 */
#define REAP_EVERY        (4000u / ROUND)
#define REAP_OTHERS       (8000u / ROUND)
#define PROGRESS_EVERY_NS UINT64_C(200000000)
#define TIME_DEFAULT_NS   UINT64_C(10000000000)
#define HAND_OVER         8u /* one free in so many is another hart's */

/* Small objects more often than large ones, as in life. */
static const uint8_t kind_of[16] = { STORM_16, STORM_16, STORM_16, STORM_64,
	STORM_64, STORM_64, STORM_64, STORM_64, STORM_512, STORM_512, STORM_512,
	STORM_200, STORM_1000, STORM_4096, STORM_KMALLOC, STORM_KMALLOC };

void
storm_finding(struct storm *st, const char *fmt, ...)
{
	struct storm_result *out = st->st_out;
	unsigned long irq;
	va_list ap;

	irq = klock_acquire(&st->st_lock);
	/* Relaxed: the text is guarded by the lock, the count is a flag. */
	if (atomic_fetch_add_explicit(
		&st->st_findings, 1u, memory_order_relaxed) == 0) {
		va_start(ap, fmt);
		(void)fmt_vformat(out->finding, sizeof(out->finding), fmt, ap);
		va_end(ap);
	}
	klock_release(&st->st_lock, irq);
	atomic_store_explicit(&st->st_stop, true, memory_order_relaxed);
}

bool
storm_has_finding(struct storm *st)
{
	return atomic_load_explicit(&st->st_findings, memory_order_relaxed) !=
	    0;
}

static bool
stopped(struct storm *st)
{
	return atomic_load_explicit(&st->st_stop, memory_order_relaxed);
}

/* Put a slot's object into another hart's inbox; false when it is full. */
static bool
hand_over(struct storm_lane *lane, struct storm_slot *slot, uint64_t random)
{
	struct storm *st = lane->sn_storm;
	unsigned to = (unsigned)(random >> 32) % st->st_harts;
	struct storm_letter *le =
	    &st->st_lane[to]->sn_inbox[(random >> 24) % STORM_INBOX];
	unsigned state = LETTER_EMPTY;

	/* Pairs with the release in take_mail: the letter is ours to fill. */
	if (!atomic_compare_exchange_strong_explicit(&le->le_state, &state,
		LETTER_BUSY, memory_order_acquire, memory_order_relaxed))
		return false;
	le->le_slot = *slot;
	slot->sl_obj = NULL;
	/* Pairs with the acquire in take_mail. */
	atomic_store_explicit(&le->le_state, LETTER_FULL, memory_order_release);
	return true;
}

/* Check and free what `letters` letters of the inbox hold. */
static void
take_mail(struct storm_lane *lane, unsigned letters)
{
	for (; letters > 0; letters--) {
		struct storm_letter *le =
		    &lane->sn_inbox[lane->sn_letter++ % STORM_INBOX];

		/* Pairs with the release in hand_over. */
		if (atomic_load_explicit(&le->le_state, memory_order_acquire) !=
		    LETTER_FULL)
			continue;
		if (!storm_check(lane->sn_storm, &le->le_slot, lane->sn_index))
			return;
		storm_release(lane->sn_storm, &le->le_slot);
		lane->sn_frees++;
		lane->sn_handed++;
		/* Pairs with the acquire in hand_over. */
		atomic_store_explicit(
		    &le->le_state, LETTER_EMPTY, memory_order_release);
	}
}

/* Interrupt context, on the lane's hart. */
static void
on_timer(void *arg)
{
	struct storm_lane *lane = arg;
	struct storm *st = lane->sn_storm;
	uint64_t r = bench_random(&lane->sn_irq_random);
	struct storm_slot *slot;

	slot = &lane->sn_irq[(r >> 16) % STORM_IRQ_SLOTS];
	if (slot->sl_obj == NULL) {
		/* Bit 55 keeps these serials apart from the thread's. */
		if (storm_place(st, slot, kind_of[r % 16u], KMEM_NOWAIT, r,
			++lane->sn_irq_serial | UINT64_C(1) << 55,
			lane->sn_index))
			lane->sn_irq_allocs++;
	} else if (storm_check(st, slot, lane->sn_index)) {
		storm_release(st, slot);
		lane->sn_irq_frees++;
	}
	if (!stopped(st))
		timer_start(
		    &lane->sn_timer, time_ns() + IRQ_EVERY_NS, on_timer, lane);
}

static void
one_round(struct storm_lane *lane)
{
	struct storm *st = lane->sn_storm;
	uint64_t state = lane->sn_random, r;
	struct storm_slot *slot;
	unsigned i;

	for (i = 0; i < ROUND; i++) {
		r = bench_random(&state);
		slot = &lane->sn_slots[(r >> 8) & (st->st_slots - 1u)];
		if (slot->sl_obj == NULL) {
			if (storm_place(st, slot, kind_of[r % 16u], 0, r,
				++lane->sn_serial, lane->sn_index))
				lane->sn_allocs++;
			else
				lane->sn_alloc_fail++;
			continue;
		}
		if (!storm_check(st, slot, lane->sn_index))
			break;
		if ((r >> 20) % HAND_OVER == 0 && hand_over(lane, slot, r))
			continue;
		storm_release(st, slot);
		lane->sn_frees++;
	}
	lane->sn_random = state;
}

/* A cache that lives for a moment, while others reap around it. */
static void
short_lived(struct storm *st, uint64_t random)
{
	struct kmem_options opt = { .protect = (random & 1u) != 0 ? KMEM_CHECKED
								  : KMEM_FAST };
	struct kmem_cache *cp;
	void *objs[32];
	int err;

	err = kmem_cache_create(
	    &cp, "storm-brief", 8u + random % 1000u, &opt, NULL);
	if (err == -KMEM_ENOMEM)
		return;
	if (err != 0) {
		storm_finding(
		    st, "storm-brief cannot be created: error %d", -err);
		return;
	}
	if (kmem_cache_alloc_bulk(cp, 0, 32, objs))
		kmem_cache_free_bulk(cp, 32, objs);
	err = bench_destroy(cp);
	if (err != 0)
		storm_finding(st,
		    "storm-brief cannot be destroyed, though all "
		    "its objects are free: error %d",
		    -err);
}

/* What the caller's hart does beside operations; `k` counts its reaps. */
static void
disturb(struct storm *st, uint64_t k, uint64_t random)
{
	struct kmem_cache *cp = st->st_cache[random % STORM_CACHES];
	struct kmem_finding found;

	if (k % 8u == 3u) {
		(void)kmem_reap(KMEM_REAP_DEPOT, 0);
	} else if (k % 8u == 5u) {
		(void)kmem_reap(KMEM_REAP_TRIM, 0);
	} else {
		(void)kmem_reap(KMEM_REAP_ALL, 0);
	}
	if (k % 16u == 5u) {
		struct kmem_tune tune = { .set_magazine = true };

		tune.magazine =
		    (unsigned)(random >> 8) % (KMEM_ROUNDS_MAX + 1u);
		(void)kmem_cache_tune(cp, &tune, NULL);
	}
	if (k % 64u == 31u)
		(void)kmem_cache_flush(
		    cp, (unsigned)(random >> 16) % smp_hart_count());
	if (k % 64u == 63u)
		(void)kmem_cache_shrink(cp);
	if (k % 128u == 15u)
		short_lived(st, random >> 8);
	if (k % 256u == 7u && kmem_verify(NULL, &found, 1) != 0)
		storm_finding(st, "kmem_verify during the storm: %s: %s (%#lx)",
		    found.cache, found.what, (unsigned long)found.where);
	if (kmem_errors_total() != st->st_errors_before)
		storm_finding(st, "%llu heap errors were reported",
		    (unsigned long long)(kmem_errors_total() -
			st->st_errors_before));
}

static uint64_t
all_rounds(struct storm *st)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < st->st_harts; i++)
		n += atomic_load_explicit(
		    &st->st_lane[i]->sn_rounds, memory_order_relaxed);
	return n;
}

/* Reap when it is time to. */
static void
keep_pace(struct storm_lane *lane)
{
	struct storm *st = lane->sn_storm;
	uint64_t rounds;

	/* Relaxed, and no read-modify-write: a figure that its owner writes. */
	rounds =
	    atomic_load_explicit(&lane->sn_rounds, memory_order_relaxed) + 1u;
	atomic_store_explicit(&lane->sn_rounds, rounds, memory_order_relaxed);
	if (lane->sn_index != 0) {
		if (rounds - lane->sn_reaped_at < REAP_OTHERS)
			return;
		lane->sn_reaped_at = rounds;
		(void)kmem_reap(
		    lane->sn_reaps % 4u != 3u ? KMEM_REAP_ALL : KMEM_REAP_TRIM,
		    lane->sn_reaps % 4u == 1u ? 4u : 0);
	} else {
		rounds = all_rounds(st);
		if (rounds - lane->sn_reaped_at < REAP_EVERY)
			return;
		lane->sn_reaped_at = rounds;
		disturb(st, lane->sn_reaps, lane->sn_random);
	}
	lane->sn_reaps++;
}

static void
show_progress(struct storm *st, uint64_t now)
{
	const struct storm_options *opt = st->st_opt;

	if (opt->progress == NULL || now < st->st_next_progress)
		return;
	st->st_next_progress = now + PROGRESS_EVERY_NS;
	if (opt->progress(opt->progress_arg, now - st->st_start_ns,
		st->st_end_ns - st->st_start_ns))
		return;
	st->st_out->stopped = true;
	atomic_store_explicit(&st->st_stop, true, memory_order_relaxed);
}

/* Everything between start and deadline on one hart. */
static void
blow(struct storm_lane *lane)
{
	struct storm *st = lane->sn_storm;
	bool leader = lane->sn_index == 0;
	uint64_t now;

	while (!stopped(st)) {
		one_round(lane);
		take_mail(lane, STORM_INBOX / 4u);
		keep_pace(lane);
		now = time_ns();
		if (now >= st->st_end_ns)
			break;
		if (leader)
			show_progress(st, now);
	}
	if (leader)
		atomic_store_explicit(&st->st_stop, true, memory_order_relaxed);
}

/* Free the slots of a lane, checking each. */
static void
free_slots(struct storm_lane *lane)
{
	struct storm *st = lane->sn_storm;
	unsigned i;

	for (i = 0; i < STORM_IRQ_SLOTS + st->st_slots; i++) {
		struct storm_slot *slot = i < STORM_IRQ_SLOTS
		    ? &lane->sn_irq[i]
		    : &lane->sn_slots[i - STORM_IRQ_SLOTS];

		if (slot->sl_obj == NULL)
			continue;
		if (!storm_check(st, slot, lane->sn_index))
			return;
		storm_release(st, slot);
		if (i < STORM_IRQ_SLOTS)
			lane->sn_irq_frees++;
		else
			lane->sn_frees++;
	}
}

static void
storm_lane_run(struct crew *crew, void *arg, unsigned index)
{
	struct storm *st = arg;
	struct storm_lane *lane = st->st_lane[index];

	if (index == 0) {
		st->st_start_ns = time_ns();
		st->st_end_ns = st->st_start_ns +
		    (st->st_opt->time_ns != 0 ? st->st_opt->time_ns
					      : TIME_DEFAULT_NS);
	}
	crew_meet(crew);
	timer_start(
	    &lane->sn_timer, st->st_start_ns + IRQ_EVERY_NS, on_timer, lane);
	blow(lane);
	timer_cancel(&lane->sn_timer);
	/* From here on nobody sends. */
	crew_meet(crew);
	if (!storm_has_finding(st)) {
		free_slots(lane);
		if (!storm_has_finding(st))
			take_mail(lane, STORM_INBOX);
	}
}

static void
sum_up(struct storm *st)
{
	struct storm_result *out = st->st_out;
	struct kmem_reap_stats rs;
	unsigned i;

	for (i = 0; i < st->st_harts; i++) {
		const struct storm_lane *lane = st->st_lane[i];

		out->allocs += lane->sn_allocs;
		out->frees += lane->sn_frees;
		out->handed += lane->sn_handed;
		out->alloc_fail += lane->sn_alloc_fail;
		out->irq_ops += lane->sn_irq_allocs + lane->sn_irq_frees;
	}
	out->ops = out->allocs + out->frees + out->irq_ops;
	kmem_get_reap_stats(&rs);
	for (i = 0; i < 3; i++)
		out->reaps[i] = rs.reaps[i] - st->st_reaps_before.reaps[i];
	out->drained_running =
	    rs.drained_running - st->st_reaps_before.drained_running;
	out->drained_rounds =
	    rs.drained_rounds - st->st_reaps_before.drained_rounds;
	out->frames = rs.frames - st->st_reaps_before.frames;
}

int
storm_run(
    const struct storm_options *opt, struct storm_result *out, const char **why)
{
	struct storm *st;
	int err;

	memset(out, 0, sizeof(*out));
	*why = "no memory for the records of a storm";
	st = kzalloc(sizeof(*st), 0);
	if (st == NULL)
		return -KMEM_ENOMEM;
	st->st_opt = opt;
	st->st_out = out;
	st->st_harts = opt->harts != 0 ? opt->harts : smp_hart_count();
	out->harts = st->st_harts;
	err = storm_open(st, why);
	if (err == 0) {
		err = crew_run(st->st_harts, storm_lane_run, st, why);
		out->ns = time_ns() - st->st_start_ns;
	}
	if (err == 0) {
		sum_up(st);
		if (!storm_has_finding(st))
			storm_audit(st);
	}
	if (!storm_has_finding(st))
		storm_close(st);
	out->findings =
	    atomic_load_explicit(&st->st_findings, memory_order_relaxed);
	/* With findings the caches stay, and their constructors point here. */
	if (out->findings == 0)
		kfree(st);
	return err;
}
