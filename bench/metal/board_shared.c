/* SPDX-License-Identifier: MIT */
/*
 * What harts share: lines of memory, and words that they change by atomics.
 *
 * Theory of operation
 *
 * 1. Ping-pong. Two harts hand one line to and fro: each waits until the word
 *    is its own, checks the seven other words, writes them anew and passes the
 *    word on. A word that is not what the other wrote is an error: the line was
 *    torn, or the stores came out of order.
 * 2. False sharing. Both count in words of their own, first in one line, then
 *    in two. A count that is not complete is an error.
 * 3. Both spin, for a few ms at most (bench/metal/board.c).
 * 4. Atomics. Every hart does all operations on the same words as fast as it
 *    can. Sums are compared at the end; bits are toggled by their owner, who
 *    sees in each answer whether anybody else's store has brought back an old
 *    word. sc may be refused at any time, but not a million times in a row.
 */
#include <kernel/instr.h>
#include <kernel/time.h>

#include "board_state.h"

#define LINE_WORDS     8u /* 64 bytes: every core of today, and then some */
#define PINGS          1000u
#define PINGS_MIN      16u /* fewer: the harts take turns */
#define PING_LIMIT_NS  UINT64_C(50000000)
#define FAILED_MAX     3u /* pairs; then the others need not spin in vain */
#define COUNTS         100000u
#define START_LIMIT_NS UINT64_C(2000000)
#define HAMMER_DEFAULT 20000u
#define REFUSALS_MAX   1000000u
#define BIT_OWNERS     64u

enum {
	LINE_HART,
	LINE_OTHER,
	LINE_ROUNDS,
	LINE_NS,
	LINE_SAME,
	LINE_APART,
	LINE_ERRORS
};

struct lines {
	_Alignas(64) _Atomic uint64_t ln_turn;
	uint64_t ln_words[LINE_WORDS - 1];
	_Alignas(64) uint64_t ln_same[16];
	uint64_t ln_apart[32]; /* [0] and [16] */
	_Atomic uint64_t ln_ready[2];
	/* By side, of the present step. */
	uint64_t ln_rounds, ln_ns;
	uint64_t ln_errors[2], ln_took[2][2];
	/* Of all steps. */
	bool ln_played;     /* some pair */
	unsigned ln_failed; /* pairs, before */
};

