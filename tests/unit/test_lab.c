/* SPDX-License-Identifier: MIT */
/* bench/lab: names, parameters, facts, own memory, heaps, level ground. */

#include "tests/unit/mm_test.h"

#include <string.h>

#include "bench/lab/codes.h"

/* ---- two groups, two allocators, and noop, of the test's own ---- */

static const struct lab_bench first_group[] = {
	{ "micro/one", "text", LAB_ONE_HART,
	    { { "size", "bytes", 64, 4096, 8192 },
		{ "n", "objects", 1, 1, 1 } },
	    1, 1 },
	{ "micro/ours", "text", LAB_OURS, { { 0 } }, 1, 1 },
	{ 0 },
};
static const struct lab_bench second_group[] = {
	{ "smp/two", "text", LAB_TWO_UP, { { 0 } }, 1, 1 },
	{ "smp/reap", "text", LAB_REAP, { { 0 } }, 1, 1 },
	{ "smp/whole", "text", LAB_WHOLE, { { 0 } }, 1, 1 },
	{ 0 },
};
const struct lab_bench *const lab_groups[LAB_GROUPS] = { first_group, NULL,
	second_group };

static const struct lab_load loads_a[] = { { .ld_id = "micro/one" },
	{ .ld_id = "micro/ours" }, { 0 } };
static const struct lab_load loads_b[] = { { .ld_id = "smp/two" },
	{ .ld_id = "smp/reap" }, { .ld_id = "smp/whole" }, { 0 } };
static const struct lab_load *const both[] = { loads_a, loads_b, NULL };
static const struct lab_load *const one[] = { loads_a, NULL };

static const struct lab_variant ours = { "ours", "text",
	LAB_IS_OURS | LAB_CAN_REAP };
static const struct lab_variant rival = { "rival", "text", 0 };
static const struct lab_variant noop = { "noop", "text", 0 };
const struct lab_code lab_ours_code = { &ours, both, NULL };
static const struct lab_code rival_code = { &rival, one, NULL };
const struct lab_code lab_noop_code = { &noop, both, NULL };
const struct lab_code *const lab_codes[] = { &lab_ours_code, &rival_code,
	NULL };

static void
I5_1_names_find_what_is_there(void **state)
{
	(void)state;
	assert_string_equal(lab_bench_at(0)->lb_id, "micro/one");
	assert_string_equal(lab_bench_at(2)->lb_id, "smp/two");
	assert_string_equal(lab_bench_at(4)->lb_id, "smp/whole");
	assert_null(lab_bench_at(5));
	assert_null(lab_bench_at(SIZE_MAX));
	assert_ptr_equal(lab_find_bench("smp/two"), lab_bench_at(2));
	assert_null(lab_find_bench("smp/"));
	assert_null(lab_find_bench(""));
	assert_string_equal(lab_variant_at(0)->lv_name, "ours");
	assert_string_equal(lab_variant_at(2)->lv_name, "noop");
	assert_null(lab_variant_at(3));
	assert_ptr_equal(lab_find_variant("rival"), &rival);
	assert_null(lab_find_variant("our"));
	assert_ptr_equal(lab_code_of(&noop), &lab_noop_code);
	assert_ptr_equal(lab_load_of(&lab_ours_code, "smp/reap"), &loads_b[1]);
	assert_null(lab_load_of(&rival_code, "smp/reap"));
}

static void
I5_1_who_cannot_run_it_is_refused(void **state)
{
	(void)state;
	assert_null(lab_refuses(lab_find_bench("micro/ours"), &ours));
	assert_non_null(lab_refuses(lab_find_bench("micro/ours"), &rival));
	assert_null(lab_refuses(lab_find_bench("smp/reap"), &ours));
	assert_non_null(lab_refuses(lab_find_bench("smp/reap"), &noop));
	assert_non_null(lab_refuses(lab_find_bench("smp/whole"), &noop));
	assert_null(lab_refuses(lab_find_bench("micro/one"), &rival));
	/* The rival was compiled without that group. */
	assert_non_null(lab_refuses(lab_find_bench("smp/two"), &rival));
}

