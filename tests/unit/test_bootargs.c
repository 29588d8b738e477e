/* SPDX-License-Identifier: MIT */
/* The parser of the boot arguments. */
#include "tests/unit/kernel_test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kernel/bootargs.h>

struct parsed {
	struct bootargs b;
	struct warnings w;
};

static struct parsed *
parse(const char *text)
{
	static struct parsed r;

	memset(&r, 0, sizeof(r));
	memset(&r.b, 0x5a, sizeof(r.b));
	bootargs_parse(&r.b, text, warnings_add, &r.w);
	assert_true(r.w.longest < BOOTARGS_WARN_MAX);
	assert_true(strnlen(r.b.run, sizeof(r.b.run)) < sizeof(r.b.run));
	return &r;
}

static struct parsed *
parse_quiet(const char *text)
{
	struct parsed *r = parse(text);

	if (r->w.count != 0)
		fail_msg("\"%s\" warned: %s", text, r->w.text);
	return r;
}

static void
expect_defaults(const struct bootargs *b)
{
	assert_string_equal(b->run, "");
	assert_int_equal(b->mem, 0);
	assert_int_equal(b->maxharts, 0);
	assert_int_equal(b->protect, PROTECT_UNSET);
	assert_false(b->heap_fatal);
	assert_int_equal(b->lua_mem, 0);
	assert_int_equal(b->term, TERM_AUTO);
	assert_int_equal(b->exit, EXIT_AUTO);
	assert_false(b->unsafe);
	assert_int_equal(b->loglevel, -1);
	assert_false(b->batch);
}

static void
I2_bootargs_absent_or_blank_give_defaults(void **state)
{
	(void)state;
	expect_defaults(&parse_quiet(NULL)->b);
	expect_defaults(&parse_quiet("")->b);
	expect_defaults(&parse_quiet(" \t\n\r ")->b);
}

static void
I2_bootargs_every_word_of_the_contract(void **state)
{
	const struct bootargs *b = &parse_quiet(
	    "run=tests/a.lua mem=64M maxharts=3 protect=debug heap=fatal "
	    "lua.mem=16m term=ansi exit=srst unsafe=1 loglevel=debug batch=1")
					->b;

	(void)state;
	assert_string_equal(b->run, "tests/a.lua");
	assert_int_equal(b->mem, 64 << 20);
	assert_int_equal(b->maxharts, 3);
	assert_int_equal(b->protect, PROTECT_DEBUG);
	assert_true(b->heap_fatal);
	assert_int_equal(b->lua_mem, 16 << 20);
	assert_int_equal(b->term, TERM_ANSI);
	assert_int_equal(b->exit, EXIT_SRST);
	assert_true(b->unsafe);
	assert_int_equal(b->loglevel, 3);
	assert_true(b->batch);
}

static void
I2_bootargs_every_choice(void **state)
{
	static const char *const exits[] = { "auto", "finisher", "srst",
		"reboot", "semihost", "spin" };
	static const char *const protects[] = { "fast", "checked", "debug" };
	static const char *const terms[] = { "auto", "ansi", "dumb" };
	static const char *const levels[] = { "error", "warn", "info",
		"debug" };
	char text[64];

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(exits); i++) {
		(void)snprintf(text, sizeof(text), "exit=%s", exits[i]);
		assert_int_equal(parse_quiet(text)->b.exit, EXIT_AUTO + i);
	}
	for (unsigned i = 0; i < ARRAY_COUNT(protects); i++) {
		(void)snprintf(text, sizeof(text), "protect=%s", protects[i]);
		assert_int_equal(
		    parse_quiet(text)->b.protect, PROTECT_FAST + i);
	}
	for (unsigned i = 0; i < ARRAY_COUNT(terms); i++) {
		(void)snprintf(text, sizeof(text), "term=%s", terms[i]);
		assert_int_equal(parse_quiet(text)->b.term, TERM_AUTO + i);
	}
	for (unsigned i = 0; i < ARRAY_COUNT(levels); i++) {
		(void)snprintf(text, sizeof(text), "loglevel=%s", levels[i]);
		assert_int_equal(parse_quiet(text)->b.loglevel, i);
		(void)snprintf(text, sizeof(text), "loglevel=%u", i);
		assert_int_equal(parse_quiet(text)->b.loglevel, i);
	}
	assert_int_equal(parse_quiet("loglevel=8")->b.loglevel, 3);
	assert_false(parse_quiet("heap=report")->b.heap_fatal);
	assert_false(parse_quiet("unsafe=0")->b.unsafe);
}

