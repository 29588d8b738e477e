/* SPDX-License-Identifier: MIT */
/*
 * system/lua: a Lua state whose memory is the allocator's size classes, against
 * one on an arena that only counts up and never frees: what a real program
 * pays for its allocator. Two jobs: Fibonacci numbers by recursion, which
 * hardly allocate, and strings and tables that come and go. bench knows no Lua;
 * bench/include/bench/guest.h is the seam, and the state starts anew for each
 * job.
 *
 * A block has a head of 16 bytes that says which heap it is of, since a block
 * that shrinks may have to stay where it is. Blocks above the largest class are
 * frames of the zone, for every allocator alike.
 */

#include <bench/guest.h>
#include <string.h>

#include "classes.c"
#include "share.c"

#define GUEST_HEAD  16u        /* bytes; keeps the alignment */
#define GUEST_ARENA (4u << 20) /* bytes */
#define GUEST_LARGE CLASSES    /* no class: frames */
#define GUEST_KINDS (2u * LAB_GUEST_JOBS)

union guest_head {
	struct {
		uint32_t gd_class;
		size_t gd_room; /* bytes of the block behind the head */
	};
	uint8_t gd_bytes[GUEST_HEAD];
};

struct guest {
	const struct lab_run *gu_run;
	uint8_t *gu_arena;
	size_t gu_used;                 /* bytes of the arena */
	uint64_t gu_ticks[GUEST_KINDS]; /* job by job, heap and arena */
	uint64_t gu_runs;
};

static size_t
guest_shared(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct guest);
}

static void *
guest_alloc(const struct guest *gu, size_t bytes)
{
	union guest_head *head;
	uint32_t class;

	if (bytes > SIZE_MAX / 2u)
		return NULL;
	bytes += GUEST_HEAD;
	if (bytes > CLASS_LARGEST) {
		class = GUEST_LARGE;
		head = lab_memory(bytes);
	} else {
		class = class_of(bytes);
		bytes = class_kinds[class].ck_bytes;
		head = adapter_alloc(gu->gu_run->lr_heap[class]);
	}
	if (head == NULL)
		return NULL;
	head->gd_class = class;
	head->gd_room = bytes - GUEST_HEAD;
	return head + 1;
}

static void
guest_free(const struct guest *gu, void *ptr)
{
	union guest_head *head = (union guest_head *)ptr - 1;

	if (head->gd_class == GUEST_LARGE)
		lab_memory_free(head, head->gd_room + GUEST_HEAD);
	else
		adapter_free(gu->gu_run->lr_heap[head->gd_class], head);
}

/* Worth moving: to a smaller class, or to fewer frames. */
static bool
guest_stays(const union guest_head *head, size_t bytes)
{
	if (bytes > head->gd_room)
		return false;
	if (head->gd_class == GUEST_LARGE)
		return bytes > head->gd_room / 2u;
	return class_of(bytes + GUEST_HEAD) == head->gd_class;
}

static void *
guest_resize(void *arg, void *ptr, size_t osize, size_t nsize)
{
	const struct guest *gu = arg;
	const union guest_head *head;
	void *moved;

	if (ptr == NULL)
		return nsize != 0 ? guest_alloc(gu, nsize) : NULL;
	head = (union guest_head *)ptr - 1;
	if (nsize == 0) {
		guest_free(gu, ptr);
		return NULL;
	}
	if (guest_stays(head, nsize))
		return ptr;
	moved = guest_alloc(gu, nsize);
	if (moved == NULL)
		return nsize <= head->gd_room ? ptr : NULL;
	memcpy(moved, ptr, nsize < osize ? nsize : osize);
	guest_free(gu, ptr);
	return moved;
}

/* The arena: a block that grows is a new one. */
static void *
arena_resize(void *arg, void *ptr, size_t osize, size_t nsize)
{
	struct guest *gu = arg;
	size_t left = GUEST_ARENA - gu->gu_used;
	void *moved;

	if (nsize == 0)
		return NULL;
	if (ptr != NULL && nsize <= osize)
		return ptr;
	if (nsize > left || (nsize + 15u) / 16u * 16u > left)
		return NULL;
	moved = gu->gu_arena + gu->gu_used;
	gu->gu_used += (nsize + 15u) / 16u * 16u;
	if (ptr != NULL)
		memcpy(moved, ptr, osize);
	return moved;
}

static bool
guest_open(struct lab_run *run)
{
	struct guest *gu = run->lr_shared;

	if (lab_guest_run == NULL) {
		run->lr_out->error = "this image has no Lua for the lab";
		return false;
	}
	gu->gu_run = run;
	gu->gu_arena = lab_memory(GUEST_ARENA);
	if (gu->gu_arena == NULL)
		return false;
	if (classes_open(run, CLASS_LARGEST))
		return true;
	lab_memory_free(gu->gu_arena, GUEST_ARENA);
	return false;
}

/* Each job on each of the two. */
static enum lab_step
guest_step(struct lab_lane *lane)
{
	struct guest *gu = lane->ln_run->lr_shared;
	unsigned kind;

	for (kind = 0; kind < GUEST_KINDS; kind++) {
		const struct lab_guest_heap heap = {
			kind % 2u == 0 ? guest_resize : arena_resize, gu
		};

		gu->gu_used = 0;
		if (!lab_guest_run(&heap, (enum lab_guest_job)(kind / 2u),
			lane->ln_run->lr_tick, &gu->gu_ticks[kind]))
			return LAB_FAIL;
	}
	gu->gu_runs++;
	lane->ln_ops++;
	return LAB_MORE;
}

static void
guest_close(struct lab_run *run)
{
	static const char *const names[GUEST_KINDS] = { "fib", "fib_arena",
		"strings", "strings_arena" };
	struct guest *gu = run->lr_shared;
	unsigned i;

	lab_memory_free(gu->gu_arena, GUEST_ARENA);
	classes_close(run);
	for (i = 0; gu->gu_runs != 0 && i < GUEST_KINDS; i++)
		lab_fact(run->lr_out, names[i], tick_unit(run),
		    i % 2u == 0 ? LAB_LOWER : LAB_NEITHER, gu->gu_ticks[i],
		    gu->gu_runs);
}
