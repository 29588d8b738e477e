/* SPDX-License-Identifier: MIT */
/*
 * Several harts on one task.
 *
 * Theory of operation
 *
 * 1. The caller's hart is always a member; the others are idle harts, then
 *    busy ones, in the order of their numbers. Hart 0 is the console's and is
 *    lent to nobody: it is a member only when it is the caller.
 * 2. A hart may be busy: with a job that is about to end (its results are here,
 *    its state is being dropped), with a long one, or with one that was faster
 *    than us. So each member reports that it has started, and waits; when one
 *    does not report in time its item is withdrawn, the others are sent home,
 *    and the caller is told that the hart is busy. The task itself only begins
 *    when all are there: a task can rely on its barriers.
 * 3. All waits are in wfi. One queue serves all crews: it outlives them, so a
 *    member that has reported its end may still wake it after the caller has
 *    gone on and freed the crew.
 */
#include <stdatomic.h>
#include <stddef.h>

#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/waitq.h>
#include <mm/kmem.h>

#include "crew.h"

#define START_LIMIT_NS UINT64_C(500000000) /* for all members to report */

enum { CREW_ASSEMBLING, CREW_GO, CREW_HOME };

struct member {
	struct work m_work;
	struct crew *m_crew;
	unsigned m_index;
	unsigned m_hart;
	bool m_posted;
};

struct crew {
	crew_fn cr_fn;
	void *cr_arg;
	unsigned cr_count;
	_Atomic unsigned cr_started; /* members but the caller */
	_Atomic unsigned cr_order;   /* CREW_… */
	_Atomic unsigned cr_ended;
	_Atomic unsigned cr_met; /* calls of crew_meet */
	struct member cr_members[];
};

struct meeting {
	struct crew *mt_crew;
	unsigned mt_target;
};

static struct waitq crew_waitq;

unsigned
crew_hart(const struct crew *crew, unsigned index)
{
	return crew->cr_members[index].m_hart;
}

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

void
crew_sleep(uint64_t ns)
{
	struct waitq own = { 0 };

	(void)waitq_wait(&own, never, NULL, NULL, time_ns() + ns);
}

static bool
has_order(void *arg)
{
	struct crew *crew = arg;

	/* Pairs with the release in assemble. */
	return atomic_load_explicit(&crew->cr_order, memory_order_acquire) !=
	    CREW_ASSEMBLING;
}

static bool
all_started(void *arg)
{
	struct crew *crew = arg;

	/* Pairs with the release in member_work. */
	return atomic_load_explicit(&crew->cr_started, memory_order_acquire) ==
	    crew->cr_count - 1u;
}

static bool
all_ended(void *arg)
{
	struct meeting *end = arg;

	/* Pairs with the release in member_work. */
	return atomic_load_explicit(&end->mt_crew->cr_ended,
		   memory_order_acquire) == end->mt_target;
}

static bool
all_met(void *arg)
{
	struct meeting *meeting = arg;

	/* Pairs with the release in crew_meet. Counts wrap together. */
	return (int)(atomic_load_explicit(
			 &meeting->mt_crew->cr_met, memory_order_acquire) -
		   meeting->mt_target) >= 0;
}

void
crew_meet(struct crew *crew)
{
	struct meeting meeting = { crew, 0 };
	unsigned before;

	if (crew->cr_count == 1)
		return;
	/* Pairs with the acquire in all_met. */
	before =
	    atomic_fetch_add_explicit(&crew->cr_met, 1u, memory_order_acq_rel);
	meeting.mt_target = before - before % crew->cr_count + crew->cr_count;
	waitq_wake(&crew_waitq);
	(void)waitq_wait(&crew_waitq, all_met, NULL, &meeting, WAIT_FOREVER);
}

/* Runs on the lent hart. */
static void
member_work(struct work *wk)
{
	struct member *m = (struct member *)(void *)((char *)wk -
	    offsetof(struct member, m_work));
	struct crew *crew = m->m_crew;

	/* Pairs with the acquire in all_started. */
	atomic_fetch_add_explicit(&crew->cr_started, 1u, memory_order_release);
	waitq_wake(&crew_waitq);
	(void)waitq_wait(&crew_waitq, has_order, NULL, crew, WAIT_FOREVER);
	/* Pairs with the release in assemble. */
	if (atomic_load_explicit(&crew->cr_order, memory_order_acquire) ==
	    CREW_GO)
		crew->cr_fn(crew, crew->cr_arg, m->m_index);
	/* Pairs with the acquire in all_ended; the crew may be gone now. */
	atomic_fetch_add_explicit(&crew->cr_ended, 1u, memory_order_release);
	waitq_wake(&crew_waitq);
}

