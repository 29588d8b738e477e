/* SPDX-License-Identifier: MIT */
/* bench/rival/sheaf.h, compiled once more with its counters. One hart. */
#ifndef BENCH_RIVAL_SHEAF_COUNTED_H
#define BENCH_RIVAL_SHEAF_COUNTED_H

#define sheaf_create  counted_sheaf_create
#define sheaf_alloc   counted_sheaf_alloc
#define sheaf_free    counted_sheaf_free
#define sheaf_destroy counted_sheaf_destroy
#define sheaf_reap    counted_sheaf_reap
#define sheaf_charge  counted_sheaf_charge
#define sheaf_look    counted_sheaf_look

#include "sheaf.h"

#endif
