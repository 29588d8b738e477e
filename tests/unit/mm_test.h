/* SPDX-License-Identifier: MIT */
/*
 * What the tests of mm share: each test gets a world of its own (zone, harts,
 * allocator started), and afterwards every frame must be back.
 */
#ifndef MM_TEST_H
#define MM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mm/frame.h>
#include <mm/host.h>
#include <mm/kmem.h>
#include <mm/port.h>

#include "tests/host/host.h"

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* xorshift64*; never 0. */
struct test_rng {
	uint64_t state;
};

static inline uint64_t
test_random(struct test_rng *rng)
{
	uint64_t x = rng->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	rng->state = x;
	return x * 0x2545f4914f6cdd1du;
}

static inline size_t
test_below(struct test_rng *rng, size_t n)
{
	return (size_t)(test_random(rng) >> 11) % n;
}

/* Bare harts: the test adds zones and calls kmem_init if it wants. */
int bare_setup(void **state);
int bare_teardown(void **state);

/* 64 MiB, 4 harts, kmem started, reports quiet, frames counted. */
int world_setup(void **state);
/* 64 MiB with `harts` harts; for tests that need another number. */
void world_start(size_t bytes, unsigned harts, unsigned slots);
/* No report left unread, nothing leaked, invariants hold. */
int world_teardown(void **state);
/* The check of the teardown, at any time: reap all, compare, verify. */
void world_check(void);
/* Leave the world unchecked: mm's state is lost after a panic. */
void world_abandon(void);
/* Free frames of a world with nothing in it. */
size_t world_frames(void);

/* Exactly one report came since the last look, of this kind; forget it. */
void expect_report(enum mm_error kind, const char *cache, const void *obj);
void expect_no_report(void);

/* A cache that must be creatable. */
struct kmem_cache *cache_make(
    const char *name, size_t size, const struct kmem_options *opt);
void cache_unmake(struct kmem_cache *cp);

/* n objects through this hart, all freed again. */
void churn(struct kmem_cache *cp, unsigned hart, size_t n);

struct kmem_stats stats_of(struct kmem_cache *cp);
struct kmem_info info_of(struct kmem_cache *cp);

/* Fill n bytes at p with a pattern of `seed`; is it still there? */
void stamp(void *p, size_t n, uint64_t seed);
bool stamped(const void *p, size_t n, uint64_t seed);

#define world_test(f)                                                          \
	cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
#define bare_test(f)                                                           \
	cmocka_unit_test_setup_teardown(f, bare_setup, bare_teardown)

#endif
