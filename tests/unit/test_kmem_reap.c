/* SPDX-License-Identifier: MIT */
/* Reclaim: three strengths, exact frames, targets, other harts' magazines. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

static unsigned
rounds_of(struct kmem_cache *cp, unsigned hart)
{
	struct kmem_hart_stats hs;

	assert_true(kmem_cache_hart_stats(cp, hart, &hs));
	return hs.rounds;
}

/* A reap whose figure must be what the zones gained. */
static struct kmem_reaped
exact_reap(enum kmem_level level, size_t target)
{
	size_t before = frame_free_count();
	struct kmem_reaped r = kmem_reap(level, target);

	assert_int_equal(r.frames, frame_free_count() - before);
	return r;
}

static size_t
exact_shrink(struct kmem_cache *cp)
{
	size_t before = frame_free_count();
	size_t frames = kmem_cache_shrink(cp);

	assert_int_equal(frames, frame_free_count() - before);
	return frames;
}

static void
B16_G10_all_empties_every_hart(void **state)
{
	struct kmem_cache *cp = cache_make("all", 64, NULL);
	struct kmem_reaped r;
	uint64_t cached;

	(void)state;
	for (unsigned h = 0; h < 4; h++)
		churn(cp, h, 500 * (h + 1));
	cached = stats_of(cp).objects_cached;
	assert_true(rounds_of(cp, 3) > 0);
	assert_true(cached > 100);
	r = exact_reap(KMEM_REAP_ALL, 0);
	assert_true(r.objects >= cached);
	assert_true(r.frames > 0);
	assert_int_equal(stats_of(cp).objects_cached, 0);
	assert_int_equal(stats_of(cp).slabs_empty, 0);
	assert_int_equal(stats_of(cp).frames, 0);
	for (unsigned h = 0; h < 4; h++)
		assert_int_equal(rounds_of(cp, h), 0);
	/* A second one finds nothing. */
	r = exact_reap(KMEM_REAP_ALL, 0);
	assert_int_equal(r.frames, 0);
	assert_int_equal(r.objects, 0);
	cache_unmake(cp);
}

static void
depot_leaves_the_harts_alone(void **state)
{
	struct kmem_cache *cp = cache_make("depot", 64, NULL);
	unsigned rounds[4], sum = 0;
	struct kmem_reaped r;

	(void)state;
	for (unsigned h = 0; h < 4; h++)
		churn(cp, h, 2000);
	for (unsigned h = 0; h < 4; h++) {
		rounds[h] = rounds_of(cp, h);
		sum += rounds[h];
	}
	assert_true(stats_of(cp).objects_cached > sum);
	r = exact_reap(KMEM_REAP_DEPOT, 0);
	assert_true(r.frames > 0);
	for (unsigned h = 0; h < 4; h++)
		assert_int_equal(rounds_of(cp, h), rounds[h]);
	assert_int_equal(stats_of(cp).objects_cached, sum);
	assert_int_equal(stats_of(cp).slabs_empty, 0);
	r = exact_reap(KMEM_REAP_DEPOT, 0);
	assert_int_equal(r.frames, 0);
	assert_int_equal(r.objects, 0);
	cache_unmake(cp);
}

/* D3, T6: what the last interval needed stays. */
static void
D3_A17_A19_T6_trim_takes_only_what_was_not_needed(void **state)
{
	struct kmem_options opt = { .magazine = 10 };
	struct kmem_cache *cp = cache_make("trim", 64, &opt);
	void *obj[1000];
	uint64_t cached;

	(void)state;
	churn(cp, 0, 1000);
	kmem_tick();
	kmem_tick();
	/* This interval needs 600 objects: some 60 magazines pass through. */
	for (size_t i = 0; i < 600; i++)
		obj[i] = kmem_cache_alloc(cp, 0);
	for (size_t i = 0; i < 600; i++)
		kmem_cache_free(cp, obj[i]);
	kmem_tick();
	cached = stats_of(cp).objects_cached;
	/* Some 400 idled; the tick leaves an eighth of the 1,000. */
	assert_in_range(cached, 600 + 100, 600 + 125 + 30);
	(void)exact_reap(KMEM_REAP_TRIM, 0);
	/* At least the working set is left, and the rest is mostly gone. */
	assert_in_range(stats_of(cp).objects_cached, 580, 680);
	(void)exact_reap(KMEM_REAP_TRIM, 0);
	assert_in_range(stats_of(cp).objects_cached, 580, 680);
	/* Idle intervals: no longer needed. The hart keeps its own two. */
	kmem_tick();
	kmem_tick();
	(void)exact_reap(KMEM_REAP_TRIM, 0);
	assert_true(stats_of(cp).objects_cached <= 20);
	assert_int_equal(stats_of(cp).slabs_empty, 0);
	cache_unmake(cp);
}

