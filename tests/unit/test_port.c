/* SPDX-License-Identifier: MIT */
/* The port to threads, against the promises of docs/porting.md. */

#include "tests/unit/mm_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <mm/mag.h>

static void
pins_nest_and_undo_in_order(void **state)
{
	unsigned long a = port_pin(), b = port_pin(), c = port_pin();

	(void)state;
	assert_int_equal(host_pins(), 3);
	port_unpin(c);
	port_unpin(b);
	port_unpin(a);
	/* Free again: the call would wait for ever otherwise. */
	a = port_pin();
	port_unpin(a);
}

static void
unpin_twice(void *arg)
{
	unsigned long a = port_pin();

	(void)arg;
	port_unpin(a);
	port_unpin(a);
}

static void
unpin_crossed(void *arg)
{
	unsigned long a = port_pin(), b = port_pin();

	(void)arg;
	port_unpin(a);
	port_unpin(b);
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
call_while_pinned(void *arg)
{
	unsigned long a = port_pin();

	(void)port_hart_call(1, nothing, arg);
	port_unpin(a);
}

static void
attach_nowhere(void *arg)
{
	(void)arg;
	mm_host_attach(99);
}

static void
misuse_of_the_port_is_a_panic_not_a_hang(void **state)
{
	static void (*const wrong[])(void *) = { unpin_twice, unpin_crossed,
		call_while_pinned, attach_nowhere };
	const char *what;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		assert_true(host_panics(wrong[i], NULL, &what));
		assert_non_null(what);
		(void)bare_teardown(state);
		assert_int_equal(bare_setup(state), 0);
	}
	assert_false(host_panics(nothing, NULL, &what));
}

struct seen {
	unsigned hart, runs;
	bool in_interrupt, pins_nest;
};

static void
see(void *arg)
{
	struct seen *s = arg;
	unsigned long pin = port_pin();

	s->hart = port_hart_self();
	s->in_interrupt = port_in_interrupt();
	s->runs++;
	port_unpin(pin);
	s->pins_nest = true;
}

static void
a_call_runs_once_as_its_target(void **state)
{
	(void)state;
	for (unsigned h = 0; h < port_hart_count(); h++) {
		struct seen s = { .hart = 77 };

		assert_true(port_hart_call(h, see, &s));
		assert_int_equal(s.hart, h);
		assert_int_equal(s.runs, 1);
		assert_true(s.in_interrupt);
		assert_true(s.pins_nest);
		assert_int_equal(port_hart_self(), 0);
		assert_false(port_in_interrupt());
	}
}

static void
a_deaf_harts_function_never_runs(void **state)
{
	struct seen s = { .hart = 77 };

	(void)state;
	host_set_deaf(2, true);
	assert_false(port_hart_call(2, see, &s));
	assert_int_equal(s.runs, 0);
	host_set_deaf(2, false);
	assert_true(port_hart_call(2, see, &s));
	assert_int_equal(s.runs, 1);
}

/* Hart 1 counts in pinned sections, without atomics; hart 0 calls. */
static struct {
	_Atomic bool stop;
	uint64_t a, b; /* equal outside pinned sections */
	uint64_t unequal, calls;
} pair;

static void *
pinned_writer(void *arg)
{
	(void)arg;
	mm_host_attach(1);
	while (!atomic_load(&pair.stop)) {
		unsigned long pin = port_pin();

		pair.a++;
		for (volatile unsigned i = 0; i < 50; i++)
			continue;
		pair.b++;
		port_unpin(pin);
	}
	return NULL;
}

static void
compare(void *arg)
{
	(void)arg;
	pair.unequal += pair.a != pair.b;
	pair.calls++;
}

static void
calls_and_pinned_sections_exclude_each_other(void **state)
{
	pthread_t writer;
	uint64_t written;

	(void)state;
	memset(&pair, 0, sizeof(pair));
	assert_int_equal(pthread_create(&writer, NULL, pinned_writer, NULL), 0);
	for (unsigned i = 0; i < 20000; i++)
		assert_true(port_hart_call(1, compare, NULL));
	do {
		assert_true(port_hart_call(1, compare, NULL));
		written = pair.b;
	} while (written == 0);
	atomic_store(&pair.stop, true);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(pair.unequal, 0);
	assert_true(pair.calls > 20000);
	assert_true(pair.a > 0);
}

/* Two harts that call each other must both get through. */
static void *
caller(void *arg)
{
	unsigned self = *(unsigned *)arg;
	struct seen s = { .hart = 0 };

	mm_host_attach(self);
	for (unsigned i = 0; i < 20000; i++) {
		if (!port_hart_call(1 - self, see, &s))
			break;
	}
	return (void *)(uintptr_t)s.runs;
}

static void
harts_that_call_each_other_do_not_deadlock(void **state)
{
	unsigned self[2] = { 0, 1 };
	pthread_t id[2];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    pthread_create(&id[i], NULL, caller, &self[i]), 0);
	for (size_t i = 0; i < 2; i++) {
		void *runs;

		assert_int_equal(pthread_join(id[i], &runs), 0);
		assert_int_equal((uintptr_t)runs, 20000);
	}
}

static void
slots_are_apart_and_aligned(void **state)
{
	size_t bytes = port_slot_count() * sizeof(struct mag_slot);

	(void)state;
	assert_true(port_slot_count() >= 64);
	for (unsigned h = 0; h < port_hart_count(); h++) {
		unsigned char *p = port_slot_base(h);

		p += port_slot_origin();
		assert_int_equal((uintptr_t)p % sizeof(struct mag_slot), 0);
		memset(p, (int)h + 1, bytes);
	}
	for (unsigned h = 0; h < port_hart_count(); h++) {
		unsigned char *p = port_slot_base(h);

		p += port_slot_origin();
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(p[i], h + 1);
	}
}

static void
init_may_follow_fini(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 20; i++) {
		mm_host_fini();
		assert_int_equal(mm_host_init((size_t)i << 20, i), 0);
		assert_int_equal(port_hart_count(), i);
		assert_int_equal(mm_host_init((size_t)i << 20, i), -1);
		kfree(kmalloc(100, 0));
	}
	mm_host_fini();
	assert_int_equal(mm_host_init(0, 1), -1);
	assert_int_equal(mm_host_init(1 << 20, 0), -1);
	assert_int_equal(mm_host_init(1 << 20, HOST_HARTS_MAX + 1), -1);
	assert_int_equal(mm_host_init(SIZE_MAX / 2, 1), -1);
	assert_int_equal(mm_host_init(1 << 20, 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bare_test(pins_nest_and_undo_in_order),
		bare_test(misuse_of_the_port_is_a_panic_not_a_hang),
		bare_test(a_call_runs_once_as_its_target),
		bare_test(a_deaf_harts_function_never_runs),
		bare_test(calls_and_pinned_sections_exclude_each_other),
		bare_test(harts_that_call_each_other_do_not_deadlock),
		bare_test(slots_are_apart_and_aligned),
		bare_test(init_may_follow_fini),
	};

	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
