/* SPDX-License-Identifier: MIT */
/* Inside of the console: what input, output and the reader share. */
#ifndef CONSOLE_CONSOLE_IMPL_H
#define CONSOLE_CONSOLE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uart.h"

/* output.c */

void output_init(struct uart *u);
/* Log lines and reports: a stream of its own, whole calls. Any context. */
void output_log(const char *text, size_t n);
/*
 * The edit line is on the screen between begin and end: the caller alone
 * writes to the device, others' text waits. Boot hart, thread.
 */
void output_edit_begin(void);
void output_edit_end(void);
/* Straight to the device, as it is. Only between begin and end. */
void output_edit_emit(void *arg, const char *text, size_t n);
bool output_waits(void);
/* Print what waits now, and end its last line. Only between begin and end. */
void output_show_waiting(void);
uint64_t output_sent(void); /* bytes the device took */

/* input.c */

/* `size` bytes of ring, a power of two. True: by interrupt, false: polled. */
bool input_init(struct uart *u, void *ring, size_t size, uint32_t controller,
    uint32_t source);
/* Take what the device has received. Boot hart, any context. */
void input_service(void);
/* Leave wfi in input_wait. Any hart, any context. */
void input_wake(void);
/* A byte, or RING_EMPTY … of ring.h. Boot hart, thread. */
int input_get(void);
bool input_waits(void);
/* Until a byte or output waits, the time has come, or (polled) 1 ms passed. */
void input_wait(uint64_t deadline_ns);
/* Ctrl-C is for the editor while true. */
void input_reading(bool reading);
void input_running(bool running, void (*fn)(unsigned count));
/* Bytes lost since the last call. */
uint64_t input_take_losses(void);

struct console_stats;
void input_get_stats(struct console_stats *st);

#endif
