/* SPDX-License-Identifier: MIT */
/*
 * What happens inside mm's sections, and between them.
 *
 * Theory of operation
 *
 * 1. The linker hands the calls between mm's files, and those to the port, to
 *    the functions below first (--wrap), so that they can be counted, and so
 *    that something else can happen at the very place where a lock was dropped
 *    and interrupts are on again.
 * 2. mm is compiled with one call per basic block (-fsanitize-coverage). Blocks
 *    that run while the hart is pinned are the time for which interrupts are
 *    off, in a unit that does not depend on the machine.
 */

#include "tests/unit/mm_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/kmem_impl.h"

static unsigned depth;   /* pins held; one thread in all of these tests */
static uint64_t blocks;  /* of the section that runs */
static uint64_t longest; /* of all sections since the last look */
static uint64_t pauses;  /* in a row: a spin that will not end */
static uint64_t slow_calls, swaps, slab_calls, frame_calls, magazine_calls;
static bool frames_pinned; /* a zone was called with interrupts off */

/* Runs at every place where the last pin is dropped; not in itself. */
static void (*between)(void);
static bool in_between;

void __sanitizer_cov_trace_pc(void);
void
__sanitizer_cov_trace_pc(void)
{
	blocks += depth != 0;
}

static void
section_begin(void)
{
	if (depth++ == 0)
		blocks = 0;
}

static void
section_end(void)
{
	assert_true(depth > 0);
	if (--depth == 0 && blocks > longest)
		longest = blocks;
}

unsigned long __real_port_pin(void);
unsigned long __wrap_port_pin(void);
unsigned long
__wrap_port_pin(void)
{
	unsigned long pin = __real_port_pin();

	section_begin();
	return pin;
}

void __real_port_unpin(unsigned long saved);
void __wrap_port_unpin(unsigned long saved);
void
__wrap_port_unpin(unsigned long saved)
{
	section_end();
	pauses = 0;
	__real_port_unpin(saved);
	if (depth == 0 && between != NULL && !in_between &&
	    !port_in_interrupt()) {
		in_between = true;
		between();
		in_between = false;
	}
}

void __real_port_pause(void);
void __wrap_port_pause(void);
void
__wrap_port_pause(void)
{
	/* One thread: nobody else will ever let go of that lock. */
	if (++pauses > 1000)
		fail_msg("a lock is waited for that this hart holds");
	__real_port_pause();
}

struct call {
	void (*fn)(void *);
	void *arg;
};

static void
call_section(void *arg)
{
	const struct call *c = arg;

	section_begin();
	c->fn(c->arg);
	section_end();
}

bool __real_port_hart_call(unsigned hart, void (*fn)(void *), void *arg);
bool __wrap_port_hart_call(unsigned hart, void (*fn)(void *), void *arg);
bool
__wrap_port_hart_call(unsigned hart, void (*fn)(void *), void *arg)
{
	struct call c = { .fn = fn, .arg = arg };

	assert_int_equal(depth, 0);
	return __real_port_hart_call(hart, call_section, &c);
}

void *__real_frame_alloc_any(
    size_t frames, size_t align, unsigned flags, unsigned tag);
void *__wrap_frame_alloc_any(
    size_t frames, size_t align, unsigned flags, unsigned tag);
void *
__wrap_frame_alloc_any(
    size_t frames, size_t align, unsigned flags, unsigned tag)
{
	frame_calls++;
	frames_pinned |= depth != 0 && !port_in_interrupt();
	return __real_frame_alloc_any(frames, align, flags, tag);
}

void __real_frame_free_any(void *run, size_t frames);
void __wrap_frame_free_any(void *run, size_t frames);
void
__wrap_frame_free_any(void *run, size_t frames)
{
	frame_calls++;
	frames_pinned |= depth != 0 && !port_in_interrupt();
	__real_frame_free_any(run, frames);
}

void *__real_kmem_alloc_slow(struct kmem_cache *cp, unsigned flags);
void *__wrap_kmem_alloc_slow(struct kmem_cache *cp, unsigned flags);
void *
__wrap_kmem_alloc_slow(struct kmem_cache *cp, unsigned flags)
{
	slow_calls++;
	return __real_kmem_alloc_slow(cp, flags);
}

void __real_kmem_free_slow(struct kmem_cache *cp, void *obj);
void __wrap_kmem_free_slow(struct kmem_cache *cp, void *obj);
void
__wrap_kmem_free_slow(struct kmem_cache *cp, void *obj)
{
	slow_calls++;
	__real_kmem_free_slow(cp, obj);
}

struct magazine *__real_depot_swap_full(
    struct kmem_cache *cp, struct magazine *empty);
