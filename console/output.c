/* SPDX-License-Identifier: MIT */
/*
 * Output: many writers, one device, whole lines.
 *
 * Theory of operation
 * 1. Writers append to a ring under a short lock and never touch the device.
 *    Then one hart, the pump's owner, takes bytes out of the ring and hands
 *    them to the device, polling it with interrupts on. A writer that finds the
 *    pump owned goes on: the owner sends its text too. So a slow line costs
 *    nobody interrupts-off time, and costs time only to the owner and to those
 *    who find the ring full.
 * 2. Nobody is the others' printer for ever: an owner whose own text is out
 *    hands the pump over when somebody waits for room. Owner lets go, then
 *    looks at the ring; writer appends, then looks at the pump; both with
 *    seq_cst, so that one of them sees the other and no text stays behind.
 * 3. Streams. Each hart has two: what its programs print, and its log lines and
 *    reports. The ring remembers whose line is open on the screen; text of
 *    another stream first ends that line. So bytes of two harts never share a
 *    line. What a program prints is held back per hart until its line ends, or
 *    the buffer is full, or 30 ms have passed (a timer of that hart), so that
 *    a line made of several writes is rarely broken in two.
 * 4. Waiting for room: in thread context, in wfi. In an interrupt, with
 *    interrupts off, or on the pump owner's own hart nobody can wait: such text
 *    is dropped when the ring is full, counted, and the number is shown.
 * 5. A device that takes nothing for two seconds is dead: text for it is
 *    dropped and counted, with one look at the device per piece; when it takes
 *    a byte again it is alive.
 * 6. While the edit line is on the screen the reader owns the pump. Others'
 *    text waits in the ring and wakes the reader, who hides the line, prints,
 *    and shows it again. `editing` is set before the pump is taken and keeps
 *    new owners away, so that a hart that prints without end cannot keep the
 *    prompt from coming.
 * 7. At the end of the machine the pump's owner may be a hart that has been
 *    stopped. A thread with interrupts off (it is about to leave), and
 *    console_drain, take the ring from an owner that moves nothing for half a
 *    second. In a panic nothing is awaited: the ring is printed first, whoever
 *    owns it, then the text goes to the device directly.
 */
#include <stdatomic.h>
#include <string.h>

#include <console/console.h>
#include <kernel/fmt.h>
#include <kernel/io.h>
#include <kernel/irq.h>
#include <kernel/klog.h>
#include <kernel/lock.h>
#include <kernel/platform.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/waitq.h>

#include "console_impl.h"

#define RING_BYTES    8192u
#define RECORD_BYTES  2048u /* most that is appended at once */
#define PARTIAL_BYTES 256u
#define PIECE_BYTES   64u
#define HOLD_NS       30000000u
#define DEAD_NS       2000000000u
#define NAP_AFTER_NS  2000000u
#define NAP_NS        1000000u
#define STOPPED_NS    500000000u /* an owner that moves nothing so long */
#define IDLE_NS       200000000u
#define NO_STREAM     0u
#define NO_TICKET     UINT64_MAX

_Static_assert(RECORD_BYTES + PARTIAL_BYTES + 2 <= RING_BYTES,
    "the largest record fits an empty ring");

/* What one hart has printed of a line that has not ended. Its hart only. */
struct partial {
	char text[PARTIAL_BYTES];
	size_t n;
	struct ktimer timer;
};

static struct {
	struct uart *uart; /* NULL: the firmware, before output_init */
	struct klock lock;
	/* Guarded by lock. */
	uint8_t ring[RING_BYTES];
	unsigned open; /* stream whose line has not ended, or NO_STREAM */
	/* Bytes ever put (under lock) and taken (pump's owner). */
	_Atomic uint64_t tail, head;
	_Atomic unsigned owner; /* of the pump: hart + 1; 0: nobody */
	_Atomic unsigned waiters;
	_Atomic unsigned editing; /* 0 or 1; a word has an exchange */
	struct waitq wq;          /* for room, or for the pump */
	/* Pump's owner. */
	bool dead;
	uint64_t dropped_told;
	/* Any; relaxed. */
	_Atomic uint64_t dropped, sent;
	_Atomic unsigned panic_begun;
} out;

