/* SPDX-License-Identifier: MIT */
/*
 * First instructions of every hart.
 *
 * Theory of operation
 * 1. The image is flat and starts with the 64-byte RISC-V Linux header, so
 *    that QEMU and U-Boot's booti take it. It is linked at LAYOUT_IMAGE and
 *    may be loaded at any multiple of 2 MiB; all code is pc-relative
 *    (medany), so the same instructions run at both addresses.
 * 2. State at entry, boot hart (SBI fw_dynamic, seen on every firmware
 *    tried): a0 hartid, a1 physical address of the device tree, satp 0, sie 0,
 *    SIE 0; every other register is anything, FS too. Which hart it is, is a
 *    lottery.
 *    A second hart can come here: OpenSBI 1.1 marks a hart as started before
 *    it writes down where to and with what, and a hart that wakes in between
 *    takes the old address, ours (seen once in 200 boots with two harts), or
 *    the new one and the old argument. So the first to arrive at _start boots,
 *    and a hart with an argument that is not its own struct hart_start, or
 *    with none, looks for that by its number: it was complete before the
 *    firmware was asked.
 * 3. Before bss is cleared nothing may be called. The early stack, its trap
 *    stack and the static page tables lie behind bss and are never cleared:
 *    a table is cleared when it is taken.
 * 4. The jump to the high half needs no identity map: stvec gets the high
 *    address of the continuation, satp is written, and the fetch of the next
 *    instruction, at an address that is no longer mapped, traps there. So
 *    there is no moment at which a low page is mapped.
 * 5. A secondary arrives at secondary_start with a1 = its struct hart_start,
 *    by which it has its page table, block and stack before its first call.
 */
#include <arch/csr.h>
#include <arch/hart.h>
#include <arch/layout.h>
#include <arch/trap.h>

	.section .head, "ax", @progbits
	.globl _start
_start:
	.option push
	.option norvc
	j	boot_hart	/* code0 */
	nop			/* code1 */
	.option pop
	.dword	0x200000	/* text_offset from the start of RAM */
	.dword	__image_bytes	/* with bss and stacks */
	.dword	0		/* flags: little endian */
	.word	2		/* header version 0.2 */
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0

	.section .text.boot, "ax", @progbits

/* FP usable, state "initial"; clobbers t0. */
.macro fp_on
	li	t0, SSTATUS_FS
	csrc	sstatus, t0
	li	t0, SSTATUS_FS_INITIAL
	csrs	sstatus, t0
	fscsr	zero
.endm

boot_hart:
	rdinstret s2
	rdtime	s3
	csrw	sie, zero
	csrci	sstatus, SSTATUS_SIE
	la	t0, boot_taken
	li	t1, 1
	amoswap.w.aqrl t1, t1, (t0)
	bnez	t1, second_hart
	mv	s0, a0
	mv	s1, a1
	la	t0, park
	csrw	stvec, t0
	fp_on

	la	t0, __bss_start		/* both multiples of 64 */
	la	t1, __bss_end
	bgeu	t0, t1, 2f
1:	sd	zero, 0(t0)
	sd	zero, 8(t0)
	sd	zero, 16(t0)
	sd	zero, 24(t0)
	sd	zero, 32(t0)
	sd	zero, 40(t0)
	sd	zero, 48(t0)
	sd	zero, 56(t0)
	addi	t0, t0, 64
	bltu	t0, t1, 1b
2:
	la	tp, early_block + HART_SIZE
	la	sp, early_stack_top
	la	s4, _start
	mv	a0, s4
	call	mmu_early		/* a0 = satp */

	li	t1, LAYOUT_IMAGE
	sub	t1, t1, s4		/* high minus physical */
	add	tp, tp, t1
	add	sp, sp, t1
	la	t0, boot_high
	add	t0, t0, t1
	csrw	stvec, t0
	sfence.vma
	csrw	satp, a0
	unimp				/* not reached: the fetch traps */

	.balign	4
boot_high:
	la	t0, early_trap_top - TRAP_TOP_BYTES
	sd	tp, 0(t0)
	csrw	sscratch, t0
	la	t0, trap_entry
	csrw	stvec, t0
	sfence.vma
	mv	a0, s0
	mv	a1, s1
	mv	a2, s2
	mv	a3, s3
	li	s0, 0			/* ends backtraces */
	li	ra, 0
	tail	kernel_main

