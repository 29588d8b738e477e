/* SPDX-License-Identifier: MIT */
/*
 * The loads of the lab, each on an allocator that watches them: malloc under
 * the address sanitizer, which knows each object and its heap, and notes the
 * sequence of calls. It can be told to fail, and to be noop: one object for
 * all. A new group of benchmarks is a line in `groups`. On kmem itself:
 * test_lab_kmem.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lab_trial.h"

static const struct {
	const struct lab_bench *gr_benches;
	/* An operation is an object freed in a step; else: or one allocated. */
	bool gr_frees;
} groups[] = {
	{ lab_micro, true },
	{ lab_memory_benches, true },
	{ lab_latency, true },
	{ lab_control, true },
};

#define GROUPS    (sizeof(groups) / sizeof(groups[0]))
#define SMALL     64u  /* bytes of an object, when many are asked for */
#define STEPS_MAX 200u /* of a table */

/* ---- The allocator ---- */

struct checked;

struct object {
	struct object *ob_next, *ob_previous; /* of the heap */
	struct checked *ob_heap;
	uint64_t ob_serial;
};

struct checked {
	struct object ch_live;  /* head of the ring */
	struct object *ch_only; /* as noop: every object */
	struct lab_spec ch_spec;
	uint64_t ch_serial;
};

static struct {
	bool noop, small;
	uint64_t fail_alloc, fail_create; /* the n-th; 0: none */
	uint64_t slow; /* the n-th allocation takes five ticks; 0: none */
	uint64_t creates, refused, allocs, frees, reaps, failed;
	uint64_t live, heaps;
	uint64_t hash;         /* of calls and the heaps they went to */
	uint64_t hash_objects; /* and of the objects */
} check;

/* One step of FNV-1a, by words. */
static void
mix(uint64_t *hash, uint64_t word)
{
	*hash = (*hash ^ word) * UINT64_C(0x100000001b3);
}

static struct object *
object_new(struct checked *heap)
{
	const struct lab_spec *spec = &heap->ch_spec;
	size_t bytes =
	    check.small && spec->ls_size > SMALL && spec->ls_ctor == NULL
	    ? SMALL
	    : spec->ls_size;
	struct object *ob = malloc(sizeof(*ob) + bytes);

	assert_non_null(ob);
	memset(ob + 1, 0xa5, bytes < SMALL ? bytes : SMALL);
	ob->ob_heap = heap;
	ob->ob_serial = check.allocs;
	if (spec->ls_ctor != NULL)
		assert_int_equal(spec->ls_ctor(ob + 1, spec->ls_arg), 0);
	return ob;
}

typedef struct checked heap_t;

static heap_t *
adapter_create(const struct lab_spec *spec)
{
	heap_t *heap;

	assert_non_null(spec->ls_name);
	if (spec->ls_size == 0 || spec->ls_size > KMEM_SIZE_MAX) {
		check.refused++;
		return NULL;
	}
	if (++check.creates == check.fail_create)
		return NULL;
	heap = calloc(1, sizeof(*heap));
	assert_non_null(heap);
	heap->ch_spec = *spec;
	heap->ch_serial = check.creates;
	heap->ch_live.ob_next = heap->ch_live.ob_previous = &heap->ch_live;
	if (check.noop)
		heap->ch_only = object_new(heap);
	check.heaps++;
	return heap;
}

static void *
adapter_alloc(heap_t *heap)
{
	struct object *ob = heap->ch_only;

	mix(&check.hash, heap->ch_serial);
	check.allocs++;
	if (check.allocs == check.slow)
		trial_ticks += 5 * TRIAL_TICK;
	if (check.allocs == check.fail_alloc) {
		check.failed++;
		return NULL;
	}
	check.live++;
	if (ob == NULL) {
		ob = object_new(heap);
		ob->ob_next = heap->ch_live.ob_next;
		ob->ob_previous = &heap->ch_live;
		ob->ob_next->ob_previous = ob->ob_previous->ob_next = ob;
	}
	return ob + 1;
}

