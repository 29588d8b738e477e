/* SPDX-License-Identifier: MIT */
/* Threads on caches, with reaps of everything going on. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include <stdint.h>

struct stress_result {
	uint64_t ops;      /* objects taken and given back, all threads */
	uint64_t reaps;    /* of level ALL */
	uint64_t bad;      /* objects whose bytes had changed */
	uint64_t passed;   /* objects freed by another thread */
	uint64_t handed;   /* objects that came in whole magazines */
	uint64_t findings; /* kmem_verify when nothing moves */
	uint64_t inuse;    /* objects that statistics still count */
	uint64_t leaked;   /* frames that did not come back */
	uint64_t reports;  /* heap errors */
	uint64_t insane;   /* statistics out of bounds while it ran */
};

/* Four threads, `rounds` rounds each. */
void stress_run(unsigned rounds, uint64_t seed, struct stress_result *out);

#endif
