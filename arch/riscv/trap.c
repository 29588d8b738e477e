/* SPDX-License-Identifier: MIT */
/*
 * From trap_entry.S to the kernel; names of what can happen.
 *
 * Theory of operation
 * 1. Interrupts come while a hart runs a thread, never inside a trap, and see
 *    the hot pair of mag.S either not begun or done: its pc is moved back here,
 *    before anything else runs. Exceptions see it where it was.
 * 2. tp is the hart's own in here (trap_entry.S), whatever the thread had.
 * 3. h_interrupt counts nesting of what may not wait: an interrupt, and within
 *    a thread a call to the own hart (kernel/smp.c).
 */
#include <arch/csr.h>
#include <arch/hart.h>
#include <arch/hooks.h>
#include <arch/mag.h>
#include <arch/trap.h>

#define CAUSE_INTERRUPT (1ull << 63)

/* Called by trap_entry.S only. */
void trap_dispatch(struct trap_frame *tf);

/* A range of mag.S: an interrupt in [first, end) resumes at first. */
struct restart {
	uintptr_t first, end;
};
extern char trap_probe_load[], trap_probe_failed[]; /* trap_entry.S */
extern const struct restart __restart_start[], __restart_end[];

uintptr_t
arch_mag_rewind(uintptr_t pc)
{
	uintptr_t n = ((uintptr_t)__restart_end - (uintptr_t)__restart_start) /
	    sizeof(struct restart);
	const struct restart *table = __restart_start;

	/* The table is in address order: one test for nearly all of them. */
	if (pc <= table[0].first || pc >= table[n - 1].end)
		return pc;
	for (const struct restart *r = table; r < table + n; r++)
		if (pc >= r->first && pc < r->end)
			return r->first;
	return pc;
}

void
trap_dispatch(struct trap_frame *tf)
{
	struct hart *h = hart_self();

	if ((tf->tf_cause & CAUSE_INTERRUPT) == 0) {
		kernel_exception(tf);
		return;
	}
	tf->tf_epc = arch_mag_rewind(tf->tf_epc);
	h->h_interrupt++;
	kernel_interrupt(tf, (unsigned)(tf->tf_cause & 0xff));
	h->h_interrupt--;
	h->h_wakes++;
}

bool
trap_probe_skip(struct trap_frame *tf)
{
	if (tf->tf_epc != (uintptr_t)trap_probe_load)
		return false;
	tf->tf_epc = (uintptr_t)trap_probe_failed;
	return true;
}

const char *
trap_cause_name(uint64_t cause)
{
	static const char *const names[] = {
		"instruction address misaligned",
		"instruction access fault",
		"illegal instruction",
		"breakpoint",
		"load address misaligned",
		"load access fault",
		"store address misaligned",
		"store access fault",
		"environment call from U",
		"environment call from S",
		"exception 10",
		"exception 11",
		"instruction page fault",
		"load page fault",
		"exception 14",
		"store page fault",
	};

	if ((cause & CAUSE_INTERRUPT) != 0)
		return "interrupt";
	if (cause < sizeof(names) / sizeof(names[0]))
		return names[cause];
	return "unknown exception";
}

const char *
trap_register_name(unsigned i)
{
	static const char names[31][4] = { "ra", "sp", "gp", "tp", "t0", "t1",
		"t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
		"a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",
		"s11", "t3", "t4", "t5", "t6" };

	return i < 31 ? names[i] : "?";
}
