/* SPDX-License-Identifier: MIT */
/*
 * Probes: what `make bench` measures on the allocator, as exact integers.
 * Theory: bench/metal/probe.c. Only the image that is built for it has them.
 */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stddef.h>
#include <stdint.h>

#define PROBE_FACTS_MAX 96u
#define PROBE_NAME_MAX  48u
#define PROBE_TEXT_MAX  96u

/* value / per is the figure; per is never 0. */
struct probe_fact {
	char pf_name[PROBE_NAME_MAX];
	char pf_text[PROBE_TEXT_MAX]; /* "" mostly */
	uint64_t pf_value, pf_per;
};

struct probe_out {
	unsigned po_count;
	const char *po_error; /* static sentence; NULL: it ran */
	struct probe_fact po_facts[PROBE_FACTS_MAX];
};

struct probe {
	const char *pr_name, *pr_text;
	unsigned pr_harts; /* that the machine must have */
	void (*pr_run)(struct probe_out *out);
};

const struct probe *probe_list(size_t *count);
/* NULL: no probe of that name. */
const struct probe *probe_find(const char *name);

#endif
