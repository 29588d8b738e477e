/* SPDX-License-Identifier: MIT */
/*
 * A rival: the slab allocator of the HelenOS kernel as it was in June 2006,
 * the seed of which Quarry is a descendant, written anew after its design.
 *
 * Theory of operation
 *
 * 1. Objects of one size lie in slabs, runs of 2^order frames. A free object's
 *    first word is the index of the next free one. A cache has a ring of full
 *    slabs and one of partial slabs under one lock; a slab that becomes empty
 *    is given back at once, with that lock held. The slab's descriptor lies at
 *    its end when objects are smaller than an eighth of a frame or the waste
 *    has room for it, else it is an object of a cache of descriptors. The order
 *    grows until no more than a quarter of the slab is waste.
 * 2. Above that, each hart has two magazines of four rounds, `current` and
 *    `last`, under a spinlock of the hart's: others take it to reclaim. An
 *    allocation pops from current; if that is empty the two change places; if
 *    both are, a full one comes from the cache's depot, under its lock; if the
 *    depot has none, an object comes from a slab, and no magazine is filled.
 *    A free pushes likewise, and what is full goes to the depot.
 * 3. The depot has full magazines only. An empty one is destroyed where an
 *    allocation has no use for it, and made anew where a free needs one. All
 *    come from one cache without magazines, so in the end from one lock of the
 *    machine's. This is what bursts pay for: with 4 rounds, bursts of 1,000
 *    take the depot's and that lock once each in four calls.
 * 4. Two counters of the cache, objects out and objects in magazines, are
 *    changed by every call, for statistics. With the hart's lock that makes
 *    three atomic operations per call, where no other hart is in sight.
 * 5. Frames that have run out are reclaimed inside the allocation, interrupts
 *    off: of all caches lightly (depots, each until it gave one frame), then
 *    brutally (all magazines).
 *
 * What it has of the original's defects, since they cost time or memory: frees
 * that allocate a magazine, the magazines that are made and destroyed over and
 * over, shared counters on the hot path, harts' slots that share cache lines,
 * slabs freed with the lock held, partial slabs that are not looked at again
 * after a new one was made, reclaim that goes on when it has enough and counts
 * less than it freed (what magazines and descriptors gave back is not in the
 * sum), interrupts off all the while.
 *
 * What it has not, none of it a cost or a gain on any path that is measured:
 * names, the list for the console and its lock, debug assertions, the start-up
 * before processors are known. It accepts a double or foreign free like the
 * original. The order is bounded, where the original's was not. Constructors
 * were never called there; here they run on each allocation, behind a flag
 * that the hot path tests together with the one it tests anyway. The caches of
 * descriptors go when the last cache does, so that all frames are seen to come
 * back. Magazines of up to 62 rounds are an extension: they come from a second
 * cache of the same kind.
 */
#include "seed2006.h"

#include "link.h"
#include "rival.h"

/* Flags of a cache. */
#define NO_MAGAZINES 0x1u
#define INSIDE       0x2u /* descriptors are in the slabs */
#define CONSTRUCT    0x4u

#define INSIDE_BELOW (FRAME_SIZE >> 3) /* bytes */
#define ORDER_MAX    10u
#define ALIGN_MIN    sizeof(unsigned long)

struct slab {
	struct seed2006 *sl_cache;
	struct rival_link sl_link; /* full or partial */
	unsigned char *sl_start;
	size_t sl_available; /* free objects */
	size_t sl_next;      /* index of the first of them */
};

struct magazine {
	struct rival_link mg_link; /* in the depot */
	size_t mg_busy;            /* rounds in it */
	size_t mg_size;            /* rounds it can hold */
	void *mg_objs[];
};

/* A hart's two magazines, on a line with its neighbours'. */
struct hart_mags {
	struct magazine *hm_current;
	struct magazine *hm_last;
	struct rival_lock hm_lock;
};

