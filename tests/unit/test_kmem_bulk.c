/* SPDX-License-Identifier: MIT */
/* Many at once, whole magazines, and filling beforehand. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

#define MOST 1000u

/* Every kind that takes another way through a bulk call. */
static const struct {
	const char *name;
	struct kmem_options opt;
} kinds[] = {
	{ "fast", { 0 } },
	{ "one round", { .magazine = 1 } },
	{ "seven rounds", { .magazine = 7 } },
	{ "thirty-two", { .magazine = 32 } },
	{ "largest", { .magazine = KMEM_ROUNDS_MAX } },
	{ "counted", { .flags = KMEM_COUNT } },
	{ "checked", { .protect = KMEM_CHECKED } },
	{ "no magazine", { .flags = KMEM_NOMAGAZINE } },
	{ "checked, none",
	    { .protect = KMEM_CHECKED, .flags = KMEM_NOMAGAZINE } },
	{ "one owner", { .flags = KMEM_SINGLE_OWNER } },
	{ "limited", { .limit = 100000 } },
};

static int
by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return x < y ? -1 : x > y;
}

/* None is NULL, none comes twice. */
static void
assert_distinct(void *const *objs, size_t n)
{
	static void *sorted[20000];

	assert_true(n <= ARRAY_COUNT(sorted));
	memcpy(sorted, objs, n * sizeof(*objs));
	qsort(sorted, n, sizeof(*sorted), by_address);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(sorted[i]);
		if (i > 0)
			assert_ptr_not_equal(sorted[i], sorted[i - 1]);
	}
}

static void
assert_counts(struct kmem_cache *cp, size_t live, uint64_t calls)
{
	struct kmem_stats st = stats_of(cp);

	assert_int_equal(st.objects_inuse, live);
	if (st.alloc != KMEM_UNKNOWN) {
		assert_int_equal(st.alloc, calls);
		assert_int_equal(st.free, calls - live);
	}
}

static void
bulk_of_every_size_in_every_kind(void **state)
{
	void *obj[200];

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		struct kmem_cache *cp = cache_make("b", 64, &kinds[k].opt);
		uint64_t calls = 0;

		for (size_t n = 0; n <= 130; n++) {
			assert_true(kmem_cache_alloc_bulk(cp, 0, n, obj));
			calls += n;
			assert_distinct(obj, n);
			assert_counts(cp, n, calls);
			for (size_t i = 0; i < n; i++)
				stamp(obj[i], 64, n + i);
			for (size_t i = 0; i < n; i++)
				assert_true(stamped(obj[i], 64, n + i));
			kmem_cache_free_bulk(cp, n, obj);
			assert_counts(cp, 0, calls);
		}
		cache_unmake(cp);
	}
	expect_no_report();
}

/* Bulk and single calls, sizes and harts at random, against a plain list. */
static void
bulk_and_single_calls_mix(void **state)
{
	static void *live[MOST + 200];
	struct test_rng rng = { .state = 17 };

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		struct kmem_cache *cp = cache_make("b", 40, &kinds[k].opt);
		bool moves = (kinds[k].opt.flags & KMEM_SINGLE_OWNER) == 0;
		uint64_t calls = 0;
		size_t n = 0;

		for (unsigned round = 0; round < 3000; round++) {
			size_t m = test_below(&rng, 150);

			if (moves && round % 8 == 0)
				mm_host_attach((unsigned)test_below(&rng, 4));
			if (round % 100 == 0)
				(void)kmem_reap(KMEM_REAP_ALL, 0);
			if (test_below(&rng, 3) == 0)
				m = 1;
			if (test_below(&rng, 2) == 0 && n + m <= MOST) {
				if (m == 1)
					live[n] = kmem_cache_alloc(cp, 0);
				else
					assert_true(kmem_cache_alloc_bulk(
					    cp, 0, m, live + n));
				for (size_t i = n; i < n + m; i++)
					stamp(live[i], 40, (uintptr_t)live[i]);
				n += m;
				calls += m;
			} else if (n >= m) {
				n -= m;
				for (size_t i = n; i < n + m; i++)
					assert_true(stamped(
					    live[i], 40, (uintptr_t)live[i]));
				if (m == 1)
					kmem_cache_free(cp, live[n]);
				else
					kmem_cache_free_bulk(cp, m, live + n);
			}
			if (round % 50 == 0) {
				assert_distinct(live, n);
				assert_counts(cp, n, calls);
				assert_int_equal(kmem_verify(cp, NULL, 0), 0);
			}
		}
		kmem_cache_free_bulk(cp, n, live);
		mm_host_attach(0);
		cache_unmake(cp);
	}
	expect_no_report();
}

