/* SPDX-License-Identifier: MIT */
/*
 * The console: one device, a ring of received bytes, an edit line, and output
 * that never mixes two harts inside a line. Theory: console/console.c.
 */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Choose the device (boot_platform()->uart, else the firmware), set up
 * reception, become klog's sink. Boot hart, once, after the timer, the PLIC
 * and boot_map_mmio work; the other harts may or may not run yet.
 *
 * `ring` is memory for received bytes, kept for ever: kernel/main.c takes it
 * from frame_alloc, 64 KiB, or 4 KiB on machines under 16 MiB. The largest
 * power of two within `bytes` is used; with NULL, or less than 1 KiB, a static
 * ring of 1 KiB.
 */
void console_init(void *ring, size_t bytes);

/*
 * Output, any hart, any context but a trap that will panic. '\n' becomes CR
 * LF. Text is held back until its line ends, or 30 ms, so that the output of
 * two harts never mixes inside a line: write a line in one call if you can.
 */
void console_write(const char *text, size_t n);
/* Show what this hart wrote without a newline now (a progress bar). */
void console_flush(void);
/* Wait until everything written has left the device (before power-off). */
void console_drain(void);

/*
 * Read one line with editing and history (boot hart, thread context). Returns
 * its length (no newline, NUL-terminated, at most n-1; a line recalled from
 * history may hold newlines), or one of those below. On CONSOLE_INTERRUPT and
 * CONSOLE_REFUSED drop the chunk begun so far: it lacks a line. The editor has
 * already said why on the screen.
 */
#define CONSOLE_EOF       (-1) /* Ctrl-D on an empty line */
#define CONSOLE_INTERRUPT (-2) /* Ctrl-C */
#define CONSOLE_REFUSED   (-3) /* a line too long, or a damaged one */
long console_readline(const char *prompt, char *out, size_t n);
/*
 * The chunk that is being pasted was refused: drop the rest of the paste, so
 * that its middle is not executed as if it were a beginning. The rest ends
 * where a bracketed paste ends, else when nothing has come for
 * CONSOLE_PAUSE_NS, and at Ctrl-C. Says on the screen what was dropped. Boot
 * hart, thread context.
 */
#define CONSOLE_PAUSE_NS 1000000000ull
void console_refuse_rest(void);
/* Forget nothing of a multi-line chunk: one entry for the whole. */
void console_history_add(const char *chunk);

/*
 * Ctrl-C while something runs: fn(count) is called in interrupt context on the
 * boot hart for each Ctrl-C since console_running(true), count from 1; for one
 * that waits behind the line just read, within that call and with interrupts
 * off. Without a receive interrupt a 1 ms one-shot poll does it.
 */
void console_running(bool running, void (*on_interrupt)(unsigned count));

/* Terminal: "dumb" until it has answered, or as term= says. */
bool console_is_ansi(void);
void console_set_term(const char *name); /* "ansi", "dumb", "auto" */
void console_size(unsigned *columns, unsigned *rows); /* 80x24 when unknown */

struct console_stats {
	uint64_t received, lost_device, lost_ring, transmitted;
	size_t ring_bytes, ring_high; /* size, and most ever waiting */
	bool interrupt_driven;
	char device[64];
};
void console_get_stats(struct console_stats *st);

#endif