struct seed2006 {
	struct rival_link sd_link; /* of all caches, under seed.lock */
	size_t sd_size;            /* bytes of an object */
	unsigned sd_order;         /* of a slab */
	unsigned sd_flags;
	size_t sd_objects;        /* per slab */
	size_t sd_rounds;         /* per magazine */
	struct seed2006 *sd_mags; /* where magazines come from */

	_Atomic int64_t sd_slabs;     /* allocated */
	_Atomic int64_t sd_allocated; /* objects */
	_Atomic int64_t sd_cached;    /* objects in magazines */
	_Atomic int64_t sd_magazines; /* in the depot */

	struct rival_lock sd_slablock;
	struct rival_link sd_full;
	struct rival_link sd_partial;

	struct rival_lock sd_maglock;
	struct rival_link sd_depot;

	int (*sd_ctor)(void *obj, void *arg);
	void *sd_arg;

	struct hart_mags sd_harts[]; /* one per hart */
};

static struct {
	struct rival_lock lock;
	unsigned users; /* caches that callers have made */
	struct rival_link caches;
	struct seed2006 *descriptors; /* of slabs that have them outside */
} seed;

/* Without magazines, so without harts; of struct seed2006, of magazines. */
static struct seed2006 cache_cache, short_mags, long_mags;

static size_t reclaim(bool all);

/* ---- slabs ---- */

static void *
frames_get(unsigned order, unsigned flags)
{
	size_t frames = (size_t)1 << order;
	void *run = rival_frames_alloc(frames, true);

	if (run != NULL || (flags & SEED2006_NO_RECLAIM) != 0)
		return run;
	if (reclaim(false) != 0)
		run = rival_frames_alloc(frames, true);
	if (run == NULL && reclaim(true) != 0)
		run = rival_frames_alloc(frames, true);
	return run;
}

/* A slab of its own, all objects free, in no ring. No lock is held. */
static struct slab *
slab_make(struct seed2006 *cp, unsigned flags)
{
	size_t bytes = FRAME_SIZE << cp->sd_order, i;
	unsigned char *data = frames_get(cp->sd_order, flags);
	struct slab *sp;

	if (data == NULL)
		return NULL;
	if ((cp->sd_flags & INSIDE) != 0) {
		sp = (void *)(data + bytes - sizeof(*sp));
	} else {
		sp = seed2006_alloc(seed.descriptors, flags);
		if (sp == NULL) {
			rival_frames_free(data, (size_t)1 << cp->sd_order);
			return NULL;
		}
	}
	for (i = 0; i < bytes; i += FRAME_SIZE)
		*rival_frame(data + i) = sp;
	sp->sl_cache = cp;
	sp->sl_start = data;
	sp->sl_available = cp->sd_objects;
	sp->sl_next = 0;
	for (i = 0; i < cp->sd_objects; i++)
		*(int *)(void *)(data + i * cp->sd_size) = (int)(i + 1);
	rival_add(&cp->sd_slabs, 1);
	return sp;
}

/* Frames given back; those of the descriptor's slab do not count. */
static size_t
slab_unmake(struct seed2006 *cp, struct slab *sp)
{
	rival_frames_free(sp->sl_start, (size_t)1 << cp->sd_order);
	if ((cp->sd_flags & INSIDE) == 0)
		seed2006_free(seed.descriptors, sp);
	rival_add(&cp->sd_slabs, -1);
	return (size_t)1 << cp->sd_order;
}

/* An object from a slab; one caller, so in line. Interrupts are off. */
static inline __attribute__((always_inline)) void *
slab_obj_get(struct seed2006 *cp, unsigned flags)
{
	struct slab *sp;
	void *obj;

	rival_lock(&cp->sd_slablock);
	if (rival_list_empty(&cp->sd_partial)) {
		/* To make one may reclaim, and that takes this lock. */
		rival_unlock(&cp->sd_slablock);
		sp = slab_make(cp, flags);
		if (sp == NULL)
			return NULL;
		rival_lock(&cp->sd_slablock);
	} else {
		sp = RIVAL_ENTRY(cp->sd_partial.rk_next, struct slab, sl_link);
		rival_list_remove(&sp->sl_link);
	}
	obj = sp->sl_start + sp->sl_next * cp->sd_size;
	sp->sl_next = (size_t) * (int *)obj;
	sp->sl_available--;
	rival_list_add(sp->sl_available == 0 ? &cp->sd_full : &cp->sd_partial,
	    &sp->sl_link);
	rival_unlock(&cp->sd_slablock);
	return obj;
}

