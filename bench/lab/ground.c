/* SPDX-License-Identifier: MIT */
/*
 * Level ground: a heap in which every run begins alike.
 *
 * Theory of operation
 *
 * A run's instructions and frames depend on more than the run: whether a slab
 * of descriptors has room for one more, whether a frame comes from a hole or
 * from untouched memory, whether a freed run finds free neighbours. All that
 * differs with what ran before, and with the scripts of the person who asks.
 * What can be emptied is (a reap, of all harts), and what cannot is filled:
 *
 * 1. Free objects of the allocator's own caches ("kmem-…") are taken, so that
 *    all their slabs are full and the first new descriptor needs a new slab.
 *    Their marks of the working set are let to settle on that: passing the
 *    highest so far is an instruction more.
 * 2. Each zone's records are touched once, to its end: a first use costs a
 *    little more than those that follow.
 * 3. Free runs below the longest one are taken, and so is the beginning of
 *    that, up to a multiple of ALIGN: what is left of the first zone is one run
 *    that begins at a round address, and the harts' caches of frames are empty.
 *
 * Afterwards all of it is given back. What was taken is linked through itself.
 * Exact when nobody else uses the allocator; done nowhere else.
 */
#include <string.h>

#include <mm/frame.h>

#include "codes.h"

#define ALIGN      64u /* frames */
#define ROUNDS     64u /* attempts to fill all holes */
#define HOLES      32u
#define TICKS      8u /* at most, until one changes nothing */
#define SHORT      FRAME_SHORT_MAX
#define OWN_PREFIX "kmem-"

struct plug {
	struct plug *pl_next;
	size_t pl_frames;
};

struct record {
	struct record *re_next;
	struct kmem_cache *re_cache;
};

/* Free runs of all zones: the longest, and the lengths of some others. */
struct holes {
	size_t ho_longest;
	uintptr_t ho_longest_at;
	size_t ho_frames; /* in all but the longest of this zone */
	unsigned ho_count;
	size_t ho_length[HOLES];
};

static void
see_longest(void *arg, uintptr_t addr, size_t frames, unsigned tag)
{
	struct holes *ho = arg;

	if (tag == FRAME_TAG_FREE && frames > ho->ho_longest) {
		ho->ho_longest = frames;
		ho->ho_longest_at = addr;
	}
}

static void
see_hole(void *arg, uintptr_t addr, size_t frames, unsigned tag)
{
	struct holes *ho = arg;

	if (tag != FRAME_TAG_FREE || addr == ho->ho_longest_at)
		return;
	ho->ho_frames += frames;
	if (ho->ho_count < HOLES)
		ho->ho_length[ho->ho_count++] = frames;
}

static bool
take(struct lab_ground *ground, size_t frames)
{
	struct plug *pl =
	    frame_alloc_any(frames, 1, FRAME_NOWAIT, FRAME_TAG_USER);

	if (pl == NULL)
		return false;
	pl->pl_next = ground->lg_frames;
	pl->pl_frames = frames;
	ground->lg_frames = pl;
	return true;
}

static void
give_frames(struct lab_ground *ground)
{
	struct plug *pl, *next;

	for (pl = ground->lg_frames; pl != NULL; pl = next) {
		next = pl->pl_next;
		frame_free(pl, pl->pl_frames);
	}
	ground->lg_frames = NULL;
}

/* Use each zone's records once: all memory is taken, and given back. */
static void
touch_zones(void)
{
	struct lab_ground all = { 0 };
	struct frame_zone_stats st;
	bool touched = true;
	unsigned z;

	for (z = 0; frame_get_zone_stats(z, &st); z++)
		touched = touched && st.touched == st.total;
	if (touched)
		return;
	for (;;) {
		struct holes ho = { 0 };

		for (z = 0; z < frame_zone_count(); z++)
			frame_walk(z, see_longest, &ho);
		if (ho.ho_longest == 0 || !take(&all, ho.ho_longest))
			break;
	}
	give_frames(&all);
	(void)frame_flush_all();
}

static size_t
frames_cached(void)
{
	struct frame_stats st;

	frame_get_stats(&st);
	return st.cached;
}

