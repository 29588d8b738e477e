/* SPDX-License-Identifier: MIT */
/* A pass of the lab: its memory, its beginning and its end. */
#include <string.h>

#include <kernel/smp.h>
#include <kernel/time.h>
#include <mm/frame.h>

#include "lab_pass.h"

#define LINE      64u /* bytes */
#define CALIBRATE 8u
#define CALLS_NS  UINT64_C(5100000000) /* smp_call waits 5 s */

static uint64_t
tick_instret(void)
{
	return time_instret();
}

static uint64_t
tick_ns(void)
{
	return time_ns();
}

/* The least that two readings by the load's own call come to. */
static uint64_t
tick_cost(uint64_t (*volatile tick)(void))
{
	uint64_t least = UINT64_MAX, start, cost;
	unsigned i;

	for (i = 0; i < CALIBRATE; i++) {
		start = tick();
		cost = tick() - start;
		if (cost < least)
			least = cost;
	}
	return least;
}

/* All but the heaps, which begin anew after a rehearsal. */
static void
lanes_reset(struct lab_pass *ps)
{
	const struct lab_job *job = ps->ps_job;
	unsigned i;

	if (ps->ps_run.lr_shared != NULL)
		memset(ps->ps_run.lr_shared, 0, ps->ps_shared_bytes);
	for (i = 0; i < job->jo_harts; i++) {
		struct lab_lane *ln = &ps->ps_lanes[i];

		memset(ln, 0, sizeof(*ln));
		ln->ln_run = &ps->ps_run;
		ln->ln_index = i;
		ln->ln_random = bench_seed(job->jo_opt->seed, i);
		if (ps->ps_own != NULL) {
			ln->ln_own = (char *)ps->ps_own + i * ps->ps_stride;
			memset(ln->ln_own, 0, ps->ps_stride);
		}
		if (ps->ps_hists != NULL)
			ln->ln_hist = &ps->ps_hists[i];
	}
}

/* False: no memory, or more than can be asked for. */
static bool
memory_of_load(struct lab_pass *ps)
{
	const struct lab_job *job = ps->ps_job;
	const struct lab_load *ld = ps->ps_load;
	struct lab_run *run = &ps->ps_run;
	size_t bytes;

	if (ld->ld_shared != NULL) {
		ps->ps_shared_bytes = ld->ld_shared(run);
		run->lr_shared = lab_memory(ps->ps_shared_bytes);
		if (run->lr_shared == NULL)
			return false;
	}
	if (ld->ld_lane != NULL) {
		bytes = ld->ld_lane(run);
		if (bytes > SIZE_MAX / LAB_HARTS_MAX - LINE)
			return false;
		ps->ps_stride = (bytes + LINE - 1) / LINE * LINE;
		ps->ps_lanes_bytes = ps->ps_stride * job->jo_harts;
		ps->ps_own = lab_memory(ps->ps_lanes_bytes);
		if (ps->ps_own == NULL)
			return false;
	}
	if ((job->jo_bench->lb_flags & LAB_TIMED) != 0) {
		ps->ps_hists =
		    lab_memory(job->jo_harts * sizeof(*ps->ps_hists));
		if (ps->ps_hists == NULL)
			return false;
	}
	return true;
}

struct lab_pass *
lab_pass_create(const struct lab_job *job, const struct lab_code *code,
    struct lab_result *out)
{
	struct lab_pass *ps = lab_memory(sizeof(*ps));
	struct lab_run *run;

	if (ps == NULL)
		return NULL;
	ps->ps_job = job;
	ps->ps_code = code;
	ps->ps_load = lab_load_of(code, job->jo_bench->lb_id);
	ps->ps_out = out;
	ps->ps_every = 1;
	run = &ps->ps_run;
	run->lr_bench = job->jo_bench;
	run->lr_variant = code->lc_variant;
	run->lr_harts = job->jo_harts;
	run->lr_seed = job->jo_opt->seed;
	memcpy(run->lr_param, job->jo_values, sizeof(run->lr_param));
	run->lr_lanes = ps->ps_lanes;
	run->lr_out = out;
	run->lr_exact = job->jo_exact;
	run->lr_tick = job->jo_exact ? tick_instret : tick_ns;
	run->lr_tick_cost = tick_cost(run->lr_tick);
	ps->ps_window = time_instret();
	ps->ps_window = time_instret() - ps->ps_window;
	if (!memory_of_load(ps)) {
		lab_pass_destroy(ps);
		return NULL;
	}
	lanes_reset(ps);
	return ps;
}

