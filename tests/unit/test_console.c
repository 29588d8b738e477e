/* SPDX-License-Identifier: MIT */
/* The whole console on a fake kernel (console_world.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After the four above. */
#include <cmocka.h>

#include <string.h>

#include <console/console.h>

#include "console_world.h"

/* --- reading ------------------------------------------------------------- */

static void
line_is_read_and_echoed(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	then("1+1\r", NULL);
	assert_int_equal(read_line(line), 3);
	assert_string_equal(line, "1+1");
	output_is("quarry> 1+1\r\n");
}

static void
paste_waits_in_the_ring_between_lines(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	then("a\nb\r\nc\r", NULL);
	assert_int_equal(read_line(line), 1);
	write_text("out\n");
	assert_int_equal(read_line(line), 1);
	assert_string_equal(line, "b");
	assert_int_equal(read_line(line), 1);
	output_is("quarry> a\r\nout\r\nquarry> b\r\nquarry> c\r\n");
}

static void
I2_5_polled_device_is_read_without_interrupts(void **state)
{
	struct console_stats st;
	char line[256];

	(void)state;
	start(false, 4096, TERM_DUMB);
	then("x=1\r", NULL);
	assert_int_equal(read_line(line), 3);
	console_get_stats(&st);
	assert_false(st.interrupt_driven);
	assert_int_equal(st.lost_device + st.lost_ring, 0);
}

static void
eof_interrupt_and_buffer_limit(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	then("abc\x03\x04"
	     "12345678\rok\r",
	    NULL);
	assert_int_equal(read_line(line), CONSOLE_INTERRUPT);
	assert_int_equal(read_line(line), CONSOLE_EOF);
	assert_int_equal(console_readline("> ", line, 8), CONSOLE_REFUSED);
	output_has("[console: line too long, refused]");
	assert_int_equal(console_readline("> ", line, 8), 2);
}

static void
history_is_shared_by_all_lines(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	console_history_add("for i = 1, 2 do\nprint(i)\nend\n");
	then("\x10\r", NULL);
	assert_int_equal(read_line(line), 28);
	assert_string_equal(line, "for i = 1, 2 do\nprint(i)\nend");
}

/* --- losses -------------------------------------------------------------- */

static void
burst_beyond_the_fifo(void)
{
	/* Interrupts were off for long: 16 bytes fit, the rest is gone. */
	for (const char *c = "fine=1\rdamaged()lost\rmore\r"; *c != '\0'; c++)
		arrive((uint8_t)*c);
	interrupt(world.handler, NULL);
	arrive_gently(")\rnext\r");
}

static void
I2_5_overrun_refuses_the_damaged_line_only(void **state)
{
	char line[256];
	struct console_stats st;

	(void)state;
	start(true, 4096, TERM_DUMB);
	then(NULL, burst_beyond_the_fifo);
	assert_int_equal(read_line(line), 6);
	assert_string_equal(line, "fine=1");
	assert_int_equal(read_line(line), CONSOLE_REFUSED);
	output_has("[console: 1 bytes lost]"); /* one event at least */
	assert_int_equal(read_line(line), 4);
	assert_string_equal(line, "next");
	console_get_stats(&st);
	assert_true(st.lost_device > 0);
}

static void
overrun_seen_by_the_transmitter_is_not_forgotten(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	arrive_gently("bad");
	world.irq_on = false;
	for (unsigned i = 0; i < FIFO + 4; i++)
		arrive('x');
	world.self = 2; /* another hart prints, and so reads the status */
	world.irq_on = true;
	write_text("noise\n");
	world.self = 0;
	interrupt(world.handler, NULL);
	arrive_gently("\rok\r");
	assert_int_equal(read_line(line), CONSOLE_REFUSED);
	output_has("[console: 1 bytes lost]");
	assert_int_equal(read_line(line), 2);
}

static void
I2_5_full_ring_is_counted_exactly_and_its_line_refused(void **state)
{
	char text[3000], line[256];
	struct console_stats before, after;

	(void)state;
	start(true, 1024, TERM_DUMB);
	console_get_stats(&before);
	assert_int_equal(before.ring_bytes, 1024);
	memset(text, 'x', sizeof(text));
	memcpy(text, "a=1\r", 4);
	text[2000] = '\0';
	arrive_gently(text); /* 1,022 fit */
	assert_int_equal(read_line(line), 3);
	then("tail\rb=2\r", NULL);
	/* The line is too long for 256 bytes, too: it is refused once. */
	assert_int_equal(
	    console_readline("> ", text, sizeof(text)), CONSOLE_REFUSED);
	output_has("[console: 978 bytes lost]");
	assert_int_equal(read_line(line), 3);
	assert_string_equal(line, "b=2");
	console_get_stats(&after);
	assert_int_equal(after.lost_ring - before.lost_ring, 978);
	assert_int_equal(after.ring_high, 1024);
}

