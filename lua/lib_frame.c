/* SPDX-License-Identifier: MIT */
/*
 * The module frame: physical frames, and the two userdata that hold some.
 *
 * A pressure guard keeps its books in the frames it holds: each run begins
 * with a link to the next and its own length. So holding costs no memory.
 */
#include <string.h>

#include <mm/frame.h>
#include <mm/kmem.h>
#include <mm/port.h>

#include "cache.h"
#include "handle.h"
#include "heap.h"
#include "lauxlib.h"
#include "modules.h"
#include "state.h"

#define RUN_CLASS     "frame.run"
#define GUARD_CLASS   "frame.guard"
#define GUARD_RUN_MAX ((size_t)512) /* frames taken at once */

struct frame_run {
	struct handle fr_handle;
	void *fr_run; /* NULL: freed */
	size_t fr_frames;
};

struct held {
	struct held *hl_next;
	size_t hl_frames;
};

struct frame_guard {
	struct handle fg_handle;
	struct held *fg_runs;
	size_t fg_frames; /* in all runs */
};

static int
lib_free(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)frame_free_count());
	return 1;
}

static int
lib_total(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)frame_total_count());
	return 1;
}

static void
set_size(lua_State *L, const char *name, uint64_t v)
{
	binding_set_integer(L, name, (lua_Integer)v);
}

static int
lib_stat(lua_State *L)
{
	static const char *const tags[FRAME_TAG_USER] = { "free", "slab",
		"metadata", "kmalloc" };
	struct frame_stats st;
	uint64_t other = 0;
	unsigned tag;

	frame_get_stats(&st);
	lua_createtable(L, 0, 14);
	set_size(L, "total", st.total);
	set_size(L, "free", st.free);
	set_size(L, "cached", st.cached);
	set_size(L, "locks", st.locks);
	set_size(L, "allocs", st.allocs);
	set_size(L, "frees", st.frees);
	set_size(L, "fails", st.fails);
	set_size(L, "reclaims", st.reclaims);
	for (tag = FRAME_TAG_SLAB; tag < FRAME_TAG_USER; tag++)
		set_size(L, tags[tag], st.used_by[tag]);
	for (; tag < FRAME_TAGS_MAX; tag++)
		other += st.used_by[tag];
	set_size(L, "lua", st.used_by[FRAME_TAG_LUA]);
	set_size(L, "held", st.used_by[FRAME_TAG_HELD]);
	other -= st.used_by[FRAME_TAG_LUA] + st.used_by[FRAME_TAG_HELD];
	set_size(L, "other", other);
	return 1;
}

static int
lib_zones(lua_State *L)
{
	unsigned n = frame_zone_count(), i;
	struct frame_zone_stats st;

	lua_createtable(L, (int)n, 0);
	for (i = 0; i < n; i++) {
		if (!frame_get_zone_stats(i, &st))
			continue;
		lua_createtable(L, 0, 8);
		binding_set_string(L, "name", st.name);
		set_size(L, "base", st.base);
		set_size(L, "total", st.total);
		set_size(L, "free", st.free);
		set_size(L, "touched", st.touched);
		set_size(L, "largest", st.largest);
		set_size(L, "metadata", st.metadata);
		binding_set_boolean(L, "low", (st.flags & FRAME_LOW) != 0);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* ---- runs ---- */

static void
run_drop(struct handle *h)
{
	struct frame_run *fr = (struct frame_run *)h;

	if (fr->fr_run != NULL)
		frame_free(fr->fr_run, fr->fr_frames);
	fr->fr_run = NULL;
}

static int
lib_alloc(lua_State *L)
{
	size_t n = (size_t)binding_integer(
	    L, 1, 1, (lua_Integer)1 << 36, "number of frames");
	struct frame_run *fr =
	    handle_new(L, sizeof(*fr), RUN_CLASS, 0, run_drop);

	fr->fr_frames = n;
	if (lcache_no_room(L, n) ||
	    !handle_frames(&fr->fr_run, n, FRAME_TAG_HELD))
		return binding_fail(L, "ENOMEM",
		    "no run of %zu free frames (%zu are free)", n,
		    frame_free_count());
	return 1;
}

static struct frame_run *
run_arg(lua_State *L)
{
	struct frame_run *fr = luaL_checkudata(L, 1, RUN_CLASS);

	if (fr->fr_run == NULL)
		luaL_error(L, "these frames were freed");
	return fr;
}

static int
run_free(lua_State *L)
{
	handle_release(&run_arg(L)->fr_handle);
	return 0;
}

static int
run_close(lua_State *L)
{
	handle_release(luaL_checkudata(L, 1, RUN_CLASS));
	return 0;
}

static int
run_addr(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)(uintptr_t)run_arg(L)->fr_run);
	return 1;
}

