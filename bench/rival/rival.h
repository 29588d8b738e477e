/* SPDX-License-Identifier: MIT */
/*
 * What the rivals stand on: designs of other allocators, written by us after
 * their descriptions, so that a curve shows why.
 *
 * Theory of operation
 *
 * 1. A rival gets from here what its kernel gave it, at the least price: a
 *    spinlock of one atomic exchange, interrupts off and on, the hart's number,
 *    frames, and a table from frame to whatever the rival likes (Linux's struct
 *    page, HelenOS's frame_t.parent). All in line; all to the rival's favour.
 * 2. Every lock, counter and compare-and-swap of a rival goes through these
 *    functions. Each is one AMO, or LR and SC: rival_atomics counts them in
 *    the build with RIVAL_COUNT, which is made for that alone, so that the
 *    figure "atomics per pair" is counted and not believed.
 * 3. The table of frames is not charged to a rival's memory, as struct page is
 *    not charged to a slab. Whoever counts frames calls rival_start first; the
 *    table is made once and stays.
 * 4. One frame comes from the hart's own cache of frames, which is quicker than
 *    what either kernel had; runs come from the zone.
 */
#ifndef BENCH_RIVAL_RIVAL_H
#define BENCH_RIVAL_RIVAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mm/frame.h>
#include <mm/port.h>

#define RIVAL_HARTS_MAX 128u

/* In the build that counts, which is for one hart. */
extern uint64_t rival_atomics;

#ifdef RIVAL_COUNT
#define RIVAL_ATOMIC() ((void)rival_atomics++)
#else
#define RIVAL_ATOMIC() ((void)0)
#endif

struct rival_lock {
	_Atomic uint32_t rl_held;
#ifdef RIVAL_COUNT
	uint64_t rl_taken; /* times; of the holder */
#endif
};

static inline unsigned long
rival_irq_off(void)
{
	return port_pin();
}

static inline void
rival_irq_restore(unsigned long saved)
{
	port_unpin(saved);
}

/* Stable while interrupts are off. */
static inline unsigned
rival_hart(void)
{
	return port_hart_self();
}

/* Interrupts are off. */
static inline void
rival_lock(struct rival_lock *l)
{
	RIVAL_ATOMIC();
	/* Pairs with the release in rival_unlock. */
	while (atomic_exchange_explicit(
		   &l->rl_held, 1u, memory_order_acquire) != 0)
		port_pause();
#ifdef RIVAL_COUNT
	l->rl_taken++;
#endif
}

#ifdef __SANITIZE_THREAD__
#define RIVAL_NO_FENCE 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RIVAL_NO_FENCE 1
#endif
#endif

/*
 * A store with release order. gcc 12 for RISC-V makes an amoswap of one, which
 * no kernel's unlock is: hence a fence, which ThreadSanitizer does not know,
 * and a plain store of an aligned word.
 */
static inline void
rival_unlock(struct rival_lock *l)
{
#ifdef RIVAL_NO_FENCE
	atomic_store_explicit(&l->rl_held, 0u, memory_order_release);
#else
	atomic_thread_fence(memory_order_release);
	*(volatile uint32_t *)(uintptr_t)&l->rl_held = 0;
#endif
}

/* A counter that all harts share. */
static inline void
rival_add(_Atomic int64_t *counter, int64_t by)
{
	RIVAL_ATOMIC();
	(void)atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* The table of frames, from the first byte of the lowest zone on. */
extern void **rival_frames;
extern uintptr_t rival_base;
/* Make it, before the first rival is made; one hart. False: no memory. */
bool rival_start(void);
/* Give it back, no rival being left: an embedder that starts mm again. */
void rival_stop(void);

static inline void **
rival_frame(const void *addr)
{
	return &rival_frames[((uintptr_t)addr - rival_base) >> FRAME_SHIFT];
}

/* Frames in a row, aligned to their number where `aligned`; NULL: none. */
static inline void *
rival_frames_alloc(size_t frames, bool aligned)
{
	if (frames == 1)
		return frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_META);
	return frame_alloc(
	    frames, aligned ? frames : 1, FRAME_NOWAIT, FRAME_TAG_META);
}

static inline void
rival_frames_free(void *run, size_t frames)
{
	if (frames == 1)
		frame_free(run, 1);
	else
		frame_free(run, frames);
}

#endif
