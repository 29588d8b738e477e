/* SPDX-License-Identifier: MIT */
/*
 * Lua states: their life, what stops them, what they survive.
 *
 * Theory of operation
 *
 * 1. A state lives in one frame (struct lstate) and a heap (lua/heap.c). It
 *    runs on one hart at a time. No Lua state is ever touched by two harts;
 *    what reaches it from outside is an interrupt on the hart that runs it.
 *
 * 2. Interruption. Whoever wants a computation to stop sets s_pending and has
 *    hook_now called in an interrupt of the owner hart. That sets Lua's debug
 *    hook, which Lua tests at each instruction from then on; before, nothing
 *    is tested and nothing is paid. The first request hooks the threads that
 *    run: a chain from s_running over the resumers. A coroutine that has ended
 *    or yielded may still head the chain; its own status says so. A sticky
 *    request hooks every thread of the state (new ones inherit the hook), and
 *    its error is raised again at the next instruction after any pcall that
 *    caught it, until the outermost lstate_pcall is left.
 *
 * 3. Lua disables hooks inside finalizers and while a hook runs. A request
 *    enables them (allowhook), so that a loop in __gc or in a message handler
 *    ends too. The sticky error carries its traceback and skips message
 *    handlers (errfunc), because they may be what loops.
 *
 * 4. Our own C functions are not stopped at their call: `local g <close>`
 *    must release what it guards while the stack unwinds. They are short or
 *    call lstate_poll.
 *
 * 5. Lua's own C functions may run for ever (string.find with a bad pattern)
 *    where no hook is looked at. lstate_kill diverts the hart: when the
 *    interrupt returns, the thread finds itself in escape(), jumps to the
 *    outermost lstate_pcall, and the state is fit only to be dropped. That is
 *    refused inside mm, inside heap_alloc and inside our bindings, and tried
 *    again each millisecond.
 *
 * 6. A fault (wild load, ebreak, native stack overflow) in thread context
 *    becomes a Lua error of the running thread through the anchor that
 *    lstate_pcall sets (kernel/fault.h).
 */
#include "state.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <string.h>

#include <console/console.h>
#include <kernel/boot.h>
#include <kernel/fault.h>
#include <kernel/fmt.h>
#include <kernel/irq.h>
#include <kernel/klog.h>
#include <kernel/panic.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <mm/frame.h>

#include "binding.h"
#include "handle.h"
#include "heap.h"
#include "job.h"
#include "modules.h"

/* Lua's own: allowhook, errfunc, and what a thread is doing. */
#include "lstate.h"

#define PENDING_ASKED  1u
#define PENDING_STICKY 2u
#define PENDING_TIME   4u /* the reason is the time limit */

#define NS_PER_MS      1000000ull
#define KILL_RETRY_NS  NS_PER_MS
#define CLOSE_LIMIT_NS (1000 * NS_PER_MS) /* all finalizers of a state */
#define CHAIN_MAX      1000u       /* resumers; Lua's C-call limit is lower */
#define RESERVE_MIN    (64u << 10) /* bytes */
#define RESERVE_MAX    (1u << 20)
#define RESERVE_SHARE  128u /* of RAM */
#define MESSAGE_MAX    128u

/*
 * Native stack: at most so much per C call of Lua (measured: gsub in its own
 * callback takes 1,450 B a level), and what must be left below the deepest of
 * them for mm, a message with its traceback, and printing.
 */
#define STACK_PER_CALL 1600u
#define STACK_KEPT     (14u << 10)
#define C_CALLS_MIN    30u
#define C_CALLS_MAX    200u /* Lua's own choice */
/*
 * Lua grants the handler of "C stack overflow" a tenth of the limit more, by
 * whole tens. Ours needs two: its own, and __close of a traceback's buffer.
 */
#define C_CALLS_STEP   10u

