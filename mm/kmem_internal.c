/* SPDX-License-Identifier: MIT */
/*
 * The allocator's own caches, and the start of everything.
 *
 * Records of the allocator come from the allocator (Bonwick 1994), without
 * recursion: these caches have no magazines, so taking from them is one lock of
 * the slab layer; and the caches of slab descriptors keep their own
 * descriptors at the head of each slab, so growing them needs frames only:
 *
 *   object of any cache -> its slab's descriptor  -> kmem-slab-N (embedded)
 *                       -> magazines of its harts -> kmem-magazine
 *   struct kmem_cache, struct kmem_hart[]         -> kmem-cache, kmem-hart
 *
 * The descriptors of these caches are static (row B15).
 *
 * Caches whose slabs bear a tag of the embedder's have a second set of these,
 * tagged FRAME_TAG_USER: whoever counts frames by tag finds the records with
 * what they describe.
 */
#include "kmem_impl.h"

#include <string.h>

/* Descriptor sizes: 1, 2, 4, 8 and 16 words of bits. */
#define DESCRIPTORS 5u

enum {
	INTERNAL_CACHE,
	INTERNAL_HART,
	INTERNAL_MAGAZINE,
	INTERNAL_SLAB,
	/* The same for caches whose frames bear a tag of the embedder's. */
	INTERNAL_USER_CACHE = INTERNAL_SLAB + DESCRIPTORS,
	INTERNAL_USER_SLAB,
	INTERNAL_COUNT = INTERNAL_USER_SLAB + DESCRIPTORS
};

static struct kmem_cache internal[INTERNAL_COUNT];

/* Geometry of a cache that keeps its slabs' descriptors inside: one frame. */
static void
embed(struct kmem_cache *cp)
{
	struct geometry *g = &cp->c_geo;
	unsigned objects = (unsigned)(FRAME_SIZE / g->g_stride);

	while (sizeof(struct slab) + 8 * div_up(objects, 64) +
		objects * g->g_stride >
	    FRAME_SIZE)
		objects--;
	MM_ASSERT2(objects > 1, g->g_stride, objects);
	cp->c_embedded = true;
	g->g_frames = 1;
	g->g_objects = objects;
	g->g_words = (unsigned)div_up(objects, 64);
	g->g_colours = 1;
	g->g_short_frames = 1;
	g->g_short_objects = objects;
	g->g_descriptor = 0;
	g->g_waste_ppm = (size_t)(1000000u -
	    (uint64_t)objects * g->g_stride * 1000000u / FRAME_SIZE);
}

static struct kmem_cache *
internal_setup(
    unsigned i, const char *name, size_t size, size_t align, unsigned tag)
{
	static const struct kmem_options none = { .flags = KMEM_NOMAGAZINE |
		    KMEM_NOCOLOUR };
	struct kmem_options opt = none;
	struct kmem_cache *cp = &internal[i];

	opt.align = align;
	opt.frame_tag = tag;
	kmem_cache_setup(cp, name, size, &opt);
	cp->c_internal = true;
	return cp;
}

void
kmem_internal_init(void)
{
	static const char *const names[DESCRIPTORS] = { "kmem-slab-1",
		"kmem-slab-2", "kmem-slab-4", "kmem-slab-8", "kmem-slab-16" };
	static const char *const user_names[DESCRIPTORS] = { "kmem-user-slab-1",
		"kmem-user-slab-2", "kmem-user-slab-4", "kmem-user-slab-8",
		"kmem-user-slab-16" };

	(void)internal_setup(INTERNAL_CACHE, "kmem-cache",
	    sizeof(struct kmem_cache), PORT_CACHE_LINE, FRAME_TAG_META);
	(void)internal_setup(INTERNAL_USER_CACHE, "kmem-user-cache",
	    sizeof(struct kmem_cache), PORT_CACHE_LINE, FRAME_TAG_USER);
	(void)internal_setup(INTERNAL_HART, "kmem-hart",
	    port_hart_count() * sizeof(struct kmem_hart), PORT_CACHE_LINE,
	    FRAME_TAG_META);
	(void)internal_setup(INTERNAL_MAGAZINE, "kmem-magazine", MAG_BYTES,
	    MAG_BYTES, FRAME_TAG_META);
	for (unsigned i = 0; i < DESCRIPTORS; i++) {
		embed(internal_setup(INTERNAL_SLAB + i, names[i],
		    sizeof(struct slab) + ((size_t)8 << i), 0, FRAME_TAG_META));
		embed(internal_setup(INTERNAL_USER_SLAB + i, user_names[i],
		    sizeof(struct slab) + ((size_t)8 << i), 0, FRAME_TAG_USER));
	}
	for (unsigned i = 0; i < INTERNAL_COUNT; i++)
		MM_ASSERT(registry_add(&internal[i]) == 0);
}

