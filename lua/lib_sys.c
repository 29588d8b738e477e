/* SPDX-License-Identifier: MIT */
/* The machine: what it is, its memory, its time, its log, and its end. */
#include <stdbool.h>
#include <string.h>

#include <console/console.h>
#include <kernel/boot.h>
#include <kernel/bootargs.h>
#include <kernel/fmt.h>
#include <kernel/klog.h>
#include <kernel/machine.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <mm/frame.h>
#include <mm/kmem.h>
#include <mm/port.h>

#include "binding.h"
#include "heap.h"
#include "modules.h"
#include "state.h"
#include "version.h"

#define LOG_BYTES    (64u << 10)
#define NS_PER_MS    1000000ull
#define LIMIT_MS_MAX 86400000 /* a day */

/* Bytes of the image, from the link script. */
extern const char __image_start[], __image_end[];

static void
set_integer(lua_State *L, const char *name, uint64_t v)
{
	binding_set_integer(L, name, (lua_Integer)v);
}

/* Left out when the machine does not tell: 0. */
static void
set_known(lua_State *L, const char *name, uint64_t v)
{
	if (v != 0)
		set_integer(L, name, v);
}

static void
set_console(lua_State *L)
{
	struct console_stats st;

	console_get_stats(&st);
	lua_createtable(L, 0, 8);
	binding_set_string(L, "device", st.device);
	binding_set_boolean(L, "interrupt_driven", st.interrupt_driven);
	set_integer(L, "received", st.received);
	set_integer(L, "lost_device", st.lost_device);
	set_integer(L, "lost_ring", st.lost_ring);
	set_integer(L, "transmitted", st.transmitted);
	set_integer(L, "ring_bytes", st.ring_bytes);
	set_integer(L, "ring_high", st.ring_high);
	lua_setfield(L, -2, "console");
}

static int
sys_info(lua_State *L)
{
	static const char *const protect[] = {
		[PROTECT_UNSET] = "checked",
		[PROTECT_FAST] = "fast",
		[PROTECT_CHECKED] = "checked",
		[PROTECT_DEBUG] = "checked", /* not in this version */
	};
	const struct platform *p = boot_platform();
	const struct bootargs *args = boot_args();
	const char *commit = QUARRY_COMMIT;

	lua_createtable(L, 0, 24);
	binding_set_string(L, "version", QUARRY_VERSION);
	if (*commit != '\0')
		binding_set_string(L, "commit", commit);
	binding_set_string(L, "lua", LUA_RELEASE);
	binding_set_string(L, "model", p->model);
	set_integer(L, "harts", smp_hart_count());
	set_integer(L, "ram_bytes", boot_ram_bytes());
	set_integer(L, "frame_size", FRAME_SIZE);
	set_integer(L, "timebase_hz", time_timebase_hz());
	binding_set_boolean(L, "exact", time_instret_is_exact());
	set_known(L, "boot_instructions", boot_instructions());
	set_integer(L, "prompt_ns", boot_prompt_ns());
	set_integer(L, "image_bytes",
	    (uint64_t)((uintptr_t)__image_end - (uintptr_t)__image_start));
	binding_set_string(L, "protect", protect[args->protect]);
	binding_set_boolean(L, "unsafe", args->unsafe);
	set_integer(L, "slots", port_slot_count());
	set_integer(L, "rounds_max", KMEM_ROUNDS_MAX);
	set_known(L, "l1d_bytes", p->l1d_size);
	set_known(L, "l1d_line", p->l1d_line);
	set_known(L, "l1d_sets", p->l1d_sets);
	binding_set_string(
	    L, "bootargs", p->bootargs != NULL ? p->bootargs : "");
	set_console(L);
	return 1;
}

/*
 * One call gives both counts, before anything is allocated for the answer
 * (contract: exactness).
 */
