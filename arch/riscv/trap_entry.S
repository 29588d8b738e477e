/* SPDX-License-Identifier: MIT */
/*
 * Trap entry and return.
 *
 * Theory of operation
 * 1. sscratch holds the top of this hart's trap stack while the hart runs a
 *    thread, and 0 while it is in a trap. So one instruction tells the two
 *    apart, and an exception inside a trap cannot run over the first frame.
 * 2. Above the top lie TRAP_TOP_BYTES with the hart's tp. It is loaded on
 *    each entry: a thread that has smashed tp still gets its report.
 * 3. Interrupts never nest: SIE stays off until sret.
 * 4. Integer registers only are saved. Nothing that runs between entry and
 *    sret may touch an F register; a test disassembles the image and checks.
 * 5. The frame ends with a frame record (previous fp, epc), so that a
 *    backtrace from a handler walks on into what was interrupted.
 * 6. An exception inside a trap takes the one emergency stack, for good: a
 *    second hart that comes there, or the same one again, parks. The report is
 *    the last thing that the machine does.
 */
#include <arch/hart.h>
#include <arch/layout.h>
#include <arch/trap.h>

/* x1, x3 … x31 except `skip`; sp is the frame. */
.macro save_registers
	sd	x1, 0(sp)
	sd	x3, 16(sp)
	sd	x4, 24(sp)
	sd	x6, 40(sp)
	sd	x7, 48(sp)
	sd	x8, 56(sp)
	sd	x9, 64(sp)
	sd	x10, 72(sp)
	sd	x11, 80(sp)
	sd	x12, 88(sp)
	sd	x13, 96(sp)
	sd	x14, 104(sp)
	sd	x15, 112(sp)
	sd	x16, 120(sp)
	sd	x17, 128(sp)
	sd	x18, 136(sp)
	sd	x19, 144(sp)
	sd	x20, 152(sp)
	sd	x21, 160(sp)
	sd	x22, 168(sp)
	sd	x23, 176(sp)
	sd	x24, 184(sp)
	sd	x25, 192(sp)
	sd	x26, 200(sp)
	sd	x27, 208(sp)
	sd	x28, 216(sp)
	sd	x29, 224(sp)
	sd	x30, 232(sp)
	sd	x31, 240(sp)
.endm

.macro save_state
	csrr	t0, sepc
	csrr	t1, sstatus
	csrr	t2, scause
	csrr	t3, stval
	sd	t0, TF_EPC(sp)
	sd	t1, TF_STATUS(sp)
	sd	t2, TF_CAUSE(sp)
	sd	t3, TF_TVAL(sp)
	sd	s0, TF_FRAME(sp)
	sd	t0, TF_FRAME + 8(sp)
	addi	s0, sp, TF_SIZE
.endm

	.section .text.trap, "ax", @progbits
	.balign	4
	.globl trap_entry
trap_entry:
	csrrw	sp, sscratch, sp
	beqz	sp, nested
	addi	sp, sp, -TF_SIZE
	save_registers
	sd	t0, 32(sp)
	csrrw	t0, sscratch, zero	/* from here on we are in a trap */
	sd	t0, 8(sp)
	ld	tp, TF_SIZE(sp)
	save_state
	mv	a0, sp
	call	trap_dispatch

	ld	t0, TF_EPC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	addi	t0, sp, TF_SIZE
	csrw	sscratch, t0
	ld	x1, 0(sp)
	ld	x3, 16(sp)
	ld	x4, 24(sp)
	ld	x5, 32(sp)
	ld	x6, 40(sp)
	ld	x7, 48(sp)
	ld	x8, 56(sp)
	ld	x9, 64(sp)
	ld	x10, 72(sp)
	ld	x11, 80(sp)
	ld	x12, 88(sp)
	ld	x13, 96(sp)
	ld	x14, 104(sp)
	ld	x15, 112(sp)
	ld	x16, 120(sp)
	ld	x17, 128(sp)
	ld	x18, 136(sp)
	ld	x19, 144(sp)
	ld	x20, 152(sp)
	ld	x21, 160(sp)
	ld	x22, 168(sp)
	ld	x23, 176(sp)
	ld	x24, 184(sp)
	ld	x25, 192(sp)
	ld	x26, 200(sp)
	ld	x27, 208(sp)
	ld	x28, 216(sp)
	ld	x29, 224(sp)
	ld	x30, 232(sp)
	ld	x31, 240(sp)
	ld	sp, 8(sp)
	sret

/* trap_probe(address): read a byte; 1, or 0 when that raises an exception. */
	.globl trap_probe, trap_probe_load, trap_probe_failed
trap_probe:
	.balign	4
trap_probe_load:
	lb	a0, 0(a0)
	li	a0, 1
	ret
trap_probe_failed:
	li	a0, 0
	ret

/* sp = 0, sscratch = sp of the trap that went wrong. */
nested:
	csrrw	sp, sscratch, t0	/* sp back; t0 waits in sscratch */
	la	t0, emergency_taken
	amoswap.w.aqrl t0, t0, (t0)	/* any value but 0 is "taken" */
	bnez	t0, 1f
	la	t0, emergency_top - TRAP_TOP_BYTES - TF_SIZE
	sd	sp, 8(t0)
	mv	sp, t0
	save_registers
	csrrw	t0, sscratch, zero
	sd	t0, 32(sp)
	save_state
	mv	a0, sp
	call	kernel_trap_nested
1:	tail	hart_park

	.section .bss.emergency_taken, "aw", @nobits
	.balign	8
emergency_taken:
	.space	8
