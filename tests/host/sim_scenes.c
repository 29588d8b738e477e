/* SPDX-License-Identifier: MIT */
/*
 * Scenes for the hart simulator.
 *
 * Every object carries its owner's stamp from alloc to free, and a table of
 * live objects says at once when one address is handed out twice. Afterwards,
 * with nothing moving: everything freed, statistics zero, every frame back.
 */
#include "sim_scenes.h"

#include "host.h"

#include <mm/frame.h>
#include <mm/kmem.h>

#include <stdio.h>
#include <string.h>

#define LIVE_MAX 512u
#define SIZE     40u
#define CACHES   3u

static struct kmem_cache *caches[CACHES];
static size_t frames_before;
static uint64_t built, unbuilt;

/* All that is live, by slot; cache NULL: slot free. */
static struct live {
	struct kmem_cache *cache;
	void *obj;
	uint64_t stamp;
} live[LIVE_MAX];

static unsigned
below(unsigned n)
{
	return (unsigned)(sim_random() >> 16) % n;
}

static int
ctor(void *obj, void *arg)
{
	(void)arg;
	if (host_pins() != 0)
		sim_fail("constructor with a lock held", host_pins(), 0);
	memset(obj, 0x77, SIZE);
	built++;
	return 0;
}

static void
dtor(void *obj, void *arg)
{
	(void)obj;
	(void)arg;
	if (host_pins() != 0)
		sim_fail("destructor with a lock held", host_pins(), 0);
	unbuilt++;
}

/* Fibers switch only at points, and there are none in here. */
static void
live_add(struct kmem_cache *cp, void *obj)
{
	struct live *at = NULL;

	for (unsigned i = 0; i < LIVE_MAX; i++) {
		if (live[i].cache == NULL)
			at = &live[i];
		else if (live[i].obj == obj)
			sim_fail("object handed out twice", (uintptr_t)obj, i);
	}
	if (at == NULL)
		sim_fail("scene: too many live objects", LIVE_MAX, 0);
	at->cache = cp;
	at->obj = obj;
	at->stamp = sim_random();
	memcpy(obj, &at->stamp, sizeof(at->stamp));
	sim_note((uintptr_t)obj);
}

/* Take any live object out of the table; NULL when there is none. */
static void *
live_take(struct kmem_cache **cp)
{
	unsigned from = below(LIVE_MAX);

	for (unsigned i = 0; i < LIVE_MAX; i++) {
		struct live *l = &live[(from + i) % LIVE_MAX];
		uint64_t found;

		if (l->cache == NULL)
			continue;
		memcpy(&found, l->obj, sizeof(found));
		if (found != l->stamp)
			sim_fail("bytes of a live object changed",
			    (uintptr_t)l->obj, found);
		*cp = l->cache;
		l->cache = NULL;
		return l->obj;
	}
	return NULL;
}

static unsigned
live_count(struct kmem_cache *cp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LIVE_MAX; i++)
		n += live[i].cache != NULL &&
		    (cp == NULL || live[i].cache == cp);
	return n;
}

static void
must(int error, const char *what)
{
	if (error != 0)
		sim_fail(what, (uintptr_t)-error, 0);
}

static void
caches_make(void)
{
	static const struct kmem_options plain = { .magazine = 3 };
	static const struct kmem_options checked = {
		.magazine = 2,
		.protect = KMEM_CHECKED,
	};
	static const struct kmem_options with_ctor = {
		.magazine = 4,
		.ctor = ctor,
		.dtor = dtor,
		.flags = KMEM_COUNT,
	};

	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frames_before = frame_free_count();
	must(kmem_cache_create(&caches[0], "plain", SIZE, &plain, NULL),
	    "create plain");
	must(kmem_cache_create(&caches[1], "checked", SIZE, &checked, NULL),
	    "create checked");
	must(kmem_cache_create(&caches[2], "built", SIZE, &with_ctor, NULL),
	    "create built");
}

static void
books_in_order(void)
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

/* Nothing moves any more: exact. */
static void
caches_settle(void)
{
	struct kmem_cache *cp;
	struct kmem_stats st;
	void *obj;

	books_in_order();
	for (unsigned c = 0; c < CACHES; c++) {
		kmem_cache_stats(caches[c], &st);
		if (st.objects_inuse != live_count(caches[c]))
			sim_fail("objects_inuse is wrong", st.objects_inuse,
			    live_count(caches[c]));
	}
	while ((obj = live_take(&cp)) != NULL)
		kmem_cache_free(cp, obj);
	for (unsigned c = 0; c < CACHES; c++)
		must(kmem_cache_destroy(caches[c]), "destroy");
	if (built != unbuilt)
		sim_fail("constructed and not destructed", built, unbuilt);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	books_in_order();
	if (frame_free_count() != frames_before)
		sim_fail("frames leaked", frames_before, frame_free_count());
}

