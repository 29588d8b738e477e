/* SPDX-License-Identifier: MIT */
/*
 * Linux 7's sheaves as a rival: the model's tests, and the facts by which the
 * design is known: geometry, capacity, steps, what lies idle.
 */

#include "tests/unit/mm_test.h"

#include "bench/rival/rival.h"
#include "bench/rival/sheaf.h"
#include "rival_model.h"

#include <string.h>

/* The twin that counts: bench/rival/sheaf_counted.h, beside sheaf.h. */
struct sheaf_cache *counted_sheaf_create(
    size_t size, size_t align, int (*ctor)(void *obj, void *arg), void *arg);
void *counted_sheaf_alloc(struct sheaf_cache *s);
void counted_sheaf_free(struct sheaf_cache *s, void *obj);
bool counted_sheaf_destroy(struct sheaf_cache *s);
size_t counted_sheaf_reap(struct sheaf_cache *s);
void counted_sheaf_look(struct sheaf_cache *s, struct sheaf_facts *f);

#define HARTS 4u
#define MOST  4000u

static void *obj[MOST];

static void *
create(size_t size, size_t align)
{
	return sheaf_create(size, align, NULL, NULL);
}

static void *
alloc(void *heap)
{
	return sheaf_alloc(heap);
}

static void
release(void *heap, void *o)
{
	sheaf_free(heap, o);
}

static void
destroy(void *heap)
{
	assert_true(sheaf_destroy(heap));
}

static size_t
verify(void)
{
	return 0;
}

static const struct rival_calls calls = { create, alloc, release, destroy,
	sheaf_charge, verify, 8 };

static struct sheaf_facts
look(struct sheaf_cache *s)
{
	struct sheaf_facts f;

	sheaf_look(s, &f);
	return f;
}

static void
I5_2_sheaf_random_steps(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++)
		rival_model_random(&calls, seed, 20000);
}

static void
I5_2_sheaf_survives_every_refused_frame(void **state)
{
	(void)state;
	rival_model_no_frames(&calls);
}

static void
I5_2_sheaf_fills_memory(void **state)
{
	static const size_t sizes[] = { 64, 700, 5000, 32768 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		size_t frames = rival_model_exhaust(&calls, sizes[i]);

		/* All but the records, one slab, and an eighth of waste. */
		assert_true(frames > world_frames() * 84 / 100);
	}
}

static void
I5_2_sheaf_is_not_charged_the_records_of_frames(void **state)
{
	(void)state;
	rival_model_charge(&calls);
}

