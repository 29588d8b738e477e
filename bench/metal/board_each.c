/* SPDX-License-Identifier: MIT */
/*
 * What each hart is tested for by itself: its timer, its interrupts, its cycle
 * counter against the time base, the price of misaligned accesses.
 *
 * All harts do it at the same time, except for misaligned accesses: those may
 * end in an exception, which only the caller's hart survives (kernel/fault.h),
 * and only while it holds nothing.
 */
#include <kernel/instr.h>
#include <kernel/smp.h>
#include <kernel/time.h>

#include "board_state.h"

#define SHOTS           16u
#define SHOT_NS         UINT64_C(1000000)
#define SHOT_LIMIT_NS   UINT64_C(1000000000)
#define CYCLES_NS       UINT64_C(20000000)
#define MISALIGNED_MAX  8u
#define MISALIGNED_RUNS 1000u

enum {
	SHOT_HART,
	SHOT_STARTED,
	SHOT_FIRED,
	SHOT_EARLY,
	SHOT_MIN,
	SHOT_MEAN,
	SHOT_MAX
};
enum { IRQ_HART, IRQ_SOFTWARE, IRQ_TIMED, IRQ_DEVICE };
enum {
	CYCLE_HART,
	CYCLE_TICKS,
	CYCLE_CYCLES,
	CYCLE_INSTRET,
	CYCLE_HZ,
	CYCLE_EXACT
};
enum { MIS_OFFSET, MIS_LOAD, MIS_STORE, MIS_ERRORS };

struct shot {
	struct ktimer sh_timer;
	uint64_t sh_fired_ns; /* 0: not yet */
};

/* Interrupt context. */
static void
on_shot(void *arg)
{
	struct shot *sh = arg;

	*(volatile uint64_t *)&sh->sh_fired_ns = time_ns();
}

static bool
has_fired(void *arg)
{
	return *(volatile uint64_t *)&((struct shot *)arg)->sh_fired_ns != 0;
}

/* One timer; how late it was, or -1 - how early, or BOARD_NONE. */
static int64_t
shoot(void)
{
	struct shot sh = { .sh_fired_ns = 0 };
	uint64_t deadline = time_ns() + SHOT_NS;

	timer_start(&sh.sh_timer, deadline, on_shot, &sh);
	if (!board_wait(has_fired, &sh, SHOT_LIMIT_NS)) {
		timer_cancel(&sh.sh_timer);
		return BOARD_NONE;
	}
	return (int64_t)(sh.sh_fired_ns - deadline);
}

static void
timer_run(struct crew *crew, void *arg, unsigned index)
{
	int64_t *row = board_row(arg, index), late, least = INT64_MAX;
	int64_t most = INT64_MIN, sum = 0, early = 0, fired = 0;
	unsigned i;

	for (i = 0; i < SHOTS; i++) {
		late = shoot();
		if (late == BOARD_NONE)
			break; /* one second is enough to wait */
		fired++;
		early += late < 0 ? 1 : 0;
		sum += late;
		least = late < least ? late : least;
		most = late > most ? late : most;
	}
	row[SHOT_HART] = crew_hart(crew, index);
	row[SHOT_STARTED] = i < SHOTS ? i + 1 : i;
	row[SHOT_FIRED] = fired;
	row[SHOT_EARLY] = early;
	if (fired == 0)
		return;
	row[SHOT_MIN] = least;
	row[SHOT_MEAN] = sum / fired;
	row[SHOT_MAX] = most;
}

const struct board_part board_timers = {
	.name = "timer",
	.columns = "hart started fired early late_min_ns late_mean_ns "
		   "late_max_ns",
	.rows_hart = 1,
	.run = timer_run,
};

static bool
has_ipi(void *arg)
{
	struct hart_info now, *was = arg;

	(void)smp_hart_get(was->index, &now);
	return now.ipis != was->ipis;
}

