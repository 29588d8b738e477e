/* SPDX-License-Identifier: MIT */
/*
 * Slab geometry: how many frames, how many objects, how many colours.
 *
 * Theory of operation
 *
 * 1. stride = size rounded up to the alignment, and that to 8. Natural
 *    alignment is the largest power of two that divides the size rounded up to
 *    8, from 8 to a line: an object of 48 bytes is 16-aligned, one of 64 or
 *    4,096 is line-aligned. A slab is a run of any number of frames, not a
 *    power of two: for 8,200-byte objects that is the difference between 25 %
 *    and 6 % of waste.
 * 2. waste = 1 - objects * stride / (slab + descriptor + frame records), with
 *    colour space counted as waste. The bound is 1/16 for every stride from 8
 *    B to 64 KiB (shown by an exhaustive test). Why it can be met: with n
 *    frames the tail is smaller than one stride, so n * 4096 >= 16 * stride
 *    bounds it by 1/16; the descriptor adds 48 bytes and two bits an object,
 *    at most 3 % for the smallest stride and vanishing for larger ones.
 * 3. The fewest frames that waste at most 1/GOOD are taken: short runs are
 *    easier to find, and a cache with few objects holds few frames. If none
 *    does, the one with the least waste. Small strides, of which there are
 *    many objects, are held to 1/96; page-sized ones and longer, where the
 *    next better slab is much longer, to 1/32.
 * 4. Colours: objects of slab k start colour(k) * step bytes late, so that
 *    the first objects of different slabs fall into different cache sets
 *    (Bonwick 1994). Step is a cache line, or the alignment if larger. Small
 *    strides use what is left over. From COLOUR_STRIDE on, space is reserved
 *    for COLOURS_GOOD colours, in slabs of up to COLOUR_FRAMES, unless that
 *    would break the bound. Offsets of a stride or more would bring object k
 *    to where object k + 1 of another slab begins, and those of a way (sets
 *    times line) to the same sets again: there are no more colours than that.
 *    All positions 0 … n-1 are used (defect G4 lost one).
 * 5. Fallback: when no run of g_frames is free, the fewest frames that hold
 *    one object, without colours. Such slabs are counted.
 * 6. Line and way are those of the first-level data cache: the embedder's, if
 *    he knows them, else 64 bytes and 4,096, which is a 32 KiB cache of 8 ways.
 *    The line is at least 16 bytes, what C promises of any allocation. The
 *    second level does not count: it is indexed by physical address, frames
 *    come from anywhere, and an offset of some lines spreads nothing there that
 *    the frames' own addresses have not spread already.
 */
#include "kmem_impl.h"

#define PPM           1000000u
#define BOUND         16u /* never more than 1/16, where 64 KiB allow it */
#define GOOD_SMALL    96u
#define GOOD_MEDIUM   50u
#define GOOD_LARGE    32u
#define GOOD_SINGLE   8u
#define COLOUR_STRIDE 256u
#define COLOURS_GOOD  8u
#define COLOUR_FRAMES 16u /* longest slab taken for the sake of colours */
#define FRAMES_MAX    64u
#define LINE_MIN      16u
#define LINE_MAX      4096u
#define WAY_DEFAULT   4096u
#define WAY_MAX       (1u << 20)

struct kmem_machine geometry_machine = { PORT_CACHE_LINE, WAY_DEFAULT };

int
kmem_set_machine(const struct kmem_machine *m)
{
	size_t line = m->line_bytes, way = m->way_bytes;

	if (!is_pow2(line) || line < LINE_MIN || line > LINE_MAX ||
	    way < line || way > WAY_MAX || way % line != 0)
		return -KMEM_EINVAL;
	geometry_machine = *m;
	return 0;
}

void
geometry_reset(void)
{
	geometry_machine =
	    (struct kmem_machine){ PORT_CACHE_LINE, WAY_DEFAULT };
}

size_t
geometry_natural_align(size_t size)
{
	size_t align = low_bit(align_up(size, 8));
	size_t line = geometry_machine.line_bytes;

	return align > line ? line : align;
}

static size_t
descriptor_bytes(unsigned objects, bool live)
{
	size_t words = div_up(objects, 64);

	return sizeof(struct slab) + 8 * words * (live ? 2 : 1);
}

/* What a choice is made from. */
struct wish {
	size_t w_stride, w_align;
	bool w_live;
	unsigned w_colours_max; /* at least 1 */
	size_t w_room;          /* bytes reserved for colours */
	unsigned w_frames_max;
	unsigned w_good; /* stop at a waste of 1 / w_good */
};

/* Slab, descriptor and the frames' records. */
static size_t
gross_bytes(const struct wish *w, unsigned frames, size_t objects)
{
	return frames * (FRAME_SIZE + 16) +
	    descriptor_bytes((unsigned)objects, w->w_live);
}

