/* SPDX-License-Identifier: MIT */
/* kmalloc, kzalloc, krealloc, kfree, ksize. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

static void
A9_B11_B16_G19_every_size_up_to_300000(void **state)
{
	(void)state;
	for (size_t size = 0; size <= 300000;
	     size += size < 5000 || (size & 4095) > 4090 ? 1 : 61) {
		unsigned char *p = kmalloc(size, 0);
		size_t usable;

		assert_non_null(p);
		usable = ksize(p);
		assert_true(usable >= size);
		assert_true(usable >= 8);
		assert_int_equal((uintptr_t)p % 8, 0);
		if (size > KMEM_SIZE_MAX)
			assert_int_equal((uintptr_t)p % FRAME_SIZE, 0);
		else if (size >= 64)
			assert_true(usable <= size + size / 4 + 8);
		else
			assert_true(usable <= (size < 8 ? 8 : size + 7));
		p[0] = 1;
		p[usable - 1] = 2;
		kfree(p);
	}
}

static void
classes_have_their_natural_alignment(void **state)
{
	(void)state;
	for (size_t size = 8; size <= KMEM_SIZE_MAX; size += 8) {
		void *p = kmalloc(size, 0);
		size_t align = ksize(p) & (~ksize(p) + 1);

		align = align > 64 ? 64 : align;
		assert_int_equal((uintptr_t)p % align, 0);
		kfree(p);
	}
}

static void
A19_T22_B16_G19_absurd_sizes_fail_cleanly(void **state)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4095,
		SIZE_MAX / 2, (size_t)1 << 44, (size_t)1 << 40,
		(size_t)100 << 20 };
	void *p = kmalloc(100, 0), *large = kmalloc(300000, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		assert_null(kmalloc(sizes[i], 0));
		assert_null(kmalloc(sizes[i], KMEM_NOWAIT));
		assert_null(kzalloc(sizes[i], 0));
		/* H26: a failed realloc leaves the old block alone. */
		stamp(p, 100, i);
		assert_null(krealloc(p, sizes[i], 0));
		assert_true(stamped(p, 100, i));
		stamp(large, 300000, i);
		assert_null(krealloc(large, sizes[i], 0));
		assert_true(stamped(large, 300000, i));
		assert_true(ksize(large) >= 300000);
	}
	kfree(large);
	kfree(p);
}

static void
zero_bytes_are_distinct_pointers(void **state)
{
	void *p[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(p); i++) {
		p[i] = kmalloc(0, 0);
		assert_non_null(p[i]);
		assert_int_equal(ksize(p[i]), 8);
		for (size_t k = 0; k < i; k++)
			assert_ptr_not_equal(p[i], p[k]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(p); i++)
		kfree(p[i]);
	kfree(NULL);
	expect_no_report();
}

static void
kzalloc_zeroes_all(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 100, 4096, 5000, 131072,
		131073, 300000 };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		for (unsigned round = 0; round < 3; round++) {
			unsigned char *p = kzalloc(sizes[s], 0);

			assert_non_null(p);
			for (size_t i = 0; i < sizes[s]; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, ksize(p));
			kfree(p);
		}
	}
}

static void
krealloc_keeps_the_contents(void **state)
{
	struct test_rng rng = { .state = 31 };
	unsigned char *p = NULL;
	size_t size = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t want =
		    test_below(&rng, (size_t)8 << test_below(&rng, 16));
		size_t common = want < size ? want : size;
		unsigned char *q;

		if (p != NULL)
			stamp(p, size, i);
		q = krealloc(p, want, 0);
		assert_non_null(q);
		assert_true(ksize(q) >= want);
		assert_true(stamped(q, common, i));
		p = q;
		size = want;
	}
	kfree(p);
}

static void
krealloc_edges(void **state)
{
	unsigned char *p = krealloc(NULL, 100, 0);
	unsigned char *q;

	(void)state;
	assert_non_null(p);
	stamp(p, 100, 5);
	/* Within the class nothing moves. */
	q = krealloc(p, ksize(p), 0);
	assert_ptr_equal(q, p);
	/* To nothing is still a block of its own, as kmalloc(0). */
	q = krealloc(p, 0, 0);
	assert_non_null(q);
	assert_int_equal(ksize(q), 8);
	kfree(q);
	/* Zero flag: what is new is zero. */
	p = kmalloc(100, 0);
	memset(p, 0xff, ksize(p));
	q = krealloc(p, 5000, KMEM_ZERO);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(q[i], 0xff);
	for (size_t i = 256; i < 5000; i++)
		assert_int_equal(q[i], 0);
	kfree(q);
}