void
lab_pass_destroy(struct lab_pass *ps)
{
	if (ps == NULL)
		return;
	if (ps->ps_hists != NULL)
		lab_memory_free(
		    ps->ps_hists, ps->ps_job->jo_harts * sizeof(*ps->ps_hists));
	lab_memory_free(ps->ps_own, ps->ps_lanes_bytes);
	lab_memory_free(ps->ps_run.lr_shared, ps->ps_shared_bytes);
	lab_memory_free(ps, sizeof(*ps));
}

void
lab_pass_fail(struct lab_pass *ps, int err, const char *why)
{
	const char *none = NULL;

	/* Relaxed: constants, and a request. Read when all are home. */
	if (atomic_compare_exchange_strong_explicit(&ps->ps_error, &none, why,
		memory_order_relaxed, memory_order_relaxed))
		atomic_store_explicit(&ps->ps_err, err, memory_order_relaxed);
	atomic_store_explicit(&ps->ps_over, true, memory_order_relaxed);
}

bool
lab_pass_stopped(struct lab_pass *ps)
{
	const struct lab_job *job = ps->ps_job;

	if (job->jo_stop == NULL || !job->jo_stop(job->jo_stop_arg))
		return false;
	ps->ps_out->stopped = true;
	atomic_store_explicit(&ps->ps_over, true, memory_order_relaxed);
	return true;
}

static size_t
frames_now(const struct lab_pass *ps)
{
	return lab_frames(&ps->ps_run) - lab_memory_frames();
}

size_t
lab_pass_frames(struct lab_pass *ps)
{
	size_t now = frames_now(ps);
	size_t used = now > ps->ps_mark ? now - ps->ps_mark : 0;

	if (used > ps->ps_peak)
		ps->ps_peak = used;
	return used;
}

/* When the series is full, every second sample goes, and half as many come. */
void
lab_pass_sample(struct lab_pass *ps)
{
	struct lab_result *out = ps->ps_out;
	size_t used = lab_pass_frames(ps);
	unsigned i;

	if (++ps->ps_skipped < ps->ps_every)
		return;
	ps->ps_skipped = 0;
	if (out->series == LAB_SERIES_MAX) {
		for (i = 0; i < LAB_SERIES_MAX / 2; i++)
			out->frames[i] = out->frames[2 * i + 1];
		out->series = LAB_SERIES_MAX / 2;
		ps->ps_every *= 2;
		ps->ps_skipped = ps->ps_every / 2;
		return;
	}
	out->frames[out->series++] = (uint32_t)used;
}

/* What a rival makes once and keeps is made before frames are counted. */
static bool
rehearse(struct lab_pass *ps)
{
	if (ps->ps_code == &lab_noop_code ||
	    (ps->ps_run.lr_variant->lv_can & LAB_IS_OURS) != 0)
		return true;
	if (!ps->ps_load->ld_open(&ps->ps_run))
		return false;
	ps->ps_load->ld_close(&ps->ps_run);
	memset(ps->ps_run.lr_heap, 0, sizeof(ps->ps_run.lr_heap));
	ps->ps_run.lr_heaps = 0;
	ps->ps_out->facts = 0;
	lanes_reset(ps);
	return true;
}

void
lab_pass_begin(struct lab_pass *ps)
{
	(void)lab_fault_take();
	if (!rehearse(ps)) {
		lab_pass_fail(ps, -KMEM_ENOMEM, "no memory for the heaps");
		return;
	}
	if (!ps->ps_job->jo_exact) {
		(void)kmem_reap(KMEM_REAP_ALL, 0);
	} else if (!lab_ground_level(&ps->ps_ground)) {
		lab_pass_fail(
		    ps, -KMEM_ENOMEM, "no memory to make all runs begin alike");
		return;
	}
	/* What is armed now fires before the run: arm_calls. */
	if (ps->ps_job->jo_exact)
		crew_sleep(CALLS_NS);
	ps->ps_mark = frames_now(ps);
	ps->ps_opened = ps->ps_load->ld_open(&ps->ps_run);
	if (!ps->ps_opened)
		lab_pass_fail(ps, -KMEM_ENOMEM, "no memory for the heaps");
}

