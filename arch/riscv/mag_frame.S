/* SPDX-License-Identifier: MIT */
/*
 * The pair on a hart's magazine of single frames.
 *
 * Theory of operation
 * 1. The pop and push of mag.S, restartable in the same way, with what makes
 *    the object a frame: its record, found by arithmetic, says in one word (its
 *    kind) what the frame is. Both run outside the range, where the frame is
 *    nobody else's: after the commit of take, before the first load of give.
 * 2. Give exchanges the kind for 0, which says "in a hart's cache", in one
 *    atomic operation: of two who free one frame, one finds 0. What was there
 *    must be negative, which only the record of a frame in use by itself is.
 * 3. Take leaves its other arguments to the slow path: a1 and a2 are kept.
 *    a0 is not, so the slow path finds the home zone by itself.
 */
#include <arch/mag_frame.h>

.macro restartable first, end
	.section .restart.frame, "a", @progbits
	.balign	8
	.dword	\first, \end
	.previous
.endm

	.section .text.mag, "ax", @progbits
	.balign	8
	.globl arch_frame_take
	.type	arch_frame_take, @function
arch_frame_take:
	ld	a5, ARCH_FRAME_SLOT(a0)
	ld	a3, ARCH_FRAME_KINDS(a0)
	add	a5, a5, tp
.Ltake_first:
	ld	a4, 0(a5)
	ld	a0, -8(a4)
	addi	a4, a4, -8
	beqz	a0, 1f
	sd	a4, 0(a5)			/* commit */
.Ltake_end:
	srli	a4, a0, ARCH_FRAME_SHIFT - 4
	add	a4, a4, a3
	sw	a1, 0(a4)
	ret
1:	tail	arch_frame_take_slow
	.size	arch_frame_take, . - arch_frame_take

	.balign	8
	.globl arch_frame_give
	.type	arch_frame_give, @function
arch_frame_give:
	ld	a5, ARCH_FRAME_BASE(a0)
	ld	a4, ARCH_FRAME_BYTES(a0)
	sub	a5, a1, a5
	slli	a3, a1, 64 - ARCH_FRAME_SHIFT
	bgeu	a5, a4, 1f
	bnez	a3, 1f
	ld	a5, ARCH_FRAME_KINDS(a0)
	srli	a4, a1, ARCH_FRAME_SHIFT - 4
	add	a4, a4, a5
	amoswap.w a2, zero, (a4)
	bgez	a2, 2f
	ld	a5, ARCH_FRAME_SLOT(a0)
	sd	zero, ARCH_FRAME_OWNER(a4)
	add	a5, a5, tp
.Lgive_first:
	ld	a4, 0(a5)
	andi	a3, a4, ARCH_FRAME_MAGAZINE - 1
	beqz	a3, 3f
	sd	a1, 0(a4)
	addi	a4, a4, 8
	sd	a4, 0(a5)			/* commit */
.Lgive_end:
	ret
1:	tail	arch_frame_give_far
2:	tail	arch_frame_give_bad
3:	tail	arch_frame_give_slow
	.size	arch_frame_give, . - arch_frame_give

	restartable .Ltake_first, .Ltake_end
	restartable .Lgive_first, .Lgive_end
