/* SPDX-License-Identifier: MIT */
/*
 * What boot decides before it touches anything: memory, initrd, clock, caches,
 * harts, interrupt controllers. Pure, but for a line in the log for each
 * oddity. boot.c, smp_start.c, irq.c and main.c carry it out; the host tests
 * run the same code over trees that no machine here has. Theory: plan.c.
 */
#ifndef KERNEL_PLAN_H
#define KERNEL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kernel/memmap.h>
#include <kernel/platform.h>

/* Ticks per second: the tree's, or a guess with a warning. */
uint64_t plan_timebase(const struct platform *pf);

/* Where boot put things, physical; `top`: first address beyond the map. */
struct plan_places {
	struct memmap_range kernel, dtb;
	uint64_t top;
};

struct plan_memory {
	struct memmap map;
	uint64_t ram_bytes; /* the tree's banks, below `top` */
	bool initrd;        /* the tree's initrd is whole, and nobody else's */
	char why[160];
};

/* NULL, or the sentence that boot ends with. `limit`: mem=; 0: all. */
const char *plan_memory(struct plan_memory *out, const struct platform *pf,
    uint64_t limit, const struct plan_places *at);
void plan_refuse_initrd(const struct platform *pf, const char *why);

/* Tell mm of the data cache that the tree describes. Before kmem_init. */
void plan_caches(const struct platform *pf);

/* What the firmware answers. */
struct plan_firmware {
	bool hsm, ipi;
	long (*hart_status)(uint64_t hartid); /* HSM: state, or an error < 0 */
};

struct plan_harts {
	unsigned n; /* at least 1 */
	/* [0] is the boot hart, NULL when it is not in the tree. */
	const struct platform_hart *hart[PLATFORM_HARTS_MAX];
};

void plan_harts(struct plan_harts *out, const struct platform *pf,
    uint64_t boot_hartid, unsigned maxharts, const struct plan_firmware *fw);

/* A controller, and the context in it that is the boot hart's. */
struct plan_plic {
	const struct platform_plic *about;
	uint32_t context;
};

/* How many of out[PLATFORM_PLICS_MAX] serve the boot hart. */
unsigned plan_plics(
    struct plan_plic *out, const struct platform *pf, uint64_t boot_hartid);
/* The one of n that a device's source comes through; -1: poll the device. */
int plan_route(const struct plan_plic *plics, unsigned n, uint32_t phandle,
    uint32_t source);

#endif
