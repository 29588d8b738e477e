/* SPDX-License-Identifier: MIT */
/*
 * What colouring is worth: the first line of the first objects of many slabs
 * is read again and again, under cachegrind with the cache of a U74 (32 KiB, 8
 * ways: 64 sets, one way is as long as a frame). Without colours object k of
 * every slab begins in the same set. The lines are a ring, each holds the
 * address of the next: the loop touches no other memory. With 0 rounds no
 * line is touched at all, so that what remains after subtracting that run
 * includes the first miss of every line.
 */
#include <stdio.h>
#include <stdlib.h>

#include "host.h"

#define SLABS        64u
#define PER_SLAB     7u
#define COLOUR_BYTES 512u

void
host_colour(bool colours, unsigned rounds)
{
	const struct kmem_options opt = {
		.flags = colours ? 0 : KMEM_NOCOLOUR,
	};
	static void **line[SLABS * PER_SLAB];
	static struct kmem_slab_info slab[SLABS];
	struct kmem_cache *cp;
	struct kmem_info info;
	void *volatile *at;
	unsigned n = 0;

	if (kmem_cache_create(&cp, "colour", COLOUR_BYTES, &opt, NULL) != 0)
		host_fail("no cache", "colour");
	kmem_cache_get_info(cp, &info);
	while (kmem_cache_slabs(cp, slab, SLABS) < SLABS) {
		if (kmem_cache_alloc(cp, 0) == NULL)
			host_fail("no memory", "colour");
	}
	for (unsigned s = 0; s < SLABS; s++) {
		for (unsigned i = 0; i < PER_SLAB; i++)
			line[n++] = (void *)(slab[s].addr +
			    slab[s].colour * info.colour_step +
			    i * info.stride);
	}
	for (unsigned i = 0; i < n && rounds != 0; i++)
		*line[i] = line[(i + 1) % n];
	at = line[0];
	for (uint64_t left = (uint64_t)rounds * n; left != 0; left--)
		at = *at;
	printf("{\"colours\":%u,\"frames_per_slab\":%u,\"lines\":%u,"
	       "\"rounds\":%u}\n",
	    info.colours, info.frames_per_slab, n, rounds);
	if (at != line[0])
		host_fail("the ring is broken", "colour");
}
