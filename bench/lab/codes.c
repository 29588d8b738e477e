/* SPDX-License-Identifier: MIT */
/*
 * What an image has: allocators and groups of benchmarks, a line for each. A
 * group whose table is not linked is left out.
 */
#include "codes.h"
#include "../rival/rival.h"

const struct lab_code *const lab_codes[] = {
	&lab_ours_code,
	&lab_nomag_code,
	&lab_nocolour_code,
	&lab_biglock_code,
	&lab_seed2006_code,
	&lab_seed62_code,
	&lab_linux24_code,
	&lab_sheaf_code,
	&lab_picolibc_code,
	&lab_tlsf_code,
	&lab_firstfit_code,
	NULL,
};

bool
lab_codes_start(void)
{
	return rival_start();
}

#pragma weak lab_micro
#pragma weak lab_smp
#pragma weak lab_memory_benches
#pragma weak lab_latency
#pragma weak lab_trace
#pragma weak lab_system
#pragma weak lab_control
#pragma weak lab_turns

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
