/* SPDX-License-Identifier: MIT */
/* One context of a platform-level interrupt controller. */
#ifndef ARCH_PLIC_H
#define ARCH_PLIC_H

#include <stdint.h>

#define PLIC_SOURCES_MAX 1024u

struct plic {
	volatile uint8_t *pl_regs; /* mapped */
	uint64_t pl_bytes;
	uint32_t pl_context;
	uint32_t pl_sources; /* 1 … pl_sources */
};

/* Mask everything in the context, then let priorities above 0 pass. */
void plic_init(struct plic *pl);
void plic_enable(struct plic *pl, uint32_t source);
void plic_disable(struct plic *pl, uint32_t source);
uint32_t plic_claim(struct plic *pl); /* 0: none */
void plic_complete(struct plic *pl, uint32_t source);
/* Bytes of registers needed for this context. */
uint64_t plic_bytes(uint32_t context);

#endif
