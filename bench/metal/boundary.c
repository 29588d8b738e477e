/* SPDX-License-Identifier: MIT */
/*
 * A storm of interrupts on the hot pair, counted by instruction.
 *
 * Theory of operation
 *
 * 1. The claim. An interrupt may come before any instruction of a pair, and its
 *    handler may do anything to the slot that the pair works on: the pair is
 *    started anew (arch/riscv/mag.S). The claim is worth what the test has hit,
 *    so interrupts are counted for every single instruction, those around the
 *    range included, together with the rewinds.
 * 2. The storm. This hart's thread allocates and frees in four ways, one for
 *    each pair that there is: by the functions, by inline sites, in a verified
 *    cache, and single frames. It holds HELD of each. A timer interrupts it
 *    after a random time of a few loops. Its handler takes and gives the same
 *    kinds: mostly one to three, now and then so many that magazines change
 *    places or go to the depot and back. With a second hart, that one also
 *    drains the caches from this hart again and again, so that a pair finds
 *    its slot exchanged.
 * 3. Every boundary can be hit only where interrupts come between any two
 *    instructions. Hardware does that, and QEMU with -icount or -singlestep;
 *    QEMU else looks for interrupts between blocks of code.
 * 4. How a defect shows. Whoever gets a thing writes a stamp that nobody else
 *    has, compares it before he gives the thing back, and writes FREE. A thing
 *    with two owners breaks one of their stamps. An object is FREE already when
 *    it comes, from its constructor on. An object lost, or one too many, shows
 *    in the count at the end, when nothing is in use, and in kmem_verify.
 * 5. Counting is done by the trap entry's hook, which only this image has. One
 *    storm at a time.
 */
#include <string.h>

#include <bench/boundary.h>
#include <kernel/rewind.h>
#include <kernel/smp.h>
#include <kernel/static_cache.h>
#include <kernel/symbols.h>
#include <kernel/time.h>
#include <mm/frame.h>

#include "../adapter.h"
#include "crew.h"

#define HELD       8u  /* things of each kind that the thread holds */
#define HELD_IRQ   80u /* the same for the handler: over two magazines */
#define WINDOWS    22u
#define WINDOW     96u /* bytes of code that a window spans, at most */
#define AFTER      6u  /* instructions behind a range that are counted */
#define DEFAULT    20000u
#define LIMIT_NS   UINT64_C(60000000000) /* when no interrupt comes */
#define DRAIN_NS   UINT64_C(100000)
#define STAMP_FREE UINT64_C(0x66726565)

enum { BY_CALL, BY_SITE, VERIFIED, CACHES, FRAME = CACHES, KINDS };

struct thing {
	uint64_t th_stamp; /* STAMP_FREE, or its owner's */
	uint64_t th_rest[7];
};

struct hold {
	struct thing *h_thing; /* NULL: nothing */
	uint64_t h_stamp;
};

/* Code that is watched: a range, and the instructions next to it. */
struct window {
	uintptr_t w_low, w_bytes;
	uint64_t w_hits[WINDOW / 2];
	uint64_t w_rewinds[WINDOW / 2];
};

struct owner {
	struct hold ow_held[KINDS][HELD_IRQ];
	unsigned ow_count[KINDS];
	uint64_t ow_ops;
};

static struct storm {
	struct kmem_cache *caches[CACHES];
	struct window windows[WINDOWS];
	size_t n_windows;
	unsigned hart;
	uint64_t wanted;
	volatile uint64_t interrupts; /* by the hook, on `hart` alone */
	uint64_t rewinds;
	uint64_t random; /* the handler's */
	uint64_t delay_ns;
	struct ktimer timer;
	struct owner irq;
	const char *volatile finding;
	volatile unsigned findings;
	atomic_bool done;
	uint64_t pairs, drained;
} storm;

static void
found(const char *what)
{
	if (storm.findings++ == 0)
		storm.finding = what;
}

