/* SPDX-License-Identifier: MIT */
/*
 * Records of caches, shared by all Lua states.
 *
 * Theory of operation
 *
 * 1. mm hands out bare pointers, Lua states come and go on all harts, and a
 *    script may destroy a cache while another hart still holds a handle on
 *    it. So handles do not point at the cache but at a record of ours, counted
 *    by references. The record outlives the cache.
 * 2. A cache of slab.create is destroyed only through its record. A use
 *    (lcache_enter … lcache_leave) counts in lc_uses; destroy swaps a zero
 *    there for LC_DYING, so that either the use was first and destroy answers
 *    EBUSY, or destroy was first and the use waits, in wfi, until mm has said
 *    yes (then it is refused) or no (then it goes on: whoever frees an object
 *    must not be turned away because somebody tried to destroy a busy cache).
 * 3. Other caches (kmalloc-*, lua-*, those of bench) go whenever their owner
 *    likes. A use of one finds it by name each time, compares the generation,
 *    and keeps mm's hold for the time of the use. Lua may look at them, not
 *    allocate from them.
 * 4. A new cache of an old name has another generation, hence another record;
 *    old handles keep the old one, which is dead.
 */
#include <string.h>

#include <kernel/lock.h>
#include <kernel/waitq.h>
#include <mm/frame.h>

#include "cache.h"
#include "handle.h"
#include "state.h"

#define LC_DEAD  0x80000000u /* destroyed, or not made yet */
#define LC_DYING 0x40000000u /* destroy is finding out whether it may */

/* kmalloc's caches number 52 (8 … 64 by 8, then four per doubling). */
#define GC_NAMES_MAX 64u

struct cache_ud {
	struct handle cu_handle;
	struct lcache *cu_record;
};

static struct waitq dying_wait;
static struct klock list_lock;
static struct lcache *list; /* guarded by list_lock, as is: */
static struct {
	char name[KMEM_NAME_MAX];
	uint64_t count;
} gc_names[GC_NAMES_MAX];

void
lcache_hold(struct lcache *lc)
{
	/* Relaxed: the caller has a reference, nothing is published. */
	atomic_fetch_add_explicit(&lc->lc_refs, 1, memory_order_relaxed);
}

void
lcache_drop(struct lcache *lc)
{
	struct lcache **at;
	unsigned long irq;

	/* Pairs with itself: the last dropper sees what all others did. */
	if (atomic_fetch_sub_explicit(&lc->lc_refs, 1, memory_order_acq_rel) !=
	    1)
		return;
	irq = klock_acquire(&list_lock);
	for (at = &list; *at != lc; at = &(*at)->lc_next)
		;
	*at = lc->lc_next;
	klock_release(&list_lock, irq);
	if (lc->lc_ctor != NULL)
		lcache_ctor_free(lc->lc_ctor);
	kfree(lc);
}

/* A record that nobody has any more must not come back to life. */
static bool
hold_listed(struct lcache *lc)
{
	uint32_t n = atomic_load_explicit(&lc->lc_refs, memory_order_relaxed);

	while (n != 0) {
		if (atomic_compare_exchange_weak_explicit(&lc->lc_refs, &n,
			n + 1, memory_order_relaxed, memory_order_relaxed))
			return true;
	}
	return false;
}

static struct lcache *
record_new(const char *name, size_t size)
{
	struct lcache *lc = kzalloc(sizeof(*lc), 0);

	if (lc == NULL)
		return NULL;
	strncpy(lc->lc_name, name, sizeof(lc->lc_name) - 1);
	lc->lc_size = size;
	atomic_init(&lc->lc_refs, 1);
	return lc;
}

struct lcache *
lcache_of(const struct kmem_info *info)
{
	struct lcache *fresh = record_new(info->name, info->size);
	struct lcache *lc;
	unsigned long irq;
	bool pending = false;

	irq = klock_acquire(&list_lock);
	for (lc = list; lc != NULL; lc = lc->lc_next) {
		if (lc->lc_generation == info->generation && hold_listed(lc))
			break;
		if (lc->lc_generation == 0 &&
		    strcmp(lc->lc_name, info->name) == 0)
			pending = true;
	}
	if (lc == NULL && !pending && fresh != NULL) {
		fresh->lc_generation = info->generation;
		fresh->lc_next = list;
		list = fresh;
		lc = fresh;
		fresh = NULL;
	}
	klock_release(&list_lock, irq);
	kfree(fresh);
	/*
	 * A record of ours goes after its cache. So when there is none, and the
	 * cache is not there any more either, it was destroyed since `info` was
	 * read, and is not the machine's.
	 */
	if (lc != NULL && !lc->lc_ours) {
		struct kmem_cache *cp = lcache_enter(lc);

		if (cp == NULL) {
			lcache_drop(lc);
			return NULL;
		}
		lcache_leave(lc, cp);
	}
	return lc;
}

