/* SPDX-License-Identifier: MIT */
/*
 * The kernel's address space: what is mapped where, and with what rights.
 *
 * Theory of operation
 * 1. The image is mapped by mmu_early, 4 KiB pages: text RX, rodata R, the
 *    rest RW. Everything below is added at boot; nothing is ever unmapped.
 * 2. The linear map (LAYOUT_LINEAR + pa) shows exactly the ranges that the
 *    allocator may have, in the largest pages that fit. Firmware, the image,
 *    reserved ranges, the device tree and the initrd are not in it: so there
 *    is no second, writable way to the kernel's text, and none to the blobs.
 *    Mapping touches page tables only, never the memory it maps: the cost is
 *    one entry per GiB and not per frame.
 * 3. Device tree and initrd are mapped read-only, in windows of their own,
 *    at addresses congruent to the physical ones, so that a large initrd takes
 *    large pages too.
 * 4. Device registers get a window each, congruent modulo 2 MiB. Blocks that
 *    were mapped before are found again; what is memory is refused, so that
 *    no tree can have the image or the heap written to as a device.
 * 5. Every hart has HART_WINDOW of address space: guard, stack, guard, fault
 *    stack, guard, trap stack, guard, block. A guard is one page that is not
 *    mapped.
 * 6. Tables come from mmu.c's static ones; when those are used up at this
 *    early time, from the end of the largest range that is mapped already, and
 *    once the zones are there from frame_alloc.
 */
#include <string.h>

#include <arch/layout.h>
#include <arch/mmu.h>
#include <kernel/boot.h>
#include <kernel/klog.h>
#include <kernel/panic.h>
#include <mm/frame.h>

#include "kernel_impl.h"

#define PAGE            ((uint64_t)LAYOUT_PAGE)
#define BIG_PAGE        (2ull << 20)
#define HART_WINDOW     (512ull << 10)
#define FAULT_STACK     (16u << 10)
#define TRAP_STACK      (16u << 10)
#define WINDOW          (1ull << 30)
#define MMIO_BLOCKS_MAX 32u
#define DTB_HEADER      40u

struct mmio_block {
	uint64_t pa, size; /* whole pages */
	uint64_t va;
};

static struct mmio_block mmio[MMIO_BLOCKS_MAX];
static unsigned n_mmio;
static uint64_t mmio_next = LAYOUT_MMIO;

/* While the linear map is being built: ranges [0, early_mapped) are there. */
static struct memmap *early_map;
static unsigned early_mapped;

static uint64_t
page_down(uint64_t v)
{
	return v & ~(PAGE - 1);
}

static uint64_t
page_up(uint64_t v)
{
	return page_down(v + PAGE - 1);
}

void *
vm_linear(uint64_t pa)
{
	uintptr_t at = LAYOUT_LINEAR + pa;

	KASSERT(pa < LAYOUT_LINEAR_TOP);
	return (void *)at; /* an address, by construction */
}

static uint64_t
early_frame(void)
{
	struct memmap_range *best = NULL;
	uint64_t pa;

	for (unsigned i = 0; i < early_mapped; i++) {
		struct memmap_range *r = &early_map->usable[i];

		if (r->size > PAGE && (best == NULL || r->size > best->size))
			best = r;
	}
	if (best == NULL)
		return 0;
	best->size -= PAGE;
	early_map->usable_bytes -= PAGE;
	pa = best->base + best->size;
	memset(vm_linear(pa), 0, PAGE);
	return pa;
}

static uint64_t
late_frame(void)
{
	void *f = frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_META);

	if (f == NULL)
		return 0;
	memset(f, 0, FRAME_SIZE);
	return (uintptr_t)f - LAYOUT_LINEAR;
}

void
vm_frames_ready(void)
{
	mmu_set_frame_source(late_frame);
}

/* Some addresses without memory can be read: does it keep what is written? */
static bool
keeps(volatile uint64_t *word)
{
	uint64_t was = *word;
	bool kept;

	*word = ~was;
	kept = *word == ~was;
	*word = was;
	return kept;
}

/* Trees exist that name banks which the machine does not have. */
static bool
answers(struct memmap_range r)
{
	uint64_t *first = vm_linear(r.base);
	uint64_t *last = first + r.size / sizeof(*first) - 1;

	if (trap_probe(first) && trap_probe(last) && keeps(first) &&
	    keeps(last))
		return true;
	klog(KLOG_WARN,
	    "memory at 0x%llx, %llu KiB, left out: the device tree names it "
	    "and nothing answers there",
	    (unsigned long long)r.base, (unsigned long long)r.size >> 10);
	return false;
}

uint64_t
vm_map_memory(struct memmap *map)
{
	uint64_t absent = 0;

	early_map = map;
	mmu_set_frame_source(early_frame);
	while (early_mapped < map->n_usable) {
		struct memmap_range r = map->usable[early_mapped];

		if (!mmu_map(
			LAYOUT_LINEAR + r.base, r.base, r.size, MMU_R | MMU_W))
			boot_fail("cannot map the memory at 0x%llx, 0x%llx "
				  "bytes: no frame for a page table",
			    (unsigned long long)r.base,
			    (unsigned long long)r.size);
		if (answers(r)) {
			early_mapped++;
		} else {
			absent += r.size;
			memmap_remove(map, early_mapped);
		}
	}
	return absent;
}

