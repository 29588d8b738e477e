/* SPDX-License-Identifier: MIT */
/*
 * What boot decides before it touches anything.
 *
 * Theory of operation
 * 1. A machine that does not boot cannot be looked into, and the boards' trees
 *    are not QEMU's. So everything that is decided from the tree, the boot
 *    arguments and the firmware's answers is decided here, by functions that
 *    touch nothing: tests/unit/test_boot_path.c runs them on the host over the
 *    trees of real boards, as firmware patches them, and over damaged ones.
 *    What carries the decisions out has no choice left but to fail: a mapping
 *    that finds no table, memory that does not answer, a hart that never comes.
 * 2. What a tree says about a thing that is seen to be otherwise is not
 *    believed: the hart that runs this can run it, and the kernel lies where it
 *    lies. The contradiction is one line in the log.
 * 3. What would be guessed at the cost of memory ends the boot instead: a
 *    reservation that could not be read may be anywhere.
 */
#include <kernel/fmt.h>
#include <kernel/klog.h>
#include <mm/kmem.h>
#include <mm/port.h>

#include "plan.h"

#define TIMEBASE_GUESS 10000000u    /* Hz: QEMU virt; better than none */
#define BYTES_MIN      (1ull << 20) /* less cannot hold a Lua state */
#define INITRD_MAX     (1ull << 30) /* its window */

/* ---- Time ---- */

uint64_t
plan_timebase(const struct platform *pf)
{
	if (pf->timebase_hz != 0)
		return pf->timebase_hz;
	klog(KLOG_WARN, "device tree: no timebase-frequency: %u Hz assumed",
	    TIMEBASE_GUESS);
	return TIMEBASE_GUESS;
}

/* ---- Memory ---- */

/* Neither wraps: what comes from the tree was cut, the rest is ours. */
static bool
overlap(struct memmap_range a, struct memmap_range b)
{
	return a.base < b.base + b.size && b.base < a.base + a.size;
}

static bool
in_one_bank(const struct platform *pf, const struct memmap_range *r)
{
	for (unsigned i = 0; i < pf->n_banks; i++) {
		const struct memmap_range *b = &pf->banks[i];

		if (r->base >= b->base && r->base - b->base <= b->size &&
		    r->size <= b->size - (r->base - b->base))
			return true;
	}
	return false;
}

static bool
initrd_is_usable(const struct platform *pf, const struct plan_places *at)
{
	struct memmap_range r = pf->initrd;

	if (r.size == 0)
		return false;
	if (r.size > INITRD_MAX || !in_one_bank(pf, &pf->initrd))
		plan_refuse_initrd(pf, "is not inside memory, or too large");
	else if (overlap(r, at->kernel) || overlap(r, at->dtb))
		plan_refuse_initrd(pf, "overlaps the kernel or device tree");
	else
		return true;
	return false;
}

void
plan_refuse_initrd(const struct platform *pf, const char *why)
{
	klog(KLOG_WARN, "initrd ignored: 0x%llx + 0x%llx bytes %s",
	    (unsigned long long)pf->initrd.base,
	    (unsigned long long)pf->initrd.size, why);
}

const char *
plan_memory(struct plan_memory *out, const struct platform *pf, uint64_t limit,
    const struct plan_places *at)
{
	static struct memmap_range reserved[PLATFORM_RESERVED_MAX + 2];
	unsigned n = 0;
	bool odd = false;

	_Static_assert(PLATFORM_RESERVED_MAX + 2 <= MEMMAP_INPUT_MAX,
	    "tree, DTB and initrd fit");
	_Static_assert(PLATFORM_RESERVED_MAX == 64, "as the sentence says");
	if (pf->reserved_dropped > 0)
		return "the device tree reserves more than 64 ranges: which "
		       "memory is safe cannot be known";
	/* Banks may overlap: what there is of them is counted once. */
	memmap_build(&out->map, pf->banks, pf->n_banks, NULL, 0,
	    (struct memmap_range){ 0, 0 }, 0, at->top);
	out->ram_bytes = out->map.usable_bytes;

	out->initrd = initrd_is_usable(pf, at);
	reserved[n++] = at->dtb;
	if (out->initrd)
		reserved[n++] = pf->initrd;
	for (unsigned i = 0; i < pf->n_reserved; i++) {
		odd |= overlap(pf->reserved[i], at->kernel);
		reserved[n++] = pf->reserved[i];
	}
	if (!in_one_bank(pf, &at->kernel))
		klog(KLOG_WARN,
		    "memory: the kernel lies outside what the device tree "
		    "names");
	if (odd)
		klog(KLOG_WARN,
		    "memory: the device tree reserves what the kernel lies in");
	memmap_build(&out->map, pf->banks, pf->n_banks, reserved, n, at->kernel,
	    limit, at->top);
	if (out->map.usable_bytes >= BYTES_MIN)
		return NULL;
	(void)fmt_format(out->why, sizeof(out->why),
	    "too little memory: %llu KiB usable of %llu KiB, and at least %llu "
	    "KiB are needed",
	    (unsigned long long)out->map.usable_bytes >> 10,
	    (unsigned long long)out->ram_bytes >> 10, BYTES_MIN >> 10);
	return out->why;
}

