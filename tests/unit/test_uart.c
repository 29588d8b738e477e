/* SPDX-License-Identifier: MIT */
/*
 * The UART drivers against a fake register file: what they write, what they
 * read, and in which order, the quirks and the losses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After the four above. */
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include <kernel/io.h>

#include "console/uart.h"

/* --- a device ------------------------------------------------------------ */

enum { RBR, IER, IIR, LCR, MCR, LSR, USR = 0x1f, CPR = 0x3d };

static struct {
	uint8_t base[0x200]; /* only its address matters */
	unsigned shift, width;
	bool sifive;
	/* Receiver. */
	uint8_t rx[64];
	unsigned rx_n, rx_at;
	uint8_t errors; /* bits 1 … 4 of LSR, cleared by a read */
	/* Transmitter. */
	uint8_t tx[256];
	unsigned tx_n, tx_room; /* in the FIFO until somebody sends */
	bool gone;
	/* Other registers. */
	uint8_t iir;
	uint8_t written[64];
	unsigned writes[64];
	unsigned reads[64];
	uint32_t cpr;
	uint32_t word[8]; /* sifive */
} dev;

static unsigned
register_of(const volatile void *p, unsigned width)
{
	size_t at = (size_t)((const volatile uint8_t *)p - dev.base);

	assert_int_equal(width, dev.width);
	assert_int_equal(at % (1u << dev.shift), 0);
	return (unsigned)(at >> dev.shift);
}

static uint32_t
read_16550(unsigned reg)
{
	uint8_t v;

	assert_in_range(reg, 0, 63);
	dev.reads[reg]++;
	if (dev.gone)
		return 0xffffffff;
	switch (reg) {
	case RBR:
		return dev.rx_at < dev.rx_n ? dev.rx[dev.rx_at++] : 0;
	case LSR:
		v = (uint8_t)(dev.errors | (dev.rx_at < dev.rx_n ? 1 : 0) |
		    (dev.tx_room == 16 ? 0x60 : 0));
		dev.errors = 0;
		return v;
	case IIR:
		return dev.iir;
	case CPR:
		return dev.cpr;
	default:
		return 0;
	}
}

static void
write_16550(unsigned reg, uint32_t v)
{
	assert_in_range(reg, 0, 63);
	dev.writes[reg]++;
	dev.written[reg] = (uint8_t)v;
	if (reg == RBR) {
		assert_true(dev.tx_room > 0); /* else the byte is lost */
		dev.tx_room--;
		dev.tx[dev.tx_n++] = (uint8_t)v;
	}
}

uint8_t
io_read8(const volatile void *p)
{
	return (uint8_t)read_16550(register_of(p, 1));
}

void
io_write8(volatile void *p, uint8_t v)
{
	write_16550(register_of(p, 1), v);
}

uint32_t
io_read32(const volatile void *p)
{
	unsigned reg = register_of(p, 4);

	if (!dev.sifive)
		return read_16550(reg);
	assert_in_range(reg, 0, 6);
	dev.reads[reg]++;
	if (reg == 0)
		return dev.tx_room == 0 ? 1u << 31 : 0;
	if (reg == 1)
		return dev.rx_at < dev.rx_n ? dev.rx[dev.rx_at++] : 1u << 31;
	return dev.word[reg];
}

void
io_write32(volatile void *p, uint32_t v)
{
	unsigned reg = register_of(p, 4);

	if (!dev.sifive) {
		write_16550(reg, v);
		return;
	}
	assert_in_range(reg, 0, 6);
	dev.writes[reg]++;
	dev.word[reg] = v;
	if (reg == 0) {
		assert_true(dev.tx_room > 0);
		dev.tx_room--;
		dev.tx[dev.tx_n++] = (uint8_t)v;
	}
}

static char firmware_out[8];
static size_t firmware_n;
static int firmware_in = -1;

void
io_firmware_putchar(char c)
{
	firmware_out[firmware_n++] = c;
}

int
io_firmware_getchar(void)
{
	return firmware_in;
}

static struct uart
device(const struct uart_ops *ops, unsigned shift, unsigned width, bool dw)
{
	struct uart u = { .u_ops = ops, .u_base = dev.base };

	memset(&dev, 0, sizeof(dev));
	u.u_shift = dev.shift = shift;
	u.u_width = dev.width = width;
	u.u_designware = dw;
	dev.tx_room = 16;
	dev.iir = 0xc1; /* FIFO works, nothing pending */
	dev.sifive = ops == &uart_sifive_ops;
	return u;
}

static void
arrive(const char *text)
{
	dev.rx_n = (unsigned)strlen(text);
	dev.rx_at = 0;
	memcpy(dev.rx, text, dev.rx_n);
}

/* --- ns16550a ------------------------------------------------------------ */