static void
trim_right_after_use_takes_no_magazine(void **state)
{
	struct kmem_options opt = { .magazine = 10 };
	struct kmem_cache *cp = cache_make("fresh", 64, &opt);
	uint64_t cached;

	(void)state;
	churn(cp, 0, 1000);
	cached = stats_of(cp).objects_cached;
	(void)exact_reap(KMEM_REAP_TRIM, 0);
	assert_int_equal(stats_of(cp).objects_cached, cached);
	cache_unmake(cp);
}

/* T5: HelenOS returned 516 for 520 frames. Sizes with every descriptor kind. */
static void
A19_T5_frames_are_exact_for_every_kind_of_cache(void **state)
{
	static const size_t sizes[] = { 8, 40, 64, 100, 256, 1000, 4096, 5000,
		20000, 70000, KMEM_SIZE_MAX };
	static const unsigned flags[] = { 0, KMEM_NOMAGAZINE, KMEM_COUNT,
		KMEM_NOCOLOUR };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		for (size_t f = 0; f < ARRAY_COUNT(flags) * 2; f++) {
			struct kmem_options opt = {
				.flags = flags[f / 2],
				.protect =
				    f % 2 != 0 ? KMEM_CHECKED : KMEM_FAST,
			};
			struct kmem_cache *cp =
			    cache_make("exact", sizes[s], &opt);
			size_t n = 100000 / sizes[s] + 70;

			churn(cp, 0, n);
			churn(cp, 1, n);
			(void)exact_reap(KMEM_REAP_TRIM, 0);
			(void)exact_reap(KMEM_REAP_DEPOT, 0);
			churn(cp, 2, n);
			(void)exact_shrink(cp);
			churn(cp, 3, n);
			(void)exact_reap(KMEM_REAP_ALL, 0);
			assert_int_equal(stats_of(cp).frames, 0);
			cache_unmake(cp);
			(void)exact_reap(KMEM_REAP_ALL, 0);
			assert_int_equal(frame_free_count(), world_frames());
		}
	}
}

static void
A19_T7_a_met_target_ends_the_reap(void **state)
{
	struct kmem_cache *cp[8];
	size_t empty, total;
	struct kmem_reaped r;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++) {
		char name[] = { 't', (char)('0' + i), '\0' };
		struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };

		cp[i] = cache_make(name, 64, &opt);
		churn(cp[i], 0, 5000);
	}
	empty = frame_free_count();
	r = exact_reap(KMEM_REAP_ALL, 1);
	assert_in_range(r.frames, 1, 40);
	/* Everything else is still there. */
	total = r.frames;
	r = exact_reap(KMEM_REAP_TRIM, 3);
	assert_in_range(r.frames, 0, 43);
	total += r.frames;
	r = exact_reap(KMEM_REAP_ALL, 0);
	assert_int_equal(frame_free_count(), empty + total + r.frames);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		cache_unmake(cp[i]);
}

/*
 * T6: HelenOS dropped 2,556 cached objects to gain one frame. With slabs that
 * other objects pin there is nothing to gain: TRIM gives up no magazine that
 * is in use, and a target of one frame does not empty all caches.
 */
static void
A19_T6_little_is_dropped_for_one_frame(void **state)
{
	struct kmem_cache *cp[6];
	uint64_t cached = 0, left = 0;
	struct kmem_reaped r;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++) {
		char name[] = { 'l', (char)('0' + i), '\0' };
		struct kmem_options opt = { .magazine = 16 };

		cp[i] = cache_make(name, 1000, &opt);
		churn(cp[i], 0, 600);
		cached += stats_of(cp[i]).objects_cached;
	}
	kmem_tick();
	kmem_tick();
	r = exact_reap(KMEM_REAP_DEPOT, 1);
	assert_true(r.frames >= 1);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		left += stats_of(cp[i]).objects_cached;
	assert_int_equal(cached - left, r.objects);
	/* A slab of these is 20 objects: a few magazines, not a depot. */
	assert_true(r.objects <= 10u * 16u);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		cache_unmake(cp[i]);
}