/*
 * A swing of at most one magazine's rounds stays in the hart's two, as that of
 * single calls does: later rounds touch neither slab nor depot.
 */
static void
bulk_stays_in_the_hart(void **state)
{
	static const unsigned rounds[] = { 7, 31, 32, 61 };
	struct kmem_stats before, after;
	void *obj[2 * KMEM_ROUNDS_MAX];

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(rounds); k++) {
		struct kmem_options opt = { .magazine = rounds[k] };
		struct kmem_cache *cp = cache_make("b", 64, &opt);
		size_t all = 2 * rounds[k];

		for (size_t n = 1; n <= rounds[k]; n++) {
			assert_true(kmem_cache_alloc_bulk(cp, 0, all, obj));
			kmem_cache_free_bulk(cp, all, obj);
			assert_true(kmem_cache_alloc_bulk(cp, 0, n, obj));
			kmem_cache_free_bulk(cp, n, obj);
			before = stats_of(cp);
			for (unsigned i = 0; i < 20; i++) {
				assert_true(
				    kmem_cache_alloc_bulk(cp, 0, n, obj));
				assert_distinct(obj, n);
				kmem_cache_free_bulk(cp, n, obj);
			}
			after = stats_of(cp);
			assert_int_equal(after.mag_miss, before.mag_miss);
			assert_int_equal(after.depot_get, before.depot_get);
			assert_int_equal(after.depot_put, before.depot_put);
		}
		cache_unmake(cp);
	}
}

/* A large batch back and forth ends up in magazines, not in the slab layer. */
static void
large_batches_use_whole_magazines(void **state)
{
	static void *obj[20000];
	struct kmem_cache *cp = cache_make("b", 64, NULL);
	unsigned rounds = info_of(cp).magazine;
	struct kmem_stats before, after;

	(void)state;
	for (unsigned warm = 0; warm < 4; warm++) {
		assert_true(
		    kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
		assert_distinct(obj, ARRAY_COUNT(obj));
		kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
		assert_int_equal(stats_of(cp).objects_inuse, 0);
	}
	before = stats_of(cp);
	assert_true(kmem_cache_alloc_bulk(cp, 0, 10000, obj));
	kmem_cache_free_bulk(cp, 10000, obj);
	after = stats_of(cp);
	assert_int_equal(after.grow, before.grow);
	assert_true(after.depot_get - before.depot_get >= 10000 / rounds - 4);
	assert_true(after.depot_put - before.depot_put >= 10000 / rounds - 4);
	assert_int_equal(kmem_verify(cp, NULL, 0), 0);
	cache_unmake(cp);
}

static void
A10_flags_of_bulk(void **state)
{
	void *obj[100];

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		struct kmem_cache *cp = cache_make("b", 72, &kinds[k].opt);

		for (unsigned round = 0; round < 4; round++) {
			unsigned flags = KMEM_ZERO |
			    (round % 2 == 0 ? KMEM_NOWAIT : KMEM_PANIC);

			assert_true(kmem_cache_alloc_bulk(
			    cp, flags, ARRAY_COUNT(obj), obj));
			for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
				for (size_t b = 0; b < 72; b++)
					assert_int_equal(
					    ((unsigned char *)obj[i])[b], 0);
				memset(obj[i], 0xa5, 72);
			}
			kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
		}
		cache_unmake(cp);
	}
}

/* Any allocation of frames may fail: nothing is lost, and it says so. */
static void
bulk_out_of_memory_is_all_or_nothing(void **state)
{
	static void *obj[2000];

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		struct kmem_cache *cp = cache_make("b", 640, &kinds[k].opt);
		unsigned refused = 0;
		uint64_t fails;

		for (int64_t at = 0; at < 40; at += 3) {
			bool got;

			(void)kmem_reap(KMEM_REAP_ALL, 0);
			fails = stats_of(cp).alloc_fail;
			frame_set_fail_after(at);
			got = kmem_cache_alloc_bulk(
			    cp, at % 2 == 0 ? KMEM_NOWAIT : 0, 300, obj);
			frame_set_fail_after(-1);
			assert_int_equal(
			    stats_of(cp).objects_inuse, got ? 300 : 0);
			assert_int_equal(
			    stats_of(cp).alloc_fail - fails, got ? 0 : 1);
			refused += !got;
			if (got)
				kmem_cache_free_bulk(cp, 300, obj);
		}
		assert_true(refused > 0);
		cache_unmake(cp);
	}
}

