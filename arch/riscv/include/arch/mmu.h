/* SPDX-License-Identifier: MIT */
/* Sv39 page tables of the kernel. Boot hart only, after boot.S. */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include <stdbool.h>
#include <stdint.h>

#define MMU_R 0x2u
#define MMU_W 0x4u
#define MMU_X 0x8u

/* Called by boot.S with the MMU off: maps the image, returns satp. */
uint64_t mmu_early(uint64_t image);

/* Physical address the image was loaded at. */
uint64_t mmu_image_base(void);
/* Physical address of something inside the image. */
uint64_t mmu_image_pa(const void *p);

/*
 * Where tables come from when the static ones are used up: the physical
 * address of one cleared frame that the linear map shows, or 0.
 */
void mmu_set_frame_source(uint64_t (*fn)(void));

/*
 * Map [pa, pa + size) at va, all multiples of 4096, in the largest pages that
 * fit; A, D and G are set. False when a page is mapped already or there is no
 * memory for a table. Fences on this hart.
 */
bool mmu_map(uint64_t va, uint64_t pa, uint64_t size, unsigned prot);

/* Protection of the page at va; 0: not mapped. */
unsigned mmu_query(uint64_t va, uint64_t *pa);

#endif
