/* SPDX-License-Identifier: MIT */
/*
 * A firmware of the first SBI generation, for QEMU virt: legacy calls 0
 * (timer), 1 and 2 (console), 4 (IPI, own hart) and 8 (shutdown), and nothing
 * else: no base extension, no HSM, TIME or IPI. Hart 0 boots, others sleep.
 */
#define UART	  0x10000000
#define FINISHER  0x100000
#define MTIMECMP  0x2004000
#define MIP_SSIP  0x2
#define MIP_STIP  0x20
#define MIE_MTIE  0x80

	.globl _start
_start:
	csrw	mie, zero
	bnez	a0, sleep
	la	sp, stack_top
	csrw	mscratch, sp
	la	t0, trap
	csrw	mtvec, t0
	li	t0, -1
	csrw	pmpaddr0, t0
	csrw	mcounteren, t0
	li	t0, 0x1f
	csrw	pmpcfg0, t0
	li	t0, 0xb109
	csrw	medeleg, t0
	li	t0, 0x222
	csrw	mideleg, t0
	li	t0, 0x7800		/* MPP, FS */
	csrc	mstatus, t0
	li	t0, 0x800		/* to S */
	csrs	mstatus, t0
	li	t0, 0x80200000
	csrw	mepc, t0
	mret

sleep:
	wfi
	j	sleep

	.balign	4
trap:
	csrrw	sp, mscratch, sp
	sd	t0, -8(sp)
	sd	t1, -16(sp)
	csrr	t0, mcause
	bltz	t0, timer
	li	t1, 9
	bne	t0, t1, sleep
	csrr	t0, mepc
	addi	t0, t0, 4
	csrw	mepc, t0
	beqz	a7, set_timer
	li	t0, 1
	beq	a7, t0, putchar
	li	t0, 2
	beq	a7, t0, getchar
	li	t0, 4
	beq	a7, t0, send_ipi
	li	t0, 8
	beq	a7, t0, shutdown
	li	a0, -2			/* not supported */
	j	back
set_timer:
	li	t0, MTIMECMP
	sd	a0, 0(t0)
	li	t0, MIP_STIP
	csrc	mip, t0
	li	t0, MIE_MTIE
	csrs	mie, t0
	li	a0, 0
	j	back
putchar:
	li	t0, UART
	sb	a0, 0(t0)
	li	a0, 0
	j	back
getchar:
	li	a0, -1
	j	back
send_ipi:
	csrsi	mip, MIP_SSIP
	li	a0, 0
	j	back
shutdown:
	li	t0, FINISHER
	li	t1, 0x5555
	sw	t1, 0(t0)
	j	sleep
timer:
	li	t0, MIE_MTIE
	csrc	mie, t0
	li	t0, MIP_STIP
	csrs	mip, t0
back:
	ld	t0, -8(sp)
	ld	t1, -16(sp)
	csrrw	sp, mscratch, sp
	mret

	.balign	16
	.space	256
stack_top:
