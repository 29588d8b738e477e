/* SPDX-License-Identifier: MIT */
/* Rows B, C and D of docs/features.md that no other test shows. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>

#include "mm/kmem_impl.h"

/* --- B7: low memory, panic --- */

static void
want_object(void *cp)
{
	(void)kmem_cache_alloc(cp, KMEM_PANIC);
}

static void
want_bulk(void *cp)
{
	static void *obj[1000];

	(void)kmem_cache_alloc_bulk(cp, KMEM_PANIC, ARRAY_COUNT(obj), obj);
}

static void
B7_low_caches_take_low_frames_or_nothing(void **state)
{
	const size_t high_frames = 512, low_frames = 40;
	struct kmem_options opt = { .flags = KMEM_LOW };
	unsigned char *low;
	struct kmem_cache *cp, *any;
	static void *obj[1000];
	size_t n = 0;

	(void)state;
	low = host_map(low_frames * FRAME_SIZE, 0);
	assert_int_equal(
	    frame_zone_add(
		"high", host_map(high_frames * FRAME_SIZE, 0), high_frames, 0),
	    0);
	assert_int_equal(frame_zone_add("low", low, low_frames, FRAME_LOW), 0);
	assert_int_equal(kmem_init(), 0);
	cp = cache_make("dma", 1000, &opt);
	any = cache_make("any", 1000, NULL);
	while (n < ARRAY_COUNT(obj) &&
	    (obj[n] = kmem_cache_alloc(cp, 0)) != NULL) {
		assert_true((uintptr_t)obj[n] - (uintptr_t)low <
		    low_frames * FRAME_SIZE);
		n++;
	}
	/* Low memory is gone, the rest is not: still no object. */
	assert_in_range(n, 100, low_frames * 4);
	assert_true(frame_free_count() > 100);
	assert_int_equal(stats_of(cp).alloc_fail, 1);
	kmem_cache_free(any, kmem_cache_alloc(any, 0));
	while (n != 0)
		kmem_cache_free(cp, obj[--n]);
	cache_unmake(any);
	cache_unmake(cp);
}

static void
B7_a_panic_names_the_cache_that_must_not_fail(void **state)
{
	static void (*const want[])(void *) = { want_object, want_bulk };
	struct kmem_options opt = { .limit = 1 };
	const char *what;

	for (size_t i = 0; i < ARRAY_COUNT(want); i++) {
		struct kmem_cache *cp = cache_make("vital", 64, &opt);

		assert_non_null(kmem_cache_alloc(cp, KMEM_PANIC));
		assert_true(host_panics(want[i], cp, &what));
		assert_string_equal(what, "vital");
		world_abandon();
		(void)world_teardown(state);
		(void)world_setup(state);
	}
}

/* --- B15 --- */

static void
B15_the_first_caches_are_static(void **state)
{
	const size_t frames = 600;
	void *memory = host_map(frames * FRAME_SIZE, 0);
	struct kmem_whatis w;

	(void)state;
	/* Twice, so that nothing of the first life is needed by the second. */
	for (unsigned life = 0; life < 2; life++) {
		struct kmem_cache *first, *cp;

		assert_int_equal(frame_zone_add("z", memory, frames, 0), 0);
		assert_int_equal(kmem_init(), 0);
		first = kmem_cache_find("kmem-cache");
		assert_non_null(first);
		/* Not from memory that it would have to hand out. */
		assert_int_equal(frame_lookup((uintptr_t)first, NULL), -1);
		cp = cache_make("later", 64, NULL);
		kmem_whatis((uintptr_t)cp, &w);
		assert_string_equal(w.cache, "kmem-cache");
		kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
		cache_unmake(cp);
		kmem_cache_release(first);
		assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
		kmem_reset();
		frame_reset();
	}
}

/* --- C1, C2 --- */

