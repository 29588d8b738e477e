/* SPDX-License-Identifier: MIT */
/*
 * The callees of noop. Each must be a single `ret`: instr_per_op adds 2 for
 * them. Their own file, so that no caller sees a body, and without frame
 * pointers, which would add four instructions.
 */
#include "noop.h"

#ifndef __clang__
#pragma GCC optimize("omit-frame-pointer", "no-stack-protector")
#endif

void *
lab_noop_alloc(struct lab_noop *heap)
{
	/* The heap is its only object, and in the register of the result. */
	return heap;
}

void
lab_noop_free(struct lab_noop *heap, void *obj)
{
	(void)heap;
	(void)obj;
}