struct magazine *__wrap_depot_swap_full(
    struct kmem_cache *cp, struct magazine *empty);
struct magazine *
__wrap_depot_swap_full(struct kmem_cache *cp, struct magazine *empty)
{
	swaps++;
	return __real_depot_swap_full(cp, empty);
}

struct magazine *__real_depot_swap_empty(
    struct kmem_cache *cp, struct magazine *full);
struct magazine *__wrap_depot_swap_empty(
    struct kmem_cache *cp, struct magazine *full);
struct magazine *
__wrap_depot_swap_empty(struct kmem_cache *cp, struct magazine *full)
{
	swaps++;
	return __real_depot_swap_empty(cp, full);
}

void __real_depot_put(struct kmem_cache *cp, struct magazine *mp, bool full);
void __wrap_depot_put(struct kmem_cache *cp, struct magazine *mp, bool full);
void
__wrap_depot_put(struct kmem_cache *cp, struct magazine *mp, bool full)
{
	swaps++;
	__real_depot_put(cp, mp, full);
}

size_t __real_slab_take(struct kmem_cache *cp, void **out, size_t n);
size_t __wrap_slab_take(struct kmem_cache *cp, void **out, size_t n);
size_t
__wrap_slab_take(struct kmem_cache *cp, void **out, size_t n)
{
	slab_calls++;
	return __real_slab_take(cp, out, n);
}

size_t __real_slab_put(struct kmem_cache *cp, void *const *objs, size_t n,
    bool keep_empty, uintptr_t caller);
size_t __wrap_slab_put(struct kmem_cache *cp, void *const *objs, size_t n,
    bool keep_empty, uintptr_t caller);
size_t
__wrap_slab_put(struct kmem_cache *cp, void *const *objs, size_t n,
    bool keep_empty, uintptr_t caller)
{
	slab_calls++;
	return __real_slab_put(cp, objs, n, keep_empty, caller);
}

struct magazine *__real_mag_create(uint32_t capacity);
struct magazine *__wrap_mag_create(uint32_t capacity);
struct magazine *
__wrap_mag_create(uint32_t capacity)
{
	magazine_calls++;
	return __real_mag_create(capacity);
}

static int
sections_setup(void **state)
{
	between = NULL;
	in_between = false;
	depth = 0;
	pauses = 0;
	return world_setup(state);
}

static int
sections_teardown(void **state)
{
	between = NULL;
	return world_teardown(state);
}

/* --- A16, D1: what an exchange costs --- */

static void
burst(struct kmem_cache *cp, void **obj, size_t n)
{
	for (size_t i = 0; i < n; i++)
		obj[i] = kmem_cache_alloc(cp, 0);
	for (size_t i = 0; i < n; i++)
		kmem_cache_free(cp, obj[i]);
}

static void
A16_D1_an_exchange_is_one_visit_to_the_depot(void **state)
{
	const unsigned rounds = 8, bursts = 20;
	struct kmem_options opt = { .magazine = rounds };
	struct kmem_cache *cp = cache_make("swap", 64, &opt);
	struct kmem_stats a, b;
	void *obj[400];

	(void)state;
	for (unsigned warm = 0; warm < 3; warm++)
		burst(cp, obj, ARRAY_COUNT(obj));
	a = stats_of(cp);
	slow_calls = swaps = slab_calls = frame_calls = magazine_calls = 0;
	for (unsigned i = 0; i < bursts; i++)
		burst(cp, obj, ARRAY_COUNT(obj));
	b = stats_of(cp);
	/* Nothing below the depot, no new memory, no other cache. */
	assert_int_equal(slab_calls, 0);
	assert_int_equal(frame_calls, 0);
	assert_int_equal(magazine_calls, 0);
	/* Each visit moved a whole magazine, and there were no more. */
	assert_int_equal(
	    swaps, b.depot_get - a.depot_get + b.depot_put - a.depot_put);
	assert_true(swaps <= 2 * bursts * (ARRAY_COUNT(obj) / rounds));
	assert_true(slow_calls <= 2 * swaps + 2 * bursts);
	cache_unmake(cp);
}

/* --- T12: zones are called with no lock held --- */

static int
free_ctor(void *obj, void *arg)
{
	(void)arg;
	assert_int_equal(depth, 0);
	memset(obj, 0, 16);
	return 0;
}

static void
free_dtor(void *obj, void *arg)
{
	(void)obj;
	(void)arg;
	assert_int_equal(depth, 0);
}

