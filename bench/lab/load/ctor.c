/* SPDX-License-Identifier: MIT */
/*
 * micro/ctor: an object of 256 B whose constructor writes every word, used by a
 * caller that reads one. An allocator that keeps constructed state has nothing
 * to do for it; all others construct the object each time: Bonwick, "The Slab
 * Allocator", USENIX 1994. Included by adapters.
 */

#define CTOR_STEP  500u /* pairs */
#define CTOR_WORDS 32u

struct ctor_object {
	uint64_t co_word[CTOR_WORDS];
};

static int
ctor_construct(void *obj, void *arg)
{
	struct ctor_object *co = obj;
	unsigned i;

	(void)arg;
	for (i = 0; i < CTOR_WORDS; i++)
		co->co_word[i] = 1;
	return 0;
}

static size_t
ctor_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(uint64_t); /* the sum of what was read */
}

static bool
ctor_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "ctor",
		.ls_size = sizeof(struct ctor_object),
		.ls_ctor = ctor_construct };

	run->lr_heap[0] = adapter_create(&spec);
	run->lr_heaps = run->lr_heap[0] != NULL ? 1u : 0u;
	return run->lr_heaps == 1u;
}

static enum lab_step
ctor_step(struct lab_lane *lane)
{
	heap_t *heap = lane->ln_run->lr_heap[0];
	uint64_t *sum = lane->ln_own;
	unsigned left;

	for (left = CTOR_STEP; left != 0; left--) {
		const volatile struct ctor_object *co = adapter_alloc(heap);

		if (co == NULL)
			return LAB_FAIL;
		*sum += co->co_word[0];
		adapter_free(heap, (void *)(uintptr_t)co);
	}
	lane->ln_ops += CTOR_STEP;
	return LAB_MORE;
}