static struct kmem_cache *
descriptor_cache(const struct kmem_cache *cp)
{
	unsigned first = cp->c_frame_tag >= FRAME_TAG_USER ? INTERNAL_USER_SLAB
							   : INTERNAL_SLAB;
	size_t bytes = cp->c_geo.g_descriptor;

	for (unsigned i = 0; i < DESCRIPTORS; i++) {
		if (bytes <= internal[first + i].c_size)
			return &internal[first + i];
	}
	port_panic(__FILE__, __LINE__, "a descriptor fits a cache", bytes, 0);
}

struct slab *
slab_descriptor_alloc(const struct kmem_cache *cp, unsigned flags)
{
	return slab_alloc(descriptor_cache(cp), flags & KMEM_NOWAIT);
}

size_t
slab_descriptor_free(const struct kmem_cache *cp, struct slab *sp)
{
	return slab_put_own(descriptor_cache(cp), sp);
}

size_t
slab_descriptors_free(
    const struct kmem_cache *cp, void *const *descriptors, size_t n)
{
	return slab_put(descriptor_cache(cp), descriptors, n, true, 0);
}

struct magazine *
mag_create(uint32_t capacity)
{
	struct magazine *mp =
	    slab_alloc(&internal[INTERNAL_MAGAZINE], KMEM_NOWAIT);

	if (mp == NULL)
		return NULL;
	mp->mag_next = NULL;
	mag_format(mp, capacity);
	return mp;
}

size_t
mag_destroy(struct magazine *mp)
{
	MM_ASSERT2(mp->mag_next == NULL, mp, mp->mag_next);
	return slab_put_own(&internal[INTERNAL_MAGAZINE], mp);
}

bool
mag_is_one(uintptr_t addr)
{
	struct slab *sp = slab_of(addr);
	long index;

	if (sp == NULL || sp->s_cache != &internal[INTERNAL_MAGAZINE])
		return false;
	index = slab_index(sp, addr);
	return index >= 0 && slab_object(sp, (unsigned)index) == addr &&
	    !slab_is_free(sp, (unsigned)index);
}

struct kmem_cache *
kmem_cache_descriptor_alloc(unsigned frame_tag)
{
	return slab_alloc(
	    &internal[frame_tag >= FRAME_TAG_USER ? INTERNAL_USER_CACHE
						  : INTERNAL_CACHE],
	    0);
}

void
kmem_cache_descriptor_free(struct kmem_cache *cp)
{
	unsigned i = cp->c_frame_tag >= FRAME_TAG_USER ? INTERNAL_USER_CACHE
						       : INTERNAL_CACHE;

	(void)slab_put_own(&internal[i], cp);
}

struct kmem_hart *
kmem_harts_alloc(void)
{
	struct kmem_hart *harts = slab_alloc(&internal[INTERNAL_HART], 0);

	if (harts != NULL)
		memset(harts, 0, internal[INTERNAL_HART].c_size);
	return harts;
}

void
kmem_harts_free(struct kmem_hart *harts)
{
	if (harts != NULL)
		(void)slab_put_own(&internal[INTERNAL_HART], harts);
}

/* Empty slabs of our own; descriptors last, since others' slabs use them. */
void
kmem_internal_release(size_t *frames, size_t target)
{
	for (unsigned i = 0; i < INTERNAL_COUNT; i++)
		if (slab_has_empty(&internal[i]))
			slab_release_empty(&internal[i], frames, target);
}

int
kmem_init(void)
{
	_Static_assert(sizeof(struct slab) == 48, "descriptor head");

	MM_ASSERT(frame_zone_count() > 0);
	MM_ASSERT(port_hart_count() > 0);
	registry_init();
	slots_init();
	frame_hart_init(slot_alloc());
	kmem_internal_init();
	frame_set_reclaim(kmem_low_memory);
	return kmalloc_init();
}

void
kmem_reset(void)
{
	kmalloc_reset();
	registry_init();
	kmem_errors_reset();
	geometry_reset();
	memset(internal, 0, sizeof(internal));
}
