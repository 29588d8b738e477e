/* SPDX-License-Identifier: MIT */
/*
 * The lab's loads on this machine: bench/lab/load is one source for the kernel
 * and for here, where they run on mm and on the malloc of the process.
 *
 * Theory of operation
 *
 * 1. Each lane is a thread, so that a library's caches are those of as many
 *    threads. They take turns, a step each, in the order of their numbers; a
 *    semaphore hands the turn on. So what happens depends on nothing but the
 *    seed, and callgrind counts the same each time (scripts/bench-host takes
 *    the difference of two lengths, and that of noop).
 * 2. Memory is not looked at: loads do not write all of their objects, so what
 *    is resident would say little. bench/host/memory.c measures that.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <mm/host.h>

#include "../lab/codes.h"
#include "host.h"

enum lane_order { LANE_ENTER, LANE_STEP, LANE_LEAVE, LANE_END };

/* A lane and the thread that is it; lane 0 is the main thread. */
struct seat {
	struct lab_lane *st_lane; /* of lr_lanes */
	const struct lab_load *st_load;
	pthread_t st_thread;
	sem_t st_go, st_done;
	enum lane_order st_order;
	uint64_t st_steps; /* of LANE_STEP */
	enum lab_step st_said;
	bool st_over;
};

static void
obey(struct seat *seat)
{
	struct lab_lane *lane = seat->st_lane;
	uint64_t i;

	switch (seat->st_order) {
	case LANE_ENTER:
		if (seat->st_load->ld_enter != NULL &&
		    !seat->st_load->ld_enter(lane))
			host_fail("no memory", seat->st_load->ld_id);
		break;
	case LANE_STEP:
		for (i = 0; i < seat->st_steps && !seat->st_over; i++) {
			seat->st_said = seat->st_load->ld_step(lane);
			lane->ln_step++;
			seat->st_over = seat->st_said == LAB_DONE;
			if (seat->st_said == LAB_FAIL)
				host_fail("no memory", seat->st_load->ld_id);
		}
		break;
	case LANE_LEAVE:
		seat->st_load->ld_leave(lane);
		break;
	case LANE_END:
	default:
		break;
	}
}

static void
await(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		continue;
}

static void *
sit(void *arg)
{
	struct seat *seat = arg;
	enum lane_order order;

	mm_host_attach(seat->st_lane->ln_index);
	do {
		await(&seat->st_go);
		/* From the post on the next order may be written. */
		order = seat->st_order;
		obey(seat);
		(void)sem_post(&seat->st_done);
	} while (order != LANE_END);
	return NULL;
}

/* One order to all lanes, in turn. */
static void
order_all(
    struct seat *seats, unsigned harts, enum lane_order order, uint64_t steps)
{
	unsigned i;

	for (i = 0; i < harts; i++) {
		seats[i].st_order = order;
		seats[i].st_steps = steps;
		if (i == 0) {
			obey(&seats[0]);
			continue;
		}
		(void)sem_post(&seats[i].st_go);
		await(&seats[i].st_done);
	}
}

static void *
own_memory(size_t (*bytes)(const struct lab_run *), const struct lab_run *run)
{
	size_t n = bytes != NULL ? bytes(run) : 0;

	return n != 0 ? host_pages(n) : NULL;
}

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) != 0)
		host_fail("no clock", "CLOCK_PROCESS_CPUTIME_ID");
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
seat_all(struct seat *seats, struct lab_run *run, const struct lab_load *load)
{
	static struct bench_hist hists[HOST_LAB_HARTS];
	unsigned i;

	for (i = 0; i < run->lr_harts; i++) {
		struct seat *seat = &seats[i];

		seat->st_load = load;
		seat->st_lane = &run->lr_lanes[i];
		seat->st_lane->ln_run = run;
		seat->st_lane->ln_index = i;
		seat->st_lane->ln_random = bench_seed(run->lr_seed, i);
		seat->st_lane->ln_hist = &hists[i];
		seat->st_lane->ln_own = own_memory(load->ld_lane, run);
		(void)sem_init(&seat->st_go, 0, 0);
		(void)sem_init(&seat->st_done, 0, 0);
		if (i > 0 &&
		    pthread_create(&seat->st_thread, NULL, sit, seat) != 0)
			host_fail("no thread", load->ld_id);
	}
}

static bool
all_over(const struct seat *seats, unsigned harts)
{
	unsigned i;

	for (i = 0; i < harts; i++)
		if (!seats[i].st_over)
			return false;
	return true;
}

struct lab_figures {
	uint64_t ops, ns; /* ns: CPU time of the process */
};

static void
run_rounds(struct seat *seats, const struct lab_run *run, uint64_t rounds,
    struct lab_figures *fig)
{
	uint64_t start = cpu_ns(), r;
	unsigned i;

	for (r = 0; r < rounds && !all_over(seats, run->lr_harts); r++)
		order_all(seats, run->lr_harts, LANE_STEP, 1);
	fig->ns = cpu_ns() - start;
	for (i = 0; i < run->lr_harts; i++)
		fig->ops += seats[i].st_lane->ln_ops;
}

/* Parameters: quick's, and how many harts. */
static void
prepare(struct lab_run *run, const char *id, unsigned harts)
{
	static struct lab_result nowhere;
	unsigned i;

	run->lr_bench = lab_find_bench(id);
	if (run->lr_bench == NULL)
		host_fail("no such benchmark; see bench-host list", id);
	run->lr_harts = harts;
	run->lr_seed = 1;
	for (i = 0; i < LAB_PARAMS_MAX; i++)
		run->lr_param[i] = run->lr_bench->lb_params[i].lp_quick;
	run->lr_tick = cpu_ns;
	run->lr_out = &nowhere;
}

void
host_lab(const char *allocator, const char *id, unsigned harts, uint64_t rounds)
{
	static struct seat seats[HOST_LAB_HARTS];
	static struct lab_lane lanes[HOST_LAB_HARTS];
	static struct lab_run run = { .lr_lanes = lanes };
	struct lab_figures fig = { 0 };
	const struct lab_load *load;
	const struct lab_variant *variant = lab_find_variant(allocator);
	const struct lab_code *code;
	unsigned i;

	if (harts == 0 || harts > HOST_LAB_HARTS)
		host_fail("harts must be 1 to 8", id);
	if (variant == NULL)
		host_fail("no such allocator; ours, malloc or noop", allocator);
	prepare(&run, id, harts);
	run.lr_variant = variant;
	code = lab_code_of(variant);
	load = lab_load_of(code, id);
	if (load == NULL || lab_refuses(run.lr_bench, variant) != NULL)
		host_fail("this allocator cannot run it", id);
	run.lr_shared = own_memory(load->ld_shared, &run);
	seat_all(seats, &run, load);
	if (!load->ld_open(&run))
		host_fail("no memory", id);
	order_all(seats, harts, LANE_ENTER, 0);
	run_rounds(seats, &run, rounds, &fig);
	order_all(seats, harts, LANE_LEAVE, 0);
	load->ld_close(&run);
	order_all(seats, harts, LANE_END, 0);
	for (i = 1; i < harts; i++)
		(void)pthread_join(seats[i].st_thread, NULL);
	printf("{\"allocator\":\"%s\",\"bench\":\"%s\",\"harts\":%u,"
	       "\"ops\":%ju,\"cpu_ns\":%ju}\n",
	    allocator, id, harts, (uintmax_t)fig.ops, (uintmax_t)fig.ns);
}
