/* SPDX-License-Identifier: MIT */
/*
 * Bad input from all harts at once, each a thread: memory runs out, one object
 * is freed by several, and everything else that a single hart cannot show.
 */

#include "tests/unit/mm_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HARTS 4u

static pthread_barrier_t barrier;

/* body(hart) on every hart, started together; hart 0 goes on afterwards. */
static void
on_all_harts(void *(*body)(void *hart))
{
	pthread_t thread[HARTS];

	(void)pthread_barrier_init(&barrier, NULL, HARTS);
	for (uintptr_t h = 0; h < HARTS; h++)
		assert_int_equal(
		    pthread_create(&thread[h], NULL, body, (void *)h), 0);
	for (unsigned h = 0; h < HARTS; h++)
		(void)pthread_join(thread[h], NULL);
	(void)pthread_barrier_destroy(&barrier);
	mm_host_attach(0);
}

/* --- exhaustion --- */

#define CACHES 4u
#define MOST   60000u

static struct {
	struct kmem_cache *cp[CACHES];
	void **obj[HARTS][CACHES];
	size_t n[HARTS][CACHES];
	_Atomic uint64_t bad;
} full;

static const size_t full_sizes[CACHES] = { 40, 200, 1000, 5000 };

/* Take turns among the caches until each has refused. */
static void *
fill(void *arg)
{
	unsigned hart = (unsigned)(uintptr_t)arg;
	unsigned refused = 0;

	mm_host_attach(hart);
	(void)pthread_barrier_wait(&barrier);
	while (refused < CACHES) {
		refused = 0;
		for (unsigned c = 0; c < CACHES; c++) {
			size_t n = full.n[hart][c];
			void *obj =
			    n == MOST ? NULL : kmem_cache_alloc(full.cp[c], 0);

			if (obj == NULL) {
				refused++;
				continue;
			}
			stamp(obj, 40, (uintptr_t)obj + hart);
			full.obj[hart][c][n] = obj;
			full.n[hart][c]++;
		}
	}
	return NULL;
}

/* Give back; every second one is another hart's to free. */
static void *
empty(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;

	mm_host_attach(self);
	(void)pthread_barrier_wait(&barrier);
	for (unsigned owner = 0; owner < HARTS; owner++) {
		for (unsigned c = 0; c < CACHES; c++) {
			for (size_t i = 0; i < full.n[owner][c]; i++) {
				void *obj = full.obj[owner][c][i];

				if ((i % 2 == 0 ? owner
						: (owner + i) % HARTS) != self)
					continue;
				full.bad +=
				    !stamped(obj, 40, (uintptr_t)obj + owner);
				kmem_cache_free(full.cp[c], obj);
			}
		}
	}
	return NULL;
}

static void
A8_exhaustion_from_all_harts_at_once_loses_nothing(void **state)
{
	(void)world_teardown(state);
	world_start((size_t)4 << 20, HARTS, 0);
	memset(&full, 0, sizeof(full));
	for (unsigned c = 0; c < CACHES; c++) {
		char name[] = { 'f', (char)('0' + c), '\0' };
		struct kmem_options opt = {
			.protect = c % 2 == 0 ? KMEM_FAST : KMEM_CHECKED,
		};

		full.cp[c] = cache_make(name, full_sizes[c], &opt);
		for (unsigned h = 0; h < HARTS; h++) {
			full.obj[h][c] = calloc(MOST, sizeof(void *));
			assert_non_null(full.obj[h][c]);
		}
	}
	for (unsigned round = 0; round < 3; round++) {
		uint64_t live = 0, bytes = 0;

		on_all_harts(fill);
		for (unsigned c = 0; c < CACHES; c++) {
			uint64_t n = 0;

			for (unsigned h = 0; h < HARTS; h++)
				n += full.n[h][c];
			assert_int_equal(stats_of(full.cp[c]).objects_inuse, n);
			assert_true(stats_of(full.cp[c]).alloc_fail > 0);
			live += n;
			bytes += n * full_sizes[c];
		}
		assert_true(live > 1000);
		/* It ended because memory did: nearly all of it is live. */
		assert_true(bytes > world_frames() * FRAME_SIZE * 3 / 4);
		assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
		on_all_harts(empty);
		assert_int_equal(full.bad, 0);
		memset(full.n, 0, sizeof(full.n));
		for (unsigned c = 0; c < CACHES; c++)
			assert_int_equal(stats_of(full.cp[c]).objects_inuse, 0);
	}
	for (unsigned c = 0; c < CACHES; c++) {
		cache_unmake(full.cp[c]);
		for (unsigned h = 0; h < HARTS; h++)
			free(full.obj[h][c]);
	}
}

/* --- one object, freed by all --- */

static struct {
	struct kmem_cache *cp;
	void *obj;
	_Atomic unsigned freed;
} same;

static void *
free_same(void *arg)
{
	mm_host_attach((unsigned)(uintptr_t)arg);
	(void)pthread_barrier_wait(&barrier);
	if (kmem_free_checked(same.cp, (uintptr_t)same.obj) == 0)
		same.freed++;
	return NULL;
}

