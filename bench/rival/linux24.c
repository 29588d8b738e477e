/* SPDX-License-Identifier: MIT */
/*
 * A rival: the slab allocator of Linux 2.4, on several processors, written
 * anew after its description.
 *
 * Theory of operation
 *
 * 1. Objects of one size lie in slabs, runs of 2^order frames. Which of them
 *    are free is in an array of indexes behind the slab's descriptor, so an
 *    object's bytes stay as they were from free to allocation: constructors run
 *    once, for all objects of a slab, when it is made. Descriptor and array lie
 *    at the head of the slab, or, for objects of an eighth of a frame or more,
 *    in a general cache, unless what is left over has room for them.
 * 2. The order grows until at most an eighth of the slab is left over, but not
 *    beyond 2 unless one object needs it, and never beyond 5.
 * 3. What is left over moves a slab's first object, by a cache line for each
 *    new slab: colours. There are left_over / step of them, 0 to n - 1, so the
 *    last place is never used and one colour is none.
 * 4. Slabs are in one of three rings, full, partial, free. Allocations take
 *    from the first partial slab, then from a free one. A slab that becomes
 *    free is kept. One lock guards all of it.
 * 5. Each hart has an array of objects, last in first out, that only it
 *    touches, interrupts off: no atomic operation. An empty one is filled with
 *    a batch under the lock, a full one gives its lowest places' worth of a
 *    batch, the youngest, back. It has 252 places for objects of up to 256
 *    bytes, 124 up to 1,024, 60 up to a frame, and there is none above; a batch
 *    is half of that.
 * 6. A reap empties the arrays of all harts, each by a call on that hart, and
 *    gives all free slabs back. The original did so when a cache was destroyed.
 *    Short of memory it looked at ten caches, emptied the array of the hart it
 *    was on, and freed half of the free slabs of one cache; a shrink asked for
 *    freed all free slabs and left the arrays. Nothing reclaims inside an
 *    allocation here: a 2.4 kernel left that to kswapd.
 *
 * What it has of the original's defects, since they cost time or memory: the
 * lost colour (3); objects smaller than half a line share one even if lines
 * were asked for; arrays of one size on every hart for
 * every cache, used or not; the array of indexes rounded up to a line; slabs of
 * half waste for objects just above two frames; first partial slab, not the
 * fullest; constructors for a whole slab at once; a slab that was just made may
 * be emptied by others before its maker gets an object, which then starts over.
 *
 * What it has not, none of it a cost or a gain on a path that is measured:
 * names, the chain of caches, debugging, tuning at run time (with the overflow
 * that it allowed), DMA, the sizes of kmalloc. It accepts a double free like
 * the original. Alignment other than to words or lines is an extension, since
 * 2.4 had none; so is a constructor that fails. The general caches have no
 * arrays of their own, which is less memory and no time but when slabs are
 * made; they go when the last cache does.
 */
#include "linux24.h"

#include "link.h"
#include "rival.h"

#define LINE_BYTES    64u
#define ALIGN_MIN     sizeof(void *)
#define OUTSIDE_FROM  (FRAME_SIZE >> 3) /* bytes of an object */
#define ORDER_BREAK   2u
#define ORDER_MAX     5u
#define INDEX_END     UINT32_MAX
#define ARRAY_MAX     252u   /* objects */
#define OBJECTS_LIMIT 65535u /* per slab */

/* General caches: 32 bytes doubled so many times. */
#define GENERAL_SHIFT 5u
#define GENERALS      7u /* 32 … 2,048 */

struct slab {
	struct rival_link sl_link;
	size_t sl_colour_bytes; /* the first object's offset */
	unsigned char *sl_mem;  /* the first object */
	uint32_t sl_inuse;
	uint32_t sl_free;   /* index of the first free object */
	uint32_t sl_next[]; /* of each free object: the next one */
};

/* A hart's own objects; the hart's alone, interrupts off. */
struct array {
	uint32_t ar_avail;
	uint32_t ar_limit;
	void *ar_objs[];
};

struct linux24 {
	struct rival_link lx_full; /* lx_lock guards the rings */
	struct rival_link lx_partial;
	struct rival_link lx_free;
	size_t lx_size; /* bytes of an object */
	bool lx_outside;
	uint32_t lx_objects; /* per slab */
	struct rival_lock lx_lock;
	uint32_t lx_batch;