/* --- the rest of a paste ------------------------------------------------- */

static void
rest_of_a_paste_is_dropped_until_a_pause(void **state)
{
	uint64_t begin;
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	then("first\rsecond\rthi", NULL);
	then("rd\rand half", NULL);
	assert_int_equal(read_line(line), 5);
	begin = world.now;
	console_refuse_rest();
	assert_in_range(world.now - begin, CONSOLE_PAUSE_NS,
	    CONSOLE_PAUSE_NS + CONSOLE_PAUSE_NS / 2);
	output_has("[console: rest of the paste refused, 21 bytes]\r\n");
	then("next\r", NULL);
	assert_int_equal(read_line(line), 4);
	assert_string_equal(line, "next");
}

static void
rest_of_a_bracketed_paste_is_dropped_to_its_end_mark(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_ANSI);
	arrive_gently("\x1b[200~first\rsecond\x04\r\x1b[A\r\x1b[20");
	assert_int_equal(read_line(line), 5);
	then("1~behind\r", NULL);
	console_refuse_rest();
	output_has("[console: rest of the paste refused, 18 bytes]\r\n");
	assert_int_equal(read_line(line), 6);
	assert_string_equal(line, "behind");
}

static void
ctrl_c_ends_what_is_refused(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_ANSI);
	/* The end mark was lost. */
	arrive_gently("\x1b[200~first\rsecond\r\x03mine\r");
	assert_int_equal(read_line(line), 5);
	console_refuse_rest();
	assert_int_equal(read_line(line), 4);
	assert_string_equal(line, "mine");
}

/* --- Ctrl-C -------------------------------------------------------------- */

static unsigned counts[8], n_counts;

static void
on_interrupt(unsigned count)
{
	assert_true(world.interrupt || !world.irq_on);
	assert_true(n_counts < 8);
	counts[n_counts++] = count;
}

static void
ctrl_c_stops_what_runs_and_drops_what_waits(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	n_counts = 0;
	console_running(true, on_interrupt);
	arrive_gently("typed ahead\r\x03");
	assert_int_equal(n_counts, 1);
	arrive_gently("\x03");
	assert_int_equal(n_counts, 2);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 2);
	console_running(false, NULL);
	arrive_gently("after\r");
	assert_int_equal(read_line(line), 5);
	assert_string_equal(line, "after");
	/* Counting begins anew. */
	console_running(true, on_interrupt);
	arrive_gently("\x03");
	assert_int_equal(counts[2], 1);
	console_running(false, NULL);
}

static void
ctrl_c_that_came_just_before_the_run_counts(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	n_counts = 0;
	arrive_gently("loop()\r\x03x\r");
	assert_int_equal(read_line(line), 6);
	console_running(true, on_interrupt);
	assert_int_equal(n_counts, 1);
	run_timers();
	assert_int_equal(n_counts, 1);
	console_running(false, NULL);
	assert_int_equal(read_line(line), 1); /* what followed stays */
	assert_string_equal(line, "x");
	n_counts = 1;
	/* Once it has been read by the editor it is spent. */
	arrive_gently("y\x03z\r");
	assert_int_equal(read_line(line), CONSOLE_INTERRUPT);
	console_running(true, on_interrupt);
	assert_int_equal(n_counts, 1);
	console_running(false, NULL);
}

static void
I2_5_polled_device_is_watched_while_a_job_runs(void **state)
{
	(void)state;
	start(false, 4096, TERM_DUMB);
	n_counts = 0;
	console_running(true, on_interrupt);
	run_timers();
	assert_non_null(world.timers);
	assert_in_range(world.timers->kt_deadline_ns - world.now, 1, 1000000);
	arrive(0x03);
	world.now += 1000000;
	run_timers();
	assert_int_equal(n_counts, 1);
	console_running(false, NULL);
	assert_null(world.timers);
}

/* --- writing ------------------------------------------------------------- */

static void
newline_becomes_cr_lf(void **state)
{
	(void)state;
	start(true, 4096, TERM_DUMB);
	write_text("a\nb\n\n");
	output_is("a\r\nb\r\n\r\n");
}

