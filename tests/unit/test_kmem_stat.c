/* SPDX-License-Identifier: MIT */
/* Statistics: every field exact at quiescence, described by the schema. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

#define HARTS 4u

/* A field of struct kmem_stats by its schema record. */
static uint64_t
field(const struct kmem_stats *st, const struct kmem_schema *sc)
{
	uint64_t value;

	memcpy(&value, (const unsigned char *)st + sc->offset, sizeof(value));
	return value;
}

static void
B13_the_schema_covers_every_field(void **state)
{
	size_t n, expected = sizeof(struct kmem_stats) / sizeof(uint64_t);
	const struct kmem_schema *sc = kmem_schema(&n);

	(void)state;
	assert_int_equal(n, expected);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(sc[i].offset, i * sizeof(uint64_t));
		assert_true(strlen(sc[i].name) > 2);
		assert_true(strlen(sc[i].text) > 10);
		assert_int_equal(sc[i].text[strlen(sc[i].text) - 1] == '\n', 0);
		assert_true(strcmp(sc[i].kind, "gauge") == 0 ||
		    strcmp(sc[i].kind, "counter") == 0);
		assert_true(strlen(sc[i].unit) >= 1);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(sc[i].name, sc[k].name);
	}
}

static size_t
schema_index(const char *name)
{
	size_t n;
	const struct kmem_schema *sc = kmem_schema(&n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(sc[i].name, name) == 0)
			return i;
	}
	fail_msg("no field %s in the schema", name);
	return 0;
}

static void
B13_the_schema_names_the_right_offsets(void **state)
{
	const struct kmem_schema *sc = kmem_schema(&(size_t){ 0 });

	(void)state;
	assert_int_equal(sc[schema_index("objects_inuse")].offset,
	    offsetof(struct kmem_stats, objects_inuse));
	assert_int_equal(sc[schema_index("hiwater")].offset,
	    offsetof(struct kmem_stats, hiwater));
	assert_int_equal(sc[schema_index("mag_miss")].offset,
	    offsetof(struct kmem_stats, mag_miss));
	assert_int_equal(sc[schema_index("mag_size")].offset,
	    offsetof(struct kmem_stats, mag_size));
	assert_int_equal(sc[schema_index("errors")].offset,
	    offsetof(struct kmem_stats, errors));
}

/* What the test itself knows. */
struct truth {
	uint64_t alloc[HARTS], free[HARTS];
	uint64_t live, most, fail;
};

static uint64_t built, unbuilt;

static int
count_ctor(void *obj, void *arg)
{
	(void)obj;
	(void)arg;
	built++;
	return 0;
}

static void
count_dtor(void *obj, void *arg)
{
	(void)obj;
	(void)arg;
	unbuilt++;
}

/* Relations that hold in any cache, at any time. */
static void
consistent(struct kmem_cache *cp, const struct kmem_stats *st)
{
	struct kmem_info info;
	uint64_t rounds = 0, get = 0, put = 0, miss = 0;
	uint64_t slabs = st->slabs_full + st->slabs_partial + st->slabs_empty;

	kmem_cache_get_info(cp, &info);
	assert_true(
	    st->objects_inuse + st->objects_cached <= st->objects_total);
	assert_int_equal(st->objects_total, slabs * info.per_slab);
	assert_int_equal(st->frames, slabs * info.frames_per_slab);
	assert_int_equal(st->bytes_inuse, st->objects_inuse * info.size);
	assert_int_equal(st->bytes_total, st->frames * FRAME_SIZE);
	assert_int_equal(st->grow - st->shrink, slabs);
	assert_true(st->hiwater >= st->objects_inuse);
	for (unsigned h = 0; h < HARTS; h++) {
		struct kmem_hart_stats hs;

		if (!kmem_cache_hart_stats(cp, h, &hs))
			continue;
		rounds += hs.rounds;
		get += hs.depot_get;
		put += hs.depot_put;
		miss += hs.mag_miss;
	}
	assert_true(st->objects_cached >= rounds);
	assert_int_equal(st->depot_get, get);
	assert_int_equal(st->depot_put, put);
	assert_int_equal(st->mag_miss, miss);
}

/* What the schema calls a counter never falls. */
static void
counters_rise(const struct kmem_stats *before, const struct kmem_stats *now)
{
	size_t n;
	const struct kmem_schema *sc = kmem_schema(&n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(sc[i].kind, "counter") == 0 &&
		    field(now, &sc[i]) < field(before, &sc[i]))
			fail_msg("%s fell", sc[i].name);
	}
}

