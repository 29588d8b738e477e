/* SPDX-License-Identifier: MIT */
/*
 * Line editor: bytes in, edited lines out.
 *
 * Theory of operation
 * 1. The owner feeds one byte at a time; each feed changes the buffer, emits
 *    what the screen needs, and says whether the line has ended. Nothing is
 *    awaited, nothing allocated, so the editor runs and is fuzzed on the host.
 * 2. Input is a stream of four things: text (whole code points; the bytes of
 *    one are held back until it is complete), control characters, escape
 *    sequences, and the terminal's answers to questions, which look like
 *    escape sequences and never become text. Unknown sequences are swallowed
 *    to their end. Ctrl-C and the end of a line break off any sequence, so a
 *    stray ESC costs at most one line.
 * 3. CR, LF and CR LF each end one line: an LF right after a CR is ignored,
 *    also across line_start.
 * 4. Bracketed paste (ESC[200~ … ESC[201~): text and tabs are taken as they
 *    are, other control characters are ignored, the ends of lines count.
 *    Paste goes on over several lines. Ctrl-C leaves it, in case its end was
 *    lost.
 * 5. A line that is too long, or of which bytes were lost, is refused: a
 *    message, then everything up to the end of the line is swallowed, and the
 *    owner hears LINE_REFUSED. Half a line is never executed. The owner may
 *    then swallow more, to the end of the paste.
 * 6. Files: line_edit.c has the text, line_history.c the entries, line_view.c
 *    the screen.
 */
#include <string.h>

#include "line_impl.h"

enum line_escape {
	ESC_NONE,
	ESC_SEEN,   /* ESC */
	ESC_CSI,    /* ESC [ */
	ESC_LONG,   /* a CSI longer than any we know: to its end */
	ESC_SS3,    /* ESC O */
	ESC_STRING, /* ESC ] P _ ^ X: until BEL or ST */
	ESC_ENDING, /* ESC within a string: ST, or a new sequence */
	ESC_LINUX   /* ESC [ [: the Linux console's function keys, one more */
};

#define CTRL(c)  ((c)-0x40)
#define ESC      0x1b
#define BEL      0x07
#define RUBOUT   0x7f
#define TOO_LONG "[console: line too long, refused]"

void
line_init(
    struct line *ed, void (*emit)(void *, const char *, size_t), void *arg)
{
	memset(ed, 0, sizeof(*ed));
	ed->ed_emit = emit;
	ed->ed_arg = arg;
	ed->ed_columns = 80;
	ed->ed_max = LINE_MAX_BYTES - 1;
	ed->ed_prompt = "";
}

void
line_start(struct line *ed, const char *prompt)
{
	ed->ed_prompt = prompt;
	ed->ed_len = 0;
	ed->ed_pos = 0;
	ed->ed_buf[0] = '\0';
	ed->ed_start = 0;
	ed->ed_hist_at = ed->ed_hist_count;
	line_draw_prompt(ed);
}

void
line_forget_input(struct line *ed)
{
	ed->ed_esc = ESC_NONE;
	ed->ed_utf8_len = 0;
	ed->ed_paste = false;
	ed->ed_last_cr = false;
}

void
line_refuse(struct line *ed, const char *message)
{
	line_hide(ed);
	line_put(ed, message);
	line_put(ed, "\r\n");
	line_forget_input(ed);
	ed->ed_refused = true;
	ed->ed_len = 0;
	ed->ed_pos = 0;
	ed->ed_buf[0] = '\0';
}

/* The line leaves the editor; the screen's cursor goes to the next row. */
static enum line_event
finish(struct line *ed, enum line_event ev, const char *echo)
{
	if (ed->ed_visible) {
		line_settle(ed);
		if (line_has_room(ed, (unsigned)strlen(echo)))
			line_put(ed, echo);
		line_put(ed, "\r\n");
	}
	ed->ed_visible = false;
	ed->ed_refused = false;
	ed->ed_shown = 0;
	return ev;
}

/* --- text --------------------------------------------------------------- */

