/* SPDX-License-Identifier: MIT */
/* Misuse by a caller: one report each, of the right kind, and life goes on. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

#include "mm/kmem_impl.h"

static struct kmem_cache *
checked_cache(const char *name, size_t size)
{
	struct kmem_options opt = { .protect = KMEM_CHECKED };

	return cache_make(name, size, &opt);
}

/* The allocator counts what it reports, by kind and in all. */
static uint64_t counted_kind, counted_all;

static void
count_from_here(enum mm_error kind)
{
	counted_kind = kmem_errors(kind);
	counted_all = kmem_errors_total();
}

static void
one_more(enum mm_error kind, struct kmem_cache *cp, const char *cache,
    const void *obj)
{
	expect_report(kind, cache, obj);
	assert_int_equal(kmem_errors(kind), counted_kind + 1);
	assert_int_equal(kmem_errors_total(), counted_all + 1);
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	if (cp != NULL)
		assert_true(stats_of(cp).errors > 0);
	count_from_here(kind);
}

static void
A19_T4_B16_G14_double_free_is_caught_at_the_free(void **state)
{
	struct kmem_cache *cp = checked_cache("twice", 100);
	void *obj[100], *next;

	(void)state;
	count_from_here(MM_DOUBLE_FREE);
	assert_true(kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		kmem_cache_free(cp, obj[i]);
		kmem_cache_free(cp, obj[i]);
		assert_int_equal(host_last_report()->base, (uintptr_t)obj[i]);
		assert_int_equal(host_last_report()->offset, 0);
		assert_int_equal(host_last_report()->size, 100);
		one_more(MM_DOUBLE_FREE, cp, "twice", obj[i]);
	}
	/* Each object is handed out once. */
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		next = obj[i] = kmem_cache_alloc(cp, 0);
		for (size_t k = 0; k < i; k++)
			assert_ptr_not_equal(obj[k], next);
	}
	kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
	expect_no_report();
	/* In bulk, and an object twice in one bulk. */
	assert_true(kmem_cache_alloc_bulk(cp, 0, 3, obj));
	obj[3] = obj[1];
	kmem_cache_free_bulk(cp, 4, obj);
	one_more(MM_DOUBLE_FREE, cp, "twice", obj[1]);
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	cache_unmake(cp);
}

static void
double_free_on_another_hart_is_caught(void **state)
{
	struct kmem_cache *cp = checked_cache("twice", 100);
	void *obj = kmem_cache_alloc(cp, 0);

	(void)state;
	count_from_here(MM_DOUBLE_FREE);
	kmem_cache_free(cp, obj);
	mm_host_attach(3);
	kmem_cache_free(cp, obj);
	assert_int_equal(host_last_report()->hart, 3);
	one_more(MM_DOUBLE_FREE, cp, "twice", obj);
	mm_host_attach(0);
	(void)kmem_reap(KMEM_REAP_DEPOT, 0);
	(void)kmem_cache_flush(cp, KMEM_ALL_HARTS);
	/* Now it is free in its slab, or its slab is gone: never silence. */
	kmem_cache_free(cp, obj);
	assert_int_equal(host_report_count(), 1);
	host_clear_reports();
	cache_unmake(cp);
}

static void
B16_G15_wrong_cache_names_both(void **state)
{
	struct kmem_cache *a = checked_cache("alpha", 64);
	struct kmem_cache *b = checked_cache("beta", 64);
	void *obj = kmem_cache_alloc(a, 0);

	(void)state;
	count_from_here(MM_WRONG_CACHE);
	kmem_cache_free(b, obj);
	assert_string_equal(host_last_report()->owner, "alpha");
	one_more(MM_WRONG_CACHE, b, "beta", obj);
	assert_int_equal(stats_of(a).objects_inuse, 1);
	kmem_cache_free(a, obj);
	cache_unmake(a);
	cache_unmake(b);
}

