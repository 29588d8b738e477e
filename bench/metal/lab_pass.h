/* SPDX-License-Identifier: MIT */
/* What the files of the lab's driver share. Theory: bench/metal/lab_run.c. */
#ifndef BENCH_METAL_LAB_PASS_H
#define BENCH_METAL_LAB_PASS_H

#include <stdatomic.h>

#include "../lab/codes.h"
#include "turns.h"

/* One call of lab_run. */
struct lab_job {
	const struct lab_options *jo_opt;
	const struct lab_bench *jo_bench;
	uint64_t jo_values[LAB_PARAMS_MAX];
	unsigned jo_harts;
	uint64_t jo_time_ns;
	bool jo_exact; /* instructions are counted, harts take turns */
	bool (*jo_stop)(void *);
	void *jo_stop_arg;
};

/* What the driver keeps of a lane, beside what the load sees. */
struct lab_seat {
	_Alignas(64) uint64_t st_instr; /* of counted steps */
	uint64_t st_before;             /* pairs before the counted steps */
	uint64_t st_ns, st_cycles;
	bool st_entered, st_done;
};

enum lab_phase {
	LAB_BEGIN,
	LAB_ENTER,
	LAB_WARM,
	LAB_COUNT,
	LAB_LEAVE,
	LAB_HOME
};

/* One run of a load on one allocator. */
struct lab_pass {
	const struct lab_job *ps_job;
	const struct lab_code *ps_code;
	const struct lab_load *ps_load;
	struct lab_result *ps_out;
	struct lab_run ps_run;
	_Atomic(const char *) ps_error; /* the first one; NULL: none */
	_Atomic int ps_err;             /* of it */
	atomic_bool ps_over;            /* no more steps */
	atomic_bool ps_some;            /* by the clock: some pairs are done */
	struct lab_ground ps_ground;
	bool ps_opened;
	/* Frames: at the start, and beyond it at most and after all left. */
	size_t ps_mark, ps_peak, ps_after;
	uint32_t ps_every, ps_skipped; /* of the series: samples */
	/* Where harts take turns; whoever has the turn. */
	struct turns ps_turns;
	enum lab_phase ps_phase;
	uint32_t ps_round;   /* of this phase */
	unsigned ps_moved;   /* lanes that did something in this round */
	unsigned ps_waiting; /* lanes that could not */
	uint64_t ps_window;  /* instructions of a window with nothing in it */
	/* Own memory. */
	size_t ps_shared_bytes, ps_stride, ps_lanes_bytes;
	void *ps_own;
	struct bench_hist *ps_hists; /* NULL unless LAB_TIMED */
	struct lab_seat ps_seats[LAB_HARTS_MAX];
	struct lab_lane ps_lanes[LAB_HARTS_MAX];
};

/* lab_pass.c. NULL: no memory. */
struct lab_pass *lab_pass_create(const struct lab_job *job,
    const struct lab_code *code, struct lab_result *out);
void lab_pass_destroy(struct lab_pass *ps);
/* Note a kmem error, and that no more steps are to be done. Any hart. */
void lab_pass_fail(struct lab_pass *ps, int err, const char *why);
/* On the caller's hart: ground, mark, open; and heat, close, what was kept. */
void lab_pass_begin(struct lab_pass *ps);
void lab_pass_heat(struct lab_pass *ps);
void lab_pass_end(struct lab_pass *ps);
/* Frames in use beyond the start; a sample of it for the series. */
size_t lab_pass_frames(struct lab_pass *ps);
void lab_pass_sample(struct lab_pass *ps);
/* True when the caller wants it to end; noted in the result. */
bool lab_pass_stopped(struct lab_pass *ps);
/* Each lane's own part, on its hart. */
void lab_lane_enter(struct lab_pass *ps, unsigned index);
void lab_lane_leave(struct lab_pass *ps, unsigned index);
/* Counted pairs of a lane. */
uint64_t lab_lane_ops(const struct lab_pass *ps, unsigned index);

/* lab_turns.c, lab_clock.c: functions of a crew, arg is the pass. */
void lab_turns_lane(struct crew *crew, void *arg, unsigned index);
void lab_clock_lane(struct crew *crew, void *arg, unsigned index);

/* lab_facts.c: what the passes came to; noop may be NULL. */
void lab_facts_exact(struct lab_pass *ps, const struct lab_pass *noop);
void lab_facts_clock(struct lab_pass *ps);

#endif
