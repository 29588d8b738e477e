/* SPDX-License-Identifier: MIT */
/*
 * Rivals on four threads, each a hart, under ThreadSanitizer: objects are
 * exchanged through shared slots, so that most are freed by another hart than
 * allocated them. Contents prove that nobody had the same object.
 */
#include "tests/unit/mm_test.h"

#include "bench/rival/firstfit.h"
#include "bench/rival/sheaf.h"
#include "bench/rival/tlsf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define HARTS 4u
#define HEAPS 3u
#define SLOTS 64u

static const size_t sizes[HEAPS] = { 24, 64, 3000 };

struct rival {
	void *(*create)(size_t size);
	void *(*alloc)(void *heap);
	void (*free)(void *heap, void *obj);
	void (*destroy)(void *heap);
	unsigned steps;
};

static const struct rival *rival;
static void *heap[HEAPS];
static _Atomic(void *) slots[HEAPS][SLOTS];
static _Atomic unsigned bad, refused;
static pthread_barrier_t barrier;

/* An object's first word tells what the rest of it must be. */
static void
sign(void *obj, size_t size, uint64_t seed)
{
	memcpy(obj, &seed, sizeof(seed));
	stamp((char *)obj + sizeof(seed), size - sizeof(seed), seed);
}

static bool
is_signed(const void *obj, size_t size)
{
	uint64_t seed;

	memcpy(&seed, obj, sizeof(seed));
	return stamped(
	    (const char *)obj + sizeof(seed), size - sizeof(seed), seed);
}

static void
swap(unsigned h, unsigned slot, void *obj)
{
	obj = atomic_exchange_explicit(
	    &slots[h][slot], obj, memory_order_acq_rel);
	if (obj == NULL)
		return;
	bad += !is_signed(obj, sizes[h]);
	rival->free(heap[h], obj);
}

static void *
body(void *arg)
{
	unsigned hart = (unsigned)(uintptr_t)arg;
	struct test_rng rng = { hart + 1 };
	void *mine[150];

	mm_host_attach(hart);
	(void)pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < rival->steps; i++) {
		unsigned h = (unsigned)test_below(&rng, HEAPS);
		void *obj = rival->alloc(heap[h]);

		if (obj == NULL) {
			refused++;
			continue;
		}
		sign(obj, sizes[h], test_random(&rng));
		swap(h, (unsigned)test_below(&rng, SLOTS), obj);
		/* A burst that a magazine does not hold. */
		for (unsigned n = 0; i % 64 == 0 && n < 150; n++)
			mine[n] = rival->alloc(heap[h]);
		for (unsigned n = 0; i % 64 == 0 && n < 150; n++)
			rival->free(heap[h], mine[n]);
	}
	return NULL;
}

static void
cross(const struct rival *r)
{
	pthread_t thread[HARTS];

	rival = r;
	bad = refused = 0;
	(void)pthread_barrier_init(&barrier, NULL, HARTS);
	for (unsigned h = 0; h < HEAPS; h++) {
		heap[h] = r->create(sizes[h]);
		assert_non_null(heap[h]);
	}
	for (uintptr_t h = 0; h < HARTS; h++)
		assert_int_equal(
		    pthread_create(&thread[h], NULL, body, (void *)h), 0);
	for (unsigned h = 0; h < HARTS; h++)
		(void)pthread_join(thread[h], NULL);
	mm_host_attach(0);
	for (unsigned h = 0; h < HEAPS; h++)
		for (unsigned slot = 0; slot < SLOTS; slot++)
			swap(h, slot, NULL);
	for (unsigned h = 0; h < HEAPS; h++)
		r->destroy(heap[h]);
	(void)pthread_barrier_destroy(&barrier);
	assert_int_equal(bad, 0);
	assert_int_equal(refused, 0);
	world_check();
}

#define RIVAL(name, make)                                                      \
	static void *name##_make(size_t size)                                  \
	{                                                                      \
		return make;                                                   \
	}                                                                      \
	static void *name##_get(void *h)                                       \
	{                                                                      \
		return name##_alloc(h);                                        \
	}                                                                      \
	static void name##_put(void *h, void *obj)                             \
	{                                                                      \
		name##_free(h, obj);                                           \
	}                                                                      \
	static void name##_unmake(void *h)                                     \
	{                                                                      \
		bad += !name##_destroy(h);                                     \
	}

RIVAL(sheaf, sheaf_create(size, 0, NULL, NULL))
RIVAL(tlsf, tlsf_create(size, 0))
RIVAL(firstfit, firstfit_create(size, 0))

static void
I5_2_sheaf_from_four_harts(void **state)
{
	static const struct rival r = { sheaf_make, sheaf_get, sheaf_put,
		sheaf_unmake, 20000 };

	(void)state;
	cross(&r);
}

static void
I5_2_tlsf_from_four_harts(void **state)
{
	static const struct rival r = { tlsf_make, tlsf_get, tlsf_put,
		tlsf_unmake, 5000 };

	(void)state;
	cross(&r);
}

static void
I5_2_firstfit_from_four_harts(void **state)
{
	static const struct rival r = { firstfit_make, firstfit_get,
		firstfit_put, firstfit_unmake, 2000 };

	(void)state;
	cross(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(I5_2_sheaf_from_four_harts),
		world_test(I5_2_tlsf_from_four_harts),
		world_test(I5_2_firstfit_from_four_harts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
