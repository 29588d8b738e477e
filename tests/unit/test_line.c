/* SPDX-License-Identifier: MIT */
/*
 * The line editor, key by key, against a small model of a screen: after each
 * byte the row and the cursor must be what an independent rule says. Dumb and
 * ANSI terminals see the same rows; a dumb one must never see an ESC.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After the four above. */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "line_screen.h"

/* On both terminals: keys typed into an empty line give this line. */
static void
expect_at(
    const char *keys, const char *line, size_t pos, const char *file, int at)
{
	for (int ansi = 0; ansi < 2; ansi++) {
		begin(ansi == 1, 80);
		(void)type(keys);
		if (strcmp(ed.ed_buf, line) != 0 || ed.ed_pos != pos)
			fail_msg("%s:%d: \"%s\" at %zu, not \"%s\" at %zu",
			    file, at, ed.ed_buf, ed.ed_pos, line, pos);
	}
}
#define EXPECT(keys, line, pos) expect_at(keys, line, pos, __FILE__, __LINE__)

static void
text_is_echoed_and_the_line_is_handed_over(void **state)
{
	(void)state;
	begin(false, 80);
	assert_int_equal(type("print(1)\r"), LINE_DONE);
	assert_string_equal(ed.ed_buf, "print(1)");
	assert_int_equal(ed.ed_len, 8);
	assert_string_equal(screen.above, "> print(1)");
	assert_int_equal(screen.rows, 1);
	assert_int_equal(screen.col, 0);
	line_start(&ed, "> ");
	assert_string_equal(screen_text(), ">");
	assert_int_equal(screen.col, 2);
}

static void
cr_lf_and_crlf_end_exactly_one_line(void **state)
{
	static const char stream[] = "a\rb\nc\r\nd\r\r\n\ne\r";
	static const char *const lines[] = { "a", "b", "c", "d", "", "", "e" };
	size_t n = 0;

	(void)state;
	begin(false, 80);
	for (size_t i = 0; i < sizeof(stream) - 1; i++) {
		if (line_feed(&ed, (uint8_t)stream[i]) != LINE_DONE)
			continue;
		assert_true(n < 7);
		assert_string_equal(ed.ed_buf, lines[n++]);
		line_start(&ed, "> ");
	}
	assert_int_equal(n, 7);
}

static void
cursor_keys_move_and_text_goes_in_at_the_cursor(void **state)
{
	(void)state;
	EXPECT("ac" LEFT "b", "abc", 2);
	EXPECT("ab\x02\x02\x02x", "xab", 1);     /* Ctrl-B stops at the start */
	EXPECT("ab\x02\x06\x06\x06x", "abx", 3); /* Ctrl-F at the end */
	EXPECT("abc\x01x\x05y", "xabcy", 5);     /* Ctrl-A, Ctrl-E */
	EXPECT("abc\x1b[Hx\x1b[Fy", "xabcy", 5); /* Home, End, three ways */
	EXPECT("abc\x1b[1~x\x1b[4~y", "xabcy", 5);
	EXPECT("abc\x1b[7~x\x1b[8~y", "xabcy", 5);
	EXPECT("abc\x1bOHx\x1bOFy", "xabcy", 5);
	EXPECT("abc\x1bOD\x1bODx\x1bOCy", "axbyc", 4);
}

static void
words_are_stepped_over_with_alt_and_with_modified_arrows(void **state)
{
	(void)state;
	EXPECT("foo.bar baz\x1b"
	       "b",
	    "foo.bar baz", 8);
	EXPECT("foo.bar baz\x1b"
	       "b\x1b"
	       "b",
	    "foo.bar baz", 4);
	EXPECT("foo.bar\x01\x1b"
	       "f",
	    "foo.bar", 3);
	EXPECT("foo bar\x1b[1;5D", "foo bar", 4);
	EXPECT("foo bar\x01\x1b[1;3C", "foo bar", 3);
}

static void
keys_that_delete(void **state)
{
	(void)state;
	EXPECT("abc\x08", "ab", 2);
	EXPECT("abc\x7f\x7f\x7f\x7f", "", 0);
	EXPECT("abc" LEFT "\x7f", "ac", 1);
	EXPECT("abc\x01\x1b[3~", "bc", 0);
	EXPECT("abc\x01\x04", "bc", 0);
	EXPECT("abc\x04", "abc", 3); /* Ctrl-D at the end deletes nothing */
	EXPECT("abc" LEFT LEFT "\x0b", "a", 1);
	EXPECT("abc" LEFT "\x15", "c", 0);
	EXPECT("foo bar.baz  \x17", "foo ", 4);
	EXPECT("foo bar.baz\x1b\x7f", "foo bar.", 8);
	EXPECT("foo bar\x01\x1b"
	       "d",
	    " bar", 0);
	EXPECT("foo bar\x01\x1b[3;5~", " bar", 0);
}

