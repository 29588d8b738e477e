/* SPDX-License-Identifier: MIT */
/*
 * Harts: calls from one to another, work, sleep.
 *
 * Theory of operation
 * 1. Mailbox. Each hart has one request, for it waits for the answer before
 *    it makes another. To call, it fills its request, publishes the state
 *    "posted to hart t", sets its own bit in t's pending mask and sends an IPI.
 *    Nothing is linked into lists and nothing is ever freed, so a hart that
 *    comes late finds no stale memory: only a state that does not name it.
 * 2. The receiver clears SSIP first and takes the mask afterwards: a bit that
 *    is set later comes with an IPI that is still pending. It takes a request
 *    by moving its state from posted to running; the caller gives up by moving
 *    it from posted to free. Exactly one of the two succeeds.
 * 3. The caller sleeps in wfi with interrupts on, so two harts that call each
 *    other serve each other. The function runs in interrupt context, hence
 *    outside pinned sections, and by the rule of arch/riscv/mag.S never between
 *    the steps of a hot pair operation.
 * 4. Sleep. h_wakes counts the interrupts of a hart. smp_sleep(seen) turns
 *    interrupts off, compares, and only then executes wfi, which wakes for
 *    pending interrupts also when they are off: no wake-up is lost.
 * 5. Work is a list per hart under a lock; the secondary's thread is the loop
 *    that takes from it. Hart 0's thread is the console and takes none.
 */
#include <stdatomic.h>

#include <arch/csr.h>
#include <arch/sbi.h>
#include <kernel/klog.h>
#include <kernel/lock.h>
#include <kernel/panic.h>
#include <kernel/smp.h>
#include <kernel/time.h>

#include "kernel_impl.h"
#include "smp_impl.h"

#define CALL_TIMEOUT_NS 5000000000ull

/* rq_state: the phase in the low two bits, target + 1 above. */
enum { FREE, POSTED, RUNNING, DONE };

struct smp_hart smp_harts[PLATFORM_HARTS_MAX];
unsigned smp_n_harts = 1;

static _Atomic(void (*)(void)) idle_fn;
static atomic_bool stopping;
static atomic_uint stopped;

static struct smp_hart *
self_hart(void)
{
	return &smp_harts[hart_self()->h_index];
}

