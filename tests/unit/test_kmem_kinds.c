/* SPDX-License-Identifier: MIT */
/* Kinds of caches, their destruction, walking, tuning, and looking at them. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

/* --- kinds of cache --- */

static void
A6_no_magazine_caches_cache_nothing(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	struct kmem_cache *cp = cache_make("nomag", 64, &opt);
	void *obj[200];

	(void)state;
	assert_int_equal(info_of(cp).magazine, 0);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		obj[i] = kmem_cache_alloc(cp, 0);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		kmem_cache_free(cp, obj[i]);
		assert_int_equal(stats_of(cp).objects_cached, 0);
		assert_int_equal(
		    stats_of(cp).objects_inuse, ARRAY_COUNT(obj) - 1 - i);
	}
	cache_unmake(cp);
}

static void
caches_beyond_the_slots_work_without_magazines(void **state)
{
	struct kmem_cache *cp[40];
	unsigned with = 0;

	(void)state;
	world_teardown(state);
	world_start((size_t)64 << 20, 2, 72);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++) {
		char name[] = { 'c', (char)('0' + i / 10), (char)('0' + i % 10),
			'\0' };
		void *obj;

		cp[i] = cache_make(name, 64, NULL);
		with += info_of(cp[i]).magazine != 0;
		obj = kmem_cache_alloc(cp[i], 0);
		assert_non_null(obj);
		kmem_cache_free(cp[i], obj);
	}
	assert_in_range(with, 1, ARRAY_COUNT(cp) - 1);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		cache_unmake(cp[i]);
	/* The slots come back. */
	for (size_t i = 0; i < 5 * ARRAY_COUNT(cp); i++) {
		cp[0] = cache_make("again", 64, NULL);
		assert_true(info_of(cp[0]).magazine != 0);
		cache_unmake(cp[0]);
	}
}

static void
low_caches_take_low_frames(void **state)
{
	const size_t frames = 512;
	unsigned char *high, *low, *p;
	struct kmem_options opt = { .flags = KMEM_LOW };
	struct kmem_cache *cp;
	void *obj[64];

	(void)state;
	high = host_map(frames * FRAME_SIZE, 0);
	low = host_map(frames * FRAME_SIZE, 0);
	assert_int_equal(frame_zone_add("high", high, frames, 0), 0);
	assert_int_equal(frame_zone_add("low", low, frames, FRAME_LOW), 0);
	assert_int_equal(kmem_init(), 0);
	cp = cache_make("low", 1000, &opt);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		p = obj[i] = kmem_cache_alloc(cp, 0);
		assert_true(p >= low && p < low + frames * FRAME_SIZE);
	}
	kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
	cache_unmake(cp);
	cp = cache_make("any", 1000, NULL);
	p = kmem_cache_alloc(cp, 0);
	assert_true(p >= high && p < high + frames * FRAME_SIZE);
	kmem_cache_free(cp, p);
	cache_unmake(cp);
}

static void
single_owner_caches_go_with_their_objects(void **state)
{
	static const size_t sizes[] = { 8, 40, 100, 512, 3000, 70000 };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_options opt = {
			.flags = KMEM_SINGLE_OWNER,
			.frame_tag = FRAME_TAG_USER + 1,
		};
		struct kmem_cache *cp = cache_make("state", sizes[s], &opt);
		void *kept = NULL;

		assert_int_equal(info_of(cp).magazine, 0);
		for (unsigned i = 0; i < 100; i++) {
			void *obj = kmem_cache_alloc(cp, 0);

			assert_non_null(obj);
			if (i % 3 == 0)
				kmem_cache_free(cp, obj);
			else
				kept = obj;
		}
		assert_int_equal(
		    frame_lookup((uintptr_t)kept, NULL), FRAME_TAG_USER + 1);
		cache_unmake(cp);
		/* Not a frame of it is left. */
		assert_int_equal(
		    frame_lookup((uintptr_t)kept, NULL), FRAME_TAG_FREE);
	}
}

