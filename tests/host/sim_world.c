/* SPDX-License-Identifier: MIT */
/* What simulated harts live in: memory, slots, reports; and putting it back. */

/*
 * Theory of operation
 *
 * 1. One range at a fixed address holds the harts' slots and the zone. mm is
 *    started in it once for each process; then the range, and the variables of
 *    mm and of the scenes, are copied. Before each run the copy is put back,
 *    as far up as any frame was touched. So a run costs no start of mm, and
 *    nothing of one run enters the next.
 * 2. The variables are those that the linker lays between the objects of
 *    sim_first.c and sim_last.c; sim_world_boot makes sure that mm's are there.
 * 3. Fresh memory is not zero, as on a machine.
 */

#include "host.h"
#include "sim_impl.h"

#include <mm/frame.h>
#include <mm/kmem.h>
#include <mm/mag.h>
#include <mm/port.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WORLD_ADDRESS ((uintptr_t)0x100000000000)
#define SLOTS_BYTES   ((size_t)64 << 10)
/*
 * Slots do not begin at the base: an embedder has data of its own there, and
 * an mm that forgot to add the origin would overwrite it.
 */
#define SLOT_ORIGIN   192u
#define FRESH         0xa5

static unsigned char *world; /* slots, then the zone */
static size_t world_bytes;
static unsigned char *image;
static size_t image_touched; /* bytes that a run may have changed */
static unsigned char *image_data, *image_bss;

static unsigned hart_count, slot_count;
static size_t slot_stride; /* from hart to hart */

static struct mm_report last_report;
static uint64_t report_count;

static size_t
data_bytes(void)
{
	return (size_t)(sim_last_data - sim_first_data);
}

static size_t
bss_bytes(void)
{
	return (size_t)(sim_last_bss - sim_first_bss);
}

bool
sim_in_world(uintptr_t at, size_t *offset)
{
	uintptr_t bss = at - (uintptr_t)sim_first_bss;

	if (at - (uintptr_t)world < world_bytes) {
		*offset = at - (uintptr_t)world;
		return true;
	}
	if (bss < bss_bytes()) {
		*offset = world_bytes + bss;
		return *offset < SIM_WORLD_MAX;
	}
	return false;
}

static unsigned char *
fresh_map(uintptr_t at, size_t bytes)
{
	unsigned char *p = mmap((void *)at, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | (at != 0 ? MAP_FIXED_NOREPLACE : 0),
	    -1, 0);

	if (p == MAP_FAILED)
		sim_fail("no memory for the world", at, bytes);
	return p;
}

/* Highest byte of the world that mm has touched, in whole frames. */
static size_t
touched(void)
{
	struct frame_zone_stats st;

	if (!frame_get_zone_stats(0, &st))
		return SLOTS_BYTES;
	return st.base + st.touched * FRAME_SIZE - (uintptr_t)world;
}

static void
check_marks(void)
{
	struct kmem_cache *cp = kmem_cache_next(NULL);
	uintptr_t at = (uintptr_t)cp;

	/* The first cache is one of mm's own, and a variable. */
	if (cp == NULL || at - (uintptr_t)sim_first_bss >= bss_bytes())
		sim_fail("mm's variables are not between the marks", at,
		    (uintptr_t)sim_first_bss);
	kmem_cache_release(cp);
}

void
sim_world_boot(const struct sim_options *opt)
{
	size_t zone = opt->bytes / FRAME_SIZE * FRAME_SIZE;
	size_t slots;

	hart_count = opt->harts;
	slot_count = opt->slots != 0 ? opt->slots : SIM_SLOTS;
	slots = slot_count * sizeof(struct mag_slot);
	slot_stride = SLOT_ORIGIN + slots;
	if (opt->packed)
		slot_stride = slots;
	else
		slot_stride =
		    (slot_stride + SIM_LINE - 1) / SIM_LINE * SIM_LINE;
	world_bytes = SLOTS_BYTES + zone;
	if (SLOT_ORIGIN + slot_stride * opt->harts > SLOTS_BYTES ||
	    world_bytes + bss_bytes() > SIM_WORLD_MAX)
		sim_fail("the world is too small", opt->harts, opt->bytes);
	world = fresh_map(WORLD_ADDRESS, world_bytes);
	memset(world, FRESH, SLOTS_BYTES + zone);
	if (zone != 0) {
		if (frame_zone_add("sim", world + SLOTS_BYTES,
			zone / FRAME_SIZE, 0) != 0 ||
		    kmem_init() != 0)
			sim_fail("mm does not start", opt->bytes, opt->harts);
		check_marks();
	}
	image = fresh_map(0, world_bytes);
	memcpy(image, world, world_bytes);
	image_touched = touched();
	image_data = malloc(data_bytes());
	image_bss = malloc(bss_bytes());
	if (image_data == NULL || image_bss == NULL)
		sim_fail("no memory for an image", data_bytes(), bss_bytes());
	memcpy(image_data, sim_first_data, data_bytes());
	memcpy(image_bss, sim_first_bss, bss_bytes());
}

void
sim_world_restore(void)
{
	size_t bytes = touched();

	if (bytes < image_touched)
		bytes = image_touched;
	memcpy(world, image, bytes);
	memcpy(sim_first_data, image_data, data_bytes());
	memcpy(sim_first_bss, image_bss, bss_bytes());
	host_clear_reports();
}

/* --- what the port of mm needs besides harts --- */

unsigned
port_hart_count(void)
{
	return hart_count;
}

void *
port_slot_base(unsigned hart)
{
	return world + hart * slot_stride;
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
port_report(const struct mm_report *r)
{
	if (host_pins() != 0)
		sim_fail("report with a lock held", r->kind, host_pins());
	last_report = *r;
	report_count++;
}

const struct mm_report *
host_last_report(void)
{
	return report_count != 0 ? &last_report : NULL;
}

uint64_t
host_report_count(void)
{
	return report_count;
}

void
host_clear_reports(void)
{
	report_count = 0;
	memset(&last_report, 0, sizeof(last_report));
}

_Noreturn void
port_panic(
    const char *file, int line, const char *what, uintptr_t a, uintptr_t b)
{
	char text[120];

	(void)snprintf(
	    text, sizeof(text), "panic at %s:%d: %s", file, line, what);
	sim_fail(text, a, b);
}
