/* SPDX-License-Identifier: MIT */
/* What arch/riscv expects from above: the whole list. */
#ifndef ARCH_HOOKS_H
#define ARCH_HOOKS_H

#include <stdint.h>

#include <arch/trap.h>

/*
 * Boot hart, interrupts off, on the early stack, high half, nothing else.
 * `instret` and `time` were read at the first instruction.
 */
_Noreturn void kernel_main(
    uint64_t hartid, uint64_t dtb, uint64_t instret, uint64_t time);
/* Any other hart, interrupts off, on its own stack. */
_Noreturn void kernel_secondary_main(void);

/* In a trap, on the trap stack, interrupts off. */
void kernel_interrupt(struct trap_frame *tf, unsigned irq);
void kernel_exception(struct trap_frame *tf);
/* An exception inside a trap, on the emergency stack. */
_Noreturn void kernel_trap_nested(struct trap_frame *tf);

#endif
