/* SPDX-License-Identifier: MIT */
/* Group trace: what programs did, or might do. Included by all.c. */

#include "replay.c"

static const struct lab_load load_trace[] = {
	{ "trace/server", replay_shared, replay_lane, replay_server_open, NULL,
	    replay_step, leave_nothing, replay_close },
	{ "trace/compile", replay_shared, replay_lane, replay_compile_open,
	    NULL, replay_step, leave_nothing, replay_close },
	{ "trace/adversary", replay_shared, replay_lane, replay_adversary_open,
	    NULL, replay_step, leave_nothing, replay_close },
	{ "trace/file", replay_shared, replay_lane, replay_file_open, NULL,
	    replay_step, leave_nothing, replay_close },
	{ 0 },
};
