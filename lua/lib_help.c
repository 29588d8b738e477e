/* SPDX-License-Identifier: MIT */
/*
 * help, apropos, examples: readers of the records in lua/modules.c. Nothing
 * here keeps a text of its own about a function.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <console/console.h>
#include <kernel/fmt.h>

#include "binding.h"
#include "embed.h"
#include "examples.h"
#include "lualib.h"
#include "modules.h"
#include "state.h"

#define INDENT      4u
#define COLUMNS_MIN 40u
#define COLUMNS_MAX 100u
#define PART_MAX    64u

static void
put(lua_State *L, const char *text)
{
	lstate_write(L, text, strlen(text));
}

/* Words of `text`, wrapped to the terminal; lines after the first `hang` in. */
static void
put_wrapped(lua_State *L, const char *text, unsigned indent, unsigned hang)
{
	char line[COLUMNS_MAX + 2];
	unsigned columns, rows, at = 0;

	console_size(&columns, &rows);
	if (columns < COLUMNS_MIN)
		columns = COLUMNS_MIN;
	if (columns > COLUMNS_MAX)
		columns = COLUMNS_MAX;
	while (*text != '\0') {
		size_t word = strcspn(text, " \n");
		bool hard = text[word] == '\n';

		if (word > columns - indent)
			word = columns - indent;
		if (at > indent && at + 1 + word > columns) {
			line[at] = '\n';
			lstate_write(L, line, at + 1);
			at = 0;
			indent += hang;
			hang = 0;
		}
		if (at == 0) {
			memset(line, ' ', indent);
			at = indent;
		} else if (at > indent) {
			line[at++] = ' ';
		}
		memcpy(line + at, text, word);
		at += (unsigned)word;
		text += word;
		while (*text == ' ')
			text++;
		if (hard && *text == '\n') {
			text++;
			line[at] = '\n';
			lstate_write(L, line, at + 1);
			at = 0;
		}
	}
	if (at > 0) {
		line[at] = '\n';
		lstate_write(L, line, at + 1);
	}
}

/* Lines of a program, indented. */
static void
put_code(lua_State *L, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		put(L, "    ");
		lstate_write(L, text, n);
		put(L, "\n");
		text += n + (text[n] == '\n' ? 1 : 0);
	}
}

static void
help_function(lua_State *L, const struct binding *b)
{
	put_wrapped(L, b->usage != NULL ? b->usage : b->name, 0, INDENT);
	put_wrapped(L, b->text, INDENT, 0);
	if (b->example != NULL) {
		put(L, "  example:\n");
		put_code(L, b->example);
	}
}

static bool
is_meta(const struct binding *b)
{
	return strncmp(b->name, "__", 2) == 0;
}

static void
help_list(lua_State *L, const struct binding *b)
{
	for (; b->name != NULL; b++) {
		if (is_meta(b))
			continue;
		put_wrapped(L, b->usage, 2, INDENT);
	}
}

static void
put_titled(lua_State *L, const char *name, const char *text)
{
	put_wrapped(L, lua_pushfstring(L, "%s: %s", name, text), 0, INDENT);
	lua_pop(L, 1);
}

static void
help_module(lua_State *L, const struct binding_module *m)
{
	put_titled(L, m->name[0] != '\0' ? m->name : "functions", m->text);
	help_list(L, m->functions);
}

static void
help_class(lua_State *L, const struct binding_class *c)
{
	put_titled(L, c->name, c->text);
	help_list(L, c->methods);
}

/* ---- finding by name ---- */

/* "slab.create" is "create" in "slab"; so is "slab:create". */
static bool
qualified(const char *asked, const char *owner, const char *name)
{
	size_t n = strlen(owner);

	return strncmp(asked, owner, n) == 0 &&
	    (asked[n] == '.' || asked[n] == ':') &&
	    strcmp(asked + n + 1, name) == 0;
}

/* The last word of a class's name: "cache" of "slab.cache". */
static const char *
short_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

static unsigned
help_by_name(lua_State *L, const char *asked)
{
	const struct binding *b;
	unsigned found = 0;
	size_t i;

	for (i = 0; binding_modules[i] != NULL; i++) {
		const struct binding_module *m = binding_modules[i];

		if (strcmp(m->name, asked) == 0 && ++found != 0)
			help_module(L, m);
		for (b = m->functions; b->name != NULL; b++) {
			if ((strcmp(b->name, asked) == 0 ||
				qualified(asked, m->name, b->name)) &&
			    ++found != 0)
				help_function(L, b);
		}
	}
	for (i = 0; binding_classes[i] != NULL; i++) {
		const struct binding_class *c = binding_classes[i];
		const char *brief = short_name(c->name);

		if ((strcmp(c->name, asked) == 0 ||
			strcmp(brief, asked) == 0) &&
		    ++found != 0)
			help_class(L, c);
		for (b = c->methods; b->name != NULL; b++) {
			if ((strcmp(b->name, asked) == 0 ||
				qualified(asked, c->name, b->name) ||
				qualified(asked, brief, b->name)) &&
			    ++found != 0)
				help_function(L, b);
		}
	}
	return found;
}

