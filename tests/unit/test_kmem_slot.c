/* SPDX-License-Identifier: MIT */
/* Fixed slots: caches that code is compiled for. */

#include "tests/unit/mm_test.h"

#include <string.h>

static void
use(struct kmem_cache *cp)
{
	void *obj[100];

	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		obj[i] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[i]);
		stamp(obj[i], 64, i);
	}
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		assert_true(stamped(obj[i], 64, i));
		kmem_cache_free(cp, obj[i]);
	}
	assert_int_equal(stats_of(cp).objects_inuse, 0);
}

static void
refused(const struct kmem_options *opt, int error, const char *word)
{
	size_t before = frame_free_count();
	struct kmem_cache *cp = NULL;
	const char *why = NULL;

	assert_int_equal(
	    kmem_cache_create(&cp, "refused", 64, opt, &why), -error);
	assert_null(cp);
	assert_non_null(why);
	if (strstr(why, word) == NULL)
		fail_msg("reason '%s' does not mention '%s'", why, word);
	assert_int_equal(frame_free_count(), before);
}

static void
I3_1_a_fixed_slot_belongs_to_one_cache(void **state)
{
	const struct kmem_options first = { .slot = 1 }, second = { .slot = 2 };
	struct kmem_cache *a, *b;

	(void)state;
	a = cache_make("a", 64, &first);
	refused(&first, KMEM_EEXIST, "slot");
	b = cache_make("b", 64, &second);
	refused(&second, KMEM_EEXIST, "slot");
	use(a);
	use(b);
	cache_unmake(a);
	a = cache_make("c", 64, &first);
	use(a);
	refused(&first, KMEM_EEXIST, "slot");
	cache_unmake(b);
	cache_unmake(a);
}

static void
I3_1_wrong_slots_are_refused_with_a_reason(void **state)
{
	(void)state;
	refused(&(struct kmem_options){ .slot = KMEM_SLOTS_FIXED + 1 },
	    KMEM_EINVAL, "1 … 16");
	refused(&(struct kmem_options){ .slot = ~0u }, KMEM_EINVAL, "1 … 16");
	refused(&(struct kmem_options){ .slot = 1, .flags = KMEM_SINGLE_OWNER },
	    KMEM_EINVAL, "single-owner");
}

static void
I3_1_a_refused_name_gives_the_slot_back(void **state)
{
	const struct kmem_options opt = { .slot = 3 };
	struct kmem_cache *cp = cache_make("twice", 64, NULL), *other;
	const char *why;

	(void)state;
	assert_int_equal(
	    kmem_cache_create(&other, "twice", 64, &opt, &why), -KMEM_EEXIST);
	assert_non_null(strstr(why, "name"));
	other = cache_make("once", 64, &opt);
	use(other);
	cache_unmake(other);
	cache_unmake(cp);
}

static void
I3_1_fixed_slots_serve_every_kind_of_cache(void **state)
{
	const struct kmem_options kinds[] = {
		{ .slot = KMEM_SLOTS_FIXED },
		{ .slot = KMEM_SLOTS_FIXED, .protect = KMEM_CHECKED },
		{ .slot = KMEM_SLOTS_FIXED, .flags = KMEM_COUNT },
		{ .slot = KMEM_SLOTS_FIXED, .flags = KMEM_NOMAGAZINE },
		{ .slot = KMEM_SLOTS_FIXED, .limit = 100 },
	};
	const struct kmem_tune on = { .set_count = true, .count = true };
	const struct kmem_tune off = { .set_count = true };
	const struct kmem_tune checked = { .set_protect = true,
		.protect = KMEM_CHECKED };
	const struct kmem_tune fast = { .set_protect = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct kmem_cache *cp = cache_make("kind", 64, &kinds[i]);

		use(cp);
		refused(&kinds[i], KMEM_EEXIST, "slot");
		/* Through every level and back: the slot stays its own. */
		assert_int_equal(kmem_cache_tune(cp, &on, NULL), 0);
		use(cp);
		assert_int_equal(kmem_cache_tune(cp, &off, NULL), 0);
		use(cp);
		assert_int_equal(kmem_cache_tune(cp, &checked, NULL), 0);
		use(cp);
		assert_int_equal(kmem_cache_tune(cp, &fast, NULL), 0);
		use(cp);
		refused(&kinds[i], KMEM_EEXIST, "slot");
		cache_unmake(cp);
	}
}

static void
I3_1_other_caches_leave_the_fixed_slots_alone(void **state)
{
	struct kmem_cache *cp[40], *fixed[KMEM_SLOTS_FIXED];
	unsigned without = 0;

	(void)state;
	world_teardown(state);
	world_start((size_t)64 << 20, 2, 88);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++) {
		char name[] = { 'c', (char)('0' + i / 10), (char)('0' + i % 10),
			'\0' };

		cp[i] = cache_make(name, 64, NULL);
		without += info_of(cp[i]).magazine == 0;
	}
	assert_true(without > 0);
	for (unsigned i = 0; i < KMEM_SLOTS_FIXED; i++) {
		const struct kmem_options opt = { .slot = i + 1 };
		char name[] = { 'f', (char)('a' + i), '\0' };

		fixed[i] = cache_make(name, 64, &opt);
		assert_true(info_of(fixed[i]).magazine != 0);
		use(fixed[i]);
	}
	for (unsigned i = 0; i < KMEM_SLOTS_FIXED; i++)
		cache_unmake(fixed[i]);
	for (size_t i = 0; i < ARRAY_COUNT(cp); i++)
		cache_unmake(cp[i]);
}

/* Checked needs a slot that counts; refused, the cache stays as it was. */
static void
B9_without_a_slot_left_a_cache_keeps_its_level(void **state)
{
	static struct kmem_cache *cp[HOST_SLOTS];
	const struct kmem_tune checked = { .set_protect = true,
		.protect = KMEM_CHECKED };
	const struct kmem_tune counting = { .set_count = true, .count = true };
	size_t n = 0;

	(void)state;
	do {
		char name[] = { 's', (char)('a' + n / 26), (char)('a' + n % 26),
			'\0' };

		assert_true(n < ARRAY_COUNT(cp));
		cp[n] = cache_make(name, 64, NULL);
	} while (info_of(cp[n++]).magazine != 0);
	assert_int_equal(kmem_cache_tune(cp[0], &checked, NULL), -KMEM_ENOMEM);
	assert_int_equal(kmem_cache_tune(cp[0], &counting, NULL), -KMEM_ENOMEM);
	assert_int_equal(info_of(cp[0]).protect, KMEM_FAST);
	use(cp[0]);
	use(cp[0]);
	expect_no_report();
	/* Two neighbouring slots come free: now it can. */
	while (n > 1)
		cache_unmake(cp[--n]);
	assert_int_equal(kmem_cache_tune(cp[0], &checked, NULL), 0);
	assert_int_equal(info_of(cp[0]).protect, KMEM_CHECKED);
	use(cp[0]);
	cache_unmake(cp[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(I3_1_a_fixed_slot_belongs_to_one_cache),
		world_test(I3_1_wrong_slots_are_refused_with_a_reason),
		world_test(I3_1_a_refused_name_gives_the_slot_back),
		world_test(I3_1_fixed_slots_serve_every_kind_of_cache),
		world_test(I3_1_other_caches_leave_the_fixed_slots_alone),
		world_test(B9_without_a_slot_left_a_cache_keeps_its_level),
	};

	return cmocka_run_group_tests_name("kmem_slot", tests, NULL, NULL);
}
