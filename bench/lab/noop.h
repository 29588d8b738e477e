/* SPDX-License-Identifier: MIT */
/* The callees of the allocator that is none: bench/lab/noop.c. */
#ifndef BENCH_LAB_NOOP_H
#define BENCH_LAB_NOOP_H

#include <stddef.h>

struct lab_noop;

void *lab_noop_alloc(struct lab_noop *heap);
void lab_noop_free(struct lab_noop *heap, void *obj);

#endif
