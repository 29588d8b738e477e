/* SPDX-License-Identifier: MIT */
/*
 * Time and one-shot timers.
 *
 * Theory of operation
 * 1. Each hart has a list of its armed timers, earliest first, touched only by
 *    that hart with interrupts off. The firmware is asked for an interrupt at
 *    the head's time, and only when that time has changed.
 * 2. Deadlines are rounded up to ticks, so that a timer never runs before
 *    time_ns() has passed its deadline.
 * 3. There is no periodic tick: a hart with nothing armed is not interrupted.
 */
#include <stddef.h>

#include <arch/csr.h>
#include <arch/sbi.h>
#include <arch/time.h>
#include <kernel/panic.h>
#include <kernel/platform.h>
#include <kernel/time.h>

#include "kernel_impl.h"

#define NS_PER_S    1000000000ull
#define RUN_AT_ONCE 64u /* expired timers per interrupt */
#define NEVER       UINT64_MAX

static uint64_t hz = 10000000;
static uint64_t ns_per_tick; /* 0: not a whole number */
static bool instret_exact, harts_take_turns;

static struct {
	struct ktimer *head;
	uint64_t programmed; /* ticks asked for; 0: nothing yet */
} per_hart[PLATFORM_HARTS_MAX];

static uint64_t
ticks_to_ns(uint64_t t)
{
	if (ns_per_tick != 0)
		return t * ns_per_tick;
	return t / hz * NS_PER_S + t % hz * NS_PER_S / hz;
}

/* First tick at which ticks_to_ns is not below ns. */
static uint64_t
ns_to_ticks(uint64_t ns)
{
	if (ns == NEVER)
		return NEVER;
	if (ns_per_tick != 0)
		return ns / ns_per_tick + (ns % ns_per_tick != 0);
	return ns / NS_PER_S * hz + ns % NS_PER_S * hz / NS_PER_S + 1;
}

void
time_init(uint64_t timebase_hz)
{
	hz = timebase_hz;
	ns_per_tick = NS_PER_S % hz == 0 ? NS_PER_S / hz : 0;
	instret_exact = time_instret_probe();
#ifdef QUARRY_TEST_HARDWARE
	instret_exact = true; /* as hardware says; here it is host time */
#endif
	harts_take_turns = instret_exact && time_cycle_counts_instructions();
}

uint64_t
time_ns(void)
{
	return ticks_to_ns(csr_time());
}

uint64_t
time_uptime_ns(void)
{
	return ticks_to_ns(csr_time() - boot_entry_time());
}

uint64_t
time_timebase_hz(void)
{
	return hz;
}

uint64_t
time_cycles(void)
{
	return csr_cycle();
}

uint64_t
time_instret(void)
{
	return csr_instret();
}

bool
time_instret_is_exact(void)
{
	return instret_exact;
}

bool
time_harts_take_turns(void)
{
	return harts_take_turns;
}

/* Interrupts off. */
static void
program(unsigned self)
{
	struct ktimer *head = per_hart[self].head;
	uint64_t want =
	    head == NULL ? NEVER : ns_to_ticks(head->kt_deadline_ns);

	if (want == per_hart[self].programmed)
		return;
	per_hart[self].programmed = want;
	sbi_set_timer(want);
}

static void
unlink_timer(unsigned self, struct ktimer *t)
{
	struct ktimer **at = &per_hart[self].head;

	while (*at != t) {
		KASSERT(*at != NULL); /* armed on another hart */
		at = &(*at)->kt_next;
	}
	*at = t->kt_next;
	t->kt_armed = false;
}

void
timer_start(
    struct ktimer *t, uint64_t deadline_ns, void (*fn)(void *), void *arg)
{
	unsigned long irq = csr_irq_save();
	unsigned self = hart_self()->h_index;
	struct ktimer **at;

	if (t->kt_armed)
		unlink_timer(self, t);
	t->kt_deadline_ns = deadline_ns;
	t->kt_fn = fn;
	t->kt_arg = arg;
	at = &per_hart[self].head;
	while (*at != NULL && (*at)->kt_deadline_ns <= deadline_ns)
		at = &(*at)->kt_next;
	t->kt_next = *at;
	*at = t;
	t->kt_armed = true;
	program(self);
	csr_irq_restore(irq);
}

void
timer_cancel(struct ktimer *t)
{
	unsigned long irq = csr_irq_save();
	unsigned self = hart_self()->h_index;

	if (t->kt_armed) {
		unlink_timer(self, t);
		program(self);
	}
	csr_irq_restore(irq);
}

void
time_interrupt(void)
{
	unsigned self = hart_self()->h_index;
	uint64_t now = time_ns();

	per_hart[self].programmed = 0; /* spent, and still pending */
	for (unsigned i = 0; i < RUN_AT_ONCE; i++) {
		struct ktimer *t = per_hart[self].head;

		if (t == NULL || t->kt_deadline_ns > now)
			break;
		unlink_timer(self, t);
		t->kt_fn(t->kt_arg);
	}
	program(self); /* also clears the pending interrupt */
}

void
time_doze(uint64_t ns)
{
	sbi_set_timer(csr_time() + ns_to_ticks(ns));
	csr_sie_set(IRQ_TIMER);
	csr_wfi();
}
