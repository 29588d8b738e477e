/* SPDX-License-Identifier: MIT */
/*
 * Batches: many objects of one cache under one handle, the class slab.batch.
 *
 * Small batches keep their pointers in the userdata, large ones in a run of
 * frames, which moves to another state as it is. Entries from b_count on are
 * NULL except while mm is filling them in, so that a state killed in between
 * still owns what it got (lua/handle.c). Long loops go in pieces of CHUNK
 * objects and look for an interruption between two of them.
 */
#include <string.h>

#include <kernel/time.h>
#include <mm/frame.h>
#include <mm/port.h>

#include "lauxlib.h"
#include "modules.h"
#include "obj.h"
#include "state.h"

#define CHUNK     ((size_t)128)
#define BATCH_MAX ((lua_Integer)1 << 28)

static size_t
frames_for(size_t n)
{
	return (n * sizeof(void *) + FRAME_SIZE - 1) / FRAME_SIZE;
}

/* Free the last n of the live objects, as one step for interrupts. */
static int
free_tail(struct lbatch *b, struct kmem_cache *cp, size_t n)
{
	void **objs = b->b_objs + (b->b_count - n);
	unsigned long pin = port_pin();
	int err = 0;
	size_t i;

	if (atomic_load_explicit(
		&b->b_cache->lc_checked, memory_order_relaxed)) {
		for (i = n; i-- > 0;) {
			if (kmem_free_checked(cp, (uintptr_t)objs[i]) != 0)
				err = -KMEM_EINVAL;
		}
	} else {
		kmem_cache_free_bulk(cp, n, objs);
	}
	memset(objs, 0, n * sizeof(*objs));
	b->b_count -= n;
	port_unpin(pin);
	return err;
}

void
batch_discard(struct lbatch *b)
{
	struct kmem_cache *cp = NULL;

	if (b->b_objs != NULL && b->b_cache != NULL &&
	    b->b_state != OBJ_MOVED) {
		/* What mm handed out and nobody has counted yet. */
		while (b->b_state == OBJ_EMPTY && b->b_count < b->b_room &&
		    b->b_objs[b->b_count] != NULL)
			b->b_count++;
		if (b->b_count > 0)
			cp = lcache_enter(b->b_cache);
		if (cp != NULL) {
			lcache_count_gc(b->b_cache, 0, b->b_count);
			while (b->b_count > 0)
				(void)free_tail(b, cp,
				    b->b_count < CHUNK ? b->b_count : CHUNK);
			lcache_leave(b->b_cache, cp);
		}
	}
	if (b->b_run != NULL)
		frame_free(b->b_run, b->b_frames);
	b->b_run = NULL;
	b->b_objs = NULL;
	b->b_count = 0;
	b->b_state = OBJ_FREED;
	if (b->b_cache != NULL)
		lcache_drop(b->b_cache);
	b->b_cache = NULL;
}

static void
batch_drop(struct handle *h)
{
	batch_discard((struct lbatch *)h);
}

static struct lbatch *
batch_arg(lua_State *L, int arg)
{
	struct lbatch *b = luaL_checkudata(L, arg, BATCH_CLASS);

	if (b->b_state == OBJ_MOVED)
		luaL_error(L,
		    "this batch was sent to another hart; the receiver has "
		    "it");
	if (b->b_state != OBJ_LIVE)
		luaL_error(L, "this batch was freed");
	return b;
}

/* b[i] is an address; other keys go to the class's own index (upvalue 1). */
static int
batch_index(lua_State *L)
{
	struct lbatch *b;
	lua_Integer i;

	if (lua_isinteger(L, 2)) {
		b = batch_arg(L, 1);
		i = lua_tointeger(L, 2);
		if (i < 1 || (size_t)i > b->b_count)
			lua_pushnil(L);
		else
			lua_pushinteger(
			    L, (lua_Integer)(uintptr_t)b->b_objs[i - 1]);
		return 1;
	}
	lua_pushvalue(L, 2);
	lua_gettable(L, lua_upvalueindex(1));
	return 1;
}

