/* SPDX-License-Identifier: MIT */
/* Device registers and the firmware's console, for the floors above. */
#include <arch/mmio.h>
#include <arch/sbi.h>
#include <kernel/io.h>

uint8_t
io_read8(const volatile void *reg)
{
	return mmio_read8(reg);
}

uint32_t
io_read32(const volatile void *reg)
{
	return mmio_read32(reg);
}

void
io_write8(volatile void *reg, uint8_t v)
{
	mmio_write8(reg, v);
}

void
io_write32(volatile void *reg, uint32_t v)
{
	mmio_write32(reg, v);
}

void
io_firmware_putchar(char c)
{
	sbi_putchar(c);
}

int
io_firmware_getchar(void)
{
	return sbi_getchar();
}
