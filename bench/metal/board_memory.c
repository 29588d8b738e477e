/* SPDX-License-Identifier: MIT */
/*
 * Test of memory: march tests of free frames, by each hart alone and by all.
 *
 * Theory of operation
 *
 * 1. All free frames are taken but for a reserve, from which the machine goes
 *    on living. They are held as spans; of each a window is tested: the whole
 *    span, or, when time is short, a share of it at a place that the seed
 *    chooses.
 * 2. With every frame asked for, a second round follows: what is left of the
 *    reserve is taken too, and as much of what has been tested is let go for
 *    it. For the moment between no frame is free.
 * 3. In a round each hart tests all windows while the others sleep, then all
 *    test together, each a share of every window. One test is the passes of
 *    march.h, each over all windows before the next begins, in the opposite
 *    order when it goes down. Interrupts are served all the while.
 * 4. The first few faulty words of each test are noted. What they have in
 *    common is judged at the end.
 */
#include <kernel/instr.h>
#include <kernel/lock.h>
#include <kernel/time.h>
#include <mm/frame.h>
#include <mm/kmem.h>

#include "../adapter.h"
#include "board_state.h"

static inline uint64_t
cell_load(volatile uint64_t *p)
{
	return *p;
}

static inline void
cell_store(volatile uint64_t *p, uint64_t v)
{
	const struct board_plant *bp = &board_plant;

	if ((uintptr_t)p == bp->stuck_at)
		v = bp->stuck_one ? v | bp->stuck_mask : v & ~bp->stuck_mask;
	*p = v;
}

#define MARCH_LOAD  cell_load
#define MARCH_STORE cell_store
#include "../march.h"

#define TAG_BOARD       ((unsigned)FRAME_TAG_USER + 2)
#define RUN_FRAMES      ((size_t)4096) /* of one span */
#define SPANS_MIN       1024u
#define RESERVE_FRAMES  64u /* and RESERVE_SHARE of all */
#define RESERVE_SHARE   64u
#define SLICE_WORDS     ((size_t)8192) /* between two looks around */
#define FRAME_WORDS     (FRAME_SIZE / sizeof(uint64_t))
#define PROBE_FRAMES    ((size_t)64) /* for the pace */
#define TIME_DEFAULT_NS UINT64_C(1000000000)
#define FAULTS_MAX      8u
#define QUICK           2u /* backgrounds, unless all frames are asked for */
#define WATCH_NS        UINT64_C(10000000)

enum {
	HART,
	BYTES,
	NS,
	ERRORS,
	FRAMES,
	FREE,
	ADDR,
	PHYSICAL,
	ONES,
	ZEROS,
	WANT,
	GOT,
	PASS,
	STUCK
};

struct span {
	char *sp_run;
	size_t sp_frames;
	size_t sp_first, sp_window; /* frames */
};

/* One test: of one hart, or of all. */
struct set {
	struct march se_march;
	int64_t se_hart; /* -1: all */
	uint64_t se_bytes, se_ns;
	_Atomic uint64_t se_errors;
	atomic_bool se_done;
	struct klock se_lock; /* guards what follows */
	unsigned se_faults;
	struct march_fault se_fault[FAULTS_MAX];
};

struct memory {
	struct span *me_spans;
	size_t me_n, me_max;
	size_t me_free, me_keep; /* frames */
	size_t me_tested;
	uint64_t me_total;         /* words times passes, of all tests */
	_Atomic uint64_t me_words; /* of them done */
	struct set *me_sets;       /* by hart's index, then of all */
};

static void
on_fault(
    void *arg, volatile uint64_t *p, uint64_t want, uint64_t got, unsigned pass)
{
	struct set *se = arg;
	unsigned long irq = klock_acquire(&se->se_lock);
	unsigned i = 0;

	while (i < se->se_faults && se->se_fault[i].mf_word != p)
		i++;
	if (i < FAULTS_MAX) {
		se->se_fault[i].mf_word = p;
		march_fault_add(&se->se_fault[i], want, got, pass);
		if (i == se->se_faults)
			se->se_faults++;
	}
	klock_release(&se->se_lock, irq);
}

