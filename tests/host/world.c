/* SPDX-License-Identifier: MIT */
/* The world each test of mm runs in. Interface: tests/unit/mm_test.h. */

#include "tests/unit/mm_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORLD_BYTES ((size_t)64 << 20)
#define WORLD_HARTS 4u

static size_t frames_at_start;
static bool abandoned;

/* scripts/mutants runs one test of a program. */
static __attribute__((constructor)) void
choose_test(void)
{
	const char *name = getenv("QUARRY_TEST_FILTER");

	if (name != NULL)
		cmocka_set_test_filter(name);
}

int
bare_setup(void **state)
{
	struct host_options opt = { .harts = WORLD_HARTS };

	(void)state;
	mm_host_fini();
	host_clear_reports();
	host_print_reports(false);
	return host_start(&opt);
}

int
bare_teardown(void **state)
{
	(void)state;
	mm_host_fini();
	return 0;
}

void
world_start(size_t bytes, unsigned harts, unsigned slots)
{
	struct host_options opt = {
		.bytes = bytes,
		.harts = harts,
		.slots = slots,
	};

	host_clear_reports();
	host_print_reports(false);
	abandoned = false;
	mm_host_fini(); /* of a test whose teardown failed */
	assert_int_equal(host_start(&opt), 0);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	frames_at_start = frame_free_count();
}

int
world_setup(void **state)
{
	(void)state;
	world_start(WORLD_BYTES, WORLD_HARTS, 0);
	return 0;
}

size_t
world_frames(void)
{
	return frames_at_start;
}

static void
print_findings(void)
{
	struct kmem_finding found[8];
	size_t n = kmem_verify(NULL, found, ARRAY_COUNT(found));

	for (size_t i = 0; i < n && i < ARRAY_COUNT(found); i++)
		print_error("finding: cache %s: %s at %p\n", found[i].cache,
		    found[i].what, (void *)found[i].where);
}

/* Which caches still hold frames; helps when a leak is found. */
static void
print_holders(void)
{
	struct kmem_cache *cp = NULL;
	struct kmem_stats st;
	struct kmem_info info;

	while ((cp = kmem_cache_next(cp)) != NULL) {
		kmem_cache_get_info(cp, &info);
		kmem_cache_stats(cp, &st);
		if (st.frames != 0)
			print_error("cache %s: %ju frames, %ju live, %ju "
				    "cached\n",
			    info.name, (uintmax_t)st.frames,
			    (uintmax_t)st.objects_inuse,
			    (uintmax_t)st.objects_cached);
	}
}

void
world_check(void)
{
	size_t now;

	(void)kmem_reap(KMEM_REAP_ALL, 0);
	now = frame_free_count();
	if (now != frames_at_start)
		print_holders();
	assert_int_equal(now, frames_at_start);
	if (kmem_verify(NULL, NULL, 0) != 0)
		print_findings();
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	assert_int_equal(frame_verify(), 0);
}

void
world_abandon(void)
{
	abandoned = true;
}

int
world_teardown(void **state)
{
	(void)state;
	if (!abandoned) {
		mm_host_attach(0);
		expect_no_report();
		world_check();
	}
	mm_host_fini();
	return 0;
}

void
expect_report(enum mm_error kind, const char *cache, const void *obj)
{
	const struct mm_report *r = host_last_report();

	assert_non_null(r);
	assert_string_equal(mm_error_name(r->kind), mm_error_name(kind));
	assert_int_equal(host_report_count(), 1);
	if (cache != NULL)
		assert_string_equal(r->cache, cache);
	assert_int_equal(r->obj, (uintptr_t)obj);
	assert_non_null(r->action);
	assert_non_null(r->detail);
	host_clear_reports();
}

void
expect_no_report(void)
{
	const struct mm_report *r = host_last_report();

	if (r != NULL)
		print_error("unexpected report: %s of cache %s: %s\n",
		    mm_error_name(r->kind), r->cache,
		    r->detail != NULL ? r->detail : "");
	assert_int_equal(host_report_count(), 0);
}

struct kmem_cache *
cache_make(const char *name, size_t size, const struct kmem_options *opt)
{
	struct kmem_cache *cp = NULL;
	const char *why = NULL;
	int error = kmem_cache_create(&cp, name, size, opt, &why);

	if (error != 0)
		print_error("create %s of %zu: error %d, %s\n", name, size,
		    error, why != NULL ? why : "no reason given");
	assert_int_equal(error, 0);
	assert_non_null(cp);
	return cp;
}

void
cache_unmake(struct kmem_cache *cp)
{
	assert_int_equal(kmem_cache_destroy(cp), 0);
}

void
churn(struct kmem_cache *cp, unsigned hart, size_t n)
{
	void **obj = calloc(n, sizeof(*obj));

	assert_non_null(obj);
	mm_host_attach(hart);
	for (size_t i = 0; i < n; i++) {
		obj[i] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[i]);
	}
	for (size_t i = 0; i < n; i++)
		kmem_cache_free(cp, obj[i]);
	mm_host_attach(0);
	free(obj);
}

struct kmem_stats
stats_of(struct kmem_cache *cp)
{
	struct kmem_stats st;

	kmem_cache_stats(cp, &st);
	return st;
}

struct kmem_info
info_of(struct kmem_cache *cp)
{
	struct kmem_info info;

	kmem_cache_get_info(cp, &info);
	return info;
}

static unsigned char
stamp_byte(size_t i, uint64_t seed)
{
	uint64_t x = (seed + i / 8) * 0x9e3779b97f4a7c15u;

	return (unsigned char)(x >> (8 * (i % 8)));
}

void
stamp(void *p, size_t n, uint64_t seed)
{
	unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++)
		bytes[i] = stamp_byte(i, seed);
}

bool
stamped(const void *p, size_t n, uint64_t seed)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != stamp_byte(i, seed))
			return false;
	}
	return true;
}
