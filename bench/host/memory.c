/* SPDX-License-Identifier: MIT */
/*
 * Memory figures of the host comparison.
 *
 * Theory of operation
 *
 * 1. One definition for all: the anonymous memory of the process that is
 *    resident (every page ever touched and not given back, metadata, caches of
 *    threads and tables of the library included; code and files not), less the
 *    same before the first object, over the bytes asked for. Each object is
 *    written to its last byte, so that what is handed out is resident.
 * 2. Before the baseline each allocator has started and has served one object
 *    of the kind: what it needs to exist is not charged, to any.
 * 3. Huge pages are turned off for the process: with them a page touched would
 *    count for 512.
 * 4. typed: `count` objects of one size. mixed: `live` objects of log-uniform
 *    size, then each replaced ten times on average in random order; the peak
 *    of residency over the peak of bytes asked for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mm/frame.h>

#include "host.h"

#define CHURN  10u /* replacements per object */
#define LOOKS  40u /* at residency while churning */
#define FIELDS "\nAnonymous:"

void *
host_pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		host_fail("cannot map memory for the workload", "mmap");
	return p;
}

size_t
host_resident(void)
{
	static char text[4096];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char *field;

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		host_fail("cannot read", "/proc/self/smaps_rollup");
	text[n] = '\0';
	field = strstr(text, FIELDS);
	if (field == NULL)
		host_fail("no field Anonymous in", "/proc/self/smaps_rollup");
	return (size_t)strtoul(field + strlen(FIELDS), NULL, 10) * 1024;
}

/* Bytes of frames that mm has in use; 0 for other allocators. */
static size_t
frames_used(void)
{
	return (frame_total_count() - frame_free_count()) * FRAME_SIZE;
}

static void
print_figure(const char *name, size_t asked, size_t resident, size_t frames)
{
	printf("{\"memory\":\"%s\",\"asked\":%zu,\"resident\":%zu,"
	       "\"frames\":%zu,\"ratio\":%.5f}\n",
	    name, asked, resident, frames, (double)resident / (double)asked);
}

void
host_memory_typed(const struct host_code *code, size_t size, size_t count)
{
	void **objs = host_pages(count * sizeof(*objs));
	struct host_run run;
	size_t before, frames;

	host_run_start(&run, code, size);
	if (code->hc_alloc(&run) == NULL)
		host_fail("no memory", code->hc_name);
	(void)host_resident();
	before = host_resident();
	frames = frames_used();
	for (size_t i = 0; i < count; i++) {
		objs[i] = code->hc_alloc(&run);
		if (objs[i] == NULL)
			host_fail("no memory", code->hc_name);
		memset(objs[i], 0x5a, size);
	}
	print_figure("typed", size * count, host_resident() - before,
	    frames_used() - frames);
}

/* Log-uniform: each doubling is as likely as any other. */
size_t
host_draw_size(uint64_t *random)
{
	uint64_t x = bench_random(random);
	unsigned doublings = 0;
	size_t low;

	while ((HOST_MIXED_MIN << doublings) < HOST_MIXED_MAX)
		doublings++;
	low = (size_t)HOST_MIXED_MIN << (x % doublings);
	return low + (size_t)((x >> 32) % low) + 1;
}

struct piece {
	void *pc_obj;
	size_t pc_size;
};

static void
fill(const struct host_code *code, struct piece *p, uint64_t *random)
{
	p->pc_size = host_draw_size(random);
	p->pc_obj = code->hc_malloc(p->pc_size);
	if (p->pc_obj == NULL)
		host_fail("no memory", code->hc_name);
	memset(p->pc_obj, 0x5a, p->pc_size);
}

void
host_memory_mixed(const struct host_code *code, size_t live)
{
	struct piece *pieces = host_pages(live * sizeof(*pieces));
	uint64_t random = bench_seed(1, 0);
	struct host_run run;
	size_t before, used, asked = 0, asked_peak = 0, peak = 0, frames = 0;

	host_run_start(&run, code, HOST_SIZE);
	code->hc_free(code->hc_malloc(HOST_MIXED_MIN));
	(void)host_resident();
	before = host_resident();
	used = frames_used();
	for (size_t i = 0; i < live; i++) {
		fill(code, &pieces[i], &random);
		asked += pieces[i].pc_size;
	}
	for (size_t i = 0; i <= CHURN * live; i++) {
		struct piece *p = &pieces[bench_random(&random) % live];
		size_t now;

		if (asked > asked_peak)
			asked_peak = asked;
		if (i % (CHURN * live / LOOKS) == 0) {
			now = host_resident() - before;
			peak = now > peak ? now : peak;
			now = frames_used() - used;
			frames = now > frames ? now : frames;
		}
		code->hc_free(p->pc_obj);
		asked -= p->pc_size;
		fill(code, p, &random);
		asked += p->pc_size;
	}
	print_figure("mixed", asked_peak, peak, frames);
}