/* ---- frames ---- */

static bool
take_run(struct memory *me, size_t frames)
{
	struct span *sp = &me->me_spans[me->me_n];

	if (me->me_n == me->me_max)
		return false;
	sp->sp_run = frame_alloc(frames, 1, FRAME_NOWAIT, TAG_BOARD);
	if (sp->sp_run == NULL)
		return false;
	sp->sp_frames = sp->sp_window = frames;
	sp->sp_first = 0;
	me->me_n++;
	return true;
}

/* Everything but `keep` frames, in runs as long as there are. */
static void
take(struct memory *me, size_t keep)
{
	size_t run = RUN_FRAMES, left;

	while (run > 0 && (left = frame_free_count()) > keep) {
		if (run > left - keep)
			run = left - keep;
		if (!take_run(me, run))
			run /= 2;
	}
}

static void
give(struct span *sp)
{
	if (sp->sp_frames != 0)
		frame_free(sp->sp_run, sp->sp_frames);
	sp->sp_frames = sp->sp_window = 0;
}

/* The second round: the reserve's turn. */
static void
change(struct memory *me, unsigned sets)
{
	size_t first = me->me_n, i, given = 0;

	for (i = 0; i < sets; i++)
		atomic_store_explicit(
		    &me->me_sets[i].se_done, false, memory_order_relaxed);
	/* Frames in the harts' caches are free, too. */
	(void)frame_flush_all();
	take(me, 0);
	for (i = 0; i < first; i++) {
		if (given < me->me_keep) {
			given += me->me_spans[i].sp_frames;
			give(&me->me_spans[i]);
		}
		me->me_spans[i].sp_window = 0;
	}
	for (; i < me->me_n; i++)
		me->me_tested += me->me_spans[i].sp_window;
}

/* ---- one test ---- */

/* Words [from, to) of a window, in slices; false when it is to end. */
static bool
march_words(struct board *b, struct set *se, unsigned index, unsigned pass,
    volatile uint64_t *p, size_t n)
{
	struct memory *me = b->bd_own;
	bool down = march_pass_of(&se->se_march, pass)->mp_down != 0;
	size_t at, slice, faults;
	uint64_t done;

	for (at = 0; at < n; at += slice) {
		slice = n - at < SLICE_WORDS ? n - at : SLICE_WORDS;
		faults = march_run(&se->se_march, pass,
		    down ? p + (n - at - slice) : p + at, slice);
		/* Relaxed: figures. */
		atomic_fetch_add_explicit(
		    &se->se_errors, faults, memory_order_relaxed);
		done = slice +
		    atomic_fetch_add_explicit(
			&me->me_words, slice, memory_order_relaxed);
		if (index == 0 ? !board_go_on(b, done, me->me_total)
			       : board_stopped(b))
			return false;
	}
	return true;
}

/* Part `part` of `parts` of every window, all passes. */
static void
test(struct board *b, struct set *se, unsigned index, unsigned part,
    unsigned parts)
{
	struct memory *me = b->bd_own;
	unsigned pass;
	size_t i;

	for (pass = 0; pass < march_length(&se->se_march); pass++) {
		bool down = march_pass_of(&se->se_march, pass)->mp_down != 0;

		for (i = 0; i < me->me_n; i++) {
			struct span *sp =
			    &me->me_spans[down ? me->me_n - 1 - i : i];
			size_t words = sp->sp_window * FRAME_WORDS;
			size_t from = words * part / parts;
			size_t to = words * (part + 1) / parts;
			volatile uint64_t *p =
			    (volatile uint64_t *)(void *)(sp->sp_run +
				sp->sp_first * FRAME_SIZE);

			if (!march_words(
				b, se, index, pass, p + from, to - from))
				return;
		}
	}
}

