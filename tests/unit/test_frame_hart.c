/* SPDX-License-Identifier: MIT */
/* The harts' caches of single frames: counts, reach, limits, mistakes. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

#include "mm/frame_slab.h"

#define TAG FRAME_TAG_USER

static struct frame_stats
stats(void)
{
	struct frame_stats st;

	frame_get_stats(&st);
	return st;
}

static void *
take(unsigned flags)
{
	return frame_alloc(1, 1, flags, TAG);
}

static void
I3_4_bursts_take_the_zone_lock_in_less_than_2_percent(void **state)
{
	static void *run[5000];
	static const size_t bursts[] = { 1, 32, 100, ARRAY_COUNT(run) };

	(void)state;
	(void)frame_flush_all();
	for (size_t b = 0; b < ARRAY_COUNT(bursts); b++) {
		size_t calls = 0;
		uint64_t locks;

		/* The first frames of a hart come in small portions. */
		for (size_t warm = 0; warm < 1000; warm++)
			run[warm] = take(0);
		for (size_t warm = 0; warm < 1000; warm++)
			frame_free(run[warm], 1);
		locks = stats().locks;
		while (calls < 10000) {
			for (size_t i = 0; i < bursts[b]; i++) {
				run[i] = take(0);
				assert_non_null(run[i]);
			}
			for (size_t i = 0; i < bursts[b]; i++)
				frame_free(run[i], 1);
			calls += 2 * bursts[b];
		}
		locks = stats().locks - locks;
		print_message("bursts of %4zu: %zu calls, %ju locks\n",
		    bursts[b], calls, (uintmax_t)locks);
		assert_true(locks * 50 < calls);
		assert_int_equal(frame_verify(), 0);
	}
}

static void
cached_frames_are_free_and_nobodys(void **state)
{
	void *run[200];
	size_t before = frame_free_count();
	uintptr_t owner = 1;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(run); i++) {
		run[i] = take(0);
		frame_set_owner(run[i], 1, i % 2 != 0 ? 0x1001 : 0x1000);
		assert_int_equal(frame_lookup((uintptr_t)run[i], &owner), TAG);
		assert_int_equal(owner, i % 2 != 0 ? 0x1001 : 0x1000);
	}
	assert_int_equal(frame_free_count(), before - ARRAY_COUNT(run));
	assert_int_equal(stats().used_by[TAG], ARRAY_COUNT(run));
	for (size_t i = 0; i < ARRAY_COUNT(run); i++)
		frame_free(run[i], 1);
	assert_int_equal(frame_free_count(), before);
	assert_int_equal(stats().free, before);
	assert_int_equal(stats().used_by[TAG], 0);
	assert_in_range(stats().cached, ARRAY_COUNT(run), 2000);
	for (size_t i = 0; i < ARRAY_COUNT(run); i++) {
		assert_int_equal(
		    frame_lookup((uintptr_t)run[i], &owner), FRAME_TAG_FREE);
		assert_int_equal(owner, 0);
		assert_int_equal(frame_slab((uintptr_t)run[i]), 0);
		assert_int_equal(frame_run_base((uintptr_t)run[i], &n), 0);
	}
	assert_int_equal(frame_verify(), 0);
	n = stats().cached;
	assert_int_equal(frame_flush_own(), n);
	assert_int_equal(stats().cached, 0);
	assert_int_equal(frame_free_count(), before);
	assert_int_equal(frame_verify(), 0);
}

