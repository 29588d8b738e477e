/* SPDX-License-Identifier: MIT */
/* What the simulated harts do. */
#ifndef TESTS_SIM_SCENES_H
#define TESTS_SIM_SCENES_H

#include "sim.h"

/* Alloc, free, pass on, bulk, reap, tune, statistics, create and destroy. */
extern const struct sim_scene scene_mix;
/* Two harts reap ALL while a third pops and pushes. */
extern const struct sim_scene scene_drain;
/* Memory runs out: reclaim from several harts at once. */
extern const struct sim_scene scene_dry;
/* Create, find, walk, destroy and statistics of the same few names. */
extern const struct sim_scene scene_registry;
/* Two harts free one object of a checked cache: one succeeds. */
extern const struct sim_scene scene_double_free;

/* Of the simulator itself: these must fail. */
extern const struct sim_scene scene_deadlock;
extern const struct sim_scene scene_lost_update;

#endif
