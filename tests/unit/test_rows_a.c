/* SPDX-License-Identifier: MIT */
/* Rows A of docs/features.md that no other test shows. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

#include "mm/kmem_impl.h"

static struct kmem_hart_stats
hart_of(struct kmem_cache *cp, unsigned hart)
{
	struct kmem_hart_stats hs;

	assert_true(kmem_cache_hart_stats(cp, hart, &hs));
	return hs;
}

/* --- A1 --- */

static unsigned built, unbuilt;

static int
mark_ctor(void *obj, void *arg)
{
	memset(obj, 0x3c, *(const size_t *)arg);
	built++;
	return 0;
}

static void
mark_dtor(void *obj, void *arg)
{
	const unsigned char *bytes = obj;

	assert_int_equal(bytes[0], 0x3c);
	assert_int_equal(bytes[*(const size_t *)arg - 1], 0x3c);
	unbuilt++;
}

/* How often the list of caches has this name. */
static unsigned
listed(const char *name)
{
	struct kmem_cache *at = NULL;
	unsigned n = 0;

	while ((at = kmem_cache_next(at)) != NULL)
		n += strcmp(info_of(at).name, name) == 0;
	return n;
}

static void
A1_create_alloc_free_reclaim_list_destroy(void **state)
{
	size_t size = 120;
	struct kmem_options opt = {
		.align = 32,
		.ctor = mark_ctor,
		.dtor = mark_dtor,
		.arg = &size,
	};
	struct kmem_cache *cp;
	struct kmem_reaped r;
	void *obj[300];

	(void)state;
	built = unbuilt = 0;
	assert_int_equal(listed("life"), 0);
	cp = cache_make("life", size, &opt);
	assert_int_equal(listed("life"), 1);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		const unsigned char *bytes = obj[i] = kmem_cache_alloc(cp, 0);

		assert_non_null(bytes);
		assert_int_equal((uintptr_t)bytes % 32, 0);
		assert_int_equal(bytes[0], 0x3c);
		assert_int_equal(bytes[size - 1], 0x3c);
	}
	assert_int_equal(stats_of(cp).objects_inuse, ARRAY_COUNT(obj));
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		kmem_cache_free(cp, obj[i]);
	assert_int_equal(stats_of(cp).objects_inuse, 0);
	r = kmem_reap(KMEM_REAP_ALL, 0);
	assert_true(r.frames > 0);
	assert_int_equal(stats_of(cp).frames, 0);
	assert_int_equal(built, unbuilt);
	cache_unmake(cp);
	assert_int_equal(listed("life"), 0);
}

/* --- A3 --- */

static void
A3_full_magazines_pass_from_hart_to_hart(void **state)
{
	const unsigned rounds = 8;
	struct kmem_options opt = { .magazine = rounds };
	struct kmem_cache *cp = cache_make("list", 64, &opt);
	void *first[80], *second[48];
	uint64_t made, listed_rounds;

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(first), first));
	for (size_t i = 0; i < ARRAY_COUNT(first); i++)
		kmem_cache_free(cp, first[i]);
	/* Two magazines stay at most; the others went to the shared list. */
	listed_rounds = stats_of(cp).objects_cached - hart_of(cp, 0).rounds;
	assert_true(listed_rounds >= 80 - 2 * rounds);
	assert_int_equal(listed_rounds % rounds, 0);
	made = stats_of(cp).grow;
	mm_host_attach(1);
	for (size_t i = 0; i < ARRAY_COUNT(second); i++) {
		bool known = false;

		second[i] = kmem_cache_alloc(cp, 0);
		for (size_t k = 0; k < ARRAY_COUNT(first); k++)
			known |= second[i] == first[k];
		assert_true(known);
	}
	assert_int_equal(hart_of(cp, 1).depot_get, 48 / rounds);
	assert_int_equal(stats_of(cp).grow, made);
	for (size_t i = 0; i < ARRAY_COUNT(second); i++)
		kmem_cache_free(cp, second[i]);
	mm_host_attach(0);
	cache_unmake(cp);
}

