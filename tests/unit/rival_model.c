/* SPDX-License-Identifier: MIT */
/* Tests that every rival must pass. Interface: rival_model.h. */
#include "tests/unit/mm_test.h"

#include "rival_model.h"

#include <stdlib.h>
#include <string.h>

#define HEAPS 10u
#define LIVE  400u
#define HARTS 4u

static const struct shape {
	size_t size, align;
} shapes[HEAPS] = {
	{ 1, 0 },
	{ 8, 8 },
	{ 24, 64 },
	{ 64, 0 },
	{ 100, 16 },
	{ 255, 0 },
	{ 700, 128 },
	{ 3000, 0 },
	{ 5000, 4096 },
	{ 32768, 0 },
};

struct object {
	unsigned heap;
	unsigned char *at;
	uint64_t seed;
};

struct model {
	const struct rival_calls *calls;
	struct test_rng rng;
	void *heap[HEAPS];
	struct object live[LIVE];
	size_t count;
	unsigned refused;
};

static void
add(struct model *m, unsigned heap)
{
	size_t align = shapes[heap].align;
	struct object *o = &m->live[m->count];
	unsigned char *at = m->calls->alloc(m->heap[heap]);

	if (at == NULL) {
		m->refused++;
		return;
	}
	if (align == 0)
		align = m->calls->natural;
	assert_int_equal((uintptr_t)at % align, 0);
	*o = (struct object){ heap, at, test_random(&m->rng) };
	stamp(at, shapes[heap].size, o->seed);
	m->count++;
}

/* Whoever else wrote there had an object that overlaps. */
static void
drop(struct model *m, size_t i)
{
	struct object o = m->live[i];

	assert_true(stamped(o.at, shapes[o.heap].size, o.seed));
	memset(o.at, 0xdb, shapes[o.heap].size);
	m->calls->free(m->heap[o.heap], o.at);
	m->live[i] = m->live[--m->count];
}

static bool
disjoint(const struct model *m)
{
	for (size_t i = 0; i < m->count; i++)
		for (size_t j = 0; j < i; j++) {
			const struct object *a = &m->live[i], *b = &m->live[j];

			if (a->at < b->at + shapes[b->heap].size &&
			    b->at < a->at + shapes[a->heap].size)
				return false;
		}
	return true;
}

static unsigned
open_heaps(struct model *m)
{
	unsigned made = 0;

	for (unsigned h = 0; h < HEAPS; h++) {
		m->heap[h] = m->calls->create(shapes[h].size, shapes[h].align);
		made += m->heap[h] != NULL;
	}
	return made;
}

static void
close_heaps(struct model *m)
{
	while (m->count != 0)
		drop(m, test_below(&m->rng, m->count));
	assert_int_equal(m->calls->verify(), 0);
	for (unsigned h = 0; h < HEAPS; h++)
		if (m->heap[h] != NULL)
			m->calls->destroy(m->heap[h]);
	free(m);
	mm_host_attach(0);
	world_check();
}

static struct model *
model_new(const struct rival_calls *rc, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->calls = rc;
	m->rng.state = seed;
	return m;
}

void
rival_model_random(const struct rival_calls *rc, uint64_t seed, unsigned steps)
{
	struct model *m = model_new(rc, seed);

	assert_int_equal(open_heaps(m), HEAPS);
	for (unsigned step = 0; step < steps; step++) {
		/* Up and down: it leans to growing, then to shrinking. */
		size_t grow = step / 1000 % 2 == 0 ? 6 : 3;

		mm_host_attach((unsigned)test_below(&m->rng, HARTS));
		if (m->count == 0 ||
		    (m->count < LIVE && test_below(&m->rng, 10) < grow))
			add(m, (unsigned)test_below(&m->rng, HEAPS));
		else
			drop(m, test_below(&m->rng, m->count));
		if (step % 64 == 0)
			assert_int_equal(rc->verify(), 0);
		if (step % 1024 == 0)
			assert_true(disjoint(m));
	}
	assert_int_equal(m->refused, 0);
	close_heaps(m);
}

void
rival_model_no_frames(const struct rival_calls *rc)
{
	unsigned made, refused;
	int64_t k = 0;

	do {
		struct model *m = model_new(rc, 7);

		frame_set_fail_after(k++);
		made = open_heaps(m);
		for (unsigned i = 0; i < LIVE; i++)
			if (m->heap[i % HEAPS] != NULL)
				add(m, i % HEAPS);
		refused = m->refused;
		assert_true(disjoint(m));
		frame_set_fail_after(-1);
		/* What was refused is given once there is memory. */
		for (unsigned h = 0; h < HEAPS; h++) {
			size_t had = m->count;

			if (m->heap[h] == NULL || had == LIVE)
				continue;
			add(m, h);
			assert_int_equal(m->count, had + 1);
		}
		close_heaps(m);
		assert_true(k < 10000);
	} while (made != HEAPS || refused != 0);
	print_message("%jd requests for frames, each failed\n", (intmax_t)k);
	assert_true(k > 1);
}

size_t
rival_model_exhaust(const struct rival_calls *rc, size_t size)
{
	size_t most = world_frames() * FRAME_SIZE / size + 1, had = 0;
	void *heap = rc->create(size, 0), **obj;

	obj = calloc(most, sizeof(*obj));
	assert_non_null(heap);
	assert_non_null(obj);
	for (unsigned round = 0; round < 2; round++) {
		size_t n = 0;

		while (n < most && (obj[n] = rc->alloc(heap)) != NULL) {
			stamp(obj[n], size, n);
			n++;
		}
		assert_true(n < most);
		assert_int_equal(rc->verify(), 0);
		/* Nothing was lost; in one piece there may be room for more. */
		assert_true(n >= had);
		had = n;
		/* Neither first come nor last come first. */
		for (size_t i = 0; i < n; i++) {
			size_t at = (i * 7919 + 1) % n;

			if (obj[at] == NULL)
				continue;
			assert_true(stamped(obj[at], size, at));
			rc->free(heap, obj[at]);
			obj[at] = NULL;
		}
		for (size_t i = 0; i < n; i++)
			if (obj[i] != NULL)
				rc->free(heap, obj[i]);
		assert_int_equal(rc->verify(), 0);
	}
	rc->destroy(heap);
	free(obj);
	world_check();
	return had * size / FRAME_SIZE;
}

void
rival_model_charge(const struct rival_calls *rc)
{
	size_t before = frame_free_count() - rc->charge(), used;
	enum { N = 1000, SIZE = 1000 };
	static void *obj[N];
	void *heap = rc->create(SIZE, 0);

	assert_non_null(heap);
	for (unsigned i = 0; i < N; i++) {
		obj[i] = rc->alloc(heap);
		assert_non_null(obj[i]);
	}
	used = before - (frame_free_count() - rc->charge());
	print_message("%u objects of %u bytes: %zu frames\n", (unsigned)N,
	    (unsigned)SIZE, used);
	assert_in_range(
	    used, N * SIZE / FRAME_SIZE, N * SIZE * 9 / 8 / FRAME_SIZE + 20);
	for (unsigned i = 0; i < N; i++)
		rc->free(heap, obj[i]);
	rc->destroy(heap);
	assert_int_equal(rc->charge(), 0);
	world_check();
}
