/* SPDX-License-Identifier: MIT */
/*
 * Reception: from the device into the ring, losses, Ctrl-C.
 *
 * Theory of operation
 * 1. The producer is input_service, on the boot hart with interrupts off: in
 *    the device's interrupt, or called by whoever waits for the device on that
 *    hart, or by a 1 ms timer where the device has no interrupt. So there is
 *    never more than one, and a hart that sends a long text with its interrupts
 *    off still empties the receive FIFO (16 bytes fill in 1.39 ms at 115,200
 *    baud).
 * 2. A loss is counted where it is seen and marked in the ring where it
 *    happened. An overrun happened after what lay in the FIFO: the mark goes
 *    in when the FIFO has been emptied, or after as many bytes as it holds.
 *    A damaged byte is marked before itself.
 * 3. Ctrl-C while something runs never enters the ring: what waits is dropped
 *    and the call-back is called at once. A Ctrl-C that came before the run
 *    began, when the reader had not got to it, counts for the run: its place
 *    in the ring is remembered, and input_running calls the call-back itself
 *    before it returns. So none is lost between the end of a line and its run.
 * 4. While a line is being read Ctrl-C is a key like others.
 */
#include <stdatomic.h>

#include <console/console.h>
#include <kernel/io.h>
#include <kernel/irq.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/waitq.h>

#include "console_impl.h"
#include "ring.h"

#define CTRL_C        0x03
#define POLL_NS       1000000u
#define SERVICE_BYTES 4096u /* per call: a device that never ends is left */

static struct {
	struct uart *uart;
	struct ring ring;
	struct waitq wq;
	bool by_interrupt;
	/* Boot hart, interrupts off. */
	unsigned overrun_left; /* bytes until the mark of an overrun; 0: none */
	size_t ctrl_c;         /* position behind the last one; 0: none */
	bool reading, running;
	unsigned count; /* Ctrl-C since the run began */
	void (*on_interrupt)(unsigned count);
	struct ktimer timer;
	/* Any reader; written by the boot hart only. */
	_Atomic uint64_t received, lost_device, lost_ring;
	uint64_t lost_told;
} in;

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	/* Relaxed: one writer, readers want a figure. */
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static unsigned
take(_Atomic unsigned *counter)
{
	/* Relaxed: the counter carries no other data. */
	return atomic_exchange_explicit(counter, 0, memory_order_relaxed);
}

static void
interrupt_run(void)
{
	in.ctrl_c = 0;
	in.count++;
	if (in.on_interrupt != NULL)
		in.on_interrupt(in.count);
}

static void
receive(uint8_t byte)
{
	add(&in.received, 1);
	if (byte == CTRL_C && in.running && !in.reading) {
		ring_drop(&in.ring, ring_put_position(&in.ring));
		interrupt_run();
		return;
	}
	if (!ring_put(&in.ring, byte))
		add(&in.lost_ring, 1);
	else if (byte == CTRL_C)
		in.ctrl_c = ring_put_position(&in.ring);
}

/* The overruns seen by whoever has read the line status since. */
static void
look_at_overruns(void)
{
	unsigned n = take(&in.uart->u_overruns);

	if (n == 0)
		return;
	add(&in.lost_device, n);
	in.overrun_left = in.uart->u_fifo;
}

static void
mark_overrun(void)
{
	in.overrun_left = 0;
	ring_mark_loss(&in.ring);
}

void
input_service(void)
{
	unsigned long irq = irq_save();
	unsigned n = 0;
	int byte = 0;

	while (n < SERVICE_BYTES &&
	    (byte = in.uart->u_ops->uo_get(in.uart)) >= 0) {
		unsigned damaged = take(&in.uart->u_damaged);

		if (damaged > 0) {
			add(&in.lost_device, damaged);
			ring_mark_loss(&in.ring);
		}
		look_at_overruns();
		receive((uint8_t)byte);
		if (in.overrun_left > 0 && --in.overrun_left == 0)
			mark_overrun();
		n++;
	}
	look_at_overruns();
	if (byte < 0 && in.overrun_left > 0) {
		mark_overrun();
		n++;
	}
	irq_restore(irq);
	if (n > 0)
		input_wake();
}

static void
on_device_interrupt(void *arg)
{
	(void)arg;
	in.uart->u_ops->uo_acknowledge(in.uart);
	input_service();
}

static void
on_timer(void *arg)
{
	(void)arg;
	if (!in.running)
		return;
	input_service();
	timer_start(&in.timer, time_ns() + POLL_NS, on_timer, NULL);
}

bool
input_init(struct uart *u, void *ring, size_t size, uint32_t controller,
    uint32_t source)
{
	in.uart = u;
	ring_init(&in.ring, ring, size);
	in.ctrl_c = 0;
	in.by_interrupt = source != 0 &&
	    irq_attach(controller, source, on_device_interrupt, NULL);
	if (in.by_interrupt)
		u->u_ops->uo_rx_interrupt(u, true);
	return in.by_interrupt;
}

void
input_wake(void)
{
	waitq_wake(&in.wq);
}

int
input_get(void)
{
	return ring_get(&in.ring);
}

bool
input_waits(void)
{
	return !ring_is_empty(&in.ring);
}

static bool
something_waits(void *arg)
{
	(void)arg;
	return input_waits() || output_waits();
}

void
input_wait(uint64_t deadline)
{
	if (!in.by_interrupt) {
		uint64_t poll = time_ns() + POLL_NS;

		input_service();
		if (poll < deadline)
			deadline = poll;
	}
	(void)waitq_wait(&in.wq, something_waits, NULL, NULL, deadline);
}

void
input_reading(bool reading)
{
	unsigned long irq = irq_save();

	in.reading = reading;
	irq_restore(irq);
}

void
input_running(bool running, void (*fn)(unsigned count))
{
	unsigned long irq = irq_save();

	timer_cancel(&in.timer);
	in.running = running;
	in.on_interrupt = fn;
	in.count = 0;
	if (running && !in.by_interrupt)
		timer_start(&in.timer, time_ns(), on_timer, NULL);
	if (running && in.ctrl_c > ring_get_position(&in.ring)) {
		ring_drop(&in.ring, in.ctrl_c);
		interrupt_run();
	}
	in.ctrl_c = 0;
	irq_restore(irq);
}

uint64_t
input_take_losses(void)
{
	/* Relaxed: figures; a loss not seen now is told with the next mark. */
	uint64_t lost =
	    atomic_load_explicit(&in.lost_device, memory_order_relaxed) +
	    atomic_load_explicit(&in.lost_ring, memory_order_relaxed);
	uint64_t n = lost - in.lost_told;

	in.lost_told = lost;
	return n;
}

void
input_get_stats(struct console_stats *st)
{
	/* Relaxed: figures, exact when nothing is being received. */
	st->received = atomic_load_explicit(&in.received, memory_order_relaxed);
	st->lost_device =
	    atomic_load_explicit(&in.lost_device, memory_order_relaxed);
	st->lost_ring =
	    atomic_load_explicit(&in.lost_ring, memory_order_relaxed);
	st->ring_bytes = in.ring.r_size;
	st->ring_high =
	    atomic_load_explicit(&in.ring.r_high, memory_order_relaxed);
	st->interrupt_driven = in.by_interrupt;
}