static void
adapter_free(heap_t *heap, void *obj)
{
	struct object *ob = (struct object *)obj - 1;

	assert_non_null(obj);
	assert_ptr_equal(ob->ob_heap, heap);
	mix(&check.hash, heap->ch_serial << 32);
	mix(&check.hash_objects, ob->ob_serial);
	check.frees++;
	check.live--;
	if (heap->ch_only != NULL)
		return;
	ob->ob_next->ob_previous = ob->ob_previous;
	ob->ob_previous->ob_next = ob->ob_next;
	free(ob);
}

static void
adapter_destroy(heap_t *heap)
{
	assert_ptr_equal(heap->ch_live.ob_next, &heap->ch_live);
	free(heap->ch_only);
	free(heap);
	check.heaps--;
}

static size_t
adapter_reap(heap_t *heap)
{
	mix(&check.hash, heap->ch_serial << 48);
	check.reaps++;
	return check.noop ? 0 : 1;
}

#define ADAPTER_GROUPS check_groups
#include "bench/lab/load/all.c"

static const struct lab_variant check_variant = { "check", "malloc, checked",
	LAB_CAN_CTOR | LAB_CAN_REAP };

/* As if an object had a frame to itself. */
static size_t
check_frames(void)
{
	return check.live;
}

static const struct lab_code check_code = { &check_variant, check_groups,
	check_frames };

static void
forget(void)
{
	memset(&check, 0, sizeof(check));
}

static void
quick(struct trial *t, const struct lab_bench *bench, unsigned harts)
{
	trial_init(t, bench, &check_code, harts);
	t->tr_frees = &check.frees;
	t->tr_allocs = &check.allocs;
}

static void
run_trial(struct trial *t)
{
	trial_run(t);
	/* However it went. */
	assert_int_equal(check.live, 0);
	assert_int_equal(check.heaps, 0);
}

static bool
is(const struct lab_bench *bench, const char *id)
{
	return strcmp(bench->lb_id, id) == 0;
}

static bool
can_run(const struct lab_bench *bench, unsigned harts)
{
	/* It needs a file that the machine was started with. */
	if (is(bench, "trace/file"))
		return false;
	if ((bench->lb_flags & LAB_ONE_HART) != 0)
		return harts == 1;
	return (bench->lb_flags & LAB_TWO_UP) == 0 || harts > 1;
}

/* What for_all is at: a test that fails says it. */
static const struct lab_bench *at_bench;
static unsigned at_harts;
static bool at_frees; /* of its group */

static int
say_where(void **state)
{
	(void)state;
	if (at_bench != NULL)
		print_error("at %s on %u harts\n", at_bench->lb_id, at_harts);
	at_bench = NULL;
	return 0;
}

/* fn on all benchmarks, on 1, 2, 3, 4 and 8 harts. */
static void
for_all(void (*fn)(const struct lab_bench *bench, unsigned harts))
{
	static const unsigned harts[] = { 1, 2, 3, 4, TRIAL_HARTS_MAX };
	const struct lab_bench *lb;
	unsigned g, h;

	for (g = 0; g < GROUPS; g++)
		for (lb = groups[g].gr_benches; lb->lb_id != NULL; lb++)
			for (h = 0; h < sizeof(harts) / sizeof(harts[0]); h++)
				if (can_run(lb, harts[h])) {
					at_bench = lb;
					at_harts = harts[h];
					at_frees = groups[g].gr_frees;
					forget();
					fn(lb, harts[h]);
				}
	at_bench = NULL;
}

/* ---- The tests ---- */

static void
check_table(const struct lab_bench *bench, unsigned harts)
{
	const struct lab_load *ld = trial_load(&check_code, bench->lb_id);
	const struct lab_param *lp = bench->lb_params;
	size_t n = strlen(bench->lb_text);
	unsigned i, j;

	(void)harts;
	assert_non_null(ld);
	assert_non_null(ld->ld_open);
	assert_non_null(ld->ld_step);
	assert_non_null(ld->ld_leave);
	assert_non_null(ld->ld_close);
	assert_true(n > 10 && n < 140 && bench->lb_text[n - 1] != '.');
	assert_in_range(bench->lb_steps, 1, STEPS_MAX);
	for (i = 0; i < LAB_PARAMS_MAX && lp[i].lp_name != NULL; i++) {
		assert_true(strlen(lp[i].lp_text) > 0);
		assert_in_range(lp[i].lp_quick, 0, lp[i].lp_max);
		assert_in_range(lp[i].lp_full, 0, lp[i].lp_max);
		for (j = 0; j < i; j++)
			assert_string_not_equal(lp[i].lp_name, lp[j].lp_name);
	}
}

