/* SPDX-License-Identifier: MIT */
/* Inside of the line editor: what its four files share. */
#ifndef CONSOLE_LINE_IMPL_H
#define CONSOLE_LINE_IMPL_H

#include <console/line.h>

/* line_edit.c: the buffer. None of these draws. */

/* Bytes of the code point at `at`; 1 when it is not one. at < len. */
size_t line_cp_bytes(const char *text, size_t at, size_t len);
/* Start of the code point that ends at `at`. at > 0. */
size_t line_cp_before(const char *text, size_t at);
/* Columns of text[from … to). */
unsigned line_columns(const char *text, size_t from, size_t to);
size_t line_word_left(const struct line *ed);
size_t line_word_right(const struct line *ed);
size_t line_blank_left(const struct line *ed);
/* False when the line would exceed ed_max. */
bool line_insert(struct line *ed, const char *bytes, size_t n);
void line_delete(struct line *ed, size_t from, size_t to);
void line_kill(struct line *ed, size_t from, size_t to);
void line_transpose(struct line *ed);
void line_set(struct line *ed, const char *text, size_t n);
/* Keep the cursor off the inside of a code point. */
void line_snap(struct line *ed);

/* line_history.c */

void line_history_older(struct line *ed);
void line_history_newer(struct line *ed);

/* line_view.c: the screen. */

void line_put(struct line *ed, const char *text);
/* Can so many columns be written at the cursor without wrapping? */
bool line_has_room(const struct line *ed, unsigned columns);
/* A new row: prompt and an empty line, from the left edge. */
void line_draw_prompt(struct line *ed);
/* The line changed somewhere: draw it, now or with the next settle. */
void line_changed(struct line *ed);
/* `n` valid bytes of one code point were inserted before the cursor. */
void line_echo_insert(struct line *ed, size_t n);
/* The last code point was deleted, and was the last in the line. */
void line_echo_rubout(struct line *ed);
/* The cursor moved from byte `old` to ed_pos. */
void line_echo_move(struct line *ed, size_t old);
void line_clear_screen(struct line *ed);

#endif
