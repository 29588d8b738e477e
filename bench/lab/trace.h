/* SPDX-License-Identifier: MIT */
/* Traces, inside the lab: made from a seed, or read. Theory: trace.c. */
#ifndef BENCH_LAB_TRACE_H
#define BENCH_LAB_TRACE_H

#include <bench/trace.h>

#include "lab.h"

#define TRACE_OBJECTS_MAX 524288u /* 2^19; a record each for alloc and free */
#define TRACE_HARTS_MAX   128u
#define TRACE_SIZE_MAX    16384u /* bytes: the loads' largest class */

/* One event. */
struct trace_record {
	uint32_t tr_object; /* number, dense from 0; one life each */
	uint16_t tr_size;   /* bytes, in both events of an object */
	uint8_t tr_hart;    /* below TRACE_HARTS_MAX */
	bool tr_free;
};

struct trace {
	struct trace_record *tc_records; /* of lab_memory */
	uint32_t tc_count;               /* records: two for each object */
	uint32_t tc_objects;
};

/* Memory for `objects`; false: none, or too many. */
bool trace_open(struct trace *tc, uint32_t objects);
void trace_close(struct trace *tc);

/* The loaded trace, held until it is given back; NULL: none, or in use. */
const struct trace *trace_hold(void);
void trace_release(void);

/* bench/lab/trace_make.c: fill an opened trace from a seed. */
bool trace_make_server(struct trace *tc, uint64_t seed);
bool trace_make_compile(struct trace *tc, uint64_t seed);
bool trace_make_adversary(struct trace *tc, uint64_t seed);

#endif