struct lcache *
lcache_begin(const char *name, size_t size, struct lcache_ctor *ctor)
{
	struct lcache *lc = record_new(name, size);
	unsigned long irq;

	if (lc == NULL)
		return NULL;
	lc->lc_ours = true;
	lc->lc_ctor = ctor;
	/* Not usable before the commit. */
	atomic_init(&lc->lc_uses, LC_DEAD);
	irq = klock_acquire(&list_lock);
	lc->lc_next = list;
	list = lc;
	klock_release(&list_lock, irq);
	return lc;
}

void
lcache_commit(struct lcache *lc, struct kmem_cache *cp, bool checked)
{
	struct kmem_info info;
	unsigned long irq;

	kmem_cache_get_info(cp, &info);
	lcache_hold(lc); /* the cache's own, until destroy */
	irq = klock_acquire(&list_lock);
	lc->lc_generation = info.generation;
	lc->lc_cache = cp;
	klock_release(&list_lock, irq);
	atomic_store_explicit(&lc->lc_checked, checked, memory_order_relaxed);
	/* Release: pairs with lcache_enter's acquire; cp is visible there. */
	atomic_fetch_and_explicit(&lc->lc_uses, ~LC_DEAD, memory_order_release);
}

/* Count a use; false, and no use, when the cache is dead or dying. */
static bool
begin_use(struct lcache *lc)
{
	/* Acquire: pairs with the release in commit. */
	uint32_t was =
	    atomic_fetch_add_explicit(&lc->lc_uses, 1, memory_order_acquire);

	if ((was & (LC_DEAD | LC_DYING)) == 0)
		return true;
	atomic_fetch_sub_explicit(&lc->lc_uses, 1, memory_order_relaxed);
	return false;
}

static bool
is_dead(struct lcache *lc)
{
	return (atomic_load_explicit(&lc->lc_uses, memory_order_acquire) &
		   LC_DEAD) != 0;
}

/* Acquire: pairs with the release of destroy's outcome. */
static bool
settled(void *arg)
{
	struct lcache *lc = arg;

	return (atomic_load_explicit(&lc->lc_uses, memory_order_acquire) &
		   LC_DYING) == 0;
}

struct kmem_cache *
lcache_enter(struct lcache *lc)
{
	struct kmem_cache *cp;
	struct kmem_info info;

	if (lc->lc_ours) {
		while (!begin_use(lc)) {
			if (is_dead(lc))
				return NULL;
			(void)waitq_wait(
			    &dying_wait, settled, NULL, lc, WAIT_FOREVER);
		}
		return lc->lc_cache;
	}
	cp = kmem_cache_find(lc->lc_name);
	if (cp == NULL)
		return NULL;
	kmem_cache_get_info(cp, &info);
	if (info.generation == lc->lc_generation)
		return cp;
	kmem_cache_release(cp);
	return NULL;
}

void
lcache_leave(struct lcache *lc, struct kmem_cache *cp)
{
	/* Release: pairs with the acquire of destroy's exchange. */
	if (lc->lc_ours)
		atomic_fetch_sub_explicit(
		    &lc->lc_uses, 1, memory_order_release);
	else
		kmem_cache_release(cp);
}

int
lcache_destroy(struct lcache *lc)
{
	uint32_t none = 0;
	int err;

	if (!atomic_compare_exchange_strong_explicit(&lc->lc_uses, &none,
		LC_DYING, memory_order_acquire, memory_order_relaxed))
		return -KMEM_EBUSY;
	err = kmem_cache_destroy(lc->lc_cache);
	/* Release: pairs with begin_use and settled; both bits at once. */
	atomic_fetch_xor_explicit(&lc->lc_uses,
	    err == 0 ? LC_DYING | LC_DEAD : LC_DYING, memory_order_release);
	waitq_wake(&dying_wait);
	if (err != 0)
		return err;
	lcache_drop(lc);
	return 0;
}

void
lcache_raise_gone(lua_State *L, const struct lcache *lc)
{
	luaL_error(L, "cache '%s' was destroyed; make it anew with slab.create",
	    lc->lc_name);
	__builtin_unreachable();
}