/* An object back to its slab; frames given back. Interrupts are off. */
static __attribute__((noinline)) size_t
slab_obj_put(struct seed2006 *cp, void *obj)
{
	struct slab *sp = *rival_frame(obj);
	size_t frames = 0;

	rival_lock(&cp->sd_slablock);
	*(int *)obj = (int)sp->sl_next;
	sp->sl_next =
	    (size_t)((unsigned char *)obj - sp->sl_start) / cp->sd_size;
	sp->sl_available++;
	/* A slab of one object goes from full to empty in one step. */
	if (sp->sl_available == cp->sd_objects) {
		rival_list_remove(&sp->sl_link);
		frames = slab_unmake(cp, sp);
	} else if (sp->sl_available == 1) {
		rival_list_remove(&sp->sl_link);
		rival_list_add(&cp->sd_partial, &sp->sl_link);
	}
	rival_unlock(&cp->sd_slablock);
	return frames;
}

/* ---- magazines ---- */

/* A full magazine of the depot, or NULL. */
static struct magazine *
depot_get(struct seed2006 *cp)
{
	struct magazine *mag = NULL;

	rival_lock(&cp->sd_maglock);
	if (!rival_list_empty(&cp->sd_depot)) {
		mag =
		    RIVAL_ENTRY(cp->sd_depot.rk_next, struct magazine, mg_link);
		rival_list_remove(&mag->mg_link);
		rival_add(&cp->sd_magazines, -1);
	}
	rival_unlock(&cp->sd_maglock);
	return mag;
}

static void
depot_put(struct seed2006 *cp, struct magazine *mag)
{
	rival_lock(&cp->sd_maglock);
	rival_list_add(&cp->sd_depot, &mag->mg_link);
	rival_add(&cp->sd_magazines, 1);
	rival_unlock(&cp->sd_maglock);
}

/* Frames that its objects gave back. */
static size_t
magazine_destroy(struct seed2006 *cp, struct magazine *mag)
{
	size_t frames = 0, i;

	for (i = 0; i < mag->mg_busy; i++) {
		frames += slab_obj_put(cp, mag->mg_objs[i]);
		rival_add(&cp->sd_cached, -1);
	}
	seed2006_free(cp->sd_mags, mag);
	return frames;
}

static inline struct hart_mags *
own_mags(struct seed2006 *cp)
{
	return &cp->sd_harts[rival_hart()];
}

static inline void
mags_swap(struct hart_mags *hm)
{
	struct magazine *mag = hm->hm_current;

	hm->hm_current = hm->hm_last;
	hm->hm_last = mag;
}

/*
 * A magazine with a round in it, as current; or NULL. In line, like all that
 * the original's two calls called once: alloc_odd's copy must not change that.
 */
static inline __attribute__((always_inline)) struct magazine *
current_with_rounds(struct seed2006 *cp, struct hart_mags *hm)
{
	struct magazine *current = hm->hm_current, *last = hm->hm_last;
	struct magazine *full;

	if (current != NULL) {
		if (current->mg_busy != 0)
			return current;
		if (last != NULL && last->mg_busy != 0) {
			mags_swap(hm);
			return last;
		}
	}
	full = depot_get(cp);
	if (full == NULL)
		return NULL;
	if (last != NULL)
		(void)magazine_destroy(cp, last);
	hm->hm_last = current;
	hm->hm_current = full;
	return full;
}

