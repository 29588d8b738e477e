/* SPDX-License-Identifier: MIT */
/*
 * What mm needs from whoever embeds it.
 *
 * Theory of operation
 *
 * mm keeps the allocator's state and decides; the embedder says which hart
 * runs, keeps others out of a hart's own words for a moment (pin), and carries
 * a function to another hart (call). That is all that the drain handshake
 * needs, and all that differs between metal, threads and a simulator.
 *
 * Implementations: kernel/mm_port.c (metal), tests/host/port_threads.c (one
 * thread per hart), tests/host/port_sim.c (all harts in one thread, seeded
 * schedule). docs/porting.md says how to write one.
 *
 * Not in the port, on purpose: memory (pushed in by frame_zone_add), locks
 * (C11 atomics, mm/lock.h), printing.
 */
#ifndef MM_PORT_H
#define MM_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORT_CACHE_LINE 64u

/* Harts that will ever run, dense from 0; constant from kmem_init on. */
unsigned port_hart_count(void);
#ifndef MM_PORT_INLINE
/* The caller's hart. Stable only while pinned. */
unsigned port_hart_self(void);
#endif

/*
 * Slots. Hart h's slot with offset o lies at port_slot_base(h) + o. Offsets
 * run from port_slot_origin() in steps of sizeof(struct mag_slot) for
 * port_slot_count() slots. The memory may hold anything: mm writes a slot on
 * every hart before it publishes it, and reads no other.
 */
void *port_slot_base(unsigned hart);
size_t port_slot_origin(void);
size_t port_slot_count(void);

/*
 * Between pin and unpin no interrupt handler and no port_hart_call function
 * runs on this hart, and the caller stays on it. Nests. O(1).
 */
#ifndef MM_PORT_INLINE
unsigned long port_pin(void);
void port_unpin(unsigned long saved);
#endif
/*
 * An embedder that compiles mm itself may define MM_PORT_INLINE and include a
 * header of its own before all others (-include), with these three as static
 * inline functions; and, with PORT_SLOT_HERE defined, port_slot_here(): the
 * base of the calling hart's slots.
 */

/*
 * Run fn(arg) once on `hart`, outside its pinned sections and between two
 * operations of its hot pair, and return when it has run. Caller: not pinned,
 * no lock held, not in an interrupt. False when the hart does not answer (it
 * has then been named in the log, and fn will never run).
 */
bool port_hart_call(unsigned hart, void (*fn)(void *), void *arg);

/* True in an interrupt or a port_hart_call function: may not wait. */
bool port_in_interrupt(void);

/* In every spin loop. */
void port_pause(void);

/* Kinds of heap error, in the order of the console's report. */
enum mm_error {
	MM_DOUBLE_FREE,
	MM_WRONG_CACHE,
	MM_INTERIOR_FREE,
	MM_FOREIGN_FREE,
	MM_BAD_POINTER,
	MM_REDZONE_LEFT,
	MM_REDZONE_RIGHT,
	MM_POISON,
	MM_CTOR_STATE,
	MM_FREELIST,
	MM_LEAK,
	MM_DESTROY_BUSY,
	MM_BAD_SIZE,
	MM_CONTEXT,
	MM_ERRORS_MAX
};

/* "double-free", …: the kind's name in every report; else "unknown". */
const char *mm_error_name(enum mm_error kind);

/* One event, one report. Strings are static or live in the report. */
struct mm_report {
	enum mm_error kind;
	char cache[32];  /* name, or "-" */
	char owner[32];  /* wrong-cache: the true owner; else "-" */
	uintptr_t obj;   /* the address given */
	uintptr_t base;  /* of the object it lies in; 0 when none */
	intptr_t offset; /* obj - base */
	size_t size;     /* of the object; 0 when unknown */
	unsigned hart;
	uintptr_t caller;
	uint64_t seq;          /* counts reports from 1 */
	uintptr_t slab;        /* 0 when none */
	unsigned inuse, total; /* of that slab */
	const char *action;    /* "reported", "object quarantined", … */
	const char *detail;    /* one sentence for a person */
};

/* Show it. Called with no lock held; must not allocate. */
void port_report(const struct mm_report *r);

/* A broken invariant of mm itself. Never returns, never allocates. */
_Noreturn void port_panic(
    const char *file, int line, const char *what, uintptr_t a, uintptr_t b);

#endif
