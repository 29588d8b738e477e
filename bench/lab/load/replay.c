/* SPDX-License-Identifier: MIT */
/*
 * Group trace: a trace of allocations, replayed. Each hart has the events of
 * its part of the trace's harts, in their order, again and again.
 *
 * An object's place holds it from its allocation until it is freed: stored with
 * release, taken by an exchange with acquire and release. A free finds nothing
 * there until the hart that allocates has done so: then it is put aside, and
 * tried again in later steps, so that harts that take turns need not be in step
 * event by event. An allocation finds the object of the pass before until that
 * is freed; then, or when REPLAY_ASIDE frees lie aside, the hart has to wait.
 *
 * An object is allocated once and freed once in a pass, each always by the same
 * hart, so the two alternate on its place. Nobody waits for ever: of all events
 * that have not happened yet take the earliest, in this pass or the one before.
 * What it needs has happened; and it is either aside, and tried in its hart's
 * next step, or the one its hart stands at.
 */

#include <string.h>

#include "../trace.h"
#include "classes.c"
#include "share.c"

#define REPLAY_STEP  1000u /* events, of all harts */
#define REPLAY_ASIDE 256u  /* frees that one hart may put aside */

struct replay {
	struct trace re_made;           /* where it is not the loaded one */
	const struct trace *re_trace;   /* what is replayed */
	bool re_held;                   /* the loaded one: to be given back */
	struct trace_record *re_sorted; /* by hart, in each in its order */
	_Atomic(void *) *re_places;
	uint32_t re_first[LAB_HARTS_MAX + 1u]; /* of each hart, in re_sorted */
};

struct replay_lane {
	uint32_t rl_at;    /* in re_sorted, from re_first on */
	uint32_t rl_aside; /* frees put aside; their places in re_sorted: */
	uint32_t rl_free[REPLAY_ASIDE];
};

static size_t
replay_shared(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct replay);
}

static size_t
replay_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct replay_lane);
}

static void
replay_drop(struct replay *re)
{
	size_t objects = re->re_trace != NULL ? re->re_trace->tc_objects : 0;

	if (re->re_sorted != NULL)
		lab_memory_free(
		    re->re_sorted, 2u * objects * sizeof(*re->re_sorted));
	if (re->re_places != NULL)
		lab_memory_free(
		    re->re_places, objects * sizeof(*re->re_places));
	re->re_sorted = NULL;
	re->re_places = NULL;
	re->re_trace = NULL;
	trace_close(&re->re_made);
	if (re->re_held)
		trace_release();
	re->re_held = false;
}

/* Give each hart its part: stable, in two passes. */
static bool
replay_sort(struct lab_run *run, struct replay *re)
{
	const struct trace *tc = re->re_trace;
	uint32_t next[LAB_HARTS_MAX], sum = 0, i;
	unsigned hart;

	re->re_sorted = lab_memory(tc->tc_count * sizeof(*re->re_sorted));
	re->re_places = lab_memory(tc->tc_objects * sizeof(*re->re_places));
	if (re->re_sorted == NULL || re->re_places == NULL)
		return false;
	memset(next, 0, sizeof(next));
	for (i = 0; i < tc->tc_count; i++)
		next[tc->tc_records[i].tr_hart % run->lr_harts]++;
	for (hart = 0; hart < run->lr_harts; hart++) {
		re->re_first[hart] = sum;
		sum += next[hart];
		next[hart] = re->re_first[hart];
	}
	re->re_first[hart] = sum;
	for (i = 0; i < tc->tc_count; i++) {
		hart = tc->tc_records[i].tr_hart % run->lr_harts;
		re->re_sorted[next[hart]++] = tc->tc_records[i];
	}
	for (i = 0; i < tc->tc_objects; i++)
		atomic_init(&re->re_places[i], NULL);
	return true;
}

/* With re_trace set: get the rest ready, or drop all. */
static bool
replay_ready(struct lab_run *run)
{
	struct replay *re = run->lr_shared;

	if (replay_sort(run, re) && classes_open(run, CLASS_LARGEST))
		return true;
	replay_drop(re);
	return false;
}

static bool
replay_open(struct lab_run *run, bool (*maker)(struct trace *, uint64_t))
{
	struct replay *re = run->lr_shared;

	if (!trace_open(&re->re_made, count_param(run, "objects")) ||
	    !maker(&re->re_made, run->lr_seed)) {
		trace_close(&re->re_made);
		return false;
	}
	re->re_trace = &re->re_made;
	return replay_ready(run);
}