static void
insert_text(struct line *ed, const char *bytes, size_t n)
{
	size_t pos = ed->ed_pos;

	if (ed->ed_refused)
		return;
	if (!line_insert(ed, bytes, n)) {
		bool paste = ed->ed_paste;

		line_refuse(ed, TOO_LONG);
		ed->ed_paste = paste;
		return;
	}
	/* A stray byte may complete, or break, what stands beside it. */
	if (n == 1 && (unsigned char)bytes[0] >= 0x80)
		line_changed(ed);
	else if (ed->ed_pos == pos + n)
		line_echo_insert(ed, n);
	else
		line_changed(ed);
}

/* What was held back turned out to be no code point: byte by byte, then. */
static void
flush_utf8(struct line *ed)
{
	unsigned n = ed->ed_utf8_len;

	ed->ed_utf8_len = 0;
	for (unsigned i = 0; i < n; i++)
		insert_text(ed, &ed->ed_utf8[i], 1);
}

static void
feed_high(struct line *ed, uint8_t byte)
{
	unsigned want;

	if (byte >= 0xc0)
		flush_utf8(ed);
	ed->ed_utf8[ed->ed_utf8_len++] = (char)byte;
	want = (uint8_t)ed->ed_utf8[0] < 0xc2 ? 1
	    : (uint8_t)ed->ed_utf8[0] < 0xe0  ? 2
	    : (uint8_t)ed->ed_utf8[0] < 0xf0  ? 3
					      : 4;
	if (ed->ed_utf8_len < want)
		return;
	if (line_cp_bytes(ed->ed_utf8, 0, ed->ed_utf8_len) == ed->ed_utf8_len) {
		unsigned n = ed->ed_utf8_len;

		ed->ed_utf8_len = 0;
		insert_text(ed, ed->ed_utf8, n);
		return;
	}
	flush_utf8(ed);
}

/* --- keys --------------------------------------------------------------- */

static void
move_to(struct line *ed, size_t pos)
{
	size_t old = ed->ed_pos;

	ed->ed_pos = pos;
	line_snap(ed);
	line_echo_move(ed, old);
}

static void
move_left(struct line *ed)
{
	if (ed->ed_pos > 0)
		move_to(ed, line_cp_before(ed->ed_buf, ed->ed_pos));
}

static void
move_right(struct line *ed)
{
	if (ed->ed_pos < ed->ed_len)
		move_to(ed,
		    ed->ed_pos +
			line_cp_bytes(ed->ed_buf, ed->ed_pos, ed->ed_len));
}

static void
rubout(struct line *ed)
{
	size_t from;
	bool plain;

	if (ed->ed_pos == 0)
		return;
	from = line_cp_before(ed->ed_buf, ed->ed_pos);
	/* Without a stray byte its neighbours stay what they are. */
	plain = ed->ed_pos == ed->ed_len &&
	    (ed->ed_pos - from > 1 || (unsigned char)ed->ed_buf[from] < 0x80);
	line_delete(ed, from, ed->ed_pos);
	if (plain)
		line_echo_rubout(ed);
	else
		line_changed(ed);
}

static void
delete_right(struct line *ed)
{
	if (ed->ed_pos == ed->ed_len)
		return;
	line_delete(ed, ed->ed_pos,
	    ed->ed_pos + line_cp_bytes(ed->ed_buf, ed->ed_pos, ed->ed_len));
	line_changed(ed);
}

static void
kill_range(struct line *ed, size_t from, size_t to)
{
	if (from == to)
		return;
	line_kill(ed, from, to);
	line_changed(ed);
}

static void
yank(struct line *ed)
{
	/* What does not fit is not inserted: the line is not to be lost. */
	if (ed->ed_kill_len > 0 &&
	    line_insert(ed, ed->ed_kill, ed->ed_kill_len))
		line_changed(ed);
}

/* The keys that edit, as control characters. */
static void
edit_key(struct line *ed, uint8_t key)
{
	switch (key) {
	case CTRL('A'):
		move_to(ed, 0);
		break;
	case CTRL('B'):
		move_left(ed);
		break;
	case CTRL('D'):
		delete_right(ed);
		break;
	case CTRL('E'):
		move_to(ed, ed->ed_len);
		break;
	case CTRL('F'):
		move_right(ed);
		break;
	case CTRL('H'):
	case RUBOUT:
		rubout(ed);
		break;
	case CTRL('K'):
		kill_range(ed, ed->ed_pos, ed->ed_len);
		break;
	case CTRL('L'):
		line_clear_screen(ed);
		break;
	case CTRL('N'):
		line_history_newer(ed);
		break;
	case CTRL('P'):
		line_history_older(ed);
		break;
	case CTRL('T'):
		line_transpose(ed);
		line_changed(ed);
		break;
	case CTRL('U'):
		kill_range(ed, 0, ed->ed_pos);
		break;
	case CTRL('W'):
		kill_range(ed, line_blank_left(ed), ed->ed_pos);
		break;
	case CTRL('Y'):
		yank(ed);
		break;
	default:
		break;
	}
}

