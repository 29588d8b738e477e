/* SPDX-License-Identifier: MIT */
/* State per hart, shared by smp.c and smp_start.c. */
#ifndef SMP_IMPL_H
#define SMP_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <arch/hart.h>
#include <kernel/lock.h>
#include <kernel/platform.h>
#include <kernel/smp.h>
#include <kernel/time.h>

/* A hart's one call in flight. */
struct smp_request {
	atomic_uint rq_state;
	void (*rq_fn)(void *arg);
	void *rq_arg;
};

struct smp_hart {
	struct hart *sh_hart;
	const char *sh_isa;        /* at least 64 readable bytes, or NULL */
	_Atomic unsigned sh_state; /* enum hart_state */

	/* Written by callers. */
	_Atomic uint64_t sh_pending[2]; /* who has a request for this hart */
	struct smp_request sh_request;  /* of this hart, as the caller */

	/* Under sh_lock. */
	struct klock sh_lock;
	struct work *sh_head, *sh_tail;

	/* Owner hart only; the counters are read by all. */
	struct ktimer sh_call_timer;
	bool sh_idling;
	volatile bool sh_idle_due;   /* set by its own timer interrupt */
	struct ktimer sh_idle_timer; /* smp_idle_again */
	_Atomic uint64_t sh_ipis, sh_timer_irqs, sh_external_irqs, sh_works;
} __attribute__((aligned(64)));

extern struct smp_hart smp_harts[PLATFORM_HARTS_MAX];
extern unsigned smp_n_harts; /* constant once smp_start has returned */

/* A secondary's thread. */
_Noreturn void smp_work_loop(void);

#endif
