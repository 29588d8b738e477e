/* SPDX-License-Identifier: MIT */
/* The sheaves with counters, for figures that are counted: visits, atomics. */
#define RIVAL_COUNT
#include "sheaf_counted.h"

#include "sheaf.c"
