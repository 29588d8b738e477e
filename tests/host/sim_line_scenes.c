/* SPDX-License-Identifier: MIT */
/* Scenes about cache lines, and those that show that the simulator sees. */

/*
 * Two questions. Who stores to a line that another hart wrote, when each has a
 * cache of its own: nobody, on hits. And who owns objects on a line that
 * another hart owns objects on: nobody, when the cache is KMEM_HWALIGN.
 * "Own" is from alloc to free, by the hart that allocated. Both have a twin in
 * which the answer must be yes, so that the question is known to be asked.
 */
#include "sim_scenes.h"

#include "sim_props.h"

#include <mm/frame.h>
#include <mm/port.h>

#include <string.h>

/* --- each hart its own cache --- */

#define OWN_LIVE 6u

static struct kmem_cache *own[SIM_HARTS_MAX];
static size_t frames_before;
static unsigned warm;
static struct kmem_cache *filler[SIM_SLOTS + 1], *packed[2];

static void
before_own(void *arg)
{
	static const char *const names[SIM_HARTS_MAX] = { "own-0", "own-1",
		"own-2", "own-3", "own-4", "own-5", "own-6", "own-7" };
	static const struct kmem_options three = { .magazine = 3 };

	(void)arg;
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frames_before = frame_free_count();
	for (unsigned h = 0; h < port_hart_count(); h++)
		must(kmem_cache_create(&own[h], names[h], 64, &three, NULL),
		    "create");
}

/* Alloc and free in bursts; objects never leave their hart. */
static void
own_work(unsigned hart, unsigned ops)
{
	void *obj[OWN_LIVE];
	unsigned n = 0;

	for (unsigned op = 0; op < ops; op++) {
		if (n < OWN_LIVE && (n == 0 || below(2) == 0)) {
			obj[n] = kmem_cache_alloc(own[hart], 0);
			if (obj[n] == NULL)
				sim_fail("no memory", hart, 0);
			n++;
		} else {
			kmem_cache_free(own[hart], obj[--n]);
		}
	}
	while (n > 0)
		kmem_cache_free(own[hart], obj[--n]);
}

static void
body_own(unsigned hart, void *arg)
{
	(void)arg;
	own_work(hart, 30);
	/* Creation wrote everybody's slots: look from here on. */
	if (++warm == port_hart_count())
		sim_lines_start();
	while (warm < port_hart_count())
		port_pause();
	own_work(hart, 60);
}

static void
after_own(void *arg)
{
	struct sim_lines lines;

	(void)arg;
	sim_lines_read(&lines);
	sim_note(lines.hot);
	if (lines.hot == 0)
		sim_fail("no hot store was seen", lines.stores, 0);
	if (lines.foreign != 0)
		sim_fail("hot store to a line of another hart", lines.first,
		    (uintptr_t)lines.by << 8 | lines.was);
	for (unsigned h = 0; h < port_hart_count(); h++)
		must(kmem_cache_destroy(own[h]), "destroy");
	for (unsigned i = 0; i <= SIM_SLOTS && filler[i] != NULL; i++)
		must(kmem_cache_destroy(filler[i]), "destroy");
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	props_books();
	if (frame_free_count() != frames_before)
		sim_fail("frames leaked", frames_before, frame_free_count());
}

const struct sim_scene scene_own = { "own", before_own, body_own, after_own,
	NULL, NULL };

/*
 * Slot areas follow each other without a gap (sim_options.packed): the last
 * slots of hart 0 and the first ones of hart 1 are on one line. Hart 0 gets
 * the cache with the last slot, hart 1 one with the first.
 */
static void
before_packed(void *arg)
{
	static const struct kmem_options first = { .slot = 1 };
	char name[] = "filler-00";
	struct kmem_info info = { .magazine = 1 };
	unsigned i;

	before_own(arg);
	for (i = 0; i < SIM_SLOTS && info.magazine != 0; i++) {
		name[7] = (char)('0' + i / 10);
		name[8] = (char)('0' + i % 10);
		must(kmem_cache_create(&filler[i], name, 64, NULL, NULL),
		    "create filler");
		kmem_cache_get_info(filler[i], &info);
	}
	/* The last came too late for a slot; the one before has the last. */
	if (i < 2)
		sim_fail("no filler got a slot", i, 0);
	packed[0] = filler[i - 2];
	must(kmem_cache_create(&filler[i], "first", 64, &first, NULL),
	    "create first");
	packed[1] = filler[i];
}

static void
body_packed(unsigned hart, void *arg)
{
	(void)arg;
	for (unsigned op = 0; op < 60; op++) {
		if (op == 20 && ++warm == port_hart_count())
			sim_lines_start();
		while (op >= 20 && warm < port_hart_count())
			port_pause();
		kmem_cache_free(
		    packed[hart], kmem_cache_alloc(packed[hart], 0));
	}
}

