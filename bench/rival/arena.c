/* SPDX-License-Identifier: MIT */
/* Memory with a break. Theory: arena.h. */
#include "arena.h"

#include "rival.h"

bool
arena_open(struct arena *ar)
{
	size_t frames = ARENA_FRAMES;

	if (ar->ar_users != 0) {
		ar->ar_users++;
		return true;
	}
	do {
		ar->ar_base = rival_frames_alloc(frames, false);
		if (ar->ar_base != NULL) {
			ar->ar_frames = frames;
			ar->ar_break = 0;
			ar->ar_users = 1;
			return true;
		}
		frames /= 2;
	} while (frames >= ARENA_FRAMES_MIN);
	return false;
}

bool
arena_close(struct arena *ar)
{
	if (--ar->ar_users != 0)
		return false;
	rival_frames_free(ar->ar_base, ar->ar_frames);
	ar->ar_base = NULL;
	ar->ar_frames = 0;
	ar->ar_break = 0;
	return true;
}

void *
arena_grow(struct arena *ar, size_t bytes)
{
	size_t was = ar->ar_break;

	if (bytes > ar->ar_frames * FRAME_SIZE - was)
		return NULL;
	ar->ar_break = was + bytes;
	return ar->ar_base + was;
}

size_t
arena_charge(const struct arena *ar)
{
	return (ar->ar_break + FRAME_SIZE - 1) / FRAME_SIZE - ar->ar_frames;
}
