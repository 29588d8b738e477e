/* SPDX-License-Identifier: MIT */
/*
 * The prompt: read, evaluate, print.
 *
 * Theory of operation
 *
 * 1. A chunk grows line by line in one buffer, taken at start so that the
 *    prompt needs no memory for it. The buffer begins with "return ", so that
 *    a chunk is tried as an expression first without being copied. A chunk
 *    whose syntax error is at its end goes on in the next line.
 *
 * 2. Nothing here raises: compiling is protected by Lua itself, everything
 *    else happens in functions called through lstate_pcall.
 *
 * 3. Ctrl-C arrives as an interrupt on this hart. The first sets the hook on
 *    what runs; STICKY_NS later, or at the second, the interruption becomes
 *    sticky; KILL_NS after that, or at the third, the computation is cut off
 *    and its state dropped (lua/state.c, 5). One timer walks those steps.
 *
 * 4. Compiling, running and showing a chunk are armed once, together. A Ctrl-C
 *    that comes while no hook can look (between two of them, in the compiler)
 *    is found pending after each, and what would follow is left out. The
 *    console delivers what came between the end of the line and the arming.
 *
 * 5. A chunk whose middle is missing is dropped with the rest of its paste
 *    (docs/console.md, Paste): its later lines make no sense by themselves.
 */
#include "repl.h"

#include <string.h>

#include <console/console.h>
#include <kernel/irq.h>
#include <kernel/klog.h>
#include <kernel/panic.h>
#include <kernel/time.h>
#include <kernel/waitq.h>
#include <mm/frame.h>
#include <mm/kmem.h>

#include "heap.h"
#include "lauxlib.h"
#include "script.h"

#define PROMPT        "quarry> "
#define PROMPT_MORE   "   ...> "
#define CHUNK_MAX     (32u << 10) /* bytes of unfinished lines */
#define LINE_ROOM     4096u       /* the longest line, with its NUL */
#define CHUNK_FRAMES  (CHUNK_MAX / FRAME_SIZE + 2)
#define RETURN        "return "
#define RETURN_LENGTH (sizeof(RETURN) - 1)
#define CHUNK_NAME    "=stdin"

#define NS_PER_MS  1000000ull
#define STICKY_NS  (250 * NS_PER_MS)
#define KILL_NS    (1000 * NS_PER_MS)
#define RETRY_NS   (1000 * NS_PER_MS)
#define COLLECT_NS (1000 * NS_PER_MS)

static struct lstate *console_state;
static struct ktimer step_timer;
static bool step_sticky; /* the timer's next step: sticky, else kill */
static char *chunk;      /* RETURN, then what was typed */
static size_t chunk_length;

_Static_assert(
    RETURN_LENGTH + CHUNK_MAX + LINE_ROOM + 1 <= CHUNK_FRAMES * FRAME_SIZE,
    "an unfinished chunk, a line, its newline");

static void
say(const char *text)
{
	console_write(text, strlen(text));
}

/* ---- the state ---- */

static bool
not_yet(void *arg)
{
	(void)arg;
	return false;
}

struct lstate *
repl_state(void)
{
	static struct waitq never;

	while (console_state == NULL) {
		console_state = lstate_create("console", true);
		if (console_state != NULL)
			break;
		(void)kmem_reap(KMEM_REAP_ALL, 0);
		say("console: no memory for a Lua state; trying again\n");
		(void)waitq_wait(
		    &never, not_yet, NULL, NULL, time_ns() + RETRY_NS);
	}
	return console_state;
}

static void
drop_state(void)
{
	lstate_destroy(console_state, true);
	console_state = NULL;
	say("console: Lua state dropped and rebuilt\n");
	(void)repl_state();
}

static void
reset_state(void)
{
	lstate_destroy(console_state, false);
	console_state = NULL;
	(void)repl_state();
	say("console: new Lua state\n");
}

/* ---- Ctrl-C ---- */

static void
on_step(void *arg)
{
	(void)arg;
	if (step_sticky) {
		step_sticky = false;
		lstate_interrupt(console_state, true);
		timer_start(&step_timer, time_ns() + KILL_NS, on_step, NULL);
	} else {
		lstate_kill(console_state);
	}
}

/* Interrupt context; or within arm(), interrupts off. */
static void
on_interrupt(unsigned count)
{
	if (console_state == NULL)
		return;
	timer_cancel(&step_timer);
	if (count == 1) {
		lstate_interrupt(console_state, false);
		step_sticky = true;
		timer_start(&step_timer, time_ns() + STICKY_NS, on_step, NULL);
	} else if (count == 2) {
		step_sticky = true;
		on_step(NULL);
	} else {
		step_sticky = false;
		on_step(NULL);
	}
}

static void
arm(void)
{
	lstate_interrupt_clear(console_state);
	console_running(true, on_interrupt);
}

static void
disarm(void)
{
	unsigned long irq = irq_save();

	console_running(false, NULL);
	timer_cancel(&step_timer);
	irq_restore(irq);
}

static void
print_error(lua_State *L)
{
	const char *text = lua_tostring(L, -1);

	say(text != NULL ? text : "(error object is no string)");
	say("\n");
	lua_settop(L, 0);
}

static int
collect(lua_State *L)
{
	lua_gc(L, LUA_GCCOLLECT);
	return 0;
}

