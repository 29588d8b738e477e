/* SPDX-License-Identifier: MIT */
/* Data races of mm, by the order that its atomics promise. */

/*
 * Theory of operation
 *
 * 1. Each hart has a vector clock: of every other hart, up to which moment its
 *    doings are ordered before what this hart does next. A release store hands
 *    the clock to its word, an acquire load joins what the word has; a
 *    function of port_hart_call joins both ways (Lamport 1978; the C11 rules).
 * 2. Of every address accessed: when each hart last read and wrote it, plainly
 *    and atomically. Two accesses, one of them a write and one of them plain,
 *    of which neither is ordered before the other, are a race: on a machine
 *    with weak memory they may be seen in any order, whatever the schedule
 *    was here. So one run tells of a missing release or acquire, although all
 *    stores are seen in order.
 * 3. Addresses are told apart by their first byte: mm accesses a word always
 *    by its own type.
 */

#include "sim_impl.h"

#include <stdio.h>
#include <string.h>

#define CELLS (1u << 15)

struct cell {
	uintptr_t at;
	uintptr_t pc; /* of the last write */
	uint32_t run; /* in which it is valid */
	bool has_release;
	uint32_t read[SIM_HARTS_MAX], write[SIM_HARTS_MAX];
	uint32_t atomic_read[SIM_HARTS_MAX], atomic_write[SIM_HARTS_MAX];
	uint32_t release[SIM_HARTS_MAX];
};

static struct cell cells[CELLS];
static uint32_t clocks[SIM_HARTS_MAX][SIM_HARTS_MAX];
static uint32_t run;
static unsigned harts, used;

void
sim_race_start(unsigned n)
{
	run++;
	harts = n;
	used = 0;
	memset(clocks, 0, sizeof(clocks));
	for (unsigned h = 0; h < n; h++)
		clocks[h][h] = 1;
}

static struct cell *
cell_of(uintptr_t at)
{
	uint64_t hash = at * 0x9e3779b97f4a7c15u;

	for (uint32_t i = (uint32_t)(hash >> 40);; i++) {
		struct cell *c = &cells[i % CELLS];

		if (c->run == run && c->at == at)
			return c;
		if (c->run == run)
			continue;
		if (++used > CELLS / 2)
			sim_fail("race detector: too many addresses", used, 0);
		memset(c, 0, sizeof(*c));
		c->run = run;
		c->at = at;
		return c;
	}
}

static unsigned
self(void)
{
	return (unsigned)(sim_current - sim_fibers);
}

/* Is any of these moments of other harts not ordered before us? */
static void
judge(const uint32_t *moments, const char *what, const struct cell *c,
    uintptr_t pc)
{
	unsigned me = self();
	char text[96];

	for (unsigned h = 0; h < harts; h++) {
		if (h == me || moments[h] <= clocks[me][h])
			continue;
		(void)snprintf(text, sizeof(text),
		    "race: %s of hart %u; code at 0x%jx, written at 0x%jx",
		    what, h, (uintmax_t)pc, (uintmax_t)c->pc);
		sim_fail(text, c->at, pc);
	}
}

void
sim_race_plain(uintptr_t at, bool write, uintptr_t pc)
{
	struct cell *c = cell_of(at);
	unsigned me = self();

	judge(c->write, "plain access after a write", c, pc);
	judge(c->atomic_write, "plain access after an atomic write", c, pc);
	if (write) {
		judge(c->read, "write after a read", c, pc);
		judge(c->atomic_read, "write after an atomic read", c, pc);
		c->write[me] = clocks[me][me];
		c->pc = pc;
	} else {
		c->read[me] = clocks[me][me];
	}
}

static void
join(uint32_t *to, const uint32_t *from)
{
	for (unsigned h = 0; h < harts; h++) {
		if (to[h] < from[h])
			to[h] = from[h];
	}
}

/* C11 5.1.2.4: what a store publishes, and what a load learns of it. */
void
sim_race_atomic(uintptr_t at, bool read, bool write, int order, uintptr_t pc)
{
	bool acquires = order == __ATOMIC_ACQUIRE ||
	    order == __ATOMIC_CONSUME || order == __ATOMIC_ACQ_REL ||
	    order == __ATOMIC_SEQ_CST;
	bool releases = order == __ATOMIC_RELEASE ||
	    order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
	struct cell *c = cell_of(at);
	unsigned me = self();

	judge(c->write, "atomic access after a plain write", c, pc);
	if (write)
		judge(c->read, "atomic write after a plain read", c, pc);
	if (read && acquires)
		join(clocks[me], c->release);
	if (read)
		c->atomic_read[me] = clocks[me][me];
	if (!write)
		return;
	c->atomic_write[me] = clocks[me][me];
	c->pc = pc;
	/* A read-modify-write carries on what was released before it. */
	if (!read)
		memset(c->release, 0, sizeof(c->release));
	if (!releases)
		return;
	join(c->release, clocks[me]);
	clocks[me][me]++;
}

void
sim_race_order(unsigned from, unsigned to)
{
	if ((sim_watching & SIM_RACES) == 0 || from == to)
		return;
	join(clocks[to], clocks[from]);
	clocks[from][from]++;
}

/*
 * A release and an acquire by whoever passes an object on, as a program has to
 * when it frees on another hart. Kept at an address that mm never accesses.
 */
void
sim_give(void *obj)
{
	if ((sim_watching & SIM_RACES) != 0)
		sim_race_atomic(
		    (uintptr_t)obj + 1, true, true, __ATOMIC_RELEASE, 0);
}

void
sim_take(void *obj)
{
	if ((sim_watching & SIM_RACES) != 0)
		sim_race_atomic(
		    (uintptr_t)obj + 1, true, false, __ATOMIC_ACQUIRE, 0);
}
