/* SPDX-License-Identifier: MIT */
/* seed2006 and linux24 in one table, for tests that ask the same of both. */
#ifndef TESTS_RIVAL_SLABS_H
#define TESTS_RIVAL_SLABS_H

#include "bench/rival/linux24.h"
#include "bench/rival/rival.h"
#include "bench/rival/seed2006.h"
#include "tests/unit/mm_test.h"

struct slab_rival {
	const char *name;
	void *(*create)(size_t size, size_t align, int (*ctor)(void *, void *));
	void *(*alloc)(void *heap);
	void (*release)(void *heap, void *obj);
	size_t (*reap)(void *heap);
	bool (*destroy)(void *heap);
	bool constructed; /* keeps constructed state */
};

static inline void *
seed_create(size_t size, size_t align, int (*ctor)(void *, void *))
{
	const struct seed2006_options opt = { .align = align, .ctor = ctor };

	return seed2006_create(size, &opt);
}

static inline void *
seed_alloc(void *heap)
{
	return seed2006_alloc(heap, 0);
}

static inline void
seed_free(void *heap, void *obj)
{
	seed2006_free(heap, obj);
}

static inline size_t
seed_reap(void *heap)
{
	return seed2006_reap(heap, true);
}

static inline bool
seed_destroy(void *heap)
{
	return seed2006_destroy(heap);
}

static inline void *
linux_create(size_t size, size_t align, int (*ctor)(void *, void *))
{
	const struct linux24_options opt = { .align = align, .ctor = ctor };

	return linux24_create(size, &opt);
}

static inline void *
linux_alloc(void *heap)
{
	return linux24_alloc(heap);
}

static inline void
linux_free(void *heap, void *obj)
{
	linux24_free(heap, obj);
}

static inline size_t
linux_reap(void *heap)
{
	return linux24_reap(heap);
}

static inline bool
linux_destroy(void *heap)
{
	return linux24_destroy(heap);
}

static const struct slab_rival slab_rivals[] = {
	{ "seed2006", seed_create, seed_alloc, seed_free, seed_reap,
	    seed_destroy, false },
	{ "linux24", linux_create, linux_alloc, linux_free, linux_reap,
	    linux_destroy, true },
};

/* A world with the rivals' table in it; its end checks frames. */
static inline int
rival_setup(void **state)
{
	(void)world_setup(state);
	assert_true(rival_start());
	return 0;
}

static inline int
rival_teardown(void **state)
{
	mm_host_attach(0);
	rival_stop();
	return world_teardown(state);
}

#define rival_test(f)                                                          \
	cmocka_unit_test_setup_teardown(f, rival_setup, rival_teardown)

#endif