/* --- A5, A6, A7 --- */

static void
A5_B3_descriptors_lie_outside_where_that_wastes_less(void **state)
{
	static const size_t sizes[] = { 8, 64, 100, 512, 2048, 4096, 8200,
		30000 };

	(void)state;
	for (size_t s = 0; s < 2 * ARRAY_COUNT(sizes); s++) {
		struct kmem_options opt = {
			.flags = KMEM_NOCOLOUR,
			.protect = s % 2 == 0 ? KMEM_FAST : KMEM_CHECKED,
		};
		struct kmem_cache *cp = cache_make("out", sizes[s / 2], &opt);
		struct kmem_info info = info_of(cp);
		size_t bytes = info.frames_per_slab * FRAME_SIZE;
		void *obj = kmem_cache_alloc(cp, 0);
		const struct slab *sp = slab_of((uintptr_t)obj);
		struct kmem_slab_info slab;
		struct kmem_whatis w;

		assert_non_null(sp);
		assert_int_equal(kmem_cache_slabs(cp, &slab, 1), 1);
		assert_true((uintptr_t)sp - slab.addr >= bytes);
		kmem_whatis((uintptr_t)sp, &w);
		assert_true(strncmp(w.cache, "kmem-slab-", 10) == 0);
		/* Nothing of the slab is left that an object could use. */
		if (info.per_slab < SLAB_OBJECTS_MAX)
			assert_true(
			    bytes - info.per_slab * info.stride < info.stride);
		/* Inside, the descriptor would cost an object or more. */
		if (bytes % info.stride == 0)
			assert_true(
			    (bytes - cp->c_geo.g_descriptor) / info.stride <
				info.per_slab ||
			    info.per_slab == SLAB_OBJECTS_MAX);
		kmem_cache_free(cp, obj);
		cache_unmake(cp);
	}
}

static const char *const own_names[] = { "kmem-cache", "kmem-hart",
	"kmem-magazine", "kmem-slab-1", "kmem-slab-2", "kmem-slab-4",
	"kmem-slab-8", "kmem-slab-16" };
#define OWN      ARRAY_COUNT(own_names)
#define OWN_SLAB 3u /* this and what follows: descriptors of slabs */

static uint64_t
own_inuse(size_t first, size_t last)
{
	uint64_t n = 0;

	for (size_t i = first; i <= last; i++) {
		struct kmem_cache *cp = kmem_cache_find(own_names[i]);

		assert_non_null(cp);
		assert_int_equal(info_of(cp).magazine, 0);
		n += stats_of(cp).objects_inuse;
		kmem_cache_release(cp);
	}
	return n;
}

static void
A6_its_own_records_come_from_caches_without_magazines(void **state)
{
	uint64_t before[OWN_SLAB], slabs = own_inuse(OWN_SLAB, OWN - 1);
	struct kmem_cache *cp;
	struct kmem_whatis w;
	void *obj;

	(void)state;
	for (size_t i = 0; i < OWN_SLAB; i++)
		before[i] = own_inuse(i, i);
	cp = cache_make("rec", 64, NULL);
	obj = kmem_cache_alloc(cp, 0);
	assert_true(own_inuse(OWN_SLAB, OWN - 1) > slabs);
	kmem_whatis((uintptr_t)cp, &w);
	assert_string_equal(w.cache, "kmem-cache");
	assert_int_equal(w.base, (uintptr_t)cp);
	kmem_whatis((uintptr_t)slab_of((uintptr_t)obj), &w);
	assert_true(strncmp(w.cache, "kmem-slab-", 10) == 0);
	kmem_cache_free(cp, obj);
	for (size_t i = 0; i < OWN_SLAB; i++)
		assert_true(own_inuse(i, i) > before[i]);
	cache_unmake(cp);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	for (size_t i = 0; i < OWN_SLAB; i++)
		assert_int_equal(own_inuse(i, i), before[i]);
	assert_int_equal(own_inuse(OWN_SLAB, OWN - 1), slabs);
}