static void
what_was_killed_comes_back_with_ctrl_y(void **state)
{
	(void)state;
	EXPECT("one two\x17\x19\x19", "one twotwo", 10);
	EXPECT("one two\x15 \x19", " one two", 8);
	EXPECT("\x19", "", 0);
}

static void
ctrl_t_swaps_code_points(void **state)
{
	(void)state;
	EXPECT("ab\x14", "ba", 2);
	EXPECT("abc" LEFT "\x14", "acb", 3);
	EXPECT("a\x14", "a", 1);
	EXPECT("\x14", "", 0);
	EXPECT("a\xc3\xa4\x14",
	    "\xc3\xa4"
	    "a",
	    3);
}

static void
utf8_is_edited_by_code_points(void **state)
{
	(void)state;
	/* a-umlaut, euro, a four-byte one */
	EXPECT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f",
	    "\xc3\xa4\xe2\x82\xac", 5);
	EXPECT("\xc3\xa4\xe2\x82\xac" LEFT "x", "\xc3\xa4x\xe2\x82\xac", 3);
	EXPECT("\xe2\x82\xac\x01\x04", "", 0);
}

static void
bytes_that_are_no_utf8_are_kept_and_shown_as_marks(void **state)
{
	(void)state;
	EXPECT("a\x80"
	       "b",
	    "a\x80"
	    "b",
	    3);
	EXPECT("\xc3z", "\xc3z", 2);
	EXPECT("\xe2\x82\r", "\xe2\x82", 2);
	EXPECT("\xff\xfe\xc0\xaf!", "\xff\xfe\xc0\xaf!", 5);
	EXPECT("\xed\xa0\x80", "\xed\xa0\x80", 3); /* a surrogate */
	EXPECT("\xc2\x9b", "\xc2\x9b", 2);         /* U+009B, a C1 CSI */
	/* Deleting what stood between makes one code point of the rest. */
	EXPECT("\xe2x\x82\xac" LEFT LEFT "\x7f", "\xe2\x82\xac", 3);
}

static void
ctrl_c_drops_the_line_and_ctrl_d_ends_only_an_empty_one(void **state)
{
	(void)state;
	begin(false, 80);
	assert_int_equal(type("abc\x03"), LINE_INTERRUPT);
	assert_string_equal(screen.above, "> abc^C");
	line_start(&ed, "> ");
	assert_int_equal(type("x\x04"), LINE_NONE);
	assert_int_equal(type("\x7f\x04"), LINE_EOF);
	line_start(&ed, "> ");
	/* Ctrl-C also breaks off what is half received. */
	assert_int_equal(type("\x1b[200~ab\x1b]junk\x03"), LINE_INTERRUPT);
	line_start(&ed, "> ");
	(void)type("a\x01x");
	assert_string_equal(ed.ed_buf, "xa");
}

static void
garbage_and_unknown_sequences_leave_no_trace(void **state)
{
	(void)state;
	begin(true, 80);
	for (unsigned i = 0; i < 3; i++)
		(void)line_feed(&ed, 0);
	assert_int_equal(ed.ed_len, 0);
	EXPECT("a\x1b[15~b", "ab", 2); /* F5 */
	EXPECT("a\x1bOPb", "ab", 2);   /* F1 */
	EXPECT("a\x1b[[Ab", "ab", 2);  /* F1, Linux console */
	EXPECT("a\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13mb", "ab", 2);
	EXPECT("a\x1b[?1;2cb", "ab", 2);
	EXPECT("a\x1b]0;title\x07z", "az", 2);
	EXPECT("a\x1bP1$r0m\x1b\\z", "az", 2);
	EXPECT("a\x1b_apc\x1b[Dz", "za", 1); /* a new sequence ends a string */
	EXPECT("a\x1b\x1b\x1b[Dz", "za", 1);
	EXPECT("a\x0f\x11\x13\x16\x1a\x1c\x1d\x1e\x1fz", "az", 2);
	/* A stray ESC [ costs at most its line. */
	begin(true, 80);
	assert_int_equal(type("a\x1b[\r"), LINE_DONE);
	assert_string_equal(ed.ed_buf, "a");
}

