/* SPDX-License-Identifier: MIT */
/*
 * IPIs between all pairs of harts, and the clocks of all harts.
 *
 * Theory of operation
 *
 * 1. Both are one exchange. The asker notes its clock, publishes a number,
 *    sends an IPI; the other sleeps until its count of IPIs has moved and a
 *    number is there, notes its clock, publishes it and kicks the asker, which
 *    notes its clock again. The count is the kernel's, made by the interrupt
 *    handler: a number that arrives without an interrupt is not answered.
 * 2. Before the first exchange the other says that it is listening, and two
 *    exchanges are not counted: kicks of the last meeting may still be on their
 *    way, and one of them would hide that an IPI was lost.
 * 3. An answer that does not come in time is an IPI lost. A kick lost on the
 *    way back costs time, and nothing else: all sleeps look again by
 *    themselves.
 * 4. The clock test does the same with the caller's hart as asker, at two
 *    moments, and compares offsets (bench/drift.h). It needs no interrupt but a
 *    short way, so it first tries without: both spin, the listener until
 *    nothing has been asked for some ms. Where that brings no answer, because
 *    the harts take turns, the exchanges by IPI are there.
 */
#include <bench/hist.h>
#include <kernel/smp.h>
#include <kernel/time.h>

#include "../drift.h"
#include "board_state.h"

#define ANSWER_NS        UINT64_C(1000000000)
#define ANSWER_AGAIN_NS  UINT64_C(250000000) /* when one was lost already */
#define LOST_MAX         5u                  /* of a pair: enough to know */
#define WARM_UP          2u
#define IPIS_DEFAULT     200u
#define CLOCK_EXCHANGES  64u
#define SPIN_NS          UINT64_C(1000000)
#define SPIN_LISTEN_NS   UINT64_C(5000000)
#define SPIN_FAILS       4u
#define INTERVAL_NS      UINT64_C(500000000)
#define INTERVAL_STEP_NS UINT64_C(20000000)

enum {
	IPI_HART,
	IPI_FROM,
	IPI_SENT,
	IPI_RECEIVED,
	IPI_MIN,
	IPI_MEDIAN,
	IPI_MAX
};
enum {
	CLOCK_HART,
	CLOCK_OFFSET,
	CLOCK_ERROR,
	CLOCK_OFFSET2,
	CLOCK_ERROR2,
	CLOCK_NS,
	CLOCK_PPM,
	CLOCK_PPM_ERROR
};

/* One exchange at a time. */
struct signals {
	_Atomic uint64_t si_asked, si_seen;
	uint64_t si_when;          /* the other's clock; published by si_seen */
	_Atomic uint64_t si_ready; /* step + 1 that the other listens in */
	_Atomic uint64_t si_over;  /* step + 1 that has ended */
	/* What the asker found. */
	uint64_t si_sent, si_received;
	bool si_lost;
	bool si_spin; /* constant */
	struct bench_hist si_hist;
	struct drift_sample si_best;
	/* Of each hart but the first, at the first moment. */
	struct drift_sample si_first[CREW_MAX];
};

struct listener {
	struct signals *ls_signals;
	uint64_t ls_step, ls_ipis;
};

static uint64_t
own_ipis(void)
{
	struct hart_info info;

	(void)smp_hart_get(smp_hart_self(), &info);
	return info.ipis;
}

static uint64_t
load(_Atomic uint64_t *p)
{
	/* Acquire: pairs with publish. */
	return atomic_load_explicit(p, memory_order_acquire);
}

static void
publish(_Atomic uint64_t *p, uint64_t v)
{
	atomic_store_explicit(p, v, memory_order_release);
}

static bool
is_over(void *arg)
{
	struct listener *ls = arg;

	return load(&ls->ls_signals->si_over) > ls->ls_step;
}

static bool
is_called(void *arg)
{
	struct listener *ls = arg;
	struct signals *si = ls->ls_signals;

	return is_over(arg) ||
	    (load(&si->si_asked) != load(&si->si_seen) &&
		own_ipis() != ls->ls_ipis);
}

static bool
is_ready(void *arg)
{
	struct listener *ls = arg;

	return load(&ls->ls_signals->si_ready) > ls->ls_step;
}

static bool
is_answered(void *arg)
{
	struct signals *si = arg;

	return load(&si->si_seen) == load(&si->si_asked);
}

/* The other's part of one exchange. */
static void
reply(struct signals *si)
{
	si->si_when = board_clock();
	publish(&si->si_seen, load(&si->si_asked));
}

static void
answer(struct signals *si, unsigned step, unsigned asker)
{
	struct listener ls = { si, step, own_ipis() };

	publish(&si->si_ready, (uint64_t)step + 1);
	smp_kick(asker);
	while (si->si_spin &&
	    board_spin(&si->si_asked, load(&si->si_seen) + 1, SPIN_LISTEN_NS))
		reply(si);
	while (!is_over(&ls)) {
		if (!board_wait(is_called, &ls, ANSWER_NS) || is_over(&ls))
			continue;
		/* First: the next one may come as soon as this is answered. */
		ls.ls_ipis = own_ipis();
		reply(si);
		smp_kick(asker);
	}
}

