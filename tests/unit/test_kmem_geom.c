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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    A11_B3_waste_is_at_most_a_sixteenth_for_every_stride),
		cmocka_unit_test(B2_B3_every_size_and_alignment_is_sound),
		cmocka_unit_test(A13_B4_strides_from_256_have_colours),
		cmocka_unit_test(colours_obey_the_options),
	};

	return cmocka_run_group_tests_name("kmem_geom", tests, NULL, NULL);
}
