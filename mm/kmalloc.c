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

/*
 * The zone that kfree first found an object in, tried first by all others. Not
 * changed then: where there are two, harts would pass its line back and forth.
 */
static _Atomic(const struct frame_span *) near = &slab_no_span;

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

/* Class of sizes up to TABLE_MAX by eighths, rounded up; 0 is as 1. */
#define TABLE_MAX 1024u
static uint8_t class_table[TABLE_MAX / SMALL_STEP + 1];

/*
 * size is 0 … KMEM_SIZE_MAX. The classes of each doubling are those of the one
 * before, twice as large: so a sixteenth of a size above the table is four
 * doublings, 16 classes, below it, and a 128th is 28.
 */
static inline unsigned
class_of(size_t size)
{
	if (__builtin_expect(size <= TABLE_MAX, 1))
		return class_table[(size + SMALL_STEP - 1) / SMALL_STEP];
	if (size <= 16u * TABLE_MAX)
		return 16u + class_table[div_up(size, 16 * SMALL_STEP)];
	return 28u + class_table[div_up(size, 128 * SMALL_STEP)];
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
	unsigned class = 0;

	for (unsigned i = 0; i <= TABLE_MAX / SMALL_STEP; i++) {
		if (i * SMALL_STEP > class_size(class))
			class ++;
		class_table[i] = (uint8_t) class;
	}
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
	atomic_store_explicit(&near, &slab_no_span, memory_order_relaxed);
}

static __attribute__((noinline)) void *
large_alloc(size_t size, unsigned flags)
{
	void *run = NULL;

	if (size <= SIZE_MAX - FRAME_SIZE)
		run = frame_alloc(div_up(size, FRAME_SIZE), 1,
		    (flags & KMEM_NOWAIT) != 0 || port_in_interrupt()
			? FRAME_NOWAIT
			: 0,
		    FRAME_TAG_KMALLOC);
	if (run == NULL && (flags & KMEM_PANIC) != 0)
		port_panic(__FILE__, __LINE__, "kmalloc", size, flags);
	return run;
}

static __attribute__((noinline)) void *
kmalloc_other(size_t size, unsigned flags)
{
	void *ptr;

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
kmalloc(size_t size, unsigned flags)
{
	if (__builtin_expect(
		size > KMEM_SIZE_MAX || (flags & KMEM_ZERO) != 0, 0))
		return kmalloc_other(size, flags);
	return kmem_cache_alloc(
	    classes[class_of(size)], flags & (KMEM_NOWAIT | KMEM_PANIC));
}

void *
kzalloc(size_t size, unsigned flags)
{
	return kmalloc(size, flags | KMEM_ZERO);
}

/* The slab that ptr lies in, or NULL. */
static inline struct slab *
slab_at(uintptr_t ptr)
{
	const struct frame_span *span =
	    atomic_load_explicit(&near, memory_order_relaxed);
	uintptr_t word = frame_span_slab(span, ptr);

	if (__builtin_expect(word == 0, 0)) {
		span = frame_span_of(ptr);
		if (span == NULL)
			return NULL;
		word = frame_span_slab(span, ptr);
		if (word != 0 &&
		    atomic_load_explicit(&near, memory_order_relaxed) ==
			&slab_no_span)
			atomic_store_explicit(
			    &near, span, memory_order_relaxed);
	}
	return (struct slab *)word;
}

/* ptr is the first byte of an object of its slab. */
static inline bool
is_object(const struct slab *sp, uintptr_t ptr)
{
	uint64_t index;

	return slab_divide(sp->s_cache, ptr - sp->s_origin, &index) &&
	    index < sp->s_total;
}

/* Bytes of the run of frames that begins at ptr; 0: not kmalloc's. */
static size_t
large_bytes(uintptr_t ptr)
{
	size_t frames;

	if (frame_lookup(ptr, NULL) != FRAME_TAG_KMALLOC ||
	    frame_run_base(ptr, &frames) != ptr)
		return 0;
	return frames * FRAME_SIZE;
}

/* Bytes usable at ptr; the slab, or NULL for a run of frames. 0: not ours. */
static size_t
usable(uintptr_t ptr, struct slab **slab)
{
	*slab = slab_at(ptr);
	if (*slab == NULL)
		return large_bytes(ptr);
	if (is_object(*slab, ptr))
		return (*slab)->s_cache->c_size;
	*slab = NULL;
	return 0;
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

/* What the fast way did not find: no object, or none of the zone it knows. */
static __attribute__((noinline)) void
free_other(void *ptr)
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

void
kfree(void *ptr)
{
	struct slab *sp = (struct slab *)frame_span_slab(
	    atomic_load_explicit(&near, memory_order_relaxed), (uintptr_t)ptr);

	if (__builtin_expect(sp != NULL && is_object(sp, (uintptr_t)ptr), 1))
		kmem_cache_free(sp->s_cache, ptr);
	else
		free_other(ptr);
}

/* A run of frames longer or shorter where it lies. */
static bool
large_resize(void *ptr, size_t have, size_t size)
{
	size_t frames = have / FRAME_SIZE;
	size_t want = div_up(size, FRAME_SIZE);

	/* Near the end of the address space div_up wraps. */
	if (size <= KMEM_SIZE_MAX || size > SIZE_MAX - FRAME_SIZE)
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
	have = usable((uintptr_t)ptr, &sp);
	if (have == 0) {
		(void)kmem_free_checked(NULL, (uintptr_t)ptr);
		return NULL;
	}
	/* Stay while the class is right, or at most one step too large. */
	if (sp != NULL && size <= have && size > have / 2)
		return ptr;
	to = ptr;
	if (sp != NULL || !large_resize(ptr, have, size)) {
		to = kmalloc(size, flags & ~(KMEM_ZERO | KMEM_PANIC));
		if (to == NULL && size <= have)
			return ptr;
		if (to == NULL) {
			if ((flags & KMEM_PANIC) != 0)
				port_panic(
				    __FILE__, __LINE__, "krealloc", size, have);
			return NULL;
		}
		memcpy(to, ptr, size < have ? size : have);
		kfree(ptr);
	}
	if ((flags & KMEM_ZERO) != 0 && size > have)
		memset((char *)to + have, 0, size - have);
	return to;
}
