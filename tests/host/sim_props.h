/* SPDX-License-Identifier: MIT */
/*
 * What the scenes have in common: four caches, a table of all live objects,
 * and the examination at the end.
 */
#ifndef TESTS_SIM_PROPS_H
#define TESTS_SIM_PROPS_H

#include "sim.h"

#include <mm/kmem.h>

#define CACHES     4u
#define LIVE_MAX   160u
/* Of the cache without magazines: exact at any time. */
#define BARE_LIMIT 20u

enum { PLAIN, CHECKED, BUILT, BARE };

extern struct kmem_cache *caches[CACHES];

/* 0 … n - 1. */
unsigned below(unsigned n);
/* Fail when a function of mm did. */
void must(int error, const char *what);

/*
 * A live object: its address is marked, its bytes are stamped. One that is
 * handed out twice, or changes, ends the run.
 */
void live_add(struct kmem_cache *cp, void *obj);
/* Take any live object of a cache (NULL: of any) out; NULL: there is none. */
void *live_take(struct kmem_cache *of, struct kmem_cache **cp);
unsigned live_count(unsigned cache);
bool live_is(uintptr_t obj);
bool live_full(void);

/* Make the four caches; take them apart again, exact to the frame. */
void props_make(void *arg);
void props_settle(void *arg);
/* All invariants; no report came. Nothing moves. */
void props_books(void);
/* Between two steps: the four caches; any one with so many live objects. */
void props_look(void *arg);
void look_at_cache(struct kmem_cache *cp, unsigned live);

/* One random operation of the kind. */
void do_alloc(void);
void do_alloc_from(struct kmem_cache *cp);
void do_free(void);
void do_free_to(struct kmem_cache *cp);
void do_bulk(void);
void do_stats(void);
void do_reap(void);
void do_rare(void);
/*
 * In half of the runs: interrupts that allocate from and free to the first
 * `caches_used` caches, about one at `one_in` points.
 */
void some_interrupts(unsigned hart, unsigned one_in, unsigned caches_used);

#endif
