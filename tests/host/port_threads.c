/* SPDX-License-Identifier: MIT */
/* The port of mm to POSIX threads: each hart is the thread attached to it. */

/*
 * Theory of operation
 *
 * 1. A hart is a mutex. Pinning takes it, so that a pinned section excludes
 *    every port_hart_call function aimed at this hart, which takes it too. A
 *    depth counter of the thread makes pins nest: only the outermost locks.
 *
 * 2. port_hart_call runs its function on the caller's thread with the target's
 *    mutex held, and for that time answers port_hart_self() with the target.
 *    Nobody can tell the difference: what the target's pinned sections write
 *    happens before the function, and the function before the next of them.
 *    ThreadSanitizer sees exactly this order and nothing more, so an access
 *    to a hart's magazines outside a pinned section is a reported race.
 *
 * 3. A caller that holds a pin could wait for a hart that waits for the
 *    caller's: it is stopped with a panic, never with a hang.
 *
 * 4. There are no interrupts. port_hart_call to one's own hart is the nearest
 *    thing, and tests use it as one.
 */

#include "host.h"

#include <mm/host.h>
#include <mm/port.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define UNATTACHED UINT32_MAX

/* One line each, so that a pin writes no other hart's line. */
struct thread_hart {
	_Alignas(PORT_CACHE_LINE) pthread_mutex_t lock;
};

static struct thread_hart harts[HOST_HARTS_MAX];

static _Thread_local unsigned self = UNATTACHED;
static _Thread_local unsigned pins;     /* depth */
static _Thread_local bool in_interrupt; /* running a port_hart_call function */

int
host_port_start(unsigned n)
{
	for (unsigned h = 0; h < n; h++) {
		if (pthread_mutex_init(&harts[h].lock, NULL) != 0)
			return -1;
	}
	self = 0;
	pins = 0;
	in_interrupt = false;
	return 0;
}

void
host_port_stop(void)
{
	unsigned n = port_hart_count();

	/* After a panic that a test expected, a mutex may still be held. */
	for (unsigned h = 0; h < n; h++)
		(void)pthread_mutex_destroy(&harts[h].lock);
	self = UNATTACHED;
	pins = 0;
	in_interrupt = false;
}

void
mm_host_attach(unsigned hart)
{
	if (hart >= port_hart_count())
		port_panic(__FILE__, __LINE__, "no such hart", hart,
		    port_hart_count());
	if (pins != 0)
		port_panic(
		    __FILE__, __LINE__, "attach while pinned", hart, pins);
	self = hart;
}

unsigned
port_hart_self(void)
{
	if (self == UNATTACHED)
		port_panic(__FILE__, __LINE__,
		    "thread uses mm without mm_host_attach", 0, 0);
	return self;
}

unsigned long
port_pin(void)
{
	unsigned long was = pins;

	if (pins == 0)
		(void)pthread_mutex_lock(&harts[port_hart_self()].lock);
	pins++;
	return was;
}

void
port_unpin(unsigned long saved)
{
	if (pins == 0 || saved != pins - 1)
		port_panic(
		    __FILE__, __LINE__, "unpin out of order", saved, pins);
	pins--;
	if (pins == 0)
		(void)pthread_mutex_unlock(&harts[self].lock);
}

bool
port_hart_call(unsigned hart, void (*fn)(void *), void *arg)
{
	unsigned was = port_hart_self();
	bool was_interrupt = in_interrupt;

	if (pins != 0)
		port_panic(__FILE__, __LINE__, "port_hart_call while pinned",
		    hart, pins);
	if (hart >= port_hart_count())
		port_panic(__FILE__, __LINE__, "no such hart", hart,
		    port_hart_count());
	if (host_is_deaf(hart))
		return false;
	(void)pthread_mutex_lock(&harts[hart].lock);
	self = hart;
	pins = 1;
	in_interrupt = true;
	fn(arg);
	if (pins != 1)
		port_panic(__FILE__, __LINE__,
		    "port_hart_call function returned pinned", hart, pins);
	in_interrupt = was_interrupt;
	pins = 0;
	self = was;
	(void)pthread_mutex_unlock(&harts[hart].lock);
	(void)atomic_fetch_add_explicit(&host_hart_calls, 1,
	    memory_order_relaxed); /* a statistic: orders nothing */
	return true;
}

unsigned
host_pins(void)
{
	return in_interrupt ? pins - 1 : pins;
}

bool
port_in_interrupt(void)
{
	return in_interrupt;
}

void
port_pause(void)
{
	(void)sched_yield();
}