struct lstate {
	/* First: lua_Alloc's word is the address of both. */
	struct heap s_heap;
	lua_State *s_lua;
	/* Owner hart, thread and interrupts. */
	struct lstate_thread s_threads; /* head of a ring */
	lua_State *s_running;           /* resumed last; see lstate_current */
	unsigned s_depth;               /* of lstate_pcall */
	bool s_closing;
	struct fault_anchor s_anchor; /* of the outermost lstate_pcall */
	struct fault_anchor *s_innermost;
	/*
	 * A kill may come at any instruction of the hart. It finds the way out
	 * only while s_anchor is pushed and no anchor is half pushed or popped;
	 * at other times it tries again a little later.
	 */
	volatile bool s_anchored, s_shifting;
	jmp_buf s_escape;
	struct ktimer s_limit_timer, s_kill_timer;
	uint64_t s_limit_ns;
	/* Any hart. */
	_Atomic unsigned s_pending;
	_Atomic unsigned s_owner; /* hart + 1 while something runs; else 0 */
	/* Constant while something runs. */
	lstate_output_fn s_output;
	void *s_output_arg;
	void *s_job;
};

_Static_assert(sizeof(struct lstate) <= FRAME_SIZE, "one frame");

unsigned lstate_c_calls = C_CALLS_MIN;

static struct lstate_thread *
thread_of(lua_State *L)
{
	return lua_getextraspace(L);
}

static lua_State *
lua_of(struct lstate_thread *t)
{
	return (lua_State *)(void *)((char *)t + LUA_EXTRASPACE);
}

struct lstate *
lstate_of(lua_State *L)
{
	return thread_of(L)->lt_state;
}

lua_State *
lstate_lua(struct lstate *s)
{
	return s->s_lua;
}

/* ---- called by Lua (luaconf_quarry.h) ---- */

/*
 * An interrupt may walk the ring between any two stores: a thread is reached
 * only when its own links are in place. Same hart, so order in the program is
 * enough; the fences keep the compiler to it.
 */
static void
ring_add(struct lstate *s, struct lstate_thread *t)
{
	struct lstate_thread *head = &s->s_threads;

	t->lt_next = head->lt_next;
	t->lt_prev = head;
	atomic_signal_fence(memory_order_seq_cst);
	head->lt_next->lt_prev = t;
	head->lt_next = t;
	atomic_signal_fence(memory_order_seq_cst);
}

void
lstate_on_open(lua_State *L)
{
	struct lstate_thread *t = thread_of(L);
	void *ud;

	(void)lua_getallocf(L, &ud);
	t->lt_state = ud;
	t->lt_resumer = NULL;
	t->lt_state->s_lua = L;
	t->lt_state->s_running = L;
	ring_add(t->lt_state, t);
}

/* The finalizers have run; from here on there is nothing to interrupt. */
void
lstate_on_close(lua_State *L)
{
	struct lstate *s = lstate_of(L);
	unsigned long irq = irq_save();

	s->s_depth = 0;
	s->s_threads.lt_next = &s->s_threads;
	s->s_threads.lt_prev = &s->s_threads;
	irq_restore(irq);
}

/* Its extra space is a copy of the main thread's. */
void
lstate_on_thread(lua_State *L1)
{
	struct lstate_thread *t = thread_of(L1);

	t->lt_resumer = NULL;
	ring_add(t->lt_state, t);
}

/* L runs the collector, so L is what runs; L1 may be what s_running names. */
void
lstate_on_free(lua_State *L, lua_State *L1)
{
	struct lstate_thread *t = thread_of(L1);

	t->lt_state->s_running = L;
	t->lt_prev->lt_next = t->lt_next;
	t->lt_next->lt_prev = t->lt_prev;
	atomic_signal_fence(memory_order_seq_cst);
}

void
lstate_on_resume(lua_State *L, lua_State *from)
{
	struct lstate_thread *t = thread_of(L);

	t->lt_resumer = from;
	atomic_signal_fence(memory_order_seq_cst);
	t->lt_state->s_running = L;
}

void
lstate_print(const char *text, size_t n)
{
	console_write(text, n);
}

void
lstate_print_error(const char *fmt, const char *text)
{
	/* fmt is "%s" with more or less around it; the text is what counts. */
	(void)fmt;
	console_write(text, strlen(text));
}

void
lstate_abort(void)
{
	panic("lua: an error outside any lstate_pcall");
}

/*
 * For hashes and pivots. Where instructions are counted and harts take turns,
 * the same run must take the same path, so there the sequence is fixed.
 */
