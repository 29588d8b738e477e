/* SPDX-License-Identifier: MIT */
/* What the parts of a storm share. Theory: bench/metal/storm.c. */
#ifndef BENCH_METAL_STORM_STATE_H
#define BENCH_METAL_STORM_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bench/storm.h>
#include <kernel/lock.h>
#include <kernel/time.h>
#include <mm/kmem.h>

#include "crew.h"

#define STORM_SLOTS_MAX 512u /* live objects per hart; a power of two */
#define STORM_SLOTS_MIN 16u
#define STORM_INBOX     64u /* objects on their way to one hart */
#define STORM_IRQ_SLOTS 8u  /* objects held by one hart's interrupt */

enum storm_kind {
	STORM_16,
	STORM_64,
	STORM_200,
	STORM_512,
	STORM_1000,
	STORM_4096,
	STORM_CACHES,
	STORM_KMALLOC = STORM_CACHES
};

/* Who holds an object writes this down where the object cannot smash it. */
struct storm_slot {
	uint64_t *sl_obj;  /* NULL: empty */
	uint64_t sl_stamp; /* each word of the pattern */
	uint32_t sl_size;  /* bytes */
	uint8_t sl_kind;   /* enum storm_kind */
	uint8_t sl_first;  /* first word of the pattern */
	bool sl_full;      /* every word is written, not only the ends */
};

enum { LETTER_EMPTY, LETTER_BUSY, LETTER_FULL };

struct storm_letter {
	_Atomic unsigned le_state; /* LETTER_… */
	struct storm_slot le_slot; /* owner: who made the state BUSY or FULL */
};

struct storm;

/* One hart's part. */
struct storm_lane {
	struct storm *sn_storm;
	unsigned sn_index;
	uint64_t sn_random;
	uint64_t sn_serial; /* objects ever placed, in thread context */
	uint64_t sn_allocs, sn_frees, sn_handed, sn_alloc_fail;
	_Atomic uint64_t sn_rounds; /* the owner writes, the first hart reads */
	uint64_t sn_reaped_at;      /* rounds at the latest reap */
	uint64_t sn_reaps;
	unsigned sn_letter; /* where to look for mail next */
	/* Of the interrupt, while the timer is armed. */
	struct ktimer sn_timer;
	uint64_t sn_irq_random, sn_irq_serial;
	uint64_t sn_irq_allocs, sn_irq_frees;
	struct storm_slot sn_irq[STORM_IRQ_SLOTS];
	/* Any hart. */
	struct storm_letter sn_inbox[STORM_INBOX];
	/* Mostly the owner. */
	struct storm_slot sn_slots[];
};

struct storm {
	const struct storm_options *st_opt;
	struct storm_result *st_out;
	unsigned st_harts;
	unsigned st_slots; /* per hart; a power of two */
	uint64_t st_start_ns, st_end_ns;
	uint64_t st_next_progress; /* of the first hart */
	uint64_t st_errors_before; /* heap errors */
	struct kmem_reap_stats st_reaps_before;
	struct kmem_cache *st_cache[STORM_CACHES];
	_Atomic bool st_stop;
	_Atomic unsigned st_findings;
	_Atomic uint64_t st_ctor, st_dtor, st_ctor_bad;
	struct klock st_lock; /* the finding's text */
	struct storm_lane *st_lane[CREW_MAX];
};

struct storm_kind_info {
	const char *ki_name;
	size_t ki_size; /* bytes */
	enum kmem_protect ki_protect;
	bool ki_ctor;
};
extern const struct storm_kind_info storm_kinds[STORM_CACHES];

/* Write down what is wrong (the first text stays) and end the storm. */
void storm_finding(struct storm *st, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
bool storm_has_finding(struct storm *st);

/* Words of the constructed part, at the head of an object. */
#define STORM_CTOR_WORDS 2u
#define STORM_CTOR_WORD  UINT64_C(0xc0157c7ed0b1ec75)

static inline bool
storm_constructed(const uint64_t *obj)
{
	return obj[0] == ((uint64_t)(uintptr_t)obj ^ STORM_CTOR_WORD) &&
	    obj[1] == ~obj[0];
}

/* storm_object.c: objects and their patterns. Context: any. */
bool storm_place(struct storm *st, struct storm_slot *slot, unsigned kind,
    unsigned flags, uint64_t random, uint64_t serial, unsigned index);
bool storm_check(
    struct storm *st, const struct storm_slot *slot, unsigned index);
void storm_release(struct storm *st, struct storm_slot *slot);

/* storm_audit.c: caches before, and sums after. */
int storm_open(struct storm *st, const char **why);
void storm_close(struct storm *st);
void storm_audit(struct storm *st);

#endif
