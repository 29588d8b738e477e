/* SPDX-License-Identifier: MIT */
/* A benchmark on the harts of this machine. Theory: bench/bench.c, 3 to 5. */
#include <stdatomic.h>
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/smp.h>
#include <kernel/time.h>

#include "../adapter.h"
#include "crew.h"

#define BENCH_EXACT_PAIRS 10000u
#define STOP_POLL_NS      UINT64_C(1000000)

/* What one hart brings home. */
struct lane {
	struct workload l_w;
	uint64_t l_ops, l_ns, l_cycles;
	uint64_t l_instr, l_instr_noop, l_instr_pairs;
	bool l_failed; /* an allocation did */
	struct bench_hist l_hist;
	void *l_slots[WORKLOAD_SLOTS];
	uint16_t l_permutation[WORKLOAD_BURST];
};

struct run {
	const struct bench_options *r_opt;
	const struct workload_code *r_code;
	const struct workload_code *r_noop;
	bool (*r_stop_fn)(void *);
	void *r_stop_arg;
	bool r_exact;        /* instructions are counted */
	bool r_turns;        /* one hart after the other */
	_Atomic bool r_stop; /* any hart sets it, all obey */
	_Atomic(void *) r_pool[WORKLOAD_POOL];
	struct lane *r_lanes[CREW_MAX];
};

static void
run_stop(struct run *run)
{
	/* Only a request: nothing is published with it. */
	atomic_store_explicit(&run->r_stop, true, memory_order_relaxed);
}

static bool
run_stopped(struct run *run)
{
	return atomic_load_explicit(&run->r_stop, memory_order_relaxed);
}

/* Instructions of `pairs` pairs in one step, after a warm-up of as many. */
static bool
count_instructions(struct run *run, struct lane *lane,
    const struct workload_code *code, unsigned index, uint64_t *instr)
{
	struct workload *w = &lane->l_w;
	uint64_t before, after, done;

	w->w_random = bench_seed(run->r_opt->seed, index);
	if (!code->wc_prepare(w))
		return false;
	done = code->wc_step(w, BENCH_EXACT_PAIRS);
	before = time_instret();
	done += code->wc_step(w, BENCH_EXACT_PAIRS);
	after = time_instret();
	code->wc_finish(w);
	*instr += after - before;
	return done == 2u * BENCH_EXACT_PAIRS;
}

/* The timed part, between prepare and finish. */
static void
run_timed(struct run *run, struct lane *lane, unsigned index)
{
	const struct bench_options *opt = run->r_opt;
	uint64_t cycles = time_cycles();
	uint64_t start, now, last, poll, done;
	struct workload *w = &lane->l_w;

	start = last = poll = time_ns();
	for (;;) {
		uint64_t want = BENCH_BATCH;

		if (opt->n != 0 && opt->n - lane->l_ops < want)
			want = opt->n - lane->l_ops;
		done = run->r_code->wc_step(w, want);
		now = time_ns();
		lane->l_ops += done;
		if (done < want) {
			lane->l_failed = true;
			run_stop(run);
			break;
		}
		bench_hist_add(
		    &lane->l_hist, (now - last) * BENCH_BATCH / done, 1);
		last = now;
		if (opt->n != 0 ? lane->l_ops >= opt->n
				: now - start >= opt->time_ns)
			break;
		if (run_stopped(run))
			break;
		/* In turns the caller's hart sleeps, so whoever runs asks. */
		if ((index == 0 || run->r_turns) && run->r_stop_fn != NULL &&
		    now - poll >= STOP_POLL_NS) {
			poll = now;
			if (run->r_stop_fn(run->r_stop_arg))
				run_stop(run);
		}
	}
	lane->l_ns = now - start;
	lane->l_cycles = time_cycles() - cycles;
}

static void
run_lane(struct crew *crew, void *arg, unsigned index)
{
	struct run *run = arg;
	struct lane *lane = run->r_lanes[index];
	struct workload *w = &lane->l_w;
	bool ready = true;

	if (run->r_exact) {
		ready = count_instructions(
			    run, lane, run->r_code, index, &lane->l_instr) &&
		    count_instructions(
			run, lane, run->r_noop, index, &lane->l_instr_noop);
		lane->l_instr_pairs = BENCH_EXACT_PAIRS;
	}
	w->w_random = bench_seed(run->r_opt->seed, index);
	ready = ready && run->r_code->wc_prepare(w);
	if (!ready) {
		lane->l_failed = true;
		run_stop(run);
	}
	crew_meet(crew);
	if (ready && !run_stopped(run))
		run_timed(run, lane, index);
	/* Nobody frees what another may still use: the pool is shared. */
	crew_meet(crew);
	if (ready)
		run->r_code->wc_finish(w);
}

static void
run_destroy(struct run *run)
{
	unsigned i;

	for (i = 0; i < CREW_MAX; i++)
		kfree(run->r_lanes[i]);
	kfree(run);
}

