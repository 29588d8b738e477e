/* SPDX-License-Identifier: MIT */
/*
 * How our userdata cross from state to state: objects and batches by move,
 * caches and what jobs share by reference. The cells' words are laid out by
 * the structs below.
 */
#include <string.h>

#include "cache.h"
#include "job.h"
#include "lauxlib.h"
#include "obj.h"
#include "shared.h"
#include "value.h"

struct obj_words {
	struct lcache *ow_cache; /* a reference, when the message owns it */
	void *ow_addr;
	size_t ow_size;
	uint64_t ow_number;
	uint64_t ow_kind;
};

struct batch_words {
	struct lcache *bw_cache; /* a reference, when the message owns it */
	void *bw_run;            /* or the pointers lie behind the cell */
	size_t bw_frames;
	size_t bw_count;
	size_t bw_room;
	size_t bw_size;
};

_Static_assert(sizeof(struct obj_words) <= VALUE_CELL_WORDS * 8, "fits");
_Static_assert(sizeof(struct batch_words) <= VALUE_CELL_WORDS * 8, "fits");

static void *
words(struct value_cell *c)
{
	return c->vc_word;
}

/* ---- objects ---- */

static size_t
obj_measure(lua_State *L, void *ud)
{
	struct lobj *o = ud;

	if (o->o_state != OBJ_LIVE || o->o_kind == OBJ_SCRATCH)
		luaL_error(L, "object %p was %s; it cannot be sent", o->o_addr,
		    o->o_state == OBJ_MOVED ? "sent before" : "freed");
	return 0;
}

static void
obj_describe(void *ud, struct value_cell *c)
{
	struct lobj *o = ud;
	struct obj_words *w = words(c);

	w->ow_cache = o->o_cache;
	w->ow_addr = o->o_addr;
	w->ow_size = o->o_size;
	w->ow_number = o->o_number;
	w->ow_kind = o->o_kind;
}

static bool
obj_take(void *ud, struct value_cell *c)
{
	struct lobj *o = ud;

	(void)c;
	if (o->o_state != OBJ_LIVE)
		return false;
	if (o->o_cache != NULL)
		lcache_hold(o->o_cache);
	o->o_state = OBJ_MOVED;
	return true;
}

static void
obj_untake(void *ud, struct value_cell *c)
{
	struct lobj *o = ud;

	(void)c;
	o->o_state = OBJ_LIVE;
	if (o->o_cache != NULL)
		lcache_drop(o->o_cache);
}

static void
obj_from_words(struct lobj *o, const struct obj_words *w)
{
	o->o_cache = w->ow_cache;
	o->o_addr = w->ow_addr;
	o->o_size = w->ow_size;
	o->o_number = w->ow_number;
	o->o_kind = w->ow_kind == OBJ_OF_CACHE ? OBJ_OF_CACHE : OBJ_OF_KMALLOC;
	o->o_state = OBJ_LIVE;
}

static void
obj_receive(lua_State *L, struct value_cell *c)
{
	struct lobj *o = obj_push(L);

	obj_from_words(o, words(c));
	c->vc_state = CELL_GONE;
}

static void
obj_forget(struct value_cell *c)
{
	struct lobj o = { 0 };

	obj_from_words(&o, words(c));
	obj_discard(&o);
}

static const struct value_class obj_class = {
	.name = OBJ_CLASS,
	.moves = true,
	.measure = obj_measure,
	.describe = obj_describe,
	.take = obj_take,
	.untake = obj_untake,
	.push = obj_receive,
	.drop = obj_forget,
};

/* ---- batches ---- */

static size_t
batch_measure(lua_State *L, void *ud)
{
	struct lbatch *b = ud;

	if (b->b_state != OBJ_LIVE)
		luaL_error(L, "a batch that was %s cannot be sent",
		    b->b_state == OBJ_MOVED ? "sent before" : "freed");
	return b->b_run != NULL ? 0 : b->b_count * sizeof(void *);
}

static void
batch_describe(void *ud, struct value_cell *c)
{
	struct lbatch *b = ud;
	struct batch_words *w = words(c);

	w->bw_cache = b->b_cache;
	w->bw_run = b->b_run;
	w->bw_frames = b->b_frames;
	w->bw_count = b->b_count;
	w->bw_room = b->b_run != NULL ? b->b_room : b->b_count;
	w->bw_size = b->b_size;
	if (b->b_run == NULL)
		memcpy(c->vc_more, b->b_objs, b->b_count * sizeof(void *));
}

static bool
batch_take(void *ud, struct value_cell *c)
{
	struct lbatch *b = ud;

	(void)c;
	if (b->b_state != OBJ_LIVE)
		return false;
	lcache_hold(b->b_cache);
	b->b_run = NULL;
	b->b_state = OBJ_MOVED;
	return true;
}

static void
batch_untake(void *ud, struct value_cell *c)
{
	struct lbatch *b = ud;
	struct batch_words *w = words(c);

	b->b_run = w->bw_run;
	b->b_state = OBJ_LIVE;
	lcache_drop(b->b_cache);
}

