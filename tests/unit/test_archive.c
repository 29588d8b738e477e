/* SPDX-License-Identifier: MIT */
/*
 * The archive reader, on archives written here byte by byte. Every blob that
 * is parsed lies in a heap block of just its size.
 */
#include "tests/unit/kernel_test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kernel/archive.h>

#define BLOB_MAX (64u << 10)

struct blob {
	uint8_t bytes[BLOB_MAX];
	size_t n;
};

/* Offset of the last header written, for damage. */
static size_t last_header;

static void
put(struct blob *b, const void *bytes, size_t n)
{
	assert_true(n <= BLOB_MAX - b->n);
	memcpy(b->bytes + b->n, bytes, n);
	b->n += n;
}

static void
pad(struct blob *b, size_t to)
{
	while (b->n % to != 0)
		put(b, "", 1);
}

static void
tar_sum(uint8_t *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		sum += h[i];
	(void)sprintf((char *)h + 148, "%06o", sum);
}

/* POSIX (prefix) unless `gnu`; type '0' and so on. */
static void
tar_member(struct blob *b, const char *prefix, const char *name, char type,
    const void *data, size_t n, bool gnu)
{
	uint8_t h[512] = { 0 };

	memcpy(h, name, strnlen(name, 100));
	memcpy(h + 100, "0000644", 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	(void)sprintf((char *)h + 124, "%011zo", n);
	memcpy(h + 136, "00000000000", 12);
	h[156] = (uint8_t)type;
	memcpy(h + 257, gnu ? "ustar  " : "ustar\00000", 8);
	memcpy(h + 345, prefix, strnlen(prefix, 155));
	tar_sum(h);
	last_header = b->n;
	put(b, h, sizeof(h));
	put(b, data, n);
	pad(b, 512);
}

static void
tar_file(struct blob *b, const char *name, const char *text)
{
	tar_member(b, "", name, '0', text, strlen(text), false);
}

static void
tar_end(struct blob *b)
{
	static const uint8_t zero[1024];

	put(b, zero, sizeof(zero));
}

static void
cpio_member(
    struct blob *b, const char *name, unsigned mode, const void *data, size_t n)
{
	char h[111];

	last_header = b->n;
	(void)snprintf(h, sizeof(h),
	    "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1u,
	    mode, 0u, 0u, 1u, 0u, (unsigned)n, 0u, 0u, 0u, 0u,
	    (unsigned)strlen(name) + 1, 0u);
	put(b, h, 110);
	put(b, name, strlen(name) + 1);
	pad(b, 4);
	put(b, data, n);
	pad(b, 4);
}

static void
cpio_file(struct blob *b, const char *name, const char *text)
{
	cpio_member(b, name, 0100644, text, strlen(text));
}

static void
cpio_end(struct blob *b)
{
	cpio_member(b, "TRAILER!!!", 0, "", 0);
}

/* The names and contents as "name=text;", and why it ended. */
struct listing {
	char text[4096];
	struct archive ar;
};

static struct listing *
list(const void *bytes, size_t n)
{
	static struct listing l;
	struct archive_entry e;
	uint8_t *exact = malloc(n > 0 ? n : 1);
	size_t at = 0;

	assert_non_null(exact);
	memcpy(exact, bytes, n);
	l.text[0] = '\0';
	archive_open(&l.ar, exact, n);
	while (archive_next(&l.ar, &e)) {
		volatile uint8_t sum = 0;

		assert_true(e.data >= exact && e.size <= n &&
		    e.data - exact <= (ptrdiff_t)(n - e.size));
		for (size_t i = 0; i < e.size; i++)
			sum = (uint8_t)(sum + e.data[i]);
		if (strlen(e.name) + e.size + 3 < sizeof(l.text) - at)
			at += (size_t)sprintf(l.text + at, "%s=%.*s;", e.name,
			    (int)e.size, (const char *)e.data);
	}
	/* It stays ended, and damage lies inside. */
	assert_false(archive_next(&l.ar, &e));
	assert_true(l.ar.ar_error_at <= n);
	free(exact);
	return &l;
}

static struct listing *
list_blob(const struct blob *b)
{
	return list(b->bytes, b->n);
}

static void
expect_error(const struct listing *l, const char *files, const char *error)
{
	assert_string_equal(l->text, files);
	if (l->ar.ar_error == NULL || strstr(l->ar.ar_error, error) == NULL)
		fail_msg("error \"%s\", not \"%s\"",
		    l->ar.ar_error == NULL ? "none" : l->ar.ar_error, error);
}

static struct blob *
fresh(void)
{
	static struct blob b;

	b.n = 0;
	return &b;
}

static void
I2_archive_ustar(void **state)
{
	struct blob *b = fresh();
	struct listing *l;

	(void)state;
	tar_member(b, "", "./", '5', "", 0, false);
	tar_file(b, "./init.lua", "print(1)");
	tar_member(b, "", "lib", '5', "", 0, true);
	tar_member(b, "", "lib/empty", '0', "", 0, true);
	tar_member(b, "", "link", '2', "", 0, false);
	tar_member(b, "deep/er", "name.lua", '\0', "x", 1, false);
	tar_member(b, "not a prefix", "gnu.lua", '7', "yy", 2, true);
	tar_file(b, "///.//abs", "z");
	tar_end(b);
	l = list_blob(b);
	assert_int_equal(l->ar.ar_kind, ARCHIVE_USTAR);
	assert_null(l->ar.ar_error);
	assert_int_equal(l->ar.ar_files, 5);
	assert_string_equal(l->text,
	    "init.lua=print(1);lib/empty=;deep/er/name.lua=x;gnu.lua=yy;"
	    "abs=z;");
	/* One end block is enough, and what follows the end is not read. */
	b->n -= 512;
	assert_null(list_blob(b)->ar.ar_error);
	tar_file(b, "late", "late");
	assert_int_equal(list_blob(b)->ar.ar_files, 5);
}

static void
I2_archive_long_names(void **state)
{
	char name[260], record[300], want[600];
	struct blob *b = fresh();

	(void)state;
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	tar_member(b, "", "././@LongLink", 'L', name, 256, true);
	tar_member(b, "", "nnn", '0', "a", 1, true);
	(void)snprintf(record, sizeof(record),
	    "30 mtime=1350244992.023960108\n"
	    "18 path=p/\xc3\xa4x.lua\n");
	tar_member(b, "", "pax", 'x', record, strlen(record), false);
	tar_member(b, "", "cut", '0', "b", 1, false);
	tar_member(b, "", "global", 'g', "13 path=zzz\n", 12, false);
	tar_file(b, "plain", "c");
	tar_end(b);
	(void)snprintf(
	    want, sizeof(want), "%s=a;p/\xc3\xa4x.lua=b;plain=c;", name);
	assert_string_equal(list_blob(b)->text, want);
	assert_null(list_blob(b)->ar.ar_error);
	/* Odd records name nothing; the header's own name is used. */
	b = fresh();
	tar_member(b, "", "pax", 'x', "99 path=zzz\n", 12, false);
	tar_file(b, "one", "1");
	tar_member(b, "", "pax", 'x', "0 path=zzz\n", 11, false);
	tar_file(b, "two", "2");
	tar_member(
	    b, "", "pax", 'x', "99999999999999999999 path=z\n", 28, false);
	tar_file(b, "three", "3");
	tar_end(b);
	assert_string_equal(list_blob(b)->text, "one=1;two=2;three=3;");
	/* One byte too long for our field. */
	b = fresh();
	name[255] = 'n';
	tar_member(b, "", "././@LongLink", 'L', name, 256, true);
	tar_file(b, "nnn", "a");
	tar_end(b);
	expect_error(list_blob(b), "", "unusable name");
}

static void
I2_archive_ustar_damage_is_named(void **state)
{
	struct blob *b = fresh();
	uint8_t *h;

	(void)state;
	tar_file(b, "good", "g");
	tar_file(b, "bad", "bbb");
	tar_end(b);
	h = b->bytes + last_header;
	h[0] = 'B';
	expect_error(list_blob(b), "good=g;", "checksum");
	assert_int_equal(list_blob(b)->ar.ar_error_at, 1024);
	h[0] = 'b';
	h[148] = 'x';
	expect_error(list_blob(b), "good=g;", "checksum");
	memcpy(h + 124, "0000000000x", 12);
	tar_sum(h);
	expect_error(list_blob(b), "good=g;", "no number");
	memcpy(h + 124, "77777777777", 12);
	tar_sum(h);
	expect_error(list_blob(b), "good=g;", "cut off in a file");
	memcpy(h + 124, "\x80\0\0\0\0\0\0\0\0\0\0\x03", 12);
	tar_sum(h);
	assert_string_equal(list_blob(b)->text, "good=g;bad=bbb;");
	memset(h + 124, 0xff, 12);
	tar_sum(h);
	expect_error(list_blob(b), "good=g;", "no number");
	memcpy(h + 124, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	tar_sum(h);
	expect_error(list_blob(b), "good=g;", "cut off in a file");
	memset(h + 257, 0, 8);
	tar_sum(h);
	expect_error(list_blob(b), "good=g;", "no header");
}

static void
I2_archive_newc(void **state)
{
	struct blob *b = fresh();
	struct listing *l;

	(void)state;
	cpio_member(b, ".", 0040755, "", 0);
	cpio_file(b, "init.lua", "print(2)");
	cpio_file(b, "./a", "1");
	cpio_file(b, "/ab", "22");
	cpio_file(b, "abc", "333");
	cpio_member(b, "link", 0120777, "init.lua", 8);
	cpio_file(b, "abcd", "");
	cpio_end(b);
	l = list_blob(b);
	assert_int_equal(l->ar.ar_kind, ARCHIVE_NEWC);
	assert_null(l->ar.ar_error);
	assert_string_equal(
	    l->text, "init.lua=print(2);a=1;ab=22;abc=333;abcd=;");
	/* Padding to a block of the boot loader's is not looked at. */
	pad(b, 512);
	assert_null(list_blob(b)->ar.ar_error);
	memcpy(b->bytes, "070702", 6);
	assert_int_equal(list_blob(b)->ar.ar_files, 5);
}

static void
I2_archive_newc_damage_is_named(void **state)
{
	struct blob *b = fresh();
	char *h;

	(void)state;
	cpio_file(b, "good", "g");
	cpio_file(b, "bad", "bbb");
	h = (char *)b->bytes + last_header;
	expect_error(list_blob(b), "good=g;bad=bbb;", "without its end");
	cpio_end(b);
	assert_null(list_blob(b)->ar.ar_error);
	h[110 + 3] = 'x';
	expect_error(list_blob(b), "good=g;", "not terminated");
	h[110 + 3] = '\0';
	h[20] = 'g';
	expect_error(list_blob(b), "good=g;", "not hex");
	h[20] = '0';
	memcpy(h + 54, "ffffffff", 8);
	expect_error(list_blob(b), "good=g;", "cut off in a file");
	memcpy(h + 54, "00000003", 8);
	memcpy(h + 94, "FFFFFFFF", 8);
	expect_error(list_blob(b), "good=g;", "cut off in a name");
	memcpy(h + 94, "00000000", 8);
	expect_error(list_blob(b), "good=g;", "without a name");
	memcpy(h + 94, "00000004", 8);
	h[0] = '1';
	expect_error(list_blob(b), "good=g;", "no header");
}

static void
I2_archive_no_magic_is_one_script(void **state)
{
	struct listing *l = list("print('hello')", 14);

	(void)state;
	assert_int_equal(l->ar.ar_kind, ARCHIVE_RAW);
	assert_string_equal(l->text, "init.lua=print('hello');");
	assert_null(l->ar.ar_error);
	l = list("", 0);
	assert_string_equal(l->text, "");
	assert_null(l->ar.ar_error);
	archive_open(&l->ar, NULL, 100);
	assert_int_equal(l->ar.ar_size, 0);
}

static void
I2_archive_empty_ones_have_no_files(void **state)
{
	static const uint8_t zero[10240];
	struct blob *b = fresh();

	(void)state;
	assert_int_equal(list(zero, sizeof(zero))->ar.ar_kind, ARCHIVE_USTAR);
	assert_string_equal(list(zero, sizeof(zero))->text, "");
	assert_null(list(zero, sizeof(zero))->ar.ar_error);
	cpio_end(b);
	assert_string_equal(list_blob(b)->text, "");
	assert_null(list_blob(b)->ar.ar_error);
}

static void
sample(struct blob *b, bool tar)
{
	static const char text[] = "a script that is longer than one word";

	b->n = 0;
	if (tar) {
		tar_file(b, "init.lua", text);
		tar_member(
		    b, "", "././@LongLink", 'L', "a/long/name", 12, true);
		tar_file(b, "a", text);
		tar_member(b, "", "p", 'x', "15 path=x/y/zz\n", 15, false);
		tar_file(b, "b", "");
		tar_end(b);
		b->n -= 512;
	} else {
		cpio_file(b, "init.lua", text);
		cpio_member(b, "d", 0040755, "", 0);
		cpio_file(b, "a/long/name", text);
		cpio_file(b, "empty", "");
		cpio_end(b);
	}
}

/* From where on the magic can be seen, every cut is damage. */
static void
I2_archive_truncation_at_every_length_is_damage(void **state)
{
	struct blob *b = fresh();

	(void)state;
	for (int tar = 0; tar < 2; tar++) {
		size_t seen = tar ? 262 : 6;

		sample(b, tar);
		/* The trailer's own padding is the only slack. */
		for (size_t n = 0; n < b->n - (tar ? 0 : 3); n++) {
			struct listing *l = list(b->bytes, n);

			if (n >= seen && l->ar.ar_error == NULL)
				fail_msg("%d cut to %zu is silent", tar, n);
		}
		assert_null(list_blob(b)->ar.ar_error);
	}
}

/* Every byte of the headers takes odd values; sums are made right again. */
static void
I2_archive_damaged_bytes_never_over_read(void **state)
{
	struct rng r = { 0xa6c417e };
	struct blob *b = fresh();

	(void)state;
	for (unsigned round = 0; round < 30000; round++) {
		bool tar = rng_below(&r, 2);

		sample(b, tar);
		for (size_t n = 1 + rng_below(&r, 4); n > 0; n--)
			b->bytes[rng_below(&r, b->n)] = rng_below(&r, 2)
			    ? (uint8_t)("07f/:\0\xff\x80"[rng_below(&r, 8)])
			    : (uint8_t)rng_next(&r);
		if (tar && rng_below(&r, 2))
			for (size_t at = 0; at < b->n; at += 512)
				if (memcmp(b->bytes + at + 257, "ustar", 5) ==
				    0)
					tar_sum(b->bytes + at);
		(void)list(b->bytes, b->n - rng_below(&r, 600) % b->n);
	}
}

static void
I2_archive_find_takes_the_last_of_several(void **state)
{
	struct blob *b = fresh();
	struct archive_entry e;

	(void)state;
	tar_file(b, "./a.lua", "first");
	tar_file(b, "b.lua", "other");
	tar_file(b, "a.lua", "second");
	tar_end(b);
	assert_true(archive_find(b->bytes, b->n, "a.lua", &e));
	assert_int_equal(e.size, 6);
	assert_memory_equal(e.data, "second", 6);
	assert_true(archive_find(b->bytes, b->n, "./b.lua", &e));
	assert_true(archive_find(b->bytes, b->n, "/b.lua", &e));
	assert_string_equal(e.name, "b.lua");
	assert_false(archive_find(b->bytes, b->n, "c.lua", &e));
	assert_false(archive_find(b->bytes, b->n, "a", &e));
	assert_false(archive_find(b->bytes, b->n, "", &e));
	/* What came before damage is found. */
	assert_true(archive_find(b->bytes, 1100, "a.lua", &e));
	assert_int_equal(e.size, 5);
	assert_true(archive_find("x=1", 3, "init.lua", &e));
}

/* One more than the limit: said, and the walk ends. */
static void
I2_archive_files_are_limited(void **state)
{
	size_t per = 112, n = (ARCHIVE_FILES_MAX + 2) * per;
	uint8_t *many = malloc(n);
	struct blob *b = fresh();
	struct archive_entry e;
	struct archive ar;
	unsigned files = 0;

	(void)state;
	assert_non_null(many);
	cpio_member(b, "f", 0100644, "", 0);
	assert_int_equal(b->n, per);
	for (size_t at = 0; at < n; at += per)
		memcpy(many + at, b->bytes, per);
	archive_open(&ar, many, n);
	while (archive_next(&ar, &e))
		files++;
	assert_int_equal(files, ARCHIVE_FILES_MAX);
	assert_non_null(ar.ar_error);
	assert_non_null(strstr(ar.ar_error, "more files"));
	free(many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I2_archive_ustar),
		cmocka_unit_test(I2_archive_long_names),
		cmocka_unit_test(I2_archive_ustar_damage_is_named),
		cmocka_unit_test(I2_archive_newc),
		cmocka_unit_test(I2_archive_newc_damage_is_named),
		cmocka_unit_test(I2_archive_no_magic_is_one_script),
		cmocka_unit_test(I2_archive_empty_ones_have_no_files),
		cmocka_unit_test(
		    I2_archive_truncation_at_every_length_is_damage),
		cmocka_unit_test(I2_archive_damaged_bytes_never_over_read),
		cmocka_unit_test(I2_archive_find_takes_the_last_of_several),
		cmocka_unit_test(I2_archive_files_are_limited),
	};

	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
