/* SPDX-License-Identifier: MIT */
/*
 * The log. Its state is the machine's, one and for good, so the tests are a
 * sequence: each leaves a shown ring behind, and the panic comes last.
 */
#include "tests/unit/kernel_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <kernel/io.h>
#include <kernel/klog.h>
#include <kernel/lock.h>

/* The lock of the kernel is a mutex here; `stuck` is a hart that died in it. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint held;
static bool stuck;

unsigned long
klock_acquire(struct klock *l)
{
	(void)l;
	assert_false(stuck);
	(void)pthread_mutex_lock(&mutex);
	assert_int_equal(atomic_fetch_add(&held, 1), 0);
	return 1;
}

void
klock_release(struct klock *l, unsigned long irq)
{
	(void)l;
	assert_int_equal(irq, 1);
	assert_int_equal(atomic_fetch_sub(&held, 1), 1);
	(void)pthread_mutex_unlock(&mutex);
}

bool
klock_try(struct klock *l, unsigned long *irq)
{
	(void)l;
	*irq = 1;
	if (stuck || pthread_mutex_trylock(&mutex) != 0)
		return false;
	assert_int_equal(atomic_fetch_add(&held, 1), 0);
	return true;
}

struct text {
	size_t n;
	char bytes[1 << 20];
};

static struct text sunk, firmware;
static pthread_mutex_t sunk_mutex = PTHREAD_MUTEX_INITIALIZER;

static void
text_add(struct text *t, const char *text, size_t n)
{
	assert_true(n < sizeof(t->bytes) - t->n);
	memcpy(t->bytes + t->n, text, n);
	t->n += n;
	t->bytes[t->n] = '\0';
}

void
io_firmware_putchar(char c)
{
	text_add(&firmware, &c, 1);
}

/* The lock of the log must not be held while the sink works. */
static void
sink(const char *text, size_t n)
{
	(void)pthread_mutex_lock(&sunk_mutex);
	text_add(&sunk, text, n);
	(void)pthread_mutex_unlock(&sunk_mutex);
}

static void
quiet_sink(const char *text, size_t n)
{
	assert_int_equal(atomic_load(&held), 0);
	sink(text, n);
}

static void
forget(void)
{
	sunk.n = 0;
	sunk.bytes[0] = '\0';
}

static uint64_t now_ns;

static uint64_t
clock_ns(void)
{
	return now_ns;
}

static char *
read_all(size_t n)
{
	static char *copy;

	free(copy);
	copy = malloc(n + 1);
	assert_non_null(copy);
	n = klog_read(copy, n);
	copy[n] = '\0';
	return copy;
}

static void
klog_lines_wait_for_the_sink(void **state)
{
	static const char want[] = "[    0.000000] one 1\n"
				   "[    0.012345] warning: two two\n"
				   "[12345.678901] error: three\n";

	(void)state;
	klog(KLOG_INFO, "one %d", 1);
	klog_set_clock(clock_ns);
	now_ns = 12345678;
	klog(KLOG_WARN, "two %s", "two");
	klog(KLOG_DEBUG, "hidden");
	now_ns = 12345678901234;
	klog(KLOG_ERROR, "three");
	klog_raw("lost", 4);
	assert_int_equal(sunk.n, 0);
	klog_set_sink(quiet_sink);
	assert_string_equal(sunk.bytes, want);
	/* Another sink does not get them again; the ring has them still. */
	forget();
	klog_set_sink(NULL);
	klog_set_sink(quiet_sink);
	assert_int_equal(sunk.n, 0);
	assert_non_null(strstr(read_all(KLOG_RING), "] hidden\n"));
	now_ns = 0;
	klog(KLOG_INFO, "four");
	assert_string_equal(sunk.bytes, "[    0.000000] four\n");
}