/* ---- Caches ---- */

/* All harts in use are taken to be like the first that describes a cache. */
void
plan_caches(const struct platform *pf)
{
	const struct kmem_machine m = { .line_bytes = pf->l1d_line,
		.way_bytes = (size_t)pf->l1d_sets * pf->l1d_line };

	if (pf->l1d_size == 0)
		return;
	if (kmem_set_machine(&m) != 0)
		klog(KLOG_WARN,
		    "d-cache: lines of %u bytes, ways of %zu: not used, 64 and "
		    "4096 assumed",
		    pf->l1d_line, m.way_bytes);
	else if (m.line_bytes > PORT_CACHE_LINE)
		klog(KLOG_WARN,
		    "d-cache: lines of %u bytes: objects are aligned to them, "
		    "the allocator's own structures to %u",
		    pf->l1d_line, PORT_CACHE_LINE);
}

/* ---- Harts ---- */

/* Why this hart is not started; NULL when it is to be. */
static const char *
refusal(const struct plan_harts *chosen, const struct platform_hart *ph,
    unsigned maxharts, const struct plan_firmware *fw)
{
	long status;

	if (!ph->eligible)
		return ph->reason;
	if (!fw->hsm)
		return "the firmware has no HSM extension";
	if (!fw->ipi && ph->hartid >= 64)
		return "no IPI reaches it";
	status = fw->hart_status(ph->hartid);
	if (status < 0)
		return "unknown to the firmware";
	if (status == 0)
		return "started by somebody else";
	if (maxharts != 0 && chosen->n >= maxharts)
		return "maxharts= leaves it out";
	if (chosen->n >= PLATFORM_HARTS_MAX)
		return "more harts than this kernel holds";
	return NULL;
}

/*
 * The tree may say that the boot hart cannot run. It runs: with paging, with
 * its FPU on. A core that cannot would not have come here.
 */
static void
choose_boot_hart(struct plan_harts *out, const struct platform_hart *ph)
{
	out->hart[0] = ph;
	if (!ph->eligible)
		klog(KLOG_WARN,
		    "smp: boot hartid %llu: \"%s\", says the device tree, and "
		    "it runs",
		    (unsigned long long)ph->hartid, ph->reason);
}

void
plan_harts(struct plan_harts *out, const struct platform *pf,
    uint64_t boot_hartid, unsigned maxharts, const struct plan_firmware *fw)
{
	out->hart[0] = NULL;
	out->n = 1;
	for (unsigned i = 0; i < pf->n_harts; i++) {
		const struct platform_hart *ph = &pf->harts[i];
		const char *why;

		if (ph->hartid == boot_hartid && out->hart[0] == NULL) {
			choose_boot_hart(out, ph);
			continue;
		}
		why = refusal(out, ph, maxharts, fw);
		if (why != NULL)
			klog(KLOG_INFO, "smp: hartid %llu skipped: %s",
			    (unsigned long long)ph->hartid, why);
		else
			out->hart[out->n++] = ph;
	}
	if (out->hart[0] == NULL)
		klog(KLOG_WARN,
		    "smp: the device tree has no cpu node for the boot hart, "
		    "hartid %llu",
		    (unsigned long long)boot_hartid);
	if (pf->harts_dropped > 0)
		klog(KLOG_WARN,
		    "smp: %u harts skipped: more than this kernel holds (%u)",
		    pf->harts_dropped, PLATFORM_HARTS_MAX);
}

/* ---- Interrupts ---- */

unsigned
plan_plics(
    struct plan_plic *out, const struct platform *pf, uint64_t boot_hartid)
{
	unsigned hart = 0, n = 0;

	while (hart < pf->n_harts && pf->harts[hart].hartid != boot_hartid)
		hart++;
	for (unsigned i = 0; i < pf->n_plics && hart < pf->n_harts; i++) {
		/* -1: of another socket. */
		if (pf->plics[i].context[hart] < 0)
			continue;
		out[n].about = &pf->plics[i];
		out[n++].context = (uint32_t)pf->plics[i].context[hart];
	}
	return n;
}

int
plan_route(const struct plan_plic *plics, unsigned n, uint32_t phandle,
    uint32_t source)
{
	for (unsigned i = 0; i < n && source != 0; i++)
		if (plics[i].about->phandle == phandle &&
		    source <= plics[i].about->sources)
			return (int)i;
	return -1;
}