static void
init_keeps_the_firmwares_line_settings(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 0, 1, false);

	(void)state;
	u.u_ops->uo_init(&u);
	assert_int_equal(dev.writes[LCR], 0);
	assert_int_equal(dev.writes[RBR], 0); /* DLL, were DLAB set */
	assert_int_equal(dev.written[IER], 0);
	assert_int_equal(dev.written[IIR] & 0x07, 0x01); /* no FIFO reset */
	assert_int_equal(u.u_fifo, 16);
	u.u_ops->uo_rx_interrupt(&u, true);
	assert_int_equal(dev.written[IER], 0x01);
	u.u_ops->uo_rx_interrupt(&u, false);
	assert_int_equal(dev.written[IER], 0);
}

static void
registers_lie_shift_apart_and_have_the_width_of_the_tree(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 2, 4, false);

	(void)state;
	/* The fake asserts width and distance on each access. */
	u.u_ops->uo_init(&u);
	arrive("x");
	assert_int_equal(u.u_ops->uo_get(&u), 'x');
	assert_int_equal(u.u_ops->uo_put(&u, (const uint8_t *)"y", 1), 1);
	assert_int_equal(dev.tx[0], 'y');
}

static void
device_without_fifo_is_sent_one_byte_at_a_time(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 0, 1, false);

	(void)state;
	dev.iir = 0x01;
	u.u_ops->uo_init(&u);
	assert_int_equal(u.u_fifo, 1);
	assert_int_equal(u.u_ops->uo_put(&u, (const uint8_t *)"abc", 3), 1);
}

static void
put_fills_an_empty_fifo_and_never_more(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 0, 1, false);
	const uint8_t text[40] = { 'a' };

	(void)state;
	u.u_ops->uo_init(&u);
	assert_int_equal(u.u_ops->uo_put(&u, text, 40), 16);
	assert_false(u.u_ops->uo_is_idle(&u));
	assert_int_equal(u.u_ops->uo_put(&u, text + 16, 24), 0);
	dev.tx_room = 16;
	assert_true(u.u_ops->uo_is_idle(&u));
	assert_int_equal(u.u_ops->uo_put(&u, text + 16, 5), 5);
	assert_int_equal(dev.tx_n, 21);
}

static void
get_takes_everything_and_then_says_empty(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 0, 1, false);

	(void)state;
	u.u_ops->uo_init(&u);
	arrive("ab\xff");
	assert_int_equal(u.u_ops->uo_get(&u), 'a');
	assert_int_equal(u.u_ops->uo_get(&u), 'b');
	assert_int_equal(u.u_ops->uo_get(&u), 0xff);
	assert_int_equal(u.u_ops->uo_get(&u), -1);
	assert_int_equal(u.u_overruns, 0);
}

static void
overrun_is_counted_on_every_kind_of_status_read(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 0, 1, true);

	(void)state;
	u.u_ops->uo_init(&u);
	arrive("a");
	dev.errors = 0x02;
	(void)u.u_ops->uo_get(&u);
	assert_int_equal(u.u_overruns, 1);
	dev.errors = 0x02;
	(void)u.u_ops->uo_get(&u); /* nothing there, still seen */
	assert_int_equal(u.u_overruns, 2);
	dev.errors = 0x02;
	(void)u.u_ops->uo_put(&u, (const uint8_t *)"x", 1);
	assert_int_equal(u.u_overruns, 3);
	dev.errors = 0x02;
	(void)u.u_ops->uo_is_idle(&u);
	assert_int_equal(u.u_overruns, 4);
	dev.errors = 0x02;
	dev.iir = 0xcc;
	u.u_ops->uo_acknowledge(&u);
	assert_int_equal(u.u_overruns, 5);
}

static void
damaged_bytes_are_counted_and_a_break_is_not_damage(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 0, 1, false);

	(void)state;
	u.u_ops->uo_init(&u);
	arrive("abc");
	dev.errors = 0x04; /* parity */
	(void)u.u_ops->uo_get(&u);
	dev.errors = 0x08; /* framing */
	(void)u.u_ops->uo_get(&u);
	assert_int_equal(u.u_damaged, 2);
	dev.errors = 0x18; /* break: framing too */
	(void)u.u_ops->uo_get(&u);
	assert_int_equal(u.u_damaged, 2);
}

static void
device_that_is_gone_hangs_nobody(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 0, 1, false);

	(void)state;
	u.u_ops->uo_init(&u);
	dev.gone = true;
	assert_int_equal(u.u_ops->uo_get(&u), -1);
	assert_int_equal(u.u_overruns, 0);
	assert_true(u.u_ops->uo_is_idle(&u));
	assert_int_equal(u.u_ops->uo_put(&u, (const uint8_t *)"x", 1), 1);
}

/* --- snps,dw-apb-uart ---------------------------------------------------- */

static void
busy_interrupt_is_ended_by_reading_usr(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 2, 4, true);

	(void)state;
	u.u_ops->uo_init(&u);
	dev.iir = 0xc7;
	u.u_ops->uo_acknowledge(&u);
	assert_int_equal(dev.reads[USR], 1);
	assert_int_equal(dev.reads[RBR], 0);
}

