/* SPDX-License-Identifier: MIT */
/* The port of mm to a simulator: N harts, one thread, a seeded schedule. */

/*
 * Theory of operation
 *
 * 1. A hart is a fiber. Fibers change only at points: every function of the
 *    port is one, and so is port_sim_point(), which mm's locks and shared
 *    accessors call in this build. What lies between two points is one step
 *    that nobody can see half done. A schedule is the sequence of fibers
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
 * 4. port_pause always lets another fiber go on, so a spinning hart cannot
 *    keep the lock's owner from running. A run that passes more points than
 *    its limit makes no progress: deadlock and livelock both end there.
 *
 * 5. Replay: the same seed gives the same run, because nothing else enters.
 *    Each run happens in a forked process with its zone at a fixed address.
 *
 * 6. What it cannot find: weak memory. Fibers see every store at once and in
 *    order; ThreadSanitizer over port_threads.c covers missing order.
 *
 * 7. Negative control: compiled with MM_PLANT_NO_DRAIN_HANDSHAKE,
 *    port_hart_call neither waits nor masks. The simulator has to find that.
 */

#include "sim.h"

#include "host.h"

#include <mm/frame.h>
#include <mm/host.h>
#include <mm/port.h>

#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_BYTES   ((size_t)256 << 10)
#define STEPS_DEFAULT 2000000u
#define ZONE_ADDRESS  ((uintptr_t)0x100000000000)
#define NOBODY        UINT32_MAX
/* Wall-clock bound of one run, for loops without a point. Seconds. */
#define RUN_SECONDS   60u

struct fiber {
	jmp_buf jump;
	ucontext_t context; /* only for the first entry */
	unsigned self;      /* hart it acts as */
	unsigned pins;      /* depth, of the frame it is in */
	bool in_interrupt;
	bool done;
};

static struct fiber fibers[SIM_HARTS_MAX];
static struct fiber alone; /* before and after the fibers run */
static struct fiber *current = &alone;
static unsigned masked_by[SIM_HARTS_MAX]; /* fiber whose call runs there */
static unsigned fiber_count;

static jmp_buf home;
static ucontext_t home_context;
static const struct sim_scene *scene_now;
static struct sim_outcome *outcome; /* shared with the parent */

static uint64_t rng[2];
static uint64_t steps_max;
static unsigned switch_one_in;
static unsigned weight[SIM_HARTS_MAX];

static void (*interrupt_fn)(void *);
static void *interrupt_arg;
static unsigned interrupt_one_in;

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

void
sim_note(uint64_t value)
{
	outcome->digest = (outcome->digest ^ value) * 0x100000001b3u;
}

_Noreturn void
sim_fail(const char *what, uintptr_t a, uintptr_t b)
{
	outcome->failed = true;
	(void)snprintf(outcome->what, sizeof(outcome->what),
	    "%s (0x%jx, 0x%jx) on hart %u at step %ju", what, (uintmax_t)a,
	    (uintmax_t)b, current->self, (uintmax_t)outcome->steps);
	_exit(1);
}

static bool
runnable(unsigned f)
{
	unsigned by = masked_by[fibers[f].self];

	return !fibers[f].done && (by == NOBODY || by == f);
}

/* Any runnable fiber, by weight; NOBODY when there is none. */
static unsigned
choose(void)
{
	uint64_t sum = 0, at;

	for (unsigned f = 0; f < fiber_count; f++)
		sum += runnable(f) ? weight[f] : 0;
	if (sum == 0)
		return NOBODY;
	at = sim_random() % sum;
	for (unsigned f = 0; f < fiber_count; f++) {
		if (!runnable(f))
			continue;
		if (at < weight[f])
			return f;
		at -= weight[f];
	}
	return NOBODY;
}

/* Let somebody go on; returns when the caller's turn comes again. */
static void
reschedule(void)
{
	unsigned next = choose();
	struct fiber *was = current;

	if (next == NOBODY)
		sim_fail("deadlock: no hart can run", 0, 0);
	sim_note(next);
	if (&fibers[next] == was)
		return;
	outcome->switches++;
	if (_setjmp(was->jump) == 0) {
		current = &fibers[next];
		_longjmp(current->jump, 1);
	}
}