/* The class's __index knows names only; put integers in front, once. */
static void
set_index(lua_State *L)
{
	luaL_getmetatable(L, BATCH_CLASS);
	lua_getfield(L, -1, "__index");
	if (lua_tocfunction(L, -1) != batch_index) {
		lua_pushcclosure(L, batch_index, 1);
		lua_setfield(L, -2, "__index");
	} else {
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

struct lbatch *
batch_push_bare(lua_State *L, size_t inline_n)
{
	struct lbatch *b;

	set_index(L);
	b = handle_new(L, sizeof(*b) + inline_n * sizeof(void *), BATCH_CLASS,
	    0, batch_drop);
	b->b_room = inline_n;
	b->b_objs = b->b_inline;
	return b;
}

struct lbatch *
batch_push(lua_State *L, size_t n)
{
	bool large = n > BATCH_INLINE_MAX;
	struct lbatch *b = batch_push_bare(L, large ? 0 : n);

	if (!large)
		return b;
	b->b_room = n;
	b->b_objs = NULL;
	b->b_frames = frames_for(n);
	if (!handle_frames(&b->b_run, b->b_frames, FRAME_TAG_META)) {
		lua_pop(L, 1);
		return NULL;
	}
	memset(b->b_run, 0, b->b_frames * FRAME_SIZE);
	b->b_objs = b->b_run;
	return b;
}

/* Take n objects; false when they are not to be had, all given back. */
static bool
fill(lua_State *L, struct lbatch *b, struct kmem_cache *cp, size_t n,
    bool *stopped)
{
	struct lstate *s = lstate_of(L);

	*stopped = false;
	while (b->b_count < n) {
		size_t piece = n - b->b_count < CHUNK ? n - b->b_count : CHUNK;

		*stopped = lstate_interrupted(s);
		if (*stopped ||
		    !kmem_cache_alloc_bulk(
			cp, 0, piece, b->b_objs + b->b_count))
			break;
		b->b_count += piece;
	}
	if (b->b_count == n)
		return true;
	memset(b->b_objs + b->b_count, 0,
	    (n - b->b_count < CHUNK ? n - b->b_count : CHUNK) * sizeof(void *));
	while (b->b_count > 0)
		(void)free_tail(b, cp, b->b_count < CHUNK ? b->b_count : CHUNK);
	return false;
}

static bool
room_for(lua_State *L, struct kmem_cache *cp, size_t n)
{
	struct kmem_stats st;
	struct kmem_info info;
	size_t have, slabs;

	kmem_cache_get_info(cp, &info);
	kmem_cache_stats(cp, &st);
	have = (size_t)(st.objects_total - st.objects_inuse);
	if (have >= n)
		return true;
	slabs = (n - have + info.per_slab - 1) / info.per_slab;
	return !lcache_no_room(L, slabs * info.frames_per_slab);
}

static int
fill_failed(lua_State *L, struct lcache *lc, struct kmem_cache *cp, size_t n)
{
	struct kmem_info info;
	struct kmem_stats st;
	char what[96];

	kmem_cache_get_info(cp, &info);
	kmem_cache_stats(cp, &st);
	lcache_leave(lc, cp);
	if (info.limit != 0 && st.objects_inuse + n > info.limit)
		return binding_fail(L, "ENOMEM",
		    "cache '%s': %zu more would pass its limit of %zu live "
		    "objects",
		    info.name, n, info.limit);
	lua_pushfstring(L, "%s, %I objects", info.name, (lua_Integer)n);
	strncpy(what, lua_tostring(L, -1), sizeof(what) - 1);
	what[sizeof(what) - 1] = '\0';
	return lcache_fail_memory(L, what);
}

int
cache_alloc_n(lua_State *L)
{
	struct lcache *lc = lcache_arg(L, 1);
	size_t n =
	    (size_t)binding_integer(L, 2, 0, BATCH_MAX, "number of objects");
	struct kmem_cache *cp;
	struct lbatch *b;
	bool stopped = false;

	if (!lc->lc_ours)
		return luaL_error(L,
		    "cache '%s' belongs to the machine; take objects from "
		    "caches of slab.create",
		    lc->lc_name);
	b = batch_push(L, n);
	if (b == NULL)
		return lcache_fail_memory(L, "the batch's own pointers");
	cp = lcache_use(L, 1, &lc);
	lcache_hold(lc);
	b->b_cache = lc;
	b->b_size = lc->lc_size;
	if (!room_for(L, cp, n) || !fill(L, b, cp, n, &stopped)) {
		if (!stopped)
			return fill_failed(L, lc, cp, n);
		lcache_leave(lc, cp);
		lstate_poll(L);
		return luaL_error(L, "interrupted");
	}
	lcache_leave(lc, cp);
	b->b_state = OBJ_LIVE;
	return 1;
}

/* xorshift64*, seeded through one step of splitmix64: never zero. */
static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * 0x2545f4914f6cdd1du;
}

void
batch_shuffle(struct lbatch *b, uint64_t seed)
{
	uint64_t x = seed + 0x9e3779b97f4a7c15u;
	size_t i;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	x |= 1;
	for (i = b->b_count; i > 1; i--) {
		size_t j = (size_t)(next_random(&x) % i);
		void *t = b->b_objs[i - 1];

		b->b_objs[i - 1] = b->b_objs[j];
		b->b_objs[j] = t;
	}
}

static void
reverse(struct lbatch *b)
{
	size_t i, n = b->b_count;

	for (i = 0; i < n / 2; i++) {
		void *t = b->b_objs[i];

		b->b_objs[i] = b->b_objs[n - 1 - i];
		b->b_objs[n - 1 - i] = t;
	}
}

static void
report_batch(lua_State *L, struct lbatch *b, struct lcache *cache)
{
	struct kmem_cache *cp;

	if (b->b_state == OBJ_FREED && b->b_cache != NULL) {
		cp = lcache_enter(b->b_cache);
		kmem_report_misuse(cp, MM_DOUBLE_FREE, 0,
		    "a Lua batch was freed a second time");
		if (cp != NULL)
			lcache_leave(b->b_cache, cp);
		luaL_error(L,
		    "double-free of a batch of '%s'; it was freed "
		    "before",
		    b->b_cache->lc_name);
	}
	if (cache != NULL && b->b_state == OBJ_LIVE && b->b_cache != cache) {
		cp = lcache_enter(cache);
		kmem_report_misuse(cp, MM_WRONG_CACHE,
		    b->b_count > 0 ? (uintptr_t)b->b_objs[0] : 0,
		    "a Lua batch was freed to a cache it is not from");
		if (cp != NULL)
			lcache_leave(cache, cp);
		luaL_error(L, "wrong-cache: the batch is of '%s', not of '%s'",
		    b->b_cache->lc_name, cache->lc_name);
	}
}

void
batch_free_arg(lua_State *L, int arg, struct lcache *cache, int order)
{
	static const char *const orders[] = { "lifo", "fifo", "random", NULL };
	struct lbatch *b = luaL_checkudata(L, arg, BATCH_CLASS);
	int how = luaL_checkoption(L, order, "lifo", orders);
	struct kmem_cache *cp;
	int err = 0;

	report_batch(L, b, cache);
	b = batch_arg(L, arg);
	if (how == 1)
		reverse(b);
	else if (how == 2)
		batch_shuffle(b, b->b_count);
	while (b->b_count > 0) {
		cp = lcache_enter(b->b_cache);
		if (cp == NULL)
			lcache_raise_gone(L, b->b_cache);
		if (free_tail(b, cp, b->b_count < CHUNK ? b->b_count : CHUNK) !=
		    0)
			err = -KMEM_EINVAL;
		lcache_leave(b->b_cache, cp);
		/* An interruption leaves the rest in the batch. */
		lstate_poll(L);
	}
	b->b_state = OBJ_FREED;
	b->b_objs = NULL;
	if (b->b_run != NULL)
		frame_free(b->b_run, b->b_frames);
	b->b_run = NULL;
	if (err != 0)
		luaL_error(L,
		    "objects of this batch of '%s' were not freed: "
		    "see the report",
		    b->b_cache->lc_name);
}

static int
batch_free(lua_State *L)
{
	batch_free_arg(L, 1, NULL, 2);
	return 0;
}

static int
batch_split(lua_State *L)
{
	struct lbatch *b = batch_arg(L, 1), *tail;
	size_t n = (size_t)binding_integer(
	    L, 2, 0, (lua_Integer)b->b_count, "number of objects");
	size_t keep;
	unsigned long pin;

	tail = batch_push(L, n);
	if (tail == NULL)
		return lcache_fail_memory(L, "the new batch's own pointers");
	lcache_hold(b->b_cache);
	tail->b_cache = b->b_cache;
	tail->b_size = b->b_size;
	tail->b_state = OBJ_MOVED; /* owns nothing until all is copied */
	keep = b->b_count - n;
	memcpy(tail->b_objs, b->b_objs + keep, n * sizeof(void *));
	pin = port_pin();
	b->b_count = keep;
	tail->b_count = n;
	tail->b_state = OBJ_LIVE;
	port_unpin(pin);
	memset(b->b_objs + keep, 0, n * sizeof(void *));
	return 1;
}

static int
batch_shuffle_lua(lua_State *L)
{
	struct lbatch *b = batch_arg(L, 1);

	batch_shuffle(b, (uint64_t)luaL_checkinteger(L, 2));
	return 0;
}

static int
batch_touch(lua_State *L)
{
	struct lbatch *b = batch_arg(L, 1);
	uint64_t start = time_ns();
	size_t i, off;

	for (i = 0; i < b->b_count; i++) {
		for (off = 0; off < b->b_size; off += PORT_CACHE_LINE)
			(void)((volatile char *)b->b_objs[i])[off];
		if (i % 1024 == 1023)
			lstate_poll(L);
	}
	lua_pushinteger(L, (lua_Integer)(time_ns() - start));
	return 1;
}

static int
batch_len(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)batch_arg(L, 1)->b_count);
	return 1;
}

