/* SPDX-License-Identifier: MIT */
/*
 * Jobs: Lua functions on other harts.
 *
 * Theory of operation
 *
 * 1. A job has one part per hart. A part is a work item (kernel/smp.h): idle
 *    harts take items in the order they were posted, so a busy hart queues.
 * 2. A part makes a state on its own hart, decodes function and arguments in
 *    it, runs, encodes the results, and drops the state. Only then is it
 *    ended: whoever sees "done" sees the state's memory back.
 * 3. One lock and one wait queue serve all jobs. The record is counted: one
 *    reference for the handle in the state that started it, one for each part
 *    not ended. A part gives up its reference in the step that ends it, and
 *    touches nothing of the record afterwards; the queue is nobody's property
 *    and can be woken when the record is gone.
 * 4. Cancelling a running part means interrupting its state, which waits for
 *    an interrupt on the other hart and so cannot be done under the lock. The
 *    canceller counts itself in jp_visitors; a part waits for its visitors
 *    before it drops the state.
 * 5. cancel raises "interrupted" once; a kill raises it again and again, cuts
 *    off C code that does not end, and drops the state without finalizers.
 *    Objects that the state held are freed (lua/handle.c).
 */
#include "job.h"

#include <string.h>

#include <console/console.h>
#include <kernel/fmt.h>
#include <kernel/lock.h>
#include <kernel/waitq.h>
#include <mm/kmem.h>

#include "handle.h"
#include "lauxlib.h"
#include "state.h"

#define PREFIX_MAX 32u

static struct klock jobs_lock;
static struct waitq jobs_wait;

static void part_work(struct work *wk);

static bool
ended(enum job_state state)
{
	return state == JOB_DONE || state == JOB_ERROR ||
	    state == JOB_CANCELLED;
}

struct job *
job_create(const unsigned *harts, unsigned count, bool file)
{
	struct job *job =
	    kzalloc(sizeof(*job) + count * sizeof(job->j_parts[0]), 0);
	unsigned i;

	if (job == NULL)
		return NULL;
	job->j_refs = 1;
	job->j_count = count;
	job->j_file = file;
	for (i = 0; i < count; i++) {
		job->j_parts[i].jp_work.wk_fn = part_work;
		job->j_parts[i].jp_job = job;
		job->j_parts[i].jp_hart = harts[i];
	}
	return job;
}

static void
job_free(struct job *job)
{
	unsigned i;

	for (i = 0; i < job->j_count; i++) {
		value_drop(job->j_parts[i].jp_args);
		value_drop(job->j_parts[i].jp_results);
		kfree(job->j_parts[i].jp_error);
	}
	kfree(job->j_output);
	kfree(job);
}

void
job_drop(struct job *job)
{
	unsigned long irq = klock_acquire(&jobs_lock);
	bool last = --job->j_refs == 0;

	klock_release(&jobs_lock, irq);
	if (last)
		job_free(job);
}

/* The last thing a part does: afterwards the record may be gone. */
static void
part_end(struct job_part *jp, enum job_state state)
{
	struct job *job = jp->jp_job;
	unsigned long irq = klock_acquire(&jobs_lock);
	bool last;

	jp->jp_state = state;
	last = --job->j_refs == 0;
	klock_release(&jobs_lock, irq);
	waitq_wake(&jobs_wait);
	if (last)
		job_free(job);
}

void
job_post(struct job *job)
{
	unsigned long irq = klock_acquire(&jobs_lock);
	unsigned i;

	job->j_refs += job->j_count;
	klock_release(&jobs_lock, irq);
	for (i = 0; i < job->j_count; i++) {
		struct job_part *jp = &job->j_parts[i];

		if (smp_post(jp->jp_hart, &jp->jp_work))
			continue;
		/* The hart stopped answering since it was chosen. */
		part_end(jp, JOB_ERROR);
	}
}

/* ---- on the other hart ---- */

