/* SPDX-License-Identifier: MIT */
/* Taking every object that the machine has memory for. */
#ifndef BENCH_EXHAUST_H
#define BENCH_EXHAUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mm/kmem.h>

/* Objects held, linked through their first word: that takes no memory. */
struct exhaust {
	struct kmem_cache *ex_cache;
	void *ex_head;
	uint64_t ex_count;
	uint64_t ex_broken; /* objects whose stamp was lost, found at release */
};

/*
 * Allocate from `cp` (objects of 16 bytes or more) until nothing comes any
 * more. `stop` (may be NULL) is polled every 1,024 objects; true ends it early
 * and returns false. Context: thread.
 */
bool exhaust_take(struct exhaust *ex, struct kmem_cache *cp,
    bool (*stop)(void *arg), void *arg);
/* Check and free all of them, in an order that depends on `seed`. */
void exhaust_release(struct exhaust *ex, uint64_t seed);

#endif
