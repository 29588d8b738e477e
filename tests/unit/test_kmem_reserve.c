/* SPDX-License-Identifier: MIT */
/* Reserves: what is kept for when memory is out. */

#include "tests/unit/mm_test.h"

#include <string.h>

static const struct {
	const char *name;
	struct kmem_options opt;
} kinds[] = {
	{ "fast", { 0 } },
	{ "counted", { .flags = KMEM_COUNT } },
	{ "checked", { .protect = KMEM_CHECKED } },
	{ "no magazine", { .flags = KMEM_NOMAGAZINE } },
};

/* Nothing more to be had from the cache: its own objects are in *obj. */
static size_t
exhaust(struct kmem_cache *cp, void **obj, size_t n)
{
	size_t got = 0;

	frame_set_fail_after(0);
	while (
	    got < n && (obj[got] = kmem_cache_alloc(cp, KMEM_NOWAIT)) != NULL)
		got++;
	assert_true(got < n);
	return got;
}

static void
the_reserve_serves_when_the_cache_cannot(void **state)
{
	static void *all[3000];

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		struct kmem_cache *cp = cache_make("c", 256, &kinds[k].opt);
		struct kmem_reserve *rp;
		void *obj[20], *extra;
		size_t n;

		assert_int_equal(kmem_reserve_create(&rp, cp, 20), 0);
		assert_int_equal(kmem_reserve_held(rp), 20);
		assert_int_equal(stats_of(cp).objects_inuse, 20);
		/* While there is memory the reserve is not touched. */
		extra = kmem_reserve_alloc(rp, 0);
		assert_non_null(extra);
		assert_int_equal(kmem_reserve_held(rp), 20);
		/* Nor reclaimed. */
		(void)kmem_reap(KMEM_REAP_ALL, 0);
		n = exhaust(cp, all, ARRAY_COUNT(all));
		for (size_t i = 0; i < 20; i++) {
			obj[i] = kmem_reserve_alloc(rp, KMEM_NOWAIT);
			assert_non_null(obj[i]);
			stamp(obj[i], 256, i);
			assert_int_equal(kmem_reserve_held(rp), 19 - i);
		}
		assert_null(kmem_reserve_alloc(rp, KMEM_NOWAIT));
		assert_null(kmem_reserve_alloc(rp, 0));
		/* One comes back: exactly one is to be had again. */
		for (size_t i = 0; i < 20; i++) {
			void *again;

			assert_true(stamped(obj[i], 256, i));
			kmem_reserve_free(rp, obj[i]);
			assert_int_equal(kmem_reserve_held(rp), 1);
			again = kmem_reserve_alloc(rp, KMEM_NOWAIT);
			assert_non_null(again);
			stamp(again, 256, i);
			obj[i] = again;
		}
		frame_set_fail_after(-1);
		assert_int_equal(stats_of(cp).objects_inuse, n + 21);
		for (size_t i = 0; i < n; i++)
			kmem_cache_free(cp, all[i]);
		for (size_t i = 0; i < 20; i++) {
			assert_true(stamped(obj[i], 256, i));
			kmem_reserve_free(rp, obj[i]);
		}
		/* It is full: what comes now goes to the cache. */
		kmem_reserve_free(rp, extra);
		assert_int_equal(kmem_reserve_held(rp), 20);
		assert_int_equal(stats_of(cp).objects_inuse, 20);
		assert_int_equal(kmem_cache_destroy(cp), -KMEM_EBUSY);
		kmem_reserve_destroy(rp);
		assert_int_equal(stats_of(cp).objects_inuse, 0);
		assert_int_equal(kmem_verify(cp, NULL, 0), 0);
		cache_unmake(cp);
	}
	expect_no_report();
}

static void
A10_flags_of_a_reserve(void **state)
{
	static void *all[3000];
	struct kmem_cache *cp = cache_make("c", 256, NULL);
	struct kmem_reserve *rp;
	unsigned char *obj;
	size_t n;

	(void)state;
	assert_int_equal(kmem_reserve_create(&rp, cp, 1), 0);
	for (unsigned round = 0; round < 2; round++) {
		n = round == 0 ? 0 : exhaust(cp, all, ARRAY_COUNT(all));
		for (unsigned i = 0; i < 2; i++) {
			obj = kmem_reserve_alloc(rp, KMEM_ZERO | KMEM_PANIC);
			assert_non_null(obj);
			for (size_t b = 0; b < 256; b++)
				assert_int_equal(obj[b], 0);
			memset(obj, 0xff, 256);
			kmem_reserve_free(rp, obj);
		}
		frame_set_fail_after(-1);
		kmem_cache_free_bulk(cp, n, all);
	}
	kmem_reserve_destroy(rp);
	cache_unmake(cp);
}