static void
C1_the_four_calls_mean_what_they_mean_elsewhere(void **state)
{
	struct kmem_cache *cp = NULL;
	unsigned char *obj[64];

	(void)state;
	assert_int_equal(kmem_cache_create(&cp, "inode", 200, NULL, NULL), 0);
	assert_non_null(cp);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		obj[i] = kmem_cache_alloc(cp, 0);
		assert_non_null(obj[i]);
		memset(obj[i], (int)i, 200);
	}
	assert_int_equal(kmem_cache_destroy(cp), -KMEM_EBUSY);
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++) {
		for (size_t k = 0; k < 200; k++)
			assert_int_equal(obj[i][k], i);
		kmem_cache_free(cp, obj[i]);
	}
	/* The object freed last is warm, so it is the next one. */
	obj[0] = kmem_cache_alloc(cp, 0);
	assert_ptr_equal(obj[0], obj[63]);
	kmem_cache_free(cp, obj[0]);
	assert_int_equal(kmem_cache_destroy(cp), 0);
	assert_null(kmem_cache_find("inode"));
}

static void
C2_flags_of_creation_do_what_they_say(void **state)
{
	static const enum kmem_protect levels[] = { KMEM_FAST, KMEM_CHECKED };
	struct kmem_options later = { .protect = KMEM_DEBUG };
	struct kmem_cache *cp;
	const char *why = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
		struct kmem_options opt = { .flags = KMEM_HWALIGN,
			.protect = levels[i] };
		void *obj[100];

		cp = cache_make("line", 20, &opt);
		assert_int_equal(info_of(cp).flags, KMEM_HWALIGN);
		assert_int_equal(info_of(cp).align, PORT_CACHE_LINE);
		for (size_t k = 0; k < ARRAY_COUNT(obj); k++) {
			obj[k] = kmem_cache_alloc(cp, 0);
			assert_int_equal(
			    (uintptr_t)obj[k] % PORT_CACHE_LINE, 0);
		}
		kmem_cache_free_bulk(cp, ARRAY_COUNT(obj), obj);
		cache_unmake(cp);
	}
	/* Red zones and poison are the level debug, and it says so. */
	assert_int_equal(
	    kmem_cache_create(&cp, "poison", 64, &later, &why), -KMEM_ENOTYET);
	assert_non_null(strstr(why, "not in this version"));
}

/* --- C3: what may wait, or create, is refused in an interrupt --- */

static struct kmem_cache *waits_cache;
static unsigned waits_refused;

/* The call before made exactly one report, of this kind. */
static void
said_so(void)
{
	const struct mm_report *r = host_last_report();

	assert_int_equal(host_report_count(), 1);
	assert_int_equal(r->kind, MM_CONTEXT);
	/* It names the call, not only the fact. */
	assert_non_null(strstr(r->detail, "interrupt"));
	assert_non_null(strstr(r->detail, "kmem_"));
	host_clear_reports();
	waits_refused++;
}

static void
call_what_waits(void *arg)
{
	struct kmem_tune t = { .set_count = true };
	struct kmem_reserve *rp = NULL;
	struct kmem_cache *cp = NULL;
	const char *why = NULL;

	(void)arg;
	assert_int_equal(
	    kmem_cache_create(&cp, "irq", 8, NULL, &why), -KMEM_ECONTEXT);
	assert_non_null(why);
	assert_null(cp);
	said_so();
	assert_int_equal(kmem_cache_destroy(waits_cache), -KMEM_ECONTEXT);
	said_so();
	assert_int_equal(
	    kmem_cache_tune(waits_cache, &t, NULL), -KMEM_ECONTEXT);
	said_so();
	assert_int_equal(kmem_cache_shrink(waits_cache), 0);
	said_so();
	assert_int_equal(kmem_cache_flush(waits_cache, KMEM_ALL_HARTS), 0);
	said_so();
	assert_int_equal(kmem_verify(NULL, NULL, 0), 0);
	said_so();
	assert_int_equal(kmem_cache_prefill(waits_cache, 10), 0);
	said_so();
	assert_int_equal(
	    kmem_reserve_create(&rp, waits_cache, 10), -KMEM_ECONTEXT);
	assert_null(rp);
	said_so();
}

