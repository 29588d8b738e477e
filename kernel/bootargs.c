/* SPDX-License-Identifier: MIT */
/*
 * Boot arguments.
 *
 * Words are separated by blanks and nothing else: U-Boot and QEMU pass quotes
 * on as they were typed, so a quote is a byte like any other. A word is KEY or
 * KEY=VALUE; the last of several with one key counts. A value that is not
 * understood gives the default, also when an earlier word had set the key.
 */
#include <string.h>

#include <kernel/bootargs.h>
#include <kernel/fmt.h>
#include <kernel/klog.h>

#define UNKNOWN_SHOWN 3u
#define WORD_SHOWN    20 /* bytes of a word in a warning */
#define HARTS_LIMIT   65535u

struct value {
	const char *text;
	size_t n;
};

struct parser {
	struct bootargs *out;
	void (*warn)(void *arg, const char *sentence);
	void *arg;
	unsigned malformed;
	unsigned unknown;
	struct value unknown_words[UNKNOWN_SHOWN];
};

static void __attribute__((format(printf, 2, 3)))
warn(struct parser *p, const char *fmt, ...)
{
	char text[BOOTARGS_WARN_MAX];
	va_list ap;

	if (p->warn == NULL)
		return;
	va_start(ap, fmt);
	(void)fmt_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c != '\0'; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
	p->warn(p->arg, text);
}

