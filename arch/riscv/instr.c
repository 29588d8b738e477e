/* SPDX-License-Identifier: MIT */
/* Single instructions for tests of the processor. */
#include <arch/instr.h>

bool
arch_lrsc_add32(uint32_t *p, uint32_t v)
{
	uint32_t refused;

	__asm__ volatile("lr.w.aqrl %0, (%1)\n"
			 "add %0, %0, %2\n"
			 "sc.w.aqrl %0, %0, (%1)\n"
			 : "=&r"(refused)
			 : "r"(p), "r"(v)
			 : "memory");
	return refused == 0;
}

bool
arch_lrsc_add64(uint64_t *p, uint64_t v)
{
	uint64_t refused;

	__asm__ volatile("lr.d.aqrl %0, (%1)\n"
			 "add %0, %0, %2\n"
			 "sc.d.aqrl %0, %0, (%1)\n"
			 : "=&r"(refused)
			 : "r"(p), "r"(v)
			 : "memory");
	return refused == 0;
}

uint64_t
arch_amo_max64(uint64_t *p, uint64_t v)
{
	uint64_t was;

	__asm__ volatile("amomaxu.d.aqrl %0, %2, (%1)"
			 : "=&r"(was)
			 : "r"(p), "r"(v)
			 : "memory");
	return was;
}

uint64_t
arch_misaligned_load(const void *p, uint64_t n)
{
	uint64_t v;

	__asm__ volatile("1: ld %0, 0(%2)\n"
			 "addi %1, %1, -1\n"
			 "bnez %1, 1b\n"
			 : "=&r"(v), "+r"(n)
			 : "r"(p)
			 : "memory");
	return v;
}

void
arch_misaligned_store(void *p, uint64_t v, uint64_t n)
{
	__asm__ volatile("1: sd %1, 0(%2)\n"
			 "addi %0, %0, -1\n"
			 "bnez %0, 1b\n"
			 : "+r"(n)
			 : "r"(v), "r"(p)
			 : "memory");
}
