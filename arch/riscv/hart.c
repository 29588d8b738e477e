/* SPDX-License-Identifier: MIT */
/*
 * Hart blocks, starting a hart, leaving one.
 *
 * Theory of operation
 * 1. tp is set before the first C instruction of a hart and points into its
 *    block (arch/hart.h) for good. Traps reload it from above the trap stack.
 * 2. A hart that is started finds all it needs in its struct hart_start, by
 *    the pointer that the firmware hands over or, when the firmware forgets it
 *    (boot.S), by its own number. Records lie in the image, so that their
 *    physical addresses are known, and are never reused.
 */
#include <string.h>

#include <arch/csr.h>
#include <arch/hart.h>
#include <arch/layout.h>
#include <arch/mmu.h>
#include <arch/sbi.h>
#include <arch/trap.h>

/* From the link script: bytes of .tdata, offset and bytes of .tbss. */
extern const uint64_t __tls_layout[3];

/* In boot.S. */
extern struct hart_start hart_starts[HART_STARTS_MAX];
extern char secondary_start[], secondary_high[], hart_semihost_break[];
_Noreturn void hart_switch(uintptr_t tp, uintptr_t sp, void (*fn)(void));
long hart_semihost(const uint64_t *block);

size_t
hart_tls_bytes(void)
{
	return (__tls_layout[1] + __tls_layout[2] + 63) & ~(size_t)63;
}

struct hart *
hart_block_init(void *block)
{
	struct hart *h = block;
	char *tls = (char *)block + HART_SIZE;

	memset(block, 0, HART_SIZE + hart_tls_bytes());
	memcpy(tls, __tdata_source, __tls_layout[0]);
	return h;
}

void
hart_enter(struct hart *h, void (*fn)(void))
{
	hart_switch((uintptr_t)h + HART_SIZE, h->h_stack_top, fn);
}

long
hart_start(unsigned k, const struct hart *h)
{
	struct hart_start *hs = &hart_starts[k];

	hs->hs_hartid = h->h_hartid;
	hs->hs_sp = h->h_stack_top;
	hs->hs_satp = csr_satp();
	hs->hs_high = (uintptr_t)secondary_high;
	csr_fence_io(); /* tp says that the rest is there */
	hs->hs_tp = (uintptr_t)h + HART_SIZE;
	csr_fence_io(); /* before the firmware lets the hart read it */
#ifdef QUARRY_TEST_STALE_START
	/* What a hart sees that wakes while the firmware still writes. */
	return sbi_hart_start(h->h_hartid,
	    k % 2 == 0 ? mmu_image_base() : mmu_image_pa(secondary_start),
	    mmu_image_base());
#else
	return sbi_hart_start(
	    h->h_hartid, mmu_image_pa(secondary_start), mmu_image_pa(hs));
#endif
}

void
hart_semihost_exit(int code)
{
	/* ADP_Stopped_ApplicationExit and the status. */
	uint64_t block[2] = { 0x20026, (uint64_t)(unsigned)code };

	(void)hart_semihost(block);
}
