/* SPDX-License-Identifier: MIT */
/* Device trees for the tests of the platform parser. */
#ifndef PLATFORM_TEST_H
#define PLATFORM_TEST_H

#include "tests/unit/kernel_test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kernel/platform.h>
#include <libfdt.h>

/* A blob in a heap block of just its size, so that over-reads are seen. */
struct tree {
	void *blob;
	size_t size;
};

static inline bool
tree_load(struct tree *t, const char *dir, const char *name)
{
	char path[512];
	long size;
	FILE *f;

	assert_true(snprintf(path, sizeof(path), "%s/%s", dir, name) <
	    (int)sizeof(path));
	f = fopen(path, "rb");
	if (f == NULL)
		return false;
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size > 0);
	rewind(f);
	t->size = (size_t)size;
	t->blob = malloc(t->size);
	assert_non_null(t->blob);
	assert_int_equal(fread(t->blob, 1, t->size, f), t->size);
	(void)fclose(f);
	return true;
}

/* One of dts/, which must be there. */
static inline struct tree
tree_of(const char *name)
{
	struct tree t;

	if (!tree_load(&t, DTB_DIR, name))
		fail_msg("%s/%s cannot be read", DTB_DIR, name);
	return t;
}

/* The same with `room` bytes more, for changes. */
static inline struct tree
tree_with_room(const char *name, size_t room)
{
	struct tree from = tree_of(name), t;

	t.size = from.size + room;
	t.blob = calloc(1, t.size);
	assert_non_null(t.blob);
	assert_int_equal(fdt_open_into(from.blob, t.blob, (int)t.size), 0);
	free(from.blob);
	return t;
}

/* One parse at a time: the struct is too large for small stacks. */
struct parsed {
	struct platform p;
	struct warnings w;
	enum platform_error e;
};

static inline struct parsed *
parse(const void *blob, size_t avail)
{
	static struct parsed result;

	memset(&result, 0, sizeof(result));
	memset(&result.p, 0x5a, sizeof(result.p));
	result.e =
	    platform_parse(&result.p, blob, avail, warnings_add, &result.w);
	return &result;
}

static inline struct parsed *
parse_tree(const struct tree *t)
{
	return parse(t->blob, t->size);
}

static inline bool
warned(const struct parsed *r, const char *part)
{
	return strstr(r->w.text, part) != NULL;
}

/* Promises of the header that hold for every blob that parses. */
static inline void
check_sane(const struct parsed *r)
{
	const struct platform *p = &r->p;

	assert_true(p->n_harts <= PLATFORM_HARTS_MAX);
	assert_true(p->n_banks <= PLATFORM_BANKS_MAX);
	assert_true(p->n_reserved <= PLATFORM_RESERVED_MAX);
	assert_true(p->n_plics <= PLATFORM_PLICS_MAX);
	assert_true(p->rng_seed_len <= sizeof(p->rng_seed));
	assert_true(strnlen(p->model, sizeof(p->model)) < sizeof(p->model));
	assert_true(
	    strnlen(p->uart.path, sizeof(p->uart.path)) < sizeof(p->uart.path));
	assert_non_null(p->bootargs);
	(void)strlen(p->bootargs); /* address sanitizer */
	assert_true(r->w.count <= 32);
	for (unsigned i = 0; i < p->n_harts; i++) {
		const struct platform_hart *h = &p->harts[i];

		assert_true(strnlen(h->isa, sizeof(h->isa)) < sizeof(h->isa));
		assert_non_null(h->reason);
		assert_int_equal(h->eligible, h->reason[0] == '\0');
		for (unsigned k = 0; k < i && h->eligible; k++)
			assert_int_not_equal(p->harts[k].hartid, h->hartid);
	}
	for (unsigned i = 0; i < p->n_banks; i++)
		assert_true(p->banks[i].size > 0 &&
		    p->banks[i].size <= UINT64_MAX - p->banks[i].base);
	for (unsigned i = 0; i < p->n_reserved; i++)
		assert_true(p->reserved[i].size > 0 &&
		    p->reserved[i].size <= UINT64_MAX - p->reserved[i].base);
	assert_true(p->uart.size <= UINT64_MAX - p->uart.base);
	if (p->uart.kind != UART_NONE) {
		assert_true(p->uart.reg_width == 1 || p->uart.reg_width == 4);
		assert_true(p->uart.reg_shift <= 4);
		assert_true(p->uart.size >= 8);
	}
	for (unsigned i = 0; i < p->n_plics; i++) {
		const struct platform_plic *plic = &p->plics[i];

		assert_true(plic->size <= UINT64_MAX - plic->base);
		assert_true(plic->sources <= 1023);
		for (unsigned h = 0; h < PLATFORM_HARTS_MAX; h++) {
			assert_true(plic->context[h] >= -1);
			assert_true(h < p->n_harts || plic->context[h] == -1);
			assert_true(plic->context[h] == -1 ||
			    0x201000 + 0x1000ull * (unsigned)plic->context[h] <=
				plic->size);
		}
	}
	if (p->l1d_size != 0)
		assert_true(p->l1d_sets > 0 && p->l1d_line > 0);
	if (r->e == PLATFORM_OK)
		assert_true(p->n_banks > 0 && p->n_harts > 0);
}

static inline struct parsed *
parse_ok(const struct tree *t)
{
	struct parsed *r = parse_tree(t);

	check_sane(r);
	if (r->e != PLATFORM_OK)
		fail_msg("%s", platform_error_text(r->e));
	return r;
}

#endif