unsigned
lstate_seed(void)
{
	static _Atomic uint64_t sequence;
	uint64_t x = atomic_fetch_add_explicit(
	    &sequence, 0x9e3779b97f4a7c15ull, memory_order_relaxed);

	if (!time_harts_take_turns()) {
		uint64_t seed = 0;

		memcpy(&seed, boot_platform()->rng_seed, sizeof(seed));
		x ^= time_cycles() ^ seed;
	}
	/* Finalizer of splitmix64 (Steele, Lea, Flood 2014). */
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (unsigned)(x ^ x >> 31);
}

/* ---- what runs ---- */

static bool
is_running(lua_State *L)
{
	return L->status == LUA_OK && L->ci != &L->base_ci;
}

static lua_State *
lstate_current(struct lstate *s)
{
	lua_State *L = s->s_running;
	unsigned i;

	for (i = 0; i < CHAIN_MAX && L != NULL && L != s->s_lua; i++) {
		if (is_running(L))
			return L;
		L = thread_of(L)->lt_resumer;
	}
	return s->s_lua;
}

/* ---- interruption ---- */

static void on_hook(lua_State *L, lua_Debug *ar);

static void
hook(lua_State *L)
{
	lua_sethook(L, on_hook,
	    LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
	L->allowhook = 1;
}

/* Interrupt of the owner hart, or its thread with interrupts off. */
static void
hook_now(void *arg)
{
	struct lstate *s = arg;
	unsigned pending = atomic_load_explicit(&s->s_pending,
	    memory_order_acquire); /* pairs with lstate_interrupt's or */
	struct lstate_thread *t;
	lua_State *L;
	unsigned i;

	if (s->s_depth == 0 || (pending & PENDING_ASKED) == 0)
		return;
	if ((pending & PENDING_STICKY) != 0) {
		for (t = s->s_threads.lt_next; t != &s->s_threads;
		     t = t->lt_next)
			hook(lua_of(t));
		return;
	}
	L = lstate_current(s);
	for (i = 0; i < CHAIN_MAX && L != NULL; i++) {
		hook(L);
		L = thread_of(L)->lt_resumer;
	}
}

static void
unhook_all(struct lstate *s)
{
	struct lstate_thread *t;

	for (t = s->s_threads.lt_next; t != &s->s_threads; t = t->lt_next)
		lua_sethook(lua_of(t), NULL, 0, 0);
}

static void
ask(struct lstate *s, unsigned bits)
{
	unsigned owner;
	unsigned long irq;

	/* Pairs with the load in hook_now, and with enter()'s. */
	atomic_fetch_or_explicit(&s->s_pending, bits, memory_order_seq_cst);
	owner = atomic_load_explicit(&s->s_owner, memory_order_seq_cst);
	if (owner == 0)
		return; /* enter() will look */
	irq = irq_save();
	if (owner - 1 == smp_hart_self()) {
		hook_now(s);
		irq_restore(irq);
		return;
	}
	irq_restore(irq);
	if (smp_in_interrupt())
		smp_kick(owner - 1); /* what waits there polls */
	else
		(void)smp_call(owner - 1, hook_now, s);
}

void
lstate_interrupt(struct lstate *s, bool sticky)
{
	ask(s, PENDING_ASKED | (sticky ? PENDING_STICKY : 0u));
}

void
lstate_interrupt_clear(struct lstate *s)
{
	atomic_store_explicit(&s->s_pending, 0, memory_order_relaxed);
}

bool
lstate_interrupted(struct lstate *s)
{
	return (atomic_load_explicit(&s->s_pending, memory_order_acquire) &
		   PENDING_ASKED) != 0;
}

/* Never returns. `level` of luaL_where: 0 in a hook, 1 in a C function. */
static void
raise_interrupt(struct lstate *s, lua_State *L, int level)
{
	unsigned pending =
	    atomic_load_explicit(&s->s_pending, memory_order_acquire);
	char text[MESSAGE_MAX];

	if ((pending & PENDING_TIME) != 0)
		(void)fmt_format(text, sizeof(text),
		    "time limit of %llu ms reached",
		    (unsigned long long)(s->s_limit_ns / NS_PER_MS));
	else
		(void)fmt_format(text, sizeof(text), "interrupted");
	if ((pending & PENDING_STICKY) == 0) {
		unsigned long irq = irq_save();

		atomic_fetch_and_explicit(
		    &s->s_pending, ~PENDING_ASKED, memory_order_relaxed);
		unhook_all(s);
		irq_restore(irq);
	}
	luaL_where(L, level);
	lua_pushstring(L, text);
	lua_concat(L, 2);
	if ((pending & PENDING_STICKY) != 0) {
		luaL_traceback(L, L, lua_tostring(L, -1), level);
		L->errfunc = 0;
	}
	lua_error(L);
}

static void
on_hook(lua_State *L, lua_Debug *ar)
{
	struct lstate *s = lstate_of(L);
	lua_CFunction fn;

	if (!lstate_interrupted(s)) {
		lua_sethook(L, NULL, 0, 0);
		return;
	}
	if (ar->event == LUA_HOOKRET)
		return;
	if (ar->event == LUA_HOOKCALL || ar->event == LUA_HOOKTAILCALL) {
		lua_getinfo(L, "f", ar);
		fn = lua_tocfunction(L, -1);
		lua_pop(L, 1);
		if (fn != NULL && binding_is_ours(fn))
			return;
	}
	raise_interrupt(s, L, 0);
}

void
lstate_poll(lua_State *L)
{
	struct lstate *s = lstate_of(L);

	if (s->s_depth > 0 && lstate_interrupted(s))
		raise_interrupt(s, L, 1);
}

static void
on_time_limit(void *arg)
{
	ask(arg, PENDING_ASKED | PENDING_STICKY | PENDING_TIME);
}

void
lstate_set_time_limit(struct lstate *s, uint64_t ns)
{
	s->s_limit_ns = ns;
	if (s->s_depth == 0)
		return;
	timer_cancel(&s->s_limit_timer);
	if (ns != 0)
		timer_start(
		    &s->s_limit_timer, time_ns() + ns, on_time_limit, s);
}

uint64_t
lstate_time_limit(struct lstate *s)
{
	return s->s_limit_ns;
}

/* ---- the hard way ---- */

static void
anchor_pop(struct lstate *s)
{
	struct fault_anchor *a = s->s_innermost;

	s->s_shifting = true;
	if (a == &s->s_anchor)
		s->s_anchored = false;
	s->s_innermost = a->fa_outer;
	fault_pop(a);
	s->s_shifting = false;
}

/*
 * On the hart's stack, outside any interrupt. The anchors lie on it, so they
 * go before what they lie in is given up.
 */
static void
escape(void *arg)
{
	struct lstate *s = arg;

	while (s->s_innermost != &s->s_anchor)
		anchor_pop(s);
	longjmp(s->s_escape, 1);
}

/*
 * The C function that runs is one of our bindings: it polls, and may own. So
 * may the one that carries a job's arguments in and its results out.
 */
static bool
in_binding(struct lstate *s)
{
	const TValue *f = s2v(lstate_current(s)->ci->func.p);

	if (ttislcf(f))
		return fvalue(f) == job_part_entry ||
		    binding_is_ours(fvalue(f));
	if (ttisCclosure(f))
		return binding_is_ours(clCvalue(f)->f);
	return false;
}

static void
kill_now(void *arg)
{
	struct lstate *s = arg;

	if (s->s_depth == 0)
		return;
	if (s->s_anchored && !s->s_shifting && !s->s_heap.h_busy &&
	    !in_binding(s) && fault_divert(escape, s))
		return;
	timer_start(&s->s_kill_timer, time_ns() + KILL_RETRY_NS, kill_now, s);
}

void
lstate_kill(struct lstate *s)
{
	unsigned owner;

	lstate_interrupt(s, true);
	owner = atomic_load_explicit(&s->s_owner, memory_order_seq_cst);
	if (owner == 0)
		return;
	if (owner - 1 == smp_hart_self()) {
		if (smp_in_interrupt())
			kill_now(s);
		return;
	}
	(void)smp_call(owner - 1, kill_now, s);
}

/* ---- running ---- */

static void
on_fault(void *arg, const char *text)
{
	struct lstate *s = arg;

	s->s_heap.h_busy = false;
	if (s->s_closing)
		escape(s);
	(void)luaL_error(lstate_current(s), "%s", text);
}

/* Message handler: the text of any value, and where it came from. */
static int
add_traceback(lua_State *L)
{
	const char *text = lua_tostring(L, 1);

	if (text == NULL) {
		if (luaL_callmeta(L, 1, "__tostring") != 0 &&
		    lua_type(L, -1) == LUA_TSTRING)
			text = lua_tostring(L, -1);
		else
			text =
			    lua_pushfstring(L, "(error object is a %s value)",
				luaL_typename(L, 1));
	}
	luaL_traceback(L, L, text, 1);
	return 1;
}

static void
enter(struct lstate *s)
{
	unsigned long irq;

	heap_enter_chunk(&s->s_heap);
	if (s->s_limit_ns != 0)
		timer_start(&s->s_limit_timer, time_ns() + s->s_limit_ns,
		    on_time_limit, s);
	irq = irq_save();
	s->s_depth = 1;
	/* Either the asker sees the owner, or we see what was asked. */
	atomic_store_explicit(
	    &s->s_owner, smp_hart_self() + 1, memory_order_seq_cst);
	hook_now(s);
	irq_restore(irq);
}

static void
leave(struct lstate *s)
{
	unsigned long irq = irq_save();

	s->s_depth = 0;
	atomic_store_explicit(&s->s_owner, 0, memory_order_seq_cst);
	/* What was asked for and not raised stays, for our caller to see. */
	if (lstate_interrupted(s))
		unhook_all(s);
	irq_restore(irq);
	timer_cancel(&s->s_limit_timer);
	timer_cancel(&s->s_kill_timer);
	heap_leave_chunk(&s->s_heap);
}

static void
anchor_push(struct lstate *s, struct fault_anchor *a)
{
	s->s_shifting = true;
	a->fa_on_fault = on_fault;
	a->fa_arg = s;
	fault_push(a);
	s->s_innermost = a;
	if (a == &s->s_anchor)
		s->s_anchored = true;
	s->s_shifting = false;
}

static int
inner_pcall(struct lstate *s, int args, int results)
{
	struct fault_anchor anchor;
	lua_State *L = s->s_lua;
	int handler = lua_gettop(L) - args, status;

	lua_pushcfunction(L, add_traceback);
	lua_insert(L, handler);
	s->s_depth++;
	anchor_push(s, &anchor);
	status = lua_pcall(L, args, results, handler);
	anchor_pop(s);
	s->s_depth--;
	lua_remove(L, handler);
	return status;
}

int
lstate_pcall(struct lstate *s, int args, int results)
{
	lua_State *L = s->s_lua;
	int handler = lua_gettop(L) - args, status;

	if (s->s_depth > 0)
		return inner_pcall(s, args, results);
	lua_pushcfunction(L, add_traceback);
	lua_insert(L, handler);
	if (setjmp(s->s_escape) != 0) {
		anchor_pop(s);
		leave(s);
		return LSTATE_KILLED;
	}
	enter(s);
	anchor_push(s, &s->s_anchor);
	status = lua_pcall(L, args, results, handler);
	anchor_pop(s);
	leave(s);
	lua_remove(L, handler);
	return status;
}

/* ---- life ---- */

bool
lstate_setup(uint64_t cap, uint64_t ram)
{
	uint64_t reserve = ram / RESERVE_SHARE;
	size_t room = smp_stack_room();

	/* kernel/smp_start.c: no hart has less than 64 KiB. */
	KASSERT(room >= STACK_KEPT + C_CALLS_MIN * STACK_PER_CALL);
	lstate_c_calls = (unsigned)((room - STACK_KEPT) / STACK_PER_CALL);
	lstate_c_calls -= lstate_c_calls % C_CALLS_STEP;
	if (lstate_c_calls > C_CALLS_MAX)
		lstate_c_calls = C_CALLS_MAX;
	if (cap == 0)
		cap = ram / 4;
	if (reserve < RESERVE_MIN)
		reserve = RESERVE_MIN;
	if (reserve > RESERVE_MAX)
		reserve = RESERVE_MAX;
	return heap_setup(cap, (size_t)reserve);
}

/* Warnings are shown: they are how an error in a finalizer speaks. */
static void
on_warning(void *ud, const char *text, int to_be_continued)
{
	struct lstate *s = ud;

	if (text[0] == '@')
		return; /* control messages are Lua's lua.c's */
	lstate_write(s->s_lua, text, strlen(text));
	if (to_be_continued == 0)
		lstate_write(s->s_lua, "\n", 1);
}

static int
open_all(lua_State *L)
{
	modules_open(L, boot_args()->unsafe);
	return 0;
}

static int
on_panic(lua_State *L)
{
	const char *text = lua_tostring(L, -1);

	panic("lua: an error outside any protected call: %s",
	    text != NULL ? text : "(no text)");
}

struct lstate *
lstate_create(const char *name, bool reserve)
{
	struct lstate *s = frame_alloc(1, 1, 0, FRAME_TAG_LUA);
	lua_State *L;

	if (s == NULL)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->s_threads.lt_next = &s->s_threads;
	s->s_threads.lt_prev = &s->s_threads;
	heap_init(&s->s_heap, name, reserve);
	L = lua_newstate(heap_alloc, &s->s_heap);
	if (L == NULL)
		goto fail;
	lua_atpanic(L, on_panic);
	lua_setwarnf(L, on_warning, s);
	/* Nothing becomes garbage while the modules open. */
	lua_gc(L, LUA_GCSTOP);
	lua_pushcfunction(L, open_all);
	if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
		klog(KLOG_ERROR, "lua: state '%s': %s", name,
		    lua_tostring(L, -1) != NULL ? lua_tostring(L, -1) : "?");
		goto fail;
	}
	if (reserve)
		heap_prepare(&s->s_heap);
	heap_built(&s->s_heap);
	lua_gc(L, LUA_GCRESTART);
	return s;

fail:
	heap_drop(&s->s_heap);
	frame_free(s, 1);
	return NULL;
}

