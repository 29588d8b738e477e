/* SPDX-License-Identifier: MIT */
/* Probes of the life of a cache: create and destroy among many. */
#include <kernel/fmt.h>
#include <kernel/time.h>

#include "crew.h"
#include "probe_impl.h"

#define ROUNDS    8u     /* the last is reported: records are warm by then */
#define SETTLE_NS 100000 /* for lent harts to fall asleep */

struct herd {
	struct kmem_cache *he_cache[PROBE_CACHES];
	unsigned he_count;
};

static bool
herd_open(struct probe_out *out, struct herd *he)
{
	for (he->he_count = 0; he->he_count < PROBE_CACHES; he->he_count++) {
		he->he_cache[he->he_count] = probe_cache(out, PROBE_SIZE, NULL);
		if (he->he_cache[he->he_count] == NULL)
			return false;
	}
	return true;
}

static void
herd_close(struct probe_out *out, struct herd *he)
{
	while (he->he_count > 0)
		probe_uncache(out, he->he_cache[--he->he_count]);
}

static bool
touch(struct kmem_cache *cp)
{
	void *obj = kmem_cache_alloc(cp, 0);

	if (obj == NULL)
		return false;
	kmem_cache_free(cp, obj);
	return true;
}

static uint64_t
timed_create(struct kmem_cache **cp, unsigned serial)
{
	char name[KMEM_NAME_MAX];
	uint64_t start;
	int err;

	(void)fmt_format(name, sizeof(name), "probe-new-%u", serial);
	start = time_instret();
	err = kmem_cache_create(cp, name, PROBE_SIZE, NULL, NULL);
	start = time_instret() - start - probe_window_cost();
	if (err != 0)
		*cp = NULL;
	return start;
}

static uint64_t
timed_destroy(struct probe_out *out, struct kmem_cache *cp)
{
	uint64_t start = time_instret();
	int err = kmem_cache_destroy(cp);

	start = time_instret() - start - probe_window_cost();
	if (err != 0)
		out->po_error = "a probe's cache could not be destroyed";
	return start;
}

void
probe_create(struct probe_out *out)
{
	uint64_t create = 0, destroy = 0, create_worst = 0, destroy_worst = 0;
	struct kmem_cache *cp;
	struct herd herd;
	unsigned i;

	if (herd_open(out, &herd)) {
		for (i = 0; i < ROUNDS && out->po_error == NULL; i++) {
			create = timed_create(&cp, i);
			if (cp == NULL || !touch(cp)) {
				out->po_error = "an allocation failed";
				break;
			}
			destroy = timed_destroy(out, cp);
			if (create > create_worst)
				create_worst = create;
			if (destroy > destroy_worst)
				destroy_worst = destroy;
		}
		probe_fact(out, "create", create, 1);
		probe_fact(out, "create.worst", create_worst, 1);
		probe_fact(out, "destroy", destroy, 1);
		probe_fact(out, "destroy.worst", destroy_worst, 1);
	}
	herd_close(out, &herd);
}

static void
touch_lane(struct crew *crew, void *arg, unsigned index)
{
	(void)crew;
	(void)index;
	(void)touch(arg);
}

/* One cache used by `harts` harts, destroyed by this one. */
static uint64_t
destroy_after(struct probe_out *out, unsigned harts)
{
	struct kmem_cache *cp;

	(void)timed_create(&cp, harts);
	if (cp == NULL) {
		out->po_error = "a cache could not be created";
		return 0;
	}
	if (crew_run_in_turn(harts, touch_lane, cp, &out->po_error) == 0)
		out->po_error = NULL;
	crew_sleep(SETTLE_NS);
	return timed_destroy(out, cp);
}

void
probe_spread(struct probe_out *out)
{
	static const unsigned harts[] = { 1, 2, 4, 8 };
	uint64_t alone = 0, cost;
	char name[PROBE_NAME_MAX];
	struct herd herd;
	unsigned i;

	if (herd_open(out, &herd)) {
		(void)destroy_after(out, 8);
		for (i = 0; i < 4 && out->po_error == NULL; i++) {
			cost = destroy_after(out, harts[i]);
			(void)fmt_format(
			    name, sizeof(name), "destroy.harts.%u", harts[i]);
			probe_fact(out, name, cost, 1);
			if (i == 0) {
				alone = cost;
				continue;
			}
			(void)fmt_format(
			    name, sizeof(name), "destroy.each.%u", harts[i]);
			probe_fact(out, name, cost > alone ? cost - alone : 0,
			    harts[i] - 1);
		}
	}
	herd_close(out, &herd);
}
