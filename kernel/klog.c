/* SPDX-License-Identifier: MIT */
/*
 * The log: a ring of lines and the hart that shows them.
 *
 * Theory of operation
 * 1. A record is a level byte, the text and a newline. No text byte is a
 *    newline (append replaces what does not print), so a newline always ends a
 *    record and records need no length. Positions are 64-bit byte counts that
 *    only grow; ring[pos % KLOG_RING] is the byte, [tail, head) what is kept,
 *    and tail is always the start of a record.
 * 2. Readers are cursors: a position, and the number of the line it is in. A
 *    cursor that the tail has overtaken moves to the tail, and the difference
 *    of the line numbers is what it lost.
 * 3. One lock guards all of it. The sink is never called with it held. Who
 *    appends a line also shows it, unless a hart is at it already: that one
 *    then shows the line too. So lines come out whole and in ring order, and
 *    nobody waits for a slow UART but the hart that is showing.
 * 4. A hart shows at most one ring of bytes per call, so that it does not
 *    become the others' printer for ever; the next line continues.
 * 5. In a panic the lock is tried and then ignored: the other harts have been
 *    stopped, perhaps inside it, and a torn line is better than silence.
 */
#include <stdatomic.h>

#include <kernel/fmt.h>
#include <kernel/io.h>
#include <kernel/klog.h>
#include <kernel/lock.h>

#define LINE_MAX  1000u /* bytes of text in a line */
#define PIECE_MAX 256u  /* bytes given to the sink at once */

typedef void (*sink_fn)(const char *text, size_t n);
typedef uint64_t (*clock_fn)(void);

struct cursor {
	uint64_t pos;
	uint64_t line;
	bool inside; /* of a line, not at its start */
	bool hidden; /* the line is above the level limit */
};

/* Guarded by lock, but for the atomics. */
static struct klock lock;
static char ring[KLOG_RING];
static uint64_t head, tail;
static uint64_t tail_line; /* number of the record at tail */
static struct cursor shown;
static bool showing; /* a hart is in show() */

static _Atomic(sink_fn) sink;
static _Atomic(clock_fn) clock_hook;
static atomic_int level_limit = KLOG_INFO;
static atomic_bool panicking;

struct hold {
	bool held;
	unsigned long irq;
};

static struct hold
ring_lock(void)
{
	struct hold h = { .held = true };

	/* Relaxed: only the panicking hart needs to see its own store. */
	if (atomic_load_explicit(&panicking, memory_order_relaxed))
		h.held = klock_try(&lock, &h.irq);
	else
		h.irq = klock_acquire(&lock);
	return h;
}

static void
ring_unlock(struct hold h)
{
	if (h.held)
		klock_release(&lock, h.irq);
}

static void
drop_oldest_locked(void)
{
	while (tail < head && ring[tail % KLOG_RING] != '\n')
		tail++;
	if (tail < head)
		tail++;
	tail_line++;
}

static void
append_byte_locked(char c)
{
	if (head - tail >= KLOG_RING)
		drop_oldest_locked();
	ring[head % KLOG_RING] = c;
	head++;
}

struct line {
	size_t n;     /* bytes of text so far, those cut off not counted */
	bool newline; /* one is pending: the text may end with it */
};

static void
append_text_locked(void *arg, const char *text, size_t n)
{
	struct line *l = arg;

	for (size_t i = 0; i < n && l->n < LINE_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (l->newline) {
			append_byte_locked('?');
			l->n++;
			l->newline = false;
		}
		if (c == '\n') {
			l->newline = true;
			continue;
		}
		append_byte_locked(c < 0x20 || c == 0x7f ? '?' : text[i]);
		l->n++;
	}
}

static void __attribute__((format(printf, 2, 3)))
append_format_locked(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fmt_vstream(append_text_locked, l, fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 0)))
append_line_locked(enum klog_level level, const char *fmt, va_list ap)
{
	clock_fn now = atomic_load_explicit(&clock_hook, memory_order_relaxed);
	uint64_t us = now == NULL ? 0 : now() / 1000u;
	struct line l = { .n = 0 };

	append_byte_locked((char)('0' + (int)level));
	append_format_locked(&l, "[%5llu.%06llu] %s",
	    (unsigned long long)(us / 1000000u),
	    (unsigned long long)(us % 1000000u),
	    level == KLOG_ERROR      ? "error: "
		: level == KLOG_WARN ? "warning: "
				     : "");
	l.n = 0; /* the limit is for the text */
	(void)fmt_vstream(append_text_locked, &l, fmt, ap);
	append_byte_locked('\n');
}

/* Lines that were overwritten before this cursor came to them. */
static uint64_t
catch_up_locked(struct cursor *c)
{
	uint64_t lost = 0;

	if (c->pos < tail) {
		lost = tail_line - c->line;
		c->pos = tail;
		c->line = tail_line;
		c->inside = false;
	}
	return lost;
}

/*
 * Up to n bytes of text of one visible line, from the cursor; 0: the cursor is
 * at the end, or `budget` bytes of hidden lines were skipped.
 */