static void
watch(uintptr_t pc, uintptr_t resume)
{
	if (smp_hart_self() != storm.hart)
		return;
	storm.interrupts++;
	storm.rewinds += pc != resume;
	for (size_t i = 0; i < storm.n_windows; i++) {
		struct window *w = &storm.windows[i];

		if (pc - w->w_low >= w->w_bytes)
			continue;
		w->w_hits[(pc - w->w_low) / 2]++;
		w->w_rewinds[(pc - w->w_low) / 2] += pc != resume;
	}
}

/* Bytes of the instruction at pc. */
static uintptr_t
length_at(uintptr_t pc)
{
	uint16_t first;

	memcpy(&first, (const void *)pc, sizeof(first));
	return (first & 3) == 3 ? 4 : 2;
}

/* Does the instruction at pc leave the function? jal, jalr, auipc, c.j, ret. */
static bool
leaves_at(uintptr_t pc)
{
	uint16_t code;

	memcpy(&code, (const void *)pc, sizeof(code));
	if ((code & 3) != 3)
		return code == 0x8082 || (code & 0xe003) == 0xa001;
	return (code & 0x7f) == 0x6f || (code & 0x7f) == 0x67 ||
	    (code & 0x7f) == 0x17;
}

/* A whole function of assembly up to its exit, or an inline site. */
static void
open_window(struct window *w, uintptr_t first, uintptr_t end)
{
	static const char assembly[] = "arch_";
	size_t offset = 0;
	const char *name = symbol_find(first, &offset);
	bool whole =
	    name != NULL && strncmp(name, assembly, sizeof(assembly) - 1) == 0;
	unsigned n = whole ? AFTER : 1;

	memset(w, 0, sizeof(*w));
	w->w_low = whole ? first - offset : first;
	for (; n > 0 && end + 4 <= w->w_low + WINDOW; n--) {
		if (leaves_at(end))
			n = 1;
		end += length_at(end);
	}
	w->w_bytes = end - w->w_low;
}

static void
open_windows(void)
{
	storm.n_windows = 0;
	for (size_t i = 0; i < rewind_range_count() && i < WINDOWS; i++) {
		uintptr_t first, end;

		rewind_range(i, &first, &end);
		open_window(&storm.windows[storm.n_windows++], first, end);
	}
}

/* Nobody else's, on this hart; interrupts never write the same. */
static uint64_t
new_stamp(bool irq)
{
	static uint64_t serial[2];

	return ++serial[irq] << 1 | irq;
}

static void
take(struct hold *h, unsigned kind, struct thing *t, bool irq)
{
	if (kind != FRAME && t->th_stamp != STAMP_FREE)
		found("an object that is not free was handed out");
	h->h_thing = t;
	h->h_stamp = t->th_stamp = new_stamp(irq);
}

static struct thing *
give(struct hold *h)
{
	struct thing *t = h->h_thing;

	if (t->th_stamp != h->h_stamp)
		found("a thing in use was handed out to another");
	t->th_stamp = STAMP_FREE;
	h->h_thing = NULL;
	return t;
}

static inline void *
obtain(unsigned kind)
{
	if (kind == FRAME)
		return frame_alloc(1, 1, FRAME_NOWAIT, FRAME_TAG_META);
	return kmem_cache_alloc(storm.caches[kind], KMEM_NOWAIT);
}

static inline void
release(unsigned kind, void *thing)
{
	if (kind == FRAME)
		frame_free(thing, 1);
	else
		kmem_cache_free(storm.caches[kind], thing);
}

static int
thing_ctor(void *obj, void *arg)
{
	struct thing *t = obj;

	(void)arg;
	t->th_stamp = STAMP_FREE;
	return 0;
}

/* ---- The handler ---- */

static void
owner_take(struct owner *ow, unsigned kind)
{
	struct thing *t = obtain(kind);

	if (t == NULL) {
		found("no memory for a few objects");
		return;
	}
	take(&ow->ow_held[kind][ow->ow_count[kind]++], kind, t, true);
	ow->ow_ops++;
}

