/* SPDX-License-Identifier: MIT */
/*
 * The handshake of tests/host/port_flag.c, every interleaving of it.
 *
 * Theory of operation
 *
 * 1. Owner and drainer are two short programs for two processors with store
 *    buffers (the order of x86: a store waits in a queue of its processor, a
 *    load looks there first, then in memory; a mutex operation waits until the
 *    queue is empty). The state is small: program counters, one register each,
 *    both queues, four words of memory. All states that any schedule reaches
 *    are visited once.
 * 2. MEMBARRIER is the drainer's system call: it returns only after the
 *    owner's processor has, at some instruction of the owner, had an empty
 *    queue.
 * 3. The magazine is a number: an operation of the owner loads it, adds one and
 *    stores it; a drain takes it all and leaves 0. When both have ended, what
 *    was taken and what is left must be what the owner put in.
 * 4. Each step of the handshake is left out in turn; the walk must then find a
 *    loss. So the walk is known to see the failures it is there for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum word { IN_OP, DEPTH, SLOTS, MAGAZINE, WORDS };
enum { OPEN, SHUT }; /* values of SLOTS */

enum what {
	ST,   /* word = value */
	LD,   /* register = word */
	INC,  /* word = register + 1 */
	TAKE, /* taken += register */
	BNZ,  /* to `value` when the register is not 0 */
	JMP,  /* to `value` */
	LOCK, /* the hart's mutex */
	UNLOCK,
	BARRIER, /* wait until the owner's queue was empty */
	NEXT,    /* one round less; back to 0 while any is left */
	SKIP
};

struct step {
	uint8_t what, word, value;
};

/* Hot pair; if shut, the pin of the slow path (port_pin, flag_wait). */
static const struct step owner_code[] = {
	{ ST, IN_OP, 1 }, { LD, SLOTS, 0 }, { BNZ, 0, 7 }, { LD, MAGAZINE, 0 },
	{ INC, MAGAZINE, 0 }, { ST, IN_OP, 0 }, { JMP, 0, 19 },
	{ ST, IN_OP, 0 }, /* 7: shut, fall through to the slow path */
	{ ST, DEPTH, 1 }, { LD, SLOTS, 0 }, { BNZ, 0, 15 },
	{ LD, MAGAZINE, 0 }, /* 11: pinned, and open */
	{ INC, MAGAZINE, 0 }, { ST, DEPTH, 0 }, { JMP, 0, 19 },
	{ ST, DEPTH, 0 }, /* 15: back out and wait */
	{ LOCK, 0, 0 }, { UNLOCK, 0, 0 }, { JMP, 0, 8 },
	{ NEXT, 0, 0 }, /* 19 */
};

/* port_hart_call, with hart_take as its function. */
static const struct step drainer_code[] = {
	{ LOCK, 0, 0 },
	{ ST, SLOTS, SHUT },
	{ BARRIER, 0, 0 },
	{ LD, IN_OP, 0 }, /* 3: flags_up */
	{ BNZ, 0, 3 },
	{ LD, DEPTH, 0 },
	{ BNZ, 0, 3 },
	{ LD, MAGAZINE, 0 },
	{ TAKE, 0, 0 },
	{ ST, MAGAZINE, 0 },
	{ ST, SLOTS, OPEN },
	{ UNLOCK, 0, 0 },
	{ NEXT, 0, 0 },
};

#define QUEUE 6u /* stores a processor holds back; it stalls at more */

struct cpu {
	uint8_t pc, reg, rounds, queued;
	struct {
		uint8_t word, value;
	} queue[QUEUE];
};

struct state {
	struct cpu cpu[2]; /* owner, drainer */
	uint8_t memory[WORDS];
	uint8_t taken, locked;
};

#define OWNER   0u
#define DRAINER 1u
#define ROUNDS  3u
#define TABLE   (1u << 18) /* states; a power of two */

static struct walk {
	struct step code[2][ARRAY_COUNT(owner_code)];
	uint8_t length[2];
	struct state *seen; /* hash table, open addressing */
	bool *used;
	uint32_t *todo; /* indexes into `seen` still to be expanded */
	size_t count, pending, ends, lost, stuck;
} walk;

