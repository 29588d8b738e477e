/* SPDX-License-Identifier: MIT */
/* Shared objects in general, and two of them: counters and barriers. */
#include "shared.h"

#include <kernel/lock.h>
#include <kernel/time.h>
#include <kernel/waitq.h>
#include <mm/kmem.h>

#include "binding.h"
#include "cache.h"
#include "lauxlib.h"
#include "modules.h"
#include "state.h"

#define TIMEOUT_MS_MAX ((lua_Integer)1 << 40)
#define BARRIER_MAX    4096

void
shared_hold(struct shared *sh)
{
	/* Relaxed: the caller has a reference, nothing is published. */
	atomic_fetch_add_explicit(&sh->sh_refs, 1, memory_order_relaxed);
}

void
shared_drop(struct shared *sh)
{
	/* Pairs with itself: the last dropper sees what all others did. */
	if (atomic_fetch_sub_explicit(&sh->sh_refs, 1, memory_order_acq_rel) ==
	    1)
		sh->sh_free(sh);
}

static void
ud_drop(struct handle *h)
{
	struct shared_ud *su = (struct shared_ud *)h;

	if (su->su_shared != NULL)
		shared_drop(su->su_shared);
	su->su_shared = NULL;
}

struct shared_ud *
shared_push(lua_State *L, const char *class_name)
{
	return handle_new(L, sizeof(struct shared_ud), class_name, 0, ud_drop);
}

void *
shared_new(lua_State *L, const char *class_name, size_t bytes,
    void (*free_fn)(struct shared *))
{
	struct shared_ud *su = shared_push(L, class_name);
	struct shared *sh = kzalloc(bytes, 0);

	if (sh == NULL) {
		lua_pop(L, 1);
		return NULL;
	}
	atomic_init(&sh->sh_refs, 1);
	sh->sh_free = free_fn;
	su->su_shared = sh;
	return sh;
}

void *
shared_arg(lua_State *L, int arg, const char *class_name)
{
	struct shared_ud *su = luaL_checkudata(L, arg, class_name);

	if (su->su_shared == NULL)
		luaL_argerror(L, arg, "it was never made");
	return su->su_shared;
}

int
shared_gc(lua_State *L)
{
	handle_release(lua_touserdata(L, 1));
	return 0;
}

int
shared_eq(lua_State *L)
{
	struct shared_ud *a = lua_touserdata(L, 1);
	struct shared_ud *b = lua_touserdata(L, 2);

	lua_pushboolean(L,
	    lua_rawequal(L, 1, 2) ||
		(a != NULL && b != NULL && lua_getmetatable(L, 1) &&
		    lua_getmetatable(L, 2) && lua_rawequal(L, -1, -2) &&
		    a->su_shared == b->su_shared));
	return 1;
}

uint64_t
shared_deadline(lua_State *L, int arg)
{
	if (lua_isnoneornil(L, arg))
		return WAIT_FOREVER;
	return time_ns() +
	    (uint64_t)binding_integer(
		L, arg, 0, TIMEOUT_MS_MAX, "time-out in ms") *
	    1000000u;
}

/* ---- counters ---- */

struct counter {
	struct shared cn_shared;
	_Atomic int64_t cn_value;
};

static void
counter_free(struct shared *sh)
{
	kfree(sh);
}

int
hart_counter(lua_State *L)
{
	lua_Integer v = luaL_optinteger(L, 1, 0);
	struct counter *cn =
	    shared_new(L, COUNTER_CLASS, sizeof(*cn), counter_free);

	if (cn == NULL)
		return lcache_fail_memory(L, "hart.counter");
	atomic_init(&cn->cn_value, v);
	return 1;
}

static struct counter *
counter_arg(lua_State *L)
{
	return shared_arg(L, 1, COUNTER_CLASS);
}

/*
 * Scripts use counters as flags for other data ("done"), so each operation
 * orders everything: it pairs with any other one on the same counter.
 */
static int
counter_add(lua_State *L)
{
	struct counter *cn = counter_arg(L);
	lua_Integer k = luaL_optinteger(L, 2, 1);
	uint64_t was = (uint64_t)atomic_fetch_add_explicit(
	    &cn->cn_value, k, memory_order_seq_cst);

	lua_pushinteger(L, (lua_Integer)(was + (uint64_t)k));
	return 1;
}

static int
counter_get(lua_State *L)
{
	struct counter *cn = counter_arg(L);

	/* Acquire: pairs with the adds of other harts. */
	lua_pushinteger(
	    L, atomic_load_explicit(&cn->cn_value, memory_order_seq_cst));
	return 1;
}

static int
counter_cas(lua_State *L)
{
	struct counter *cn = counter_arg(L);
	int64_t expected = luaL_checkinteger(L, 2);
	lua_Integer desired = luaL_checkinteger(L, 3);

	lua_pushboolean(L,
	    atomic_compare_exchange_strong_explicit(&cn->cn_value, &expected,
		desired, memory_order_seq_cst, memory_order_seq_cst));
	lua_pushinteger(L, lua_toboolean(L, -1) ? desired : expected);
	return 2;
}