static void
step(void)
{
	outcome->steps++;
	if (outcome->steps > steps_max)
		sim_fail("no progress: deadlock or livelock", steps_max, 0);
}

static void
maybe_interrupt(void)
{
	struct fiber *f = current;

	if (interrupt_one_in == 0 || f->pins != 0 || f->in_interrupt ||
	    sim_random() % interrupt_one_in != 0)
		return;
	f->pins = 1;
	f->in_interrupt = true;
	interrupt_fn(interrupt_arg);
	if (f->pins != 1)
		sim_fail("interrupt handler returned pinned", f->pins, 0);
	f->in_interrupt = false;
	f->pins = 0;
}

void
port_sim_point(void)
{
	if (current == &alone)
		return;
	step();
	maybe_interrupt();
	if (switch_one_in <= 1 || sim_random() % switch_one_in == 0)
		reschedule();
}

void
sim_set_interrupt(void (*fn)(void *), void *arg, unsigned one_in)
{
	interrupt_fn = fn;
	interrupt_arg = arg;
	interrupt_one_in = one_in;
}

/* --- the port --- */

int
host_port_start(unsigned harts)
{
	(void)harts;
	memset(&alone, 0, sizeof(alone));
	current = &alone;
	for (unsigned h = 0; h < SIM_HARTS_MAX; h++)
		masked_by[h] = NOBODY;
	return 0;
}

void
host_port_stop(void)
{
}

/* Only outside a run: inside, a fiber is its hart. */
void
mm_host_attach(unsigned hart)
{
	if (current != &alone || alone.pins != 0 || hart >= port_hart_count())
		sim_fail("mm_host_attach out of place", hart, 0);
	alone.self = hart;
}

unsigned
port_hart_self(void)
{
	return current->self;
}

unsigned long
port_pin(void)
{
	unsigned long was;

	/* The point comes first: pinning and what follows is one step. */
	port_sim_point();
	was = current->pins;
	current->pins++;
	return was;
}

void
port_unpin(unsigned long saved)
{
	if (current->pins == 0 || saved != current->pins - 1)
		sim_fail("unpin out of order", saved, current->pins);
	current->pins--;
	port_sim_point();
}

#ifndef MM_PLANT_NO_DRAIN_HANDSHAKE
static bool
hart_closed(unsigned hart)
{
	/* A fiber away on another hart left its own unpinned. */
	if (current != &alone && fibers[hart].self == hart &&
	    fibers[hart].pins != 0)
		return true;
	return masked_by[hart] != NOBODY;
}

static void
hart_enter(unsigned hart)
{
	while (hart_closed(hart)) {
		step();
		reschedule();
	}
	masked_by[hart] =
	    current == &alone ? SIM_HARTS_MAX : (unsigned)(current - fibers);
}

static void
hart_leave(unsigned hart)
{
	masked_by[hart] = NOBODY;
}
#else
static void
hart_enter(unsigned hart)
{
	(void)hart;
}

static void
hart_leave(unsigned hart)
{
	(void)hart;
}
#endif

bool
port_hart_call(unsigned hart, void (*fn)(void *), void *arg)
{
	struct fiber *f = current;
	unsigned was = f->self;

	if (f->pins != 0)
		sim_fail("port_hart_call while pinned", hart, f->pins);
	if (f->in_interrupt)
		sim_fail("port_hart_call in an interrupt", hart, 0);
	if (hart >= port_hart_count())
		sim_fail("port_hart_call: no such hart", hart, 0);
	port_sim_point();
	if (host_is_deaf(hart))
		return false;
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
	outcome->calls += hart != was ? 1 : 0;
	port_sim_point();
	return true;
}

unsigned
host_pins(void)
{
	return current->in_interrupt ? current->pins - 1 : current->pins;
}

bool
port_in_interrupt(void)
{
	return current->in_interrupt;
}