static void
I5_1_each_benchmark_has_its_load_and_a_sane_table(void **state)
{
	(void)state;
	for_all(check_table);
}

/* Loads whose operation is no pair of the heap, and why. */
static bool
has_pairs(const struct lab_bench *bench)
{
	return !is(bench, "control/spin"); /* rounds of arithmetic */
}

static void
check_complete(const struct lab_bench *bench, unsigned harts)
{
	struct trial t;

	quick(&t, bench, harts);
	run_trial(&t);
	assert_int_equal(t.tr_went, WENT_WELL);
	assert_true(t.tr_ops > 0);
	if (has_pairs(bench)) {
		if (at_frees)
			assert_int_equal(t.tr_ops, t.tr_freed);
		else if (t.tr_allocated > t.tr_freed)
			assert_in_range(t.tr_ops, t.tr_freed, t.tr_allocated);
		else
			assert_in_range(t.tr_ops, t.tr_allocated, t.tr_freed);
		/* Quick means cheap. */
		assert_true(t.tr_ops <= 21000u + 5000u * (harts - 1));
	}
	if ((bench->lb_flags & LAB_TIMED) != 0)
		assert_true(t.tr_timed >= t.tr_ops);
	if ((bench->lb_flags & LAB_WHOLE) != 0)
		assert_true(t.tr_out.facts > 0);
	if ((bench->lb_flags & LAB_REAP) != 0)
		assert_true(check.reaps > 0);
}

static void
I5_1_a_load_frees_all_and_counts_what_it_freed(void **state)
{
	(void)state;
	for_all(check_complete);
}

static void
check_repeats(const struct lab_bench *bench, unsigned harts)
{
	uint64_t hash, objects;
	struct trial t;

	quick(&t, bench, harts);
	run_trial(&t);
	hash = check.hash;
	objects = check.hash_objects;
	forget();
	run_trial(&t);
	assert_true(hash == check.hash);
	assert_true(objects == check.hash_objects);
}

static void
I5_3_the_same_seed_makes_the_same_calls(void **state)
{
	(void)state;
	for_all(check_repeats);
}

/* What is subtracted must have made the same calls, whatever it returned. */
static void
check_noop(const struct lab_bench *bench, unsigned harts)
{
	struct trial t;
	uint64_t hash, ops;

	quick(&t, bench, harts);
	run_trial(&t);
	hash = check.hash;
	ops = t.tr_ops;
	forget();
	check.noop = true;
	run_trial(&t);
	assert_int_equal(t.tr_went, WENT_WELL);
	assert_true(hash == check.hash);
	assert_int_equal(ops, t.tr_ops);
}

static void
I5_3_no_load_looks_at_addresses(void **state)
{
	(void)state;
	for_all(check_noop);
}

static void
I5_1_another_seed_makes_other_calls(void **state)
{
	static const char *const random[] = { "memory/frag-steady",
		"memory/mag-hold", "latency/tail" };
	const struct lab_bench *lb;
	struct trial t;
	uint64_t hash;
	unsigned g, i, seen = 0;

	(void)state;
	for (g = 0; g < GROUPS; g++)
		for (lb = groups[g].gr_benches; lb->lb_id != NULL; lb++)
			for (i = 0; i < sizeof(random) / sizeof(random[0]);
			     i++) {
				if (!is(lb, random[i]))
					continue;
				forget();
				quick(&t, lb, 1);
				run_trial(&t);
				hash = check.hash;
				forget();
				t.tr_seed++;
				run_trial(&t);
				assert_true(hash != check.hash);
				seen++;
			}
	assert_int_equal(seen, i);
}