/* A magazine with room in it, as current; NULL: no memory for one. */
static struct magazine *
current_with_room(struct seed2006 *cp, struct hart_mags *hm)
{
	struct magazine *current = hm->hm_current, *last = hm->hm_last;
	struct magazine *empty;

	if (current != NULL) {
		if (current->mg_busy < current->mg_size)
			return current;
		if (last != NULL && last->mg_busy < last->mg_size) {
			mags_swap(hm);
			return last;
		}
	}
	/* Reclaim would want the lock that is held. */
	empty = seed2006_alloc(cp->sd_mags, SEED2006_NO_RECLAIM);
	if (empty == NULL)
		return NULL;
	empty->mg_size = cp->sd_rounds;
	empty->mg_busy = 0;
	if (last != NULL)
		depot_put(cp, last);
	hm->hm_last = current;
	hm->hm_current = empty;
	return empty;
}

/* An object from this hart's magazines, or NULL. Interrupts are off. */
static inline __attribute__((always_inline)) void *
magazine_obj_get(struct seed2006 *cp)
{
	struct hart_mags *hm = own_mags(cp);
	struct magazine *mag;
	void *obj;

	rival_lock(&hm->hm_lock);
	mag = current_with_rounds(cp, hm);
	if (mag == NULL) {
		rival_unlock(&hm->hm_lock);
		return NULL;
	}
	obj = mag->mg_objs[--mag->mg_busy];
	rival_unlock(&hm->hm_lock);
	rival_add(&cp->sd_cached, -1);
	return obj;
}

/* False: it found no room. Interrupts are off. */
static bool
magazine_obj_put(struct seed2006 *cp, void *obj)
{
	struct hart_mags *hm = own_mags(cp);
	struct magazine *mag;

	rival_lock(&hm->hm_lock);
	mag = current_with_room(cp, hm);
	if (mag == NULL) {
		rival_unlock(&hm->hm_lock);
		return false;
	}
	mag->mg_objs[mag->mg_busy++] = obj;
	rival_unlock(&hm->hm_lock);
	rival_add(&cp->sd_cached, 1);
	return true;
}

/* ---- reclaim ---- */

/* Frames of the cache's objects given back. Interrupts are off. */
static size_t
reclaim_cache(struct seed2006 *cp, bool all)
{
	struct magazine *mag;
	size_t frames = 0;
	int64_t left;
	unsigned h;

	if ((cp->sd_flags & NO_MAGAZINES) != 0)
		return 0;
	/* As many as there were: others may fill the depot meanwhile. */
	left = atomic_load_explicit(&cp->sd_magazines, memory_order_relaxed);
	for (; left > 0 && (mag = depot_get(cp)) != NULL; left--) {
		frames += magazine_destroy(cp, mag);
		if (!all && frames != 0)
			break;
	}
	for (h = 0; all && h < port_hart_count(); h++) {
		struct hart_mags *hm = &cp->sd_harts[h];

		rival_lock(&hm->hm_lock);
		if (hm->hm_current != NULL)
			frames += magazine_destroy(cp, hm->hm_current);
		hm->hm_current = NULL;
		if (hm->hm_last != NULL)
			frames += magazine_destroy(cp, hm->hm_last);
		hm->hm_last = NULL;
		rival_unlock(&hm->hm_lock);
	}
	return frames;
}

/* Of all caches, one after the other. Interrupts are off, no lock is held. */
static size_t
reclaim(bool all)
{
	struct rival_link *at;
	size_t frames = 0;

	rival_lock(&seed.lock);
	for (at = seed.caches.rk_next; at != &seed.caches; at = at->rk_next)
		frames += reclaim_cache(
		    RIVAL_ENTRY(at, struct seed2006, sd_link), all);
	rival_unlock(&seed.lock);
	return frames;
}

size_t
seed2006_reap(struct seed2006 *cp, bool all)
{
	unsigned long irq = rival_irq_off();
	size_t frames = reclaim_cache(cp, all);

	/* The descriptors of slabs that this gave back. */
	if (all)
		frames += reclaim_cache(seed.descriptors, true);
	rival_irq_restore(irq);
	return frames;
}

/* ---- the two calls ---- */