/* One exchange by `kick`, or spinning; false when there was no answer. */
static bool
exchange(struct signals *si, unsigned other, void (*kick)(unsigned hart))
{
	int64_t grain = (int64_t)(UINT64_C(1000000000) / time_timebase_hz());
	uint64_t number = load(&si->si_asked) + 1, t0 = board_clock(), t1;

	publish(&si->si_asked, number);
	if (kick == NULL) {
		if (!board_spin(&si->si_seen, number, SPIN_NS))
			return false;
	} else {
		kick(other);
		if (!board_wait(is_answered, si,
			si->si_lost ? ANSWER_AGAIN_NS : ANSWER_NS))
			return false;
	}
	t1 = board_clock();
	bench_hist_add(&si->si_hist, t1 - t0, 1);
	drift_take(&si->si_best, (int64_t)t0, (int64_t)si->si_when, (int64_t)t1,
	    grain + 1);
	return true;
}

static void
ask(struct board *b, unsigned step, unsigned other, uint64_t n,
    void (*kick)(unsigned hart))
{
	struct signals *si = b->bd_own;
	struct listener ls = { si, step, 0 };
	unsigned i, fails = 0;

	(void)board_wait(is_ready, &ls, ANSWER_NS);
	for (i = 0; !si->si_spin && i < WARM_UP; i++)
		(void)exchange(si, other, smp_kick);
	si->si_hist = (struct bench_hist){ .bh_count = 0 };
	si->si_best.ds_error = 0;
	si->si_sent = si->si_received = 0;
	for (i = 0; si->si_spin && i < CLOCK_EXCHANGES && fails < SPIN_FAILS;
	     i++)
		fails += exchange(si, other, NULL) ? 0u : 1u;
	while (si->si_sent < n && si->si_sent - si->si_received < LOST_MAX) {
		si->si_sent++;
		if (exchange(si, other, kick))
			si->si_received++;
		else
			si->si_lost = true;
		if (board_stopped(b))
			break;
	}
	publish(&si->si_over, (uint64_t)step + 1);
	smp_kick(other);
}

static void
ipi_step(struct crew *crew, struct board *b, unsigned index, unsigned step)
{
	struct signals *si = b->bd_own;
	unsigned from, to;
	int64_t *row;

	board_pair(b, step, &from, &to);
	if (index == to)
		answer(si, step, crew_hart(crew, from));
	if (index != from)
		return;
	ask(b, step, crew_hart(crew, to),
	    b->bd_opt->n != 0 ? b->bd_opt->n : IPIS_DEFAULT, board_kick);
	row = board_row(b, step);
	row[IPI_HART] = crew_hart(crew, to);
	row[IPI_FROM] = crew_hart(crew, from);
	row[IPI_SENT] = (int64_t)si->si_sent;
	row[IPI_RECEIVED] = (int64_t)si->si_received;
	row[IPI_MIN] = (int64_t)si->si_hist.bh_min;
	row[IPI_MEDIAN] = (int64_t)bench_hist_percentile(&si->si_hist, 500000);
	row[IPI_MAX] = (int64_t)si->si_hist.bh_max;
}

static void
ipi_run(struct crew *crew, void *arg, unsigned index)
{
	struct board *b = arg;

	board_steps(crew, b, index, board_pairs(b), ipi_step);
}

const struct board_part board_ipis = {
	.name = "ipi",
	.columns = "hart from sent received min_ns median_ns max_ns",
	.rows_pair = 1,
	.own_bytes = sizeof(struct signals),
	.run = ipi_run,
};

/* Between the two moments. */
static void
interval(struct board *b)
{
	uint64_t ns = b->bd_opt->time_ns, from = time_ns();

	if (ns == 0)
		ns = INTERVAL_NS;
	while (time_ns() - from < ns && board_go_on(b, time_ns() - from, ns))
		crew_sleep(INTERVAL_STEP_NS);
}

static void
clock_step(struct crew *crew, struct board *b, unsigned index, unsigned step)
{
	struct signals *si = b->bd_own;
	unsigned others = b->bd_harts - 1u, to = step % others + 1u;
	const struct drift_sample *first = &si->si_first[to];
	const struct drift_sample *best = &si->si_best;
	int64_t *row;

	if (index == to)
		answer(si, step, crew_hart(crew, 0));
	if (index != 0)
		return;
	if (step == others)
		interval(b);
	ask(b, step, crew_hart(crew, to), CLOCK_EXCHANGES, smp_kick);
	if (step < others) {
		si->si_first[to] = si->si_best;
		return;
	}
	row = board_row(b, to);
	row[CLOCK_HART] = crew_hart(crew, to);
	if (!drift_between(first, best, &row[CLOCK_PPM], &row[CLOCK_PPM_ERROR]))
		return;
	row[CLOCK_OFFSET] = first->ds_offset;
	row[CLOCK_ERROR] = first->ds_error;
	row[CLOCK_OFFSET2] = best->ds_offset;
	row[CLOCK_ERROR2] = best->ds_error;
	row[CLOCK_NS] = best->ds_at - first->ds_at;
}

static bool
clock_open(struct board *b)
{
	struct signals *si = b->bd_own;

	si->si_spin = true;
	return true;
}

static void
clock_run(struct crew *crew, void *arg, unsigned index)
{
	struct board *b = arg;

	board_steps(crew, b, index, 2u * (b->bd_harts - 1u), clock_step);
}

const struct board_part board_clocks = {
	.name = "clock",
	.columns = "hart offset_ns error_ns offset2_ns error2_ns apart_ns ppm "
		   "ppm_error",
	.rows_hart = 1,
	.own_bytes = sizeof(struct signals),
	.open = clock_open,
	.run = clock_run,
};