static void
A19_T13_one_object_per_slab(void **state)
{
	static const size_t sizes[] = { 4096, 40000, 70000, KMEM_SIZE_MAX };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_options opt = {
			.flags = KMEM_NOMAGAZINE | KMEM_NOCOLOUR,
			.align = KMEM_ALIGN_MAX,
		};
		struct kmem_cache *cp = cache_make("one", sizes[s], &opt);
		void *obj[3];

		for (unsigned round = 0; round < 10; round++) {
			for (size_t i = 0; i < 3; i++) {
				obj[i] = kmem_cache_alloc(cp, 0);
				assert_non_null(obj[i]);
			}
			assert_int_equal(kmem_verify(cp, NULL, 0), 0);
			for (size_t i = 0; i < 3; i++) {
				kmem_cache_free(cp, obj[i]);
				assert_int_equal(kmem_verify(cp, NULL, 0), 0);
			}
		}
		cache_unmake(cp);
	}
}

/* --- destruction, holds, walking --- */

static void
B14_A19_T25_destroy_refuses_a_busy_cache(void **state)
{
	struct kmem_cache *cp = cache_make("busy", 64, NULL);
	void *obj[70];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
	kmem_cache_free(cp, obj[69]);
	assert_int_equal(kmem_cache_destroy(cp), -KMEM_EBUSY);
	host_clear_reports();
	assert_int_equal(stats_of(cp).objects_inuse, 69);
	/* It stays usable and visible (G12). */
	obj[69] = kmem_cache_alloc(cp, 0);
	assert_non_null(obj[69]);
	assert_ptr_equal(kmem_cache_find("busy"), cp);
	kmem_cache_release(cp);
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
	cache_unmake(cp);
}

static void
B10_destroy_drains_all_harts(void **state)
{
	struct kmem_cache *cp = cache_make("drain", 64, NULL);

	(void)state;
	for (unsigned h = 0; h < 4; h++) {
		void *obj[100];

		mm_host_attach(h);
		assert_true(
		    kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(cp, obj[i]);
	}
	assert_true(stats_of(cp).objects_cached > 0);
	cache_unmake(cp);
}

/* A hold keeps the descriptor, not the cache. */
static void
a_held_cache_can_be_destroyed(void **state)
{
	struct kmem_cache *cp = cache_make("held", 64, NULL), *young;
	struct kmem_cache *again = kmem_cache_find("held"), *at = NULL;
	void *obj;

	(void)state;
	assert_ptr_equal(again, cp);
	kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
	cache_unmake(cp);
	assert_null(kmem_cache_find("held"));
	while ((at = kmem_cache_next(at)) != NULL)
		assert_ptr_not_equal(at, again);
	young = cache_make("held", 128, NULL);
	assert_ptr_not_equal(young, again);
	obj = kmem_cache_alloc(young, 0);
	/* What is left of the old one can still be looked at. */
	assert_string_equal(info_of(again).name, "held");
	assert_int_equal(stats_of(again).objects_total, 0);
	assert_int_not_equal(
	    info_of(again).generation, info_of(young).generation);
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	kmem_cache_release(again);
	kmem_cache_free(young, obj);
	cache_unmake(young);
}

static void
walking_sees_every_cache_once(void **state)
{
	struct kmem_cache *cp[20], *at = NULL;
	unsigned seen[20] = { 0 }, others = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++) {
		char name[] = { 'w', (char)('a' + i), '\0' };

		cp[i] = cache_make(name, 8 * (i + 1), NULL);
	}
	while ((at = kmem_cache_next(at)) != NULL) {
		others++;
		for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
			seen[i] += at == cp[i];
		assert_true(others < 500);
	}
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		assert_int_equal(seen[i], 1);
	/* Stopping early leaves no hold behind. */
	at = kmem_cache_next(NULL);
	kmem_cache_release(at);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		cache_unmake(cp[i]);
}

static struct kmem_cache *context_cache;

