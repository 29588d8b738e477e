/* SPDX-License-Identifier: MIT */
/* What the parts of the board kit share. Theory: bench/metal/board.c. */
#ifndef BENCH_METAL_BOARD_STATE_H
#define BENCH_METAL_BOARD_STATE_H

#include <stdatomic.h>

#include <bench/board.h>

#include "crew.h"

struct board {
	const struct board_part *bd_part;
	const struct board_options *bd_opt;
	unsigned bd_harts;
	size_t bd_columns;
	int64_t *bd_cells;
	void *bd_own;
	uint64_t bd_next_progress; /* caller's hart only */
	/* The step that is the last one, when it ends early. */
	_Atomic unsigned bd_last;
	atomic_bool bd_stop; /* leave the step soon */
};

/* Row i, to be filled by one hart. */
int64_t *board_row(struct board *b, size_t i);

/* Caller's hart: show progress; false when it is to end. */
bool board_go_on(struct board *b, uint64_t done, uint64_t total);
bool board_stopped(struct board *b);

/*
 * fn for each step on every hart, all of them together at the end of each,
 * asleep when they have nothing to do in it. They end early together, too.
 */
typedef void (*board_step_fn)(
    struct crew *crew, struct board *b, unsigned index, unsigned step);
void board_steps(struct crew *crew, struct board *b, unsigned index,
    unsigned steps, board_step_fn fn);
/* Every ordered pair is a step: which two, by index. */
unsigned board_pairs(const struct board *b);
void board_pair(
    const struct board *b, unsigned step, unsigned *from, unsigned *to);

/* Asleep until cond(arg), for so long at most; survives a lost wake-up. */
bool board_wait(bool (*cond)(void *arg), void *arg, uint64_t limit_ns);

/*
 * The instruments, one for each fault that can be planted: the clock of this
 * hart in ns, an IPI.
 */
uint64_t board_clock(void);
void board_kick(unsigned hart);

/* Spin until *p reaches v, for so long at most; false when it has not. */
bool board_spin(_Atomic uint64_t *p, uint64_t v, uint64_t limit_ns);

extern const struct board_part board_memory, board_lines, board_atomics,
    board_ipis, board_clocks, board_timers, board_interrupts, board_misaligned,
    board_cycles;

#endif