static void
A7_every_byte_leads_to_its_object_and_cache(void **state)
{
	static const size_t sizes[] = { 8, 100, 3000, 20000, KMEM_SIZE_MAX };
	struct kmem_whatis w;

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct kmem_cache *cp = cache_make("where", sizes[s], NULL);
		unsigned char *obj[20];

		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			obj[i] = kmem_cache_alloc(cp, 0);
			assert_non_null(obj[i]);
		}
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			for (size_t at = 0; at < sizes[s]; at += 511) {
				kmem_whatis((uintptr_t)obj[i] + at, &w);
				assert_true(w.is_object);
				assert_string_equal(w.cache, "where");
				assert_int_equal(w.base, (uintptr_t)obj[i]);
				assert_int_equal(w.offset, at);
			}
			/* So an object can be freed by its address alone. */
			assert_int_equal(
			    kmem_free_checked(NULL, (uintptr_t)obj[i]), 0);
		}
		assert_int_equal(stats_of(cp).objects_inuse, 0);
		cache_unmake(cp);
	}
}

/* --- A8, A12, A17 --- */

/* All frames that are free, chained through their first words. */
static void *
hoard(void *chain)
{
	void *run;

	while (
	    (run = frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_USER)) != NULL) {
		memcpy(run, &chain, sizeof(chain));
		chain = run;
	}
	return chain;
}

static void
unhoard(void *chain)
{
	while (chain != NULL) {
		void *next;

		memcpy(&next, chain, sizeof(next));
		frame_free(chain, 1);
		chain = next;
	}
}

static void
A8_light_reclaim_comes_before_brutal(void **state)
{
	struct kmem_options plain = { .flags = KMEM_NOMAGAZINE };
	struct kmem_cache *cp = cache_make("steps", 512, NULL);
	struct kmem_cache *empty = cache_make("empty", 512, &plain);
	struct kmem_reap_stats first, st;
	size_t taken[3] = { 0, 0, 0 };
	unsigned kept;
	void *chain, *run;

	(void)state;
	churn(empty, 0, 500); /* leaves an empty slab */
	churn(cp, 1, 5000);
	kept = hart_of(cp, 1).rounds;
	assert_true(kept > 0);
	kmem_get_reap_stats(&first);
	chain = hoard(NULL);
	/* One frame at a time, each by reclaim; who paid for it? */
	while ((run = frame_alloc(1, 1, 0, FRAME_TAG_USER)) != NULL) {
		unsigned level = KMEM_REAP_TRIM;

		memcpy(run, &chain, sizeof(chain));
		chain = run;
		kmem_get_reap_stats(&st);
		if (st.reaps[KMEM_REAP_DEPOT] != first.reaps[KMEM_REAP_DEPOT])
			level = KMEM_REAP_DEPOT;
		if (st.reaps[KMEM_REAP_ALL] != first.reaps[KMEM_REAP_ALL])
			level = KMEM_REAP_ALL;
		taken[level]++;
		if (level != KMEM_REAP_ALL)
			assert_int_equal(hart_of(cp, 1).rounds, kept);
	}
	/* Empty slabs, then the depot's magazines, then the harts'. */
	assert_true(taken[KMEM_REAP_TRIM] > 0);
	assert_true(taken[KMEM_REAP_DEPOT] > 100);
	assert_true(taken[KMEM_REAP_ALL] > 0);
	assert_int_equal(hart_of(cp, 1).rounds, 0);
	unhoard(chain);
	cache_unmake(empty);
	cache_unmake(cp);
}

static struct {
	struct kmem_cache *cp, *limited;
	unsigned asked; /* times the owner was asked for memory */
} dry;

static void
dry_reclaim(void *arg)
{
	(void)arg;
	dry.asked++;
}