static void
large_blocks_grow_in_place_and_shrink(void **state)
{
	unsigned char *p = kmalloc(200000, 0), *q, *wall;
	size_t free_before;

	(void)state;
	stamp(p, 200000, 1);
	q = krealloc(p, 400000, 0);
	assert_ptr_equal(q, p);
	assert_true(stamped(q, 200000, 1));
	q = krealloc(p, 3000000, 0);
	assert_ptr_equal(q, p);
	assert_true(ksize(q) >= 3000000);
	/* Something behind it: now it has to move. */
	wall = frame_alloc(1, 1, 0, FRAME_TAG_USER);
	stamp(q, 3000000, 2);
	p = krealloc(q, 6000000, 0);
	assert_non_null(p);
	assert_true(stamped(p, 3000000, 2));
	free_before = frame_free_count();
	q = krealloc(p, 1000000, 0);
	assert_ptr_equal(q, p);
	assert_true(stamped(q, 1000000, 2));
	assert_true(frame_free_count() - free_before > 1000);
	/* And back below the largest class. */
	p = krealloc(q, 1000, 0);
	assert_true(stamped(p, 1000, 2));
	assert_true(ksize(p) <= 1280);
	kfree(p);
	frame_free(wall, 1);
}

static void
a_failed_krealloc_changes_nothing(void **state)
{
	unsigned char *small = kmalloc(1000, 0), *large = kmalloc(200000, 0);
	/* A run, not a frame of a hart's cache: behind the large block. */
	void *wall = frame_alloc(2, 1, 0, FRAME_TAG_USER);

	(void)state;
	stamp(small, 1000, 3);
	stamp(large, 200000, 4);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frame_set_fail_after(0);
	assert_null(krealloc(small, 200000, 0));
	assert_null(krealloc(large, 10000000, 0));
	frame_set_fail_after(-1);
	assert_true(stamped(small, 1000, 3));
	assert_true(stamped(large, 200000, 4));
	kfree(small);
	kfree(large);
	frame_free(wall, 2);
}

static void
ksize_of_what_is_not_kmallocs_is_0(void **state)
{
	struct kmem_cache *cp = cache_make("mine", 64, NULL);
	void *obj = kmem_cache_alloc(cp, 0), *run;
	int local = 0;

	(void)state;
	assert_int_equal(ksize(NULL), 0);
	assert_int_equal(ksize(&local), 0);
	assert_int_equal(ksize(obj), 0);
	run = frame_alloc(1, 1, 0, FRAME_TAG_USER);
	frame_set_owner(run, 1, 0x55);
	assert_int_equal(ksize(run), 0);
	frame_free(run, 1);
	kmem_cache_free(cp, obj);
	cache_unmake(cp);
}

static void
A9_freed_blocks_serve_again_on_any_hart(void **state)
{
	struct test_rng rng = { .state = 77 };
	void *p[500] = { NULL };
	size_t size[500] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		size_t k = test_below(&rng, ARRAY_COUNT(p));

		if (i % 100 == 0)
			mm_host_attach((unsigned)test_below(&rng, 4));
		if (p[k] != NULL) {
			assert_true(stamped(p[k], size[k], k));
			kfree(p[k]);
			p[k] = NULL;
		} else {
			size[k] =
			    test_below(&rng, (size_t)8 << test_below(&rng, 12));
			p[k] = kmalloc(size[k], 0);
			assert_non_null(p[k]);
			stamp(p[k], size[k], k);
		}
	}
	mm_host_attach(0);
	for (size_t k = 0; k < ARRAY_COUNT(p); k++)
		kfree(p[k]);
}

static void
A9_misuse_of_kfree_is_reported(void **state)
{
	unsigned char *p = kmalloc(200000, 0);
	int local = 0;

	(void)state;
	kfree(&local);
	expect_report(MM_FOREIGN_FREE, NULL, &local);
	kfree(p + FRAME_SIZE);
	expect_report(MM_INTERIOR_FREE, NULL, p + FRAME_SIZE);
	kfree(p + 16);
	expect_report(MM_INTERIOR_FREE, NULL, p + 16);
	kfree(p);
	expect_no_report();
	kfree(p);
	expect_report(MM_FOREIGN_FREE, NULL, p);
}

