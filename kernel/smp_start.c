/* SPDX-License-Identifier: MIT */
/*
 * Finding and starting the other harts.
 *
 * Theory of operation
 * 1. A hart is used when the device tree says that it is eligible, the
 *    firmware's HSM knows it (both: plan_harts), and it checks in. Each of the
 *    three alone is wrong somewhere: firmware starts monitor cores that never
 *    arrive, and trees list harts that are not there.
 * 2. All are started first and then waited for together, with one deadline,
 *    in wfi. One at a time costs tens of seconds at 64 harts.
 * 3. Arrival and deadline race for one word per candidate: the hart moves it
 *    from WAITING to ARRIVED, the boot hart from WAITING to LATE. A hart that
 *    is late parks for good; its memory is not used again.
 * 4. Those who arrived get dense indexes, in the order of the tree, and sleep
 *    until smp_release: so mm starts with a hart count that is final.
 */
#include <arch/csr.h>
#include <arch/hooks.h>
#include <arch/sbi.h>
#include <kernel/boot.h>
#include <kernel/klog.h>
#include <kernel/panic.h>

#include "kernel_impl.h"
#include "plan.h"
#include "smp_impl.h"

_Static_assert(PLATFORM_HARTS_MAX <= HART_STARTS_MAX, "records");

#define SLOT_BYTES     16u
#define SLOTS_MAX      4096u
#define SLOTS_MIN      256u
#define SLOTS_PER_PAGE 256u
#define MIB            (1ull << 20)

/* Deadline of the common wait: generous, for it is paid only on failure. */
#define DEADLINE_NS          2000000000ull
#define DEADLINE_PER_HART_NS 50000000ull

enum { WAITING, ARRIVED, LATE, RELEASED };

struct candidate {
	struct hart *hart;
	atomic_uint state;
};

/* [0] is the boot hart. Constant once secondaries run, but for the states. */
static struct plan_harts chosen;
static struct candidate candidates[PLATFORM_HARTS_MAX];
static unsigned n_candidates;
static size_t n_slots;
static bool released; /* boot hart only */

size_t
smp_slot_count(void)
{
	return n_slots;
}

/*
 * Stack bytes of each hart. Lua's nested C calls want 52 KiB at least
 * (lua/state.c), also where there is little memory.
 */
static size_t
stack_bytes(uint64_t ram, unsigned harts)
{
	return ram / harts >= 32 * MIB ? 128u << 10 : 64u << 10;
}

static size_t
slots_for(uint64_t ram, unsigned harts)
{
	uint64_t n = ram / 256 / harts / SLOT_BYTES;

	n -= n % SLOTS_PER_PAGE;
	if (n > SLOTS_MAX)
		return SLOTS_MAX;
	return n < SLOTS_MIN ? SLOTS_MIN : (size_t)n;
}

/*
 * A stack canary for hart k: from the tree's seed, or where there is none from
 * the time. Its lowest byte is 0, so that no string can write it.
 */
static uintptr_t
canary(unsigned k)
{
	const struct platform *pf = boot_platform();
	uint64_t v = csr_time() + k;

	/* FNV-1a, 64 bits. */
	for (unsigned i = 0; i < pf->rng_seed_len; i++)
		v = (v ^ pf->rng_seed[i]) * 0x100000001b3;
	v = (v ^ k) * 0x9e3779b97f4a7c15;
	return (v ^ v >> 32) << 8;
}

struct hart *
smp_prepare(void)
{
	uint64_t boot_hartid = hart_self()->h_hartid;
	uint64_t ram = boot_ram_bytes();
	uint64_t limit = boot_args()->mem;
	const struct sbi_info *sbi = sbi_get_info();
	const struct plan_firmware fw = { .hsm = sbi->has[SBI_EXT_HSM],
		.ipi = sbi->has[SBI_EXT_IPI],
		.hart_status = sbi_hart_status };
	size_t stack;

	if (limit != 0 && limit < ram)
		ram = limit;

	plan_harts(
	    &chosen, boot_platform(), boot_hartid, boot_args()->maxharts, &fw);
	n_candidates = chosen.n;
	stack = stack_bytes(ram, n_candidates);
	n_slots = slots_for(ram, n_candidates);
	for (unsigned k = 0; k < n_candidates; k++) {
		struct candidate *c = &candidates[k];

		c->hart = vm_hart_create(k, stack, n_slots * SLOT_BYTES);
		if (c->hart == NULL) {
			if (k == 0)
				boot_fail("too little memory for the boot "
					  "hart's stacks");
			klog(KLOG_WARN,
			    "smp: %u harts skipped: too little memory for "
			    "their stacks",
			    n_candidates - k);
			n_candidates = k;
			break;
		}
		c->hart->h_hartid =
		    k == 0 ? boot_hartid : chosen.hart[k]->hartid;
		c->hart->h_canary = canary(k);
	}
	smp_harts[0].sh_hart = candidates[0].hart;
	smp_harts[0].sh_isa =
	    chosen.hart[0] == NULL ? NULL : chosen.hart[0]->isa;
	atomic_store_explicit(
	    &smp_harts[0].sh_state, HART_BUSY, memory_order_relaxed);
	return candidates[0].hart;
}