static void
I5_1_parameters_are_quick_or_given_and_bounded(void **state)
{
	const struct lab_bench *lb = lab_find_bench("micro/one");
	struct lab_options opt = { .harts = 0 };
	uint64_t values[LAB_PARAMS_MAX];

	(void)state;
	assert_null(lab_values(lb, &opt, values));
	assert_int_equal(values[0], 64);
	assert_int_equal(values[1], 1);
	opt.set[0] = true;
	opt.params[0] = 8192;
	assert_null(lab_values(lb, &opt, values));
	assert_int_equal(values[0], 8192);
	opt.params[0] = 8193;
	assert_non_null(lab_values(lb, &opt, values));
	opt.params[0] = 0;
	assert_null(lab_values(lb, &opt, values));
	opt.set[2] = true;
	assert_non_null(lab_values(lb, &opt, values));
	opt.set[2] = false;
	opt.harts = 2;
	assert_non_null(lab_values(lb, &opt, values));
	assert_null(lab_values(lab_find_bench("smp/two"),
	    &(struct lab_options){ .harts = LAB_HARTS_MAX }, values));
	assert_non_null(lab_values(lab_find_bench("smp/two"),
	    &(struct lab_options){ .harts = LAB_HARTS_MAX + 1 }, values));
	assert_non_null(lab_values(lab_find_bench("smp/two"),
	    &(struct lab_options){ .harts = 1 }, values));
}

static void
I5_1_a_load_reads_its_parameters_by_name(void **state)
{
	struct lab_run run = { .lr_bench = &first_group[0],
		.lr_param = { 7, 9 } };

	(void)state;
	assert_int_equal(lab_param(&run, "size"), 7);
	assert_int_equal(lab_param(&run, "n"), 9);
}

static void
I5_1_facts_are_bounded(void **state)
{
	static struct lab_result r;
	char name[LAB_NAME_MAX + 1] = "f00";
	unsigned i;

	(void)state;
	memset(&r, 0, sizeof(r));
	for (i = 0; i < LAB_FACTS_MAX; i++) {
		name[1] = (char)('0' + i / 10);
		name[2] = (char)('0' + i % 10);
		lab_fact(&r, name, "instr", LAB_LOWER, i, 0);
	}
	assert_null(r.error);
	assert_int_equal(r.facts, LAB_FACTS_MAX);
	assert_string_equal(r.fact[LAB_FACTS_MAX - 1].lf_name, "f31");
	assert_int_equal(r.fact[5].lf_value, 5);
	/* Never a division by zero. */
	assert_int_equal(r.fact[5].lf_per, 1);
	lab_fact(&r, "more", "instr", LAB_LOWER, 1, 1);
	assert_non_null(r.error);
	assert_int_equal(r.facts, LAB_FACTS_MAX);
	memset(&r, 0, sizeof(r));
	memset(name, 'x', LAB_NAME_MAX - 1);
	name[LAB_NAME_MAX - 1] = '\0';
	lab_fact(&r, name, "1", LAB_NEITHER, 1, 1);
	assert_null(r.error);
	lab_fact(&r, name, "1", LAB_NEITHER, 1, 1);
	assert_non_null(r.error); /* the same name again */
	r.error = NULL;
	name[LAB_NAME_MAX - 1] = 'x';
	name[LAB_NAME_MAX] = '\0';
	lab_fact(&r, name, "1", LAB_NEITHER, 1, 1);
	assert_non_null(r.error); /* too long */
}

