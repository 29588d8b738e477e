/* SPDX-License-Identifier: MIT */
/* Between loads, the allocators they run on, and who drives them. */
#ifndef BENCH_LAB_LAB_H
#define BENCH_LAB_LAB_H

#include <bench/lab.h>

#include "../adapter.h" /* bench_random, bench_seed */

#define LAB_HEAPS_MAX 32u /* typed heaps of one run */

/* What one heap is to hold: objects of one size. */
struct lab_spec {
	const char *ls_name;
	size_t ls_size;  /* bytes, 1 … 128 KiB */
	size_t ls_align; /* bytes, a power of two; 0: natural */
	bool ls_line;    /* no two objects on one cache line */
	bool ls_flat;    /* no colouring, where there would be */
	unsigned ls_mag; /* rounds of a magazine; 0: the allocator's choice */
	/* Constructor, may be NULL. Allocators that keep no constructed state
	 * call it on each allocation. */
	int (*ls_ctor)(void *obj, void *arg);
	void *ls_arg;
};

struct lab_run;

/* One hart's part in a run. */
struct lab_lane {
	/* A line of its own: harts write theirs all the time. */
	_Alignas(64) struct lab_run *ln_run;
	unsigned ln_index;          /* dense, 0 is the caller's */
	uint64_t ln_random;         /* of bench_random; seeded, never 0 */
	uint64_t ln_ops;            /* pairs done: the load counts them */
	uint64_t ln_step;           /* steps done: the driver counts them */
	void *ln_own;               /* ld_lane bytes, zeroed before enter */
	struct bench_hist *ln_hist; /* LAB_TIMED only */
};

struct lab_run {
	const struct lab_bench *lr_bench;
	const struct lab_variant *lr_variant;
	unsigned lr_harts;
	uint64_t lr_seed;
	uint64_t lr_param[LAB_PARAMS_MAX];
	void *lr_heap[LAB_HEAPS_MAX]; /* the load's; the adapter's type */
	unsigned lr_heaps;
	void *lr_shared; /* ld_shared bytes, zeroed before open */
	struct lab_lane *lr_lanes;
	struct lab_result *lr_out;
	/* Counter for LAB_TIMED: instructions or ns, as out->hist_unit says. */
	uint64_t (*lr_tick)(void);
	/* What two readings around nothing cost; subtract it. */
	uint64_t lr_tick_cost;
	bool lr_exact; /* harts take turns, instructions are counted */
};

/* What a step came to. */
enum lab_step {
	LAB_MORE, /* it did something */
	LAB_WAIT, /* nothing to do until another hart has done something */
	LAB_DONE, /* this lane has finished: no more steps */
	LAB_FAIL  /* an allocation failed, where none may */
};

/* A load compiled for one allocator; the benchmark of that id describes it. */
struct lab_load {
	const char *ld_id; /* of struct lab_bench */
	/* Bytes of lr_shared and of ln_own, for these parameters. */
	size_t (*ld_shared)(const struct lab_run *run); /* NULL: none */
	size_t (*ld_lane)(const struct lab_run *run);   /* NULL: none */
	/*
	 * Once, on the caller's hart: make the heaps (lr_heap, lr_heaps).
	 * False: no memory; then nothing is held.
	 */
	bool (*ld_open)(struct lab_run *run);
	/*
	 * On each hart, not counted: fill what it starts with. NULL: nothing.
	 * False: no memory; ld_leave is called all the same.
	 */
	bool (*ld_enter)(struct lab_lane *lane);
	/*
	 * A bounded piece of work, some hundred to some thousand pairs, all
	 * that is counted. Which calls it makes may depend on random numbers,
	 * parameters and steps, never on an address: noop must do the same.
	 */
	enum lab_step (*ld_step)(struct lab_lane *lane);
	/* On each hart, not counted, steps being over: free what it holds. */
	void (*ld_leave)(struct lab_lane *lane);
	/* Once: free what is shared, destroy the heaps; facts may be added. */
	void (*ld_close)(struct lab_run *run);
};

/* An allocator, compiled in: bench/lab/adapter_*.c, in lab_codes(). */
struct lab_code {
	const struct lab_variant *lc_variant;
	const struct lab_load *const *lc_groups; /* NULL ends */
	/* Frames held beyond the zone's count, for heaps with a break. */
	size_t (*lc_frames)(void); /* NULL: 0 */
};
/* bench/lab/codes.c: all but noop, NULL ends; ours is the first. */
extern const struct lab_code *const lab_codes[];
extern const struct lab_code lab_ours_code, lab_nomag_code, lab_nocolour_code,
    lab_biglock_code, lab_seed2006_code, lab_seed62_code, lab_linux24_code,
    lab_sheaf_code, lab_tlsf_code, lab_firstfit_code, lab_picolibc_code,
    lab_noop_code;

/* The benchmarks, by group: bench/lab/table_*.c. A NULL id ends each. */
extern const struct lab_bench lab_micro[], lab_smp[], lab_memory_benches[],
    lab_latency[], lab_trace[], lab_system[], lab_control[];

/* Record a figure. Beyond LAB_FACTS_MAX they are an error of the run. */
void lab_fact(struct lab_result *out, const char *name, const char *unit,
    enum lab_better better, uint64_t value, uint64_t per);

/* A parameter by name; an unknown name is a bug and panics. */
uint64_t lab_param(const struct lab_run *run, const char *name);

/*
 * Frames in use: of all zones, and what the run's allocator holds beyond them
 * (lc_frames). What a run takes is the difference of two.
 */
size_t lab_frames(const struct lab_run *run);

/*
 * Memory of a load's own, zeroed; never from the heaps under test. NULL: none
 * left.
 */
void *lab_memory(size_t bytes);
void lab_memory_free(void *p, size_t bytes); /* NULL: nothing */

/*
 * An error of the run that is found where nothing can be returned, as in
 * adapter_destroy: objects that a load or a rival did not free. A static
 * sentence; the first one stays.
 */
void lab_fault(const char *why);

#endif
