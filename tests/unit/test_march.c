/* SPDX-License-Identifier: MIT */
/*
 * bench/march.h on memory that is faulty in known ways, bench/drift.h on clocks
 * that are. The memory is WORDS words; one of them, or one that another one
 * disturbs, misbehaves as the model says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/drift.h"

#define WORDS 9u

enum model {
	HEALTHY,
	STUCK,      /* the bit is `value` */
	TRANSITION, /* the bit cannot become `value` again */
	FLAKY,      /* every third read has the bit inverted */
	WEAK,       /* every third read has the bit as `value` */
	INVERSION,  /* when the aggressor becomes `value`, the bit inverts */
	IDEMPOTENT, /* … the bit becomes `forced` */
	STATE,      /* while the aggressor is `value`, the bit is `forced` */
	ALIAS,      /* the aggressor's address reaches the victim's cell */
	NO_CELL     /* the victim's address reaches none */
};

static struct {
	enum model model;
	unsigned victim, bit;
	unsigned aggressor, aggressor_bit;
	bool value, forced;
	unsigned reads;
} fault;
static uint64_t words[WORDS];

static void
set_bit(uint64_t *p, unsigned bit, bool value)
{
	*p = (*p & ~(UINT64_C(1) << bit)) | (uint64_t)value << bit;
}

static bool
get_bit(uint64_t v, unsigned bit)
{
	return (v >> bit & 1) != 0;
}

/* The victim suffers from what the aggressor's word was and is. */
static void
disturb(uint64_t was, uint64_t is)
{
	bool before = get_bit(was, fault.aggressor_bit);
	bool after = get_bit(is, fault.aggressor_bit);
	uint64_t *victim = &words[fault.victim];

	if (before == after || after != fault.value)
		return;
	if (fault.model == INVERSION)
		*victim ^= UINT64_C(1) << fault.bit;
	else if (fault.model == IDEMPOTENT)
		set_bit(victim, fault.bit, fault.forced);
}

static uint64_t
model_load(volatile uint64_t *p)
{
	unsigned i = (unsigned)(p - words);
	uint64_t v = words[i];

	if (fault.model == ALIAS && i == fault.aggressor)
		v = words[fault.victim];
	if (i != fault.victim)
		return v;
	if (fault.model == NO_CELL)
		return 0;
	if (fault.model == STATE &&
	    get_bit(words[fault.aggressor], fault.aggressor_bit) == fault.value)
		set_bit(&v, fault.bit, fault.forced);
	if (fault.model == FLAKY && ++fault.reads % 3 == 0)
		v ^= UINT64_C(1) << fault.bit;
	if (fault.model == WEAK && ++fault.reads % 3 == 0)
		set_bit(&v, fault.bit, fault.value);
	return v;
}

static void
model_store(volatile uint64_t *p, uint64_t v)
{
	unsigned i = (unsigned)(p - words);
	uint64_t was = words[i];

	if (fault.model == ALIAS && i == fault.aggressor)
		i = fault.victim;
	if (fault.model == STUCK && i == fault.victim)
		set_bit(&v, fault.bit, fault.value);
	if (fault.model == TRANSITION && i == fault.victim &&
	    get_bit(was, fault.bit) != fault.value)
		set_bit(&v, fault.bit, !fault.value);
	words[i] = v;
	if (i == fault.aggressor)
		disturb(was, v);
}

#define MARCH_LOAD  model_load
#define MARCH_STORE model_store
#include "bench/march.h"

static struct march_fault first;
static unsigned faulty_words;

static void
note(
    void *arg, volatile uint64_t *p, uint64_t want, uint64_t got, unsigned pass)
{
	(void)arg;
	assert_true(want != got);
	if (first.mf_word == NULL) {
		first.mf_word = p;
		faulty_words = 1;
	}
	if (first.mf_word == p)
		march_fault_add(&first, want, got, pass);
	else
		faulty_words = 2;
}

static struct march march = {
	.ma_backgrounds = MARCH_BACKGROUNDS, .ma_seed = 7, .ma_fault = note
};

/* Passes [0, n) over memory that holds anything; how many reads differed. */
static size_t
passes(unsigned n)
{
	size_t wrong = 0;
	unsigned pass;

	memset(&first, 0, sizeof(first));
	faulty_words = 0;
	fault.reads = 0;
	memset(words, 0xa7, sizeof(words));
	for (pass = 0; pass < n; pass++)
		wrong += march_run(&march, pass, words, WORDS);
	return wrong;
}

static size_t
all_passes(void)
{
	return passes(march_length(&march));
}

static void
plant(enum model model, unsigned victim, unsigned bit, bool value)
{
	memset(&fault, 0, sizeof(fault));
	fault.model = model;
	fault.victim = victim;
	fault.bit = bit;
	fault.value = value;
	fault.aggressor = WORDS; /* nobody */
}