static void
count(_Atomic uint64_t *n)
{
	/* Relaxed, not a read-modify-write: the owner alone writes it. */
	atomic_store_explicit(n,
	    atomic_load_explicit(n, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

static uint64_t
counted(_Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static enum hart_state
state_of(const struct smp_hart *sh)
{
	/* Acquire pairs with set_state: an online hart's block is set up. */
	return (enum hart_state)atomic_load_explicit(
	    &sh->sh_state, memory_order_acquire);
}

static void
set_state(struct smp_hart *sh, enum hart_state state)
{
	unsigned was = (unsigned)(state == HART_BUSY ? HART_IDLE : HART_BUSY);

	/* A hart that was given up on stays offline. Pairs with state_of. */
	(void)atomic_compare_exchange_strong_explicit(&sh->sh_state, &was,
	    (unsigned)state, memory_order_acq_rel, memory_order_relaxed);
}

unsigned
smp_hart_count(void)
{
	return smp_n_harts;
}

unsigned
smp_hart_self(void)
{
	return hart_self()->h_index;
}

size_t
smp_stack_room(void)
{
	return (uintptr_t)__builtin_frame_address(0) - hart_self()->h_stack_low;
}

bool
smp_in_interrupt(void)
{
	return hart_self()->h_interrupt != 0;
}

bool
smp_hart_get(unsigned index, struct hart_info *info)
{
	struct smp_hart *sh;

	if (index >= smp_n_harts)
		return false;
	sh = &smp_harts[index];
	info->index = index;
	info->hartid = sh->sh_hart->h_hartid;
	info->state = state_of(sh);
	for (size_t i = 0; i < sizeof(info->isa); i++)
		info->isa[i] = sh->sh_isa == NULL ? '\0' : sh->sh_isa[i];
	info->ipis = counted(&sh->sh_ipis);
	info->timer_irqs = counted(&sh->sh_timer_irqs);
	info->external_irqs = counted(&sh->sh_external_irqs);
	info->works = counted(&sh->sh_works);
	return true;
}

void
smp_count_timer(void)
{
	count(&self_hart()->sh_timer_irqs);
}

void
smp_count_external(void)
{
	count(&self_hart()->sh_external_irqs);
}

uint64_t
smp_wakes(void)
{
	/* Changed by interrupts of this hart. */
	return *(volatile uint64_t *)&hart_self()->h_wakes;
}

void
smp_sleep(uint64_t seen)
{
	unsigned long irq = csr_irq_save();

	KASSERT(irq != 0);
	if (smp_wakes() == seen)
		csr_wfi();
	csr_irq_restore(irq);
}

void
smp_kick(unsigned hart)
{
	if (hart == smp_hart_self()) {
		unsigned long irq = csr_irq_save();

		hart_self()->h_wakes++;
		csr_irq_restore(irq);
	} else if (hart < smp_n_harts)
		(void)sbi_send_ipi(smp_harts[hart].sh_hart->h_hartid);
}

/* Run what `caller` has posted to this hart, if it still stands. */
static void
serve(unsigned caller)
{
	struct smp_request *rq = &smp_harts[caller].sh_request;
	unsigned mine = (smp_hart_self() + 1) << 2;
	unsigned want = mine | POSTED;

	/* Acquire pairs with the release in smp_call: fn and arg are there. */
	if (!atomic_compare_exchange_strong_explicit(&rq->rq_state, &want,
		mine | RUNNING, memory_order_acquire, memory_order_relaxed))
		return;
	rq->rq_fn(rq->rq_arg);
	/* Release pairs with answered(): what fn wrote is there. */
	atomic_store_explicit(&rq->rq_state, mine | DONE, memory_order_release);
	smp_kick(caller);
}

void
smp_stopped(void)
{
	/* Relaxed: a count for the one who waits, nothing hangs on it. */
	atomic_fetch_add_explicit(&stopped, 1, memory_order_relaxed);
	hart_park();
}

void
smp_interrupt(void)
{
	struct smp_hart *sh = self_hart();

	csr_sip_clear_soft();
	csr_fence_io(); /* the clear comes before the reads below */
	count(&sh->sh_ipis);
	if (atomic_load_explicit(&stopping, memory_order_acquire))
		smp_stopped();
	for (unsigned w = 0; w < 2; w++) {
		/* Acquire pairs with the release in smp_call. */
		uint64_t bits = atomic_exchange_explicit(
		    &sh->sh_pending[w], 0, memory_order_acquire);

		for (; bits != 0; bits &= bits - 1)
			serve(w * 64 + (unsigned)__builtin_ctzll(bits));
	}
	if (state_of(sh) == HART_OFFLINE)
		hart_park(); /* given up on, and named, by another */
}

static void
wake_timer(void *arg)
{
	(void)arg; /* the interrupt itself wakes */
}

bool
smp_wait(bool (*cond)(void *), void *arg, uint64_t deadline_ns)
{
	struct ktimer *t = &self_hart()->sh_call_timer;

	for (;;) {
		uint64_t seen = smp_wakes();

		if (cond(arg))
			return true;
		if (time_ns() >= deadline_ns)
			return false;
		/*
		 * Armed once and left armed: it ends the sleep of a later
		 * call early, which costs less than a firmware call each time.
		 */
		if (!t->kt_armed)
			timer_start(t, deadline_ns, wake_timer, NULL);
		smp_sleep(seen);
	}
}

static bool
answered(void *arg)
{
	struct smp_request *rq = arg;

	/* Acquire pairs with the release in serve. */
	return (atomic_load_explicit(&rq->rq_state, memory_order_acquire) &
		   3u) == DONE;
}

/* No answer: take the request back and give the hart up. */
static bool
give_up(struct smp_request *rq, unsigned hart)
{
	unsigned posted = (hart + 1) << 2 | POSTED;

	/* Relaxed: nothing was handed over. */
	if (!atomic_compare_exchange_strong_explicit(&rq->rq_state, &posted,
		FREE, memory_order_relaxed, memory_order_relaxed))
		return false; /* it has begun after all */
	atomic_store_explicit(
	    &smp_harts[hart].sh_state, HART_OFFLINE, memory_order_release);
	klog(KLOG_ERROR,
	    "hart %u (hartid %llu) has not answered for 5 s: marked offline",
	    hart, (unsigned long long)smp_harts[hart].sh_hart->h_hartid);
	return true;
}

static void
call_here(void (*fn)(void *), void *arg)
{
	unsigned long irq = csr_irq_save();

	hart_self()->h_interrupt++;
	fn(arg);
	hart_self()->h_interrupt--;
	csr_irq_restore(irq);
}

static void
post(struct smp_request *rq, unsigned hart, void (*fn)(void *), void *arg)
{
	unsigned self = smp_hart_self();

	rq->rq_fn = fn;
	rq->rq_arg = arg;
	/* Release pairs with the acquire in serve. */
	atomic_store_explicit(
	    &rq->rq_state, (hart + 1) << 2 | POSTED, memory_order_release);
	/* Release pairs with the exchange in smp_interrupt. */
	atomic_fetch_or_explicit(&smp_harts[hart].sh_pending[self / 64],
	    1ull << self % 64, memory_order_release);
	csr_fence_io(); /* the bit is out before the IPI */
	smp_kick(hart);
}

/* True when it has run; false when it never will. */
static bool
await(struct smp_request *rq, unsigned hart)
{
	if (smp_wait(answered, rq, time_ns() + CALL_TIMEOUT_NS))
		return true;
	if (give_up(rq, hart))
		return false;
	while (!smp_wait(answered, rq, time_ns() + CALL_TIMEOUT_NS))
		klog(KLOG_WARN, "hart %u runs a call for over 5 s", hart);
	return true;
}

bool
smp_call(unsigned hart, void (*fn)(void *), void *arg)
{
	struct smp_request *rq = &self_hart()->sh_request;
	bool done;

	if (hart == smp_hart_self()) {
		call_here(fn, arg);
		return true;
	}
	if (hart >= smp_n_harts || state_of(&smp_harts[hart]) == HART_OFFLINE)
		return false;
	KASSERT(!smp_in_interrupt());
	KASSERT((csr_status() & SSTATUS_SIE) != 0);
	hart_self()->h_waiting++; /* arg may be on the stack */
	post(rq, hart, fn, arg);
	done = await(rq, hart);
	atomic_store_explicit(&rq->rq_state, FREE, memory_order_relaxed);
	hart_self()->h_waiting--;
	return done;
}

bool
smp_post(unsigned hart, struct work *wk)
{
	struct smp_hart *sh = &smp_harts[hart];
	unsigned long irq;

	if (hart == 0 || hart >= smp_n_harts || state_of(sh) == HART_OFFLINE)
		return false;
	wk->wk_next = NULL;
	irq = klock_acquire(&sh->sh_lock);
	if (sh->sh_tail == NULL)
		sh->sh_head = wk;
	else
		sh->sh_tail->wk_next = wk;
	sh->sh_tail = wk;
	klock_release(&sh->sh_lock, irq);
	smp_kick(hart);
	return true;
}

bool
smp_unpost(unsigned hart, struct work *wk)
{
	struct smp_hart *sh = &smp_harts[hart];
	struct work *before = NULL, *at;
	unsigned long irq;

	if (hart >= smp_n_harts)
		return false;
	irq = klock_acquire(&sh->sh_lock);
	for (at = sh->sh_head; at != NULL && at != wk; at = at->wk_next)
		before = at;
	if (at != NULL) {
		if (before == NULL)
			sh->sh_head = wk->wk_next;
		else
			before->wk_next = wk->wk_next;
		if (sh->sh_tail == wk)
			sh->sh_tail = before;
	}
	klock_release(&sh->sh_lock, irq);
	return at != NULL;
}

static struct work *
take_work(struct smp_hart *sh)
{
	unsigned long irq = klock_acquire(&sh->sh_lock);
	struct work *wk = sh->sh_head;

	if (wk != NULL) {
		sh->sh_head = wk->wk_next;
		if (sh->sh_head == NULL)
			sh->sh_tail = NULL;
	}
	klock_release(&sh->sh_lock, irq);
	return wk;
}

smp_idle_fn
smp_set_idle(smp_idle_fn fn)
{
	/* Release pairs with smp_run_idle. */
	return atomic_exchange_explicit(&idle_fn, fn, memory_order_acq_rel);
}

void
smp_run_idle(void)
{
	struct smp_hart *sh = self_hart();
	void (*fn)(void) = atomic_load_explicit(&idle_fn, memory_order_acquire);

	/* It may wait itself, and would come back here. */
	if (fn == NULL || sh->sh_idling)
		return;
	sh->sh_idling = true;
	fn();
	sh->sh_idling = false;
}

/* Interrupt context, on the hart that asked. */
static void
idle_due(void *arg)
{
	struct smp_hart *sh = arg;

	sh->sh_idle_due = true;
}

void
smp_idle_again(uint64_t deadline_ns)
{
	struct smp_hart *sh = self_hart();

	timer_cancel(&sh->sh_idle_timer);
	timer_start(&sh->sh_idle_timer, deadline_ns, idle_due, sh);
}

bool
smp_idle_is_due(void)
{
	struct smp_hart *sh = self_hart();
	bool due = sh->sh_idle_due;

	sh->sh_idle_due = false;
	return due;
}

void
smp_work_loop(void)
{
	struct smp_hart *sh = self_hart();

	for (;;) {
		uint64_t seen = smp_wakes();
		struct work *wk = take_work(sh);

		if (wk == NULL) {
			smp_run_idle();
			smp_sleep(seen);
			continue;
		}
		set_state(sh, HART_BUSY);
		count(&sh->sh_works);
		wk->wk_fn(wk);
		set_state(sh, HART_IDLE);
	}
}

void
smp_stop_others(void)
{
	unsigned self = smp_hart_self(), others = 0;
	uint64_t until = time_ns() + 200000000ull;

	/* Release: whatever the last words were, they come before. */
	atomic_store_explicit(&stopping, true, memory_order_release);
	csr_fence_io();
	for (unsigned i = 0; i < smp_n_harts; i++)
		if (i != self && state_of(&smp_harts[i]) != HART_OFFLINE) {
			others++;
			smp_kick(i);
		}
	while (atomic_load_explicit(&stopped, memory_order_relaxed) < others &&
	    time_ns() < until) {
		csr_sip_clear_soft();
		time_doze(1000000);
	}
}
