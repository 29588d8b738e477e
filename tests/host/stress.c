/* SPDX-License-Identifier: MIT */
/*
 * Four threads, caches of each kind and kmalloc, objects and whole magazines
 * passed between threads, and thread 3 reaping everything all the while. Each
 * object carries a stamp in its first and last word; what is wrong is counted,
 * and judged by the test that called.
 */
#include "stress.h"

#include "host.h"

#include <mm/frame.h>
#include <mm/host.h>
#include <mm/kmem.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4u
#define CACHES  4u
#define HELD    200u
#define BYTES   ((size_t)32 << 20)
#define PASSED  64u
#define BOXES   8u
#define RESERVE 16u
#define BULK    130u

struct thread {
	pthread_t id;
	unsigned hart;
	unsigned rounds;
	uint64_t random;
	uint64_t ops, reaps, bad, passed, handed, insane;
	struct {
		unsigned cache; /* CACHES: kmalloc */
		size_t size;
		void *obj;
	} held[HELD];
	unsigned count;
};

static const struct {
	const char *name;
	size_t size;
	struct kmem_options opt;
} plan[CACHES] = {
	{ "fast", 48, { 0 } },
	{ "small-mag", 200, { .magazine = 4 } },
	{ "checked", 96, { .protect = KMEM_CHECKED } },
	{ "slabs-only", 1000, { .flags = KMEM_NOMAGAZINE } },
};
static struct kmem_cache *caches[CACHES];

/* Objects of the first cache on their way to another thread. */
static _Atomic(void *) mail[PASSED];

/* Arrays of whole magazines of the same. */
static _Atomic(void **) boxes[BOXES];
static struct kmem_reserve *reserve; /* of the third cache */

static uint64_t
draw(struct thread *t)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return t->random * 0x2545f4914f6cdd1du >> 16;
}

static void
mark(void *obj, size_t size)
{
	uintptr_t word = (uintptr_t)obj ^ size;

	memcpy(obj, &word, sizeof(word));
	memcpy((char *)obj + size - sizeof(word), &word, sizeof(word));
}

/* Still as marked? Then wipe it, so that a second owner would notice. */
static bool
unmark(void *obj, size_t size)
{
	uintptr_t word = (uintptr_t)obj ^ size, a, b;

	memcpy(&a, obj, sizeof(a));
	memcpy(&b, (char *)obj + size - sizeof(b), sizeof(b));
	memset(obj, 0, sizeof(a));
	return a == word && b == word;
}

static void
drop(struct thread *t, unsigned i)
{
	void *obj = t->held[i].obj;
	unsigned c = t->held[i].cache;

	t->bad += !unmark(obj, t->held[i].size);
	if (c == CACHES)
		kfree(obj);
	else
		kmem_cache_free(caches[c], obj);
	t->held[i] = t->held[--t->count];
	t->ops++;
}

static void
pick(struct thread *t)
{
	unsigned c = (unsigned)draw(t) % (CACHES + 1);
	size_t size = c < CACHES ? plan[c].size : 16 + draw(t) % 5000;
	void *obj =
	    c < CACHES ? kmem_cache_alloc(caches[c], 0) : kmalloc(size, 0);

	if (obj == NULL)
		return;
	mark(obj, size);
	t->held[t->count].cache = c;
	t->held[t->count].size = size;
	t->held[t->count++].obj = obj;
	t->ops++;
}

/*
 * Put an object of ours into the mail; free what lay there. The exchange
 * releases our writes to the object and acquires its sender's.
 */
static void
pass(struct thread *t)
{
	void *obj = kmem_cache_alloc(caches[0], 0);

	if (obj == NULL)
		return;
	mark(obj, plan[0].size);
	obj = atomic_exchange_explicit(
	    &mail[draw(t) % PASSED], obj, memory_order_acq_rel);
	t->ops++;
	if (obj == NULL)
		return;
	t->bad += !unmark(obj, plan[0].size);
	kmem_cache_free(caches[0], obj);
	t->passed++;
	t->ops++;
}

static void
bulk(struct thread *t)
{
	unsigned c = (unsigned)draw(t) % CACHES;
	/* One in four is the size that goes in one piece. */
	size_t n = draw(t) % 4 == 0 ? KMEM_BULK_BEST : draw(t) % BULK;
	void *objs[BULK];

	if (!kmem_cache_alloc_bulk(caches[c], 0, n, objs))
		return;
	for (size_t i = 0; i < n; i++)
		mark(objs[i], plan[c].size);
	for (size_t i = 0; i < n; i++)
		t->bad += !unmark(objs[i], plan[c].size);
	kmem_cache_free_bulk(caches[c], n, objs);
	t->ops += 2 * n;
}

/* The number of rounds travels in the second word of the first object. */
static void
rounds_back(struct thread *t, void **objs)
{
	struct kmem_rounds r = { .r_objs = objs };

	memcpy(
	    &r.r_count, (char *)objs[0] + sizeof(uintptr_t), sizeof(r.r_count));
	for (size_t i = 0; i < r.r_count; i++)
		t->bad += !unmark(r.r_objs[i], plan[0].size);
	t->ops += r.r_count;
	t->handed += r.r_count;
	/* Now and then some are freed apart, the rest given with the array. */
	if (draw(t) % 8 == 0) {
		size_t kept = draw(t) % (r.r_count + 1);

		kmem_cache_free_bulk(
		    caches[0], r.r_count - kept, r.r_objs + kept);
		r.r_count = kept;
	}
	kmem_cache_give(caches[0], r);
}

