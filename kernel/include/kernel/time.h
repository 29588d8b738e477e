/* SPDX-License-Identifier: MIT */
/* Time and one-shot timers. No periodic tick exists. */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <stdbool.h>
#include <stdint.h>

uint64_t time_ns(void);        /* since power-on, monotonic, any context */
uint64_t time_uptime_ns(void); /* since kernel entry */
uint64_t time_timebase_hz(void);
uint64_t time_cycles(void);
uint64_t time_instret(void);
/*
 * True when instret counts instructions exactly (calibrated at boot): QEMU
 * with -icount shift=0, or hardware. Elsewhere it is host time.
 */
bool time_instret_is_exact(void);
/*
 * True on QEMU with -icount: one hart runs at a time, in long slices, and what
 * is counted repeats to the digit. Hardware counts exactly, too, and its harts
 * run together.
 */
bool time_harts_take_turns(void);

/*
 * A timer belongs to the hart that starts it; fn(arg) runs there in interrupt
 * context, once. Start again from fn for a period. Owner hart only.
 */
struct ktimer {
	struct ktimer *kt_next;
	uint64_t kt_deadline_ns;
	void (*kt_fn)(void *arg);
	void *kt_arg;
	bool kt_armed;
};
void timer_start(
    struct ktimer *t, uint64_t deadline_ns, void (*fn)(void *), void *arg);
void timer_cancel(struct ktimer *t);

#endif
