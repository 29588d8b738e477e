/* SPDX-License-Identifier: MIT */
/*
 * The image's own symbol table, made by scripts/gen-symbols:
 *
 *   __symtab_start:  u32 count
 *                    u32 offsets[count]  from the image base, ascending
 *                    u32 names[count]    where the name starts in the blob
 *                    char blob[]         names, each closed by a zero byte
 *   __symtab_end:
 *
 * Every index is checked: this runs in panics, perhaps on damaged memory.
 */
#include <arch/layout.h>
#include <kernel/fmt.h>
#include <kernel/symbols.h>

extern const uint32_t __symtab_start[], __symtab_end[];

const char *
symbol_find(uintptr_t pc, size_t *offset)
{
	uintptr_t base = (uintptr_t)__image_start;
	size_t words = ((uintptr_t)__symtab_end - (uintptr_t)__symtab_start) /
	    sizeof(uint32_t);
	size_t count = words == 0 ? 0 : __symtab_start[0];
	size_t low = 0, high = count, at;
	const uint32_t *offsets = __symtab_start + 1;
	const char *blob;

	if (count == 0 || count > (words - 1) / 2 || pc < base ||
	    pc >= (uintptr_t)__text_end || pc - base < offsets[0])
		return NULL;
	/* Invariant: offsets[low] <= pc - base < offsets[high]. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (offsets[middle] <= pc - base)
			low = middle;
		else
			high = middle;
	}
	at = offsets[count + low];
	blob = (const char *)(offsets + 2 * count);
	if (at >= (words - 1 - 2 * count) * sizeof(uint32_t))
		return NULL;
	*offset = pc - base - offsets[low];
	return blob + at;
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
