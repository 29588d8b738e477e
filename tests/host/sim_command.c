/* SPDX-License-Identifier: MIT */
/* The list of what is played, and the command line that replays one seed. */
#include "sim_scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shares of the plays that a whole test makes add up to 1000. */
const struct sim_play sim_plays[] = {
	{ &scene_mix, 3, 1024, 185, "alloc, free, bulk, tune, reap" },
	{ &scene_mix, 2, 1024, 80, "the same" },
	{ &scene_mix, 5, 1024, 40, "the same" },
	{ &scene_mix, 8, 1024, 15, "the same" },
	{ &scene_remote, 2, 1024, 100, "producers and consumers" },
	{ &scene_remote, 4, 1024, 80, "the same" },
	{ &scene_pair, 2, 1024, 70, "the hot pair, interrupts and drains" },
	{ &scene_pair, 4, 1024, 30, "the same" },
	{ &scene_reap, 3, 1024, 45, "two reclaimers" },
	{ &scene_idle, 3, 1024, 6, "trimming on idle time" },
	{ &scene_registry, 3, 1024, 50, "create, destroy, stats, reap" },
	{ &scene_resize, 3, 1024, 80, "magazines change under load" },
	{ &scene_dry, 3, 512, 6, "exhaustion" },
	{ &scene_double_free, 3, 1024, 128, "one object freed by all" },
	{ &scene_bulk, 3, 1024, 60, "bulk, shrink, limits" },
	{ &scene_general, 3, 4096, 15, "kmalloc, krealloc, kfree" },
	{ &scene_own, 4, 1024, 5, "each hart its own cache" },
	{ &scene_aligned, 4, 1024, 5, "cache-line-aligned objects" },
	/* Few, and long: not among the seeds of the whole test. */
	{ &scene_square, 4, 4096, 0, "load and rest, sizes of magazines" },
	/* These must fail. */
	{ &scene_own_packed, 2, 1024, 0, "slots of two harts on a line" },
	{ &scene_unaligned, 4, 1024, 0, "objects of two harts on a line" },
	{ &scene_deadlock, 2, 0, 0, "two locks in two orders" },
	{ &scene_lost_update, 2, 0, 0, "a counter without a lock" },
};
const unsigned sim_play_count = sizeof(sim_plays) / sizeof(sim_plays[0]);

const struct sim_play *
sim_find(const char *name)
{
	for (unsigned i = 0; i < sim_play_count; i++) {
		if (strcmp(sim_plays[i].scene->name, name) == 0)
			return &sim_plays[i];
	}
	return NULL;
}

void
sim_options_of(const struct sim_play *p, struct sim_options *opt)
{
	*opt = (struct sim_options){
		.seed = 1,
		.harts = p->harts,
		.bytes = (size_t)p->kib << 10,
	};
	if (p->scene == &scene_own_packed) {
		opt->slots = 73; /* the last is at the start of a line */
		opt->packed = true;
	}
	if (p->scene == &scene_deadlock)
		opt->steps_max = 5000;
}

static int
usage(const char *program)
{
	(void)fprintf(stderr,
	    "usage: %s SCENE SEED [HARTS [trace]]   play one seed\n"
	    "       %s SCENE find SEEDS             the first that fails\n"
	    "scenes:\n",
	    program, program);
	for (unsigned i = 0; i < sim_play_count; i++)
		(void)fprintf(stderr, "  %-12s %u harts: %s\n",
		    sim_plays[i].scene->name, sim_plays[i].harts,
		    sim_plays[i].about);
	return 2;
}

static int
find(const struct sim_play *p, struct sim_options *opt, unsigned n)
{
	struct sim_outcome out;
	unsigned seeds;

	sim_seeds(opt, p->scene, n, &out, &seeds);
	printf("%s %u %s\n", out.failed ? "found" : "passed", seeds, out.what);
	return out.failed ? 1 : 0;
}

int
sim_command(int argc, char **argv)
{
	const struct sim_play *p;
	struct sim_options opt;
	struct sim_outcome out;

	if (argc < 2)
		return -1;
	p = sim_find(argv[1]);
	if (p == NULL || argc < 3)
		return usage(argv[0]);
	sim_options_of(p, &opt);
	if (strcmp(argv[2], "find") == 0)
		return argc == 4
		    ? find(p, &opt, (unsigned)strtoul(argv[3], NULL, 0))
		    : usage(argv[0]);
	opt.seed = strtoull(argv[2], NULL, 0);
	if (argc > 3)
		opt.harts = (unsigned)strtoul(argv[3], NULL, 0);
	opt.trace = argc > 4 && strcmp(argv[4], "trace") == 0;
	if (opt.harts < 1 || opt.harts > SIM_HARTS_MAX)
		return usage(argv[0]);
	sim_run(&opt, p->scene, &out);
	printf("%s: seed %ju, %u harts: %ju steps, %ju switches, digest "
	       "%016jx: %s\n",
	    p->scene->name, (uintmax_t)opt.seed, opt.harts,
	    (uintmax_t)out.steps, (uintmax_t)out.switches,
	    (uintmax_t)out.digest, out.failed ? out.what : "passed");
	if (out.said[0] != '\0')
		printf("%s\n", out.said);
	return out.failed ? 1 : 0;
}
