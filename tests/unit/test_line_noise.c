/* SPDX-License-Identifier: MIT */
/*
 * The line editor fed with a million random bytes, keys and interruptions, the
 * same ones each time: after each byte its invariants hold and the screen
 * shows what it must.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After the four above. */
#include <cmocka.h>

#include <string.h>

#include "line_screen.h"

/* --- noise --------------------------------------------------------------- */

static uint64_t noise = 88172645463325252u;

static unsigned
rnd(unsigned n)
{
	noise ^= noise << 13;
	noise ^= noise >> 7;
	noise ^= noise << 17;
	return (unsigned)(noise >> 33) % n;
}

static const char *const fragments[] = { LEFT, RIGHT, UP, DOWN, "\x1b[H",
	"\x1b[F", "\x1b[3~", "\x1b[200~", "\x1b[201~", "\x1b[24;80R",
	"\x1b[?1;2c", "\x1b[[A", "\x1b]0;x\x07", "\x1bO", "\x1b", "\x1b[",
	"\xe2\x82\xac", "\xc3\xa4", "\xf0\x9f\x98\x80", "\xe2\x82", "\xff",
	"\x1b"
	"b",
	"\x1b"
	"f",
	"\x1b"
	"d",
	"\x1b\x7f", "\x01", "\x05", "\x0b", "\x15", "\x17", "\x19", "\x14",
	"\x7f\x7f\x7f\x7f\x7f\x7f", "hello world ", "\t", "\r\n" };

static enum line_event
noise_byte(uint8_t byte)
{
	enum line_event ev;

	ed.ed_more = rnd(3) == 0;
	ev = line_feed(&ed, byte);
	check_screen();
	if (ev == LINE_NONE)
		return ev;
	if (ev == LINE_DONE && rnd(4) == 0)
		line_history_add(&ed, ed.ed_buf);
	if (rnd(50) == 0) {
		screen.ansi = ed.ed_ansi = !ed.ed_ansi;
		screen.columns = ed.ed_columns = 40 + rnd(80);
		ed.ed_max = rnd(2) == 0 ? LINE_MAX_BYTES - 1 : 5 + rnd(300);
		screen_clear_row();
	}
	line_start(&ed, "> ");
	check_screen();
	return ev;
}

static void
million_random_bytes_break_no_invariant(void **state)
{
	unsigned events[5] = { 0 };

	(void)state;
	begin(false, 80);
	for (unsigned i = 0; i < 1000000;) {
		unsigned kind = rnd(100);
		const char *s =
		    fragments[rnd(sizeof(fragments) / sizeof(*fragments))];

		if (kind < 70) {
			/* Few line ends, so that lines get long. */
			uint8_t b = (uint8_t)rnd(256);

			if ((b == '\r' || b == '\n' || b == 3) && rnd(8) > 0)
				b = 'a';
			events[noise_byte(b)]++;
			i++;
		} else if (kind < 98) {
			for (; *s != '\0'; s++, i++)
				events[noise_byte((uint8_t)*s)]++;
		} else if (kind < 99) {
			line_hide(&ed);
			line_redraw(&ed);
			check_screen();
		} else if (rnd(20) == 0) {
			line_refuse(&ed, "[lost]");
			check_screen();
		}
	}
	for (unsigned i = 0; i < 5; i++)
		assert_true(events[i] > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(million_random_bytes_break_no_invariant),
	};

	return cmocka_run_group_tests_name("line noise", tests, NULL, NULL);
}