static void
terminals_answers_never_become_text(void **state)
{
	(void)state;
	begin(false, 80);
	(void)type("pri\x1b[?62;22cnt");
	assert_true(ed.ed_answered);
	assert_string_equal(ed.ed_buf, "print");
	(void)type("\x1b[51;132R(");
	assert_int_equal(ed.ed_answer_rows, 51);
	assert_int_equal(ed.ed_answer_columns, 132);
	assert_string_equal(ed.ed_buf, "print(");
	/* Also in the middle of a paste; and absurd sizes are only numbers. */
	(void)type("\x1b[200~1\x1b[9999999;888888R)\x1b[201~");
	assert_string_equal(ed.ed_buf, "print(1)");
	assert_int_equal(ed.ed_answer_columns, 100000);
	(void)type("\x1b[99999999999;77777777777R");
	assert_int_equal(ed.ed_answer_columns, 100000);
}

static void
bracketed_paste_is_taken_literally_over_several_lines(void **state)
{
	(void)state;
	begin(true, 80);
	assert_int_equal(type("\x1b[200~if x\tthen\r"), LINE_DONE);
	assert_string_equal(ed.ed_buf, "if x\tthen");
	line_start(&ed, "> ");
	/* Keys within a paste are nothing: no history, no kill, no EOF. */
	assert_int_equal(type("\x04\x15y\x10\x0e\x1b[A\x1b"
			      "bz"),
	    LINE_NONE);
	assert_string_equal(ed.ed_buf, "yz");
	(void)type("\x1b[201~\x01x");
	assert_string_equal(ed.ed_buf, "xyz");
}

static void
history_goes_up_and_down_and_keeps_the_line_begun(void **state)
{
	for (int ansi = 0; ansi < 2; ansi++) {
		(void)state;
		begin(ansi == 1, 80);
		line_history_add(&ed, "first");
		line_history_add(&ed, "second");
		(void)type("begun" UP);
		assert_string_equal(ed.ed_buf, "second");
		(void)type(UP);
		assert_string_equal(ed.ed_buf, "first");
		(void)type(UP "!");
		assert_string_equal(ed.ed_buf, "first!");
		(void)type("\x0e"); /* Ctrl-N; edits of entries are not kept */
		assert_string_equal(ed.ed_buf, "second");
		(void)type(DOWN DOWN);
		assert_string_equal(ed.ed_buf, "begun");
		(void)type("\x10");
		assert_string_equal(ed.ed_buf, "second");
		assert_int_equal(type("\r"), LINE_DONE);
		assert_string_equal(ed.ed_buf, "second");
		line_start(&ed, "> ");
		(void)type(UP);
		assert_string_equal(ed.ed_buf, "second");
	}
}

static void
chunk_of_several_lines_is_one_entry_with_visible_marks(void **state)
{
	(void)state;
	begin(false, 80);
	line_history_add(&ed, "for i = 1, 3 do\n\tprint(i)\nend\n");
	(void)type(UP);
	assert_string_equal(ed.ed_buf, "for i = 1, 3 do\n\tprint(i)\nend");
	assert_string_equal(screen_text(), "> for i = 1, 3 do$ print(i)$end");
	assert_int_equal(type("\r"), LINE_DONE);
	assert_string_equal(ed.ed_buf, "for i = 1, 3 do\n\tprint(i)\nend");
	begin(true, 80);
	line_history_add(&ed, "a\nb");
	(void)type(UP);
	assert_string_equal(screen_text(),
	    "> a\xe2\x86\xb5"
	    "b");
}

static void
history_keeps_the_newest_and_no_blanks_nor_repetitions(void **state)
{
	char text[64];

	(void)state;
	begin(false, 80);
	line_history_add(&ed, "");
	line_history_add(&ed, " \t\n");
	assert_int_equal(ed.ed_hist_count, 0);
	line_history_add(&ed, "same");
	line_history_add(&ed, "same");
	assert_int_equal(ed.ed_hist_count, 1);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "entry number %u", i);
		line_history_add(&ed, text);
		check_invariants();
	}
	assert_in_range(
	    ed.ed_hist_len, LINE_HISTORY_BYTES - 64, LINE_HISTORY_BYTES);
	(void)type(UP UP);
	assert_string_equal(ed.ed_buf, "entry number 2998");
	for (unsigned i = 0; i < 3000; i++)
		(void)line_feed(&ed, 0x10);
	assert_string_not_equal(ed.ed_buf, "same");
}