static struct partial partials[PLATFORM_HARTS_MAX];

static uint64_t
get(_Atomic uint64_t *v)
{
	/* seq_cst: see 2; pairs with set() and the lock's release. */
	return atomic_load_explicit(v, memory_order_seq_cst);
}

static void
set(_Atomic uint64_t *v, uint64_t value)
{
	/* seq_cst: see 2; pairs with get(). */
	atomic_store_explicit(v, value, memory_order_seq_cst);
}

static void
drop(uint64_t n)
{
	/* Relaxed: a figure. */
	atomic_fetch_add_explicit(&out.dropped, n, memory_order_relaxed);
}

static bool
owns_pump(void)
{
	/* Relaxed: only this hart's own store can make it true. */
	return atomic_load_explicit(&out.owner, memory_order_relaxed) ==
	    smp_hart_self() + 1;
}

static bool
may_wait(void)
{
	unsigned long irq = irq_save();

	irq_restore(irq);
	return irq != 0 && !smp_in_interrupt() && !klog_in_panic();
}

/* --- the device: pump's owner, or panic --------------------------------- */

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

/* No room in the device since `since`; false: it is dead. */
static bool
await_device(uint64_t since)
{
	static struct waitq nap;
	uint64_t now = time_ns();

	if (now - since > DEAD_NS)
		return false;
	/* With interrupts off, or no receive interrupt, the FIFO fills. */
	if (smp_hart_self() == 0 && !klog_in_panic())
		input_service();
	if (now - since > NAP_AFTER_NS && may_wait())
		(void)waitq_wait(&nap, never, NULL, NULL, now + NAP_NS);
	return true;
}

static void
device_write(const uint8_t *bytes, size_t n)
{
	uint64_t since = 0;
	size_t k;

	while (n > 0) {
		k = out.uart->u_ops->uo_put(out.uart, bytes, n);
		bytes += k;
		n -= k;
		/* Relaxed: a figure. */
		atomic_fetch_add_explicit(&out.sent, k, memory_order_relaxed);
		if (k > 0) {
			out.dead = false;
			since = 0;
			continue;
		}
		if (since == 0)
			since = time_ns();
		if (out.dead || !await_device(since)) {
			out.dead = true;
			drop(n);
			return;
		}
	}
}

static void
device_write_text(const char *text, size_t n)
{
	uint8_t piece[2 * PIECE_BYTES];
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			piece[k++] = '\r';
		piece[k++] = (uint8_t)text[i];
		if (k + 2 > sizeof(piece) || i + 1 == n) {
			device_write(piece, k);
			k = 0;
		}
	}
}

static void
tell_dropped(void)
{
	char text[80];
	uint64_t n = atomic_load_explicit(&out.dropped, memory_order_relaxed);

	if (n == out.dropped_told || out.dead)
		return;
	fmt_format(text, sizeof(text),
	    "\n[console: %llu bytes of output dropped]\n",
	    (unsigned long long)(n - out.dropped_told));
	out.dropped_told = n;
	device_write_text(text, strlen(text));
}

/* Send up to position `to`; with a ticket, stop behind it for waiters. */
static void
send_until(uint64_t to, uint64_t ticket)
{
	char piece[PIECE_BYTES];
	uint64_t head = get(&out.head);
	size_t n;

	while (head != to) {
		if (head >= ticket &&
		    atomic_load_explicit(&out.waiters, memory_order_seq_cst) >
			0)
			return;
		for (n = 0; n < sizeof(piece) && head != to; n++, head++)
			piece[n] = (char)out.ring[head % RING_BYTES];
		device_write_text(piece, n);
		set(&out.head, head);
	}
}