static inline __attribute__((always_inline)) void *
alloc_plain(struct seed2006 *cp, unsigned flags, bool magazines)
{
	unsigned long irq = rival_irq_off();
	void *obj = NULL;

	if (magazines)
		obj = magazine_obj_get(cp);
	if (obj == NULL)
		obj = slab_obj_get(cp, flags);
	rival_irq_restore(irq);
	if (obj != NULL)
		rival_add(&cp->sd_allocated, 1);
	return obj;
}

/* Of a cache without magazines, or with a constructor. */
static __attribute__((noinline)) void *
alloc_odd(struct seed2006 *cp, unsigned flags)
{
	void *obj;

	if ((cp->sd_flags & NO_MAGAZINES) != 0)
		return alloc_plain(cp, flags, false);
	obj = alloc_plain(cp, flags, true);
	if (obj != NULL && cp->sd_ctor(obj, cp->sd_arg) != 0) {
		seed2006_free(cp, obj);
		obj = NULL;
	}
	return obj;
}

void *
seed2006_alloc(struct seed2006 *cp, unsigned flags)
{
	if ((cp->sd_flags & (NO_MAGAZINES | CONSTRUCT)) != 0)
		return alloc_odd(cp, flags);
	return alloc_plain(cp, flags, true);
}

void
seed2006_free(struct seed2006 *cp, void *obj)
{
	unsigned long irq = rival_irq_off();

	if ((cp->sd_flags & NO_MAGAZINES) != 0 || !magazine_obj_put(cp, obj))
		(void)slab_obj_put(cp, obj);
	rival_irq_restore(irq);
	rival_add(&cp->sd_allocated, -1);
}

/* ---- caches ---- */

static size_t
objects_per_slab(const struct seed2006 *cp)
{
	size_t bytes = FRAME_SIZE << cp->sd_order;

	if ((cp->sd_flags & INSIDE) != 0)
		bytes -= sizeof(struct slab);
	return bytes / cp->sd_size;
}

/* Bytes of a slab that serve nothing. */
static size_t
badness(const struct seed2006 *cp)
{
	size_t waste =
	    (FRAME_SIZE << cp->sd_order) - objects_per_slab(cp) * cp->sd_size;

	if ((cp->sd_flags & INSIDE) != 0)
		waste -= sizeof(struct slab);
	return waste;
}

/* The order, and where the descriptor is. False: too large. */
static bool
shape(struct seed2006 *cp)
{
	size_t frames = ((cp->sd_size - 1) >> FRAME_SHIFT) + 1;

	if (cp->sd_size < INSIDE_BELOW)
		cp->sd_flags |= INSIDE;
	while (frames >> (cp->sd_order + 1) != 0)
		cp->sd_order++;
	while (badness(cp) > (FRAME_SIZE << cp->sd_order) >> 2) {
		if (cp->sd_order == ORDER_MAX)
			return false;
		cp->sd_order++;
	}
	if (badness(cp) > sizeof(struct slab))
		cp->sd_flags |= INSIDE;
	cp->sd_objects = objects_per_slab(cp);
	return true;
}

static bool
cache_fill(struct seed2006 *cp, size_t size, size_t align, unsigned flags)
{
	__builtin_memset(cp, 0, sizeof(*cp));
	if (align < ALIGN_MIN)
		align = ALIGN_MIN;
	cp->sd_size = (size + align - 1) & ~(align - 1);
	cp->sd_flags = flags;
	rival_list_init(&cp->sd_full);
	rival_list_init(&cp->sd_partial);
	rival_list_init(&cp->sd_depot);
	return shape(cp);
}

static size_t
cache_bytes(void)
{
	return sizeof(struct seed2006) +
	    port_hart_count() * sizeof(struct hart_mags);
}

static size_t
magazine_bytes(size_t rounds)
{
	return sizeof(struct magazine) + rounds * sizeof(void *);
}

static struct seed2006 *
cache_new(size_t size, size_t align, unsigned flags, size_t rounds)
{
	struct seed2006 *cp = seed2006_alloc(&cache_cache, SEED2006_NO_RECLAIM);

	if (cp == NULL)
		return NULL;
	if (!cache_fill(cp, size, align, flags)) {
		seed2006_free(&cache_cache, cp);
		return NULL;
	}
	__builtin_memset(cp->sd_harts, 0, cache_bytes() - sizeof(*cp));
	cp->sd_rounds = rounds;
	cp->sd_mags = rounds <= SEED2006_ROUNDS ? &short_mags : &long_mags;
	return cp;
}

