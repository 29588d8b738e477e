/* SPDX-License-Identifier: MIT */
/*
 * The twins of rivals that count: the same source with RIVAL_COUNT, under names
 * of its own beside the one that is measured, so that both are in one image.
 * To add a rival: its names, its source, a function as the one below.
 */
#define RIVAL_COUNT

#define seed2006_create  twin_seed2006_create
#define seed2006_alloc   twin_seed2006_alloc
#define seed2006_free    twin_seed2006_free
#define seed2006_reap    twin_seed2006_reap
#define seed2006_destroy twin_seed2006_destroy
#define seed2006_shape   twin_seed2006_shape
#define seed2006_locks   twin_seed2006_locks

#include "counted.h"
#include "seed2006.c"

uint64_t
counted_seed2006(size_t bytes, uint64_t pairs)
{
	struct seed2006 *cp = seed2006_create(bytes, NULL);
	uint64_t from = 0, i;
	void *obj;

	if (cp == NULL)
		return 0;
	/* The first pair makes the magazine. */
	for (i = 0; i <= pairs; i++) {
		obj = seed2006_alloc(cp, 0);
		if (obj == NULL)
			break;
		seed2006_free(cp, obj);
		if (i == 0)
			from = rival_atomics;
	}
	from = rival_atomics - from;
	(void)seed2006_destroy(cp);
	return i > pairs ? from : 0;
}