static void
from_interrupt(void *arg)
{
	struct kmem_cache *cp = NULL;
	struct kmem_tune t = { .set_count = true };

	(void)arg;
	assert_int_equal(
	    kmem_cache_create(&cp, "irq", 8, NULL, NULL), -KMEM_ECONTEXT);
	expect_report(MM_CONTEXT, NULL, NULL);
	assert_int_equal(
	    kmem_cache_tune(context_cache, &t, NULL), -KMEM_ECONTEXT);
	host_clear_reports();
	assert_int_equal(kmem_cache_destroy(context_cache), -KMEM_ECONTEXT);
	host_clear_reports();
	assert_int_equal(kmem_cache_shrink(context_cache), 0);
	assert_non_null(host_last_report());
	assert_int_equal(host_last_report()->kind, MM_CONTEXT);
	host_clear_reports();
}

static void
alloc_from_interrupt(void *arg)
{
	void *obj[200], *p;

	(void)arg;
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		obj[i] = kmem_cache_alloc(context_cache, 0);
		assert_non_null(obj[i]);
	}
	kmem_cache_free_bulk(context_cache, ARRAY_COUNT(obj), obj);
	assert_true(
	    kmem_cache_alloc_bulk(context_cache, 0, ARRAY_COUNT(obj), obj));
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		kmem_cache_free(context_cache, obj[i]);
	p = kmalloc(100, 0);
	assert_non_null(p);
	kfree(p);
}

static void
C3_A12_what_an_interrupt_may_and_may_not(void **state)
{
	(void)state;
	context_cache = cache_make("ctx", 64, NULL);
	assert_true(port_hart_call(0, from_interrupt, NULL));
	assert_true(port_hart_call(0, alloc_from_interrupt, NULL));
	assert_true(port_hart_call(2, alloc_from_interrupt, NULL));
	assert_int_equal(stats_of(context_cache).objects_inuse, 0);
	expect_no_report();
	cache_unmake(context_cache);
}

/* --- tuning --- */

static void
B9_tune_changes_what_is_set_and_only_that(void **state)
{
	struct kmem_cache *cp = cache_make("tune", 64, NULL);
	struct kmem_tune t = { .set_magazine = true, .magazine = 5 }, old;
	void *obj;

	(void)state;
	assert_int_equal(kmem_cache_tune(cp, &t, &old), 0);
	assert_int_equal(info_of(cp).magazine, 5);
	t = (struct kmem_tune){ .set_magazine = true,
		.magazine = KMEM_ROUNDS_MAX + 1 };
	assert_int_equal(kmem_cache_tune(cp, &t, NULL), -KMEM_EINVAL);
	assert_int_equal(info_of(cp).magazine, 5);
	t = (struct kmem_tune){ .set_protect = true, .protect = KMEM_DEBUG };
	assert_int_equal(kmem_cache_tune(cp, &t, NULL), -KMEM_ENOTYET);
	t = (struct kmem_tune){ .set_protect = true, .protect = KMEM_CHECKED };
	assert_int_equal(kmem_cache_tune(cp, &t, &old), 0);
	assert_int_equal(old.protect, KMEM_FAST);
	assert_int_equal(info_of(cp).protect, KMEM_CHECKED);
	obj = kmem_cache_alloc(cp, 0);
	t.protect = KMEM_FAST;
	assert_int_equal(kmem_cache_tune(cp, &t, NULL), -KMEM_EBUSY);
	assert_int_equal(info_of(cp).protect, KMEM_CHECKED);
	t = (struct kmem_tune){ .set_colours = true, .colours = 1 };
	assert_int_equal(kmem_cache_tune(cp, &t, NULL), -KMEM_EBUSY);
	kmem_cache_free(cp, obj);
	(void)kmem_cache_shrink(cp);
	assert_int_equal(kmem_cache_tune(cp, &t, NULL), 0);
	assert_int_equal(info_of(cp).colours, 1);
	t = (struct kmem_tune){ .set_protect = true, .protect = KMEM_FAST };
	assert_int_equal(kmem_cache_tune(cp, &t, NULL), 0);
	obj = kmem_cache_alloc(cp, 0);
	kmem_cache_free(cp, obj);
	cache_unmake(cp);
}

