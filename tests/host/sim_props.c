/* SPDX-License-Identifier: MIT */
/*
 * Caches, live objects and random operations of the scenes.
 *
 * Every object carries its owner's stamp from alloc to free, and a mark for
 * its address says at once when it is handed out twice. Fibers change only at
 * points of mm, so the table needs no lock. Afterwards, with nothing moving:
 * everything freed, statistics exact, every frame back.
 */
#include "sim_props.h"

#include "host.h"
#include "sim_impl.h"

#include <mm/frame.h>
#include <mm/port.h>

#include <string.h>

#define BUILT_BYTE 0x77

struct kmem_cache *caches[CACHES];

static const struct kmem_options cache_options[CACHES];
static const size_t cache_size[CACHES] = { 40, 700, 200, 1500 };
static size_t frames_before;
static uint64_t built, unbuilt;
static uint64_t given[CACHES], taken[CACHES]; /* objects, as callers saw it */

static struct live {
	struct kmem_cache *cache;
	unsigned char *obj;
	uint64_t stamp;
} live[LIVE_MAX];
static unsigned lives; /* live[0 … lives - 1] are */
static unsigned lives_of[CACHES + 1];

unsigned
below(unsigned n)
{
	return (unsigned)((sim_random() >> 32) * n >> 32);
}

void
must(int error, const char *what)
{
	if (error != 0)
		sim_fail(what, (uintptr_t)-error, 0);
}

static int
ctor(void *obj, void *arg)
{
	(void)arg;
	if (host_pins() != 0)
		sim_fail("constructor with a lock held", host_pins(), 0);
	memset(obj, BUILT_BYTE, cache_size[BUILT]);
	built++;
	return 0;
}

static void
dtor(void *obj, void *arg)
{
	const unsigned char *bytes = obj;

	(void)arg;
	if (host_pins() != 0)
		sim_fail("destructor with a lock held", host_pins(), 0);
	if (bytes[0] != BUILT_BYTE)
		sim_fail("destructor of what is not constructed",
		    (uintptr_t)obj, bytes[0]);
	unbuilt++;
}

/* An owner that needs memory to give some back: reclaim in reclaim. */
static void
owner(void *arg)
{
	void *obj;

	(void)arg;
	if (host_pins() != 0)
		sim_fail("owner's reclaim with a lock held", host_pins(), 0);
	obj = kmalloc(3000, 0);
	if (obj != NULL)
		kfree(obj);
}

static const struct kmem_options cache_options[CACHES] = {
	[PLAIN] = { .magazine = 3 },
	[CHECKED] = { .magazine = 2, .protect = KMEM_CHECKED },
	[BUILT] = { .magazine = 4,
	    .ctor = ctor,
	    .dtor = dtor,
	    .flags = KMEM_COUNT },
	[BARE] = { .flags = KMEM_NOMAGAZINE,
	    .limit = BARE_LIMIT,
	    .reclaim = owner },
};
static const char *const cache_name[CACHES] = { "plain", "checked", "built",
	"bare" };

static unsigned
cache_index(const struct kmem_cache *cp)
{
	unsigned c = 0;

	while (c < CACHES && caches[c] != cp)
		c++;
	return c;
}

bool
live_is(uintptr_t obj)
{
	for (unsigned i = 0; i < lives; i++) {
		if ((uintptr_t)live[i].obj == obj)
			return true;
	}
	return false;
}

bool
live_full(void)
{
	return lives + 16 > LIVE_MAX / 2;
}

void
live_add(struct kmem_cache *cp, void *obj)
{
	unsigned c = cache_index(cp);
	struct live *at = &live[lives];

	if (live_is((uintptr_t)obj))
		sim_fail("object handed out twice", (uintptr_t)obj, c);
	if (lives == LIVE_MAX)
		sim_fail("scene: too many live objects", LIVE_MAX, 0);
	lives++;
	at->cache = cp;
	at->obj = obj;
	at->stamp = sim_random();
	if (c == BUILT &&
	    (at->obj[0] != BUILT_BYTE || at->obj[9] != BUILT_BYTE))
		sim_fail(
		    "object comes unconstructed", (uintptr_t)obj, at->obj[0]);
	memcpy(obj, &at->stamp, sizeof(at->stamp));
	lives_of[c]++;
	if (c < CACHES)
		given[c]++;
	if (c == BARE && lives_of[BARE] > BARE_LIMIT)
		sim_fail("more live objects than the limit", lives_of[BARE],
		    BARE_LIMIT);
	sim_note((uintptr_t)obj);
	sim_give(obj);
}

void *
live_take(struct kmem_cache *of, struct kmem_cache **cp)
{
	unsigned from = lives != 0 ? below(lives) : 0;

	for (unsigned i = 0; i < lives; i++) {
		struct live *l = &live[(from + i) % lives];
		unsigned char *obj = l->obj;
		unsigned c = cache_index(l->cache);

		if (of != NULL && l->cache != of)
			continue;
		if (memcmp(obj, &l->stamp, sizeof(l->stamp)) != 0)
			sim_fail("bytes of a live object changed",
			    (uintptr_t)obj, c);
		if (c == BUILT)
			memset(obj, BUILT_BYTE, sizeof(l->stamp));
		lives_of[c]--;
		if (c < CACHES)
			taken[c]++;
		sim_take(obj);
		*cp = l->cache;
		*l = live[--lives];
		return obj;
	}
	return NULL;
}

unsigned
live_count(unsigned cache)
{
	return lives_of[cache];
}

