/* SPDX-License-Identifier: MIT */
/* TLSF as a rival: the model's tests, and the structure's own rules. */

#include "tests/unit/mm_test.h"

#include "bench/rival/arena.h"
#include "bench/rival/tlsf.h"
#include "rival_model.h"

static void *
create(size_t size, size_t align)
{
	return tlsf_create(size, align);
}

static void *
alloc(void *heap)
{
	return tlsf_alloc(heap);
}

static void
release(void *heap, void *obj)
{
	tlsf_free(heap, obj);
}

static void
destroy(void *heap)
{
	assert_true(tlsf_destroy(heap));
}

static bool alive;

static size_t
verify(void)
{
	return alive ? tlsf_verify(NULL) : 0;
}

static const struct rival_calls calls = { create, alloc, release, destroy,
	tlsf_charge, verify, 8 };

static void
I5_2_tlsf_random_steps(void **state)
{
	(void)state;
	alive = true;
	for (uint64_t seed = 1; seed <= 5; seed++)
		rival_model_random(&calls, seed, 20000);
}

static void
I5_2_tlsf_survives_every_refused_frame(void **state)
{
	(void)state;
	alive = false;
	rival_model_no_frames(&calls);
}

static void
I5_2_tlsf_fills_its_arena(void **state)
{
	(void)state;
	alive = true;
	/* One word a block, and what a search rounds up at the very end. */
	assert_in_range(rival_model_exhaust(&calls, 1000),
	    ARENA_FRAMES * 98 / 100, ARENA_FRAMES);
	(void)rival_model_exhaust(&calls, 24);
	(void)rival_model_exhaust(&calls, 32768);
}

/* Where there is no run of 32 MiB, a half of it has to do, and so on. */
static void
I5_2_tlsf_lives_on_a_small_machine(void **state)
{
	(void)world_teardown(state);
	world_start((size_t)3 << 20, 4, 0);
	alive = true;
	assert_in_range(rival_model_exhaust(&calls, 1000), 512 * 98 / 100, 512);
	(void)world_teardown(state);
	world_start((size_t)1 << 19, 4, 0);
	assert_null(tlsf_create(64, 0));
	assert_int_equal(tlsf_charge(), 0);
}

static void
I5_2_tlsf_is_charged_what_lies_below_its_break(void **state)
{
	(void)state;
	rival_model_charge(&calls);
}

/* Freed neighbours become one block, whatever the order. */
static void
I5_2_tlsf_merges_at_once(void **state)
{
	static const unsigned orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 },
		{ 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct tlsf *small = tlsf_create(200, 0);
	struct tlsf *large = tlsf_create(600, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
		char *obj[3], *guard, *all;
		size_t bytes;

		for (unsigned j = 0; j < 3; j++)
			obj[j] = tlsf_alloc(small);
		guard = tlsf_alloc(small);
		assert_ptr_equal(obj[1], obj[0] + 208);
		assert_ptr_equal(obj[2], obj[1] + 208);
		for (unsigned j = 0; j < 3; j++)
			tlsf_free(small, obj[orders[i][j]]);
		assert_int_equal(tlsf_verify(NULL), 0);
		/* 616 bytes of three blocks and two heads hold 600. */
		all = tlsf_alloc(large);
		assert_ptr_equal(all, obj[0]);
		tlsf_free(large, all);
		tlsf_free(small, guard);
		assert_int_equal(tlsf_verify(&bytes), 0);
		assert_int_equal(bytes, FRAME_SIZE - 2 * sizeof(size_t));
	}
	assert_true(tlsf_destroy(small));
	assert_true(tlsf_destroy(large));
}

/* tlsf_verify sees a word written beyond an object's end. */
static void
I5_2_tlsf_verify_sees_damage(void **state)
{
	struct tlsf *heap = tlsf_create(64, 0);
	size_t *a = tlsf_alloc(heap), *b = tlsf_alloc(heap), saved = a[8];

	(void)state;
	assert_ptr_equal(b, a + 9);
	assert_int_equal(tlsf_verify(NULL), 0);
	a[8] = saved | 2;
	assert_int_not_equal(tlsf_verify(NULL), 0);
	a[8] = saved + 16;
	assert_int_not_equal(tlsf_verify(NULL), 0);
	a[8] = saved;
	assert_int_equal(tlsf_verify(NULL), 0);
	tlsf_free(heap, a);
	saved = a[0];
	a[0] = (size_t)b;
	assert_int_not_equal(tlsf_verify(NULL), 0);
	a[0] = saved;
	tlsf_free(heap, b);
	assert_true(tlsf_destroy(heap));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(I5_2_tlsf_random_steps),
		world_test(I5_2_tlsf_survives_every_refused_frame),
		world_test(I5_2_tlsf_fills_its_arena),
		world_test(I5_2_tlsf_lives_on_a_small_machine),
		world_test(I5_2_tlsf_is_charged_what_lies_below_its_break),
		world_test(I5_2_tlsf_merges_at_once),
		world_test(I5_2_tlsf_verify_sees_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
