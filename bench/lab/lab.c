/* SPDX-License-Identifier: MIT */
/*
 * The lab: benchmarks, loads, allocators, and how a figure comes about.
 *
 * Theory of operation
 *
 * 1. A *benchmark* is an id and what can be told it (table_<group>.c). Its
 *    *load* is the code (load/…), a handful of functions around a step that
 *    does a bounded piece of work. An *allocator* is a variant (adapter_*.c):
 *    six inline functions and all loads compiled once more with them, so that
 *    calls are direct and the loops are the same code with the same flags. Any
 *    benchmark runs on any allocator; lab_refuses says where not, and why.
 * 2. Where instructions are counted (bench/metal/lab_turns.c) harts take turns,
 *    a step each. The same run is repeated with the allocator noop, whose
 *    callees are a single `ret`; what is left when its count is taken away is
 *    the allocator:
 *
 *      instr_per_op = (I(variant) - I(noop)) / ops + 2
 *
 *    The 2 are the rets of noop. That holds because noop makes the same calls:
 *    what a load does may depend on seeds, parameters and steps, and never on
 *    an address. If the two runs differ in pairs, the load breaks that rule,
 *    and the figure would be nonsense: an error.
 * 3. Elsewhere all harts run together, by the clock (bench/metal/lab_clock.c).
 * 4. A figure may not depend on what ran before: a baseline is compared digit
 *    by digit, and somebody asks for one benchmark alone. So each run begins on
 *    level ground (ground.c).
 * 5. What the lab needs for itself (lab_memory) are frames of the zone, not
 *    objects of a heap that is measured; they are counted and taken off. The
 *    counter is the only thing here that harts share.
 * 6. Facts are whole numbers with a divisor: no floating point, no rounding.
 */
#include <stdatomic.h>
#include <string.h>

#include <mm/frame.h>
#include <mm/port.h>

#include "codes.h"

static _Atomic size_t own_frames;
static _Atomic(const char *) fault;

const struct lab_bench *
lab_bench_at(size_t i)
{
	const struct lab_bench *lb;
	unsigned g;

	for (g = 0; g < LAB_GROUPS; g++)
		for (lb = lab_groups[g]; lb != NULL && lb->lb_id != NULL; lb++)
			if (i-- == 0)
				return lb;
	return NULL;
}

static const struct lab_code *
code_at(size_t i)
{
	size_t n = 0;

	while (lab_codes[n] != NULL)
		n++;
	if (i < n)
		return lab_codes[i];
	return i == n ? &lab_noop_code : NULL;
}

const struct lab_variant *
lab_variant_at(size_t i)
{
	const struct lab_code *code = code_at(i);

	return code != NULL ? code->lc_variant : NULL;
}

const struct lab_bench *
lab_find_bench(const char *id)
{
	const struct lab_bench *lb;
	size_t i;

	for (i = 0; (lb = lab_bench_at(i)) != NULL; i++)
		if (strcmp(lb->lb_id, id) == 0)
			return lb;
	return NULL;
}

const struct lab_variant *
lab_find_variant(const char *name)
{
	const struct lab_variant *lv;
	size_t i;

	for (i = 0; (lv = lab_variant_at(i)) != NULL; i++)
		if (strcmp(lv->lv_name, name) == 0)
			return lv;
	return NULL;
}

const struct lab_code *
lab_code_of(const struct lab_variant *variant)
{
	const struct lab_code *code;
	size_t i;

	for (i = 0; (code = code_at(i)) != NULL; i++)
		if (code->lc_variant == variant)
			return code;
	return NULL;
}

const struct lab_load *
lab_load_of(const struct lab_code *code, const char *id)
{
	const struct lab_load *const *group;
	const struct lab_load *ld;

	if (code == NULL)
		return NULL;
	for (group = code->lc_groups; *group != NULL; group++)
		for (ld = *group; ld->ld_id != NULL; ld++)
			if (strcmp(ld->ld_id, id) == 0)
				return ld;
	return NULL;
}

const char *
lab_refuses(const struct lab_bench *bench, const struct lab_variant *variant)
{
	if ((bench->lb_flags & LAB_OURS) != 0 &&
	    (variant->lv_can & LAB_IS_OURS) == 0)
		return "it asks what only our own allocator can do";
	if ((bench->lb_flags & LAB_REAP) != 0 &&
	    (variant->lv_can & LAB_CAN_REAP) == 0)
		return "this allocator cannot give idle memory back";
	if ((bench->lb_flags & LAB_WHOLE) != 0 &&
	    variant == lab_noop_code.lc_variant)
		return "there is nothing to see without an allocator";
	if (lab_load_of(lab_code_of(variant), bench->lb_id) == NULL)
		return "this allocator was built without that load";
	return NULL;
}

