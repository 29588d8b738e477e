/* SPDX-License-Identifier: MIT */
/*
 * The text being edited: bytes, code points, words. Nothing here draws.
 *
 * A code point is a well-formed UTF-8 sequence; a byte that belongs to none
 * counts as one by itself. Because a lead byte is never a continuation byte,
 * splitting from the left and from the right gives the same pieces.
 * Invariants: len <= max < LINE_MAX_BYTES, pos <= len, pos on a boundary.
 */
#include <string.h>

#include "line_impl.h"

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0u) == 0x80u;
}

/* Length the lead byte promises; 0 when it is no lead byte. */
static size_t
promised(unsigned char lead)
{
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return 0;
}

size_t
line_cp_bytes(const char *text, size_t at, size_t len)
{
	unsigned char lead = (unsigned char)text[at], second;
	size_t n = promised(lead);

	if (n == 0 || n > len - at)
		return 1;
	for (size_t i = 1; i < n; i++)
		if (!is_continuation(text[at + i]))
			return 1;
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	second = (unsigned char)text[at + 1];
	if ((lead == 0xe0 && second < 0xa0) ||
	    (lead == 0xed && second > 0x9f) ||
	    (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
		return 1;
	return n;
}

size_t
line_cp_before(const char *text, size_t at)
{
	for (size_t n = 2; n <= 4 && n <= at; n++)
		if (line_cp_bytes(text, at - n, at) == n)
			return at - n;
	return at - 1;
}

unsigned
line_columns(const char *text, size_t from, size_t to)
{
	unsigned columns = 0;

	for (size_t at = from; at < to; at += line_cp_bytes(text, at, to))
		columns++;
	return columns;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

size_t
line_word_left(const struct line *ed)
{
	size_t at = ed->ed_pos;

	while (at > 0 && !is_word(ed->ed_buf[at - 1]))
		at--;
	while (at > 0 && is_word(ed->ed_buf[at - 1]))
		at--;
	return at;
}

size_t
line_word_right(const struct line *ed)
{
	size_t at = ed->ed_pos;

	while (at < ed->ed_len && !is_word(ed->ed_buf[at]))
		at++;
	while (at < ed->ed_len && is_word(ed->ed_buf[at]))
		at++;
	return at;
}

size_t
line_blank_left(const struct line *ed)
{
	size_t at = ed->ed_pos;

	while (at > 0 && is_blank(ed->ed_buf[at - 1]))
		at--;
	while (at > 0 && !is_blank(ed->ed_buf[at - 1]))
		at--;
	return at;
}

void
line_snap(struct line *ed)
{
	for (size_t back = 1; back < 4 && back <= ed->ed_pos; back++) {
		size_t at = ed->ed_pos - back;
		size_t n = line_cp_bytes(ed->ed_buf, at, ed->ed_len);

		if (n > back) {
			ed->ed_pos = at + n;
			return;
		}
	}
}

bool
line_insert(struct line *ed, const char *bytes, size_t n)
{
	if (n > ed->ed_max - ed->ed_len)
		return false;
	memmove(ed->ed_buf + ed->ed_pos + n, ed->ed_buf + ed->ed_pos,
	    ed->ed_len - ed->ed_pos);
	memcpy(ed->ed_buf + ed->ed_pos, bytes, n);
	ed->ed_len += n;
	ed->ed_pos += n;
	ed->ed_buf[ed->ed_len] = '\0';
	line_snap(ed);
	return true;
}

/* The cursor ends up at `from`. from <= to <= len. */
void
line_delete(struct line *ed, size_t from, size_t to)
{
	memmove(ed->ed_buf + from, ed->ed_buf + to, ed->ed_len - to);
	ed->ed_len -= to - from;
	ed->ed_pos = from;
	ed->ed_buf[ed->ed_len] = '\0';
	line_snap(ed);
}

void
line_kill(struct line *ed, size_t from, size_t to)
{
	if (from == to)
		return;
	ed->ed_kill_len = to - from;
	memcpy(ed->ed_kill, ed->ed_buf + from, ed->ed_kill_len);
	line_delete(ed, from, to);
}

/* Swap the code points on both sides of the cursor; at the end, the last. */
void
line_transpose(struct line *ed)
{
	char swapped[8];
	size_t left, middle = ed->ed_pos, right;

	if (middle == 0)
		return;
	if (middle == ed->ed_len)
		middle = line_cp_before(ed->ed_buf, middle);
	if (middle == 0)
		return;
	left = line_cp_before(ed->ed_buf, middle);
	right = middle + line_cp_bytes(ed->ed_buf, middle, ed->ed_len);
	memcpy(swapped, ed->ed_buf + middle, right - middle);
	memcpy(swapped + (right - middle), ed->ed_buf + left, middle - left);
	memcpy(ed->ed_buf + left, swapped, right - left);
	ed->ed_pos = right;
	line_snap(ed);
}

void
line_set(struct line *ed, const char *text, size_t n)
{
	memcpy(ed->ed_buf, text, n);
	ed->ed_buf[n] = '\0';
	ed->ed_len = n;
	ed->ed_pos = n;
}
