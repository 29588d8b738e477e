/* SPDX-License-Identifier: MIT */
/*
 * Memory with a break, for the rivals that are general-purpose allocators.
 *
 * Theory of operation
 *
 * 1. Such an allocator wants one piece of memory that grows at its end, as
 *    sbrk gives it. An arena is a run of frames, taken with its first user and
 *    given back with its last, and a break in it that only moves up.
 * 2. A rival is charged what lies below its break, in whole frames, and not
 *    the run: arena_charge is what to add to the zone's count of used frames
 *    so that the sum is right. The run being larger than what is used, that
 *    is mostly a negative number, modulo 2^64; the sum is not.
 * 3. The run has ARENA_FRAMES, or half of that as often as there is no such
 *    run, down to ARENA_FRAMES_MIN.
 * 4. Whoever owns the arena has a lock around it.
 */
#ifndef BENCH_RIVAL_ARENA_H
#define BENCH_RIVAL_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define ARENA_FRAMES     8192u /* 32 MiB */
#define ARENA_FRAMES_MIN 256u

struct arena {
	char *ar_base;
	size_t ar_frames; /* of the run; 0: there is none */
	size_t ar_break;  /* bytes in use, from ar_base on */
	size_t ar_users;
};

/* One more user. False: no memory, and no user more. */
bool arena_open(struct arena *ar);
/* One user fewer; true: it was the last, and the memory is gone. */
bool arena_close(struct arena *ar);
/* Move the break up; where it was, or NULL: there is no more. */
void *arena_grow(struct arena *ar, size_t bytes);
/* Frames to add to the zone's count. */
size_t arena_charge(const struct arena *ar);

#endif
