/* SPDX-License-Identifier: MIT */
/*
 * The console: device, reader, terminal.
 *
 * Theory of operation
 * 1. Who may write: any hart in any context (output.c). Who may read: the boot
 *    hart's thread, one line at a time; between console_readline calls input
 *    waits in the ring (input.c), which is what makes paste work while a line
 *    is being executed.
 * 2. Order in a panic: what had been printed comes first, then the panic's
 *    text, straight to the device; no lock is waited for.
 * 3. Back-pressure: writers wait for room in the output ring, in wfi. There is
 *    none towards the sender: the receive ring holds three pastes of a thousand
 *    lines, and what does not fit is counted, marked, and its line refused.
 * 4. Terminal. `auto` is dumb until the terminal has answered: at the first
 *    prompt, and only there, one question (ESC[c) is sent, followed by what
 *    wipes it off a screen that printed it. Nothing waits for the answer; when
 *    it comes, as input, escape sequences are used from then on, and the size
 *    is asked for by sending the cursor to the far corner. A run without a
 *    prompt emits no escape byte at all.
 * 5. The edit line belongs to the boot hart's thread alone. While it is shown,
 *    the reader sleeps until a byte has come or another's text waits.
 */
#include <stdatomic.h>
#include <string.h>

#include <console/console.h>
#include <console/line.h>
#include <kernel/boot.h>
#include <kernel/fmt.h>
#include <kernel/klog.h>
#include <kernel/panic.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/waitq.h>

#include "console_impl.h"
#include "ring.h"

#define RING_SMALL   1024u
#define MMIO_DEFAULT 0x100u /* bytes, when the tree gives no size */
#define ROWS_DEFAULT 24u
#define ROWS_MAX     1000u

/* What is sent at the first prompt, and wiped where it was printed. */
#define ASK_KIND "\x1b[c\r    \r"
#define ASK_SIZE                                                               \
	"\x1b"                                                                 \
	"7\x1b[999;999H\x1b[6n\x1b"                                            \
	"8"
#define PASTE_ON  "\x1b[?2004h"
#define PASTE_OFF "\x1b[?2004l"

static struct uart uart;
static struct line editor;
static uint8_t small_ring[RING_SMALL];
static char device_name[64];

/* Boot hart's thread. */
static enum bootargs_term term;
static bool asked_kind;
/* Any hart reads these. Relaxed: each is a figure by itself. */
static atomic_bool is_ansi;
static atomic_uint columns = 80, rows = ROWS_DEFAULT;

/* --- the terminal ------------------------------------------------------- */

static void
emit(const char *text)
{
	output_edit_emit(NULL, text, strlen(text));
}

static void
set_ansi(bool on)
{
	editor.ed_ansi = on;
	atomic_store_explicit(&is_ansi, on, memory_order_relaxed);
}

/* At the start of a line, before the prompt. */
static void
greet_terminal(void)
{
	if (asked_kind || boot_args()->batch || term == TERM_DUMB) {
		if (editor.ed_ansi)
			emit(PASTE_ON);
		return;
	}
	asked_kind = true;
	if (term == TERM_ANSI)
		emit(ASK_SIZE PASTE_ON);
	else
		emit(ASK_KIND);
}

static unsigned
clamp(unsigned v, unsigned low, unsigned high)
{
	return v < low ? low : v > high ? high : v;
}

/* The terminal has said something, in the middle of a line or not. */
static void
hear_terminal(void)
{
	if (editor.ed_answered && term == TERM_AUTO && !editor.ed_ansi) {
		line_hide(&editor);
		set_ansi(true);
		emit(ASK_SIZE PASTE_ON);
		line_redraw(&editor);
	}
	editor.ed_answered = false;
	if (editor.ed_answer_columns == 0)
		return;
	line_hide(&editor);
	editor.ed_columns =
	    clamp(editor.ed_answer_columns, LINE_COLUMNS_MIN, LINE_COLUMNS_MAX);
	atomic_store_explicit(
	    &columns, editor.ed_columns, memory_order_relaxed);
	atomic_store_explicit(&rows, clamp(editor.ed_answer_rows, 2, ROWS_MAX),
	    memory_order_relaxed);
	editor.ed_answer_columns = 0;
	editor.ed_answer_rows = 0;
	line_redraw(&editor);
}

