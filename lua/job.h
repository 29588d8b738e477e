/* SPDX-License-Identifier: MIT */
/* Jobs: Lua functions on other harts. Theory: lua/job.c. */
#ifndef LUA_JOB_H
#define LUA_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kernel/smp.h>

#include "value.h"

#define JOB_CLASS      "hart.job"
#define JOB_OUTPUT_MAX ((size_t)4096) /* bytes kept for job:output() */

struct lstate;
struct job;

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_ERROR, JOB_CANCELLED };

/* A job's share of one hart. */
struct job_part {
	struct work jp_work;
	struct job *jp_job;
	unsigned jp_hart;
	/* Guarded by the jobs' lock. */
	enum job_state jp_state;
	bool jp_cancel, jp_kill;
	struct lstate *jp_lstate; /* while it runs */
	unsigned jp_visitors;     /* who use jp_lstate without the lock */
	/* Of the sender until it is posted, of the hart until it has ended. */
	struct value_msg *jp_args;
	struct value_msg *jp_results; /* JOB_DONE; taken by the first wait */
	char *jp_error;               /* JOB_ERROR; NULL: no memory for it */
};

struct job {
	unsigned j_refs; /* handle and unfinished parts; the jobs' lock */
	bool j_file;     /* the first value is a file name, not a function */
	/* The last bytes printed; guarded by the jobs' lock. */
	char *j_output;     /* JOB_OUTPUT_MAX bytes, or NULL: none yet */
	uint64_t j_printed; /* bytes ever */
	/* Constant. */
	unsigned j_count;
	struct job_part j_parts[];
};

/* A job with one reference and no arguments yet; NULL: no memory. */
struct job *job_create(const unsigned *harts, unsigned count, bool file);
/* Hand all parts to their harts, each with its jp_args. */
void job_post(struct job *job);
void job_drop(struct job *job);

enum job_state job_state(struct job *job);
/* Stop it: queued parts never start, running ones get the error. */
void job_cancel(struct job *job, bool kill);
/*
 * Until every part has ended: true; false at the deadline, or when `s` (the
 * waiter's state) is interrupted.
 */
bool job_wait(struct job *job, struct lstate *s, uint64_t deadline_ns);
/* The last bytes printed, at most JOB_OUTPUT_MAX; their number. */
size_t job_output(struct job *job, char *out);

/* lua/job_lua.c */
int hart_run(lua_State *L);
int hart_call(lua_State *L);

/*
 * What a job's state runs first. A kill waits for it as for a binding: while it
 * encodes results, their objects belong to nobody that a kill would find.
 */
int job_part_entry(lua_State *L);

#endif
