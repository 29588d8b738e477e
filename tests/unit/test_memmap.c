/* SPDX-License-Identifier: MIT */
/*
 * The memory map against a bitmap. A small world of 1 KiB grains is laid
 * anywhere in the address space (around 4 GiB, at 0, at the very top); which
 * frames may be used is found grain by grain, and compared.
 */
#include "tests/unit/kernel_test.h"

#include <stdlib.h>

#include <kernel/memmap.h>

#define GRAIN  1024ull
#define FRAME  4096ull
#define GRAINS 1024u
#define FRAMES (GRAINS * GRAIN / FRAME)
#define FOUR_G (1ull << 32)

struct world {
	uint64_t origin;
	struct memmap_range banks[16], reserved[64], kernel;
	unsigned n_banks, n_reserved;
	uint64_t limit, top;
	bool usable[FRAMES];
};

static uint64_t
range_end(struct memmap_range r)
{
	return r.size > UINT64_MAX - r.base ? UINT64_MAX : r.base + r.size;
}

static bool
touches(struct memmap_range r, uint64_t from, uint64_t to)
{
	return r.size > 0 && r.base < to && from < range_end(r);
}

static bool
grain_in_banks(const struct world *w, uint64_t at)
{
	for (unsigned i = 0; i < w->n_banks; i++)
		if (touches(w->banks[i], at, at + GRAIN))
			return true;
	return false;
}

/* The lowest base of a bank with the kernel in it; 0: there is none. */
static uint64_t
own_base(const struct world *w)
{
	uint64_t base = UINT64_MAX;

	for (unsigned i = 0; i < w->n_banks; i++)
		if (touches(w->banks[i], w->kernel.base, w->kernel.base + 1) &&
		    w->banks[i].base < base)
			base = w->banks[i].base;
	return base == UINT64_MAX ? 0 : base;
}

static bool
frame_usable(const struct world *w, uint64_t at)
{
	if (at + FRAME > w->top || at + FRAME < at)
		return false;
	for (uint64_t g = at; g < at + FRAME; g += GRAIN)
		if (!grain_in_banks(w, g))
			return false;
	for (unsigned i = 0; i < w->n_reserved; i++)
		if (touches(w->reserved[i], at, at + FRAME))
			return false;
	return w->kernel.size == 0 ||
	    !(own_base(w) < at + FRAME && at < range_end(w->kernel));
}

static struct memmap_range
random_range(struct rng *r, uint64_t origin, size_t grains)
{
	uint64_t base = origin + rng_below(r, GRAINS) * GRAIN;
	uint64_t size = rng_below(r, grains) * GRAIN;

	/* Stay inside the world, but for ranges that wrap. */
	if (base + size > origin + GRAINS * GRAIN && base + size > origin)
		size = origin + GRAINS * GRAIN - base;
	return (struct memmap_range){ .base = base, .size = size };
}

static void
random_world(struct rng *r, struct world *w)
{
	static const uint64_t origins[] = { 0, 0x80000000ull,
		FOUR_G - GRAINS / 2 * GRAIN, FOUR_G, 0x1040000000ull,
		0 - GRAINS * GRAIN };
	size_t small = 1 + rng_below(r, 40);

	memset(w, 0, sizeof(*w));
	w->origin = origins[rng_below(r, ARRAY_COUNT(origins))];
	w->n_banks = (unsigned)rng_below(r, ARRAY_COUNT(w->banks) + 1);
	w->n_reserved = (unsigned)rng_below(r, ARRAY_COUNT(w->reserved) + 1);
	for (unsigned i = 0; i < w->n_banks; i++)
		w->banks[i] = random_range(r, w->origin, GRAINS);
	for (unsigned i = 0; i < w->n_reserved; i++)
		w->reserved[i] = random_range(r, w->origin, small);
	if (rng_below(r, 2))
		w->kernel = random_range(r, w->origin, 32);
	w->top = UINT64_MAX;
	if (rng_below(r, 4) == 0)
		w->top = w->origin + rng_below(r, GRAINS) * GRAIN;
	if (rng_below(r, 3) == 0)
		w->limit = 1 + rng_below(r, GRAINS * GRAIN);
	for (unsigned f = 0; f < FRAMES; f++)
		w->usable[f] = frame_usable(w, w->origin + f * FRAME);
}