/* A finalizer that does not end is interrupted, then cut off. */
static void
on_close_limit(void *arg)
{
	struct lstate *s = arg;

	ask(s, PENDING_ASKED | PENDING_STICKY | PENDING_TIME);
	timer_start(&s->s_kill_timer, time_ns() + CLOSE_LIMIT_NS, kill_now, s);
}

static void
close_lua(struct lstate *s)
{
	s->s_closing = true;
	s->s_limit_ns = 0;
	lstate_interrupt_clear(s);
	if (setjmp(s->s_escape) == 0) {
		enter(s);
		anchor_push(s, &s->s_anchor);
		timer_start(&s->s_limit_timer, time_ns() + CLOSE_LIMIT_NS,
		    on_close_limit, s);
		lua_close(s->s_lua);
	} else {
		klog(KLOG_WARN, "lua: state '%s': finalizers cut off",
		    s->s_heap.h_name);
	}
	anchor_pop(s);
	leave(s);
}

void
lstate_destroy(struct lstate *s, bool kill)
{
	KASSERT(s->s_depth == 0);
	if (!kill)
		close_lua(s);
	/* What no finalizer gave back: killed, or finalizers cut off. */
	handles_drop(s);
	heap_drop(&s->s_heap);
	frame_free(s, 1);
}

/* ---- small things ---- */

void
lstate_set_output(struct lstate *s, lstate_output_fn fn, void *arg)
{
	s->s_output = fn;
	s->s_output_arg = arg;
}

void
lstate_write(lua_State *L, const char *text, size_t n)
{
	struct lstate *s = lstate_of(L);

	if (s->s_output != NULL)
		s->s_output(s->s_output_arg, text, n);
	else
		console_write(text, n);
}

void
lstate_set_job(struct lstate *s, void *job)
{
	s->s_job = job;
}

void *
lstate_job(struct lstate *s)
{
	return s->s_job;
}

size_t
lstate_bytes(struct lstate *s)
{
	return s->s_heap.h_used;
}

size_t
lstate_largest_frames(struct lstate *s)
{
	return heap_largest(&s->s_heap);
}

size_t
lstate_frames(void)
{
	return heap_frames();
}

uint64_t
lstate_memory_cap(void)
{
	return heap_cap();
}

void
lstate_set_memory_cap(uint64_t bytes)
{
	heap_set_cap(bytes);
}
