/* SPDX-License-Identifier: MIT */
/* Scenes on the four caches of sim_props.c, and on caches that come and go. */
#include "sim_scenes.h"

#include "host.h"
#include "sim_props.h"

#include <mm/frame.h>
#include <mm/port.h>

#include <string.h>

#define OPS 24u

static void
body_mix(unsigned hart, void *arg)
{
	(void)arg;
	some_interrupts(hart, 10 + below(60), CACHES);
	for (unsigned op = 0; op < OPS; op++) {
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

const struct sim_scene scene_mix = { "mix", props_make, body_mix, props_settle,
	props_look, NULL };

/* --- objects are born here and die there --- */

static void
body_remote(unsigned hart, void *arg)
{
	bool producer = hart % 2 == 0;

	(void)arg;
	some_interrupts(hart, 10 + below(60), CACHES);
	for (unsigned op = 0; op < 3 * OPS / 2; op++) {
		if (below(40) == 0)
			do_rare();
		else if (producer)
			do_alloc_from(caches[below(2)]);
		else
			do_free();
	}
}

const struct sim_scene scene_remote = { "remote", props_make, body_remote,
	props_settle, props_look, NULL };

/* --- the hot pair is interrupted and drained --- */

static void
body_pair(unsigned hart, void *arg)
{
	(void)arg;
	some_interrupts(hart, 3 + below(20), 1);
	for (unsigned op = 0; op < 2 * OPS; op++) {
		unsigned what = below(16);

		if (what == 0)
			(void)kmem_cache_flush(
			    caches[PLAIN], below(port_hart_count()));
		else if (what % 2 == 0)
			do_alloc_from(caches[PLAIN]);
		else
			do_free_to(caches[PLAIN]);
	}
}

const struct sim_scene scene_pair = { "pair", props_make, body_pair,
	props_settle, props_look, NULL };

/* --- two reclaimers --- */

static void
body_reap(unsigned hart, void *arg)
{
	(void)arg;
	some_interrupts(hart, 10 + below(60), CACHES);
	for (unsigned op = 0; op < OPS; op++) {
		struct kmem_cache *cp = caches[below(CACHES)];
		unsigned what = below(16), n = 1 + below(8);

		if (hart < 2 && what == 0)
			do_reap();
		else if (hart < 2 && what < 4)
			(void)kmem_cache_flush(cp, below(port_hart_count()));
		else if (hart < 2 && what < 8)
			(void)kmem_cache_shrink(cp);
		else if (hart < 2 && what == 8)
			kmem_tick();
		else
			for (unsigned i = 0; i < n; i++) {
				if (what % 2 == 0)
					do_alloc_from(cp);
				else
					do_free_to(cp);
			}
	}
}

const struct sim_scene scene_reap = { "reap", props_make, body_reap,
	props_settle, props_look, NULL };

/* --- one hart idles, the other counts frames --- */

static bool idle_over;

#define BRIEF 28u /* objects: more than may idle in a depot of two harts */

/* Until another hart gives back what idles here; not for ever. */
static void
wait_for_trim(struct kmem_cache *cp)
{
	struct kmem_stats st;
	uint64_t cached = 0;

	for (unsigned i = 0; i < 400 && !idle_over; i++) {
		kmem_cache_stats(cp, &st);
		if (st.objects_cached < cached)
			return;
		cached = st.objects_cached;
		for (unsigned n = below(60); n > 0; n--)
			sim_point();
	}
}

/* A cache with a full depot, aged, and gone: nothing of it may be left. */
static void
brief_life(void)
{
	static const struct kmem_options two = { .magazine = 2 };
	struct kmem_cache *cp;
	void *obj[BRIEF];

	must(kmem_cache_create(&cp, "brief", 900, &two, NULL), "create");
	/* The depot gets its magazines by and by. */
	for (unsigned n = 0; n < 5 * BRIEF; n++) {
		obj[n % BRIEF] = kmem_cache_alloc(cp, 0);
		for (unsigned i = 0; i < BRIEF && n % BRIEF == BRIEF - 1; i++)
			kmem_cache_free(cp, obj[i]);
	}
	wait_for_trim(cp);
	must(kmem_cache_destroy(cp), "destroy");
	for (unsigned i = 0; i < BRIEF; i++) {
		int tag = frame_lookup((uintptr_t)obj[i], NULL);

		if (tag == FRAME_TAG_SLAB)
			sim_fail("a destroyed cache still has frames",
			    (uintptr_t)obj[i], i);
	}
}

static void
body_idle(unsigned hart, void *arg)
{
	size_t before, after;

	(void)arg;
	/* Not for ever: a hart that only ticks mostly holds the registry. */
	for (unsigned i = 0; i < 12 && hart > 0 && !idle_over; i++)
		kmem_tick();
	if (hart > 0)
		return;
	before = frame_free_count();
	brief_life();
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	after = frame_free_count();
	if (after != before)
		sim_fail("frames missing after a reap", before, after);
	idle_over = true;
}

static void
before_idle(void *arg)
{
	props_make(arg);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
}

const struct sim_scene scene_idle = { "idle", before_idle, body_idle,
	props_settle, props_look, NULL };

/* --- magazines change their size under load --- */

static void
body_resize(unsigned hart, void *arg)
{
	struct kmem_cache *cp = caches[hart % 2 == 0 ? PLAIN : BUILT];

	(void)arg;
	some_interrupts(hart, 10 + below(60), CACHES);
	for (unsigned op = 0; op < OPS; op++) {
		struct kmem_tune t = {
			.set_magazine = below(2) == 0,
			.magazine = below(8),
			.set_count = below(2) == 0,
			.count = below(2) == 0,
		};

		if (hart == 0 && below(3) == 0) {
			must(kmem_cache_tune(caches[below(3)], &t, NULL),
			    "tune");
			continue;
		}
		for (unsigned i = 0; i < 6; i++) {
			if (below(2) == 0)
				do_alloc_from(cp);
			else
				do_free_to(cp);
		}
	}
}

const struct sim_scene scene_resize = { "resize", props_make, body_resize,
	props_settle, props_look, NULL };

/* --- memory runs out --- */

static void
body_dry(unsigned hart, void *arg)
{
	void *run[6];
	unsigned length[6], n = 0;

	(void)arg;
	some_interrupts(hart, 10 + below(60), CACHES);
	for (unsigned op = 0; op < OPS / 4; op++) {
		unsigned what = below(8);

		if (what < 3 && n < 6) {
			length[n] = 4 + below(40);
			run[n] = frame_alloc(length[n], 1, 0, FRAME_TAG_USER);
			n += run[n] != NULL;
		} else if (what < 5) {
			do_alloc();
		} else if (what < 7) {
			do_free();
		} else {
			do_bulk();
		}
		while (n != 0 && (n == 6 || below(9) == 0)) {
			n--;
			frame_free(run[n], length[n]);
		}
	}
	while (n != 0) {
		n--;
		frame_free(run[n], length[n]);
	}
}

const struct sim_scene scene_dry = { "exhaustion", props_make, body_dry,
	props_settle, props_look, NULL };

/* --- many at once --- */

#define RESERVED 4u

static struct kmem_reserve *reserve;

static void
before_bulk(void *arg)
{
	props_make(arg);
	must(kmem_reserve_create(&reserve, caches[PLAIN], RESERVED),
	    "create reserve");
}

static void
after_bulk(void *arg)
{
	if (kmem_reserve_held(reserve) > RESERVED)
		sim_fail("a reserve holds more than it was made for",
		    kmem_reserve_held(reserve), RESERVED);
	kmem_reserve_destroy(reserve);
	props_settle(arg);
}

/* A whole magazine: ours alone until it is given back. */
static void
do_rounds(unsigned hart)
{
	struct kmem_rounds r = kmem_cache_take(caches[PLAIN], 0);
	uint64_t stamp = 0x5eed0000 + hart;

	for (size_t i = 0; i < r.r_count; i++) {
		if (live_is((uintptr_t)r.r_objs[i]))
			sim_fail("an object both live and taken",
			    (uintptr_t)r.r_objs[i], i);
		memcpy(r.r_objs[i], &stamp, sizeof(stamp));
	}
	for (unsigned i = below(100); i > 0; i--)
		sim_point();
	for (size_t i = 0; i < r.r_count; i++) {
		if (memcmp(r.r_objs[i], &stamp, sizeof(stamp)) != 0)
			sim_fail("bytes of a taken object changed",
			    (uintptr_t)r.r_objs[i], i);
	}
	if (r.r_count != 0)
		kmem_cache_give(caches[PLAIN], r);
}

static void
do_reserve(void)
{
	struct kmem_cache *cp;
	void *obj;

	if (below(2) == 0) {
		obj = live_take(caches[PLAIN], &cp);
		if (obj != NULL)
			kmem_reserve_free(reserve, obj);
		return;
	}
	if (live_full())
		return;
	obj = kmem_reserve_alloc(reserve, below(2) == 0 ? KMEM_NOWAIT : 0);
	if (obj != NULL)
		live_add(caches[PLAIN], obj);
}

static void
body_bulk(unsigned hart, void *arg)
{
	(void)arg;
	some_interrupts(hart, 10 + below(60), CACHES);
	for (unsigned op = 0; op < OPS; op++) {
		struct kmem_tune limit = { .set_limit = true };

		switch (below(12)) {
		case 0:
			(void)kmem_cache_shrink(caches[below(CACHES)]);
			break;
		case 1:
			limit.limit = below(2) == 0 ? 0 : 8 + below(16);
			must(kmem_cache_tune(caches[PLAIN], &limit, NULL),
			    "tune limit");
			break;
		case 2:
			do_free();
			break;
		case 3:
			(void)kmem_cache_prefill(
			    caches[below(CACHES)], below(10));
			break;
		case 4:
			do_rounds(hart);
			break;
		case 5:
			do_reserve();
			break;
		default:
			do_bulk();
			break;
		}
	}
}

const struct sim_scene scene_bulk = { "bulk", before_bulk, body_bulk,
	after_bulk, props_look, NULL };

/* --- general purpose --- */

static void
body_general(unsigned hart, void *arg)
{
	unsigned char *block[8] = { NULL };
	size_t size[8] = { 0 };

	(void)arg;
	some_interrupts(hart, 10 + below(60), CACHES);
	for (unsigned op = 0; op < OPS; op++) {
		unsigned i = below(8);
		size_t want = below(6) == 0 ? below(200000) : below(3000);
		unsigned char *p;

		if (block[i] != NULL && size[i] != 0 &&
		    (block[i][0] != hart || block[i][size[i] - 1] != hart))
			sim_fail("bytes of a block changed",
			    (uintptr_t)block[i], size[i]);
		if (block[i] != NULL && below(2) == 0) {
			kfree(block[i]);
			block[i] = NULL;
			continue;
		}
		p = krealloc(block[i], want, below(4) == 0 ? KMEM_NOWAIT : 0);
		if (p == NULL)
			continue;
		if (ksize(p) < want)
			sim_fail("block is too small", ksize(p), want);
		block[i] = p;
		size[i] = want;
		if (want != 0) {
			p[0] = (unsigned char)hart;
			p[want - 1] = (unsigned char)hart;
		}
		if (below(40) == 0)
			do_reap();
	}
	for (unsigned i = 0; i < 8; i++)
		kfree(block[i]);
}

const struct sim_scene scene_general = { "general", props_make, body_general,
	props_settle, props_look, NULL };

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

static struct kmem_cache *
make_one(const char *name)
{
	struct kmem_cache *cp = NULL;
	int err = kmem_cache_create(&cp, name, 40, NULL, NULL);
	void *obj;

	if (err != 0 && err != -KMEM_EEXIST)
		must(err, "create");
	if (cp == NULL)
		return NULL;
	obj = kmem_cache_alloc(cp, 0);
	if (obj == NULL)
		sim_fail("no memory", 0, 0);
	live_add(cp, obj);
	if (below(2) == 0 && kmem_cache_destroy(cp) != -KMEM_EBUSY)
		sim_fail("a busy cache was destroyed", (uintptr_t)cp, 0);
	do_free_to(cp);
	return cp;
}

static void
body_registry(unsigned hart, void *arg)
{
	static const char *const names[3] = { "ash", "birch", "cedar" };
	struct kmem_cache *mine = NULL, *cp = NULL;
	unsigned name = 0, other;

	(void)arg;
	some_interrupts(hart, 10 + below(60), CACHES);
	for (unsigned op = 0; op < 8; op++) {
		switch (below(6)) {
		case 0:
			other = below(3);
			cp = kmem_cache_find(names[other]);
			if (mine != NULL && other == name && cp != mine)
				sim_fail("another cache has our name",
				    (uintptr_t)cp, (uintptr_t)mine);
			if (cp != NULL) {
				look_at(cp);
				kmem_cache_release(cp);
			}
			break;
		case 1:
			for (cp = NULL; (cp = kmem_cache_next(cp)) != NULL;) {
				look_at(cp);
				if (below(8) == 0) {
					kmem_cache_release(cp);
					break;
				}
			}
			break;
		case 2:
			if (below(2) == 0)
				do_reap();
			break;
		default:
			if (mine == NULL) {
				name = below(3);
				mine = make_one(names[name]);
				break;
			}
			must(kmem_cache_destroy(mine), "destroy");
			mine = NULL;
			break;
		}
	}
	if (mine != NULL)
		must(kmem_cache_destroy(mine), "last destroy");
}

const struct sim_scene scene_registry = { "registry", props_make, body_registry,
	props_settle, props_look, NULL };

/* --- one object, freed by every hart --- */

static void *shared_object;

static void
before_double_free(void *arg)
{
	props_make(arg);
	shared_object = kmem_cache_alloc(caches[CHECKED], 0);
}

static void
body_double_free(unsigned hart, void *arg)
{
	(void)arg;
	(void)hart;
	/* Never of its own cache: the object must not come back. */
	for (unsigned i = 0; i < below(4); i++)
		do_alloc_from(caches[below(2) == 0 ? PLAIN : BUILT]);
	kmem_cache_free(caches[CHECKED], shared_object);
}

static void
after_double_free(void *arg)
{
	uint64_t most = port_hart_count() - 1;

	if (host_report_count() != most)
		sim_fail("each free but one must be reported",
		    host_report_count(), most);
	if (host_last_report()->kind != MM_DOUBLE_FREE)
		sim_fail("not a double free", host_last_report()->kind, 0);
	host_clear_reports();
	props_settle(arg);
}

const struct sim_scene scene_double_free = { "double-free", before_double_free,
	body_double_free, after_double_free, props_look, NULL };
