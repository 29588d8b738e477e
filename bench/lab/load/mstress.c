/* SPDX-License-Identifier: MIT */
/*
 * smp/mstress: phases of a server, after the description of mstress in
 * mimalloc-bench. In a phase a hart allocates 100 · `scale` · (1 + index mod 8)
 * objects, so that harts have unequal work, of sizes that are powers of two,
 * each half as likely as the one before. Every other object is kept to the end
 * of the phase, the others are freed at random, and some change places with
 * what lies in a table that all harts share: those migrate, and survive the
 * phases. After `phases` of them hart 0 empties the table: a run has ended.
 *
 * A place of the table belongs to one size class and is changed by exchange
 * alone (acquire and release), so an object has one owner at a time, who sees
 * it as it was put in. Included by adapters.
 */

#define MSTRESS_STEP    512u /* actions, of all harts */
#define MSTRESS_FREE    256u /* objects freed in one step at a phase's end */
#define MSTRESS_PLACE   8u   /* places of the table for each class */
#define MSTRESS_UNIT    100u /* objects of a phase, at scale 1 */
#define MSTRESS_DOUBLES 10   /* sizes are 8 << 0 … 8 << 10 bytes */

struct mstress {
	unsigned ms_target; /* objects of a phase */
	unsigned ms_made;   /* allocated in this phase */
	unsigned ms_phase;
	bool ms_ending; /* the phase's objects are being freed */
	unsigned ms_shorts, ms_kept;
	struct item *ms_short; /* freed at random */
	struct item *ms_keep;  /* freed at the end of the phase */
};

static size_t
mstress_shared(const struct lab_run *run)
{
	(void)run;
	return CLASSES * MSTRESS_PLACE * sizeof(_Atomic(void *));
}

static unsigned
mstress_most(const struct lab_run *run)
{
	unsigned factor = run->lr_harts < 8u ? run->lr_harts : 8u;

	return MSTRESS_UNIT * count_param(run, "scale") * factor;
}

static size_t
mstress_lane(const struct lab_run *run)
{
	return sizeof(struct mstress) +
	    2u * (size_t)mstress_most(run) * sizeof(struct item);
}

static bool
mstress_enter(struct lab_lane *lane)
{
	const struct lab_run *run = lane->ln_run;
	struct mstress *ms = lane->ln_own;

	ms->ms_target = MSTRESS_UNIT * count_param(run, "scale") *
	    (1u + lane->ln_index % 8u);
	ms->ms_short = (void *)(ms + 1);
	ms->ms_keep = ms->ms_short + mstress_most(run);
	return true;
}

static bool
mstress_make(struct lab_lane *lane, struct mstress *ms, uint64_t r)
{
	/* Trailing zeros of random bits: each one more is half as likely. */
	size_t bytes = (size_t)8
	    << __builtin_ctzll(r >> 32 | UINT64_C(1) << MSTRESS_DOUBLES);
	bool keep = ms->ms_made % 2u != 0;
	struct item *it =
	    keep ? &ms->ms_keep[ms->ms_kept] : &ms->ms_short[ms->ms_shorts];

	if (!item_alloc(lane->ln_run, it, bytes))
		return false;
	ms->ms_kept += keep;
	ms->ms_shorts += !keep;
	ms->ms_made++;
	return true;
}

/* Free a random short-lived one, or let it change places with a migrant. */
static void
mstress_part(struct lab_lane *lane, struct mstress *ms, uint64_t r)
{
	_Atomic(void *) *table = lane->ln_run->lr_shared;
	struct item *it = &ms->ms_short[(uint32_t)(r >> 32) % ms->ms_shorts];

	if (r % 4u != 0) {
		item_free(lane->ln_run, it);
		lane->ln_ops++;
	} else {
		/* Pairs with itself on another hart. */
		it->it_obj = atomic_exchange_explicit(
		    &table[it->it_class * MSTRESS_PLACE +
			(r >> 8) % MSTRESS_PLACE],
		    it->it_obj, memory_order_acq_rel);
	}
	if (it->it_obj == NULL) {
		ms->ms_shorts--;
		*it = ms->ms_short[ms->ms_shorts];
		ms->ms_short[ms->ms_shorts].it_obj = NULL;
	}
}

static void
mstress_migrants(struct lab_run *run, struct lab_lane *lane)
{
	_Atomic(void *) *table = run->lr_shared;
	unsigned i;

	for (i = 0; i < CLASSES * MSTRESS_PLACE; i++) {
		struct item it = { NULL, i / MSTRESS_PLACE };

		/* Pairs with the exchange of mstress_part. */
		it.it_obj = atomic_exchange_explicit(
		    &table[i], NULL, memory_order_acq_rel);
		if (it.it_obj == NULL)
			continue;
		item_free(run, &it);
		if (lane != NULL)
			lane->ln_ops++;
	}
}

/* A slice of what the phase leaves, last first. */
static void
mstress_end(struct lab_lane *lane, struct mstress *ms)
{
	const unsigned phases = count_param(lane->ln_run, "phases");
	unsigned left = MSTRESS_FREE;

	for (; left != 0 && ms->ms_shorts != 0; left--, lane->ln_ops++)
		item_free(lane->ln_run, &ms->ms_short[--ms->ms_shorts]);
	for (; left != 0 && ms->ms_kept != 0; left--, lane->ln_ops++)
		item_free(lane->ln_run, &ms->ms_keep[--ms->ms_kept]);
	if (ms->ms_shorts != 0 || ms->ms_kept != 0)
		return;
	ms->ms_ending = false;
	ms->ms_made = 0;
	ms->ms_phase++;
	if (lane->ln_index == 0 && ms->ms_phase % phases == 0)
		mstress_migrants(lane->ln_run, lane);
}

static enum lab_step
mstress_step(struct lab_lane *lane)
{
	struct mstress *ms = lane->ln_own;
	unsigned left = share_of(lane->ln_run, MSTRESS_STEP);

	if (ms->ms_ending) {
		mstress_end(lane, ms);
		return LAB_MORE;
	}
	for (; left != 0 && ms->ms_made < ms->ms_target; left--) {
		uint64_t r = bench_random(&lane->ln_random);

		if ((r >> 16 & 1u) != 0 || ms->ms_shorts == 0) {
			if (!mstress_make(lane, ms, r))
				return LAB_FAIL;
		} else {
			mstress_part(lane, ms, r);
		}
	}
	ms->ms_ending = ms->ms_made >= ms->ms_target;
	return LAB_MORE;
}

static void
mstress_leave(struct lab_lane *lane)
{
	struct mstress *ms = lane->ln_own;

	items_drop(lane->ln_run, ms->ms_short, ms->ms_shorts);
	items_drop(lane->ln_run, ms->ms_keep, ms->ms_kept);
	ms->ms_shorts = ms->ms_kept = 0;
}

static void
mstress_close(struct lab_run *run)
{
	mstress_migrants(run, NULL);
	classes_close(run);
}