struct lcache *
lcache_of_userdata(void *ud)
{
	struct cache_ud *cu = ud;

	return cu->cu_record;
}

struct lcache *
lcache_arg(lua_State *L, int arg)
{
	struct cache_ud *cu = luaL_checkudata(L, arg, CACHE_CLASS);

	if (cu->cu_record == NULL)
		luaL_argerror(L, arg, "this slab.cache was never made");
	return cu->cu_record;
}

struct kmem_cache *
lcache_use(lua_State *L, int arg, struct lcache **lc)
{
	struct kmem_cache *cp;

	*lc = lcache_arg(L, arg);
	cp = lcache_enter(*lc);
	if (cp == NULL)
		lcache_raise_gone(L, *lc);
	return cp;
}

static void
cache_ud_drop(struct handle *h)
{
	struct cache_ud *cu = (struct cache_ud *)h;

	if (cu->cu_record != NULL)
		lcache_drop(cu->cu_record);
	cu->cu_record = NULL;
}

struct lcache **
lcache_push_empty(lua_State *L)
{
	struct cache_ud *cu =
	    handle_new(L, sizeof(*cu), CACHE_CLASS, 0, cache_ud_drop);

	return &cu->cu_record;
}

void
lcache_count_gc(struct lcache *lc, uintptr_t addr, uint64_t n)
{
	struct kmem_whatis w;
	unsigned long irq;
	size_t i;

	if (lc != NULL) {
		/* Relaxed: a statistic. */
		atomic_fetch_add_explicit(
		    &lc->lc_gc_freed, n, memory_order_relaxed);
		return;
	}
	kmem_whatis(addr, &w);
	if (!w.is_object)
		return;
	irq = klock_acquire(&list_lock);
	for (i = 0; i < GC_NAMES_MAX; i++) {
		if (gc_names[i].name[0] == '\0')
			memcpy(gc_names[i].name, w.cache, KMEM_NAME_MAX);
		if (strcmp(gc_names[i].name, w.cache) == 0) {
			gc_names[i].count += n;
			break;
		}
	}
	klock_release(&list_lock, irq);
}

uint64_t
lcache_gc_freed(const char *name, uint64_t generation)
{
	unsigned long irq = klock_acquire(&list_lock);
	struct lcache *lc = list;
	uint64_t n = 0;
	size_t i;

	while (lc != NULL && lc->lc_generation != generation)
		lc = lc->lc_next;
	if (lc != NULL)
		n = atomic_load_explicit(
		    &lc->lc_gc_freed, memory_order_relaxed);
	for (i = 0; i < GC_NAMES_MAX && gc_names[i].name[0] != '\0'; i++) {
		if (strcmp(gc_names[i].name, name) == 0)
			n += gc_names[i].count;
	}
	klock_release(&list_lock, irq);
	return n;
}

/*
 * Objects and the Lua values that hold them grow together. If caches could
 * take the last frame, the next thing to fail would be Lua itself, in the
 * middle of whatever the script does. So Lua's own requests for objects are
 * refused a little earlier: what remains lets the Lua heap grow by half, and
 * lets its largest block, which is the table that is being filled more often
 * than not, move to a run twice as long.
 */
static size_t
room_for_lua(void)
{
	size_t most = frame_total_count() / 8;
	size_t room = lstate_frames() / 2 + 32;

	return room < most ? room : most;
}

static bool
run_is_free(size_t frames)
{
	struct frame_zone_stats st;
	unsigned i;

	for (i = 0; frame_get_zone_stats(i, &st); i++) {
		if (st.largest >= frames)
			return true;
	}
	return false;
}

bool
lcache_lua_is_stuck(lua_State *L, size_t frames)
{
	size_t largest;

	/* The usual case, without looking closer. */
	if (frame_free_count() >= frame_total_count() / 8 + frames)
		return false;
	largest = lstate_largest_frames(lstate_of(L));
	return largest > 0 && !run_is_free(2 * largest + frames);
}

bool
lcache_no_room(lua_State *L, size_t frames)
{
	size_t free_frames = frame_free_count(), room;

	if (free_frames >= frame_total_count() / 8 + frames)
		return false;
	room = room_for_lua();
	return free_frames < room + frames || lcache_lua_is_stuck(L, frames);
}

int
lcache_fail_memory(lua_State *L, const char *what)
{
	size_t free_frames = frame_free_count(), room = room_for_lua();

	return binding_fail(L, "ENOMEM",
	    "%s: no memory (%zu frames free, %zu of them kept for Lua)", what,
	    free_frames, room < free_frames ? room : free_frames);
}
