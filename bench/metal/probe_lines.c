/* SPDX-License-Identifier: MIT */
/*
 * Probe of false sharing: does a cache line ever belong to two harts?
 *
 * Two harts take turns. A table knows, for each line, which hart holds objects
 * on it, and how many; an object that comes to lie on a line of the other hart
 * is counted. Three scripts, after the cases that Hoard's authors named:
 * active (both allocate in turn), passive (one frees what the other allocated,
 * then both go on), and mixed (random, objects change hands). The same scripts
 * on a cache of 8-byte objects that is not aligned to lines are the control: a
 * count of 0 there would mean that the probe is blind.
 */
#include <string.h>

#include "crew.h"
#include "probe_impl.h"

#define LINE       64u
#define LINES_LOG  15u
#define LINES      (1u << LINES_LOG)
#define HELD_MAX   512u /* objects of one hart */
#define TURNS      64u  /* of each hart in a script */
#define PER_TURN   32u
#define GOLDEN     UINT64_C(0x9e3779b97f4a7c15)
#define LARGE_SIZE 100u

struct line {
	uintptr_t ln_address; /* divided by LINE; 0: unused */
	unsigned ln_owner, ln_objects;
};

struct sharing {
	struct kmem_cache *sh_cache;
	size_t sh_size;
	struct turns sh_turns;
	bool sh_failed;
	uint64_t sh_shared, sh_taken;
	uint64_t sh_random;
	void *sh_held[2][HELD_MAX];
	unsigned sh_count[2];
	struct line sh_line[LINES];
};

static struct line *
line_at(struct sharing *sh, uintptr_t address)
{
	size_t i = (size_t)((uint64_t)address * GOLDEN >> (64 - LINES_LOG));
	size_t tries;

	for (tries = 0; tries < LINES; tries++, i = (i + 1) % LINES) {
		if (sh->sh_line[i].ln_address == address)
			return &sh->sh_line[i];
		if (sh->sh_line[i].ln_address == 0) {
			sh->sh_line[i].ln_address = address;
			return &sh->sh_line[i];
		}
	}
	sh->sh_failed = true;
	return &sh->sh_line[0];
}

/* An object comes to a hart, or leaves it. */
static void
own(struct sharing *sh, void *obj, unsigned hart, bool comes)
{
	uintptr_t first = (uintptr_t)obj / LINE;
	uintptr_t last = ((uintptr_t)obj + sh->sh_size - 1) / LINE;
	struct line *ln;

	for (; first <= last; first++) {
		ln = line_at(sh, first);
		if (!comes) {
			ln->ln_objects--;
			continue;
		}
		if (ln->ln_objects > 0 && ln->ln_owner != hart)
			sh->sh_shared++;
		ln->ln_owner = hart;
		ln->ln_objects++;
	}
}

static void
take(struct sharing *sh, unsigned hart)
{
	void *obj;

	if (sh->sh_count[hart] == HELD_MAX)
		return;
	obj = kmem_cache_alloc(sh->sh_cache, 0);
	if (obj == NULL) {
		sh->sh_failed = true;
		return;
	}
	own(sh, obj, hart, true);
	sh->sh_held[hart][sh->sh_count[hart]++] = obj;
	sh->sh_taken++;
}

/* `hart` frees one of the objects of `of`; at the end of its list or inside. */
static void
give(struct sharing *sh, unsigned of, unsigned at)
{
	void **held = sh->sh_held[of];
	void *obj;

	if (sh->sh_count[of] == 0)
		return;
	at %= sh->sh_count[of];
	obj = held[at];
	held[at] = held[--sh->sh_count[of]];
	own(sh, obj, of, false);
	kmem_cache_free(sh->sh_cache, obj);
}

static void
turn_active(struct sharing *sh, unsigned hart, unsigned turn)
{
	unsigned i;

	for (i = 0; i < 1 + turn % 4; i++)
		take(sh, hart);
}

/* Hart 0 fills, hart 1 frees its objects, then both allocate in turn. */
static void
turn_passive(struct sharing *sh, unsigned hart, unsigned turn)
{
	unsigned i;

	if (turn >= TURNS / 2) {
		turn_active(sh, hart, turn);
		return;
	}
	for (i = 0; i < PER_TURN; i++) {
		if (hart == 0)
			take(sh, 0);
		else
			give(sh, 0, i);
	}
}

static void
turn_mixed(struct sharing *sh, unsigned hart, unsigned turn)
{
	unsigned i, r;

	(void)turn;
	for (i = 0; i < PER_TURN; i++) {
		r = (unsigned)(bench_random(&sh->sh_random) >> 32);
		if ((r & 3u) < 2)
			take(sh, hart);
		else
			give(sh, (r & 3u) == 2 ? hart : 1 - hart, r >> 2);
	}
}

static void
lines_lane(struct crew *crew, void *arg, unsigned index)
{
	static void (*const script[])(struct sharing *, unsigned,
	    unsigned) = { turn_active, turn_passive, turn_mixed };
	struct sharing *sh = arg;
	unsigned s, turn;

	for (s = 0; s < sizeof(script) / sizeof(script[0]); s++) {
		for (turn = 0; turn < TURNS; turn++) {
			turns_await(&sh->sh_turns, index);
			script[s](sh, index, turn);
			/* Between scripts each frees its own. */
			while (turn == TURNS - 1 && sh->sh_count[index] > 0)
				give(sh, index, 0);
			turns_pass(&sh->sh_turns, crew, 1 - index);
		}
	}
}

static void
share(struct probe_out *out, struct sharing *sh, size_t size, unsigned flags)
{
	const struct kmem_options opt = { .flags = flags };
	uint64_t shared = sh->sh_shared, taken = sh->sh_taken;
	const char *why = NULL;

	memset(sh, 0, sizeof(*sh));
	sh->sh_shared = shared;
	sh->sh_taken = taken;
	sh->sh_size = size;
	sh->sh_random = bench_seed(12, 0);
	sh->sh_cache = probe_cache(out, size, &opt);
	if (sh->sh_cache == NULL)
		return;
	if (crew_run(2, lines_lane, sh, &why) != 0)
		out->po_error = why;
	/* The last of the mixed script: freed by the other after its end. */
	while (sh->sh_count[0] + sh->sh_count[1] > 0) {
		give(sh, 0, 0);
		give(sh, 1, 0);
	}
	if (sh->sh_failed)
		out->po_error = "an allocation failed, or the table is full";
	probe_uncache(out, sh->sh_cache);
}

void
probe_lines(struct probe_out *out)
{
	static const size_t sizes[] = { 8, 24, LINE, LARGE_SIZE };
	struct sharing *sh = probe_array(out, 1, sizeof(*sh));
	unsigned i;

	if (sh == NULL)
		return;
	for (i = 0; i < 4 && out->po_error == NULL; i++)
		share(out, sh, sizes[i], KMEM_HWALIGN);
	probe_fact(out, "lines.shared", sh->sh_shared, 1);
	probe_fact(out, "lines.taken", sh->sh_taken, 1);
	sh->sh_shared = sh->sh_taken = 0;
	if (out->po_error == NULL)
		share(out, sh, 8, 0);
	probe_fact(out, "lines.control", sh->sh_shared, 1);
	if (out->po_error == NULL && sh->sh_shared == 0)
		out->po_error = "the control found no shared line: the probe "
				"is blind";
	kfree(sh);
}