/*
 * A magazine of ours to whoever comes next to the same box; the one that lay
 * there goes back. The exchange releases and acquires as in pass.
 */
static void
hand_over(struct thread *t)
{
	struct kmem_rounds r = kmem_cache_take(caches[0], 0);
	void **objs;

	if (r.r_count == 0)
		return;
	for (size_t i = 0; i < r.r_count; i++)
		mark(r.r_objs[i], plan[0].size);
	memcpy((char *)r.r_objs[0] + sizeof(uintptr_t), &r.r_count,
	    sizeof(r.r_count));
	t->ops += r.r_count;
	objs = atomic_exchange_explicit(
	    &boxes[draw(t) % BOXES], r.r_objs, memory_order_acq_rel);
	if (objs != NULL)
		rounds_back(t, objs);
}

/* A reserve that all threads share; its cache verifies every free. */
static void
lean(struct thread *t)
{
	void *obj = kmem_reserve_alloc(reserve, KMEM_NOWAIT);

	if (obj == NULL)
		return;
	mark(obj, plan[2].size);
	t->bad += !unmark(obj, plan[2].size);
	kmem_reserve_free(reserve, obj);
	t->ops += 2;
}

static void
look(struct thread *t)
{
	struct kmem_stats st;

	kmem_cache_stats(caches[draw(t) % CACHES], &st);
	t->insane += st.objects_inuse + st.objects_cached > st.objects_total;
}

static void
disturb(struct thread *t)
{
	struct kmem_tune tune = {
		.set_magazine = true,
		.magazine = 1 + (unsigned)draw(t) % KMEM_ROUNDS_MAX,
	};

	switch (draw(t) % 8) {
	case 0:
		(void)kmem_cache_tune(caches[1], &tune, NULL);
		break;
	case 1:
		(void)kmem_cache_shrink(caches[draw(t) % CACHES]);
		break;
	case 2:
		kmem_tick();
		(void)kmem_reap(KMEM_REAP_TRIM, 0);
		break;
	case 3:
		(void)kmem_verify(NULL, NULL, 0);
		break;
	default:
		(void)kmem_reap(KMEM_REAP_ALL, 0);
		t->reaps++;
		break;
	}
}

static void *
thread_main(void *arg)
{
	struct thread *t = arg;

	mm_host_attach(t->hart);
	for (unsigned round = 0; round < t->rounds; round++) {
		unsigned what = (unsigned)draw(t) % 64;

		if (t->hart == THREADS - 1 && what < 8)
			disturb(t);
		else if (what < 10)
			pass(t);
		else if (what < 12)
			bulk(t);
		else if (what < 13)
			look(t);
		else if (what < 14)
			hand_over(t);
		else if (what < 15)
			lean(t);
		else if (what < 38 ? t->count < HELD : t->count == 0)
			pick(t);
		else if (t->count > 0)
			drop(t, (unsigned)draw(t) % t->count);
	}
	while (t->count > 0)
		drop(t, 0);
	return NULL;
}

static void
settle(struct stress_result *out, size_t frames_before)
{
	struct thread none = { .random = 1 };

	for (unsigned i = 0; i < PASSED; i++) {
		void *obj = atomic_load(&mail[i]);

		if (obj != NULL)
			kmem_cache_free(caches[0], obj);
		atomic_store(&mail[i], NULL);
	}
	for (unsigned i = 0; i < BOXES; i++) {
		void **objs = atomic_load(&boxes[i]);

		if (objs != NULL)
			rounds_back(&none, objs);
		atomic_store(&boxes[i], NULL);
	}
	out->bad += none.bad;
	kmem_reserve_destroy(reserve);
	reserve = NULL;
	out->findings = kmem_verify(NULL, NULL, 0) + frame_verify();
	for (unsigned c = 0; c < CACHES; c++) {
		struct kmem_stats st;

		kmem_cache_stats(caches[c], &st);
		out->inuse += st.objects_inuse;
		if (kmem_cache_destroy(caches[c]) != 0)
			out->inuse++;
	}
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	out->leaked = frames_before - frame_free_count();
	out->findings += kmem_verify(NULL, NULL, 0);
	out->reports = host_report_count();
}

void
stress_run(unsigned rounds, uint64_t seed, struct stress_result *out)
{
	static struct thread threads[THREADS];
	size_t frames_before;

	memset(out, 0, sizeof(*out));
	memset(threads, 0, sizeof(threads));
	host_clear_reports();
	if (mm_host_init(BYTES, THREADS) != 0) {
		out->findings = 1;
		return;
	}
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frames_before = frame_free_count();
	for (unsigned c = 0; c < CACHES; c++) {
		if (kmem_cache_create(&caches[c], plan[c].name, plan[c].size,
			&plan[c].opt, NULL) != 0)
			out->findings++;
	}
	out->findings += kmem_reserve_create(&reserve, caches[2], RESERVE) != 0;
	for (unsigned h = 0; h < THREADS && out->findings == 0; h++) {
		threads[h].hart = h;
		threads[h].rounds = rounds;
		threads[h].random = seed * THREADS + h + 1;
		if (pthread_create(
			&threads[h].id, NULL, thread_main, &threads[h]) != 0)
			abort();
	}
	for (unsigned h = 0; h < THREADS && out->findings == 0; h++) {
		(void)pthread_join(threads[h].id, NULL);
		out->ops += threads[h].ops;
		out->reaps += threads[h].reaps;
		out->bad += threads[h].bad;
		out->passed += threads[h].passed;
		out->handed += threads[h].handed;
		out->insane += threads[h].insane;
	}
	settle(out, frames_before);
	mm_host_fini();
}
