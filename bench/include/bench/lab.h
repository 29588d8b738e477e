/* SPDX-License-Identifier: MIT */
/*
 * The lab: one benchmark, on one allocator, on some harts, as exact numbers.
 * Theory: bench/lab/lab.c. Only the image that is built for it has the lab.
 */
#ifndef BENCH_LAB_H
#define BENCH_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bench/hist.h>

#define LAB_PARAMS_MAX 8u
#define LAB_FACTS_MAX  32u
#define LAB_NAME_MAX   24u
#define LAB_SERIES_MAX 64u  /* samples of memory over time */
#define LAB_HEAT_MAX   512u /* slabs in a picture */
#define LAB_HARTS_MAX  128u

/* Which way a figure is good. */
enum lab_better { LAB_NEITHER, LAB_LOWER, LAB_HIGHER };

/* A whole number that a benchmark can be told; `full` is as published. */
struct lab_param {
	const char *lp_name; /* NULL ends the list */
	const char *lp_text; /* with its unit */
	uint64_t lp_quick, lp_full;
	uint64_t lp_max;
};

/* Flags of a benchmark. */
#define LAB_ONE_HART 0x01u /* says nothing on more than one */
#define LAB_TWO_UP   0x02u /* needs two harts, or more */
#define LAB_OURS     0x04u /* asks what only our allocator can do */
#define LAB_TIMED    0x08u /* fills the histogram, call by call */
#define LAB_WHOLE    0x10u /* no pairs: its own facts are all there is */
#define LAB_CTOR     0x20u /* objects have a constructor */
#define LAB_REAP     0x40u /* for variants with LAB_CAN_REAP */

struct lab_bench {
	const char *lb_id;   /* "smp/larson" */
	const char *lb_text; /* what it shows, and where it comes from */
	unsigned lb_flags;
	struct lab_param lb_params[LAB_PARAMS_MAX];
	/* Where harts take turns: steps of each, before and while counted. */
	uint32_t lb_warm, lb_steps;
};

/* An allocator that the benchmarks run on. */
struct lab_variant {
	const char *lv_name; /* "ours", "seed2006" */
	const char *lv_text;
	unsigned lv_can; /* LAB_CAN_… */
};
#define LAB_CAN_CTOR   0x1u /* keeps constructed state between free and alloc */
#define LAB_CAN_REAP   0x2u /* gives idle memory back when asked */
#define LAB_CAN_COLOUR 0x4u
#define LAB_IS_OURS    0x8u /* kmem itself, in whatever configuration */

struct lab_options {
	const char *bench, *variant;
	unsigned harts; /* the caller's first; 0: 1 */
	uint64_t seed;
	uint64_t time_ns; /* timed modes: at least so long; 0: 50 ms */
	/* Values of lb_params, in that order; set[i] false: quick's. */
	uint64_t params[LAB_PARAMS_MAX];
	bool set[LAB_PARAMS_MAX];
};

/* value / per is the figure; per is never 0. */
struct lab_fact {
	char lf_name[LAB_NAME_MAX]; /* "instr_per_op" */
	/* "instr", "ns", "frame", "byte", "1", "op/s" */
	char lf_unit[LAB_NAME_MAX];
	enum lab_better lf_better;
	uint64_t lf_value, lf_per;
};

struct lab_result {
	const char *error; /* a sentence; NULL: it ran */
	uint64_t params[LAB_PARAMS_MAX];
	unsigned facts;
	struct lab_fact fact[LAB_FACTS_MAX];
	uint64_t ops; /* pairs, all harts */
	uint64_t hart_ops[LAB_HARTS_MAX];
	unsigned harts;
	bool stopped; /* early, by `stop` */
	/* LAB_TIMED: instructions of single calls where exact, else ns. */
	const char *hist_unit; /* NULL: there is none */
	struct bench_hist hist;
	unsigned series; /* frames in use beyond the start, evenly spaced */
	uint32_t frames[LAB_SERIES_MAX];
	unsigned heat; /* slabs by address: 0 empty … 255 full, at the end */
	uint8_t cells[LAB_HEAT_MAX];
};

/* By number: NULL ends. The first variant is ours as it is, the last noop. */
const struct lab_bench *lab_bench_at(size_t i);
const struct lab_variant *lab_variant_at(size_t i);
/* NULL: there is none of that name. */
const struct lab_bench *lab_find_bench(const char *id);
const struct lab_variant *lab_find_variant(const char *name);
/* NULL when the variant can run the benchmark, else a sentence. */
const char *lab_refuses(
    const struct lab_bench *bench, const struct lab_variant *variant);

/*
 * Run one benchmark on one variant. Where instructions are exact and harts take
 * turns, each hart in turn does one step, the others asleep; else all harts
 * start together and step until the time is over. `stop` (may be NULL) is
 * polled on the caller's hart between steps. 0; -KMEM_EINVAL (unknown name, bad
 * option), -KMEM_ENOMEM, -KMEM_EBUSY (a hart has other work, a run is under
 * way, or this one did what it must not); `out->error` says why, and stays
 * readable until the next run. Context: thread.
 */
int lab_run(const struct lab_options *opt, bool (*stop)(void *), void *stop_arg,
    struct lab_result *out);

#endif
