/* SPDX-License-Identifier: MIT */
/* What idles goes back, and magazines take the size that their load needs. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>

#include "mm/kmem_impl.h"

#define MANY 20000u

static void *objects[MANY];

/* n objects out at once and home again, on one hart. */
static void
burst(struct kmem_cache *cp, unsigned hart, size_t n)
{
	mm_host_attach(hart);
	for (size_t i = 0; i < n; i++) {
		objects[i] = kmem_cache_alloc(cp, 0);
		assert_non_null(objects[i]);
	}
	for (size_t i = 0; i < n; i++)
		kmem_cache_free(cp, objects[i]);
	mm_host_attach(0);
}

static unsigned
harts_rounds(struct kmem_cache *cp)
{
	unsigned sum = 0;

	for (unsigned h = 0; h < port_hart_count(); h++)
		sum += hart_rounds(cp, h);
	return sum;
}

static void
I3_2_idle_objects_are_bounded_within_three_intervals(void **state)
{
	static const size_t sizes[] = { 8, 64, 1000, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct kmem_cache *cp = cache_make("idle", sizes[i], NULL);
		size_t n = sizes[i] <= 64 ? MANY : 2000;
		struct kmem_stats st;
		uint64_t hiwater, bound;

		for (unsigned h = 0; h < 4; h++)
			burst(cp, h, n);
		/* From free slabs alone the depot gets nothing: once more. */
		burst(cp, 0, n);
		hiwater = stats_of(cp).hiwater;
		bound =
		    2 * port_hart_count() * info_of(cp).magazine + hiwater / 8;
		assert_true(stats_of(cp).objects_cached > bound);
		for (int interval = 0; interval < 3; interval++)
			kmem_tick();
		st = stats_of(cp);
		print_message("%zu bytes: high water %ju, cached %ju, bound "
			      "%ju\n",
		    sizes[i], (uintmax_t)hiwater, (uintmax_t)st.objects_cached,
		    (uintmax_t)bound);
		assert_true(st.objects_cached <= bound);
		assert_true(st.objects_idle <= st.idle_bound);
		assert_true(
		    st.objects_cached - harts_rounds(cp) <= hiwater / 8);
		cache_unmake(cp);
	}
}

static void
I3_2_what_is_needed_in_every_interval_stays(void **state)
{
	struct kmem_cache *cp = cache_make("busy", 64, NULL);

	(void)state;
	burst(cp, 0, 5000);
	for (int interval = 0; interval < 10; interval++) {
		uint64_t made;

		burst(cp, 0, 5000);
		made = stats_of(cp).grow;
		kmem_tick();
		burst(cp, 0, 5000);
		assert_int_equal(stats_of(cp).grow, made);
	}
	assert_true(stats_of(cp).objects_cached > 4500);
	cache_unmake(cp);
}

static void
I3_2_idle_empty_magazines_go_too(void **state)
{
	struct kmem_cache *cp = cache_make("empties", 64, NULL);

	(void)state;
	burst(cp, 0, 5000);
	burst(cp, 0, 5000);
	for (size_t i = 0; i < 5000; i++)
		objects[i] = kmem_cache_alloc(cp, 0);
	assert_true(cp->c_empty.ml_count > 40);
	for (int interval = 0; interval < 3; interval++)
		kmem_tick();
	assert_int_equal(cp->c_empty.ml_count, 0);
	for (size_t i = 0; i < 5000; i++)
		kmem_cache_free(cp, objects[i]);
	cache_unmake(cp);
}

/* What a window of visits does that all, or none, found the lock taken. */
static void
visits(struct kmem_cache *cp, unsigned n, bool waiting)
{
	unsigned long pin = port_pin();

	for (unsigned i = 0; i < n; i++) {
		struct magazine *mp;

		cp->c_waits += waiting;
		mp = depot_swap_empty(cp, NULL);
		if (mp != NULL)
			depot_put(cp, mp, false);
	}
	port_unpin(pin);
}

static void
D2_A14_magazines_grow_while_the_depot_is_contended(void **state)
{
	struct kmem_cache *cp = cache_make("grow", 512, NULL);
	unsigned start = info_of(cp).magazine;

	(void)state;
	assert_int_equal(start, 15);
	visits(cp, 1000, false);
	assert_int_equal(info_of(cp).magazine, start);
	visits(cp, 64, true);
	assert_int_equal(info_of(cp).magazine, 31);
	visits(cp, 64, true);
	assert_int_equal(info_of(cp).magazine, 61);
	visits(cp, 6400, true);
	assert_int_equal(info_of(cp).magazine, 61);
	assert_int_equal(stats_of(cp).mag_grow, 2);
	/* Large objects: never more than 64 KiB in one magazine. */
	assert_int_equal(mag_rounds_most(4096), 15);
	assert_int_equal(mag_rounds_most(128 << 10), 1);
	cache_unmake(cp);
}

static void
I3_2_idle_magazines_shrink_and_come_back(void **state)
{
	struct kmem_cache *cp = cache_make("shrink", 512, NULL);
	unsigned least = mag_rounds_least(512);

	(void)state;
	visits(cp, 128, true);
	assert_int_equal(info_of(cp).magazine, 61);
	for (int interval = 0; interval < 8; interval++)
		kmem_tick();
	assert_int_equal(info_of(cp).magazine, least);
	assert_int_equal(stats_of(cp).mag_shrink, 4);
	/* A load without contention brings back the size of creation. */
	visits(cp, 64 * 6, false);
	assert_int_equal(info_of(cp).magazine, 15);
	/* A size that was asked for is nobody else's to change. */
	assert_int_equal(
	    kmem_cache_tune(cp,
		&(struct kmem_tune){ .set_magazine = true, .magazine = 10 },
		NULL),
	    0);
	visits(cp, 640, true);
	for (int interval = 0; interval < 8; interval++)
		kmem_tick();
	assert_int_equal(info_of(cp).magazine, 10);
	cache_unmake(cp);
}

/* At any constant load the law comes to rest: see kmem_depot.c, 4. */
static void
I3_2_a_constant_load_does_not_make_sizes_oscillate(void **state)
{
	(void)state;
	for (unsigned rate = 1; rate <= 4096; rate += 1 + rate / 4) {
		struct kmem_cache *cp = cache_make("rate", 512, NULL);
		unsigned changes = 0, last = info_of(cp).magazine;

		/* `rate` rounds' worth of visits at the size in force. */
		for (int interval = 0; interval < 40; interval++) {
			unsigned size = info_of(cp).magazine;

			visits(cp, (rate * 61 + size - 1) / size, false);
			kmem_tick();
			if (interval >= 10)
				changes += info_of(cp).magazine != last;
			last = info_of(cp).magazine;
		}
		if (changes > 0)
			print_message("%u rounds an interval: %u changes\n",
			    rate * 61, changes);
		assert_int_equal(changes, 0);
		cache_unmake(cp);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(
		    I3_2_idle_objects_are_bounded_within_three_intervals),
		world_test(I3_2_what_is_needed_in_every_interval_stays),
		world_test(I3_2_idle_empty_magazines_go_too),
		world_test(D2_A14_magazines_grow_while_the_depot_is_contended),
		world_test(I3_2_idle_magazines_shrink_and_come_back),
		world_test(I3_2_a_constant_load_does_not_make_sizes_oscillate),
	};

	return cmocka_run_group_tests_name("kmem_idle", tests, NULL, NULL);
}