/* The caller's hart, while another one tests. */
static void
watch(struct board *b, struct set *se)
{
	struct memory *me = b->bd_own;

	/* Acquire pairs with the release in memory_step. */
	while (!atomic_load_explicit(&se->se_done, memory_order_acquire) &&
	    board_go_on(b,
		atomic_load_explicit(&me->me_words, memory_order_relaxed),
		me->me_total))
		crew_sleep(WATCH_NS);
}

static void
memory_step(struct crew *crew, struct board *b, unsigned index, unsigned step)
{
	struct memory *me = b->bd_own;
	unsigned sets = b->bd_harts + 1u, at = step % sets;
	struct set *se = &me->me_sets[at];
	bool together = at == b->bd_harts;
	uint64_t from = time_ns();

	/* It is this hart's turn, and the others are asleep. */
	if (step == sets && index == 0)
		change(me, sets);
	if (together) {
		test(b, se, index, index, b->bd_harts);
	} else if (index == at) {
		se->se_hart = crew_hart(crew, index);
		test(b, se, index, 0, 1);
		atomic_store_explicit(&se->se_done, true, memory_order_release);
	} else if (index == 0) {
		watch(b, se);
	}
	/* Of all together: the caller's share of it. */
	if (index == (together ? 0 : at))
		se->se_ns += time_ns() - from;
}

static void
memory_run(struct crew *crew, void *arg, unsigned index)
{
	struct board *b = arg;

	board_steps(crew, b, index,
	    (b->bd_harts + 1u) * (b->bd_opt->all ? 2u : 1u), memory_step);
}

/* ---- before and after ---- */

/* How many frames of all can be tested in time: by a try of a few. */
static size_t
affordable(struct board *b, struct set *trial)
{
	struct memory *me = b->bd_own;
	struct span *sp = &me->me_spans[0];
	uint64_t limit = b->bd_opt->time_ns, from, ns;
	size_t frames;
	unsigned pass;

	if (b->bd_opt->all)
		return me->me_free;
	if (b->bd_opt->n != 0)
		return b->bd_opt->n;
	if (limit == 0)
		limit = TIME_DEFAULT_NS;
	frames = sp->sp_frames < PROBE_FRAMES ? sp->sp_frames : PROBE_FRAMES;
	from = time_ns();
	for (pass = 0; pass < march_length(&trial->se_march); pass++)
		(void)march_run(&trial->se_march, pass,
		    (volatile uint64_t *)(void *)sp->sp_run,
		    frames * FRAME_WORDS);
	ns = time_ns() - from + 1u;
	return (size_t)(limit * frames / ns / (b->bd_harts + 1u)) + 1u;
}

/* Cut the windows so that `frames` of all that is held are tested. */
static void
choose(struct board *b, size_t frames)
{
	struct memory *me = b->bd_own;
	uint64_t random = bench_seed(b->bd_opt->seed, 0);
	size_t held = 0, i, room;

	for (i = 0; i < me->me_n; i++)
		held += me->me_spans[i].sp_frames;
	for (i = 0; i < me->me_n; i++) {
		struct span *sp = &me->me_spans[i];
		uintptr_t planted =
		    board_plant.stuck_at - (uintptr_t)sp->sp_run;

		if (frames < held)
			sp->sp_window =
			    (sp->sp_frames * frames + held - 1) / held;
		me->me_tested += sp->sp_window;
		room = sp->sp_frames - sp->sp_window + 1;
		sp->sp_first = (size_t)(bench_random(&random) % room);
		/* A planted bit is to be seen: the sample includes it. */
		planted >>= FRAME_SHIFT;
		if (board_plant.stuck_mask != 0 && planted < sp->sp_frames)
			sp->sp_first = planted < room ? planted : room - 1;
	}
	if (board_plant.stuck_mask != 0 && board_plant.stuck_at == 0)
		board_plant.stuck_at = (uintptr_t)me->me_spans[0].sp_run +
		    me->me_spans[0].sp_first * FRAME_SIZE;
}