void
port_pause(void)
{
	if (current == &alone)
		sim_fail("spins with nobody else running", 0, 0);
	step();
	reschedule();
}

/* A point per 100 ns: time passes, the same in each replay. */
uint64_t
port_clock_ns(void)
{
	return outcome->steps * 100;
}

/* --- a run --- */

static void
fiber_main(void)
{
	struct fiber *me = current;

	if (_setjmp(me->jump) == 0)
		(void)swapcontext(&me->context, &home_context);
	scene_now->body((unsigned)(me - fibers), scene_now->arg);
	if (me->pins != 0)
		sim_fail("body returned pinned", me->pins, 0);
	me->done = true;
	if (choose() != NOBODY)
		reschedule();
	for (unsigned f = 0; f < fiber_count; f++) {
		if (!fibers[f].done)
			sim_fail("deadlock: no hart can run", f, 0);
	}
	_longjmp(home, 1);
}

static void
fibers_create(unsigned harts)
{
	for (unsigned h = 0; h < harts; h++) {
		struct fiber *f = &fibers[h];
		char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (stack == MAP_FAILED || getcontext(&f->context) != 0)
			sim_fail("no memory for a fiber", h, 0);
		f->self = h;
		f->context.uc_stack.ss_sp = stack;
		f->context.uc_stack.ss_size = STACK_BYTES;
		f->context.uc_link = NULL;
		makecontext(&f->context, fiber_main, 0);
		/* Run it up to its first _setjmp, from where it is resumed. */
		current = f;
		(void)swapcontext(&home_context, &f->context);
	}
	current = &alone;
}

static void
on_panic(const char *what, uintptr_t a, uintptr_t b)
{
	sim_fail(what, a, b);
}

static _Noreturn void
child(const struct sim_options *opt, const struct sim_scene *scene)
{
	struct host_options host = {
		.bytes = opt->bytes,
		.harts = opt->harts,
		.at = opt->bytes != 0 ? ZONE_ADDRESS : 0,
	};
	uint64_t seed = opt->seed;

	(void)alarm(RUN_SECONDS);
	rng[0] = spread(&seed);
	rng[1] = spread(&seed) | 1;
	steps_max = opt->steps_max != 0 ? opt->steps_max : STEPS_DEFAULT;
	switch_one_in = 1u << (sim_random() % 5);
	for (unsigned h = 0; h < opt->harts; h++)
		weight[h] = 1u << (sim_random() % 4);
	scene_now = scene;
	host_panic_hook = on_panic;
	if (host_start(&host) != 0)
		sim_fail("host_start failed", opt->bytes, opt->harts);
	if (scene->before != NULL)
		scene->before(scene->arg);
	fiber_count = opt->harts;
	fibers_create(opt->harts);
	if (_setjmp(home) == 0) {
		unsigned first = choose();

		current = &fibers[first];
		_longjmp(current->jump, 1);
	}
	current = &alone;
	sim_set_interrupt(NULL, NULL, 0);
	if (scene->after != NULL)
		scene->after(scene->arg);
	_exit(0);
}

void
sim_run(const struct sim_options *opt, const struct sim_scene *scene,
    struct sim_outcome *out)
{
	struct sim_outcome *shared;
	pid_t pid;
	int status = 0;

	memset(out, 0, sizeof(*out));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || opt->harts == 0 ||
	    opt->harts > SIM_HARTS_MAX) {
		out->failed = true;
		(void)snprintf(out->what, sizeof(out->what), "cannot start");
		return;
	}
	outcome = shared;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(opt, scene);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	*out = *shared;
	(void)munmap(shared, sizeof(*shared));
	outcome = NULL;
	if (status != 0 && out->what[0] == '\0') {
		out->failed = true;
		if (WIFSIGNALED(status))
			(void)snprintf(out->what, sizeof(out->what),
			    "signal %d at step %ju", WTERMSIG(status),
			    (uintmax_t)out->steps);
		else
			(void)snprintf(out->what, sizeof(out->what),
			    "exit status 0x%x", (unsigned)status);
	}
}
