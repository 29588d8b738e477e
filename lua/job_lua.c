/* SPDX-License-Identifier: MIT */
/* hart.run, hart.call and the class hart.job. */
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/platform.h>

#include "binding.h"
#include "cache.h"
#include "handle.h"
#include "job.h"
#include "lauxlib.h"
#include "modules.h"
#include "shared.h"
#include "show.h"
#include "state.h"

#define HARTS_MAX PLATFORM_HARTS_MAX

struct job_ud {
	struct handle ju_handle;
	struct job *ju_job; /* a reference; NULL: never started */
};

/* Which harts a job goes to. */
struct target {
	unsigned count;
	unsigned harts[HARTS_MAX];
};

static void
job_ud_drop(struct handle *h)
{
	struct job_ud *ju = (struct job_ud *)h;

	if (ju->ju_job != NULL)
		job_drop(ju->ju_job);
	ju->ju_job = NULL;
}

static struct job *
job_arg(lua_State *L)
{
	struct job_ud *ju = luaL_checkudata(L, 1, JOB_CLASS);

	if (ju->ju_job == NULL)
		luaL_argerror(L, 1, "this job was never started");
	return ju->ju_job;
}

/* ---- start ---- */

static int
fail_hart(lua_State *L, unsigned hart)
{
	if (hart == smp_hart_self())
		return binding_fail(L, "EHART",
		    "hart %u runs this script; a job needs another hart", hart);
	if (hart == 0)
		return binding_fail(
		    L, "EHART", "hart 0 is the console's and takes no jobs");
	return binding_fail(L, "EHART", "hart %u does not answer", hart);
}

static bool
takes_jobs(unsigned hart)
{
	struct hart_info info;

	return hart != 0 && hart != smp_hart_self() &&
	    smp_hart_get(hart, &info) && info.state != HART_OFFLINE;
}

static void
add_hart(lua_State *L, struct target *t, lua_Integer hart)
{
	unsigned n = smp_hart_count(), i;

	if (hart < 0 || hart >= (lua_Integer)n)
		luaL_argerror(L, 1,
		    lua_pushfstring(
			L, "hart must be in 0..%d, not %I", (int)n - 1, hart));
	for (i = 0; i < t->count; i++) {
		if (t->harts[i] == (unsigned)hart)
			luaL_argerror(L, 1,
			    lua_pushfstring(
				L, "hart %I is in the list twice", hart));
	}
	t->harts[t->count++] = (unsigned)hart;
}

static void
target_list(lua_State *L, struct target *t)
{
	lua_Integer i, n = luaL_len(L, 1);

	if (n < 1 || n > (lua_Integer)smp_hart_count())
		luaL_argerror(L, 1,
		    "a list of harts must name 1 hart or more, "
		    "each once");
	for (i = 1; i <= n; i++) {
		lua_geti(L, 1, i);
		if (!lua_isinteger(L, -1))
			luaL_argerror(L, 1, "a list of harts holds integers");
		add_hart(L, t, lua_tointeger(L, -1));
		lua_pop(L, 1);
	}
}

static void
target_arg(lua_State *L, struct target *t)
{
	const char *word;
	unsigned i;

	t->count = 0;
	if (lua_type(L, 1) == LUA_TNUMBER) {
		add_hart(L, t, luaL_checkinteger(L, 1));
		return;
	}
	if (lua_type(L, 1) == LUA_TTABLE) {
		target_list(L, t);
		return;
	}
	if (lua_type(L, 1) != LUA_TSTRING)
		luaL_typeerror(
		    L, 1, "hart, list of harts, \"all\" or \"others\"");
	word = lua_tostring(L, 1);
	if (strcmp(word, "all") != 0 && strcmp(word, "others") != 0)
		luaL_argerror(L, 1,
		    "which must be a hart, a list of harts, \"all\" or "
		    "\"others\"");
	for (i = 0; i < smp_hart_count() && i < HARTS_MAX; i++) {
		if (word[0] == 'a' || takes_jobs(i))
			t->harts[t->count++] = i;
	}
}

/* Encode the call for one part after the other, and take them into the job. */
static bool
fill_parts(lua_State *L, struct job *job, int values)
{
	bool function = !job->j_file;
	unsigned i;

	for (i = 0; i < job->j_count; i++) {
		struct value_box *box =
		    value_encode(L, 2, values, "argument", function);

		if (box == NULL)
			return false;
		if (job->j_count > 1 && value_box_moves(box))
			luaL_error(L,
			    "an object or batch can go to one hart "
			    "only");
		job->j_parts[i].jp_args = value_take(box);
		if (job->j_parts[i].jp_args == NULL)
			luaL_error(L,
			    "the same object or batch is among the "
			    "arguments twice");
		lua_pop(L, 1);
	}
	return true;
}