static bool
memory_open(struct board *b)
{
	struct memory *me = b->bd_own;
	unsigned sets = b->bd_harts + 2u, i; /* the last: for the pace */
	struct march *together;

	me->me_max = SPANS_MIN + frame_free_count() / (RUN_FRAMES / 2);
	me->me_spans = kzalloc(me->me_max * sizeof(me->me_spans[0]), 0);
	me->me_sets = kzalloc(sets * sizeof(me->me_sets[0]), 0);
	if (me->me_spans == NULL || me->me_sets == NULL)
		return false;
	for (i = 0; i < sets; i++)
		me->me_sets[i] = (struct set){
			.se_hart = -1,
			.se_march = {
				.ma_backgrounds = QUICK,
				.ma_seed = b->bd_opt->seed,
				.ma_fault = on_fault,
				.ma_arg = &me->me_sets[i],
			},
		};
	together = &me->me_sets[b->bd_harts].se_march;
	if (b->bd_opt->all)
		together->ma_backgrounds = MARCH_BACKGROUNDS;
	(void)frame_flush_all();
	me->me_free = frame_free_count();
	me->me_keep = RESERVE_FRAMES + me->me_free / RESERVE_SHARE;
	take(me, me->me_keep);
	if (me->me_n == 0)
		return false;
	choose(b, affordable(b, &me->me_sets[sets - 1]));
	me->me_total = me->me_tested * FRAME_WORDS *
	    (b->bd_harts * march_length(&me->me_sets[0].se_march) +
		march_length(together));
	return true;
}

static void
report_fault(struct board *b, const struct set *se,
    const struct march_fault *mf, size_t i)
{
	int64_t *row = board_row(b, i);

	row[HART] = se->se_hart;
	row[ADDR] = (int64_t)(uintptr_t)mf->mf_word;
	row[PHYSICAL] = (int64_t)instr_physical(mf->mf_word);
	row[ONES] = (int64_t)mf->mf_ones;
	row[ZEROS] = (int64_t)mf->mf_zeros;
	row[ERRORS] = (int64_t)mf->mf_count;
	row[WANT] = (int64_t)mf->mf_want;
	row[GOT] = (int64_t)mf->mf_got;
	row[PASS] = mf->mf_pass;
	row[STUCK] = march_is_stuck(&se->se_march, mf) ? 1 : 0;
}

static void
report(struct board *b, const struct set *se, size_t first)
{
	struct memory *me = b->bd_own;
	int64_t *row = board_row(b, first);
	unsigned i;

	/* Ended early, it has not tested what it was to. */
	if (!board_stopped(b))
		row[HART] = se->se_hart;
	row[BYTES] = (int64_t)(me->me_tested * FRAME_SIZE);
	row[NS] = (int64_t)se->se_ns;
	row[ERRORS] = (int64_t)se->se_errors;
	row[FRAMES] = (int64_t)me->me_tested;
	row[FREE] = (int64_t)me->me_free;
	for (i = 0; i < se->se_faults; i++)
		report_fault(b, se, &se->se_fault[i], first + 1 + i);
}

static void
memory_close(struct board *b)
{
	struct memory *me = b->bd_own;
	size_t i;

	for (i = 0; i < me->me_n; i++)
		give(&me->me_spans[i]);
	if (me->me_n != 0)
		for (i = 0; i <= b->bd_harts; i++)
			report(b, &me->me_sets[i], i * (1 + FAULTS_MAX));
	kfree(me->me_sets);
	kfree(me->me_spans);
}

const struct board_part board_memory = {
	.name = "memory",
	.columns = "hart bytes ns errors frames free addr physical ones zeros "
		   "want got pass stuck",
	.rows = 1 + FAULTS_MAX,
	.rows_hart = 1 + FAULTS_MAX,
	.own_bytes = sizeof(struct memory),
	.open = memory_open,
	.close = memory_close,
	.run = memory_run,
};
