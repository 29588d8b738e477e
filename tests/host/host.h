/* SPDX-License-Identifier: MIT */
/*
 * What the tests of mm know of a host port beyond <mm/host.h>: zones and slots
 * to order, the reports and panics that came, faults of the port itself.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <mm/port.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_HARTS_MAX 64u
#define HOST_SLOTS     256u

/* Under MM_TEST: the n-th frame_alloc from now (0: the next) fails; -1: off. */
void frame_set_fail_after(int64_t n);

struct host_options {
	size_t bytes;   /* of the first zone; 0: no zone and no kmem_init */
	unsigned harts; /* 1 ... HOST_HARTS_MAX */
	unsigned slots; /* per hart; 0: HOST_SLOTS */
	uintptr_t at;   /* where to map the zone; 0: anywhere */
};

/* mm_host_init with every choice open. 0 or -1. */
int host_start(const struct host_options *opt);
/*
 * Map `bytes` (whole frames) between two guard pages until mm_host_fini.
 * NULL when the machine refuses.
 */
void *host_map(size_t bytes, uintptr_t at);

/* The last report since host_clear_reports, NULL when none; how many came. */
const struct mm_report *host_last_report(void);
uint64_t host_report_count(void);
void host_clear_reports(void);
/* Also print each report to standard error (on unless a test turns it off). */
void host_print_reports(bool on);

/*
 * Run fn(arg); true when it ended in port_panic, whose sentence is then in
 * *what. mm's state is lost after a panic: start it anew. One thread only.
 */
bool host_panics(void (*fn)(void *), void *arg, const char **what);
/* Runs first in a panic nobody expects; NULL: print and abort. */
extern void (*host_panic_hook)(const char *what, uintptr_t a, uintptr_t b);

/* A deaf hart does not answer port_hart_call. */
void host_set_deaf(unsigned hart, bool deaf);
bool host_is_deaf(unsigned hart);
/* Functions run by port_hart_call so far. */
extern _Atomic uint64_t host_hart_calls;

/*
 * Pins the caller holds, beyond the one that an interrupt comes with. mm's
 * locks pin, so 0 inside a call-back means: no lock is held.
 */
unsigned host_pins(void);

/* Provided by the port at hand: start with `harts` idle, unpinned harts. */
int host_port_start(unsigned harts);
void host_port_stop(void);

#endif