/*
 * Start a job from arguments 1 (which), 2 (function or file) and more. Pushes
 * the job and returns 1, or pushes nil, message, code and returns 3.
 */
static int
start(lua_State *L, const struct target *t)
{
	int values = lua_gettop(L) - 1;
	bool file = lua_type(L, 2) == LUA_TSTRING;
	struct job_ud *ju;
	unsigned i;

	if (!file && !lua_isfunction(L, 2))
		return luaL_typeerror(L, 2, "function or file name");
	for (i = 0; i < t->count; i++) {
		if (!takes_jobs(t->harts[i]))
			return fail_hart(L, t->harts[i]);
	}
	if (t->count == 0)
		return binding_fail(
		    L, "EHART", "there is no other hart to run it");
	ju = handle_new(L, sizeof(*ju), JOB_CLASS, 1, job_ud_drop);
	ju->ju_job = job_create(t->harts, t->count, file);
	if (ju->ju_job == NULL || !fill_parts(L, ju->ju_job, values))
		return lcache_fail_memory(L, "hart.run");
	job_post(ju->ju_job);
	return 1;
}

int
hart_run(lua_State *L)
{
	struct target t;

	target_arg(L, &t);
	return start(L, &t);
}

/* ---- outcome ---- */

/* Push nil, message, code when a part failed; 0 when all are done. */
static int
push_failure(lua_State *L, struct job *job)
{
	luaL_Buffer b;
	bool error = false, cancelled = false;
	char text[64];
	unsigned i;

	for (i = 0; i < job->j_count; i++) {
		error = error || job->j_parts[i].jp_state == JOB_ERROR;
		cancelled =
		    cancelled || job->j_parts[i].jp_state == JOB_CANCELLED;
	}
	if (!error && !cancelled)
		return 0;
	lua_pushnil(L);
	luaL_buffinit(L, &b);
	for (i = 0; i < job->j_count; i++) {
		struct job_part *jp = &job->j_parts[i];
		bool is_error = jp->jp_state == JOB_ERROR;

		if (!is_error && (error || jp->jp_state != JOB_CANCELLED))
			continue;
		if (luaL_bufflen(&b) > 0)
			luaL_addchar(&b, '\n');
		if (is_error && jp->jp_error != NULL) {
			luaL_addstring(&b, jp->jp_error);
			continue;
		}
		fmt_format(text, sizeof(text), "hart %u: %s", jp->jp_hart,
		    is_error ? "failed, and there was no memory to say why"
			     : "cancelled");
		luaL_addstring(&b, text);
	}
	luaL_pushresult(&b);
	lua_pushstring(L, error ? "EJOB" : "ECANCELED");
	return 3;
}

/* Push the values of a part's results as a table with n. */
static void
push_packed(lua_State *L, struct job_part *jp)
{
	struct value_box *box;
	int n, i, at;

	if (jp->jp_results == NULL)
		luaL_error(L,
		    "the results of this job were lost: there was "
		    "no memory when they were first asked for");
	lua_newtable(L);
	at = lua_gettop(L);
	box = value_box_push(L);
	value_box_put(box, jp->jp_results);
	jp->jp_results = NULL;
	n = value_push(L, box);
	for (i = n; i > 0; i--)
		lua_rawseti(L, at, i);
	lua_pushinteger(L, n);
	lua_setfield(L, at, "n");
	lua_settop(L, at);
}

/*
 * Push the results' table: kept with the handle, because objects in them can
 * be received only once. One part: packed results; several: those by hart.
 */
static void
push_results(lua_State *L, int handle, struct job *job)
{
	unsigned i;

	if (lua_getiuservalue(L, handle, 1) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	if (job->j_count == 1) {
		push_packed(L, &job->j_parts[0]);
	} else {
		lua_newtable(L);
		for (i = 0; i < job->j_count; i++) {
			push_packed(L, &job->j_parts[i]);
			lua_rawseti(
			    L, -2, (lua_Integer)job->j_parts[i].jp_hart);
		}
		show_as_text(L);
	}
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, handle, 1);
}

/* Push what an ended job came to; `flag`: true in front of the results. */
static int
push_outcome(lua_State *L, int handle, struct job *job, bool flag)
{
	int n = push_failure(L, job), i, table;

	if (n != 0)
		return n;
	push_results(L, handle, job);
	table = lua_gettop(L);
	if (flag)
		lua_pushboolean(L, 1);
	if (job->j_count > 1) {
		lua_pushvalue(L, table);
		return flag ? 2 : 1;
	}
	lua_getfield(L, table, "n");
	n = (int)lua_tointeger(L, -1);
	lua_pop(L, 1);
	luaL_checkstack(L, n + 4, "too many results");
	for (i = 1; i <= n; i++)
		lua_rawgeti(L, table, i);
	return n + (flag ? 1 : 0);
}

