/* SPDX-License-Identifier: MIT */
/* The image's own symbol table, linked in by the build's second pass. */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/* Name of the function that holds pc, and the offset in it; NULL: none. */
const char *symbol_find(uintptr_t pc, size_t *offset);
/* "name+0x12" or "0xffff…"; like snprintf. */
size_t symbol_format(char *out, size_t n, uintptr_t pc);

#endif
