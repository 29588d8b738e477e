/* SPDX-License-Identifier: MIT */
/*
 * Line editor: a pure state machine fed with bytes, which emits bytes. No
 * memory beyond the struct, no waiting; host-tested. Theory: console/line.c.
 */
#ifndef CONSOLE_LINE_H
#define CONSOLE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_BYTES     4096u /* with the terminating NUL */
#define LINE_HISTORY_BYTES 16384u
#define LINE_COLUMNS_MIN   20u
#define LINE_COLUMNS_MAX   1000u

enum line_event {
	LINE_NONE,
	LINE_DONE,      /* a line is in ed_buf, NUL-terminated */
	LINE_INTERRUPT, /* Ctrl-C */
	LINE_EOF,       /* Ctrl-D on an empty line */
	LINE_REFUSED /* too long or damaged, which has been said; it is gone */
};

struct line {
	/* Constant after line_init. */
	void (*ed_emit)(void *arg, const char *text, size_t n);
	void *ed_arg;
	/* The owner may change these between lines, then line_redraw. */
	bool
	    ed_ansi; /* may use escape sequences; else only BS, space, CR, LF */
	unsigned ed_columns; /* of the screen */
	size_t ed_max;       /* bytes a line may have, < LINE_MAX_BYTES */
	/* More input is at hand: put off what is more than echo. */
	bool ed_more;
	/* The line being edited. */
	char ed_buf[LINE_MAX_BYTES];
	size_t ed_len, ed_pos; /* bytes; pos is the cursor, 0 … len */
	const char *ed_prompt; /* the caller's memory, until the line ends */
	char ed_kill[LINE_MAX_BYTES]; /* what the last kill took */
	size_t ed_kill_len;
	/* Input that is not complete yet. */
	uint8_t ed_esc; /* enum line_escape, private */
	char ed_seq[16];
	unsigned ed_seq_len;
	char ed_utf8[4]; /* a code point under way */
	unsigned ed_utf8_len;
	bool ed_paste;   /* between ESC[200~ and ESC[201~ */
	bool ed_refused; /* the rest of this line is swallowed */
	bool ed_last_cr; /* an LF now belongs to it */
	/* Terminal's answers seen in the input; 0: none yet. */
	unsigned ed_answer_columns, ed_answer_rows;
	bool ed_answered;
	/* History: entries of u16 length + bytes, oldest first. */
	uint8_t ed_history[LINE_HISTORY_BYTES];
	size_t ed_hist_len;
	unsigned ed_hist_count, ed_hist_at; /* at == count: the line itself */
	char ed_saved[LINE_MAX_BYTES]; /* the line when history was entered */
	size_t ed_saved_len;
	/* What is on the screen. */
	bool ed_visible, ed_dirty;
	size_t ed_start;   /* first byte of the line that is shown */
	unsigned ed_col;   /* where the cursor is, columns from 0 */
	unsigned ed_shown; /* columns in use */
};

void line_init(
    struct line *ed, void (*emit)(void *, const char *, size_t), void *arg);
/* A new line; the screen's cursor is at the left edge. */
void line_start(struct line *ed, const char *prompt);
enum line_event line_feed(struct line *ed, uint8_t byte);
/* No more input is at hand: draw what was put off. */
void line_settle(struct line *ed);
/* Show prompt and line again (after other output). */
void line_redraw(struct line *ed);
/* Remove the line from the screen, before other output. */
void line_hide(struct line *ed);
/*
 * Bytes of this line were lost: drop it, show `message` and swallow what
 * remains of it; LINE_REFUSED comes when it ends.
 */
void line_refuse(struct line *ed, const char *message);
/*
 * Between lines: take a byte of a paste that is not wanted. Only the marks of a
 * bracketed paste and the terminal's answers are heeded. True at Ctrl-C.
 */
bool line_swallow(struct line *ed, uint8_t byte);
/* Input was dropped on purpose: forget what is half received. */
void line_forget_input(struct line *ed);
/* One entry, newlines included. Empty, repeated, too long: not kept. */
void line_history_add(struct line *ed, const char *text);

#endif
