/* SPDX-License-Identifier: MIT */
/*
 * General purpose allocation on caches.
 *
 * Classes: every 8 bytes up to 64, then four per doubling up to 128 KiB, so a
 * request is rounded up by at most 25 % (and 7 bytes). Larger requests are runs
 * of frames: the frame records know their length. An address alone leads to
 * its cache through the frame's owner, so kfree needs no size (row A9), and an
 * address that is not ours is a report, not a crash.
 *
 * kmalloc(0) is a request for one byte.
 */
#include "kmem_impl.h"

#include <string.h>

#define SMALL_STEP    8u
#define SMALL_MAX     64u
#define SMALL_CLASSES (SMALL_MAX / SMALL_STEP)
#define DOUBLINGS     11u /* 64 B … 128 KiB */
#define CLASSES       (SMALL_CLASSES + 4 * DOUBLINGS)

static struct kmem_cache *classes[CLASSES];

static size_t
class_size(unsigned class)
{
	unsigned doubling, quarter;

	if (class < SMALL_CLASSES)
		return (class + 1) * (size_t)SMALL_STEP;
	doubling = (class - SMALL_CLASSES) / 4;
	quarter = (class - SMALL_CLASSES) % 4 + 1;
	return ((size_t)SMALL_MAX << doubling) +
	    ((size_t)SMALL_MAX / 4 << doubling) * quarter;
}

/* size is 1 … KMEM_SIZE_MAX. */
static unsigned
class_of(size_t size)
{
	unsigned log;

	if (size <= SMALL_MAX)
		return (unsigned)((size - 1) / SMALL_STEP);
	log = bit_highest(size - 1); /* 6 for 65 … 128 */
	return SMALL_CLASSES + (log - 6) * 4 +
	    (unsigned)(((size - 1) >> (log - 2)) & 3);
}

/* "kmalloc-" and the decimal size. */
static void
class_name(char *out, size_t size)
{
	static const char prefix[] = "kmalloc-";
	char digits[8];
	unsigned n = 0, i = 0;

	for (; size > 0; size /= 10)
		digits[n++] = (char)('0' + size % 10);
	for (; prefix[i] != '\0'; i++)
		out[i] = prefix[i];
	while (n > 0)
		out[i++] = digits[--n];
	out[i] = '\0';
}

int
kmalloc_init(void)
{
	/* No layout in common, so nothing to colour: short slabs instead. */
	static const struct kmem_options opt = { .flags = KMEM_NOCOLOUR };

	for (unsigned c = 0; c < CLASSES; c++) {
		char name[KMEM_NAME_MAX];
		size_t size = class_size(c);

		MM_ASSERT2(class_of(size) == c, size, c);
		class_name(name, size);
		if (kmem_cache_create(&classes[c], name, size, &opt, NULL) != 0)
			return -KMEM_ENOMEM;
	}
	return 0;
}

void
kmalloc_reset(void)
{
	memset(classes, 0, sizeof(classes));
}

static void *
large_alloc(size_t size, unsigned flags)
{
	void *run;

	if (size > SIZE_MAX - FRAME_SIZE)
		return NULL;
	run = frame_alloc(div_up(size, FRAME_SIZE), 1,
	    (flags & KMEM_NOWAIT) != 0 || port_in_interrupt() ? FRAME_NOWAIT
							      : 0,
	    FRAME_TAG_KMALLOC);
	MM_ASSERT2(run != NULL || (flags & KMEM_PANIC) == 0, size, flags);
	return run;
}

void *
kmalloc(size_t size, unsigned flags)
{
	void *ptr;

	if (size == 0)
		size = 1;
	if (size > KMEM_SIZE_MAX)
		ptr = large_alloc(size, flags);
	else
		ptr = kmem_cache_alloc(
		    classes[class_of(size)], flags & ~KMEM_ZERO);
	if (ptr != NULL && (flags & KMEM_ZERO) != 0)
		memset(ptr, 0, size);
	return ptr;
}

void *
kzalloc(size_t size, unsigned flags)
{
	return kmalloc(size, flags | KMEM_ZERO);
}

/* Bytes usable at ptr; the slab, or NULL for a run of frames. 0: not ours. */
static size_t
usable(uintptr_t ptr, struct slab **slab)
{
	struct slab *sp = slab_of(ptr);
	long index;

	*slab = NULL;
	if (sp == NULL) {
		size_t frames;

		if (frame_lookup(ptr, NULL) != FRAME_TAG_KMALLOC ||
		    frame_run_base(ptr, &frames) != ptr)
			return 0;
		return frames * FRAME_SIZE;
	}
	index = slab_index(sp, ptr);
	if (index < 0 || slab_object(sp, (unsigned)index) != ptr)
		return 0;
	*slab = sp;
	return sp->s_cache->c_size;
}

size_t
ksize(const void *ptr)
{
	struct slab *sp;
	size_t bytes;

	if (ptr == NULL)
		return 0;
	bytes = usable((uintptr_t)ptr, &sp);
	if (sp != NULL && classes[class_of(bytes)] != sp->s_cache)
		return 0;
	return bytes;
}

void
kfree(void *ptr)
{
	struct slab *sp;
	size_t bytes;

	if (ptr == NULL)
		return;
	bytes = usable((uintptr_t)ptr, &sp);
	if (sp != NULL)
		kmem_cache_free(sp->s_cache, ptr);
	else if (bytes != 0)
		frame_free(ptr, bytes / FRAME_SIZE);
	else
		(void)kmem_free_checked(NULL, (uintptr_t)ptr);
}

/* A run of frames longer or shorter where it lies. */
static bool
large_resize(void *ptr, size_t have, size_t size)
{
	size_t frames = have / FRAME_SIZE;
	size_t want = div_up(size, FRAME_SIZE);

	if (size <= KMEM_SIZE_MAX)
		return false;
	if (want > frames)
		return frame_extend(ptr, frames, want);
	frame_trim(ptr, frames, want);
	return true;
}

void *
krealloc(void *ptr, size_t size, unsigned flags)
{
	struct slab *sp;
	size_t have;
	void *to;

	if (ptr == NULL)
		return kmalloc(size, flags);
	if (size > SIZE_MAX - FRAME_SIZE)
		return NULL;
	have = usable((uintptr_t)ptr, &sp);
	if (have == 0) {
		(void)kmem_free_checked(NULL, (uintptr_t)ptr);
		return NULL;
	}
	if (size == 0)
		size = 1;
	/* Stay while the class is right, or at most one step too large. */
	if (sp != NULL && size <= have && size > have / 2)
		return ptr;
	if (sp == NULL && large_resize(ptr, have, size))
		return ptr;
	to = kmalloc(size, flags & ~KMEM_ZERO);
	if (to == NULL)
		return size <= have ? ptr : NULL;
	memcpy(to, ptr, size < have ? size : have);
	kfree(ptr);
	return to;
}
