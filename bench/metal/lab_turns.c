/* SPDX-License-Identifier: MIT */
/*
 * A pass where instructions are exact: harts take turns, a step each.
 *
 * Theory of operation
 *
 * 1. A round is one action of each lane, in order: enter, a step, leave. Lane 0
 *    is the caller's, and whenever the turn comes back to it, it judges the
 *    round that has ended and says what the next is. Only who has the turn is
 *    awake and touches the pass, so nothing here needs a lock.
 * 2. The window is open around the step alone, and of counted rounds alone.
 *    What an allocator makes other harts do meanwhile (a drain) is in it:
 *    QEMU counts all harts' instructions.
 * 3. Which pairs meet which is so a matter of the load and the seed, and the
 *    figure repeats to the digit. How harts wait for each other's locks is not
 *    to be seen here: that is what the other modes are for.
 */
#include <string.h>

#include <kernel/time.h>

#include "lab_pass.h"

static void
step(struct lab_pass *ps, unsigned index)
{
	struct lab_seat *seat = &ps->ps_seats[index];
	struct lab_lane *lane = &ps->ps_lanes[index];
	enum lab_step came;
	uint64_t start;

	if (seat->st_done)
		return;
	start = time_instret();
	came = ps->ps_load->ld_step(lane);
	start = time_instret() - start;
	if (ps->ps_phase == LAB_COUNT)
		seat->st_instr += start - ps->ps_window;
	lane->ln_step++;
	switch (came) {
	case LAB_MORE:
		ps->ps_moved++;
		break;
	case LAB_WAIT:
		ps->ps_waiting++;
		break;
	case LAB_DONE:
		ps->ps_moved++;
		seat->st_done = true;
		break;
	case LAB_FAIL:
	default:
		lab_pass_fail(
		    ps, -KMEM_ENOMEM, "an allocation failed: no memory");
	}
}

static bool
all_done(const struct lab_pass *ps)
{
	unsigned i;

	for (i = 0; i < ps->ps_job->jo_harts; i++)
		if (!ps->ps_seats[i].st_done)
			return false;
	return true;
}

/* From here on steps count. */
static void
start_counting(struct lab_pass *ps)
{
	unsigned i;

	for (i = 0; i < ps->ps_job->jo_harts; i++) {
		ps->ps_seats[i].st_before = ps->ps_lanes[i].ln_ops;
		if (ps->ps_hists != NULL)
			memset(&ps->ps_hists[i], 0, sizeof(ps->ps_hists[i]));
	}
}

static void
enter_phase(struct lab_pass *ps, enum lab_phase phase)
{
	ps->ps_phase = phase;
	ps->ps_round = 0;
	if (phase == LAB_COUNT)
		start_counting(ps);
}

/* A round of steps has ended; true when no other of this phase follows. */
static bool
steps_over(struct lab_pass *ps, uint32_t rounds)
{
	if (ps->ps_phase == LAB_COUNT)
		lab_pass_sample(ps);
	else
		(void)lab_pass_frames(ps);
	if (ps->ps_moved == 0 && ps->ps_waiting > 0)
		lab_pass_fail(ps, -KMEM_EBUSY,
		    "nobody can go on: every hart waits for another");
	return ++ps->ps_round >= rounds;
}

/* Lane 0 has the turn: what is the next round? */
static void
conduct(struct lab_pass *ps)
{
	const struct lab_bench *lb = ps->ps_job->jo_bench;
	uint32_t warm = lb->lb_warm, counted = lb->lb_steps;
	bool over, next = false;

	if (ps->ps_phase == LAB_LEAVE) {
		lab_pass_end(ps);
		ps->ps_phase = LAB_HOME;
		return;
	}
	if (ps->ps_phase == LAB_BEGIN)
		lab_pass_begin(ps);
	else if (ps->ps_phase == LAB_ENTER)
		(void)lab_pass_frames(ps);
	else
		next =
		    steps_over(ps, ps->ps_phase == LAB_WARM ? warm : counted);
	/* Relaxed: only who has the turn sets it here. */
	over = atomic_load_explicit(&ps->ps_over, memory_order_relaxed) ||
	    lab_pass_stopped(ps);
	if (!over && ps->ps_phase == LAB_BEGIN) {
		enter_phase(ps, LAB_ENTER);
	} else if (over || all_done(ps) ||
	    (next && ps->ps_phase == LAB_COUNT)) {
		if (!over)
			lab_pass_heat(ps);
		enter_phase(ps, LAB_LEAVE);
	} else if (ps->ps_phase == LAB_ENTER) {
		enter_phase(ps, warm > 0 ? LAB_WARM : LAB_COUNT);
	} else if (next) {
		enter_phase(ps, LAB_COUNT);
	}
	ps->ps_moved = ps->ps_waiting = 0;
}

void
lab_turns_lane(struct crew *crew, void *arg, unsigned index)
{
	struct lab_pass *ps = arg;
	unsigned harts = ps->ps_job->jo_harts;

	for (;;) {
		turns_await(&ps->ps_turns, index);
		if (index == 0)
			conduct(ps);
		if (ps->ps_phase == LAB_HOME)
			break;
		if (ps->ps_phase == LAB_ENTER)
			lab_lane_enter(ps, index);
		else if (ps->ps_phase == LAB_LEAVE)
			lab_lane_leave(ps, index);
		else
			step(ps, index);
		if (harts > 1)
			turns_pass(&ps->ps_turns, crew, (index + 1) % harts);
	}
	if (index + 1 < harts)
		turns_pass(&ps->ps_turns, crew, index + 1);
}
