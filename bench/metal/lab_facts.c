/* SPDX-License-Identifier: MIT */
/* What passes of the lab came to, as whole numbers. */
#include <kernel/fmt.h>
#include <kernel/time.h>

#include "lab_pass.h"

#define NS_PER_S UINT64_C(1000000000)

/* Pairs, by lane and in all; the histogram of all. */
static void
collect(struct lab_pass *ps)
{
	struct lab_result *out = ps->ps_out;
	unsigned i;

	for (i = 0; i < ps->ps_job->jo_harts; i++) {
		out->hart_ops[i] = lab_lane_ops(ps, i);
		out->ops += out->hart_ops[i];
		if (ps->ps_hists != NULL)
			bench_hist_merge(&out->hist, &ps->ps_hists[i]);
	}
	if (ps->ps_hists != NULL && out->hist.bh_count > 0)
		out->hist_unit = ps->ps_job->jo_exact ? "instr" : "ns";
}

static bool
is_whole(const struct lab_pass *ps)
{
	return (ps->ps_job->jo_bench->lb_flags & LAB_WHOLE) != 0;
}

static void
frames_facts(struct lab_pass *ps)
{
	lab_fact(ps->ps_out, "peak_frames", "frame", LAB_LOWER, ps->ps_peak, 1);
	lab_fact(
	    ps->ps_out, "frames_after", "frame", LAB_LOWER, ps->ps_after, 1);
}

static uint64_t
instructions(const struct lab_pass *ps)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < ps->ps_job->jo_harts; i++)
		sum += ps->ps_seats[i].st_instr;
	return sum;
}

static uint64_t
pairs(const struct lab_pass *ps)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < ps->ps_job->jo_harts; i++)
		sum += lab_lane_ops(ps, i);
	return sum;
}

void
lab_facts_exact(struct lab_pass *ps, const struct lab_pass *noop)
{
	static char why[160]; /* one run at a time: lab_run */
	struct lab_result *out = ps->ps_out;
	uint64_t with, without;

	collect(ps);
	if (is_whole(ps))
		return;
	if (out->ops == 0) {
		out->error = "it did not free and allocate a single object in "
			     "the steps that count";
		return;
	}
	if (noop != NULL) {
		if (pairs(noop) != out->ops) {
			(void)fmt_format(why, sizeof(why),
			    "%s did %llu pairs, noop %llu: what the load does "
			    "must not depend on addresses",
			    ps->ps_run.lr_variant->lv_name,
			    (unsigned long long)out->ops,
			    (unsigned long long)pairs(noop));
			out->error = why;
			return;
		}
		with = instructions(ps) + 2 * out->ops;
		without = instructions(noop);
		if (with < without) {
			out->error = "noop took more instructions than the "
				     "allocator";
			return;
		}
		lab_fact(out, "instr_per_op", "instr", LAB_LOWER,
		    with - without, out->ops);
	}
	lab_fact(
	    out, "instr_gross", "instr", LAB_LOWER, instructions(ps), out->ops);
	frames_facts(ps);
}

/* Pairs of all in the time of the slowest, without overflow. */
static void
rate_fact(struct lab_result *out, uint64_t ns)
{
	uint64_t value;

	if (__builtin_mul_overflow(out->ops, NS_PER_S, &value)) {
		value = out->ops;
		ns /= NS_PER_S;
	}
	lab_fact(out, "ops_per_s", "op/s", LAB_HIGHER, value, ns);
}

void
lab_facts_clock(struct lab_pass *ps)
{
	struct lab_result *out = ps->ps_out;
	uint64_t ns = 0, longest = 0, cycles = 0;
	unsigned i;

	collect(ps);
	for (i = 0; i < ps->ps_job->jo_harts; i++) {
		ns += ps->ps_seats[i].st_ns;
		cycles += ps->ps_seats[i].st_cycles;
		if (ps->ps_seats[i].st_ns > longest)
			longest = ps->ps_seats[i].st_ns;
	}
	if (is_whole(ps))
		return;
	if (out->ops == 0) {
		out->error = "it did not free and allocate a single object in "
			     "its time";
		return;
	}
	lab_fact(out, "ns_per_op", "ns", LAB_LOWER, ns, out->ops);
	rate_fact(out, longest);
	/* Elsewhere these counters are host time. */
	if (time_instret_is_exact()) {
		lab_fact(
		    out, "cycles_per_op", "cycle", LAB_LOWER, cycles, out->ops);
		lab_fact(out, "instr_gross", "instr", LAB_LOWER,
		    instructions(ps), out->ops);
	}
	frames_facts(ps);
}
