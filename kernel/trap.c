/* SPDX-License-Identifier: MIT */
/*
 * What a trap means.
 *
 * Theory of operation
 * 1. Interrupts run on the trap stack of their hart with interrupts off, never
 *    nest, and are short: they set flags, move pointers, kick harts.
 * 2. The entry saves no floating-point register. So nothing that runs here and
 *    returns may use one: no double, no printf of the C library. What does not
 *    return (panic) may do as it likes.
 * 3. Exceptions are bugs: reported with everything known, and the end, unless
 *    somebody has said that it can go on (kernel/fault.h).
 */
#include <arch/csr.h>
#include <arch/hooks.h>
#include <kernel/panic.h>

#include "kernel_impl.h"

void
kernel_interrupt(struct trap_frame *tf, unsigned irq)
{
	fault_interrupt(tf);
	switch (irq) {
	case IRQ_SOFT:
		smp_interrupt();
		break;
	case IRQ_TIMER:
		smp_count_timer();
		time_interrupt();
		break;
	case IRQ_EXTERNAL:
		smp_count_external();
		irq_interrupt();
		break;
	default:
		panic("interrupt %u at 0x%llx, which nobody has enabled", irq,
		    (unsigned long long)tf->tf_epc);
	}
	fault_interrupt(NULL);
}

void
kernel_exception(struct trap_frame *tf)
{
	if (!trap_probe_skip(tf) && !fault_survive(tf))
		panic_trap(tf, "exception");
}

void
kernel_trap_nested(struct trap_frame *tf)
{
	panic_trap(tf, "exception inside a trap");
}