static void
walk_see(const struct state *s)
{
	const uint8_t *bytes = (const uint8_t *)s;
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
	size_t at;

	for (size_t i = 0; i < sizeof(*s); i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	for (at = (size_t)(hash >> 20) % TABLE; walk.used[at];
	     at = (at + 1) % TABLE) {
		if (memcmp(&walk.seen[at], s, sizeof(*s)) == 0)
			return;
	}
	assert_true(walk.count < TABLE / 2);
	walk.used[at] = true;
	walk.seen[at] = *s;
	walk.todo[walk.pending++] = (uint32_t)at;
	walk.count++;
}

static uint8_t
cpu_load(const struct state *s, unsigned who, uint8_t word)
{
	const struct cpu *c = &s->cpu[who];

	for (unsigned i = c->queued; i-- > 0;) {
		if (c->queue[i].word == word)
			return c->queue[i].value;
	}
	return s->memory[word];
}

/* The oldest store of the queue reaches memory. */
static void
cpu_drain(struct state *s, unsigned who)
{
	struct cpu *c = &s->cpu[who];

	s->memory[c->queue[0].word] = c->queue[0].value;
	c->queued--;
	memmove(&c->queue[0], &c->queue[1], c->queued * sizeof(c->queue[0]));
	memset(&c->queue[c->queued], 0, sizeof(c->queue[0]));
}

static bool
cpu_store(struct cpu *c, uint8_t word, uint8_t value)
{
	if (c->queued == QUEUE)
		return false;
	c->queue[c->queued].word = word;
	c->queue[c->queued].value = value;
	c->queued++;
	return true;
}

/* Steps that only touch the processor itself; where to go on. */
static void
cpu_control(struct state *s, struct cpu *c, const struct step *st)
{
	switch (st->what) {
	case BNZ:
		if (c->reg != 0)
			c->pc = st->value;
		break;
	case JMP:
		c->pc = st->value;
		break;
	case TAKE:
		s->taken = (uint8_t)(s->taken + c->reg);
		break;
	case NEXT:
		if (--c->rounds > 0)
			c->pc = 0;
		c->reg = 0;
		break;
	default:
		break;
	}
}

/* Run one step of `who`. False: it has ended or has to wait. */
static bool
cpu_step(struct state *s, unsigned who)
{
	struct cpu *c = &s->cpu[who];
	const struct step *st = &walk.code[who][c->pc];

	if (c->pc == walk.length[who])
		return false;
	switch (st->what) {
	case ST:
		if (!cpu_store(c, st->word, st->value))
			return false;
		break;
	case INC:
		if (!cpu_store(c, st->word, (uint8_t)(c->reg + 1)))
			return false;
		break;
	case LD:
		c->reg = cpu_load(s, who, st->word);
		break;
	case LOCK:
		if (c->queued != 0 || s->locked)
			return false;
		s->locked = 1;
		break;
	case UNLOCK:
		if (c->queued != 0)
			return false;
		s->locked = 0;
		break;
	case BARRIER:
		if (c->queued != 0 || s->cpu[OWNER].queued != 0)
			return false;
		break;
	default:
		c->pc++;
		cpu_control(s, c, st);
		return true;
	}
	c->pc++;
	return true;
}

static void
walk_expand(const struct state *s)
{
	bool moved = false;

	for (unsigned who = 0; who < 2; who++) {
		struct state next = *s;

		if (cpu_step(&next, who)) {
			walk_see(&next);
			moved = true;
		}
		next = *s;
		if (next.cpu[who].queued > 0) {
			cpu_drain(&next, who);
			walk_see(&next);
			moved = true;
		}
	}
	if (moved)
		return;
	if (s->cpu[OWNER].pc == walk.length[OWNER] &&
	    s->cpu[DRAINER].pc == walk.length[DRAINER]) {
		walk.ends++;
		walk.lost += s->taken + s->memory[MAGAZINE] != ROUNDS;
	} else {
		walk.stuck++;
	}
}

/* All states of the two programs as they stand in walk.code. */
static void
walk_all(void)
{
	struct state first;

	walk.count = walk.pending = 0;
	walk.ends = walk.lost = walk.stuck = 0;
	walk.seen = calloc(TABLE, sizeof(*walk.seen));
	walk.used = calloc(TABLE, sizeof(*walk.used));
	walk.todo = calloc(TABLE, sizeof(*walk.todo));
	assert_non_null(walk.seen);
	assert_non_null(walk.used);
	assert_non_null(walk.todo);
	memset(&first, 0, sizeof(first));
	first.cpu[OWNER].rounds = ROUNDS;
	first.cpu[DRAINER].rounds = 2;
	walk_see(&first);
	while (walk.pending > 0) {
		struct state s = walk.seen[walk.todo[--walk.pending]];

		walk_expand(&s);
	}
	free(walk.seen);
	free(walk.used);
	free(walk.todo);
	print_message("%zu states, %zu ends, %zu with a loss, %zu stuck\n",
	    walk.count, walk.ends, walk.lost, walk.stuck);
}

static void
programs_load(void)
{
	memcpy(walk.code[OWNER], owner_code, sizeof(owner_code));
	memcpy(walk.code[DRAINER], drainer_code, sizeof(drainer_code));
	walk.length[OWNER] = ARRAY_COUNT(owner_code);
	walk.length[DRAINER] = ARRAY_COUNT(drainer_code);
}

static void
H_no_schedule_loses_an_object(void **state)
{
	(void)state;
	programs_load();
	walk_all();
	assert_true(walk.ends > 0);
	assert_int_equal(walk.lost, 0);
	assert_int_equal(walk.stuck, 0);
	/* The walk went through the waiting, and through queues. */
	assert_true(walk.count > 10000);
}

/* Leave steps [from, to] of a program out: a loss must be found. */
static void
loses_without(unsigned who, unsigned from, unsigned to)
{
	programs_load();
	for (unsigned i = from; i <= to; i++)
		walk.code[who][i].what = SKIP;
	walk_all();
	assert_true(walk.lost > 0);
}

static void
without_the_membarrier_objects_are_lost(void **state)
{
	(void)state;
	loses_without(DRAINER, 2, 2);
}

static void
without_waiting_for_the_hot_pair_objects_are_lost(void **state)
{
	(void)state;
	loses_without(DRAINER, 3, 4);
}

static void
without_waiting_for_pins_objects_are_lost(void **state)
{
	(void)state;
	loses_without(DRAINER, 5, 6);
}

static void
without_shutting_the_slots_objects_are_lost(void **state)
{
	(void)state;
	loses_without(DRAINER, 1, 1);
}

static void
without_the_flag_objects_are_lost(void **state)
{
	(void)state;
	loses_without(OWNER, 0, 0);
}

static void
without_the_pins_flag_objects_are_lost(void **state)
{
	(void)state;
	loses_without(OWNER, 8, 8);
}

static void
without_the_pins_look_objects_are_lost(void **state)
{
	(void)state;
	programs_load();
	walk.code[OWNER][9] = (struct step){ SKIP, 0, 0 };
	walk.code[OWNER][10] = (struct step){ SKIP, 0, 0 };
	walk_all();
	assert_true(walk.lost > 0);
}

/* What the signal fence forbids the compiler. */
static void
with_the_load_before_the_store_objects_are_lost(void **state)
{
	(void)state;
	programs_load();
	walk.code[OWNER][0] = owner_code[1];
	walk.code[OWNER][1] = owner_code[0];
	walk_all();
	assert_true(walk.lost > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(H_no_schedule_loses_an_object),
		cmocka_unit_test(without_the_membarrier_objects_are_lost),
		cmocka_unit_test(
		    without_waiting_for_the_hot_pair_objects_are_lost),
		cmocka_unit_test(without_waiting_for_pins_objects_are_lost),
		cmocka_unit_test(without_shutting_the_slots_objects_are_lost),
		cmocka_unit_test(without_the_flag_objects_are_lost),
		cmocka_unit_test(without_the_pins_flag_objects_are_lost),
		cmocka_unit_test(without_the_pins_look_objects_are_lost),
		cmocka_unit_test(
		    with_the_load_before_the_store_objects_are_lost),
	};

	return cmocka_run_group_tests_name("flag protocol", tests, NULL, NULL);
}