static void
a_slab_is_found_by_one_word(void **state)
{
	unsigned char *run = frame_alloc(3, 1, 0, FRAME_TAG_SLAB);
	const struct frame_span *span = frame_span_of((uintptr_t)run);
	uint64_t outside;
	uintptr_t owner;

	(void)state;
	assert_non_null(span);
	assert_null(frame_span_of((uintptr_t)&outside));
	assert_int_equal(frame_span_slab(span, (uintptr_t)&outside), 0);
	assert_int_equal(frame_span_slab(span, 0), 0);
	assert_int_equal(frame_span_slab(span, UINTPTR_MAX), 0);
	assert_int_equal(frame_span_slab(span, (uintptr_t)run), 0);
	/* Never used so far: its record is not looked at. */
	assert_int_equal(
	    frame_span_slab(span, (uintptr_t)span->base + span->bytes), 0);
	frame_set_slab(run, 3, 0xabc0);
	for (size_t i = 0; i < 3 * FRAME_SIZE; i += 512) {
		assert_int_equal(
		    frame_span_slab(span, (uintptr_t)run + i), 0xabc0);
		assert_int_equal(frame_slab((uintptr_t)run + i), 0xabc0);
	}
	assert_int_equal(frame_lookup((uintptr_t)run, &owner), FRAME_TAG_SLAB);
	assert_int_equal(owner, 0xabc0);
	/* An embedder's odd word is not taken for one. */
	frame_set_owner(run, 3, 0xabc1);
	assert_int_equal(frame_slab((uintptr_t)run), 0);
	assert_int_equal(
	    frame_lookup((uintptr_t)run + FRAME_SIZE, &owner), FRAME_TAG_SLAB);
	assert_int_equal(owner, 0xabc1);
	frame_free(run, 3);
	assert_int_equal(frame_slab((uintptr_t)run), 0);
}

static void
I3_4_no_memory_is_hidden_from_other_harts(void **state)
{
	size_t all = frame_free_count(), n = 0, left;
	void **run = calloc(all + 1, sizeof(*run));

	(void)state;
	assert_non_null(run);
	/* Every other hart has frames in its magazine, chain, and put aside. */
	for (unsigned h = 1; h < 4; h++) {
		mm_host_attach(h);
		for (size_t i = 0; i < 300; i++)
			run[i] = take(0);
		for (size_t i = 0; i < 300; i++)
			frame_free(run[i], 1);
		mm_host_attach(0);
	}
	assert_int_equal(frame_free_count(), all);
	frame_set_reclaim(NULL);
	while ((run[n] = take(FRAME_NOWAIT)) != NULL)
		n++;
	/* Without waiting, what others have at hand is out of reach … */
	left = frame_free_count();
	assert_int_equal(n + left, all);
	assert_in_range(left, 1, 3 * 2 * 56);
	/* … and not else. */
	while ((run[n] = take(0)) != NULL)
		n++;
	assert_int_equal(n, all);
	assert_int_equal(frame_free_count(), 0);
	while (n != 0)
		frame_free(run[--n], 1);
	free(run);
	assert_int_equal(frame_verify(), 0);
}

static void
long_runs_are_put_together_from_caches(void **state)
{
	struct frame_zone_stats zone;
	size_t largest, n = 0;
	static void *run[2000];

	(void)state;
	(void)frame_flush_all();
	assert_true(frame_get_zone_stats(0, &zone));
	largest = zone.largest;
	for (; n < ARRAY_COUNT(run); n++)
		run[n] = take(0);
	/* Every third, so that the chains are all over the place. */
	for (size_t first = 0; first < 3; first++)
		for (size_t i = first; i < n; i += 3)
			frame_free(run[i], 1);
	assert_true(frame_get_zone_stats(0, &zone));
	assert_true(zone.largest < largest);
	run[0] = frame_alloc(largest, 1, FRAME_NOWAIT, TAG);
	assert_non_null(run[0]);
	assert_int_equal(frame_verify(), 0);
	frame_free(run[0], largest);
}

static void
requests_are_counted_once_cached_or_not(void **state)
{
	void *run[101];
	size_t n;

	(void)state;
	for (int64_t fail = 0; fail <= 100; fail += 25) {
		frame_set_fail_after(fail);
		for (n = 0; n < ARRAY_COUNT(run); n++) {
			run[n] =
			    n % 5 == 0 ? frame_alloc(2, 1, 0, TAG) : take(0);
			if (run[n] == NULL)
				break;
		}
		frame_set_fail_after(-1);
		assert_int_equal(n, fail);
		while (n-- != 0)
			frame_free(run[n], n % 5 == 0 ? 2 : 1);
	}
}