static void
klog_level_hides_lines_from_the_sink_only(void **state)
{
	(void)state;
	forget();
	klog_set_level(KLOG_WARN);
	klog(KLOG_INFO, "info hidden");
	klog(KLOG_WARN, "warn shown");
	klog_set_level(KLOG_DEBUG);
	klog(KLOG_DEBUG, "debug shown");
	klog_set_level(KLOG_INFO);
	assert_string_equal(sunk.bytes,
	    "[    0.000000] warning: warn shown\n"
	    "[    0.000000] debug shown\n");
	assert_non_null(strstr(read_all(KLOG_RING), "info hidden"));
}

static void
klog_text_cannot_steer_a_terminal(void **state)
{
	(void)state;
	forget();
	klog(KLOG_INFO,
	    "a\033[2Jb\rc\x7f"
	    "d\te\n");
	klog(KLOG_INFO, "two\nlines\n\n");
	klog(KLOG_INFO, "\xc3\xa4%s", "");
	assert_string_equal(sunk.bytes,
	    "[    0.000000] a?[2Jb?c?d?e\n"
	    "[    0.000000] two?lines?\n"
	    "[    0.000000] \xc3\xa4\n");
}

static void
klog_long_lines_are_cut(void **state)
{
	char *text = malloc(100001);
	const char *end;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 100000);
	text[100000] = '\0';
	forget();
	klog(KLOG_INFO, "%s", text);
	klog(KLOG_INFO, "next");
	end = strchr(sunk.bytes, '\n');
	assert_non_null(end);
	assert_int_equal(end - sunk.bytes, 15 + 1000);
	assert_string_equal(end, "\n[    0.000000] next\n");
	free(text);
}

/* 16 KiB are kept: the newest, in whole lines. */
static void
klog_ring_keeps_the_newest_whole_lines(void **state)
{
	char want[32];
	char *copy;
	unsigned first;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		klog(KLOG_INFO, "line %04u", i);
	copy = read_all(2 * KLOG_RING);
	assert_true(strlen(copy) <= KLOG_RING);
	assert_true(strlen(copy) > KLOG_RING / 26 * 25 - 100);
	assert_int_equal(sscanf(copy, "[    0.000000] line %4u", &first), 1);
	for (unsigned i = first; i < 5000; i++) {
		(void)snprintf(
		    want, sizeof(want), "[    0.000000] line %04u\n", i);
		assert_memory_equal(copy, want, 25);
		copy += 25;
	}
	assert_int_equal(*copy, '\0');
	/* Less room: the newest lines that fit. */
	for (size_t n = 0; n < 200; n++) {
		copy = read_all(n);
		assert_int_equal(strlen(copy) % 25, 0);
		assert_true(strlen(copy) <= n);
		if (n >= 26)
			assert_non_null(strstr(copy, "line 4999\n"));
	}
}

/* Lines that nobody could see in time are not passed over in silence. */
static void
klog_lost_lines_are_counted(void **state)
{
	unsigned lost, first;

	(void)state;
	klog_set_sink(NULL);
	for (unsigned i = 0; i < 2000; i++)
		klog(KLOG_INFO, "line %04u", i);
	forget();
	klog_set_sink(quiet_sink);
	assert_int_equal(sscanf(sunk.bytes,
			     "[klog] %u lines were overwritten before they "
			     "could be shown\n[    0.000000] line %4u",
			     &lost, &first),
	    2);
	assert_int_equal(lost, first);
	assert_true(first > 1000 && first < 2000);
	assert_non_null(strstr(sunk.bytes, "line 1999\n"));
}

/* What a sink logs is shown after what it is showing, not inside it. */
static void
logging_sink(const char *text, size_t n)
{
	static unsigned depth;

	assert_int_equal(depth, 0);
	depth++;
	if (n > 5 && memcmp(text + n - 6, "outer\n", 6) == 0)
		klog(KLOG_INFO, "inner");
	sink(text, n);
	depth--;
}