/* --- the pump ----------------------------------------------------------- */

static bool
pump_take(void)
{
	unsigned nobody = 0;

	/* seq_cst: see 2; pairs with pump_release. */
	return atomic_compare_exchange_strong_explicit(&out.owner, &nobody,
	    smp_hart_self() + 1, memory_order_seq_cst, memory_order_seq_cst);
}

static void
pump_release(void)
{
	/* seq_cst: see 2; pairs with pump_take. */
	atomic_store_explicit(&out.owner, 0, memory_order_seq_cst);
	if (atomic_load_explicit(&out.waiters, memory_order_seq_cst) > 0)
		waitq_wake(&out.wq);
}

/* Send what waits, unless another hart is at it. False: it is. */
static bool
pump(uint64_t ticket)
{
	do {
		/* The reader shows it, or is about to take the pump. */
		if (atomic_load_explicit(&out.editing, memory_order_seq_cst)) {
			input_wake();
			return false;
		}
		if (!pump_take())
			return false;
		send_until(get(&out.tail), ticket);
		tell_dropped();
		pump_release();
		/* A waiter pumps when it wakes: it takes over what is left. */
	} while (output_waits() &&
	    atomic_load_explicit(&out.waiters, memory_order_seq_cst) == 0);
	return true;
}

bool
output_waits(void)
{
	return get(&out.head) != get(&out.tail);
}

static bool
room_or_pump(void *arg)
{
	const size_t *need = arg;

	return RING_BYTES - (get(&out.tail) - get(&out.head)) >= *need ||
	    atomic_load_explicit(&out.owner, memory_order_seq_cst) == 0;
}

/* For room in the ring, or for the pump. False: nothing moved for long. */
static bool
await_room(size_t need)
{
	uint64_t before = get(&out.head);
	bool met;

	atomic_fetch_add_explicit(&out.waiters, 1, memory_order_seq_cst);
	met = waitq_wait(
	    &out.wq, room_or_pump, NULL, &need, time_ns() + 2ull * DEAD_NS);
	atomic_fetch_sub_explicit(&out.waiters, 1, memory_order_seq_cst);
	/* Whoever has waited may have been handed the pump. */
	(void)pump(NO_TICKET);
	return met || get(&out.head) != before;
}

/* --- the end of the machine --------------------------------------------- */

/* Print what the ring holds, whoever owns it. */
static void
print_ring(void)
{
	if (atomic_exchange_explicit(&out.editing, 0, memory_order_relaxed))
		device_write_text("\n", 1);
	send_until(get(&out.tail), NO_TICKET);
}

/* Nobody sleeps here: true when the ring is empty, or free to be taken. */
static bool
owner_is_stopped(void)
{
	uint64_t head = get(&out.head), since = time_ns();

	while (output_waits() && time_ns() - since < STOPPED_NS) {
		if (get(&out.head) != head)
			return false;
	}
	return true;
}

/* --- records ------------------------------------------------------------ */

static uint64_t
copy_in(uint64_t tail, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out.ring[(tail + i) % RING_BYTES] = (uint8_t)text[i];
	return tail + n;
}

/*
 * Append a and b as one piece. One byte is left for the newline that
 * output_show_waiting may have to put. b is not empty, or a is not.
 */
static bool
append(unsigned stream, const char *a, size_t na, const char *b, size_t nb,
    uint64_t *ticket)
{
	unsigned long irq = 0;
	bool fits;
	uint64_t tail;
	size_t need;

	irq = klock_acquire(&out.lock);
	tail = get(&out.tail);
	need = na + nb + 1;
	if (out.open != NO_STREAM && out.open != stream)
		need++;
	fits = RING_BYTES - (tail - get(&out.head)) >= need;
	if (fits) {
		if (out.open != NO_STREAM && out.open != stream)
			tail = copy_in(tail, "\n", 1);
		tail = copy_in(copy_in(tail, a, na), b, nb);
		out.open = (nb > 0 ? b[nb - 1] : a[na - 1]) == '\n' ? NO_STREAM
								    : stream;
		*ticket = tail;
		set(&out.tail, tail);
	}
	klock_release(&out.lock, irq);
	return fits;
}

