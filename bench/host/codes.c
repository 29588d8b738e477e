/* SPDX-License-Identifier: MIT */
/* What the program of `make bench-host` has of the lab, a line for each. */
#include "../lab/codes.h"
#include "host.h"

const struct lab_code *const lab_codes[] = {
	&lab_ours_code,
	&lab_malloc_code,
	NULL,
};

const struct lab_bench *const lab_groups[LAB_GROUPS] = {
	lab_micro,
	lab_smp,
	lab_memory_benches,
	lab_latency,
	lab_trace,
	lab_system,
	lab_control,
	lab_turns,
};
