/* SPDX-License-Identifier: MIT */
/* A screen for the tests of the line editor, and what it must show. */
#ifndef TESTS_UNIT_LINE_SCREEN_H
#define TESTS_UNIT_LINE_SCREEN_H

#include <stdbool.h>

#include <console/line.h>

#define COLUMNS_MOST 120u

/* Keys. */
#define LEFT  "\x1b[D"
#define RIGHT "\x1b[C"
#define UP    "\x1b[A"
#define DOWN  "\x1b[B"

struct cell {
	char utf8[5];
};

struct screen {
	bool ansi;
	unsigned columns;
	struct cell row[COLUMNS_MOST];
	unsigned col;
	char above[512]; /* the row before, as text */
	unsigned rows;   /* completed */
	unsigned bytes;
	/* Escape sequence, or code point, under way. */
	char seq[16];
	unsigned seq_n;
};

extern struct screen screen;
extern struct line ed;

/* A new editor on a new screen, with the prompt "> ". */
void begin(bool ansi, unsigned columns);
/* The row as text, trailing blanks removed. */
const char *screen_text(void);
void screen_clear_row(void);
/* What the editor, or somebody else, writes. */
void emit(void *arg, const char *text, size_t n);
/* The editor's invariants; row and cursor, from the buffer and ed_start. */
void check_screen(void);
void check_invariants(void);
/* Feed all, checking after each byte; the last event that was not NONE. */
enum line_event type(const char *keys);

#endif
