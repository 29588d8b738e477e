/* SPDX-License-Identifier: MIT */
/* The model of frames and slabs. Theory: tests/model/model_mm.c. */

#include "model.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mm/frame.h>
#include <mm/host.h>
#include <mm/kmem.h>
#include <mm/port.h>

#include "tests/host/host.h"

#define CACHES      24u
#define OBJECTS     6000u
#define RUNS        300u
#define BLOCKS      300u
#define CHECK_EVERY 1500u
#define EDGE        64u /* bytes stamped at each end of what is large */

struct cache {
	struct kmem_cache *cp; /* NULL: no such cache */
	size_t size, align, limit;
	bool has_ctor;
	unsigned live;
	uint64_t built, unbuilt;
};

struct block {
	unsigned char *p; /* NULL: free entry, always at the end */
	size_t bytes;
	unsigned cache; /* index; objects only */
	size_t frames;  /* runs only */
	uint32_t stamp;
};

static struct cache caches[CACHES];
static struct block objects[OBJECTS], runs[RUNS], blocks[BLOCKS];
static unsigned n_objects, n_runs, n_blocks;
static unsigned most_objects;
static uint32_t next_stamp;
static size_t frames_at_start;

/* --- contents --- */

static void
stamp(struct block *b)
{
	size_t edge = b->bytes < EDGE ? b->bytes : EDGE;

	b->stamp = ++next_stamp;
	for (size_t i = 0; i < edge; i++) {
		b->p[i] = (unsigned char)(b->stamp + i);
		b->p[b->bytes - 1 - i] = (unsigned char)(b->stamp * 7 + i);
	}
}

/* Small blocks overwrite their head with their tail: check that first. */
static void
check_stamp(const struct block *b)
{
	size_t edge = b->bytes < EDGE ? b->bytes : EDGE;

	for (size_t i = 0; i < edge; i++) {
		size_t tail = b->bytes - 1 - i;

		/* Written at step i, and again at a later step? */
		if (tail < edge && tail > i)
			continue;
		if (b->p[tail] != (unsigned char)(b->stamp * 7 + i))
			model_fail("contents changed", (uintptr_t)b->p, tail);
	}
	if (b->bytes < 2 * EDGE)
		return;
	for (size_t i = 0; i < edge; i++) {
		if (b->p[i] != (unsigned char)(b->stamp + i))
			model_fail("contents changed", (uintptr_t)b->p, i);
	}
}

/* --- everything, compared --- */

