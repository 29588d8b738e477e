/* SPDX-License-Identifier: MIT */
/*
 * control/spin: arithmetic of a fixed length that allocates nothing and touches
 * no memory: what varies here is the machine's noise, not the allocator. An
 * operation is a round of the generator of random numbers. `round` is what one
 * took. Included by adapters.
 */

#define SPIN_STEP 1000u /* rounds */

struct spin_own {
	uint64_t si_took, si_rounds;
};

static size_t
spin_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct spin_own);
}

static bool
spin_open(struct lab_run *run)
{
	run->lr_heaps = 0;
	return true;
}

static enum lab_step
spin_step(struct lab_lane *lane)
{
	struct spin_own *own = lane->ln_own;
	uint64_t random = lane->ln_random, before = lane->ln_run->lr_tick();
	unsigned left;

	for (left = SPIN_STEP; left != 0; left--)
		(void)bench_random(&random);
	lane->ln_random = random;
	own->si_took += held_since(lane->ln_run, before);
	own->si_rounds += SPIN_STEP;
	lane->ln_ops += SPIN_STEP;
	return LAB_MORE;
}

static void
spin_close(struct lab_run *run)
{
	const struct spin_own *own = run->lr_lanes[0].ln_own;

	if (own->si_rounds != 0)
		lab_fact(run->lr_out, "round", held_unit(run), LAB_NEITHER,
		    own->si_took, own->si_rounds);
}
