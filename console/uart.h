/* SPDX-License-Identifier: MIT */
/* One serial device behind a few operations that never wait. */
#ifndef CONSOLE_UART_H
#define CONSOLE_UART_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uart;

struct uart_ops {
	const char *uo_name;
	/* FIFO on, device interrupts off; the firmware's baud rate stays. */
	void (*uo_init)(struct uart *u);
	/* Device interrupt on received bytes. */
	void (*uo_rx_interrupt)(struct uart *u, bool on);
	/* First thing in the interrupt: what must be read to end it. */
	void (*uo_acknowledge)(struct uart *u);
	/* A received byte, or -1. Boot hart, interrupts off. */
	int (*uo_get)(struct uart *u);
	/* Hand over as many of n bytes as fit now. The pump's owner only. */
	size_t (*uo_put)(struct uart *u, const uint8_t *bytes, size_t n);
	/* Everything has left, or nobody can tell. */
	bool (*uo_is_idle)(struct uart *u);
};

struct uart {
	const struct uart_ops *u_ops;
	/* Where the registers are; NULL for the firmware. */
	volatile uint8_t *u_base;
	unsigned u_shift; /* log2 of the distance of registers, bytes */
	unsigned u_width; /* bytes per access: 1 or 4 */
	unsigned u_fifo;  /* bytes each FIFO holds, 1: none; set by uo_init */
	bool u_designware;
	/*
	 * Set by whoever reads the line status, which clears it in the device;
	 * taken by the receive path. Overrun: a byte after all those still in
	 * the FIFO is missing. Damaged: the next byte is not what was sent.
	 */
	_Atomic unsigned u_overruns;
	_Atomic unsigned u_damaged;
};

extern const struct uart_ops uart_ns16550_ops;
extern const struct uart_ops uart_sifive_ops;
extern const struct uart_ops uart_firmware_ops;

#endif
