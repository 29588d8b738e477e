/* SPDX-License-Identifier: MIT */
/*
 * The program behind `make bench-host`: one figure per process, so that no
 * measurement meets what another left behind. scripts/bench-host runs it
 * under callgrind, cachegrind and alone, and makes the table.
 *
 *   bench-host run ALLOCATOR WORKLOAD PAIRS [WARM-UP PAIRS]
 *   bench-host typed ALLOCATOR SIZE COUNT
 *   bench-host mixed ALLOCATOR LIVE
 *   bench-host colour on|off ROUNDS
 *   bench-host lab ALLOCATOR BENCHMARK HARTS ROUNDS
 *   bench-host list
 *
 * ALLOCATOR is kmem, malloc, noop, or ctor (the constructor alone); of the lab
 * it is ours, malloc or noop. Each prints one JSON object a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <mm/host.h>

#include "host.h"

static const struct host_code *const codes[] = { &host_code_kmem,
	&host_code_malloc, &host_code_noop, &host_code_ctor };

#define CODES (sizeof(codes) / sizeof(codes[0]))

_Noreturn void
host_fail(const char *what, const char *name)
{
	(void)fprintf(stderr, "bench-host: %s: %s\n", name, what);
	exit(2);
}

static const struct host_code *
find_code(const char *name)
{
	for (size_t i = 0; i < CODES; i++) {
		if (strcmp(codes[i]->hc_name, name) == 0)
			return codes[i];
	}
	host_fail("no such allocator; one of kmem malloc noop ctor", name);
}

static const struct host_load *
find_load(const struct host_code *code, const char *name)
{
	const struct host_load *load = code->hc_loads;

	while (load->hl_name != NULL && strcmp(load->hl_name, name) != 0)
		load++;
	if (load->hl_name == NULL)
		host_fail("no such workload; see bench-host list", name);
	return load;
}

static uint64_t
number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (*text == '\0' || *end != '\0')
		host_fail("not a number", text);
	return n;
}

static void
make_cache(struct kmem_cache **cp, const char *name, size_t size,
    const struct kmem_options *opt)
{
	const char *why = "?";

	if (kmem_cache_create(cp, name, size, opt, &why) != 0)
		host_fail(why, name);
}

void
host_run_start(struct host_run *run, const struct host_code *code, size_t size)
{
	static const struct kmem_options built = { .ctor = host_construct };
	uint16_t *sizes = host_pages(HOST_LIVE * sizeof(*sizes));

	memset(run, 0, sizeof(*run));
	run->hr_size = size;
	run->hr_load.w_slots = host_pages(HOST_BATCH * sizeof(void *));
	run->hr_load.w_random = bench_seed(7, 0);
	for (unsigned i = 0; i < HOST_LIVE; i++)
		sizes[i] = (uint16_t)host_draw_size(&run->hr_load.w_random);
	run->hr_sizes = sizes;
	if (code != &host_code_kmem)
		return;
	make_cache(&run->hr_load.w_cache, "typed", size, NULL);
	make_cache(&run->hr_built, "built", HOST_CTOR_SIZE, &built);
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
step(struct host_run *run, const struct host_load *load, uint64_t pairs)
{
	if (load->hl_step != NULL)
		load->hl_step(run, pairs);
	else if (load->hl_code->wc_step(&run->hr_load, pairs) < pairs)
		host_fail("no memory", load->hl_name);
}

static void
run_load(const char *allocator, const char *name, uint64_t pairs, uint64_t warm)
{
	const struct host_code *code = find_code(allocator);
	const struct host_load *load = find_load(code, name);
	struct host_run run;
	uint64_t start, ns;

	host_run_start(&run, code, HOST_SIZE);
	run.hr_load.w_order = load->hl_order;
	run.hr_load.w_count = load->hl_count;
	if (load->hl_code != NULL && !load->hl_code->wc_prepare(&run.hr_load))
		host_fail("no memory", name);
	if (load->hl_prepare != NULL)
		load->hl_prepare(&run);
	step(&run, load, warm);
	start = cpu_ns();
	step(&run, load, pairs);
	ns = cpu_ns() - start;
	printf("{\"allocator\":\"%s\",\"workload\":\"%s\",\"pairs\":%ju,"
	       "\"cpu_ns\":%ju,\"sum\":%ju}\n",
	    allocator, name, (uintmax_t)pairs, (uintmax_t)ns,
	    (uintmax_t)run.hr_sum);
}

static void
list(void)
{
	for (size_t i = 0; i < CODES; i++) {
		const struct host_load *load = codes[i]->hc_loads;

		for (; load->hl_name != NULL; load++)
			printf("{\"allocator\":\"%s\",\"workload\":\"%s\"}\n",
			    codes[i]->hc_name, load->hl_name);
	}
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	/* A huge page would count as resident what nobody has touched. */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (mm_host_init(HOST_ZONE_BYTES, HOST_HARTS) != 0)
		host_fail("cannot start", "mm");
	if (strcmp(what, "run") == 0 && (argc == 5 || argc == 6))
		run_load(argv[2], argv[3], number(argv[4]),
		    argc == 6 ? number(argv[5]) : 0);
	else if (strcmp(what, "typed") == 0 && argc == 5)
		host_memory_typed(
		    find_code(argv[2]), number(argv[3]), number(argv[4]));
	else if (strcmp(what, "mixed") == 0 && argc == 4)
		host_memory_mixed(find_code(argv[2]), number(argv[3]));
	else if (strcmp(what, "colour") == 0 && argc == 4)
		host_colour(
		    strcmp(argv[2], "on") == 0, (unsigned)number(argv[3]));
	else if (strcmp(what, "lab") == 0 && argc == 6)
		host_lab(argv[2], argv[3], (unsigned)number(argv[4]),
		    number(argv[5]));
	else if (strcmp(what, "list") == 0 && argc == 2)
		list();
	else
		host_fail(
		    "run | typed | mixed | colour | lab | list; the head of "
		    "bench/host/main.c says how",
		    "usage");
	return 0;
}