/* Keys with Alt; `key` is what followed ESC. */
static void
alt_key(struct line *ed, uint8_t key)
{
	switch (key) {
	case 'b':
	case 'B':
		move_to(ed, line_word_left(ed));
		break;
	case 'f':
	case 'F':
		move_to(ed, line_word_right(ed));
		break;
	case 'd':
	case 'D':
		kill_range(ed, ed->ed_pos, line_word_right(ed));
		break;
	case CTRL('H'):
	case RUBOUT:
		kill_range(ed, line_word_left(ed), ed->ed_pos);
		break;
	default:
		break;
	}
}

static enum line_event
control(struct line *ed, uint8_t byte)
{
	if (byte == '\r' || byte == '\n') {
		ed->ed_last_cr = byte == '\r';
		return finish(
		    ed, ed->ed_refused ? LINE_REFUSED : LINE_DONE, "");
	}
	if (byte == ESC) {
		ed->ed_esc = ESC_SEEN;
		return LINE_NONE;
	}
	if (ed->ed_refused)
		return LINE_NONE;
	if (byte == '\t') {
		insert_text(ed, "\t", 1);
		return LINE_NONE;
	}
	if (ed->ed_paste)
		return LINE_NONE;
	if (byte == CTRL('D') && ed->ed_len == 0)
		return finish(ed, LINE_EOF, "");
	edit_key(ed, byte);
	return LINE_NONE;
}

/* --- escape sequences --------------------------------------------------- */

/* The n-th number of a sequence's parameters, 0 when it is not there. */
static unsigned
parameter(const struct line *ed, unsigned n)
{
	unsigned value = 0, at = 0;

	for (; at < ed->ed_seq_len && n > 0; at++)
		if (ed->ed_seq[at] == ';')
			n--;
	for (; at < ed->ed_seq_len; at++) {
		char c = ed->ed_seq[at];

		if (c < '0' || c > '9')
			break;
		value = value * 10 + (unsigned)(c - '0');
		if (value > 100000)
			return 100000;
	}
	return value;
}

static void
tilde_key(struct line *ed)
{
	switch (parameter(ed, 0)) {
	case 1:
	case 7:
		move_to(ed, 0);
		break;
	case 3:
		if (parameter(ed, 1) > 1)
			alt_key(ed, 'd');
		else
			edit_key(ed, CTRL('D'));
		break;
	case 4:
	case 8:
		move_to(ed, ed->ed_len);
		break;
	default:
		break;
	}
}

/* Arrows and Home and End, of CSI and SS3. With a modifier: by words. */
static void
cursor_key(struct line *ed, uint8_t final)
{
	bool word = parameter(ed, 1) > 1;

	switch (final) {
	case 'A':
		line_history_older(ed);
		break;
	case 'B':
		line_history_newer(ed);
		break;
	case 'C':
		if (word)
			alt_key(ed, 'f');
		else
			move_right(ed);
		break;
	case 'D':
		if (word)
			alt_key(ed, 'b');
		else
			move_left(ed);
		break;
	case 'F':
		move_to(ed, ed->ed_len);
		break;
	case 'H':
		move_to(ed, 0);
		break;
	default:
		break;
	}
}

static void
csi_done(struct line *ed, uint8_t final)
{
	if (final == 'c' && ed->ed_seq_len > 0 && ed->ed_seq[0] == '?') {
		ed->ed_answered = true;
	} else if (final == 'R' && parameter(ed, 1) > 0) {
		ed->ed_answer_rows = parameter(ed, 0);
		ed->ed_answer_columns = parameter(ed, 1);
	} else if (final == '~' && parameter(ed, 0) == 200) {
		ed->ed_paste = true;
	} else if (final == '~' && parameter(ed, 0) == 201) {
		ed->ed_paste = false;
	} else if (ed->ed_paste || ed->ed_refused) {
		return; /* pasted keys do nothing */
	} else if (final == '~') {
		tilde_key(ed);
	} else {
		cursor_key(ed, final);
	}
}

