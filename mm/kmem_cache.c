/* SPDX-License-Identifier: MIT */
/*
 * Object caches: creation, destruction, registry.
 *
 * Theory of operation: the big picture
 *
 * 1. The problem. Kernels allocate few kinds of objects, very often, on all
 *    harts at once. A cache serves one kind: objects of one size that keep
 *    their constructed state while they are free (Bonwick 1994).
 *
 * 2. Four layers. Each serves most of what the one above cannot:
 *
 *      layer       file         unit moved     cost of a hit
 *      hart        kmem_mag.c   object         no lock, no atomic
 *      depot       kmem_depot.c magazine       one lock of this cache
 *      slabs       kmem_slab.c  magazine full  one lock of this cache
 *      zones       frame.c      run of frames  one lock of a zone
 *
 *      alloc  hart's loaded magazine -> its previous one -> a full magazine of
 *             the depot -> a magazine full from partial slabs -> a new slab
 *      free   loaded magazine -> previous one -> an empty magazine of the
 *             depot -> a new empty magazine -> a few rounds to their slabs
 *
 * 3. States of an object. Constructed when its slab is made, destructed when
 *    the slab goes; in between it moves, without being written to:
 *
 *      free in slab <-> in a magazine (of a hart or of the depot) <-> live
 *
 *    The slab layer counts the last two together (c_inuse); how many of them
 *    are cached is read off the magazines, so the hot path counts nothing.
 *
 * 4. Invariants, checked by kmem_verify (kmem_verify.c numbers them):
 *      every slab hangs in the list its count belongs to;
 *      a slab's count is its total less its free bits;
 *      the cache's counts are the sums over its slabs;
 *      every frame of a slab names its descriptor as owner;
 *      a full magazine of the depot has exactly its capacity of rounds, each
 *      an object of this cache that is not free in its slab;
 *      live and cached objects together are c_inuse.
 *
 * 5. Bounds. A hart holds at most two magazines per cache. Metadata: 16 bytes
 *    a frame, one descriptor a slab, 512 bytes a magazine. Every lock section
 *    is bounded by one magazine's rounds.
 *
 * 6. Where this differs from its ancestors. Bonwick 2001: magazines end at a
 *    power of two, so that one word tells empty and full. HelenOS 2006: no
 *    shared counter and no shared lock on the hot path, empty magazines are
 *    kept, free objects are not written to, slabs are page runs. Linux 2.4:
 *    full colour range, strict alignment, descriptors off the slab. Linux 7
 *    sheaves: a depot that knows its working set and is drained under
 *    pressure.
 *
 * 7. Life of a cache. It enters the registry complete and leaves it last. A
 *    walker holds a cache; destroy empties it and takes its memory whether or
 *    not it is held, and the last holder frees the descriptor, with what a
 *    reap of another hart still had in its hands. Nobody waits.
 */
#include "kmem_impl.h"

#include <string.h>

#define NAME_BUCKETS 128u

struct lock_rank rank_registry, rank_slab, rank_depot, rank_zone;

static struct mm_lock registry_lock;
static struct list registry;            /* by generation; registry_lock */
static struct list names[NAME_BUCKETS]; /* by name_bucket; registry_lock */
static uint64_t registry_generation;    /* of the youngest; registry_lock */

void
registry_lock_take(void) NO_ANALYSIS
{
	mm_lock_acquire(&registry_lock);
}

void
registry_lock_drop(void) NO_ANALYSIS
{
	mm_lock_release(&registry_lock);
}

void
registry_init(void)
{
	mm_lock_init(&registry_lock);
	list_init(&registry);
	for (unsigned i = 0; i < NAME_BUCKETS; i++)
		list_init(&names[i]);
	registry_generation = 0;
}

void
kmem_name_copy(char *to, const char *from, size_t n)
{
	size_t i = 0;

	for (; i + 1 < n && from[i] != '\0'; i++)
		to[i] = from[i];
	to[i] = '\0';
}

/* Bounded: an embedder's string may lack its end. */
static size_t
name_length(const char *name)
{
	size_t n = 0;

	while (n < KMEM_NAME_MAX && name[n] != '\0')
		n++;
	return n;
}

