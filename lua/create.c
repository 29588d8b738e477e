/* SPDX-License-Identifier: MIT */
/*
 * slab.create: options, and constructors that scripts choose.
 *
 * Theory of operation
 *
 * A constructor runs wherever a slab is made: on any hart, in an interrupt,
 * within a reap. Lua cannot. So a Lua constructor runs once, here, on a
 * scratch object; what it wrote is kept as an image, and mm's constructor
 * copies the image into each object. The image belongs to the cache's record
 * and goes with it, after the cache.
 */
#include <string.h>

#include <kernel/boot.h>

#include "cache.h"
#include "handle.h"
#include "lauxlib.h"
#include "obj.h"

enum ctor_kind { CTOR_NONE, CTOR_ZERO, CTOR_PATTERN, CTOR_COUNT, CTOR_IMAGE };

struct lcache_ctor {
	enum ctor_kind ct_make, ct_destroy;
	size_t ct_size;     /* bytes of an object */
	uint8_t ct_image[]; /* CTOR_IMAGE: ct_size bytes */
};

/* The bytes of "pattern": each word tells its own offset. */
static void
fill_pattern(void *obj, size_t size)
{
	size_t off;

	for (off = 0; off < size; off += sizeof(uint64_t)) {
		uint64_t word = 0xc0de000000000000u | off;
		size_t n =
		    size - off < sizeof(word) ? size - off : sizeof(word);

		memcpy((char *)obj + off, &word, n);
	}
}

static void
apply(enum ctor_kind kind, const struct lcache_ctor *ct, void *obj)
{
	switch (kind) {
	case CTOR_ZERO:
		memset(obj, 0, ct->ct_size);
		break;
	case CTOR_PATTERN:
		fill_pattern(obj, ct->ct_size);
		break;
	case CTOR_IMAGE:
		memcpy(obj, ct->ct_image, ct->ct_size);
		break;
	case CTOR_NONE:
	case CTOR_COUNT:
	default:
		break;
	}
}

static int
construct(void *obj, void *arg)
{
	const struct lcache_ctor *ct = arg;

	apply(ct->ct_make, ct, obj);
	return 0;
}

static void
destruct(void *obj, void *arg)
{
	const struct lcache_ctor *ct = arg;

	apply(ct->ct_destroy, ct, obj);
}

void
lcache_ctor_free(struct lcache_ctor *ctor)
{
	kfree(ctor);
}

/* What slab.create was asked for. */
struct request {
	const char *name;
	size_t size;
	struct kmem_options opt;
	enum ctor_kind make, destroy;
	struct lobj *scratch; /* holds the image; on the stack */
};

static const char *
name_arg(lua_State *L, int arg)
{
	static const char *const reserved[] = { "kmalloc-", "lua-", "kmem-",
		NULL };
	size_t n, i;
	const char *name = luaL_checklstring(L, arg, &n);

	if (n == 0 || n >= KMEM_NAME_MAX)
		luaL_argerror(L, arg, "name must have 1..31 bytes");
	for (i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)name[i];

		if (ch <= ' ' || ch > '~' || strchr("*?[]|'\"\\", ch) != NULL)
			luaL_argerror(L, arg,
			    "name must be of visible ASCII, without * ? [ ] "
			    "| \\ and quotes");
	}
	for (i = 0; reserved[i] != NULL; i++) {
		if (strncmp(name, reserved[i], strlen(reserved[i])) == 0)
			luaL_argerror(L, arg,
			    "names with kmalloc-, lua- and kmem- belong to "
			    "the machine");
	}
	return name;
}

static void
magazine_options(lua_State *L, int table, struct kmem_options *opt)
{
	lua_Integer n;
	bool b;

	if (binding_opt_integer(L, table, "mag", 1, KMEM_ROUNDS_MAX, &n))
		opt->magazine = (unsigned)n;
	if (binding_opt_boolean(L, table, "magazines", &b) && !b) {
		if (opt->magazine != 0)
			luaL_error(L,
			    "options 'mag' and 'magazines=false' "
			    "contradict each other");
		opt->flags |= KMEM_NOMAGAZINE;
	}
}

static void
level_option(lua_State *L, int table, struct kmem_options *opt)
{
	const char *level;

	if (binding_opt_string(L, table, "protect", &level)) {
		opt->protect = lcache_protect_arg(L, level);
		return;
	}
	/* PROTECT_DEBUG is not in this version: boot has said so. */
	opt->protect =
	    boot_args()->protect == PROTECT_FAST ? KMEM_FAST : KMEM_CHECKED;
}

static void
plain_options(lua_State *L, int table, struct kmem_options *opt)
{
	lua_Integer n;
	bool b;

	if (binding_opt_integer(L, table, "align", 1, KMEM_ALIGN_MAX, &n)) {
		if ((n & (n - 1)) != 0)
			luaL_error(L,
			    "option 'align' must be a power of two in "
			    "1..%d, not %I",
			    (int)KMEM_ALIGN_MAX, n);
		opt->align = (size_t)n;
	}
	if (binding_opt_integer(L, table, "limit", 1, LUA_MAXINTEGER, &n))
		opt->limit = (size_t)n;
	if (binding_opt_boolean(L, table, "count", &b) && b)
		opt->flags |= KMEM_COUNT;
	if (binding_opt_boolean(L, table, "low", &b) && b)
		opt->flags |= KMEM_LOW;
	if (lua_getfield(L, table, "guard") != LUA_TNIL)
		not_in_this_version(L, "option 'guard'");
	if (lua_getfield(L, table, "reclaim") != LUA_TNIL)
		not_in_this_version(L, "option 'reclaim'");
	lua_pop(L, 2);
}