void
props_make(void *arg)
{
	(void)arg;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frames_before = frame_free_count();
	for (unsigned c = 0; c < CACHES; c++)
		must(kmem_cache_create(&caches[c], cache_name[c], cache_size[c],
			 &cache_options[c], NULL),
		    "create");
}

void
props_books(void)
{
	struct kmem_finding found = { .what = "?" };

	if (kmem_verify(NULL, &found, 1) != 0)
		sim_fail(found.what, found.where, 0);
	if (frame_verify() != 0)
		sim_fail("frame_verify", 0, 0);
	if (host_report_count() != 0)
		sim_fail("a heap error was reported", host_last_report()->kind,
		    host_last_report()->obj);
}

/* Statistics of one cache against what its callers saw. */
static void
settle_stats(unsigned c)
{
	struct kmem_stats st;

	kmem_cache_stats(caches[c], &st);
	if (st.objects_inuse != live_count(c))
		sim_fail(
		    "objects_inuse is wrong", st.objects_inuse, live_count(c));
	if (st.slabs_full + st.slabs_partial + st.slabs_empty !=
	    st.grow - st.shrink)
		sim_fail("slabs made less slabs gone are not those there",
		    st.grow, st.shrink);
	if (c == CHECKED && st.alloc - st.free != given[c] - taken[c])
		sim_fail("calls counted are not those made", st.alloc, st.free);
	if (c == BUILT && st.ctor - st.dtor != st.objects_total)
		sim_fail("constructed objects are not those there", st.ctor,
		    st.dtor);
}

void
props_settle(void *arg)
{
	struct kmem_cache *cp;
	void *obj;

	(void)arg;
	props_books();
	for (unsigned c = 0; c < CACHES; c++)
		settle_stats(c);
	while ((obj = live_take(NULL, &cp)) != NULL)
		kmem_cache_free(cp, obj);
	for (unsigned c = 0; c < CACHES; c++)
		must(kmem_cache_destroy(caches[c]), "destroy");
	if (built != unbuilt)
		sim_fail("constructed and not destructed", built, unbuilt);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	props_books();
	if (frame_free_count() != frames_before)
		sim_fail("frames leaked", frames_before, frame_free_count());
}

/* --- operations --- */

void
do_alloc_from(struct kmem_cache *cp)
{
	void *obj;

	if (live_full())
		return;
	obj = kmem_cache_alloc(cp, below(4) == 0 ? KMEM_NOWAIT : 0);
	if (obj != NULL)
		live_add(cp, obj);
}

void
do_alloc(void)
{
	do_alloc_from(caches[below(CACHES)]);
}

void
do_free_to(struct kmem_cache *of)
{
	struct kmem_cache *cp;
	void *obj = live_take(of, &cp);

	if (obj == NULL)
		return;
	kmem_cache_free(cp, obj);
}

void
do_free(void)
{
	do_free_to(NULL);
}

void
do_bulk(void)
{
	struct kmem_cache *cp = caches[below(CACHES)];
	unsigned n = 1 + below(8);
	void *objs[8];

	if (live_full())
		return;
	if (!kmem_cache_alloc_bulk(cp, 0, n, objs))
		return;
	for (unsigned i = 0; i < n; i++)
		live_add(cp, objs[i]);
	if (below(2) == 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		objs[i] = live_take(cp, &cp);
		if (objs[i] == NULL) {
			n = i;
			break;
		}
	}
	kmem_cache_free_bulk(cp, n, objs);
}

/* At any time: never negative, never above the total. */
void
do_stats(void)
{
	struct kmem_stats st;

	kmem_cache_stats(caches[below(CACHES)], &st);
	if (st.objects_inuse > st.objects_total ||
	    st.objects_cached > st.objects_total ||
	    st.objects_inuse + st.objects_cached > st.objects_total)
		sim_fail("statistics out of bounds", st.objects_inuse,
		    st.objects_cached);
}

void
do_reap(void)
{
	enum kmem_level level = (enum kmem_level)below(3);

	(void)kmem_reap(level, below(3));
}

void
do_rare(void)
{
	struct kmem_cache *cp = caches[below(CACHES)];
	struct kmem_tune size = {
		.set_magazine = true,
		.magazine = 1 + below(5),
	};
	struct kmem_tune count = { .set_count = true, .count = below(2) != 0 };

	switch (below(7)) {
	case 0:
		(void)kmem_cache_shrink(cp);
		break;
	case 1:
		(void)kmem_cache_flush(cp, below(port_hart_count()));
		break;
	case 2:
		must(kmem_cache_tune(cp, &size, NULL), "tune");
		break;
	case 3:
		if (below(4) == 0)
			kmem_tick();
		break;
	case 4:
		(void)kmem_verify(cp, NULL, 0);
		break;
	case 5:
		must(kmem_cache_tune(cp, &count, NULL), "tune count");
		break;
	default:
		/* Walks all caches: rare, or it would be all that runs do. */
		if (below(3) == 0)
			do_reap();
		break;
	}
}

static unsigned handler_caches;

/* An interrupt allocates, and frees as often. */
static void
handler(void *arg)
{
	struct kmem_cache *cp = caches[below(handler_caches)];
	void *obj;

	(void)arg;
	if (below(2) == 0) {
		do_free_to(cp);
		return;
	}
	if (live_full())
		return;
	obj = kmem_cache_alloc(cp, KMEM_NOWAIT);
	if (obj != NULL)
		live_add(cp, obj);
}

void
some_interrupts(unsigned hart, unsigned one_in, unsigned caches_used)
{
	if (hart != 0 || below(2) == 0)
		return;
	handler_caches = caches_used;
	sim_set_interrupt(handler, NULL, one_in);
}