static int
counter_tostring(lua_State *L)
{
	struct counter *cn = counter_arg(L);

	lua_pushfstring(L, "hart.counter at %I",
	    (lua_Integer)atomic_load_explicit(
		&cn->cn_value, memory_order_relaxed));
	return 1;
}

/* ---- barriers ---- */

struct barrier {
	struct shared br_shared;
	struct waitq br_wait;
	struct klock br_lock;
	/* Guarded by br_lock. */
	unsigned br_members, br_arrived;
	uint64_t br_round; /* grows each time all have arrived */
};

static void
barrier_free(struct shared *sh)
{
	kfree(sh);
}

int
hart_barrier(lua_State *L)
{
	unsigned n = (unsigned)binding_integer(L, 1, 1, BARRIER_MAX, "members");
	struct barrier *br =
	    shared_new(L, BARRIER_CLASS, sizeof(*br), barrier_free);

	if (br == NULL)
		return lcache_fail_memory(L, "hart.barrier");
	br->br_members = n;
	return 1;
}

struct barrier_wait {
	struct barrier *bw_barrier;
	struct lstate *bw_state;
	uint64_t bw_round; /* the one we arrived in */
};

static bool
barrier_passed(void *arg)
{
	struct barrier_wait *bw = arg;
	struct barrier *br = bw->bw_barrier;
	unsigned long irq = klock_acquire(&br->br_lock);
	bool passed = br->br_round != bw->bw_round;

	klock_release(&br->br_lock, irq);
	return passed;
}

static bool
barrier_stop(void *arg)
{
	struct barrier_wait *bw = arg;

	return lstate_interrupted(bw->bw_state);
}

/* Arrive; true when that completed the round. */
static bool
barrier_arrive(struct barrier_wait *bw)
{
	struct barrier *br = bw->bw_barrier;
	unsigned long irq = klock_acquire(&br->br_lock);
	bool last;

	bw->bw_round = br->br_round;
	last = ++br->br_arrived == br->br_members;
	if (last) {
		br->br_arrived = 0;
		br->br_round++;
	}
	klock_release(&br->br_lock, irq);
	if (last)
		waitq_wake(&br->br_wait);
	return last;
}

/* Take the arrival back; false when the round was completed meanwhile. */
static bool
barrier_withdraw(struct barrier_wait *bw)
{
	struct barrier *br = bw->bw_barrier;
	unsigned long irq = klock_acquire(&br->br_lock);
	bool mine = br->br_round == bw->bw_round;

	if (mine)
		br->br_arrived--;
	klock_release(&br->br_lock, irq);
	return mine;
}

static int
barrier_wait(lua_State *L)
{
	struct barrier_wait bw = {
		.bw_barrier = shared_arg(L, 1, BARRIER_CLASS),
		.bw_state = lstate_of(L),
	};
	uint64_t deadline = shared_deadline(L, 2);

	if (!barrier_arrive(&bw) &&
	    !waitq_wait(&bw.bw_barrier->br_wait, barrier_passed, barrier_stop,
		&bw, deadline) &&
	    barrier_withdraw(&bw)) {
		lstate_poll(L);
		return binding_fail(
		    L, "ETIMEDOUT", "the barrier was not complete in time");
	}
	lua_pushboolean(L, 1);
	return 1;
}

static int
barrier_tostring(lua_State *L)
{
	struct barrier *br = shared_arg(L, 1, BARRIER_CLASS);

	lua_pushfstring(L, "hart.barrier for %d", (int)br->br_members);
	return 1;
}

static const struct binding counter_methods[] = {
	{ "add", counter_add, "n:add([k]) -> integer",
	    "Adds k (default 1) at once for all harts; returns the new value.",
	    "n = hart.counter() print(n:add(5))" },
	{ "get", counter_get, "n:get() -> integer", "The value now.",
	    "n = hart.counter(7) print(n:get())" },
	{ "cas", counter_cas, "n:cas(a, b) -> boolean, value",
	    "Sets the value to b if it is a; returns whether it did, and the "
	    "value now.",
	    "n = hart.counter(1) print(n:cas(1, 2))" },
	{ "__tostring", counter_tostring, "", "", NULL },
	{ "__eq", shared_eq, "", "", NULL },
	{ "__gc", shared_gc, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class hart_counter_class = {
	.name = COUNTER_CLASS,
	.text = "A 64-bit integer that all harts share. Crosses harts by "
		"reference.",
	.methods = counter_methods,
	.field = NULL,
};

static const struct binding barrier_methods[] = {
	{ "wait", barrier_wait, "bar:wait([ms]) -> true | nil, msg, code",
	    "Waits until as many have arrived as the barrier has members; "
	    "then all go on and it starts anew. ETIMEDOUT takes the arrival "
	    "back.",
	    "bar = hart.barrier(1) print(bar:wait())" },
	{ "__tostring", barrier_tostring, "", "", NULL },
	{ "__eq", shared_eq, "", "", NULL },
	{ "__gc", shared_gc, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class hart_barrier_class = {
	.name = BARRIER_CLASS,
	.text = "A meeting point for a fixed number of jobs. Crosses harts by "
		"reference.",
	.methods = barrier_methods,
	.field = NULL,
};
