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
.Lpop_first:
	ld	a4, ARCH_MAG_SLOT_TOP(a5)
	ld	a0, -8(a4)
	addi	a4, a4, -8
	beqz	a0, .Lpop_end
	sd	a4, ARCH_MAG_SLOT_TOP(a5)	/* commit */
.Lpop_end:
#ifdef QUARRY_TEST_PADDED
	nop	/* behind the range: it must not restart differently */
#endif
	ret
	.size	arch_mag_pop, . - arch_mag_pop

	.balign	8
	.globl arch_mag_push
	.type	arch_mag_push, @function
arch_mag_push:
	ld	a5, ARCH_MAG_DESC_SLOT(a0)
	add	a5, a5, tp
.Lpush_first:
	ld	a4, ARCH_MAG_SLOT_TOP(a5)
	andi	a3, a4, ARCH_MAG_BYTES - 1
	beqz	a3, 1f
	sd	a1, 0(a4)
	addi	a4, a4, 8
	sd	a4, ARCH_MAG_SLOT_TOP(a5)	/* commit */
.Lpush_end:
	ret
1:	mv	a2, ra				/* the caller, for reports */
	tail	arch_mag_push_slow
	.size	arch_mag_push, . - arch_mag_push

/*
 * The counting pair, on the cold slot: the same sequences, then the count by
 * one AMO, behind the commit, so that an interrupt finds it still to come or
 * done. Relaxed: only this hart writes it. Alloc goes on to the claim with the
 * object as third argument; both go elsewhere with the arguments they had.
 */
	.balign	8
	.globl arch_mag_cold_alloc
	.type	arch_mag_cold_alloc, @function
arch_mag_cold_alloc:
	ld	a5, ARCH_MAG_DESC_COLD(a0)
	add	a5, a5, tp
.Lcold_pop_first:
	ld	a4, ARCH_MAG_SLOT_TOP(a5)
	ld	a2, -8(a4)
	addi	a4, a4, -8
	beqz	a2, 1f
	sd	a4, ARCH_MAG_SLOT_TOP(a5)	/* commit */
.Lcold_pop_end:
	li	a3, 1
	addi	a5, a5, ARCH_MAG_SLOT_ALLOCS
	amoadd.d	zero, a3, (a5)
	tail	arch_mag_cold_claim
1:	tail	arch_mag_cold_empty
	.size	arch_mag_cold_alloc, . - arch_mag_cold_alloc

	.balign	8
	.globl arch_mag_cold_free
	.type	arch_mag_cold_free, @function
arch_mag_cold_free:
	ld	a5, ARCH_MAG_DESC_COLD(a0)
	add	a5, a5, tp
.Lcold_push_first:
	ld	a4, ARCH_MAG_SLOT_TOP(a5)
	andi	a3, a4, ARCH_MAG_BYTES - 1
	beqz	a3, 1f
	sd	a1, 0(a4)
	addi	a4, a4, 8
	sd	a4, ARCH_MAG_SLOT_TOP(a5)	/* commit */
.Lcold_push_end:
	li	a0, 1
	addi	a5, a5, ARCH_MAG_SLOT_FREES
	amoadd.d	zero, a0, (a5)
	ret
1:	tail	arch_mag_cold_full
	.size	arch_mag_cold_free, . - arch_mag_cold_free

	restartable .Lpop_first, .Lpop_end
	restartable .Lpush_first, .Lpush_end
	restartable .Lcold_pop_first, .Lcold_pop_end
	restartable .Lcold_push_first, .Lcold_push_end
