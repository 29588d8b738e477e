/* SPDX-License-Identifier: MIT */
/* What the simulated harts do. */
#ifndef TESTS_SIM_SCENES_H
#define TESTS_SIM_SCENES_H

#include "sim.h"

/* Alloc, free, pass on, bulk, reap, tune, statistics, interrupts. */
extern const struct sim_scene scene_mix;
/* Half of the harts allocate, the others free. */
extern const struct sim_scene scene_remote;
/* One cache, many interrupts and drains: the hot pair starts anew. */
extern const struct sim_scene scene_pair;
/* An idle hart trims while another counts what a reap gave. */
extern const struct sim_scene scene_idle;
/* Two harts reclaim at every level, the others pop and push. */
extern const struct sim_scene scene_reap;
/* Create, find, walk, reap, statistics and destroy of the same few names. */
extern const struct sim_scene scene_registry;
/* Magazine sizes and counting change under load. */
extern const struct sim_scene scene_resize;
/* Memory runs out: reclaim from several harts at once. */
extern const struct sim_scene scene_dry;
/* All harts free one object of a checked cache: one succeeds. */
extern const struct sim_scene scene_double_free;
/* Many objects at once, against shrink and limits. */
extern const struct sim_scene scene_bulk;
/* kmalloc, krealloc and runs of frames. */
extern const struct sim_scene scene_general;
/* Load and rest in turn: magazines grow and shrink. */
extern const struct sim_scene scene_square;
/* Each hart its own cache: no hot store to another's line. */
extern const struct sim_scene scene_own;
/* The same, with slots of two harts on one line: must be seen. */
extern const struct sim_scene scene_own_packed;
/* Cache-line-aligned objects, allocated here, freed there, reaped, resized. */
extern const struct sim_scene scene_aligned;
/* The same with 8-byte alignment: two harts on one line must be seen. */
extern const struct sim_scene scene_unaligned;

/* Of the simulator itself: these must fail. */
extern const struct sim_scene scene_deadlock;
extern const struct sim_scene scene_lost_update;

/* How a scene is played. */
struct sim_play {
	const struct sim_scene *scene;
	unsigned harts;
	unsigned kib;   /* of the zone */
	unsigned share; /* of the seeds of a whole test, in 1/1000 */
	const char *about;
};
extern const struct sim_play sim_plays[];
extern const unsigned sim_play_count;

/* The first entry of a scene; NULL: no such. */
const struct sim_play *sim_find(const char *name);
void sim_options_of(const struct sim_play *p, struct sim_options *opt);

/*
 * What a command line asks for: replay one seed, or find the first seed of a
 * scene that fails. The exit status; -1: no arguments.
 */
int sim_command(int argc, char **argv);

#endif
