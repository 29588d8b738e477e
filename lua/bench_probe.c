/* SPDX-License-Identifier: MIT */
/*
 * The module `probe`: what `make bench` asks. Linked only into the image that
 * scripts/bench boots; lua/modules.c finds it there by a weak reference.
 */
#include <bench/probe.h>

#include <string.h>

#include "modules.h"

static int
l_list(lua_State *L)
{
	const struct probe *all;
	size_t n, i;

	all = probe_list(&n);
	lua_createtable(L, (int)n, 0);
	for (i = 0; i < n; i++) {
		lua_createtable(L, 0, 3);
		binding_set_string(L, "name", all[i].pr_name);
		binding_set_string(L, "text", all[i].pr_text);
		binding_set_integer(L, "harts", (lua_Integer)all[i].pr_harts);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
l_run(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const struct probe *pr = probe_find(name);
	struct probe_out *out;
	unsigned i;

	if (pr == NULL)
		return luaL_argerror(L, 1, "no such probe; see probe.list()");
	out = lua_newuserdatauv(L, sizeof(*out), 0);
	memset(out, 0, sizeof(*out));
	pr->pr_run(out);
	if (out->po_error != NULL)
		return luaL_error(L, "probe '%s': %s", name, out->po_error);
	lua_createtable(L, (int)out->po_count, 0);
	for (i = 0; i < out->po_count; i++) {
		const struct probe_fact *pf = &out->po_facts[i];

		lua_createtable(L, 0, 4);
		binding_set_string(L, "name", pf->pf_name);
		binding_set_string(L, "text", pf->pf_text);
		binding_set_integer(L, "value", (lua_Integer)pf->pf_value);
		binding_set_integer(L, "per", (lua_Integer)pf->pf_per);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static const struct binding functions[] = {
	{ "list", l_list, "probe.list() -> array of {name=, text=, harts=}",
	    "The probes of this image, and how many harts each needs.", NULL },
	{ "run", l_run,
	    "probe.run(name) -> array of {name=, value=, per=, text=}",
	    "Measure, in exact mode; a figure is value / per.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_probe_module = {
	"probe",
	"What make bench measures.",
	functions,
};