static struct run *
run_create(const struct bench_options *opt, struct kmem_cache *cp, int code)
{
	struct run *run;
	unsigned i;

	run = kzalloc(sizeof(*run), 0);
	if (run == NULL)
		return NULL;
	run->r_opt = opt;
	run->r_noop = &bench_code_noop[code];
	run->r_code = &bench_code_kmem[code];
	run->r_exact = time_instret_is_exact();
	run->r_turns = time_harts_take_turns();
	for (i = 0; i < opt->harts && i < CREW_MAX; i++) {
		struct lane *lane = kzalloc(sizeof(*lane), 0);

		run->r_lanes[i] = lane;
		if (lane == NULL) {
			run_destroy(run);
			return NULL;
		}
		lane->l_w.w_cache = cp;
		lane->l_w.w_slots = lane->l_slots;
		lane->l_w.w_permutation = lane->l_permutation;
		lane->l_w.w_pool = run->r_pool;
		lane->l_w.w_order = opt->order;
	}
	return run;
}

static void
collect(struct run *run, unsigned harts, struct bench_result *out)
{
	unsigned i;

	for (i = 0; i < harts; i++) {
		const struct lane *lane = run->r_lanes[i];

		out->ops += lane->l_ops;
		if (run->r_turns)
			out->ns += lane->l_ns;
		else if (lane->l_ns > out->ns)
			out->ns = lane->l_ns;
		/* Elsewhere the counter is host time, or instructions. */
		if (run->r_exact && !run->r_turns)
			out->cycles += lane->l_cycles;
		out->instr += lane->l_instr;
		out->instr_noop += lane->l_instr_noop;
		out->instr_pairs += lane->l_instr_pairs;
		bench_hist_merge(&out->hist, &lane->l_hist);
		if (lane->l_failed)
			out->error = "an allocation failed: no memory, or the "
				     "limit of the cache is reached";
	}
	out->exact = run->r_exact;
	out->turns = run->r_turns;
	out->stopped = run_stopped(run);
}

/* Run on a cache that exists. `code`: index of the workload. */
static int
run_on(struct kmem_cache *cp, const struct bench_options *opt, int code,
    bool noop, bool (*stop)(void *), void *stop_arg, struct bench_result *out)
{
	struct run *run;
	int err;

	run = run_create(opt, cp, code);
	if (run == NULL) {
		out->error = "no memory for the records of a run";
		return -KMEM_ENOMEM;
	}
	run->r_stop_fn = stop;
	run->r_stop_arg = stop_arg;
	if (noop)
		run->r_code = run->r_noop;
	kmem_cache_stats(cp, &out->before);
	if (run->r_turns)
		err = crew_run_in_turn(opt->harts, run_lane, run, &out->error);
	else
		err = crew_run(opt->harts, run_lane, run, &out->error);
	kmem_cache_stats(cp, &out->after);
	if (err == 0) {
		out->error = NULL;
		collect(run, opt->harts, out);
		if (out->error != NULL)
			err = -KMEM_ENOMEM;
	}
	run_destroy(run);
	return err;
}

/* A cache of our own, with a name that no other run has. */
static int
own_cache(struct kmem_cache **cp, const struct bench_options *opt,
    struct bench_result *out)
{
	static _Atomic unsigned serial;
	struct kmem_options ko = { .protect = opt->protect };
	char name[KMEM_NAME_MAX];

	(void)fmt_format(name, sizeof(name), "bench-%u",
	    atomic_fetch_add_explicit(&serial, 1u, memory_order_relaxed) + 1u);
	return kmem_cache_create(cp, name, opt->size, &ko, &out->error);
}

int
bench_run(const char *name, const struct bench_options *given,
    bool (*stop)(void *), void *stop_arg, struct bench_result *out)
{
	struct bench_options opt = *given;
	struct kmem_cache *cp = opt.cache;
	struct kmem_info info;
	int code, err;
	bool noop;

	memset(out, 0, sizeof(*out));
	code = bench_find(name);
	out->error = code < 0 ? "no such workload; bench.list() has them all"
			      : bench_check(&opt);
	if (out->error != NULL)
		return -KMEM_EINVAL;
	(void)fmt_format(out->name, sizeof(out->name), "%s", name);
	noop = strcmp(name, "noop") == 0;
	if (noop)
		code = bench_find("pair");
	if (cp == NULL) {
		err = own_cache(&cp, &opt, out);
		if (err != 0)
			return err;
	}
	kmem_cache_get_info(cp, &info);
	out->harts = opt.harts;
	out->protect = info.protect;
	out->size = info.size;
	err = run_on(cp, &opt, code, noop, stop, stop_arg, out);
	if (opt.cache == NULL && bench_destroy(cp) != 0 && err == 0) {
		out->error = "the cache of the run kept live objects: "
			     "slab.stat(\"bench-*\") shows it";
		err = -KMEM_EBUSY;
	}
	return err;
}