/* Every size gets the smallest class that holds it, as told by its cache. */
static void
A9_B11_every_size_gets_its_own_class(void **state)
{
	size_t class = 0;

	(void)state;
	for (size_t size = 1; size <= KMEM_SIZE_MAX; size++) {
		/* 8 … 64 by 8; then four a doubling. */
		size_t step = 8;
		void *p;

		if (size <= class)
			continue;
		while (class >= 64 && step * 8 <= class)
			step *= 2;
		class += step;
		p = kmalloc(size, 0);
		assert_int_equal(ksize(p), class);
		kfree(p);
		p = kmalloc(class, 0);
		assert_int_equal(ksize(p), class);
		kfree(p);
	}
	assert_int_equal(class, KMEM_SIZE_MAX);
}

static void
krealloc_zeroes_what_it_adds(void **state)
{
	static const struct {
		size_t from, to;
	} steps[] = { { 100, 5000 }, { 5000, 140000 }, { 140000, 300000 },
		{ 8, 9 }, { 200000, 2000000 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		for (unsigned round = 0; round < 4; round++) {
			unsigned char *p = kmalloc(steps[i].from, 0), *q;
			unsigned char *dirt = kmalloc(steps[i].to, 0);
			size_t had = ksize(p);

			/* What the larger block will be made of is dirty. */
			memset(dirt, 0xee, ksize(dirt));
			kfree(dirt);
			memset(p, 0xff, had);
			q = krealloc(p, steps[i].to, KMEM_ZERO);
			assert_non_null(q);
			for (size_t b = 0; b < steps[i].to; b++)
				assert_int_equal(q[b], b < had ? 0xff : 0);
			kfree(q);
		}
	}
}

static void
use_in_interrupt(void *arg)
{
	bool *ran = arg;
	unsigned char *p = NULL;

	assert_true(port_in_interrupt());
	for (size_t size = 0; size <= 300000; size = size * 3 + 1) {
		p = krealloc(p, size, KMEM_ZERO);
		assert_non_null(p);
		assert_true(ksize(p) >= size);
		kfree(kzalloc(size, 0));
	}
	kfree(p);
	*ran = true;
}

static void
A12_all_of_it_in_interrupts(void **state)
{
	bool ran = false;

	(void)state;
	assert_true(port_hart_call(1, use_in_interrupt, &ran));
	assert_true(ran);
	expect_no_report();
}

struct request {
	void *ptr;
	size_t size;
};

static void
realloc_or_panic(void *arg)
{
	struct request *r = arg;

	(void)krealloc(r->ptr, r->size, KMEM_PANIC);
}

static void
A10_panic_flag_of_kmalloc(void **state)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX / 2, 200000, 100 };
	const char *what = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct request r = { .size = sizes[i] };

		frame_set_fail_after(0);
		assert_true(host_panics(realloc_or_panic, &r, &what));
		frame_set_fail_after(-1);
		assert_string_equal(
		    what, sizes[i] == 100 ? "kmalloc-112" : "kmalloc");
		world_start((size_t)64 << 20, 4, 0);
	}
	world_abandon();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(A9_B11_B16_G19_every_size_up_to_300000),
		world_test(classes_have_their_natural_alignment),
		world_test(A19_T22_B16_G19_absurd_sizes_fail_cleanly),
		world_test(zero_bytes_are_distinct_pointers),
		world_test(kzalloc_zeroes_all),
		world_test(krealloc_keeps_the_contents),
		world_test(krealloc_edges),
		world_test(large_blocks_grow_in_place_and_shrink),
		world_test(a_failed_krealloc_changes_nothing),
		world_test(ksize_of_what_is_not_kmallocs_is_0),
		world_test(A9_freed_blocks_serve_again_on_any_hart),
		world_test(A9_misuse_of_kfree_is_reported),
		world_test(A9_B11_every_size_gets_its_own_class),
		world_test(krealloc_zeroes_what_it_adds),
		world_test(A12_all_of_it_in_interrupts),
		world_test(A10_panic_flag_of_kmalloc),
	};

	return cmocka_run_group_tests_name("kmalloc", tests, NULL, NULL);
}