static void
A19_T3_every_interior_pointer_is_refused(void **state)
{
	static const size_t sizes[] = { 8, 24, 100, 1000, 5000 };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_cache *cp = checked_cache("in", sizes[s]);
		unsigned char *obj[3];
		size_t step = sizes[s] > 200 ? 97 : 1;

		for (size_t i = 0; i < 3; i++)
			obj[i] = kmem_cache_alloc(cp, 0);
		count_from_here(MM_INTERIOR_FREE);
		for (size_t off = 1; off < sizes[s]; off += step) {
			kmem_cache_free(cp, obj[1] + off);
			assert_int_equal(
			    host_last_report()->base, (uintptr_t)obj[1]);
			assert_int_equal(host_last_report()->offset, off);
			one_more(MM_INTERIOR_FREE, cp, "in", obj[1] + off);
		}
		assert_int_equal(stats_of(cp).objects_inuse, 3);
		for (size_t i = 0; i < 3; i++)
			kmem_cache_free(cp, obj[i]);
		expect_no_report();
		cache_unmake(cp);
	}
}

/* What may come between an allocation and the wrong free. */
static void
nothing_between(struct kmem_cache *other)
{
	(void)other;
}

static void
many_frees_between(struct kmem_cache *other)
{
	void *obj[500];

	assert_true(kmem_cache_alloc_bulk(other, 0, ARRAY_COUNT(obj), obj));
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		kmem_cache_free(other, obj[i]);
}

static void
reap_between(struct kmem_cache *other)
{
	(void)other;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
}

static void
another_hart_between(struct kmem_cache *other)
{
	(void)other;
	mm_host_attach(2);
}

static void
A19_T3_T4_B16_G14_G15_found_whatever_came_between(void **state)
{
	static void (*const between[])(struct kmem_cache *) = { nothing_between,
		many_frees_between, reap_between, another_hart_between };
	static int local;

	(void)state;
	for (size_t b = 0; b < ARRAY_COUNT(between); b++) {
		struct kmem_cache *cp = checked_cache("right", 120);
		struct kmem_cache *wrong = checked_cache("wrong", 120);
		unsigned char *obj[4];

		/* The last one keeps the slab where it is. */
		assert_true(kmem_cache_alloc_bulk(
		    cp, 0, ARRAY_COUNT(obj), (void **)obj));
		kmem_cache_free(cp, obj[0]);
		between[b](cp);
		count_from_here(MM_DOUBLE_FREE);
		kmem_cache_free(cp, obj[0]);
		one_more(MM_DOUBLE_FREE, cp, "right", obj[0]);
		between[b](cp);
		count_from_here(MM_WRONG_CACHE);
		kmem_cache_free(wrong, obj[1]);
		one_more(MM_WRONG_CACHE, wrong, "wrong", obj[1]);
		between[b](wrong);
		count_from_here(MM_INTERIOR_FREE);
		kmem_cache_free(cp, obj[2] + 8);
		one_more(MM_INTERIOR_FREE, cp, "right", obj[2] + 8);
		between[b](cp);
		count_from_here(MM_FOREIGN_FREE);
		kmem_cache_free(cp, &local);
		one_more(MM_FOREIGN_FREE, cp, "right", &local);
		/* Nothing was freed by any of these. */
		assert_int_equal(stats_of(cp).objects_inuse, 3);
		for (size_t i = 1; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(cp, obj[i]);
		mm_host_attach(0);
		cache_unmake(cp);
		cache_unmake(wrong);
	}
}

static int in_data;

static void
foreign_pointers_are_refused_and_not_read(void **state)
{
	struct kmem_cache *cp = checked_cache("mine", 64);
	void *obj = kmem_cache_alloc(cp, 0), *heap = malloc(100);
	int local = 0;
	unsigned char *run = frame_alloc(2, 1, 0, FRAME_TAG_USER);
	const uintptr_t wild[] = { 1, 8, (uintptr_t)-8, UINTPTR_MAX,
		(uintptr_t)1 << 63, 0x10000000, (uintptr_t)&local,
		(uintptr_t)&in_data, (uintptr_t)heap,
		(uintptr_t)&foreign_pointers_are_refused_and_not_read,
		(uintptr_t)run, (uintptr_t)run + 64, (uintptr_t)cp };

	(void)state;
	/* Whatever the embedder uses as the owner of its own frames. */
	frame_set_owner(run, 2, 77);
	for (size_t i = 0; i < ARRAY_COUNT(wild); i++) {
		const struct mm_report *r;

		count_from_here(MM_FOREIGN_FREE);
		assert_int_equal(kmem_free_checked(cp, wild[i]), -KMEM_EINVAL);
		r = host_last_report();
		assert_non_null(r);
		/* A cache's own descriptor belongs to another cache. */
		if ((void *)wild[i] == (void *)cp) {
			assert_true(r->kind == MM_FOREIGN_FREE ||
			    r->kind == MM_WRONG_CACHE);
			assert_int_equal(host_report_count(), 1);
			host_clear_reports();
			continue;
		}
		one_more(MM_FOREIGN_FREE, cp, "mine", (void *)wild[i]);
		kmem_cache_free(cp, (void *)wild[i]);
		one_more(MM_FOREIGN_FREE, cp, "mine", (void *)wild[i]);
	}
	assert_int_equal(
	    kmem_free_checked(NULL, (uintptr_t)&local), -KMEM_EINVAL);
	expect_report(MM_FOREIGN_FREE, "-", &local);
	free(heap);
	frame_free(run, 2);
	kmem_cache_free(cp, obj);
	cache_unmake(cp);
}

static void
each_kind_of_error_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MM_ERRORS_MAX; i++) {
		const char *name = mm_error_name((enum mm_error)i);

		assert_non_null(name);
		assert_string_not_equal(name, "unknown");
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(
			    name, mm_error_name((enum mm_error)k));
	}
	assert_string_equal(mm_error_name(MM_ERRORS_MAX), "unknown");
	assert_string_equal(mm_error_name(MM_DOUBLE_FREE), "double-free");
	assert_string_equal(mm_error_name(MM_CONTEXT), "context");
}

