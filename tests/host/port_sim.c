/* SPDX-License-Identifier: MIT */
/* The port of mm to a simulator: N harts, one thread, a seeded schedule. */

/*
 * Theory of operation
 *
 * 1. A hart is a fiber. Fibers change only at points: every function of the
 *    port is one, and so is every atomic access of mm, and in half of the runs
 *    every plain one too (sim_access.c). What lies between two points is one
 *    step that nobody can see half done. A schedule is the sequence of fibers
 *    chosen at the points, and the seed determines it.
 *
 * 2. The seed also draws a character for the run: how often a point switches,
 *    and a weight for each hart, so that some runs alternate at every point
 *    and in others one hart is nearly starved. Uniform choice alone finds
 *    bugs that need a long sleep in a short window only by luck.
 *
 * 3. A pinned fiber may be switched away from, as a hart with interrupts off
 *    does not stop the others. port_hart_call waits until its target is not
 *    pinned, then masks it: the target's own code does not run while the
 *    function does. The function runs on the caller's fiber, which answers
 *    port_hart_self() with the target meanwhile.
 *
 * 4. Interrupts come at points of an unpinned hart. The hot pair (sim_hot.c)
 *    is not pinned: between its first load and its commit an interrupt, or a
 *    function of port_hart_call, makes it start anew, as arch/riscv does by
 *    moving the saved pc.
 *
 * 5. port_pause always lets another fiber go on, so a spinning hart cannot
 *    keep the lock's owner from running. A run that passes more points than
 *    its limit makes no progress: deadlock and livelock both end there.
 *
 * 6. Replay: the same seed gives the same run, because nothing else enters.
 *    Memory, mm's variables and the scene's are put back before each run
 *    (sim_world.c), and all addresses that matter are fixed.
 *
 * 7. Weak memory. Fibers see every store at once and in order, so a missing
 *    order does no harm here; in one run of eight sim_race.c therefore keeps
 *    the orders that are promised, and judges each access by them.
 */

#include "host.h"
#include "sim_impl.h"

#include <mm/port.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_BYTES   ((size_t)128 << 10)
#define GUARD_BYTES   ((size_t)4 << 10)
#define STEPS_DEFAULT 20000000u
#define NOBODY        UINT32_MAX
#define RACES_ONE_IN  8u

struct fiber sim_fibers[SIM_HARTS_MAX];
struct fiber sim_alone;
struct fiber *sim_current = &sim_alone;
struct sim_outcome *sim_outcome;
unsigned sim_watching;

static unsigned masked_by[SIM_HARTS_MAX]; /* fiber whose call runs there */
static unsigned fiber_count;

static jmp_buf home;
static ucontext_t home_context;
static const struct sim_scene *scene_now;
static bool looking, tracing;

static uint64_t rng[2];
static uint64_t steps_max;
/* Points until the next choice: mean, and how many are left. */
static unsigned switch_mean, switch_left;
static unsigned plain_mean, plain_left;
static unsigned weight[SIM_HARTS_MAX];

static void (*interrupt_fn)(void *);
static void *interrupt_arg;
static unsigned interrupt_mean, interrupt_left;

