/* SPDX-License-Identifier: MIT */
/* The ring of received bytes: full, empty, wrapped, with losses and drops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After the four above. */
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "console/ring.h"

#define SIZE 16u

static uint8_t memory[SIZE];

static void
empty_ring_gives_nothing(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, memory, SIZE);
	assert_true(ring_is_empty(&r));
	assert_int_equal(ring_get(&r), RING_EMPTY);
}

static void
bytes_come_out_as_they_went_in_across_many_wraps(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, memory, SIZE);
	for (unsigned i = 0; i < 5000; i++) {
		assert_true(ring_put(&r, (uint8_t)i));
		assert_true(ring_put(&r, (uint8_t)(i * 7)));
		assert_int_equal(ring_get(&r), (uint8_t)i);
		assert_int_equal(ring_get(&r), (uint8_t)(i * 7));
	}
	assert_int_equal(ring_get(&r), RING_EMPTY);
}

static void
full_ring_refuses_and_marks_the_place_once(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, memory, SIZE);
	for (unsigned i = 0; i < SIZE - 2; i++)
		assert_true(ring_put(&r, (uint8_t)('a' + i)));
	for (unsigned i = 0; i < 100; i++)
		assert_false(ring_put(&r, 'X'));
	assert_int_equal(r.r_high, SIZE);
	for (unsigned i = 0; i < SIZE - 2; i++)
		assert_int_equal(ring_get(&r), (int)('a' + i));
	assert_int_equal(ring_get(&r), RING_LOSS);
	assert_int_equal(ring_get(&r), RING_EMPTY);
	assert_true(ring_put(&r, 'z'));
	assert_int_equal(ring_get(&r), 'z');
}

static void
second_overflow_gets_its_own_mark(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, memory, SIZE);
	while (ring_put(&r, 'a'))
		;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ring_get(&r), 'a');
	while (ring_put(&r, 'b'))
		;
	for (unsigned i = 0; i < SIZE - 6; i++)
		assert_int_equal(ring_get(&r), 'a');
	assert_int_equal(ring_get(&r), RING_LOSS);
	assert_int_equal(ring_get(&r), 'b');
	assert_int_equal(ring_get(&r), 'b');
	assert_int_equal(ring_get(&r), RING_LOSS);
	assert_int_equal(ring_get(&r), RING_EMPTY);
}

static void
byte_ff_is_not_mistaken_for_a_mark(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, memory, SIZE);
	for (unsigned i = 0; i < 100; i++) {
		assert_true(ring_put(&r, 0xff));
		assert_true(ring_put(&r, 0x01));
		ring_mark_loss(&r);
		assert_true(ring_put(&r, 0xff));
		assert_int_equal(ring_get(&r), 0xff);
		assert_int_equal(ring_get(&r), 0x01);
		assert_int_equal(ring_get(&r), RING_LOSS);
		assert_int_equal(ring_get(&r), 0xff);
		assert_int_equal(ring_get(&r), RING_EMPTY);
	}
}

static void
mark_without_room_is_served_by_the_mark_before_it(void **state)
{
	struct ring r;
	int marks = 0, c;

	(void)state;
	ring_init(&r, memory, SIZE);
	while (ring_put(&r, 'a'))
		;
	ring_mark_loss(&r);
	ring_mark_loss(&r);
	while ((c = ring_get(&r)) != RING_EMPTY)
		marks += c == RING_LOSS;
	assert_int_equal(marks, 1);
}

static void
drop_takes_what_came_before_it_and_nothing_else(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, memory, SIZE);
	ring_put(&r, 'a');
	ring_put(&r, 'b');
	ring_drop(&r, ring_put_position(&r));
	ring_put(&r, 'c');
	assert_int_equal(ring_get(&r), RING_DROPPED);
	assert_int_equal(ring_get(&r), 'c');
	assert_int_equal(ring_get(&r), RING_EMPTY);
}

static void
drop_of_what_has_been_read_already_loses_nothing(void **state)
{
	struct ring r;
	size_t position;

	(void)state;
	ring_init(&r, memory, SIZE);
	ring_put(&r, 'a');
	position = ring_put_position(&r);
	ring_put(&r, 'b');
	assert_int_equal(ring_get(&r), 'a');
	assert_int_equal(ring_get(&r), 'b');
	ring_put(&r, 'c');
	ring_drop(&r, position);
	assert_int_equal(ring_get(&r), RING_DROPPED);
	assert_int_equal(ring_get(&r), 'c');
}

/* Every byte or its mark: with two threads, under the address sanitizer. */
#define STREAM 100000u

static void *
produce(void *arg)
{
	struct ring *r = arg;

	for (unsigned i = 0; i < STREAM; i++)
		while (!ring_put(r, (uint8_t)i))
			sched_yield();
	return NULL;
}

static void
producer_and_consumer_in_two_threads_agree(void **state)
{
	struct ring r;
	pthread_t thread;
	unsigned next = 0;

	(void)state;
	ring_init(&r, memory, SIZE);
	assert_int_equal(pthread_create(&thread, NULL, produce, &r), 0);
	while (next < STREAM) {
		int c = ring_get(&r);

		if (c >= 0)
			assert_int_equal(c, (uint8_t)next++);
		else if (c == RING_EMPTY)
			sched_yield();
	}
	pthread_join(thread, NULL);
	while (ring_get(&r) != RING_EMPTY)
		;
	assert_true(ring_is_empty(&r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_ring_gives_nothing),
		cmocka_unit_test(
		    bytes_come_out_as_they_went_in_across_many_wraps),
		cmocka_unit_test(full_ring_refuses_and_marks_the_place_once),
		cmocka_unit_test(second_overflow_gets_its_own_mark),
		cmocka_unit_test(byte_ff_is_not_mistaken_for_a_mark),
		cmocka_unit_test(
		    mark_without_room_is_served_by_the_mark_before_it),
		cmocka_unit_test(
		    drop_takes_what_came_before_it_and_nothing_else),
		cmocka_unit_test(
		    drop_of_what_has_been_read_already_loses_nothing),
		cmocka_unit_test(producer_and_consumer_in_two_threads_agree),
	};

	return cmocka_run_group_tests_name("console ring", tests, NULL, NULL);
}