static uint64_t
pattern(uint64_t turn, unsigned i)
{
	return (turn + i) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Turns 2k are side 0's, 2k + 1 side 1's. */
static void
ping(struct lines *ln, unsigned side)
{
	uint64_t from = time_ns(), until = from + PING_LIMIT_NS, turn;
	unsigned i;

	for (turn = side; turn < 2 * PINGS; turn += 2) {
		uint64_t now = time_ns();

		if (now >= until ||
		    !board_spin(&ln->ln_turn, turn, until - now))
			break;
		for (i = 0; i < LINE_WORDS - 1; i++) {
			if (turn > 0 && ln->ln_words[i] != pattern(turn, i))
				ln->ln_errors[side]++;
			ln->ln_words[i] = pattern(turn + 1, i);
		}
		/* Release: pairs with the acquire in board_spin. */
		atomic_store_explicit(
		    &ln->ln_turn, turn + 1, memory_order_release);
	}
	if (side == 0) {
		ln->ln_rounds = turn / 2;
		ln->ln_ns = time_ns() - from;
	}
}

/* Count COUNTS in *word, together with the other side if it comes. */
static uint64_t
count(
    struct lines *ln, unsigned side, volatile uint64_t *word, uint64_t meeting)
{
	uint64_t from;
	unsigned i;

	atomic_store_explicit(
	    &ln->ln_ready[side], meeting, memory_order_release);
	(void)board_spin(&ln->ln_ready[1 - side], meeting, START_LIMIT_NS);
	from = time_ns();
	for (i = 0; i < COUNTS; i++)
		*word = *word + 1;
	return time_ns() - from;
}

static void
lines_report(struct board *b, unsigned step, int64_t hart, int64_t other)
{
	struct lines *ln = b->bd_own;
	int64_t *row = board_row(b, step);
	uint64_t counted = ln->ln_same[0] + ln->ln_same[1] + ln->ln_apart[0] +
	    ln->ln_apart[16];
	bool played = ln->ln_rounds >= PINGS_MIN;

	row[LINE_HART] = hart;
	row[LINE_OTHER] = other;
	row[LINE_ROUNDS] = (int64_t)ln->ln_rounds;
	row[LINE_ERRORS] = (int64_t)(ln->ln_errors[0] + ln->ln_errors[1]) +
	    (counted != 4u * COUNTS ? 1 : 0);
	if (played) {
		row[LINE_NS] = (int64_t)(ln->ln_ns / ln->ln_rounds);
		row[LINE_SAME] =
		    (int64_t)((ln->ln_took[0][0] + ln->ln_took[1][0]) / 2);
		row[LINE_APART] =
		    (int64_t)((ln->ln_took[0][1] + ln->ln_took[1][1]) / 2);
	}
	*ln = (struct lines){
		.ln_played = ln->ln_played || played,
		.ln_failed = ln->ln_failed + (played ? 0u : 1u),
	};
}

/* Two steps a pair: the test, then, when both have left it, the report. */
static void
lines_step(struct crew *crew, struct board *b, unsigned index, unsigned step)
{
	struct lines *ln = b->bd_own;
	unsigned from, to, side, pair = step / 2;

	board_pair(b, pair, &from, &to);
	if (from > to || (index != from && index != to))
		return;
	if (step % 2 != 0) {
		if (index == from)
			lines_report(b, pair, crew_hart(crew, from),
			    crew_hart(crew, to));
		return;
	}
	side = index == from ? 0 : 1;
	if (ln->ln_played || ln->ln_failed < FAILED_MAX)
		ping(ln, side);
	ln->ln_took[side][0] = count(ln, side, &ln->ln_same[side], 1);
	ln->ln_took[side][1] = count(ln, side, &ln->ln_apart[16 * side], 2);
}

static void
lines_run(struct crew *crew, void *arg, unsigned index)
{
	struct board *b = arg;

	board_steps(crew, b, index, 2 * board_pairs(b), lines_step);
}

const struct board_part board_lines = {
	.name = "cache",
	.columns = "hart other rounds round_ns same_ns apart_ns errors",
	.rows_pair = 1,
	.own_bytes = sizeof(struct lines),
	.run = lines_run,
};

/* ---- atomics ---- */

enum { ATOM_OP, ATOM_WANT, ATOM_GOT, ATOM_REFUSED };
enum {
	OP_ADD32,
	OP_ADD64,
	OP_BITS,
	OP_XOR,
	OP_MAX,
	OP_SWAP,
	OP_LRSC32,
	OP_LRSC64,
	OPS
};

struct atomics {
	_Alignas(64) _Atomic uint32_t at_add32;
	uint32_t at_lrsc32;
	_Alignas(64) _Atomic uint64_t at_add64;
	_Atomic uint64_t at_bits, at_xor, at_swap;
	uint64_t at_max, at_lrsc64;
	/* Of all harts, added up at the end of each. */
	_Atomic uint64_t at_wrong[OPS], at_put, at_got, at_refused[2];
};

struct hammer {
	struct atomics *ha_at;
	uint64_t ha_wrong[OPS];
	uint64_t ha_put, ha_got, ha_max;
	uint64_t ha_refused[2];
	uint64_t ha_bit; /* 0: owns none */
};

static void
hammer_lrsc(struct hammer *ha)
{
	unsigned refused = 0;

	while (!arch_lrsc_add32(&ha->ha_at->at_lrsc32, 1) &&
	    refused < REFUSALS_MAX)
		refused++;
	ha->ha_refused[0] += refused;
	refused = 0;
	while (!arch_lrsc_add64(&ha->ha_at->at_lrsc64, 3) &&
	    refused < REFUSALS_MAX)
		refused++;
	ha->ha_refused[1] += refused;
}

/* Relaxed all over: only the words themselves are under test. */
static void
hammer(struct hammer *ha, uint64_t token)
{
	struct atomics *at = ha->ha_at;
	uint64_t bit = ha->ha_bit, was;

	atomic_fetch_add_explicit(&at->at_add32, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(
	    &at->at_add64, UINT64_C(0x100000003), memory_order_relaxed);
	was = atomic_fetch_or_explicit(&at->at_bits, bit, memory_order_relaxed);
	ha->ha_wrong[OP_BITS] += (was & bit) != 0 ? 1u : 0u;
	was =
	    atomic_fetch_and_explicit(&at->at_bits, ~bit, memory_order_relaxed);
	ha->ha_wrong[OP_BITS] += (was & bit) != bit ? 1u : 0u;
	was = atomic_fetch_xor_explicit(&at->at_xor, bit, memory_order_relaxed);
	ha->ha_wrong[OP_XOR] += (was & bit) != 0 ? 1u : 0u;
	was = atomic_fetch_xor_explicit(&at->at_xor, bit, memory_order_relaxed);
	ha->ha_wrong[OP_XOR] += (was & bit) != bit ? 1u : 0u;
	was = arch_amo_max64(&at->at_max, token);
	ha->ha_wrong[OP_MAX] += was < ha->ha_max ? 1u : 0u;
	ha->ha_max = token > was ? token : was;
	ha->ha_put += token;
	ha->ha_got +=
	    atomic_exchange_explicit(&at->at_swap, token, memory_order_relaxed);
	hammer_lrsc(ha);
}

static void
add_up(struct hammer *ha)
{
	struct atomics *at = ha->ha_at;
	unsigned i;

	for (i = 0; i < OPS; i++)
		atomic_fetch_add(&at->at_wrong[i], ha->ha_wrong[i]);
	atomic_fetch_add(&at->at_put, ha->ha_put);
	atomic_fetch_add(&at->at_got, ha->ha_got);
	for (i = 0; i < 2; i++)
		atomic_fetch_add(&at->at_refused[i], ha->ha_refused[i]);
}

static void
set_row(struct board *b, unsigned op, uint64_t want, uint64_t got)
{
	int64_t *row = board_row(b, op);

	row[ATOM_OP] = op;
	row[ATOM_WANT] = (int64_t)want;
	row[ATOM_GOT] = (int64_t)got;
}

static void
atomics_report(struct board *b, uint64_t n)
{
	struct atomics *at = b->bd_own;
	unsigned i;

	set_row(b, OP_ADD32, (uint32_t)n, at->at_add32);
	set_row(b, OP_ADD64, n * UINT64_C(0x100000003), at->at_add64);
	set_row(b, OP_BITS, 0, at->at_wrong[OP_BITS] + at->at_bits);
	set_row(b, OP_XOR, 0, at->at_wrong[OP_XOR] + at->at_xor);
	set_row(b, OP_MAX, n, at->at_max + at->at_wrong[OP_MAX]);
	set_row(b, OP_SWAP, at->at_put, at->at_got + at->at_swap);
	set_row(b, OP_LRSC32, (uint32_t)n, at->at_lrsc32);
	set_row(b, OP_LRSC64, n * 3u, at->at_lrsc64);
	for (i = 0; i < 2; i++)
		board_row(b, OP_LRSC32 + i)[ATOM_REFUSED] =
		    (int64_t)at->at_refused[i];
}

static void
atomics_run(struct crew *crew, void *arg, unsigned index)
{
	struct board *b = arg;
	uint64_t n = b->bd_opt->n != 0 ? b->bd_opt->n : HAMMER_DEFAULT, i;
	struct hammer ha = { .ha_at = b->bd_own };

	if (index < BIT_OWNERS)
		ha.ha_bit = UINT64_C(1) << index;
	crew_meet(crew);
	/* Tokens are 1 … n times harts, each once. */
	for (i = 0; i < n && !board_stopped(b); i++) {
		hammer(&ha, i * b->bd_harts + index + 1u);
		if (index == 0 && i % 256u == 0)
			(void)board_go_on(b, i, n);
	}
	add_up(&ha);
	crew_meet(crew);
	if (index == 0 && !board_stopped(b))
		atomics_report(b, n * b->bd_harts);
}

const struct board_part board_atomics = {
	.name = "atomic",
	.columns = "op want got refused",
	.rows = OPS,
	.own_bytes = sizeof(struct atomics),
	.run = atomics_run,
};