static int
sys_mem(lua_State *L)
{
	struct frame_stats st;
	uint64_t reserve_total;
	size_t reserve, total;

	frame_get_stats(&st);
	reserve = heap_reserve_free(&total);
	reserve_total = total;
	lua_createtable(L, 0, 16);
	set_integer(L, "free_frames", st.free);
	set_integer(L, "total_frames", st.total);
	set_integer(L, "lua_frames", st.used_by[FRAME_TAG_LUA]);
	set_integer(L, "slab_frames", st.used_by[FRAME_TAG_SLAB]);
	set_integer(L, "meta_frames", st.used_by[FRAME_TAG_META]);
	set_integer(L, "kmalloc_frames", st.used_by[FRAME_TAG_KMALLOC]);
	set_integer(L, "frame_size", FRAME_SIZE);
	set_integer(L, "lua_bytes", lstate_bytes(lstate_of(L)));
	set_integer(L, "lua_charged", heap_charged());
	set_integer(L, "lua_cap", lstate_memory_cap());
	set_integer(L, "reserve_free", reserve);
	set_integer(L, "reserve_bytes", reserve_total);
	set_integer(L, "frame_allocs", st.allocs);
	set_integer(L, "frame_frees", st.frees);
	set_integer(L, "frame_fails", st.fails);
	set_integer(L, "reclaims", st.reclaims);
	return 1;
}

static int
sys_uptime(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)time_uptime_ns());
	return 1;
}

static int
sys_log(lua_State *L)
{
	luaL_Buffer b;
	char *text = luaL_buffinitsize(L, &b, LOG_BYTES);

	luaL_pushresultsize(&b, klog_read(text, LOG_BYTES));
	return 1;
}

static int
sys_limit(lua_State *L)
{
	static const char *const names[] = { "mem", "time_ms", NULL };
	struct lstate *s = lstate_of(L);
	int opt = binding_options(L, 1, names);
	lua_Integer v;

	lua_createtable(L, 0, 2);
	set_integer(L, "mem", lstate_memory_cap());
	set_integer(L, "time_ms", lstate_time_limit(s) / NS_PER_MS);
	if (binding_opt_integer(
		L, opt, "mem", FRAME_SIZE, (lua_Integer)boot_ram_bytes(), &v))
		lstate_set_memory_cap((uint64_t)v);
	if (binding_opt_integer(L, opt, "time_ms", 0, LIMIT_MS_MAX, &v))
		lstate_set_time_limit(s, (uint64_t)v * NS_PER_MS);
	return 1;
}

static int
sys_reboot(lua_State *L)
{
	(void)L;
	machine_reboot();
}

static int
sys_poweroff(lua_State *L)
{
	lua_Integer code = lua_isnoneornil(L, 1)
	    ? 0
	    : binding_integer(L, 1, 0, 255, "exit code");

	machine_exit((int)code);
}

static const struct binding functions[] = {
	{ "info", sys_info, "sys.info() -> table",
	    "Facts of machine and image: version, model, harts, ram_bytes, "
	    "exact (instructions are counted exactly), boot_instructions "
	    "(entry to prompt; only when exact), prompt_ns, image_bytes, "
	    "protect (default of slab.create), slots, console.",
	    "print(sys.info().harts)" },
	{ "mem", sys_mem, "sys.mem() -> table",
	    "Frames (4,096 B) free and used: free_frames, total_frames, "
	    "lua_frames (all that serve only Lua), slab_frames, meta_frames, "
	    "kmalloc_frames; all taken at one instant, before the table is "
	    "made. lua_bytes is this state's, lua_cap the cap of all states.",
	    "print(sys.mem().free_frames)" },
	{ "uptime", sys_uptime, "sys.uptime() -> ns",
	    "Nanoseconds since kernel entry.", "print(sys.uptime())" },
	{ "log", sys_log, "sys.log() -> string",
	    "The kernel's log, oldest line first, as far as its ring reaches.",
	    "print(#sys.log() > 0)" },
	{ "limit", sys_limit, "sys.limit{ mem=, time_ms= } -> old",
	    "Limit the bytes of all Lua memory together (mem), and the "
	    "running time of each chunk of this state, the present one "
	    "counted from now (time_ms, 0: none). Returns what held before.",
	    "print(sys.limit().mem)" },
	{ "dt", lib_sys_dt, "sys.dt([path]) -> table | nil, msg, code",
	    "A node of the device tree, '/' by default: its properties as raw "
	    "strings, under cells those whose length is a multiple of 4 as "
	    "arrays of 32-bit integers, under nodes its children likewise, "
	    "by name.",
	    "print(sys.dt('/cpus').cells['timebase-frequency'][1])" },
	{ "reboot", sys_reboot, "sys.reboot()", "Start the machine again.",
	    NULL },
	{ "poweroff", sys_poweroff, "sys.poweroff([code])",
	    "End the run: print QUARRY-EXIT code=N and switch off. The code "
	    "is 0..255, 0 by default.",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_sys_module = {
	.name = "sys",
	.text = "The machine: facts, memory, time, log, device tree, the end.",
	.functions = functions,
};
