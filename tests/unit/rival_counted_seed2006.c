/* SPDX-License-Identifier: MIT */
/* seed2006, counting: for test_rival_counts, instead of the plain one. */
#define RIVAL_COUNT
#include "bench/rival/seed2006.c"
