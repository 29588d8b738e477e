/* SPDX-License-Identifier: MIT */
/*
 * The hot pair of single frames in C, for embedders without a restartable
 * sequence: the same work as the assembly twin, inside a pin. Not part of the
 * kernel's library. Theory: mm/frame_hart.c.
 */
#include <mm/mag.h>
#include <mm/port.h>

#include "frame_impl.h"

static struct mag_slot *
own_slot(const struct frame_home *home)
{
	return (struct mag_slot *)((uintptr_t)port_slot_base(port_hart_self()) +
	    home->fh_slot);
}

void *
frame_hot_take(struct frame_home *home, uint32_t kind, unsigned flags)
{
	unsigned long pin;
	struct mag_slot *s;
	void **top, *run;

	frame_count_request();
	if (frame_failing())
		return frame_alloc_zones(1, 1, flags, kind & KIND_TAG);
	pin = port_pin();
	s = own_slot(home);
	top = __atomic_load_n(&s->top, __ATOMIC_RELAXED);
	run = top[-1];
	if (run != NULL)
		shared_store_top(&s->top, top - 1);
	port_unpin(pin);
	if (run == NULL)
		return frame_slow_take(home, kind, flags);
	shared_store_32(zone_kind(home, (uintptr_t)run), kind);
	return run;
}

void
frame_hot_give(struct frame_home *home, void *run)
{
	uintptr_t addr = (uintptr_t)run;
	uintptr_t off = addr - home->fh_span.base;
	unsigned long pin;
	struct mag_slot *s;
	uint32_t kind;
	void **top;
	bool room;

	if (off >= shared_load_64(&home->fh_span.bytes) ||
	    off % FRAME_SIZE != 0) {
		frame_far_give(home, run);
		return;
	}
	/* Relaxed: of two who give it back, one finds it cached. */
	kind = atomic_exchange_explicit(
	    zone_kind(home, addr), KIND_CACHED, memory_order_relaxed);
	if ((int32_t)kind >= 0)
		frame_bad_give(home, run, kind);
	shared_store_64(&home->fh_span.records[off >> FRAME_SHIFT].f_owner, 0);
	pin = port_pin();
	s = own_slot(home);
	top = __atomic_load_n(&s->top, __ATOMIC_RELAXED);
	room = (uintptr_t)top % MAG_BYTES != 0;
	if (room) {
		*top = run;
		shared_store_top(&s->top, top + 1);
	}
	port_unpin(pin);
	if (!room)
		frame_slow_give(home, run);
}