static void
I4_6_march_finds_nothing_in_healthy_memory(void **state)
{
	unsigned backgrounds;

	(void)state;
	plant(HEALTHY, 0, 0, false);
	for (backgrounds = 1; backgrounds <= MARCH_BACKGROUNDS; backgrounds++) {
		march.ma_backgrounds = backgrounds;
		assert_int_equal(march_length(&march), 6 * backgrounds + 3 + 3);
		assert_int_equal(all_passes(), 0);
	}
}

static void
I4_6_march_finds_and_names_every_stuck_bit(void **state)
{
	unsigned word, bit, value;

	(void)state;
	for (word = 0; word < WORDS; word++)
		for (bit = 0; bit < 64; bit++)
			for (value = 0; value < 2; value++) {
				uint64_t mask = UINT64_C(1) << bit;

				plant(STUCK, word, bit, value != 0);
				assert_true(all_passes() > 0);
				assert_int_equal(faulty_words, 1);
				assert_ptr_equal(first.mf_word, &words[word]);
				assert_true(
				    first.mf_ones == (value != 0 ? mask : 0));
				assert_true(
				    first.mf_zeros == (value != 0 ? 0 : mask));
				assert_true(march_is_stuck(&march, &first));
				assert_true(
				    (first.mf_want ^ first.mf_got) == mask);
			}
}

/* A cell that cannot come back is one that is stuck from then on. */
static void
I4_6_march_finds_every_transition_fault(void **state)
{
	unsigned word, value;

	(void)state;
	for (word = 0; word < WORDS; word++)
		for (value = 0; value < 2; value++) {
			plant(TRANSITION, word, 40, value != 0);
			assert_true(all_passes() > 0);
			assert_ptr_equal(first.mf_word, &words[word]);
			assert_true(march_is_stuck(&march, &first));
		}
}

static void
I4_6_a_flaky_bit_is_not_called_stuck(void **state)
{
	unsigned word, kind;

	(void)state;
	for (word = 0; word < 3 * WORDS; word++) {
		kind = word / WORDS;
		plant(kind == 2 ? FLAKY : WEAK, word % WORDS, 5, kind != 0);
		assert_true(all_passes() > 0);
		assert_ptr_equal(first.mf_word, &words[word % WORDS]);
		assert_false(march_is_stuck(&march, &first));
	}
}

/* March C- proper: one background, both orders of the two words. */
static void
I4_6_march_c_finds_coupling_between_words(void **state)
{
	static const enum model models[] = { INVERSION, IDEMPOTENT, STATE };
	unsigned m, pair, value, forced, missed_by_mats = 0;

	(void)state;
	march.ma_backgrounds = 1;
	for (m = 0; m < 3; m++)
		for (pair = 0; pair < WORDS * WORDS; pair++)
			for (value = 0; value < 2; value++)
				for (forced = 0; forced < 2; forced++) {
					if (pair / WORDS == pair % WORDS)
						continue;
					plant(models[m], pair / WORDS, 9,
					    value != 0);
					fault.aggressor = pair % WORDS;
					fault.aggressor_bit = 50;
					fault.forced = forced != 0;
					assert_true(passes(MARCH_FULL) > 0);
					assert_ptr_equal(first.mf_word,
					    &words[fault.victim]);
					/* Up alone is not enough. */
					missed_by_mats +=
					    passes(3) == 0 ? 1u : 0u;
				}
	assert_true(missed_by_mats > 0);
}

/* Two bits of one word: some background tells them apart. */
static void
I4_6_backgrounds_find_coupling_within_a_word(void **state)
{
	unsigned pair, value, forced, missed_by_one = 0;

	(void)state;
	for (pair = 0; pair < 64 * 64; pair++)
		for (value = 0; value < 2; value++)
			for (forced = 0; forced < 2; forced++) {
				if (pair / 64 == pair % 64)
					continue;
				plant(STATE, 4, pair / 64, value != 0);
				fault.aggressor = 4;
				fault.aggressor_bit = pair % 64;
				fault.forced = forced != 0;
				march.ma_backgrounds = MARCH_BACKGROUNDS;
				assert_true(
				    passes(MARCH_FULL * MARCH_BACKGROUNDS) > 0);
				missed_by_one +=
				    passes(MARCH_FULL) == 0 ? 1u : 0u;
			}
	assert_true(missed_by_one > 0);
}

static void
I4_6_march_finds_address_faults(void **state)
{
	unsigned pair;

	(void)state;
	march.ma_backgrounds = 1;
	for (pair = 0; pair < WORDS * WORDS; pair++) {
		if (pair / WORDS == pair % WORDS)
			continue;
		plant(ALIAS, pair / WORDS, 0, false);
		fault.aggressor = pair % WORDS;
		assert_true(passes(MARCH_FULL) > 0);
	}
	plant(NO_CELL, 3, 0, false);
	assert_true(passes(MARCH_FULL) > 0);
	assert_ptr_equal(first.mf_word, &words[3]);
}