/* The caches that caches need, before the first. The lock is held. */
static bool
seed_start(void)
{
	rival_list_init(&seed.caches);
	/* Descriptors inside: those outside could need themselves. */
	if (!cache_fill(
		&cache_cache, cache_bytes(), 0, NO_MAGAZINES | INSIDE) ||
	    !cache_fill(&short_mags, magazine_bytes(SEED2006_ROUNDS), 0,
		NO_MAGAZINES | INSIDE) ||
	    !cache_fill(&long_mags, magazine_bytes(SEED2006_ROUNDS_MAX), 0,
		NO_MAGAZINES | INSIDE))
		return false;
	seed.descriptors =
	    cache_new(sizeof(struct slab), 0, INSIDE, SEED2006_ROUNDS);
	if (seed.descriptors == NULL)
		return false;
	rival_list_add(&seed.caches, &seed.descriptors->sd_link);
	return true;
}

/* After the last cache: all frames go back. The lock is held. */
static void
seed_stop(void)
{
	(void)reclaim_cache(seed.descriptors, true);
	seed2006_free(&cache_cache, seed.descriptors);
	seed.descriptors = NULL;
}

struct seed2006 *
seed2006_create(size_t size, const struct seed2006_options *opt)
{
	static const struct seed2006_options none;
	struct seed2006 *cp = NULL;
	unsigned long irq;
	size_t rounds;

	if (opt == NULL)
		opt = &none;
	if (size == 0 || size > SEED2006_SIZE_MAX || opt->align > FRAME_SIZE ||
	    (opt->align & (opt->align - 1)) != 0 ||
	    opt->rounds > SEED2006_ROUNDS_MAX ||
	    port_hart_count() > RIVAL_HARTS_MAX || rival_frames == NULL)
		return NULL;
	rounds = opt->rounds != 0 ? opt->rounds : SEED2006_ROUNDS;
	irq = rival_irq_off();
	rival_lock(&seed.lock);
	if (seed.users != 0 || seed_start())
		cp = cache_new(size, opt->align,
		    opt->ctor != NULL ? CONSTRUCT : 0, rounds);
	if (cp != NULL) {
		cp->sd_ctor = opt->ctor;
		cp->sd_arg = opt->arg;
		rival_list_add(&seed.caches, &cp->sd_link);
		seed.users++;
	} else if (seed.users == 0 && seed.descriptors != NULL) {
		seed_stop();
	}
	rival_unlock(&seed.lock);
	rival_irq_restore(irq);
	return cp;
}

bool
seed2006_destroy(struct seed2006 *cp)
{
	unsigned long irq = rival_irq_off();
	bool empty;

	rival_lock(&seed.lock);
	(void)reclaim_cache(cp, true);
	empty =
	    rival_list_empty(&cp->sd_full) && rival_list_empty(&cp->sd_partial);
	if (empty) {
		rival_list_remove(&cp->sd_link);
		seed2006_free(&cache_cache, cp);
		if (--seed.users == 0)
			seed_stop();
	}
	rival_unlock(&seed.lock);
	rival_irq_restore(irq);
	return empty;
}

void
seed2006_shape(const struct seed2006 *cp, struct seed2006_shape *out)
{
	out->frames = (size_t)1 << cp->sd_order;
	out->objects = cp->sd_objects;
	out->bytes = cp->sd_size;
	out->inside = (cp->sd_flags & INSIDE) != 0;
}

#ifdef RIVAL_COUNT
void
seed2006_locks(const struct seed2006 *cp, struct seed2006_locks *out)
{
	out->depot = cp->sd_maglock.rl_taken;
	out->slab = cp->sd_slablock.rl_taken;
	out->magazines = cp->sd_mags->sd_slablock.rl_taken;
}
#endif