/* --- looking at things --- */

static void
whatis_knows_every_address(void **state)
{
	struct kmem_options opt = { .protect = KMEM_CHECKED };
	struct kmem_cache *cp = cache_make("what", 104, &opt);
	unsigned char *obj = kmem_cache_alloc(cp, 0);
	struct kmem_whatis w;
	void *run = frame_alloc(2, 1, 0, FRAME_TAG_USER + 2);
	int local = 0;

	(void)state;
	kmem_whatis((uintptr_t)obj + 50, &w);
	assert_true(w.is_object);
	assert_string_equal(w.cache, "what");
	assert_int_equal(w.base, (uintptr_t)obj);
	assert_int_equal(w.offset, 50);
	assert_int_equal(w.tag, FRAME_TAG_SLAB);
	assert_true(w.allocated);
	assert_int_equal(w.live, 1);
	kmem_cache_free(cp, obj);
	kmem_whatis((uintptr_t)obj, &w);
	assert_true(w.is_object);
	assert_int_equal(w.live, 0);
	kmem_whatis((uintptr_t)&local, &w);
	assert_int_equal(w.tag, -1);
	assert_false(w.is_object);
	kmem_whatis(0, &w);
	assert_int_equal(w.tag, -1);
	/* An owner word of the embedder's is not a slab. */
	frame_set_owner(run, 2, 77);
	kmem_whatis((uintptr_t)run + 8, &w);
	assert_int_equal(w.tag, FRAME_TAG_USER + 2);
	assert_false(w.is_object);
	frame_free(run, 2);
	kmem_whatis((uintptr_t)run, &w);
	assert_int_equal(w.tag, FRAME_TAG_FREE);
	cache_unmake(cp);
}

static void
A4_B16_G22_partial_slabs_are_used_fullest_first(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	struct kmem_cache *cp = cache_make("full", 500, &opt);
	size_t per = info_of(cp).per_slab;
	void **objs = calloc(3 * per, sizeof(*objs)), *next;

	(void)state;
	assert_non_null(objs);
	assert_true(per >= 8);
	assert_true(kmem_cache_alloc_bulk(cp, 0, 3 * per, objs));
	/* First slab nearly empty, second nearly full, third half. */
	for (size_t i = 0; i < per - 1; i++)
		kmem_cache_free(cp, objs[i]);
	kmem_cache_free(cp, objs[per]);
	for (size_t i = 0; i < per / 2; i++)
		kmem_cache_free(cp, objs[2 * per + i]);
	next = kmem_cache_alloc(cp, 0);
	assert_ptr_equal(next, objs[per]);
	for (size_t i = 0; i < per / 2; i++) {
		next = kmem_cache_alloc(cp, 0);
		assert_true((uintptr_t)next >= (uintptr_t)objs[2 * per] &&
		    (uintptr_t)next <= (uintptr_t)objs[3 * per - 1]);
	}
	assert_int_equal(stats_of(cp).slabs_full, 2);
	kmem_cache_free(cp, objs[per - 1]);
	kmem_cache_free_bulk(cp, 2 * per, objs + per);
	free(objs);
	cache_unmake(cp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(A6_no_magazine_caches_cache_nothing),
		world_test(caches_beyond_the_slots_work_without_magazines),
		bare_test(low_caches_take_low_frames),
		world_test(single_owner_caches_go_with_their_objects),
		world_test(A19_T13_one_object_per_slab),
		world_test(B14_A19_T25_destroy_refuses_a_busy_cache),
		world_test(B10_destroy_drains_all_harts),
		world_test(a_held_cache_can_be_destroyed),
		world_test(walking_sees_every_cache_once),
		world_test(C3_A12_what_an_interrupt_may_and_may_not),
		world_test(B9_tune_changes_what_is_set_and_only_that),
		world_test(whatis_knows_every_address),
		world_test(A4_B16_G22_partial_slabs_are_used_fullest_first),
	};

	return cmocka_run_group_tests_name("kmem_kinds", tests, NULL, NULL);
}