/* Slices in the order of the pass are the pass. */
static void
I4_6_passes_go_both_ways(void **state)
{
	unsigned pass, down = 0;

	(void)state;
	march.ma_backgrounds = 2;
	for (pass = 0; pass < march_length(&march); pass++) {
		const struct march_pass *mp = march_pass_of(&march, pass);

		down += mp->mp_down;
		assert_true(
		    mp->mp_read != MARCH_NOT || mp->mp_write != MARCH_NOT);
	}
	assert_int_equal(down, 2 * 2 + 2);
	/* Another seed, other random values; the rest stays. */
	march.ma_seed = 1;
	pass = march_length(&march) - 1;
	assert_true(march_value(&march, pass, 64) != 64);
	march.ma_seed = 2;
	assert_true(
	    march_value(&march, pass, 64) != march_value(&march, pass, 72));
	assert_true(march_value(&march, pass - 3, 64) == 64);
}

/* ---- clocks ---- */

/* One exchange at true time t: way there, way back; the other runs at
 * ppm and is ahead by `ahead`. */
static void
exchange(struct drift_sample *ds, int64_t t, int64_t there, int64_t back,
    int64_t ahead, int64_t ppm)
{
	int64_t when = t + there;

	when += ahead + when * ppm / 1000000;
	drift_take(ds, t, when, t + there + back, 1);
}

static void
I4_6_a_sample_is_right_within_its_error(void **state)
{
	int64_t there, back, off;

	(void)state;
	for (there = 0; there < 2000; there += 37)
		for (back = 0; back < 2000; back += 41) {
			struct drift_sample ds = { .ds_error = 0 };

			exchange(&ds, 1000000, there, back, -12345, 0);
			off = ds.ds_offset + 12345;
			assert_true(llabs(off) <= ds.ds_error);
		}
}

static void
I4_6_the_fastest_exchange_counts(void **state)
{
	struct drift_sample ds = { .ds_error = 0 };

	(void)state;
	exchange(&ds, 0, 90000, 10, 500, 0);
	exchange(&ds, 1000000, 100, 100, 500, 0);
	exchange(&ds, 2000000, 10, 70000, 500, 0);
	assert_int_equal(ds.ds_offset, 500);
	assert_int_equal(ds.ds_error, 101);
	assert_int_equal(ds.ds_at, 1000100);
}

static void
I4_6_drift_shows_and_slowness_does_not(void **state)
{
	struct drift_sample a = { .ds_error = 0 }, b = { .ds_error = 0 };
	int64_t ppm, error;

	(void)state;
	assert_false(drift_between(&a, &b, &ppm, &error));
	exchange(&a, 1000000, 300, 500, 77, 180);
	exchange(&b, 101000000, 500, 300, 77, 180);
	assert_true(drift_between(&a, &b, &ppm, &error));
	assert_true(llabs(ppm - 180) <= error);
	assert_true(ppm > error);
	/* The same clock, seen through a busy machine. */
	b.ds_error = 0;
	exchange(&b, 101000000, 300, 40000, 77, 180);
	assert_true(drift_between(&a, &b, &ppm, &error));
	assert_true(llabs(ppm - 180) <= error);
	assert_true(ppm <= error);
	/* A good clock never drifts, whatever the ways are. */
	a.ds_error = b.ds_error = 0;
	exchange(&a, 0, 100000, 0, 0, 0);
	exchange(&b, 100000000, 0, 100000, 0, 0);
	assert_true(drift_between(&a, &b, &ppm, &error));
	assert_true(llabs(ppm) <= error);
	/* Backwards, and at the same moment: nothing to compare. */
	assert_false(drift_between(&b, &a, &ppm, &error));
	assert_false(drift_between(&a, &a, &ppm, &error));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I4_6_march_finds_nothing_in_healthy_memory),
		cmocka_unit_test(I4_6_march_finds_and_names_every_stuck_bit),
		cmocka_unit_test(I4_6_march_finds_every_transition_fault),
		cmocka_unit_test(I4_6_a_flaky_bit_is_not_called_stuck),
		cmocka_unit_test(I4_6_march_c_finds_coupling_between_words),
		cmocka_unit_test(I4_6_backgrounds_find_coupling_within_a_word),
		cmocka_unit_test(I4_6_march_finds_address_faults),
		cmocka_unit_test(I4_6_passes_go_both_ways),
		cmocka_unit_test(I4_6_a_sample_is_right_within_its_error),
		cmocka_unit_test(I4_6_the_fastest_exchange_counts),
		cmocka_unit_test(I4_6_drift_shows_and_slowness_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
