/* SPDX-License-Identifier: MIT */
/*
 * The longest time with interrupts off.
 *
 * Theory of operation
 *
 * 1. Whoever keeps interrupts off makes a handler late. A timer of this hart is
 *    set to one random moment after the other while the hart does what the
 *    allocator can be asked for, the dear things above all; the handler notes
 *    how long after that moment it runs. The greatest delay of many thousands
 *    bounds how long the allocator, or the kernel beneath it, had interrupts
 *    off.
 * 2. Being called takes time, too: firmware, trap entry, the timers' list. It
 *    is measured by the same timer in a loop that leaves interrupts alone
 *    (`base`), and is in all figures.
 * 3. Where an instruction is a nanosecond of virtual time (instret is exact and
 *    harts take turns) delays are counted in instructions, to a few: the
 *    handler waits for the clock's next tick, reads both counters there, and
 *    knows at which instruction the next moment falls. Elsewhere they are ticks
 *    of the timebase.
 * 4. Objects fill many slabs and magazines before memory is given back, so that
 *    the lists that are walked are long. Objects are 64 B, and 4,096 B.
 */
#include <string.h>

#include <kernel/fmt.h>
#include <kernel/time.h>
#include <mm/frame.h>

#include "probe_impl.h"

#define SIZES       2u
#define OBJECTS     8000u /* of 64 B; of frames, a sixteenth */
#define ROUNDS      4u
#define BASE_SHOTS  500u
#define FRAMES      64u
#define SHORT_LIVED 16u   /* caches that are made and destroyed in a round */
#define BETWEEN_NS  2000u /* from one shot to the next, at most */
#define LIMIT_NS    UINT64_C(1000000000) /* when no interrupt comes */

enum {
	AT_BASE,
	AT_BURST,
	AT_CREATE,
	AT_REAP,
	AT_SHRINK,
	AT_STATS,
	AT_FRAMES,
	AT_COUNT
};

static const char *const at_names[AT_COUNT] = { "base", "burst", "create",
	"reap", "shrink", "stats", "frames" };

/* Written by the handler, which interrupts the only thread that reads it. */
static struct watch {
	struct ktimer wa_timer;
	uint64_t wa_random;
	uint64_t wa_due_ns, wa_due_instr;
	uint64_t wa_tick_ns;
	bool wa_exact;
	volatile bool wa_on;
	volatile unsigned wa_at; /* what the thread is doing */
	volatile uint64_t wa_shots[AT_COUNT];
	uint64_t wa_late_ns[AT_COUNT], wa_late_instr[AT_COUNT]; /* greatest */
} watch;

static void on_timer(void *arg);

/* From here on interrupts are on again soon; set the next moment. */
static void
aim(void)
{
	uint64_t now = time_ns(), start = now, instr;

	if (watch.wa_exact)
		while (now == start)
			now = time_ns();
	instr = time_instret();
	watch.wa_due_ns = now +
	    watch.wa_tick_ns *
		(1 +
		    (bench_random(&watch.wa_random) >> 16) %
			(BETWEEN_NS / watch.wa_tick_ns + 1));
	watch.wa_due_instr = instr + (watch.wa_due_ns - now);
	timer_start(&watch.wa_timer, watch.wa_due_ns, on_timer, NULL);
}

static void
on_timer(void *arg)
{
	uint64_t instr = time_instret(), ns = time_ns();
	unsigned at = watch.wa_at;

	(void)arg;
	if (ns - watch.wa_due_ns > watch.wa_late_ns[at])
		watch.wa_late_ns[at] = ns - watch.wa_due_ns;
	if (instr > watch.wa_due_instr &&
	    instr - watch.wa_due_instr > watch.wa_late_instr[at])
		watch.wa_late_instr[at] = instr - watch.wa_due_instr;
	watch.wa_shots[at]++;
	if (watch.wa_on)
		aim();
}

static void
watch_start(void)
{
	memset(&watch, 0, sizeof(watch));
	watch.wa_random = bench_seed(17, 0);
	watch.wa_exact = time_instret_is_exact() && time_harts_take_turns();
	watch.wa_tick_ns = 1000000000u / time_timebase_hz();
	if (watch.wa_tick_ns == 0)
		watch.wa_tick_ns = 1;
	watch.wa_on = true;
	aim();
}

static void
watch_stop(void)
{
	watch.wa_on = false;
	timer_cancel(&watch.wa_timer);
}

/* The loop that leaves interrupts alone. */
static void
shoot_base(struct probe_out *out)
{
	uint64_t limit = time_ns() + LIMIT_NS;

	watch.wa_at = AT_BASE;
	while (watch.wa_shots[AT_BASE] < BASE_SHOTS)
		if (time_ns() > limit) {
			out->po_error = "the timer's interrupt does not come";
			return;
		}
}

static bool
fill(struct kmem_cache *cp, void **objs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		objs[i] = kmem_cache_alloc(cp, 0);
		if (objs[i] == NULL)
			return false;
	}
	return true;
}