static void
batch_receive(lua_State *L, struct value_cell *c)
{
	struct batch_words *w = words(c);
	size_t inline_n = w->bw_run != NULL ? 0 : w->bw_room;
	struct lbatch *b = batch_push_bare(L, inline_n);

	b->b_cache = w->bw_cache;
	b->b_run = w->bw_run;
	b->b_frames = w->bw_frames;
	b->b_room = w->bw_room;
	b->b_size = w->bw_size;
	if (b->b_run != NULL)
		b->b_objs = b->b_run;
	else
		memcpy(b->b_objs, c->vc_more, w->bw_count * sizeof(void *));
	b->b_count = w->bw_count;
	b->b_state = OBJ_LIVE;
	c->vc_state = CELL_GONE;
}

static void
batch_forget(struct value_cell *c)
{
	struct batch_words *w = words(c);
	struct lbatch b = { 0 };

	b.b_cache = w->bw_cache;
	b.b_run = w->bw_run;
	b.b_frames = w->bw_frames;
	b.b_room = w->bw_room;
	b.b_count = w->bw_count;
	b.b_size = w->bw_size;
	b.b_objs = w->bw_run != NULL ? w->bw_run : (void **)(void *)c->vc_more;
	b.b_state = OBJ_LIVE;
	batch_discard(&b);
}

static const struct value_class batch_class = {
	.name = BATCH_CLASS,
	.moves = true,
	.measure = batch_measure,
	.describe = batch_describe,
	.take = batch_take,
	.untake = batch_untake,
	.push = batch_receive,
	.drop = batch_forget,
};

/* ---- caches ---- */

static size_t
cache_measure(lua_State *L, void *ud)
{
	if (lcache_of_userdata(ud) == NULL)
		luaL_error(L, "a cache that was never made cannot be sent");
	return 0;
}

static void
cache_describe(void *ud, struct value_cell *c)
{
	struct lcache *lc = lcache_of_userdata(ud);

	memcpy(c->vc_word, &lc, sizeof(lc));
}

static struct lcache *
cell_cache(const struct value_cell *c)
{
	struct lcache *lc;

	memcpy(&lc, c->vc_word, sizeof(lc));
	return lc;
}

static bool
cache_take(void *ud, struct value_cell *c)
{
	(void)ud;
	lcache_hold(cell_cache(c));
	return true;
}

static void
cache_untake(void *ud, struct value_cell *c)
{
	(void)ud;
	lcache_drop(cell_cache(c));
}

static void
cache_receive(lua_State *L, struct value_cell *c)
{
	struct lcache **slot = lcache_push_empty(L);

	*slot = cell_cache(c);
	c->vc_state = CELL_GONE;
}

static void
cache_forget(struct value_cell *c)
{
	lcache_drop(cell_cache(c));
}

static const struct value_class cache_class = {
	.name = CACHE_CLASS,
	.moves = false,
	.measure = cache_measure,
	.describe = cache_describe,
	.take = cache_take,
	.untake = cache_untake,
	.push = cache_receive,
	.drop = cache_forget,
};

/* ---- channels, counters, barriers ---- */

static size_t
shared_measure(lua_State *L, void *ud)
{
	(void)L;
	(void)ud;
	return 0;
}

static void
shared_describe(void *ud, struct value_cell *c)
{
	struct shared_ud *su = ud;

	memcpy(c->vc_word, &su->su_shared, sizeof(su->su_shared));
}

static struct shared *
cell_shared(const struct value_cell *c)
{
	struct shared *sh;

	memcpy(&sh, c->vc_word, sizeof(sh));
	return sh;
}

static bool
shared_take(void *ud, struct value_cell *c)
{
	(void)ud;
	shared_hold(cell_shared(c));
	return true;
}

static void
shared_untake(void *ud, struct value_cell *c)
{
	(void)ud;
	shared_drop(cell_shared(c));
}

static void
shared_receive(lua_State *L, struct value_cell *c)
{
	struct shared_ud *su = shared_push(L, c->vc_class->name);

	su->su_shared = cell_shared(c);
	c->vc_state = CELL_GONE;
}

static void
shared_forget(struct value_cell *c)
{
	shared_drop(cell_shared(c));
}

#define SHARED_CLASS(id)                                                       \
	{                                                                      \
		.name = (id), .moves = false, .measure = shared_measure,       \
		.describe = shared_describe, .take = shared_take,              \
		.untake = shared_untake, .push = shared_receive,               \
		.drop = shared_forget,                                         \
	}

static const struct value_class chan_class = SHARED_CLASS(CHAN_CLASS);
static const struct value_class counter_class = SHARED_CLASS(COUNTER_CLASS);
static const struct value_class barrier_class = SHARED_CLASS(BARRIER_CLASS);

const struct value_class *const value_classes[] = { &obj_class, &batch_class,
	&cache_class, &chan_class, &counter_class, &barrier_class, NULL };
