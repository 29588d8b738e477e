/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controllers. Which context belongs to which hart is read from
 * interrupts-extended, entry by entry: entry k is context k, its phandle is
 * the hart's own controller, its value 9 the supervisor's external interrupt.
 * No arithmetic on hart ids is right everywhere: hart h has context 2h + 1 on
 * QEMU's virt and 2h on a JH7110.
 */
#include <libfdt.h>

#include "platform_impl.h"

/* The PLIC specification's limits and layout. */
#define PLIC_CONTEXTS_MAX   15872u
#define PLIC_SOURCES_MAX    1023u
#define PLIC_CONTEXT_BASE   0x200000u
#define PLIC_CONTEXT_BYTES  0x1000u
#define IRQ_S_EXTERNAL      9u
#define INTERRUPT_NOT_WIRED 0xffffffffu

static bool
is_plic(const struct prop *compatible)
{
	return prop_list_has(compatible, "sifive,plic-1.0.0") ||
	    prop_list_has(compatible, "riscv,plic0") ||
	    prop_list_has(compatible, "thead,c900-plic");
}

static void
read_finisher(struct walk *w, unsigned depth, const struct props *props)
{
	struct memmap_range r;

	if (w->out->finisher == 0 && node_address(w, depth, props, &r))
		w->out->finisher = r.base;
}

/* PLICs, and the device that ends an emulator's run: both found by name. */
void
visit_plic(struct walk *w, unsigned depth, const struct props *props)
{
	const struct prop *compatible = get_prop(props, P_COMPATIBLE);
	const struct prop *phandle = get_prop(props, P_PHANDLE);
	struct platform *out = w->out;
	struct platform_plic *plic;
	struct memmap_range r;
	uint64_t sources = 0;

	if (!w->levels[depth].enabled || compatible->data == NULL)
		return;
	if (prop_list_has(compatible, "sifive,test0"))
		read_finisher(w, depth, props);
	if (!is_plic(compatible) || !node_address(w, depth, props, &r))
		return;
	if (out->n_plics == PLATFORM_PLICS_MAX) {
		if (!w->plics_dropped)
			walk_warn(w,
			    "interrupt controllers beyond %u are "
			    "left out",
			    PLATFORM_PLICS_MAX);
		w->plics_dropped = true;
		return;
	}
	w->plic_targets[out->n_plics] = *get_prop(props, P_INTERRUPTS_EXTENDED);
	plic = &out->plics[out->n_plics++];
	plic->base = r.base;
	plic->size = r.size;
	if (phandle->data != NULL && phandle->len == 4)
		plic->phandle = load_be32(phandle->data);
	if (!prop_number(get_prop(props, P_NDEV), &sources) ||
	    sources > PLIC_SOURCES_MAX) {
		walk_warn(w,
		    "interrupt controller at 0x%llx: riscv,ndev is "
		    "not 0 to %u, and is taken as that",
		    (unsigned long long)r.base, PLIC_SOURCES_MAX);
		sources = PLIC_SOURCES_MAX;
	}
	plic->sources = (uint32_t)sources;
	for (unsigned i = 0; i < PLATFORM_HARTS_MAX; i++)
		plic->context[i] = -1;
}

static int
hart_of_phandle(const struct platform *out, uint32_t phandle)
{
	for (unsigned i = 0; i < out->n_harts; i++)
		if (out->harts[i].intc_phandle == phandle)
			return (int)i;
	return -1;
}

static bool
context_fits(const struct platform_plic *plic, size_t context)
{
	uint64_t end =
	    PLIC_CONTEXT_BASE + (uint64_t)(context + 1) * PLIC_CONTEXT_BYTES;

	return end <= plic->size;
}

static void
connect_plic(
    struct walk *w, struct platform_plic *plic, const struct prop *targets)
{
	size_t n = targets->len / 8;
	bool odd = targets->len % 8 != 0 || n > PLIC_CONTEXTS_MAX;

	if (n > PLIC_CONTEXTS_MAX)
		n = PLIC_CONTEXTS_MAX;
	for (size_t i = 0; i < n; i++) {
		uint32_t phandle = load_be32(targets->data + i * 8);
		int hart;

		if (load_be32(targets->data + i * 8 + 4) != IRQ_S_EXTERNAL ||
		    phandle == 0 || phandle == INTERRUPT_NOT_WIRED)
			continue;
		/* Harts left out have contexts too: nothing to say. */
		hart = hart_of_phandle(w->out, phandle);
		if (hart < 0)
			continue;
		if (plic->context[hart] >= 0 || !context_fits(plic, i)) {
			odd = true;
			continue;
		}
		plic->context[hart] = (int32_t)i;
	}
	if (odd)
		walk_warn(w,
		    "interrupt controller at 0x%llx: some of "
		    "interrupts-extended cannot be used",
		    (unsigned long long)plic->base);
}

void
connect_plics(struct walk *w)
{
	for (unsigned i = 0; i < w->out->n_plics; i++)
		if (w->plic_targets[i].data != NULL)
			connect_plic(w, &w->out->plics[i], &w->plic_targets[i]);
}
