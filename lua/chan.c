/* SPDX-License-Identifier: MIT */
/*
 * Channels: bounded queues of values between states.
 *
 * Theory of operation
 *
 * 1. The ring holds messages (lua/value.c). A message becomes the owner of
 *    its objects under the channel's lock, in the same step that puts it into
 *    the ring; until then they are still the sender's, who may time out or be
 *    interrupted and keeps them.
 * 2. A receiver takes a message out into a box of its own state, which exists
 *    before: nothing is lost when Lua has no memory for the values.
 * 3. Waiting sleeps in wfi (kernel/waitq.h). Whoever waits holds a reference
 *    through the handle on its Lua stack, so the queue outlives the wait.
 * 4. The last reference frees what is still queued; objects in there are
 *    freed and counted as gc_freed. Messages may hold references on channels,
 *    so freeing one may free the next, and so on: dead channels go through a
 *    list that one hart works off, not through recursion. Channels that hold
 *    each other in a circle keep each other alive; the direct case (a channel
 *    sent through itself) is refused.
 */
#include <kernel/lock.h>
#include <kernel/waitq.h>
#include <mm/kmem.h>

#include "binding.h"
#include "cache.h"
#include "lauxlib.h"
#include "modules.h"
#include "shared.h"
#include "state.h"
#include "value.h"

#define CAPACITY_MAX 65536

struct chan {
	struct shared ch_shared;
	struct chan *ch_next_dead;
	struct waitq ch_senders, ch_receivers;
	struct klock ch_lock;
	/* Guarded by ch_lock. */
	bool ch_closed;
	size_t ch_first, ch_count;
	/* Constant. */
	size_t ch_capacity;
	struct value_msg *ch_ring[]; /* guarded by ch_lock */
};

static struct klock dead_lock;
static struct chan *dead; /* guarded by dead_lock */
static bool burying;      /* guarded by dead_lock: one hart at a time */

/* Under the lock: the next to free; NULL ends the work. */
static struct chan *
next_dead(struct chan *add)
{
	unsigned long irq = klock_acquire(&dead_lock);
	struct chan *ch = NULL;

	if (add != NULL) {
		add->ch_next_dead = dead;
		dead = add;
	}
	if (add == NULL || !burying) {
		ch = dead;
		if (ch != NULL)
			dead = ch->ch_next_dead;
		burying = ch != NULL;
	}
	klock_release(&dead_lock, irq);
	return ch;
}

static void
chan_free(struct shared *sh)
{
	struct chan *ch = next_dead((struct chan *)(void *)sh);
	size_t i;

	while (ch != NULL) {
		for (i = 0; i < ch->ch_count; i++)
			value_drop(
			    ch->ch_ring[(ch->ch_first + i) % ch->ch_capacity]);
		kfree(ch);
		ch = next_dead(NULL);
	}
}

int
hart_chan(lua_State *L)
{
	size_t capacity = 64;
	struct chan *ch;

	if (!lua_isnoneornil(L, 1))
		capacity = (size_t)binding_integer(
		    L, 1, 1, CAPACITY_MAX, "capacity in values");
	ch = shared_new(L, CHAN_CLASS,
	    sizeof(*ch) + capacity * sizeof(ch->ch_ring[0]), chan_free);
	if (ch == NULL)
		return lcache_fail_memory(L, "hart.chan");
	ch->ch_capacity = capacity;
	return 1;
}

static struct chan *
chan_arg(lua_State *L)
{
	return shared_arg(L, 1, CHAN_CLASS);
}

struct chan_wait {
	struct chan *cw_chan;
	struct lstate *cw_state;
};

static bool
can_send(void *arg)
{
	struct chan *ch = ((struct chan_wait *)arg)->cw_chan;
	unsigned long irq = klock_acquire(&ch->ch_lock);
	bool can = ch->ch_closed || ch->ch_count < ch->ch_capacity;

	klock_release(&ch->ch_lock, irq);
	return can;
}

static bool
can_receive(void *arg)
{
	struct chan *ch = ((struct chan_wait *)arg)->cw_chan;
	unsigned long irq = klock_acquire(&ch->ch_lock);
	bool can = ch->ch_closed || ch->ch_count > 0;

	klock_release(&ch->ch_lock, irq);
	return can;
}

static bool
must_stop(void *arg)
{
	return lstate_interrupted(((struct chan_wait *)arg)->cw_state);
}

enum outcome { DONE, WAIT, CLOSED, TWICE };

static enum outcome
try_send(struct chan *ch, struct value_box *box)
{
	unsigned long irq = klock_acquire(&ch->ch_lock);
	enum outcome outcome = DONE;
	struct value_msg *m;

	if (ch->ch_closed) {
		outcome = CLOSED;
	} else if (ch->ch_count == ch->ch_capacity) {
		outcome = WAIT;
	} else {
		m = value_take(box);
		if (m == NULL) {
			outcome = TWICE;
		} else {
			size_t at =
			    (ch->ch_first + ch->ch_count) % ch->ch_capacity;

			ch->ch_ring[at] = m;
			ch->ch_count++;
		}
	}
	klock_release(&ch->ch_lock, irq);
	if (outcome == DONE)
		waitq_wake(&ch->ch_receivers);
	return outcome;
}

