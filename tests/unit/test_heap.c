/* SPDX-License-Identifier: MIT */
/*
 * lua/heap.c on mm itself: contents survive, every frame comes back, the cap
 * and the reserve hold, and no shrinking block is ever refused.
 */
#include "tests/unit/mm_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kernel/panic.h>

#include "lua/heap.h"

#define MIB      ((size_t)1 << 20)
#define RESERVE  ((size_t)64 << 10)
#define BLOCKS   400u
#define GRAB_MAX 20000u

void
panic(const char *fmt, ...)
{
	(void)fmt;
	fail_msg("panic: %s", fmt);
	abort();
}

/* The reserve is taken once for all tests: it lives in their first world. */
static int
heap_setup_world(void **state)
{
	int err = world_setup(state);

	heap_set_cap(64 * MIB);
	return err;
}

static size_t
lua_frames(void)
{
	return heap_frames();
}

/* Every frame that can be had, one by one, so that nobody finds any. */
static void *grabbed[GRAB_MAX];
static size_t n_grabbed;

static void
grab_rest(void)
{
	void *f;

	while ((f = frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_META)) != NULL) {
		assert_true(n_grabbed < GRAB_MAX);
		grabbed[n_grabbed++] = f;
	}
}

static void
exhaust(void)
{
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	n_grabbed = 0;
	grab_rest();
}

static void
relax(void)
{
	while (n_grabbed > 0)
		frame_free(grabbed[--n_grabbed], 1);
}

/* A few empty slabs of the records of caches stay until a reap. */
static void
settle(void)
{
	(void)kmem_reap(KMEM_REAP_TRIM, 0);
}

static void
I2_6_blocks_keep_their_contents(void **state)
{
	struct test_rng rng = { 20261120 };
	void *block[BLOCKS] = { NULL };
	size_t size[BLOCKS] = { 0 };
	struct heap h;

	(void)state;
	heap_init(&h, "t", false);
	heap_built(&h);
	for (unsigned step = 0; step < 60000; step++) {
		size_t i = test_below(&rng, BLOCKS);
		size_t want = test_below(&rng, 16) == 0
		    ? test_below(&rng, 60000)
		    : test_below(&rng, 1200);
		size_t kept = size[i] < want ? size[i] : want;
		void *p = heap_alloc(&h, block[i], size[i], want);

		assert_true((p == NULL) == (want == 0));
		if (kept > 0)
			assert_true(stamped(p, kept, i));
		block[i] = p;
		size[i] = want;
		if (want > 0) {
			assert_int_equal((uintptr_t)p % 8, 0);
			stamp(p, want, i);
		}
		assert_true(h.h_used <= h.h_granted);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		(void)heap_alloc(&h, block[i], size[i], 0);
	assert_int_equal(h.h_used, 0);
	heap_drop(&h);
	assert_int_equal(heap_charged(), 0);
	settle();
	assert_int_equal(lua_frames(), 0);
}

static void
I2_6_a_dropped_heap_gives_every_byte_back(void **state)
{
	struct heap h;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		heap_init(&h, "dropped", false);
		heap_built(&h);
		for (size_t n = 1; n < 9000; n += 37)
			assert_non_null(heap_alloc(&h, NULL, 0, n));
		assert_true(lua_frames() > 0);
		heap_drop(&h);
		settle();
		assert_int_equal(lua_frames(), 0);
		assert_int_equal(heap_charged(), 0);
	}
}

static void
I2_6_a_block_wastes_little(void **state)
{
	struct heap h;

	(void)state;
	heap_init(&h, "waste", false);
	heap_built(&h);
	for (size_t n = 1; n <= 3 * FRAME_SIZE; n++) {
		size_t before = h.h_used;
		void *p = heap_alloc(&h, NULL, 0, n);
		size_t room = h.h_used - before;

		assert_non_null(p);
		assert_true(room >= n);
		/* 16 B steps, then quarters of a doubling, then frames (and
		   the record of the run). */
		if (n <= 128)
			assert_true(room < n + 16);
		else if (n <= HEAP_SMALL_MAX)
			assert_true(room - n <= n / 4);
		else
			assert_true(room < n + FRAME_SIZE + 64);
		(void)heap_alloc(&h, p, n, 0);
		assert_int_equal(h.h_used, before);
	}
	heap_drop(&h);
}

static void
I2_6_the_cap_holds_for_all_heaps_together(void **state)
{
	struct heap a, b;
	void *p;
	size_t n = 0;

	(void)state;
	heap_set_cap(MIB);
	heap_init(&a, "a", false);
	heap_built(&a);
	heap_init(&b, "b", false);
	heap_built(&b);
	while (heap_alloc(&a, NULL, 0, 1000) != NULL)
		n++;
	assert_in_range(n, 900, MIB / 1000);
	assert_null(heap_alloc(&b, NULL, 0, 40000));
	assert_true(heap_charged() <= MIB);
	heap_drop(&a);
	p = heap_alloc(&b, NULL, 0, 40000);
	assert_non_null(p);
	/* A size no machine has is refused, not wrapped. */
	assert_null(heap_alloc(&b, p, 40000, SIZE_MAX));
	assert_null(heap_alloc(&b, p, 40000, SIZE_MAX - FRAME_SIZE));
	assert_null(heap_alloc(&b, NULL, 0, SIZE_MAX / 2 + 1));
	heap_drop(&b);
}