/* A hart that became busy between two looks is not taken twice. */
static bool
is_member(const struct crew *crew, unsigned n, unsigned hart)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (crew->cr_members[i].m_hart == hart)
			return true;
	return false;
}

static bool
lendable(unsigned hart, enum hart_state state)
{
	struct hart_info info;

	return hart != 0 && hart != smp_hart_self() &&
	    smp_hart_get(hart, &info) && info.state == state;
}

/* Up to `count` members, `n` being there already; how many there are then. */
static unsigned
choose(struct crew *crew, unsigned n, unsigned count, enum hart_state state)
{
	unsigned hart;

	for (hart = 1; n < count && hart < smp_hart_count(); hart++) {
		if (!lendable(hart, state) || is_member(crew, n, hart))
			continue;
		crew->cr_members[n].m_crew = crew;
		crew->cr_members[n].m_index = n;
		crew->cr_members[n].m_hart = hart;
		crew->cr_members[n].m_work.wk_fn = member_work;
		n++;
	}
	return n;
}

/* A crew whose members are chosen but not asked yet. */
static int
crew_create(
    struct crew **out, unsigned count, crew_fn fn, void *arg, const char **why)
{
	struct crew *crew;
	unsigned n;

	*why = "harts must be 1 or more, and not more than the machine has";
	if (count == 0 || count > CREW_MAX || count > smp_hart_count())
		return -KMEM_EINVAL;
	*why = "no memory for the records of a run";
	crew = kzalloc(sizeof(*crew) + count * sizeof(crew->cr_members[0]), 0);
	if (crew == NULL)
		return -KMEM_ENOMEM;
	crew->cr_fn = fn;
	crew->cr_arg = arg;
	crew->cr_count = count;
	crew->cr_members[0].m_hart = smp_hart_self();
	n = choose(crew, 1, count, HART_IDLE);
	n = choose(crew, n, count, HART_BUSY);
	if (n < count) {
		*why =
		    "not enough harts to lend: hart 0 is lent to nobody, and "
		    "one that is offline cannot be";
		kfree(crew);
		return -KMEM_EBUSY;
	}
	*out = crew;
	return 0;
}

/* Wait until `n` members have ended. */
static void
await_end(struct crew *crew, unsigned n)
{
	struct meeting end = { crew, n };

	(void)waitq_wait(&crew_waitq, all_ended, NULL, &end, WAIT_FOREVER);
}

/* Ask members [first, count); false when one had other work: all are home. */
static bool
assemble(struct crew *crew)
{
	unsigned i, posted = 0;
	bool all = true;

	for (i = 1; i < crew->cr_count && all; i++) {
		struct member *m = &crew->cr_members[i];

		m->m_posted = smp_post(m->m_hart, &m->m_work);
		all = m->m_posted;
		posted += m->m_posted ? 1u : 0u;
	}
	if (all)
		all = waitq_wait(&crew_waitq, all_started, NULL, crew,
		    time_ns() + START_LIMIT_NS);
	if (!all) {
		for (i = 1; i < crew->cr_count; i++) {
			struct member *m = &crew->cr_members[i];

			if (m->m_posted && smp_unpost(m->m_hart, &m->m_work))
				posted--;
		}
	}
	/* Pairs with the acquire in has_order and member_work. */
	atomic_store_explicit(
	    &crew->cr_order, all ? CREW_GO : CREW_HOME, memory_order_release);
	waitq_wake(&crew_waitq);
	if (!all)
		await_end(crew, posted);
	return all;
}

int
crew_run(unsigned count, crew_fn fn, void *arg, const char **why)
{
	struct crew *crew;
	int err;

	err = crew_create(&crew, count, fn, arg, why);
	if (err != 0)
		return err;
	if (!assemble(crew)) {
		*why = "a hart has other work";
		kfree(crew);
		return -KMEM_EBUSY;
	}
	fn(crew, arg, 0);
	await_end(crew, count - 1u);
	kfree(crew);
	return 0;
}

int
crew_run_in_turn(unsigned count, crew_fn fn, void *arg, const char **why)
{
	struct crew *crew;
	unsigned i;
	int err;

	err = crew_create(&crew, count, fn, arg, why);
	if (err != 0)
		return err;
	/* Nobody waits for anybody: barriers are for crews that run at once. */
	crew->cr_count = 1;
	/* Release: as in assemble. */
	atomic_store_explicit(&crew->cr_order, CREW_GO, memory_order_release);
	fn(crew, arg, 0);
	for (i = 1; i < count; i++) {
		struct member *m = &crew->cr_members[i];

		if (!smp_post(m->m_hart, &m->m_work)) {
			*why = "a hart has stopped answering";
			err = -KMEM_EBUSY;
			break;
		}
		await_end(crew, i);
	}
	kfree(crew);
	return err;
}
