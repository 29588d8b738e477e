/* SPDX-License-Identifier: MIT */
/*
 * Integer formatter.
 *
 * Theory of operation
 * 1. The text is made in pieces (a literal run, padding, digits) that go to a
 *    put function; formatting into a buffer and streaming into the log are two
 *    put functions over the same core, so they cannot differ.
 * 2. Nothing is read beyond what the conversion needs: a %.4s reads at most
 *    four bytes, so that text without a NUL can be printed.
 * 3. Cost is linear in the text; widths are capped, and lengths saturate
 *    instead of wrapping.
 */
#include <stdbool.h>
#include <stdint.h>

#include <kernel/fmt.h>

/* Octal digits of 64 bits. */
#define DIGITS_MAX 22u
/* Widths and precisions beyond are mistakes, and would take long to pad. */
#define WIDTH_MAX  65535u

enum length { LEN_INT, LEN_HH, LEN_H, LEN_L, LEN_LL, LEN_Z, LEN_J, LEN_T };

struct spec {
	bool minus, plus, space, zero, alt;
	bool has_precision;
	size_t width, precision;
	enum length length;
	char conv;
};

struct out {
	void (*put)(void *arg, const char *text, size_t n);
	void *arg;
	size_t len;
};

/* A va_list that can be passed by reference whatever type it has. */
struct args {
	va_list ap;
};

