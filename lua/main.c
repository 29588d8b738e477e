/* SPDX-License-Identifier: MIT */
/*
 * The console's entry: a script of the initrd, a batch of scripts, and the
 * prompt. Nothing is compiled before the prompt unless there is such a script.
 */
#include <lua/main.h>

#include <string.h>

#include <console/console.h>
#include <kernel/archive.h>
#include <kernel/boot.h>
#include <kernel/fmt.h>
#include <kernel/klog.h>
#include <kernel/machine.h>
#include <kernel/panic.h>
#include <kernel/smp.h>

#include "repl.h"
#include "script.h"
#include "version.h"

#define BATCH        "batch/"
#define BATCH_LENGTH (sizeof(BATCH) - 1)
#define INIT         "init.lua"
#define TEXT_MAX     256u

#define EXIT_RAN   0
#define EXIT_ERROR 1

static void
say(const char *text)
{
	console_write(text, strlen(text));
}

/* Walks the whole archive: false after a line about where it is damaged. */
static bool
initrd_is_sound(const void *initrd, size_t size)
{
	struct archive_entry e;
	struct archive ar;
	char text[TEXT_MAX];

	archive_open(&ar, initrd, size);
	while (archive_next(&ar, &e))
		;
	if (ar.ar_error == NULL)
		return true;
	(void)fmt_format(text, sizeof(text),
	    "initrd: %s at byte %zu of %zu; its scripts are not run\n",
	    ar.ar_error, ar.ar_error_at, size);
	say(text);
	return false;
}

/* The first name under batch/ that comes after `last`; ties: the last wins. */
static bool
batch_next(const void *initrd, size_t size, const char *last,
    struct archive_entry *out)
{
	struct archive_entry e;
	struct archive ar;
	bool found = false;

	archive_open(&ar, initrd, size);
	while (archive_next(&ar, &e)) {
		if (strncmp(e.name, BATCH, BATCH_LENGTH) != 0 ||
		    strcmp(e.name, last) <= 0)
			continue;
		if (!found || strcmp(e.name, out->name) <= 0)
			*out = e;
		found = true;
	}
	return found;
}

/* A script that lies in memory, to be compiled inside lstate_pcall. */
struct source {
	const char *text;
	size_t size;
	const char *name;
};

/* The function, or nil and the message: a syntax error needs no traceback. */
static int
compile_source(lua_State *L)
{
	const struct source *src = lua_touserdata(L, 1);
	char chunk[ARCHIVE_NAME_MAX + 2];

	(void)fmt_format(chunk, sizeof(chunk), "@%s", src->name);
	if (script_compile(L, src->text, src->size, chunk) == LUA_OK)
		return 1;
	lua_pushnil(L);
	lua_insert(L, -2);
	return 2;
}

static bool
run_text(const char *text, size_t size, const char *name)
{
	struct source src = { text, size, name };
	lua_State *L = lstate_lua(repl_state());

	lua_settop(L, 0);
	lua_pushcfunction(L, compile_source);
	lua_pushlightuserdata(L, &src);
	return repl_execute(1, false) == REPL_RAN;
}

/* All scripts of the batch in one state; the first error ends the run. */
static _Noreturn void
run_batch(const void *initrd, size_t size)
{
	struct archive_entry e;
	char last[ARCHIVE_NAME_MAX] = BATCH;
	bool any = false;

	if (initrd == NULL || !initrd_is_sound(initrd, size)) {
		if (initrd == NULL)
			say("batch: there is no initrd\n");
		machine_exit(EXIT_ERROR);
	}
	while (batch_next(initrd, size, last, &e)) {
		any = true;
		memcpy(last, e.name, sizeof(last));
		if (!run_text(
			(const char *)e.data, e.size, e.name + BATCH_LENGTH))
			machine_exit(EXIT_ERROR);
	}
	if (!any) {
		say("batch: the initrd has no file under batch/\n");
		machine_exit(EXIT_ERROR);
	}
	machine_exit(EXIT_RAN);
}

/* run=FILE, or init.lua when the initrd has one. */
static void
run_startup(const void *initrd, size_t size)
{
	const char *name = boot_args()->run;
	struct script sc;
	char text[TEXT_MAX];

	if (initrd != NULL && !initrd_is_sound(initrd, size))
		return;
	if (name[0] == '\0') {
		if (initrd == NULL || !script_find(INIT, &sc))
			return;
		name = INIT;
	} else if (!script_find(name, &sc)) {
		(void)fmt_format(text, sizeof(text),
		    "run=%s: no such file in the initrd\n", name);
		say(text);
		return;
	}
	(void)run_text(sc.text, sc.size, name);
	script_release(&sc);
}

static void
banner(void)
{
	char text[TEXT_MAX];
	size_t n;

	n = fmt_format(text, sizeof(text),
	    "Quarry %s: %u hart%s, %llu MiB, Lua 5.4. help() tells what there "
	    "is.\n",
	    QUARRY_VERSION, smp_hart_count(), smp_hart_count() == 1 ? "" : "s",
	    (unsigned long long)(boot_ram_bytes() >> 20));
	console_write(text, n);
	if (boot_args()->unsafe)
		say("unsafe=1: peek, poke, call and crash are there\n");
}

void
lua_main(void)
{
	size_t size = 0;
	const void *initrd = boot_initrd(&size);

	if (!lstate_setup(boot_args()->lua_mem, boot_ram_bytes()))
		panic("lua: no memory for the console's reserve; give the "
		      "machine more than %llu KiB",
		    (unsigned long long)(boot_ram_bytes() >> 10));
	(void)repl_state();
	if (boot_args()->batch) {
		/* No prompt comes: here is where scripts could be typed. */
		boot_mark_prompt();
		run_batch(initrd, size);
	}
	run_startup(initrd, size);
	banner();
	boot_mark_prompt();
	repl_run();
}