static void
before_mix(void *arg)
{
	(void)arg;
	host_print_reports(false);
	caches_make();
}

static void
after_mix(void *arg)
{
	(void)arg;
	caches_settle();
}

static void
do_alloc(void)
{
	struct kmem_cache *cp = caches[below(CACHES)];
	void *obj;

	if (live_count(NULL) > LIVE_MAX - 32)
		return;
	obj = kmem_cache_alloc(cp, below(4) == 0 ? KMEM_NOWAIT : 0);
	if (obj != NULL)
		live_add(cp, obj);
}

static void
do_free(void)
{
	struct kmem_cache *cp;
	void *obj = live_take(&cp);

	if (obj != NULL)
		kmem_cache_free(cp, obj);
}

static void
do_bulk(void)
{
	struct kmem_cache *cp = caches[below(CACHES)];
	unsigned n = 1 + below(8);
	void *objs[8];

	if (live_count(NULL) > LIVE_MAX - 32)
		return;
	if (!kmem_cache_alloc_bulk(cp, 0, n, objs))
		return;
	if (below(2) == 0) {
		kmem_cache_free_bulk(cp, n, objs);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		live_add(cp, objs[i]);
}

/* At any time: never negative, never above the total. */
static void
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

static void
do_rare(void)
{
	struct kmem_cache *cp = caches[below(CACHES)];
	struct kmem_tune t = {
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
		must(kmem_cache_tune(cp, &t, NULL), "tune");
		break;
	case 3:
		kmem_tick();
		break;
	case 4:
		(void)kmem_verify(cp, NULL, 0);
		break;
	case 5:
		must(kmem_cache_tune(cp, &count, NULL), "tune count");
		break;
	default:
		(void)kmem_reap((enum kmem_level)below(3), below(3));
		break;
	}
}

/* An interrupt allocates and frees; nothing of it stays. */
static void
interrupt(void *arg)
{
	struct kmem_cache *cp = caches[below(CACHES)];
	void *obj;

	(void)arg;
	obj = kmem_cache_alloc(cp, KMEM_NOWAIT);
	if (obj == NULL)
		return;
	memset(obj, 0xee, SIZE);
	kmem_cache_free(cp, obj);
}

static void
body_mix(unsigned hart, void *arg)
{
	(void)arg;
	if (hart == 0 && below(2) == 0)
		sim_set_interrupt(interrupt, NULL, 20);
	for (unsigned op = 0; op < 60; op++) {
		unsigned what = below(20);

		if (what < 8)
			do_alloc();
		else if (what < 15)
			do_free();
		else if (what < 17)
			do_bulk();
		else if (what < 18)
			do_stats();
		else
			do_rare();
	}
}

const struct sim_scene scene_mix = { before_mix, body_mix, after_mix, NULL };

/* Hart 0 works; the others take its magazines, and work a little too. */
static void
body_drain(unsigned hart, void *arg)
{
	(void)arg;
	for (unsigned op = 0; op < 60; op++) {
		unsigned what = below(16);

		if (hart > 0 && what < 8)
			(void)kmem_cache_flush(
			    caches[below(CACHES)], below(port_hart_count()));
		else if (hart > 0 && what == 8)
			(void)kmem_reap(KMEM_REAP_ALL, 0);
		else if (what % 2 == 0)
			do_alloc();
		else
			do_free();
	}
}

const struct sim_scene scene_drain = { before_mix, body_drain, after_mix,
	NULL };

/* The zone of this scene is small: requests fail and reclaim all the time. */
static void
body_dry(unsigned hart, void *arg)
{
	void *run[6];
	unsigned length[6], n = 0;

	(void)hart;
	(void)arg;
	for (unsigned op = 0; op < 40; op++) {
		unsigned what = below(8);

		if (what < 3 && n < 6) {
			length[n] = 1 + below(40);
			run[n] = frame_alloc(length[n], 1, 0, FRAME_TAG_USER);
			n += run[n] != NULL;
		} else if (what < 5) {
			do_alloc();
		} else if (what < 7) {
			do_free();
		} else {
			do_bulk();
		}
		if (n == 6 || below(9) == 0) {
			while (n != 0) {
				n--;
				frame_free(run[n], length[n]);
			}
		}
	}
	while (n != 0) {
		n--;
		frame_free(run[n], length[n]);
	}
}

const struct sim_scene scene_dry = { before_mix, body_dry, after_mix, NULL };

/* --- caches come and go --- */

static void
look_at(struct kmem_cache *cp)
{
	struct kmem_stats st;
	struct kmem_info info;

	kmem_cache_get_info(cp, &info);
	if (memchr(info.name, '\0', sizeof(info.name)) == NULL)
		sim_fail("name without an end", (uintptr_t)cp, 0);
	kmem_cache_stats(cp, &st);
	if (st.objects_inuse + st.objects_cached > st.objects_total)
		sim_fail("statistics out of bounds", st.objects_inuse,
		    st.objects_cached);
}

static void
body_registry(unsigned hart, void *arg)
{
	static const char *const names[3] = { "ash", "birch", "cedar" };
	struct kmem_cache *mine = NULL, *cp = NULL;
	void *obj;

	(void)arg;
	(void)hart;
	for (unsigned op = 0; op < 25; op++) {
		int err;

		switch (below(5)) {
		case 0:
			cp = kmem_cache_find(names[below(3)]);
			if (cp != NULL) {
				look_at(cp);
				kmem_cache_release(cp);
			}
			break;
		case 1:
			cp = NULL;
			while ((cp = kmem_cache_next(cp)) != NULL)
				look_at(cp);
			break;
		case 2:
			(void)kmem_reap((enum kmem_level)below(3), 0);
			break;
		default:
			if (mine != NULL) {
				must(kmem_cache_destroy(mine), "destroy");
				mine = NULL;
				break;
			}
			err = kmem_cache_create(
			    &mine, names[below(3)], SIZE, NULL, NULL);
			if (err != 0 && err != -KMEM_EEXIST)
				must(err, "create");
			if (mine == NULL)
				break;
			obj = kmem_cache_alloc(mine, 0);
			if (obj == NULL)
				sim_fail("no memory", 0, 0);
			kmem_cache_free(mine, obj);
			break;
		}
	}
	if (mine != NULL)
		must(kmem_cache_destroy(mine), "last destroy");
}

const struct sim_scene scene_registry = { before_mix, body_registry, after_mix,
	NULL };

/* --- one object, freed by every hart --- */

static void *shared_object;

static void
before_double_free(void *arg)
{
	before_mix(arg);
	shared_object = kmem_cache_alloc(caches[1], 0);
}

static void
body_double_free(unsigned hart, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < below(4); i++)
		do_alloc();
	(void)hart;
	kmem_cache_free(caches[1], shared_object);
}

