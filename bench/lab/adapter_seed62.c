/* SPDX-License-Identifier: MIT */
/* The same as adapter_seed2006.c, but with magazines of 62 rounds. */
#define SEED_NAME   "seed62"
#define SEED_TEXT   "HelenOS 2006 with magazines of 62: what the size changes"
#define SEED_CODE   lab_seed62_code
#define SEED_ROUNDS SEED2006_ROUNDS_MAX

#include "adapter_seed2006.c"