/* FNV-1a (Fowler, Noll, Vo); the name has its end. */
static struct list *
name_bucket(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return &names[(hash ^ hash >> 16) % NAME_BUCKETS];
}

static struct kmem_cache *find_locked(const char *name) REQUIRES(rank_registry);
static struct kmem_cache *
find_locked(const char *name)
{
	struct list *bucket = name_bucket(name);

	for (struct list *l = bucket->l_next; l != bucket; l = l->l_next) {
		struct kmem_cache *cp =
		    LIST_ENTRY(l, struct kmem_cache, c_name_node);

		if (!cp->c_dying && strcmp(cp->c_name, name) == 0)
			return cp;
	}
	return NULL;
}

int
registry_add(struct kmem_cache *cp)
{
	int err = -KMEM_EEXIST;

	registry_lock_take();
	if (find_locked(cp->c_name) == NULL) {
		cp->c_generation = ++registry_generation;
		list_add_tail(&registry, &cp->c_node);
		list_add(name_bucket(cp->c_name), &cp->c_name_node);
		err = 0;
	}
	registry_lock_drop();
	return err;
}

struct kmem_cache *
registry_after_locked(uint64_t generation)
{
	struct list *l = registry.l_next;

	while (l != &registry &&
	    LIST_ENTRY(l, struct kmem_cache, c_node)->c_generation <=
		generation)
		l = l->l_next;
	return l == &registry ? NULL : LIST_ENTRY(l, struct kmem_cache, c_node);
}

struct kmem_cache *
registry_next_locked(const struct kmem_cache *cp)
{
	struct list *l = cp->c_node.l_next;

	return l == &registry ? NULL : LIST_ENTRY(l, struct kmem_cache, c_node);
}

unsigned
kmem_cache_gather(struct kmem_cache **out, unsigned n, uint64_t *after)
{
	unsigned got = 0;

	registry_lock_take();
	for (struct list *l = registry.l_next; l != &registry && got < n;
	     l = l->l_next) {
		struct kmem_cache *cp =
		    LIST_ENTRY(l, struct kmem_cache, c_node);

		if (cp->c_generation <= *after || cp->c_dying)
			continue;
		cp->c_holds++;
		*after = cp->c_generation;
		out[got++] = cp;
	}
	registry_lock_drop();
	return got;
}

struct kmem_cache *
kmem_cache_next(struct kmem_cache *cp)
{
	uint64_t after = cp == NULL ? 0 : cp->c_generation;
	struct kmem_cache *next = NULL;

	(void)kmem_cache_gather(&next, 1, &after);
	if (cp != NULL)
		kmem_cache_release(cp);
	return next;
}

struct kmem_cache *
kmem_cache_find(const char *name)
{
	struct kmem_cache *cp = NULL;

	if (name == NULL || name_length(name) >= KMEM_NAME_MAX)
		return NULL;
	registry_lock_take();
	cp = find_locked(name);
	if (cp != NULL)
		cp->c_holds++;
	registry_lock_drop();
	return cp;
}

void
kmem_cache_hold(struct kmem_cache *cp)
{
	registry_lock_take();
	cp->c_holds++;
	registry_lock_drop();
}

/* The descriptor of a destroyed cache that nobody holds any more. */
static void
cache_dispose(struct kmem_cache *cp)
{
	size_t frames = 0;

	/* Rounds that were in flight at the destroy have come home since. */
	slab_release_empty(cp, &frames, 0);
	MM_ASSERT2(cp->c_slab_count == 0, cp->c_name, cp->c_slab_count);
	slot_free_cold(cold_slot(cp));
	slot_free(cp->c_own_slot != 0 ? cp->c_own_slot : cp->c_fixed_slot);
	kmem_harts_free(cp->c_harts);
	kmem_cache_descriptor_free(cp);
}

void
kmem_cache_release(struct kmem_cache *cp)
{
	bool last;

	registry_lock_take();
	MM_ASSERT2(cp->c_holds > 0, cp->c_name, 0);
	cp->c_holds--;
	last = cp->c_dying && cp->c_holds == 0;
	if (last) {
		list_remove(&cp->c_node);
		list_remove(&cp->c_name_node);
	}
	registry_lock_drop();
	if (last)
		cache_dispose(cp);
}