static void
null_is_refused(void **state)
{
	struct kmem_cache *cp = checked_cache("null", 64);
	void *none = NULL;

	(void)state;
	kmem_cache_free(cp, NULL);
	assert_int_equal(host_report_count(), 1);
	host_clear_reports();
	kmem_cache_free_bulk(cp, 1, &none);
	assert_int_equal(host_report_count(), 1);
	host_clear_reports();
	assert_int_equal(stats_of(cp).objects_cached, 0);
	cache_unmake(cp);
}

static void
A19_T21_T25_free_after_destroy_is_foreign(void **state)
{
	struct kmem_cache *cp = checked_cache("gone", 64);
	struct kmem_cache *next;
	void *obj = kmem_cache_alloc(cp, 0);

	(void)state;
	kmem_cache_free(cp, obj);
	cache_unmake(cp);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	next = checked_cache("next", 64);
	count_from_here(MM_FOREIGN_FREE);
	assert_int_equal(kmem_free_checked(NULL, (uintptr_t)obj), -KMEM_EINVAL);
	one_more(MM_FOREIGN_FREE, NULL, "-", obj);
	kmem_cache_free(next, obj);
	one_more(MM_FOREIGN_FREE, next, "next", obj);
	kfree(obj);
	one_more(MM_FOREIGN_FREE, NULL, NULL, obj);
	cache_unmake(next);
}

static void
free_checked_frees_what_is_right(void **state)
{
	struct kmem_cache *fast = cache_make("fast", 64, NULL);
	struct kmem_cache *slow = checked_cache("slow", 64);
	unsigned char *a, *b;

	(void)state;
	a = kmem_cache_alloc(fast, 0);
	b = kmem_cache_alloc(slow, 0);
	assert_int_equal(kmem_free_checked(fast, (uintptr_t)a), 0);
	assert_int_equal(kmem_free_checked(NULL, (uintptr_t)b), 0);
	assert_int_equal(stats_of(fast).objects_inuse, 0);
	assert_int_equal(stats_of(slow).objects_inuse, 0);
	expect_no_report();
	b = kmem_cache_alloc(slow, 0);
	assert_int_equal(kmem_free_checked(fast, (uintptr_t)b), -KMEM_EINVAL);
	expect_report(MM_WRONG_CACHE, "fast", b);
	assert_int_equal(
	    kmem_free_checked(slow, (uintptr_t)b + 3), -KMEM_EINVAL);
	expect_report(MM_INTERIOR_FREE, "slow", b + 3);
	assert_int_equal(kmem_free_checked(slow, (uintptr_t)b), 0);
	assert_int_equal(kmem_free_checked(slow, (uintptr_t)b), -KMEM_EINVAL);
	expect_report(MM_DOUBLE_FREE, "slow", b);
	cache_unmake(fast);
	cache_unmake(slow);
}

