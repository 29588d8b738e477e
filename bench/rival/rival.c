/* SPDX-License-Identifier: MIT */
/* The table of frames that rivals share. Theory: rival.h. */
#include "rival.h"

#include <string.h>

/* The table may take one part in so many of what is free. */
#define TABLE_SHARE 16u

void **rival_frames;
uintptr_t rival_base;
uint64_t rival_atomics;

static size_t table_frames;

/* The bytes from the lowest zone's first to the highest's last. */
static uintptr_t
span_of_zones(uintptr_t *base)
{
	struct frame_zone_stats st;
	uintptr_t low = UINTPTR_MAX, high = 0;
	unsigned i;

	for (i = 0; i < frame_zone_count(); i++) {
		if (!frame_get_zone_stats(i, &st))
			continue;
		if (st.base < low)
			low = st.base;
		if (st.base + st.total * FRAME_SIZE > high)
			high = st.base + st.total * FRAME_SIZE;
	}
	*base = low;
	return high > low ? high - low : 0;
}

bool
rival_start(void)
{
	uintptr_t span;
	size_t bytes;

	if (rival_frames != NULL)
		return true;
	span = span_of_zones(&rival_base);
	bytes = (span >> FRAME_SHIFT) * sizeof(*rival_frames);
	table_frames = (bytes + FRAME_SIZE - 1) / FRAME_SIZE;
	/* Zones far apart would make a table of holes. */
	if (table_frames == 0 ||
	    table_frames > frame_free_count() / TABLE_SHARE)
		return false;
	rival_frames = rival_frames_alloc(table_frames, false);
	if (rival_frames == NULL)
		return false;
	memset(rival_frames, 0, table_frames * FRAME_SIZE);
	return true;
}

void
rival_stop(void)
{
	if (rival_frames != NULL)
		rival_frames_free(rival_frames, table_frames);
	rival_frames = NULL;
}
