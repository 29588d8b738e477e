/* SPDX-License-Identifier: MIT */
/* Slab geometry, exhaustively: fits, aligned, coloured, little waste. */

#include "tests/unit/mm_test.h"

#include <stdio.h>
#include <string.h>

#include "mm/kmem_impl.h"

#define WASTE_BOUND_PPM 62500u

/* What must hold for any size, alignment and option. */
static void
sound(const struct geometry *g, size_t size, size_t align)
{
	size_t bytes = g->g_frames * FRAME_SIZE;
	size_t room =
	    g->g_objects * g->g_stride + (g->g_colours - 1) * g->g_colour_step;

	assert_true(g->g_stride >= size);
	assert_int_equal(g->g_stride % 8, 0);
	assert_int_equal(g->g_stride % align, 0);
	assert_true(g->g_align >= align);
	assert_in_range(g->g_objects, 1, SLAB_OBJECTS_MAX);
	assert_true(g->g_frames >= 1);
	assert_true(g->g_colours >= 1);
	assert_true(room <= bytes);
	assert_int_equal(g->g_words, (g->g_objects + 63) / 64);
	if (g->g_colours > 1) {
		assert_true(g->g_colour_step > 0);
		assert_int_equal(g->g_colour_step % align, 0);
	}
	assert_true(g->g_short_frames >= 1 && g->g_short_frames <= g->g_frames);
	assert_true(
	    g->g_short_objects >= 1 && g->g_short_objects <= g->g_objects);
	assert_true(
	    g->g_short_objects * g->g_stride <= g->g_short_frames * FRAME_SIZE);
}

/* The figure of the header, computed here anew. */
static size_t
waste_ppm(const struct geometry *g)
{
	double gross = (double)(g->g_frames * FRAME_SIZE) +
	    (double)g->g_descriptor + 16.0 * g->g_frames;
	double net = (double)g->g_objects * (double)g->g_stride;

	return (size_t)((1.0 - net / gross) * 1e6 + 0.5);
}

/* Worst waste of one kind of cache, over every stride and alignment. */
struct worst {
	const char *kind;
	bool live;
	unsigned flags;
	size_t bound, ppm, stride, align, tried;
};

static void
worst_waste(struct worst *w)
{
	for (size_t stride = 8; stride <= 65536; stride += 8) {
		size_t most = stride & (~stride + 1);

		for (size_t align = 8; align <= most; align *= 2) {
			struct geometry g = geometry_choose(
			    stride, align, w->live, w->flags, 0);
			size_t waste = waste_ppm(&g);

			sound(&g, stride, align);
			assert_int_equal(g.g_stride, stride);
			assert_in_range(g.g_waste_ppm, waste - 2, waste + 2);
			w->tried++;
			if (waste > w->ppm) {
				w->ppm = waste;
				w->stride = stride;
				w->align = align;
			}
		}
	}
}

/*
 * Every stride, with every alignment that yields it, natural or not. Caches of
 * a single owner trade waste for short runs, within a bound of their own.
 */
static void
A11_B3_waste_is_at_most_a_sixteenth_for_every_stride(void **state)
{
	struct worst kinds[] = {
		{ .kind = "fast", .bound = WASTE_BOUND_PPM },
		{ .kind = "checked", .live = true, .bound = WASTE_BOUND_PPM },
		{ .kind = "fast, no colours",
		    .flags = KMEM_NOCOLOUR,
		    .bound = WASTE_BOUND_PPM },
		{ .kind = "checked, no colours",
		    .live = true,
		    .flags = KMEM_NOCOLOUR,
		    .bound = WASTE_BOUND_PPM },
		{ .kind = "single owner",
		    .flags = KMEM_SINGLE_OWNER,
		    .bound = 2 * WASTE_BOUND_PPM },
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		worst_waste(&kinds[k]);
		print_message("worst waste of %zu: %zu ppm at stride %zu, "
			      "align %zu (%s; bound %zu)\n",
		    kinds[k].tried, kinds[k].ppm, kinds[k].stride,
		    kinds[k].align, kinds[k].kind, kinds[k].bound);
		assert_true(kinds[k].tried > 8192);
		assert_true(kinds[k].ppm <= kinds[k].bound);
	}
}