static int
run_len(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)run_arg(L)->fr_frames);
	return 1;
}

static int
run_tostring(lua_State *L)
{
	struct frame_run *fr = luaL_checkudata(L, 1, RUN_CLASS);

	if (fr->fr_run == NULL)
		lua_pushliteral(L, "frame.run (freed)");
	else
		lua_pushfstring(L, "frame.run %p of %I frames", fr->fr_run,
		    (lua_Integer)fr->fr_frames);
	return 1;
}

/* ---- pressure ---- */

static void
guard_drop(struct handle *h)
{
	struct frame_guard *fg = (struct frame_guard *)h;

	while (fg->fg_runs != NULL) {
		unsigned long pin = port_pin();
		struct held *hl = fg->fg_runs;
		size_t frames = hl->hl_frames;

		fg->fg_runs = hl->hl_next;
		fg->fg_frames -= frames;
		frame_free(hl, frames);
		port_unpin(pin);
	}
}

/* Take one run of `frames`; false when there is none. */
static bool
guard_take(struct frame_guard *fg, size_t frames)
{
	unsigned long pin = port_pin();
	struct held *hl = frame_alloc(frames, 1, FRAME_NOWAIT, FRAME_TAG_HELD);

	if (hl != NULL) {
		hl->hl_next = fg->fg_runs;
		hl->hl_frames = frames;
		fg->fg_runs = hl;
		fg->fg_frames += frames;
	}
	port_unpin(pin);
	return hl != NULL;
}

/* Hold frames until at most `keep` are free; false when interrupted. */
static bool
guard_fill(struct lstate *s, struct frame_guard *fg, size_t keep)
{
	size_t run = GUARD_RUN_MAX;

	while (run > 0) {
		size_t free_frames = frame_free_count();

		if (lstate_interrupted(s))
			return false;
		if (free_frames <= keep)
			break;
		if (run > free_frames - keep)
			run = free_frames - keep;
		if (!guard_take(fg, run))
			run /= 2;
	}
	return true;
}

static int
lib_pressure(lua_State *L)
{
	size_t percent = (size_t)binding_integer(L, 1, 0, 100, "percent");
	size_t keep = frame_total_count() * (100 - percent) / 100;
	struct frame_guard *fg =
	    handle_new(L, sizeof(*fg), GUARD_CLASS, 0, guard_drop);

	if (!guard_fill(lstate_of(L), fg, keep)) {
		handle_release(&fg->fg_handle);
		lstate_poll(L);
	}
	return 1;
}

static int
guard_release(lua_State *L)
{
	struct frame_guard *fg = luaL_checkudata(L, 1, GUARD_CLASS);

	handle_release(&fg->fg_handle);
	return 0;
}

static int
guard_len(lua_State *L)
{
	struct frame_guard *fg = luaL_checkudata(L, 1, GUARD_CLASS);

	lua_pushinteger(L, (lua_Integer)fg->fg_frames);
	return 1;
}

static int
guard_tostring(lua_State *L)
{
	struct frame_guard *fg = luaL_checkudata(L, 1, GUARD_CLASS);

	lua_pushfstring(
	    L, "frame.guard holding %I frames", (lua_Integer)fg->fg_frames);
	return 1;
}

/* ---- fragmentation ---- */

struct fragmentation {
	size_t run;    /* frames wanted at once */
	size_t free;   /* frames in free runs */
	size_t usable; /* of them in places for such runs */
	size_t largest;
};