/* By the C function itself; several records may share one. */
static unsigned
help_by_function(lua_State *L, lua_CFunction fn)
{
	const struct binding *b;
	unsigned found = 0;
	size_t i;

	for (i = 0; binding_modules[i] != NULL; i++) {
		for (b = binding_modules[i]->functions; b->name != NULL; b++) {
			if (b->fn == fn && ++found != 0)
				help_function(L, b);
		}
	}
	for (i = 0; binding_classes[i] != NULL; i++) {
		for (b = binding_classes[i]->methods; b->name != NULL; b++) {
			if (b->fn == fn && !is_meta(b) && ++found != 0)
				help_function(L, b);
		}
	}
	return found;
}

/* ---- Lua's own ---- */

static const struct {
	const char *table, *section;
} standard[] = {
	{ LUA_GNAME, "6.1" },
	{ LUA_COLIBNAME, "6.2" },
	{ LUA_STRLIBNAME, "6.4" },
	{ LUA_UTF8LIBNAME, "6.5" },
	{ LUA_TABLIBNAME, "6.6" },
	{ LUA_MATHLIBNAME, "6.7" },
};

static void
put_standard(lua_State *L, size_t i, const char *name)
{
	if (strcmp(standard[i].table, LUA_GNAME) != 0) {
		put(L, standard[i].table);
		put(L, ".");
	}
	put(L, name);
	put(L, ": of standard Lua 5.4; reference manual, section ");
	put(L, standard[i].section);
	put(L, "\n");
}

