/* SPDX-License-Identifier: MIT */
/*
 * Integer formatter: what log, reports and panics print with. No floating
 * point, no memory, no locale; usable from a trap.
 *
 * Conversions: %d %i %u %x %X %o %c %s %p %%, with l, ll, z, j, t, h, hh,
 * width, precision (also *, each up to 65535), and the flags 0 - + space #.
 * Any other conversion, and all that follows it, is printed as it stands: its
 * argument has an unknown size, so the later ones cannot be found.
 */
#ifndef KERNEL_FMT_H
#define KERNEL_FMT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Like snprintf: writes at most n bytes with the NUL (none when n is 0) and
 * returns the length the whole text has.
 */
size_t fmt_format(char *out, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t fmt_vformat(char *out, size_t n, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* The same text in pieces: put(arg, text, n), n > 0, text not terminated. */
size_t fmt_vstream(void (*put)(void *arg, const char *text, size_t n),
    void *arg, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

#endif