bool
console_is_ansi(void)
{
	return atomic_load_explicit(&is_ansi, memory_order_relaxed);
}

void
console_set_term(const char *name)
{
	if (strcmp(name, "ansi") == 0)
		term = TERM_ANSI;
	else if (strcmp(name, "dumb") == 0)
		term = TERM_DUMB;
	else if (strcmp(name, "auto") == 0)
		term = TERM_AUTO;
	else
		return;
	asked_kind = false;
	set_ansi(term == TERM_ANSI);
}

void
console_size(unsigned *out_columns, unsigned *out_rows)
{
	*out_columns = atomic_load_explicit(&columns, memory_order_relaxed);
	*out_rows = atomic_load_explicit(&rows, memory_order_relaxed);
}

/* --- reading ------------------------------------------------------------ */

/* At the first mark in a line: the rest of the line is swallowed. */
static void
tell_loss(void)
{
	char text[96];
	uint64_t n;

	if (editor.ed_refused)
		return;
	n = input_take_losses();
	/* One event can damage two lines; its bytes are told once. */
	if (n > 0)
		fmt_format(text, sizeof(text), "[console: %llu bytes lost]",
		    (unsigned long long)n);
	else
		fmt_format(text, sizeof(text),
		    "[console: line refused, bytes were lost]");
	line_refuse(&editor, text);
}

/* At the end of a refused line: what was lost after the message. */
static void
tell_more_losses(void)
{
	char text[96];
	uint64_t n = input_take_losses();

	if (n == 0)
		return;
	fmt_format(text, sizeof(text), "[console: %llu more bytes lost]\r\n",
	    (unsigned long long)n);
	emit(text);
}

/* One step of a line: what waits is shown, a byte is fed, or we sleep. */
static enum line_event
read_step(void)
{
	enum line_event ev = LINE_NONE;
	int c;

	if (output_waits()) {
		line_hide(&editor);
		output_show_waiting();
		line_redraw(&editor);
	}
	c = input_get();
	switch (c) {
	case RING_EMPTY:
		line_settle(&editor);
		input_wait(WAIT_FOREVER);
		break;
	case RING_LOSS:
		tell_loss();
		break;
	case RING_DROPPED:
		line_forget_input(&editor);
		break;
	default:
		editor.ed_more = input_waits();
		ev = line_feed(&editor, (uint8_t)c);
		hear_terminal();
		break;
	}
	return ev;
}

long
console_readline(const char *prompt, char *out, size_t n)
{
	enum line_event ev;

	KASSERT(smp_hart_self() == 0);
	KASSERT(n >= 2);
	editor.ed_max = (n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES) - 1;
	output_edit_begin();
	input_reading(true);
	greet_terminal();
	line_start(&editor, prompt);
	do
		ev = read_step();
	while (ev == LINE_NONE);
	if (ev == LINE_REFUSED)
		tell_more_losses();
	if (editor.ed_ansi)
		emit(PASTE_OFF);
	input_reading(false);
	output_edit_end();
	if (ev == LINE_EOF)
		return CONSOLE_EOF;
	if (ev == LINE_REFUSED)
		return CONSOLE_REFUSED;
	if (ev != LINE_DONE)
		return CONSOLE_INTERRUPT;
	KASSERT(editor.ed_len < n);
	memcpy(out, editor.ed_buf, editor.ed_len + 1);
	return (long)editor.ed_len;
}

