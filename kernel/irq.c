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

#define HANDLERS_MAX 8u
#define CLAIMS_MAX   64u /* per interrupt and controller */

struct handler {
	struct plic *plic;
	uint32_t source;
	void (*fn)(void *arg);
	void *arg;
};

/* Boot hart only; interrupts read what thread context has set up. */
static struct plic plics[PLATFORM_PLICS_MAX];
static uint32_t phandles[PLATFORM_PLICS_MAX];
static unsigned n_plics;
static struct handler handlers[HANDLERS_MAX];
static unsigned n_handlers;

static int32_t
boot_context(const struct platform *pf, const struct platform_plic *pp)
{
	uint64_t hartid = hart_self()->h_hartid;

	for (unsigned i = 0; i < pf->n_harts; i++)
		if (pf->harts[i].hartid == hartid)
			return pp->context[i];
	return -1;
}

static void
add_plic(const struct platform *pf, const struct platform_plic *pp)
{
	struct plic *pl = &plics[n_plics];
	int32_t context = boot_context(pf, pp);
	uint64_t bytes;

	if (context < 0)
		return; /* of another socket */
	bytes = plic_bytes((uint32_t)context);
	if (bytes > pp->size) {
		klog(KLOG_WARN,
		    "irq: plic at 0x%llx ignored: context %d lies outside its "
		    "registers",
		    (unsigned long long)pp->base, (int)context);
		return;
	}
	pl->pl_regs = vm_map_mmio(pp->base, bytes);
	if (pl->pl_regs == NULL) {
		klog(KLOG_WARN, "irq: plic at 0x%llx ignored: cannot map it",
		    (unsigned long long)pp->base);
		return;
	}
	pl->pl_bytes = bytes;
	pl->pl_context = (uint32_t)context;
	pl->pl_sources =
	    pp->sources < PLIC_SOURCES_MAX ? pp->sources : PLIC_SOURCES_MAX - 1;
	plic_init(pl);
	phandles[n_plics++] = pp->phandle;
}

void
irq_init(void)
{
	const struct platform *pf = boot_platform();

	for (unsigned i = 0; i < pf->n_plics; i++)
		add_plic(pf, &pf->plics[i]);
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
	unsigned long irq;

	if (n_handlers == HANDLERS_MAX || source == 0)
		return false;
	for (unsigned i = 0; i < n_plics; i++) {
		if (phandles[i] != controller || source > plics[i].pl_sources)
			continue;
		irq = csr_irq_save();
		handlers[n_handlers++] =
		    (struct handler){ &plics[i], source, fn, arg };
		plic_enable(&plics[i], source);
		csr_irq_restore(irq);
		return true;
	}
	return false;
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
