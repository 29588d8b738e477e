/* SPDX-License-Identifier: MIT */
/*
 * The module `lab` where there is none: its functions say which command has it.
 * The image of that command links lua/bench_lab.c, which takes precedence. The
 * plain image has a limit and no room in the last page of its constants: one
 * sentence serves for everything, and lies with the records in .data, which is
 * why they are not const.
 */
#include "modules.h"

static char elsewhere[] = "the lab is in another image: make lab";

static int
absent(lua_State *L)
{
	return luaL_error(L, "%s", elsewhere);
}

/* clang-format off */
#define ABSENT(name) { name, absent, elsewhere, elsewhere, NULL }
/* clang-format on */

static struct binding functions[] = {
	ABSENT("list"),
	ABSENT("variants"),
	ABSENT("run"),
	ABSENT("compare"),
	ABSENT("trace"),
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_lab_module __attribute__((weak)) = {
	"lab",
	elsewhere,
	functions,
};
