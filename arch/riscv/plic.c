/* SPDX-License-Identifier: MIT */
/* Platform-level interrupt controller (register map: RISC-V PLIC spec 1.0). */
#include <arch/mmio.h>
#include <arch/plic.h>

#define PRIORITY       0x0u
#define ENABLE         0x2000u
#define ENABLE_STRIDE  0x80u
#define CONTEXT        0x200000u
#define CONTEXT_STRIDE 0x1000u
#define CLAIM          4u /* in a context */

static volatile uint8_t *
context_regs(const struct plic *pl)
{
	return pl->pl_regs + CONTEXT + CONTEXT_STRIDE * pl->pl_context;
}

static volatile uint8_t *
enable_word(const struct plic *pl, uint32_t source)
{
	return pl->pl_regs + ENABLE + ENABLE_STRIDE * pl->pl_context +
	    source / 32 * 4;
}

uint64_t
plic_bytes(uint32_t context)
{
	return CONTEXT + (uint64_t)CONTEXT_STRIDE * (context + 1);
}

void
plic_init(struct plic *pl)
{
	for (uint32_t s = 0; s <= pl->pl_sources; s += 32)
		mmio_write32(enable_word(pl, s), 0);
	mmio_write32(context_regs(pl), 0);
}

void
plic_enable(struct plic *pl, uint32_t source)
{
	volatile uint8_t *e = enable_word(pl, source);

	mmio_write32(pl->pl_regs + PRIORITY + 4 * source, 1);
	mmio_write32(e, mmio_read32(e) | 1u << source % 32);
}

void
plic_disable(struct plic *pl, uint32_t source)
{
	volatile uint8_t *e = enable_word(pl, source);

	mmio_write32(e, mmio_read32(e) & ~(1u << source % 32));
}

uint32_t
plic_claim(struct plic *pl)
{
	return mmio_read32(context_regs(pl) + CLAIM);
}

void
plic_complete(struct plic *pl, uint32_t source)
{
	mmio_write32(context_regs(pl) + CLAIM, source);
}
