/* SPDX-License-Identifier: MIT */
/*
 * Memory taken against memory asked for. One lane samples, and the load says
 * which: where harts take turns, the last one, after whose step all have done
 * as many. Included by memory.c.
 */

struct meter {
	size_t mt_start;          /* frames in use when the run began */
	size_t mt_first, mt_last; /* samples, beyond that; first: warm */
	size_t mt_frames;         /* the most */
	uint64_t mt_bytes;        /* asked for and not freed yet: the most */
	bool mt_warm;
};

static void
meter_open(const struct lab_run *run, struct meter *mt)
{
	mt->mt_start = lab_frames(run);
}

/* Frames beyond the start. */
static size_t
meter_frames(const struct lab_run *run, const struct meter *mt)
{
	size_t now = lab_frames(run);

	return now > mt->mt_start ? now - mt->mt_start : 0;
}

static inline bool
meter_is_mine(const struct lab_lane *lane)
{
	return lane->ln_index == lane->ln_run->lr_harts - 1u;
}

static void
meter_sample(const struct lab_lane *lane, struct meter *mt, uint64_t bytes)
{
	mt->mt_last = meter_frames(lane->ln_run, mt);
	if (mt->mt_last > mt->mt_frames)
		mt->mt_frames = mt->mt_last;
	if (bytes > mt->mt_bytes)
		mt->mt_bytes = bytes;
	if (!mt->mt_warm && held_counted(lane)) {
		mt->mt_warm = true;
		mt->mt_first = mt->mt_last;
	}
}

/* bytes_asked, and overhead: frames taken over it. */
static void
meter_facts(const struct lab_run *run, const struct meter *mt)
{
	lab_fact(
	    run->lr_out, "bytes_asked", "byte", LAB_NEITHER, mt->mt_bytes, 1);
	if (mt->mt_bytes != 0)
		lab_fact(run->lr_out, "overhead", "1", LAB_LOWER,
		    (uint64_t)mt->mt_frames * FRAME_SIZE, mt->mt_bytes);
}