/* As append, but comes to an end: sent, under way, or dropped. */
static void
put_record(unsigned stream, const char *a, size_t na, const char *b, size_t nb)
{
	uint64_t ticket;

	if (na + nb == 0)
		return;
	while (!append(stream, a, na, b, nb, &ticket)) {
		if (pump(NO_TICKET))
			continue;
		if (smp_in_interrupt() || owns_pump()) {
			drop(na + nb);
			return;
		}
		if (may_wait()) {
			if (!await_room(na + nb + 2)) {
				drop(na + nb);
				return;
			}
		} else if (owner_is_stopped()) {
			print_ring();
		}
	}
	(void)pump(ticket);
}

/* Bytes of the next record: whole lines if that can be. n > 0. */
static size_t
record_bytes(const char *text, size_t n)
{
	size_t k = n < RECORD_BYTES ? n : RECORD_BYTES;

	while (k > 0 && text[k - 1] != '\n')
		k--;
	if (k > 0)
		return k;
	return n < RECORD_BYTES ? n : RECORD_BYTES;
}

static void
put_text(unsigned stream, const char *text, size_t n)
{
	while (n > 0) {
		size_t k = record_bytes(text, n);

		put_record(stream, text, k, NULL, 0);
		text += k;
		n -= k;
	}
}

static unsigned
print_stream(void)
{
	return 2 * smp_hart_self() + 1;
}

static unsigned
log_stream(void)
{
	return 2 * smp_hart_self() + 2;
}

/* --- what a line holds back --------------------------------------------- */

/* Take the held-back text away; its length. */
static size_t
partial_take(char *text)
{
	unsigned long irq = irq_save();
	struct partial *p = &partials[smp_hart_self()];
	size_t n = p->n;

	memcpy(text, p->text, n);
	p->n = 0;
	timer_cancel(&p->timer);
	irq_restore(irq);
	return n;
}

static void
on_hold_timer(void *arg)
{
	struct partial *p = arg;
	uint64_t ticket;

	if (p->n == 0)
		return;
	if (!append(print_stream(), p->text, p->n, NULL, 0, &ticket)) {
		timer_start(&p->timer, time_ns() + HOLD_NS, on_hold_timer, p);
		return;
	}
	p->n = 0;
	(void)pump(ticket);
}

/* False: it does not fit. */
static bool
partial_add(const char *text, size_t n)
{
	unsigned long irq = irq_save();
	struct partial *p = &partials[smp_hart_self()];
	bool fits = n <= sizeof(p->text) - p->n;

	if (fits) {
		memcpy(p->text + p->n, text, n);
		p->n += n;
		if (!p->timer.kt_armed)
			timer_start(
			    &p->timer, time_ns() + HOLD_NS, on_hold_timer, p);
	}
	irq_restore(irq);
	return fits;
}

static void
print(const char *text, size_t n)
{
	char held[PARTIAL_BYTES];
	size_t n_held, lines = n, k;

	while (lines > 0 && text[lines - 1] != '\n')
		lines--;
	if (lines == 0 && partial_add(text, n))
		return;
	n_held = partial_take(held);
	/* The held text and the end of its line go in one piece. */
	k = record_bytes(text, lines > 0 ? lines : n);
	put_record(print_stream(), held, n_held, text, k);
	text += k;
	n -= k;
	if (lines > k) {
		put_text(print_stream(), text, lines - k);
		text += lines - k;
		n -= lines - k;
	}
	if (n > 0 && !partial_add(text, n))
		put_text(print_stream(), text, n);
}