/* After an error: what the chunk held goes now, not some day. */
static void
collect_now(void)
{
	lua_State *L = lstate_lua(console_state);
	int status;

	arm();
	/* A finalizer that does not end must not cost another Ctrl-C. */
	step_sticky = true;
	timer_start(&step_timer, time_ns() + COLLECT_NS, on_step, NULL);
	lua_pushcfunction(L, collect);
	status = lstate_pcall(console_state, 0, 0);
	disarm();
	if (status == LSTATE_KILLED)
		drop_state();
	else
		lua_settop(L, 0);
}

/*
 * One step of an armed chunk. True: it ended well, and what follows may run.
 * Else the chunk is over, which has been said, and Ctrl-C is disarmed.
 */
static bool
step(int args, int results)
{
	lua_State *L = lstate_lua(console_state);
	int status = lstate_pcall(console_state, args, results);

	if (status == LUA_OK && !lstate_interrupted(console_state))
		return true;
	disarm();
	if (status == LSTATE_KILLED) {
		drop_state();
		return false;
	}
	if (status == LUA_OK)
		say("interrupted\n");
	else
		print_error(L);
	lua_settop(L, 0);
	collect_now();
	return false;
}

enum repl_end
repl_execute(int args, bool show)
{
	lua_State *L = lstate_lua(console_state);
	int n;

	arm();
	if (!step(args, LUA_MULTRET))
		return REPL_FAILED;
	n = lua_gettop(L);
	if (n != 1) {
		disarm();
		/* A Ctrl-C since step() looked is meant for this chunk, too. */
		if (n == 0 && !lstate_interrupted(console_state))
			return REPL_INCOMPLETE;
		if (n == 0)
			say("interrupted\n");
		else
			print_error(L);
		return REPL_FAILED;
	}
	if (!step(0, show ? LUA_MULTRET : 0))
		return REPL_FAILED;
	n = lua_gettop(L);
	if (n > 0) {
		lua_pushcfunction(L, show_values);
		lua_insert(L, 1);
		if (!step(n, 0))
			return REPL_FAILED;
	}
	disarm();
	return REPL_RAN;
}

/* ---- chunks ---- */

/* The syntax error on the stack is that the text ends too early. */
static bool
incomplete(lua_State *L, int status)
{
	size_t length;
	const char *text = lua_tolstring(L, -1, &length);

	return status == LUA_ERRSYNTAX && text != NULL && length >= 5 &&
	    memcmp(text + length - 5, "<eof>", 5) == 0;
}

/*
 * As an expression, else as statements. Returns the function, or nil and the
 * message, or nothing: more lines are needed. Called through lstate_pcall,
 * because the compiler collects garbage and finalizers may loop.
 */
static int
compile(lua_State *L)
{
	int status = luaL_loadbufferx(
	    L, chunk, RETURN_LENGTH + chunk_length, CHUNK_NAME, "t");
	bool more;

	if (status == LUA_OK)
		return 1;
	more = incomplete(L, status);
	lua_settop(L, 0);
	status = luaL_loadbufferx(
	    L, chunk + RETURN_LENGTH, chunk_length, CHUNK_NAME, "t");
	if (status == LUA_OK)
		return 1;
	if (more || incomplete(L, status))
		return 0;
	lua_pushnil(L);
	lua_insert(L, -2);
	return 2;
}

/* One chunk; the state may be another one afterwards. */
static void
evaluate_chunk(void)
{
	lua_State *L = lstate_lua(repl_state());

	lua_settop(L, 0);
	lua_pushcfunction(L, compile);
	if (repl_execute(0, true) == REPL_INCOMPLETE)
		return;
	console_history_add(chunk + RETURN_LENGTH);
	chunk_length = 0;
}

/* The line lies at the chunk's end. "=x" is an old way to say "return x". */
static void
accept_line(size_t length)
{
	char *text = chunk + RETURN_LENGTH;

	if (chunk_length == 0 && text[0] == '=')
		text[0] = ' ';
	else if (chunk_length == 0 && strspn(text, " \t") == length)
		return;
	chunk_length += length;
	evaluate_chunk();
	if (chunk_length != 0)
		chunk[RETURN_LENGTH + chunk_length++] = '\n';
}

static void
refuse_rest(void)
{
	console_refuse_rest();
	chunk_length = 0;
}

void
repl_run(void)
{
	chunk = frame_alloc(CHUNK_FRAMES, 1, 0, FRAME_TAG_LUA);
	if (chunk == NULL)
		panic(
		    "lua: no memory for the prompt's line buffer (%zu frames)",
		    (size_t)CHUNK_FRAMES);
	memcpy(chunk, RETURN, RETURN_LENGTH);
	for (;;) {
		char *end = chunk + RETURN_LENGTH + chunk_length;
		long length;

		if (chunk_length > CHUNK_MAX) {
			say("console: chunk longer than 32 KiB dropped; put "
			    "it into a file and use run()\n");
			refuse_rest();
			continue;
		}
		length = console_readline(
		    chunk_length == 0 ? PROMPT : PROMPT_MORE, end, LINE_ROOM);
		if (length >= 0) {
			accept_line((size_t)length);
		} else if (length == CONSOLE_EOF && chunk_length == 0) {
			reset_state();
		} else if (length == CONSOLE_REFUSED) {
			refuse_rest();
		} else {
			if (length == CONSOLE_EOF)
				say("console: unfinished chunk dropped\n");
			chunk_length = 0;
		}
	}
}
