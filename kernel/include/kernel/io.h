/* SPDX-License-Identifier: MIT */
/* Device registers, ordered with each other and with memory. */
#ifndef KERNEL_IO_H
#define KERNEL_IO_H

#include <stdint.h>

uint8_t io_read8(const volatile void *reg);
uint32_t io_read32(const volatile void *reg);
void io_write8(volatile void *reg, uint8_t v);
void io_write32(volatile void *reg, uint32_t v);
/* The firmware's console: slow, always there. getchar: -1 when empty. */
void io_firmware_putchar(char c);
int io_firmware_getchar(void);

#endif
