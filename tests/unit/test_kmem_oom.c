/* SPDX-License-Identifier: MIT */
/* No memory: every request for frames fails once, and nothing is lost. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

#define HELD 64u

/* What a scenario could get; it gives back all of it. */
struct held {
	struct kmem_cache *cache[6];
	void *obj[6][HELD];
	size_t count[6];
	void *block[8];
	unsigned failures; /* requests that were refused */
};

static uint64_t built, unbuilt;

static int
counting_ctor(void *obj, void *arg)
{
	(void)arg;
	memset(obj, 0x5a, 16);
	built++;
	return 0;
}

static void
counting_dtor(void *obj, void *arg)
{
	(void)obj;
	(void)arg;
	unbuilt++;
}

static const struct scenario_cache {
	const char *name;
	size_t size;
	struct kmem_options opt;
} plan[6] = {
	{ "fast", 64, { 0 } },
	{ "checked", 100, { .protect = KMEM_CHECKED } },
	{ "built", 500, { .ctor = counting_ctor, .dtor = counting_dtor } },
	{ "plain", 3000, { .flags = KMEM_NOMAGAZINE } },
	{ "counted", 24, { .flags = KMEM_COUNT, .magazine = 3 } },
	{ "owner", 200, { .flags = KMEM_SINGLE_OWNER } },
};

/* Every way to ask for memory, from an empty allocator. */
static void
take(struct held *h)
{
	memset(h, 0, sizeof(*h));
	for (size_t c = 0; c < ARRAY_COUNT(plan); c++) {
		const char *why = NULL;
		int err = kmem_cache_create(&h->cache[c], plan[c].name,
		    plan[c].size, &plan[c].opt, &why);

		if (err != 0) {
			assert_int_equal(err, -KMEM_ENOMEM);
			assert_null(h->cache[c]);
			assert_non_null(why);
			h->failures++;
			continue;
		}
		while (h->count[c] < HELD / 2) {
			void *obj = kmem_cache_alloc(h->cache[c],
			    h->count[c] % 2 == 0 ? 0 : KMEM_NOWAIT);

			if (obj == NULL) {
				h->failures++;
				break;
			}
			h->obj[c][h->count[c]++] = obj;
		}
		if (kmem_cache_alloc_bulk(
			h->cache[c], 0, HELD / 2, h->obj[c] + h->count[c]))
			h->count[c] += HELD / 2;
		else
			h->failures++;
	}
	for (size_t i = 0; i < ARRAY_COUNT(h->block); i++) {
		h->block[i] = kmalloc((size_t)20 << (2 * i), 0);
		h->failures += h->block[i] == NULL;
	}
	for (size_t i = 0; i < ARRAY_COUNT(h->block); i++) {
		void *more;

		if (h->block[i] == NULL)
			continue;
		stamp(h->block[i], 20, i);
		more = krealloc(h->block[i], (size_t)50 << (2 * i), 0);
		h->failures += more == NULL;
		if (more != NULL)
			h->block[i] = more;
		assert_true(stamped(h->block[i], 20, i));
	}
}

static void
give(struct held *h)
{
	for (size_t i = 0; i < ARRAY_COUNT(h->block); i++)
		kfree(h->block[i]);
	for (size_t c = 0; c < ARRAY_COUNT(plan); c++) {
		if (h->cache[c] == NULL)
			continue;
		mm_host_attach((unsigned)c % 4);
		for (size_t i = 0; i < h->count[c]; i += 2)
			kmem_cache_free(h->cache[c], h->obj[c][i]);
		mm_host_attach(0);
		for (size_t i = 1; i < h->count[c]; i += 2)
			kmem_cache_free(h->cache[c], h->obj[c][i]);
		assert_int_equal(stats_of(h->cache[c]).objects_inuse, 0);
		cache_unmake(h->cache[c]);
	}
	assert_int_equal(built, unbuilt);
}

/*
 * SQLite's loop: fail request n and all after it, for n = 0, 1, … until the
 * scenario runs through untouched. After each: nothing leaked, books in order,
 * and with memory back everything works.
 */
static void
A19_T14_every_frame_request_fails_in_turn(void **state)
{
	static struct held h;
	int64_t n = 0;
	unsigned failing = 0;

	(void)state;
	do {
		frame_set_fail_after(n);
		take(&h);
		if (n % 2 == 0) {
			/* Freeing has to work while nothing can be had. */
			give(&h);
			frame_set_fail_after(-1);
		} else {
			frame_set_fail_after(-1);
			assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
			give(&h);
		}
		failing += h.failures != 0;
		world_check();
		n++;
		assert_true(n < 5000);
	} while (h.failures != 0);
	print_message(
	    "failed each of %jd frame requests in turn\n", (intmax_t)n - 1);
	/* If the hook did nothing this loop would have ended at once. */
	assert_true(failing > 30);
	frame_set_fail_after(-1);
	take(&h);
	assert_int_equal(h.failures, 0);
	give(&h);
}