static void
klog_from_inside_the_sink_comes_after(void **state)
{
	(void)state;
	forget();
	klog_set_sink(logging_sink);
	klog(KLOG_INFO, "outer");
	klog_set_sink(quiet_sink);
	assert_string_equal(
	    sunk.bytes, "[    0.000000] outer\n[    0.000000] inner\n");
}

static void
klog_printf_and_raw_go_straight_through(void **state)
{
	char *text = malloc(1001);

	(void)state;
	assert_non_null(text);
	memset(text, 'y', 1000);
	text[1000] = '\0';
	forget();
	klog_printf("%d\033[0m\n", 7);
	klog_raw("raw", 3);
	assert_string_equal(sunk.bytes, "7\033[0m\nraw");
	assert_null(strstr(read_all(KLOG_RING), "raw"));
	forget();
	klog_printf("%s", text); /* longer than a piece */
	assert_string_equal(sunk.bytes, text);
	klog_printf("%s", "");
	free(text);
}

#define THREADS 4u
#define LINES   2000u

static void *
log_lines(void *arg)
{
	const unsigned *who = arg;

	for (unsigned i = 0; i < LINES; i++)
		klog(KLOG_INFO, "thread %u line %u %.*s", *who, i,
		    (int)(i % 64),
		    "a tail of a length that changes from line "
		    "to line to line to line");
	return NULL;
}

/* Every line whole, each thread's in order, none twice; lost ones counted. */
static void
klog_lines_of_many_harts_come_out_whole(void **state)
{
	unsigned ids[THREADS], next[THREADS] = { 0 };
	unsigned seen = 0, lost = 0, n;
	pthread_t threads[THREADS];

	(void)state;
	forget();
	klog_set_sink(sink);
	for (unsigned i = 0; i < THREADS; i++) {
		ids[i] = i;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, log_lines, &ids[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	klog_flush();
	for (char *line = strtok(sunk.bytes, "\n"); line != NULL;
	     line = strtok(NULL, "\n")) {
		unsigned who, i;

		if (sscanf(line, "[klog] %u lines were", &n) == 1) {
			lost += n;
			continue;
		}
		assert_int_equal(
		    sscanf(line, "[    0.000000] thread %u line %u", &who, &i),
		    2);
		assert_true(who < THREADS && i >= next[who] && i < LINES);
		next[who] = i + 1;
		seen++;
	}
	assert_int_equal(seen + lost, THREADS * LINES);
	assert_true(seen > 0);
}

/* A hart died with the lock; there is no sink: the firmware gets it all. */
static void
klog_panic_waits_for_nothing(void **state)
{
	(void)state;
	assert_false(klog_in_panic());
	klog_set_sink(NULL);
	klog(KLOG_INFO, "before");
	stuck = true;
	klog_panic_mode();
	assert_true(klog_in_panic());
	klog(KLOG_ERROR, "the end");
	klog_raw("raw", 3);
	assert_string_equal(firmware.bytes,
	    "[    0.000000] before\n[    0.000000] error: the end\nraw");
	forget();
	klog_set_sink(sink);
	klog(KLOG_ERROR, "with a sink");
	assert_string_equal(sunk.bytes, "[    0.000000] error: with a sink\n");
	assert_non_null(strstr(read_all(KLOG_RING), "with a sink"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(klog_lines_wait_for_the_sink),
		cmocka_unit_test(klog_level_hides_lines_from_the_sink_only),
		cmocka_unit_test(klog_text_cannot_steer_a_terminal),
		cmocka_unit_test(klog_long_lines_are_cut),
		cmocka_unit_test(klog_ring_keeps_the_newest_whole_lines),
		cmocka_unit_test(klog_lost_lines_are_counted),
		cmocka_unit_test(klog_from_inside_the_sink_comes_after),
		cmocka_unit_test(klog_printf_and_raw_go_straight_through),
		cmocka_unit_test(klog_lines_of_many_harts_come_out_whole),
		cmocka_unit_test(klog_panic_waits_for_nothing),
	};

	return cmocka_run_group_tests_name("klog", tests, NULL, NULL);
}
