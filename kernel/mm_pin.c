/* SPDX-License-Identifier: MIT */
/*
 * The part of mm's port that every exchange of magazines goes through: two or
 * three instructions each, leaves that never show in a backtrace. They are
 * compiled without a frame pointer, which would triple them (objects.mk).
 */
#include <arch/csr.h>
#include <arch/hart.h>
#include <mm/port.h>

unsigned long
port_pin(void)
{
	return csr_irq_save();
}

void
port_unpin(unsigned long saved)
{
	csr_irq_restore(saved);
}

bool
port_in_interrupt(void)
{
	return hart_self()->h_interrupt != 0;
}

#ifndef QUARRY_TEST_NO_DRAIN
unsigned
port_hart_self(void)
{
	return hart_self()->h_index;
}
#endif