static bool
all_arrived(void *arg)
{
	(void)arg;
	for (unsigned k = 1; k < n_candidates; k++)
		/* Acquire pairs with kernel_secondary_main. */
		if (atomic_load_explicit(
			&candidates[k].state, memory_order_acquire) == WAITING)
			return false;
	return true;
}

/* Give up on who is not there; true when this one is. */
static bool
close_door(struct candidate *c)
{
	unsigned waiting = WAITING;

	if (!atomic_compare_exchange_strong_explicit(&c->state, &waiting, LATE,
		memory_order_acq_rel, memory_order_acquire))
		return waiting == ARRIVED;
	klog(KLOG_WARN,
	    "smp: hartid %llu skipped: was started and has not checked in "
	    "(state %ld for the firmware)",
	    (unsigned long long)c->hart->h_hartid,
	    sbi_hart_status(c->hart->h_hartid));
	return false;
}

void
smp_start(void)
{
	uint64_t until;

	for (unsigned k = 1; k < n_candidates; k++) {
		struct candidate *c = &candidates[k];
		long error = hart_start(k, c->hart);

		if (error == 0)
			continue;
		klog(KLOG_WARN, "smp: hartid %llu skipped: start refused (%ld)",
		    (unsigned long long)c->hart->h_hartid, error);
		atomic_store_explicit(&c->state, LATE, memory_order_release);
	}
	until = time_ns() + DEADLINE_NS + DEADLINE_PER_HART_NS * n_candidates;
	(void)smp_wait(all_arrived, NULL, until);
	for (unsigned k = 1; k < n_candidates; k++) {
		struct candidate *c = &candidates[k];
		struct smp_hart *sh = &smp_harts[smp_n_harts];

		if (!close_door(c))
			continue;
		c->hart->h_index = smp_n_harts++;
		sh->sh_hart = c->hart;
		sh->sh_isa = chosen.hart[k]->isa;
		atomic_store_explicit(
		    &sh->sh_state, HART_IDLE, memory_order_relaxed);
	}
}

static void
fence(void *arg)
{
	(void)arg;
	csr_fence_vma();
}

/*
 * Not by the firmware's RFENCE: it spins until the others have answered, and
 * under QEMU's -icount that starves them.
 */
void
smp_fence_others(void)
{
	/* Until they are released the others wait, and fence on their way. */
	for (unsigned i = 1; released && i < smp_n_harts; i++)
		(void)smp_call(i, fence, NULL);
}

void
smp_release(void)
{
	released = true;
	for (unsigned k = 1; k < n_candidates; k++) {
		unsigned arrived = ARRIVED;

		/* Release pairs with the acquire in kernel_secondary_main. */
		if (atomic_compare_exchange_strong_explicit(
			&candidates[k].state, &arrived, RELEASED,
			memory_order_release, memory_order_relaxed))
			(void)sbi_send_ipi(candidates[k].hart->h_hartid);
	}
}

void
kernel_secondary_main(void)
{
	struct candidate *c = &candidates[hart_self()->h_index];
	unsigned waiting = WAITING;

	csr_sie_set(IRQ_SOFT);
	csr_sie_set(IRQ_TIMER);
	/* Pairs with close_door and all_arrived. */
	if (!atomic_compare_exchange_strong_explicit(&c->state, &waiting,
		ARRIVED, memory_order_acq_rel, memory_order_relaxed))
		hart_park();
	csr_fence_io();
	(void)sbi_send_ipi(candidates[0].hart->h_hartid);
	for (;;) {
		csr_sip_clear_soft();
		csr_fence_io();
		/* Acquire pairs with smp_release. */
		if (atomic_load_explicit(&c->state, memory_order_acquire) ==
		    RELEASED)
			break;
		csr_wfi();
	}
	csr_fence_vma(); /* pairs with smp_fence_others */
	/* A call's IPI may have come with smp_release's, and been cleared. */
	csr_sip_set_soft();
	csr_irq_on();
	smp_work_loop();
}
