/* SPDX-License-Identifier: MIT */
/*
 * The loads of groups smp and trace on threads that run at once, under
 * ThreadSanitizer: whatever harts hand to each other, they hand over rightly.
 *
 * A thread steps until all together have done enough; one that waits lets the
 * others run. A load in which all wait for each other would not end, and the
 * limit of the test program would find it.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/unit/lab_world.h"

#define THREADS 4u
#define STEPS   200u /* of all threads; those that did something */

struct together {
	struct world_run to_run;
	pthread_barrier_t to_meet;
	_Atomic(unsigned) to_steps;
	_Atomic(bool) to_failed;
};

struct member {
	struct together *me_together;
	struct lab_lane *me_lane;
};

/* A failed assertion must not leave a thread: it is noted. */
static void *
member_run(void *arg)
{
	struct member *me = arg;
	struct together *to = me->me_together;
	const struct lab_load *load = to->to_run.wr_load;
	enum lab_step came = LAB_MORE;

	if (load->ld_enter != NULL && !load->ld_enter(me->me_lane))
		atomic_store(&to->to_failed, true);
	(void)pthread_barrier_wait(&to->to_meet);
	while (atomic_load(&to->to_steps) < STEPS && came != LAB_FAIL) {
		came = load->ld_step(me->me_lane);
		if (came == LAB_MORE)
			atomic_fetch_add(&to->to_steps, 1);
		else
			(void)sched_yield();
	}
	if (came == LAB_FAIL)
		atomic_store(&to->to_failed, true);
	(void)pthread_barrier_wait(&to->to_meet);
	load->ld_leave(me->me_lane);
	return NULL;
}

static void
run_together(const struct lab_bench *bench, enum world_params which)
{
	static struct together to;
	struct member members[THREADS];
	pthread_t threads[THREADS];
	unsigned i;

	world_forget();
	world.wo_threads = true;
	memset(&to, 0, sizeof(to));
	assert_int_equal(pthread_barrier_init(&to.to_meet, NULL, THREADS), 0);
	assert_true(world_open(&to.to_run, bench, THREADS, which));
	for (i = 0; i < THREADS; i++) {
		members[i] = (struct member){ &to, &to.to_run.wr_lanes[i] };
		assert_int_equal(
		    pthread_create(&threads[i], NULL, member_run, &members[i]),
		    0);
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_false(atomic_load(&to.to_failed));
	assert_true(atomic_load(&to.to_steps) >= STEPS);
	to.to_run.wr_load->ld_close(&to.to_run.wr_run);
	world_free(&to.to_run);
	world_clean(bench->lb_id);
	(void)pthread_barrier_destroy(&to.to_meet);
}

static void
I5_1_loads_are_right_on_threads(void **state)
{
	const struct lab_bench *bench;
	size_t i;

	(void)state;
	for (i = 0; (bench = world_bench(i)) != NULL; i++)
		run_together(bench, WORLD_QUICK);
}

/* Boxes, rings and pools of the least size: every step meets another's. */
static void
I5_1_loads_are_right_on_threads_in_close_quarters(void **state)
{
	const struct lab_bench *bench;
	size_t i;

	(void)state;
	for (i = 0; (bench = world_bench(i)) != NULL; i++)
		run_together(bench, WORLD_ZERO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I5_1_loads_are_right_on_threads),
		cmocka_unit_test(
		    I5_1_loads_are_right_on_threads_in_close_quarters),
	};

	return cmocka_run_group_tests(tests, world_load_trace, NULL);
}