static void
dry_interrupt(void *arg)
{
	void *obj[2];

	(void)arg;
	assert_null(kmem_cache_alloc(dry.cp, 0));
	assert_false(kmem_cache_alloc_bulk(dry.cp, 0, 2, obj));
	assert_null(kmalloc(8, 0));
	assert_null(kmalloc(200000, 0));
	assert_null(frame_alloc(1, 1, 0, FRAME_TAG_USER));
	/* A limit is reached: other harts' magazines cannot be asked. */
	assert_null(kmem_cache_alloc(dry.limited, 0));
}

static void
A12_A19_T27_an_interrupt_never_waits_for_memory(void **state)
{
	struct kmem_options opt = { .reclaim = dry_reclaim };
	struct kmem_tune one = { .set_limit = true, .limit = 1 };
	struct kmem_reap_stats a, b;
	void *chain, *obj;

	(void)state;
	dry.cp = cache_make("dry", 4000, &opt);
	dry.limited = cache_make("limited", 64, NULL);
	obj = kmem_cache_alloc(dry.limited, 0);
	(void)kmem_cache_flush(dry.limited, KMEM_ALL_HARTS);
	assert_int_equal(kmem_cache_tune(dry.limited, &one, NULL), 0);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	chain = hoard(NULL);
	kmem_get_reap_stats(&a);
	dry.asked = 0;
	assert_true(port_hart_call(0, dry_interrupt, NULL));
	assert_true(port_hart_call(2, dry_interrupt, NULL));
	kmem_get_reap_stats(&b);
	assert_int_equal(dry.asked, 0);
	assert_memory_equal(&a, &b, sizeof(a));
	expect_no_report();
	/* Outside of one, the same call does ask. */
	assert_null(kmem_cache_alloc(dry.cp, 0));
	assert_true(dry.asked > 0);
	unhoard(chain);
	kmem_cache_free(dry.limited, obj);
	cache_unmake(dry.limited);
	cache_unmake(dry.cp);
}

static void
A17_light_reclaim_stops_at_target(void **state)
{
	struct kmem_cache *cp[6];
	uint64_t before[6], dropped = 0;
	struct kmem_reaped r;
	size_t target, frames;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++) {
		char name[] = { 't', (char)('0' + i), '\0' };
		struct kmem_options opt = { .magazine = 10 };

		cp[i] = cache_make(name, 400, &opt);
		churn(cp[i], 0, 2000);
	}
	kmem_tick();
	kmem_tick(); /* a whole interval without use: all may go */
	(void)kmem_reap(KMEM_REAP_TRIM, 1);
	for (target = 1; target <= 200; target *= 3) {
		for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
			before[i] = stats_of(cp[i]).objects_cached;
		frames = frame_free_count();
		r = kmem_reap(KMEM_REAP_TRIM, target);
		assert_int_equal(frame_free_count() - frames, r.frames);
		/* Met; past it by no more than one slab and its records. */
		assert_true(r.frames >= target);
		assert_true(
		    r.frames <= target + info_of(cp[0]).frames_per_slab + 2);
		dropped = 0;
		for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
			dropped += before[i] - stats_of(cp[i]).objects_cached;
		assert_int_equal(dropped, r.objects);
		/* A magazine's rounds may lie in two slabs, not in twenty. */
		assert_true(
		    dropped <= (target / info_of(cp[0]).frames_per_slab + 2) *
			    info_of(cp[0]).per_slab +
			4 * 10);
	}
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		cache_unmake(cp[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(A1_create_alloc_free_reclaim_list_destroy),
		world_test(A3_full_magazines_pass_from_hart_to_hart),
		world_test(
		    A5_B3_descriptors_lie_outside_where_that_wastes_less),
		world_test(
		    A6_its_own_records_come_from_caches_without_magazines),
		world_test(A7_every_byte_leads_to_its_object_and_cache),
		world_test(A8_light_reclaim_comes_before_brutal),
		world_test(A12_A19_T27_an_interrupt_never_waits_for_memory),
		world_test(A17_light_reclaim_stops_at_target),
	};

	return cmocka_run_group_tests_name("rows_a", tests, NULL, NULL);
}
