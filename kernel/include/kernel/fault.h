/* SPDX-License-Identifier: MIT */
/*
 * Faults that a caller can survive. While an anchor is set on a hart, an
 * exception in thread context whose stack shows no frame of mm/ resumes at the
 * anchor: its on_fault(text) is called on the hart's stack, outside the trap,
 * with interrupts on, and must not return (Lua raises an error there). Without
 * an anchor, or inside mm/, an exception is a panic.
 */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include <stdbool.h>

struct fault_anchor {
	void (*fa_on_fault)(void *arg, const char *text);
	void *fa_arg;
	struct fault_anchor *fa_outer;
};

/* Own hart, thread context. Anchors nest. */
void fault_push(struct fault_anchor *a);
/*
 * What was set before `a` counts again. `a` is the anchor set last, or those
 * after it lie on a part of the stack that has been unwound past them: they are
 * dropped unseen.
 */
void fault_pop(struct fault_anchor *a);

/*
 * Interrupt context: when this interrupt returns, the thread it interrupted
 * finds itself in fn(arg), on its own stack, with interrupts on; fn must not
 * return. False (and nothing changes) when the thread may not be torn away:
 * its stack shows a frame of mm/, or this is no interrupt of a thread.
 */
bool fault_divert(void (*fn)(void *arg), void *arg);

#endif
