/* SPDX-License-Identifier: MIT */
/* Scripts by name, from wherever they lie, compiled as text. */
#include "script.h"

#include <string.h>

#include <kernel/archive.h>
#include <kernel/boot.h>
#include <kernel/fmt.h>
#include <mm/kmem.h>

#include "embed.h"
#include "lauxlib.h"

#define SUFFIX ".lua"
#define BOM    "\xef\xbb\xbf"

static bool
find_exact(const char *name, struct script *out)
{
	struct archive_entry e;
	const void *initrd;
	size_t size;

	out->ram = ram_file_find(name);
	if (out->ram != NULL) {
		out->text = ram_file_text(out->ram, &out->size);
		return true;
	}
	initrd = boot_initrd(&size);
	if (initrd != NULL && archive_find(initrd, size, name, &e)) {
		out->text = (const char *)e.data;
		out->size = e.size;
		return true;
	}
	return false;
}

/* Codes stand for codes made before them: this ends. */
static char *
unpack(unsigned char code, char *out)
{
	const unsigned char *pair = embedded_pairs[code];

	if (pair[0] == 0) {
		*out = (char)code;
		return out + 1;
	}
	return unpack(pair[1], unpack(pair[0], out));
}

static bool
unpack_script(const struct embedded_script *s, struct script *out)
{
	char *at = kmalloc(s->size, 0);
	size_t i;

	out->text = out->unpacked = at;
	out->size = s->size;
	if (at == NULL)
		return false;
	for (i = 0; i < s->packed_size; i++)
		at = unpack((unsigned char)s->packed[i], at);
	return true;
}

static bool
find_embedded(const char *name, struct script *out)
{
	size_t n = strlen(name), tail = sizeof(SUFFIX) - 1, i;

	if (n > tail && strcmp(name + n - tail, SUFFIX) == 0)
		n -= tail;
	for (i = 0; i < embedded_scripts_count; i++) {
		const struct embedded_script *s = &embedded_scripts[i];

		if (strlen(s->name) == n && memcmp(s->name, name, n) == 0)
			return unpack_script(s, out);
	}
	return false;
}

bool
script_find(const char *name, struct script *out)
{
	char with_suffix[ARCHIVE_NAME_MAX];

	out->unpacked = NULL;
	if (find_exact(name, out))
		return true;
	if (fmt_format(with_suffix, sizeof(with_suffix), "%s" SUFFIX, name) <
		sizeof(with_suffix) &&
	    find_exact(with_suffix, out))
		return true;
	return find_embedded(name, out);
}

void
script_release(struct script *sc)
{
	if (sc->ram != NULL)
		ram_file_release(sc->ram);
	kfree(sc->unpacked);
	sc->ram = NULL;
	sc->unpacked = NULL;
}

int
script_compile(lua_State *L, const char *text, size_t size, const char *chunk)
{
	const char *end;

	if (size >= sizeof(BOM) - 1 &&
	    memcmp(text, BOM, sizeof(BOM) - 1) == 0) {
		text += sizeof(BOM) - 1;
		size -= sizeof(BOM) - 1;
	}
	/* The newline stays, so that lines keep their numbers. */
	if (size > 0 && text[0] == '#') {
		end = memchr(text, '\n', size);
		size = end == NULL ? 0 : size - (size_t)(end - text);
		text = end == NULL ? text : end;
	}
	return luaL_loadbufferx(L, text, size, chunk, "t");
}

int
script_load(lua_State *L, const char *name)
{
	char chunk[ARCHIVE_NAME_MAX + 2];
	struct script sc;
	int status;

	if (!script_find(name, &sc)) {
		lua_pushfstring(L,
		    "no file '%s': not in the initrd, not in "
		    "RAM (fs.ls()), not embedded (help())",
		    name);
		return LUA_ERRFILE;
	}
	(void)fmt_format(chunk, sizeof(chunk), "@%s", name);
	status = script_compile(L, sc.text, sc.size, chunk);
	script_release(&sc);
	return status;
}