static void
B7_noreap_caches_are_left_alone(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOREAP };
	struct kmem_cache *cp = cache_make("mine", 64, &opt);
	uint64_t cached;

	(void)state;
	churn(cp, 0, 1000);
	churn(cp, 1, 1000);
	cached = stats_of(cp).objects_cached;
	(void)exact_reap(KMEM_REAP_DEPOT, 0);
	(void)exact_reap(KMEM_REAP_ALL, 0);
	assert_int_equal(stats_of(cp).objects_cached, cached);
	assert_true(kmem_cache_shrink(cp) > 0);
	assert_int_equal(stats_of(cp).frames, 0);
	cache_unmake(cp);
}

static void
reap_all(void *arg)
{
	*(struct kmem_reaped *)arg = kmem_reap(KMEM_REAP_ALL, 0);
}

static void
all_from_an_interrupt_is_depot(void **state)
{
	struct kmem_cache *cp = cache_make("irq", 64, NULL);
	struct kmem_reaped r = { 0, 0 };
	size_t before;
	unsigned rounds;

	(void)state;
	churn(cp, 0, 1000);
	churn(cp, 1, 1000);
	rounds = rounds_of(cp, 1);
	before = frame_free_count();
	assert_true(port_hart_call(0, reap_all, &r));
	assert_int_equal(r.frames, frame_free_count() - before);
	assert_true(r.frames > 0);
	assert_int_equal(rounds_of(cp, 1), rounds);
	host_clear_reports();
	cache_unmake(cp);
}

static struct {
	struct kmem_cache *cp;
	void *obj[500];
	size_t n;
	unsigned calls;
} owner;

static void
owner_gives(void *arg)
{
	assert_ptr_equal(arg, &owner);
	owner.calls++;
	assert_int_equal(host_pins(), 0);
	assert_false(port_in_interrupt());
	while (owner.n != 0)
		kmem_cache_free(owner.cp, owner.obj[--owner.n]);
	/* No lock of the cache is held: this would hang. */
	assert_int_equal(kmem_verify(owner.cp, NULL, 0), 0);
}

static void
the_owner_is_asked_first(void **state)
{
	struct kmem_options opt = { .reclaim = owner_gives, .arg = &owner };

	(void)state;
	memset(&owner, 0, sizeof(owner));
	owner.cp = cache_make("own", 1000, &opt);
	owner.n = ARRAY_COUNT(owner.obj);
	assert_true(kmem_cache_alloc_bulk(owner.cp, 0, owner.n, owner.obj));
	(void)exact_reap(KMEM_REAP_ALL, 0);
	assert_in_range(owner.calls, 1, 3);
	assert_int_equal(owner.n, 0);
	assert_int_equal(stats_of(owner.cp).frames, 0);
	cache_unmake(owner.cp);
}

/* A8: what other harts have cached is given back when the zone runs dry. */
static void
A8_a_dry_zone_reclaims_from_every_hart(void **state)
{
	struct kmem_cache *cp = cache_make("dry", 512, NULL);
	size_t free_before = frame_free_count();
	struct frame_zone_stats zone;
	struct frame_stats fs;
	void *run;

	(void)state;
	for (unsigned h = 1; h < 4; h++)
		churn(cp, h, 30000);
	assert_true(frame_get_zone_stats(0, &zone));
	assert_true(zone.largest + 500 < free_before);
	run = frame_alloc(free_before - 40, 1, 0, FRAME_TAG_USER);
	assert_non_null(run);
	frame_get_stats(&fs);
	assert_true(fs.reclaims >= 1);
	frame_free(run, free_before - 40);
	cache_unmake(cp);
}

static void
a_deaf_hart_costs_its_rounds_only(void **state)
{
	struct kmem_cache *cp = cache_make("deaf", 64, NULL);
	unsigned rounds;

	(void)state;
	for (unsigned h = 0; h < 4; h++)
		churn(cp, h, 500);
	rounds = rounds_of(cp, 2);
	assert_true(rounds > 0);
	host_set_deaf(2, true);
	(void)exact_reap(KMEM_REAP_ALL, 0);
	assert_int_equal(stats_of(cp).objects_cached, rounds);
	assert_int_equal(rounds_of(cp, 2), rounds);
	assert_int_equal(rounds_of(cp, 3), 0);
	assert_int_equal(kmem_verify(cp, NULL, 0), 0);
	/* With rounds it cannot get, a cache is not destroyed. */
	assert_int_equal(kmem_cache_destroy(cp), -KMEM_EBUSY);
	host_clear_reports();
	host_set_deaf(2, false);
	(void)exact_reap(KMEM_REAP_ALL, 0);
	assert_int_equal(stats_of(cp).frames, 0);
	cache_unmake(cp);
}