static void
C3_every_call_that_may_wait_says_so_in_an_interrupt(void **state)
{
	uint64_t cached;

	(void)state;
	waits_cache = cache_make("waits", 64, NULL);
	kmem_cache_free(waits_cache, kmem_cache_alloc(waits_cache, 0));
	cached = stats_of(waits_cache).objects_cached;
	waits_refused = 0;
	assert_true(port_hart_call(0, call_what_waits, NULL));
	assert_true(port_hart_call(3, call_what_waits, NULL));
	assert_int_equal(waits_refused, 16);
	/* Refused is refused: nothing was done by halves. */
	assert_int_equal(stats_of(waits_cache).objects_cached, cached);
	cache_unmake(waits_cache);
}

/* --- C4: the worked example of docs/features.md, word for word --- */

/* example begins */
struct task {
	uint64_t state;
	struct task *parent;
	char name[16];
	unsigned char registers[512];
};

/* What every task begins with. Runs once per object, not once per task. */
static int
task_ctor(void *obj, void *arg)
{
	struct task *t = obj;

	(void)arg;
	memset(t, 0, sizeof(*t));
	t->state = 1;
	memcpy(t->name, "new", 4);
	return 0;
}

static struct kmem_cache *tasks;

static int
tasks_init(void)
{
	static const struct kmem_options opt = {
		.ctor = task_ctor,
		.flags = KMEM_HWALIGN,
	};

	return kmem_cache_create(
	    &tasks, "task_struct", sizeof(struct task), &opt, NULL);
}

static struct task *
task_new(struct task *parent)
{
	struct task *t = kmem_cache_alloc(tasks, 0);

	if (t != NULL)
		t->parent = parent;
	return t;
}

/* A task goes back as it came: in the state its constructor left. */
static void
task_end(struct task *t)
{
	t->parent = NULL;
	kmem_cache_free(tasks, t);
}
/* example ends */

static void
C4_a_cache_of_tasks(void **state)
{
	struct task *t[100];

	(void)state;
	assert_int_equal(tasks_init(), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(t); i++) {
			t[i] = task_new(i == 0 ? NULL : t[0]);
			assert_non_null(t[i]);
			assert_int_equal((uintptr_t)t[i] % PORT_CACHE_LINE, 0);
			assert_int_equal(t[i]->state, 1);
			assert_string_equal(t[i]->name, "new");
			assert_ptr_equal(t[i]->parent, i == 0 ? NULL : t[0]);
		}
		for (size_t i = 0; i < ARRAY_COUNT(t); i++)
			task_end(t[i]);
		/* The second hundred finds the first one's state. */
		assert_int_equal(
		    stats_of(tasks).ctor, stats_of(tasks).objects_total);
	}
	cache_unmake(tasks);
}

/* --- D4: nothing that others read is written on the hot path --- */

#define WATCHED_HARTS 4u

struct picture {
	unsigned char cache[sizeof(struct kmem_cache)];
	struct kmem_hart harts[WATCHED_HARTS];
	struct mag_slot slots[WATCHED_HARTS][HOST_SLOTS];
	size_t free_frames;
};

static void
take_picture(struct kmem_cache *cp, struct picture *p)
{
	memset(p, 0, sizeof(*p));
	p->free_frames = frame_free_count();
	memcpy(p->cache, (const void *)cp, sizeof(p->cache));
	memcpy(p->harts, cp->c_harts, sizeof(p->harts));
	for (unsigned h = 0; h < WATCHED_HARTS; h++)
		memcpy(p->slots[h],
		    (const char *)port_slot_base(h) + port_slot_origin(),
		    sizeof(p->slots[h]));
}

