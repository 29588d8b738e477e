/* SPDX-License-Identifier: MIT */
/*
 * The rivals with slabs on four threads, under ThreadSanitizer: objects are
 * freed by other threads than allocated them, and thread 3 reaps meanwhile.
 */
#include "tests/unit/rival_slabs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define HARTS  4u
#define HEAPS  3u
#define HELD   100u
#define BOXES  64u /* objects on their way to another thread */
#define ROUNDS 12000u

static const size_t sizes[HEAPS] = { 64, 700, 5000 };

static struct {
	const struct slab_rival *rival;
	void *heap[HEAPS];
	_Atomic(void *) box[HEAPS][BOXES];
	_Atomic uint64_t bad, passed, reaps;
	pthread_barrier_t barrier;
} all;

struct thread {
	unsigned hart;
	struct test_rng rng;
	unsigned count[HEAPS];
	void *held[HEAPS][HELD];
};

/* First and last word say whose they are; a second owner would wipe them. */
static void
mark(void *obj, unsigned h)
{
	uintptr_t word = (uintptr_t)obj ^ h;

	memcpy(obj, &word, sizeof(word));
	memcpy((char *)obj + sizes[h] - sizeof(word), &word, sizeof(word));
}

static void
drop(void *obj, unsigned h)
{
	uintptr_t word = (uintptr_t)obj ^ h, first, last;

	memcpy(&first, obj, sizeof(first));
	memcpy(&last, (char *)obj + sizes[h] - sizeof(last), sizeof(last));
	if (first != word || last != word)
		atomic_fetch_add(&all.bad, 1);
	memset(obj, 0, sizeof(first));
	all.rival->release(all.heap[h], obj);
}

/* Put one of ours into a box; what lay there came from anybody. */
static void
pass(struct thread *t, unsigned h)
{
	void *obj = t->held[h][--t->count[h]];

	obj = atomic_exchange(&all.box[h][test_below(&t->rng, BOXES)], obj);
	if (obj == NULL)
		return;
	drop(obj, h);
	atomic_fetch_add(&all.passed, 1);
}

static void
step(struct thread *t)
{
	unsigned h = (unsigned)test_below(&t->rng, HEAPS);
	size_t dice = test_below(&t->rng, 100);
	void *obj;

	if (t->hart == 3 && dice == 0) {
		(void)all.rival->reap(all.heap[h]);
		atomic_fetch_add(&all.reaps, 1);
	} else if (t->count[h] != 0 && dice < 20) {
		pass(t, h);
	} else if (t->count[h] != 0 && (dice < 50 || t->count[h] == HELD)) {
		drop(t->held[h][--t->count[h]], h);
	} else if ((obj = all.rival->alloc(all.heap[h])) != NULL) {
		mark(obj, h);
		t->held[h][t->count[h]++] = obj;
	} else {
		atomic_fetch_add(&all.bad, 1);
	}
}

static void *
body(void *arg)
{
	struct thread *t = arg;

	mm_host_attach(t->hart);
	(void)pthread_barrier_wait(&all.barrier);
	for (unsigned i = 0; i < ROUNDS; i++)
		step(t);
	for (unsigned h = 0; h < HEAPS; h++)
		while (t->count[h] != 0)
			drop(t->held[h][--t->count[h]], h);
	return NULL;
}

static void
run_threads(void)
{
	static struct thread threads[HARTS];
	pthread_t id[HARTS];

	(void)pthread_barrier_init(&all.barrier, NULL, HARTS);
	memset(threads, 0, sizeof(threads));
	for (unsigned i = 0; i < HARTS; i++) {
		threads[i].hart = i;
		threads[i].rng.state = i + 1;
		assert_int_equal(
		    pthread_create(&id[i], NULL, body, &threads[i]), 0);
	}
	for (unsigned i = 0; i < HARTS; i++)
		(void)pthread_join(id[i], NULL);
	(void)pthread_barrier_destroy(&all.barrier);
	mm_host_attach(0);
}

static void
empty_boxes(void)
{
	for (unsigned h = 0; h < HEAPS; h++)
		for (unsigned i = 0; i < BOXES; i++) {
			void *obj = atomic_exchange(&all.box[h][i], NULL);

			if (obj != NULL)
				drop(obj, h);
		}
}

static void
I5_2_rivals_on_four_threads(void **state)
{
	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++) {
		size_t before = frame_free_count();

		memset(&all, 0, sizeof(all));
		all.rival = &slab_rivals[r];
		for (unsigned h = 0; h < HEAPS; h++) {
			all.heap[h] = all.rival->create(sizes[h], 0, NULL);
			assert_non_null(all.heap[h]);
		}
		run_threads();
		empty_boxes();
		print_message("%s: %ju passed, %ju reaps\n", all.rival->name,
		    (uintmax_t)all.passed, (uintmax_t)all.reaps);
		assert_int_equal(all.bad, 0);
		assert_true(all.passed > ROUNDS / 10);
		assert_true(all.reaps > ROUNDS / 1000);
		for (unsigned h = 0; h < HEAPS; h++)
			assert_true(all.rival->destroy(all.heap[h]));
		assert_int_equal(frame_free_count(), before);
		assert_int_equal(frame_verify(), 0);
	}
}

/* Caches come and go on all threads: what they share is made once. */
static void *
create_body(void *arg)
{
	struct thread *t = arg;

	mm_host_attach(t->hart);
	(void)pthread_barrier_wait(&all.barrier);
	for (unsigned i = 0; i < 300; i++) {
		size_t size = 8 + test_below(&t->rng, 3000);
		void *heap = all.rival->create(size, 0, NULL);
		void *obj = heap != NULL ? all.rival->alloc(heap) : NULL;

		if (obj == NULL) {
			atomic_fetch_add(&all.bad, 1);
			continue;
		}
		memset(obj, 1, size);
		all.rival->release(heap, obj);
		if (!all.rival->destroy(heap))
			atomic_fetch_add(&all.bad, 1);
	}
	return NULL;
}

static void
I5_2_rivals_are_made_and_destroyed_by_all(void **state)
{
	static struct thread threads[HARTS];

	(void)state;
	for (unsigned r = 0; r < ARRAY_COUNT(slab_rivals); r++) {
		size_t before = frame_free_count();
		pthread_t id[HARTS];

		memset(&all, 0, sizeof(all));
		all.rival = &slab_rivals[r];
		(void)pthread_barrier_init(&all.barrier, NULL, HARTS);
		for (unsigned i = 0; i < HARTS; i++) {
			threads[i].hart = i;
			threads[i].rng.state = i + 1;
			assert_int_equal(pthread_create(&id[i], NULL,
					     create_body, &threads[i]),
			    0);
		}
		for (unsigned i = 0; i < HARTS; i++)
			(void)pthread_join(id[i], NULL);
		(void)pthread_barrier_destroy(&all.barrier);
		mm_host_attach(0);
		assert_int_equal(all.bad, 0);
		assert_int_equal(frame_free_count(), before);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		rival_test(I5_2_rivals_on_four_threads),
		rival_test(I5_2_rivals_are_made_and_destroyed_by_all),
	};

	return cmocka_run_group_tests_name(
	    "rivals, threads", tests, NULL, NULL);
}
