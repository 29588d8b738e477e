/* SPDX-License-Identifier: MIT */
/*
 * A pass by the clock: all harts start together and step until the time is
 * over, or until one of them fails, or the caller asks for the end.
 *
 * A hart that waits for another tries again some times, then sleeps for a
 * moment: the one it waits for may not have a processor of its own. The time of
 * a lane ends with its last step, and nobody frees what another may still use:
 * they meet first.
 */
#include <kernel/time.h>
#include <mm/port.h>

#include "lab_pass.h"

#define STOP_POLL_NS UINT64_C(1000000)
#define WAIT_TRIES   64u
#define WAIT_NS      10000u
#define PATIENCE_NS  UINT64_C(10000000000) /* for the first pair */

static bool
over(const struct lab_pass *ps)
{
	/* Relaxed: a request. */
	return atomic_load_explicit(&ps->ps_over, memory_order_relaxed);
}

/* What lane 0 does beside its steps; when it is to do so again. */
static uint64_t
attend(struct lab_pass *ps, uint64_t now, uint64_t *sample)
{
	uint64_t every = ps->ps_job->jo_time_ns / LAB_SERIES_MAX + 1;

	if (now >= *sample) {
		*sample += every;
		lab_pass_sample(ps);
	}
	(void)lab_pass_stopped(ps);
	return now + (every < STOP_POLL_NS ? every : STOP_POLL_NS);
}

/* Nothing to do until another hart has done something. */
static void
wait_a_moment(unsigned *waits)
{
	if (++*waits < WAIT_TRIES) {
		port_pause();
		return;
	}
	*waits = 0;
	crew_sleep(WAIT_NS);
}

/* The time, and more where nobody has come to a single pair in it. */
static bool
time_is_over(struct lab_pass *ps, const struct lab_lane *lane, uint64_t spent)
{
	/* Relaxed: a hint. */
	if (lane->ln_ops > 0 &&
	    !atomic_load_explicit(&ps->ps_some, memory_order_relaxed))
		atomic_store_explicit(&ps->ps_some, true, memory_order_relaxed);
	if (spent < ps->ps_job->jo_time_ns)
		return false;
	return spent >= PATIENCE_NS ||
	    (ps->ps_job->jo_bench->lb_flags & LAB_WHOLE) != 0 ||
	    atomic_load_explicit(&ps->ps_some, memory_order_relaxed);
}

static void
steps(struct lab_pass *ps, unsigned index)
{
	struct lab_seat *seat = &ps->ps_seats[index];
	struct lab_lane *lane = &ps->ps_lanes[index];
	uint64_t cycles = time_cycles(), instr = time_instret();
	uint64_t start = time_ns(), now = start, look = start, sample = start;
	unsigned waits = 0;

	while (!over(ps) && !seat->st_done &&
	    !time_is_over(ps, lane, now - start)) {
		switch (ps->ps_load->ld_step(lane)) {
		case LAB_MORE:
			waits = 0;
			break;
		case LAB_WAIT:
			wait_a_moment(&waits);
			break;
		case LAB_DONE:
			seat->st_done = true;
			break;
		case LAB_FAIL:
		default:
			lab_pass_fail(ps, -KMEM_ENOMEM,
			    "an allocation failed: no memory");
		}
		lane->ln_step++;
		now = time_ns();
		if (index == 0 && now >= look)
			look = attend(ps, now, &sample);
	}
	seat->st_ns = now - start;
	seat->st_cycles = time_cycles() - cycles;
	seat->st_instr = time_instret() - instr;
}

void
lab_clock_lane(struct crew *crew, void *arg, unsigned index)
{
	struct lab_pass *ps = arg;

	if (index == 0)
		lab_pass_begin(ps);
	crew_meet(crew);
	if (!over(ps))
		lab_lane_enter(ps, index);
	crew_meet(crew);
	steps(ps, index);
	crew_meet(crew);
	if (index == 0 && !over(ps))
		lab_pass_heat(ps);
	crew_meet(crew);
	lab_lane_leave(ps, index);
	crew_meet(crew);
	if (index == 0)
		lab_pass_end(ps);
}