/* "zero", "pattern", "count"; CTOR_NONE when it is no string. */
static enum ctor_kind
kind_option(lua_State *L, int table, const char *option)
{
	enum ctor_kind kind = CTOR_NONE;
	const char *s;

	if (lua_getfield(L, table, option) == LUA_TSTRING) {
		s = lua_tostring(L, -1);
		if (strcmp(s, "zero") == 0)
			kind = CTOR_ZERO;
		else if (strcmp(s, "pattern") == 0)
			kind = CTOR_PATTERN;
		else if (strcmp(s, "count") == 0)
			kind = CTOR_COUNT;
		else
			luaL_error(L,
			    "option '%s' must be \"zero\", \"pattern\", "
			    "\"count\" or a function, not \"%s\"",
			    option, s);
	} else if (!lua_isnil(L, -1) && !lua_isfunction(L, -1)) {
		luaL_error(L,
		    "option '%s' must be \"zero\", \"pattern\", \"count\" or "
		    "a function, not a %s",
		    option, luaL_typename(L, -1));
	}
	return kind; /* the value stays on the stack */
}

static void
ctor_options(lua_State *L, int table, struct request *rq)
{
	rq->make = kind_option(L, table, "ctor");
	if (lua_isfunction(L, -1)) {
		rq->scratch = obj_push_scratch(L, rq->size);
		lua_insert(L, -2);
		lua_pushvalue(L, -2);
		lua_call(L, 1, 0);
		rq->make = CTOR_IMAGE;
	} else {
		lua_pop(L, 1);
	}
	rq->destroy = kind_option(L, table, "dtor");
	if (lua_isfunction(L, -1))
		not_in_this_version(L, "a Lua function as dtor");
	lua_pop(L, 1);
	if (rq->destroy != CTOR_NONE && rq->make == CTOR_NONE)
		luaL_error(L, "option 'dtor' needs option 'ctor'");
}

static void
read_request(lua_State *L, struct request *rq)
{
	static const char *const names[] = { "align", "ctor", "dtor", "reclaim",
		"colour", "mag", "magazines", "limit", "protect", "count",
		"guard", "low", NULL };
	int table;

	rq->name = name_arg(L, 1);
	rq->size = (size_t)binding_integer(
	    L, 2, 1, (lua_Integer)KMEM_SIZE_MAX, "size");
	table = binding_options(L, 3, names);
	if (table == 0) {
		lua_settop(L, 2);
		lua_newtable(L);
		table = 3;
	}
	(void)lcache_colour_option(L, table, &rq->opt.colours);
	magazine_options(L, table, &rq->opt);
	level_option(L, table, &rq->opt);
	plain_options(L, table, &rq->opt);
	ctor_options(L, table, rq);
}

static struct lcache_ctor *
make_ctor(const struct request *rq)
{
	size_t bytes = rq->make == CTOR_IMAGE ? rq->size : 0;
	struct lcache_ctor *ct = kmalloc(sizeof(*ct) + bytes, 0);

	if (ct == NULL)
		return NULL;
	ct->ct_make = rq->make;
	ct->ct_destroy = rq->destroy;
	ct->ct_size = rq->size;
	if (rq->make == CTOR_IMAGE)
		memcpy(ct->ct_image, rq->scratch->o_addr, bytes);
	return ct;
}

static int
create_failed(lua_State *L, const struct request *rq, int err, const char *why)
{
	if (err == -KMEM_ENOTYET)
		not_in_this_version(L, "slab.create with these options");
	if (err == -KMEM_EINVAL)
		return luaL_error(L, "bad argument to 'create' (%s)",
		    why != NULL ? why : "an option is out of its range");
	if (err == -KMEM_EEXIST)
		return binding_fail(L, "EEXIST",
		    "a cache named '%s' exists (slab.find gets it)", rq->name);
	if (err == -KMEM_ENOMEM)
		return lcache_fail_memory(L, rq->name);
	return binding_fail(L, binding_kmem_code(err), "cache '%s': %s",
	    rq->name, why != NULL ? why : "cannot be made");
}

int
slab_create(lua_State *L)
{
	struct request rq = { 0 };
	struct kmem_tune limit = { 0 };
	struct lcache_ctor *ct = NULL;
	struct kmem_cache *cp = NULL;
	const char *why = NULL;
	struct lcache **slot;
	int err;

	read_request(L, &rq);
	slot = lcache_push_empty(L);
	if (rq.make != CTOR_NONE) {
		ct = make_ctor(&rq);
		if (ct == NULL)
			return lcache_fail_memory(L, rq.name);
	}
	*slot = lcache_begin(rq.name, rq.size, ct);
	if (*slot == NULL) {
		kfree(ct);
		return lcache_fail_memory(L, rq.name);
	}
	if (ct != NULL) {
		rq.opt.ctor = construct;
		rq.opt.dtor = rq.destroy != CTOR_NONE ? destruct : NULL;
		rq.opt.arg = ct;
	}
	/* A limit from the start takes the magazines: not those asked for. */
	if (rq.opt.magazine != 0 && rq.opt.limit != 0) {
		limit.set_limit = true;
		limit.limit = rq.opt.limit;
		rq.opt.limit = 0;
	}
	err = kmem_cache_create(&cp, rq.name, rq.size, &rq.opt, &why);
	if (err == 0) {
		(void)kmem_cache_tune(cp, &limit, NULL);
		lcache_commit(*slot, cp, rq.opt.protect != KMEM_FAST);
		return 1;
	}
	/* The record was never that of a cache: undo it, and its handle. */
	lcache_drop(*slot);
	*slot = NULL;
	return create_failed(L, &rq, err, why);
}
