/* SPDX-License-Identifier: MIT */
/*
 * smp/barnes-like: much arithmetic, few allocations, after the place that
 * barnes (a particle solver, Barnes and Hut 1986) has in mimalloc-bench: what
 * an allocator costs a program that hardly uses it must be nearly nothing. A
 * step allocates a node for each of its bodies, sums the pull of every body on
 * every other in whole numbers, moves them, and frees the nodes. The fact
 * step_per_op is the whole step for each pair, to hold the allocator's
 * instr_per_op against. Bodies lie in the hart's own memory: nothing of the
 * arithmetic depends on where a node is. Included by adapters.
 */

#define BARNES_BODIES_MAX 256u
#define BARNES_FIELD      4096 /* positions are within ± this */

struct barnes_body {
	int32_t bb_x, bb_y, bb_dx, bb_dy;
};

struct barnes {
	unsigned ba_bodies;
	void *ba_nodes[BARNES_BODIES_MAX];
	struct barnes_body ba_body[BARNES_BODIES_MAX];
};

static size_t
barnes_lane(const struct lab_run *run)
{
	(void)run;
	return sizeof(struct barnes);
}

static bool
barnes_open(struct lab_run *run)
{
	const struct lab_spec spec = { .ls_name = "barnes", .ls_size = 96 };

	return heap_open(run, &spec);
}

static bool
barnes_enter(struct lab_lane *lane)
{
	struct barnes *ba = lane->ln_own;
	unsigned bodies = count_param(lane->ln_run, "bodies"), i;

	ba->ba_bodies = bodies < BARNES_BODIES_MAX ? bodies : BARNES_BODIES_MAX;
	for (i = 0; i < ba->ba_bodies; i++) {
		uint64_t r = bench_random(&lane->ln_random);
		struct barnes_body *b = &ba->ba_body[i];

		b->bb_x = (int32_t)(r % (2u * BARNES_FIELD)) - BARNES_FIELD;
		b->bb_y =
		    (int32_t)((r >> 32) % (2u * BARNES_FIELD)) - BARNES_FIELD;
	}
	return true;
}

/* Distances are below 2^14 each way, so a square is below 2^29. */
static void
barnes_pull(struct barnes *ba)
{
	unsigned i, j;

	for (i = 0; i < ba->ba_bodies; i++) {
		struct barnes_body *b = &ba->ba_body[i];
		int32_t px = 0, py = 0;

		for (j = 0; j < ba->ba_bodies; j++) {
			int32_t dx = ba->ba_body[j].bb_x - b->bb_x;
			int32_t dy = ba->ba_body[j].bb_y - b->bb_y;
			int32_t far = ((dx * dx + dy * dy) >> 10) + 64;

			px += dx * 16 / far;
			py += dy * 16 / far;
		}
		b->bb_dx = (b->bb_dx + px) / 2;
		b->bb_dy = (b->bb_dy + py) / 2;
	}
	for (i = 0; i < ba->ba_bodies; i++) {
		struct barnes_body *b = &ba->ba_body[i];

		/* The field is a torus: 2 · BARNES_FIELD is a power of two. */
		b->bb_x = (int32_t)((uint32_t)(b->bb_x + b->bb_dx / 64 +
					BARNES_FIELD) %
			      (2u * BARNES_FIELD)) -
		    BARNES_FIELD;
		b->bb_y = (int32_t)((uint32_t)(b->bb_y + b->bb_dy / 64 +
					BARNES_FIELD) %
			      (2u * BARNES_FIELD)) -
		    BARNES_FIELD;
	}
}

static enum lab_step
barnes_step(struct lab_lane *lane)
{
	struct lab_run *run = lane->ln_run;
	struct barnes *ba = lane->ln_own;
	unsigned n, i;

	for (n = 0; n < ba->ba_bodies; n++) {
		ba->ba_nodes[n] = adapter_alloc(run->lr_heap[0]);
		if (ba->ba_nodes[n] == NULL)
			break;
	}
	if (n == ba->ba_bodies)
		barnes_pull(ba);
	for (i = 0; i < n; i++)
		adapter_free(run->lr_heap[0], ba->ba_nodes[i]);
	if (n != ba->ba_bodies)
		return LAB_FAIL;
	lane->ln_ops += n;
	return LAB_MORE;
}

static void
barnes_leave(struct lab_lane *lane)
{
	(void)lane;
}

static void
barnes_close(struct lab_run *run)
{
	heap_close(run);
}