/* Until the end of what is to be refused; the bytes that it had. */
static uint64_t
swallow(void)
{
	uint64_t bytes = 0, until = time_ns() + CONSOLE_PAUSE_NS;

	for (;;) {
		bool paste = editor.ed_paste;
		int c = input_get();

		if (c == RING_EMPTY) {
			/* The end mark of a bracketed paste is waited for. */
			if (!paste && time_ns() >= until)
				return bytes;
			if (output_waits())
				output_show_waiting();
			input_wait(paste ? WAIT_FOREVER : until);
			continue;
		}
		until = time_ns() + CONSOLE_PAUSE_NS;
		if (c == RING_LOSS || c == RING_DROPPED) {
			line_forget_input(&editor);
			continue;
		}
		bytes++;
		if (line_swallow(&editor, (uint8_t)c) ||
		    (paste && !editor.ed_paste))
			return bytes;
		hear_terminal();
	}
}

void
console_refuse_rest(void)
{
	char text[96];
	uint64_t n;

	KASSERT(smp_hart_self() == 0);
	output_edit_begin();
	input_reading(true);
	n = swallow();
	if (n > 0) {
		fmt_format(text, sizeof(text),
		    "[console: rest of the paste refused, %llu bytes]\r\n",
		    (unsigned long long)n);
		emit(text);
	}
	tell_more_losses();
	input_reading(false);
	output_edit_end();
}

void
console_history_add(const char *chunk)
{
	line_history_add(&editor, chunk);
}

void
console_running(bool running, void (*on_interrupt)(unsigned count))
{
	input_running(running, on_interrupt);
}

/* --- start -------------------------------------------------------------- */

/* False: no UART that we know, or its registers cannot be reached. */
static bool
open_uart(const struct platform_uart *pu)
{
	uint64_t size = pu->size != 0 ? pu->size : MMIO_DEFAULT;

	switch (pu->kind) {
	case UART_NONE:
		return false;
	case UART_NS16550:
	case UART_DW_APB:
		uart.u_ops = &uart_ns16550_ops;
		break;
	case UART_SIFIVE:
		uart.u_ops = &uart_sifive_ops;
		break;
	}
	uart.u_base = boot_map_mmio(pu->base, size);
	if (uart.u_base == NULL) {
		klog(KLOG_WARN,
		    "console: cannot map %s at 0x%llx: using the firmware's",
		    pu->path, (unsigned long long)pu->base);
		return false;
	}
	uart.u_shift = pu->reg_shift;
	uart.u_width = pu->reg_width == 4 ? 4 : 1;
	uart.u_designware = pu->kind == UART_DW_APB;
	fmt_format(device_name, sizeof(device_name), "%s",
	    uart.u_designware ? "snps,dw-apb-uart" : uart.u_ops->uo_name);
	return true;
}

static size_t
power_of_two_below(size_t bytes)
{
	size_t size = RING_SMALL;

	while (size <= bytes / 2)
		size *= 2;
	return size;
}

void
console_init(void *ring, size_t bytes)
{
	const struct platform_uart *pu = &boot_platform()->uart;
	uint32_t irq = pu->irq;
	bool by_interrupt;

	line_init(&editor, output_edit_emit, NULL);
	term = boot_args()->term;
	set_ansi(term == TERM_ANSI);
	if (ring == NULL || bytes < RING_SMALL) {
		ring = small_ring;
		bytes = sizeof(small_ring);
	}
	bytes = power_of_two_below(bytes);
	if (!open_uart(pu)) {
		uart.u_ops = &uart_firmware_ops;
		uart.u_base = NULL;
		irq = 0;
		fmt_format(device_name, sizeof(device_name), "firmware");
	}
	uart.u_ops->uo_init(&uart);
	by_interrupt = input_init(&uart, ring, bytes, pu->irq_parent, irq);
	output_init(&uart);
	klog_set_sink(output_log);
	klog(KLOG_INFO, "console: %s %s, %s, %zu KiB ring", device_name,
	    uart.u_base != NULL ? pu->path : "(SBI)",
	    by_interrupt ? "by interrupt" : "polled every 1 ms", bytes / 1024);
}

void
console_get_stats(struct console_stats *st)
{
	memset(st, 0, sizeof(*st));
	input_get_stats(st);
	st->transmitted = output_sent();
	memcpy(st->device, device_name, sizeof(st->device));
}
