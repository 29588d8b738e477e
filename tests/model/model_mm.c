/* SPDX-License-Identifier: MIT */
/* Frames and slabs against a trivially correct model, by random operations. */

/*
 * Theory of operation
 *
 * 1. The model is what a person would write on paper: a table of live objects
 *    with their cache, size and contents, a table of runs of frames, and a
 *    table of caches with their options. It has no layers, no sharing and no
 *    reuse, so it cannot share a mistake with mm.
 *
 * 2. An operation is four numbers drawn from the seed before anything runs;
 *    what they mean is decided when the operation is executed, from the state
 *    then (object number a modulo the objects there are). So any subset of the
 *    operations is a legal test too.
 *
 * 3. After every operation that can tell, mm's answer is compared: success and
 *    failure, addresses (aligned, not overlapping), contents, counts, frames
 *    gained. Every CHECK_EVERY operations everything is compared.
 *
 * 4. The run happens in a forked process. When it fails, or crashes, the list
 *    of operations is cut behind the failing one and shrunk by leaving out
 *    ever smaller pieces as long as it still fails; what is left is printed.
 *
 * Environment: SEED=, OPS=; one failing seed is a complete bug report.
 */
#include "tests/unit/mm_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model.h"

#define OPS_DEFAULT    200000u
#define SEED_DEFAULT   1u
#define SHRINK_SECONDS 20
#define ZONE_BYTES     ((size_t)48 << 20)
#define HARTS          4u

/* Survives the child: how far it came, and what was wrong. */
struct progress {
	unsigned op;
	unsigned most; /* objects live at once */
	bool failed;
	char what[200];
};

static struct progress *progress;

_Noreturn void
model_fail(const char *what, uintmax_t a, uintmax_t b)
{
	progress->failed = true;
	(void)snprintf(progress->what, sizeof(progress->what), "%s (%ju, %ju)",
	    what, a, b);
	_exit(1);
}

static void
on_panic(const char *what, uintptr_t a, uintptr_t b)
{
	model_fail(what, a, b);
}

static _Noreturn void
child(const struct op *ops, unsigned n)
{
	host_print_reports(false);
	host_panic_hook = on_panic;
	(void)alarm(300);
	if (mm_host_init(ZONE_BYTES, HARTS) != 0)
		model_fail("mm_host_init", ZONE_BYTES, HARTS);
	model_start();
	for (unsigned i = 0; i < n; i++) {
		progress->op = i;
		model_step(&ops[i], i);
	}
	progress->most = model_most();
	model_finish();
	mm_host_fini();
	_exit(0);
}

/* True when the list passes; else *progress tells. */
static bool
passes(const struct op *ops, unsigned n)
{
	int status = 0;
	pid_t pid;

	memset(progress, 0, sizeof(*progress));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(ops, n);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (status != 0 && !progress->failed)
		(void)snprintf(progress->what, sizeof(progress->what),
		    "process ended with status 0x%x", (unsigned)status);
	return status == 0;
}

/* Leave out pieces while it still fails; the new length. */
static unsigned
shrink(struct op *ops, unsigned n)
{
	struct op *try = malloc(n * sizeof(*try));
	time_t end = time(NULL) + SHRINK_SECONDS;

	if (try == NULL)
		abort();
	for (unsigned piece = n / 2; piece > 0 && time(NULL) < end;
	     piece /= 2) {
		for (unsigned at = 0; at + piece <= n && time(NULL) < end;) {
			unsigned rest = n - at - piece;

			memcpy(try, ops, at * sizeof(*ops));
			memcpy(try + at, ops + at + piece, rest * sizeof(*ops));
			if (passes(try, n - piece)) {
				at += piece;
				continue;
			}
			memcpy(ops, try, (n - piece) * sizeof(*ops));
			n -= piece;
		}
	}
	free(try);
	return n;
}

static void
explain(struct op *ops, uint64_t seed)
{
	unsigned n = progress->op + 1;

	print_error("SEED=%ju failed at operation %u: %s\n", (uintmax_t)seed,
	    progress->op, progress->what);
	if (n > 1)
		n = shrink(ops, n);
	if (passes(ops, n))
		print_error("(does not fail again)\n");
	print_error("%u operations are enough: %s\n", n, progress->what);
	for (unsigned i = 0; i < n && i < 60; i++)
		print_error("  %-8s %u %u %u\n", model_name(&ops[i]), ops[i].a,
		    ops[i].b, ops[i].c);
}

static unsigned
number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)strtoul(text, NULL, 0) : otherwise;
}

static void
A1_A2_random_operations_agree_with_the_model(void **state)
{
	unsigned n = number("OPS", OPS_DEFAULT);
	uint64_t seed = number("SEED", SEED_DEFAULT);
	struct test_rng rng = { .state = seed * 0x9e3779b97f4a7c15u + 1 };
	struct op *ops = malloc(n * sizeof(*ops));
	bool good;

	(void)state;
	assert_non_null(ops);
	for (unsigned i = 0; i < n; i++) {
		ops[i].what = (uint32_t)test_below(&rng, MODEL_WEIGHTS);
		ops[i].a = (uint32_t)test_random(&rng);
		ops[i].b = (uint32_t)test_random(&rng);
		ops[i].c = (uint32_t)test_random(&rng);
	}
	good = passes(ops, n);
	print_message("seed %ju, %u operations, at most %u objects at once\n",
	    (uintmax_t)seed, n, progress->most);
	if (!good)
		explain(ops, seed);
	free(ops);
	assert_true(good);
}

/* The driver itself: a failing list is found and shrunk. */
static void
a_failing_list_is_shrunk(void **state)
{
	static struct op ops[300];
	struct test_rng rng = { .state = 3 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(ops); i++) {
		ops[i].what = (uint32_t)test_below(&rng, MODEL_WEIGHTS);
		ops[i].a = (uint32_t)test_random(&rng);
		ops[i].b = (uint32_t)test_random(&rng);
		ops[i].c = (uint32_t)test_random(&rng);
	}
	ops[200].what = MODEL_PLANTED_BUG;
	assert_false(passes(ops, ARRAY_COUNT(ops)));
	assert_int_equal(progress->op, 200);
	assert_int_equal(shrink(ops, 201), 1);
	assert_int_equal(ops[0].what, MODEL_PLANTED_BUG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failing_list_is_shrunk),
		cmocka_unit_test(A1_A2_random_operations_agree_with_the_model),
	};

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		return 2;
	return cmocka_run_group_tests_name("model_mm", tests, NULL, NULL);
}
