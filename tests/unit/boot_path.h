/* SPDX-License-Identifier: MIT */
/*
 * The boot path as far as it decides: parser, boot arguments, kernel/plan.c,
 * called in the order of kernel/main.c, and what must hold of the outcome
 * whatever the tree said. For the unit test and for the fuzzer; who includes
 * this defines CHECK(promise), klog, and what the firmware answers.
 */
#ifndef BOOT_PATH_H
#define BOOT_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <kernel/bootargs.h>
#include <kernel/klog.h>
#include <kernel/platform.h>
#include <libfdt.h>

#include "kernel/plan.h"

#define LINEAR_TOP 0x2000000000ull /* LAYOUT_LINEAR_TOP, 128 GiB */
#define PAGE       4096ull

/* Where the machine is when the kernel is entered. */
struct stage {
	struct plan_places at;
	uint64_t boot_hartid;
	struct plan_firmware fw;
};

/* What boot has decided. */
struct boot {
	struct platform p;
	struct bootargs args;
	enum platform_error e;
	uint64_t hz;
	struct plan_memory m;
	const char *why; /* boot ends here: NULL, it does not */
	struct plan_harts h;
	struct plan_plic plics[PLATFORM_PLICS_MAX];
	unsigned n_plics;
	int route; /* of the console's interrupt; -1: polled */
};

static inline void
boot_run(struct boot *b, const void *blob, size_t avail, const struct stage *s,
    void (*warn)(void *arg, const char *sentence), void *arg)
{
	memset(b, 0x5a, sizeof(*b));
	b->e = platform_parse(&b->p, blob, avail, warn, arg);
	if (b->e != PLATFORM_OK) {
		b->why = platform_error_text(b->e);
		return;
	}
	bootargs_parse(&b->args, b->p.bootargs, warn, arg);
	b->hz = plan_timebase(&b->p);
	b->why = plan_memory(&b->m, &b->p, b->args.mem, &s->at);
	if (b->why != NULL)
		return;
	plan_harts(&b->h, &b->p, s->boot_hartid, b->args.maxharts, &s->fw);
	plan_caches(&b->p);
	b->n_plics = plan_plics(b->plics, &b->p, s->boot_hartid);
	b->route = plan_route(
	    b->plics, b->n_plics, b->p.uart.irq_parent, b->p.uart.irq);
}

static inline bool
apart(struct memmap_range a, struct memmap_range b)
{
	return a.size == 0 || b.size == 0 || a.base + a.size <= b.base ||
	    b.base + b.size <= a.base;
}

/* Every byte of r lies in some bank. */
static inline bool
in_banks(const struct platform *p, struct memmap_range r)
{
	uint64_t at = r.base, end = r.base + r.size;
	bool moved = true;

	while (at < end && moved) {
		moved = false;
		for (unsigned i = 0; i < p->n_banks; i++) {
			uint64_t to = p->banks[i].base + p->banks[i].size;

			if (p->banks[i].base > at || to <= at)
				continue;
			at = to;
			moved = true;
		}
	}
	return at >= end;
}

/* Nothing is handed out that is not there, or that is somebody's. */
static inline void
boot_check_range(
    const struct boot *b, const struct stage *s, struct memmap_range r)
{
	CHECK(r.size > 0 && r.base % PAGE == 0 && r.size % PAGE == 0);
	CHECK(in_banks(&b->p, r));
	CHECK(apart(r, s->at.kernel));
	CHECK(apart(r, s->at.dtb));
	CHECK(!b->m.initrd || apart(r, b->p.initrd));
	for (unsigned i = 0; i < b->p.n_reserved; i++)
		CHECK(apart(r, b->p.reserved[i]));
	/* Below the kernel in its bank lies the firmware, said or not. */
	CHECK(in_banks(&b->p, (struct memmap_range){ s->at.kernel.base, 1 }) ||
	    r.base >= s->at.kernel.base);
	for (unsigned i = 0; i < b->p.n_banks; i++) {
		struct memmap_range k = b->p.banks[i];

		if (k.base > s->at.kernel.base ||
		    s->at.kernel.base - k.base >= k.size)
			continue;
		k.size = s->at.kernel.base - k.base;
		CHECK(apart(r, k));
	}
	/* A zone is low or high, never both. */
	CHECK(r.base >= MEMMAP_SPLIT || r.base + r.size <= MEMMAP_SPLIT);
	CHECK(memmap_is_low(r) == (r.base + r.size <= MEMMAP_SPLIT));
}

static inline void
boot_check_memory(const struct boot *b, const struct stage *s)
{
	uint64_t last = 0, sum = 0;

	CHECK(b->m.map.n_usable > 0 && b->m.map.n_usable <= MEMMAP_RANGES_MAX);
	for (unsigned i = 0; i < b->m.map.n_usable; i++) {
		struct memmap_range r = b->m.map.usable[i];

		CHECK(r.base >= last && r.base + r.size <= s->at.top);
		boot_check_range(b, s, r);
		last = r.base + r.size;
		sum += r.size;
	}
	CHECK(sum == b->m.map.usable_bytes && sum <= b->m.ram_bytes);
	CHECK(b->m.ram_bytes <= s->at.top);
	CHECK(b->args.mem == 0 || sum <= b->args.mem);
	CHECK(!b->m.initrd || in_banks(&b->p, b->p.initrd));
}

static inline void
boot_check_harts(const struct boot *b, const struct stage *s)
{
	CHECK(b->h.n >= 1 && b->h.n <= PLATFORM_HARTS_MAX);
	CHECK(b->h.hart[0] == NULL || b->h.hart[0]->hartid == s->boot_hartid);
	for (unsigned k = 1; k < b->h.n; k++) {
		const struct platform_hart *h = b->h.hart[k];

		CHECK(h->eligible && h->reason[0] == '\0');
		CHECK(h->hartid != s->boot_hartid);
		for (unsigned i = 1; i < k; i++)
			CHECK(b->h.hart[i]->hartid != h->hartid);
	}
}

static inline void
boot_check_plics(const struct boot *b)
{
	CHECK(b->n_plics <= b->p.n_plics);
	for (unsigned i = 0; i < b->n_plics; i++)
		CHECK(0x201000 + 0x1000ull * b->plics[i].context <=
		    b->plics[i].about->size);
	CHECK(b->route >= -1 && b->route < (int)b->n_plics);
	if (b->route >= 0)
		CHECK(b->p.uart.irq > 0 &&
		    b->p.uart.irq <= b->plics[b->route].about->sources);
}

/* The header's list, read by libfdt and not by our parser. */
static inline void
boot_check_memreserve(const struct boot *b, const void *blob)
{
	for (int i = 0; i < fdt_num_mem_rsv(blob); i++) {
		struct memmap_range v;

		CHECK(fdt_get_mem_rsv(blob, i, &v.base, &v.size) == 0);
		if (v.size > UINT64_MAX - v.base)
			v.size = UINT64_MAX - v.base;
		for (unsigned k = 0; k < b->m.map.n_usable; k++)
			CHECK(apart(v, b->m.map.usable[k]));
	}
}

static inline void
boot_check(const struct boot *b, const struct stage *s, const void *blob)
{
	if (b->why != NULL) {
		CHECK(strlen(b->why) > 10 && strlen(b->why) < 160);
		return;
	}
	CHECK(b->hz >= 1000 && b->hz <= 10000000000ull);
	boot_check_memory(b, s);
	boot_check_memreserve(b, blob);
	boot_check_harts(b, s);
	boot_check_plics(b);
}

#endif