static bool
is(struct value v, const char *text)
{
	return v.n == strlen(text) && memcmp(v.text, text, v.n) == 0;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Decimal or 0x…; how many bytes it took, 0: not a number, or too large. */
static size_t
number(struct value v, uint64_t *out)
{
	unsigned base = 10;
	size_t i = 0, first;
	uint64_t n = 0;

	if (v.n > 2 && v.text[0] == '0' && (v.text[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	}
	for (first = i; i < v.n && (unsigned)digit(v.text[i]) < base; i++) {
		unsigned d = (unsigned)digit(v.text[i]);

		if (n > (UINT64_MAX - d) / base)
			return 0;
		n = n * base + d;
	}
	*out = n;
	return i == first ? 0 : i;
}

/* A positive size: a number and at most one of K, M, G. */
static bool
parse_size(struct value v, uint64_t *out)
{
	uint64_t n;
	size_t used = number(v, &n);
	unsigned shift = 0;

	if (used == 0 || n == 0 || v.n - used > 1)
		return false;
	if (v.n - used == 1) {
		switch (v.text[used] | 0x20) {
		case 'k':
			shift = 10;
			break;
		case 'm':
			shift = 20;
			break;
		case 'g':
			shift = 30;
			break;
		default:
			return false;
		}
	}
	if (n > UINT64_MAX >> shift)
		return false;
	*out = n << shift;
	return true;
}

static bool
parse_choice(
    struct value v, const char *const *names, unsigned n, unsigned *choice)
{
	for (unsigned i = 0; i < n; i++) {
		if (is(v, names[i])) {
			*choice = i;
			return true;
		}
	}
	return false;
}

static bool
parse_bool(struct value v, bool *out)
{
	*out = is(v, "1");
	return is(v, "1") || is(v, "0");
}

static bool
set_run(struct bootargs *b, struct value v)
{
	b->run[0] = '\0';
	if (v.n == 0 || v.n >= sizeof(b->run))
		return false;
	memcpy(b->run, v.text, v.n);
	b->run[v.n] = '\0';
	return true;
}

static bool
set_mem(struct bootargs *b, struct value v)
{
	b->mem = 0;
	return parse_size(v, &b->mem);
}

static bool
set_maxharts(struct bootargs *b, struct value v)
{
	uint64_t n;

	b->maxharts = 0;
	if (number(v, &n) != v.n || v.n == 0 || n == 0 || n > HARTS_LIMIT)
		return false;
	b->maxharts = (unsigned)n;
	return true;
}

static bool
set_protect(struct bootargs *b, struct value v)
{
	static const char *const names[] = { "fast", "checked", "debug" };
	static const enum bootargs_protect levels[] = { PROTECT_FAST,
		PROTECT_CHECKED, PROTECT_DEBUG };
	unsigned i;

	b->protect = PROTECT_UNSET;
	if (!parse_choice(v, names, 3, &i))
		return false;
	b->protect = levels[i];
	return true;
}

static bool
set_heap(struct bootargs *b, struct value v)
{
	b->heap_fatal = is(v, "fatal");
	return is(v, "fatal") || is(v, "report");
}

static bool
set_lua_mem(struct bootargs *b, struct value v)
{
	b->lua_mem = 0;
	return parse_size(v, &b->lua_mem);
}

static bool
set_term(struct bootargs *b, struct value v)
{
	static const char *const names[] = { "auto", "ansi", "dumb" };
	static const enum bootargs_term terms[] = { TERM_AUTO, TERM_ANSI,
		TERM_DUMB };
	unsigned i;

	b->term = TERM_AUTO;
	if (!parse_choice(v, names, 3, &i))
		return false;
	b->term = terms[i];
	return true;
}

static bool
set_exit(struct bootargs *b, struct value v)
{
	static const char *const names[] = { "auto", "finisher", "srst",
		"reboot", "semihost", "spin" };
	static const enum bootargs_exit exits[] = { EXIT_AUTO, EXIT_FINISHER,
		EXIT_SRST, EXIT_REBOOT, EXIT_SEMIHOST, EXIT_SPIN };
	unsigned i;

	b->exit = EXIT_AUTO;
	if (!parse_choice(v, names, 6, &i))
		return false;
	b->exit = exits[i];
	return true;
}

static bool
set_unsafe(struct bootargs *b, struct value v)
{
	return parse_bool(v, &b->unsafe);
}

/* A name or a number; Linux's habit of loglevel=8 means everything here too. */
static bool
set_loglevel(struct bootargs *b, struct value v)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	unsigned i;
	uint64_t n;

	b->loglevel = -1;
	if (parse_choice(v, names, 4, &i))
		b->loglevel = (int)i;
	else if (v.n > 0 && number(v, &n) == v.n)
		b->loglevel = n > KLOG_DEBUG ? (int)KLOG_DEBUG : (int)n;
	return b->loglevel >= 0;
}

static bool
set_batch(struct bootargs *b, struct value v)
{
	return parse_bool(v, &b->batch);
}

static const struct {
	const char *name;
	bool (*set)(struct bootargs *b, struct value v);
	const char *wants;
} keys[] = {
	{ "run", set_run, "a name of 1 to 127 bytes" },
	{ "mem", set_mem, "a size, such as 64M" },
	{ "maxharts", set_maxharts, "a number of harts" },
	{ "protect", set_protect, "fast, checked or debug" },
	{ "heap", set_heap, "report or fatal" },
	{ "lua.mem", set_lua_mem, "a size, such as 16M" },
	{ "term", set_term, "auto, ansi or dumb" },
	{ "exit", set_exit, "auto, finisher, srst, reboot, semihost, spin" },
	{ "unsafe", set_unsafe, "0 or 1" },
	{ "loglevel", set_loglevel, "error, warn, info, debug" },
	{ "batch", set_batch, "0 or 1" },
};

static void
parse_word(struct parser *p, struct value word)
{
	const char *eq = memchr(word.text, '=', word.n);
	struct value key = word, v = { .text = "", .n = 0 };

	if (eq != NULL) {
		key.n = (size_t)(eq - word.text);
		v = (struct value){ .text = eq + 1, .n = word.n - key.n - 1 };
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!is(key, keys[i].name))
			continue;
		if (keys[i].set(p->out, v))
			return;
		if (p->malformed++ < BOOTARGS_MALFORMED_MAX)
			warn(p, "%.*s: %s wants %s",
			    (int)(word.n < WORD_SHOWN ? word.n : WORD_SHOWN),
			    word.text, keys[i].name, keys[i].wants);
		return;
	}
	if (p->unknown < UNKNOWN_SHOWN)
		p->unknown_words[p->unknown] = word;
	p->unknown++;
}

static void
report(struct parser *p)
{
	char list[BOOTARGS_WARN_MAX];
	size_t at = 0;

	if (p->malformed > BOOTARGS_MALFORMED_MAX)
		warn(p, "%u more malformed boot arguments",
		    p->malformed - BOOTARGS_MALFORMED_MAX);
	if (p->unknown == 0)
		return;
	for (unsigned i = 0; i < p->unknown && i < UNKNOWN_SHOWN; i++) {
		struct value v = p->unknown_words[i];

		/* Three words of 20 bytes and blanks fit. */
		at += fmt_format(list + at, sizeof(list) - at, " %.*s",
		    (int)(v.n < WORD_SHOWN ? v.n : WORD_SHOWN), v.text);
	}
	if (p->unknown > UNKNOWN_SHOWN)
		warn(p, "unknown, ignored:%s and %u more", list,
		    p->unknown - UNKNOWN_SHOWN);
	else
		warn(p, "unknown, ignored:%s", list);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
bootargs_parse(struct bootargs *out, const char *text,
    void (*warn_hook)(void *arg, const char *sentence), void *arg)
{
	struct parser p = { .out = out, .warn = warn_hook, .arg = arg };

	*out = (struct bootargs){ .protect = PROTECT_UNSET,
		.term = TERM_AUTO,
		.exit = EXIT_AUTO,
		.loglevel = -1 };
	if (text == NULL)
		return;
	for (;;) {
		struct value word;

		while (is_blank(*text))
			text++;
		if (*text == '\0')
			break;
		word.text = text;
		while (*text != '\0' && !is_blank(*text))
			text++;
		word.n = (size_t)(text - word.text);
		parse_word(&p, word);
	}
	report(&p);
}