static void
reap_is_counted(void **state)
{
	struct kmem_cache *cp = cache_make("cnt", 64, NULL);
	struct kmem_reap_stats a, b;
	struct kmem_reaped r;

	(void)state;
	kmem_get_reap_stats(&a);
	churn(cp, 1, 100);
	churn(cp, 2, 100);
	(void)exact_reap(KMEM_REAP_TRIM, 0);
	(void)exact_reap(KMEM_REAP_DEPOT, 0);
	r = exact_reap(KMEM_REAP_ALL, 0);
	kmem_get_reap_stats(&b);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(b.reaps[i] - a.reaps[i], 1);
	assert_true(b.drains - a.drains >= 2);
	assert_int_equal(b.drained_running - a.drained_running, 1);
	assert_in_range(b.drained_rounds - a.drained_rounds, 2, r.objects);
	assert_true(b.frames - a.frames >= r.frames);
	cache_unmake(cp);
}

static void
A4_B5_empty_slabs_are_kept_within_bounds(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	struct kmem_cache *cp = cache_make("keep", 256, &opt);
	struct kmem_stats st;

	(void)state;
	churn(cp, 0, 20000);
	st = stats_of(cp);
	assert_int_equal(st.slabs_full + st.slabs_partial, 0);
	/* At most an eighth of what there was at the peak, and one. */
	assert_true(st.slabs_empty <= st.grow / 8 + 1);
	/* To and fro at a slab's edge does not build and destroy slabs. */
	for (unsigned i = 0; i < 200; i++)
		kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
	st = stats_of(cp);
	for (unsigned i = 0; i < 100; i++)
		kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
	assert_int_equal(stats_of(cp).grow, st.grow);
	assert_int_equal(stats_of(cp).shrink, st.shrink);
	cache_unmake(cp);
}

/* G9: 2.4's shrink did not drain the CPUs' arrays. */
static void
B6_B16_G9_shrink_gives_all_of_one_cache_only(void **state)
{
	struct kmem_cache *cp = cache_make("one", 64, NULL);
	struct kmem_cache *other = cache_make("other", 64, NULL);
	uint64_t cached;
	void *obj;

	(void)state;
	for (unsigned h = 0; h < 4; h++) {
		churn(cp, h, 1000);
		churn(other, h, 1000);
	}
	obj = kmem_cache_alloc(cp, 0);
	cached = stats_of(other).objects_cached;
	assert_true(exact_shrink(cp) > 0);
	assert_int_equal(stats_of(cp).objects_cached, 0);
	assert_int_equal(stats_of(cp).slabs_empty, 0);
	assert_int_equal(stats_of(cp).slabs_partial, 1);
	assert_int_equal(stats_of(other).objects_cached, cached);
	kmem_cache_free(cp, obj);
	cache_unmake(cp);
	cache_unmake(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(B16_G10_all_empties_every_hart),
		world_test(depot_leaves_the_harts_alone),
		world_test(D3_A17_A19_T6_trim_takes_only_what_was_not_needed),
		world_test(trim_right_after_use_takes_no_magazine),
		world_test(A19_T5_frames_are_exact_for_every_kind_of_cache),
		world_test(A19_T7_a_met_target_ends_the_reap),
		world_test(A19_T6_little_is_dropped_for_one_frame),
		world_test(B7_noreap_caches_are_left_alone),
		world_test(all_from_an_interrupt_is_depot),
		world_test(the_owner_is_asked_first),
		world_test(A8_a_dry_zone_reclaims_from_every_hart),
		world_test(a_deaf_hart_costs_its_rounds_only),
		world_test(reap_is_counted),
		world_test(A4_B5_empty_slabs_are_kept_within_bounds),
		world_test(B6_B16_G9_shrink_gives_all_of_one_cache_only),
	};

	return cmocka_run_group_tests_name("kmem_reap", tests, NULL, NULL);
}