	unsigned lx_order;
	size_t lx_align;
	size_t lx_colours, lx_colour_step, lx_colour_next;
	struct linux24 *lx_slabs; /* outside: where descriptors come from */
	int (*lx_ctor)(void *obj, void *arg);
	void *lx_arg;

	struct array *lx_arrays[RIVAL_HARTS_MAX]; /* NULL: there is none */
};

static struct {
	struct rival_lock lock;
	unsigned users; /* caches that callers have made */
} linux24;

static struct linux24 generals[GENERALS];
static struct linux24 cache_cache;

static size_t
round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* ---- slabs ---- */

/* Bytes of a descriptor with the indexes of n objects. */
static size_t
mgmt_bytes(const struct linux24 *cp, size_t n)
{
	size_t bytes = sizeof(struct slab) + n * sizeof(uint32_t);
	size_t to = LINE_BYTES;

	if (!cp->lx_outside && cp->lx_align > to)
		to = cp->lx_align;
	return round_up(bytes, to);
}

static inline struct slab **
slab_of(const void *obj)
{
	return (struct slab **)(void *)rival_frame(obj);
}

static void *
object_at(const struct linux24 *cp, const struct slab *sp, uint32_t i)
{
	return sp->sl_mem + i * cp->lx_size;
}

/* Give a slab's memory back; it is in no ring. Frames. */
static size_t
slab_unmake(struct linux24 *cp, struct slab *sp)
{
	size_t frames = (size_t)1 << cp->lx_order;

	rival_frames_free(sp->sl_mem - sp->sl_colour_bytes, frames);
	if (cp->lx_outside)
		linux24_free(cp->lx_slabs, sp);
	return frames;
}

/* The colour of the next slab, as bytes. */
static size_t
next_colour(struct linux24 *cp)
{
	size_t bytes;

	rival_lock(&cp->lx_lock);
	bytes = cp->lx_colour_next * cp->lx_colour_step;
	if (++cp->lx_colour_next >= cp->lx_colours)
		cp->lx_colour_next = 0;
	rival_unlock(&cp->lx_lock);
	return bytes;
}

/* The descriptor of the slab at `data`; NULL: no memory. */
static struct slab *
slab_mgmt(struct linux24 *cp, unsigned char *data, size_t colour)
{
	struct slab *sp;

	if (cp->lx_outside) {
		sp = linux24_alloc(cp->lx_slabs);
		if (sp == NULL)
			return NULL;
	} else {
		sp = (void *)(data + colour);
		colour += mgmt_bytes(cp, cp->lx_objects);
	}
	sp->sl_inuse = 0;
	sp->sl_free = 0;
	sp->sl_colour_bytes = colour;
	sp->sl_mem = data + colour;
	return sp;
}

/* False: a constructor failed. */
static bool
slab_construct(struct linux24 *cp, struct slab *sp)
{
	uint32_t i;

	for (i = 0; i < cp->lx_objects; i++) {
		if (cp->lx_ctor != NULL &&
		    cp->lx_ctor(object_at(cp, sp, i), cp->lx_arg) != 0)
			return false;
		sp->sl_next[i] = i + 1;
	}
	sp->sl_next[cp->lx_objects - 1] = INDEX_END;
	return true;
}

/*
 * Add a free slab. Interrupts may be on, no lock is held. Not in line, nor is
 * what follows: the hot path would save the registers of the cold one.
 */
static __attribute__((noinline)) bool
cache_grow(struct linux24 *cp)
{
	size_t frames = (size_t)1 << cp->lx_order, i;
	unsigned long irq = rival_irq_off();
	size_t colour = next_colour(cp);
	unsigned char *data;
	struct slab *sp;

	rival_irq_restore(irq);
	data = rival_frames_alloc(frames, true);
	if (data == NULL)
		return false;
	sp = slab_mgmt(cp, data, colour);
	if (sp == NULL) {
		rival_frames_free(data, frames);
		return false;
	}
	for (i = 0; i < frames; i++)
		*slab_of(data + i * FRAME_SIZE) = sp;
	if (!slab_construct(cp, sp)) {
		(void)slab_unmake(cp, sp);
		return false;
	}
	irq = rival_irq_off();
	rival_lock(&cp->lx_lock);
	rival_list_add(cp->lx_free.rk_prev, &sp->sl_link);
	rival_unlock(&cp->lx_lock);
	rival_irq_restore(irq);
	return true;
}