static void
A19_T12_slabs_are_made_and_freed_with_no_lock_held(void **state)
{
	static const size_t sizes[] = { 16, 100, 1000, 5000, 70000 };

	(void)state;
	frames_pinned = false;
	frame_calls = 0;
	for (size_t s = 0; s < 4 * ARRAY_COUNT(sizes); s++) {
		struct kmem_options opt = {
			.ctor = free_ctor,
			.dtor = free_dtor,
			.flags = s % 2 == 0 ? 0 : KMEM_NOMAGAZINE,
			.protect = s % 4 < 2 ? KMEM_FAST : KMEM_CHECKED,
		};
		struct kmem_cache *cp =
		    cache_make("unlocked", sizes[s / 4], &opt);

		for (unsigned h = 0; h < 4; h++)
			churn(cp, h, 300000 / sizes[s / 4] / 10 + 40);
		(void)kmem_reap(KMEM_REAP_TRIM, 0);
		(void)kmem_reap(KMEM_REAP_ALL, 0);
		churn(cp, 1, 100);
		(void)kmem_cache_shrink(cp);
		cache_unmake(cp);
	}
	assert_true(frame_calls > 100);
	assert_false(frames_pinned);
}

/* --- G2: the grower gets an object of what it made --- */

#define LOOT 20000u

static struct {
	struct kmem_cache *cp;
	void *obj[LOOT];
	size_t n;
} thief;

/* Another hart takes every object that is free right now. */
static void
steal_all(void)
{
	unsigned hart = port_hart_self();

	mm_host_attach(3);
	while (thief.n < LOOT) {
		struct kmem_stats st = stats_of(thief.cp);

		if (st.objects_inuse == st.objects_total)
			break;
		thief.obj[thief.n] = kmem_cache_alloc(thief.cp, KMEM_NOWAIT);
		if (thief.obj[thief.n] == NULL)
			break;
		thief.n++;
	}
	mm_host_attach(hart);
}

static void
B16_G2_A19_T15_whoever_grows_gets_an_object(void **state)
{
	struct kmem_options opt = { .flags = KMEM_NOMAGAZINE };
	void *mine[40];

	(void)state;
	thief.cp = cache_make("greed", 1000, &opt);
	thief.n = 0;
	for (size_t i = 0; i < ARRAY_COUNT(mine); i++) {
		uint64_t grown = stats_of(thief.cp).grow;

		between = steal_all;
		mine[i] = kmem_cache_alloc(thief.cp, 0);
		between = NULL;
		assert_non_null(mine[i]);
		/* One slab a call, however often all of it was taken. */
		assert_true(stats_of(thief.cp).grow <= grown + 1);
	}
	assert_true(thief.n > ARRAY_COUNT(mine) && thief.n < LOOT);
	kmem_cache_free_bulk(thief.cp, thief.n, thief.obj);
	kmem_cache_free_bulk(thief.cp, ARRAY_COUNT(mine), mine);
	cache_unmake(thief.cp);
}

/* --- T16: an interrupt at every place where one can come --- */

static struct {
	struct kmem_cache *cp[3];
	uint64_t count;
} irq;

static void
irq_handler(void *arg)
{
	void *obj[3];

	(void)arg;
	for (size_t c = 0; c < ARRAY_COUNT(irq.cp); c++) {
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
			obj[i] = kmem_cache_alloc(irq.cp[c], 0);
			assert_non_null(obj[i]);
		}
		for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
			kmem_cache_free(irq.cp[c], obj[i]);
	}
	obj[0] = kmalloc(100 + irq.count % 500, 0);
	kfree(obj[0]);
	if (irq.count % 64 == 0)
		(void)kmem_reap(KMEM_REAP_DEPOT, 0);
	irq.count++;
}

static void
interrupt_here(void)
{
	(void)__real_port_hart_call(port_hart_self(), irq_handler, NULL);
}

static void
A19_T16_an_interrupt_between_any_two_sections_is_safe(void **state)
{
	struct kmem_options plain = { .magazine = 3 };
	struct kmem_options checked = { .protect = KMEM_CHECKED };
	struct kmem_options direct = { .flags = KMEM_NOMAGAZINE };
	struct kmem_tune t = { .set_magazine = true, .magazine = 5 };
	struct kmem_cache *cp, *at = NULL;

	(void)state;
	irq.cp[0] = cache_make("irq-a", 64, &plain);
	irq.cp[1] = cache_make("irq-b", 64, &checked);
	irq.cp[2] = cache_make("irq-c", 600, &direct);
	irq.count = 0;
	between = interrupt_here;
	for (unsigned round = 0; round < 3; round++) {
		cp = cache_make("thread", 200, &checked);
		for (unsigned h = 0; h < 4; h++) {
			churn(cp, h, 60);
			for (size_t c = 0; c < ARRAY_COUNT(irq.cp); c++)
				churn(irq.cp[c], h, 40);
		}
		assert_ptr_equal(kmem_cache_find("thread"), cp);
		kmem_cache_release(cp);
		while ((at = kmem_cache_next(at)) != NULL)
			(void)stats_of(at);
		assert_int_equal(kmem_cache_tune(irq.cp[0], &t, NULL), 0);
		kmem_tick();
		(void)kmem_reap(KMEM_REAP_TRIM, 0);
		(void)kmem_reap(KMEM_REAP_ALL, 0);
		(void)kmem_cache_shrink(irq.cp[1]);
		assert_int_equal(kmem_verify(irq.cp[2], NULL, 0), 0);
		cache_unmake(cp);
		t.magazine += 20;
	}
	between = NULL;
	print_message("%ju interrupts\n", (uintmax_t)irq.count);
	assert_true(irq.count > 3000);
	for (size_t c = 0; c < ARRAY_COUNT(irq.cp); c++) {
		assert_int_equal(stats_of(irq.cp[c]).objects_inuse, 0);
		cache_unmake(irq.cp[c]);
	}
}

