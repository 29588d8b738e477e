/* SPDX-License-Identifier: MIT */
/*
 * The composition root: the boot order, and the only file that may include
 * from every folder.
 *
 * Theory of operation
 * 1. Boot hart, early block, early stack in the image:
 *      arch/riscv/boot.S   high half, W^X image, tp, stacks; then kernel_main
 *      sbi_init            firmware calls; the log gathers lines in its ring
 *      boot_read_tree      device tree mapped and parsed, boot arguments, time
 *      boot_read_memory    linear map, initrd, frame zones: frame_alloc works
 *      smp_prepare         which harts may run; a block and stacks for each
 *    and the boot hart moves to its own block and stacks, with guard pages.
 * 2. Boot hart as hart 0:
 *      machine_init        a way out that needs nothing more
 *      interrupts on       timers and IPIs are served
 *      smp_start           the other harts have checked in, or are given up on:
 *                          the hart count is final
 *      plan_caches         mm knows the line and the way of the data cache
 *      kmem_init           the allocator works, here and on all others
 *      irq_init            device interrupts on the boot hart
 *      console_init        the log flows out, input flows in
 *      smp_release         the others wait for work
 *      lua_main            the prompt; never returns
 * 3. What goes wrong before the console is up is said through the firmware and
 *    ends with QUARRY-EXIT code=3 (boot_fail), or is one line in the log.
 */
#include <stdatomic.h>

#include <arch/csr.h>
#include <arch/hooks.h>
#include <arch/layout.h>
#include <arch/mag.h>
#include <arch/sbi.h>
#include <console/console.h>
#include <kernel/boot.h>
#include <kernel/klog.h>
#include <kernel/machine.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <lua/main.h>
#include <mm/frame.h>
#include <mm/kmem.h>

#include "kernel_impl.h"
#include "plan.h"

#define TICK_NS    1000000000ull /* the depots' working-set interval */
#define SMALL_RAM  (16ull << 20)
#define SMALL_RING 4096u
#define LARGE_RING 65536u

/* Received bytes wait here: much, where there is memory. */
static void
start_console(void)
{
	size_t bytes = boot_ram_bytes() < SMALL_RAM ? SMALL_RING : LARGE_RING;

	console_init(
	    frame_alloc(bytes / FRAME_SIZE, 1, FRAME_NOWAIT, FRAME_TAG_META),
	    bytes);
	machine_set_drain(console_drain);
}

/*
 * A hart has nothing to do: close the depots' interval if it is over. Whoever
 * comes first takes it. While intervals still change something, the hart comes
 * back at the end of the next one; then an idle machine sleeps: no periodic
 * tick. What was done since the last tick waits for the end of its interval.
 */
static void
idle(void)
{
	static _Atomic uint64_t last_ns;
	static atomic_uint coming; /* 1: a hart will, if it is idle then */
	uint64_t seen = atomic_load_explicit(&last_ns, memory_order_relaxed);
	uint64_t now = time_ns();

	/* Relaxed: claims; kmem_tick has its own locks. */
	if (now - seen >= TICK_NS) {
		if (!atomic_compare_exchange_strong_explicit(&last_ns, &seen,
			now, memory_order_relaxed, memory_order_relaxed))
			return;
		atomic_store_explicit(&coming, 0, memory_order_relaxed);
		if (!kmem_tick())
			return;
		seen = now;
	}
	if (atomic_exchange_explicit(&coming, 1, memory_order_relaxed) == 0)
		smp_idle_again(seen + TICK_NS);
}

static void
hart0_main(void)
{
	const struct sbi_info *sbi = sbi_get_info();

	machine_init();
	csr_sie_set(IRQ_SOFT);
	csr_sie_set(IRQ_TIMER);
	csr_irq_on();
	smp_start();
	plan_caches(boot_platform());
	if (kmem_init() != 0)
		boot_fail("too little memory to start the allocator");
	irq_init();
	klog(KLOG_INFO, "smp: %u hart%s, boot hartid %llu", smp_hart_count(),
	    smp_hart_count() == 1 ? "" : "s",
	    (unsigned long long)hart_self()->h_hartid);
	start_console();
	(void)smp_set_idle(idle);
	smp_release();
	klog(KLOG_DEBUG, "firmware: SBI %llu.%llu, implementation %llu",
	    (unsigned long long)sbi->spec_major,
	    (unsigned long long)sbi->spec_minor,
	    (unsigned long long)sbi->implementation);
	lua_main();
}

/* What the firmware lacks, a line each. */
static void
firmware_gaps(void)
{
	const struct sbi_info *sbi = sbi_get_info();

	if (!sbi->has[SBI_EXT_HSM])
		klog(KLOG_WARN, "firmware: no HSM extension: one hart only");
	if (!sbi->has[SBI_EXT_TIME])
		klog(KLOG_WARN, "firmware: no TIME extension: legacy timer");
	if (!sbi->has[SBI_EXT_IPI])
		klog(KLOG_WARN, "firmware: no IPI extension: legacy IPIs");
}

/* The image's own block and stack, until there is memory for better ones. */
static void
early_hart(uint64_t hartid)
{
	struct hart *h = hart_block_init(early_block);

	h->h_hartid = hartid;
	h->h_stack_low = (uintptr_t)early_stack;
	h->h_stack_top = (uintptr_t)early_stack_top;
	h->h_trap_low = (uintptr_t)early_trap_stack;
	h->h_trap_top = (uintptr_t)early_trap_top - TRAP_TOP_BYTES;
	if (hart_tls_bytes() > EARLY_TLS_MAX)
		boot_fail("TLS of %zu bytes outgrew the early block",
		    hart_tls_bytes());
}

void
kernel_main(uint64_t hartid, uint64_t dtb, uint64_t instret, uint64_t time)
{
	early_hart(hartid);
	arch_mag_init();
	sbi_init();
	firmware_gaps();
	boot_read_tree(dtb, instret, time);
	boot_read_memory();
	hart_enter(smp_prepare(), hart0_main);
}
