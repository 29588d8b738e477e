/* SPDX-License-Identifier: MIT */
/*
 * A small model of a screen: one row that counts, a cursor, and the escape
 * sequences the editor may use. What the row must show is computed by a rule
 * of its own, with its own table of well-formed UTF-8. A dumb screen fails the
 * test at the first ESC.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After the four above. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line_screen.h"

struct screen screen;
struct line ed;

void
screen_clear_row(void)
{
	memset(screen.row, 0, sizeof(screen.row));
}

/* The row as text, trailing blanks removed. */
const char *
screen_text(void)
{
	static char text[COLUMNS_MOST * 4 + 1];
	size_t n = 0, end = 0;

	for (unsigned i = 0; i < screen.columns; i++) {
		const char *c = screen.row[i].utf8;

		if (c[0] == '\0')
			c = " ";
		memcpy(text + n, c, strlen(c));
		n += strlen(c);
		if (strcmp(c, " ") != 0)
			end = n;
	}
	text[end] = '\0';
	return text;
}

static void
screen_newline(void)
{
	snprintf(screen.above, sizeof(screen.above), "%s", screen_text());
	screen.rows++;
	screen_clear_row();
}

static void
screen_escape(char final)
{
	unsigned n = (unsigned)strtoul(screen.seq + 2, NULL, 10);

	switch (final) {
	case 'K':
		for (unsigned i = screen.col; i < screen.columns; i++)
			screen.row[i].utf8[0] = '\0';
		break;
	case 'D':
		assert_in_range(n, 1, screen.col);
		screen.col -= n;
		break;
	case 'H':
		screen.col = 0;
		break;
	case 'J':
		screen_clear_row();
		break;
	default:
		fail_msg("escape sequence ends with %c", final);
	}
}

static void
screen_put(const char *utf8, size_t n)
{
	/* The editor must leave the last column alone: it would wrap. */
	assert_in_range(screen.col, 0, screen.columns - 2);
	memset(&screen.row[screen.col], 0, sizeof(struct cell));
	memcpy(screen.row[screen.col].utf8, utf8, n);
	screen.col++;
}

static size_t
promised(unsigned char c)
{
	return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
}

static void
screen_byte(char c)
{
	unsigned char u = (unsigned char)c;

	screen.bytes++;
	if (screen.seq_n > 0) {
		assert_in_range(screen.seq_n, 1, sizeof(screen.seq) - 2);
		screen.seq[screen.seq_n++] = c;
		screen.seq[screen.seq_n] = '\0';
		if (screen.seq[0] == '\x1b') {
			if (screen.seq_n > 2 && c >= 0x40) {
				screen_escape(c);
				screen.seq_n = 0;
			}
		} else {
			assert_in_range(u, 0x80, 0xbf);
			if (screen.seq_n ==
			    promised((unsigned char)screen.seq[0])) {
				screen_put(screen.seq, screen.seq_n);
				screen.seq_n = 0;
			}
		}
		return;
	}
	if (c == '\x1b') {
		assert_true(screen.ansi);
		screen.seq[screen.seq_n++] = c;
	} else if (c == '\r') {
		screen.col = 0;
	} else if (c == '\n') {
		screen_newline();
	} else if (c == '\b') {
		assert_true(screen.col > 0);
		screen.col--;
	} else if (u >= 0x80) {
		assert_in_range(u, 0xc2, 0xf4);
		screen.seq[screen.seq_n++] = c;
	} else {
		assert_in_range(u, 0x20, 0x7e);
		screen_put(&c, 1);
	}
}

void
emit(void *arg, const char *text, size_t n)
{
	assert_ptr_equal(arg, &screen);
	for (size_t i = 0; i < n; i++)
		screen_byte(text[i]);
}

void
begin(bool ansi, unsigned columns)
{
	memset(&screen, 0, sizeof(screen));
	screen.ansi = ansi;
	screen.columns = columns;
	line_init(&ed, emit, &screen);
	ed.ed_ansi = ansi;
	ed.ed_columns = columns;
	line_start(&ed, "> ");
}

/* --- what the row must show ---------------------------------------------- */