static void
B2_B3_every_size_and_alignment_is_sound(void **state)
{
	static const unsigned flags[] = { 0, KMEM_NOCOLOUR, KMEM_NOMAGAZINE,
		KMEM_SINGLE_OWNER };

	(void)state;
	for (size_t size = 1; size <= 8192; size++) {
		for (size_t align = 8; align <= 4096; align *= 2) {
			for (size_t f = 0; f < ARRAY_COUNT(flags); f++) {
				struct geometry g = geometry_choose(
				    size, align, (f & 1) != 0, flags[f], 0);

				sound(&g, size, align);
			}
		}
	}
	for (size_t size = 8192; size <= KMEM_SIZE_MAX; size += 97) {
		for (size_t align = 8; align <= KMEM_ALIGN_MAX; align *= 8) {
			struct geometry g =
			    geometry_choose(size, align, false, 0, 0);

			sound(&g, size, align);
		}
	}
}

/*
 * Where an object nearly fills whole frames, colours would cost more than the
 * bound allows; such strides are rare.
 */
static void
A13_B4_strides_from_256_have_colours(void **state)
{
	unsigned plain = 0, strides = 0;
	uint64_t colours = 0;

	(void)state;
	for (size_t stride = 256; stride <= 16384; stride += 8) {
		struct geometry g = geometry_choose(
		    stride, geometry_natural_align(stride), false, 0, 0);

		strides++;
		plain += g.g_colours < 4;
		colours += g.g_colours;
	}
	print_message("strides 256 … 16,384: %ju colours on average, fewer "
		      "than 4 for %u of %u\n",
	    (uintmax_t)(colours / strides), plain, strides);
	assert_true(plain * 30 <= strides);
	assert_true(colours / strides >= 8);
}

static void
colours_obey_the_options(void **state)
{
	(void)state;
	for (size_t stride = 8; stride <= 20000; stride += 40) {
		struct geometry g =
		    geometry_choose(stride, 8, false, KMEM_NOCOLOUR, 0);

		assert_int_equal(g.g_colours, 1);
		for (unsigned most = 1; most < 9; most++) {
			g = geometry_choose(stride, 8, false, 0, most);
			assert_in_range(g.g_colours, 1, most);
			sound(&g, stride, 8);
		}
	}
}

/* ---- Data caches other than the default one ---- */

static const struct kmem_machine machines[] = { { 64, 4096 }, { 32, 2048 },
	{ 32, 16384 }, { 128, 2048 }, { 128, 16384 }, { 16, 4096 },
	{ 4096, 4096 }, { 64, 1u << 20 }, { 64, 64 } };

/* As many colours as make a difference, a line or the alignment apart. */
static void
suits(const struct geometry *g, const struct kmem_machine *m, size_t align)
{
	size_t step = align > m->line_bytes ? align : m->line_bytes;
	size_t span = g->g_stride < m->way_bytes ? g->g_stride : m->way_bytes;

	assert_int_equal(g->g_colour_step, step);
	assert_true(
	    g->g_colours == 1 || g->g_colours * g->g_colour_step <= span);
}

static void
I4_3_other_data_caches_have_sound_geometries(void **state)
{
	uint64_t colours[ARRAY_COUNT(machines)] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(machines); i++) {
		const struct kmem_machine *m = &machines[i];
		struct worst w = { .kind = "fast", .bound = WASTE_BOUND_PPM };

		assert_int_equal(kmem_set_machine(m), 0);
		for (size_t size = 1; size <= 20000; size += 3) {
			size_t align = geometry_natural_align(size);
			struct geometry g;

			/* The largest power of two, up to the line. */
			assert_int_equal((size + 7) / 8 * 8 % align, 0);
			assert_true(align == m->line_bytes ||
			    (align < m->line_bytes &&
				(size + 7) / 8 * 8 % (2 * align) != 0));
			g = geometry_choose(size, align, false, 0, 0);
			sound(&g, size, align);
			suits(&g, m, align);
			colours[i] += g.g_colours;
			g = geometry_choose(
			    size, m->line_bytes, true, KMEM_HWALIGN, 0);
			sound(&g, size, m->line_bytes);
			suits(&g, m, m->line_bytes);
		}
		worst_waste(&w);
		assert_true(w.ppm <= w.bound);
	}
	/* A longer way gives more colours; a way of one line gives one. */
	assert_true(colours[2] > colours[1] && colours[4] > colours[3]);
	assert_int_equal(colours[8], (20000 + 2) / 3);
	geometry_reset();
}

