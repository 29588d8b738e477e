/* SPDX-License-Identifier: MIT */
/* Atomic operations of rivals, counted: see counted.c. One hart at a time. */
#ifndef BENCH_RIVAL_COUNTED_H
#define BENCH_RIVAL_COUNTED_H

#include <stddef.h>
#include <stdint.h>

/* In so many hot pairs of objects of `bytes`; 0: no memory. */
uint64_t counted_seed2006(size_t bytes, uint64_t pairs);

#endif