/* One of memory's benchmarks looks for the end of memory. */
static bool
may_fail(const struct lab_bench *bench)
{
	return is(bench, "memory/oom");
}

static void
check_failing(const struct lab_bench *bench, unsigned harts)
{
	struct trial t;
	uint64_t k;

	if (harts == 2 || harts == 4)
		return;
	quick(&t, bench, harts);
	for (k = 1;; k += k < 12 ? 1 : k / 2) {
		forget();
		check.fail_alloc = k;
		run_trial(&t);
		if (check.failed == 0)
			break;
		if (!may_fail(bench))
			assert_int_not_equal(t.tr_went, WENT_WELL);
	}
	assert_int_equal(t.tr_went, WENT_WELL);
}

static void
I5_7_no_allocation_that_fails_leaks_or_goes_unseen(void **state)
{
	(void)state;
	for_all(check_failing);
}

static void
check_uncreated(const struct lab_bench *bench, unsigned harts)
{
	struct trial t;
	uint64_t k;

	if (harts > 2)
		return;
	quick(&t, bench, harts);
	for (k = 1;; k++) {
		forget();
		check.fail_create = k;
		run_trial(&t);
		if (check.creates < k)
			break;
		/* The first heaps are made by open; others, by steps. */
		assert_int_not_equal(t.tr_went, WENT_WELL);
	}
	assert_true(k <= LAB_HEAPS_MAX + 1u);
}

static void
I5_7_no_heap_that_fails_leaks_or_goes_unseen(void **state)
{
	(void)state;
	for_all(check_uncreated);
}

/* Two steps with each parameter at its ends, and with all of them there. */
static void
check_bounds(const struct lab_bench *bench, unsigned harts)
{
	const struct lab_param *lp = bench->lb_params;
	struct trial t;
	unsigned i, which, n;

	if (harts > 2)
		return;
	for (n = 0; n < LAB_PARAMS_MAX && lp[n].lp_name != NULL; n++)
		;
	for (which = 0; which < 2 * (n + 1); which++) {
		quick(&t, bench, harts);
		t.tr_rounds = 2;
		for (i = 0; i < n; i++)
			if (which / 2 == i || which / 2 == n)
				t.tr_param[i] =
				    which % 2 == 0 ? 0 : lp[i].lp_max;
		forget();
		check.small = true;
		run_trial(&t);
		/* An allocator may refuse a size: then nothing happens. */
		if (check.refused > 0)
			assert_int_equal(t.tr_went, NOT_OPENED);
		else
			assert_int_equal(t.tr_went, WENT_WELL);
	}
}

static void
I5_7_parameters_at_their_ends(void **state)
{
	(void)state;
	for_all(check_bounds);
}

static void
run_memory(struct trial *t, const char *id, unsigned harts)
{
	forget();
	quick(t, trial_bench(lab_memory_benches, id), harts);
	run_trial(t);
	assert_int_equal(t->tr_went, WENT_WELL);
}

