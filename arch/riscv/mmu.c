/* SPDX-License-Identifier: MIT */
/*
 * Sv39 page tables.
 *
 * Theory of operation
 * 1. One table tree for all harts, built at boot by the boot hart. A leaf is
 *    never changed or removed, so no hart ever holds a stale translation that
 *    allows more than the tree does.
 * 2. A and D are set in every leaf: cores that do not set them themselves
 *    fault instead (JH7110's do). G is set too: there is one address space.
 * 3. Each map call uses the largest pages that alignment and length allow: a
 *    bank costs one entry per GiB, ragged ends one table each.
 * 4. The first tables are static, so that the image can be mapped before
 *    anything is known about memory. mmu_early runs with the MMU off: it uses
 *    addresses relative to pc only, and the tables by physical address.
 */
#include <stddef.h>

#include <arch/csr.h>
#include <arch/layout.h>
#include <arch/mmu.h>

#define PTE_V        0x01u
#define PTE_RWX      0x0eu
#define PTE_GAD      0xe0u /* global, accessed, dirty */
#define PTE_PPN      10u
#define TABLE_LENGTH 512u
#define SATP_SV39    (8ull << 60)

/* Physical load address of the image; what is added to get at a table. */
static uint64_t image_base;
static uint64_t image_shift; /* 0 while the MMU is off */
static uint64_t *root;       /* as the CPU sees it now */
static unsigned tables_used;
static uint64_t (*frame_source)(void);

static uint64_t
page_align(uint64_t v)
{
	return v & ~(uint64_t)(LAYOUT_PAGE - 1);
}

/* A table in the image or, later, in the linear map. */
static uint64_t *
table_at(uint64_t pa)
{
	uintptr_t at = pa + LAYOUT_LINEAR;

	if (pa - image_base < layout_image_bytes())
		at = pa + image_shift;
	return (uint64_t *)at; /* an address, by construction */
}

/* Physical address of a cleared table; 0: none left. */
static uint64_t
table_new(void)
{
	uint64_t pa;
	uint64_t *t;

	if (tables_used == LAYOUT_TABLES)
		return frame_source == NULL ? 0 : frame_source();
	pa = (uintptr_t)page_tables - image_shift +
	    (uint64_t)LAYOUT_PAGE * tables_used++;
	t = table_at(pa);
	for (unsigned i = 0; i < TABLE_LENGTH; i++)
		t[i] = 0;
	return pa;
}

static uint64_t
level_bytes(unsigned level)
{
	return (uint64_t)LAYOUT_PAGE << (9u * level);
}

static uint64_t *
entry_of(uint64_t *table, uint64_t va, unsigned level)
{
	return &table[(va >> (12u + 9u * level)) % TABLE_LENGTH];
}

/*
 * The entry for va at `level`; tables on the way are made. NULL: there is no
 * frame for one, or a larger page is there.
 */
static uint64_t *
entry_for(uint64_t va, unsigned level)
{
	uint64_t *table = root;

	for (unsigned at = 2; at > level; at--) {
		uint64_t *e = entry_of(table, va, at);

		if (*e == 0) {
			uint64_t t = table_new();

			if (t == 0)
				return NULL;
			*e = (t >> 12 << PTE_PPN) | PTE_V;
		} else if ((*e & PTE_RWX) != 0)
			return NULL;
		table = table_at(*e >> PTE_PPN << 12);
	}
	return entry_of(table, va, level);
}

/*
 * Leaves of `bytes` each, `n` at most and as many as the table of the first
 * one holds: how many, 0 when one of them cannot be made.
 */
static uint64_t
map_leaves(uint64_t va, uint64_t pa, unsigned level, uint64_t n, unsigned prot)
{
	uint64_t step = level_bytes(level) >> 12 << PTE_PPN;
	uint64_t leaf =
	    (pa >> 12 << PTE_PPN) | PTE_GAD | PTE_V | (prot & PTE_RWX);
	uint64_t *e = entry_for(va, level);
	uint64_t room = TABLE_LENGTH - va / level_bytes(level) % TABLE_LENGTH;

	if (e == NULL)
		return 0;
	if (n > room)
		n = room;
	for (uint64_t i = 0; i < n; i++, leaf += step) {
		if (e[i] != 0)
			return 0;
		e[i] = leaf;
	}
	return n;
}

static bool
map_range(uint64_t va, uint64_t pa, uint64_t size, unsigned prot)
{
	while (size > 0) {
		unsigned level = 2;
		uint64_t bytes = level_bytes(level);

		uint64_t n;

		/* A larger page begins where a table does: not inside n. */
		while (level > 0 &&
		    (((va | pa) & (bytes - 1)) != 0 || size < bytes))
			bytes = level_bytes(--level);
		n = map_leaves(va, pa, level, size / bytes, prot);
		if (n == 0)
			return false;
		va += n * bytes;
		pa += n * bytes;
		size -= n * bytes;
	}
	return true;
}

/* A part of the image, from one address to another as the CPU sees them. */
static void
map_part(const char *from, const char *to, unsigned prot)
{
	uint64_t pa = (uintptr_t)from;
	uint64_t n = (uint64_t)(to - from) / LAYOUT_PAGE, done;

	/* The static tables are enough for this: LAYOUT_TABLES. */
	for (; n > 0; n -= done, pa += done * LAYOUT_PAGE) {
		done =
		    map_leaves(pa - image_base + LAYOUT_IMAGE, pa, 0, n, prot);
		if (done == 0)
			return; /* and the first fetch from there traps */
	}
}

uint64_t
mmu_early(uint64_t image)
{
	uint64_t root_pa;

	image_base = image;
	image_shift = 0;
	root_pa = table_new();
	root = table_at(root_pa);
	map_part(__image_start, __text_end, MMU_R | MMU_X);
	map_part(__rodata_start, __rodata_end, MMU_R);
	map_part(__data_start, early_stack_guard, MMU_R | MMU_W);
	map_part(early_stack, __image_end, MMU_R | MMU_W);

	/* For those who look after the switch to the high half. */
	image_shift = (uint64_t)LAYOUT_IMAGE - image;
	root = table_at(root_pa);
	return SATP_SV39 | root_pa >> 12;
}

uint64_t
mmu_image_base(void)
{
	return image_base;
}

uint64_t
mmu_image_pa(const void *p)
{
	return (uintptr_t)p - image_shift;
}

void
mmu_set_frame_source(uint64_t (*fn)(void))
{
	frame_source = fn;
}

bool
mmu_map(uint64_t va, uint64_t pa, uint64_t size, unsigned prot)
{
	bool ok;

	if (page_align(va | pa | size) != (va | pa | size))
		return false;
	ok = map_range(va, pa, size, prot);
	csr_fence_vma();
	return ok;
}

unsigned
mmu_query(uint64_t va, uint64_t *pa)
{
	uint64_t *table = root;

	for (unsigned level = 3; level-- > 0;) {
		uint64_t e = *entry_of(table, va, level);

		if ((e & PTE_V) == 0)
			return 0;
		if ((e & PTE_RWX) != 0) {
			*pa = (e >> PTE_PPN << 12) +
			    (va & (level_bytes(level) - 1));
			return (unsigned)e & PTE_RWX;
		}
		table = table_at(e >> PTE_PPN << 12);
	}
	return 0;
}