static void
build(struct memmap *map, const struct world *w, uint64_t limit)
{
	memset(map, 0x5a, sizeof(*map));
	memmap_build(map, w->banks, w->n_banks, w->reserved, w->n_reserved,
	    w->kernel, limit, w->top);
}

/* Sorted, disjoint, aligned, not across 4 GiB, and the sum is right. */
static void
check_form(const struct memmap *map)
{
	uint64_t sum = 0;

	assert_true(map->n_usable <= MEMMAP_RANGES_MAX);
	for (unsigned i = 0; i < map->n_usable; i++) {
		struct memmap_range r = map->usable[i];

		assert_true(r.size > 0);
		assert_int_equal(r.base % FRAME, 0);
		assert_int_equal(r.size % FRAME, 0);
		assert_true(r.base + r.size > r.base);
		assert_false(r.base < FOUR_G && r.base + r.size > FOUR_G);
		if (i > 0)
			assert_true(
			    map->usable[i - 1].base + map->usable[i - 1].size <=
			    r.base);
		sum += r.size;
	}
	assert_int_equal(map->usable_bytes, sum);
}

static unsigned
frames_listed(
    const struct memmap *map, const struct world *w, bool listed[FRAMES])
{
	unsigned n = 0;

	memset(listed, 0, FRAMES * sizeof(listed[0]));
	for (unsigned i = 0; i < map->n_usable; i++) {
		uint64_t at = map->usable[i].base;

		for (; at < map->usable[i].base + map->usable[i].size;
		     at += FRAME) {
			uint64_t f = (at - w->origin) / FRAME;

			assert_true(at >= w->origin && f < FRAMES);
			listed[f] = true;
			n++;
		}
	}
	return n;
}

static void
check_world(const struct world *w)
{
	struct memmap all, map;
	bool listed[FRAMES], limited[FRAMES];
	unsigned want = 0, n, cap;

	build(&all, w, 0);
	check_form(&all);
	n = frames_listed(&all, w, listed);
	for (unsigned f = 0; f < FRAMES; f++) {
		want += w->usable[f];
		if (listed[f])
			assert_true(w->usable[f]);
	}
	/* What is missing is counted as lost, to the byte. */
	assert_int_equal((uint64_t)n * FRAME + all.lost_bytes, want * FRAME);
	if (all.n_usable < MEMMAP_RANGES_MAX)
		assert_int_equal(all.lost_bytes, 0);
	if (w->limit == 0)
		return;
	build(&map, w, w->limit);
	check_form(&map);
	cap = (unsigned)(w->limit / FRAME);
	(void)frames_listed(&map, w, limited);
	for (unsigned f = 0, kept = 0; f < FRAMES; f++) {
		assert_int_equal(limited[f], listed[f] && kept < cap);
		kept += limited[f];
	}
}

static void
I2_3_memory_map_is_what_a_bitmap_says(void **state)
{
	struct world *w = malloc(sizeof(*w));
	struct rng r = { 0xfeed5eed };

	(void)state;
	assert_non_null(w);
	for (unsigned round = 0; round < 4000; round++) {
		random_world(&r, w);
		check_world(w);
	}
	free(w);
}

static void
expect_ranges(
    const struct memmap *map, const struct memmap_range *want, unsigned n)
{
	check_form(map);
	assert_int_equal(map->n_usable, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(map->usable[i].base, want[i].base);
		assert_int_equal(map->usable[i].size, want[i].size);
	}
}

/* 128 MiB virt: firmware, kernel at +2 MiB, tree at the top, initrd. */
static void
I2_3_virt_with_initrd(void **state)
{
	static const struct memmap_range banks[] = { { 0x80000000,
	    0x8000000 } };
	static const struct memmap_range reserved[] = { { 0x80000000, 0x80000 },
		{ 0x87e00000, 5326 }, { 0x84200000, 10240 } };
	static const struct memmap_range want[] = { { 0x80300000, 0x3f00000 },
		{ 0x84203000, 0x3bfd000 }, { 0x87e02000, 0x1fe000 } };
	struct memmap map;

	(void)state;
	memmap_build(&map, banks, 1, reserved, 3,
	    (struct memmap_range){ 0x80200000, 0x100000 }, 0, 1ull << 38);
	expect_ranges(&map, want, 3);
}