static void
I4_3_absurd_data_caches_are_refused(void **state)
{
	static const struct kmem_machine absurd[] = { { 0, 4096 }, { 8, 4096 },
		{ 48, 4800 }, { 8192, 8192 }, { 64, 0 }, { 64, 32 },
		{ 64, 100 }, { 64, (1u << 20) + 64 }, { SIZE_MAX, SIZE_MAX },
		{ 64, SIZE_MAX - 63 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(absurd); i++) {
		assert_int_equal(kmem_set_machine(&absurd[i]), -KMEM_EINVAL);
		assert_int_equal(geometry_machine.line_bytes, 64);
		assert_int_equal(geometry_machine.way_bytes, 4096);
	}
}

#define OBJECTS 400u

/* Strictly aligned, line by line its own, all colours of the slabs in use. */
static void
live_on_lines(size_t size, const struct kmem_machine *m)
{
	struct kmem_options opt = { .flags = KMEM_HWALIGN };
	struct kmem_cache *cp = cache_make("lined", size, &opt);
	struct kmem_slab_info slabs[OBJECTS];
	static void *obj[OBJECTS];
	unsigned seen = 0;
	struct kmem_info info;
	size_t n;

	kmem_cache_get_info(cp, &info);
	assert_int_equal(info.align, m->line_bytes);
	assert_int_equal(info.stride % m->line_bytes, 0);
	for (unsigned i = 0; i < OBJECTS; i++) {
		obj[i] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[i]);
		assert_int_equal((uintptr_t)obj[i] % m->line_bytes, 0);
		memset(obj[i], (int)i, size);
	}
	n = kmem_cache_slabs(cp, slabs, ARRAY_COUNT(slabs));
	for (size_t i = 0; i < n; i++) {
		assert_true(slabs[i].colour < info.colours);
		assert_true(slabs[i].colour * info.colour_step < m->way_bytes);
		if (slabs[i].colour > seen)
			seen = slabs[i].colour;
	}
	assert_true(seen + 1 == info.colours || n <= info.colours);
	for (unsigned i = 0; i < OBJECTS; i++) {
		assert_int_equal(*(unsigned char *)obj[i], (unsigned char)i);
		kmem_cache_free(cp, obj[i]);
	}
	cache_unmake(cp);
}

static void
I4_3_caches_follow_the_machine_they_are_told_of(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(machines); i++) {
		struct host_options bare = { .harts = 2 };
		void *ram;

		mm_host_fini();
		assert_int_equal(host_start(&bare), 0);
		assert_int_equal(kmem_set_machine(&machines[i]), 0);
		ram = host_map((size_t)32 << 20, 0);
		assert_non_null(ram);
		assert_int_equal(frame_zone_add("ram", ram,
				     ((size_t)32 << 20) / FRAME_SIZE, 0),
		    0);
		assert_int_equal(kmem_init(), 0);
		for (size_t size = 1; size < 5000; size += 331)
			live_on_lines(size, &machines[i]);
		assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
		mm_host_fini();
		/* Whoever starts anew starts from the defaults. */
		assert_int_equal(geometry_machine.line_bytes, 64);
		assert_int_equal(geometry_machine.way_bytes, 4096);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    A11_B3_waste_is_at_most_a_sixteenth_for_every_stride),
		cmocka_unit_test(B2_B3_every_size_and_alignment_is_sound),
		cmocka_unit_test(A13_B4_strides_from_256_have_colours),
		cmocka_unit_test(colours_obey_the_options),
		cmocka_unit_test(I4_3_other_data_caches_have_sound_geometries),
		cmocka_unit_test(I4_3_absurd_data_caches_are_refused),
		cmocka_unit_test(
		    I4_3_caches_follow_the_machine_they_are_told_of),
	};

	return cmocka_run_group_tests_name("kmem_geom", tests, NULL, NULL);
}
