/* SPDX-License-Identifier: MIT */
/* Device interrupts, through whatever PLIC the tree describes. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Handler runs in interrupt context on the boot hart. False when there is no
 * controller with that phandle that serves the boot hart: then poll.
 */
bool irq_attach(
    uint32_t controller, uint32_t source, void (*fn)(void *), void *arg);

/* Interrupt state of this hart, for code above kernel/. */
unsigned long irq_save(void);
void irq_restore(unsigned long state);

#endif