static void
I2_bootargs_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* 0: refused */
	} cases[] = {
		{ "1", 1 },
		{ "4096", 4096 },
		{ "0x1000", 4096 },
		{ "0X10k", 16384 },
		{ "1K", 1024 },
		{ "8m", 8u << 20 },
		{ "2G", 2ull << 30 },
		{ "18446744073709551615", UINT64_MAX },
		{ "17179869183G", 17179869183ull << 30 },
		{ "0", 0 },
		{ "0K", 0 },
		{ "", 0 },
		{ "K", 0 },
		{ "-1", 0 },
		{ "+1", 0 },
		{ "1KB", 0 },
		{ "1T", 0 },
		{ "1.5M", 0 },
		{ "0x", 0 },
		{ "0xg", 0 },
		{ "12a", 0 },
		{ "18446744073709551616", 0 },
		{ "18446744073709551617", 0 },
		{ "0x10000000000000001", 0 },
		{ "17179869184G", 0 },
		{ "99999999999999999999999999", 0 },
		{ "\"64M\"", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[64];
		const struct parsed *r;

		(void)snprintf(text, sizeof(text), "mem=%s", cases[i].text);
		r = parse(text);
		if (r->b.mem != cases[i].bytes)
			fail_msg("%s gives %llu", text,
			    (unsigned long long)r->b.mem);
		assert_int_equal(r->w.count, cases[i].bytes == 0);
	}
}

static void
I2_bootargs_malformed_values_warn_and_default(void **state)
{
	static const char *const bad[] = { "run=", "run", "mem", "maxharts=0",
		"maxharts=-1", "maxharts=1x", "maxharts=99999999999",
		"maxharts=", "protect=", "protect=Fast", "protect=fast,",
		"heap=", "heap=fatally", "lua.mem=lots", "term=vt100",
		"exit=", "exit=now", "unsafe", "unsafe=yes", "unsafe=2",
		"loglevel=", "loglevel=-1", "loglevel=loud", "batch=11",
		"batch=" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		const struct parsed *r = parse(bad[i]);

		if (r->w.count != 1)
			fail_msg("\"%s\" gave %u warnings", bad[i], r->w.count);
		assert_non_null(strstr(r->w.text, bad[i]));
		expect_defaults(&r->b);
	}
}

static void
I2_bootargs_last_word_counts(void **state)
{
	const struct parsed *r;

	(void)state;
	r = parse_quiet("mem=64M run=a mem=32M run=b mem=0x100000");
	assert_int_equal(r->b.mem, 0x100000);
	assert_string_equal(r->b.run, "b");
	assert_false(parse_quiet("unsafe=1 unsafe=0")->b.unsafe);
	r = parse("mem=64M mem=none");
	assert_int_equal(r->b.mem, 0);
	assert_int_equal(r->w.count, 1);
}

/* The boot loader of the VisionFive 2 adds Linux's words. */
static void
I2_bootargs_unknown_words_give_one_warning(void **state)
{
	const struct parsed *r =
	    parse("console=ttyS0,115200 debug rootwait earlycon=sbi mem=64M");

	(void)state;
	assert_int_equal(r->b.mem, 64 << 20);
	assert_int_equal(r->w.count, 1);
	assert_string_equal(r->w.text,
	    "unknown, ignored: console=ttyS0,115200 debug rootwait and "
	    "1 more\n");
	assert_string_equal(
	    parse("quiet")->w.text, "unknown, ignored: quiet\n");
	/* Keys are whole words, in lower case. */
	assert_int_equal(parse("MEM=64M meme=1 me=1 m =64M")->w.count, 1);
	expect_defaults(&parse("MEM=64M meme=1 me=1 m =64M")->b);
}

static void
I2_bootargs_quotes_and_odd_bytes_are_verbatim(void **state)
{
	const struct parsed *r = parse("run=\"my script.lua\"");

	(void)state;
	assert_string_equal(r->b.run, "\"my");
	assert_non_null(strstr(r->w.text, "script.lua\""));
	assert_string_equal(parse_quiet("run=a=b==c")->b.run, "a=b==c");
	r = parse("mem=\033[2J\xff\x80");
	assert_int_equal(r->w.count, 1);
	assert_non_null(strstr(r->w.text, "mem=?[2J??"));
}

