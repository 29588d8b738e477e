/* SPDX-License-Identifier: MIT */
/* Harts of a crew that take turns. Theory: bench/metal/turns.c. */
#ifndef BENCH_METAL_TURNS_H
#define BENCH_METAL_TURNS_H

#include <stdatomic.h>

#include "crew.h"

struct turns {
	_Atomic unsigned tu_turn; /* the member whose turn it is; first: 0 */
};

/* Asleep until it is ours, and the others have fallen asleep. */
void turns_await(struct turns *tu, unsigned mine);
void turns_pass(struct turns *tu, const struct crew *crew, unsigned next);

#endif