/* The value at `at` is a function or table of Lua's own libraries. */
static bool
help_standard(lua_State *L, int at)
{
	size_t i;

	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	for (i = 0; i < sizeof(standard) / sizeof(standard[0]); i++) {
		if (lua_getfield(L, -1, standard[i].table) != LUA_TTABLE) {
			lua_pop(L, 1);
			continue;
		}
		if (lua_rawequal(L, -1, at) != 0) {
			put_standard(L, i, "*");
			return true;
		}
		lua_pushnil(L);
		while (lua_next(L, -2) != 0) {
			if (lua_type(L, -2) == LUA_TSTRING &&
			    lua_rawequal(L, -1, at) != 0) {
				put_standard(L, i, lua_tostring(L, -2));
				return true;
			}
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return false;
}

/* The value that a dotted name means: "string.format". */
static bool
push_named(lua_State *L, const char *name)
{
	char part[PART_MAX];

	lua_pushglobaltable(L);
	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		if (n == 0 || n >= sizeof(part) || !lua_istable(L, -1)) {
			lua_pop(L, 1);
			return false;
		}
		memcpy(part, name, n);
		part[n] = '\0';
		lua_pushstring(L, part);
		lua_rawget(L, -2);
		lua_remove(L, -2);
		name += n + (name[n] == '.' ? 1 : 0);
	}
	return true;
}

/* ---- help ---- */

static void
overview(lua_State *L)
{
	size_t i;
	char text[128];

	put(L,
	    "Modules (help('slab') lists one, help(slab.create) explains a "
	    "function):\n");
	for (i = 0; binding_modules[i] != NULL; i++) {
		const struct binding_module *m = binding_modules[i];

		if (m->name[0] == '\0')
			continue;
		(void)fmt_format(text, sizeof(text), "  %-6s ", m->name);
		put(L, text);
		put(L, m->text);
		put(L, "\n");
	}
	put(L, "Objects (help('cache') lists the methods of one):\n ");
	for (i = 0; binding_classes[i] != NULL; i++) {
		put(L, " ");
		put(L, binding_classes[i]->name);
	}
	put(L, "\nFunctions:\n");
	for (i = 0; binding_modules[i] != NULL; i++) {
		if (binding_modules[i]->name[0] == '\0')
			help_list(L, binding_modules[i]->functions);
	}
	put(L, "Scripts, run('name', { s =, seed =, harts = }):\n ");
	for (i = 0; i < embedded_scripts_count; i++) {
		/* lib/… is for require. */
		if (strchr(embedded_scripts[i].name, '/') != NULL)
			continue;
		put(L, " ");
		put(L, embedded_scripts[i].name);
	}
	put(L,
	    "\nexamples() lists sessions to try; apropos('word') searches.\n"
	    "Ctrl-C stops what runs, Ctrl-D starts a new Lua state.\n");
}

static unsigned
help_value(lua_State *L)
{
	unsigned found = 0;

	switch (lua_type(L, 1)) {
	case LUA_TSTRING:
		found = help_by_name(L, lua_tostring(L, 1));
		if (found == 0 && push_named(L, lua_tostring(L, 1)) &&
		    help_standard(L, lua_gettop(L)))
			found = 1;
		break;
	case LUA_TFUNCTION:
		if (lua_iscfunction(L, 1) != 0)
			found = help_by_function(L, lua_tocfunction(L, 1));
		if (found == 0 && help_standard(L, 1))
			found = 1;
		break;
	case LUA_TUSERDATA:
		if (luaL_getmetafield(L, 1, "__name") == LUA_TSTRING)
			found = help_by_name(L, lua_tostring(L, -1));
		break;
	case LUA_TTABLE:
		luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
		lua_pushnil(L);
		while (found == 0 && lua_next(L, 2) != 0) {
			if (lua_rawequal(L, -1, 1) != 0 &&
			    lua_type(L, -2) == LUA_TSTRING)
				found = help_by_name(L, lua_tostring(L, -2));
			lua_pop(L, 1);
		}
		if (found == 0 && help_standard(L, 1))
			found = 1;
		break;
	default:
		break;
	}
	return found;
}

static int
help_help(lua_State *L)
{
	lua_settop(L, lua_gettop(L) > 0 ? 1 : 0);
	if (lua_isnoneornil(L, 1)) {
		overview(L);
		return 0;
	}
	if (help_value(L) == 0)
		put(L,
		    "no help for that; help() lists what there is, "
		    "apropos('word') searches\n");
	return 0;
}

/* ---- apropos ---- */

/* Case does not matter. */
static bool
mentions(const char *text, const char *word)
{
	size_t n = strlen(word), i;

	for (; text != NULL && *text != '\0'; text++) {
		for (i = 0; i < n; i++) {
			if (tolower((unsigned char)text[i]) !=
			    tolower((unsigned char)word[i]))
				break;
		}
		if (i == n)
			return true;
	}
	return false;
}

static unsigned
apropos_list(lua_State *L, const struct binding *b, const char *word)
{
	unsigned found = 0;

	for (; b->name != NULL; b++) {
		if (!is_meta(b) &&
		    (mentions(b->usage, word) || mentions(b->text, word))) {
			put_wrapped(L, b->usage, 2, INDENT);
			found++;
		}
	}
	return found;
}

static int
help_apropos(lua_State *L)
{
	const char *word = luaL_checkstring(L, 1);
	unsigned found = 0;
	size_t i;

	for (i = 0; binding_modules[i] != NULL; i++)
		found += apropos_list(L, binding_modules[i]->functions, word);
	for (i = 0; binding_classes[i] != NULL; i++)
		found += apropos_list(L, binding_classes[i]->methods, word);
	if (found == 0)
		put(L, "nothing mentions that; help() lists what there is\n");
	return 0;
}

static int
help_examples(lua_State *L)
{
	char text[16];
	lua_Integer count = 0, n;

	while (examples[count].title != NULL)
		count++;
	if (!lua_isnoneornil(L, 1)) {
		n = binding_integer(L, 1, 1, count, "number of an example");
		lua_pushstring(L, examples[n - 1].text);
		return 1;
	}
	for (n = 0; n < count; n++) {
		(void)fmt_format(
		    text, sizeof(text), "%3lld  ", (long long)n + 1);
		put(L, text);
		put(L, examples[n].title);
		put(L, "\n");
	}
	put(L,
	    "examples(n) is the text of one; load(examples(n))() runs "
	    "it.\n");
	return 0;
}

static const struct binding functions[] = {
	{ "help", help_help, "help([x])",
	    "Explain a module, a function, an object or the thing a string "
	    "names ('slab', 'slab.create', 'cache:alloc', 'alloc'). Without "
	    "an argument: what there is.",
	    "help('slab.create')" },
	{ "apropos", help_apropos, "apropos(word)",
	    "List every function whose usage or text mentions the word.",
	    "apropos('magazine')" },
	{ "examples", help_examples, "examples([n]) -> string",
	    "List the example sessions, or return the text of the n-th.",
	    "print(examples(1))" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_help_module = {
	.name = "",
	.text = "Help.",
	.functions = functions,
};
