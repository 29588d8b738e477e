/* SPDX-License-Identifier: MIT */
/*
 * The image's own symbol table, made by scripts/gen-symbols:
 *
 *   __symtab_start:  u32 count
 *                    struct symbol_block blocks[(count + 15) / 16]
 *                    u16 steps[count]  from the function before, in units of 2
 *                                      bytes; 0 at the head of a block
 *                    char blob[]       names in the same order, each closed by
 *                                      a zero byte
 *   __symtab_end:
 *
 * An offset and a start for every name would cost half as much as the names.
 * Every index is checked: this runs in panics, perhaps on damaged memory.
 */
#include <arch/layout.h>
#include <kernel/fmt.h>
#include <kernel/symbols.h>

#define SYMBOLS_BLOCK 16u

/* Of the first function of a block. */
struct symbol_block {
	uint32_t sb_offset; /* from the image base */
	uint32_t sb_name;   /* from the head of the blob */
};

extern const uint32_t __symtab_start[], __symtab_end[];

/* Name `index` of the blob [at, end); NULL: it has not so many. */
static const char *
name_of(const char *at, const char *end, size_t index)
{
	for (; index > 0 && at < end; at++)
		index -= *at == '\0';
	return at < end ? at : NULL;
}

/* The last block that begins at or before `offset`; the first one does. */
static size_t
block_of(const struct symbol_block *blocks, size_t n, uintptr_t offset)
{
	size_t low = 0, high = n;

	/* Invariant: low's offset <= offset < high's. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (blocks[middle].sb_offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const char *
symbol_find(uintptr_t pc, size_t *offset)
{
	uintptr_t base = (uintptr_t)__image_start, off = pc - base, at;
	size_t bytes = (uintptr_t)__symtab_end - (uintptr_t)__symtab_start;
	size_t count = bytes < 8 ? 0 : __symtab_start[0];
	size_t n = (count + SYMBOLS_BLOCK - 1) / SYMBOLS_BLOCK, index, last;
	const struct symbol_block *blocks =
	    (const struct symbol_block *)(__symtab_start + 1);
	const uint16_t *steps = (const uint16_t *)(blocks + n);
	const char *blob = (const char *)(steps + count);
	size_t head = sizeof(uint32_t) + n * sizeof(*blocks) +
	    count * sizeof(*steps); /* bytes ahead of the blob */

	if (count == 0 || count > bytes || head >= bytes || pc < base ||
	    pc >= (uintptr_t)__text_end || off < blocks[0].sb_offset)
		return NULL;
	n = block_of(blocks, n, off);
	if (blocks[n].sb_name >= bytes - head)
		return NULL;
	at = blocks[n].sb_offset;
	index = n * SYMBOLS_BLOCK;
	last = index + SYMBOLS_BLOCK < count ? index + SYMBOLS_BLOCK : count;
	while (index + 1 < last && at + 2u * steps[index + 1] <= off)
		at += 2u * steps[++index];
	*offset = off - at;
	return name_of(blob + blocks[n].sb_name, blob + (bytes - head),
	    index % SYMBOLS_BLOCK);
}

size_t
symbol_format(char *out, size_t n, uintptr_t pc)
{
	size_t offset;
	const char *name = symbol_find(pc, &offset);

	if (name == NULL)
		return fmt_format(out, n, "0x%016llx", (unsigned long long)pc);
	return fmt_format(out, n, "%s+0x%zx", name, offset);
}
