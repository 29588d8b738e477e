/* SPDX-License-Identifier: MIT */
/*
 * Comparing two clocks by messages, as NTP does (Mills, RFC 5905, section 8).
 *
 * One clock says t0 when a message leaves, the other `when` as it has it, the
 * first one t1 when the answer is there. The other's clock is ahead by
 * when - (t0 + t1) / 2, and however the way was divided, the error is no larger
 * than half of it. So of many messages the fastest is the one that counts.
 *
 * Two such samples some time apart show drift only where the offset has changed
 * by more than both errors together: a busy machine widens the bound, and
 * cannot make a good clock look bad.
 */
#ifndef BENCH_DRIFT_H
#define BENCH_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

/* All in ns. ds_error 0: nothing yet. */
struct drift_sample {
	int64_t ds_at; /* on the first clock */
	int64_t ds_offset;
	int64_t ds_error;
};

/* Keep the better of the two. `grain`: a clock's step. */
static inline void
drift_take(struct drift_sample *ds, int64_t t0, int64_t when, int64_t t1,
    int64_t grain)
{
	int64_t error = (t1 - t0) / 2 + grain;

	if (ds->ds_error != 0 && ds->ds_error <= error)
		return;
	ds->ds_at = t0 + (t1 - t0) / 2;
	ds->ds_offset = when - ds->ds_at;
	ds->ds_error = error;
}

/* Parts per million, and how far that may be off. False: nothing to compare. */
static inline bool
drift_between(const struct drift_sample *first,
    const struct drift_sample *second, int64_t *ppm, int64_t *error)
{
	int64_t us = (second->ds_at - first->ds_at) / 1000;

	if (first->ds_error == 0 || second->ds_error == 0 || us <= 0)
		return false;
	*ppm = (second->ds_offset - first->ds_offset) * 1000 / us;
	*error = (first->ds_error + second->ds_error) * 1000 / us + 1;
	return true;
}

#endif