static size_t
add_sat(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static void
emit(struct out *o, const char *text, size_t n)
{
	if (n == 0)
		return;
	o->put(o->arg, text, n);
	o->len = add_sat(o->len, n);
}

static void
emit_pad(struct out *o, char c, size_t n)
{
	static const char spaces[] = "                ";
	static const char zeros[] = "0000000000000000";
	const char *run = c == '0' ? zeros : spaces;

	while (n > 0) {
		size_t piece = n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1;

		emit(o, run, piece);
		n -= piece;
	}
}

/* Digits that would lead beyond the maximum change nothing. */
static size_t
parse_number(const char **p)
{
	size_t v = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		v = v <= WIDTH_MAX ? v * 10u + (size_t)(**p - '0') : v;
	return v <= WIDTH_MAX ? v : WIDTH_MAX;
}

static const char *
parse_flags(const char *p, struct spec *s)
{
	for (;; p++) {
		switch (*p) {
		case '-':
			s->minus = true;
			break;
		case '+':
			s->plus = true;
			break;
		case ' ':
			s->space = true;
			break;
		case '0':
			s->zero = true;
			break;
		case '#':
			s->alt = true;
			break;
		default:
			return p;
		}
	}
}

static const char *
parse_length(const char *p, struct spec *s)
{
	switch (*p) {
	case 'h':
		s->length = p[1] == 'h' ? LEN_HH : LEN_H;
		return p + (p[1] == 'h' ? 2 : 1);
	case 'l':
		s->length = p[1] == 'l' ? LEN_LL : LEN_L;
		return p + (p[1] == 'l' ? 2 : 1);
	case 'z':
		s->length = LEN_Z;
		return p + 1;
	case 'j':
		s->length = LEN_J;
		return p + 1;
	case 't':
		s->length = LEN_T;
		return p + 1;
	default:
		return p;
	}
}

/* Absolute value of an int that may be INT_MIN, as a width. */
static size_t
magnitude(int v)
{
	size_t width = v < 0 ? (size_t)0 - (size_t)v : (size_t)v;

	return width <= WIDTH_MAX ? width : WIDTH_MAX;
}

/* From behind the '%'; returns the first byte after the conversion. */
static const char *
parse_spec(const char *p, struct spec *s, struct args *a)
{
	*s = (struct spec){ .length = LEN_INT };
	p = parse_flags(p, s);
	if (*p == '*') {
		int width = va_arg(a->ap, int);

		s->minus = s->minus || width < 0;
		s->width = magnitude(width);
		p++;
	} else {
		s->width = parse_number(&p);
	}
	if (*p == '.') {
		p++;
		s->has_precision = true;
		if (*p == '*') {
			int precision = va_arg(a->ap, int);

			s->has_precision = precision >= 0;
			s->precision = precision < 0 ? 0 : magnitude(precision);
			p++;
		} else {
			s->precision = parse_number(&p);
		}
	}
	p = parse_length(p, s);
	s->conv = *p;
	return *p == '\0' ? p : p + 1;
}

static int64_t
take_signed(const struct spec *s, struct args *a)
{
	switch (s->length) {
	case LEN_HH:
		return (signed char)va_arg(a->ap, int);
	case LEN_H:
		return (short)va_arg(a->ap, int);
	case LEN_L:
		return va_arg(a->ap, long);
	case LEN_LL:
		return va_arg(a->ap, long long);
	case LEN_Z:
	case LEN_T:
		return va_arg(a->ap, ptrdiff_t);
	case LEN_J:
		return va_arg(a->ap, intmax_t);
	case LEN_INT:
	default:
		return va_arg(a->ap, int);
	}
}

static uint64_t
take_unsigned(const struct spec *s, struct args *a)
{
	switch (s->length) {
	case LEN_HH:
		return (unsigned char)va_arg(a->ap, unsigned);
	case LEN_H:
		return (unsigned short)va_arg(a->ap, unsigned);
	case LEN_L:
		return va_arg(a->ap, unsigned long);
	case LEN_LL:
		return va_arg(a->ap, unsigned long long);
	case LEN_Z:
	case LEN_T:
		return va_arg(a->ap, size_t);
	case LEN_J:
		return va_arg(a->ap, uintmax_t);
	case LEN_INT:
	default:
		return va_arg(a->ap, unsigned);
	}
}

/* Digits of v, right-aligned in buf; returns how many. None for 0. */
static size_t
digits(char buf[DIGITS_MAX], uint64_t v, unsigned base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	size_t n = 0;

	for (; v != 0; v /= base)
		buf[DIGITS_MAX - ++n] = set[v % base];
	return n;
}

/* Sign or 0x, zeros, digits, with spaces left or right of them. */
static void
emit_integer(struct out *o, const struct spec *s, uint64_t v, const char *sign)
{
	unsigned base = s->conv == 'x' || s->conv == 'X' || s->conv == 'p' ? 16u
	    : s->conv == 'o'                                               ? 8u
			     : 10u;
	char buf[DIGITS_MAX];
	size_t n = digits(buf, v, base, s->conv == 'X');
	size_t prefix = 0, zeros, total;

	if (base == 16 && s->alt && (v != 0 || s->conv == 'p'))
		sign = s->conv == 'X' ? "0X" : "0x";
	while (sign[prefix] != '\0')
		prefix++;
	zeros = s->has_precision ? s->precision : 1;
	zeros = zeros > n ? zeros - n : 0;
	if (base == 8 && s->alt && zeros == 0)
		zeros = 1;
	total = add_sat(prefix + n, zeros);
	if (s->zero && !s->minus && !s->has_precision && s->width > total) {
		zeros = add_sat(zeros, s->width - total);
		total = s->width;
	}
	if (!s->minus && s->width > total)
		emit_pad(o, ' ', s->width - total);
	emit(o, sign, prefix);
	emit_pad(o, '0', zeros);
	emit(o, buf + DIGITS_MAX - n, n);
	if (s->minus && s->width > total)
		emit_pad(o, ' ', s->width - total);
}

static void
emit_text(struct out *o, const struct spec *s, const char *text, size_t n)
{
	if (!s->minus && s->width > n)
		emit_pad(o, ' ', s->width - n);
	emit(o, text, n);
	if (s->minus && s->width > n)
		emit_pad(o, ' ', s->width - n);
}

static void
emit_string(struct out *o, const struct spec *s, const char *text)
{
	size_t n = 0;

	if (text == NULL)
		text = "(null)";
	while (!(s->has_precision && n >= s->precision) && text[n] != '\0')
		n++;
	emit_text(o, s, text, n);
}

/* One conversion; false: not one of ours, and nothing was taken or shown. */
static bool
convert(struct out *o, struct spec *s, struct args *a)
{
	char c;

	switch (s->conv) {
	case 'd':
	case 'i': {
		int64_t v = take_signed(s, a);
		uint64_t mag = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;

		emit_integer(o, s, mag,
		    v < 0          ? "-"
			: s->plus  ? "+"
			: s->space ? " "
				   : "");
		return true;
	}
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		emit_integer(o, s, take_unsigned(s, a), "");
		return true;
	case 'p':
		s->alt = true;
		emit_integer(o, s, (uintptr_t)va_arg(a->ap, void *), "");
		return true;
	case 'c':
		if (s->length != LEN_INT)
			return false;
		c = (char)va_arg(a->ap, int);
		emit_text(o, s, &c, 1);
		return true;
	case 's':
		if (s->length != LEN_INT)
			return false;
		emit_string(o, s, va_arg(a->ap, const char *));
		return true;
	case '%':
		emit(o, "%", 1);
		return true;
	default:
		return false;
	}
}

static size_t
text_length(const char *text)
{
	size_t n = 0;

	while (text[n] != '\0')
		n++;
	return n;
}

size_t
fmt_vstream(void (*put)(void *arg, const char *text, size_t n), void *arg,
    const char *fmt, va_list ap)
{
	struct out o = { .put = put, .arg = arg };
	struct args a;

	va_copy(a.ap, ap);
	while (*fmt != '\0') {
		const char *from = fmt;
		struct spec s;

		while (*fmt != '\0' && *fmt != '%')
			fmt++;
		emit(&o, from, (size_t)(fmt - from));
		if (*fmt == '\0')
			break;
		from = fmt;
		fmt = parse_spec(fmt + 1, &s, &a);
		if (!convert(&o, &s, &a)) {
			emit(&o, from, text_length(from));
			break;
		}
	}
	va_end(a.ap);
	return o.len;
}

struct buffer {
	char *out;
	size_t n, at; /* at <= n - 1 when n > 0 */
};

static void
put_buffer(void *arg, const char *text, size_t n)
{
	struct buffer *b = arg;

	for (size_t i = 0; i < n && b->n - b->at > 1; i++)
		b->out[b->at++] = text[i];
}

size_t
fmt_vformat(char *out, size_t n, const char *fmt, va_list ap)
{
	struct buffer b = { .out = out, .n = n };
	size_t len;

	if (n == 0)
		b.n = 1; /* put_buffer then keeps no byte */
	len = fmt_vstream(put_buffer, &b, fmt, ap);
	if (n > 0)
		out[b.at] = '\0';
	return len;
}

size_t
fmt_format(char *out, size_t n, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	len = fmt_vformat(out, n, fmt, ap);
	va_end(ap);
	return len;
}