static int
by_address(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

static void
check_disjoint(void)
{
	static struct block all[OBJECTS + RUNS + BLOCKS];
	size_t n = 0;

	for (unsigned i = 0; i < n_objects; i++)
		all[n++] = objects[i];
	for (unsigned i = 0; i < n_runs; i++)
		all[n++] = runs[i];
	for (unsigned i = 0; i < n_blocks; i++)
		all[n++] = blocks[i];
	qsort(all, n, sizeof(all[0]), by_address);
	for (size_t i = 1; i < n; i++) {
		if (all[i - 1].p + all[i - 1].bytes > all[i].p)
			model_fail("two blocks overlap",
			    (uintptr_t)all[i - 1].p, (uintptr_t)all[i].p);
	}
}

static void
check_cache(const struct cache *c)
{
	struct kmem_stats st;

	kmem_cache_stats(c->cp, &st);
	if (st.objects_inuse != c->live)
		model_fail("objects_inuse", st.objects_inuse, c->live);
	if (st.objects_inuse + st.objects_cached > st.objects_total)
		model_fail(
		    "more than in total", st.objects_cached, st.objects_total);
	if (c->has_ctor && c->built - c->unbuilt != st.objects_total)
		model_fail("constructed objects", c->built - c->unbuilt,
		    st.objects_total);
	if (st.errors != 0)
		model_fail("errors of a cache", st.errors, 0);
}

/*
 * Each frame is free, in a cache, in a run of ours, or in a large block, but
 * for those of the harts' magazines of frames.
 */
static void
check_frames(void)
{
	struct kmem_cache *cp = NULL;
	struct frame_stats fs;
	size_t used = 0;

	while ((cp = kmem_cache_next(cp)) != NULL) {
		struct kmem_stats st;

		kmem_cache_stats(cp, &st);
		used += st.frames;
	}
	for (unsigned i = 0; i < n_runs; i++)
		used += runs[i].frames;
	frame_get_stats(&fs);
	used += fs.used_by[FRAME_TAG_KMALLOC] + fs.magazines;
	if (used + fs.free != fs.total)
		model_fail("frames unaccounted for", used + fs.free, fs.total);
	if (fs.free != frame_free_count())
		model_fail("frame_free_count", fs.free, frame_free_count());
}

static void
check_all(void)
{
	struct kmem_finding found = { .what = "?" };

	for (unsigned c = 0; c < CACHES; c++) {
		if (caches[c].cp != NULL)
			check_cache(&caches[c]);
	}
	for (unsigned i = 0; i < n_objects; i++)
		check_stamp(&objects[i]);
	for (unsigned i = 0; i < n_runs; i++)
		check_stamp(&runs[i]);
	for (unsigned i = 0; i < n_blocks; i++)
		check_stamp(&blocks[i]);
	check_disjoint();
	check_frames();
	if (kmem_verify(NULL, &found, 1) != 0)
		model_fail(found.what, found.where, 0);
	if (frame_verify() != 0)
		model_fail("frame_verify", 0, 0);
	if (host_report_count() != 0)
		model_fail("a heap error was reported",
		    host_last_report()->kind, host_last_report()->obj);
}

/* --- operations on caches --- */

static int
ctor(void *obj, void *arg)
{
	struct cache *c = arg;

	memset(obj, 0, c->size);
	c->built++;
	return 0;
}

static void
dtor(void *obj, void *arg)
{
	struct cache *c = arg;

	(void)obj;
	c->unbuilt++;
}

static void
op_create(const struct op *op)
{
	static const unsigned flags[] = { 0, 0, KMEM_NOMAGAZINE, KMEM_COUNT,
		KMEM_NOCOLOUR, KMEM_HWALIGN, KMEM_NOREAP };
	struct cache *c = &caches[op->a % CACHES];
	struct kmem_options opt = { .flags = flags[op->b % 7] };
	char name[8];
	int err;

	(void)snprintf(name, sizeof(name), "m%u", op->a % CACHES);
	if (c->cp != NULL) {
		struct kmem_cache *twin = NULL;

		err = kmem_cache_create(&twin, name, 8, NULL, NULL);
		if (err != -KMEM_EEXIST)
			model_fail("a name given twice", (unsigned)-err, 0);
		return;
	}
	memset(c, 0, sizeof(*c));
	c->size = 1 + op->c % (op->b % 5 == 0 ? 20000u : 400u);
	c->align = op->b % 3 == 0 ? (size_t)8 << (op->c >> 20) % 8 : 0;
	c->limit = op->b % 11 == 0 ? 1 + (op->c >> 8) % 300 : 0;
	c->has_ctor = op->b % 4 == 0;
	opt.align = c->align;
	opt.limit = c->limit;
	opt.magazine = op->b % 6 == 0 ? 1 + (op->c >> 12) % 61 : 0;
	opt.protect = op->b % 2 == 0 ? KMEM_FAST : KMEM_CHECKED;
	opt.ctor = c->has_ctor ? ctor : NULL;
	opt.dtor = c->has_ctor ? dtor : NULL;
	opt.arg = c;
	err = kmem_cache_create(&c->cp, name, c->size, &opt, NULL);
	if (err != 0)
		model_fail("create", (unsigned)-err, c->size);
}

static void
op_destroy(const struct op *op)
{
	struct cache *c = &caches[op->a % CACHES];
	int err;

	if (c->cp == NULL)
		return;
	err = kmem_cache_destroy(c->cp);
	if (err != (c->live != 0 ? -KMEM_EBUSY : 0))
		model_fail("destroy", (unsigned)-err, c->live);
	host_clear_reports();
	if (err != 0)
		return;
	if (c->built != c->unbuilt)
		model_fail("destructed at destroy", c->built, c->unbuilt);
	c->cp = NULL;
}

static void
got_object(unsigned cache, void *obj)
{
	struct cache *c = &caches[cache];
	struct block *b = &objects[n_objects++];

	most_objects = n_objects > most_objects ? n_objects : most_objects;
	b->p = obj;
	b->bytes = c->size;
	b->cache = cache;
	if (c->align != 0 && (uintptr_t)obj % c->align != 0)
		model_fail("alignment", (uintptr_t)obj, c->align);
	stamp(b);
	c->live++;
}

static bool
may_hold(const struct cache *c, unsigned n)
{
	return c->limit == 0 || c->live + n <= c->limit;
}

static void
op_alloc(const struct op *op)
{
	unsigned cache = op->a % CACHES;
	struct cache *c = &caches[cache];
	bool zero = op->b % 4 == 0 && !c->has_ctor;
	unsigned char *obj;

	if (c->cp == NULL || n_objects == OBJECTS)
		return;
	obj = kmem_cache_alloc(c->cp, zero ? KMEM_ZERO : 0);
	if ((obj != NULL) != may_hold(c, 1))
		model_fail("alloc", c->live, c->limit);
	if (obj == NULL)
		return;
	for (size_t i = 0; zero && i < c->size; i++) {
		if (obj[i] != 0)
			model_fail("not zeroed", (uintptr_t)obj, i);
	}
	got_object(cache, obj);
}

static void
drop_object(unsigned i)
{
	struct block b = objects[i];

	check_stamp(&b);
	memset(b.p, 0xdb, b.bytes);
	objects[i] = objects[--n_objects];
	caches[b.cache].live--;
	kmem_cache_free(caches[b.cache].cp, b.p);
}

static void
op_free(const struct op *op)
{
	if (n_objects != 0)
		drop_object(op->a % n_objects);
}

static void
op_bulk(const struct op *op)
{
	unsigned cache = op->a % CACHES, n = 1 + op->b % 90;
	struct cache *c = &caches[cache];
	void *objs[90];
	bool got;

	if (c->cp == NULL || n_objects + n > OBJECTS)
		return;
	got = kmem_cache_alloc_bulk(c->cp, 0, n, objs);
	if (got != may_hold(c, n))
		model_fail("alloc_bulk", c->live + n, c->limit);
	for (unsigned i = 0; got && i < n; i++)
		got_object(cache, objs[i]);
}

/* The youngest objects of one cache at once, or whichever they are. */
static void
op_bulk_free(const struct op *op)
{
	void *objs[90];
	unsigned n = 0, want = 1 + op->b % 90;
	unsigned cache = op->a % CACHES;

	for (unsigned i = n_objects; i-- > 0 && n < want;) {
		if (objects[i].cache != cache)
			continue;
		check_stamp(&objects[i]);
		objs[n++] = objects[i].p;
		objects[i] = objects[--n_objects];
	}
	if (n == 0)
		return;
	caches[cache].live -= n;
	kmem_cache_free_bulk(caches[cache].cp, n, objs);
}

/* A few objects to and fro in an interrupt of some hart. */
static void
in_interrupt(void *arg)
{
	struct cache *c = arg;
	void *obj[3];
	unsigned n = 0;

	while (n < 3 && (obj[n] = kmem_cache_alloc(c->cp, 0)) != NULL)
		n++;
	while (n != 0)
		kmem_cache_free(c->cp, obj[--n]);
}

static void
op_interrupt(const struct op *op)
{
	struct cache *c = &caches[op->a % CACHES];

	if (c->cp != NULL &&
	    !port_hart_call(op->b % port_hart_count(), in_interrupt, c))
		model_fail("port_hart_call", op->b, 0);
}

static void
op_reap(const struct op *op)
{
	enum kmem_level level = (enum kmem_level)(op->a % 3);
	size_t target = op->b % 3 == 0 ? op->c % 50 : 0;
	size_t before = frame_free_count();
	struct kmem_reaped r = kmem_reap(level, target);

	if (r.frames != frame_free_count() - before)
		model_fail(
		    "reap's frames", r.frames, frame_free_count() - before);
}

static void
op_shrink(const struct op *op)
{
	struct cache *c = &caches[op->a % CACHES];
	size_t before = frame_free_count(), frames;
	struct kmem_stats st;

	if (c->cp == NULL)
		return;
	frames = kmem_cache_shrink(c->cp);
	if (frames != frame_free_count() - before)
		model_fail(
		    "shrink's frames", frames, frame_free_count() - before);
	kmem_cache_stats(c->cp, &st);
	if (st.objects_cached != 0 || st.slabs_empty != 0)
		model_fail("left by shrink", st.objects_cached, st.slabs_empty);
	if (c->live == 0 && st.frames != 0)
		model_fail("frames left by shrink", st.frames, 0);
}

static void
op_flush(const struct op *op)
{
	struct cache *c = &caches[op->a % CACHES];
	unsigned hart = op->b % (port_hart_count() + 1);
	struct kmem_hart_stats hs = { .rounds = 0 };
	size_t n;

	if (c->cp == NULL)
		return;
	if (hart == port_hart_count()) {
		(void)kmem_cache_flush(c->cp, KMEM_ALL_HARTS);
		return;
	}
	(void)kmem_cache_hart_stats(c->cp, hart, &hs);
	n = kmem_cache_flush(c->cp, hart);
	if (n != hs.rounds)
		model_fail("flush", n, hs.rounds);
}

static void
op_tune(const struct op *op)
{
	struct cache *c = &caches[op->a % CACHES];
	struct kmem_tune t = { .magazine = 0 };
	int err;

	if (c->cp == NULL)
		return;
	if (op->b % 4 != 0) {
		t.set_magazine = true;
		t.magazine = op->c % 62;
	} else if (op->b % 8 == 0) {
		t.set_count = true;
		t.count = op->c % 2 != 0;
	} else {
		t.set_protect = true;
		t.protect = op->c % 2 != 0 ? KMEM_CHECKED : KMEM_FAST;
	}
	err = kmem_cache_tune(c->cp, &t, NULL);
	if (t.set_protect && c->live != 0) {
		if (err != -KMEM_EBUSY)
			model_fail("tune with slabs", (unsigned)-err, c->live);
	} else if (err != 0) {
		model_fail("tune", (unsigned)-err, 0);
	}
}

static void
op_tick(const struct op *op)
{
	(void)op;
	kmem_tick();
}

static void
op_hart(const struct op *op)
{
	mm_host_attach(op->a % port_hart_count());
}

/* --- frames and blocks --- */

static void
op_run(const struct op *op)
{
	struct block *b = &runs[n_runs];
	size_t align = (size_t)1 << op->b % 6;

	if (n_runs == RUNS)
		return;
	b->frames = 1 + op->a % (op->c % 8 == 0 ? 120u : 8u);
	b->p = frame_alloc(b->frames, align, 0, FRAME_TAG_USER);
	if (b->p == NULL)
		model_fail("frame_alloc", b->frames, frame_free_count());
	if ((uintptr_t)b->p % (align * FRAME_SIZE) != 0)
		model_fail("alignment of a run", (uintptr_t)b->p, align);
	b->bytes = b->frames * FRAME_SIZE;
	stamp(b);
	n_runs++;
}

static void
op_run_free(const struct op *op)
{
	struct block *b = &runs[op->a % (n_runs != 0 ? n_runs : 1)];

	if (n_runs == 0)
		return;
	check_stamp(b);
	frame_free(b->p, b->frames);
	*b = runs[--n_runs];
}

static void
op_run_resize(const struct op *op)
{
	struct block *b = &runs[op->a % (n_runs != 0 ? n_runs : 1)];
	size_t want = 1 + op->b % 40, before = frame_free_count();

	if (n_runs == 0)
		return;
	check_stamp(b);
	if (want <= b->frames) {
		frame_trim(b->p, b->frames, want);
		if (frame_free_count() - before != b->frames - want)
			model_fail("trim", before, frame_free_count());
	} else if (frame_extend(b->p, b->frames, want)) {
		if (before - frame_free_count() != want - b->frames)
			model_fail("extend", before, frame_free_count());
	} else {
		return;
	}
	b->frames = want;
	b->bytes = want * FRAME_SIZE;
	stamp(b);
}

static size_t
block_size(const struct op *op)
{
	return op->b % (op->c % 16 == 0 ? 400000u : 3000u) + 1;
}

static void
op_kmalloc(const struct op *op)
{
	struct block *b = &blocks[n_blocks];

	if (n_blocks == BLOCKS)
		return;
	b->p = kmalloc(block_size(op), 0);
	if (b->p == NULL)
		model_fail("kmalloc", block_size(op), frame_free_count());
	/* All that it says is usable is used. */
	b->bytes = ksize(b->p);
	if (b->bytes < block_size(op))
		model_fail("ksize", b->bytes, block_size(op));
	stamp(b);
	n_blocks++;
}

static void
op_krealloc(const struct op *op)
{
	struct block *b = &blocks[op->a % (n_blocks != 0 ? n_blocks : 1)];
	unsigned char *p;

	if (n_blocks == 0)
		return;
	check_stamp(b);
	p = krealloc(b->p, block_size(op), 0);
	if (p == NULL)
		model_fail("krealloc", block_size(op), frame_free_count());
	if (b->bytes >= 2 * EDGE && block_size(op) >= EDGE) {
		for (size_t i = 0; i < EDGE; i++) {
			if (p[i] != (unsigned char)(b->stamp + i))
				model_fail(
				    "krealloc lost bytes", (uintptr_t)p, i);
		}
	}
	b->p = p;
	b->bytes = ksize(p);
	stamp(b);
}

static void
op_kfree(const struct op *op)
{
	struct block *b = &blocks[op->a % (n_blocks != 0 ? n_blocks : 1)];

	if (n_blocks == 0)
		return;
	check_stamp(b);
	kfree(b->p);
	*b = blocks[--n_blocks];
}

/* --- the table --- */

static const struct {
	unsigned weight; /* of MODEL_WEIGHTS */
	const char *name;
	void (*run)(const struct op *op);
} table[] = {
	{ 330, "alloc", op_alloc },
	{ 340, "free", op_free },
	{ 20, "bulk", op_bulk },
	{ 22, "bulkfree", op_bulk_free },
	{ 14, "create", op_create },
	{ 10, "destroy", op_destroy },
	{ 20, "irq", op_interrupt },
	{ 8, "reap", op_reap },
	{ 8, "shrink", op_shrink },
	{ 12, "flush", op_flush },
	{ 14, "tune", op_tune },
	{ 4, "tick", op_tick },
	{ 50, "hart", op_hart },
	{ 30, "run", op_run },
	{ 32, "runfree", op_run_free },
	{ 16, "resize", op_run_resize },
	{ 30, "kmalloc", op_kmalloc },
	{ 10, "krealloc", op_krealloc },
	{ 30, "kfree", op_kfree },
};

#define TABLE (sizeof(table) / sizeof(table[0]))

static unsigned
table_index(const struct op *op)
{
	unsigned at = op->what;

	for (unsigned i = 0; i < TABLE; i++) {
		if (at < table[i].weight)
			return i;
		at -= table[i].weight;
	}
	model_fail("weights do not add up", op->what, 0);
}

const char *
model_name(const struct op *op)
{
	if (op->what == MODEL_PLANTED_BUG)
		return "planted";
	return table[table_index(op)].name;
}

void
model_step(const struct op *op, unsigned i)
{
	if (op->what == MODEL_PLANTED_BUG)
		model_fail("planted", i, 0);
	table[table_index(op)].run(op);
	if (i % CHECK_EVERY == CHECK_EVERY - 1)
		check_all();
}

unsigned
model_most(void)
{
	return most_objects;
}

void
model_start(void)
{
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frames_at_start = frame_free_count();
}

void
model_finish(void)
{
	const struct op any = { 0, 0, 0, 0 };

	check_all();
	mm_host_attach(0);
	while (n_objects != 0)
		op_free(&any);
	while (n_runs != 0)
		op_run_free(&any);
	while (n_blocks != 0)
		op_kfree(&any);
	check_all();
	for (unsigned c = 0; c < CACHES; c++) {
		const struct op one = { 0, c, 0, 0 };

		op_destroy(&one);
		if (caches[c].cp != NULL)
			model_fail("not destroyed", c, 0);
	}
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	check_all();
	if (frame_free_count() != frames_at_start)
		model_fail(
		    "frames leaked", frames_at_start, frame_free_count());
}