static void
alloc_or_panic(void *arg)
{
	(void)kmem_reserve_alloc(arg, KMEM_PANIC);
}

static void
A10_an_empty_reserve_panics_when_told_to(void **state)
{
	struct kmem_options opt = { .limit = 3 };
	struct kmem_cache *cp = cache_make("three", 64, &opt);
	struct kmem_reserve *rp;
	const char *what = NULL;

	(void)state;
	assert_int_equal(kmem_reserve_create(&rp, cp, 3), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(kmem_reserve_alloc(rp, KMEM_PANIC));
	assert_true(host_panics(alloc_or_panic, rp, &what));
	assert_string_equal(what, "three");
	world_abandon();
}

static void
create_says_what_is_wrong(void **state)
{
	struct kmem_options opt = { .limit = 10 };
	struct kmem_cache *cp = cache_make("c", 64, &opt);
	struct kmem_reserve *rp = (struct kmem_reserve *)cp;

	(void)state;
	assert_int_equal(kmem_reserve_create(&rp, cp, 0), -KMEM_EINVAL);
	assert_null(rp);
	assert_int_equal(
	    kmem_reserve_create(&rp, cp, KMEM_RESERVE_MAX + 1), -KMEM_EINVAL);
	assert_int_equal(kmem_reserve_create(&rp, cp, SIZE_MAX), -KMEM_EINVAL);
	/* Half filled and no more: it gives back what it had. */
	assert_int_equal(kmem_reserve_create(&rp, cp, 11), -KMEM_ENOMEM);
	assert_null(rp);
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frame_set_fail_after(0);
	assert_int_equal(
	    kmem_reserve_create(&rp, cp, KMEM_RESERVE_MAX), -KMEM_ENOMEM);
	frame_set_fail_after(-1);
	kmem_reserve_destroy(NULL);
	cache_unmake(cp);
	expect_no_report();
}

static void
refill_tops_up(void **state)
{
	static void *all[3000];
	struct kmem_options opt = { .protect = KMEM_CHECKED };

	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct kmem_cache *cp =
		    cache_make("c", 128, kind == 0 ? NULL : &opt);
		struct kmem_reserve *rp;
		void *obj[8];
		size_t n;

		assert_int_equal(kmem_reserve_create(&rp, cp, 8), 0);
		n = exhaust(cp, all, ARRAY_COUNT(all));
		for (size_t i = 0; i < 8; i++)
			obj[i] = kmem_reserve_alloc(rp, KMEM_NOWAIT);
		assert_int_equal(kmem_reserve_refill(rp), 0);
		for (size_t i = 0; i < 5; i++)
			kmem_cache_free(cp, all[--n]);
		assert_int_equal(kmem_reserve_refill(rp), 5);
		frame_set_fail_after(-1);
		assert_int_equal(kmem_reserve_refill(rp), 8);
		assert_int_equal(kmem_reserve_refill(rp), 8);
		/* Objects of the one may be freed by the other's call. */
		for (size_t i = 0; i < 8; i++)
			kmem_cache_free(cp, obj[i]);
		kmem_cache_free_bulk(cp, n, all);
		assert_int_equal(stats_of(cp).objects_inuse, 8);
		obj[0] = kmem_cache_alloc(cp, 0);
		kmem_reserve_free(rp, obj[0]);
		kmem_reserve_destroy(rp);
		assert_int_equal(stats_of(cp).objects_inuse, 0);
		cache_unmake(cp);
	}
	expect_no_report();
}