static void
feed_csi(struct line *ed, uint8_t byte)
{
	if (byte >= 0x20 && byte <= 0x3f) {
		if (ed->ed_seq_len < sizeof(ed->ed_seq))
			ed->ed_seq[ed->ed_seq_len++] = (char)byte;
		else
			ed->ed_esc = ESC_LONG;
		return;
	}
	ed->ed_esc = ESC_NONE;
	if (byte == '[' && ed->ed_seq_len == 0)
		ed->ed_esc = ESC_LINUX;
	else if (byte >= 0x40 && byte < RUBOUT)
		csi_done(ed, byte);
}

static void
feed_seen(struct line *ed, uint8_t byte)
{
	ed->ed_esc = ESC_NONE;
	ed->ed_seq_len = 0;
	switch (byte) {
	case '[':
		ed->ed_esc = ESC_CSI;
		break;
	case 'O':
		ed->ed_esc = ESC_SS3;
		break;
	case ']':
	case 'P':
	case '_':
	case '^':
	case 'X':
		ed->ed_esc = ESC_STRING;
		break;
	case ESC:
		ed->ed_esc = ESC_SEEN;
		break;
	default:
		if (!ed->ed_paste && !ed->ed_refused)
			alt_key(ed, byte);
		break;
	}
}

static void
feed_escape(struct line *ed, uint8_t byte)
{
	if (byte == ESC) {
		ed->ed_esc = ed->ed_esc == ESC_STRING ? ESC_ENDING : ESC_SEEN;
		return;
	}
	switch ((enum line_escape)ed->ed_esc) {
	case ESC_SEEN:
		feed_seen(ed, byte);
		break;
	case ESC_CSI:
		feed_csi(ed, byte);
		break;
	case ESC_LONG:
		if (byte < 0x20 || byte > 0x3f)
			ed->ed_esc = ESC_NONE;
		break;
	case ESC_SS3:
		ed->ed_esc = ESC_NONE;
		if (!ed->ed_paste && !ed->ed_refused)
			cursor_key(ed, byte);
		break;
	case ESC_STRING:
		if (byte == BEL)
			ed->ed_esc = ESC_NONE;
		break;
	case ESC_ENDING:
		ed->ed_esc = ESC_NONE;
		if (byte != '\\')
			feed_seen(ed, byte);
		break;
	case ESC_NONE:
	case ESC_LINUX:
		ed->ed_esc = ESC_NONE;
		break;
	}
}

/* --- the stream --------------------------------------------------------- */

static enum line_event
feed_one(struct line *ed, uint8_t byte)
{
	bool last_cr = ed->ed_last_cr;

	if (byte == 0)
		return LINE_NONE;
	ed->ed_last_cr = false;
	if (byte == '\n' && last_cr)
		return LINE_NONE;
	if (byte < 0x80 || ed->ed_esc != ESC_NONE)
		flush_utf8(ed);
	if (byte == CTRL('C')) {
		line_forget_input(ed);
		ed->ed_more = false;
		return finish(ed, LINE_INTERRUPT, "^C");
	}
	if (ed->ed_esc != ESC_NONE && byte != '\r' && byte != '\n') {
		feed_escape(ed, byte);
		return LINE_NONE;
	}
	ed->ed_esc = ESC_NONE;
	if (byte < 0x20 || byte == RUBOUT)
		return control(ed, byte);
	if (byte < 0x80)
		insert_text(ed, (const char *)&byte, 1);
	else
		feed_high(ed, byte);
	return LINE_NONE;
}

enum line_event
line_feed(struct line *ed, uint8_t byte)
{
	enum line_event ev = feed_one(ed, byte);

	if (!ed->ed_more)
		line_settle(ed);
	return ev;
}

bool
line_swallow(struct line *ed, uint8_t byte)
{
	enum line_event ev;

	ed->ed_refused = true; /* each end of a line resets it */
	ev = line_feed(ed, byte);
	ed->ed_refused = false;
	return ev == LINE_INTERRUPT;
}