static void
lines_of_two_harts_in_pieces_do_not_mix(void **state)
{
	(void)state;
	start(true, 4096, TERM_DUMB);
	world.self = 1;
	write_text("one ");
	world.self = 2;
	write_text("two ");
	world.self = 1;
	write_text("uno\n");
	world.self = 2;
	write_text("dos\n");
	output_is("one uno\r\ntwo dos\r\n");
}

static void
held_back_text_is_shown_in_time_and_then_keeps_its_line(void **state)
{
	(void)state;
	start(true, 4096, TERM_DUMB);
	world.self = 1;
	write_text("working");
	output_is("");
	world.now += 30000000;
	run_timers();
	output_is("working");
	write_text(" done\n");
	output_is(" done\r\n");
	/* A line that is open on the screen is ended by another's. */
	write_text("half");
	console_flush();
	world.self = 2;
	write_text("whole\n");
	world.self = 1;
	write_text("rest\n");
	output_is("half\r\nwhole\r\nrest\r\n");
}

static void
log_line_from_an_interrupt_does_not_enter_a_line(void **state)
{
	(void)state;
	start(true, 4096, TERM_DUMB);
	write_text("print");
	world.interrupt = true;
	world.irq_on = false;
	world.sink("log\n", 4);
	world.interrupt = false;
	world.irq_on = true;
	write_text("ed\n");
	output_is("log\r\nprinted\r\n");
	/* From the thread itself the order is the order of the calls. */
	write_text("print");
	world.sink("log\n", 4);
	output_is("print\r\nlog\r\n");
}

static void
text_longer_than_every_buffer_arrives_whole(void **state)
{
	static char text[30001], want[30001];

	(void)state;
	start(true, 4096, TERM_DUMB);
	for (unsigned i = 0; i < 30000; i++)
		text[i] = (char)('a' + i % 26);
	memcpy(want, text, sizeof(want));
	write_text("x");
	write_text(text);
	console_flush();
	assert_int_equal(dev.n, 30001);
	assert_memory_equal(dev.out + 1, want, 30000);
}

static void
dead_uart_costs_two_seconds_once_and_is_told(void **state)
{
	uint64_t before;

	(void)state;
	start(true, 4096, TERM_DUMB);
	dev.dead = true;
	before = world.now;
	write_text("lost 9\n");
	assert_in_range(world.now - before, 2000000000, 2200000000);
	before = world.now;
	for (unsigned i = 0; i < 10; i++)
		write_text("lost 9\n");
	assert_in_range(world.now - before, 0, 1000000);
	console_drain();
	dev.dead = false;
	write_text("back\n");
	output_is("back\r\n\r\n[console: 88 bytes of output dropped]\r\n");
}

/* --- beside the edit line ------------------------------------------------ */

static void
others_speak(void)
{
	world.self = 3;
	write_text("from hart 3\n");
	world.self = 0;
}

static void
I2_5_output_of_others_goes_above_the_edit_line(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	then("ab", NULL);
	then(NULL, others_speak);
	then("c\r", NULL);
	assert_int_equal(read_line(line), 3);
	assert_string_equal(line, "abc");
	output_is("quarry> ab\r          \rfrom hart 3\r\n"
		  "\rquarry> abc\r\n");
}

static void
prompt_begins_a_row_of_its_own(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	write_text("no newline");
	then("\r", NULL);
	assert_int_equal(read_line(line), 0);
	output_is("no newline\r\nquarry> \r\n");
}

/* --- the terminal -------------------------------------------------------- */

static void
auto_asks_once_at_the_first_prompt_and_stays_dumb(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_AUTO);
	write_text("boot\n");
	output_is("boot\r\n");
	then("a\x1b[Db\r", NULL);
	then("c\r", NULL);
	assert_int_equal(read_line(line), 2);
	assert_int_equal(read_line(line), 1);
	assert_memory_equal(dev.out, "\x1b[c\r    \r", 9);
	assert_null(strchr(dev.out + 1, '\x1b'));
	assert_false(console_is_ansi());
}

static void
answer_makes_it_an_ansi_terminal_of_that_size(void **state)
{
	char line[256];
	unsigned columns, rows;

	(void)state;
	start(true, 4096, TERM_AUTO);
	then("x", NULL);
	then("\x1b[?62;4c", NULL);
	then("\x1b[50;132R", NULL);
	then("y\r", NULL);
	assert_int_equal(read_line(line), 2);
	assert_string_equal(line, "xy");
	assert_true(console_is_ansi());
	console_size(&columns, &rows);
	assert_int_equal(columns, 132);
	assert_int_equal(rows, 50);
	output_has("\x1b[6n");
	output_has("\x1b[?2004h");
	output_has("\x1b[?2004l");
	console_set_term("dumb");
	assert_false(console_is_ansi());
}

