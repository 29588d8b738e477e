/* SPDX-License-Identifier: MIT */
/* First fit as a rival: the model's tests, and where it puts things. */

#include "tests/unit/mm_test.h"

#include "bench/rival/arena.h"
#include "bench/rival/firstfit.h"
#include "rival_model.h"

static void *
create(size_t size, size_t align)
{
	return firstfit_create(size, align);
}

static void *
alloc(void *heap)
{
	return firstfit_alloc(heap);
}

static void
release(void *heap, void *obj)
{
	firstfit_free(heap, obj);
}

static void
destroy(void *heap)
{
	assert_true(firstfit_destroy(heap));
}

static bool alive;

static size_t
verify(void)
{
	return alive ? firstfit_verify(NULL, NULL) : 0;
}

static const struct rival_calls calls = { create, alloc, release, destroy,
	firstfit_charge, verify, 16 };

static void
I5_2_firstfit_random_steps(void **state)
{
	(void)state;
	alive = true;
	for (uint64_t seed = 1; seed <= 5; seed++)
		rival_model_random(&calls, seed, 20000);
}

static void
I5_2_firstfit_survives_every_refused_frame(void **state)
{
	(void)state;
	alive = false;
	rival_model_no_frames(&calls);
}

static void
I5_2_firstfit_fills_its_arena(void **state)
{
	(void)state;
	alive = true;
	/* A head of 16 bytes; few objects, as each free walks all holes. */
	assert_in_range(rival_model_exhaust(&calls, 4000),
	    ARENA_FRAMES * 97 / 100, ARENA_FRAMES);
	(void)rival_model_exhaust(&calls, 32768);
}

static void
I5_2_firstfit_is_charged_what_lies_below_its_break(void **state)
{
	(void)state;
	rival_model_charge(&calls);
}

/* The lowest hole that is large enough, and holes that touch are one. */
static void
I5_2_firstfit_takes_the_first(void **state)
{
	struct firstfit *small = firstfit_create(48, 0);
	struct firstfit *large = firstfit_create(112, 0);
	size_t holes, bytes;
	char *obj[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		obj[i] = firstfit_alloc(small);
		if (i != 0)
			assert_ptr_equal(obj[i], obj[i - 1] + 64);
	}
	firstfit_free(small, obj[4]);
	firstfit_free(small, obj[0]);
	firstfit_free(small, obj[2]);
	assert_int_equal(firstfit_verify(&holes, NULL), 0);
	assert_int_equal(holes, 4);
	assert_ptr_equal(firstfit_alloc(small), obj[0]);
	/* Too large for any of the holes of one. */
	assert_true((char *)firstfit_alloc(large) > obj[5]);
	firstfit_free(small, obj[3]);
	assert_ptr_equal(firstfit_alloc(large), obj[2]);
	firstfit_free(large, obj[2]);
	firstfit_free(large, obj[5] + 64);
	firstfit_free(small, obj[1]);
	firstfit_free(small, obj[5]);
	firstfit_free(small, obj[0]);
	assert_int_equal(firstfit_verify(&holes, &bytes), 0);
	assert_int_equal(holes, 1);
	assert_int_equal(bytes, FRAME_SIZE);
	assert_true(firstfit_destroy(small));
	assert_true(firstfit_destroy(large));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(I5_2_firstfit_random_steps),
		world_test(I5_2_firstfit_survives_every_refused_frame),
		world_test(I5_2_firstfit_fills_its_arena),
		world_test(I5_2_firstfit_is_charged_what_lies_below_its_break),
		world_test(I5_2_firstfit_takes_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
