/* SPDX-License-Identifier: MIT */
/*
 * The loads of the lab on kmem itself, each lane on a hart of its own: what the
 * figures of group memory must show of an allocator whose ways are known.
 */
#include "tests/unit/mm_test.h"

#include <stdio.h>

#include "tests/unit/lab_trial.h"

static unsigned create_flags;
static unsigned serial;

typedef struct kmem_cache heap_t;

static heap_t *
adapter_create(const struct lab_spec *spec)
{
	const struct kmem_options opt = { .align = spec->ls_align,
		.ctor = spec->ls_ctor,
		.arg = spec->ls_arg,
		.magazine = spec->ls_mag,
		.flags = create_flags };
	struct kmem_cache *cp;
	char name[KMEM_NAME_MAX];

	(void)snprintf(name, sizeof(name), "lab-%u", ++serial);
	return kmem_cache_create(&cp, name, spec->ls_size, &opt, NULL) == 0
	    ? cp
	    : NULL;
}

static void *
adapter_alloc(heap_t *cp)
{
	return kmem_cache_alloc(cp, 0);
}

static void
adapter_free(heap_t *cp, void *obj)
{
	kmem_cache_free(cp, obj);
}

static void
adapter_destroy(heap_t *cp)
{
	assert_int_equal(kmem_cache_destroy(cp), 0);
}

static size_t
adapter_reap(heap_t *cp)
{
	return kmem_cache_shrink(cp);
}

#define ADAPTER_GROUPS kmem_groups
#include "bench/lab/load/all.c"

static size_t
frames_used(void)
{
	return frame_total_count() - frame_free_count();
}

static const struct lab_variant kmem_variant = { "kmem", "kmem on the host",
	LAB_CAN_CTOR | LAB_CAN_REAP | LAB_CAN_COLOUR | LAB_IS_OURS };
static const struct lab_code kmem_code = { &kmem_variant, kmem_groups,
	frames_used };

static void
run(struct trial *t, const struct lab_bench *bench, unsigned harts)
{
	trial_init(t, bench, &kmem_code, harts);
	t->tr_on_lane = mm_host_attach;
	trial_run(t);
	assert_int_equal(t->tr_went, WENT_WELL);
}

static void
run_memory(struct trial *t, const char *id, unsigned harts)
{
	run(t, trial_bench(lab_memory_benches, id), harts);
}

static double
figure(const struct trial *t, const char *name)
{
	const struct lab_fact *lf = trial_fact(t, name);

	return (double)lf->lf_value / (double)lf->lf_per;
}

/* Whatever a load leaves behind fails in adapter_destroy or the teardown. */
static void
I5_1_all_loads_run_on_kmem(void **state)
{
	static const struct lab_bench *const groups[] = { lab_micro,
		lab_memory_benches, lab_latency, lab_control };
	const struct lab_bench *lb;
	struct trial t;
	unsigned g;

	(void)state;
	for (g = 0; g < ARRAY_COUNT(groups); g++)
		for (lb = groups[g]; lb->lb_id != NULL; lb++) {
			if ((lb->lb_flags & LAB_TWO_UP) == 0)
				run(&t, lb, 1);
			if ((lb->lb_flags & LAB_ONE_HART) == 0)
				run(&t, lb, 4);
		}
}

static void
I5_1_colouring_shows_in_the_cache_model(void **state)
{
	struct trial with, without;

	(void)state;
	run_memory(&with, "memory/colour", 1);
	create_flags = KMEM_NOCOLOUR;
	run_memory(&without, "memory/colour", 1);
	create_flags = 0;
	assert_int_equal(figure(&with, "slabs"), 64);
	assert_int_equal(figure(&without, "slabs"), 64);
	/* 64 lines in one set of eight ways: each misses, again and again. */
	assert_int_equal(figure(&without, "sets_used"), 1);
	assert_int_equal(figure(&without, "misses_first"), 1);
	assert_true(figure(&with, "sets_used") >= 8);
	assert_true(figure(&with, "misses_first") < 0.2);
	assert_true(
	    figure(&with, "misses_all") < figure(&without, "misses_all"));
}

