/* SPDX-License-Identifier: MIT */
/* The fake kernel of the console's tests: what kernel/ promises, in small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After the four above. */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <console/console.h>
#include <kernel/io.h>
#include <kernel/irq.h>
#include <kernel/klog.h>
#include <kernel/lock.h>
#include <kernel/panic.h>
#include <kernel/smp.h>
#include <kernel/waitq.h>

#include "console_world.h"

struct world world;
struct fake_uart dev;

static uint8_t registers[8];

void
interrupt(void (*fn)(void *), void *arg)
{
	bool was_on = world.irq_on, was_in = world.interrupt;

	world.irq_on = false;
	world.interrupt = true;
	fn(arg);
	world.irq_on = was_on;
	world.interrupt = was_in;
}

void
arrive(uint8_t byte)
{
	if (dev.rx_n == FIFO)
		dev.overrun = true;
	else
		dev.rx[dev.rx_n++] = byte;
}

void
arrive_gently(const char *text)
{
	for (; *text != '\0'; text++) {
		arrive((uint8_t)*text);
		if (world.handler != NULL && world.irq_on)
			interrupt(world.handler, NULL);
	}
}

void
run_timers(void)
{
	while (
	    world.timers != NULL && world.timers->kt_deadline_ns <= world.now) {
		struct ktimer *t = world.timers;

		world.timers = t->kt_next;
		t->kt_armed = false;
		interrupt(t->kt_fn, t->kt_arg);
	}
}

uint8_t
io_read8(const volatile void *p)
{
	size_t reg = (size_t)((const volatile uint8_t *)p - registers);
	uint8_t v = 0;

	switch (reg) {
	case 0:
		assert_true(dev.rx_n > 0);
		v = dev.rx[0];
		memmove(dev.rx, dev.rx + 1, --dev.rx_n);
		break;
	case 2:
		v = 0xc1;
		break;
	case 5:
		v = (uint8_t)((dev.rx_n > 0 ? 0x01 : 0) |
		    (dev.overrun ? 0x02 : 0) | (dev.dead ? 0 : 0x60));
		dev.overrun = false;
		break;
	default:
		break;
	}
	return v;
}

void
io_write8(volatile void *p, uint8_t v)
{
	if ((volatile uint8_t *)p != registers)
		return;
	assert_true(dev.n < sizeof(dev.out) - 1);
	dev.out[dev.n++] = (char)v;
	dev.out[dev.n] = '\0';
}

uint32_t
io_read32(const volatile void *p)
{
	(void)p;
	fail_msg("a 32-bit access");
	return 0;
}

void
io_write32(volatile void *p, uint32_t v)
{
	(void)p;
	(void)v;
	fail_msg("a 32-bit access");
}

void
io_firmware_putchar(char c)
{
	(void)c;
}

int
io_firmware_getchar(void)
{
	return -1;
}

const struct bootargs *
boot_args(void)
{
	return &world.args;
}

const struct platform *
boot_platform(void)
{
	return &world.platform;
}

void *
boot_map_mmio(uint64_t base, uint64_t size)
{
	assert_int_equal(base, 0x10000000);
	assert_int_equal(size, 0x100);
	return registers;
}

bool
irq_attach(uint32_t controller, uint32_t source, void (*fn)(void *), void *arg)
{
	assert_int_equal(controller, 3);
	assert_int_equal(source, 10);
	assert_null(arg);
	if (world.with_plic)
		world.handler = fn;
	return world.with_plic;
}

unsigned long
irq_save(void)
{
	bool was = world.irq_on;

	world.irq_on = false;
	return was;
}

void
irq_restore(unsigned long state)
{
	world.irq_on = state != 0;
}

unsigned long
klock_acquire(struct klock *l)
{
	assert_int_equal(l->kl_held, 0); /* one hart at a time here */
	l->kl_held = 1;
	return irq_save();
}

void
klock_release(struct klock *l, unsigned long irq)
{
	assert_int_equal(l->kl_held, 1);
	l->kl_held = 0;
	irq_restore(irq);
}

