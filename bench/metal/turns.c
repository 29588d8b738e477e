/* SPDX-License-Identifier: MIT */
/*
 * Harts of a crew that take turns.
 *
 * QEMU counts the instructions of all harts together, so only one may run while
 * a window is open. A hart passes the turn, kicks the next one, and goes to
 * sleep; the next opens its window only after a sleep of its own, in which
 * whoever passed the turn has fallen asleep. Nobody else is woken, whatever the
 * number of harts. Passing lies outside the windows.
 */
#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/waitq.h>

#include "turns.h"

#define SETTLE_NS 50000u

struct turn {
	struct turns *tn_turns;
	unsigned tn_mine;
};

static bool
is_turn(void *arg)
{
	struct turn *tn = arg;

	/* Pairs with the release in turns_pass. */
	return atomic_load_explicit(
		   &tn->tn_turns->tu_turn, memory_order_acquire) == tn->tn_mine;
}

void
turns_await(struct turns *tu, unsigned mine)
{
	struct turn tn = { tu, mine };
	struct waitq own = { 0 };

	(void)waitq_wait(&own, is_turn, NULL, &tn, WAIT_FOREVER);
	crew_sleep(SETTLE_NS);
}

void
turns_pass(struct turns *tu, const struct crew *crew, unsigned next)
{
	unsigned hart = crew_hart(crew, next);

	/* Pairs with the acquire in is_turn. */
	atomic_store_explicit(&tu->tu_turn, next, memory_order_release);
	smp_kick(hart);
}