/* An object of the first slab that has one; NULL: none has. Lock held. */
static void *
take_one(struct linux24 *cp)
{
	struct slab *sp;
	void *obj;

	if (rival_list_empty(&cp->lx_partial)) {
		if (rival_list_empty(&cp->lx_free))
			return NULL;
		sp = RIVAL_ENTRY(cp->lx_free.rk_next, struct slab, sl_link);
		rival_list_remove(&sp->sl_link);
		rival_list_add(&cp->lx_partial, &sp->sl_link);
	} else {
		sp = RIVAL_ENTRY(cp->lx_partial.rk_next, struct slab, sl_link);
	}
	sp->sl_inuse++;
	obj = object_at(cp, sp, sp->sl_free);
	sp->sl_free = sp->sl_next[sp->sl_free];
	if (sp->sl_free == INDEX_END) {
		rival_list_remove(&sp->sl_link);
		rival_list_add(&cp->lx_full, &sp->sl_link);
	}
	return obj;
}

/* Lock held. */
static void
give_one(struct linux24 *cp, void *obj)
{
	struct slab *sp = *slab_of(obj);
	size_t offset = (size_t)((unsigned char *)obj - sp->sl_mem);
	uint32_t i = (uint32_t)(offset / cp->lx_size);
	uint32_t inuse = sp->sl_inuse--;

	sp->sl_next[i] = sp->sl_free;
	sp->sl_free = i;
	if (inuse == 1) {
		rival_list_remove(&sp->sl_link);
		rival_list_add(&cp->lx_free, &sp->sl_link);
	} else if (inuse == cp->lx_objects) {
		rival_list_remove(&sp->sl_link);
		rival_list_add(&cp->lx_partial, &sp->sl_link);
	}
}

/* ---- arrays ---- */

/* Fill the empty array with a batch, and pop. Interrupts are off. */
static __attribute__((noinline)) void *
array_refill(struct linux24 *cp, struct array *ar)
{
	uint32_t left = cp->lx_batch;
	void *obj;

	rival_lock(&cp->lx_lock);
	while (left-- != 0 && (obj = take_one(cp)) != NULL)
		ar->ar_objs[ar->ar_avail++] = obj;
	rival_unlock(&cp->lx_lock);
	return ar->ar_avail != 0 ? ar->ar_objs[--ar->ar_avail] : NULL;
}

/* Give `count` objects back to their slabs, the youngest. Interrupts off. */
static __attribute__((noinline)) void
array_flush(struct linux24 *cp, struct array *ar, uint32_t count)
{
	uint32_t i;

	ar->ar_avail -= count;
	rival_lock(&cp->lx_lock);
	for (i = 0; i < count; i++)
		give_one(cp, ar->ar_objs[ar->ar_avail + i]);
	rival_unlock(&cp->lx_lock);
}

static __attribute__((noinline)) void *
take_locked(struct linux24 *cp)
{
	void *obj;

	rival_lock(&cp->lx_lock);
	obj = take_one(cp);
	rival_unlock(&cp->lx_lock);
	return obj;
}

static __attribute__((noinline)) void
give_locked(struct linux24 *cp, void *obj)
{
	rival_lock(&cp->lx_lock);
	give_one(cp, obj);
	rival_unlock(&cp->lx_lock);
}

/* ---- the two calls ---- */

void *
linux24_alloc(struct linux24 *cp)
{
	struct array *ar;
	unsigned long irq;
	void *obj;

	/* What a new slab brings, others may take: then once more. */
	do {
		irq = rival_irq_off();
		ar = cp->lx_arrays[rival_hart()];
		if (ar == NULL)
			obj = take_locked(cp);
		else if (ar->ar_avail != 0)
			obj = ar->ar_objs[--ar->ar_avail];
		else
			obj = array_refill(cp, ar);
		rival_irq_restore(irq);
	} while (obj == NULL && cache_grow(cp));
	return obj;
}

void
linux24_free(struct linux24 *cp, void *obj)
{
	unsigned long irq = rival_irq_off();
	struct array *ar = cp->lx_arrays[rival_hart()];

	if (ar != NULL) {
		if (ar->ar_avail == ar->ar_limit)
			array_flush(cp, ar, cp->lx_batch);
		ar->ar_objs[ar->ar_avail++] = obj;
	} else {
		give_locked(cp, obj);
	}
	rival_irq_restore(irq);
}

/* ---- reap ---- */

