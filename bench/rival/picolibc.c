/* SPDX-License-Identifier: MIT */
/*
 * The C library's own malloc under a lock.
 *
 * Theory of operation
 *
 * 1. The original: picolibc's nano-malloc, as the linked library has it, not a
 *    line of ours: a list of free chunks by address, walked from its head; the
 *    first that is large enough is taken, else sbrk asked; what malloc returns
 *    is zeroed. O(free chunks) in both calls, like first fit.
 * 2. Here: the library's functions, called as they are. It locks itself by
 *    calls that do nothing unless somebody provides them; the lock is ours,
 *    around each call, with interrupts off.
 * 3. sbrk is the break of an arena (arena.h), instead of the library's own,
 *    which wants symbols of its own linker script. Nothing else in the image
 *    calls malloc, and the kernel's image has neither this file nor malloc.
 * 4. When the last heap is gone the library is told to forget its chunks, by
 *    its own variables, so that the arena can go: its functions never do.
 */
#include "picolibc.h"

#include "arena.h"
#include "rival.h"

#define HEAPS_MAX    64u
/* A request of no particular alignment goes to malloc. */
#define MALLOC_ALIGN 8u

/* Of the library. */
void *malloc(size_t bytes);
void *memalign(size_t align, size_t bytes);
void free(void *obj);
void *sbrk(ptrdiff_t bytes);
extern void *__malloc_free_list;  /* NULL: no free chunk */
extern char *__malloc_sbrk_start; /* NULL: sbrk was never called */
extern char *__malloc_sbrk_top;

/* Guarded by the lock; the library's own data, too. */
static struct rival_lock lock;
static struct arena arena;
static struct picolibc heaps[HEAPS_MAX];

/* Called by malloc, under the lock. */
void *
sbrk(ptrdiff_t bytes)
{
	/* It never gives back. */
	void *was = bytes < 0 ? NULL : arena_grow(&arena, (size_t)bytes);

	return was != NULL ? was : (void *)UINTPTR_MAX;
}

struct picolibc *
picolibc_create(size_t size, size_t align)
{
	unsigned long irq = rival_irq_off();
	struct picolibc *heap = NULL;
	size_t i;

	rival_lock(&lock);
	for (i = 0; i < HEAPS_MAX && heaps[i].pl_used; i++)
		;
	if (i < HEAPS_MAX && arena_open(&arena)) {
		heap = &heaps[i];
		heap->pl_size = size;
		heap->pl_align = align > MALLOC_ALIGN ? align : 0;
		heap->pl_used = true;
		heap->pl_ctor = NULL;
		heap->pl_arg = NULL;
	}
	rival_unlock(&lock);
	rival_irq_restore(irq);
	return heap;
}

void *
picolibc_alloc(struct picolibc *heap)
{
	unsigned long irq = rival_irq_off();
	void *obj;

	rival_lock(&lock);
	if (heap->pl_align == 0)
		obj = malloc(heap->pl_size);
	else
		obj = memalign(heap->pl_align, heap->pl_size);
	rival_unlock(&lock);
	rival_irq_restore(irq);
	return obj;
}

void
picolibc_free(struct picolibc *heap, void *obj)
{
	unsigned long irq = rival_irq_off();

	(void)heap;
	rival_lock(&lock);
	free(obj);
	rival_unlock(&lock);
	rival_irq_restore(irq);
}

void
picolibc_destroy(struct picolibc *heap)
{
	unsigned long irq = rival_irq_off();

	rival_lock(&lock);
	heap->pl_used = false;
	if (arena_close(&arena)) {
		__malloc_free_list = NULL;
		__malloc_sbrk_start = NULL;
		__malloc_sbrk_top = NULL;
	}
	rival_unlock(&lock);
	rival_irq_restore(irq);
}

size_t
picolibc_reap(struct picolibc *heap)
{
	(void)heap;
	return 0;
}

size_t
picolibc_charge(void)
{
	return arena_charge(&arena);
}
