/* SPDX-License-Identifier: MIT */
/* What a run's allocator has taken from the machine. */
#include <mm/frame.h>

#include "lab.h"

size_t
lab_frames(const struct lab_run *run)
{
	size_t used = frame_total_count() - frame_free_count();
	size_t i;

	for (i = 0; lab_codes[i] != NULL; i++)
		if (lab_codes[i]->lc_variant == run->lr_variant &&
		    lab_codes[i]->lc_frames != NULL)
			used += lab_codes[i]->lc_frames();
	return used;
}
