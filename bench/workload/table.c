/* SPDX-License-Identifier: MIT */
/* All workloads, compiled for the adapter that includes this file. */

#include "burst.c"
#include "larson.c"
#include "pair.c"

const struct workload_code ADAPTER_TABLE[] = {
	{ "pair", pair_prepare, pair_step, pair_finish },
	{ "burst", burst_prepare, burst_step, burst_finish },
	{ "larson", larson_prepare, larson_step, larson_finish },
};
