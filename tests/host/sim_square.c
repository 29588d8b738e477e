/* SPDX-License-Identifier: MIT */
/*
 * The control law of magazine sizes under a square wave of load.
 *
 * All harts allocate and free in bursts for HALF intervals, then rest for as
 * many, twice over; a tick ends each interval. What the size of new magazines
 * was at each tick is judged by shape only: under load it rises and never
 * falls, at rest it never rises and comes back to where it was or below, and
 * the second wave ends within one step of the first. How often harts meet at
 * the depot is the schedule's doing, so the pace of switching is given here.
 */
#include "sim_scenes.h"

#include "sim_props.h"

#include <mm/frame.h>
#include <mm/port.h>

#define HALF   8u
#define WAVES  2u
#define TICKS  (2 * HALF * WAVES)
#define BURST  100u
#define BURSTS 12u /* of each hart in an interval */
#define PACE   3u

static struct kmem_cache *waved;
static size_t frames_before;
static unsigned sizes[TICKS + 1]; /* at the start, and at each tick */
static unsigned arrived, interval;

static unsigned
size_now(void)
{
	struct kmem_stats st;

	kmem_cache_stats(waved, &st);
	return (unsigned)st.mag_size;
}

static void
before_square(void *arg)
{
	(void)arg;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frames_before = frame_free_count();
	must(kmem_cache_create(&waved, "waved", 512, NULL, NULL), "create");
	sizes[0] = size_now();
	sim_set_pace(PACE);
}

static bool
is_load(unsigned tick)
{
	return tick / HALF % 2 == 0;
}

/* All harts have done their part: hart 0 ticks. */
static void
next_interval(unsigned hart)
{
	unsigned mine = interval;

	arrived++;
	if (hart != 0) {
		while (interval == mine)
			port_pause();
		return;
	}
	while (arrived < port_hart_count())
		port_pause();
	kmem_tick();
	sizes[interval + 1] = size_now();
	arrived = 0;
	interval++;
}

static void
body_square(unsigned hart, void *arg)
{
	void *obj[BURST];

	(void)arg;
	for (unsigned tick = 0; tick < TICKS; tick++) {
		unsigned bursts = is_load(tick) ? BURSTS : 0;

		for (; bursts > 0; bursts--) {
			for (unsigned i = 0; i < BURST; i++) {
				obj[i] = kmem_cache_alloc(waved, 0);
				if (obj[i] == NULL)
					sim_fail("no memory", hart, tick);
			}
			for (unsigned i = 0; i < BURST; i++)
				kmem_cache_free(waved, obj[i]);
		}
		next_interval(hart);
	}
}

static void
judge_wave(const unsigned *size)
{
	for (unsigned t = 1; t <= HALF; t++) {
		if (size[t] < size[t - 1])
			sim_fail("magazines shrink under load", size[t - 1],
			    size[t]);
		if (size[HALF + t] > size[HALF + t - 1])
			sim_fail("magazines grow at rest", size[HALF + t - 1],
			    size[HALF + t]);
	}
	if (size[HALF] <= size[0])
		sim_fail("magazines did not grow", size[0], size[HALF]);
	if (size[2 * HALF] != size[2 * HALF - 1] || size[2 * HALF] > sizes[0])
		sim_fail("magazines do not come back at rest", sizes[0],
		    size[2 * HALF]);
}

static void
after_square(void *arg)
{
	(void)arg;
	for (unsigned t = 0; t <= TICKS; t++)
		sim_say("%s%u", t == 0 ? "" : " ", sizes[t]);
	for (unsigned w = 0; w < WAVES; w++)
		judge_wave(&sizes[2 * HALF * w]);
	/* A step doubles, and one round is kept for the sentinel. */
	if (sizes[HALF] > 2 * sizes[3 * HALF] + 1 ||
	    sizes[3 * HALF] > 2 * sizes[HALF] + 1)
		sim_fail("the second wave ends elsewhere", sizes[HALF],
		    sizes[3 * HALF]);
	must(kmem_cache_destroy(waved), "destroy");
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	props_books();
	if (frame_free_count() != frames_before)
		sim_fail("frames leaked", frames_before, frame_free_count());
}

const struct sim_scene scene_square = { "square", before_square, body_square,
	after_square, NULL, NULL };