/* A fast cache looks when a magazine reaches its slabs. */
static void
B16_G14_fast_caches_find_a_double_free_at_the_slab(void **state)
{
	struct kmem_cache *cp = cache_make("quick", 64, NULL);
	void *obj[4];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
	(void)kmem_cache_flush(cp, KMEM_ALL_HARTS);
	kmem_cache_free(cp, obj[2]);
	kmem_cache_free(cp, obj[2]);
	expect_no_report();
	count_from_here(MM_DOUBLE_FREE);
	(void)kmem_cache_flush(cp, KMEM_ALL_HARTS);
	one_more(MM_DOUBLE_FREE, cp, "quick", obj[2]);
	kmem_cache_free(cp, obj[0]);
	kmem_cache_free(cp, obj[1]);
	kmem_cache_free(cp, obj[3]);
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	cache_unmake(cp);
}

static void
fast_caches_find_wrong_pointers_at_the_slab(void **state)
{
	struct kmem_cache *a = cache_make("one", 64, NULL);
	struct kmem_cache *b = cache_make("two", 64, NULL);
	unsigned char *obj = kmem_cache_alloc(a, 0);
	int local = 0;

	(void)state;
	kmem_cache_free(b, obj);
	(void)kmem_cache_flush(b, KMEM_ALL_HARTS);
	expect_report(MM_WRONG_CACHE, "two", obj);
	kmem_cache_free(a, obj + 8);
	(void)kmem_cache_flush(a, KMEM_ALL_HARTS);
	expect_report(MM_INTERIOR_FREE, "one", obj + 8);
	kmem_cache_free(a, &local);
	(void)kmem_cache_flush(a, KMEM_ALL_HARTS);
	expect_report(MM_FOREIGN_FREE, "one", &local);
	assert_int_equal(stats_of(a).objects_inuse, 1);
	kmem_cache_free(a, obj);
	cache_unmake(a);
	cache_unmake(b);
}