static void
timeout_without_data_is_ended_by_a_dummy_read(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 2, 4, true);

	(void)state;
	u.u_ops->uo_init(&u);
	dev.iir = 0xcc;
	u.u_ops->uo_acknowledge(&u);
	assert_int_equal(dev.reads[RBR], 1);
	assert_int_equal(dev.reads[USR], 0);
	arrive("q"); /* with data nothing may be eaten */
	u.u_ops->uo_acknowledge(&u);
	assert_int_equal(u.u_ops->uo_get(&u), 'q');
}

static void
plain_16550_is_never_read_beyond_its_registers(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 0, 1, false);

	(void)state;
	u.u_ops->uo_init(&u);
	dev.iir = 0xc7;
	u.u_ops->uo_acknowledge(&u);
	for (unsigned reg = 8; reg < 64; reg++)
		assert_int_equal(dev.reads[reg], 0);
}

static void
fifo_depth_comes_from_cpr_where_it_is_there(void **state)
{
	struct uart u = device(&uart_ns16550_ops, 2, 4, true);

	(void)state;
	dev.cpr = 0;
	u.u_ops->uo_init(&u);
	assert_int_equal(u.u_fifo, 16);
	dev.cpr = 4u << 16;
	u.u_ops->uo_init(&u);
	assert_int_equal(u.u_fifo, 64);
	dev.cpr = 0xffffffff;
	u.u_ops->uo_init(&u);
	assert_int_equal(u.u_fifo, 16);
}

/* --- sifive,uart0 -------------------------------------------------------- */

static void
sifive_sends_receives_and_keeps_the_stop_bits(void **state)
{
	struct uart u = device(&uart_sifive_ops, 2, 4, false);

	(void)state;
	dev.word[2] = 0x2; /* two stop bits, as the firmware chose */
	u.u_ops->uo_init(&u);
	assert_int_equal(dev.word[2], 0x2 | 0x1 | 1u << 16);
	assert_int_equal(dev.word[3], 0x1);
	assert_int_equal(dev.word[4], 0);
	assert_int_equal(dev.writes[6], 0); /* divisor */
	u.u_ops->uo_rx_interrupt(&u, true);
	assert_int_equal(dev.word[4], 0x2);
	arrive("hi");
	assert_int_equal(u.u_ops->uo_get(&u), 'h');
	assert_int_equal(u.u_ops->uo_get(&u), 'i');
	assert_int_equal(u.u_ops->uo_get(&u), -1);
	dev.tx_room = 3;
	assert_int_equal(u.u_ops->uo_put(&u, (const uint8_t *)"abcdef", 6), 3);
	assert_memory_equal(dev.tx, "abc", 3);
	assert_false(u.u_ops->uo_is_idle(&u));
	dev.word[5] = 0x1;
	assert_true(u.u_ops->uo_is_idle(&u));
}

/* --- the firmware -------------------------------------------------------- */

static void
firmware_takes_and_gives_one_byte(void **state)
{
	struct uart u = device(&uart_firmware_ops, 0, 1, false);

	(void)state;
	u.u_ops->uo_init(&u);
	assert_int_equal(u.u_ops->uo_put(&u, (const uint8_t *)"ok", 2), 1);
	assert_int_equal(u.u_ops->uo_put(&u, (const uint8_t *)"k", 1), 1);
	assert_int_equal(u.u_ops->uo_put(&u, (const uint8_t *)"", 0), 0);
	assert_memory_equal(firmware_out, "ok", 2);
	assert_int_equal(firmware_n, 2);
	assert_int_equal(u.u_ops->uo_get(&u), -1);
	firmware_in = 0xe4;
	assert_int_equal(u.u_ops->uo_get(&u), 0xe4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_keeps_the_firmwares_line_settings),
		cmocka_unit_test(
		    registers_lie_shift_apart_and_have_the_width_of_the_tree),
		cmocka_unit_test(
		    device_without_fifo_is_sent_one_byte_at_a_time),
		cmocka_unit_test(put_fills_an_empty_fifo_and_never_more),
		cmocka_unit_test(get_takes_everything_and_then_says_empty),
		cmocka_unit_test(
		    overrun_is_counted_on_every_kind_of_status_read),
		cmocka_unit_test(
		    damaged_bytes_are_counted_and_a_break_is_not_damage),
		cmocka_unit_test(device_that_is_gone_hangs_nobody),
		cmocka_unit_test(busy_interrupt_is_ended_by_reading_usr),
		cmocka_unit_test(timeout_without_data_is_ended_by_a_dummy_read),
		cmocka_unit_test(
		    plain_16550_is_never_read_beyond_its_registers),
		cmocka_unit_test(fifo_depth_comes_from_cpr_where_it_is_there),
		cmocka_unit_test(sifive_sends_receives_and_keeps_the_stop_bits),
		cmocka_unit_test(firmware_takes_and_gives_one_byte),
	};

	return cmocka_run_group_tests_name("console uart", tests, NULL, NULL);
}