static void
owner_give(struct owner *ow, unsigned kind)
{
	release(kind, give(&ow->ow_held[kind][--ow->ow_count[kind]]));
	ow->ow_ops++;
}

static void
owner_move(struct owner *ow, unsigned kind, unsigned to)
{
	while (ow->ow_count[kind] < to && storm.findings == 0)
		owner_take(ow, kind);
	while (ow->ow_count[kind] > to)
		owner_give(ow, kind);
}

static void
irq_turn(struct owner *ow, unsigned kind, uint64_t r)
{
	unsigned now = ow->ow_count[kind], few = 1 + (unsigned)(r >> 8) % 3;

	if (r % 32 == 0)
		owner_move(ow, kind, HELD_IRQ);
	else if (r % 32 == 1)
		owner_move(ow, kind, 0);
	else if (r % 2 == 0)
		owner_move(
		    ow, kind, now + few < HELD_IRQ ? now + few : HELD_IRQ);
	else
		owner_move(ow, kind, now > few ? now - few : 0);
}

static void
tick(void *arg)
{
	uint64_t r = bench_random(&storm.random);

	(void)arg;
	if (storm.findings != 0 || storm.interrupts >= storm.wanted)
		return;
	for (unsigned kind = 0; kind < KINDS; kind++)
		irq_turn(&storm.irq, kind, r >> 12 * kind);
	timer_start(&storm.timer,
	    time_ns() + storm.delay_ns + (r >> 32) % (4 * storm.delay_ns), tick,
	    NULL);
}

/* ---- The thread ---- */

/* Exchange a held thing for another one. */
static __attribute__((noinline)) bool
turn(struct hold *h, unsigned kind)
{
	void *thing;

	if (h->h_thing != NULL)
		release(kind, give(h));
	thing = obtain(kind);
	if (thing != NULL)
		take(h, kind, thing, false);
	return thing != NULL;
}

/* The same by inline sites. */
static __attribute__((noinline)) bool
inline_turn(struct hold *h)
{
	struct kmem_cache *cp = storm.caches[BY_SITE];
	void *thing;

	if (h->h_thing != NULL)
		static_cache_free(STATIC_SLOT_BOUNDARY, cp, give(h));
	thing = static_cache_alloc(STATIC_SLOT_BOUNDARY, cp, 0);
	if (thing != NULL)
		take(h, BY_SITE, thing, false);
	return thing != NULL;
}

static void
run_thread(void)
{
	struct hold held[KINDS][HELD] = { { { NULL, 0 } } };
	uint64_t limit = time_ns() + LIMIT_NS;
	bool memory = true;

	timer_start(&storm.timer, time_ns() + storm.delay_ns, tick, NULL);
	while (
	    storm.findings == 0 && memory && storm.interrupts < storm.wanted) {
		for (unsigned i = 0; i < HELD && memory; i++) {
			memory = turn(&held[BY_CALL][i], BY_CALL) &&
			    inline_turn(&held[BY_SITE][i]) &&
			    turn(&held[VERIFIED][i], VERIFIED) &&
			    turn(&held[FRAME][i], FRAME);
			storm.pairs += KINDS;
		}
		if (time_ns() > limit)
			found("too few interrupts came");
	}
	timer_cancel(&storm.timer);
	if (!memory)
		found("no memory for a few objects");
	for (unsigned i = 0; i < KINDS * HELD && storm.findings == 0; i++) {
		struct hold *h = &held[i / HELD][i % HELD];

		if (h->h_thing != NULL)
			release(i / HELD, give(h));
	}
	for (unsigned k = 0; k < KINDS && storm.findings == 0; k++)
		owner_move(&storm.irq, k, 0);
}

/* Index 0 is the hart under test, index 1 drains it. */
static void
member(struct crew *crew, void *arg, unsigned index)
{
	(void)arg;
	if (index == 0) {
		run_thread();
		/* Relaxed: a request to stop, nothing is published with it. */
		atomic_store_explicit(&storm.done, true, memory_order_relaxed);
	} else {
		unsigned hart = crew_hart(crew, 0);

		while (
		    !atomic_load_explicit(&storm.done, memory_order_relaxed)) {
			for (unsigned c = 0; c < CACHES; c++)
				storm.drained +=
				    kmem_cache_flush(storm.caches[c], hart);
			crew_sleep(DRAIN_NS);
		}
	}
	crew_meet(crew);
}