static int
batch_gc(lua_State *L)
{
	handle_release(luaL_checkudata(L, 1, BATCH_CLASS));
	return 0;
}

static int
batch_close(lua_State *L)
{
	struct lbatch *b = luaL_checkudata(L, 1, BATCH_CLASS);

	if (b->b_state == OBJ_LIVE) {
		lua_settop(L, 1);
		batch_free_arg(L, 1, NULL, 2);
	}
	return 0;
}

static int
batch_tostring(lua_State *L)
{
	struct lbatch *b = luaL_checkudata(L, 1, BATCH_CLASS);
	const char *name = b->b_cache != NULL ? b->b_cache->lc_name : "-";

	if (b->b_state == OBJ_LIVE)
		lua_pushfstring(L, "slab.batch of %I objects of '%s'",
		    (lua_Integer)b->b_count, name);
	else
		lua_pushfstring(L, "slab.batch of '%s' (%s)", name,
		    b->b_state == OBJ_MOVED ? "moved" : "freed");
	return 1;
}

static const struct binding methods[] = {
	{ "free", batch_free, "b:free([order])",
	    "Frees every object. order: \"lifo\" (default), \"fifo\" or "
	    "\"random\".",
	    "c = slab.create('help20', 64) b = c:alloc_n(10) "
	    "b:free('fifo') c:destroy()" },
	{ "split", batch_split, "b:split(n) -> batch | nil, msg, code",
	    "Takes the last n objects out into a new batch; b keeps the "
	    "others.",
	    "c = slab.create('help21', 64) b = c:alloc_n(10) "
	    "b:split(4):free() print(#b) b:free() c:destroy()" },
	{ "shuffle", batch_shuffle_lua, "b:shuffle(seed)",
	    "Brings the objects into a random order that depends on the "
	    "integer seed alone.",
	    "c = slab.create('help22', 64) b = c:alloc_n(10) b:shuffle(7) "
	    "b:free() c:destroy()" },
	{ "touch", batch_touch, "b:touch() -> ns",
	    "Reads a byte from each 64-byte line of each object, in the "
	    "batch's order; returns the time it took.",
	    "c = slab.create('help23', 64) b = c:alloc_n(10) "
	    "print(b:touch() >= 0) b:free() c:destroy()" },
	{ "__len", batch_len, "", "", NULL },
	{ "__tostring", batch_tostring, "", "", NULL },
	{ "__gc", batch_gc, "", "", NULL },
	{ "__close", batch_close, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class slab_batch_class = {
	.name = BATCH_CLASS,
	.text = "Objects of one cache under one handle: #b is how many, b[i] "
		"the address of one. Made by c:alloc_n.",
	.methods = methods,
	.field = NULL,
};
