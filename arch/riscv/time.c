/* SPDX-License-Identifier: MIT */
/* Does instret count instructions, and cycle too? */
#include <arch/csr.h>
#include <arch/time.h>

#define ROUNDS 256u
#define TRIES  4u

bool
time_instret_probe(void)
{
	unsigned long irq = csr_irq_save();
	bool exact = true;

	/*
	 * Host time may hit the number once, not four times. One more or less
	 * is a matter of whether the reading itself is counted.
	 */
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t n = csr_instret_loop(ROUNDS);

		exact &= n >= 2 * ROUNDS && n <= 2 * ROUNDS + 2;
	}
	csr_irq_restore(irq);
	return exact;
}

bool
time_cycle_counts_instructions(void)
{
	unsigned long irq = csr_irq_save();
	uint64_t n = csr_cycles_of_8_divisions();

	csr_irq_restore(irq);
	return n >= 8 && n <= 8 + 2;
}