static void
low_frames_are_not_hidden_in_caches(void **state)
{
	unsigned char *low, *high;
	struct frame_zone_stats st;
	void *run[100];

	(void)state;
	low = host_map(8192 * FRAME_SIZE, 0);
	high = host_map(8192 * FRAME_SIZE, 0);
	assert_non_null(low);
	assert_non_null(high);
	assert_int_equal(frame_zone_add("low", low, 8192, FRAME_LOW), 0);
	assert_int_equal(frame_zone_add("high", high, 8192, 0), 0);
	assert_int_equal(kmem_init(), 0);
	for (size_t i = 0; i < ARRAY_COUNT(run); i++) {
		run[i] = frame_alloc(1, 1, FRAME_LOW, TAG);
		assert_true((unsigned char *)run[i] >= low &&
		    (unsigned char *)run[i] < low + 8192 * FRAME_SIZE);
	}
	for (size_t i = 0; i < ARRAY_COUNT(run); i++)
		frame_free(run[i], 1);
	assert_true(frame_get_zone_stats(0, &st));
	assert_int_equal(st.largest, st.total);
	run[0] = take(0);
	assert_true((unsigned char *)run[0] >= high &&
	    (unsigned char *)run[0] < high + 8192 * FRAME_SIZE);
	frame_free(run[0], 1);
	assert_int_equal(frame_verify(), 0);
}

/* --- mistakes --- */

static unsigned char *victim;

static void
free_victim(void *arg)
{
	frame_free(victim, *(size_t *)arg);
}

static void
free_inside(void *arg)
{
	(void)arg;
	frame_free(victim + FRAME_SIZE, 1);
}

static void
free_odd(void *arg)
{
	(void)arg;
	frame_free(victim + 256, 1);
}

static void
must_panic(void (*fn)(void *), size_t frames, const char *word)
{
	const char *what = NULL;

	assert_true(host_panics(fn, &frames, &what));
	assert_non_null(what);
	if (strstr(what, word) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", what, word);
}

static void
freeing_twice_is_a_panic(void **state)
{
	(void)state;
	victim = take(0);
	frame_free(victim, 1);
	must_panic(free_victim, 1, "a frame that is freed is in use");
	world_abandon();
}

static void
freeing_twice_after_a_flush_is_a_panic(void **state)
{
	(void)state;
	victim = take(0);
	frame_free(victim, 1);
	(void)frame_flush_own();
	must_panic(free_victim, 1, "a frame that is freed is in use");
	world_abandon();
}

static void
freeing_one_frame_of_a_run_is_a_panic(void **state)
{
	(void)state;
	victim = frame_alloc(4, 1, 0, TAG);
	must_panic(free_victim, 1, "a run of one");
	must_panic(free_inside, 0, "a run of one");
	must_panic(free_odd, 0, "off % FRAME_SIZE == 0");
	/* Nothing of it has been changed. */
	assert_int_equal(frame_lookup((uintptr_t)victim, NULL), TAG);
	assert_int_equal(frame_verify(), 0);
	world_abandon();
}

static void
the_wrong_length_of_one_frame_is_a_panic(void **state)
{
	(void)state;
	victim = take(0);
	must_panic(free_victim, 2, "f_run == frames");
	world_abandon();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(
		    I3_4_bursts_take_the_zone_lock_in_less_than_2_percent),
		world_test(cached_frames_are_free_and_nobodys),
		world_test(a_slab_is_found_by_one_word),
		world_test(I3_4_no_memory_is_hidden_from_other_harts),
		world_test(long_runs_are_put_together_from_caches),
		world_test(requests_are_counted_once_cached_or_not),
		cmocka_unit_test_setup_teardown(
		    low_frames_are_not_hidden_in_caches, bare_setup,
		    bare_teardown),
		world_test(freeing_twice_is_a_panic),
		world_test(freeing_twice_after_a_flush_is_a_panic),
		world_test(freeing_one_frame_of_a_run_is_a_panic),
		world_test(the_wrong_length_of_one_frame_is_a_panic),
	};

	return cmocka_run_group_tests_name("frame_hart", tests, NULL, NULL);
}
