/* SPDX-License-Identifier: MIT */
/*
 * Ending a run.
 *
 * Theory of operation
 * 1. The sentinel line is the truth; everything after it is courtesy.
 * 2. Other harts are stopped first: one that goes on could print behind the
 *    sentinel, or reach another exit before ours has worked.
 * 3. A way that does not work (refused, or returns) leads to the next; the
 *    last one is to sleep. After the finisher only sleep may follow: it works
 *    asynchronously, and a second request could overtake it.
 */
#include <arch/csr.h>
#include <arch/hart.h>
#include <arch/sbi.h>
#include <kernel/boot.h>
#include <kernel/io.h>
#include <kernel/klog.h>
#include <kernel/machine.h>

#include "kernel_impl.h"

#define FINISHER_PASS  0x5555u
#define FINISHER_FAIL  0x3333u
#define FINISHER_RESET 0x7777u

static volatile void *finisher;
static void (*drain)(void);

void
machine_init(void)
{
	uint64_t at = boot_platform()->finisher;

	if (at != 0)
		finisher = vm_map_mmio(at, 4);
}

void
machine_set_drain(void (*fn)(void))
{
	drain = fn;
}

static void
use_finisher(uint32_t word)
{
	if (finisher == NULL)
		return;
	io_write32(finisher, word);
	hart_park();
}

static void
leave(int code, enum bootargs_exit way)
{
	uint32_t status = (uint32_t)code & 0xffff;

	switch (way) {
	case EXIT_AUTO:
	case EXIT_FINISHER:
		use_finisher(
		    code == 0 ? FINISHER_PASS : status << 16 | FINISHER_FAIL);
		if (way == EXIT_FINISHER)
			break;
		sbi_shutdown();
		sbi_reboot();
		break;
	case EXIT_SRST:
		sbi_shutdown();
		break;
	case EXIT_REBOOT:
		sbi_reboot();
		break;
	case EXIT_SEMIHOST:
		hart_semihost_exit(code);
		break;
	case EXIT_SPIN:
		break;
	}
}

/* Interrupts off, others stopped, everything printed. */
static void
quiet(void)
{
	(void)csr_irq_save();
	smp_stop_others();
	klog_flush();
}

void
machine_exit(int code)
{
	quiet();
	klog_printf("QUARRY-EXIT code=%d\n", code);
	if (drain != NULL)
		drain();
	leave(code, boot_args()->exit);
	hart_park();
}

void
machine_reboot(void)
{
	quiet();
	klog_printf("QUARRY-EXIT code=0\n");
	if (drain != NULL)
		drain();
	sbi_reboot();
	use_finisher(FINISHER_RESET);
	hart_park();
}
