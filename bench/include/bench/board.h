/* SPDX-License-Identifier: MIT */
/* Tests of a board, in parts. Theory: bench/metal/board.c, docs/bring-up.md. */
#ifndef BENCH_BOARD_H
#define BENCH_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cell that says nothing: a value that no figure and no mask has. */
#define BOARD_NONE (INT64_MIN + 0x5ca1ab1e)

struct board_options {
	unsigned harts; /* the caller's first; 0: all */
	bool all;       /* memory: every free frame */
	uint64_t seed;
	uint64_t n;       /* repetitions; 0: the part's own choice */
	uint64_t time_ns; /* 0: the part's own choice */
	/*
	 * Called some times a second on the caller's hart, in the middle of the
	 * part: may allocate, may not raise. False ends the part early.
	 */
	bool (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

struct board;
struct crew;

/* One part, and the table that it fills. */
struct board_part {
	const char *name;
	const char *columns; /* their names, a blank between two */
	/* Rows: so many, and for each hart, and for each ordered pair. */
	uint8_t rows, rows_hart, rows_pair;
	uint16_t own_bytes; /* of bd_own, zeroed */
	bool (*open)(struct board *b);
	void (*close)(struct board *b);
	/* On every hart at once; NULL: `open`, on the caller's, is all. */
	void (*run)(struct crew *crew, void *board, unsigned index);
};

/* NULL: there is no such part. By number: NULL ends. */
const struct board_part *board_part(const char *name);
const struct board_part *board_part_at(size_t i);
size_t board_columns(const struct board_part *part);
size_t board_rows(const struct board_part *part, unsigned harts);

/*
 * Run a part. `cells` has room for board_rows rows of board_columns columns;
 * rows that begin with BOARD_NONE are empty. 0 when it ran (or was ended
 * early); -KMEM_EINVAL, -KMEM_ENOMEM or -KMEM_EBUSY with a static sentence in
 * *why when it did not. Context: thread, under a fault anchor (kernel/fault.h).
 */
int board_run(const struct board_part *part, const struct board_options *opt,
    int64_t *cells, const char **why);

/*
 * Planted faults, to see that the kit finds such. They live in what the kit
 * itself reads and writes by: nothing else of the machine notices them.
 */
struct board_plant {
	/* One bit of the word at `at` (0: the first that is tested). */
	uint64_t stuck_mask; /* 0: none */
	uintptr_t stuck_at;
	bool stuck_one;
	/* The next `lose` IPIs of the kit to that hart are not sent. */
	uint64_t lose;
	unsigned lose_hart;
	/* That hart's clock, as the kit reads it, runs fast (or slow: < 0). */
	int64_t drift_ppm;
	unsigned drift_hart;
	uint64_t drift_from; /* ns: when it began */
};
extern struct board_plant board_plant;

#endif
