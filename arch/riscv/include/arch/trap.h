/* SPDX-License-Identifier: MIT */
/* What trap.S saves. Integer registers only: see kernel/trap.c. */
#ifndef ARCH_TRAP_H
#define ARCH_TRAP_H

#define TF_EPC         248
#define TF_STATUS      256
#define TF_CAUSE       264
#define TF_TVAL        272
#define TF_FRAME       288 /* a frame record, so that backtraces walk on */
#define TF_SIZE        304
/* Above the first trap frame: the hart's own tp, whatever tp holds. */
#define TRAP_TOP_BYTES 16

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trap_frame {
	uint64_t tf_x[31]; /* x1 … x31 */
	uint64_t tf_epc;
	uint64_t tf_status;
	uint64_t tf_cause;
	uint64_t tf_tval;
	uint64_t tf_unused;
	uint64_t tf_frame[2]; /* previous fp, epc */
};

_Static_assert(sizeof(struct trap_frame) == TF_SIZE, "trap.S");
_Static_assert(offsetof(struct trap_frame, tf_epc) == TF_EPC, "trap.S");
_Static_assert(offsetof(struct trap_frame, tf_frame) == TF_FRAME, "trap.S");

enum { TF_RA = 0, TF_SP = 1, TF_GP = 2, TF_TP = 3, TF_FP = 7, TF_A0 = 9 };

/* "load page fault"; never NULL. */
const char *trap_cause_name(uint64_t cause);
/* ABI name of tf_x[i]. */
const char *trap_register_name(unsigned i);

/*
 * Can a byte be read there? The exception that says no comes to
 * kernel_exception, which asks trap_probe_skip to step over it.
 */
bool trap_probe(const void *p);
bool trap_probe_skip(struct trap_frame *tf);

/*
 * A walk over the return addresses of an interrupted context, outwards; the
 * context's own pc comes first, from the frame. Reads only this hart's stacks.
 */
struct trap_walk {
	uintptr_t tw_fp;
	uintptr_t tw_ra; /* to be returned before the frame at tw_fp; 0: none */
	bool tw_whole;   /* the walk ended at the thread's first frame */
};
void trap_walk_begin(struct trap_walk *w, const struct trap_frame *tf);
uintptr_t trap_walk_next(struct trap_walk *w); /* 0: the end */

/*
 * Up to n return addresses, from frame pointer fp outwards; how many. The
 * other one is for an interrupted context, whose pc comes first; n >= 1.
 */
size_t trap_backtrace(uintptr_t *pcs, size_t n, uintptr_t fp);
size_t trap_backtrace_frame(
    uintptr_t *pcs, size_t n, const struct trap_frame *tf);

#endif
#endif