static size_t
colour_step(size_t align)
{
	size_t line = geometry_machine.line_bytes;

	return align > line ? align : line;
}

/* Fill in what follows from frames and objects. */
static struct geometry
geometry_make(const struct wish *w, unsigned frames, size_t objects)
{
	size_t net = objects * w->w_stride;
	size_t left = frames * FRAME_SIZE - net;
	size_t gross = gross_bytes(w, frames, objects);
	struct geometry g = { .g_stride = w->w_stride, .g_align = w->w_align };

	g.g_frames = frames;
	g.g_objects = (unsigned)objects;
	g.g_words = (unsigned)div_up(objects, 64);
	g.g_descriptor = descriptor_bytes(g.g_objects, w->w_live);
	g.g_colour_step = colour_step(w->w_align);
	g.g_colours = (unsigned)(left / g.g_colour_step) + 1;
	if (g.g_colours > w->w_colours_max)
		g.g_colours = w->w_colours_max;
	g.g_waste_ppm = PPM - (size_t)((uint64_t)net * PPM / gross);
	return g;
}

/*
 * The fewest frames that waste little enough, else the least waste. False when
 * nothing fits, or when only the reserved room breaks the bound.
 */
static bool
choose(const struct wish *w, struct geometry *out)
{
	size_t best_net = 0, best_gross = 1, best_objects = 0;
	unsigned best = 0;

	for (unsigned n = (unsigned)div_up(w->w_stride + w->w_room, FRAME_SIZE);
	     n <= w->w_frames_max; n++) {
		size_t objects = (n * FRAME_SIZE - w->w_room) / w->w_stride;
		bool last = objects >= SLAB_OBJECTS_MAX;
		size_t net, gross;

		if (last)
			objects = SLAB_OBJECTS_MAX;
		net = objects * w->w_stride;
		gross = gross_bytes(w, n, objects);
		if (net * best_gross > best_net * gross) {
			best = n;
			best_objects = objects;
			best_net = net;
			best_gross = gross;
			last |= net * w->w_good >= gross * (w->w_good - 1);
		}
		if (last)
			break;
	}
	if (best == 0 ||
	    (w->w_room > 0 && best_net * BOUND < best_gross * (BOUND - 1)))
		return false;
	*out = geometry_make(w, best, best_objects);
	return true;
}

static unsigned
good_for(size_t stride, unsigned flags)
{
	if ((flags & KMEM_SINGLE_OWNER) != 0)
		return GOOD_SINGLE;
	if ((flags & KMEM_NOCOLOUR) != 0 || stride > FRAME_SIZE)
		return GOOD_LARGE;
	return stride < COLOUR_STRIDE ? GOOD_SMALL : GOOD_MEDIUM;
}

/* How many offsets make a difference, and are wanted. */
static unsigned
colours_for(size_t stride, size_t align, unsigned flags, unsigned colours_max)
{
	size_t way = geometry_machine.way_bytes;
	size_t span = stride < way ? stride : way;
	size_t most = span / colour_step(align);

	if ((flags & (KMEM_NOCOLOUR | KMEM_SINGLE_OWNER)) != 0 || most == 0)
		return 1;
	if (colours_max != 0 && most > colours_max)
		most = colours_max;
	return (unsigned)most;
}

struct geometry
geometry_choose(
    size_t size, size_t align, bool live, unsigned flags, unsigned colours_max)
{
	size_t stride = align_up(align_up(size, 8), align);
	struct wish w = { .w_stride = stride,
		.w_align = align,
		.w_live = live,
		.w_frames_max = COLOUR_FRAMES,
		.w_good = good_for(stride, flags) };
	struct geometry g = { 0 };
	size_t colours, shortest = div_up(stride, FRAME_SIZE);

	MM_ASSERT2(size > 0 && size <= KMEM_SIZE_MAX, size, align);
	MM_ASSERT2(is_pow2(align) && align >= 8, size, align);
	w.w_colours_max = colours_for(stride, align, flags, colours_max);
	colours = w.w_colours_max;
	if (colours > COLOURS_GOOD)
		colours = COLOURS_GOOD;
	if (stride >= COLOUR_STRIDE)
		w.w_room = (colours - 1) * colour_step(align);
	if (w.w_room == 0 || !choose(&w, &g)) {
		w.w_room = 0;
		w.w_frames_max = FRAMES_MAX;
		MM_ASSERT2(choose(&w, &g), size, align);
	}
	g.g_short_frames = (unsigned)shortest;
	g.g_short_objects = (unsigned)(shortest * FRAME_SIZE / stride);
	if (g.g_short_objects > g.g_objects)
		g.g_short_objects = g.g_objects;
	MM_ASSERT2(g.g_objects > 0, size, align);
	return g;
}