static void
after_double_free(void *arg)
{
	struct kmem_stats st;

	if (host_report_count() != port_hart_count() - 1)
		sim_fail("each free but one must be reported",
		    host_report_count(), port_hart_count());
	if (host_last_report()->kind != MM_DOUBLE_FREE)
		sim_fail("not a double free", host_last_report()->kind, 0);
	host_clear_reports();
	kmem_cache_stats(caches[1], &st);
	if (st.objects_inuse != live_count(caches[1]))
		sim_fail("objects_inuse is wrong", st.objects_inuse, 0);
	after_mix(arg);
}

const struct sim_scene scene_double_free = { before_double_free,
	body_double_free, after_double_free, NULL };

/* --- the simulator's own detectors --- */

static unsigned held[2];

static void
body_deadlock(unsigned hart, void *arg)
{
	unsigned first = hart % 2, second = 1 - first;

	(void)arg;
	for (unsigned i = 0; i < 20; i++) {
		while (held[first] != 0)
			port_pause();
		held[first] = 1;
		port_sim_point();
		while (held[second] != 0)
			port_pause();
		held[second] = 1;
		port_sim_point();
		held[second] = 0;
		held[first] = 0;
	}
}

const struct sim_scene scene_deadlock = { NULL, body_deadlock, NULL, NULL };

static unsigned counter;

static void
body_lost_update(unsigned hart, void *arg)
{
	(void)hart;
	(void)arg;
	for (unsigned i = 0; i < 5; i++) {
		unsigned seen = counter;

		port_sim_point();
		counter = seen + 1;
		port_sim_point();
	}
}

static void
after_lost_update(void *arg)
{
	(void)arg;
	if (counter != 5 * port_hart_count())
		sim_fail("update lost", counter, 0);
}

const struct sim_scene scene_lost_update = { NULL, body_lost_update,
	after_lost_update, NULL };