const char *
lab_values(const struct lab_bench *bench, const struct lab_options *opt,
    uint64_t values[LAB_PARAMS_MAX])
{
	unsigned harts = opt->harts != 0 ? opt->harts : 1;
	size_t i;

	if (harts > LAB_HARTS_MAX)
		return "harts must be 1 … 128";
	if ((bench->lb_flags & LAB_ONE_HART) != 0 && harts > 1)
		return "it says nothing on more than one hart";
	if ((bench->lb_flags & LAB_TWO_UP) != 0 && harts < 2)
		return "it needs two harts, or more";
	for (i = 0; i < LAB_PARAMS_MAX; i++) {
		const struct lab_param *lp = &bench->lb_params[i];

		values[i] = 0;
		if (lp->lp_name == NULL)
			break;
		values[i] = opt->set[i] ? opt->params[i] : lp->lp_quick;
		if (values[i] > lp->lp_max)
			return "a parameter is above its limit";
	}
	for (; i < LAB_PARAMS_MAX; i++) {
		values[i] = 0;
		if (opt->set[i])
			return "it has no such parameter";
	}
	return NULL;
}

/* False when it did not fit. */
static bool
copy_name(char to[LAB_NAME_MAX], const char *from)
{
	size_t n = strlen(from);

	if (n >= LAB_NAME_MAX)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

void
lab_fact(struct lab_result *out, const char *name, const char *unit,
    enum lab_better better, uint64_t value, uint64_t per)
{
	struct lab_fact *lf;
	unsigned i;

	for (i = 0; i < out->facts; i++)
		if (strcmp(out->fact[i].lf_name, name) == 0)
			out->error = "two facts have the same name";
	if (out->facts == LAB_FACTS_MAX) {
		out->error = "more facts than LAB_FACTS_MAX";
		return;
	}
	lf = &out->fact[out->facts];
	if (!copy_name(lf->lf_name, name) || !copy_name(lf->lf_unit, unit)) {
		out->error = "a fact's name is longer than LAB_NAME_MAX";
		return;
	}
	lf->lf_better = better;
	lf->lf_value = value;
	lf->lf_per = per != 0 ? per : 1;
	out->facts++;
}

uint64_t
lab_param(const struct lab_run *run, const char *name)
{
	const struct lab_param *lp = run->lr_bench->lb_params;
	size_t i;

	for (i = 0; i < LAB_PARAMS_MAX && lp[i].lp_name != NULL; i++)
		if (strcmp(lp[i].lp_name, name) == 0)
			return run->lr_param[i];
	port_panic(__FILE__, __LINE__,
	    "a load asks for a parameter of its benchmark", (uintptr_t)name,
	    (uintptr_t)run->lr_bench);
}

static size_t
frames_for(size_t bytes)
{
	return bytes / FRAME_SIZE + (bytes % FRAME_SIZE != 0 ? 1u : 0u);
}

void *
lab_memory(size_t bytes)
{
	size_t frames = frames_for(bytes != 0 ? bytes : 1);
	void *p = frame_alloc(frames, 1, 0, FRAME_TAG_USER);

	if (p == NULL)
		return NULL;
	/* Relaxed: a count. */
	(void)atomic_fetch_add_explicit(
	    &own_frames, frames, memory_order_relaxed);
	memset(p, 0, frames * FRAME_SIZE);
	return p;
}

void
lab_memory_free(void *p, size_t bytes)
{
	size_t frames = frames_for(bytes != 0 ? bytes : 1);

	if (p == NULL)
		return;
	frame_free(p, frames);
	(void)atomic_fetch_sub_explicit(
	    &own_frames, frames, memory_order_relaxed);
}

size_t
lab_memory_frames(void)
{
	return atomic_load_explicit(&own_frames, memory_order_relaxed);
}

void
lab_fault(const char *why)
{
	const char *none = NULL;

	/* Relaxed: the sentence is constant. */
	(void)atomic_compare_exchange_strong_explicit(
	    &fault, &none, why, memory_order_relaxed, memory_order_relaxed);
}

const char *
lab_fault_take(void)
{
	return atomic_exchange_explicit(&fault, NULL, memory_order_relaxed);
}
