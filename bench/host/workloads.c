/* SPDX-License-Identifier: MIT */
/*
 * The workloads of the host comparison: those of bench/workload, which the
 * kernel runs too, and some that need more than one kind of object or thread.
 * Included once per allocator, which has defined adapter_alloc, adapter_free
 * (objects of HOST_SIZE), adapter_any (of hr_size), adapter_build,
 * adapter_unbuild (constructed), adapter_malloc, adapter_mfree and
 * adapter_attach: so all calls are direct, and the loops are the same code with
 * the same flags. Nothing may be added to the loops: their instructions are
 * published.
 */
#include <pthread.h>
#include <semaphore.h>

#include "../workload/batch.c"
#include "../workload/pair.c"
#include "../workload/replace.c"

static void
load_constructed(struct host_run *r, uint64_t pairs)
{
	for (uint64_t left = pairs; left != 0; left--) {
		struct built *obj = adapter_build(r);

		if (obj == NULL)
			host_fail("no memory", "constructed");
		r->hr_sum += obj->bu_refs;
		adapter_unbuild(r, obj);
	}
}

static void
prepare_mixed(struct host_run *r)
{
	for (unsigned i = 0; i < HOST_LIVE; i++)
		r->hr_load.w_slots[i] = adapter_malloc(r->hr_sizes[i]);
}

/* As replace, but each object has a size of its own. */
static void
load_mixed(struct host_run *r, uint64_t pairs)
{
	for (uint64_t left = pairs; left != 0; left--) {
		uint64_t x = bench_random(&r->hr_load.w_random);
		void **slot = &r->hr_load.w_slots[x % HOST_LIVE];
		void *obj = adapter_malloc(r->hr_sizes[(x >> 32) % HOST_LIVE]);

		if (obj == NULL)
			host_fail("no memory", "mixed");
		adapter_mfree(*slot);
		*slot = obj;
	}
}

/*
 * Producer and consumer: chunks of objects go through a ring of four. Whoever
 * finds it full or empty sleeps, so that waiting costs no instructions.
 */
#define CHUNK 256u
#define RING  4u

static struct {
	sem_t room, filled;
	void *ring[RING][CHUNK];
	uint64_t chunks;
} belt;

static void *
consumer(void *arg)
{
	struct host_run *r = arg;
	struct kmem_cache *cp = r->hr_load.w_cache;
	uint64_t sum = 0;

	adapter_attach(1);
	for (uint64_t c = 0; c < belt.chunks; c++) {
		void **chunk = belt.ring[c % RING];

		while (sem_wait(&belt.filled) != 0)
			continue;
		for (unsigned i = 0; i < CHUNK; i++) {
			sum += *(uint64_t *)chunk[i];
			adapter_free(cp, chunk[i]);
		}
		(void)sem_post(&belt.room);
	}
	r->hr_sum += sum;
	return NULL;
}

static void
load_handover(struct host_run *r, uint64_t pairs)
{
	struct kmem_cache *cp = r->hr_load.w_cache;
	pthread_t id;

	(void)sem_init(&belt.room, 0, RING);
	(void)sem_init(&belt.filled, 0, 0);
	belt.chunks = (pairs + CHUNK - 1) / CHUNK;
	if (pthread_create(&id, NULL, consumer, r) != 0)
		host_fail("no thread", "handover");
	for (uint64_t c = 0; c < belt.chunks; c++) {
		void **chunk = belt.ring[c % RING];

		while (sem_wait(&belt.room) != 0)
			continue;
		for (unsigned i = 0; i < CHUNK; i++) {
			uint64_t *obj = adapter_alloc(cp);

			if (obj == NULL)
				host_fail("no memory", "handover");
			*obj = c;
			chunk[i] = obj;
		}
		(void)sem_post(&belt.filled);
	}
	(void)pthread_join(id, NULL);
}

static bool
nothing_prepare(struct workload *w)
{
	(void)w;
	return true;
}

static void
nothing_finish(struct workload *w)
{
	(void)w;
}

static const struct workload_code code_pair = { "pair", pair_prepare, pair_step,
	pair_finish };
static const struct workload_code code_batch = { "batch", nothing_prepare,
	batch_step, nothing_finish };
static const struct workload_code code_replace = { "replace", replace_prepare,
	replace_step, replace_finish };

static const struct host_load loads[] = {
	{ .hl_name = "pair", .hl_code = &code_pair },
	{ .hl_name = "batch-fifo",
	    .hl_code = &code_batch,
	    .hl_order = BENCH_FIFO,
	    .hl_count = HOST_BATCH },
	{ .hl_name = "batch-lifo",
	    .hl_code = &code_batch,
	    .hl_order = BENCH_LIFO,
	    .hl_count = HOST_BATCH },
	{ .hl_name = "random",
	    .hl_code = &code_replace,
	    .hl_count = HOST_LIVE },
	{ .hl_name = "handover", .hl_step = load_handover },
	{ .hl_name = "constructed", .hl_step = load_constructed },
	{ .hl_name = "mixed",
	    .hl_prepare = prepare_mixed,
	    .hl_step = load_mixed },
	{ .hl_name = NULL },
};

/* Out of line, for figures that do not count instructions. */
static void *
any_alloc(struct host_run *r)
{
	return adapter_any(r);
}

static void *
any_malloc(size_t size)
{
	return adapter_malloc(size);
}

static void
any_free(void *obj)
{
	adapter_mfree(obj);
}
