/* SPDX-License-Identifier: MIT */
/* Runs of the simulator in processes: one alone, or many seeds. */

/*
 * Theory of operation
 *
 * 1. A worker is a process that starts mm once and then plays seed after seed,
 *    putting the world back in between. A failed run ends its worker, since
 *    nothing can be trusted any more; so does a crash, and a loop that passes
 *    no point, by a limit on processor time.
 * 2. Seeds are handed out in order. When one fails no higher one is begun; the
 *    lower ones are being played by others, who finish. So the lowest seed
 *    that fails is found, whatever the number of workers.
 */

#include "host.h"
#include "sim_impl.h"

#include <mm/frame.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 8u
/* Of processor time in one run without an end. */
#define RUN_SECONDS 5

struct worker {
	struct sim_outcome now; /* of the seed at hand */
	struct sim_outcome sum;
	bool playing;
};

/* In memory that parent and workers share. */
struct shared {
	_Atomic uint64_t next;   /* seed to play */
	_Atomic uint64_t failed; /* the lowest so far; UINT64_MAX */
	struct worker workers[WORKERS_MAX];
};

static void
on_signal(int number, siginfo_t *info, void *context)
{
	char text[64];

	(void)context;
	(void)snprintf(text, sizeof(text), "signal %d%s", number,
	    number == SIGVTALRM ? ": a loop without a point" : "");
	sim_fail(text, number == SIGVTALRM ? 0 : (uintptr_t)info->si_addr, 0);
}

static void
catch_signals(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT,
		SIGVTALRM };
	static char stack[32 << 10];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction act = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	act.sa_sigaction = on_signal;
	(void)sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		(void)sigaction(fatal[i], &act, NULL);
}

static void
limit_time(void)
{
	struct itimerval limit = { .it_value = { .tv_sec = RUN_SECONDS } };

	(void)setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

/* Figures of one run into the sums. */
static void
add(struct sim_outcome *sum, const struct sim_outcome *one)
{
	sum->steps += one->steps;
	sum->switches += one->switches;
	sum->calls += one->calls;
	sum->interrupts += one->interrupts;
	sum->rewinds += one->rewinds;
	sum->checks += one->checks;
	sum->raced += one->raced;
	sum->digest ^= one->digest;
	memcpy(sum->said, one->said, sizeof(sum->said));
}

static void
play(const struct sim_options *opt, const struct sim_scene *scene,
    struct worker *w)
{
	limit_time();
	sim_play(opt, scene);
	add(&w->sum, &w->now);
}

static _Noreturn void
work(const struct sim_options *base, const struct sim_scene *scene,
    uint64_t end, struct shared *sh, struct worker *w)
{
	struct sim_options opt = *base;
	bool fresh = true;

	catch_signals();
	for (;;) {
		opt.seed = atomic_fetch_add(&sh->next, 1);
		if (opt.seed >= end || opt.seed > atomic_load(&sh->failed))
			break;
		memset(&w->now, 0, sizeof(w->now));
		w->now.seed = opt.seed;
		w->playing = true;
		sim_outcome = &w->now;
		if (fresh)
			sim_world_boot(&opt);
		else
			sim_world_restore();
		fresh = false;
		play(&opt, scene, w);
		w->playing = false;
	}
	_exit(0);
}

static unsigned
worker_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n < (long)WORKERS_MAX ? (unsigned)n : WORKERS_MAX;
}

static struct shared *
shared_map(uint64_t first)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (sh == MAP_FAILED) {
		perror("simulator: no shared memory");
		exit(2);
	}
	atomic_init(&sh->next, first);
	atomic_init(&sh->failed, UINT64_MAX);
	return sh;
}

/* A worker has ended: was it in the middle of a seed? */
static void
bury(struct shared *sh, struct worker *w, int status, struct sim_outcome *out)
{
	if (!w->playing)
		return;
	if (!w->now.failed) {
		w->now.failed = true;
		(void)snprintf(w->now.what, sizeof(w->now.what),
		    "ended with status 0x%x at step %ju", (unsigned)status,
		    (uintmax_t)w->now.steps);
	}
	w->playing = false;
	if (w->now.seed < atomic_load(&sh->failed)) {
		atomic_store(&sh->failed, w->now.seed);
		*out = w->now;
	}
}

void
sim_seeds(const struct sim_options *opt, const struct sim_scene *scene,
    unsigned n, struct sim_outcome *out, unsigned *seeds)
{
	struct shared *sh = shared_map(opt->seed);
	unsigned workers = worker_count(), left;
	pid_t pids[WORKERS_MAX];

	memset(out, 0, sizeof(*out));
	if (workers > n)
		workers = n;
	(void)fflush(NULL);
	for (unsigned i = 0; i < workers; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			work(opt, scene, opt->seed + n, sh, &sh->workers[i]);
		if (pids[i] < 0) {
			perror("simulator: fork");
			exit(2);
		}
	}
	for (left = workers; left > 0; left--) {
		int status = 0;
		pid_t pid = wait(&status);

		for (unsigned i = 0; i < workers; i++) {
			if (pid == pids[i])
				bury(sh, &sh->workers[i], status, out);
		}
	}
	for (unsigned i = 0; i < workers && !out->failed; i++)
		add(out, &sh->workers[i].sum);
	*seeds = n;
	if (out->failed)
		*seeds = (unsigned)(out->seed - opt->seed + 1);
	(void)munmap(sh, sizeof(*sh));
}

void
sim_run(const struct sim_options *opt, const struct sim_scene *scene,
    struct sim_outcome *out)
{
	unsigned seeds;

	sim_seeds(opt, scene, 1, out, &seeds);
	out->seed = opt->seed;
}