/* splitmix64 by Sebastiano Vigna (public domain): spreads small seeds. */
static uint64_t
spread(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* xorshift128+ by the same author. */
uint64_t
sim_random(void)
{
	uint64_t x = rng[0], y = rng[1];

	rng[0] = y;
	x ^= x << 23;
	rng[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
	return rng[1] + y;
}

static unsigned
below(unsigned n)
{
	return (unsigned)((sim_random() >> 32) * n >> 32);
}

/* 1 … 2 * mean - 1. */
static unsigned
around(unsigned mean)
{
	return 1 + below(2 * mean - 1);
}

void
sim_note(uint64_t value)
{
	sim_outcome->digest =
	    (sim_outcome->digest ^ value) * 0x100000001b3u + 1;
}

void
sim_say(const char *format, ...)
{
	struct sim_outcome *out = sim_outcome;
	size_t n = strlen(out->said);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(out->said + n, sizeof(out->said) - n, format, args);
	va_end(args);
}

unsigned
sim_hart(void)
{
	return sim_current->self;
}

_Noreturn void
sim_fail(const char *what, uintptr_t a, uintptr_t b)
{
	struct sim_outcome *out = sim_outcome;

	out->failed = true;
	(void)snprintf(out->what, sizeof(out->what),
	    "%s (0x%jx, 0x%jx) on hart %u at step %ju", what, (uintmax_t)a,
	    (uintmax_t)b, sim_current->self, (uintmax_t)out->steps);
	_exit(1);
}

/* --- the schedule --- */

static bool
runnable(unsigned f)
{
	unsigned by = masked_by[sim_fibers[f].self];

	return !sim_fibers[f].done && (by == NOBODY || by == f);
}

/* Any runnable fiber, by weight; NOBODY when there is none. */
static unsigned
choose(void)
{
	unsigned sum = 0, at;

	for (unsigned f = 0; f < fiber_count; f++)
		sum += runnable(f) ? weight[f] : 0;
	if (sum == 0)
		return NOBODY;
	at = below(sum);
	for (unsigned f = 0; f < fiber_count; f++) {
		if (!runnable(f))
			continue;
		if (at < weight[f])
			return f;
		at -= weight[f];
	}
	return NOBODY;
}

/* A step is over: the scene's invariants on what everybody can see. */
static void
look(void)
{
	unsigned was = sim_watching;

	if (scene_now->look == NULL || looking)
		return;
	looking = true;
	sim_watching = 0;
	scene_now->look(scene_now->arg);
	sim_watching = was;
	looking = false;
	sim_outcome->checks++;
}

/* Let somebody go on; returns when the caller's turn comes again. */
static void
reschedule(void)
{
	unsigned next = choose();
	struct fiber *was = sim_current;

	if (next == NOBODY)
		sim_fail("deadlock: no hart can run", 0, 0);
	sim_note(next);
	if (&sim_fibers[next] == was)
		return;
	look();
	sim_outcome->switches++;
	if (tracing)
		(void)fprintf(stderr, "step %ju: hart %u, was %td\n",
		    (uintmax_t)sim_outcome->steps, next, was - sim_fibers);
	if (_setjmp(was->jump) == 0) {
		sim_current = &sim_fibers[next];
		_longjmp(sim_current->jump, 1);
	}
}

static void
step(void)
{
	sim_outcome->steps++;
	if (sim_outcome->steps > steps_max)
		sim_fail("no progress: deadlock or livelock", steps_max, 0);
}

static void
interrupt(struct fiber *f)
{
	bool was = f->in_range;

	interrupt_left = around(interrupt_mean);
	f->pins = 1;
	f->in_interrupt = true;
	f->in_range = false;
	interrupt_fn(interrupt_arg);
	if (f->pins != 1)
		sim_fail("interrupt handler returned pinned", f->pins, 0);
	f->in_interrupt = false;
	f->pins = 0;
	f->in_range = was;
	sim_outcome->interrupts++;
	/* The trap's return finds the pc moved back to the first load. */
	if (was) {
		f->rewound = true;
		sim_outcome->rewinds++;
	}
}

static void
maybe_interrupt(void)
{
	struct fiber *f = sim_current;

	if (interrupt_mean != 0 && f->pins == 0 && !f->in_interrupt &&
	    --interrupt_left == 0)
		interrupt(f);
}

void
sim_point(void)
{
	if (sim_watching == 0)
		return;
	step();
	maybe_interrupt();
	if (--switch_left == 0) {
		switch_left = around(switch_mean);
		reschedule();
	}
}

void
sim_point_plain(void)
{
	step();
	maybe_interrupt();
	if (--plain_left == 0) {
		plain_left = around(plain_mean);
		reschedule();
	}
}

void
sim_set_interrupt(void (*fn)(void *), void *arg, unsigned one_in)
{
	interrupt_fn = fn;
	interrupt_arg = arg;
	interrupt_mean = one_in;
	interrupt_left = one_in != 0 ? around(one_in) : 0;
}

void
sim_set_pace(unsigned one_in)
{
	switch_mean = one_in;
	switch_left = around(one_in);
}

/* --- the port --- */

unsigned
port_hart_self(void)
{
	return sim_current->self;
}

unsigned long
port_pin(void)
{
	unsigned long was;

	/* The point comes first: pinning and what follows is one step. */
	sim_point();
	was = sim_current->pins;
	sim_current->pins++;
	return was;
}

void
port_unpin(unsigned long saved)
{
	if (sim_current->pins == 0 || saved != sim_current->pins - 1)
		sim_fail("unpin out of order", saved, sim_current->pins);
	sim_current->pins--;
	sim_point();
}

static bool
hart_closed(unsigned hart)
{
	/* A fiber away on another hart left its own unpinned. */
	if (sim_current != &sim_alone && sim_fibers[hart].self == hart &&
	    sim_fibers[hart].pins != 0)
		return true;
	return masked_by[hart] != NOBODY;
}

/* Wait until nothing of the hart's own can run, and keep it so. */
static void
hart_enter(unsigned hart)
{
	struct fiber *f = sim_current, *target = &sim_fibers[hart];

	while (hart_closed(hart)) {
		step();
		reschedule();
	}
	if (f == &sim_alone) {
		masked_by[hart] = SIM_HARTS_MAX;
		return;
	}
	masked_by[hart] = (unsigned)(f - sim_fibers);
	/* The target's interrupt entry: its hot pair starts anew. */
	if (target != f && target->in_range) {
		target->rewound = true;
		sim_outcome->rewinds++;
	}
	sim_race_order(hart, (unsigned)(f - sim_fibers));
}

static void
hart_leave(unsigned hart)
{
	unsigned f = (unsigned)(sim_current - sim_fibers);

	masked_by[hart] = NOBODY;
	if (sim_current == &sim_alone)
		return;
	sim_race_order(f, hart);
	/* Others may be at work on our own hart meanwhile. */
	while (!runnable(f)) {
		step();
		reschedule();
	}
}

bool
port_hart_call(unsigned hart, void (*fn)(void *), void *arg)
{
	struct fiber *f = sim_current;
	unsigned was = f->self;

	if (f->pins != 0)
		sim_fail("port_hart_call while pinned", hart, f->pins);
	if (f->in_interrupt)
		sim_fail("port_hart_call in an interrupt", hart, 0);
	if (hart >= port_hart_count())
		sim_fail("port_hart_call: no such hart", hart, 0);
	sim_point();
	hart_enter(hart);
	f->self = hart;
	f->pins = 1;
	f->in_interrupt = true;
	fn(arg);
	if (f->pins != 1)
		sim_fail("port_hart_call function returned pinned", hart, 0);
	f->in_interrupt = false;
	f->pins = 0;
	f->self = was;
	hart_leave(hart);
	sim_outcome->calls += hart != was ? 1 : 0;
	sim_point();
	return true;
}

unsigned
host_pins(void)
{
	return sim_current->in_interrupt ? sim_current->pins - 1
					 : sim_current->pins;
}

bool
port_in_interrupt(void)
{
	return sim_current->in_interrupt;
}

void
port_pause(void)
{
	if (sim_current == &sim_alone)
		sim_fail("spins with nobody else running", 0, 0);
	step();
	reschedule();
}

/* --- a run --- */

static void
fiber_end(struct fiber *me)
{
	unsigned next;

	if (me->pins != 0)
		sim_fail("body returned pinned", me->pins, 0);
	me->done = true;
	next = choose();
	if (next != NOBODY) {
		sim_current = &sim_fibers[next];
		_longjmp(sim_current->jump, 1);
	}
	for (unsigned f = 0; f < fiber_count; f++) {
		if (!sim_fibers[f].done)
			sim_fail("deadlock: no hart can run", f, 0);
	}
	_longjmp(home, 1);
}

/* Made once, resumed at the _setjmp for each run. */
static void
fiber_main(void)
{
	struct fiber *me = sim_current;

	for (;;) {
		if (_setjmp(me->jump) == 0) {
			if (me->born)
				fiber_end(me);
			me->born = true;
			(void)swapcontext(&me->context, &home_context);
		}
		scene_now->body((unsigned)(me - sim_fibers), scene_now->arg);
	}
}

static void
fiber_create(unsigned h)
{
	struct fiber *f = &sim_fibers[h];
	char *stack = mmap(NULL, GUARD_BYTES + STACK_BYTES,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED ||
	    mprotect(stack, GUARD_BYTES, PROT_NONE) != 0 ||
	    getcontext(&f->context) != 0)
		sim_fail("no memory for a fiber", h, 0);
	f->context.uc_stack.ss_sp = stack + GUARD_BYTES;
	f->context.uc_stack.ss_size = STACK_BYTES;
	f->context.uc_link = NULL;
	makecontext(&f->context, fiber_main, 0);
	/* Run it up to its first _setjmp, from where it is resumed. */
	sim_current = f;
	(void)swapcontext(&home_context, &f->context);
	sim_current = &sim_alone;
}

/* What the seed decides before anything runs. */
static void
draw_character(const struct sim_options *opt)
{
	uint64_t seed = opt->seed;
	unsigned plain;

	rng[0] = spread(&seed);
	rng[1] = spread(&seed) | 1;
	steps_max = opt->steps_max != 0 ? opt->steps_max : STEPS_DEFAULT;
	switch_mean = 1u << below(7);
	switch_left = around(switch_mean);
	plain = below(6);
	plain_mean = 1u << (2 + plain);
	plain_left = around(plain_mean);
	for (unsigned h = 0; h < SIM_HARTS_MAX; h++)
		weight[h] = 1u << below(4);
	sim_watching = SIM_POINTS;
	if (plain < 3)
		sim_watching |= SIM_PLAIN;
	if (opt->seed % RACES_ONE_IN == 0) {
		sim_watching |= SIM_RACES;
		sim_race_start(opt->harts);
		sim_outcome->raced++;
	}
}

static void
forget_last_run(const struct sim_options *opt)
{
	fiber_count = opt->harts;
	tracing = opt->trace;
	memset(&sim_alone, 0, sizeof(sim_alone));
	for (unsigned h = 0; h < SIM_HARTS_MAX; h++) {
		struct fiber *f = &sim_fibers[h];

		masked_by[h] = NOBODY;
		f->self = h;
		f->pins = 0;
		f->in_interrupt = false;
		f->in_range = false;
		f->rewound = false;
		f->done = false;
		if (!f->born)
			fiber_create(h);
	}
	sim_set_interrupt(NULL, NULL, 0);
}

void
sim_play(const struct sim_options *opt, const struct sim_scene *scene)
{
	unsigned watching;

	scene_now = scene;
	forget_last_run(opt);
	draw_character(opt);
	watching = sim_watching;
	sim_watching = 0;
	if (scene->before != NULL)
		scene->before(scene->arg);
	sim_watching = watching;
	if (_setjmp(home) == 0) {
		sim_current = &sim_fibers[choose()];
		_longjmp(sim_current->jump, 1);
	}
	sim_current = &sim_alone;
	sim_watching = 0;
	sim_set_interrupt(NULL, NULL, 0);
	if (scene->after != NULL)
		scene->after(scene->arg);
}