static void
the_limit_is_exact_in_bulk(void **state)
{
	static void *obj[600];
	struct kmem_options opt = { .limit = 500 };
	struct kmem_tune tune = { .set_limit = true, .limit = 300 };
	struct kmem_cache *cp = cache_make("b", 64, &opt);

	(void)state;
	assert_false(kmem_cache_alloc_bulk(cp, 0, 501, obj));
	assert_true(kmem_cache_alloc_bulk(cp, 0, 500, obj));
	assert_false(kmem_cache_alloc_bulk(cp, 0, 1, obj + 500));
	kmem_cache_free_bulk(cp, 200, obj + 300);
	assert_false(kmem_cache_alloc_bulk(cp, 0, 201, obj + 300));
	assert_true(kmem_cache_alloc_bulk(cp, 0, 200, obj + 300));
	kmem_cache_free_bulk(cp, 500, obj);
	cache_unmake(cp);
	/* One that got its limit later has magazines, on all harts. */
	cp = cache_make("b", 64, NULL);
	assert_true(kmem_cache_alloc_bulk(cp, 0, 300, obj));
	kmem_cache_free_bulk(cp, 300, obj);
	assert_int_equal(kmem_cache_tune(cp, &tune, NULL), 0);
	mm_host_attach(1);
	assert_true(kmem_cache_alloc_bulk(cp, 0, 300, obj));
	assert_false(kmem_cache_alloc_bulk(cp, 0, 1, obj + 300));
	kmem_cache_free_bulk(cp, 300, obj);
	mm_host_attach(0);
	cache_unmake(cp);
}

struct bulk_call {
	struct kmem_cache *cp;
	size_t n;
	void *obj[64];
	bool done;
};

static void
bulk_with_panic_flag(void *arg)
{
	struct bulk_call *b = arg;

	(void)kmem_cache_alloc_bulk(b->cp, KMEM_PANIC, b->n, b->obj);
}

static void
A10_bulk_with_the_panic_flag_names_the_cache(void **state)
{
	struct kmem_options opt = { .limit = 10 };
	struct bulk_call b = { .cp = cache_make("ten", 64, &opt), .n = 11 };
	const char *what = NULL;

	(void)state;
	assert_true(host_panics(bulk_with_panic_flag, &b, &what));
	assert_string_equal(what, "ten");
	world_abandon();
}

static void
bulk_in_interrupt(void *arg)
{
	struct bulk_call *b = arg;

	assert_true(port_in_interrupt());
	for (size_t n = 1; n <= ARRAY_COUNT(b->obj); n++) {
		struct kmem_rounds r;

		assert_true(kmem_cache_alloc_bulk(b->cp, 0, n, b->obj));
		assert_distinct(b->obj, n);
		kmem_cache_free_bulk(b->cp, n, b->obj);
		r = kmem_cache_take(b->cp, 0);
		kmem_cache_give(b->cp, r);
		b->done = r.r_count != 0;
	}
	assert_int_equal(kmem_cache_prefill(b->cp, 100), 0);
}

static void
A12_bulk_and_hand_over_in_interrupts(void **state)
{
	struct bulk_call b = { .cp = cache_make("b", 64, NULL) };

	(void)state;
	assert_true(port_hart_call(1, bulk_in_interrupt, &b));
	assert_true(b.done);
	assert_int_equal(stats_of(b.cp).objects_inuse, 0);
	expect_report(MM_CONTEXT, NULL, NULL);
	cache_unmake(b.cp);
}

/* --- misuse --- */

static void
checked_caches_judge_each_object_of_a_bulk(void **state)
{
	struct kmem_options opt = { .protect = KMEM_CHECKED };
	struct kmem_cache *cp = cache_make("b", 64, &opt);
	struct kmem_cache *other = cache_make("other", 64, &opt);
	void *obj[40], *twice[4];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, 40, obj));
	twice[0] = obj[0];
	twice[1] = obj[1];
	twice[2] = obj[0];
	twice[3] = obj[2];
	kmem_cache_free_bulk(cp, 4, twice);
	expect_report(MM_DOUBLE_FREE, "b", obj[0]);
	twice[0] = kmem_cache_alloc(other, 0);
	kmem_cache_free_bulk(cp, 1, twice);
	expect_report(MM_WRONG_CACHE, "b", twice[0]);
	kmem_cache_free(other, twice[0]);
	assert_int_equal(stats_of(cp).objects_inuse, 37);
	kmem_cache_free_bulk(cp, 37, obj + 3);
	expect_no_report();
	cache_unmake(cp);
	cache_unmake(other);
}

