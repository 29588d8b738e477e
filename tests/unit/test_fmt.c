/* SPDX-License-Identifier: MIT */
/* The integer formatter, compared with the host's snprintf. */
#include "tests/unit/kernel_test.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include <kernel/fmt.h>

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static const char flag_set[] = "-+ 0#";

/* A random specification up to the conversion: %-08.3 */
static size_t
random_spec(struct rng *r, char *out)
{
	size_t n = 0;

	out[n++] = '%';
	for (size_t i = rng_below(r, 4); i > 0; i--)
		out[n++] = flag_set[rng_below(r, sizeof(flag_set) - 1)];
	if (rng_below(r, 2))
		n += (size_t)sprintf(out + n, "%zu", 1 + rng_below(r, 40));
	if (rng_below(r, 2)) {
		out[n++] = '.';
		if (rng_below(r, 4) > 0)
			n += (size_t)sprintf(out + n, "%zu", rng_below(r, 30));
	}
	return n;
}

static uint64_t
random_value(struct rng *r)
{
	static const uint64_t edges[] = { 0, 1, 9, 10, 255, 256, INT_MAX,
		UINT32_MAX, (uint64_t)INT64_MAX, UINT64_MAX, 1ull << 63 };

	if (rng_below(r, 3) == 0)
		return edges[rng_below(r, ARRAY_COUNT(edges))];
	return rng_next(r) >> rng_below(r, 64);
}

/* Both formatters, every length of buffer that matters, guard bytes. */
static void
compare(struct rng *r, const char *fmt, const char *want, size_t want_len,
    const char *got, size_t got_len, size_t n)
{
	(void)r;
	if (got_len != want_len)
		fail_msg("\"%s\": length %zu, not %zu", fmt, got_len, want_len);
	if (n > 0 && strcmp(want, got) != 0)
		fail_msg("\"%s\": \"%s\", not \"%s\"", fmt, got, want);
	assert_int_equal(got[n], 0x55);
}

static void
T91_integers_are_formatted_as_the_host_does(void **state)
{
	static const char *const lengths[] = { "hh", "h", "", "l", "ll", "z",
		"j", "t" };
	static const char conversions[] = "diuxXo";
	struct rng r = { 0x1234567 };

	(void)state;
	for (unsigned round = 0; round < 60000; round++) {
		char fmt[64], want[128], got[129];
		size_t at = random_spec(&r, fmt), n = rng_below(&r, 100);
		size_t length = rng_below(&r, ARRAY_COUNT(lengths));
		uint64_t v = random_value(&r);
		int want_len;
		size_t got_len;

		(void)sprintf(fmt + at, "%s%c", lengths[length],
		    conversions[rng_below(&r, sizeof(conversions) - 1)]);
		memset(got, 0x55, sizeof(got));
		if (length < 3) {
			want_len = snprintf(want, n, fmt, (int)v);
			got_len = fmt_format(got, n, fmt, (int)v);
		} else {
			want_len = snprintf(want, n, fmt, v);
			got_len = fmt_format(got, n, fmt, v);
		}
		compare(&r, fmt, want, (size_t)want_len, got, got_len, n);
	}
}

static void
T91_strings_are_formatted_as_the_host_does(void **state)
{
	static const char text[] = "the quick brown fox";
	struct rng r = { 0x7654321 };

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		char fmt[64], want[128], got[129];
		size_t at = random_spec(&r, fmt), n = rng_below(&r, 100);
		size_t from = rng_below(&r, sizeof(text));
		int want_len;
		size_t got_len;

		/* Flags other than - mean nothing here. */
		for (size_t i = 1; i < at && fmt[i] != '\0'; i++) {
			if (strchr("+ #", fmt[i]) != NULL ||
			    (fmt[i] == '0' &&
				(fmt[i - 1] == '%' || fmt[i - 1] == '-')))
				fmt[i] = '-';
		}
		memset(got, 0x55, sizeof(got));
		if (rng_below(&r, 4) == 0) {
			char *dot = strchr(fmt, '.');

			if (dot != NULL && dot < fmt + at)
				at = (size_t)(dot - fmt);
			strcpy(fmt + at, "c");
			want_len = snprintf(want, n, fmt, 'A' + (int)from);
			got_len = fmt_format(got, n, fmt, 'A' + (int)from);
		} else {
			strcpy(fmt + at, "s");
			want_len = snprintf(want, n, fmt, text + from);
			got_len = fmt_format(got, n, fmt, text + from);
		}
		compare(&r, fmt, want, (size_t)want_len, got, got_len, n);
	}
}

