/* SPDX-License-Identifier: MIT */
/* What the files of the simulator share. Theory: port_sim.c. */
#ifndef TESTS_SIM_IMPL_H
#define TESTS_SIM_IMPL_H

#include "sim.h"

#include <setjmp.h>
#include <ucontext.h>

struct fiber {
	jmp_buf jump;
	ucontext_t context; /* only for the first entry */
	unsigned self;      /* hart it acts as */
	unsigned pins;      /* depth, of the frame it is in */
	bool in_interrupt;
	bool in_range; /* between first load and commit of the hot pair */
	bool rewound;  /* the range has to start anew */
	bool done;
	bool born;
};

/* The fiber that runs; &sim_alone before and after the fibers do. */
extern struct fiber *sim_current;
extern struct fiber sim_alone;
extern struct fiber sim_fibers[SIM_HARTS_MAX];

/* What the accesses of mm do beyond being made; 0: nothing. */
enum {
	SIM_POINTS = 1, /* atomic ones are points */
	SIM_PLAIN = 2,  /* plain ones too */
	SIM_RACES = 4,  /* the race detector looks on */
	SIM_LINES = 8   /* writers of lines are noted */
};
extern unsigned sim_watching;

/* A point at a plain access. */
void sim_point_plain(void);

/* The outcome of the run at hand; lies in memory shared with the parent. */
extern struct sim_outcome *sim_outcome;

/* port_sim.c: one run in this process. The world stands. */
void sim_play(const struct sim_options *opt, const struct sim_scene *scene);

/* sim_world.c */
void sim_world_boot(const struct sim_options *opt);
void sim_world_restore(void);
bool sim_in_world(uintptr_t at, size_t *offset);
#define SIM_WORLD_MAX ((size_t)16 << 20)

/* sim_race.c */
void sim_race_start(unsigned harts);
void sim_race_plain(uintptr_t at, bool write, uintptr_t pc);
/* Before an atomic access. */
void sim_race_atomic(
    uintptr_t at, bool read, bool write, int order, uintptr_t pc);
/* All that `from` did happened before what `to` does next. */
void sim_race_order(unsigned from, unsigned to);

/* sim_lines.c */
void sim_lines_store(uintptr_t at, bool hot);

/* Marks around the state of mm and of the scenes, which a run starts anew. */
extern char sim_first_data[64], sim_first_bss[64];
extern char sim_last_data[64], sim_last_bss[64];

#endif