/* ---- The end ---- */

static void
audit(uint64_t errors)
{
	for (unsigned c = 0; c < CACHES && storm.findings == 0; c++) {
		struct kmem_finding f;
		struct kmem_stats st;

		kmem_cache_stats(storm.caches[c], &st);
		if (st.objects_inuse != 0)
			found("objects in use after the last free");
		(void)kmem_cache_shrink(storm.caches[c]);
		kmem_cache_stats(storm.caches[c], &st);
		if (st.objects_inuse != 0 || st.objects_cached != 0)
			found("objects outside their slabs at the end");
		if (kmem_verify(storm.caches[c], &f, 1) != 0)
			found(f.what);
	}
	if (kmem_errors_total() != errors)
		found("a heap error was reported");
}

static void
collect(struct boundary_result *out)
{
	out->interrupts = storm.interrupts;
	out->rewinds = storm.rewinds;
	out->pairs = storm.pairs;
	out->irq_ops = storm.irq.ow_ops;
	out->drained = storm.drained;
	out->findings = storm.findings;
	out->finding = storm.findings == 0 ? "" : storm.finding;
	out->n_rows = 0;
	for (size_t i = 0; i < storm.n_windows; i++) {
		const struct window *w = &storm.windows[i];

		for (uintptr_t at = 0;
		     at < w->w_bytes && out->n_rows < BOUNDARY_ROWS_MAX;
		     at += length_at(w->w_low + at))
			out->rows[out->n_rows++] = (struct boundary_row){
				.pc = w->w_low + at,
				.window = (unsigned)i,
				.interrupts = w->w_hits[at / 2],
				.rewinds = w->w_rewinds[at / 2],
			};
	}
}

/* Destroy the first n caches: 0, or why not. */
static int
destroy(unsigned n, const char **why)
{
	int err = 0;

	while (n > 0)
		if (bench_destroy(storm.caches[--n]) != 0) {
			*why = "a cache of the storm kept live objects";
			err = -KMEM_EBUSY;
		}
	return err;
}

static int
create(const struct boundary_options *opt, const char **why)
{
	static const char *const names[CACHES] = { "boundary-call",
		"boundary-inline", "boundary-verified" };
	const char *ignored;

	for (unsigned c = 0; c < CACHES; c++) {
		struct kmem_options ko = { .ctor = thing_ctor,
			.protect = c == VERIFIED ? KMEM_CHECKED : opt->protect,
			.slot = c == BY_SITE ? STATIC_SLOT_BOUNDARY : 0 };
		int err = kmem_cache_create(
		    &storm.caches[c], names[c], sizeof(struct thing), &ko, why);

		if (err != 0) {
			(void)destroy(c, &ignored);
			return err;
		}
	}
	return 0;
}

int
boundary_run(const struct boundary_options *opt, struct boundary_result *out,
    const char **why)
{
	uint64_t errors = kmem_errors_total();
	int err;

	memset(&storm, 0, sizeof(storm));
	err = create(opt, why);
	if (err != 0)
		return err;
	storm.hart = smp_hart_self();
	storm.wanted = opt->interrupts != 0 ? opt->interrupts : DEFAULT;
	storm.random = bench_seed(opt->seed, 0);
	/* In virtual time a nanosecond is an instruction. */
	storm.delay_ns = time_instret_is_exact() ? 1000 : 20000;
	open_windows();
	rewind_watch(watch);
	err = crew_run(opt->harts == 0 ? 1 : opt->harts, member, NULL, why);
	rewind_watch(NULL);
	if (err == 0)
		audit(errors);
	collect(out);
	if (storm.findings == 0 && destroy(CACHES, why) != 0)
		err = -KMEM_EBUSY;
	return err;
}