static void
I5_1_memory_does_not_grow_from_hart_to_hart(void **state)
{
	const struct lab_bench *lb =
	    trial_bench(lab_memory_benches, "memory/blowup");
	struct trial t;
	unsigned harts;

	(void)state;
	for (harts = 1; harts <= 3; harts++) {
		trial_init(&t, lb, &kmem_code, harts);
		t.tr_on_lane = mm_host_attach;
		t.tr_rounds = 1000;
		trial_run(&t);
		assert_int_equal(t.tr_went, WENT_WELL);
		print_message("%u harts: %.0f frames grown, peak over live "
			      "%.2f\n",
		    harts, figure(&t, "frames_grown"), figure(&t, "overhead"));
		/* 250,000 objects went by, 3,900 frames of them. */
		assert_true(figure(&t, "frames_grown") <= 1);
		assert_true(figure(&t, "overhead") < 8);
	}
}

static void
I5_1_survivors_pin_their_slabs(void **state)
{
	struct trial t;

	(void)state;
	run_memory(&t, "memory/frag-adversary", 1);
	/* 4,096 objects of 64 B are 64 frames, and each group keeps one. */
	assert_in_range(figure(&t, "frames_full"), 64, 96);
	assert_in_range(figure(&t, "frames_pinned"), 32, 96);
	assert_true(figure(&t, "frames_end") < 24);
}

static void
I5_1_small_magazines_keep_less(void **state)
{
	const struct lab_bench *lb =
	    trial_bench(lab_memory_benches, "memory/mag-hold");
	static const unsigned sizes[] = { 1, 8, 61 };
	double idle[ARRAY_COUNT(sizes)];
	struct trial t;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		trial_init(&t, lb, &kmem_code, 4);
		t.tr_on_lane = mm_host_attach;
		trial_set(&t, "mag", sizes[i]);
		trial_run(&t);
		assert_int_equal(t.tr_went, WENT_WELL);
		idle[i] = figure(&t, "idle_bytes");
		print_message(
		    "magazines of %u: %.0f B idle\n", sizes[i], idle[i]);
	}
	assert_true(idle[0] <= idle[1]);
	assert_true(idle[1] < idle[2]);
}

static void
I5_1_a_reap_gives_back_what_is_not_in_use(void **state)
{
	struct trial t;

	(void)state;
	run_memory(&t, "memory/reap", 1);
	/* 1,500 objects of 64 B are 24 frames. */
	assert_true(figure(&t, "frames_back") >= 24);
	run_memory(&t, "memory/shrink", 1);
	assert_true(figure(&t, "overhead") >= 1);
	run_memory(&t, "memory/footprint", 4);
	assert_true(figure(&t, "overhead") >= 1);
	assert_true(figure(&t, "overhead") < 1.5);
}

static void
I5_1_a_limit_is_the_end_of_memory(void **state)
{
	struct trial t;

	(void)state;
	run_memory(&t, "memory/oom", 1);
	assert_int_equal(figure(&t, "objects"), 200);
	assert_int_equal(figure(&t, "failed_allocs"), 8);
	/* Without a limit the zone is: 64 MiB, 64 KiB each. */
	trial_set(&t, "limit", 0);
	trial_run(&t);
	assert_int_equal(t.tr_went, WENT_WELL);
	assert_in_range(figure(&t, "objects"), 900, 1024);
	assert_int_equal(figure(&t, "failed_allocs"), 8);
}

#define ROW(name)                                                              \
	cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(I5_1_all_loads_run_on_kmem),
		ROW(I5_1_colouring_shows_in_the_cache_model),
		ROW(I5_1_memory_does_not_grow_from_hart_to_hart),
		ROW(I5_1_survivors_pin_their_slabs),
		ROW(I5_1_small_magazines_keep_less),
		ROW(I5_1_a_reap_gives_back_what_is_not_in_use),
		ROW(I5_1_a_limit_is_the_end_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
