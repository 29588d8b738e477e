/* SPDX-License-Identifier: MIT */
/* The module hart: harts, and what runs on them. */
#include <kernel/smp.h>

#include "job.h"
#include "lauxlib.h"
#include "modules.h"
#include "shared.h"

static int
hart_id(lua_State *L)
{
	lua_pushinteger(L, smp_hart_self());
	return 1;
}

static int
hart_count(lua_State *L)
{
	lua_pushinteger(L, smp_hart_count());
	return 1;
}

static const char *
state_name(enum hart_state state)
{
	switch (state) {
	case HART_IDLE:
		return "idle";
	case HART_BUSY:
		return "busy";
	case HART_OFFLINE:
	default:
		return "offline";
	}
}

static void
set_count(lua_State *L, const char *name, uint64_t v)
{
	binding_set_integer(L, name, (lua_Integer)v);
}

static int
hart_list(lua_State *L)
{
	unsigned n = smp_hart_count(), i;
	struct hart_info info;

	lua_createtable(L, (int)n, 0);
	for (i = 0; i < n; i++) {
		if (!smp_hart_get(i, &info))
			continue;
		lua_createtable(L, 0, 8);
		set_count(L, "id", info.index);
		set_count(L, "hartid", info.hartid);
		binding_set_string(L, "state", state_name(info.state));
		binding_set_string(L, "isa", info.isa);
		set_count(L, "ipis", info.ipis);
		set_count(L, "timer_irqs", info.timer_irqs);
		set_count(L, "external_irqs", info.external_irqs);
		set_count(L, "works", info.works);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static const struct binding functions[] = {
	{ "id", hart_id, "hart.id() -> integer",
	    "The hart that runs this script, from 0; 0 is the console's.",
	    "print(hart.id())" },
	{ "count", hart_count, "hart.count() -> integer",
	    "Harts that run, numbered 0 ... count - 1.",
	    "print(hart.count())" },
	{ "list", hart_list, "hart.list() -> array",
	    "One table per hart: id, hartid (the firmware's number), state "
	    "(\"idle\", \"busy\", \"offline\"), isa, and counts since boot of "
	    "ipis, timer_irqs, external_irqs and works (jobs run).",
	    "for _, h in ipairs(hart.list()) do print(h.id, h.hartid, "
	    "h.state) end" },
	{ "run", hart_run,
	    "hart.run(which, fn | file, ...) -> job | nil, "
	    "msg, code",
	    "Runs a function, or a file by name, in a fresh Lua state on "
	    "another hart, and goes on at once. which: a hart, a list of "
	    "harts, \"others\" (all that take jobs: not this one, not hart "
	    "0), or \"all\", which always includes one that cannot and so "
	    "fails. EHART: own hart, hart 0, no answer. A busy hart queues. "
	    "nil, booleans, numbers, strings and tables of them are copied "
	    "(metatables stay behind); caches, channels, counters, barriers "
	    "cross by reference, objects and batches move. Upvalues other "
	    "than _ENV raise.",
	    "j = hart.run('others', function(x) return hart.id() + x end, 1) "
	    "if j then print(j:wait()) end" },
	{ "call", hart_call,
	    "hart.call(h, fn | file, ...) -> ... | nil, msg, code",
	    "Runs on one other hart, waits, and returns the results. "
	    "Interrupted, it cancels.",
	    "if hart.count() > 1 then print(hart.call(1, "
	    "function() return hart.id() end)) end" },
	{ "chan", hart_chan, "hart.chan([capacity]) -> chan",
	    "A channel for so many values (1..65536, default 64).",
	    "ch = hart.chan(8) ch:send('hello') print(ch:recv())" },
	{ "counter", hart_counter, "hart.counter([v]) -> counter",
	    "A 64-bit counter that all harts may share, starting at v or 0.",
	    "n = hart.counter(5) print(n:add(2))" },
	{ "barrier", hart_barrier, "hart.barrier(n) -> barrier",
	    "A meeting point for n (1..4096) jobs.",
	    "bar = hart.barrier(1) print(bar:wait())" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_hart_module = {
	.name = "hart",
	.text = "Harts: what they are, and jobs, channels, counters and "
		"barriers between them.",
	.functions = functions,
};