static size_t
take_locked(struct cursor *c, char *out, size_t n, int limit, size_t budget)
{
	size_t got = 0;

	while (c->pos < head && got < n && budget-- > 0) {
		char b = ring[c->pos++ % KLOG_RING];

		if (!c->inside) {
			c->inside = true;
			c->hidden = b - '0' > limit;
			continue;
		}
		if (!c->hidden)
			out[got++] = b;
		if (b == '\n') {
			c->inside = false;
			c->line++;
			if (got > 0)
				break;
		}
	}
	return got;
}

/* The next piece for the sink, "lines lost" notes included; 0: none. */
static size_t
next_piece(char piece[PIECE_MAX])
{
	int limit = atomic_load_explicit(&level_limit, memory_order_relaxed);
	struct hold h = ring_lock();
	bool torn = shown.inside && !shown.hidden;
	uint64_t lost = catch_up_locked(&shown);
	size_t n;

	if (lost > 0)
		n = fmt_format(piece, PIECE_MAX,
		    "%s[klog] %llu lines were overwritten before they could "
		    "be shown\n",
		    torn ? "\n" : "", (unsigned long long)lost);
	else
		n = take_locked(&shown, piece, PIECE_MAX, limit, KLOG_RING);
	if (n == 0)
		showing = false;
	ring_unlock(h);
	return n;
}

static void
firmware_write(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		io_firmware_putchar(text[i]);
}

/* Where text goes now; NULL: nowhere. */
static sink_fn
current_sink(void)
{
	/* Acquire pairs with klog_set_sink: the sink's state is set up. */
	sink_fn out = atomic_load_explicit(&sink, memory_order_acquire);

	return out == NULL && klog_in_panic() ? firmware_write : out;
}

static void
show(bool take_over)
{
	sink_fn out = current_sink();
	char piece[PIECE_MAX];
	struct hold h;
	bool busy;

	if (out == NULL)
		return;
	h = ring_lock();
	busy = showing && !take_over;
	showing = true;
	ring_unlock(h);
	if (busy)
		return;
	for (size_t budget = KLOG_RING; budget > 0;) {
		size_t n = next_piece(piece);

		if (n == 0)
			return;
		out(piece, n);
		budget = n < budget ? budget - n : 0;
	}
	h = ring_lock();
	showing = false;
	ring_unlock(h);
}

void
klog(enum klog_level level, const char *fmt, ...)
{
	struct hold h = ring_lock();
	va_list ap;

	va_start(ap, fmt);
	append_line_locked(level, fmt, ap);
	va_end(ap);
	ring_unlock(h);
	show(klog_in_panic());
}

void
klog_flush(void)
{
	show(true);
}

void
klog_set_level(enum klog_level level)
{
	atomic_store_explicit(&level_limit, (int)level, memory_order_relaxed);
}

void
klog_set_clock(uint64_t (*ns)(void))
{
	atomic_store_explicit(&clock_hook, ns, memory_order_relaxed);
}

void
klog_set_sink(void (*write)(const char *text, size_t n))
{
	/* Release pairs with current_sink. */
	atomic_store_explicit(&sink, write, memory_order_release);
	show(klog_in_panic());
}

void
klog_raw(const char *text, size_t n)
{
	sink_fn out = current_sink();

	if (out != NULL)
		out(text, n);
}

/* Text gathered for klog_raw, so that a short one goes out as one piece. */
struct gather {
	char text[PIECE_MAX];
	size_t n;
};

static void
put_gather(void *arg, const char *text, size_t n)
{
	struct gather *g = arg;

	for (size_t i = 0; i < n; i++) {
		if (g->n == PIECE_MAX) {
			klog_raw(g->text, g->n);
			g->n = 0;
		}
		g->text[g->n++] = text[i];
	}
}

void
klog_printf(const char *fmt, ...)
{
	struct gather g;
	va_list ap;

	g.n = 0;
	va_start(ap, fmt);
	(void)fmt_vstream(put_gather, &g, fmt, ap);
	va_end(ap);
	if (g.n > 0)
		klog_raw(g.text, g.n);
}

void
klog_panic_mode(void)
{
	atomic_store_explicit(&panicking, true, memory_order_relaxed);
}

bool
klog_in_panic(void)
{
	return atomic_load_explicit(&panicking, memory_order_relaxed);
}

size_t
klog_read(char *out, size_t n)
{
	struct hold h = ring_lock();
	uint64_t end = head;
	struct cursor c = { .pos = tail, .line = tail_line };
	size_t got = 0;

	/* Level bytes make the ring longer than its text: this is enough. */
	while (c.pos < end && (end - c.pos > n || c.inside)) {
		c.inside = ring[c.pos++ % KLOG_RING] != '\n';
		c.line += c.inside ? 0 : 1;
	}
	ring_unlock(h);
	while (got < n && c.pos < end) {
		size_t piece = n - got < PIECE_MAX ? n - got : PIECE_MAX;

		h = ring_lock();
		if (catch_up_locked(&c) > 0 && got > 0)
			out[got - 1] = '\n'; /* perhaps a torn line */
		got += take_locked(&c, out + got, piece, KLOG_DEBUG, KLOG_RING);
		ring_unlock(h);
	}
	return got;
}