static bool
replay_server_open(struct lab_run *run)
{
	return replay_open(run, trace_make_server);
}

static bool
replay_compile_open(struct lab_run *run)
{
	return replay_open(run, trace_make_compile);
}

static bool
replay_adversary_open(struct lab_run *run)
{
	return replay_open(run, trace_make_adversary);
}

static bool
replay_file_open(struct lab_run *run)
{
	struct replay *re = run->lr_shared;

	re->re_trace = trace_hold();
	if (re->re_trace == NULL) {
		run->lr_out->error = "no trace is loaded: lab.trace(file)";
		return false;
	}
	re->re_held = true;
	return replay_ready(run);
}

/* One event; LAB_WAIT: an earlier one of another hart has not happened yet. */
static inline enum lab_step
replay_event(struct lab_lane *lane, const struct trace_record *tr)
{
	const struct lab_run *run = lane->ln_run;
	const struct replay *re = run->lr_shared;
	_Atomic(void *) *place = &re->re_places[tr->tr_object];
	struct item it = { NULL, class_of(tr->tr_size) };

	if (tr->tr_free) {
		/* Pairs with the store below, and with the load. */
		it.it_obj =
		    atomic_exchange_explicit(place, NULL, memory_order_acq_rel);
		if (it.it_obj == NULL)
			return LAB_WAIT;
		item_free(run, &it);
		lane->ln_ops++;
		return LAB_MORE;
	}
	if (atomic_load_explicit(place, memory_order_acquire) != NULL)
		return LAB_WAIT;
	if (!item_alloc(run, &it, tr->tr_size))
		return LAB_FAIL;
	atomic_store_explicit(place, it.it_obj, memory_order_release);
	return LAB_MORE;
}

/* Try again what was put aside; true: something happened. */
static bool
replay_aside(struct lab_lane *lane)
{
	const struct replay *re = lane->ln_run->lr_shared;
	struct replay_lane *rl = lane->ln_own;
	uint32_t before = rl->rl_aside, kept = 0, i;

	for (i = 0; i < before; i++) {
		uint32_t at = rl->rl_free[i];

		/* A free does not fail. */
		if (replay_event(lane, &re->re_sorted[at]) == LAB_WAIT)
			rl->rl_free[kept++] = at;
	}
	rl->rl_aside = kept;
	return kept < before;
}

static enum lab_step
replay_step(struct lab_lane *lane)
{
	const struct replay *re = lane->ln_run->lr_shared;
	struct replay_lane *rl = lane->ln_own;
	uint32_t first = re->re_first[lane->ln_index];
	uint32_t count = re->re_first[lane->ln_index + 1u] - first;
	unsigned left = share_of(lane->ln_run, REPLAY_STEP);
	enum lab_step came;

	if (count == 0)
		return LAB_DONE; /* no event of the trace is this hart's */
	came = replay_aside(lane) ? LAB_MORE : LAB_WAIT;
	for (; left != 0; left--) {
		uint32_t at = first + rl->rl_at;
		const struct trace_record *tr = &re->re_sorted[at];
		enum lab_step last = replay_event(lane, tr);

		if (last == LAB_FAIL)
			return LAB_FAIL;
		if (last == LAB_WAIT) {
			if (!tr->tr_free || rl->rl_aside == REPLAY_ASIDE)
				break;
			rl->rl_free[rl->rl_aside++] = at;
		}
		came = LAB_MORE;
		rl->rl_at = rl->rl_at + 1u < count ? rl->rl_at + 1u : 0;
	}
	return came;
}

static void
replay_close(struct lab_run *run)
{
	struct replay *re = run->lr_shared;
	const struct trace *tc = re->re_trace;
	uint32_t i;

	for (i = 0; i < tc->tc_count; i++) {
		const struct trace_record *tr = &tc->tc_records[i];
		struct item it = { NULL, class_of(tr->tr_size) };

		if (tr->tr_free)
			continue;
		it.it_obj = atomic_load_explicit(
		    &re->re_places[tr->tr_object], memory_order_acquire);
		if (it.it_obj != NULL)
			item_free(run, &it);
	}
	classes_close(run);
	replay_drop(re);
}
