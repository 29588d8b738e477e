/* SPDX-License-Identifier: MIT */
/*
 * Linux 7's slab allocator: SLUB with sheaves.
 *
 * Theory of operation
 *
 * 1. The original (its version 7.2, from descriptions and from observing it;
 *    the code is ours). A sheaf is a magazine: an array of free objects and its
 *    length. Each CPU has two for each cache, main and spare; a node has a
 *    barn with up to 10 full and 10 empty ones under one lock. Capacity is
 *    fixed by the size of the objects: 60 below 256 bytes, 28 below 1 KiB, 12
 *    below a page, else 4, so that a sheaf fills a kmalloc bucket.
 *
 *      alloc: main; spare, if main is empty; else give the barn the empty one
 *             for a full one; else fill a sheaf from slabs.
 *      free:  main; spare, if main is full; else give the barn the full one
 *             for an empty one; with no empty one, make one; with 10 full ones
 *             there, flush the spare into slabs.
 *
 *    So a long burst goes past main and spare once in 60 objects (64 bytes),
 *    and no sooner: the steps of its curves. It neither grows nor shrinks its
 *    sheaves, and what lies in them stays until somebody asks.
 * 2. The fast path takes no atomic instruction and leaves interrupts on: a flag
 *    of the hart's sheaves, plainly tested, set and cleared. Who finds it set,
 *    being an interrupt, goes to the slabs. Here the same, without the
 *    count that keeps a preemptive kernel's threads in their place, because
 *    threads do not move between harts: two increments to the rival's favour.
 * 3. Slabs (sheaf_slab.h): runs of 2^order frames, order at most 3, with room
 *    for 4 * (fls(harts) + 1) objects and waste of 1/16, else 1/8, 1/4, 1/2.
 *    Free objects are chained through themselves; their count and the chain's
 *    head lie in the record of the slab's first frame (struct page), which
 *    costs a cache nothing, so sheaf_charge takes the table away again. Full
 *    slabs are in no list; partial ones are in the layer's, and of empty ones
 *    those that make it 5 to 10 long. Filling a sheaf takes whole partial
 *    slabs out of the list, drains them, and gives the last one's rest back.
 *    Flushing gives objects of one slab back together, looking 3 objects ahead.
 * 4. Freeing to a slab changes head and count at once by a double-width compare
 *    and swap where there is one. RISC-V has it with Zacas only; without, the
 *    original takes a bit spinlock in the record, which is here a spinlock
 *    of one exchange and a plain store, a little cheaper.
 * 5. A constructor runs when a slab is made, and state is kept: the chain's
 *    link then lies behind the object, else in its middle.
 * 6. Left out, being off the way of all loads: NUMA nodes (there is one),
 *    cgroups, debugging, hardening, RCU, merging of caches of one size. The
 *    memory of sheaves comes from four buckets without sheaves of their own,
 *    of one slab layer each: dearer where a sheaf is made, which happens
 *    when the barn has no empty one, cheaper in memory. A cache's own record
 *    is a run of frames. Reap is the original's shrink, of the cache and of
 *    the buckets; nothing else drains.
 * 7. The hart's sheaves are changed by their hart only. Reap calls every hart,
 *    and one that is inside at that moment keeps its own; where the original
 *    would wait, the call is made REAP_TRIES times.
 */
#include "sheaf.h"

#include "sheaf_slab.h"

#define BUCKETS    4u /* of 64, 128, 256 and 512 bytes */
#define REAP_TRIES 16u

#define LIKELY(x) __builtin_expect((x), 1)
/* Off the hot path, whose frame shall be as small as can be. */
#define COLD      __attribute__((noinline))

struct sheaf {
	struct rival_link sf_link; /* in the barn */
	struct sheaf_cache *sf_cache;
	uint32_t sf_size; /* objects */
	void *sf_objects[];
};
/* 60, 28, 12 and 4 pointers behind it are 512, 256, 128 and 64 bytes. */
_Static_assert(sizeof(struct sheaf) == 32, "a sheaf fills its bucket");

