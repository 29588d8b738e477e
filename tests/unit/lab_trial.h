/* SPDX-License-Identifier: MIT */
/*
 * Loads of the lab, run by a test: one thread, lanes in turn, a step each, as
 * on a machine that counts instructions. Records of a load have just the bytes
 * it asks for. What bench/lab/lab.c gives loads is here, too.
 */
#ifndef LAB_TRIAL_H
#define LAB_TRIAL_H

#include "bench/lab/lab.h"

#define TRIAL_HARTS_MAX 8u
#define TRIAL_TICK      7u /* what two readings of the counter differ by */

enum trial_went { WENT_WELL, NOT_OPENED, NOT_ENTERED, FAILED };

struct trial {
	const struct lab_bench *tr_bench;
	const struct lab_code *tr_code; /* lc_frames: all that are in use */
	unsigned tr_harts;
	unsigned tr_rounds; /* 0: as the table says */
	uint64_t tr_seed;
	uint64_t tr_param[LAB_PARAMS_MAX];
	/* Called before each action of a lane; may be NULL. */
	void (*tr_on_lane)(unsigned index);
	/* Objects allocated and freed so far, by the allocator; may be NULL. */
	const uint64_t *tr_allocs, *tr_frees;
	/* What came of it. */
	enum trial_went tr_went;
	uint64_t tr_ops;
	uint64_t tr_allocated, tr_freed; /* in steps */
	uint64_t tr_timed;               /* calls in the histogram */
	struct lab_result tr_out;
};

/* Quick's parameters. */
void trial_init(struct trial *t, const struct lab_bench *bench,
    const struct lab_code *code, unsigned harts);
void trial_run(struct trial *t);
void trial_set(struct trial *t, const char *param, uint64_t value);
const struct lab_fact *trial_fact(const struct trial *t, const char *name);
const struct lab_load *trial_load(const struct lab_code *code, const char *id);
/* By id; fails the test when there is none. */
const struct lab_bench *trial_bench(
    const struct lab_bench *table, const char *id);

/* Reading the counter moves it; so does the test. */
extern uint64_t trial_ticks;

#endif
