/* SPDX-License-Identifier: MIT */
/* Device registers: one access each, ordered with everything around it. */
#ifndef ARCH_MMIO_H
#define ARCH_MMIO_H

#include <stdint.h>

#include <arch/csr.h>

static inline uint8_t
mmio_read8(const volatile void *reg)
{
	uint8_t v = *(const volatile uint8_t *)reg;

	csr_fence_io();
	return v;
}

static inline uint32_t
mmio_read32(const volatile void *reg)
{
	uint32_t v = *(const volatile uint32_t *)reg;

	csr_fence_io();
	return v;
}

static inline void
mmio_write8(volatile void *reg, uint8_t v)
{
	csr_fence_io();
	*(volatile uint8_t *)reg = v;
}

static inline void
mmio_write32(volatile void *reg, uint32_t v)
{
	csr_fence_io();
	*(volatile uint32_t *)reg = v;
}

#endif
