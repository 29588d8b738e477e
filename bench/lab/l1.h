/* SPDX-License-Identifier: MIT */
/* A data cache as a model: which lines would still be there. Theory: l1.c. */
#ifndef BENCH_LAB_L1_H
#define BENCH_LAB_L1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define L1_LINE 64u /* bytes */
#define L1_SETS 64u
#define L1_WAYS 8u

struct l1 {
	/* Lines by age in each set, the youngest first; 0: empty, else + 1. */
	uintptr_t l1_line[L1_SETS][L1_WAYS];
};

void l1_clear(struct l1 *l1);
/* Touch the line of an address: true when it was there. */
bool l1_touch(struct l1 *l1, uintptr_t addr);
unsigned l1_set(uintptr_t addr);

#endif