static void
matches(struct kmem_cache *cp, const struct truth *t, bool counted)
{
	struct kmem_stats st;
	uint64_t alloc = 0, free = 0;

	kmem_cache_stats(cp, &st);
	consistent(cp, &st);
	assert_int_equal(st.objects_inuse, t->live);
	assert_int_equal(st.alloc_fail, t->fail);
	assert_int_equal(st.ctor, built);
	assert_int_equal(st.dtor, unbuilt);
	assert_int_equal(st.ctor - st.dtor, st.objects_total);
	for (unsigned h = 0; h < HARTS; h++) {
		alloc += t->alloc[h];
		free += t->free[h];
	}
	if (!counted) {
		assert_true(st.alloc == KMEM_UNKNOWN);
		assert_true(st.free == KMEM_UNKNOWN);
		assert_true(st.mag_hit == KMEM_UNKNOWN);
		assert_true(st.hiwater >= t->most);
		return;
	}
	assert_int_equal(st.alloc, alloc);
	assert_int_equal(st.free, free);
	if (st.mag_size == 0) {
		/* Without magazines there is nothing by hart. */
		assert_int_equal(st.mag_hit, 0);
		return;
	}
	assert_true(st.mag_hit <= alloc + free);
	assert_int_equal(st.mag_hit + st.mag_miss, alloc + free + t->fail);
	for (unsigned h = 0; h < HARTS; h++) {
		struct kmem_hart_stats hs;

		assert_true(kmem_cache_hart_stats(cp, h, &hs));
		assert_int_equal(hs.alloc, t->alloc[h]);
		assert_int_equal(hs.free, t->free[h]);
	}
}

static void
walk(struct kmem_cache *cp, bool counted, uint64_t seed)
{
	struct test_rng rng = { .state = seed };
	struct truth t = { .live = 0 };
	static void *obj[3000];
	struct kmem_stats last, now;
	unsigned hart = 0;

	kmem_cache_stats(cp, &last);
	for (unsigned op = 0; op < 30000; op++) {
		bool up =
		    test_below(&rng, 10) < ((op / 3000) % 2 == 0 ? 7u : 3u);

		if (op % 41 == 0) {
			hart = (unsigned)test_below(&rng, HARTS);
			mm_host_attach(hart);
		}
		if (op % 5000 == 4999)
			(void)kmem_reap((enum kmem_level)(op / 5000 % 3), 0);
		if (up && t.live < ARRAY_COUNT(obj)) {
			void *p = kmem_cache_alloc(cp, 0);

			if (p == NULL) {
				t.fail++;
				continue;
			}
			obj[t.live++] = p;
			t.alloc[hart]++;
			t.most = t.live > t.most ? t.live : t.most;
		} else if (t.live > 0) {
			size_t i = test_below(&rng, t.live);

			kmem_cache_free(cp, obj[i]);
			obj[i] = obj[--t.live];
			t.free[hart]++;
		}
		if (op % 500 == 0) {
			matches(cp, &t, counted);
			kmem_cache_stats(cp, &now);
			counters_rise(&last, &now);
			last = now;
		}
	}
	mm_host_attach(0);
	hart = 0;
	while (t.live != 0) {
		kmem_cache_free(cp, obj[--t.live]);
		t.free[0]++;
	}
	matches(cp, &t, counted);
	(void)kmem_cache_shrink(cp);
	matches(cp, &t, counted);
}

static void
walk_with(unsigned flags, enum kmem_protect protect, size_t limit, bool counted)
{
	struct kmem_options opt = {
		.flags = flags,
		.protect = protect,
		.limit = limit,
		.ctor = count_ctor,
		.dtor = count_dtor,
	};
	struct kmem_cache *cp;
	struct kmem_stats st;

	built = unbuilt = 0;
	cp = cache_make("walk", 200, &opt);
	kmem_cache_stats(cp, &st);
	assert_int_equal(st.objects_total, 0);
	assert_int_equal(st.hiwater, 0);
	walk(cp, counted, 7 + flags);
	cache_unmake(cp);
	assert_int_equal(built, unbuilt);
}

static void
B13_fast_caches_are_exact_in_what_they_count(void **state)
{
	(void)state;
	walk_with(0, KMEM_FAST, 0, false);
}

static void
B13_counting_caches_are_exact_per_operation(void **state)
{
	(void)state;
	walk_with(KMEM_COUNT, KMEM_FAST, 0, true);
}

static void
B13_checked_caches_are_exact_per_operation(void **state)
{
	(void)state;
	walk_with(0, KMEM_CHECKED, 0, true);
}

static void
B13_refused_requests_are_counted(void **state)
{
	(void)state;
	walk_with(KMEM_COUNT, KMEM_FAST, 1000, true);
	/* A limit means no magazines, and then every call is seen. */
	walk_with(0, KMEM_FAST, 1000, true);
}

static void
B13_caches_without_magazines_are_exact(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	struct kmem_cache *cp = cache_make("plain", 200, &opt);
	struct kmem_stats st;
	void *obj[500];

	(void)state;
	assert_true(kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		kmem_cache_stats(cp, &st);
		consistent(cp, &st);
		assert_int_equal(st.objects_inuse, ARRAY_COUNT(obj) - i);
		assert_int_equal(st.objects_cached, 0);
		assert_int_equal(st.mag_size, 0);
		assert_int_equal(st.hiwater, ARRAY_COUNT(obj));
		assert_int_equal(st.depot_get + st.depot_put, 0);
		kmem_cache_free(cp, obj[i]);
	}
	cache_unmake(cp);
}

