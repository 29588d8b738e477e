/* SPDX-License-Identifier: MIT */
/*
 * sifive,uart0: the UART of the FU540 and FU740 (SiFive FU540-C000 manual,
 * chapter "UART").
 *
 * Two FIFOs of eight bytes. The device has no overrun flag: a byte that
 * arrives at a full FIFO is gone and nobody can know. Its receive interrupt
 * has a watermark but no time-out, so that it must fire for a single byte.
 */
#include <kernel/io.h>

#include "uart.h"

/* Registers, bytes from the base; all 32 bits wide. */
#define SIFIVE_TXDATA 0x00u
#define SIFIVE_RXDATA 0x04u
#define SIFIVE_TXCTRL 0x08u
#define SIFIVE_RXCTRL 0x0cu
#define SIFIVE_IE     0x10u
#define SIFIVE_IP     0x14u

#define DATA_BUSY     (1u << 31) /* txdata: full; rxdata: empty */
#define CTRL_ENABLE   (1u << 0)
#define CTRL_NSTOP    (1u << 1)  /* txctrl: as the firmware chose */
#define TXCTRL_BELOW1 (1u << 16) /* watermark: fewer than one byte waits */
#define IRQ_TX        (1u << 0)
#define IRQ_RX        (1u << 1)
#define FIFO_BYTES    8u

static uint32_t
get32(const struct uart *u, unsigned reg)
{
	return io_read32(u->u_base + reg);
}

static void
put32(const struct uart *u, unsigned reg, uint32_t v)
{
	io_write32(u->u_base + reg, v);
}

static void
sifive_init(struct uart *u)
{
	uint32_t stop = get32(u, SIFIVE_TXCTRL) & CTRL_NSTOP;

	u->u_fifo = FIFO_BYTES;
	put32(u, SIFIVE_IE, 0);
	put32(u, SIFIVE_TXCTRL, stop | CTRL_ENABLE | TXCTRL_BELOW1);
	put32(u, SIFIVE_RXCTRL, CTRL_ENABLE); /* watermark 0: any byte */
}

static void
sifive_rx_interrupt(struct uart *u, bool on)
{
	put32(u, SIFIVE_IE, on ? IRQ_RX : 0);
}

/* The interrupt ends when the FIFO is empty. */
static void
sifive_acknowledge(struct uart *u)
{
	(void)u;
}

static int
sifive_get(struct uart *u)
{
	uint32_t v = get32(u, SIFIVE_RXDATA);

	return (v & DATA_BUSY) != 0 ? -1 : (int)(v & 0xff);
}

static size_t
sifive_put(struct uart *u, const uint8_t *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && (get32(u, SIFIVE_TXDATA) & DATA_BUSY) == 0)
		put32(u, SIFIVE_TXDATA, bytes[i++]);
	return i;
}

static bool
sifive_is_idle(struct uart *u)
{
	return (get32(u, SIFIVE_IP) & IRQ_TX) != 0;
}

const struct uart_ops uart_sifive_ops = {
	.uo_name = "sifive,uart0",
	.uo_init = sifive_init,
	.uo_rx_interrupt = sifive_rx_interrupt,
	.uo_acknowledge = sifive_acknowledge,
	.uo_get = sifive_get,
	.uo_put = sifive_put,
	.uo_is_idle = sifive_is_idle,
};