static void
keep_output(void *arg, const char *text, size_t n)
{
	struct job *job = arg;
	char *fresh = NULL;
	unsigned long irq;
	bool none;
	size_t i;

	console_write(text, n);
	irq = klock_acquire(&jobs_lock);
	none = job->j_output == NULL;
	klock_release(&jobs_lock, irq);
	if (none)
		fresh = kmalloc(JOB_OUTPUT_MAX, 0);
	irq = klock_acquire(&jobs_lock);
	if (job->j_output == NULL) {
		job->j_output = fresh;
		fresh = NULL;
	}
	if (job->j_output != NULL) {
		/* Of a long text only the end can stay. */
		i = n > JOB_OUTPUT_MAX ? n - JOB_OUTPUT_MAX : 0;
		job->j_printed += i;
		for (; i < n; i++)
			job->j_output[job->j_printed++ % JOB_OUTPUT_MAX] =
			    text[i];
	}
	klock_release(&jobs_lock, irq);
	kfree(fresh);
}

/* What runs in the fresh state: function and arguments in, results out. */
int
job_part_entry(lua_State *L)
{
	struct job_part *jp = lua_touserdata(L, 1);
	struct value_box *box;
	int n;

	lua_settop(L, 0);
	box = value_box_push(L);
	value_box_put(box, jp->jp_args);
	jp->jp_args = NULL;
	if (jp->jp_job->j_file)
		lua_getglobal(L, "run");
	n = value_push(L, box);
	lua_call(L, jp->jp_job->j_file ? n : n - 1, LUA_MULTRET);
	box = value_encode(L, 2, lua_gettop(L) - 1, "result", false);
	if (box == NULL)
		return luaL_error(L, "no memory to carry the results back");
	jp->jp_results = value_take(box);
	if (jp->jp_results == NULL)
		return luaL_error(
		    L, "the same object or batch is in the results twice");
	return 0;
}

static bool
no_visitors(void *arg)
{
	struct job_part *jp = arg;
	unsigned long irq = klock_acquire(&jobs_lock);
	bool none = jp->jp_visitors == 0;

	klock_release(&jobs_lock, irq);
	return none;
}

/* "hart 2: " and the text; NULL when there is no memory. */
static char *
error_text(unsigned hart, const char *text)
{
	char prefix[PREFIX_MAX];
	size_t n = fmt_format(prefix, sizeof(prefix), "hart %u: ", hart);
	size_t len = strlen(text);
	char *out = kmalloc(n + len + 1, 0);

	if (out == NULL)
		return NULL;
	memcpy(out, prefix, n);
	memcpy(out + n, text, len + 1);
	return out;
}

/* Announce the state, and what was asked for before it existed. */
static void
part_open(struct job_part *jp, struct lstate *s)
{
	unsigned long irq;
	bool cancel, kill;

	lstate_set_job(s, jp);
	lstate_set_output(s, keep_output, jp->jp_job);
	irq = klock_acquire(&jobs_lock);
	jp->jp_lstate = s;
	cancel = jp->jp_cancel;
	kill = jp->jp_kill;
	klock_release(&jobs_lock, irq);
	if (cancel)
		lstate_interrupt(s, kill);
}

/* Withdraw the state again; what was asked for while it ran. */
static void
part_close(struct job_part *jp, bool *cancel, bool *kill)
{
	unsigned long irq = klock_acquire(&jobs_lock);

	jp->jp_lstate = NULL;
	*cancel = jp->jp_cancel;
	*kill = jp->jp_kill;
	klock_release(&jobs_lock, irq);
	(void)waitq_wait(&jobs_wait, no_visitors, NULL, jp, WAIT_FOREVER);
}

static enum job_state
part_run(struct job_part *jp)
{
	char name[PREFIX_MAX];
	struct lstate *s;
	lua_State *L;
	const char *text;
	bool cancel, kill;
	int status;

	fmt_format(name, sizeof(name), "hart%u", jp->jp_hart);
	s = lstate_create(name, false);
	if (s == NULL) {
		jp->jp_error =
		    error_text(jp->jp_hart, "no memory for a Lua state");
		return JOB_ERROR;
	}
	part_open(jp, s);
	L = lstate_lua(s);
	lua_pushcfunction(L, job_part_entry);
	lua_pushlightuserdata(L, jp);
	status = lstate_pcall(s, 1, 0);
	part_close(jp, &cancel, &kill);
	if (status != LUA_OK) {
		text = status == LSTATE_KILLED ? "killed" : lua_tostring(L, -1);
		jp->jp_error = error_text(
		    jp->jp_hart, text != NULL ? text : "(no message)");
	}
	lstate_destroy(s, kill || status == LSTATE_KILLED);
	/* A kill that came when the work was done changes nothing. */
	if (status == LUA_OK)
		return JOB_DONE;
	return cancel ? JOB_CANCELLED : JOB_ERROR;
}

