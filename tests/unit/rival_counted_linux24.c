/* SPDX-License-Identifier: MIT */
/* linux24, counting: for test_rival_counts, instead of the plain one. */
#define RIVAL_COUNT
#include "bench/rival/linux24.c"