static void
history_entry_longer_than_the_readers_buffer_is_not_shown(void **state)
{
	char text[LINE_MAX_BYTES + 10];

	(void)state;
	begin(false, 80);
	line_history_add(&ed, "short");
	line_history_add(&ed, "longer than ten");
	ed.ed_max = 10;
	(void)type("x" UP);
	assert_string_equal(ed.ed_buf, "x");
	memset(text, 'a', sizeof(text));
	text[LINE_MAX_BYTES] = '\0';
	line_history_add(&ed, text); /* could never be recalled: not kept */
	assert_int_equal(ed.ed_hist_count, 2);
	text[LINE_MAX_BYTES - 1] = '\0';
	line_history_add(&ed, text);
	assert_int_equal(ed.ed_hist_count, 3);
	ed.ed_max = LINE_MAX_BYTES - 1;
	(void)type("\x15" UP);
	assert_int_equal(ed.ed_len, LINE_MAX_BYTES - 1);
}

static void
long_line_scrolls_sideways_and_never_wraps(void **state)
{
	char c[2] = "";

	(void)state;
	for (int ansi = 0; ansi < 2; ansi++) {
		begin(ansi == 1, 30);
		for (unsigned i = 0; i < 200; i++) {
			c[0] = (char)('a' + i % 26);
			(void)type(c);
		}
		assert_int_equal(screen.rows, 0);
		for (unsigned i = 0; i < 200; i++)
			(void)type(LEFT);
		assert_int_equal(ed.ed_pos, 0);
		(void)type("\x05\x01" RIGHT RIGHT "X");
		for (unsigned i = 0; i < 250; i++)
			(void)type(RIGHT);
		for (unsigned i = 0; i < 250; i++)
			(void)type("\x7f");
		assert_int_equal(ed.ed_len, 0);
		assert_string_equal(screen_text(), ">");
	}
}

static void
echo_of_plain_typing_costs_one_byte_a_key(void **state)
{
	unsigned before;

	(void)state;
	begin(false, 80);
	before = screen.bytes;
	(void)type("local t = {}");
	assert_int_equal(screen.bytes - before, 12);
	begin(false, 80);
	before = screen.bytes;
	for (unsigned i = 0; i < 400; i++)
		(void)type("x");
	/* Sideways jumps of half a row: about three bytes a key. */
	assert_in_range(screen.bytes - before, 400, 400 * 5);
}

static void
pasted_line_longer_than_the_row_is_drawn_once(void **state)
{
	unsigned before;

	(void)state;
	begin(false, 80);
	before = screen.bytes;
	for (unsigned i = 0; i < 2000; i++) {
		ed.ed_more = i + 1 < 2000;
		(void)line_feed(&ed, 'x');
	}
	check_screen();
	assert_in_range(screen.bytes - before, 80, 250);
	assert_int_equal(ed.ed_len, 2000);
}

static void
line_too_long_is_refused_and_its_tail_swallowed(void **state)
{
	(void)state;
	begin(false, 80);
	for (unsigned i = 0; i < LINE_MAX_BYTES - 1; i++)
		assert_int_equal(line_feed(&ed, 'x'), LINE_NONE);
	assert_int_equal(ed.ed_len, LINE_MAX_BYTES - 1);
	assert_int_equal(line_feed(&ed, 'y'), LINE_NONE);
	assert_string_equal(screen.above, "[console: line too long, refused]");
	assert_int_equal(type("os.exit(1) \x1b[A \x15"), LINE_NONE);
	assert_string_equal(screen_text(), "");
	assert_int_equal(type("\r\n"), LINE_REFUSED);
	assert_int_equal(ed.ed_len, 0);
	line_start(&ed, "> ");
	assert_int_equal(type("ok\r"), LINE_DONE);
	assert_string_equal(ed.ed_buf, "ok");
}

static void
line_of_exactly_the_limit_is_accepted(void **state)
{
	(void)state;
	begin(false, 80);
	ed.ed_max = 5;
	assert_int_equal(type("12345\r"), LINE_DONE);
	assert_string_equal(ed.ed_buf, "12345");
	line_start(&ed, "> ");
	assert_int_equal(type("123456\r"), LINE_REFUSED);
	line_start(&ed, "> ");
	/* A yank that does not fit is not inserted; the line stays. */
	(void)type("1234\x17"
		   "56\x19");
	assert_string_equal(ed.ed_buf, "56");
}

