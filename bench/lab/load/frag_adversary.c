/* SPDX-License-Identifier: MIT */
/*
 * memory/frag-adversary: the worst that a program can do to a slab. n objects
 * are allocated; all are freed but each ADVERSARY_GROUP-th, so that most slabs
 * keep one; then as many bytes are asked for in objects of twice the size,
 * which cannot use what is free. The frames that the few survivors pin are what
 * the figure is about (Robson, "Worst case fragmentation of first fit and best
 * fit storage allocation strategies", 1977). A step is a phase. Included by
 * adapters.
 */

#define ADVERSARY_GROUP 64u

enum { ADVERSARY_FILL, ADVERSARY_THIN, ADVERSARY_OTHER, ADVERSARY_END };

struct adversary {
	struct meter ad_meter;
	size_t ad_n, ad_size;
	unsigned ad_phase;
	size_t ad_frames[ADVERSARY_END + 1]; /* after each phase */
	size_t ad_live;                      /* survivors */
	/* n of the first size, then n / 2 of the other; NULL: none there. */
	void *ad_objs[];
};

static size_t
adversary_shared(const struct lab_run *run)
{
	size_t n = held_param(run, "n");

	return sizeof(struct adversary) + (n + n / 2) * sizeof(void *);
}

static bool
adversary_open(struct lab_run *run)
{
	struct adversary *ad = run->lr_shared;
	struct lab_spec spec = { .ls_name = "adversary" };

	ad->ad_n = held_param(run, "n");
	ad->ad_size = held_param(run, "size");
	meter_open(run, &ad->ad_meter);
	while (run->lr_heaps < 2) {
		spec.ls_size = ad->ad_size << run->lr_heaps;
		run->lr_heap[run->lr_heaps] = adapter_create(&spec);
		if (run->lr_heap[run->lr_heaps] == NULL) {
			held_close(run);
			return false;
		}
		run->lr_heaps++;
		spec.ls_name = "adversary-2";
	}
	return true;
}

static void
adversary_reap(struct lab_run *run)
{
	(void)adapter_reap(run->lr_heap[0]);
	(void)adapter_reap(run->lr_heap[1]);
}

/* Free all but the survivors; how many went. */
static size_t
adversary_thin(struct lab_run *run)
{
	struct adversary *ad = run->lr_shared;
	size_t i;

	for (i = 0; i < ad->ad_n; i++) {
		if (i % ADVERSARY_GROUP == 0)
			continue;
		adapter_free(run->lr_heap[0], ad->ad_objs[i]);
		ad->ad_objs[i] = NULL;
	}
	ad->ad_live = (ad->ad_n + ADVERSARY_GROUP - 1) / ADVERSARY_GROUP;
	return ad->ad_n - ad->ad_live;
}

static void
adversary_drop(struct lab_run *run)
{
	struct adversary *ad = run->lr_shared;

	held_drop(run->lr_heap[0], ad->ad_objs, ad->ad_n);
	held_drop(run->lr_heap[1], &ad->ad_objs[ad->ad_n], ad->ad_n / 2);
}

static enum lab_step
adversary_step(struct lab_lane *lane)
{
	struct lab_run *run = lane->ln_run;
	struct adversary *ad = run->lr_shared;
	size_t n = ad->ad_n;

	switch (ad->ad_phase) {
	case ADVERSARY_FILL:
		if (held_fill(run->lr_heap[0], ad->ad_objs, 0, n) < n)
			return LAB_FAIL;
		break;
	case ADVERSARY_THIN:
		lane->ln_ops += adversary_thin(run);
		adversary_reap(run);
		break;
	case ADVERSARY_OTHER:
		if (held_fill(run->lr_heap[1], ad->ad_objs, n, n + n / 2) <
		    n + n / 2)
			return LAB_FAIL;
		break;
	default:
		adversary_drop(run);
		lane->ln_ops += ad->ad_live + n / 2;
		adversary_reap(run);
		break;
	}
	ad->ad_frames[ad->ad_phase] = meter_frames(run, &ad->ad_meter);
	return ad->ad_phase++ == ADVERSARY_END ? LAB_DONE : LAB_MORE;
}

static void
adversary_leave(struct lab_lane *lane)
{
	adversary_drop(lane->ln_run);
}

static void
adversary_close(struct lab_run *run)
{
	const struct adversary *ad = run->lr_shared;
	const size_t *frames = ad->ad_frames;
	struct lab_result *out = run->lr_out;

	if (ad->ad_phase > ADVERSARY_END) {
		lab_fact(out, "frames_full", "frame", LAB_LOWER,
		    frames[ADVERSARY_FILL], 1);
		lab_fact(out, "frames_pinned", "frame", LAB_LOWER,
		    frames[ADVERSARY_THIN], 1);
		lab_fact(out, "frames_other", "frame", LAB_LOWER,
		    frames[ADVERSARY_OTHER], 1);
		lab_fact(out, "frames_end", "frame", LAB_LOWER,
		    frames[ADVERSARY_END], 1);
		lab_fact(out, "bytes_live", "byte", LAB_NEITHER,
		    (uint64_t)ad->ad_live * ad->ad_size, 1);
		lab_fact(out, "pinned_ratio", "1", LAB_LOWER,
		    (uint64_t)frames[ADVERSARY_THIN] * FRAME_SIZE,
		    (uint64_t)ad->ad_live * ad->ad_size);
	}
	held_close(run);
}
