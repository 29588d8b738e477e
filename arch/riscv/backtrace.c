/* SPDX-License-Identifier: MIT */
/*
 * Backtraces by frame pointer.
 *
 * Theory of operation
 * 1. A frame pointer points above its frame record: fp[-2] is the caller's fp,
 *    fp[-1] the return address. A leaf function may keep ra in its register
 *    and then has the caller's fp at fp[-1]; only the innermost frame of an
 *    interrupted context can be one, and a stack address is no code address.
 * 2. Nothing is read that does not lie in a stack of this hart, so that a
 *    broken chain ends the trace instead of the machine. A trap frame ends
 *    with a record (trap_entry.S), so that chains lead from the trap stack to
 *    the thread's.
 */
#include <arch/hart.h>
#include <arch/layout.h>
#include <arch/trap.h>

static bool
within(uintptr_t at, uintptr_t low, uintptr_t top)
{
	return at >= low + 16 && at <= top;
}

/* A readable frame record ends at fp. */
static bool
fp_valid(uintptr_t fp)
{
	const struct hart *h = hart_self();

	if (fp % 8 != 0)
		return false;
	return within(fp, h->h_stack_low, h->h_stack_top) ||
	    within(fp, h->h_trap_low, h->h_trap_top) ||
	    within(fp, h->h_fault_low, h->h_fault_top) ||
	    within(fp, (uintptr_t)early_stack, (uintptr_t)early_stack_top) ||
	    within(
		fp, (uintptr_t)early_trap_stack, (uintptr_t)early_trap_top) ||
	    within(fp, (uintptr_t)emergency_stack, (uintptr_t)emergency_top);
}

static bool
pc_valid(uintptr_t pc)
{
	return pc > (uintptr_t)__image_start && pc <= (uintptr_t)__text_end;
}

static uintptr_t
word_at(uintptr_t at)
{
	return *(const uintptr_t *)at; /* fp_valid has seen it */
}

void
trap_walk_begin(struct trap_walk *w, const struct trap_frame *tf)
{
	uintptr_t fp = tf->tf_x[TF_FP];
	uintptr_t ra = tf->tf_x[TF_RA];
	bool leaf = fp_valid(fp) && fp_valid(word_at(fp - 8));

	w->tw_fp = leaf ? word_at(fp - 8) : fp;
	w->tw_whole = false;
	/*
	 * Called through a bad pointer, or a leaf, or before the frame was
	 * built: ra is the only way out.
	 */
	w->tw_ra = 0;
	if (pc_valid(ra) && (leaf || !pc_valid(tf->tf_epc) || !fp_valid(fp)))
		w->tw_ra = ra;
}

uintptr_t
trap_walk_next(struct trap_walk *w)
{
	uintptr_t fp = w->tw_fp, ra = w->tw_ra;

	if (ra != 0) {
		w->tw_ra = 0;
		return ra;
	}
	if (!fp_valid(fp))
		return 0;
	ra = word_at(fp - 8);
	w->tw_fp = word_at(fp - 16);
	if (!pc_valid(ra) || w->tw_fp == fp) {
		/* A thread's first frame has neither caller nor caller's fp. */
		w->tw_whole = ra == 0 && w->tw_fp == 0;
		return 0;
	}
	return ra;
}

size_t
trap_backtrace(uintptr_t *pcs, size_t n, uintptr_t fp)
{
	struct trap_walk w = { .tw_fp = fp };
	size_t got = 0;

	while (got < n && (pcs[got] = trap_walk_next(&w)) != 0)
		got++;
	return got;
}

size_t
trap_backtrace_frame(uintptr_t *pcs, size_t n, const struct trap_frame *tf)
{
	struct trap_walk w;
	size_t got = 1;

	pcs[0] = tf->tf_epc;
	trap_walk_begin(&w, tf);
	while (got < n && (pcs[got] = trap_walk_next(&w)) != 0)
		got++;
	return got;
}