/* a0 hartid; a1 anything. */
second_hart:
	la	a1, hart_starts
	la	t1, hart_starts_end
1:	ld	t2, HART_START_TP(a1)
	beqz	t2, 2f
	ld	t2, HART_START_ID(a1)
	beq	t2, a0, own_record
2:	addi	a1, a1, HART_START_SIZE
	bltu	a1, t1, 1b
	j	park

/* a0 hartid, a1 physical struct hart_start; if it is, it names the hart. */
	.globl secondary_start
secondary_start:
	la	t0, hart_starts
	bltu	a1, t0, second_hart
	la	t0, hart_starts_end
	bgeu	a1, t0, second_hart
	ld	t2, HART_START_ID(a1)
	bne	t2, a0, second_hart
own_record:
	csrw	sie, zero
	csrci	sstatus, SSTATUS_SIE
	la	t0, park
	csrw	stvec, t0
	ld	tp, HART_START_TP(a1)
	ld	sp, HART_START_SP(a1)
	ld	t1, HART_START_SATP(a1)
	ld	t2, HART_START_HIGH(a1)
	fp_on
	csrw	stvec, t2
	sfence.vma
	csrw	satp, t1
	unimp				/* not reached: the fetch traps */

	.balign	4
	.globl secondary_high
secondary_high:
	ld	t0, HART_TRAP_TOP(tp)
	sd	tp, 0(t0)
	csrw	sscratch, t0
	la	t0, trap_entry
	csrw	stvec, t0
	sfence.vma
	li	s0, 0
	li	ra, 0
	tail	kernel_secondary_main

/*
 * hart_switch(new tp, new sp, fn): go on as another block, with interrupts
 * off; nothing of the old stack is used again.
 */
	.globl hart_switch
hart_switch:
	csrci	sstatus, SSTATUS_SIE
	mv	tp, a0
	mv	sp, a1
	ld	t0, HART_TRAP_TOP(tp)
	sd	tp, 0(t0)
	csrw	sscratch, t0
	li	s0, 0
	li	ra, 0
	jr	a2

	.balign	4
	.globl hart_park
hart_park:
park:
	csrw	sie, zero
1:	wfi
	j	1b

/*
 * Semihosting SYS_EXIT_EXTENDED; a0 = { reason, code }. The three
 * instructions must be uncompressed and in one page. Without a listener the
 * ebreak comes back as an exception, which kernel/fault.c skips.
 */
	.balign	16
	.globl hart_semihost, hart_semihost_break
hart_semihost:
	mv	a1, a0
	li	a0, 0x20
	.option push
	.option norvc
	slli	zero, zero, 0x1f
hart_semihost_break:
	ebreak
	srai	zero, zero, 7
	.option pop
	ret

/* In data, for bss is cleared after it has been used. */
	.section .data.boot_taken, "aw", @progbits
	.balign	8
boot_taken:
	.dword	0

	.section .bss.hart_starts, "aw", @nobits
	.balign	64
	.globl hart_starts, hart_starts_end
hart_starts:
	.space	HART_START_SIZE * HART_STARTS_MAX
hart_starts_end:

/* Behind bss: room that needs no clearing. */
	.section .noinit, "aw", @nobits
	.balign	LAYOUT_PAGE
	.globl early_stack_guard, early_stack, early_stack_top
	.globl early_trap_stack, early_trap_top
	.globl emergency_stack, emergency_top, page_tables
early_stack_guard:			/* never mapped */
	.space	LAYOUT_PAGE
early_stack:
	.space	LAYOUT_EARLY_STACK
early_stack_top:
early_trap_stack:
	.space	LAYOUT_EARLY_TRAP
early_trap_top:
emergency_stack:
	.space	LAYOUT_EMERGENCY
emergency_top:
	.balign	LAYOUT_PAGE
page_tables:
	.space	LAYOUT_PAGE * LAYOUT_TABLES

/* The boot hart's first block: struct hart and TLS, no slots. */
	.section .bss.early_block, "aw", @nobits
	.balign	64
	.globl early_block
early_block:
	.space	HART_SIZE + EARLY_TLS_MAX
