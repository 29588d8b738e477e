/* SPDX-License-Identifier: MIT */
/* A trace of allocations, to replay. Format and theory: bench/lab/trace.c. */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Take over a file of scripts/trace-convert for the benchmark trace/file, in
 * place of the one before; the bytes are copied. False: nothing has changed,
 * and *why (never NULL then) is a static sentence. Context: thread.
 */
bool lab_trace_load(const void *bytes, size_t n, const char **why);

/* Objects of the trace that is loaded; 0: there is none. */
size_t lab_trace_objects(void);

#endif
