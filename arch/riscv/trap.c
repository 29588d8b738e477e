/* SPDX-License-Identifier: MIT */
/*
 * From trap_entry.S to the kernel; names of what can happen.
 *
 * Theory of operation
 * 1. Interrupts come while a hart runs a thread, never inside a trap, and see
 *    the hot pair of mag.S either not begun or done: its pc is moved back here,
 *    before anything else runs. Exceptions see it where it was. The ranges, of
 *    mag.S and of the inline sites, are a table that the linker gathers.
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

extern char trap_probe_load[], trap_probe_failed[]; /* trap_entry.S */

/* The lowest first and the highest end of the table. Constant after init. */
static struct mag_range bound;

#ifdef QUARRY_TEST_BOUNDARY
void (*volatile arch_mag_watch)(uintptr_t pc, uintptr_t resume);
#endif

static bool
within(const struct mag_range *r, uintptr_t pc)
{
	return pc - r->mr_first < r->mr_end - r->mr_first;
}

void
arch_mag_init(void)
{
	const struct mag_range *r = __restart_start;

	bound = *r;
	for (uintptr_t n = arch_mag_range_count(); n > 0; n--, r++) {
		if (r->mr_first < bound.mr_first)
			bound.mr_first = r->mr_first;
		if (r->mr_end > bound.mr_end)
			bound.mr_end = r->mr_end;
	}
}

/* The range that holds pc, or NULL. The link keeps the table short. */
static const struct mag_range *
range_of(uintptr_t pc)
{
	const struct mag_range *r = __restart_start;

	/* One test for Lua, libraries and most of the kernel. */
	if (!within(&bound, pc))
		return NULL;
	for (uintptr_t n = arch_mag_range_count(); n > 0; n--, r++)
		if (within(r, pc))
			return r;
	return NULL;
}

uintptr_t
arch_mag_rewind(uintptr_t pc)
{
	const struct mag_range *r = range_of(pc);

	return r == NULL ? pc : r->mr_first;
}

bool
arch_mag_inside(uintptr_t pc)
{
	return range_of(pc) != NULL;
}

/* An interrupt came at pc: where the hart goes on. */
static uintptr_t
resume_at(uintptr_t pc)
{
#ifdef QUARRY_TEST_NO_REWIND
	uintptr_t resume = pc; /* the negative control */
#else
	uintptr_t resume = arch_mag_rewind(pc);
#endif
#ifdef QUARRY_TEST_BOUNDARY
	if (arch_mag_watch != NULL)
		arch_mag_watch(pc, resume);
#endif
	return resume;
}

void
trap_dispatch(struct trap_frame *tf)
{
	struct hart *h = hart_self();

	if ((tf->tf_cause & CAUSE_INTERRUPT) == 0) {
		kernel_exception(tf);
		return;
	}
	tf->tf_epc = resume_at(tf->tf_epc);
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