static void
D4_A19_T10_the_hot_pair_writes_its_own_slot_only(void **state)
{
	static struct picture before, after;
	struct kmem_cache *cp = cache_make("hot", 64, NULL);
	void *obj[10];

	(void)state;
	for (unsigned h = 0; h < WATCHED_HARTS; h++) {
		mm_host_attach(h);
		kmem_cache_free(cp, kmem_cache_alloc(cp, 0));
	}
	mm_host_attach(1);
	/* Objects at hand, and room: all calls below are hits. */
	for (size_t i = 0; i < ARRAY_COUNT(obj); i++)
		obj[i] = kmem_cache_alloc(cp, 0);
	take_picture(cp, &before);
	for (unsigned i = 0; i < 1000; i++) {
		for (size_t k = 0; k < ARRAY_COUNT(obj); k++)
			kmem_cache_free(cp, obj[k]);
		for (size_t k = 0; k < ARRAY_COUNT(obj); k++)
			obj[k] = kmem_cache_alloc(cp, 0);
	}
	take_picture(cp, &after);
	/* As many out as before: the slot's own word is as it was, too. */
	assert_memory_equal(before.cache, after.cache, sizeof(before.cache));
	assert_memory_equal(before.harts, after.harts, sizeof(before.harts));
	assert_memory_equal(before.slots, after.slots, sizeof(before.slots));
	/* Between the two, one word of this hart's slots differs. */
	kmem_cache_free(cp, obj[0]);
	take_picture(cp, &after);
	assert_memory_equal(before.cache, after.cache, sizeof(before.cache));
	assert_memory_equal(before.harts, after.harts, sizeof(before.harts));
	for (unsigned h = 0; h < WATCHED_HARTS; h++) {
		unsigned words = 0;

		for (unsigned s = 0; s < HOST_SLOTS; s++) {
			words +=
			    before.slots[h][s].top != after.slots[h][s].top;
			words += before.slots[h][s].previous !=
			    after.slots[h][s].previous;
		}
		assert_int_equal(words, h == 1 ? 1 : 0);
	}
	obj[0] = kmem_cache_alloc(cp, 0);
	for (size_t k = 0; k < ARRAY_COUNT(obj); k++)
		kmem_cache_free(cp, obj[k]);
	mm_host_attach(0);
	cache_unmake(cp);
}

static uintptr_t
line_of(const void *p)
{
	return (uintptr_t)p / PORT_CACHE_LINE;
}

static void
D4_A19_T11_no_line_is_written_by_two_harts(void **state)
{
	struct kmem_options counted = { .flags = KMEM_COUNT };
	struct kmem_cache *cp[3];

	(void)state;
	cp[0] = cache_make("a", 64, NULL);
	cp[1] = cache_make("b", 64, &counted);
	cp[2] = cache_make("c", 64, NULL);
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++) {
		/* What every hart reads on a hit lies apart from the locks. */
		assert_int_equal((uintptr_t)cp[c] % PORT_CACHE_LINE, 0);
		assert_int_not_equal(
		    line_of(&cp[c]->c_slot), line_of(&cp[c]->c_slab_lock));
		assert_int_not_equal(
		    line_of(&cp[c]->c_slot), line_of(&cp[c]->c_depot_lock));
		for (unsigned h = 0; h < WATCHED_HARTS; h++) {
			const struct kmem_hart *hc = &cp[c]->c_harts[h];

			assert_int_equal((uintptr_t)hc % PORT_CACHE_LINE, 0);
			assert_int_equal(sizeof(*hc) % PORT_CACHE_LINE, 0);
			if (h == 0)
				continue;
			assert_int_not_equal(line_of(hc), line_of(hc - 1));
			assert_int_not_equal(line_of(port_slot_base(h)),
			    line_of(port_slot_base(h - 1)));
		}
		/* Nor do the arrays of two caches meet in one line. */
		for (size_t k = 0; k < c; k++)
			assert_true(line_of(cp[c]->c_harts) >=
				line_of(cp[k]->c_harts + WATCHED_HARTS) ||
			    line_of(cp[k]->c_harts) >=
				line_of(cp[c]->c_harts + WATCHED_HARTS));
	}
	for (size_t c = 0; c < ARRAY_COUNT(cp); c++)
		cache_unmake(cp[c]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bare_test(B7_low_caches_take_low_frames_or_nothing),
		world_test(B7_a_panic_names_the_cache_that_must_not_fail),
		bare_test(B15_the_first_caches_are_static),
		world_test(C1_the_four_calls_mean_what_they_mean_elsewhere),
		world_test(C2_flags_of_creation_do_what_they_say),
		world_test(C3_every_call_that_may_wait_says_so_in_an_interrupt),
		world_test(C4_a_cache_of_tasks),
		world_test(D4_A19_T10_the_hot_pair_writes_its_own_slot_only),
		world_test(D4_A19_T11_no_line_is_written_by_two_harts),
	};

	return cmocka_run_group_tests_name("rows_b", tests, NULL, NULL);
}