static void
misuse_in_a_checked_cache_is_reported(void **state)
{
	struct kmem_options opt = { .protect = KMEM_CHECKED };
	struct kmem_cache *cp = cache_make("c", 64, &opt);
	struct kmem_cache *other = cache_make("other", 64, &opt);
	struct kmem_reserve *rp;
	char *obj, *alien = kmem_cache_alloc(other, 0);

	(void)state;
	assert_int_equal(kmem_reserve_create(&rp, cp, 2), 0);
	for (unsigned how = 0; how < 2; how++) {
		obj = kmem_reserve_alloc(rp, 0);
		assert_non_null(obj);
		kmem_reserve_free(rp, alien);
		expect_report(MM_WRONG_CACHE, "c", alien);
		kmem_reserve_free(rp, obj + 8);
		expect_report(MM_INTERIOR_FREE, "c", obj + 8);
		kmem_reserve_free(rp, &alien);
		expect_report(MM_FOREIGN_FREE, "c", &alien);
		kmem_reserve_free(rp, obj);
		expect_no_report();
		/* Wherever it went, it is nobody's now. */
		if (how == 0)
			kmem_reserve_free(rp, obj);
		else
			kmem_cache_free(cp, obj);
		expect_report(MM_DOUBLE_FREE, "c", obj);
	}
	kmem_cache_free(other, alien);
	kmem_reserve_free(rp, NULL);
	expect_report(MM_BAD_POINTER, "c", NULL);
	kmem_reserve_destroy(rp);
	cache_unmake(cp);
	cache_unmake(other);
}

/* The object lies in the reserve itself when it is freed again. */
static void
a_second_free_of_what_the_reserve_holds(void **state)
{
	static void *all[3000];
	struct kmem_options opt = { .protect = KMEM_CHECKED };
	struct kmem_cache *cp = cache_make("c", 64, &opt);
	struct kmem_reserve *rp;
	struct kmem_whatis w;
	void *obj[2];
	size_t n;

	(void)state;
	assert_int_equal(kmem_reserve_create(&rp, cp, 2), 0);
	n = exhaust(cp, all, ARRAY_COUNT(all));
	obj[0] = kmem_reserve_alloc(rp, KMEM_NOWAIT);
	obj[1] = kmem_reserve_alloc(rp, KMEM_NOWAIT);
	assert_int_equal(kmem_reserve_held(rp), 0);
	kmem_reserve_free(rp, obj[0]);
	assert_int_equal(kmem_reserve_held(rp), 1);
	kmem_whatis((uintptr_t)obj[0], &w);
	assert_int_equal(w.live, 0);
	kmem_reserve_free(rp, obj[0]);
	expect_report(MM_DOUBLE_FREE, "c", obj[0]);
	kmem_cache_free(cp, obj[0]);
	expect_report(MM_DOUBLE_FREE, "c", obj[0]);
	assert_int_equal(kmem_reserve_held(rp), 1);
	assert_ptr_equal(kmem_reserve_alloc(rp, KMEM_NOWAIT), obj[0]);
	kmem_whatis((uintptr_t)obj[0], &w);
	assert_int_equal(w.live, 1);
	frame_set_fail_after(-1);
	kmem_reserve_free(rp, obj[0]);
	kmem_reserve_free(rp, obj[1]);
	kmem_cache_free_bulk(cp, n, all);
	kmem_reserve_destroy(rp);
	cache_unmake(cp);
	expect_no_report();
}

static void
use_in_interrupt(void *arg)
{
	struct kmem_reserve *rp = arg, *made = rp;
	void *obj[5];

	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		obj[i] = kmem_reserve_alloc(rp, 0);
		assert_non_null(obj[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		kmem_reserve_free(rp, obj[i]);
	(void)kmem_reserve_refill(rp);
	assert_int_equal(kmem_reserve_create(&made, NULL, 1), -KMEM_ECONTEXT);
	assert_null(made);
}

static void
A12_reserves_in_interrupts(void **state)
{
	struct kmem_cache *cp = cache_make("c", 64, NULL);
	struct kmem_reserve *rp;

	(void)state;
	assert_int_equal(kmem_reserve_create(&rp, cp, 5), 0);
	assert_true(port_hart_call(1, use_in_interrupt, rp));
	expect_report(MM_CONTEXT, NULL, NULL);
	assert_int_equal(kmem_reserve_held(rp), 5);
	kmem_reserve_destroy(rp);
	cache_unmake(cp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(the_reserve_serves_when_the_cache_cannot),
		world_test(A10_flags_of_a_reserve),
		world_test(A10_an_empty_reserve_panics_when_told_to),
		world_test(create_says_what_is_wrong),
		world_test(refill_tops_up),
		world_test(misuse_in_a_checked_cache_is_reported),
		world_test(a_second_free_of_what_the_reserve_holds),
		world_test(A12_reserves_in_interrupts),
	};

	return cmocka_run_group_tests_name("kmem_reserve", tests, NULL, NULL);
}