/* Order and objects of slabs with 4 CPUs, as the original's rules say. */
static void
I5_2_sheaf_geometry_is_slubs(void **state)
{
	static const struct {
		size_t size;
		unsigned order, objects;
	} row[] = {
		{ 8, 0, 512 },
		{ 64, 0, 64 },
		{ 100, 0, 39 },
		{ 256, 0, 16 },
		{ 512, 1, 16 },
		{ 700, 2, 23 },
		{ 1024, 2, 16 },
		{ 1400, 3, 23 },
		{ 2048, 3, 16 },
		{ 3000, 3, 10 },
		{ 4000, 3, 8 },
		{ 5000, 3, 6 },
		{ 8200, 3, 3 },
		{ 16385, 3, 1 },
		{ 131072, 5, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(row); i++) {
		struct sheaf_cache *s =
		    sheaf_create(row[i].size, 0, NULL, NULL);

		assert_int_equal(look(s).order, row[i].order);
		assert_int_equal(look(s).objects, row[i].objects);
		assert_true(sheaf_destroy(s));
	}
}

/* Fewer CPUs, fewer objects: and a larger order where it wastes less. */
static void
I5_2_sheaf_geometry_goes_by_harts(void **state)
{
	static const struct {
		unsigned harts;
		size_t size;
		unsigned order, objects;
	} row[] = { { 1, 344, 1, 23 }, { 2, 632, 2, 25 }, { 1, 512, 0, 8 },
		{ 8, 512, 2, 32 } };

	for (size_t i = 0; i < ARRAY_COUNT(row); i++) {
		struct sheaf_cache *s;

		(void)world_teardown(state);
		world_start((size_t)16 << 20, row[i].harts, 0);
		s = sheaf_create(row[i].size, 0, NULL, NULL);
		assert_int_equal(look(s).order, row[i].order);
		assert_int_equal(look(s).objects, row[i].objects);
		assert_true(sheaf_destroy(s));
	}
}

static void
I5_2_sheaf_capacity_goes_by_size(void **state)
{
	static const struct {
		size_t size;
		unsigned capacity;
	} row[] = { { 1, 60 }, { 248, 60 }, { 249, 28 }, { 1016, 28 },
		{ 1024, 12 }, { 4088, 12 }, { 4096, 4 }, { 131072, 4 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(row); i++) {
		struct sheaf_cache *s =
		    sheaf_create(row[i].size, 0, NULL, NULL);

		assert_int_equal(look(s).capacity, row[i].capacity);
		assert_true(sheaf_destroy(s));
	}
}

/* n objects allocated, then freed, in the order they came. */
static void
burst(struct sheaf_cache *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		obj[i] = counted_sheaf_alloc(s);
		assert_non_null(obj[i]);
	}
	for (unsigned i = 0; i < n; i++)
		counted_sheaf_free(s, obj[i]);
}

/*
 * What main and spare cannot serve, by the length of a burst: nothing up to
 * both sheaves' objects, then one visit more on each way for each 60.
 */
static void
I5_2_sheaf_visits_the_barn_once_in_60(void **state)
{
	static const unsigned lengths[] = { 1, 59, 60, 61, 119, 120, 121, 180,
		181, 240, 600, 720, 721, 1200, 3000 };
	struct sheaf_cache *s = counted_sheaf_create(64, 0, NULL, NULL);
	struct sheaf_facts before, after;

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		unsigned n = lengths[i];
		uint64_t visits;

		/* Both sheaves full: where a long burst's end leaves them. */
		burst(s, 3000);
		burst(s, n);
		counted_sheaf_look(s, &before);
		burst(s, n);
		counted_sheaf_look(s, &after);
		visits = after.visits - before.visits;
		print_message("burst of %4u: %ju visits, %ju refills, %ju "
			      "flushes\n",
		    n, (uintmax_t)visits,
		    (uintmax_t)(after.refills - before.refills),
		    (uintmax_t)(after.flushes - before.flushes));
		assert_int_equal(
		    visits, n <= 120 ? 0 : 2 * ((n - 120 + 59) / 60));
		/* Ten in the barn and two in hand: no slab up to 720. */
		if (n <= 720)
			assert_int_equal(after.refills, before.refills);
		else
			assert_int_equal(after.refills - before.refills,
			    (n - 720 + 59) / 60);
	}
	assert_true(counted_sheaf_destroy(s));
}

static void
I5_2_sheaf_holds_two_sheaves_a_hart_and_ten(void **state)
{
	struct sheaf_cache *s = sheaf_create(64, 0, NULL, NULL);
	struct sheaf_facts f;
	size_t got;

	(void)state;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned h = 0; h < HARTS; h++) {
			mm_host_attach(h);
			for (unsigned i = 0; i < MOST; i++)
				obj[i] = sheaf_alloc(s);
			for (unsigned i = 0; i < MOST; i++)
				sheaf_free(s, obj[i]);
			assert_true(look(s).idle <=
			    2 * 60 * HARTS + SHEAF_BARN_MOST * 60);
			assert_true(look(s).full <= SHEAF_BARN_MOST);
			assert_true(look(s).empty <= SHEAF_BARN_MOST);
		}
	f = look(s);
	/* The bound is reached: every one of them is full. */
	assert_int_equal(f.full, SHEAF_BARN_MOST);
	assert_in_range(f.idle, (HARTS + SHEAF_BARN_MOST) * 60,
	    (2 * HARTS + SHEAF_BARN_MOST) * 60);
	print_message("%ju objects idle\n", (uintmax_t)f.idle);
	mm_host_attach(0);
	/* Nothing drains but what is asked to, and that drains all. */
	got = sheaf_reap(s);
	assert_in_range(got, f.idle / 64, 200);
	f = look(s);
	assert_int_equal(f.idle, 0);
	assert_int_equal(f.full + f.empty, 0);
	assert_int_equal(f.partial, 0);
	assert_int_equal(sheaf_reap(s), 0);
	assert_true(sheaf_destroy(s));
}

