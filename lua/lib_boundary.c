/* SPDX-License-Identifier: MIT */
/*
 * The module `boundary`: interrupts on every instruction of the hot pair. It is
 * the probe module of the images of make/variants.mk, and in no other.
 */
#include <bench/boundary.h>
#include <kernel/symbols.h>

#include "modules.h"

static void
set_count(lua_State *L, const char *name, uint64_t v)
{
	binding_set_integer(L, name, (lua_Integer)v);
}

static void
push_rows(lua_State *L, const struct boundary_result *r)
{
	char where[96];

	lua_createtable(L, (int)r->n_rows, 0);
	for (size_t i = 0; i < r->n_rows; i++) {
		lua_createtable(L, 0, 5);
		(void)symbol_format(where, sizeof(where), r->rows[i].pc);
		binding_set_string(L, "where", where);
		set_count(L, "pc", r->rows[i].pc);
		set_count(L, "window", r->rows[i].window);
		set_count(L, "interrupts", r->rows[i].interrupts);
		set_count(L, "rewinds", r->rows[i].rewinds);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static int
l_run(lua_State *L)
{
	static const char *const names[] = { "n", "seed", "harts", "checked",
		NULL };
	struct boundary_options opt = { .harts = 1 };
	struct boundary_result *r;
	bool checked = false;
	lua_Integer v;
	const char *why;
	int table, err;

	table = binding_options(L, 1, names);
	if (binding_opt_integer(L, table, "n", 1, LUA_MAXINTEGER, &v))
		opt.interrupts = (uint64_t)v;
	if (binding_opt_integer(
		L, table, "seed", LUA_MININTEGER, LUA_MAXINTEGER, &v))
		opt.seed = (uint64_t)v;
	if (binding_opt_integer(L, table, "harts", 1, 2, &v))
		opt.harts = (unsigned)v;
	(void)binding_opt_boolean(L, table, "checked", &checked);
	if (checked)
		opt.protect = KMEM_CHECKED;
	r = lua_newuserdatauv(L, sizeof(*r), 0);
	err = boundary_run(&opt, r, &why);
	if (err != 0)
		return binding_fail(
		    L, binding_kmem_code(err), "boundary.run: %s", why);
	lua_createtable(L, 0, 8);
	set_count(L, "interrupts", r->interrupts);
	set_count(L, "rewinds", r->rewinds);
	set_count(L, "pairs", r->pairs);
	set_count(L, "irq_ops", r->irq_ops);
	set_count(L, "drained", r->drained);
	set_count(L, "findings", r->findings);
	binding_set_string(L, "finding", r->finding);
	push_rows(L, r);
	lua_setfield(L, -2, "rows");
	return 1;
}

static const struct binding functions[] = {
	{ "run", l_run,
	    "boundary.run([{n=, seed=, harts=1|2, checked=}]) -> table | nil, "
	    "msg, code",
	    "n interrupts while this hart allocates and frees, their handler "
	    "too; with harts=2 hart 1 drains it. rows: interrupts and rewinds "
	    "by instruction.",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_probe_module = {
	"boundary",
	"A storm of interrupts on the hot pair, counted by instruction.",
	functions,
};
