/* SPDX-License-Identifier: MIT */
/*
 * The sheaves' flag, from inside: what an interrupt meets that comes while its
 * hart is in the allocator. The source is included, so that the test can leave
 * a hart there.
 */
#include "tests/unit/mm_test.h"

#include "bench/rival/sheaf.c"

#define OBJECTS 500u

static void
I5_2_an_interrupt_inside_goes_to_the_slabs(void **state)
{
	struct sheaf_cache *s = sheaf_create(64, 0, NULL, NULL);
	void *before = sheaf_alloc(s), *obj[OBJECTS];
	struct sheaf_hart *h = &s->sc_harts[0];
	uint32_t left = h->sh_main->sf_size;

	(void)state;
	assert_int_equal(left, 59);
	assert_true(enter(h));
	for (unsigned i = 0; i < OBJECTS; i++) {
		obj[i] = sheaf_alloc(s);
		assert_non_null(obj[i]);
		stamp(obj[i], 64, i);
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		assert_true(stamped(obj[i], 64, i));
		sheaf_free(s, obj[i]);
	}
	sheaf_free(s, before);
	/* A reap passes this hart by, and keeps the slabs it needs. */
	(void)sheaf_reap(s);
	assert_int_equal(h->sh_main->sf_size, left);
	assert_ptr_equal(sheaf_alloc(s), before);
	leave(h);
	sheaf_free(s, before);
	assert_int_equal(h->sh_main->sf_size, left + 1);
	assert_int_not_equal(sheaf_reap(s), 0);
	assert_int_equal(h->sh_main->sf_size, 0);
	assert_true(sheaf_destroy(s));
}

/* An interrupt that fills and empties while its hart was away for slabs. */
static void
I5_2_a_sheaf_that_came_late_finds_a_place(void **state)
{
	struct sheaf_cache *s = sheaf_create(64, 0, NULL, NULL);
	struct sheaf_hart *h = &s->sc_harts[0];
	struct sheaf_facts f;
	void *obj[60];

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		obj[i] = sheaf_alloc(s);
	for (unsigned i = 0; i < 60; i++)
		sheaf_free(s, obj[i]);
	/* Main is full, the spare is the empty one; a full one comes: barn. */
	assert_int_equal(h->sh_main->sf_size, 60);
	assert_non_null(h->sh_spare);
	install_full(s, h, sheaf_fill(s, NULL));
	sheaf_look(s, &f);
	assert_int_equal(f.full, 1);
	/* An empty one comes when there is room already: barn. */
	install_empty(s, h, sheaf_new(s));
	sheaf_look(s, &f);
	assert_int_equal(f.empty, 1);
	assert_int_equal(h->sh_main->sf_size + h->sh_spare->sf_size, 60);
	/* Empty sheaves beyond ten are given back. */
	for (unsigned i = 0; i < 2 * SHEAF_BARN_MOST; i++)
		barn_put_empty(&s->sc_barn, sheaf_new(s));
	sheaf_look(s, &f);
	assert_int_equal(f.empty, SHEAF_BARN_MOST);
	assert_true(sheaf_destroy(s));
}

/* Of slabs that become empty so many stay in the list, by size. */
static void
I5_2_empty_slabs_stay_up_to_a_number(void **state)
{
	static const struct {
		size_t size;
		unsigned kept;
	} row[] = { { 64, 5 }, { 2048, 5 }, { 4096, 6 }, { 131072, 8 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(row); i++) {
		struct sheaf_cache *s =
		    sheaf_create(row[i].size, 0, NULL, NULL);
		struct slab_layer *sl = &s->sc_slabs;
		unsigned each =
		    (unsigned)slab_fits(sl->sl_stride, sl->sl_order);
		void *obj[12][64];

		for (unsigned n = 0; n < 12; n++)
			assert_int_equal(slab_take(sl, obj[n], each), each);
		assert_int_equal(sl->sl_listed, 0);
		for (unsigned n = 0; n < 12; n++)
			slab_give(sl, obj[n], each);
		assert_int_equal(sl->sl_listed, row[i].kept);
		assert_int_equal(sl->sl_frames, row[i].kept << sl->sl_order);
		assert_true(sheaf_destroy(s));
	}
}

/*
 * A slab that somebody has taken out of the list to drain it: what others free
 * into it meanwhile neither lists nor discards it.
 */
static void
I5_2_a_slab_in_hand_is_left_alone(void **state)
{
	struct sheaf_cache *s = sheaf_create(64, 0, NULL, NULL);
	struct slab_layer *sl = &s->sc_slabs;
	struct rival_link held;
	void *obj[64];
	struct slab *sp;

	(void)state;
	sl->sl_keep = 0;
	assert_int_equal(slab_take(sl, obj, 63), 63);
	assert_int_equal(sl->sl_listed, 1);
	rival_list_init(&held);
	slab_detach(sl, &held, 1);
	assert_int_equal(sl->sl_listed, 0);
	sp = RIVAL_ENTRY(held.rk_next, struct slab, sp_link);
	slab_give(sl, obj, 63);
	assert_int_equal(sl->sl_listed, 0);
	assert_int_equal(sl->sl_frames, 1);
	assert_int_equal(slab_drain(sl, sp, obj, 60), 60);
	/* What was not wanted made it partial again. */
	assert_int_equal(sl->sl_listed, 1);
	slab_give(sl, obj, 60);
	assert_int_equal(sl->sl_frames, 0);
	assert_true(sheaf_destroy(s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(I5_2_an_interrupt_inside_goes_to_the_slabs),
		world_test(I5_2_empty_slabs_stay_up_to_a_number),
		world_test(I5_2_a_slab_in_hand_is_left_alone),
		world_test(I5_2_a_sheaf_that_came_late_finds_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
