/* SPDX-License-Identifier: MIT */
/* The part of mm's port that is worth no call, for the build of mm alone. */
#ifndef KERNEL_MM_INLINE_H
#define KERNEL_MM_INLINE_H

#include <arch/csr.h>
#include <arch/hart.h>

static inline unsigned long
port_pin(void)
{
	return csr_irq_save();
}

static inline void
port_unpin(unsigned long saved)
{
	csr_irq_restore(saved);
}

#ifdef QUARRY_TEST_NO_DRAIN
unsigned port_hart_self(void); /* poses as another */
#else
static inline unsigned
port_hart_self(void)
{
	return hart_self()->h_index;
}

#define PORT_SLOT_HERE 1
static inline void *
port_slot_here(void)
{
	return (void *)hart_tp();
}
#endif

#endif
