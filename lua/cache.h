/* SPDX-License-Identifier: MIT */
/*
 * Caches as Lua sees them: one record per cache for all states, and the class
 * slab.cache. Theory: lua/cache.c.
 */
#ifndef LUA_CACHE_H
#define LUA_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mm/kmem.h>

#include "binding.h"

#define CACHE_CLASS "slab.cache"
#define OBJ_CLASS   "slab.obj"
#define BATCH_CLASS "slab.batch"

struct lcache_ctor; /* lua/create.c */

struct lcache {
	/* Constant. */
	char lc_name[KMEM_NAME_MAX];
	size_t lc_size;
	bool lc_ours; /* made by slab.create, destroyed only by c:destroy */
	struct lcache_ctor *lc_ctor; /* freed with the record; or NULL */
	struct kmem_cache *lc_cache; /* of ours, from lcache_commit on */
	/* Any hart. */
	_Atomic uint32_t lc_refs; /* handles, objects, the cache itself */
	_Atomic uint32_t lc_uses; /* uses under way, and flags */
	_Atomic uint64_t lc_gc_freed;
	_Atomic bool lc_checked; /* the level verifies each free */
	/* Guarded by the list's lock. */
	uint64_t lc_generation; /* 0 while the cache is being made */
	struct lcache *lc_next;
};

/* Of a userdata that is known to be of the class. */
struct lcache *lcache_of_userdata(void *ud);
/* Raises unless argument `arg` is a cache handle. */
struct lcache *lcache_arg(lua_State *L, int arg);
/*
 * Begin a use of the cache: it is not destroyed until lcache_leave. NULL when
 * it has been. Nothing between enter and leave may raise. Context: thread.
 */
struct kmem_cache *lcache_enter(struct lcache *lc);
void lcache_leave(struct lcache *lc, struct kmem_cache *cp);
/* lcache_arg and lcache_enter; raises for a destroyed cache. */
struct kmem_cache *lcache_use(lua_State *L, int arg, struct lcache **lc);
_Noreturn void lcache_raise_gone(lua_State *L, const struct lcache *lc);

void lcache_hold(struct lcache *lc);
void lcache_drop(struct lcache *lc);

/* Push a handle; the caller stores a referenced record in the slot returned. */
struct lcache **lcache_push_empty(lua_State *L);
/*
 * Record, with a reference for the caller, of a cache that exists. NULL: no
 * memory, or slab.create is just making it.
 */
struct lcache *lcache_of(const struct kmem_info *info);
/*
 * slab.create: enter a record before the cache is made, so that nobody takes
 * the cache for a foreign one (NULL: no memory), and complete it afterwards.
 * The caller's one reference; dropping it before the commit undoes all.
 */
struct lcache *lcache_begin(
    const char *name, size_t size, struct lcache_ctor *ctor);
void lcache_commit(struct lcache *lc, struct kmem_cache *cp, bool checked);
/* Destroy: 0, or -KMEM_EBUSY (used or walked by another hart, or live). */
int lcache_destroy(struct lcache *lc);

/*
 * An object collected without having been freed: of a record, or, when lc is
 * NULL, of kmalloc at this address.
 */
void lcache_count_gc(struct lcache *lc, uintptr_t addr, uint64_t n);
uint64_t lcache_gc_freed(const char *name, uint64_t generation);

/*
 * True when Lua would be left without room to go on if caches took more
 * frames now.
 */
bool lcache_no_room(lua_State *L, size_t frames);
/*
 * The same for objects that take no frames, only a Lua value each: true when
 * Lua's largest block could not be moved to a run of twice its length.
 */
bool lcache_lua_is_stuck(lua_State *L, size_t frames);
/* Pushes nil, message, "ENOMEM" for a failed allocation; returns 3. */
int lcache_fail_memory(lua_State *L, const char *what);

void lcache_ctor_free(struct lcache_ctor *ctor); /* lua/create.c */
/* Option colour=: false when absent; *colours 0: as many as fit. */
bool lcache_colour_option(lua_State *L, int table, unsigned *colours);
const char *lcache_protect_name(enum kmem_protect level);
/* "fast" or "checked"; raises for others, and for "debug". */
enum kmem_protect lcache_protect_arg(lua_State *L, const char *name);

int slab_create(lua_State *L);   /* lua/create.c */
int cache_alloc(lua_State *L);   /* lua/obj.c */
int cache_alloc_n(lua_State *L); /* lua/batch.c */
int slab_kmalloc(lua_State *L);  /* lua/obj.c */

/* lua/stat.c */
int slab_stat(lua_State *L);
int slab_mark(lua_State *L);
int slab_diff(lua_State *L);
int slab_schema(lua_State *L);
int cache_stats(lua_State *L);

/* lua/view.c */
int cache_slabs(lua_State *L);
int cache_objects(lua_State *L);
int cache_map(lua_State *L);

/* A name against a glob list: * ? [a-z] and | between. */
bool name_glob(const char *list, const char *name);

_Noreturn void not_in_this_version(lua_State *L, const char *what);

#endif
