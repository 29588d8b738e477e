/* SPDX-License-Identifier: MIT */
/*
 * Files: those of the initrd, which never change, and RAM files over them.
 *
 * A RAM file is one block that never changes either; fs.put of the same name
 * replaces it. Jobs on other harts may be reading the old one, so a reader
 * holds it, and the last holder frees it. The list is guarded by a leaf lock
 * under which nothing is allocated, freed or copied.
 */
#include <stdbool.h>
#include <string.h>

#include <kernel/archive.h>
#include <kernel/boot.h>
#include <kernel/lock.h>
#include <mm/kmem.h>

#include "binding.h"
#include "modules.h"
#include "script.h"
#include "state.h"

#define FILE_MAX (16u << 20) /* bytes of one RAM file */

struct ram_file {
	struct ram_file *rf_next; /* lock */
	unsigned rf_holds;        /* lock; the list is one holder */
	size_t rf_size;
	char rf_name[ARCHIVE_NAME_MAX];
	char rf_text[];
};

static struct klock lock;
static struct ram_file *files; /* lock; sorted by name */

/* The link that holds the file of that name, or where it would be. */
static struct ram_file **
link_of_locked(const char *name)
{
	struct ram_file **link = &files;

	while (*link != NULL && strcmp((*link)->rf_name, name) < 0)
		link = &(*link)->rf_next;
	return link;
}

struct ram_file *
ram_file_find(const char *name)
{
	unsigned long irq = klock_acquire(&lock);
	struct ram_file *f = *link_of_locked(name);

	if (f != NULL && strcmp(f->rf_name, name) != 0)
		f = NULL;
	if (f != NULL)
		f->rf_holds++;
	klock_release(&lock, irq);
	return f;
}

const char *
ram_file_text(const struct ram_file *f, size_t *size)
{
	*size = f->rf_size;
	return f->rf_text;
}

void
ram_file_release(struct ram_file *f)
{
	unsigned long irq = klock_acquire(&lock);
	bool last = --f->rf_holds == 0;

	klock_release(&lock, irq);
	if (last)
		kfree(f);
}

/* Take a file of that name off the list; NULL: there is none. */
static struct ram_file *
unlink_file(const char *name)
{
	unsigned long irq = klock_acquire(&lock);
	struct ram_file **link = link_of_locked(name), *f = *link;

	if (f != NULL && strcmp(f->rf_name, name) == 0)
		*link = f->rf_next;
	else
		f = NULL;
	klock_release(&lock, irq);
	return f;
}

static void
link_file(struct ram_file *f)
{
	unsigned long irq = klock_acquire(&lock);
	struct ram_file **link = link_of_locked(f->rf_name);

	f->rf_next = *link;
	*link = f;
	klock_release(&lock, irq);
}

/* The file that follows `name` in the list, held; NULL: none. */
static struct ram_file *
file_after(const char *name)
{
	unsigned long irq = klock_acquire(&lock);
	struct ram_file *f = *link_of_locked(name);

	if (f != NULL && strcmp(f->rf_name, name) == 0)
		f = f->rf_next;
	if (f != NULL)
		f->rf_holds++;
	klock_release(&lock, irq);
	return f;
}