/* On the hart whose array it is, as port_hart_call. */
static void
drain_here(void *arg)
{
	struct linux24 *cp = arg;
	unsigned long irq = rival_irq_off();
	struct array *ar = cp->lx_arrays[rival_hart()];

	if (ar != NULL)
		array_flush(cp, ar, ar->ar_avail);
	rival_irq_restore(irq);
}

static void
drain_all(struct linux24 *cp)
{
	unsigned h;

	for (h = 0; h < port_hart_count(); h++)
		if (cp->lx_arrays[h] != NULL)
			(void)port_hart_call(h, drain_here, cp);
}

/* Give free slabs back, until there are none; frames. */
static size_t
free_slabs(struct linux24 *cp)
{
	size_t frames = 0;

	for (;;) {
		struct rival_link *last;
		unsigned long irq = rival_irq_off();

		rival_lock(&cp->lx_lock);
		last = cp->lx_free.rk_prev;
		if (last != &cp->lx_free)
			rival_list_remove(last);
		rival_unlock(&cp->lx_lock);
		rival_irq_restore(irq);
		if (last == &cp->lx_free)
			return frames;
		frames +=
		    slab_unmake(cp, RIVAL_ENTRY(last, struct slab, sl_link));
	}
}

size_t
linux24_reap(struct linux24 *cp)
{
	drain_all(cp);
	return free_slabs(cp);
}

/* ---- caches ---- */

/* Objects in a slab of this order, and what is left over. */
static size_t
estimate(const struct linux24 *cp, unsigned order, size_t *left_over)
{
	size_t bytes = FRAME_SIZE << order, n = 0, mgmt;

	for (;; n++) {
		mgmt = cp->lx_outside ? 0 : mgmt_bytes(cp, n + 1);
		if ((n + 1) * cp->lx_size + mgmt > bytes)
			break;
	}
	if (n > OBJECTS_LIMIT)
		n = OBJECTS_LIMIT;
	mgmt = cp->lx_outside ? 0 : mgmt_bytes(cp, n);
	*left_over = n != 0 ? bytes - n * cp->lx_size - mgmt : 0;
	return n;
}

/*
 * Where `bytes` come from: an array, or a descriptor outside. Those have no
 * more than 32 objects, of 512 bytes in 4 frames, and are far from the largest.
 */
static struct linux24 *
general_for(size_t bytes)
{
	unsigned i = 0;

	while (i < GENERALS - 1 && bytes > (size_t)1 << (GENERAL_SHIFT + i))
		i++;
	return &generals[i];
}

/* Order, colours, and where the descriptor is. False: too large. */
static bool
shape(struct linux24 *cp)
{
	size_t left_over, mgmt;

	cp->lx_outside = cp->lx_size >= OUTSIDE_FROM;
	for (cp->lx_order = 0;; cp->lx_order++) {
		cp->lx_objects =
		    (uint32_t)estimate(cp, cp->lx_order, &left_over);
		if (cp->lx_order == ORDER_MAX)
			break;
		if (cp->lx_objects != 0 &&
		    (cp->lx_order >= ORDER_BREAK ||
			left_over * 8 <= FRAME_SIZE << cp->lx_order))
			break;
	}
	if (cp->lx_objects == 0)
		return false;
	if (cp->lx_outside) {
		cp->lx_outside = false;
		mgmt = mgmt_bytes(cp, cp->lx_objects);
		if (left_over >= mgmt)
			left_over -= mgmt;
		else
			cp->lx_outside = true;
	}
	if (cp->lx_outside)
		cp->lx_slabs = general_for(mgmt_bytes(cp, cp->lx_objects));
	cp->lx_colour_step =
	    cp->lx_align > LINE_BYTES ? cp->lx_align : LINE_BYTES;
	cp->lx_colours = left_over / cp->lx_colour_step;
	return true;
}

static bool
cache_fill(struct linux24 *cp, size_t size, size_t align, bool line)
{
	__builtin_memset(cp, 0, sizeof(*cp));
	rival_list_init(&cp->lx_full);
	rival_list_init(&cp->lx_partial);
	rival_list_init(&cp->lx_free);
	if (align < ALIGN_MIN)
		align = ALIGN_MIN;
	if (line && align < LINE_BYTES) {
		size_t share = LINE_BYTES;

		while (size < share / 2)
			share /= 2;
		if (share > align)
			align = share;
	}
	cp->lx_align = align;
	cp->lx_size = round_up(size, align);
	return shape(cp);
}

_Static_assert(sizeof(struct array) + ARRAY_MAX * sizeof(void *) <= (size_t)1
	    << (GENERAL_SHIFT + GENERALS - 1),
    "an array is an object of a general cache");