static void
I2_5_damaged_line_is_refused_and_the_next_one_is_not(void **state)
{
	(void)state;
	begin(true, 80);
	(void)type("slab.reap{lev");
	line_refuse(&ed, "[console: 7 bytes lost]");
	assert_string_equal(screen.above, "[console: 7 bytes lost]");
	line_redraw(&ed); /* other output has come: still nothing to show */
	assert_string_equal(screen_text(), "");
	assert_int_equal(type("ll\"}\r"), LINE_REFUSED);
	line_start(&ed, "> ");
	assert_int_equal(type("x=1\r"), LINE_DONE);
	assert_string_equal(ed.ed_buf, "x=1");
	/* Ctrl-C gets out of it too. */
	line_start(&ed, "> ");
	line_refuse(&ed, "[console: 1 bytes lost]");
	assert_int_equal(type("\x03"), LINE_INTERRUPT);
	line_start(&ed, "> ");
	assert_int_equal(type("y\r"), LINE_DONE);
}

static void
other_output_goes_above_and_the_line_is_shown_again(void **state)
{
	(void)state;
	for (int ansi = 0; ansi < 2; ansi++) {
		begin(ansi == 1, 80);
		(void)type("print(1)" LEFT LEFT);
		line_hide(&ed);
		assert_string_equal(screen_text(), "");
		assert_int_equal(screen.col, 0);
		emit(&screen, "log line\r\n", 10);
		line_redraw(&ed);
		check_screen();
		assert_string_equal(screen.above, "log line");
		assert_string_equal(screen_text(), "> print(1)");
		(void)type("2");
		assert_string_equal(ed.ed_buf, "print(21)");
	}
}

static void
ctrl_l_shows_the_line_on_a_clean_screen(void **state)
{
	(void)state;
	for (int ansi = 0; ansi < 2; ansi++) {
		begin(ansi == 1, 80);
		(void)type("abc" LEFT "\x0c");
		assert_string_equal(screen_text(), "> abc");
	}
}

static void
prompt_longer_than_the_row_leaves_room_for_the_line(void **state)
{
	(void)state;
	begin(false, 20);
	(void)type("\r");
	line_start(&ed, "a prompt that is longer than the row> ");
	for (unsigned i = 0; i < 100; i++)
		(void)line_feed(&ed, 'x');
	assert_int_equal(screen.rows, 1);
	assert_in_range(screen.col, 10, 19);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_echoed_and_the_line_is_handed_over),
		cmocka_unit_test(cr_lf_and_crlf_end_exactly_one_line),
		cmocka_unit_test(
		    cursor_keys_move_and_text_goes_in_at_the_cursor),
		cmocka_unit_test(
		    words_are_stepped_over_with_alt_and_with_modified_arrows),
		cmocka_unit_test(keys_that_delete),
		cmocka_unit_test(what_was_killed_comes_back_with_ctrl_y),
		cmocka_unit_test(ctrl_t_swaps_code_points),
		cmocka_unit_test(utf8_is_edited_by_code_points),
		cmocka_unit_test(
		    bytes_that_are_no_utf8_are_kept_and_shown_as_marks),
		cmocka_unit_test(
		    ctrl_c_drops_the_line_and_ctrl_d_ends_only_an_empty_one),
		cmocka_unit_test(garbage_and_unknown_sequences_leave_no_trace),
		cmocka_unit_test(terminals_answers_never_become_text),
		cmocka_unit_test(
		    bracketed_paste_is_taken_literally_over_several_lines),
		cmocka_unit_test(
		    history_goes_up_and_down_and_keeps_the_line_begun),
		cmocka_unit_test(
		    chunk_of_several_lines_is_one_entry_with_visible_marks),
		cmocka_unit_test(
		    history_keeps_the_newest_and_no_blanks_nor_repetitions),
		cmocka_unit_test(
		    history_entry_longer_than_the_readers_buffer_is_not_shown),
		cmocka_unit_test(long_line_scrolls_sideways_and_never_wraps),
		cmocka_unit_test(echo_of_plain_typing_costs_one_byte_a_key),
		cmocka_unit_test(pasted_line_longer_than_the_row_is_drawn_once),
		cmocka_unit_test(
		    line_too_long_is_refused_and_its_tail_swallowed),
		cmocka_unit_test(line_of_exactly_the_limit_is_accepted),
		cmocka_unit_test(
		    I2_5_damaged_line_is_refused_and_the_next_one_is_not),
		cmocka_unit_test(
		    other_output_goes_above_and_the_line_is_shown_again),
		cmocka_unit_test(ctrl_l_shows_the_line_on_a_clean_screen),
		cmocka_unit_test(
		    prompt_longer_than_the_row_leaves_room_for_the_line),
	};

	return cmocka_run_group_tests_name("console line", tests, NULL, NULL);
}