struct sheaf_hart {
	_Alignas(PORT_CACHE_LINE) _Atomic bool sh_busy;
	struct sheaf *sh_main;  /* never NULL */
	struct sheaf *sh_spare; /* or NULL */
};

/* Lists are guarded by the lock; lengths are also looked at without it. */
struct barn {
	struct rival_lock b_lock;
	_Atomic uint32_t b_full, b_empty;
	struct rival_link b_full_list, b_empty_list;
};

struct sheaf_cache {
	uint32_t sc_capacity;
	struct slab_layer *sc_bucket; /* of its sheaves */
	struct slab_layer sc_slabs;
	struct barn sc_barn;
	size_t sc_frames; /* of this record */
	struct sheaf_hart sc_harts[];
};

/* Guarded by create and destroy being one at a time. */
static struct slab_layer buckets[BUCKETS];
static unsigned users;

#ifdef RIVAL_COUNT
static uint64_t count_visits, count_refills, count_flushes;
#define COUNT(what) ((void)count_##what++)
#else
#define COUNT(what) ((void)0)
#endif

/* False: this is an interrupt, and what it interrupted is inside. */
static inline bool
enter(struct sheaf_hart *h)
{
	if (atomic_load_explicit(&h->sh_busy, memory_order_relaxed))
		return false;
	/* Between code and interrupts of one hart: the order of the program. */
	atomic_store_explicit(&h->sh_busy, true, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	return true;
}

static inline void
leave(struct sheaf_hart *h)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&h->sh_busy, false, memory_order_relaxed);
}

