/* SPDX-License-Identifier: MIT */
/*
 * The allocator's hot pair: pop and push on the loaded magazine.
 *
 * Theory of operation
 * 1. No lock, no atomic operation, no CSR access. Each of the two reads the
 *    slot's top, works on registers, and commits with a single store of the
 *    new top. Until that store nothing has happened (push has also written
 *    the object pointer above the top, where no round is).
 * 2. So an interrupt that comes between the first load and the commit may
 *    simply start the sequence anew: the trap entry, for interrupts only, moves
 *    a pc inside the range back to the first load. A handler may use the same
 *    slot, and a remote drain may exchange its magazines: the interrupted
 *    operation sees the result as if it had not begun.
 * 3. The slot's address is computed before the range, in a register that the
 *    range does not change; push keeps its arguments too, for the slow path.
 *    Pop does not: it returns NULL, and the caller, who must look for NULL
 *    anyway, asks the slow path. Hence a replay has all it needs. The address
 *    stays right, because a thread never changes harts.
 * 4. An exception (a fault) inside a range is a smashed slot or magazine: it
 *    is reported where it is, never replayed.
 * 5. Empty: the sentinel NULL below the first round. Full: top at the end of
 *    its magazine, which is aligned to its size.
 */
#include <arch/mag.h>

/* An entry of the table of ranges: resume at `first` while in [first, end). */
.macro restartable first, end
	.section .restart, "a", @progbits
	.balign	8
	.dword	\first, \end
	.previous
.endm

	.section .text.mag, "ax", @progbits
	.balign	8
	.globl arch_mag_pop
	.type	arch_mag_pop, @function
arch_mag_pop:
	ld	a5, ARCH_MAG_DESC_SLOT(a0)
	add	a5, a5, tp
pop_first:
	ld	a4, ARCH_MAG_SLOT_TOP(a5)
	ld	a0, -8(a4)
	addi	a4, a4, -8
	beqz	a0, pop_end
	sd	a4, ARCH_MAG_SLOT_TOP(a5)	/* commit */
pop_end:
	ret
	.size	arch_mag_pop, . - arch_mag_pop

	.balign	8
	.globl arch_mag_push
	.type	arch_mag_push, @function
arch_mag_push:
	ld	a5, ARCH_MAG_DESC_SLOT(a0)
	add	a5, a5, tp
push_first:
	ld	a4, ARCH_MAG_SLOT_TOP(a5)
	andi	a3, a4, ARCH_MAG_BYTES - 1
	beqz	a3, 1f
	sd	a1, 0(a4)
	addi	a4, a4, 8
	sd	a4, ARCH_MAG_SLOT_TOP(a5)	/* commit */
push_end:
	ret
1:	tail	arch_mag_push_slow
	.size	arch_mag_push, . - arch_mag_push

	restartable pop_first, pop_end
	restartable push_first, push_end
