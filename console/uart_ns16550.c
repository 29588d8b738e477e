/* SPDX-License-Identifier: MIT */
/*
 * ns16550a and its relative snps,dw-apb-uart (JH7110, PolarFire).
 *
 * Theory of operation
 * 1. The firmware's line settings stay: LCR and the divisor latches are never
 *    written, so the baud rate is whatever the firmware talked at.
 * 2. Reading LSR clears its error bits, and the transmitter must read LSR too,
 *    perhaps on another hart. So there is one function that reads LSR, and it
 *    adds what it saw to counters which the receive path takes.
 * 3. With the FIFO on, an overrun means that the FIFO was full and the next
 *    byte was thrown away: what lies in the FIFO is good, the loss comes after
 *    it. A parity or framing error belongs to the byte on top of the FIFO.
 *    A break (the line held low) arrives as a NUL and is no damage.
 * 4. DesignWare: a write to LCR while the line is busy is refused and raises
 *    an interrupt that only a read of USR ends. We write no LCR, but firmware
 *    may have. And a character time-out interrupt can come with an empty FIFO;
 *    it ends only when RBR is read (both known from Linux 8250_dw).
 * 5. A device that is gone reads as all ones. A real LSR of 0xff would need
 *    every error at once; it is taken for "no device", from which nothing is
 *    received and to which anything can be sent, so that nobody hangs.
 */
#include <kernel/io.h>

#include "uart.h"

/* Register numbers; multiply by the distance for bytes. */
#define REG_RBR 0u /* read */
#define REG_THR 0u /* write */
#define REG_IER 1u
#define REG_IIR 2u /* read */
#define REG_FCR 2u /* write */
#define REG_MCR 4u
#define REG_LSR 5u
#define REG_USR 0x1fu /* DesignWare only */
#define REG_CPR 0x3du /* DesignWare only: what was synthesised */

#define IER_RX      0x01u
#define IIR_ID      0x0fu
#define IIR_BUSY    0x07u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFO    0xc0u /* both bits: the FIFO works */
#define FCR_ENABLE  0x01u
#define FCR_RX_8    0x80u /* interrupt at 8 of 16: 0.69 ms left, 115,200 baud */
#define MCR_DTR     0x01u
#define MCR_RTS     0x02u
#define MCR_OUT2    0x08u /* lets the interrupt out on PC-like wiring */
#define LSR_DR      0x01u
#define LSR_OE      0x02u
#define LSR_PE      0x04u
#define LSR_FE      0x08u
#define LSR_BI      0x10u
#define LSR_THRE    0x20u
#define LSR_TEMT    0x40u
#define LSR_GONE    0xffu

#define FIFO_BYTES     16u
#define CPR_FIFO_SHIFT 16u /* field FIFO_MODE: depth in units of 16 bytes */
#define CPR_FIFO_MASK  0xffu
#define CPR_FIFO_MAX   0x80u

static uint32_t
get_reg(const struct uart *u, unsigned reg)
{
	const volatile uint8_t *p = u->u_base + ((size_t)reg << u->u_shift);

	return u->u_width == 4 ? io_read32(p) : io_read8(p);
}

static void
put_reg(const struct uart *u, unsigned reg, uint8_t v)
{
	volatile uint8_t *p = u->u_base + ((size_t)reg << u->u_shift);

	if (u->u_width == 4)
		io_write32(p, v);
	else
		io_write8(p, v);
}

/* The only reader of LSR. Any hart. */
static uint32_t
line_status(struct uart *u)
{
	uint32_t lsr = get_reg(u, REG_LSR) & 0xff;

	if (lsr == LSR_GONE)
		return LSR_THRE | LSR_TEMT;
	/* Relaxed: counters, taken whole by the receive path. */
	if ((lsr & LSR_OE) != 0)
		atomic_fetch_add_explicit(
		    &u->u_overruns, 1, memory_order_relaxed);
	if ((lsr & (LSR_PE | LSR_FE)) != 0 && (lsr & LSR_BI) == 0)
		atomic_fetch_add_explicit(
		    &u->u_damaged, 1, memory_order_relaxed);
	return lsr;
}

static unsigned
fifo_bytes(const struct uart *u)
{
	uint32_t units;

	if ((get_reg(u, REG_IIR) & IIR_FIFO) != IIR_FIFO)
		return 1;
	if (!u->u_designware || u->u_width != 4)
		return FIFO_BYTES;
	units = get_reg(u, REG_CPR) >> CPR_FIFO_SHIFT & CPR_FIFO_MASK;
	/* CPR is optional and reads as zero where it was left out. */
	if (units == 0 || units > CPR_FIFO_MAX)
		return FIFO_BYTES;
	return units * 16u;
}

static void
ns16550_init(struct uart *u)
{
	put_reg(u, REG_IER, 0);
	/* No reset bits: what was typed during boot is kept. */
	put_reg(u, REG_FCR, FCR_ENABLE | FCR_RX_8);
	put_reg(u, REG_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
	u->u_fifo = fifo_bytes(u);
}

static void
ns16550_rx_interrupt(struct uart *u, bool on)
{
	put_reg(u, REG_IER, on ? IER_RX : 0);
}

static void
ns16550_acknowledge(struct uart *u)
{
	uint32_t id;

	if (!u->u_designware)
		return;
	id = get_reg(u, REG_IIR) & IIR_ID;
	if (id == IIR_BUSY)
		(void)get_reg(u, REG_USR);
	else if (id == IIR_TIMEOUT && (line_status(u) & LSR_DR) == 0)
		(void)get_reg(u, REG_RBR);
}

static int
ns16550_get(struct uart *u)
{
	if ((line_status(u) & LSR_DR) == 0)
		return -1;
	return (int)(get_reg(u, REG_RBR) & 0xff);
}

static size_t
ns16550_put(struct uart *u, const uint8_t *bytes, size_t n)
{
	/* THRE with the FIFO on: all of it is free. */
	size_t most = n < u->u_fifo ? n : u->u_fifo;

	if ((line_status(u) & LSR_THRE) == 0)
		return 0;
	for (size_t i = 0; i < most; i++)
		put_reg(u, REG_THR, bytes[i]);
	return most;
}

static bool
ns16550_is_idle(struct uart *u)
{
	return (line_status(u) & LSR_TEMT) != 0;
}

const struct uart_ops uart_ns16550_ops = {
	.uo_name = "ns16550a",
	.uo_init = ns16550_init,
	.uo_rx_interrupt = ns16550_rx_interrupt,
	.uo_acknowledge = ns16550_acknowledge,
	.uo_get = ns16550_get,
	.uo_put = ns16550_put,
	.uo_is_idle = ns16550_is_idle,
};
