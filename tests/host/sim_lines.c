/* SPDX-License-Identifier: MIT */
/* Which hart wrote a cache line last; hot stores to another's are counted. */
#include "sim_impl.h"

#include <string.h>

/* 0: nobody since the start; else hart + 1. */
static unsigned char writer[SIM_WORLD_MAX / SIM_LINE];
static struct sim_lines lines;

void
sim_lines_start(void)
{
	memset(writer, 0, sizeof(writer));
	memset(&lines, 0, sizeof(lines));
	sim_watching |= SIM_LINES;
}

void
sim_lines_read(struct sim_lines *out)
{
	*out = lines;
}

void
sim_lines_store(uintptr_t at, bool hot)
{
	unsigned hart = sim_hart();
	size_t offset;
	unsigned char *line;

	if ((sim_watching & SIM_LINES) == 0 || !sim_in_world(at, &offset))
		return;
	line = &writer[offset / SIM_LINE];
	lines.stores++;
	lines.hot += hot;
	if (hot && *line != 0 && *line != hart + 1) {
		if (lines.foreign++ == 0) {
			lines.first = at;
			lines.by = hart;
			lines.was = *line - 1u;
		}
	}
	*line = (unsigned char)(hart + 1);
}
