/* SPDX-License-Identifier: MIT */
/*
 * Slab geometry: how many frames, how many objects, how many colours.
 *
 * Theory of operation
 *
 * 1. stride = size rounded up to the alignment, and that to 8. Natural
 *    alignment is the largest power of two that divides the size rounded up to
 *    8, from 8 to 64: an object of 48 bytes is 16-aligned, one of 64 or 4,096
 *    is line-aligned. A slab is a run of any number of frames, not a power of
 *    two: for 8,200-byte objects that is the difference between 25 % and 6 %
 *    of waste.
 * 2. waste = 1 - objects * stride / (slab + descriptor + frame records), with
 *    colour space counted as waste. The bound is 1/16 for every stride from 8
 *    B to 64 KiB (shown by an exhaustive test). Why it can be met: with n
 *    frames the tail is smaller than one stride, so n * 4096 >= 16 * stride
 *    bounds it by 1/16; the descriptor adds 48 bytes and two bits an object,
 *    at most 3 % for the smallest stride and vanishing for larger ones.
 * 3. The fewest frames that come under GOOD_PPM are taken: short runs are
 *    easier to find, and a cache with few objects holds few frames. If none
 *    does, the one with the least waste.
 * 4. Colours: objects of slab k start colour(k) * step bytes late, so that
 *    the first objects of different slabs fall into different cache sets
 *    (Bonwick 1994). Step is a cache line, or the alignment if larger. Small
 *    strides use what is left over. From COLOUR_STRIDE on, space is reserved:
 *    the fewest frames, up to COLOUR_FRAMES, that hold COLOURS_GOOD colours
 *    inside the bound. All positions 0 … n-1 are used (defect G4 lost one).
 * 5. Fallback: when no run of g_frames is free, the fewest frames that hold
 *    one object, without colours. Such slabs are counted.
 */
#include "kmem_impl.h"

#define PPM           1000000u
#define BOUND_PPM     (PPM / 16)
#define GOOD_PPM      (PPM / 32)
#define COLOUR_STRIDE 256u
#define COLOURS_GOOD  8u
#define COLOUR_FRAMES 16u /* longest slab taken for the sake of colours */
#define FRAMES_MAX    64u
#define SINGLE_PPM    (PPM / 8)

size_t
geometry_natural_align(size_t size)
{
	size_t align = low_bit(align_up(size, 8));

	return align > PORT_CACHE_LINE ? PORT_CACHE_LINE : align;
}

static size_t
descriptor_bytes(unsigned objects, bool live)
{
	size_t words = div_up(objects, 64);

	return sizeof(struct slab) + 8 * words * (live ? 2 : 1);
}

/* Fill in what follows from frames and objects. */
static struct geometry
geometry_make(size_t stride, size_t align, bool live, unsigned frames,
    unsigned objects, unsigned colours_max)
{
	size_t bytes = frames * FRAME_SIZE;
	size_t left = bytes - objects * stride;
	struct geometry g = { .g_stride = stride, .g_align = align };
	size_t gross;

	g.g_frames = frames;
	g.g_objects = objects;
	g.g_words = (unsigned)div_up(objects, 64);
	g.g_descriptor = descriptor_bytes(objects, live);
	g.g_colour_step = align > PORT_CACHE_LINE ? align : PORT_CACHE_LINE;
	g.g_colours = (unsigned)(left / g.g_colour_step) + 1;
	if (colours_max != 0 && g.g_colours > colours_max)
		g.g_colours = colours_max;
	gross = bytes + g.g_descriptor + 16 * (size_t)frames;
	g.g_waste_ppm =
	    PPM - (size_t)((uint64_t)objects * stride * PPM / gross);
	return g;
}

static bool
colours_good(const struct geometry *g)
{
	return g->g_waste_ppm <= BOUND_PPM && g->g_colours >= COLOURS_GOOD;
}

/*
 * The shortest slab with room for COLOURS_GOOD colours inside the bound, by
 * giving up as few objects as that takes. False: no such slab.
 */
static bool
choose_coloured(size_t stride, size_t align, bool live, unsigned colours_max,
    struct geometry *out)
{
	size_t step = align > PORT_CACHE_LINE ? align : PORT_CACHE_LINE;
	size_t room = (COLOURS_GOOD - 1) * step;

	for (unsigned n = 2; n <= COLOUR_FRAMES; n++) {
		size_t bytes = n * FRAME_SIZE;
		size_t objects = bytes > room ? (bytes - room) / stride : 0;

		if (objects == 0)
			continue;
		if (objects > SLAB_OBJECTS_MAX)
			objects = SLAB_OBJECTS_MAX;
		*out =
		    geometry_make(stride, align, live, n, (unsigned)objects, 0);
		if (!colours_good(out))
			continue;
		*out = geometry_make(
		    stride, align, live, n, (unsigned)objects, colours_max);
		return true;
	}
	return false;
}

/* The fewest frames under `good_ppm`; if none does, the least waste. */
static struct geometry
choose_packed(size_t stride, size_t align, bool live, unsigned colours_max,
    size_t good_ppm)
{
	struct geometry best = { .g_waste_ppm = SIZE_MAX };

	for (unsigned n = (unsigned)div_up(stride, FRAME_SIZE);
	     n <= FRAMES_MAX && best.g_waste_ppm > good_ppm; n++) {
		size_t fit = n * FRAME_SIZE / stride;
		struct geometry g;

		if (fit > SLAB_OBJECTS_MAX)
			fit = SLAB_OBJECTS_MAX;
		g = geometry_make(
		    stride, align, live, n, (unsigned)fit, colours_max);
		if (g.g_waste_ppm < best.g_waste_ppm)
			best = g;
	}
	return best;
}

struct geometry
geometry_choose(
    size_t size, size_t align, bool live, unsigned flags, unsigned colours_max)
{
	size_t stride = align_up(align_up(size, 8), align);
	bool single = (flags & KMEM_SINGLE_OWNER) != 0;
	unsigned cap = (flags & KMEM_NOCOLOUR) != 0 || single ? 1 : colours_max;
	size_t shortest = div_up(stride, FRAME_SIZE);
	struct geometry g;

	MM_ASSERT2(size > 0 && size <= KMEM_SIZE_MAX, size, align);
	MM_ASSERT2(is_pow2(align) && align >= 8, size, align);
	if (cap == 1 || stride < COLOUR_STRIDE ||
	    !choose_coloured(stride, align, live, cap, &g))
		g = choose_packed(
		    stride, align, live, cap, single ? SINGLE_PPM : GOOD_PPM);
	g.g_short_frames = (unsigned)shortest;
	g.g_short_objects = (unsigned)(shortest * FRAME_SIZE / stride);
	if (g.g_short_objects > g.g_objects)
		g.g_short_objects = g.g_objects;
	MM_ASSERT2(g.g_objects > 0, size, align);
	return g;
}
