/* SPDX-License-Identifier: MIT */
/*
 * Values between states.
 *
 * Theory of operation
 *
 * 1. States share nothing. A value crosses as a message: a string of items in
 *    kmalloc memory, written by one state, read by another. Items are made of
 *    64-bit words, so that every read is aligned:
 *
 *      head = tag | length << 8
 *      nil, false, true   head
 *      integer, float     head, value
 *      string, function   head (length), bytes padded to 8
 *      table              head, key, value, key, value …, end
 *      userdata           head, struct value_cell, extra bytes
 *
 * 2. Two steps, so that an error in the middle changes nothing: encoding only
 *    describes an object or batch and leaves it with its handle; value_take
 *    makes the message the owner of all of them at once, at the moment when
 *    it is handed over (into a channel, to a job). A second handle on the way
 *    (the same object twice in one message) is found there, and undone.
 * 3. Cells are chained from the last to the first, so that taking, undoing
 *    and dropping need not parse.
 * 4. While Lua can raise, the message sits in a box, a userdata whose
 *    finalizer frees it.
 * 5. Bounds: VALUE_DEPTH_MAX tables in one another (which also stops cycles,
 *    but these are named), VALUE_BYTES_MAX bytes. Metatables stay behind.
 */
#include "value.h"

#include <string.h>

#include <mm/kmem.h>
#include <mm/port.h>

#include "handle.h"
#include "lauxlib.h"
#include "state.h"

#define BOX_CLASS  "quarry.message"
#define FIRST_ROOM 256u /* bytes of a new message's data */
#define POLL_ITEMS 1024u

enum tag {
	V_NIL = 1,
	V_FALSE,
	V_TRUE,
	V_INTEGER,
	V_FLOAT,
	V_STRING,
	V_FUNCTION,
	V_TABLE,
	V_END,
	V_USERDATA
};

struct value_msg {
	size_t m_used, m_room; /* bytes of m_data */
	uint32_t m_last_cell;  /* offset + 1 in m_data; 0: none */
	uint32_t m_values;
	uint64_t m_data[];
};

struct value_box {
	struct handle bx_handle;
	struct value_msg *bx_msg;
};

struct encoder {
	lua_State *L;
	struct value_box *box;
	const char *what; /* for messages: "argument" */
	int index;        /* of the value, from 1 */
	unsigned items;
	const void *parents[VALUE_DEPTH_MAX];
	unsigned depth;
};

static struct value_cell *
cell_at(struct value_msg *m, uint32_t offset_plus_1)
{
	return (
	    struct value_cell *)(void *)((char *)m->m_data + offset_plus_1 - 1);
}

static size_t
pad8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* ---- ownership ---- */

void
value_drop(struct value_msg *m)
{
	uint32_t at;

	if (m == NULL)
		return;
	for (at = m->m_last_cell; at != 0; at = cell_at(m, at)->vc_prev) {
		struct value_cell *c = cell_at(m, at);

		if (c->vc_state == CELL_OWNED)
			c->vc_class->drop(c);
		c->vc_state = CELL_GONE;
	}
	kfree(m);
}

static void
box_drop(struct handle *h)
{
	struct value_box *box = (struct value_box *)h;

	value_drop(box->bx_msg);
	box->bx_msg = NULL;
}

static int
box_gc(lua_State *L)
{
	handle_release(lua_touserdata(L, 1));
	return 0;
}