/* Shell sort by address: there are some hundreds, and no memory to spare. */
static void
sort_slabs(struct kmem_slab_info *slabs, size_t n)
{
	struct kmem_slab_info moved;
	size_t gap, i, at;

	for (gap = n / 2; gap > 0; gap /= 2)
		for (i = gap; i < n; i++) {
			moved = slabs[i];
			for (at = i;
			     at >= gap && slabs[at - gap].addr > moved.addr;
			     at -= gap)
				slabs[at] = slabs[at - gap];
			slabs[at] = moved;
		}
}

/* Of the first heap; of more slabs than cells, evenly many. */
void
lab_pass_heat(struct lab_pass *ps)
{
	struct lab_result *out = ps->ps_out;
	const struct lab_run *run = &ps->ps_run;
	struct kmem_slab_info *slabs;
	size_t n, bytes, got, i;

	if ((run->lr_variant->lv_can & LAB_IS_OURS) == 0 ||
	    run->lr_heaps == 0 || run->lr_heap[0] == NULL)
		return;
	n = kmem_cache_slabs(run->lr_heap[0], NULL, 0);
	bytes = n * sizeof(*slabs);
	slabs = n > 0 ? lab_memory(bytes) : NULL;
	if (slabs == NULL)
		return;
	got = kmem_cache_slabs(run->lr_heap[0], slabs, n);
	n = got < n ? got : n;
	sort_slabs(slabs, n);
	out->heat = n < LAB_HEAT_MAX ? (unsigned)n : LAB_HEAT_MAX;
	for (i = 0; i < out->heat; i++) {
		const struct kmem_slab_info *si = &slabs[i * n / out->heat];

		out->cells[i] = si->total == 0
		    ? 0
		    : (uint8_t)((uint64_t)si->inuse * 255u / si->total);
	}
	lab_memory_free(slabs, bytes);
}

void
lab_pass_end(struct lab_pass *ps)
{
	const char *why;

	ps->ps_after = lab_pass_frames(ps);
	if (ps->ps_opened)
		ps->ps_load->ld_close(&ps->ps_run);
	why = lab_fault_take();
	if (why != NULL)
		lab_pass_fail(ps, -KMEM_EBUSY, why);
	if (!ps->ps_job->jo_exact)
		return;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	if (ps->ps_opened && frames_now(ps) > ps->ps_mark)
		lab_pass_fail(ps, -KMEM_EBUSY,
		    "frames are still in use after the heaps are destroyed");
	lab_ground_restore(&ps->ps_ground);
}

static void
nothing(void *arg)
{
	(void)arg;
}

/*
 * A hart that calls another arms a timer for the answer and leaves it armed,
 * for 5 s; the first call after it has fired costs two firmware calls more.
 * Whether that comes in a run must not depend on what ran before: so all have
 * fired when it begins, and each hart calls another before it enters.
 */
static void
arm_calls(void)
{
	unsigned harts = smp_hart_count();

	if (harts > 1)
		(void)smp_call((smp_hart_self() + 1) % harts, nothing, NULL);
}

/* What a hart keeps of its own, and the ground (ground.c) does not reach. */
static void
level_hart(void)
{
	arm_calls();
	/* An empty cache of frames still knows how many it took last. */
	(void)frame_flush_own();
}

void
lab_lane_enter(struct lab_pass *ps, unsigned index)
{
	if (ps->ps_job->jo_exact)
		level_hart();
	ps->ps_seats[index].st_entered = true;
	if (ps->ps_load->ld_enter != NULL &&
	    !ps->ps_load->ld_enter(&ps->ps_lanes[index]))
		lab_pass_fail(
		    ps, -KMEM_ENOMEM, "no memory for what the run starts with");
}

void
lab_lane_leave(struct lab_pass *ps, unsigned index)
{
	if (ps->ps_seats[index].st_entered && ps->ps_load->ld_leave != NULL)
		ps->ps_load->ld_leave(&ps->ps_lanes[index]);
}

uint64_t
lab_lane_ops(const struct lab_pass *ps, unsigned index)
{
	return ps->ps_lanes[index].ln_ops - ps->ps_seats[index].st_before;
}