/* Every step-th one from the first on. */
static void
drop(struct kmem_cache *cp, void **objs, size_t n, size_t step)
{
	size_t i;

	for (i = 0; i < n; i += step) {
		if (objs[i] != NULL)
			kmem_cache_free(cp, objs[i]);
		objs[i] = NULL;
	}
}

/* Up, half of it down and given back, all down and given back. */
static bool
shoot_cache(struct kmem_cache *cp, void **objs, size_t n)
{
	bool filled;

	watch.wa_at = AT_BURST;
	filled = fill(cp, objs, n);
	if (filled) {
		drop(cp, objs, n, 2);
		watch.wa_at = AT_SHRINK;
		(void)kmem_cache_shrink(cp);
		watch.wa_at = AT_BURST;
	}
	drop(cp, objs, n, 1);
	watch.wa_at = AT_REAP;
	(void)kmem_reap(KMEM_REAP_TRIM, 0);
	(void)kmem_reap(KMEM_REAP_DEPOT, 0);
	(void)kmem_reap(KMEM_REAP_ALL, 0);
	return filled;
}

static bool
shoot_create(struct probe_out *out)
{
	struct kmem_cache *cp;
	unsigned i;
	void *obj;

	for (i = 0; i < SHORT_LIVED; i++) {
		watch.wa_at = AT_CREATE;
		cp = probe_cache(out, 8u << i % 10u, NULL);
		if (cp == NULL)
			return false;
		obj = kmem_cache_alloc(cp, 0);
		if (obj != NULL)
			kmem_cache_free(cp, obj);
		probe_uncache(out, cp);
	}
	return true;
}

static void
shoot_stats(struct kmem_cache *cp)
{
	struct kmem_finding found;
	struct frame_stats frames;
	struct kmem_stats st;

	watch.wa_at = AT_STATS;
	kmem_cache_stats(cp, &st);
	(void)kmem_cache_slabs(cp, NULL, 0);
	(void)kmem_verify(cp, &found, 1);
	(void)kmem_tick();
	frame_get_stats(&frames);
}

/* Runs of many lengths, the caches of single frames, and the walk of a zone. */
static void
shoot_frames(void)
{
	void *run[FRAMES];
	unsigned i;

	watch.wa_at = AT_FRAMES;
	for (i = 0; i < FRAMES; i++)
		run[i] = frame_alloc(
		    1u + i, 1u << i % 4u, FRAME_NOWAIT, FRAME_TAG_META);
	for (i = 0; i < FRAMES; i++)
		if (run[i] != NULL)
			frame_free(run[i], 1u + i);
	(void)frame_flush_all();
}

static void
shoot(struct probe_out *out, struct kmem_cache *const *caches, void **objs)
{
	static const size_t counts[SIZES] = { OBJECTS, OBJECTS / 16 };
	unsigned round, s;

	shoot_base(out);
	for (round = 0; round < ROUNDS && out->po_error == NULL; round++) {
		for (s = 0; s < SIZES; s++) {
			if (!shoot_cache(caches[s], objs, counts[s]))
				out->po_error = "an allocation failed";
			shoot_stats(caches[s]);
		}
		shoot_frames();
		if (!shoot_create(out))
			break;
	}
}

static void
report(struct probe_out *out)
{
	uint64_t instr = 0, ns = 0, shots = 0;
	char name[PROBE_NAME_MAX];
	unsigned at, worst = AT_BASE;

	for (at = 0; at < AT_COUNT; at++) {
		if (watch.wa_late_ns[at] > ns) {
			ns = watch.wa_late_ns[at];
			worst = at;
		}
		if (watch.wa_late_instr[at] > instr)
			instr = watch.wa_late_instr[at];
		shots += watch.wa_shots[at];
		(void)fmt_format(name, sizeof(name), "%s.ticks", at_names[at]);
		probe_fact(out, name, watch.wa_late_ns[at], watch.wa_tick_ns);
		if (!watch.wa_exact)
			continue;
		(void)fmt_format(name, sizeof(name), "%s.instr", at_names[at]);
		probe_fact(out, name, watch.wa_late_instr[at], 1);
	}
	probe_fact(out, "max.ticks", ns, watch.wa_tick_ns);
	if (watch.wa_exact)
		probe_fact(out, "max.instr", instr, 1);
	probe_fact(out, "max.ns", ns, 1);
	probe_note(out, "max.in", at_names[worst]);
	probe_fact(out, "shots", shots, 1);
}

void
probe_irqoff(struct probe_out *out)
{
	static const size_t sizes[SIZES] = { PROBE_SIZE, FRAME_SIZE };
	void **objs = probe_array(out, OBJECTS, sizeof(void *));
	struct kmem_cache *caches[SIZES];
	unsigned n = 0;

	if (objs == NULL)
		return;
	while (n < SIZES) {
		caches[n] = probe_cache(out, sizes[n], NULL);
		if (caches[n] == NULL)
			break;
		n++;
	}
	if (n == SIZES) {
		watch_start();
		shoot(out, caches, objs);
		watch_stop();
		report(out);
	}
	while (n > 0)
		probe_uncache(out, caches[--n]);
	kfree(objs);
}
