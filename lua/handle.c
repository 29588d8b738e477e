/* SPDX-License-Identifier: MIT */
/*
 * Handles: what a Lua state owns outside its heap.
 *
 * Theory of operation
 *
 * 1. A state can go in two ways. Closed in order, Lua calls each userdata's
 *    __gc. Killed, no line of Lua runs any more and the heap is dropped as it
 *    stands; then the objects, frames and references that its userdata held
 *    would be lost. So each such userdata begins with a struct handle and is
 *    linked to a ring that belongs to the state, and a kill walks the ring
 *    (while the heap, in which the ring lies, is still mapped).
 * 2. The ring's head is a userdata of the state too, created before the first
 *    handle: Lua finalizes in the reverse order of creation, so the head goes
 *    last. Heads of all states are in one list, found by their lstate.
 * 3. A kill arrives by interrupt. Linking, unlinking and "take and note" pairs
 *    therefore run with interrupts off (port_pin), a few instructions each.
 *    Only the hart that runs the state touches its ring.
 */
#include <string.h>

#include <kernel/lock.h>
#include <mm/kmem.h>
#include <mm/port.h>

#include "handle.h"
#include "lauxlib.h"
#include "state.h"

#define HEAD_CLASS "quarry.handles"

struct head {
	struct handle hd_ring; /* h_drop unused */
	struct lstate *hd_state;
	/* Guarded by heads_lock. */
	struct head *hd_next;
	bool hd_listed;
};

static struct klock heads_lock;
static struct head *heads;
static const char head_key; /* its address is the registry key */

static void
head_unlist(struct head *hd)
{
	unsigned long irq = klock_acquire(&heads_lock);
	struct head **at = &heads;

	if (hd->hd_listed) {
		while (*at != hd)
			at = &(*at)->hd_next;
		*at = hd->hd_next;
		hd->hd_listed = false;
	}
	klock_release(&heads_lock, irq);
}

static int
head_gc(lua_State *L)
{
	head_unlist(lua_touserdata(L, 1));
	return 0;
}

static struct head *
head_of(lua_State *L)
{
	struct head *hd;
	unsigned long irq;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &head_key) == LUA_TUSERDATA) {
		hd = lua_touserdata(L, -1);
		lua_pop(L, 1);
		return hd;
	}
	lua_pop(L, 1);
	hd = lua_newuserdatauv(L, sizeof(*hd), 0);
	memset(hd, 0, sizeof(*hd));
	hd->hd_ring.h_next = &hd->hd_ring;
	hd->hd_ring.h_prev = &hd->hd_ring;
	hd->hd_state = lstate_of(L);
	if (luaL_newmetatable(L, HEAD_CLASS)) {
		lua_pushcfunction(L, head_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &head_key);

	irq = klock_acquire(&heads_lock);
	hd->hd_next = heads;
	hd->hd_listed = true;
	heads = hd;
	klock_release(&heads_lock, irq);
	return hd;
}

void *
handle_new(lua_State *L, size_t size, const char *class_name, int uservalues,
    void (*drop)(struct handle *h))
{
	struct head *hd = head_of(L);
	struct handle *h = lua_newuserdatauv(L, size, uservalues);
	unsigned long pin;

	memset(h, 0, size);
	h->h_drop = drop;
	pin = port_pin();
	h->h_prev = &hd->hd_ring;
	h->h_next = hd->hd_ring.h_next;
	h->h_next->h_prev = h;
	hd->hd_ring.h_next = h;
	port_unpin(pin);
	/* Last, so that __gc never sees a handle that is not linked. */
	luaL_setmetatable(L, class_name);
	return h;
}

void
handle_release(struct handle *h)
{
	unsigned long pin;

	if (h->h_next == NULL)
		return;
	h->h_drop(h);
	pin = port_pin();
	h->h_next->h_prev = h->h_prev;
	h->h_prev->h_next = h->h_next;
	h->h_next = NULL;
	h->h_prev = NULL;
	port_unpin(pin);
}

void
handles_drop(struct lstate *s)
{
	unsigned long irq = klock_acquire(&heads_lock);
	struct head *hd = heads;

	while (hd != NULL && hd->hd_state != s)
		hd = hd->hd_next;
	klock_release(&heads_lock, irq);
	if (hd == NULL)
		return;
	while (hd->hd_ring.h_next != &hd->hd_ring)
		handle_release(hd->hd_ring.h_next);
	head_unlist(hd);
}

/* Frames with a tag; or, when `frames` is 0, bytes of kmalloc. */
static bool
take(void **slot, size_t bytes, size_t frames, unsigned tag)
{
	int tries;

	for (tries = 0; tries < 2; tries++) {
		unsigned long pin = port_pin();

		*slot = frames == 0 ? kmalloc(bytes, KMEM_NOWAIT)
				    : frame_alloc(frames, 1, FRAME_NOWAIT, tag);
		port_unpin(pin);
		if (*slot != NULL)
			return true;
		if (tries == 0)
			(void)kmem_reap(
			    KMEM_REAP_ALL, frames + bytes / FRAME_SIZE + 1);
	}
	return false;
}

bool
handle_kmalloc(void **slot, size_t bytes)
{
	return take(slot, bytes, 0, 0);
}

bool
handle_frames(void **slot, size_t frames, unsigned tag)
{
	return frames > 0 && take(slot, 0, frames, tag);
}