static void
I5_1_own_memory_is_counted_and_no_heap_of_a_test(void **state)
{
	struct lab_run run = { .lr_variant = &ours };
	size_t before = lab_frames(&run), own = lab_memory_frames();
	char *p = lab_memory(3 * FRAME_SIZE + 1);
	size_t i;

	(void)state;
	assert_non_null(p);
	assert_int_equal(lab_memory_frames(), own + 4);
	assert_int_equal(lab_frames(&run), before + 4);
	for (i = 0; i < 3 * FRAME_SIZE + 1; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(frame_lookup((uintptr_t)p, NULL), FRAME_TAG_USER);
	lab_memory_free(p, 3 * FRAME_SIZE + 1);
	lab_memory_free(NULL, 5);
	assert_int_equal(lab_memory_frames(), own);
	/* No size makes it wrap to little. */
	assert_null(lab_memory(SIZE_MAX));
	assert_null(lab_memory((size_t)1 << 40));
	assert_int_equal(lab_memory_frames(), own);
	p = lab_memory(0);
	assert_non_null(p);
	lab_memory_free(p, 0);
}

static void
I5_1_the_first_fault_stays_until_it_is_taken(void **state)
{
	(void)state;
	assert_null(lab_fault_take());
	lab_fault("first");
	lab_fault("second");
	assert_string_equal(lab_fault_take(), "first");
	assert_null(lab_fault_take());
}

static void
I5_1_heaps_of_one_name_and_what_they_keep(void **state)
{
	const struct lab_spec spec = {
		.ls_name = "a-name-that-is-too-long-for-a-cache", .ls_size = 64
	};
	struct kmem_cache *a = lab_kmem_create(&spec, 0);
	struct kmem_cache *b = lab_kmem_create(&spec, KMEM_NOMAGAZINE);
	void *obj;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	obj = kmem_cache_alloc(a, 0);
	assert_non_null(obj);
	lab_kmem_destroy(b);
	assert_null(lab_fault_take());
	lab_kmem_destroy(a);
	assert_non_null(lab_fault_take());
	kmem_cache_free(a, obj);
	lab_kmem_destroy(a);
	lab_kmem_destroy(NULL);
	assert_null(lab_fault_take());
}

/* ---- level ground ---- */

struct shape {
	size_t runs, longest; /* free runs */
	uintptr_t at;
};

static void
see(void *arg, uintptr_t addr, size_t frames, unsigned tag)
{
	struct shape *sh = arg;

	if (tag != FRAME_TAG_FREE)
		return;
	sh->runs++;
	if (frames > sh->longest) {
		sh->longest = frames;
		sh->at = addr;
	}
}

/* Holes in the zone, caches with slabs that are partly used. */
static void
litter(struct kmem_cache *cp, void **objs, size_t n, void **frames, size_t k)
{
	size_t i;

	for (i = 0; i < n; i++)
		objs[i] = kmem_cache_alloc(cp, 0);
	for (i = 0; i < k; i++)
		frames[i] = frame_alloc(1 + i % 5, 1, 0, FRAME_TAG_USER);
	for (i = 0; i < k; i += 2) {
		frame_free(frames[i], 1 + i % 5);
		frames[i] = NULL;
	}
	for (i = 0; i < n; i += 3) {
		kmem_cache_free(cp, objs[i]);
		objs[i] = NULL;
	}
}

static void
I5_1_ground_leaves_one_run_and_no_room_in_own_slabs(void **state)
{
	static void *objs[3000], *frames[100];
	struct kmem_cache *cp = cache_make("litter", 100, NULL), *walk = NULL;
	struct lab_ground ground;
	struct shape sh = { 0 };
	size_t i, before;

	(void)state;
	litter(cp, objs, 3000, frames, 100);
	before = frame_free_count();
	assert_true(lab_ground_level(&ground));
	frame_walk(0, see, &sh);
	assert_int_equal(sh.runs, 1);
	assert_int_equal(sh.longest, frame_free_count());
	assert_int_equal((sh.at >> FRAME_SHIFT) % 64, 0);
	while ((walk = kmem_cache_next(walk)) != NULL) {
		struct kmem_stats st = stats_of(walk);

		if (strncmp(info_of(walk).name, "kmem-", 5) == 0)
			assert_int_equal(st.objects_inuse, st.objects_total);
	}
	lab_ground_restore(&ground);
	assert_true(frame_free_count() >= before);
	for (i = 0; i < 100; i++)
		if (frames[i] != NULL)
			frame_free(frames[i], 1 + i % 5);
	for (i = 0; i < 3000; i++)
		if (objs[i] != NULL)
			kmem_cache_free(cp, objs[i]);
	cache_unmake(cp);
}

/* Its teardown checks that all is given back, and mm's invariants. */
static void
I5_1_ground_without_memory_gives_everything_back(void **state)
{
	static void *frames[20000];
	struct lab_ground ground;
	size_t i, n = 0;

	(void)state;
	while (n < 20000 &&
	    (frames[n] = frame_alloc(1, 1, 0, FRAME_TAG_USER)) != NULL)
		n++;
	assert_true(n < 20000);
	/* True or false: with nothing free there is nothing to level. */
	(void)lab_ground_level(&ground);
	lab_ground_restore(&ground);
	for (i = 0; i < n; i++)
		frame_free(frames[i], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I5_1_names_find_what_is_there),
		cmocka_unit_test(I5_1_who_cannot_run_it_is_refused),
		cmocka_unit_test(
		    I5_1_parameters_are_quick_or_given_and_bounded),
		cmocka_unit_test(I5_1_a_load_reads_its_parameters_by_name),
		cmocka_unit_test(I5_1_facts_are_bounded),
		world_test(I5_1_own_memory_is_counted_and_no_heap_of_a_test),
		cmocka_unit_test(I5_1_the_first_fault_stays_until_it_is_taken),
		world_test(I5_1_heaps_of_one_name_and_what_they_keep),
		world_test(I5_1_ground_leaves_one_run_and_no_room_in_own_slabs),
		world_test(I5_1_ground_without_memory_gives_everything_back),
	};

	return cmocka_run_group_tests_name("lab", tests, NULL, NULL);
}
