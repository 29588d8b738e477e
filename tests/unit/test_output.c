/* SPDX-License-Identifier: MIT */
/*
 * Output of four harts at once, as threads, under ThreadSanitizer: no byte
 * lost, no line broken, each hart's lines in order; with a reader that shows
 * an edit line again and again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After the four above. */
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <console/console.h>
#include <kernel/io.h>
#include <kernel/irq.h>
#include <kernel/klog.h>
#include <kernel/lock.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/waitq.h>

#include "console/console_impl.h"

#define HARTS 4u
#define LINES 4000u

/* --- the kernel, as threads ---------------------------------------------- */

static _Thread_local unsigned self;
static pthread_mutex_t wake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

unsigned
smp_hart_self(void)
{
	return self;
}

bool
smp_in_interrupt(void)
{
	return false;
}

bool
klog_in_panic(void)
{
	return false;
}

unsigned long
irq_save(void)
{
	return 1;
}

void
irq_restore(unsigned long state)
{
	(void)state;
}

unsigned long
klock_acquire(struct klock *l)
{
	while (
	    atomic_exchange_explicit(&l->kl_held, 1, memory_order_acquire) != 0)
		sched_yield();
	return 1;
}

void
klock_release(struct klock *l, unsigned long irq)
{
	(void)irq;
	atomic_store_explicit(&l->kl_held, 0, memory_order_release);
}

bool
klock_try(struct klock *l, unsigned long *irq)
{
	*irq = klock_acquire(l);
	return true;
}

void
io_firmware_putchar(char c)
{
	(void)c;
}

uint64_t
time_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Lines are whole long before 30 ms have passed, or the test is void. */
void
timer_start(struct ktimer *t, uint64_t deadline, void (*fn)(void *), void *arg)
{
	(void)deadline;
	(void)fn;
	(void)arg;
	t->kt_armed = true;
}

void
timer_cancel(struct ktimer *t)
{
	t->kt_armed = false;
}

/* As kernel/waitq.c promises: a wake between test and sleep is not lost. */
bool
waitq_wait(struct waitq *wq, bool (*cond)(void *), bool (*stop)(void *),
    void *arg, uint64_t deadline)
{
	bool met;

	(void)wq;
	(void)stop;
	pthread_mutex_lock(&wake_lock);
	while (!(met = cond(arg)) && time_ns() < deadline) {
		/* Long: a wake that does not come is seen as slowness. */
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 1;
		(void)pthread_cond_timedwait(&wake, &wake_lock, &until);
	}
	pthread_mutex_unlock(&wake_lock);
	return met;
}

void
waitq_wake(struct waitq *wq)
{
	(void)wq;
	pthread_mutex_lock(&wake_lock);
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&wake_lock);
}

static struct waitq reader_wq;

void
input_wake(void)
{
	waitq_wake(&reader_wq);
}

void
input_service(void)
{
}

/* --- the device: plain memory, so that two owners at once are a race ------ */

static char sent[HARTS * LINES * 64];
static size_t n_sent;

static size_t
device_put(struct uart *u, const uint8_t *bytes, size_t n)
{
	static unsigned calls;
	size_t most = n < 16 ? n : 16;

	(void)u;
	if (++calls % 3 == 0)
		return 0; /* the FIFO is full for a while */
	assert_true(n_sent + most < sizeof(sent));
	memcpy(sent + n_sent, bytes, most);
	n_sent += most;
	return most;
}

static bool
device_is_idle(struct uart *u)
{
	(void)u;
	return true;
}

static const struct uart_ops ops = { .uo_put = device_put,
	.uo_is_idle = device_is_idle };
static struct uart uart = { .u_ops = &ops };

/* --- the harts ------------------------------------------------------------ */

static void *
print_lines(void *arg)
{
	char text[64];

	self = (unsigned)(uintptr_t)arg;
	for (unsigned i = 0; i < LINES; i++) {
		int n = snprintf(text, sizeof(text), "hart %u ", self);

		console_write(text, (size_t)n);
		n = snprintf(text, sizeof(text), "line %u of many\n", i);
		if (i % 3 == 0) {
			console_write(text, 4);
			console_write(text + 4, (size_t)n - 4);
		} else {
			console_write(text, (size_t)n);
		}
		if (i % 64 == 0)
			output_log("log line\n", 9);
	}
	return NULL;
}

static _Atomic bool reading;

static bool
something(void *arg)
{
	(void)arg;
	return output_waits() ||
	    !atomic_load_explicit(&reading, memory_order_seq_cst);
}

/* Hart 0's thread: shows an edit line, prints what waits, hides it. */
static void *
read_lines(void *arg)
{
	(void)arg;
	self = 0;
	while (atomic_load_explicit(&reading, memory_order_seq_cst)) {
		output_edit_begin();
		for (unsigned i = 0; i < 20; i++) {
			output_edit_emit(NULL, "EDIT\r\n", 6);
			(void)waitq_wait(&reader_wq, something, NULL, NULL,
			    time_ns() + 100000000u);
			output_show_waiting();
		}
		output_edit_end();
	}
	return NULL;
}

/* Of the harts `first` and above every line is there. */
static void
check_lines(unsigned first)
{
	unsigned next[HARTS] = { 0 }, logs = 0, hart, line;
	char *at = sent, *end;

	sent[n_sent] = '\0';
	for (; *at != '\0'; at = end + 2) {
		end = strstr(at, "\r\n");
		assert_non_null(end);
		*end = '\0';
		if (strcmp(at, "EDIT") == 0)
			continue;
		if (strcmp(at, "log line") == 0) {
			logs++;
			continue;
		}
		if (sscanf(at, "hart %u line %u of many", &hart, &line) != 2)
			fail_msg("a broken line: \"%s\"", at);
		assert_in_range(hart, 0, HARTS - 1);
		assert_int_equal(line, next[hart]);
		next[hart]++;
	}
	for (unsigned i = first; i < HARTS; i++)
		assert_int_equal(next[i], LINES);
	assert_int_equal(logs, (HARTS - first) * ((LINES + 63) / 64));
}

static void
I2_5_lines_of_four_harts_come_out_whole_and_in_order(void **state)
{
	pthread_t threads[HARTS];

	(void)state;
	n_sent = 0;
	output_init(&uart);
	for (uintptr_t i = 0; i < HARTS; i++)
		pthread_create(&threads[i], NULL, print_lines, (void *)i);
	for (unsigned i = 0; i < HARTS; i++)
		pthread_join(threads[i], NULL);
	console_drain();
	assert_false(output_waits());
	check_lines(0);
}

static void
I2_5_lines_come_out_whole_beside_an_edit_line(void **state)
{
	pthread_t threads[HARTS];

	(void)state;
	n_sent = 0;
	atomic_store_explicit(&reading, true, memory_order_seq_cst);
	pthread_create(&threads[0], NULL, read_lines, NULL);
	for (uintptr_t i = 1; i < HARTS; i++)
		pthread_create(&threads[i], NULL, print_lines, (void *)i);
	for (unsigned i = 1; i < HARTS; i++)
		pthread_join(threads[i], NULL);
	atomic_store_explicit(&reading, false, memory_order_seq_cst);
	input_wake();
	pthread_join(threads[0], NULL);
	console_drain();
	assert_false(output_waits());
	check_lines(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    I2_5_lines_of_four_harts_come_out_whole_and_in_order),
		cmocka_unit_test(I2_5_lines_come_out_whole_beside_an_edit_line),
	};

	return cmocka_run_group_tests_name("console output", tests, NULL, NULL);
}
