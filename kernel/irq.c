/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts. The boot hart takes all of them: they are the console's.
 * A source that nobody attached to is masked when it first comes, so that it
 * cannot come again for ever.
 */
#include <arch/csr.h>
#include <arch/plic.h>
#include <kernel/boot.h>
#include <kernel/irq.h>
#include <kernel/klog.h>

#include "kernel_impl.h"
#include "plan.h"

#define HANDLERS_MAX 8u
#define CLAIMS_MAX   64u /* per interrupt and controller */

struct handler {
	struct plic *plic;
	uint32_t source;
	void (*fn)(void *arg);
	void *arg;
};

/* Boot hart only; interrupts read what thread context has set up. */
static struct plan_plic planned[PLATFORM_PLICS_MAX];
static struct plic plics[PLATFORM_PLICS_MAX];
static unsigned n_plics;
static struct handler handlers[HANDLERS_MAX];
static unsigned n_handlers;

/* False: its registers cannot be mapped. */
static bool
open_plic(struct plic *pl, const struct plan_plic *pp)
{
	pl->pl_bytes = plic_bytes(pp->context);
	pl->pl_regs = vm_map_mmio(pp->about->base, pl->pl_bytes);
	if (pl->pl_regs == NULL) {
		klog(KLOG_WARN, "irq: plic at 0x%llx ignored: cannot map it",
		    (unsigned long long)pp->about->base);
		return false;
	}
	pl->pl_context = pp->context;
	pl->pl_sources = pp->about->sources;
	plic_init(pl);
	return true;
}

void
irq_init(void)
{
	unsigned n =
	    plan_plics(planned, boot_platform(), hart_self()->h_hartid);

	for (unsigned i = 0; i < n; i++)
		if (open_plic(&plics[n_plics], &planned[i]))
			planned[n_plics++] = planned[i];
	if (n_plics > 0)
		csr_sie_set(IRQ_EXTERNAL);
	else
		klog(KLOG_INFO,
		    "irq: no PLIC for the boot hart: devices are "
		    "polled");
}

bool
irq_attach(uint32_t controller, uint32_t source, void (*fn)(void *), void *arg)
{
	int i = plan_route(planned, n_plics, controller, source);
	unsigned long irq;

	if (n_handlers == HANDLERS_MAX || i < 0)
		return false;
	irq = csr_irq_save();
	handlers[n_handlers++] = (struct handler){ &plics[i], source, fn, arg };
	plic_enable(&plics[i], source);
	csr_irq_restore(irq);
	return true;
}

static void
dispatch(struct plic *pl, uint32_t source)
{
	for (unsigned i = 0; i < n_handlers; i++)
		if (handlers[i].plic == pl && handlers[i].source == source) {
			handlers[i].fn(handlers[i].arg);
			return;
		}
	if (source <= pl->pl_sources)
		plic_disable(pl, source);
	klog(KLOG_WARN, "irq: source %u has no handler: masked", source);
}

void
irq_interrupt(void)
{
	for (unsigned i = 0; i < n_plics; i++)
		for (unsigned n = 0; n < CLAIMS_MAX; n++) {
			uint32_t source = plic_claim(&plics[i]);

			if (source == 0)
				break;
			dispatch(&plics[i], source);
			plic_complete(&plics[i], source);
		}
}

unsigned long
irq_save(void)
{
	return csr_irq_save();
}

void
irq_restore(unsigned long state)
{
	csr_irq_restore(state);
}
