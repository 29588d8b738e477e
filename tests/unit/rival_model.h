/* SPDX-License-Identifier: MIT */
/*
 * What every rival must do, whatever it is: tests that know an allocator by
 * its calls only. World and checks: tests/unit/mm_test.h.
 */
#ifndef RIVAL_MODEL_H
#define RIVAL_MODEL_H

#include <stddef.h>
#include <stdint.h>

struct rival_calls {
	void *(*create)(size_t size, size_t align);
	void *(*alloc)(void *heap);
	void (*free)(void *heap, void *obj);
	void (*destroy)(void *heap);
	size_t (*charge)(void);
	/* Broken rules of its own state. */
	size_t (*verify)(void);
	size_t natural; /* alignment where none is asked for */
};

/*
 * Random steps on heaps of 1 to 32,768 bytes and all alignments, on all harts:
 * objects are aligned, disjoint, and keep their contents; at the end every
 * frame is back.
 */
void rival_model_random(
    const struct rival_calls *rc, uint64_t seed, unsigned steps);
/* Each request for frames fails in turn, with all after it: nothing is lost. */
void rival_model_no_frames(const struct rival_calls *rc);
/*
 * Memory runs out, all is freed, and it runs out again no sooner. The frames
 * that as many objects have bytes for.
 */
size_t rival_model_exhaust(const struct rival_calls *rc, size_t size);
/* charge() and the zone's count together never pass what is asked by much. */
void rival_model_charge(const struct rival_calls *rc);

#endif