bool
klock_try(struct klock *l, unsigned long *irq)
{
	if (l->kl_held != 0)
		return false;
	*irq = klock_acquire(l);
	return true;
}

void
klog(enum klog_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

void
klog_set_sink(void (*write)(const char *, size_t))
{
	world.sink = write;
}

bool
klog_in_panic(void)
{
	return world.panic;
}

void
panic(const char *fmt, ...)
{
	(void)fmt;
	fail_msg("panic");
	abort();
}

unsigned
smp_hart_self(void)
{
	return world.self;
}

bool
smp_in_interrupt(void)
{
	return world.interrupt;
}

uint64_t
time_ns(void)
{
	return world.now += 1000;
}

void
timer_start(struct ktimer *t, uint64_t deadline, void (*fn)(void *), void *arg)
{
	struct ktimer **at = &world.timers;

	timer_cancel(t);
	t->kt_deadline_ns = deadline;
	t->kt_fn = fn;
	t->kt_arg = arg;
	while (*at != NULL && (*at)->kt_deadline_ns <= deadline)
		at = &(*at)->kt_next;
	t->kt_next = *at;
	*at = t;
	t->kt_armed = true;
}

void
timer_cancel(struct ktimer *t)
{
	struct ktimer **at = &world.timers;

	if (!t->kt_armed)
		return;
	while (*at != t)
		at = &(*at)->kt_next;
	*at = t->kt_next;
	t->kt_armed = false;
}

/* Nobody else runs: the next thing in the world happens. */
static void
world_moves(uint64_t deadline)
{
	if (world.step < world.steps) {
		struct step *s = &world.script[world.step++];

		if (s->input != NULL && world.handler != NULL)
			arrive_gently(s->input);
		else if (s->input != NULL)
			for (const char *c = s->input; *c != '\0'; c++)
				arrive((uint8_t)*c);
		if (s->act != NULL)
			s->act();
		return;
	}
	if (world.timers != NULL && world.timers->kt_deadline_ns <= deadline) {
		world.now = world.timers->kt_deadline_ns;
		run_timers();
	} else if (deadline != WAIT_FOREVER) {
		world.now = deadline;
	} else {
		assert_non_null(world.at_end); /* else it sleeps for ever */
		longjmp(*world.at_end, 1);
	}
}

bool
waitq_wait(struct waitq *wq, bool (*cond)(void *), bool (*stop)(void *),
    void *arg, uint64_t deadline)
{
	(void)wq;
	assert_true(world.irq_on);
	assert_false(world.interrupt);
	for (;;) {
		if (cond(arg))
			return true;
		if ((stop != NULL && stop(arg)) || world.now >= deadline)
			return false;
		world_moves(deadline);
	}
}

void
waitq_wake(struct waitq *wq)
{
	(void)wq;
}

/* --- helpers ------------------------------------------------------------- */

static uint8_t ring_memory[4096];

void
start(bool with_plic, size_t ring, enum bootargs_term term)
{
	memset(&world, 0, sizeof(world));
	memset(&dev, 0, sizeof(dev));
	world.now = 1000000000;
	world.irq_on = true;
	world.with_plic = with_plic;
	world.args.term = term;
	world.platform.uart = (struct platform_uart){ .kind = UART_NS16550,
		.base = 0x10000000,
		.size = 0x100,
		.reg_width = 1,
		.irq = 10,
		.irq_parent = 3 };
	console_init(ring_memory, ring);
	console_set_term(term == TERM_AUTO ? "auto"
		: term == TERM_ANSI        ? "ansi"
					   : "dumb");
	dev.n = 0;
}

void
then(const char *input, void (*act)(void))
{
	assert_true(world.steps < STEPS_MAX);
	world.script[world.steps++] = (struct step){ input, act };
}

void
write_text(const char *text)
{
	console_write(text, strlen(text));
}

void
output_is(const char *want)
{
	assert_string_equal(dev.out, want);
	dev.n = 0;
	dev.out[0] = '\0';
}

void
output_has(const char *part)
{
	if (strstr(dev.out, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, dev.out);
}

long
read_line(char *line)
{
	return console_readline("quarry> ", line, 256);
}
