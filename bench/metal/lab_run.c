/* SPDX-License-Identifier: MIT */
/*
 * The driver of the lab: one benchmark on one allocator, on real harts.
 *
 * Theory of operation
 *
 * 1. A run is one pass of the load on the allocator and, where instructions
 *    are exact, one more on noop (lab.c, 2). A pass is a crew's task: by turns
 *    (lab_turns.c) or by the clock (lab_clock.c). What both have in common, the
 *    beginning and the end, is lab_pass.c; what comes of it, lab_facts.c.
 * 2. Where turns are taken nobody else may run, since all instructions are
 *    counted together. A hart that waits does the allocator's idle work about
 *    once a second, so that is switched off; the wake-up that somebody has
 *    ordered for it comes within the next second, so that is waited for, which
 *    costs nothing where time follows the instructions.
 * 3. One run at a time: own memory and faults are counted for all together. A
 *    second caller is told, not queued.
 * 4. An error anywhere ends the steps; leave and close are then done as ever,
 *    and everything is given back.
 */
#include <string.h>

#include <kernel/smp.h>
#include <kernel/time.h>

#include "lab_pass.h"

#define TIME_DEFAULT_NS UINT64_C(50000000)
#define IDLE_NS         UINT64_C(1100000000) /* the idle work's second */
#define PATIENCE_NS     UINT64_C(200000)

static atomic_flag running = ATOMIC_FLAG_INIT;

static bool
patience(unsigned attempt)
{
	(void)attempt;
	crew_sleep(PATIENCE_NS);
	return true;
}

/* One pass, to its end. 0 or a kmem error, with out->error. */
static int
run_pass(const struct lab_job *job, struct lab_pass *ps)
{
	struct lab_result *out = ps->ps_out;
	const char *why = NULL;
	int err;

	err = crew_run(job->jo_harts,
	    job->jo_exact ? lab_turns_lane : lab_clock_lane, ps, &why);
	if (err != 0) {
		out->error = why;
		return err;
	}
	if (out->error == NULL)
		out->error =
		    atomic_load_explicit(&ps->ps_error, memory_order_relaxed);
	if (out->error == NULL)
		return 0;
	err = atomic_load_explicit(&ps->ps_err, memory_order_relaxed);
	return err != 0 ? err : -KMEM_EBUSY;
}

static int
no_memory(struct lab_result *out)
{
	out->error = "no memory for the records of a run";
	return -KMEM_ENOMEM;
}

/* The same with noop. Its result is thrown away, but for an error. */
static int
run_noop(
    const struct lab_job *job, struct lab_pass **noop, struct lab_result *out)
{
	struct lab_result *scratch = lab_memory(sizeof(*scratch));
	int err;

	if (scratch == NULL)
		return no_memory(out);
	*noop = lab_pass_create(job, &lab_noop_code, scratch);
	if (*noop == NULL) {
		lab_memory_free(scratch, sizeof(*scratch));
		return no_memory(out);
	}
	err = run_pass(job, *noop);
	if (err != 0)
		out->error = scratch->error;
	out->stopped = scratch->stopped;
	/* Nothing is written to it any more. */
	(*noop)->ps_out = NULL;
	lab_memory_free(scratch, sizeof(*scratch));
	return err;
}

static int
run_passes(const struct lab_job *job, const struct lab_code *code,
    struct lab_result *out)
{
	struct lab_pass *noop = NULL;
	struct lab_pass *ps = NULL;
	int err;

	if (lab_codes_start())
		ps = lab_pass_create(job, code, out);
	if (ps == NULL)
		return no_memory(out);
	err = run_pass(job, ps);
	if (err == 0 && !out->stopped && job->jo_exact &&
	    (job->jo_bench->lb_flags & LAB_WHOLE) == 0)
		err = run_noop(job, &noop, out);
	if (err == 0 && !out->stopped) {
		if (job->jo_exact)
			lab_facts_exact(ps, noop);
		else
			lab_facts_clock(ps);
		err = out->error != NULL ? -KMEM_EBUSY : 0;
	}
	lab_pass_destroy(noop);
	lab_pass_destroy(ps);
	return err;
}

static int
run_alone(const struct lab_job *job, const struct lab_code *code,
    struct lab_result *out)
{
	smp_idle_fn idle;
	int err;

	if (!job->jo_exact) {
		lab_kmem_patience = patience;
		return run_passes(job, code, out);
	}
	lab_kmem_patience = NULL;
	idle = smp_set_idle(NULL);
	crew_sleep(IDLE_NS);
	err = run_passes(job, code, out);
	(void)smp_set_idle(idle);
	return err;
}

static int
refuse(struct lab_result *out, const char *why)
{
	out->error = why;
	return -KMEM_EINVAL;
}

int
lab_run(const struct lab_options *opt, bool (*stop)(void *), void *stop_arg,
    struct lab_result *out)
{
	const struct lab_bench *lb = lab_find_bench(opt->bench);
	const struct lab_variant *lv = lab_find_variant(opt->variant);
	struct lab_job job = { .jo_opt = opt,
		.jo_bench = lb,
		.jo_harts = opt->harts != 0 ? opt->harts : 1,
		.jo_time_ns =
		    opt->time_ns != 0 ? opt->time_ns : TIME_DEFAULT_NS,
		.jo_exact = time_harts_take_turns(),
		.jo_stop = stop,
		.jo_stop_arg = stop_arg };
	const char *why;
	int err;

	memset(out, 0, sizeof(*out));
	if (lb == NULL)
		return refuse(out, "there is no benchmark of that name");
	if (lv == NULL)
		return refuse(out, "there is no allocator of that name");
	why = lab_refuses(lb, lv);
	if (why == NULL)
		why = lab_values(lb, opt, job.jo_values);
	if (why != NULL)
		return refuse(out, why);
	memcpy(out->params, job.jo_values, sizeof(out->params));
	out->harts = job.jo_harts;
	/* Acquire and release: the runs' counts are handed on. */
	if (atomic_flag_test_and_set_explicit(&running, memory_order_acquire)) {
		out->error = "another run of the lab is under way";
		return -KMEM_EBUSY;
	}
	err = run_alone(&job, lab_code_of(lv), out);
	atomic_flag_clear_explicit(&running, memory_order_release);
	return err;
}