static void
T91_lengths_0_and_1_write_nothing_but_the_nul(void **state)
{
	char got[4];

	(void)state;
	memset(got, 0x55, sizeof(got));
	assert_int_equal(fmt_format(got, 0, "abc %d", 7), 5);
	assert_int_equal(got[0], 0x55);
	assert_int_equal(fmt_format(NULL, 0, "abc %d", 7), 5);
	assert_int_equal(fmt_format(got, 1, "abc %d", 7), 5);
	assert_int_equal(got[0], '\0');
	assert_int_equal(got[1], 0x55);
	assert_int_equal(fmt_format(got, 2, "abc %d", 7), 5);
	assert_string_equal(got, "a");
	assert_int_equal(got[2], 0x55);
}

static void
fmt_stars_widths_and_pointers(void **state)
{
	const char *volatile none = NULL;
	char got[128];

	(void)state;
	fmt_format(got, sizeof(got), "[%*d][%-*d][%*d]", 5, 42, 5, 42, -5, 42);
	assert_string_equal(got, "[   42][42   ][42   ]");
	fmt_format(got, sizeof(got), "[%.*s][%.*s]", 3, "abcdef", -1, "abc");
	assert_string_equal(got, "[abc][abc]");
	fmt_format(
	    got, sizeof(got), "%p %p", (void *)0x1234, (void *)UINTPTR_MAX);
	assert_string_equal(got, "0x1234 0xffffffffffffffff");
	fmt_format(got, sizeof(got), "%p", (void *)0);
	assert_string_equal(got, "0x0");
	fmt_format(got, sizeof(got), "%d%%", 100);
	assert_string_equal(got, "100%");
	fmt_format(got, sizeof(got), "%d %d", INT_MIN, INT_MAX);
	assert_string_equal(got, "-2147483648 2147483647");
	fmt_format(got, sizeof(got), "%s", none);
	assert_string_equal(got, "(null)");
}

/* At most the bytes that a precision allows are read (address sanitizer). */
static void
fmt_text_without_a_nul_is_read_to_its_precision(void **state)
{
	char got[16];
	char raw[4] = { 'a', 'b', 'c', 'd' };

	(void)state;
	fmt_format(got, sizeof(got), "%.4s", raw);
	assert_string_equal(got, "abcd");
}

/* What cannot be taken from the arguments stops the conversion. */
static void
fmt_foreign_conversions_stand_as_they_are(void **state)
{
	static const char *const odd[] = { "%f %s", "%", "abc%", "%ls|%d", "%q",
		"%-08.3", "%n%s", "% d%" };
	static const char *const want[] = { "%f %s", "%", "abc%", "%ls|%d",
		"%q", "%-08.3", "%n%s", " 7%" };
	char got[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
		fmt_format(got, sizeof(got), odd[i], 7);
		assert_string_equal(got, want[i]);
	}
}

static void
fmt_huge_widths_end_and_do_not_wrap(void **state)
{
	static const char *const wide[] = { "%99999999999999999999d", "%65536d",
		"%65535d", "%.18446744073709551617d" };
	volatile int lowest = INT_MIN;
	char got[8];

	(void)state;
	memset(got, 0x55, sizeof(got));
	for (size_t i = 0; i < ARRAY_COUNT(wide); i++) {
		assert_int_equal(fmt_format(got, 4, wide[i], 1), 65535);
		assert_int_equal(got[4], 0x55);
	}
	assert_int_equal(fmt_format(got, 4, "%*d", 1000000, 1), 65535);
	assert_int_equal(fmt_format(got, 4, "%*d", lowest, 1), 65535);
}

struct pieces {
	char text[256];
	size_t n;
};

static void
take_piece(void *arg, const char *text, size_t n)
{
	struct pieces *p = arg;

	assert_true(n > 0);
	memcpy(p->text + p->n, text, n);
	p->n += n;
}

static size_t __attribute__((format(printf, 2, 3)))
stream(struct pieces *p, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vstream(take_piece, p, fmt, ap);
	va_end(ap);
	return n;
}

static void
fmt_stream_gives_the_same_text_in_pieces(void **state)
{
	struct pieces p = { .n = 0 };
	char want[256];
	size_t n;

	(void)state;
	n = fmt_format(
	    want, sizeof(want), "a%5db%-40sc%016llxd", -7, "text", 0xabcdefull);
	assert_int_equal(
	    stream(&p, "a%5db%-40sc%016llxd", -7, "text", 0xabcdefull), n);
	assert_int_equal(p.n, n);
	assert_memory_equal(p.text, want, n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(T91_integers_are_formatted_as_the_host_does),
		cmocka_unit_test(T91_strings_are_formatted_as_the_host_does),
		cmocka_unit_test(T91_lengths_0_and_1_write_nothing_but_the_nul),
		cmocka_unit_test(fmt_stars_widths_and_pointers),
		cmocka_unit_test(
		    fmt_text_without_a_nul_is_read_to_its_precision),
		cmocka_unit_test(fmt_foreign_conversions_stand_as_they_are),
		cmocka_unit_test(fmt_huge_widths_end_and_do_not_wrap),
		cmocka_unit_test(fmt_stream_gives_the_same_text_in_pieces),
	};

	return cmocka_run_group_tests_name("fmt", tests, NULL, NULL);
}