static void
a_cache_without_magazines_finds_misuse_of_bulk_at_once(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	struct kmem_cache *cp = cache_make("b", 64, &opt);
	void *obj[40];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, 40, obj));
	obj[0] = obj[1];
	kmem_cache_free_bulk(cp, 40, obj);
	expect_report(MM_DOUBLE_FREE, "b", obj[1]);
	assert_int_equal(stats_of(cp).objects_inuse, 1);
	(void)kmem_cache_shrink(cp);
	assert_int_equal(kmem_cache_destroy(cp), -KMEM_EBUSY);
	world_abandon();
}

/* --- whole magazines --- */

static const struct kmem_options usual = { .magazine = 31 };

static void
take_hands_out_what_bulk_would(void **state)
{
	struct kmem_cache *cp = cache_make("r", 64, &usual);
	struct kmem_rounds r[10];

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(r); i++) {
			r[i] = kmem_cache_take(cp, 0);
			assert_int_equal(r[i].r_count, 31);
			assert_distinct(r[i].r_objs, r[i].r_count);
			for (size_t k = 0; k < r[i].r_count; k++)
				stamp(r[i].r_objs[k], 64, i * 100 + k);
			assert_int_equal(
			    stats_of(cp).objects_inuse, (i + 1) * 31);
		}
		assert_int_equal(kmem_verify(cp, NULL, 0), 0);
		for (size_t i = 0; i < ARRAY_COUNT(r); i++) {
			if (round % 3 == 0)
				mm_host_attach((unsigned)i % 4);
			for (size_t k = 0; k < r[i].r_count; k++)
				assert_true(
				    stamped(r[i].r_objs[k], 64, i * 100 + k));
			kmem_cache_give(cp, r[i]);
			if (round % 4 == 0)
				(void)kmem_reap(KMEM_REAP_ALL, 0);
		}
		mm_host_attach(0);
		assert_int_equal(stats_of(cp).objects_inuse, 0);
		assert_int_equal(kmem_verify(cp, NULL, 0), 0);
	}
	cache_unmake(cp);
	expect_no_report();
}

/* Back and forth on one hart: neither depot nor slab is asked. */
static void
take_and_give_stay_in_the_hart(void **state)
{
	struct kmem_cache *cp = cache_make("r", 64, &usual);
	struct kmem_stats before, after;
	struct kmem_rounds r;
	void *obj[62];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, 62, obj));
	kmem_cache_free_bulk(cp, 62, obj);
	assert_true(kmem_cache_alloc_bulk(cp, 0, 62, obj));
	kmem_cache_free_bulk(cp, 62, obj);
	before = stats_of(cp);
	for (unsigned i = 0; i < 100; i++) {
		r = kmem_cache_take(cp, 0);
		assert_int_equal(r.r_count, 31);
		kmem_cache_give(cp, r);
	}
	after = stats_of(cp);
	assert_int_equal(after.mag_miss, before.mag_miss);
	assert_int_equal(after.depot_get, before.depot_get);
	assert_int_equal(after.depot_put, before.depot_put);
	assert_int_equal(after.grow, before.grow);
	cache_unmake(cp);
}

static void
what_is_taken_may_be_used_and_replaced(void **state)
{
	struct kmem_cache *cp = cache_make("r", 64, &usual);
	struct kmem_rounds r;
	size_t kept;

	(void)state;
	for (kept = 0; kept <= 31; kept++) {
		r = kmem_cache_take(cp, 0);
		assert_int_equal(r.r_count, 31);
		/* Freed alone, taken anew, in another order. */
		for (size_t i = 0; i < r.r_count; i += 2)
			kmem_cache_free(cp, r.r_objs[i]);
		for (size_t i = 0; i < r.r_count; i += 2)
			r.r_objs[i] = kmem_cache_alloc(cp, 0);
		assert_distinct(r.r_objs, r.r_count);
		kmem_cache_free_bulk(cp, 31 - kept, r.r_objs + kept);
		r.r_count = kept;
		assert_int_equal(stats_of(cp).objects_inuse, kept);
		kmem_cache_give(cp, r);
		assert_int_equal(stats_of(cp).objects_inuse, 0);
	}
	cache_unmake(cp);
	expect_no_report();
}