static void
see_zone(unsigned zone, struct holes *ho)
{
	memset(ho, 0, sizeof(*ho));
	frame_walk(zone, see_longest, ho);
	frame_walk(zone, see_hole, ho);
}

/* Of this zone; a request is served from the first zone that can. */
static bool
fill_holes(struct lab_ground *ground, unsigned zone)
{
	struct holes ho;
	unsigned round, i;

	for (round = 0; round < ROUNDS; round++) {
		see_zone(zone, &ho);
		if (ho.ho_frames == 0 && frames_cached() == 0)
			return true;
		/* What is longer than one comes by its own length. */
		for (i = 0; i < ho.ho_count; i++) {
			size_t left = ho.ho_length[i];

			for (; left > SHORT; left -= SHORT)
				if (!take(ground, SHORT))
					return false;
			if (left > 1 && !take(ground, left))
				return false;
			if (left == 1 && !take(ground, 1))
				return false;
		}
		/* Single ones come through this hart's cache: empty it. */
		for (i = 0; i < ALIGN && frames_cached() > 0; i++)
			if (!take(ground, 1))
				return false;
	}
	return true;
}

/* From where the longest run begins to the next multiple of ALIGN. */
static bool
round_up(struct lab_ground *ground, unsigned zone)
{
	struct holes ho;
	size_t need;

	see_zone(zone, &ho);
	need = ALIGN - (ho.ho_longest_at >> FRAME_SHIFT) % ALIGN;
	if (need == ALIGN)
		return true;
	/* No run of one frame: those come through the hart's cache. */
	if (need == 1)
		need += ALIGN;
	while (need > 0) {
		size_t frames = need > SHORT + 1u ? SHORT : need;

		if (frames == SHORT + 1u)
			frames = SHORT - 1u;
		if (!take(ground, frames))
			return false;
		need -= frames;
	}
	return true;
}

/* The zone that frames come from until it is used up. */
static unsigned
first_zone(void)
{
	struct frame_zone_stats st;
	uintptr_t at;
	unsigned z;
	void *run = frame_alloc_any(2, 1, FRAME_NOWAIT, FRAME_TAG_USER);

	if (run == NULL)
		return 0;
	at = (uintptr_t)run;
	frame_free(run, 2);
	for (z = 0; frame_get_zone_stats(z, &st); z++)
		if (at - st.base < st.total << FRAME_SHIFT)
			return z;
	return 0;
}

/* Fill the slabs of one cache. */
static bool
fill_cache(struct lab_ground *ground, struct kmem_cache *cp)
{
	struct kmem_stats st;
	struct record *re;
	uint64_t left;

	kmem_cache_stats(cp, &st);
	for (left = st.objects_total - st.objects_inuse; left > 0; left--) {
		re = kmem_cache_alloc(cp, KMEM_NOWAIT);
		if (re == NULL)
			return false;
		re->re_next = ground->lg_caches;
		re->re_cache = cp;
		ground->lg_caches = re;
	}
	return true;
}

bool
lab_ground_level(struct lab_ground *ground)
{
	struct kmem_cache *cp = NULL;
	struct kmem_info info;
	bool all = true;
	unsigned zone, i;

	memset(ground, 0, sizeof(*ground));
	touch_zones();
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	while ((cp = kmem_cache_next(cp)) != NULL) {
		kmem_cache_get_info(cp, &info);
		if (strncmp(info.name, OWN_PREFIX, sizeof(OWN_PREFIX) - 1) == 0)
			all = fill_cache(ground, cp) && all;
	}
	for (i = 0; i < TICKS && kmem_tick(); i++)
		;
	(void)frame_flush_all();
	zone = first_zone();
	all = all && fill_holes(ground, zone) && round_up(ground, zone);
	/* They are empty; but what they take next begins small again. */
	(void)frame_flush_own();
	return all;
}

void
lab_ground_restore(struct lab_ground *ground)
{
	struct record *re, *next;

	for (re = ground->lg_caches; re != NULL; re = next) {
		struct kmem_cache *cp = re->re_cache;

		next = re->re_next;
		kmem_cache_free(cp, re);
	}
	ground->lg_caches = NULL;
	give_frames(ground);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	(void)frame_flush_all();
}
