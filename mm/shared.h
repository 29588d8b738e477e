/* SPDX-License-Identifier: MIT */
/*
 * Words that one hart writes and others read at any time: stores that are
 * whole, but order nothing.
 *
 * A relaxed atomic store says just that, but gcc 12 for RISC-V makes an
 * amoswap of it, on paths that are to have no atomic operation. An aligned
 * volatile store of a machine word is one store instruction on every target mm
 * is built for; under ThreadSanitizer the atomic is used, so that it knows.
 * Loads are relaxed atomics everywhere: they are plain loads.
 */
#ifndef MM_SHARED_H
#define MM_SHARED_H

#include <stdint.h>

#ifdef __SANITIZE_THREAD__
#define SHARED_ATOMIC 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHARED_ATOMIC 1
#endif
#endif

static inline void
shared_store_64(uint64_t *word, uint64_t value)
{
#ifdef SHARED_ATOMIC
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
#else
	*(volatile uint64_t *)word = value;
#endif
}

/* Of a word that is read by relaxed atomic loads. */
static inline void
shared_store_32(_Atomic uint32_t *word, uint32_t value)
{
#ifdef SHARED_ATOMIC
	__atomic_store_n((uint32_t *)(uintptr_t)word, value, __ATOMIC_RELAXED);
#else
	*(volatile uint32_t *)(uintptr_t)word = value;
#endif
}

static inline void
shared_store_top(void ***word, void **value)
{
#ifdef SHARED_ATOMIC
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
#else
	void **volatile *at = (void **volatile *)(uintptr_t)word;

	*at = value;
#endif
}

/* Of a word that others change only by read-modify-write, under our lock. */
static inline void
shared_store_bits(_Atomic uint64_t *word, uint64_t value)
{
#ifdef SHARED_ATOMIC
	__atomic_store_n((uint64_t *)(uintptr_t)word, value, __ATOMIC_RELAXED);
#else
	*(volatile uint64_t *)(uintptr_t)word = value;
#endif
}

static inline uint64_t
shared_load_64(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

#endif
