/* SPDX-License-Identifier: MIT */
/* The kernel's memcpy family, against loops of one byte at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The functions under test, by other names than the host's. */
#define memcpy  our_memcpy
#define memmove our_memmove
#define memset  our_memset
#define memcmp  our_memcmp
void *our_memcpy(void *restrict d, const void *restrict s, size_t n);
void *our_memmove(void *d, const void *s, size_t n);
void *our_memset(void *d, int c, size_t n);
int our_memcmp(const void *a, const void *b, size_t n);
#include "../../arch/riscv/string.c"

#define ROOM  200u
#define EDGE  16u
#define TOTAL (ROOM + 2 * EDGE)

static uint64_t source_words[TOTAL / 8], target_words[TOTAL / 8];
static unsigned char *const source = (unsigned char *)source_words;
static unsigned char *const target = (unsigned char *)target_words;
static unsigned char want[TOTAL];

static void
fill(void)
{
	for (size_t i = 0; i < TOTAL; i++) {
		source[i] = (unsigned char)(i * 7 + 1);
		target[i] = (unsigned char)(0xf0 - i);
		want[i] = target[i];
	}
}

static void
check_target(void)
{
	for (size_t i = 0; i < TOTAL; i++)
		assert_int_equal(target[i], want[i]);
}

static void
memcpy_every_alignment_and_length(void **state)
{
	(void)state;
	for (size_t d = 0; d < 8; d++)
		for (size_t s = 0; s < 8; s++)
			for (size_t n = 0; n <= 100; n++) {
				fill();
				for (size_t i = 0; i < n; i++)
					want[EDGE + d + i] =
					    source[EDGE + s + i];
				assert_ptr_equal(our_memcpy(target + EDGE + d,
						     source + EDGE + s, n),
				    target + EDGE + d);
				check_target();
			}
}

static void
memmove_every_overlap(void **state)
{
	unsigned char copy[TOTAL];

	(void)state;
	for (size_t d = 0; d < 40; d++)
		for (size_t s = 0; s < 40; s++)
			for (size_t n = 0; n <= 80; n += n < 20 ? 1 : 7) {
				fill();
				for (size_t i = 0; i < TOTAL; i++)
					copy[i] = target[i];
				for (size_t i = 0; i < n; i++)
					want[EDGE + d + i] = copy[EDGE + s + i];
				assert_ptr_equal(our_memmove(target + EDGE + d,
						     target + EDGE + s, n),
				    target + EDGE + d);
				check_target();
			}
}

static void
memset_every_alignment_and_length(void **state)
{
	(void)state;
	for (size_t d = 0; d < 8; d++)
		for (size_t n = 0; n <= 150; n++) {
			fill();
			for (size_t i = 0; i < n; i++)
				want[EDGE + d + i] = 0xa5;
			assert_ptr_equal(
			    our_memset(target + EDGE + d, 0x1a5, n),
			    target + EDGE + d);
			check_target();
		}
}

static int
sign(int v)
{
	return (v > 0) - (v < 0);
}

static void
memcmp_finds_the_first_difference(void **state)
{
	(void)state;
	for (size_t d = 0; d < 8; d++)
		for (size_t s = 0; s < 8; s++)
			for (size_t n = 1; n <= 40; n++)
				for (size_t at = 0; at < n; at++) {
					unsigned char *p = target + EDGE + d;
					unsigned char *q = source + EDGE + s;

					fill();
					for (size_t i = 0; i < n; i++)
						q[i] = p[i];
					assert_int_equal(
					    our_memcmp(p, q, n), 0);
					q[at] = (unsigned char)(p[at] ^ 0x80);
					if (at + 1 < n)
						q[at + 1] =
						    (unsigned char)~q[at];
					assert_int_equal(
					    sign(our_memcmp(p, q, n)),
					    p[at] < q[at] ? -1 : 1);
				}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memcpy_every_alignment_and_length),
		cmocka_unit_test(memmove_every_overlap),
		cmocka_unit_test(memset_every_alignment_and_length),
		cmocka_unit_test(memcmp_finds_the_first_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