/* --- panic -------------------------------------------------------------- */

static void
panic_write(const char *text, size_t n)
{
	/* Relaxed: one hart speaks in a panic. */
	if (!atomic_exchange_explicit(
		&out.panic_begun, 1, memory_order_relaxed)) {
		struct partial *p = &partials[smp_hart_self()];
		unsigned long irq = 0;
		bool held = klock_try(&out.lock, &irq);

		print_ring();
		device_write_text(p->text, p->n);
		if (out.open != NO_STREAM || p->n > 0)
			device_write_text("\n", 1);
		p->n = 0;
		out.open = NO_STREAM;
		if (held)
			klock_release(&out.lock, irq);
	}
	device_write_text(text, n);
}

/* --- outside ------------------------------------------------------------ */

void
output_init(struct uart *u)
{
	out.uart = u;
}

uint64_t
output_sent(void)
{
	return atomic_load_explicit(&out.sent, memory_order_relaxed);
}

/* True when the text has been dealt with. */
static bool
write_specially(const char *text, size_t n)
{
	if (out.uart == NULL) {
		for (size_t i = 0; i < n; i++) {
			if (text[i] == '\n')
				io_firmware_putchar('\r');
			io_firmware_putchar(text[i]);
		}
		return true;
	}
	if (klog_in_panic()) {
		panic_write(text, n);
		return true;
	}
	return n == 0;
}

void
output_log(const char *text, size_t n)
{
	if (write_specially(text, n))
		return;
	if (!smp_in_interrupt())
		console_flush();
	put_text(log_stream(), text, n);
}

void
console_write(const char *text, size_t n)
{
	if (write_specially(text, n))
		return;
	if (smp_in_interrupt())
		put_text(log_stream(), text, n);
	else
		print(text, n);
}

void
console_flush(void)
{
	char held[PARTIAL_BYTES];

	if (out.uart == NULL || smp_in_interrupt())
		return;
	put_record(print_stream(), held, partial_take(held), NULL, 0);
}

static void
wait_for_device(void)
{
	uint64_t since = time_ns();

	while (!out.uart->u_ops->uo_is_idle(out.uart) &&
	    time_ns() - since < IDLE_NS)
		;
}

void
console_drain(void)
{
	if (out.uart == NULL)
		return;
	if (!klog_in_panic()) {
		console_flush();
		(void)pump(NO_TICKET);
		/* Each round moves something, or is the last. */
		while (output_waits()) {
			if (owns_pump() || owner_is_stopped())
				print_ring();
			else if (may_wait())
				(void)await_room(RING_BYTES);
		}
	}
	wait_for_device();
}

/* --- beside the edit line ----------------------------------------------- */

void
output_edit_begin(void)
{
	console_flush();
	/* First: from now on nobody else takes the pump, so it gets free. */
	atomic_store_explicit(&out.editing, 1, memory_order_seq_cst);
	while (!pump_take())
		(void)await_room(RING_BYTES + 1); /* never: for the pump */
	output_show_waiting();
}

void
output_edit_end(void)
{
	atomic_store_explicit(&out.editing, 0, memory_order_seq_cst);
	pump_release();
	(void)pump(NO_TICKET);
}

void
output_edit_emit(void *arg, const char *text, size_t n)
{
	(void)arg;
	device_write((const uint8_t *)text, n);
}

void
output_show_waiting(void)
{
	unsigned long irq = klock_acquire(&out.lock);
	uint64_t tail = get(&out.tail);

	/* append has left room for this byte. */
	if (out.open != NO_STREAM)
		tail = copy_in(tail, "\n", 1);
	out.open = NO_STREAM;
	set(&out.tail, tail);
	klock_release(&out.lock, irq);
	send_until(tail, NO_TICKET);
	tell_dropped();
	if (atomic_load_explicit(&out.waiters, memory_order_seq_cst) > 0)
		waitq_wake(&out.wq);
}
