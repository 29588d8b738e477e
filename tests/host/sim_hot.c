/* SPDX-License-Identifier: MIT */
/*
 * The hot pairs as the kernel has them: not pinned, started anew by interrupts.
 *
 * The steps of arch/riscv/mag.S and mag_frame.S, with a point between any two.
 * An interrupt, or a function of port_hart_call, that comes between the first
 * load and the commit marks the range (port_sim.c); the next step then goes
 * back to the first load, as the trap's return does. The slot's address is
 * computed before the range and stays, as there. Not compiled like mm: the
 * points and the accesses are told by hand.
 */
#include "sim_impl.h"

#include "mm/frame_impl.h"
#include "mm/kmem_impl.h"

static struct mag_slot *
slot_here(uint64_t offset)
{
	return (struct mag_slot *)((uintptr_t)port_slot_base(port_hart_self()) +
	    offset);
}

static void
range_enter(void)
{
	sim_current->in_range = true;
	sim_current->rewound = false;
}

static void
range_leave(void)
{
	sim_current->in_range = false;
}

/* The next instruction; true: go back to the first. */
static bool
next_step(void)
{
	bool again;

	sim_point();
	again = sim_current->rewound;
	sim_current->rewound = false;
	return again;
}

/* For the race detector: a plain access of the pair. */
static void
told(const void *at, bool write)
{
	if ((sim_watching & SIM_RACES) != 0)
		sim_race_plain((uintptr_t)at, write,
		    (uintptr_t)__builtin_return_address(0));
}

static void *
range_pop(struct mag_slot *s)
{
	void **top, *obj;

	range_enter();
	for (;;) {
		(void)next_step();
		top = slot_top(s);
		if (next_step())
			continue;
		told(&top[-1], false);
		obj = top[-1];
		if (obj == NULL) {
			range_leave();
			return NULL;
		}
		if (!next_step())
			break;
	}
	slot_set_top(s, top - 1);
	range_leave();
	sim_lines_store((uintptr_t)&s->top, true);
	return obj;
}

static bool
range_push(struct mag_slot *s, void *obj)
{
	void **top;

	range_enter();
	for (;;) {
		(void)next_step();
		top = slot_top(s);
		if (mag_top_full(top)) {
			range_leave();
			return false;
		}
		if (next_step())
			continue;
		told(top, true);
		*top = obj;
		if (!next_step())
			break;
	}
	slot_set_top(s, top + 1);
	range_leave();
	sim_lines_store((uintptr_t)top, true);
	sim_lines_store((uintptr_t)&s->top, true);
	return true;
}

/* --- of a cache --- */

static struct mag_slot *
cache_slot(struct kmem_cache *cp)
{
	sim_point();
	return slot_here(
	    atomic_load_explicit(&cp->c_slot, memory_order_relaxed));
}

void *
kmem_cache_pop(struct kmem_cache *cp)
{
	return range_pop(cache_slot(cp));
}

void
kmem_cache_free(struct kmem_cache *cp, void *obj)
{
	if (!range_push(cache_slot(cp), obj))
		kmem_free_slow(cp, obj);
}

/* --- counting: one instruction behind the commit --- */

static void
count(uint64_t *at)
{
	sim_point();
	counter_add(at, 1);
	sim_lines_store((uintptr_t)at, true);
}

void *
kmem_cold_alloc(struct kmem_cache *cp, unsigned flags)
{
	struct mag_cold *cold = (struct mag_cold *)slot_here(cold_slot(cp));
	void *obj = range_pop(&cold->slot);

	if (obj == NULL)
		return kmem_cold_empty(cp, flags);
	count(&cold->allocs);
	return kmem_cold_claim(cp, flags, obj);
}

bool
kmem_cold_free(struct kmem_cache *cp, void *obj)
{
	struct mag_cold *cold = (struct mag_cold *)slot_here(cold_slot(cp));

	if (!range_push(&cold->slot, obj))
		return kmem_cold_full(cp, obj);
	count(&cold->frees);
	return true;
}

/* --- of single frames: the record is written outside the range --- */

void *
frame_hot_take(struct frame_home *home, uint32_t kind, unsigned flags)
{
	void *run;

	frame_count_request();
	if (frame_failing())
		return frame_alloc_zones(1, 1, flags, kind & KIND_TAG);
	run = range_pop(slot_here(home->fh_slot));
	if (run == NULL)
		return frame_slow_take(home, kind, flags);
	sim_point();
	shared_store_32(zone_kind(home, (uintptr_t)run), kind);
	return run;
}

void
frame_hot_give(struct frame_home *home, void *run)
{
	uintptr_t off = (uintptr_t)run - home->fh_span.base;
	uint32_t kind;

	if (off >= shared_load_64(&home->fh_span.bytes) ||
	    off % FRAME_SIZE != 0) {
		frame_far_give(home, run);
		return;
	}
	sim_point();
	kind = atomic_exchange_explicit(
	    zone_kind(home, (uintptr_t)run), KIND_CACHED, memory_order_relaxed);
	if ((int32_t)kind >= 0)
		frame_bad_give(home, run, kind);
	sim_point();
	shared_store_64(&home->fh_span.records[off >> FRAME_SHIFT].f_owner, 0);
	if (!range_push(slot_here(home->fh_slot), run))
		frame_slow_give(home, run);
}