/* Against what a person counts: where rounds lie, misses that had to be. */
static void
B13_misses_and_exchanges_are_counted_once(void **state)
{
	const unsigned rounds = 4;
	struct kmem_options opt = { .magazine = rounds, .flags = KMEM_COUNT };
	struct kmem_cache *cp = cache_make("once", 64, &opt);
	struct kmem_hart_stats hs;
	struct kmem_stats before, st;
	void *obj[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		obj[i] = kmem_cache_alloc(cp, 0);
	kmem_cache_stats(cp, &before);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		kmem_cache_free(cp, obj[i]);
	kmem_cache_stats(cp, &st);
	assert_true(kmem_cache_hart_stats(cp, 0, &hs));
	/* Only freed: what is not with the hart went to the depot whole. */
	assert_int_equal(st.objects_cached,
	    hs.rounds + rounds * (st.depot_put - before.depot_put));
	/* Each miss made room for a magazine's rounds. */
	assert_true(st.mag_miss - before.mag_miss >= st.depot_put);
	assert_true(
	    (st.mag_miss - before.mag_miss - 1) * rounds <= ARRAY_COUNT(obj));
	cache_unmake(cp);
}

static void
counting_can_be_switched_at_run_time(void **state)
{
	struct kmem_cache *cp = cache_make("sw", 64, NULL);
	struct kmem_tune t = { .set_count = true, .count = true }, old;
	struct kmem_stats st, on;
	struct kmem_hart_stats hs;
	void *obj[50];

	(void)state;
	kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
	assert_true(kmem_cache_hart_stats(cp, 0, &hs));
	assert_true(hs.rounds > 0);
	kmem_cache_stats(cp, &st);
	assert_true(st.alloc == KMEM_UNKNOWN);
	assert_int_equal(kmem_cache_tune(cp, &t, &old), 0);
	assert_false(old.count);
	/* The hart has changed over: nothing is left in the old slot. */
	assert_true(kmem_cache_hart_stats(cp, 0, &hs));
	assert_int_equal(hs.rounds, 0);
	kmem_cache_stats(cp, &on);
	assert_true(on.alloc != KMEM_UNKNOWN);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		obj[i] = kmem_cache_alloc(cp, 0);
	kmem_cache_stats(cp, &st);
	assert_int_equal(st.alloc - on.alloc, ARRAY_COUNT(obj));
	assert_int_equal(st.objects_inuse, ARRAY_COUNT(obj));
	t.count = false;
	assert_int_equal(kmem_cache_tune(cp, &t, &old), 0);
	assert_true(old.count);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		kmem_cache_free(cp, obj[i]);
	kmem_cache_stats(cp, &st);
	assert_true(st.alloc == KMEM_UNKNOWN);
	assert_int_equal(st.objects_inuse, 0);
	assert_int_equal(kmem_verify(cp, NULL, 0), 0);
	cache_unmake(cp);
}

/* The sum over the system: frames of caches are frames of the zones. */
static void
B13_frames_of_all_caches_are_the_frames_in_use(void **state)
{
	struct kmem_cache *cp[4], *at = NULL;
	struct frame_stats fs;
	uint64_t frames = 0;
	void *obj[4][100];

	(void)state;
	for (size_t c = 0; c < 4; c++) {
		char name[] = { 'f', (char)('0' + c), '\0' };

		cp[c] = cache_make(name, 40u << (2 * c), NULL);
		assert_true(kmem_cache_alloc_bulk(cp[c], 0, 100, obj[c]));
	}
	while ((at = kmem_cache_next(at)) != NULL) {
		struct kmem_stats st;

		kmem_cache_stats(at, &st);
		frames += st.frames;
	}
	frame_get_stats(&fs);
	/* What is in no cache can only be the bootstrap's own records. */
	assert_in_range(fs.total - fs.free, frames, frames + 8);
	for (size_t c = 0; c < 4; c++) {
		kmem_cache_free_bulk(cp[c], 100, obj[c]);
		cache_unmake(cp[c]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(B13_the_schema_covers_every_field),
		cmocka_unit_test(B13_the_schema_names_the_right_offsets),
		world_test(B13_fast_caches_are_exact_in_what_they_count),
		world_test(B13_counting_caches_are_exact_per_operation),
		world_test(B13_checked_caches_are_exact_per_operation),
		world_test(B13_refused_requests_are_counted),
		world_test(B13_caches_without_magazines_are_exact),
		world_test(B13_misses_and_exchanges_are_counted_once),
		world_test(counting_can_be_switched_at_run_time),
		world_test(B13_frames_of_all_caches_are_the_frames_in_use),
	};

	return cmocka_run_group_tests_name("kmem_stat", tests, NULL, NULL);
}