static void
destroy_is_refused_while_a_magazine_is_out(void **state)
{
	struct kmem_cache *cp = cache_make("r", 64, &usual);
	struct kmem_rounds r = kmem_cache_take(cp, 0);

	(void)state;
	assert_int_equal(r.r_count, 31);
	assert_int_equal(kmem_cache_destroy(cp), -KMEM_EBUSY);
	/* And it works on. */
	assert_int_equal(stats_of(cp).objects_inuse, 31);
	kmem_cache_give(cp, r);
	r = kmem_cache_take(cp, 0);
	assert_int_equal(r.r_count, 31);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	kmem_cache_give(cp, r);
	cache_unmake(cp);
}

/* Magazines of another size, and a cache that counts meanwhile. */
static void
a_taken_magazine_survives_tuning(void **state)
{
	struct kmem_tune size = { .set_magazine = true, .magazine = 7 };
	struct kmem_tune count = { .set_count = true, .count = true };
	struct kmem_cache *cp = cache_make("r", 64, &usual);
	struct kmem_rounds a = kmem_cache_take(cp, 0), b;
	void *obj[100];

	(void)state;
	assert_int_equal(kmem_cache_tune(cp, &size, NULL), 0);
	b = kmem_cache_take(cp, 0);
	assert_int_equal(a.r_count, 31);
	assert_int_equal(b.r_count, 7);
	kmem_cache_give(cp, a);
	kmem_cache_give(cp, b);
	a = kmem_cache_take(cp, 0);
	assert_true(a.r_count == 7 || a.r_count == 31);
	assert_int_equal(kmem_cache_tune(cp, &count, NULL), 0);
	assert_int_equal(kmem_cache_take(cp, 0).r_count, 0);
	assert_int_equal(stats_of(cp).objects_inuse, a.r_count);
	kmem_cache_give(cp, a);
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	assert_true(kmem_cache_alloc_bulk(cp, 0, 100, obj));
	kmem_cache_free_bulk(cp, 100, obj);
	assert_int_equal(kmem_verify(cp, NULL, 0), 0);
	cache_unmake(cp);
	expect_no_report();
}

static void
take_is_refused_where_each_object_is_judged(void **state)
{
	static const struct kmem_options no[] = {
		{ .flags = KMEM_COUNT },
		{ .flags = KMEM_NOMAGAZINE },
		{ .flags = KMEM_SINGLE_OWNER },
		{ .protect = KMEM_CHECKED },
		{ .limit = 1000 },
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(no); k++) {
		struct kmem_cache *cp = cache_make("r", 64, &no[k]);
		void *obj = kmem_cache_alloc(cp, 0);
		struct kmem_rounds r = kmem_cache_take(cp, 0);

		assert_int_equal(r.r_count, 0);
		assert_null(r.r_objs);
		/* To give none back is nothing. */
		kmem_cache_give(cp, r);
		kmem_cache_free(cp, obj);
		cache_unmake(cp);
	}
	expect_no_report();
}

static void
what_was_not_taken_is_not_given(void **state)
{
	struct kmem_cache *cp = cache_make("r", 64, &usual);
	struct kmem_rounds r = kmem_cache_take(cp, 0), bad;
	void *mine[31];

	(void)state;
	memcpy(mine, r.r_objs, sizeof(mine));
	bad = (struct kmem_rounds){ .r_objs = mine, .r_count = 31 };
	kmem_cache_give(cp, bad);
	expect_report(MM_BAD_POINTER, "r", mine);
	bad = (struct kmem_rounds){ r.r_objs + 1, r.r_count - 1 };
	kmem_cache_give(cp, bad);
	expect_report(MM_BAD_POINTER, "r", r.r_objs + 1);
	bad = (struct kmem_rounds){ r.r_objs, r.r_count + 1 };
	kmem_cache_give(cp, bad);
	expect_report(MM_BAD_POINTER, "r", r.r_objs);
	assert_int_equal(stats_of(cp).objects_inuse, 31);
	kmem_cache_give(cp, r);
	expect_no_report();
	cache_unmake(cp);
}