/* The descriptor, complete but for magazines, slot and registry. */
void
kmem_cache_setup(struct kmem_cache *cp, const char *name, size_t size,
    const struct kmem_options *opt)
{
	size_t align =
	    opt->align != 0 ? opt->align : geometry_natural_align(size);
	const size_t line = geometry_machine.line_bytes;

	memset(cp, 0, sizeof(*cp));
	if ((opt->flags & KMEM_HWALIGN) != 0 && align < line)
		align = line;
	if (align < 8)
		align = 8;
	kmem_name_copy(cp->c_name, name, sizeof(cp->c_name));
	cp->c_size = size;
	cp->c_protect = opt->protect;
	cp->c_live = opt->protect == KMEM_CHECKED;
	cp->c_ctor = opt->ctor;
	cp->c_dtor = opt->dtor;
	cp->c_reclaim = opt->reclaim;
	cp->c_arg = opt->arg;
	cp->c_flags = opt->flags;
	atomic_init(&cp->c_limit, opt->limit);
	cp->c_colours_max = opt->colours;
	cp->c_frame_tag =
	    opt->frame_tag != 0 ? opt->frame_tag : (unsigned)FRAME_TAG_SLAB;
	cp->c_geo =
	    geometry_choose(size, align, cp->c_live, opt->flags, opt->colours);
	cp->c_reciprocal = UINT64_MAX / cp->c_geo.g_stride + 1;
	atomic_init(&cp->c_span, &slab_no_span);
	atomic_init(&cp->c_mag_auto, opt->magazine == 0);
	atomic_init(&cp->c_magsize,
	    opt->magazine != 0 ? opt->magazine
			       : mag_rounds_for(cp->c_geo.g_stride));
	atomic_init(&cp->c_count, (opt->flags & KMEM_COUNT) != 0);
	atomic_init(&cp->c_cold, cp->c_live || (opt->flags & KMEM_COUNT) != 0);
	atomic_init(&cp->c_slot, slot_dummy());
	list_init(&cp->c_node);
	list_init(&cp->c_name_node);
	slab_layer_init(cp);
	depot_init(cp);
}

static const char *
check_name(const char *name)
{
	size_t n;

	if (name == NULL || name[0] == '\0')
		return "the name is empty";
	n = name_length(name);
	if (n >= KMEM_NAME_MAX)
		return "the name is longer than 31 bytes";
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return "the name has a blank or a control character";
	}
	return NULL;
}

static const char *
check_options(size_t size, const struct kmem_options *opt)
{
	const unsigned known = KMEM_HWALIGN | KMEM_NOMAGAZINE | KMEM_NOCOLOUR |
	    KMEM_COUNT | KMEM_LOW | KMEM_SINGLE_OWNER | KMEM_NOREAP;

	if (size == 0 || size > KMEM_SIZE_MAX)
		return "size must be 1 … 131072 bytes";
	if (opt->align != 0 &&
	    (!is_pow2(opt->align) || opt->align > KMEM_ALIGN_MAX))
		return "align must be a power of two, at most 65536";
	if (opt->dtor != NULL && opt->ctor == NULL)
		return "a destructor needs a constructor";
	if (opt->magazine > KMEM_ROUNDS_MAX)
		return "a magazine has 1 … 61 rounds";
	if ((opt->flags & ~known) != 0)
		return "unknown flag";
	if (opt->frame_tag >= FRAME_TAGS_MAX)
		return "unknown frame tag";
	if (opt->protect > KMEM_DEBUG)
		return "unknown level of protection";
	if (opt->slot > KMEM_SLOTS_FIXED)
		return "a fixed slot is 1 … 16";
	if (opt->slot != 0 && (opt->flags & KMEM_SINGLE_OWNER) != 0)
		return "a single-owner cache has no slot";
	return NULL;
}

