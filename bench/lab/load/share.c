/* SPDX-License-Identifier: MIT */
/* Small parts that several loads have in common. Included by loads. */
#ifndef LAB_LOAD_SHARE
#define LAB_LOAD_SHARE

/* What one hart does of `n` in a step: all harts together do about `n`. */
static inline unsigned
share_of(const struct lab_run *run, unsigned n)
{
	return n > run->lr_harts ? n / run->lr_harts : 1u;
}

/* A parameter that counts something: at least 1. */
static inline unsigned
count_param(const struct lab_run *run, const char *name)
{
	uint64_t value = lab_param(run, name);

	return value != 0 ? (unsigned)value : 1u;
}

/* The only heap of a load. */
static inline bool
heap_open(struct lab_run *run, const struct lab_spec *spec)
{
	run->lr_heap[0] = adapter_create(spec);
	run->lr_heaps = run->lr_heap[0] != NULL ? 1u : 0u;
	return run->lr_heaps == 1u;
}

static inline void
heap_close(struct lab_run *run)
{
	adapter_destroy(run->lr_heap[0]);
}

/* For loads that hold nothing between steps. */
static inline void
leave_nothing(struct lab_lane *lane)
{
	(void)lane;
}

/* What ticks are. */
static inline const char *
tick_unit(const struct lab_run *run)
{
	return run->lr_exact ? "instr" : "ns";
}

#endif