static unsigned
array_limit(size_t size)
{
	if (size > FRAME_SIZE)
		return 0;
	if (size > 1024)
		return 60;
	return size > 256 ? 124 : ARRAY_MAX;
}

static size_t
array_bytes(unsigned limit)
{
	return sizeof(struct array) + limit * sizeof(void *);
}

static void
arrays_free(struct linux24 *cp)
{
	unsigned h;

	for (h = 0; h < port_hart_count(); h++) {
		struct array *ar = cp->lx_arrays[h];

		if (ar != NULL)
			linux24_free(
			    general_for(array_bytes(ar->ar_limit)), ar);
		cp->lx_arrays[h] = NULL;
	}
}

/* On every hart, before any uses the cache. */
static bool
arrays_make(struct linux24 *cp)
{
	unsigned limit = array_limit(cp->lx_size), h;

	cp->lx_batch = limit / 2;
	for (h = 0; limit != 0 && h < port_hart_count(); h++) {
		struct array *ar =
		    linux24_alloc(general_for(array_bytes(limit)));

		if (ar == NULL) {
			arrays_free(cp);
			return false;
		}
		ar->ar_avail = 0;
		ar->ar_limit = limit;
		cp->lx_arrays[h] = ar;
	}
	return true;
}

/* The first of the users makes what caches are made of, the last ends it. */
static bool
users_add(void)
{
	unsigned long irq = rival_irq_off();
	bool good = true;
	unsigned i;

	rival_lock(&linux24.lock);
	if (linux24.users == 0) {
		for (i = 0; i < GENERALS; i++)
			good = good &&
			    cache_fill(&generals[i],
				(size_t)1 << (GENERAL_SHIFT + i), 0, true);
		good = good &&
		    cache_fill(&cache_cache, sizeof(cache_cache), 0, true);
	}
	if (good)
		linux24.users++;
	rival_unlock(&linux24.lock);
	rival_irq_restore(irq);
	return good;
}

static void
users_remove(void)
{
	unsigned long irq = rival_irq_off();
	unsigned i;

	rival_lock(&linux24.lock);
	if (--linux24.users == 0) {
		(void)free_slabs(&cache_cache);
		/* Descriptors of larger ones may lie in smaller ones. */
		for (i = GENERALS; i-- != 0;)
			(void)free_slabs(&generals[i]);
	}
	rival_unlock(&linux24.lock);
	rival_irq_restore(irq);
}

struct linux24 *
linux24_create(size_t size, const struct linux24_options *opt)
{
	static const struct linux24_options none;
	struct linux24 *cp;

	if (opt == NULL)
		opt = &none;
	if (size == 0 || size > LINUX24_SIZE_MAX || opt->align > FRAME_SIZE ||
	    (opt->align & (opt->align - 1)) != 0 ||
	    port_hart_count() > RIVAL_HARTS_MAX || rival_frames == NULL ||
	    !users_add())
		return NULL;
	cp = linux24_alloc(&cache_cache);
	if (cp == NULL)
		goto fail_users;
	if (!cache_fill(cp, size, opt->align, opt->line) || !arrays_make(cp))
		goto fail_cache;
	if (opt->flat)
		cp->lx_colours = 0;
	cp->lx_ctor = opt->ctor;
	cp->lx_arg = opt->arg;
	return cp;

fail_cache:
	linux24_free(&cache_cache, cp);
fail_users:
	users_remove();
	return NULL;
}

bool
linux24_destroy(struct linux24 *cp)
{
	(void)linux24_reap(cp);
	if (!rival_list_empty(&cp->lx_full) ||
	    !rival_list_empty(&cp->lx_partial))
		return false;
	arrays_free(cp);
	linux24_free(&cache_cache, cp);
	users_remove();
	return true;
}

void
linux24_shape(const struct linux24 *cp, struct linux24_shape *out)
{
	out->frames = (size_t)1 << cp->lx_order;
	out->objects = cp->lx_objects;
	out->bytes = cp->lx_size;
	out->colours = cp->lx_colours;
	out->colour_bytes = cp->lx_colour_step;
	out->outside = cp->lx_outside;
	out->limit = cp->lx_batch * 2;
	out->batch = cp->lx_batch;
}

#ifdef RIVAL_COUNT
uint64_t
linux24_locks(const struct linux24 *cp)
{
	return cp->lx_lock.rl_taken;
}
#endif