/* What lies below the kernel in its bank is the firmware's, listed or not. */
static void
T92_memory_below_the_kernel_is_never_used(void **state)
{
	static const struct memmap_range banks[] = {
		{ 0x40000000, 0x100000000 }, { 0x20000000, 0x1000000 }
	};
	static const struct memmap_range want[] = { { 0x20000000, 0x1000000 },
		{ 0x40300000, 0xbfd00000 }, { 0x100000000, 0x40000000 } };
	struct memmap map;

	(void)state;
	memmap_build(&map, banks, 2, NULL, 0,
	    (struct memmap_range){ 0x40200000, 0x100000 }, 0, UINT64_MAX);
	expect_ranges(&map, want, 3);
}

static void
T82_ranges_that_wrap_are_cut(void **state)
{
	static const struct memmap_range banks[] = { { 0xfffffffffff00000,
							 UINT64_MAX },
		{ UINT64_MAX, UINT64_MAX }, { 0, 0x10000 } };
	static const struct memmap_range reserved[] = {
		{ 0xfffffffffff80000, UINT64_MAX }, { 0x8000, 0 }
	};
	static const struct memmap_range want[] = { { 0, 0x10000 },
		{ 0xfffffffffff00000, 0x80000 } };
	struct memmap map;

	(void)state;
	memmap_build(&map, banks, 3, reserved, 2, (struct memmap_range){ 0, 0 },
	    0, UINT64_MAX);
	expect_ranges(&map, want, 2);
}

/* A byte at either end of a frame takes the whole frame. */
static void
I2_3_a_reserved_byte_takes_its_frame(void **state)
{
	static const struct memmap_range bank = { 0x80000000, 0x5000 };
	static const struct memmap_range reserved[] = { { 0x80000000, 1 },
		{ 0x80002fff, 1 }, { 0x80004000, 1 } };
	static const struct memmap_range want[] = { { 0x80001000, 0x1000 },
		{ 0x80003000, 0x1000 } };
	struct memmap map;

	(void)state;
	memmap_build(&map, &bank, 1, reserved, 3, (struct memmap_range){ 0, 0 },
	    0, UINT64_MAX);
	expect_ranges(&map, want, 2);
}

static void
memmap_without_memory_is_empty(void **state)
{
	static const struct memmap_range bank = { 0x80000000, 0x100000 };
	struct memmap map;

	(void)state;
	memmap_build(&map, NULL, 0, NULL, 0, (struct memmap_range){ 0, 0 }, 0,
	    UINT64_MAX);
	expect_ranges(&map, NULL, 0);
	/* 1 MiB, and the kernel beyond it. */
	memmap_build(&map, &bank, 1, &bank, 1,
	    (struct memmap_range){ 0x80200000, 0x100000 }, 0, UINT64_MAX);
	expect_ranges(&map, NULL, 0);
	memmap_build(&map, &bank, 1, NULL, 0, (struct memmap_range){ 0, 0 },
	    FRAME - 1, UINT64_MAX);
	expect_ranges(&map, NULL, 0);
}

/* More pieces than fit: the largest stay, the others are counted. */
static void
T85_more_ranges_than_fit_lose_the_smallest(void **state)
{
	static struct memmap_range banks[MEMMAP_INPUT_MAX];
	uint64_t lost = 0;
	struct memmap map;

	(void)state;
	for (unsigned i = 0; i < MEMMAP_INPUT_MAX; i++) {
		uint64_t frames = 1 + (i * 37u) % MEMMAP_INPUT_MAX;

		banks[i].base = 0x80000000ull + i * 0x100000ull;
		banks[i].size = frames * FRAME;
		if (frames <= MEMMAP_INPUT_MAX - MEMMAP_RANGES_MAX)
			lost += banks[i].size;
	}
	memmap_build(&map, banks, MEMMAP_INPUT_MAX, NULL, 0,
	    (struct memmap_range){ 0, 0 }, 0, UINT64_MAX);
	check_form(&map);
	assert_int_equal(map.n_usable, MEMMAP_RANGES_MAX);
	assert_int_equal(map.lost_bytes, lost);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I2_3_memory_map_is_what_a_bitmap_says),
		cmocka_unit_test(I2_3_virt_with_initrd),
		cmocka_unit_test(T92_memory_below_the_kernel_is_never_used),
		cmocka_unit_test(T82_ranges_that_wrap_are_cut),
		cmocka_unit_test(I2_3_a_reserved_byte_takes_its_frame),
		cmocka_unit_test(memmap_without_memory_is_empty),
		cmocka_unit_test(T85_more_ranges_than_fit_lose_the_smallest),
	};

	return cmocka_run_group_tests_name("memmap", tests, NULL, NULL);
}