static void
batch_run_and_dumb_terminal_see_no_escape(void **state)
{
	char line[256];

	(void)state;
	start(true, 4096, TERM_DUMB);
	then("\x1b[?1;2ca\x1b[D\x1b[3~b\x10\x0c\x15z\r", NULL);
	assert_int_equal(read_line(line), 1);
	assert_null(strchr(dev.out, '\x1b'));
	start(true, 4096, TERM_AUTO);
	world.args.batch = true;
	then("q\r", NULL);
	assert_int_equal(read_line(line), 1);
	assert_null(strchr(dev.out, '\x1b'));
}

/* --- the end ------------------------------------------------------------- */

static void
poweroff_from_another_hart(void)
{
	/* Hart 0 sits in the editor and has been stopped. */
	world.self = 2;
	world.irq_on = false;
	world.sink("QUARRY-EXIT code=0\n", 19);
	console_drain();
	longjmp(*world.at_end, 1);
}

static void
end_of_the_machine_is_told_though_the_reader_is_stopped(void **state)
{
	char line[256];
	jmp_buf end;

	(void)state;
	start(true, 4096, TERM_DUMB);
	world.at_end = &end;
	then(NULL, poweroff_from_another_hart);
	if (setjmp(end) == 0)
		(void)read_line(line);
	output_is("quarry> \r\nQUARRY-EXIT code=0\r\n");
}

/* Last: it leaves the pump with the reader of the test before. */
static void
panic_prints_what_waited_and_then_itself(void **state)
{
	(void)state;
	world.self = 1;
	world.irq_on = true;
	write_text("held back");
	world.panic = true;
	world.irq_on = false;
	world.sink("PANIC hart 1\n", 13);
	world.sink("more\n", 5);
	output_is("held back\r\nPANIC hart 1\r\nmore\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_is_read_and_echoed),
		cmocka_unit_test(paste_waits_in_the_ring_between_lines),
		cmocka_unit_test(I2_5_polled_device_is_read_without_interrupts),
		cmocka_unit_test(eof_interrupt_and_buffer_limit),
		cmocka_unit_test(history_is_shared_by_all_lines),
		cmocka_unit_test(I2_5_overrun_refuses_the_damaged_line_only),
		cmocka_unit_test(
		    overrun_seen_by_the_transmitter_is_not_forgotten),
		cmocka_unit_test(
		    I2_5_full_ring_is_counted_exactly_and_its_line_refused),
		cmocka_unit_test(rest_of_a_paste_is_dropped_until_a_pause),
		cmocka_unit_test(
		    rest_of_a_bracketed_paste_is_dropped_to_its_end_mark),
		cmocka_unit_test(ctrl_c_ends_what_is_refused),
		cmocka_unit_test(ctrl_c_stops_what_runs_and_drops_what_waits),
		cmocka_unit_test(ctrl_c_that_came_just_before_the_run_counts),
		cmocka_unit_test(
		    I2_5_polled_device_is_watched_while_a_job_runs),
		cmocka_unit_test(newline_becomes_cr_lf),
		cmocka_unit_test(lines_of_two_harts_in_pieces_do_not_mix),
		cmocka_unit_test(
		    held_back_text_is_shown_in_time_and_then_keeps_its_line),
		cmocka_unit_test(
		    log_line_from_an_interrupt_does_not_enter_a_line),
		cmocka_unit_test(text_longer_than_every_buffer_arrives_whole),
		cmocka_unit_test(dead_uart_costs_two_seconds_once_and_is_told),
		cmocka_unit_test(
		    I2_5_output_of_others_goes_above_the_edit_line),
		cmocka_unit_test(prompt_begins_a_row_of_its_own),
		cmocka_unit_test(
		    auto_asks_once_at_the_first_prompt_and_stays_dumb),
		cmocka_unit_test(answer_makes_it_an_ansi_terminal_of_that_size),
		cmocka_unit_test(batch_run_and_dumb_terminal_see_no_escape),
		cmocka_unit_test(
		    end_of_the_machine_is_told_though_the_reader_is_stopped),
		cmocka_unit_test(panic_prints_what_waited_and_then_itself),
	};

	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
