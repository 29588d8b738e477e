/* SPDX-License-Identifier: MIT */
/*
 * The flag port where it differs from the mutex port: the hot pair and a drain
 * on the same hart, at any moment of either.
 */
#include "tests/unit/mm_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/host/port_flag.h"

#define SIZE 64u

static struct kmem_cache *cache;

static void
make_cache(void)
{
	cache = cache_make("flag", SIZE, NULL);
}

/* ---- A drain waits for a pinned hart; its hot pair falls through. ---- */

static struct {
	_Atomic bool pinned, leave;
	_Atomic unsigned ran; /* how often the function ran */
	unsigned ran_while_pinned;
	bool served;
} hold;

static void
count_run(void *arg)
{
	(void)arg;
	atomic_fetch_add(&hold.ran, 1);
}

static void *
hold_pin(void *arg)
{
	unsigned long pin;
	void *obj;

	(void)arg;
	mm_host_attach(1);
	kmem_cache_free(cache, kmem_cache_alloc(cache, 0));
	pin = port_pin();
	atomic_store(&hold.pinned, true);
	while (atomic_load(&flag_me->fh_slots) != flag_shut)
		port_pause();
	/* The magazine has a round, and the pair must not see it. */
	hold.served = kmem_cache_pop(cache) != NULL;
	obj = kmem_cache_alloc(cache, 0);
	kmem_cache_free(cache, obj);
	hold.ran_while_pinned = atomic_load(&hold.ran);
	port_unpin(pin);
	while (!atomic_load(&hold.leave))
		port_pause();
	return obj;
}

static void
a_shut_hart_falls_through_and_the_drain_waits(void **state)
{
	pthread_t id;
	void *obj;

	(void)state;
	make_cache();
	atomic_store(&hold.pinned, false);
	atomic_store(&hold.leave, false);
	atomic_store(&hold.ran, 0);
	assert_int_equal(pthread_create(&id, NULL, hold_pin, NULL), 0);
	while (!atomic_load(&hold.pinned))
		port_pause();
	assert_true(port_hart_call(1, count_run, NULL));
	assert_int_equal(atomic_load(&hold.ran), 1);
	atomic_store(&hold.leave, true);
	assert_int_equal(pthread_join(id, &obj), 0);
	assert_false(hold.served);
	assert_int_equal(hold.ran_while_pinned, 0);
	assert_non_null(obj);
	cache_unmake(cache);
}

/* ---- The function of a call may itself allocate and free. ---- */

static void
use_pair(void *arg)
{
	void **out = arg;

	*out = kmem_cache_alloc(cache, 0);
	kmem_cache_free(cache, *out);
	*out = kmem_cache_alloc(cache, 0);
}

static void
a_guest_uses_the_targets_magazines(void **state)
{
	struct kmem_hart_stats st;
	void *obj;

	(void)state;
	make_cache();
	assert_true(port_hart_call(2, use_pair, &obj));
	assert_non_null(obj);
	assert_true(kmem_cache_hart_stats(cache, 2, &st));
	assert_true(st.used);
	assert_true(kmem_cache_hart_stats(cache, 0, &st));
	assert_false(st.used);
	kmem_cache_free(cache, obj);
	cache_unmake(cache);
}

/* ---- A thread that is no hart. ---- */

static void
allocate(void *arg)
{
	kmem_cache_free(cache, kmem_cache_alloc(arg, 0));
}

static void *
no_hart(void *arg)
{
	const char *what = NULL;

	return (void *)(uintptr_t)host_panics(allocate, arg, &what);
}

static void
a_thread_not_attached_panics(void **state)
{
	pthread_t id;
	void *panicked;

	(void)state;
	make_cache();
	assert_int_equal(pthread_create(&id, NULL, no_hart, cache), 0);
	assert_int_equal(pthread_join(id, &panicked), 0);
	assert_true(panicked != NULL);
	cache_unmake(cache);
}

/* ---- Storm: hot pairs on three harts, drains of them without pause. ---- */

#define STORM_HARTS  1u
#define STORM_DRAINS 500u /* flushes that took rounds from running harts */
#define STORM_HELD   16u

static _Atomic bool storm_stop;

struct storm_hart {
	pthread_t id;
	unsigned hart;
	uint64_t twice; /* objects that somebody else held, too */
	uint64_t ops;
};

/* An object's first word says who holds it; 0: nobody. */
static void
storm_take(struct storm_hart *t, void **slot)
{
	_Atomic uint64_t *word = kmem_cache_alloc(cache, 0);

	if (word == NULL)
		return;
	t->twice += atomic_exchange(word, t->hart) != 0;
	*slot = word;
	t->ops++;
}

static void
storm_give(struct storm_hart *t, void **slot)
{
	_Atomic uint64_t *word = *slot;

	t->twice += atomic_exchange(word, 0) != t->hart;
	kmem_cache_free(cache, *slot);
	*slot = NULL;
	t->ops++;
}

static void *
storm_thread(void *arg)
{
	struct storm_hart *t = arg;
	struct test_rng rng = { t->hart };
	void *held[STORM_HELD] = { NULL };

	mm_host_attach(t->hart);
	while (!atomic_load_explicit(&storm_stop, memory_order_relaxed)) {
		void **slot = &held[test_below(&rng, STORM_HELD)];

		if (*slot == NULL)
			storm_take(t, slot);
		else
			storm_give(t, slot);
	}
	for (unsigned i = 0; i < STORM_HELD; i++) {
		if (held[i] != NULL)
			storm_give(t, &held[i]);
	}
	return NULL;
}

static int
zero_first_word(void *obj, void *arg)
{
	(void)arg;
	atomic_store((_Atomic uint64_t *)obj, 0);
	return 0;
}

static void
G1_drains_without_pause_lose_and_double_nothing(void **state)
{
	static const struct kmem_options opt = { .ctor = zero_first_word };
	static struct storm_hart t[STORM_HARTS];
	uint64_t drains = 0, rounds = 0, ops = 0, before;

	(void)state;
	cache = cache_make("flag", SIZE, &opt);
	before = atomic_load(&host_hart_calls);
	atomic_store(&storm_stop, false);
	for (unsigned i = 0; i < STORM_HARTS; i++) {
		t[i] = (struct storm_hart){ .hart = i + 1 };
		assert_int_equal(
		    pthread_create(&t[i].id, NULL, storm_thread, &t[i]), 0);
	}
	while (drains < STORM_DRAINS) {
		size_t took = kmem_cache_flush(cache, KMEM_ALL_HARTS);

		rounds += took;
		drains += took != 0;
		if (took == 0)
			port_pause();
	}
	atomic_store(&storm_stop, true);
	for (unsigned i = 0; i < STORM_HARTS; i++) {
		assert_int_equal(pthread_join(t[i].id, NULL), 0);
		assert_int_equal(t[i].twice, 0);
		ops += t[i].ops;
	}
	print_message("%ju operations, %ju calls of harts, %ju rounds taken\n",
	    (uintmax_t)ops, (uintmax_t)(atomic_load(&host_hart_calls) - before),
	    (uintmax_t)rounds);
	assert_true(ops > rounds);
	assert_int_equal(stats_of(cache).objects_inuse, 0);
	cache_unmake(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(a_shut_hart_falls_through_and_the_drain_waits),
		world_test(a_guest_uses_the_targets_magazines),
		world_test(a_thread_not_attached_panics),
		world_test(G1_drains_without_pause_lose_and_double_nothing),
	};

	return cmocka_run_group_tests_name("flag port", tests, NULL, NULL);
}
