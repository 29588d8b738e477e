/* SPDX-License-Identifier: MIT */
/*
 * Log: a ring of lines kept for sys.log(), and a sink that shows them.
 * Before a sink is registered the lines wait in the ring, then flow out.
 * Context: any, interrupts and traps included. Never allocates.
 *
 * A line is shown as "[    0.012345] text"; errors and warnings say so before
 * the text. Bytes that would steer a terminal are kept as '?'.
 */
#ifndef KERNEL_KLOG_H
#define KERNEL_KLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KLOG_RING 16384u /* bytes kept */

enum klog_level { KLOG_ERROR, KLOG_WARN, KLOG_INFO, KLOG_DEBUG };

/* One line, without its newline. Longer than 1,000 bytes is cut. */
void klog(enum klog_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Lines above this level stay in the ring and are not shown (loglevel=). */
void klog_set_level(enum klog_level level);

/* Nanoseconds since kernel entry, for the stamps; NULL: all stamps are 0. */
void klog_set_clock(uint64_t (*ns)(void));

/*
 * Where shown text goes: write(text, n) may be called on any hart, in any
 * context; the sink takes its own lock. Registering shows every line of the
 * ring that no earlier sink has shown. NULL: none.
 */
void klog_set_sink(void (*write)(const char *text, size_t n));

/*
 * Show what still waits, here and now. (One hart at a time shows lines, those
 * of others included, so a line may still wait when klog returns.)
 */
void klog_flush(void);

/* Text straight to the sink, not kept: panics, heap reports, console output. */
void klog_raw(const char *text, size_t n);
void klog_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * In a panic: from now on locks of the log and of the sink are tried, never
 * waited for, and if no sink is registered text goes to the firmware.
 */
void klog_panic_mode(void);
bool klog_in_panic(void);

/*
 * Copy the ring, oldest first, as text; returns bytes (at most n). When n is
 * less than the ring holds, the oldest lines are left out.
 */
size_t klog_read(char *out, size_t n);

#endif
