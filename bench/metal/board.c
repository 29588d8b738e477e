/* SPDX-License-Identifier: MIT */
/*
 * Tests of a board: what they share.
 *
 * Theory of operation
 *
 * 1. A part tests one thing and fills a table of integers, one row per hart,
 *    pair or finding. It does not judge: lua/scripts/lib/quarry/board.lua does,
 *    and what only measures is never judged by a number of ns.
 * 2. A part runs as a crew (crew.c), in steps. All harts meet, asleep, after
 *    each step. The caller's hart decides there whether to go on, for it alone
 *    may ask the console; the others learn it by the number of the last step,
 *    which cannot change any more when they read it.
 * 3. Nobody waits for another hart by spinning, but for two tests that are
 *    about just that (the ping-pong of a line and false sharing). They spin for
 *    milliseconds at most: where harts take turns (QEMU's -icount), they end
 *    with little or nothing done, and the table has no figure.
 * 4. Faults to be planted act in three functions, each of which is the only one
 *    its test reads or acts by: MARCH_STORE (board_memory.c), board_kick and
 *    board_clock. The rest of the machine goes on as ever.
 */
#include <string.h>

#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/waitq.h>
#include <mm/kmem.h>

#include "board_state.h"

#define PROGRESS_EVERY_NS UINT64_C(50000000)
#define LOOK_AGAIN_NS     UINT64_C(50000000)

struct board_plant board_plant;

static const struct board_part *const parts[] = { &board_memory, &board_lines,
	&board_atomics, &board_ipis, &board_clocks, &board_timers,
	&board_interrupts, &board_misaligned, &board_cycles, NULL };

const struct board_part *
board_part_at(size_t i)
{
	return parts[i];
}

const struct board_part *
board_part(const char *name)
{
	size_t i;

	for (i = 0; parts[i] != NULL; i++)
		if (strcmp(parts[i]->name, name) == 0)
			break;
	return parts[i];
}

size_t
board_columns(const struct board_part *part)
{
	const char *p;
	size_t n = 1;

	for (p = part->columns; *p != '\0'; p++)
		n += *p == ' ' ? 1u : 0u;
	return n;
}

size_t
board_rows(const struct board_part *part, unsigned harts)
{
	return part->rows + (size_t)part->rows_hart * harts +
	    (size_t)part->rows_pair * harts * harts;
}

int64_t *
board_row(struct board *b, size_t i)
{
	return b->bd_cells + i * b->bd_columns;
}

bool
board_stopped(struct board *b)
{
	return atomic_load_explicit(&b->bd_stop, memory_order_relaxed);
}

bool
board_go_on(struct board *b, uint64_t done, uint64_t total)
{
	const struct board_options *opt = b->bd_opt;
	uint64_t now = time_ns();

	if (opt->progress != NULL && now >= b->bd_next_progress) {
		b->bd_next_progress = now + PROGRESS_EVERY_NS;
		if (!opt->progress(opt->progress_arg, done, total))
			atomic_store_explicit(
			    &b->bd_stop, true, memory_order_relaxed);
	}
	return !board_stopped(b);
}

void
board_steps(struct crew *crew, struct board *b, unsigned index, unsigned steps,
    board_step_fn fn)
{
	unsigned step;

	for (step = 0; step < steps; step++) {
		fn(crew, b, index, step);
		/* Relaxed: the meeting orders it. */
		if (index == 0 && !board_go_on(b, step, steps))
			atomic_store_explicit(
			    &b->bd_last, step, memory_order_relaxed);
		crew_meet(crew);
		if (atomic_load_explicit(&b->bd_last, memory_order_relaxed) <=
		    step)
			break;
	}
}

unsigned
board_pairs(const struct board *b)
{
	return b->bd_harts * (b->bd_harts - 1u);
}

void
board_pair(const struct board *b, unsigned step, unsigned *from, unsigned *to)
{
	unsigned others = b->bd_harts - 1u;

	*from = step / others;
	*to = step % others;
	*to += *to >= *from ? 1u : 0u;
}

bool
board_wait(bool (*cond)(void *), void *arg, uint64_t limit_ns)
{
	uint64_t until = time_ns() + limit_ns, now, wake;
	struct waitq own = { 0 };

	while ((now = time_ns()) < until) {
		wake = now + LOOK_AGAIN_NS;
		if (waitq_wait(
			&own, cond, NULL, arg, wake < until ? wake : until))
			return true;
	}
	return cond(arg);
}

bool
board_spin(_Atomic uint64_t *p, uint64_t v, uint64_t limit_ns)
{
	uint64_t until = time_ns() + limit_ns;

	/* Acquire: what came with the value is read after it. */
	while (atomic_load_explicit(p, memory_order_acquire) < v)
		if (time_ns() >= until)
			return false;
	return true;
}

uint64_t
board_clock(void)
{
	const struct board_plant *bp = &board_plant;
	uint64_t now = time_ns();

	if (bp->drift_ppm == 0 || smp_hart_self() != bp->drift_hart)
		return now;
	return now +
	    (uint64_t)((int64_t)(now - bp->drift_from) / 1000 * bp->drift_ppm /
		1000);
}

void
board_kick(unsigned hart)
{
	struct board_plant *bp = &board_plant;

	/* One hart at a time sends. */
	if (bp->lose != 0 && hart == bp->lose_hart)
		bp->lose--;
	else
		smp_kick(hart);
}

static int
run_part(struct board *b, const char **why)
{
	const struct board_part *part = b->bd_part;
	int err = 0;

	if (part->own_bytes != 0) {
		b->bd_own = kzalloc(part->own_bytes, 0);
		if (b->bd_own == NULL)
			return -KMEM_ENOMEM;
	}
	if (part->open != NULL && !part->open(b))
		err = -KMEM_ENOMEM;
	else if (part->run != NULL)
		err = crew_run(b->bd_harts, part->run, b, why);
	if (part->close != NULL)
		part->close(b);
	kfree(b->bd_own);
	return err;
}

int
board_run(const struct board_part *part, const struct board_options *opt,
    int64_t *cells, const char **why)
{
	struct board b = { .bd_part = part, .bd_opt = opt, .bd_cells = cells };
	size_t i, n;

	b.bd_harts = opt->harts != 0 ? opt->harts : smp_hart_count();
	b.bd_columns = board_columns(part);
	atomic_init(&b.bd_last, UINT32_MAX);
	n = board_rows(part, b.bd_harts) * b.bd_columns;
	for (i = 0; i < n; i++)
		cells[i] = BOARD_NONE;
	*why = "no memory for the test";
	return run_part(&b, why);
}
