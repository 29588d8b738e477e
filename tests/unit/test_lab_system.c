/* SPDX-License-Identifier: MIT */
/*
 * Group system on this machine: the zones by order, and the heap that the lab
 * lends to a program of another floor. The program here is not Lua but one that
 * looks after every byte it was given.
 */
#include <bench/guest.h>

#include "tests/unit/lab_world.h"

#include <mm/frame.h>
#include <mm/host.h>

#define ZONE_BYTES ((size_t)64 << 20)
#define BLOCKS     64u
#define CHANGES    1500u
#define BLOCK_MAX  20000u /* bytes; above the largest class */

/* ---- the zones ---- */

static const struct lab_bench *
bench_of(const char *id)
{
	size_t i;

	for (i = 0; lab_system[i].lb_id != NULL; i++)
		if (strcmp(lab_system[i].lb_id, id) == 0)
			return &lab_system[i];
	fail_msg("no benchmark '%s'", id);
	return NULL;
}

static void
with_memory(size_t bytes)
{
	mm_host_fini();
	assert_int_equal(mm_host_init(bytes, 2), 0);
}

static void
I5_1_the_zone_is_measured_by_order(void **state)
{
	const struct lab_bench *bench = bench_of("system/zone");
	struct world_run wr;
	size_t free_before;
	unsigned i;

	(void)state;
	with_memory(ZONE_BYTES);
	free_before = frame_free_count();
	world_forget();
	world_run(&wr, bench, 2, WORLD_QUICK, bench->lb_warm + bench->lb_steps);
	assert_false(wr.wr_failed);
	assert_int_equal(frame_free_count(), free_before);
	/* Allocate and free, of each of 11 orders. */
	assert_int_equal(world_facts, 22);
	assert_string_equal(world_fact_list[0].lf_name, "alloc_order_0");
	assert_string_equal(world_fact_list[21].lf_name, "free_order_10");
	for (i = 0; i < world_facts; i++) {
		const struct lab_fact *f = &world_fact_list[i];

		/* The tick steps by one; the reading itself is taken off. */
		assert_int_equal(f->lf_value, 0);
		/* Two counted rounds of two harts: 8 runs, at the end 1. */
		assert_int_equal(f->lf_per,
		    i / 2 <= 5       ? 32
			: i / 2 == 6 ? 16
			: i / 2 == 7 ? 8
				     : 4);
	}
	mm_host_fini();
}

static void
I5_1_a_zone_that_is_too_small_is_a_failure_and_no_leak(void **state)
{
	struct world_run wr;
	size_t free_before;

	(void)state;
	with_memory((size_t)3 << 20);
	free_before = frame_free_count();
	world_forget();
	world_run(&wr, bench_of("system/zone"), 2, WORLD_QUICK, 33);
	assert_true(wr.wr_failed);
	assert_int_equal(frame_free_count(), free_before);
	mm_host_fini();
}

/* ---- the program ---- */

struct block {
	uint8_t *bl_at;
	size_t bl_bytes;
	uint8_t bl_mark;
};

static void
fill(struct block *b, uint8_t mark)
{
	b->bl_mark = mark;
	if (b->bl_at != NULL)
		memset(b->bl_at, mark, b->bl_bytes);
}

static void
look(const struct block *b, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		assert_int_equal(b->bl_at[i], b->bl_mark);
}

static size_t
some_size(uint64_t *random)
{
	uint64_t r = bench_random(random);

	/* Mostly small, at times more than any class. */
	return 1u + (size_t)(r >> 8) % (r % 8u == 0 ? BLOCK_MAX : 300u);
}

/* One block changes. False: no memory, and the block is as it was. */
static bool
change(const struct lab_guest_heap *heap, struct block *b, uint64_t *random)
{
	size_t bytes = some_size(random);
	size_t keep = bytes < b->bl_bytes ? bytes : b->bl_bytes;
	uint8_t *moved;

	if (b->bl_at != NULL && bench_random(random) % 3u == 0) {
		look(b, b->bl_bytes);
		(void)heap->gh_resize(heap->gh_arg, b->bl_at, b->bl_bytes, 0);
		memset(b, 0, sizeof(*b));
		return true;
	}
	moved = heap->gh_resize(
	    heap->gh_arg, b->bl_at, b->bl_at != NULL ? b->bl_bytes : 5, bytes);
	if (moved == NULL) {
		/* What gets no larger never meets that. */
		assert_true(b->bl_at == NULL || bytes > b->bl_bytes);
		look(b, b->bl_bytes);
		return false;
	}
	assert_int_equal((uintptr_t)moved % 8u, 0);
	b->bl_at = moved;
	look(b, keep);
	b->bl_bytes = bytes;
	fill(b, (uint8_t)bench_random(random));
	return true;
}

bool
lab_guest_run(const struct lab_guest_heap *heap, enum lab_guest_job job,
    uint64_t (*tick)(void), uint64_t *ticks)
{
	static struct block blocks[BLOCKS];
	uint64_t random = bench_seed(job, 1), start = tick();
	bool done = true;
	unsigned i;

	memset(blocks, 0, sizeof(blocks));
	for (i = 0; i < CHANGES && done; i++)
		done = change(heap, &blocks[i % BLOCKS], &random);
	for (i = 0; i < BLOCKS; i++)
		if (blocks[i].bl_at != NULL)
			(void)heap->gh_resize(heap->gh_arg, blocks[i].bl_at,
			    blocks[i].bl_bytes, 0);
	*ticks += tick() - start;
	return done;
}

static void
I5_1_a_guest_keeps_every_byte(void **state)
{
	struct world_run wr;

	(void)state;
	world_forget();
	world_run(&wr, bench_of("system/lua"), 1, WORLD_QUICK, 1);
	assert_false(wr.wr_failed);
	assert_int_equal(world_facts, 4);
	assert_string_equal(world_fact_list[3].lf_name, "strings_arena");
	assert_true(world.wo_allocs > 1000);
}

static void
I5_1_a_guest_survives_any_failed_allocation(void **state)
{
	struct world_run wr;
	unsigned failed = 0;
	uint64_t calls, k;

	(void)state;
	world_forget();
	world_run(&wr, bench_of("system/lua"), 1, WORLD_QUICK, 1);
	calls = world.wo_allocs;
	for (k = 1; k < calls; k += 1 + k / 8) {
		world_forget();
		world.wo_fail_at = k;
		world_run(&wr, bench_of("system/lua"), 1, WORLD_QUICK, 1);
		assert_int_equal(world.wo_fail_at, 0);
		failed += wr.wr_failed;
	}
	/* Not each: a block that shrinks stays where it is. */
	assert_true(failed > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I5_1_the_zone_is_measured_by_order),
		cmocka_unit_test(
		    I5_1_a_zone_that_is_too_small_is_a_failure_and_no_leak),
		cmocka_unit_test(I5_1_a_guest_keeps_every_byte),
		cmocka_unit_test(I5_1_a_guest_survives_any_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
