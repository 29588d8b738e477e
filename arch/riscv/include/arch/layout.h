/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in the address space, and the link script's symbols.
 * Read by C and by assembly.
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

/* Sv39, upper half: 0xffffffc000000000 … 0xffffffffffffffff. */
#define LAYOUT_LINEAR     0xffffffc000000000 /* + physical address */
#define LAYOUT_LINEAR_TOP 0x2000000000       /* 128 GiB: first pa beyond it */
#define LAYOUT_MMIO       0xffffffe000000000 /* device registers, 1 GiB */
#define LAYOUT_HARTS      0xffffffe040000000 /* stacks and hart blocks, 1 GiB */
#define LAYOUT_DTB        0xffffffe080000000 /* read only, 1 GiB */
#define LAYOUT_INITRD     0xffffffe0c0000000 /* read only, to LAYOUT_IMAGE */
#define LAYOUT_IMAGE      0xffffffff80000000 /* the kernel, as linked */

#define LAYOUT_PAGE        4096
#define LAYOUT_EARLY_STACK 16384
#define LAYOUT_EARLY_TRAP  8192
#define LAYOUT_EMERGENCY   8192

/* TLS room of the boot hart's first block. */
#define EARLY_TLS_MAX 1024

/* Static page tables, taken before there are frames. */
#define LAYOUT_TABLES 32

#ifndef __ASSEMBLER__

#include <stdint.h>

/* Addresses only: never read through these names. */
extern char __image_start[], __text_end[];
extern char __rodata_start[], __rodata_end[];
extern char __data_start[], __image_end[];
extern char __mm_text_start[], __mm_text_end[];
extern char __tdata_source[];
extern char early_stack_guard[], early_stack[], early_stack_top[];
extern char early_trap_stack[], early_trap_top[];
extern char emergency_stack[], emergency_top[];
extern char early_block[], page_tables[];

static inline uintptr_t
layout_image_bytes(void)
{
	return (uintptr_t)__image_end - (uintptr_t)__image_start;
}

#endif
#endif