/* Where each object has a frame to itself, all figures are known. */
static void
I5_1_memory_figures_are_those_of_the_objects(void **state)
{
	struct trial t;

	(void)state;
	run_memory(&t, "memory/footprint", 1);
	assert_int_equal(trial_fact(&t, "bytes_asked")->lf_value, 20000 * 64);
	assert_int_equal(
	    trial_fact(&t, "overhead")->lf_value, 20000 * FRAME_SIZE);
	assert_int_equal(trial_fact(&t, "overhead")->lf_per, 20000 * 64);
	run_memory(&t, "memory/footprint", 8);
	assert_int_equal(trial_fact(&t, "bytes_asked")->lf_value, 20000 * 64);
	run_memory(&t, "memory/blowup", 2);
	assert_int_equal(trial_fact(&t, "bytes_asked")->lf_value, 250 * 64);
	assert_int_equal(trial_fact(&t, "frames_grown")->lf_value, 0);
	run_memory(&t, "memory/blowup", 8);
	assert_int_equal(trial_fact(&t, "bytes_asked")->lf_value, 250 * 64);
	run_memory(&t, "memory/frag-adversary", 1);
	assert_int_equal(trial_fact(&t, "frames_full")->lf_value, 4096);
	assert_int_equal(trial_fact(&t, "frames_pinned")->lf_value, 64);
	assert_int_equal(trial_fact(&t, "bytes_live")->lf_value, 64 * 64);
	assert_int_equal(trial_fact(&t, "frames_other")->lf_value, 64 + 2048);
	assert_int_equal(trial_fact(&t, "frames_end")->lf_value, 0);
	run_memory(&t, "memory/shrink", 1);
	assert_int_equal(trial_fact(&t, "frames_left")->lf_value, 750);
	assert_int_equal(trial_fact(&t, "overhead")->lf_per, 750 * 64);
	/* One tick is what reading costs: nothing is left of it. */
	assert_int_equal(trial_fact(&t, "reap")->lf_value, 0);
	run_memory(&t, "memory/reap", 1);
	assert_int_equal(trial_fact(&t, "frames_left")->lf_value, 0);
	assert_int_equal(trial_fact(&t, "frames_back")->lf_value, 3);
}

/* Percentiles are of the calls of all lanes. */
static void
I5_1_latency_sums_up_all_lanes(void **state)
{
	struct trial t;

	(void)state;
	forget();
	quick(&t, trial_bench(lab_latency, "latency/tail-grow"), 8);
	run_trial(&t);
	/* 2,000 allocations of each lane, for nothing but a tick. */
	assert_int_equal(t.tr_timed, 8 * 2000);
	assert_int_equal(trial_fact(&t, "p50")->lf_value, 0);
	assert_int_equal(trial_fact(&t, "max")->lf_value, 0);
	forget();
	check.slow = 1999; /* one call of all */
	run_trial(&t);
	assert_int_equal(trial_fact(&t, "p999")->lf_value, 0);
	assert_int_equal(trial_fact(&t, "max")->lf_value, 5 * TRIAL_TICK);
	assert_string_equal(trial_fact(&t, "max")->lf_unit, "instr");
}

/* A failing call is what this one is about: it is counted, and survived. */
static void
I5_1_oom_counts_the_calls_that_fail(void **state)
{
	struct trial t;

	(void)state;
	run_memory(&t, "memory/oom", 1);
	assert_int_equal(trial_fact(&t, "failed_allocs")->lf_value, 0);
	assert_int_equal(trial_fact(&t, "objects")->lf_value, 201);
	forget();
	check.fail_alloc = 151;
	run_trial(&t);
	assert_int_equal(t.tr_went, WENT_WELL);
	/* The second round finds memory again, up to its last place. */
	assert_int_equal(trial_fact(&t, "objects")->lf_value, 201);
	assert_true(t.tr_ops == t.tr_freed - 4u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    I5_1_each_benchmark_has_its_load_and_a_sane_table,
		    say_where),
		cmocka_unit_test_teardown(
		    I5_1_a_load_frees_all_and_counts_what_it_freed, say_where),
		cmocka_unit_test_teardown(
		    I5_3_the_same_seed_makes_the_same_calls, say_where),
		cmocka_unit_test_teardown(
		    I5_3_no_load_looks_at_addresses, say_where),
		cmocka_unit_test_teardown(
		    I5_1_another_seed_makes_other_calls, say_where),
		cmocka_unit_test_teardown(
		    I5_7_no_allocation_that_fails_leaks_or_goes_unseen,
		    say_where),
		cmocka_unit_test_teardown(
		    I5_7_no_heap_that_fails_leaks_or_goes_unseen, say_where),
		cmocka_unit_test_teardown(
		    I5_7_parameters_at_their_ends, say_where),
		cmocka_unit_test_teardown(
		    I5_1_memory_figures_are_those_of_the_objects, say_where),
		cmocka_unit_test_teardown(
		    I5_1_latency_sums_up_all_lanes, say_where),
		cmocka_unit_test_teardown(
		    I5_1_oom_counts_the_calls_that_fail, say_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
