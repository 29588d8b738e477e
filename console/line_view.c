/* SPDX-License-Identifier: MIT */
/*
 * What the screen shows of the line: one row, prompt first, scrolled sideways
 * when the line is longer. The last column stays empty, so that no terminal
 * wraps. Text that is hidden to the left or right is told by a mark in place of
 * the first or last code point in the row; the cursor never stands on a mark.
 *
 * Invariant between calls, when visible and not dirty: the row holds prompt
 * and the code points from ed_start on, ed_shown columns in all, and the
 * cursor stands at ed_col, before the code point at ed_pos. Echo of the common
 * keys keeps it with a few bytes; everything else draws the row anew. Scrolling
 * jumps by half a row, so that a long line costs few full rows.
 *
 * With ed_ansi off nothing but printable bytes, BS, CR and LF is emitted.
 */
#include <string.h>

#include "line_impl.h"

/* How a newline within a line is shown (U+21B5; Lua has no use for '$'). */
#define NEWLINE_ANSI "\xe2\x86\xb5"
#define NEWLINE_DUMB "$"
#define UNPRINTABLE  "?"
#define MORE_LEFT    "<"
#define MORE_RIGHT   ">"

void
line_put(struct line *ed, const char *text)
{
	ed->ed_emit(ed->ed_arg, text, strlen(text));
}

static void
put_repeated(struct line *ed, char c, unsigned n)
{
	char some[32];

	memset(some, c, sizeof(some));
	while (n > 0) {
		unsigned k = n < sizeof(some) ? n : (unsigned)sizeof(some);

		ed->ed_emit(ed->ed_arg, some, k);
		n -= k;
	}
}

static unsigned
row_columns(const struct line *ed)
{
	unsigned columns = ed->ed_columns;

	if (columns < LINE_COLUMNS_MIN)
		columns = LINE_COLUMNS_MIN;
	if (columns > LINE_COLUMNS_MAX)
		columns = LINE_COLUMNS_MAX;
	return columns - 1;
}

bool
line_has_room(const struct line *ed, unsigned columns)
{
	return ed->ed_col + columns <= row_columns(ed);
}

/* Bytes of the prompt that are shown: all, or what fits half a row. */
static size_t
prompt_bytes(const struct line *ed)
{
	size_t len = strlen(ed->ed_prompt), at = 0;
	unsigned columns = 0, most = row_columns(ed) / 2;

	while (at < len && columns < most) {
		at += line_cp_bytes(ed->ed_prompt, at, len);
		columns++;
	}
	return at;
}

static unsigned
prompt_columns(const struct line *ed)
{
	return line_columns(ed->ed_prompt, 0, prompt_bytes(ed));
}

/* One column on the screen for the code point of n bytes. */
static void
put_cell(struct line *ed, const char *text, size_t n)
{
	unsigned char c = (unsigned char)text[0];

	if (c == '\n')
		line_put(ed, ed->ed_ansi ? NEWLINE_ANSI : NEWLINE_DUMB);
	else if (c == '\t')
		line_put(ed, " ");
	else if (c < 0x20 || c == 0x7f || (n == 1 && c >= 0x80))
		line_put(ed, UNPRINTABLE);
	else if (c == 0xc2 && (unsigned char)text[1] < 0xa0)
		line_put(ed, UNPRINTABLE); /* C1 controls: U+009B is a CSI */
	else
		ed->ed_emit(ed->ed_arg, text, n);
}

static unsigned
put_cells(
    struct line *ed, const char *text, size_t from, size_t len, unsigned most)
{
	unsigned columns = 0;
	size_t n;

	for (size_t at = from; at < len && columns < most; at += n) {
		n = line_cp_bytes(text, at, len);
		put_cell(ed, text + at, n);
		columns++;
	}
	return columns;
}

/* From ed_start on, with the marks; the columns used. */
static unsigned
put_text(struct line *ed, unsigned room)
{
	unsigned columns = 0;
	size_t n;

	for (size_t at = ed->ed_start; at < ed->ed_len && columns < room;
	     at += n) {
		n = line_cp_bytes(ed->ed_buf, at, ed->ed_len);
		if (columns == 0 && at > 0)
			line_put(ed, MORE_LEFT);
		else if (columns == room - 1 && at + n < ed->ed_len)
			line_put(ed, MORE_RIGHT);
		else
			put_cell(ed, ed->ed_buf + at, n);
		columns++;
	}
	return columns;
}

/* The cursor would stand on the left mark, or left of it. */
static bool
is_left_out(const struct line *ed)
{
	return ed->ed_start > 0 && ed->ed_pos <= ed->ed_start;
}

/* Columns that the text may have before the cursor. */
static unsigned
cursor_room(const struct line *ed, unsigned room)
{
	return line_columns(ed->ed_buf, ed->ed_start, ed->ed_len) > room
	    ? room - 2
	    : room;
}

/* Choose ed_start so that the cursor is in the row. `room`: for the text. */
static void
scroll(struct line *ed, unsigned room)
{
	unsigned back = room / 2;

	if (line_columns(ed->ed_buf, 0, ed->ed_len) <= room) {
		ed->ed_start = 0;
		return;
	}
	if (!is_left_out(ed) && ed->ed_start <= ed->ed_pos &&
	    line_columns(ed->ed_buf, ed->ed_start, ed->ed_pos) <=
		cursor_room(ed, room))
		return;
	ed->ed_start = ed->ed_pos;
	while (back-- > 0 && ed->ed_start > 0)
		ed->ed_start = line_cp_before(ed->ed_buf, ed->ed_start);
}