static uint32_t
be32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

const void *
vm_map_dtb(uint64_t pa, size_t *avail)
{
	uint64_t first = page_down(pa);
	uint64_t mapped = page_up(pa + DTB_HEADER) - first;
	uint64_t va = LAYOUT_DTB + (first & (BIG_PAGE - 1));
	const uint8_t *dtb = (const uint8_t *)(uintptr_t)(va + (pa - first));
	uint64_t total, all;

	if (pa == 0 || pa > UINT64_MAX - 2 * WINDOW ||
	    !mmu_map(va, first, mapped, MMU_R))
		return NULL;
	*avail = DTB_HEADER;
	if (be32_at(dtb) != 0xd00dfeed)
		return dtb; /* platform_parse says so */
	total = be32_at(dtb + 4);
	if (total > PLATFORM_DTB_MAX)
		return dtb;
	all = page_up(pa + total) - first;
	if (all > mapped &&
	    !mmu_map(va + mapped, first + mapped, all - mapped, MMU_R))
		return NULL;
	*avail = total > DTB_HEADER ? total : DTB_HEADER;
	return dtb;
}

const void *
vm_map_initrd(uint64_t pa, uint64_t size)
{
	uint64_t first = page_down(pa);
	uint64_t va = LAYOUT_INITRD + first % WINDOW;

	if (size == 0 || size > WINDOW || pa > UINT64_MAX - 2 * WINDOW ||
	    !mmu_map(va, first, page_up(pa + size) - first, MMU_R))
		return NULL;
	return (const void *)(uintptr_t)(va + (pa - first));
}

static void *
mmio_find(uint64_t pa, uint64_t size)
{
	for (unsigned i = 0; i < n_mmio; i++)
		if (pa >= mmio[i].pa && pa - mmio[i].pa <= mmio[i].size &&
		    size <= mmio[i].size - (pa - mmio[i].pa))
			return (
			    void *)(uintptr_t)(mmio[i].va + (pa - mmio[i].pa));
	return NULL;
}

/* A tree may put a device where the kernel or its memory lies. */
static bool
in_memory(uint64_t pa, uint64_t size)
{
	struct memmap_range r = { mmu_image_base(), layout_image_bytes() };

	for (unsigned i = 0;; i++) {
		if (pa < r.base + r.size && r.base < pa + size)
			return true;
		if (i == early_map->n_usable)
			return false;
		r = early_map->usable[i];
	}
}

void *
vm_map_mmio(uint64_t pa, uint64_t size)
{
	void *there = mmio_find(pa, size);
	uint64_t first = page_down(pa);
	uint64_t va = mmio_next + first % BIG_PAGE;
	uint64_t bytes;

	if (there != NULL)
		return there;
	if (size == 0 || size > WINDOW / 4 || pa > UINT64_MAX - WINDOW ||
	    n_mmio == MMIO_BLOCKS_MAX || in_memory(pa, size))
		return NULL;
	bytes = page_up(pa + size) - first;
	if (va + bytes > LAYOUT_MMIO + WINDOW ||
	    !mmu_map(va, first, bytes, MMU_R | MMU_W))
		return NULL;
	smp_fence_others();
	mmio[n_mmio++] = (struct mmio_block){ first, bytes, va };
	mmio_next = (va + bytes + BIG_PAGE - 1) & ~(BIG_PAGE - 1);
	return (void *)(uintptr_t)(va + (pa - first));
}

void *
boot_map_mmio(uint64_t base, uint64_t size)
{
	return vm_map_mmio(base, size);
}

/* `bytes` of fresh memory at *va, a guard page behind; *va moves on. */
static uintptr_t
hart_part(uint64_t *va, size_t bytes)
{
	size_t size = page_up(bytes);
	void *run =
	    frame_alloc(size / FRAME_SIZE, 1, FRAME_NOWAIT, FRAME_TAG_META);
	uint64_t at = *va;

	if (run == NULL)
		return 0;
	if (!mmu_map(at, (uintptr_t)run - LAYOUT_LINEAR, size, MMU_R | MMU_W)) {
		frame_free(run, size / FRAME_SIZE);
		return 0;
	}
	*va += size + PAGE;
	return at;
}

struct hart *
vm_hart_create(unsigned k, size_t stack, size_t slots)
{
	uint64_t va = LAYOUT_HARTS + HART_WINDOW * k + PAGE;
	size_t block_bytes = HART_SIZE + HART_SLOTS + slots;
	uintptr_t low = hart_part(&va, stack);
	uintptr_t fault = low == 0 ? 0 : hart_part(&va, FAULT_STACK);
	uintptr_t trap = fault == 0 ? 0 : hart_part(&va, TRAP_STACK);
	uintptr_t block = trap == 0 ? 0 : hart_part(&va, block_bytes);
	struct hart *h;

	if (block == 0)
		return NULL;
	KASSERT(va <= LAYOUT_HARTS + HART_WINDOW * (k + 1));
	h = hart_block_init((void *)block);
	h->h_index = k;
	h->h_stack_low = low;
	h->h_stack_top = low + stack;
	h->h_fault_low = fault;
	h->h_fault_top = fault + FAULT_STACK;
	h->h_trap_low = trap;
	h->h_trap_top = trap + TRAP_STACK - TRAP_TOP_BYTES;
	return h;
}
