/* SPDX-License-Identifier: MIT */
/*
 * Harts: dense indexes 0 … n-1, 0 is the boot hart and the console's. The
 * SBI's sparse ids appear only in struct hart_info.
 */
#ifndef KERNEL_SMP_H
#define KERNEL_SMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hart_state {
	HART_OFFLINE, /* never checked in, or stopped answering */
	HART_IDLE,
	HART_BUSY /* runs a work item; hart 0: always */
};

struct hart_info {
	unsigned index;
	uint64_t hartid;
	enum hart_state state;
	char isa[64];  /* from the device tree, cut to fit */
	uint64_t ipis; /* received */
	uint64_t timer_irqs;
	uint64_t external_irqs;
	uint64_t works; /* work items run */
};

unsigned smp_hart_count(void); /* harts that checked in */
unsigned smp_hart_self(void);
bool smp_hart_get(unsigned index, struct hart_info *info);
bool smp_in_interrupt(void); /* of this hart */
/* Bytes left on this hart's stack. Thread context. All stacks are as long. */
size_t smp_stack_room(void);

/*
 * Run fn(arg) on `hart` in interrupt context, and wait for it in wfi, serving
 * interrupts meanwhile. On the own hart: runs it here with interrupts off.
 * False when the hart is offline or does not answer within 5 s (named in the
 * log). Context: thread, interrupts on, no lock held.
 */
bool smp_call(unsigned hart, void (*fn)(void *), void *arg);
/* Kick: the hart leaves wfi and looks at what it waits for. Any context. */
void smp_kick(unsigned hart);

/*
 * Work: run in thread context by an idle hart, in the order posted. The item
 * is the caller's memory until wk_fn has returned; wk_fn may free it.
 * smp_post: any hart but 0 (false), any context.
 */
struct work {
	struct work *wk_next;
	void (*wk_fn)(struct work *wk);
};
bool smp_post(unsigned hart, struct work *wk);
/* Unlink an item that has not started; false when it has. */
bool smp_unpost(unsigned hart, struct work *wk);

/*
 * Called on each hart whenever it has nothing to do, before wfi. Thread. The
 * function before it; NULL is none.
 */
typedef void (*smp_idle_fn)(void);
smp_idle_fn smp_set_idle(smp_idle_fn fn);
/*
 * From that function: call it again on this hart at that time, should the hart
 * have nothing to do then; one-shot. smp_idle_is_due is for who waits.
 */
void smp_idle_again(uint64_t deadline_ns);
bool smp_idle_is_due(void);

#endif