static int
job_wait_lua(lua_State *L)
{
	struct job *job = job_arg(L);
	uint64_t deadline = shared_deadline(L, 2);

	if (!job_wait(job, lstate_of(L), deadline)) {
		lstate_poll(L);
		return binding_fail(
		    L, "ETIMEDOUT", "the job has not ended yet");
	}
	return push_outcome(L, 1, job, true);
}

int
hart_call(lua_State *L)
{
	struct target t = { 0 };
	struct job_ud *ju;
	int n;

	add_hart(L, &t, luaL_checkinteger(L, 1));
	n = start(L, &t);
	if (n != 1)
		return n;
	ju = lua_touserdata(L, -1);
	if (!job_wait(ju->ju_job, lstate_of(L), UINT64_MAX)) {
		/* Nobody else has the handle: without us it has no purpose. */
		job_cancel(ju->ju_job, false);
		lstate_poll(L);
		return luaL_error(L, "interrupted");
	}
	return push_outcome(L, lua_gettop(L), ju->ju_job, false);
}

/* ---- the class ---- */

static const char *const state_names[] = { "queued", "running", "done", "error",
	"cancelled" };

static int
job_status(lua_State *L)
{
	lua_pushstring(L, state_names[job_state(job_arg(L))]);
	return 1;
}

static int
job_cancel_lua(lua_State *L)
{
	job_cancel(job_arg(L), false);
	return 0;
}

static int
job_kill(lua_State *L)
{
	job_cancel(job_arg(L), true);
	return 0;
}

static int
job_output_lua(lua_State *L)
{
	struct job *job = job_arg(L);
	luaL_Buffer b;
	char *room = luaL_buffinitsize(L, &b, JOB_OUTPUT_MAX);

	luaL_pushresultsize(&b, job_output(job, room));
	return 1;
}

static int
job_gc(lua_State *L)
{
	handle_release(luaL_checkudata(L, 1, JOB_CLASS));
	return 0;
}

static int
job_tostring(lua_State *L)
{
	struct job *job = job_arg(L);
	const char *state = state_names[job_state(job)];

	if (job->j_count == 1)
		lua_pushfstring(L, "hart.job on hart %d (%s)",
		    (int)job->j_parts[0].jp_hart, state);
	else
		lua_pushfstring(
		    L, "hart.job on %d harts (%s)", (int)job->j_count, state);
	return 1;
}

static const struct binding methods[] = {
	{ "wait", job_wait_lua, "job:wait([ms]) -> true, ... | nil, msg, code",
	    "Waits until the job has ended (ms milliseconds at most: "
	    "ETIMEDOUT). true and the function's results; for several harts "
	    "true and a table by hart of packed results ({n=, ...}). EJOB: "
	    "the function failed, the message has its traceback; ECANCELED.",
	    "j = hart.run('others', function(a) return a + 1 end, 41) "
	    "if j then print(j:wait(1000)) end" },
	{ "status", job_status, "job:status() -> string",
	    "\"queued\", \"running\", \"done\", \"error\" or \"cancelled\".",
	    "j = hart.run('others', function() end) "
	    "if j then j:wait() print(j:status()) end" },
	{ "cancel", job_cancel_lua, "job:cancel()",
	    "Takes it out of the queue, or raises \"interrupted\" where it "
	    "runs.",
	    "j = hart.run('others', function() while true do end end) "
	    "if j then j:cancel() print(j:wait()) end" },
	{ "kill", job_kill, "job:kill()",
	    "Like cancel, but the error cannot be caught and no finalizer "
	    "runs; what the job owned is freed.",
	    "j = hart.run('others', function() while true do end end) "
	    "if j then j:kill() print(j:wait()) end" },
	{ "output", job_output_lua, "job:output() -> string",
	    "The last 4,096 bytes that the job printed (they went to the "
	    "console as well).",
	    "j = hart.run('others', function() print('hello') end) "
	    "if j then j:wait() print(#j:output()) end" },
	{ "__tostring", job_tostring, "", "", NULL },
	{ "__gc", job_gc, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class hart_job_class = {
	.name = JOB_CLASS,
	.text = "A function that runs on other harts, made by hart.run. "
		"Forgetting the handle does not stop it.",
	.methods = methods,
	.field = NULL,
};