static enum outcome
try_receive(struct chan *ch, struct value_box *box)
{
	unsigned long irq = klock_acquire(&ch->ch_lock);
	enum outcome outcome = DONE;

	if (ch->ch_count > 0) {
		value_box_put(box, ch->ch_ring[ch->ch_first]);
		ch->ch_first = (ch->ch_first + 1) % ch->ch_capacity;
		ch->ch_count--;
	} else {
		outcome = ch->ch_closed ? CLOSED : WAIT;
	}
	klock_release(&ch->ch_lock, irq);
	if (outcome == DONE)
		waitq_wake(&ch->ch_senders);
	return outcome;
}

static int
chan_send(lua_State *L)
{
	struct chan *ch = chan_arg(L);
	struct chan_wait cw = { ch, lstate_of(L) };
	uint64_t deadline = shared_deadline(L, 3);
	enum outcome outcome = WAIT;
	struct value_box *box;

	if (lua_isnoneornil(L, 2))
		return luaL_argerror(L, 2,
		    "nil cannot be sent: it means that the channel is closed");
	if (luaL_testudata(L, 2, CHAN_CLASS) != NULL &&
	    shared_arg(L, 2, CHAN_CLASS) == (void *)ch)
		return luaL_argerror(
		    L, 2, "a channel cannot be sent through itself");
	box = value_encode(L, 2, 1, "value", false);
	if (box == NULL)
		return lcache_fail_memory(L, "ch:send");
	for (;;) {
		outcome = try_send(ch, box);
		if (outcome != WAIT ||
		    !waitq_wait(
			&ch->ch_senders, can_send, must_stop, &cw, deadline))
			break;
	}
	if (outcome == WAIT)
		lstate_poll(L);
	switch (outcome) {
	case DONE:
		lua_pushboolean(L, 1);
		return 1;
	case TWICE:
		return luaL_argerror(
		    L, 2, "the same object or batch is in it twice");
	case CLOSED:
		return binding_fail(L, "EINVAL", "the channel is closed");
	case WAIT:
	default:
		return binding_fail(L, "ETIMEDOUT",
		    "the channel stayed full (%zu values)", ch->ch_capacity);
	}
}

static int
chan_recv(lua_State *L)
{
	struct chan *ch = chan_arg(L);
	struct chan_wait cw = { ch, lstate_of(L) };
	uint64_t deadline = shared_deadline(L, 2);
	struct value_box *box = value_box_push(L);
	enum outcome outcome;

	for (;;) {
		outcome = try_receive(ch, box);
		if (outcome != WAIT ||
		    !waitq_wait(&ch->ch_receivers, can_receive, must_stop, &cw,
			deadline))
			break;
	}
	if (outcome == DONE)
		return value_push(L, box);
	handle_release((struct handle *)(void *)box);
	lstate_poll(L);
	if (outcome == CLOSED) {
		lua_pushnil(L);
		return 1;
	}
	return binding_fail(L, "ETIMEDOUT", "the channel stayed empty");
}

static int
chan_close(lua_State *L)
{
	struct chan *ch = chan_arg(L);
	unsigned long irq = klock_acquire(&ch->ch_lock);

	ch->ch_closed = true;
	klock_release(&ch->ch_lock, irq);
	waitq_wake(&ch->ch_senders);
	waitq_wake(&ch->ch_receivers);
	return 0;
}

static size_t
count_now(struct chan *ch, bool *closed)
{
	unsigned long irq = klock_acquire(&ch->ch_lock);
	size_t n = ch->ch_count;

	*closed = ch->ch_closed;
	klock_release(&ch->ch_lock, irq);
	return n;
}

static int
chan_len(lua_State *L)
{
	bool closed;

	lua_pushinteger(L, (lua_Integer)count_now(chan_arg(L), &closed));
	return 1;
}

static int
chan_tostring(lua_State *L)
{
	struct chan *ch = chan_arg(L);
	bool closed;
	size_t n = count_now(ch, &closed);

	lua_pushfstring(L, "hart.chan %I/%I%s", (lua_Integer)n,
	    (lua_Integer)ch->ch_capacity, closed ? " (closed)" : "");
	return 1;
}

static const struct binding methods[] = {
	{ "send", chan_send, "ch:send(v [, ms]) -> true | nil, msg, code",
	    "Copies a value into the channel; waits while it is full, ms "
	    "milliseconds at most. Objects and batches move: the handle "
	    "here is no longer theirs. ETIMEDOUT; EINVAL when closed. Not "
	    "nil.",
	    "ch = hart.chan(2) print(ch:send({1, 'two'}))" },
	{ "recv", chan_recv, "ch:recv([ms]) -> v | nil [, msg, code]",
	    "Takes the oldest value; waits while there is none, ms "
	    "milliseconds at most (ETIMEDOUT). nil alone when the channel is "
	    "closed and empty.",
	    "ch = hart.chan(2) ch:send(1) print(ch:recv(10))" },
	{ "close", chan_close, "ch:close()",
	    "No more values go in; what is in can still be received.",
	    "ch = hart.chan() ch:close() print(ch:recv())" },
	{ "__len", chan_len, "", "", NULL },
	{ "__tostring", chan_tostring, "", "", NULL },
	{ "__eq", shared_eq, "", "", NULL },
	{ "__gc", shared_gc, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class hart_chan_class = {
	.name = CHAN_CLASS,
	.text = "A queue of values between harts; #ch is how many wait in it. "
		"Crosses harts by reference.",
	.methods = methods,
	.field = NULL,
};
