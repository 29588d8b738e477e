/* SPDX-License-Identifier: MIT */
/* The part that both host ports share: memory, slots, reports, panics. */

#include "host.h"

#include <mm/frame.h>
#include <mm/host.h>
#include <mm/kmem.h>
#include <mm/mag.h>
#include <mm/port.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Slots do not begin at the base: an embedder has data of its own there, and
 * an mm that forgot to add the origin would overwrite it.
 */
#define SLOT_ORIGIN 192u
#define SLOT_CANARY 0xa5

#define MAPS_MAX 40u

struct mapping {
	void *start; /* with its guard pages */
	size_t bytes;
};

static struct mapping maps[MAPS_MAX];
static unsigned map_count;
static unsigned hart_count;
static size_t slot_count;
static unsigned char *slots[HOST_HARTS_MAX];

static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mm_report last_report;
static uint64_t report_count;
static bool report_print = true;

static jmp_buf panic_jump;
static bool panic_expected;
static const char *panic_what;
void (*host_panic_hook)(const char *, uintptr_t, uintptr_t);

static _Atomic bool deaf[HOST_HARTS_MAX];
_Atomic uint64_t host_hart_calls;

void *
host_map(size_t bytes, uintptr_t at)
{
	size_t whole = bytes + 2 * FRAME_SIZE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	unsigned char *p;

	if (map_count == MAPS_MAX || bytes == 0 || bytes % FRAME_SIZE != 0)
		return NULL;
	if (at != 0)
		flags |= MAP_FIXED_NOREPLACE;
	p = mmap((void *)at, whole, PROT_NONE, flags, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p + FRAME_SIZE, bytes, PROT_READ | PROT_WRITE) != 0) {
		(void)munmap(p, whole);
		return NULL;
	}
	maps[map_count].start = p;
	maps[map_count].bytes = whole;
	map_count++;
	return p + FRAME_SIZE;
}

static int
slots_start(unsigned harts, size_t count)
{
	size_t bytes = SLOT_ORIGIN + count * sizeof(struct mag_slot);

	for (unsigned h = 0; h < harts; h++) {
		/* aligned_alloc wants a multiple of the alignment. */
		size_t room = (bytes + PORT_CACHE_LINE - 1) / PORT_CACHE_LINE *
		    PORT_CACHE_LINE;

		slots[h] = aligned_alloc(PORT_CACHE_LINE, room);
		if (slots[h] == NULL)
			return -1;
		/* Nothing there may be taken for a magazine, or for zero. */
		memset(slots[h], SLOT_CANARY, room);
	}
	slot_count = count;
	return 0;
}

int
host_start(const struct host_options *opt)
{
	void *base;

	if (opt->harts == 0 || opt->harts > HOST_HARTS_MAX || hart_count != 0)
		return -1;
	hart_count = opt->harts;
	atomic_store(&host_hart_calls, 0);
	if (slots_start(
		opt->harts, opt->slots != 0 ? opt->slots : HOST_SLOTS) != 0 ||
	    host_port_start(opt->harts) != 0)
		goto fail;
	if (opt->bytes == 0)
		return 0;
	base = host_map(opt->bytes / FRAME_SIZE * FRAME_SIZE, opt->at);
	if (base == NULL)
		goto fail;
	if (frame_zone_add("host", base, opt->bytes / FRAME_SIZE, 0) != 0 ||
	    kmem_init() != 0)
		goto fail;
	return 0;
fail:
	mm_host_fini();
	return -1;
}

int
mm_host_init(size_t bytes, unsigned harts)
{
	struct host_options opt = { .bytes = bytes, .harts = harts };

	if (bytes == 0)
		return -1;
	return host_start(&opt);
}

void
mm_host_fini(void)
{
	kmem_reset();
	frame_reset();
	host_port_stop();
	for (unsigned h = 0; h < hart_count; h++) {
		for (size_t i = 0; slots[h] != NULL && i < SLOT_ORIGIN; i++) {
			if (slots[h][i] != SLOT_CANARY)
				port_panic(__FILE__, __LINE__,
				    "mm wrote below port_slot_origin", h, i);
		}
		free(slots[h]);
		slots[h] = NULL;
		atomic_store(&deaf[h], false);
	}
	while (map_count != 0) {
		map_count--;
		(void)munmap(maps[map_count].start, maps[map_count].bytes);
	}
	hart_count = 0;
	slot_count = 0;
}

unsigned
port_hart_count(void)
{
	return hart_count;
}

void *
port_slot_base(unsigned hart)
{
	return slots[hart];
}

size_t
port_slot_origin(void)
{
	return SLOT_ORIGIN;
}

size_t
port_slot_count(void)
{
	return slot_count;
}

void
host_set_deaf(unsigned hart, bool is)
{
	atomic_store(&deaf[hart], is);
}

bool
host_is_deaf(unsigned hart)
{
	return atomic_load(&deaf[hart]);
}

void
port_report(const struct mm_report *r)
{
	if (host_pins() != 0)
		port_panic(__FILE__, __LINE__, "report with a lock held",
		    r->kind, host_pins());
	(void)pthread_mutex_lock(&report_lock);
	last_report = *r;
	report_count++;
	if (report_print) {
		(void)fprintf(stderr,
		    "HEAP-ERROR kind=%s cache=%.32s obj=0x%jx base=0x%jx "
		    "off=%+jd size=%zu hart=%u caller=0x%jx seq=%ju\n",
		    mm_error_name(r->kind), r->cache, (uintmax_t)r->obj,
		    (uintmax_t)r->base, (intmax_t)r->offset, r->size, r->hart,
		    (uintmax_t)r->caller, (uintmax_t)r->seq);
		(void)fprintf(stderr, "  owner=%.32s slab=0x%jx inuse=%u/%u ",
		    r->owner, (uintmax_t)r->slab, r->inuse, r->total);
		(void)fprintf(stderr, "%s\n  action=%s\n",
		    r->detail != NULL ? r->detail : "",
		    r->action != NULL ? r->action : "?");
	}
	(void)pthread_mutex_unlock(&report_lock);
}

const struct mm_report *
host_last_report(void)
{
	return report_count != 0 ? &last_report : NULL;
}

uint64_t
host_report_count(void)
{
	uint64_t n;

	(void)pthread_mutex_lock(&report_lock);
	n = report_count;
	(void)pthread_mutex_unlock(&report_lock);
	return n;
}

void
host_clear_reports(void)
{
	(void)pthread_mutex_lock(&report_lock);
	report_count = 0;
	memset(&last_report, 0, sizeof(last_report));
	(void)pthread_mutex_unlock(&report_lock);
}

void
host_print_reports(bool on)
{
	report_print = on;
}

bool
host_panics(void (*fn)(void *), void *arg, const char **what)
{
	bool did = false;

	panic_expected = true;
	if (setjmp(panic_jump) == 0)
		fn(arg);
	else
		did = true;
	panic_expected = false;
	if (what != NULL)
		*what = did ? panic_what : NULL;
	return did;
}

_Noreturn void
port_panic(
    const char *file, int line, const char *what, uintptr_t a, uintptr_t b)
{
	if (panic_expected) {
		panic_what = what;
		longjmp(panic_jump, 1);
	}
	if (host_panic_hook != NULL)
		host_panic_hook(what, a, b);
	(void)fprintf(stderr, "mm panic at %s:%d: %s (0x%jx, 0x%jx)\n", file,
	    line, what, (uintmax_t)a, (uintmax_t)b);
	abort();
}