static void
take_out_of_memory_gives_none_and_loses_nothing(void **state)
{
	struct kmem_cache *cp = cache_make("r", 2000, NULL);

	(void)state;
	for (int64_t at = 0; at < 12; at++) {
		struct kmem_rounds r;

		(void)kmem_reap(KMEM_REAP_ALL, 0);
		frame_set_fail_after(at);
		r = kmem_cache_take(cp, KMEM_NOWAIT);
		frame_set_fail_after(-1);
		if (at == 0)
			assert_int_equal(r.r_count, 0);
		assert_int_equal(stats_of(cp).objects_inuse, r.r_count);
		kmem_cache_give(cp, r);
	}
	cache_unmake(cp);
}

/* --- prefill --- */

static void
prefilled_objects_come_without_growth(void **state)
{
	static const size_t sizes[] = { 8, 64, 200, 1000, 5000 };
	static void *obj[700];

	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		struct kmem_options opt = {
			.flags = kind == 1 ? KMEM_COUNT : 0,
			.protect = kind == 2 ? KMEM_CHECKED : KMEM_FAST,
		};

		for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
			struct kmem_cache *cp = cache_make("p", sizes[s], &opt);
			uint64_t grow;

			assert_true(kmem_cache_prefill(cp, 600) >= 600);
			assert_int_equal(stats_of(cp).objects_inuse, 0);
			assert_int_equal(kmem_verify(cp, NULL, 0), 0);
			grow = stats_of(cp).grow;
			/* Again: it is there already. */
			assert_true(kmem_cache_prefill(cp, 600) >= 600);
			assert_int_equal(stats_of(cp).grow, grow);
			frame_set_fail_after(0);
			for (size_t i = 0; i < 600; i++) {
				obj[i] = kmem_cache_alloc(cp, KMEM_NOWAIT);
				assert_non_null(obj[i]);
			}
			frame_set_fail_after(-1);
			assert_int_equal(stats_of(cp).grow, grow);
			kmem_cache_free_bulk(cp, 600, obj);
			cache_unmake(cp);
		}
	}
}

static void
prefill_says_what_it_reached(void **state)
{
	struct kmem_options limited = { .limit = 100 };
	struct kmem_options slabs = { .flags = KMEM_NOMAGAZINE };
	struct kmem_cache *cp = cache_make("p", 64, NULL);
	size_t reached;
	void *obj[200];

	(void)state;
	frame_set_fail_after(3);
	reached = kmem_cache_prefill(cp, 1000);
	frame_set_fail_after(-1);
	assert_true(reached < 1000);
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	assert_int_equal(kmem_cache_prefill(cp, 0) >= reached, 1);
	cache_unmake(cp);
	cp = cache_make("p", 64, &slabs);
	reached = kmem_cache_prefill(cp, 1000);
	assert_int_equal(reached, info_of(cp).per_slab);
	cache_unmake(cp);
	cp = cache_make("p", 64, &limited);
	(void)kmem_cache_prefill(cp, 1000);
	assert_true(kmem_cache_alloc_bulk(cp, 0, 100, obj));
	assert_false(kmem_cache_alloc_bulk(cp, 0, 1, obj + 100));
	kmem_cache_free_bulk(cp, 100, obj);
	cache_unmake(cp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(bulk_of_every_size_in_every_kind),
		world_test(bulk_and_single_calls_mix),
		world_test(bulk_stays_in_the_hart),
		world_test(large_batches_use_whole_magazines),
		world_test(A10_flags_of_bulk),
		world_test(bulk_out_of_memory_is_all_or_nothing),
		world_test(the_limit_is_exact_in_bulk),
		world_test(A10_bulk_with_the_panic_flag_names_the_cache),
		world_test(A12_bulk_and_hand_over_in_interrupts),
		world_test(checked_caches_judge_each_object_of_a_bulk),
		world_test(
		    a_cache_without_magazines_finds_misuse_of_bulk_at_once),
		world_test(take_hands_out_what_bulk_would),
		world_test(take_and_give_stay_in_the_hart),
		world_test(what_is_taken_may_be_used_and_replaced),
		world_test(destroy_is_refused_while_a_magazine_is_out),
		world_test(a_taken_magazine_survives_tuning),
		world_test(take_is_refused_where_each_object_is_judged),
		world_test(what_was_not_taken_is_not_given),
		world_test(take_out_of_memory_gives_none_and_loses_nothing),
		world_test(prefilled_objects_come_without_growth),
		world_test(prefill_says_what_it_reached),
	};

	return cmocka_run_group_tests_name("kmem_bulk", tests, NULL, NULL);
}