static void
push_row(lua_State *L, const char *name, size_t size, const char *where)
{
	lua_createtable(L, 0, 3);
	binding_set_string(L, "name", name);
	binding_set_integer(L, "size", (lua_Integer)size);
	binding_set_string(L, "where", where);
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static bool
under(const char *name, const char *path)
{
	size_t n = strlen(path);

	return n == 0 ||
	    (strncmp(name, path, n) == 0 &&
		(path[n - 1] == '/' || name[n] == '/' || name[n] == '\0'));
}

static int
fs_ls(lua_State *L)
{
	const char *path = luaL_optstring(L, 1, "");
	struct archive_entry e;
	struct archive ar;
	struct ram_file *f;
	const void *initrd;
	char last[ARCHIVE_NAME_MAX] = "";
	size_t size;

	lua_newtable(L);
	for (f = file_after(last); f != NULL; f = file_after(last)) {
		memcpy(last, f->rf_name, sizeof(last));
		size = f->rf_size;
		ram_file_release(f);
		if (under(last, path))
			push_row(L, last, size, "ram");
	}
	initrd = boot_initrd(&size);
	if (initrd == NULL)
		return 1;
	archive_open(&ar, initrd, size);
	while (archive_next(&ar, &e)) {
		lstate_poll(L);
		if (under(e.name, path))
			push_row(L, e.name, e.size, "initrd");
	}
	return 1;
}

static int
fs_read(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	struct archive_entry e;
	const void *initrd;
	struct ram_file *f;
	size_t size;
	char *copy;

	f = ram_file_find(name);
	if (f != NULL) {
		luaL_Buffer b;

		size = f->rf_size;
		ram_file_release(f);
		copy = luaL_buffinitsize(L, &b, size);
		/*
		 * Not held while memory is sought, because that may raise. So
		 * find it again: it may have been replaced or removed.
		 */
		f = ram_file_find(name);
		if (f != NULL) {
			if (f->rf_size < size)
				size = f->rf_size;
			memcpy(copy, f->rf_text, size);
			ram_file_release(f);
			luaL_pushresultsize(&b, size);
			return 1;
		}
	}
	initrd = boot_initrd(&size);
	if (initrd == NULL || !archive_find(initrd, size, name, &e))
		return binding_fail(L, "ENOENT", "no file '%s'", name);
	lua_pushlstring(L, (const char *)e.data, e.size);
	return 1;
}

static int
fs_put(lua_State *L)
{
	size_t length, size;
	const char *name = luaL_checklstring(L, 1, &length);
	const char *text = luaL_checklstring(L, 2, &size);
	struct ram_file *f, *old;

	if (length == 0 || length >= ARCHIVE_NAME_MAX || strlen(name) != length)
		return luaL_argerror(L, 1, "a name has 1..255 bytes, no NUL");
	if (size > FILE_MAX)
		return luaL_argerror(L, 2, "a RAM file has at most 16 MiB");
	f = kmalloc(sizeof(*f) + size, 0);
	if (f == NULL)
		return binding_fail(
		    L, "ENOMEM", "no memory for '%s' (%zu B)", name, size);
	f->rf_holds = 1;
	f->rf_size = size;
	memcpy(f->rf_name, name, length + 1);
	memcpy(f->rf_text, text, size);
	old = unlink_file(name);
	link_file(f);
	if (old != NULL)
		ram_file_release(old);
	lua_pushboolean(L, 1);
	return 1;
}

static int
fs_rm(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	struct ram_file *f = unlink_file(name);

	if (f == NULL)
		return binding_fail(L, "ENOENT", "no RAM file '%s'", name);
	ram_file_release(f);
	lua_pushboolean(L, 1);
	return 1;
}

static const struct binding functions[] = {
	{ "ls", fs_ls, "fs.ls([path]) -> array of {name=, size=, where=}",
	    "The files, or those under a folder; size in bytes, where is "
	    "'ram' or 'initrd'. A RAM file hides one of the initrd.",
	    "for _, f in ipairs(fs.ls()) do print(f.size, f.name) end" },
	{ "read", fs_read, "fs.read(file) -> string | nil, msg, code",
	    "The contents of a file of RAM or initrd.",
	    "fs.put('a', 'text')  print(fs.read('a'))  fs.rm('a')" },
	{ "put", fs_put, "fs.put(file, string) -> true | nil, msg, code",
	    "Make or replace a RAM file, at most 16 MiB. It lives in kmalloc "
	    "memory until fs.rm or the end of the run.",
	    "fs.put('hi.lua', 'print(...)')  run('hi', 42)  fs.rm('hi.lua')" },
	{ "rm", fs_rm, "fs.rm(file) -> true | nil, msg, code",
	    "Remove a RAM file. Files of the initrd stay.",
	    "fs.put('a', '')  print(fs.rm('a'))" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct binding_module lib_fs_module = {
	.name = "fs",
	.text = "Files of the initrd, and RAM files over them.",
	.functions = functions,
};
