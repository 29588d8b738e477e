/* SPDX-License-Identifier: MIT */
/* What boot found, for those above: constant once the prompt is up. */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kernel/bootargs.h>
#include <kernel/platform.h>

const struct bootargs *boot_args(void);
const struct platform *boot_platform(void);
/* The device tree as it was given, intact, readable. */
const void *boot_dtb(size_t *size);
/* The initrd, readable; NULL and 0 when there is none. */
const void *boot_initrd(size_t *size);
/* Bytes of RAM the tree names, and bytes given to the frame zones. */
uint64_t boot_ram_bytes(void);
/* Instructions from kernel entry to the prompt; 0: not exact or not there. */
uint64_t boot_instructions(void);
void boot_mark_prompt(void); /* called once by the console's owner */
uint64_t boot_prompt_ns(void);

/* MMIO: map a register block (uncached, kernel lifetime); NULL: cannot. */
void *boot_map_mmio(uint64_t base, uint64_t size);

#endif