struct value_box *
value_box_push(lua_State *L)
{
	if (luaL_newmetatable(L, BOX_CLASS)) {
		lua_pushcfunction(L, box_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_pop(L, 1);
	return handle_new(L, sizeof(struct value_box), BOX_CLASS, 0, box_drop);
}

void
value_box_put(struct value_box *box, struct value_msg *m)
{
	box->bx_msg = m;
}

bool
value_box_moves(const struct value_box *box)
{
	struct value_msg *m = box->bx_msg;
	uint32_t at;

	for (at = m->m_last_cell; at != 0; at = cell_at(m, at)->vc_prev) {
		if (cell_at(m, at)->vc_class->moves)
			return true;
	}
	return false;
}

struct value_msg *
value_take(struct value_box *box)
{
	struct value_msg *m = box->bx_msg;
	unsigned long pin = port_pin();
	uint32_t at, back;

	for (at = m->m_last_cell; at != 0; at = cell_at(m, at)->vc_prev) {
		struct value_cell *c = cell_at(m, at);

		if (!c->vc_class->take(c->vc_source, c))
			break;
		c->vc_state = CELL_OWNED;
	}
	if (at != 0) {
		for (back = m->m_last_cell; back != at;
		     back = cell_at(m, back)->vc_prev) {
			struct value_cell *c = cell_at(m, back);

			c->vc_class->untake(c->vc_source, c);
			c->vc_state = CELL_SOURCE;
		}
		m = NULL;
	} else {
		box->bx_msg = NULL;
	}
	port_unpin(pin);
	return m;
}

/* ---- encoding ---- */

/* Room for n more bytes; NULL: no memory, or a message too long. */
static void *
reserve(struct encoder *e, size_t n)
{
	struct value_msg *m = e->box->bx_msg;
	size_t need = m->m_used + n, room = m->m_room;
	void *bigger;
	char *at;

	if (need > VALUE_BYTES_MAX)
		luaL_error(e->L, "%s #%d: longer than %d MiB", e->what,
		    e->index, (int)(VALUE_BYTES_MAX >> 20));
	if (need > room) {
		while (room < need)
			room *= 2;
		if (!handle_kmalloc(&bigger, sizeof(*m) + room))
			return NULL;
		memcpy(bigger, m, sizeof(*m) + m->m_used);
		e->box->bx_msg = bigger;
		kfree(m);
		m = bigger;
		m->m_room = room;
	}
	at = (char *)m->m_data + m->m_used;
	m->m_used = need;
	return at;
}

static bool
put_head(struct encoder *e, enum tag tag, size_t length)
{
	uint64_t head = (uint64_t)tag | (uint64_t)length << 8;
	uint64_t *at = reserve(e, sizeof(head));

	if (at == NULL)
		return false;
	*at = head;
	return true;
}

static bool
put_number(struct encoder *e, enum tag tag, const void *bits)
{
	void *at;

	if (!put_head(e, tag, 0))
		return false;
	at = reserve(e, sizeof(uint64_t));
	if (at == NULL)
		return false;
	memcpy(at, bits, sizeof(uint64_t));
	return true;
}

static bool
put_string(struct encoder *e, int index)
{
	size_t n;
	const char *s = lua_tolstring(e->L, index, &n);
	char *at;

	if (!put_head(e, V_STRING, n))
		return false;
	at = reserve(e, pad8(n));
	if (at == NULL)
		return false;
	memcpy(at, s, n);
	memset(at + n, 0, pad8(n) - n);
	return true;
}

static bool
put_userdata(struct encoder *e, int index)
{
	void *ud = lua_touserdata(e->L, index);
	const struct value_class *k = NULL;
	struct value_cell *c;
	struct value_msg *m;
	size_t extra, i;

	for (i = 0; value_classes[i] != NULL && k == NULL; i++) {
		if (luaL_testudata(e->L, index, value_classes[i]->name) != NULL)
			k = value_classes[i];
	}
	if (k == NULL) {
		(void)luaL_tolstring(e->L, index, NULL);
		luaL_error(e->L, "%s #%d: %s cannot cross harts", e->what,
		    e->index, lua_tostring(e->L, -1));
		return false;
	}
	extra = pad8(k->measure(e->L, ud));
	if (!put_head(e, V_USERDATA, 0))
		return false;
	c = reserve(e, sizeof(*c) + extra);
	if (c == NULL)
		return false;
	m = e->box->bx_msg;
	memset(c, 0, sizeof(*c) + extra);
	c->vc_class = k;
	c->vc_source = ud;
	c->vc_prev = m->m_last_cell;
	c->vc_extra = (uint32_t)extra;
	c->vc_state = CELL_SOURCE;
	k->describe(ud, c);
	m->m_last_cell = (uint32_t)((char *)c - (char *)m->m_data) + 1;
	return true;
}

static bool put_value(struct encoder *e, int index);

static bool
put_table(struct encoder *e, int index)
{
	const void *self = lua_topointer(e->L, index);
	unsigned i;

	for (i = 0; i < e->depth; i++) {
		if (e->parents[i] == self)
			luaL_error(e->L,
			    "%s #%d: a table that contains itself cannot "
			    "cross harts",
			    e->what, e->index);
	}
	if (e->depth == VALUE_DEPTH_MAX)
		luaL_error(e->L, "%s #%d: more than %d tables in one another",
		    e->what, e->index, (int)VALUE_DEPTH_MAX);
	e->parents[e->depth++] = self;
	luaL_checkstack(e->L, 8, "value to be sent");
	if (!put_head(e, V_TABLE, 0))
		return false;
	lua_pushnil(e->L);
	while (lua_next(e->L, index) != 0) {
		int top = lua_gettop(e->L);

		if (!put_value(e, top - 1) || !put_value(e, top))
			return false;
		lua_pop(e->L, 1);
	}
	e->depth--;
	return put_head(e, V_END, 0);
}

static bool
put_value(struct encoder *e, int index)
{
	lua_Integer i;
	lua_Number f;

	if (++e->items % POLL_ITEMS == 0)
		lstate_poll(e->L);
	switch (lua_type(e->L, index)) {
	case LUA_TNIL:
		return put_head(e, V_NIL, 0);
	case LUA_TBOOLEAN:
		return put_head(
		    e, lua_toboolean(e->L, index) ? V_TRUE : V_FALSE, 0);
	case LUA_TNUMBER:
		if (lua_isinteger(e->L, index)) {
			i = lua_tointeger(e->L, index);
			return put_number(e, V_INTEGER, &i);
		}
		f = lua_tonumber(e->L, index);
		return put_number(e, V_FLOAT, &f);
	case LUA_TSTRING:
		return put_string(e, index);
	case LUA_TTABLE:
		return put_table(e, index);
	case LUA_TUSERDATA:
		return put_userdata(e, index);
	default:
		luaL_error(e->L, "%s #%d: a %s cannot cross harts", e->what,
		    e->index, luaL_typename(e->L, index));
		return false;
	}
}

/* Only _ENV, and only when it is the global table, means the same there. */
static void
check_upvalues(lua_State *L, int index)
{
	const char *name;
	int i;

	for (i = 1; (name = lua_getupvalue(L, index, i)) != NULL; i++) {
		if (strcmp(name, "_ENV") != 0)
			luaL_error(L,
			    "upvalue '%s' cannot cross harts; pass it as an "
			    "argument",
			    name);
		lua_pushglobaltable(L);
		if (!lua_rawequal(L, -1, -2))
			luaL_error(L,
			    "upvalue '_ENV' is not the table of globals, and "
			    "cannot cross harts");
		lua_pop(L, 2);
	}
}

static int
write_code(lua_State *L, const void *p, size_t n, void *arg)
{
	struct encoder *e = arg;
	void *at;

	(void)L;
	if (n == 0)
		return 0;
	at = reserve(e, n);
	if (at == NULL)
		return 1;
	memcpy(at, p, n);
	return 0;
}

static bool
put_function(struct encoder *e, int index)
{
	lua_State *L = e->L;
	struct value_msg *m;
	size_t head_at, n;

	if (lua_iscfunction(L, index))
		luaL_error(L,
		    "a function written in C cannot cross harts; "
		    "wrap it in a Lua function");
	check_upvalues(L, index);
	head_at = e->box->bx_msg->m_used;
	if (!put_head(e, V_FUNCTION, 0))
		return false;
	lua_pushvalue(L, index);
	if (lua_dump(L, write_code, e, 0) != 0)
		return false;
	lua_pop(L, 1);
	m = e->box->bx_msg;
	n = m->m_used - head_at - sizeof(uint64_t);
	if (pad8(n) != n && reserve(e, pad8(n) - n) == NULL)
		return false;
	m = e->box->bx_msg;
	m->m_data[head_at / sizeof(uint64_t)] = V_FUNCTION | (uint64_t)n << 8;
	return true;
}

struct value_box *
value_encode(lua_State *L, int first, int n, const char *what, bool function)
{
	struct encoder e = { .L = L, .what = what };
	void *m;
	int i;

	luaL_checkstack(L, 8, "values to be sent");
	e.box = value_box_push(L);
	if (!handle_kmalloc(&m, sizeof(struct value_msg) + FIRST_ROOM))
		goto no_memory;
	memset(m, 0, sizeof(struct value_msg));
	e.box->bx_msg = m;
	e.box->bx_msg->m_room = FIRST_ROOM;
	e.box->bx_msg->m_values = (uint32_t)n;
	for (i = 0; i < n; i++) {
		bool ok;

		/* Users count arguments without the function. */
		e.index = function ? i : i + 1;
		if (function && i == 0)
			ok = put_function(&e, first);
		else
			ok = put_value(&e, first + i);
		if (!ok)
			goto no_memory;
	}
	return e.box;

no_memory:
	/* Tables and a function may lie above the box. */
	handle_release(&e.box->bx_handle);
	lua_settop(L, first + n - 1);
	return NULL;
}

/* ---- decoding ---- */

struct decoder {
	lua_State *L;
	struct value_msg *m;
	size_t at; /* bytes read */
};

static void
damaged(struct decoder *d)
{
	luaL_error(d->L, "a message between harts is damaged");
}

static uint64_t *
read_bytes(struct decoder *d, size_t n)
{
	uint64_t *at = d->m->m_data + d->at / sizeof(uint64_t);

	if (n > d->m->m_used - d->at)
		damaged(d);
	d->at += pad8(n);
	return at;
}

static bool read_value(struct decoder *d, unsigned depth);

static void
read_table(struct decoder *d, unsigned depth)
{
	if (depth == VALUE_DEPTH_MAX)
		damaged(d);
	luaL_checkstack(d->L, 8, "value received");
	lua_newtable(d->L);
	while (read_value(d, depth + 1)) {
		if (!read_value(d, depth + 1))
			damaged(d);
		lua_rawset(d->L, -3);
	}
}

static void
read_userdata(struct decoder *d)
{
	struct value_cell *c =
	    (struct value_cell *)(void *)read_bytes(d, sizeof(*c));

	(void)read_bytes(d, c->vc_extra);
	if (c->vc_state != CELL_OWNED)
		damaged(d);
	c->vc_class->push(d->L, c);
}

/* Push the next value; false at the end of a table. */
static bool
read_value(struct decoder *d, unsigned depth)
{
	uint64_t head = *read_bytes(d, sizeof(head));
	size_t n = (size_t)(head >> 8);
	const char *bytes;
	lua_Integer i;
	lua_Number f;

	switch ((enum tag)(head & 0xff)) {
	case V_NIL:
		lua_pushnil(d->L);
		break;
	case V_FALSE:
	case V_TRUE:
		lua_pushboolean(d->L, (head & 0xff) == V_TRUE);
		break;
	case V_INTEGER:
		memcpy(&i, read_bytes(d, sizeof(i)), sizeof(i));
		lua_pushinteger(d->L, i);
		break;
	case V_FLOAT:
		memcpy(&f, read_bytes(d, sizeof(f)), sizeof(f));
		lua_pushnumber(d->L, f);
		break;
	case V_STRING:
		lua_pushlstring(d->L, (const char *)read_bytes(d, n), n);
		break;
	case V_FUNCTION:
		bytes = (const char *)read_bytes(d, n);
		if (luaL_loadbufferx(d->L, bytes, n, "=job", "b") != LUA_OK)
			lua_error(d->L);
		break;
	case V_TABLE:
		read_table(d, depth);
		break;
	case V_USERDATA:
		read_userdata(d);
		break;
	case V_END:
		return false;
	default:
		damaged(d);
	}
	return true;
}

int
value_push(lua_State *L, struct value_box *box)
{
	struct decoder d = { .L = L, .m = box->bx_msg };
	int n = (int)d.m->m_values, i;

	luaL_checkstack(L, n + 8, "too many values received");
	for (i = 0; i < n; i++) {
		if (!read_value(&d, 0))
			damaged(&d);
	}
	handle_release(&box->bx_handle);
	return n;
}