static void
part_work(struct work *wk)
{
	struct job_part *jp = (struct job_part *)wk; /* its first member */
	unsigned long irq = klock_acquire(&jobs_lock);
	bool cancelled = jp->jp_cancel;

	if (!cancelled)
		jp->jp_state = JOB_RUNNING;
	klock_release(&jobs_lock, irq);
	part_end(jp, cancelled ? JOB_CANCELLED : part_run(jp));
}

_Static_assert(offsetof(struct job_part, jp_work) == 0, "see part_work");

/* ---- on any hart ---- */

enum job_state
job_state(struct job *job)
{
	unsigned long irq = klock_acquire(&jobs_lock);
	unsigned of[JOB_CANCELLED + 1] = { 0 };
	unsigned i;

	for (i = 0; i < job->j_count; i++)
		of[job->j_parts[i].jp_state]++;
	klock_release(&jobs_lock, irq);
	if (of[JOB_QUEUED] == job->j_count)
		return JOB_QUEUED;
	if (of[JOB_QUEUED] + of[JOB_RUNNING] > 0)
		return JOB_RUNNING;
	if (of[JOB_ERROR] > 0)
		return JOB_ERROR;
	return of[JOB_CANCELLED] > 0 ? JOB_CANCELLED : JOB_DONE;
}

static void
cancel_part(struct job_part *jp, bool kill)
{
	struct lstate *s;
	unsigned long irq = klock_acquire(&jobs_lock);
	bool queued = jp->jp_state == JOB_QUEUED;

	if (ended(jp->jp_state)) {
		klock_release(&jobs_lock, irq);
		return;
	}
	jp->jp_cancel = true;
	jp->jp_kill = jp->jp_kill || kill;
	s = jp->jp_lstate;
	if (s != NULL)
		jp->jp_visitors++;
	klock_release(&jobs_lock, irq);
	if (queued && smp_unpost(jp->jp_hart, &jp->jp_work)) {
		part_end(jp, JOB_CANCELLED);
		return;
	}
	if (s == NULL)
		return;
	if (kill)
		lstate_kill(s);
	else
		lstate_interrupt(s, false);
	irq = klock_acquire(&jobs_lock);
	jp->jp_visitors--;
	klock_release(&jobs_lock, irq);
	waitq_wake(&jobs_wait);
}

void
job_cancel(struct job *job, bool kill)
{
	unsigned i;

	for (i = 0; i < job->j_count; i++)
		cancel_part(&job->j_parts[i], kill);
}

struct job_waiter {
	struct job *jw_job;
	struct lstate *jw_state;
};

static bool
all_ended(void *arg)
{
	struct job *job = ((struct job_waiter *)arg)->jw_job;
	unsigned long irq = klock_acquire(&jobs_lock);
	bool all = true;
	unsigned i;

	for (i = 0; i < job->j_count && all; i++)
		all = ended(job->j_parts[i].jp_state);
	klock_release(&jobs_lock, irq);
	return all;
}

static bool
must_stop(void *arg)
{
	return lstate_interrupted(((struct job_waiter *)arg)->jw_state);
}

bool
job_wait(struct job *job, struct lstate *s, uint64_t deadline_ns)
{
	struct job_waiter jw = { job, s };

	return waitq_wait(&jobs_wait, all_ended, must_stop, &jw, deadline_ns);
}

size_t
job_output(struct job *job, char *out)
{
	unsigned long irq = klock_acquire(&jobs_lock);
	size_t n = 0, i;
	uint64_t from;

	if (job->j_output != NULL) {
		n = job->j_printed < JOB_OUTPUT_MAX ? (size_t)job->j_printed
						    : JOB_OUTPUT_MAX;
		from = job->j_printed - n;
		for (i = 0; i < n; i++)
			out[i] = job->j_output[(from + i) % JOB_OUTPUT_MAX];
	}
	klock_release(&jobs_lock, irq);
	return n;
}
