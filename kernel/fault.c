/* SPDX-License-Identifier: MIT */
/*
 * Faults that a caller survives.
 *
 * Theory of operation
 * 1. A caller that can unwind (Lua, by longjmp) sets an anchor. An exception
 *    in thread context then does not end the machine: the trap returns not to
 *    the faulting instruction but to resume(), on a stack of the same hart with
 *    interrupts on, and resume() calls the anchor, which must not return.
 * 2. Not when mm is on the stack: it may hold a lock or be half way through a
 *    slab. Its text lies between two symbols of the link script, the hot pair
 *    with it; any pc or return address in there makes it a panic, and so does
 *    a pc in an inline site of the pair. What mm tail-calls out of is not on
 *    the stack, and needs nothing undone either.
 *    Not either while the thread sleeps in waitq_wait or smp_call: its stack
 *    holds a timer or an argument that others will come back to.
 * 3. Where resume() runs: below the faulting frame, when at least ROOM bytes
 *    of that stack are left. A thread that ran into its guard page has none:
 *    it goes on at the top of the hart's fault stack, until the unwinding puts
 *    sp back. A fault on the fault stack stays on it while there is room, and
 *    is a panic when there is not; so is an sp that is in neither.
 * 4. fault_divert does the same to a thread that did nothing wrong, from an
 *    interrupt: so a runaway is stopped. The same stacks are refused.
 * 5. A breakpoint at the semihosting request means that nobody listens: it is
 *    stepped over.
 */
#include <arch/csr.h>
#include <arch/layout.h>
#include <arch/mag.h>
#include <kernel/fault.h>
#include <kernel/fmt.h>
#include <kernel/panic.h>
#include <kernel/symbols.h>

#include "kernel_impl.h"

#define ROOM             4096u  /* bytes of stack for the anchor's work */
#define DEPTH_MAX        16384u /* frames looked at: a stack full of them */
#define TEXT_MAX         192u
#define RED_ZONE         256u
#define CAUSE_BREAKPOINT 3u

extern char hart_semihost_break[]; /* boot.S */

/* The frame of the interrupt that a hart serves now; NULL: none. */
static struct trap_frame *interrupted[PLATFORM_HARTS_MAX];

void
fault_push(struct fault_anchor *a)
{
	struct hart *h = hart_self();

	a->fa_outer = h->h_anchor;
	h->h_anchor = a;
}

void
fault_pop(struct fault_anchor *a)
{
	struct hart *h = hart_self();

	/* Not h_anchor == a: inner ones may be gone with their stack. */
	KASSERT(h->h_anchor != NULL);
	h->h_anchor = a->fa_outer;
}

static bool
in_mm_text(uintptr_t pc)
{
	return pc >= (uintptr_t)__mm_text_start &&
	    pc <= (uintptr_t)__mm_text_end;
}

/* Also when the stack does not tell: the safe answer. */
static bool
inside_mm(const struct trap_frame *tf)
{
	struct trap_walk w;
	uintptr_t pc = tf->tf_epc;

	if (arch_mag_inside(pc))
		return true;
	trap_walk_begin(&w, tf);
	for (unsigned i = 0; i < DEPTH_MAX; i++) {
		if (in_mm_text(pc))
			return true;
		pc = trap_walk_next(&w);
		if (pc == 0)
			return !w.tw_whole;
	}
	return true;
}

/* Where the anchor may run; 0: nowhere. */
static uintptr_t
safe_sp(const struct hart *h, uintptr_t sp)
{
	if (sp > h->h_fault_low && sp <= h->h_fault_top)
		return sp - h->h_fault_low >= ROOM ? sp - RED_ZONE : 0;
	if (sp <= h->h_stack_low - LAYOUT_PAGE || sp > h->h_stack_top)
		return 0;
	if (sp >= h->h_stack_low + ROOM)
		return sp - RED_ZONE;
	return h->h_fault_top;
}

/* Thread context again, interrupts on; `text` lies above, on this stack. */
static _Noreturn void
resume(const char *text)
{
	struct fault_anchor *a = hart_self()->h_anchor;

	if (a != NULL)
		a->fa_on_fault(a->fa_arg, text);
	panic("%s: its anchor is gone, or has returned", text);
}

static void
describe(char text[TEXT_MAX], const struct trap_frame *tf)
{
	char where[96];

	(void)symbol_format(where, sizeof(where), tf->tf_epc);
	(void)fmt_format(text, TEXT_MAX, "fault: %s at 0x%llx pc=%s",
	    trap_cause_name(tf->tf_cause), (unsigned long long)tf->tf_tval,
	    where);
}

bool
fault_survive(struct trap_frame *tf)
{
	struct hart *h = hart_self();
	uintptr_t sp;

	if (tf->tf_cause == CAUSE_BREAKPOINT &&
	    tf->tf_epc == (uintptr_t)hart_semihost_break) {
		tf->tf_epc += 4;
		return true;
	}
	if (h->h_anchor == NULL || h->h_interrupt != 0 || h->h_waiting != 0 ||
	    (tf->tf_status & SSTATUS_SPIE) == 0 || inside_mm(tf))
		return false;
	sp = safe_sp(h, tf->tf_x[TF_SP]);
	if (sp == 0)
		return false;
	sp = (sp - TEXT_MAX) & ~(uintptr_t)15;
	describe((char *)sp, tf); /* room on the hart's own stack */
	tf->tf_x[TF_A0] = sp;
	tf->tf_x[TF_SP] = sp;
	tf->tf_x[TF_FP] = 0;
	tf->tf_x[TF_RA] = 0;
	tf->tf_x[TF_TP] = (uintptr_t)h + HART_SIZE;
	tf->tf_epc = (uintptr_t)resume;
	return true;
}

void
fault_interrupt(struct trap_frame *tf)
{
	interrupted[hart_self()->h_index] = tf;
}

bool
fault_divert(void (*fn)(void *arg), void *arg)
{
	struct hart *h = hart_self();
	struct trap_frame *tf = interrupted[h->h_index];
	union {
		void *ptr;
		uint64_t word;
	} a0 = { .ptr = arg };
	uintptr_t sp;

	if (tf == NULL || h->h_waiting != 0 || inside_mm(tf))
		return false;
	sp = safe_sp(h, tf->tf_x[TF_SP]);
	if (sp == 0)
		return false;
	tf->tf_x[TF_SP] = sp & ~(uintptr_t)15;
	tf->tf_x[TF_FP] = 0;
	tf->tf_x[TF_RA] = 0;
	tf->tf_x[TF_A0] = a0.word;
	tf->tf_epc = (uintptr_t)fn;
	return true;
}