static inline uint32_t
length(const _Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static inline void
lengthen(_Atomic uint32_t *n, uint32_t by)
{
	atomic_store_explicit(n, length(n) + by, memory_order_relaxed);
}

static struct sheaf *
first_of(struct rival_link *list)
{
	struct sheaf *sf = RIVAL_ENTRY(list->rk_next, struct sheaf, sf_link);

	rival_list_remove(&sf->sf_link);
	return sf;
}

/* An empty sheaf for a full one; NULL: there is none. */
static struct sheaf *
barn_swap_empty(struct barn *b, struct sheaf *empty)
{
	struct sheaf *full = NULL;
	unsigned long irq;

	if (length(&b->b_full) == 0)
		return NULL;
	irq = rival_irq_off();
	rival_lock(&b->b_lock);
	if (length(&b->b_full) != 0) {
		full = first_of(&b->b_full_list);
		rival_list_add(&b->b_empty_list, &empty->sf_link);
		lengthen(&b->b_full, -1u);
		lengthen(&b->b_empty, 1u);
	}
	rival_unlock(&b->b_lock);
	rival_irq_restore(irq);
	return full;
}

/* A full sheaf for an empty one; NULL: there is none. */
static struct sheaf *
barn_swap_full(struct barn *b, struct sheaf *full)
{
	struct sheaf *empty = NULL;
	unsigned long irq;

	if (length(&b->b_empty) == 0)
		return NULL;
	irq = rival_irq_off();
	rival_lock(&b->b_lock);
	if (length(&b->b_empty) != 0) {
		empty = first_of(&b->b_empty_list);
		rival_list_add(&b->b_full_list, &full->sf_link);
		lengthen(&b->b_empty, -1u);
		lengthen(&b->b_full, 1u);
	}
	rival_unlock(&b->b_lock);
	rival_irq_restore(irq);
	return empty;
}

static struct sheaf *
barn_take_empty(struct barn *b)
{
	struct sheaf *empty = NULL;
	unsigned long irq;

	if (length(&b->b_empty) == 0)
		return NULL;
	irq = rival_irq_off();
	rival_lock(&b->b_lock);
	if (length(&b->b_empty) != 0) {
		empty = first_of(&b->b_empty_list);
		lengthen(&b->b_empty, -1u);
	}
	rival_unlock(&b->b_lock);
	rival_irq_restore(irq);
	return empty;
}

static void
barn_put_full(struct barn *b, struct sheaf *full)
{
	unsigned long irq = rival_irq_off();

	rival_lock(&b->b_lock);
	rival_list_add(&b->b_full_list, &full->sf_link);
	lengthen(&b->b_full, 1u);
	rival_unlock(&b->b_lock);
	rival_irq_restore(irq);
}

static struct sheaf *
sheaf_new(struct sheaf_cache *s)
{
	void *memory;
	struct sheaf *sf;

	if (slab_take(s->sc_bucket, &memory, 1) == 0)
		return NULL;
	sf = memory;
	sf->sf_cache = s;
	sf->sf_size = 0;
	return sf;
}

static void
sheaf_drop(struct sheaf *empty)
{
	struct slab_layer *bucket = empty->sf_cache->sc_bucket;
	void *memory = empty;

	slab_give(bucket, &memory, 1);
}

/* Empty sheaves beyond the barn's ten are given back. */
static void
barn_put_empty(struct barn *b, struct sheaf *empty)
{
	unsigned long irq = rival_irq_off();
	bool room;

	rival_lock(&b->b_lock);
	room = length(&b->b_empty) < SHEAF_BARN_MOST;
	if (room) {
		rival_list_add(&b->b_empty_list, &empty->sf_link);
		lengthen(&b->b_empty, 1u);
	}
	rival_unlock(&b->b_lock);
	rival_irq_restore(irq);
	if (!room)
		sheaf_drop(empty);
}

static void
sheaf_flush(struct sheaf_cache *s, struct sheaf *sf)
{
	slab_give(&s->sc_slabs, sf->sf_objects, sf->sf_size);
	sf->sf_size = 0;
}

/* A full sheaf out of slabs, in `empty` or a new one; NULL: no memory. */
static struct sheaf *
sheaf_fill(struct sheaf_cache *s, struct sheaf *empty)
{
	COUNT(refills);
	if (empty == NULL)
		empty = sheaf_new(s);
	if (empty == NULL)
		return NULL;
	empty->sf_size =
	    slab_take(&s->sc_slabs, empty->sf_objects, s->sc_capacity);
	if (empty->sf_size == s->sc_capacity)
		return empty;
	/* All or nothing: the caller takes one object from the slabs. */
	sheaf_flush(s, empty);
	barn_put_empty(&s->sc_barn, empty);
	return NULL;
}

/* Where a full sheaf that was filled with the flag down is put. */
static void
install_full(struct sheaf_cache *s, struct sheaf_hart *h, struct sheaf *full)
{
	struct sheaf *was = h->sh_main;

	if (was->sf_size == 0) {
		h->sh_main = full;
		if (h->sh_spare == NULL)
			h->sh_spare = was;
		else
			barn_put_empty(&s->sc_barn, was);
	} else if (h->sh_spare == NULL) {
		h->sh_spare = full;
	} else {
		barn_put_full(&s->sc_barn, full);
	}
}

/*
 * Main is empty, the flag is up. True: main has objects and the flag is up;
 * false: the flag is down.
 */
static bool
replace_empty(struct sheaf_cache *s, struct sheaf_hart *h)
{
	struct sheaf *main = h->sh_main, *spare = h->sh_spare, *full;

	if (spare != NULL && spare->sf_size != 0) {
		h->sh_main = spare;
		h->sh_spare = main;
		return true;
	}
	COUNT(visits);
	full = barn_swap_empty(&s->sc_barn, main);
	if (full != NULL) {
		h->sh_main = full;
		return true;
	}
	h->sh_spare = NULL;
	leave(h);
	if (spare == NULL)
		spare = barn_take_empty(&s->sc_barn);
	full = sheaf_fill(s, spare);
	if (full == NULL)
		return false;
	if (!enter(h)) {
		barn_put_full(&s->sc_barn, full);
		return false;
	}
	install_full(s, h, full);
	if (h->sh_main->sf_size != 0)
		return true;
	leave(h);
	return false;
}

static COLD void *
alloc_from_slabs(struct sheaf_cache *s)
{
	void *obj;

	return slab_take(&s->sc_slabs, &obj, 1) == 1 ? obj : NULL;
}

/* The flag is up, and main is empty. */
static COLD void *
alloc_beyond_main(struct sheaf_cache *s, struct sheaf_hart *h)
{
	struct sheaf *main;
	void *obj;

	if (!replace_empty(s, h))
		return alloc_from_slabs(s);
	main = h->sh_main;
	obj = main->sf_objects[--main->sf_size];
	leave(h);
	return obj;
}

void *
sheaf_alloc(struct sheaf_cache *s)
{
	struct sheaf_hart *h = &s->sc_harts[rival_hart()];
	struct sheaf *main;
	void *obj;

	if (LIKELY(enter(h))) {
		main = h->sh_main;
		if (LIKELY(main->sf_size != 0)) {
			obj = main->sf_objects[--main->sf_size];
			leave(h);
			return obj;
		}
		return alloc_beyond_main(s, h);
	}
	return alloc_from_slabs(s);
}

/* Where an empty sheaf that was got with the flag down is put. */
static void
install_empty(struct sheaf_cache *s, struct sheaf_hart *h, struct sheaf *empty)
{
	struct sheaf *main = h->sh_main, *spare = h->sh_spare;

	if (spare == NULL) {
		h->sh_spare = main;
		h->sh_main = empty;
	} else if (main->sf_size < s->sc_capacity) {
		barn_put_empty(&s->sc_barn, empty);
	} else if (spare->sf_size < s->sc_capacity) {
		h->sh_main = spare;
		h->sh_spare = main;
		barn_put_empty(&s->sc_barn, empty);
	} else {
		barn_put_full(&s->sc_barn, main);
		h->sh_main = empty;
	}
}

/* An empty sheaf from the barn, for the full main; NULL: there is none. */
static struct sheaf *
swap_main(struct sheaf_cache *s, struct sheaf_hart *h)
{
	struct sheaf *main = h->sh_main, *empty;

	if (h->sh_spare == NULL) {
		empty = barn_take_empty(&s->sc_barn);
		if (empty != NULL)
			h->sh_spare = main;
	} else if (length(&s->sc_barn.b_full) < SHEAF_BARN_MOST) {
		empty = barn_swap_full(&s->sc_barn, main);
	} else {
		return NULL;
	}
	if (empty != NULL)
		h->sh_main = empty;
	return empty;
}

/*
 * Main is full, the flag is up. True: main has room and the flag is up; false:
 * the flag is down.
 */
static bool
replace_full(struct sheaf_cache *s, struct sheaf_hart *h)
{
	struct sheaf *main = h->sh_main, *spare = h->sh_spare, *empty;
	bool many;

	if (spare != NULL && spare->sf_size < s->sc_capacity) {
		h->sh_main = spare;
		h->sh_spare = main;
		return true;
	}
	COUNT(visits);
	if (swap_main(s, h) != NULL)
		return true;
	many = length(&s->sc_barn.b_full) >= SHEAF_BARN_MOST;
	if (spare != NULL && many) {
		COUNT(flushes);
		h->sh_spare = NULL;
		leave(h);
		sheaf_flush(s, spare);
		empty = spare;
	} else {
		leave(h);
		empty = sheaf_new(s);
	}
	/* With no memory for a sheaf, the object goes to its slab. */
	if (empty == NULL)
		return false;
	if (!enter(h)) {
		barn_put_empty(&s->sc_barn, empty);
		return false;
	}
	install_empty(s, h, empty);
	return true;
}

static COLD void
free_to_slab(struct sheaf_cache *s, void *obj)
{
	slab_give(&s->sc_slabs, &obj, 1);
}

/* The flag is up, and main is full. */
static COLD void
free_beyond_main(struct sheaf_cache *s, struct sheaf_hart *h, void *obj)
{
	struct sheaf *main;

	if (!replace_full(s, h)) {
		free_to_slab(s, obj);
		return;
	}
	main = h->sh_main;
	main->sf_objects[main->sf_size++] = obj;
	leave(h);
}

void
sheaf_free(struct sheaf_cache *s, void *obj)
{
	struct sheaf_hart *h = &s->sc_harts[rival_hart()];
	struct sheaf *main;

	if (LIKELY(enter(h))) {
		main = h->sh_main;
		if (LIKELY(main->sf_size != s->sc_capacity)) {
			main->sf_objects[main->sf_size++] = obj;
			leave(h);
			return;
		}
		free_beyond_main(s, h, obj);
		return;
	}
	free_to_slab(s, obj);
}

static void
barn_drain(struct sheaf_cache *s)
{
	struct sheaf *sf;

	while ((sf = barn_take_empty(&s->sc_barn)) != NULL)
		sheaf_drop(sf);
	for (;;) {
		unsigned long irq = rival_irq_off();

		rival_lock(&s->sc_barn.b_lock);
		sf = NULL;
		if (length(&s->sc_barn.b_full) != 0) {
			sf = first_of(&s->sc_barn.b_full_list);
			lengthen(&s->sc_barn.b_full, -1u);
		}
		rival_unlock(&s->sc_barn.b_lock);
		rival_irq_restore(irq);
		if (sf == NULL)
			return;
		sheaf_flush(s, sf);
		sheaf_drop(sf);
	}
}

struct hart_flush {
	struct sheaf_cache *hf_cache;
	bool hf_done;
};

/* On the hart itself: its main becomes empty, its spare goes. */
static void
flush_here(void *arg)
{
	struct hart_flush *hf = arg;
	struct sheaf_cache *s = hf->hf_cache;
	struct sheaf_hart *h = &s->sc_harts[rival_hart()];
	struct sheaf *spare;

	if (!enter(h))
		return;
	sheaf_flush(s, h->sh_main);
	spare = h->sh_spare;
	h->sh_spare = NULL;
	leave(h);
	if (spare != NULL) {
		sheaf_flush(s, spare);
		sheaf_drop(spare);
	}
	hf->hf_done = true;
}

/* Frames of the cache's slabs and of all sheaves. */
static int64_t
frames_of(struct sheaf_cache *s)
{
	int64_t frames =
	    atomic_load_explicit(&s->sc_slabs.sl_frames, memory_order_relaxed);
	unsigned i;

	for (i = 0; i < BUCKETS; i++)
		frames += atomic_load_explicit(
		    &buckets[i].sl_frames, memory_order_relaxed);
	return frames;
}

size_t
sheaf_reap(struct sheaf_cache *s)
{
	unsigned hart, tries, harts = port_hart_count();
	int64_t before = frames_of(s), after;

	for (hart = 0; hart < harts; hart++) {
		struct hart_flush hf = { s, false };

		for (tries = 0; tries < REAP_TRIES && !hf.hf_done; tries++)
			(void)port_hart_call(hart, flush_here, &hf);
	}
	barn_drain(s);
	slab_shrink(&s->sc_slabs);
	for (hart = 0; hart < BUCKETS; hart++)
		slab_shrink(&buckets[hart]);
	after = frames_of(s);
	return after < before ? (size_t)(before - after) : 0;
}

static uint32_t
capacity_of(size_t stride)
{
	if (stride >= FRAME_SIZE)
		return 4;
	if (stride >= 1024)
		return 12;
	return stride >= 256 ? 28 : 60;
}

/* The last one gone, all buckets' slabs are empty. */
static void
close_one(void)
{
	unsigned i;

	if (--users != 0)
		return;
	for (i = 0; i < BUCKETS; i++)
		slab_shrink(&buckets[i]);
	slab_table_close();
}

static bool
open_one(void)
{
	unsigned i;

	if (users == 0 && !slab_table_open())
		return false;
	for (i = 0; users == 0 && i < BUCKETS; i++)
		slab_layer_open(
		    &buckets[i], (size_t)64 << i, (size_t)64 << i, NULL, NULL);
	users++;
	return true;
}

/* With what its harts have, which is empty but for their objects. */
static bool
dispose(struct sheaf_cache *s)
{
	unsigned i, harts = port_hart_count();
	bool clean;

	for (i = 0; i < harts; i++) {
		struct sheaf_hart *h = &s->sc_harts[i];

		if (h->sh_main != NULL) {
			sheaf_flush(s, h->sh_main);
			sheaf_drop(h->sh_main);
		}
		if (h->sh_spare != NULL) {
			sheaf_flush(s, h->sh_spare);
			sheaf_drop(h->sh_spare);
		}
	}
	barn_drain(s);
	slab_shrink(&s->sc_slabs);
	clean = atomic_load_explicit(
		    &s->sc_slabs.sl_frames, memory_order_relaxed) == 0;
	rival_frames_free(s, s->sc_frames);
	close_one();
	return clean;
}

static bool
make_mains(struct sheaf_cache *s)
{
	unsigned i, harts = port_hart_count();

	for (i = 0; i < harts; i++) {
		s->sc_harts[i].sh_main = sheaf_new(s);
		if (s->sc_harts[i].sh_main == NULL)
			return false;
	}
	return true;
}

struct sheaf_cache *
sheaf_create(
    size_t size, size_t align, int (*ctor)(void *obj, void *arg), void *arg)
{
	unsigned i, harts = port_hart_count();
	size_t frames = div_up(
	    sizeof(struct sheaf_cache) + harts * sizeof(struct sheaf_hart),
	    FRAME_SIZE);
	struct sheaf_cache *s;

	if (!open_one())
		return NULL;
	s = rival_frames_alloc(frames, false);
	if (s == NULL) {
		close_one();
		return NULL;
	}
	s->sc_frames = frames;
	slab_layer_open(&s->sc_slabs, size, align, ctor, arg);
	s->sc_capacity = capacity_of(s->sc_slabs.sl_stride);
	for (i = 0; 32u + 8u * s->sc_capacity > 64u << i; i++)
		;
	s->sc_bucket = &buckets[i];
	s->sc_barn.b_lock = (struct rival_lock){ 0 };
	atomic_store_explicit(&s->sc_barn.b_full, 0, memory_order_relaxed);
	atomic_store_explicit(&s->sc_barn.b_empty, 0, memory_order_relaxed);
	rival_list_init(&s->sc_barn.b_full_list);
	rival_list_init(&s->sc_barn.b_empty_list);
	for (i = 0; i < harts; i++) {
		s->sc_harts[i].sh_main = NULL;
		s->sc_harts[i].sh_spare = NULL;
		leave(&s->sc_harts[i]);
	}
	if (make_mains(s))
		return s;
	(void)dispose(s);
	return NULL;
}

bool
sheaf_destroy(struct sheaf_cache *s)
{
	return dispose(s);
}

size_t
sheaf_charge(void)
{
	return users != 0 ? (size_t)0 - slab_table.t_frames : 0;
}

void
sheaf_look(struct sheaf_cache *s, struct sheaf_facts *f)
{
	unsigned i, harts = port_hart_count();

	*f = (struct sheaf_facts){ .capacity = s->sc_capacity,
		.order = s->sc_slabs.sl_order,
		.objects = (unsigned)slab_fits(
		    s->sc_slabs.sl_stride, s->sc_slabs.sl_order),
		.partial = s->sc_slabs.sl_listed,
		.full = length(&s->sc_barn.b_full),
		.empty = length(&s->sc_barn.b_empty) };
	f->idle = f->full * s->sc_capacity;
	for (i = 0; i < harts; i++) {
		f->idle += s->sc_harts[i].sh_main->sf_size;
		if (s->sc_harts[i].sh_spare != NULL)
			f->idle += s->sc_harts[i].sh_spare->sf_size;
	}
#ifdef RIVAL_COUNT
	f->visits = count_visits;
	f->refills = count_refills;
	f->flushes = count_flushes;
#endif
}
