/* SPDX-License-Identifier: MIT */
/* The host comparison: workloads, the allocators they run on, measurements. */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mm/kmem.h>

#include "../adapter.h"

#define HOST_BATCH      10000u /* objects of one batch */
#define HOST_LIVE       4096u  /* objects that random and mixed hold */
#define HOST_SIZE       64u    /* bytes of a typed object */
#define HOST_CTOR_SIZE  256u   /* bytes of a constructed object */
#define HOST_MIXED_MIN  16u    /* bytes; sizes of mixed are log-uniform */
#define HOST_MIXED_MAX  4096u
#define HOST_ZONE_BYTES ((size_t)512 << 20) /* mapped, not resident */
#define HOST_LAB_HARTS  8u
#define HOST_HARTS      HOST_LAB_HARTS

/* What a workload works with. */
struct host_run {
	struct workload hr_load;     /* of bench/workload; its cache: typed */
	struct kmem_cache *hr_built; /* of constructed objects; ours only */
	size_t hr_size;              /* of a typed object, bytes */
	const uint16_t *hr_sizes;    /* HOST_LIVE sizes for mixed */
	uint64_t hr_sum;             /* of what was read from objects */
};

/* A workload compiled for one allocator: one of two kinds. */
struct host_load {
	const char *hl_name;
	const struct workload_code *hl_code; /* of bench/workload, or NULL */
	enum bench_order hl_order;           /* for it */
	size_t hl_count;                     /* for it */
	/* Of the comparison alone. At least `pairs` pairs, in whole units. */
	void (*hl_prepare)(struct host_run *run); /* may be NULL */
	void (*hl_step)(struct host_run *run, uint64_t pairs);
};

/* An allocator: its workloads, and its functions for the memory figures. */
struct host_code {
	const char *hc_name;
	const struct host_load *hc_loads;        /* ends with a NULL name */
	void *(*hc_alloc)(struct host_run *run); /* of hr_size */
	void *(*hc_malloc)(size_t size);
	void (*hc_free)(void *obj); /* of hc_malloc */
};

extern const struct host_code host_code_kmem, host_code_malloc, host_code_noop,
    host_code_ctor;

/* The callees of noop. */
void *host_noop_alloc(void *obj);
void host_noop_free(void *obj);

/* A 256-byte object that costs something to construct. */
struct built {
	struct built_link {
		struct built_link *bl_next, *bl_prev;
	} bu_lists[6];
	uint32_t bu_lock, bu_refs;
	struct built *bu_self;
	uint64_t bu_words[18];
};
_Static_assert(sizeof(struct built) == HOST_CTOR_SIZE, "as named");
int host_construct(void *obj, void *arg); /* 0 */

/* Memory that no allocator under test knows of, touched. Never fails. */
void *host_pages(size_t bytes);
/* A size of the mixed workloads, log-uniform. */
size_t host_draw_size(uint64_t *random);
/* Anonymous memory of this process that is resident, bytes. */
size_t host_resident(void);
/* Print what went wrong and end with status 2. */
_Noreturn void host_fail(const char *what, const char *name);

/* The figures; each prints one JSON object. */
void host_memory_typed(const struct host_code *code, size_t size, size_t count);
void host_memory_mixed(const struct host_code *code, size_t live);
/* 64 slabs' first objects are read `rounds` times: for cachegrind. */
void host_colour(bool colours, unsigned rounds);

/*
 * `rounds` steps of a benchmark of the lab (bench/lab) on each of `harts`
 * lanes, in turn: bench/host/lab.c. Prints one JSON object.
 */
void host_lab(
    const char *allocator, const char *id, unsigned harts, uint64_t rounds);
struct lab_code;
extern const struct lab_code lab_malloc_code;

/* Start mm and make the caches where the allocator is ours. */
void host_run_start(
    struct host_run *run, const struct host_code *code, size_t size);

#endif