const struct sim_scene scene_own_packed = { "own-packed", before_packed,
	body_packed, after_own, NULL, NULL };

/* --- two owners on one line --- */

#define OWNED_MAX  64u
#define OWNED_SIZE 72u

static struct kmem_cache *lined;
static struct owned {
	void *obj; /* NULL: free entry */
	unsigned hart;
} owned[OWNED_MAX];

static void
lined_make(unsigned flags, size_t align)
{
	struct kmem_options opt = {
		.magazine = 3,
		.flags = flags,
		.align = align,
	};

	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frames_before = frame_free_count();
	must(kmem_cache_create(&lined, "lined", OWNED_SIZE, &opt, NULL),
	    "create");
}

static void
before_aligned(void *arg)
{
	(void)arg;
	lined_make(KMEM_HWALIGN, 0);
}

static void
before_unaligned(void *arg)
{
	(void)arg;
	lined_make(0, 8);
}

static void
own_one(unsigned hart)
{
	uintptr_t obj = (uintptr_t)kmem_cache_alloc(lined, 0);
	struct owned *at = NULL;

	if (obj == 0)
		sim_fail("no memory", hart, 0);
	for (unsigned i = 0; i < OWNED_MAX; i++) {
		struct owned *o = &owned[i];
		uintptr_t other = (uintptr_t)o->obj;

		if (o->obj == NULL) {
			at = o;
			continue;
		}
		if (o->hart != hart &&
		    obj / SIM_LINE <= (other + OWNED_SIZE - 1) / SIM_LINE &&
		    other / SIM_LINE <= (obj + OWNED_SIZE - 1) / SIM_LINE)
			sim_fail(
			    "two harts own objects on one line", obj, other);
	}
	if (at == NULL) {
		kmem_cache_free(lined, (void *)obj);
		return;
	}
	at->obj = (void *)obj;
	at->hart = hart;
	sim_give(at->obj);
}

static void
disown_one(void)
{
	unsigned from = below(OWNED_MAX);

	for (unsigned i = 0; i < OWNED_MAX; i++) {
		struct owned *o = &owned[(from + i) % OWNED_MAX];
		void *obj = o->obj;

		if (obj == NULL)
			continue;
		o->obj = NULL;
		sim_take(obj);
		kmem_cache_free(lined, obj);
		return;
	}
}

static void
body_lined(unsigned hart, void *arg)
{
	(void)arg;
	for (unsigned op = 0; op < 50; op++) {
		struct kmem_tune t = {
			.set_magazine = true,
			.magazine = 1 + below(6),
			.set_count = true,
			.count = below(2) == 0,
		};
		unsigned what = below(16);

		if (what < 8)
			own_one(hart);
		else if (what < 14)
			disown_one();
		else if (what == 14)
			must(kmem_cache_tune(lined, &t, NULL), "tune");
		else if (below(4) == 0)
			(void)kmem_reap((enum kmem_level)below(3), 0);
	}
}

static void
after_lined(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < OWNED_MAX; i++)
		disown_one();
	must(kmem_cache_destroy(lined), "destroy");
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	props_books();
	if (frame_free_count() != frames_before)
		sim_fail("frames leaked", frames_before, frame_free_count());
}

static void
lined_look(void *arg)
{
	unsigned n = 0;

	(void)arg;
	for (unsigned i = 0; i < OWNED_MAX; i++)
		n += owned[i].obj != NULL;
	look_at_cache(lined, n);
}

const struct sim_scene scene_aligned = { "aligned", before_aligned, body_lined,
	after_lined, lined_look, NULL };
const struct sim_scene scene_unaligned = { "unaligned", before_unaligned,
	body_lined, after_lined, lined_look, NULL };

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
		sim_point();
		while (held[second] != 0)
			port_pause();
		held[second] = 1;
		sim_point();
		held[second] = 0;
		held[first] = 0;
	}
}

const struct sim_scene scene_deadlock = { "deadlock", NULL, body_deadlock, NULL,
	NULL, NULL };

static unsigned counter;

static void
body_lost_update(unsigned hart, void *arg)
{
	(void)hart;
	(void)arg;
	for (unsigned i = 0; i < 5; i++) {
		unsigned seen = counter;

		sim_point();
		counter = seen + 1;
		sim_point();
	}
}

static void
after_lost_update(void *arg)
{
	(void)arg;
	if (counter != 5 * port_hart_count())
		sim_fail("update lost", counter, 0);
}

const struct sim_scene scene_lost_update = { "lost-update", NULL,
	body_lost_update, after_lost_update, NULL, NULL };