/* Magazines and slot. False: no memory. */
static bool
cache_arm(struct kmem_cache *cp)
{
	const unsigned none = KMEM_NOMAGAZINE | KMEM_SINGLE_OWNER;

	/* A limit counts live objects, so none may wait in magazines. */
	if ((cp->c_flags & none) != 0 ||
	    atomic_load_explicit(&cp->c_limit, memory_order_relaxed) != 0)
		return true;
	cp->c_own_slot = cp->c_fixed_slot;
	if (!cp->c_live && cp->c_own_slot == 0)
		cp->c_own_slot = slot_alloc();
	if (!cp->c_live && cp->c_own_slot == 0)
		return true; /* no slot left: works, without magazines */
	if (atomic_load_explicit(&cp->c_cold, memory_order_relaxed)) {
		atomic_store_explicit(
		    &cp->c_cold_slot, slot_alloc_cold(), memory_order_relaxed);
		if (cold_slot(cp) == 0)
			return true;
	}
	cp->c_harts = kmem_harts_alloc();
	if (cp->c_harts == NULL)
		return false;
	hart_slots_init(cp);
	if (!atomic_load_explicit(&cp->c_cold, memory_order_relaxed))
		atomic_store_explicit(
		    &cp->c_slot, cp->c_own_slot, memory_order_relaxed);
	return true;
}

static int
refuse(const char **why, const char *text, int err)
{
	if (why != NULL)
		*why = text;
	return err;
}

int
kmem_cache_create(struct kmem_cache **out, const char *name, size_t size,
    const struct kmem_options *opt, const char **why)
{
	static const struct kmem_options defaults;
	struct kmem_cache *cp;
	const char *bad;
	int err;

	*out = NULL;
	if (opt == NULL)
		opt = &defaults;
	if (kmem_context_refused("kmem_cache_create in an interrupt",
		(uintptr_t)__builtin_return_address(0)))
		return refuse(why, "not from an interrupt", -KMEM_ECONTEXT);
	bad = check_name(name);
	if (bad == NULL)
		bad = check_options(size, opt);
	if (bad != NULL)
		return refuse(why, bad, -KMEM_EINVAL);
	if (opt->protect == KMEM_DEBUG)
		return refuse(
		    why, "level debug: not in this version", -KMEM_ENOTYET);
	cp = kmem_cache_descriptor_alloc(opt->frame_tag);
	if (cp == NULL)
		return refuse(why, "no memory for the cache", -KMEM_ENOMEM);
	kmem_cache_setup(cp, name, size, opt);
	err = -KMEM_ENOMEM;
	bad = "no memory for the cache";
	if (opt->slot != 0)
		cp->c_fixed_slot = slot_claim(opt->slot);
	if (opt->slot != 0 && cp->c_fixed_slot == 0) {
		err = -KMEM_EEXIST;
		bad = "another cache has this fixed slot";
	} else if (cache_arm(cp)) {
		err = registry_add(cp);
		bad = "a cache of that name exists";
	}
	if (err != 0) {
		cache_dispose(cp);
		return refuse(why, bad, err);
	}
	*out = cp;
	return 0;
}

/*
 * Mark for destruction, if nothing is alive; the name is free again from here
 * on. Rounds that a reap has taken from magazines and not yet put into their
 * slabs are not alive. The two locks make the count true: a magazine leaves
 * the depot and becomes counted in flight under one, comes home under the
 * other; and the harts' magazines were taken before.
 */
static bool
cache_claim(struct kmem_cache *cp)
{
	bool busy;

	registry_lock_take();
	MM_ASSERT2(!cp->c_dying, cp->c_name, 0);
	slab_lock(cp);
	depot_lock(cp);
	busy = cp->c_inuse > counter_read(&cp->c_inflight) &&
	    (cp->c_flags & KMEM_SINGLE_OWNER) == 0;
	depot_unlock(cp);
	slab_unlock(cp);
	if (!busy) {
		cp->c_dying = true;
		cp->c_holds++;
	}
	registry_lock_drop();
	return !busy;
}

int
kmem_cache_destroy(struct kmem_cache *cp)
{
	if (kmem_context_refused("kmem_cache_destroy in an interrupt",
		(uintptr_t)__builtin_return_address(0)))
		return -KMEM_ECONTEXT;
	MM_ASSERT2(!cp->c_internal, cp->c_name, 0);
	(void)cache_empty(cp);
	if (!cache_claim(cp))
		return -KMEM_EBUSY;
	if ((cp->c_flags & KMEM_SINGLE_OWNER) != 0)
		(void)slab_release_all(cp);
	kmem_cache_release(cp);
	kmem_settle();
	return 0;
}
