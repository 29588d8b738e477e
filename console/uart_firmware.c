/* SPDX-License-Identifier: MIT */
/*
 * The firmware's console (SBI putchar and getchar): always there, slow, no
 * interrupt. What it loses it does not tell.
 */
#include <kernel/io.h>

#include "uart.h"

static void
firmware_init(struct uart *u)
{
	u->u_fifo = 1;
}

static void
firmware_rx_interrupt(struct uart *u, bool on)
{
	(void)u;
	(void)on;
}

static void
firmware_acknowledge(struct uart *u)
{
	(void)u;
}

static int
firmware_get(struct uart *u)
{
	int c = io_firmware_getchar();

	(void)u;
	return c < 0 ? -1 : c & 0xff;
}

static size_t
firmware_put(struct uart *u, const uint8_t *bytes, size_t n)
{
	(void)u;
	if (n == 0)
		return 0;
	io_firmware_putchar((char)bytes[0]);
	return 1;
}

static bool
firmware_is_idle(struct uart *u)
{
	(void)u;
	return true;
}

const struct uart_ops uart_firmware_ops = {
	.uo_name = "firmware",
	.uo_init = firmware_init,
	.uo_rx_interrupt = firmware_rx_interrupt,
	.uo_acknowledge = firmware_acknowledge,
	.uo_get = firmware_get,
	.uo_put = firmware_put,
	.uo_is_idle = firmware_is_idle,
};