static void
add_run(void *arg, uintptr_t addr, size_t frames, unsigned tag)
{
	struct fragmentation *f = arg;

	(void)addr;
	if (tag != FRAME_TAG_FREE)
		return;
	f->free += frames;
	f->usable += frames / f->run * f->run;
	if (frames > f->largest)
		f->largest = frames;
}

static int
lib_fragmentation(lua_State *L)
{
	struct fragmentation f = { .run = 16 };
	unsigned i;

	if (!lua_isnoneornil(L, 1))
		f.run = (size_t)binding_integer(
		    L, 1, 1, (lua_Integer)1 << 36, "length of a run in frames");
	for (i = 0; i < frame_zone_count(); i++)
		frame_walk(i, add_run, &f);
	lua_pushinteger(L,
	    f.free == 0 ? 0
			: (lua_Integer)((f.free - f.usable) * 1000 / f.free));
	lua_pushinteger(L, (lua_Integer)f.largest);
	return 2;
}

/* ---- records ---- */

static const struct binding functions[] = {
	{ "free", lib_free, "frame.free() -> frames",
	    "Frames (of 4,096 bytes) that are free now, in all zones.",
	    "print(frame.free())" },
	{ "total", lib_total, "frame.total() -> frames",
	    "Frames that the zones can hand out, free or not.",
	    "print(frame.total())" },
	{ "stat", lib_stat, "frame.stat() -> table",
	    "total, free, cached (free ones in the harts' caches), what the "
	    "others serve (slab, metadata, kmalloc, lua, held by frame.alloc "
	    "and frame.pressure, other), and counts of allocs, frees and "
	    "locks of the zones, fails, reclaims.",
	    "for k, v in pairs(frame.stat()) do print(k, v) end" },
	{ "zones", lib_zones, "frame.zones() -> array",
	    "One table per zone: name, base (address), total, free, touched, "
	    "largest (longest free run), metadata (frames), low.",
	    "for _, z in ipairs(frame.zones()) do print(z.name, z.free) end" },
	{ "alloc", lib_alloc, "frame.alloc(n) -> run | nil, msg, code",
	    "Takes n adjacent frames; freed by run:free(), by <close> or "
	    "when it is collected.",
	    "r = frame.alloc(8) print(r, #r) r:free()" },
	{ "pressure", lib_pressure, "frame.pressure(percent) -> guard",
	    "Holds so many frames that at most (100 - percent) % of all "
	    "stay free, until the guard is closed or collected. #guard is "
	    "how many it holds.",
	    "do local g <close> = frame.pressure(50) print(frame.free()) "
	    "end" },
	{ "fragmentation", lib_fragmentation,
	    "frame.fragmentation([n]) -> per mille, largest",
	    "The share of free frames that cannot serve a run of n frames "
	    "(default 16), and the longest free run in frames.",
	    "print(frame.fragmentation(64))" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_frame_module = {
	.name = "frame",
	.text = "Physical memory: frames of 4,096 bytes, in zones.",
	.functions = functions,
};

static const struct binding run_methods[] = {
	{ "free", run_free, "r:free()",
	    "Gives the frames back. Raises the second time.",
	    "r = frame.alloc(1) r:free()" },
	{ "addr", run_addr, "r:addr() -> integer", "Address of the first byte.",
	    "r = frame.alloc(1) print(r:addr() % 4096) r:free()" },
	{ "__len", run_len, "", "", NULL },
	{ "__tostring", run_tostring, "", "", NULL },
	{ "__gc", run_close, "", "", NULL },
	{ "__close", run_close, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class frame_run_class = {
	.name = RUN_CLASS,
	.text = "Adjacent frames, held by this handle; #r is how many.",
	.methods = run_methods,
	.field = NULL,
};

static const struct binding guard_methods[] = {
	{ "free", guard_release, "g:free()",
	    "Gives the frames back at once, as <close> would.",
	    "g = frame.pressure(10) g:free()" },
	{ "__len", guard_len, "", "", NULL },
	{ "__tostring", guard_tostring, "", "", NULL },
	{ "__gc", guard_release, "", "", NULL },
	{ "__close", guard_release, "", "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_class frame_guard_class = {
	.name = GUARD_CLASS,
	.text = "Frames held back by frame.pressure; #g is how many.",
	.methods = guard_methods,
	.field = NULL,
};