/* Lua relies on it: a block that becomes smaller is never refused. */
static void
I2_6_shrinking_never_fails(void **state)
{
	static const size_t from[] = { 17, 64, 128, 200, 1000, 2048, 2049, 4096,
		5000, 20000 };
	enum { N = ARRAY_COUNT(from), EACH = 40 };
	void *block[N][EACH];
	size_t size[N][EACH];
	struct test_rng rng = { 7 };
	bool misfits = false;
	struct heap h;

	(void)state;
	heap_init(&h, "shrink", false);
	heap_built(&h);
	for (size_t i = 0; i < N; i++) {
		for (size_t j = 0; j < EACH; j++) {
			block[i][j] = heap_alloc(&h, NULL, 0, from[i]);
			assert_non_null(block[i][j]);
			size[i][j] = from[i];
			stamp(block[i][j], from[i], i * EACH + j);
		}
	}
	exhaust();
	for (unsigned round = 0; round < 4; round++) {
		grab_rest();
		for (size_t i = 0; i < N; i++) {
			for (size_t j = 0; j < EACH; j++) {
				size_t n = 1 + test_below(&rng, size[i][j]);

				block[i][j] =
				    heap_alloc(&h, block[i][j], size[i][j], n);
				assert_non_null(block[i][j]);
				assert_true(
				    stamped(block[i][j], n, i * EACH + j));
				size[i][j] = n;
			}
		}
		misfits |= h.h_misfits != NULL;
	}
	assert_true(misfits);
	relax();
	/* Misfits grow, and are freed, like any block. */
	for (size_t i = 0; i < N; i++) {
		for (size_t j = 0; j < EACH; j++) {
			if (j % 2 == 0) {
				size_t n = size[i][j] + test_below(&rng, 3000);

				block[i][j] =
				    heap_alloc(&h, block[i][j], size[i][j], n);
				assert_non_null(block[i][j]);
				assert_true(stamped(
				    block[i][j], size[i][j], i * EACH + j));
				size[i][j] = n;
			}
			(void)heap_alloc(&h, block[i][j], size[i][j], 0);
		}
	}
	assert_null(h.h_misfits);
	assert_int_equal(h.h_used, 0);
	heap_drop(&h);
}

/* Each request for frames fails once; nothing is lost, nothing is corrupt. */
static void
I2_6_every_failing_frame_is_survived(void **state)
{
	bool failed = true;

	(void)state;
	for (int64_t n = 0; failed; n++) {
		void *block[64] = { NULL };
		size_t size[64];
		struct heap h;

		heap_init(&h, "oom", false);
		heap_built(&h);
		failed = false;
		frame_set_fail_after(n);
		for (size_t i = 0; i < 64; i++) {
			size[i] = 8 + i * i * 3;
			block[i] = heap_alloc(&h, NULL, 0, size[i]);
			failed |= block[i] == NULL;
		}
		for (size_t i = 0; i < 64; i++) {
			size_t more = size[i] * 2 + 5000;
			void *p = block[i] == NULL
			    ? NULL
			    : heap_alloc(&h, block[i], size[i], more);

			if (p != NULL) {
				block[i] = p;
				size[i] = more;
			} else {
				failed |= block[i] != NULL;
			}
		}
		frame_set_fail_after(-1);
		for (size_t i = 0; i < 64; i++) {
			if (block[i] != NULL)
				(void)heap_alloc(&h, block[i], size[i], 0);
		}
		assert_int_equal(h.h_used, 0);
		heap_drop(&h);
		settle();
		assert_int_equal(lua_frames(), 0);
		assert_true(n < 1000);
	}
}

static void
I2_6_the_reserve_answers_when_memory_is_out(void **state)
{
	size_t total, left, n = 0;
	struct heap h;
	void *p, *q;

	(void)state;
	assert_true(heap_setup(64 * MIB, RESERVE));
	left = heap_reserve_free(&total);
	assert_int_equal(left, total);
	assert_in_range(total, RESERVE - FRAME_SIZE, RESERVE);
	heap_init(&h, "console", true);
	heap_built(&h);
	exhaust();
	/* Refused first: Lua collects its garbage and asks again. */
	assert_null(heap_alloc(&h, NULL, 0, 500));
	p = heap_alloc(&h, NULL, 0, 500);
	assert_non_null(p);
	stamp(p, 500, 1);
	/* What runs leaves half of what it found. */
	heap_enter_chunk(&h);
	while ((q = heap_alloc(&h, NULL, 0, 900)) != NULL ||
	    (q = heap_alloc(&h, NULL, 0, 900)) != NULL)
		n++;
	left = (total - 512) / 2;
	assert_in_range(n, left / 960 - 1, left / 960);
	assert_in_range(heap_reserve_free(NULL), left, left + 960);
	/* Shrinking works there too, and growing moves out when it can. */
	p = heap_alloc(&h, p, 500, 100);
	assert_true(stamped(p, 100, 1));
	heap_leave_chunk(&h);
	relax();
	p = heap_alloc(&h, p, 100, 7000);
	assert_true(stamped(p, 100, 1));
	/* Dropping the heap empties the reserve as well. */
	heap_drop(&h);
	assert_int_equal(heap_reserve_free(NULL), total);
	/* The reserve itself is for life; this world ends with it. */
	world_abandon();
}

int
main(void)
{
#define heap_test(f)                                                           \
	cmocka_unit_test_setup_teardown(f, heap_setup_world, world_teardown)
	const struct CMUnitTest tests[] = {
		heap_test(I2_6_blocks_keep_their_contents),
		heap_test(I2_6_a_dropped_heap_gives_every_byte_back),
		heap_test(I2_6_a_block_wastes_little),
		heap_test(I2_6_the_cap_holds_for_all_heaps_together),
		heap_test(I2_6_shrinking_never_fails),
		heap_test(I2_6_every_failing_frame_is_survived),
		heap_test(I2_6_the_reserve_answers_when_memory_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
