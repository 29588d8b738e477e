/* SPDX-License-Identifier: MIT */
/* The hart simulator: all harts in one thread, order chosen by a seed. */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_options {
	uint64_t seed;
	unsigned harts;     /* 1 ... SIM_HARTS_MAX */
	size_t bytes;       /* of the zone; 0: no zone and no kmem_init */
	uint64_t steps_max; /* more is reported as no progress; 0: 2,000,000 */
};

#define SIM_HARTS_MAX 8u

struct sim_outcome {
	bool failed;
	uint64_t steps;    /* points passed */
	uint64_t switches; /* of them, those where another hart went on */
	uint64_t calls;    /* port_hart_call functions run on another hart */
	uint64_t digest;   /* of who ran when, and of sim_note */
	char what[160];    /* the failure, "" when none */
};

/* What a run consists of. before and after run alone, as hart 0. */
struct sim_scene {
	void (*before)(void *arg); /* may be NULL */
	void (*body)(unsigned hart, void *arg);
	void (*after)(void *arg); /* may be NULL */
	void *arg;
};

/*
 * One run in a process of its own, so that nothing survives it and a crash is
 * an outcome. Equal options and an equal program give an equal outcome.
 */
void sim_run(const struct sim_options *opt, const struct sim_scene *scene,
    struct sim_outcome *out);

/* End the run as failed. */
_Noreturn void sim_fail(const char *what, uintptr_t a, uintptr_t b);
/* Random numbers of the run: body and schedule draw from one seed. */
uint64_t sim_random(void);
/* Mix a value into the digest. */
void sim_note(uint64_t value);
/*
 * From now on fn(arg) interrupts each hart at one unpinned point in `one_in`.
 * 0: no more. fn runs pinned, with port_in_interrupt() true.
 */
void sim_set_interrupt(void (*fn)(void *arg), void *arg, unsigned one_in);

/* A place where the scheduler may switch harts; mm calls it under MM_SIM. */
void port_sim_point(void);

#endif