/* The start may lie inside a code point that an edit has put together. */
static void
snap_start(struct line *ed)
{
	size_t at = 0;

	if (ed->ed_start > ed->ed_len)
		ed->ed_start = ed->ed_len;
	while (at < ed->ed_start) {
		size_t next = at + line_cp_bytes(ed->ed_buf, at, ed->ed_len);

		if (next > ed->ed_start)
			break;
		at = next;
	}
	ed->ed_start = at;
}

/* The cursor goes left, from column `from` to `to`. */
static void
put_cursor(struct line *ed, unsigned from, unsigned to)
{
	char seq[16];
	size_t at = sizeof(seq);
	unsigned n = from - to;

	if (!ed->ed_ansi || n < 5) {
		put_repeated(ed, '\b', n);
		return;
	}
	/* ESC [ n D, written from the right. */
	seq[--at] = '\0';
	seq[--at] = 'D';
	do
		seq[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	seq[--at] = '[';
	seq[--at] = '\x1b';
	line_put(ed, seq + at);
}

static void
draw(struct line *ed)
{
	unsigned before = ed->ed_shown, prompt = prompt_columns(ed);
	unsigned room = row_columns(ed) - prompt, used;

	snap_start(ed);
	scroll(ed, room);
	line_put(ed, "\r");
	(void)put_cells(
	    ed, ed->ed_prompt, 0, prompt_bytes(ed), row_columns(ed));
	used = prompt + put_text(ed, room);
	ed->ed_shown = used;
	if (ed->ed_ansi) {
		line_put(ed, "\x1b[K");
	} else if (before > used) {
		put_repeated(ed, ' ', before - used);
		used = before;
	}
	ed->ed_col =
	    prompt + line_columns(ed->ed_buf, ed->ed_start, ed->ed_pos);
	put_cursor(ed, used, ed->ed_col);
	ed->ed_visible = true;
	ed->ed_dirty = false;
}

void
line_changed(struct line *ed)
{
	if (!ed->ed_visible)
		return;
	if (ed->ed_more)
		ed->ed_dirty = true;
	else
		draw(ed);
}

void
line_settle(struct line *ed)
{
	ed->ed_more = false;
	if (ed->ed_visible && ed->ed_dirty)
		draw(ed);
}

void
line_echo_insert(struct line *ed, size_t n)
{
	if (!ed->ed_visible)
		return;
	if (ed->ed_dirty || ed->ed_pos != ed->ed_len ||
	    ed->ed_col >= row_columns(ed)) {
		line_changed(ed);
		return;
	}
	put_cell(ed, ed->ed_buf + ed->ed_pos - n, n);
	ed->ed_col++;
	ed->ed_shown = ed->ed_col;
}

void
line_echo_rubout(struct line *ed)
{
	/* A scrolled line whose visible part is gone must scroll back. */
	if (!ed->ed_visible || ed->ed_dirty ||
	    (ed->ed_start > 0 && ed->ed_pos <= ed->ed_start)) {
		line_changed(ed);
		return;
	}
	line_put(ed, "\b \b");
	ed->ed_col--;
	ed->ed_shown = ed->ed_col;
}

void
line_echo_move(struct line *ed, size_t old)
{
	unsigned columns, prompt = prompt_columns(ed);

	if (old == ed->ed_pos || !ed->ed_visible)
		return;
	if (ed->ed_dirty || is_left_out(ed)) {
		line_changed(ed);
		return;
	}
	if (ed->ed_pos < old) {
		columns = line_columns(ed->ed_buf, ed->ed_pos, old);
		put_cursor(ed, ed->ed_col, ed->ed_col - columns);
		ed->ed_col -= columns;
		return;
	}
	columns = line_columns(ed->ed_buf, old, ed->ed_pos);
	if (ed->ed_col + columns >
	    prompt + cursor_room(ed, row_columns(ed) - prompt)) {
		line_changed(ed);
		return;
	}
	/* To the right: by writing again what is there. */
	(void)put_cells(ed, ed->ed_buf, old, ed->ed_pos, columns);
	ed->ed_col += columns;
}

void
line_draw_prompt(struct line *ed)
{
	ed->ed_col =
	    put_cells(ed, ed->ed_prompt, 0, prompt_bytes(ed), row_columns(ed));
	ed->ed_shown = ed->ed_col;
	ed->ed_visible = true;
	ed->ed_dirty = false;
}

void
line_redraw(struct line *ed)
{
	/* Of a refused line nothing is shown until it ends. */
	if (ed->ed_refused)
		return;
	if (!ed->ed_visible)
		ed->ed_shown = 0;
	draw(ed);
}

void
line_hide(struct line *ed)
{
	if (!ed->ed_visible)
		return;
	line_put(ed, "\r");
	if (ed->ed_ansi) {
		line_put(ed, "\x1b[K");
	} else {
		put_repeated(ed, ' ', ed->ed_shown);
		line_put(ed, "\r");
	}
	ed->ed_visible = false;
	ed->ed_dirty = false;
	ed->ed_shown = 0;
	ed->ed_col = 0;
}

void
line_clear_screen(struct line *ed)
{
	line_put(ed, ed->ed_ansi ? "\x1b[H\x1b[2J" : "\r\n");
	ed->ed_shown = 0;
	draw(ed);
}
