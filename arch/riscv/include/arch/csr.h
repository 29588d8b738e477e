/* SPDX-License-Identifier: MIT */
/* Control registers, and the few instructions that C cannot say. */
#ifndef ARCH_CSR_H
#define ARCH_CSR_H

#define SSTATUS_SIE        0x2
#define SSTATUS_SPIE       0x20
#define SSTATUS_SPP        0x100
#define SSTATUS_FS         0x6000
#define SSTATUS_FS_INITIAL 0x2000

#define IRQ_SOFT     1
#define IRQ_TIMER    5
#define IRQ_EXTERNAL 9

#ifndef __ASSEMBLER__

#include <stdint.h>

/* Interrupts of this hart off; the state before, for csr_irq_restore. */
static inline unsigned long
csr_irq_save(void)
{
	unsigned long was;

	__asm__ volatile("csrrci %0, sstatus, 2" : "=r"(was)::"memory");
	return was & SSTATUS_SIE;
}

static inline void
csr_irq_restore(unsigned long was)
{
	__asm__ volatile("csrs sstatus, %0" ::"r"(was & SSTATUS_SIE)
			 : "memory");
}

static inline void
csr_irq_on(void)
{
	__asm__ volatile("csrsi sstatus, 2" ::: "memory");
}

static inline unsigned long
csr_status(void)
{
	unsigned long v;

	__asm__ volatile("csrr %0, sstatus" : "=r"(v)::"memory");
	return v;
}

/* Bits of sie and sip, by interrupt number. */
static inline void
csr_sie_set(unsigned irq)
{
	__asm__ volatile("csrs sie, %0" ::"r"(1ul << irq) : "memory");
}

static inline void
csr_sie_clear(unsigned irq)
{
	__asm__ volatile("csrc sie, %0" ::"r"(1ul << irq) : "memory");
}

static inline void
csr_sip_clear_soft(void)
{
	__asm__ volatile("csrci sip, 2" ::: "memory");
}

/* A software interrupt to this hart itself. */
static inline void
csr_sip_set_soft(void)
{
	__asm__ volatile("csrsi sip, 2" ::: "memory");
}

/* Wakes for any enabled pending interrupt, also while SIE is off. */
static inline void
csr_wfi(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

/* The hint is a fence to harts that do not know it: never traps. */
static inline void
csr_pause(void)
{
	__asm__ volatile(".word 0x0100000f" ::: "memory");
}

static inline uint64_t
csr_time(void)
{
	uint64_t v;

	__asm__ volatile("rdtime %0" : "=r"(v));
	return v;
}

static inline uint64_t
csr_cycle(void)
{
	uint64_t v;

	__asm__ volatile("rdcycle %0" : "=r"(v));
	return v;
}

static inline uint64_t
csr_instret(void)
{
	uint64_t v;

	__asm__ volatile("rdinstret %0" : "=r"(v));
	return v;
}

/* Memory against memory and devices, both ways. */
static inline void
csr_fence_io(void)
{
	__asm__ volatile("fence iorw, iorw" ::: "memory");
}

static inline void
csr_fence_vma(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}

static inline uint64_t
csr_satp(void)
{
	uint64_t v;

	__asm__ volatile("csrr %0, satp" : "=r"(v));
	return v;
}

/*
 * Cycles of eight divisions, each of the last one's quotient. Hardware takes
 * ten and more for each.
 */
static inline uint64_t
csr_cycles_of_8_divisions(void)
{
	uint64_t from, to, v = UINT64_MAX;

	__asm__ volatile("rdcycle %0\n"
			 "divu %2, %2, %3\n"
			 "divu %2, %2, %3\n"
			 "divu %2, %2, %3\n"
			 "divu %2, %2, %3\n"
			 "divu %2, %2, %3\n"
			 "divu %2, %2, %3\n"
			 "divu %2, %2, %3\n"
			 "divu %2, %2, %3\n"
			 "rdcycle %1\n"
			 : "=&r"(from), "=&r"(to), "+r"(v)
			 : "r"(UINT64_C(3)));
	return to - from;
}

/*
 * rdinstret, `rounds` times a loop of two instructions, rdinstret: the
 * difference is 2 * rounds + 1 where instret counts instructions.
 */
static inline uint64_t
csr_instret_loop(uint64_t rounds)
{
	uint64_t from, to;

	__asm__ volatile("rdinstret %0\n"
			 "1: addi %2, %2, -1\n"
			 "bnez %2, 1b\n"
			 "rdinstret %1\n"
			 : "=&r"(from), "=&r"(to), "+r"(rounds));
	return to - from;
}

#endif
#endif