/* Well-formed UTF-8 by the table of the Unicode standard (3-7). */
static size_t
well_formed(const char *s, size_t left)
{
	const unsigned char *u = (const unsigned char *)s;
	static const struct {
		unsigned char a0, a1, b0, b1;
		size_t n;
	} table[] = { { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (u[0] < table[i].a0 || u[0] > table[i].a1 ||
		    left < table[i].n || u[1] < table[i].b0 ||
		    u[1] > table[i].b1)
			continue;
		for (size_t k = 2; k < table[i].n; k++)
			if (u[k] < 0x80 || u[k] > 0xbf)
				return 1;
		return table[i].n;
	}
	return 1;
}

void
check_invariants(void)
{
	size_t at = 0, entries = 0;
	bool pos_ok = false, start_ok = false;

	assert_true(ed.ed_len <= ed.ed_max);
	assert_true(ed.ed_pos <= ed.ed_len);
	assert_true(ed.ed_start <= ed.ed_len || ed.ed_dirty || !ed.ed_visible);
	assert_int_equal(ed.ed_buf[ed.ed_len], '\0');
	assert_true(ed.ed_utf8_len < 4);
	assert_true(ed.ed_seq_len <= sizeof(ed.ed_seq));
	assert_true(ed.ed_hist_at <= ed.ed_hist_count);
	for (;;) {
		pos_ok |= at == ed.ed_pos;
		start_ok |= at == ed.ed_start;
		if (at >= ed.ed_len)
			break;
		at += well_formed(ed.ed_buf + at, ed.ed_len - at);
	}
	assert_true(pos_ok);
	assert_true(start_ok || ed.ed_dirty || !ed.ed_visible);
	for (at = 0; at < ed.ed_hist_len; entries++)
		at += 2u + ed.ed_history[at] + 256u * ed.ed_history[at + 1];
	assert_int_equal(at, ed.ed_hist_len);
	assert_int_equal(entries, ed.ed_hist_count);
}

/* Row and cursor, from the buffer and ed_start alone. */
void
check_screen(void)
{
	char want[COLUMNS_MOST * 4 + 8];
	size_t w = 0, at, n;
	unsigned col = 2, cursor = 0;

	check_invariants();
	if (!ed.ed_visible || ed.ed_dirty)
		return;
	memcpy(want, "> ", 2);
	w = 2;
	for (at = ed.ed_start; col < screen.columns; at += n) {
		const char *c = ed.ed_buf + at;
		unsigned char u = (unsigned char)*c;

		if (at == ed.ed_pos)
			cursor = col;
		if (at >= ed.ed_len || col == screen.columns - 1)
			break;
		n = well_formed(c, ed.ed_len - at);
		if (col == 2 && at > 0) {
			assert_int_not_equal(at, ed.ed_pos);
			want[w++] = '<';
		} else if (col == screen.columns - 2 && at + n < ed.ed_len) {
			/* The cursor is in front of this mark. */
			assert_int_not_equal(cursor, 0);
			assert_int_not_equal(at, ed.ed_pos);
			want[w++] = '>';
		} else if (u == '\n') {
			c = screen.ansi ? "\xe2\x86\xb5" : "$";
			memcpy(want + w, c, strlen(c));
			w += strlen(c);
		} else if (n > 1 && !(u == 0xc2 && (uint8_t)c[1] < 0xa0)) {
			memcpy(want + w, c, n);
			w += n;
		} else if (u == '\t') {
			want[w++] = ' ';
		} else {
			want[w++] = u >= 0x20 && u < 0x7f ? (char)u : '?';
		}
		col++;
	}
	while (w > 0 && want[w - 1] == ' ')
		w--;
	want[w] = '\0';
	assert_string_equal(screen_text(), want);
	assert_int_not_equal(cursor, 0); /* the cursor is in the row */
	assert_int_equal(screen.col, cursor);
	assert_int_equal(screen.seq_n, 0);
}

/* --- typing -------------------------------------------------------------- */

/* Feed all, checking after each byte; the last event that was not NONE. */
enum line_event
type(const char *keys)
{
	enum line_event ev = LINE_NONE, e;

	for (; *keys != '\0'; keys++) {
		e = line_feed(&ed, (uint8_t)*keys);
		check_screen();
		if (e != LINE_NONE)
			ev = e;
	}
	return ev;
}
