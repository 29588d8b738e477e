/* SPDX-License-Identifier: MIT */
/* A driver of loads for tests. Interface: tests/unit/lab_trial.h. */
#include "tests/unit/lab_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint64_t trial_ticks;
static const struct trial *running;

/* ---- What bench/lab/lab.c gives loads ---- */

static size_t
param_index(const struct lab_bench *bench, const char *name)
{
	const struct lab_param *lp = bench->lb_params;
	size_t i;

	for (i = 0; i < LAB_PARAMS_MAX && lp[i].lp_name != NULL; i++)
		if (strcmp(lp[i].lp_name, name) == 0)
			return i;
	fail_msg("%s has no parameter %s", bench->lb_id, name);
	return 0;
}

uint64_t
lab_param(const struct lab_run *run, const char *name)
{
	return run->lr_param[param_index(run->lr_bench, name)];
}

void
lab_fact(struct lab_result *out, const char *name, const char *unit,
    enum lab_better better, uint64_t value, uint64_t per)
{
	static const char *const units[] = { "1", "instr", "ns", "frame",
		"byte", "op/s" };
	struct lab_fact *lf = &out->fact[out->facts];
	unsigned i;

	/* Of 32, eight are the driver's. */
	assert_true(out->facts < LAB_FACTS_MAX - 8u);
	assert_true(strlen(name) < LAB_NAME_MAX);
	assert_true(per != 0);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i], unit) == 0)
			break;
	assert_true(i < sizeof(units) / sizeof(units[0]));
	for (i = 0; i < out->facts; i++)
		assert_string_not_equal(out->fact[i].lf_name, name);
	strcpy(lf->lf_name, name);
	strcpy(lf->lf_unit, unit);
	lf->lf_better = better;
	lf->lf_value = value;
	lf->lf_per = per;
	out->facts++;
}

size_t
lab_frames(const struct lab_run *run)
{
	(void)run;
	return running->tr_code->lc_frames();
}

void *
lab_memory(size_t bytes)
{
	return calloc(1, bytes);
}

void
lab_memory_free(void *p, size_t bytes)
{
	(void)bytes;
	free(p);
}

/* ---- The driver ---- */

const struct lab_load *
trial_load(const struct lab_code *code, const char *id)
{
	const struct lab_load *const *group, *ld;

	for (group = code->lc_groups; *group != NULL; group++)
		for (ld = *group; ld->ld_id != NULL; ld++)
			if (strcmp(ld->ld_id, id) == 0)
				return ld;
	return NULL;
}

const struct lab_bench *
trial_bench(const struct lab_bench *table, const char *id)
{
	for (; table->lb_id != NULL; table++)
		if (strcmp(table->lb_id, id) == 0)
			return table;
	fail_msg("there is no benchmark %s", id);
	return NULL;
}

void
trial_init(struct trial *t, const struct lab_bench *bench,
    const struct lab_code *code, unsigned harts)
{
	unsigned i;

	memset(t, 0, sizeof(*t));
	t->tr_bench = bench;
	t->tr_code = code;
	t->tr_harts = harts;
	t->tr_seed = 42;
	for (i = 0; i < LAB_PARAMS_MAX && bench->lb_params[i].lp_name; i++)
		t->tr_param[i] = bench->lb_params[i].lp_quick;
}

void
trial_set(struct trial *t, const char *param, uint64_t value)
{
	t->tr_param[param_index(t->tr_bench, param)] = value;
}

const struct lab_fact *
trial_fact(const struct trial *t, const char *name)
{
	unsigned i;

	for (i = 0; i < t->tr_out.facts; i++)
		if (strcmp(t->tr_out.fact[i].lf_name, name) == 0)
			return &t->tr_out.fact[i];
	fail_msg("%s has no fact %s", t->tr_bench->lb_id, name);
	return NULL;
}

static uint64_t
tick(void)
{
	trial_ticks += TRIAL_TICK;
	return trial_ticks;
}

static void
on_lane(const struct trial *t, unsigned index)
{
	if (t->tr_on_lane != NULL)
		t->tr_on_lane(index);
}

static uint64_t
counted(const uint64_t *counter)
{
	return counter != NULL ? *counter : 0;
}