static void
A19_T4_of_all_harts_that_free_one_object_one_does(void **state)
{
	struct kmem_options opt = { .protect = KMEM_CHECKED };

	(void)state;
	same.cp = cache_make("same", 64, &opt);
	for (unsigned round = 0; round < 200; round++) {
		same.obj = kmem_cache_alloc(same.cp, 0);
		same.freed = 0;
		on_all_harts(free_same);
		assert_int_equal(same.freed, 1);
		assert_int_equal(host_report_count(), HARTS - 1);
		assert_int_equal(host_last_report()->kind, MM_DOUBLE_FREE);
		assert_int_equal(
		    stats_of(same.cp).errors, (round + 1) * (HARTS - 1));
		host_clear_reports();
		assert_int_equal(stats_of(same.cp).objects_inuse, 0);
	}
	cache_unmake(same.cp);
}

/* --- one name, created by all; one cache, tuned by all --- */

static struct {
	_Atomic unsigned made, exists, other;
	struct kmem_cache *cp;
	_Atomic uint64_t bad;
} name;

static void *
create_same(void *arg)
{
	struct kmem_cache *cp;
	int err;

	mm_host_attach((unsigned)(uintptr_t)arg);
	(void)pthread_barrier_wait(&barrier);
	err = kmem_cache_create(&cp, "unique", 64, NULL, NULL);
	if (err == 0) {
		name.cp = cp;
		name.made++;
	} else if (err == -KMEM_EEXIST) {
		name.exists++;
	} else {
		name.other++;
	}
	return NULL;
}

static void
B1_of_all_harts_that_create_one_name_one_does(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		name.made = name.exists = name.other = 0;
		on_all_harts(create_same);
		assert_int_equal(name.made, 1);
		assert_int_equal(name.exists, HARTS - 1);
		assert_int_equal(name.other, 0);
		cache_unmake(name.cp);
	}
}

static void *
tune_and_use(void *arg)
{
	unsigned hart = (unsigned)(uintptr_t)arg;
	void *obj[100];

	mm_host_attach(hart);
	(void)pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < 400; i++) {
		struct kmem_tune t = {
			.set_magazine = true,
			.magazine = 1 + (i * 7 + hart) % KMEM_ROUNDS_MAX,
			.set_count = i % 5 == 0,
			.count = (i / 5) % 2 == 0,
		};

		if (i % 4 == hart && kmem_cache_tune(name.cp, &t, NULL) != 0)
			name.bad++;
		for (size_t k = 0; k < ARRAY_COUNT(obj); k++) {
			obj[k] = kmem_cache_alloc(name.cp, 0);
			if (obj[k] == NULL)
				abort();
			stamp(obj[k], 48, (uintptr_t)obj[k] + hart);
		}
		for (size_t k = 0; k < ARRAY_COUNT(obj); k++) {
			name.bad +=
			    !stamped(obj[k], 48, (uintptr_t)obj[k] + hart);
			kmem_cache_free(name.cp, obj[k]);
		}
	}
	return NULL;
}

/* G1: an array of another size met a batch count of the old one. */
static void
B9_B16_G1_tuning_under_load_on_all_harts_loses_nothing(void **state)
{
	(void)state;
	name.cp = cache_make("tuned", 48, NULL);
	name.bad = 0;
	on_all_harts(tune_and_use);
	assert_int_equal(name.bad, 0);
	assert_int_equal(stats_of(name.cp).objects_inuse, 0);
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	cache_unmake(name.cp);
}

/* --- destroy while busy --- */

static struct {
	struct kmem_cache *cp;
	_Atomic bool stop;
	_Atomic uint64_t refused, odd;
} busy;

static void *
use_or_destroy(void *arg)
{
	unsigned hart = (unsigned)(uintptr_t)arg;
	void *keep;

	mm_host_attach(hart);
	keep = hart == 1 ? kmem_cache_alloc(busy.cp, 0) : NULL;
	(void)pthread_barrier_wait(&barrier);
	if (hart == 0) {
		for (unsigned i = 0; i < 200; i++) {
			int err = kmem_cache_destroy(busy.cp);

			busy.refused += err == -KMEM_EBUSY;
			busy.odd += err != -KMEM_EBUSY;
		}
		busy.stop = true;
	}
	while (hart != 0 && !busy.stop) {
		void *obj[50];

		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			obj[i] = kmem_cache_alloc(busy.cp, 0);
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			busy.odd += obj[i] == NULL || obj[i] == keep;
			kmem_cache_free(busy.cp, obj[i]);
		}
	}
	(void)pthread_barrier_wait(&barrier);
	if (keep != NULL)
		kmem_cache_free(busy.cp, keep);
	return NULL;
}

static void
B14_destroy_under_load_is_refused_and_harms_nothing(void **state)
{
	(void)state;
	busy.cp = cache_make("in-use", 72, NULL);
	busy.refused = busy.odd = 0;
	busy.stop = false;
	on_all_harts(use_or_destroy);
	host_clear_reports();
	assert_int_equal(busy.refused, 200);
	assert_int_equal(busy.odd, 0);
	assert_int_equal(stats_of(busy.cp).objects_inuse, 0);
	cache_unmake(busy.cp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(A8_exhaustion_from_all_harts_at_once_loses_nothing),
		world_test(A19_T4_of_all_harts_that_free_one_object_one_does),
		world_test(B1_of_all_harts_that_create_one_name_one_does),
		world_test(
		    B9_B16_G1_tuning_under_load_on_all_harts_loses_nothing),
		world_test(B14_destroy_under_load_is_refused_and_harms_nothing),
	};

	return cmocka_run_group_tests_name("together", tests, NULL, NULL);
}