/* Of slabs that become empty some are kept, by the objects' size. */
static void
I5_2_sheaf_keeps_few_empty_slabs(void **state)
{
	struct sheaf_cache *s = sheaf_create(64, 0, NULL, NULL);
	size_t before = frame_free_count(), used;

	(void)state;
	for (unsigned i = 0; i < MOST; i++)
		obj[i] = sheaf_alloc(s);
	for (unsigned i = 0; i < MOST; i++)
		sheaf_free(s, obj[i]);
	used = before - frame_free_count();
	/* 720 objects in sheaves lie in 12 to 24 slabs, at most five are kept
	 * empty, and two frames have the memory of sheaves. 63 were made. */
	print_message("%zu frames\n", used);
	assert_in_range(used, 12 + 2, 24 + 5 + 2);
	assert_true(sheaf_destroy(s));
}

static void
I5_2_sheaf_pair_has_no_atomics(void **state)
{
	struct sheaf_cache *s = counted_sheaf_create(64, 0, NULL, NULL);
	uint64_t before;

	(void)state;
	burst(s, 120);
	before = rival_atomics;
	for (unsigned i = 0; i < 1000; i++)
		burst(s, 1);
	assert_int_equal(rival_atomics, before);
	/* It does count: a burst beyond both sheaves takes the barn's lock. */
	burst(s, 1200);
	assert_true(rival_atomics > before);
	assert_true(counted_sheaf_destroy(s));
}

static unsigned built;

static int
construct(void *o, void *arg)
{
	memset(o, 0x5c, *(size_t *)arg);
	built++;
	return 0;
}

/* Once for each object, and free and alloc leave the object as it is. */
static void
I5_2_sheaf_keeps_constructed_state(void **state)
{
	size_t size = 40;
	struct sheaf_cache *s = sheaf_create(size, 0, construct, &size);
	unsigned made = 0;

	(void)state;
	built = 0;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < MOST; i++) {
			obj[i] = sheaf_alloc(s);
			for (size_t j = 0; j < size; j++)
				assert_int_equal(
				    ((unsigned char *)obj[i])[j], 0x5c);
		}
		for (unsigned i = 0; i < MOST; i++)
			sheaf_free(s, obj[i]);
		if (round == 0)
			made = built;
	}
	/* 85 to a slab of 48 bytes each, and no more slabs than needed. */
	assert_int_equal(made % 85, 0);
	assert_in_range(made, MOST, MOST + 2 * 85);
	/* What flushing gave back to slabs that were kept is not built anew. */
	assert_true(built < 3 * made);
	assert_true(sheaf_destroy(s));
}

static int
refuse_late(void *o, void *arg)
{
	unsigned *left = arg;

	(void)o;
	if (*left == 0)
		return -1;
	(*left)--;
	return 0;
}

/* A slab whose objects cannot all be built is given back. */
static void
I5_2_sheaf_constructor_may_fail(void **state)
{
	unsigned left = 30;
	struct sheaf_cache *s = sheaf_create(64, 0, refuse_late, &left);
	size_t frames = frame_free_count();

	(void)state;
	assert_null(sheaf_alloc(s));
	assert_int_equal(left, 0);
	/* But for the sheaf that was to be filled, which the barn has now. */
	assert_in_range(frame_free_count(), frames - 1, frames);
	/* A stride of 72 bytes: 56 to a slab, and one slab for 56. */
	left = 56;
	for (unsigned i = 0; i < 56; i++) {
		obj[i] = sheaf_alloc(s);
		assert_non_null(obj[i]);
	}
	assert_null(sheaf_alloc(s));
	for (unsigned i = 0; i < 56; i++)
		sheaf_free(s, obj[i]);
	assert_true(sheaf_destroy(s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(I5_2_sheaf_random_steps),
		world_test(I5_2_sheaf_survives_every_refused_frame),
		world_test(I5_2_sheaf_fills_memory),
		world_test(I5_2_sheaf_is_not_charged_the_records_of_frames),
		world_test(I5_2_sheaf_geometry_is_slubs),
		world_test(I5_2_sheaf_geometry_goes_by_harts),
		world_test(I5_2_sheaf_capacity_goes_by_size),
		world_test(I5_2_sheaf_visits_the_barn_once_in_60),
		world_test(I5_2_sheaf_holds_two_sheaves_a_hart_and_ten),
		world_test(I5_2_sheaf_keeps_few_empty_slabs),
		world_test(I5_2_sheaf_pair_has_no_atomics),
		world_test(I5_2_sheaf_keeps_constructed_state),
		world_test(I5_2_sheaf_constructor_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