/* Bytes that were asked for, and not one more. */
static void *
records(const struct lab_run *run, size_t (*bytes)(const struct lab_run *))
{
	void *p;

	if (bytes == NULL)
		return NULL;
	p = calloc(1, bytes(run));
	assert_non_null(p);
	return p;
}

static bool
step_lane(struct trial *t, const struct lab_load *load, struct lab_lane *lane,
    bool *done)
{
	uint64_t allocs = counted(t->tr_allocs), frees = counted(t->tr_frees);
	enum lab_step step;

	on_lane(t, lane->ln_index);
	step = load->ld_step(lane);
	t->tr_allocated += counted(t->tr_allocs) - allocs;
	t->tr_freed += counted(t->tr_frees) - frees;
	lane->ln_step++;
	*done = step == LAB_DONE;
	if (step == LAB_FAIL)
		t->tr_went = FAILED;
	return step != LAB_FAIL;
}

static void
steps(struct trial *t, const struct lab_load *load, struct lab_lane *lanes)
{
	unsigned rounds = t->tr_rounds != 0
	    ? t->tr_rounds
	    : t->tr_bench->lb_warm + t->tr_bench->lb_steps;
	bool done[LAB_HARTS_MAX] = { false };
	unsigned round, i;

	for (round = 0; round < rounds; round++)
		for (i = 0; i < t->tr_harts; i++)
			if (!done[i] &&
			    !step_lane(t, load, &lanes[i], &done[i]))
				return;
}

/* All lanes enter, step and leave. */
static void
live(struct trial *t, const struct lab_load *load, struct lab_lane *lanes)
{
	unsigned i, entered;

	for (entered = 0; entered < t->tr_harts; entered++) {
		on_lane(t, entered);
		if (load->ld_enter != NULL &&
		    !load->ld_enter(&lanes[entered])) {
			t->tr_went = NOT_ENTERED;
			entered++; /* this one leaves, too */
			break;
		}
	}
	if (t->tr_went == WENT_WELL)
		steps(t, load, lanes);
	for (i = 0; i < entered; i++) {
		on_lane(t, i);
		load->ld_leave(&lanes[i]);
	}
	on_lane(t, 0);
}

static void
collect(struct trial *t, struct lab_lane *lanes)
{
	unsigned i;

	for (i = 0; i < t->tr_harts; i++) {
		t->tr_ops += lanes[i].ln_ops;
		if (lanes[i].ln_hist != NULL)
			t->tr_timed += lanes[i].ln_hist->bh_count;
		free(lanes[i].ln_hist);
		free(lanes[i].ln_own);
	}
}

void
trial_run(struct trial *t)
{
	const struct lab_load *load =
	    trial_load(t->tr_code, t->tr_bench->lb_id);
	static struct lab_lane lanes[TRIAL_HARTS_MAX];
	struct lab_run run = { .lr_bench = t->tr_bench,
		.lr_variant = t->tr_code->lc_variant,
		.lr_harts = t->tr_harts,
		.lr_seed = t->tr_seed,
		.lr_lanes = lanes,
		.lr_out = &t->tr_out,
		.lr_tick = tick,
		.lr_tick_cost = TRIAL_TICK,
		.lr_exact = true };
	unsigned i;

	assert_non_null(load);
	assert_in_range(t->tr_harts, 1, TRIAL_HARTS_MAX);
	running = t;
	memset(lanes, 0, sizeof(lanes));
	memset(&t->tr_out, 0, sizeof(t->tr_out));
	t->tr_went = WENT_WELL;
	t->tr_ops = t->tr_timed = t->tr_allocated = t->tr_freed = 0;
	memcpy(run.lr_param, t->tr_param, sizeof(run.lr_param));
	run.lr_shared = records(&run, load->ld_shared);
	for (i = 0; i < t->tr_harts; i++) {
		lanes[i].ln_run = &run;
		lanes[i].ln_index = i;
		lanes[i].ln_random = (t->tr_seed + 1) * 77777u + i;
		lanes[i].ln_own = records(&run, load->ld_lane);
		if ((t->tr_bench->lb_flags & LAB_TIMED) != 0)
			lanes[i].ln_hist = calloc(1, sizeof(struct bench_hist));
	}
	on_lane(t, 0);
	if (load->ld_open(&run)) {
		live(t, load, lanes);
		load->ld_close(&run);
	} else {
		t->tr_went = NOT_OPENED;
	}
	collect(t, lanes);
	free(run.lr_shared);
}
