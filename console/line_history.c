/* SPDX-License-Identifier: MIT */
/*
 * History: entries in one byte array, oldest first, each a length (two bytes,
 * low first) and its text. A new entry pushes the oldest out. All walks start
 * at the oldest: 16 KiB at most, once per key.
 */
#include <string.h>

#include "line_impl.h"

#define LENGTH_BYTES 2u

static size_t
entry_bytes(const struct line *ed, size_t at)
{
	return ed->ed_history[at] | (size_t)ed->ed_history[at + 1] << 8;
}

/* Where the n-th entry from the oldest begins. n < count. */
static size_t
entry_at(const struct line *ed, unsigned n)
{
	size_t at = 0;

	while (n-- > 0)
		at += LENGTH_BYTES + entry_bytes(ed, at);
	return at;
}

static void
push_out_oldest(struct line *ed)
{
	size_t n = LENGTH_BYTES + entry_bytes(ed, 0);

	ed->ed_hist_len -= n;
	ed->ed_hist_count--;
	memmove(ed->ed_history, ed->ed_history + n, ed->ed_hist_len);
}

static bool
is_last(const struct line *ed, const char *text, size_t n)
{
	size_t at;

	if (ed->ed_hist_count == 0)
		return false;
	at = entry_at(ed, ed->ed_hist_count - 1);
	return entry_bytes(ed, at) == n &&
	    memcmp(ed->ed_history + at + LENGTH_BYTES, text, n) == 0;
}

void
line_history_add(struct line *ed, const char *text)
{
	size_t n = strnlen(text, LINE_MAX_BYTES);
	uint8_t *at;

	/* Trailing newlines would be marks with nothing behind them. */
	while (n > 0 && n < LINE_MAX_BYTES && text[n - 1] == '\n')
		n--;
	if (strspn(text, " \t\n") >= n || n >= LINE_MAX_BYTES ||
	    is_last(ed, text, n))
		return;
	while (ed->ed_hist_len + LENGTH_BYTES + n > LINE_HISTORY_BYTES)
		push_out_oldest(ed);
	at = ed->ed_history + ed->ed_hist_len;
	at[0] = (uint8_t)(n & 0xff);
	at[1] = (uint8_t)(n >> 8);
	memcpy(at + LENGTH_BYTES, text, n);
	ed->ed_hist_len += LENGTH_BYTES + n;
	ed->ed_hist_count++;
	ed->ed_hist_at = ed->ed_hist_count;
}

static char *
entry_text(struct line *ed, unsigned n, size_t *bytes)
{
	size_t at = entry_at(ed, n);

	*bytes = entry_bytes(ed, at);
	return (char *)ed->ed_history + at + LENGTH_BYTES;
}

static void
show_entry(struct line *ed, unsigned n)
{
	size_t bytes;
	const char *text = entry_text(ed, n, &bytes);

	/* The reader's buffer may be smaller than the longest entry. */
	if (bytes > ed->ed_max)
		return;
	if (ed->ed_hist_at == ed->ed_hist_count) {
		memcpy(ed->ed_saved, ed->ed_buf, ed->ed_len);
		ed->ed_saved_len = ed->ed_len;
	}
	ed->ed_hist_at = n;
	line_set(ed, text, bytes);
	line_changed(ed);
}

void
line_history_older(struct line *ed)
{
	if (ed->ed_hist_at > 0)
		show_entry(ed, ed->ed_hist_at - 1);
}

void
line_history_newer(struct line *ed)
{
	if (ed->ed_hist_at >= ed->ed_hist_count)
		return;
	if (ed->ed_hist_at + 1 < ed->ed_hist_count) {
		show_entry(ed, ed->ed_hist_at + 1);
		return;
	}
	ed->ed_hist_at = ed->ed_hist_count;
	line_set(ed, ed->ed_saved, ed->ed_saved_len);
	line_changed(ed);
}
