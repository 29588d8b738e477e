/* SPDX-License-Identifier: MIT */
/* The hart simulator: all harts in one thread, order chosen by a seed. */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_HARTS_MAX 8u
#define SIM_SLOTS     96u /* per hart, unless asked otherwise */
#define SIM_LINE      64u

struct sim_options {
	uint64_t seed;      /* of sim_run; sim_seeds: the first */
	unsigned harts;     /* 1 ... SIM_HARTS_MAX */
	size_t bytes;       /* of the zone; 0: no zone and no kmem_init */
	uint64_t steps_max; /* more is reported as no progress; 0: 2,000,000 */
	unsigned slots;     /* per hart; 0: SIM_SLOTS */
	bool packed;        /* slots of two harts may share a cache line */
	bool trace;         /* print every switch to standard error */
};

struct sim_outcome {
	bool failed;
	uint64_t steps;      /* points passed */
	uint64_t switches;   /* of them, those where another hart went on */
	uint64_t calls;      /* port_hart_call functions run on another hart */
	uint64_t interrupts; /* handlers run */
	uint64_t rewinds;    /* hot pairs that either of them made restart */
	uint64_t checks;     /* invariants looked at between two steps */
	uint64_t raced;      /* runs in which the race detector looked on */
	uint64_t digest;     /* of who ran when, and of sim_note */
	uint64_t seed;
	char what[200]; /* the failure, "" when none */
	char said[240]; /* by sim_say */
};

/* What a run consists of. before and after run alone, as hart 0. */
struct sim_scene {
	const char *name;
	void (*before)(void *arg); /* may be NULL */
	void (*body)(unsigned hart, void *arg);
	void (*after)(void *arg); /* may be NULL */
	/* Between two steps: look at what all harts can see. May be NULL. */
	void (*look)(void *arg);
	void *arg;
};

/*
 * One run in a process of its own, so that a crash is an outcome. Equal
 * options and an equal program give an equal outcome.
 */
void sim_run(const struct sim_options *opt, const struct sim_scene *scene,
    struct sim_outcome *out);

/*
 * Seeds opt->seed … + n - 1, on all processors, each as sim_run would. Ends
 * at the lowest seed that fails: then `out` is its outcome, and in `seeds` is
 * how many it took. Else `out` has sums over all seeds, and the digest is the
 * exclusive or of theirs.
 */
void sim_seeds(const struct sim_options *opt, const struct sim_scene *scene,
    unsigned n, struct sim_outcome *out, unsigned *seeds);

/* End the run as failed. */
_Noreturn void sim_fail(const char *what, uintptr_t a, uintptr_t b);
/* Random numbers of the run: body and schedule draw from one seed. */
uint64_t sim_random(void);
/* Mix a value into the digest. */
void sim_note(uint64_t value);
/* A place where the scheduler may switch harts. */
void sim_point(void);
/* From now on a point switches about once in `one_in`, whatever the seed. */
void sim_set_pace(unsigned one_in);
/* Text for the outcome of a single run. */
void sim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The hart that runs. */
unsigned sim_hart(void);
/*
 * From now on fn(arg) interrupts each hart at about one unpinned point in
 * `one_in`. 0: no more. fn runs pinned, with port_in_interrupt() true.
 */
void sim_set_interrupt(void (*fn)(void *arg), void *arg, unsigned one_in);
/* What an object passes with from hart to hart, for the race detector. */
void sim_give(void *obj);
void sim_take(void *obj);

/*
 * Who wrote which cache line. From sim_lines_start on, stores of mm are noted;
 * hot ones (of the pair's hits) to a line that another hart wrote since then
 * are counted.
 */
struct sim_lines {
	uint64_t stores, hot, foreign;
	uintptr_t first; /* the first foreign one */
	unsigned by, was;
};
void sim_lines_start(void);
void sim_lines_read(struct sim_lines *out);

#endif