static void
fast_caches_survive_null(void **state)
{
	struct kmem_cache *cp = cache_make("null", 64, NULL);
	void *obj[40];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		kmem_cache_free(cp, obj[i]);
		if (i % 10 == 5)
			kmem_cache_free(cp, NULL);
	}
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		obj[i] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[i]);
		for (size_t k = 0; k < i; k++)
			assert_ptr_not_equal(obj[k], obj[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		kmem_cache_free(cp, obj[i]);
	(void)kmem_cache_flush(cp, KMEM_ALL_HARTS);
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	/* However many NULLs came, at least one report says so. */
	assert_true(host_report_count() >= 1);
	host_clear_reports();
	cache_unmake(cp);
}

/* --- damage of the allocator's own books, found by verify --- */

static struct {
	struct kmem_cache *cp;
	struct slab *sp;
	struct magazine *full; /* of the depot */
} books;

static void
verify_must_find(const char *damage)
{
	struct kmem_finding found[4];
	size_t n = kmem_verify(books.cp, found, ARRAY_COUNT(found));

	if (n == 0)
		fail_msg("not found: %s", damage);
	assert_string_equal(found[0].cache, "books");
	assert_true(strlen(found[0].what) > 5);
}

static void
verify_is_content(void)
{
	assert_int_equal(kmem_verify(books.cp, NULL, 0), 0);
}

static void
damage_counts(void)
{
	books.sp->s_inuse++;
	verify_must_find("a slab's count");
	books.sp->s_inuse--;
	books.cp->c_inuse++;
	verify_must_find("the cache's count of objects in use");
	books.cp->c_inuse--;
	books.cp->c_objects--;
	verify_must_find("the cache's count of objects");
	books.cp->c_objects++;
	books.cp->c_frames++;
	verify_must_find("the cache's count of frames");
	books.cp->c_frames--;
	books.cp->c_slab_count++;
	verify_must_find("the cache's count of slabs");
	books.cp->c_slab_count--;
	verify_is_content();
}

static void
damage_slab(void)
{
	uint64_t bits = atomic_load(&books.sp->s_bits[0]);
	uint16_t bucket = books.sp->s_bucket;

	atomic_store(&books.sp->s_bits[0], bits ^ 1);
	verify_must_find("an object's bit");
	atomic_store(&books.sp->s_bits[0], bits);
	books.sp->s_bucket = (uint16_t)(bucket == 3 ? 4 : 3);
	verify_must_find("a slab in the wrong list");
	books.sp->s_bucket = bucket;
	books.sp->s_cache = NULL;
	verify_must_find("a slab of another cache");
	books.sp->s_cache = books.cp;
	frame_set_owner((void *)slab_base(books.sp), books.sp->s_frames, 0);
	verify_must_find("frames that do not name their slab");
	frame_set_slab((void *)slab_base(books.sp), books.sp->s_frames,
	    (uintptr_t)books.sp);
	verify_is_content();
}

static void
damage_depot(void)
{
	void **first = mag_first(books.full, 5), *round = *first;

	books.cp->c_depot_rounds++;
	verify_must_find("the depot's count of rounds");
	books.cp->c_depot_rounds--;
	books.cp->c_full.ml_count++;
	verify_must_find("the depot's count of magazines");
	books.cp->c_full.ml_count--;
	*first = NULL;
	verify_must_find("an empty round in a full magazine");
	*first = (char *)round + 1;
	verify_must_find("a round that is no object");
	*first = round;
	verify_is_content();
}

static void
F_verify_finds_every_kind_of_damage(void **state)
{
	struct kmem_options opt = { .magazine = 5 };
	void *obj[40], *keep;

	(void)state;
	books.cp = cache_make("books", 64, &opt);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		obj[i] = kmem_cache_alloc(books.cp, 0);
	keep = kmem_cache_alloc(books.cp, 0);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		kmem_cache_free(books.cp, obj[i]);
	books.sp = slab_of((uintptr_t)keep);
	assert_non_null(books.sp);
	books.full = books.cp->c_full.ml_head;
	assert_non_null(books.full);
	verify_is_content();
	damage_counts();
	damage_slab();
	damage_depot();
	kmem_cache_free(books.cp, keep);
	cache_unmake(books.cp);
}

/* Reports must not allocate: with no memory at all they still come. */
static void
a_report_needs_no_memory(void **state)
{
	struct kmem_cache *cp = checked_cache("poor", 64);
	void *obj = kmem_cache_alloc(cp, 0);
	struct frame_stats a, b;

	(void)state;
	frame_set_fail_after(0);
	frame_get_stats(&a);
	kmem_cache_free(cp, obj);
	kmem_cache_free(cp, obj);
	expect_report(MM_DOUBLE_FREE, "poor", obj);
	kmem_cache_free(cp, (unsigned char *)obj + 1);
	expect_report(MM_INTERIOR_FREE, "poor", (unsigned char *)obj + 1);
	frame_get_stats(&b);
	assert_int_equal(a.allocs, b.allocs);
	frame_set_fail_after(-1);
	cache_unmake(cp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(A19_T4_B16_G14_double_free_is_caught_at_the_free),
		world_test(double_free_on_another_hart_is_caught),
		world_test(B16_G15_wrong_cache_names_both),
		world_test(A19_T3_every_interior_pointer_is_refused),
		world_test(A19_T3_T4_B16_G14_G15_found_whatever_came_between),
		world_test(foreign_pointers_are_refused_and_not_read),
		cmocka_unit_test(each_kind_of_error_has_a_name_of_its_own),
		world_test(null_is_refused),
		world_test(A19_T21_T25_free_after_destroy_is_foreign),
		world_test(free_checked_frees_what_is_right),
		world_test(B16_G14_fast_caches_find_a_double_free_at_the_slab),
		world_test(fast_caches_find_wrong_pointers_at_the_slab),
		world_test(fast_caches_survive_null),
		world_test(F_verify_finds_every_kind_of_damage),
		world_test(a_report_needs_no_memory),
	};

	return cmocka_run_group_tests_name("kmem_misuse", tests, NULL, NULL);
}