static void
irq_run(struct crew *crew, void *arg, unsigned index)
{
	int64_t *row = board_row(arg, index);
	struct hart_info was, now;

	(void)smp_hart_get(crew_hart(crew, index), &was);
	instr_soft_interrupt();
	(void)board_wait(has_ipi, &was, SHOT_LIMIT_NS);
	(void)shoot();
	(void)smp_hart_get(was.index, &now);
	row[IRQ_HART] = was.index;
	row[IRQ_SOFTWARE] = (int64_t)(now.ipis - was.ipis);
	row[IRQ_TIMED] = (int64_t)(now.timer_irqs - was.timer_irqs);
	row[IRQ_DEVICE] = (int64_t)now.external_irqs;
}

const struct board_part board_interrupts = {
	.name = "interrupt",
	.columns = "hart software timer external",
	.rows_hart = 1,
	.run = irq_run,
};

static void
cycle_run(struct crew *crew, void *arg, unsigned index)
{
	int64_t *row = board_row(arg, index);
	uint64_t until = time_ns() + CYCLES_NS;
	uint64_t ticks = instr_ticks(), cycles = time_cycles();
	uint64_t instret = time_instret();

	/* Awake: in wfi the counter may stand still. */
	while (time_ns() < until) {
	}
	row[CYCLE_TICKS] = (int64_t)(instr_ticks() - ticks);
	row[CYCLE_CYCLES] = (int64_t)(time_cycles() - cycles);
	row[CYCLE_INSTRET] = (int64_t)(time_instret() - instret);
	row[CYCLE_HART] = crew_hart(crew, index);
	row[CYCLE_HZ] = (int64_t)time_timebase_hz();
	row[CYCLE_EXACT] = time_instret_is_exact() ? 1 : 0;
}

const struct board_part board_cycles = {
	.name = "cycles",
	.columns = "hart ticks cycles instructions timebase_hz exact",
	.rows_hart = 1,
	.run = cycle_run,
};

/* The 8 bytes at `at`, read one by one. */
static uint64_t
by_bytes(const uint8_t *at)
{
	uint64_t v = 0;
	unsigned i;

	for (i = 8; i > 0; i--)
		v = v << 8 | at[i - 1];
	return v;
}

/* Loads and stores at one offset; 0, or how much went wrong. */
static int64_t
misaligned(int64_t *row, uint8_t *bytes, unsigned size, unsigned offset)
{
	uint8_t *at = bytes + 8 + offset;
	uint64_t from = time_ns(), value;
	int64_t errors = 0;
	unsigned i;

	for (i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 37u + 11u);
	value = arch_misaligned_load(at, MISALIGNED_RUNS);
	row[MIS_LOAD] = (int64_t)(time_ns() - from);
	errors += value != by_bytes(at) ? 1 : 0;
	value = ~value;
	from = time_ns();
	arch_misaligned_store(at, value, MISALIGNED_RUNS);
	row[MIS_STORE] = (int64_t)(time_ns() - from);
	errors += by_bytes(at) != value ? 1 : 0;
	/* Neighbours stay as they were. */
	for (i = 0; i < size; i++)
		if ((i < 8 + offset || i >= 16 + offset) &&
		    bytes[i] != (uint8_t)(i * 37u + 11u))
			errors++;
	return errors;
}

static bool
misaligned_open(struct board *b)
{
	uint8_t bytes[32] __attribute__((aligned(64)));
	int64_t errors[MISALIGNED_MAX] = { 0 };
	unsigned i, offset;

	/* The first round warms up: its times are written over. */
	for (i = 0; i < 2 * MISALIGNED_MAX; i++) {
		int64_t *row = board_row(b, offset = i % MISALIGNED_MAX);

		errors[offset] += misaligned(row, bytes, sizeof(bytes), offset);
		row[MIS_OFFSET] = offset;
		row[MIS_ERRORS] = errors[offset];
	}
	return true;
}

const struct board_part board_misaligned = {
	.name = "misaligned",
	.columns = "offset load_1000_ns store_1000_ns errors",
	.rows = MISALIGNED_MAX,
	.open = misaligned_open,
};