/* --- T24: how long interrupts are off --- */

/* What moves more than one object a call. */
static void
many_at_once(struct kmem_cache *cp)
{
	static void *obj[2000];
	struct kmem_rounds rounds;
	struct kmem_reserve *reserve;

	assert_true(kmem_cache_alloc_bulk(cp, 0, ARRAY_COUNT(obj), obj));
	kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
	(void)kmem_cache_prefill(cp, 500);
	rounds = kmem_cache_take(cp, 0);
	if (rounds.r_count != 0)
		kmem_cache_give(cp, rounds);
	assert_int_equal(kmem_reserve_create(&reserve, cp, 300), 0);
	obj[0] = kmem_reserve_alloc(reserve, 0);
	assert_non_null(obj[0]);
	kmem_reserve_free(reserve, obj[0]);
	(void)kmem_reserve_refill(reserve);
	kmem_reserve_destroy(reserve);
}

/* Every operation on `caches` caches with `objects` objects each. */
static uint64_t
longest_section(unsigned caches, size_t objects)
{
	struct kmem_cache *cp[200];
	struct kmem_stats st;

	assert_true(caches <= ARRAY_COUNT(cp));
	longest = 0;
	for (unsigned c = 0; c < caches; c++) {
		char name[] = { 'L', (char)('0' + c / 100),
			(char)('0' + c / 10 % 10), (char)('0' + c % 10), '\0' };
		struct kmem_options opt = {
			.protect = c % 2 == 0 ? KMEM_FAST : KMEM_CHECKED,
		};

		cp[c] = cache_make(name, 40 + 8 * (c % 8), &opt);
		for (unsigned h = 0; h < 4; h++)
			churn(cp[c], h, objects);
		many_at_once(cp[c]);
		kmem_cache_stats(cp[c], &st);
	}
	kmem_tick();
	kmem_tick();
	(void)kmem_reap(KMEM_REAP_TRIM, 100);
	(void)kmem_reap(KMEM_REAP_DEPOT, 100);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	for (unsigned c = 0; c < caches; c++) {
		churn(cp[c], 2, objects);
		(void)kmem_cache_shrink(cp[c]);
		cache_unmake(cp[c]);
	}
	return longest;
}

static void
A19_T24_interrupts_are_off_for_a_bounded_time(void **state)
{
	uint64_t few = longest_section(4, 500), many, wide;

	(void)state;
	many = longest_section(4, 50000);
	wide = longest_section(150, 500);
	print_message("longest section: %ju blocks with 4 caches of 500 "
		      "objects, %ju with 50,000, %ju with 150 caches\n",
	    (uintmax_t)few, (uintmax_t)many, (uintmax_t)wide);
	/* If nothing were counted, nothing would be shown. */
	assert_true(few > 100);
	/* A hundred times the slabs and magazines: the same sections. */
	assert_true(many <= few + few / 8);
	/* A magazine's rounds go home in one section: 61 at most. */
	assert_true(many <= 61 * 40);
	assert_true(wide <= few + 150 * 8);
}

#define sections_test(f)                                                       \
	cmocka_unit_test_setup_teardown(f, sections_setup, sections_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		sections_test(A16_D1_an_exchange_is_one_visit_to_the_depot),
		sections_test(
		    A19_T12_slabs_are_made_and_freed_with_no_lock_held),
		sections_test(B16_G2_A19_T15_whoever_grows_gets_an_object),
		sections_test(
		    A19_T16_an_interrupt_between_any_two_sections_is_safe),
		sections_test(A19_T24_interrupts_are_off_for_a_bounded_time),
	};

	return cmocka_run_group_tests_name("sections", tests, NULL, NULL);
}