/* H2: fill everything with objects of one size, free, and again. */
static void
exhaustion_ends_cleanly(void **state)
{
	static const size_t sizes[] = { 8, 64, 500, 4096, 9000, 65536 };
	const size_t most = 400000;
	void **obj = calloc(most, sizeof(*obj));
	uint64_t total[2];

	(void)state;
	assert_non_null(obj);
	world_teardown(state);
	world_start((size_t)2 << 20, 2, 0);
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_cache *cp = cache_make("fill", sizes[s], NULL);

		for (unsigned round = 0; round < 2; round++) {
			size_t n = 0;

			while (n < most &&
			    (obj[n] = kmem_cache_alloc(cp, 0)) != NULL)
				n++;
			assert_true(n < most);
			total[round] = n;
			/* Nearly all memory carries objects. */
			assert_true(n * sizes[s] >
			    (world_frames() - 24) * FRAME_SIZE * 85 / 100);
			assert_null(kmem_cache_alloc(cp, 0));
			assert_null(kmem_cache_alloc(cp, KMEM_NOWAIT));
			assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
			while (n != 0)
				kmem_cache_free(cp, obj[--n]);
			(void)kmem_cache_shrink(cp);
		}
		/* The second time no less than the first. */
		assert_int_equal(total[0], total[1]);
		cache_unmake(cp);
		world_check();
	}
	free(obj);
}

/* What lies cached on other harts is not "no memory". */
static void
A8_cached_memory_is_found_before_giving_up(void **state)
{
	struct kmem_cache *a, *b;
	static void *obj[2000];
	size_t n = 0, m = 0;

	(void)state;
	world_teardown(state);
	world_start((size_t)2 << 20, 4, 0);
	a = cache_make("first", 1000, NULL);
	b = cache_make("second", 1200, NULL);
	mm_host_attach(2);
	while ((obj[n] = kmem_cache_alloc(a, 0)) != NULL)
		n++;
	assert_true(n > 1000);
	for (size_t i = 0; i < n; i++)
		kmem_cache_free(a, obj[i]);
	mm_host_attach(0);
	while ((obj[m] = kmem_cache_alloc(b, 0)) != NULL)
		m++;
	assert_true(m * 1200 > n * 1000 * 9 / 10);
	for (size_t i = 0; i < m; i++)
		kmem_cache_free(b, obj[i]);
	cache_unmake(a);
	cache_unmake(b);
}

static int
by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (unsigned char *const *)a;
	uintptr_t y = (uintptr_t) * (unsigned char *const *)b;

	return (x > y) - (x < y);
}

/* A short run is used when no long one is free. */
static void
fragmented_memory_still_serves(void **state)
{
	static unsigned char *run[600];
	struct kmem_cache *cp;
	void *obj[200];
	size_t n = 0, got = 0;

	(void)state;
	world_teardown(state);
	world_start((size_t)2 << 20, 2, 0);
	cp = cache_make("frag", 3000, NULL);
	while (
	    (run[n] = frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_USER)) != NULL)
		n++;
	qsort(run, n, sizeof(run[0]), by_address);
	for (size_t i = 0; i < n; i += 2)
		frame_free(run[i], 1);
	/* No two adjacent frames are free; 3,000 bytes fit in one. */
	assert_null(frame_alloc(2, 1, FRAME_NOWAIT, FRAME_TAG_USER));
	for (; got < ARRAY_COUNT(obj); got++) {
		obj[got] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[got]);
		stamp(obj[got], 3000, got);
	}
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	while (got-- != 0) {
		assert_true(stamped(obj[got], 3000, got));
		kmem_cache_free(cp, obj[got]);
	}
	for (size_t i = 1; i < n; i += 2)
		frame_free(run[i], 1);
	cache_unmake(cp);
}

static void
a_zone_that_is_too_small_is_said_so(void **state)
{
	struct host_options opt = { .harts = 4 };

	(void)state;
	for (size_t frames = 2; frames < 40; frames++) {
		opt.bytes = frames * FRAME_SIZE;
		if (host_start(&opt) == 0) {
			/* Started: then it works, however little there is. */
			assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
			kfree(kmalloc(8, 0));
			(void)kmem_reap(KMEM_REAP_ALL, 0);
			assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
		}
		mm_host_fini();
	}
	opt.bytes = 64 * FRAME_SIZE;
	assert_int_equal(host_start(&opt), 0);
	mm_host_fini();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(A19_T14_every_frame_request_fails_in_turn),
		world_test(exhaustion_ends_cleanly),
		world_test(A8_cached_memory_is_found_before_giving_up),
		world_test(fragmented_memory_still_serves),
		cmocka_unit_test(a_zone_that_is_too_small_is_said_so),
	};

	return cmocka_run_group_tests_name("kmem_oom", tests, NULL, NULL);
}