static void
I2_bootargs_run_fits_or_is_refused(void **state)
{
	char text[4 + 200];

	(void)state;
	for (size_t n = 1; n < 200; n++) {
		const struct parsed *r;

		memcpy(text, "run=", 4);
		memset(text + 4, 'r', n);
		text[4 + n] = '\0';
		r = parse(text);
		assert_int_equal(
		    strlen(r->b.run), n < BOOTARGS_RUN_MAX ? n : 0);
		assert_int_equal(r->w.count, n < BOOTARGS_RUN_MAX ? 0 : 1);
	}
}

/* 3 KB and 64 KB lines: many warnings are summed up, the end still counts. */
static void
I2_bootargs_long_lines(void **state)
{
	static const size_t lengths[] = { 3 << 10, 64 << 10 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		size_t n = lengths[i];
		char *text = malloc(n + 16);
		const struct parsed *r;

		assert_non_null(text);
		memset(text, 'x', n); /* one word */
		strcpy(text + n, " mem=7K");
		r = parse(text);
		assert_int_equal(r->b.mem, 7 << 10);
		assert_int_equal(r->w.count, 1);
		for (size_t at = 0; at + 6 <= n; at += 6)
			memcpy(text + at, "mem=x ", 6);
		for (size_t at = n / 6 * 6; at < n; at++)
			text[at] = ' ';
		r = parse(text);
		assert_int_equal(r->b.mem, 7 << 10);
		assert_int_equal(r->w.count, BOOTARGS_MALFORMED_MAX + 1);
		for (size_t at = 0; at < n; at++)
			text[at] = at % 2 ? ' ' : 'y';
		r = parse(text);
		assert_int_equal(r->b.mem, 7 << 10);
		assert_int_equal(r->w.count, 1);
		free(text);
	}
}

/* Random lines from our own words and bytes: sane values, bounded warnings. */
static void
I2_bootargs_random_lines_never_crash(void **state)
{
	static const char *const parts[] = { "run=", "mem=", "maxharts=",
		"protect=", "heap=", "lua.mem=", "term=", "exit=", "unsafe=",
		"loglevel=", "batch=", "64M", "1", "0x", "fast", "=", " ", " ",
		"\t", "ansi", "9999999999999999999", "\"", "\x01", "fatal",
		"srst" };
	struct rng r = { 0xb007a465 };

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = rng_below(&r, 40), at = 0;
		char text[1024];
		char *exact;
		const struct parsed *p;

		for (size_t i = 0; i < n; i++) {
			const char *part =
			    parts[rng_below(&r, ARRAY_COUNT(parts))];

			memcpy(text + at, part, strlen(part));
			at += strlen(part);
			if (rng_below(&r, 8) == 0)
				text[at++] = (char)(1 + rng_below(&r, 255));
		}
		text[at++] = '\0';
		exact = malloc(at);
		assert_non_null(exact);
		memcpy(exact, text, at);
		p = parse(exact);
		free(exact);
		assert_true(p->w.count <= BOOTARGS_MALFORMED_MAX + 2);
		assert_in_range(p->b.exit, EXIT_AUTO, EXIT_SPIN);
		assert_in_range(p->b.term, TERM_AUTO, TERM_DUMB);
		assert_in_range(p->b.protect, PROTECT_UNSET, PROTECT_DEBUG);
		assert_in_range(p->b.loglevel + 1, 0, 4);
	}
}

static void
I2_bootargs_without_a_warner(void **state)
{
	struct bootargs b;

	(void)state;
	bootargs_parse(&b, "mem=x y=z unsafe=1", NULL, NULL);
	assert_true(b.unsafe);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I2_bootargs_absent_or_blank_give_defaults),
		cmocka_unit_test(I2_bootargs_every_word_of_the_contract),
		cmocka_unit_test(I2_bootargs_every_choice),
		cmocka_unit_test(I2_bootargs_sizes),
		cmocka_unit_test(I2_bootargs_malformed_values_warn_and_default),
		cmocka_unit_test(I2_bootargs_last_word_counts),
		cmocka_unit_test(I2_bootargs_unknown_words_give_one_warning),
		cmocka_unit_test(I2_bootargs_quotes_and_odd_bytes_are_verbatim),
		cmocka_unit_test(I2_bootargs_run_fits_or_is_refused),
		cmocka_unit_test(I2_bootargs_long_lines),
		cmocka_unit_test(I2_bootargs_random_lines_never_crash),
		cmocka_unit_test(I2_bootargs_without_a_warner),
	};

	return cmocka_run_group_tests_name("bootargs", tests, NULL, NULL);
}
