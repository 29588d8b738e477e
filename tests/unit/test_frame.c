/* SPDX-License-Identifier: MIT */
/* Frame zones: runs, alignment, limits, merging, reclaim. */

#include "tests/unit/mm_test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TAG FRAME_TAG_USER

static unsigned char *
zone_make(const char *name, size_t frames, unsigned flags)
{
	unsigned char *base = host_map(frames * FRAME_SIZE, 0);

	assert_non_null(base);
	assert_int_equal(frame_zone_add(name, base, frames, flags), 0);
	return base;
}

static struct frame_zone_stats
zone_stats(unsigned zone)
{
	struct frame_zone_stats st;

	assert_true(frame_get_zone_stats(zone, &st));
	return st;
}

/* Everything given back: one run again, nothing counted as used. */
static void
zone_is_whole(unsigned zone)
{
	struct frame_zone_stats st = zone_stats(zone);

	assert_int_equal(st.free, st.total);
	assert_int_equal(st.largest, st.total);
	assert_int_equal(frame_verify(), 0);
}

static void
D1_zone_that_cannot_hold_its_records_is_refused(void **state)
{
	unsigned char *base = host_map(8 * FRAME_SIZE, 0);
	void *run;

	(void)state;
	assert_non_null(base);
	assert_int_equal(frame_zone_add("none", base, 0, 0), -1);
	assert_int_equal(frame_zone_add("one", base, 1, 0), -1);
	assert_int_equal(frame_zone_add("null", NULL, 8, 0), -1);
	assert_int_equal(frame_zone_add("odd", base + 8, 4, 0), -1);
	assert_int_equal(frame_zone_count(), 0);
	assert_null(frame_alloc(1, 1, 0, TAG));
	assert_int_equal(frame_zone_add("two", base, 2, 0), 0);
	assert_int_equal(zone_stats(0).total, 1);
	run = frame_alloc(1, 1, 0, TAG);
	assert_ptr_equal(run, base + FRAME_SIZE);
	assert_null(frame_alloc(1, 1, 0, TAG));
	frame_free(run, 1);
	zone_is_whole(0);
}

static void
zones_beyond_the_table_are_refused(void **state)
{
	unsigned char *base =
	    host_map((FRAME_ZONES_MAX + 1) * 2 * FRAME_SIZE, 0);

	(void)state;
	assert_non_null(base);
	for (unsigned i = 0; i < FRAME_ZONES_MAX; i++)
		assert_int_equal(frame_zone_add("z",
				     base + (size_t)i * 2 * FRAME_SIZE, 2, 0),
		    0);
	assert_int_equal(
	    frame_zone_add("too many",
		base + (size_t)FRAME_ZONES_MAX * 2 * FRAME_SIZE, 2, 0),
	    -1);
	assert_int_equal(frame_zone_count(), FRAME_ZONES_MAX);
	assert_int_equal(frame_total_count(), FRAME_ZONES_MAX);
}

static void
zone_names_are_copied_and_cut(void **state)
{
	char name[] = "a name longer than its field";

	(void)state;
	(void)zone_make(name, 16, FRAME_LOW);
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(strlen(zone_stats(0).name), FRAME_NAME_MAX - 1);
	assert_memory_equal(zone_stats(0).name, "a name", 6);
	assert_int_equal(zone_stats(0).flags, FRAME_LOW);
	assert_false(frame_get_zone_stats(1, &(struct frame_zone_stats){ 0 }));
}

static void
A1_runs_of_any_length_are_disjoint_and_keep_their_bytes(void **state)
{
	unsigned char *run[200];

	(void)state;
	(void)zone_make("z", 24000, 0);
	for (size_t n = 1; n <= ARRAY_COUNT(run); n++) {
		run[n - 1] = frame_alloc(n, 1, 0, TAG);
		assert_non_null(run[n - 1]);
		stamp(run[n - 1], FRAME_SIZE, n);
		stamp(run[n - 1] + (n - 1) * FRAME_SIZE, FRAME_SIZE, n);
	}
	assert_int_equal(frame_verify(), 0);
	/* Every second first, so that neighbours on both sides are merged. */
	for (size_t first = 0; first < 2; first++) {
		for (size_t n = 1 + first; n <= ARRAY_COUNT(run); n += 2) {
			size_t last = (n - 1) * FRAME_SIZE;

			assert_true(stamped(run[n - 1] + last, FRAME_SIZE, n));
			if (n > 1)
				assert_true(stamped(run[n - 1], FRAME_SIZE, n));
			frame_free(run[n - 1], n);
		}
		assert_int_equal(frame_verify(), 0);
	}
	zone_is_whole(0);
}

static void
aligned_runs_are_aligned(void **state)
{
	void *run[11 * 20], *hole;
	size_t length[11 * 20], n = 0;

	(void)state;
	(void)zone_make("z", 64000, 0);
	hole = frame_alloc(3, 1, 0, TAG);
	for (size_t align = 1; align <= 1024; align *= 2) {
		for (size_t k = 1; k <= 20; k++) {
			size_t frames = k * k % 37 + 1;

			run[n] = frame_alloc(frames, align, 0, TAG);
			assert_non_null(run[n]);
			assert_int_equal(
			    (uintptr_t)run[n] % (align * FRAME_SIZE), 0);
			length[n++] = frames;
		}
	}
	assert_int_equal(frame_verify(), 0);
	while (n != 0) {
		n--;
		frame_free(run[n], length[n]);
	}
	frame_free(hole, 3);
	zone_is_whole(0);
}

/*
 * B32: 64 and its neighbours are where bitmaps go wrong; 257 is where the
 * records need another frame.
 */
static void
A1_every_frame_of_a_zone_can_be_handed_out(void **state)
{
	static const size_t sizes[] = { 2, 3, 5, 63, 64, 65, 127, 128, 129, 256,
		257, 258, 259, 513, 514, 515, 516, 1023, 4096, 4097 };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		void *run[4097];
		struct frame_zone_stats st;
		struct test_rng rng = { .state = sizes[s] };
		size_t n = 0;

		(void)zone_make("z", sizes[s], 0);
		st = zone_stats(0);
		assert_int_equal(st.total + st.metadata, sizes[s]);
		/* One frame may be left over, never two. */
		assert_true(
		    st.metadata * FRAME_SIZE <= st.total * 16 + FRAME_SIZE);
		while ((run[n] = frame_alloc(1, 1, 0, TAG)) != NULL) {
			memset(run[n], 0xff, FRAME_SIZE);
			n++;
		}
		assert_int_equal(n, st.total);
		assert_int_equal(frame_free_count(), 0);
		assert_int_equal(zone_stats(0).largest, 0);
		assert_int_equal(frame_verify(), 0);
		while (n != 0) {
			size_t i = test_below(&rng, n);

			frame_free(run[i], 1);
			run[i] = run[--n];
		}
		zone_is_whole(0);
		run[0] = frame_alloc(st.total, 1, 0, TAG);
		assert_non_null(run[0]);
		frame_free(run[0], st.total);
		frame_reset();
	}
}

static void
touched_grows_only_with_use(void **state)
{
	/* 16 GiB of address space, of which a few frames are ever used. */
	size_t frames = (size_t)16 << 30 >> FRAME_SHIFT;
	unsigned char *base = zone_make("big", frames, 0);
	struct frame_zone_stats st = zone_stats(0);
	unsigned char in_core[64];
	void *a, *b;

	(void)state;
	assert_int_equal(st.touched, 0);
	assert_int_equal(st.largest, st.total);
	/* Nothing of the zone has been written by adding it. */
	assert_int_equal(
	    mincore(base, sizeof(in_core) * FRAME_SIZE, in_core), 0);
	for (size_t i = 0; i < sizeof(in_core); i++)
		assert_int_equal(in_core[i] & 1, 0);
	a = frame_alloc(10, 1, 0, TAG);
	assert_int_equal(zone_stats(0).touched, 10);
	b = frame_alloc(7, 1, 0, TAG);
	assert_int_equal(zone_stats(0).touched, 17);
	frame_free(a, 10);
	a = frame_alloc(10, 1, 0, TAG);
	assert_int_equal(zone_stats(0).touched, 17);
	frame_free(b, 7);
	frame_free(a, 10);
	assert_int_equal(zone_stats(0).touched, 17);
	zone_is_whole(0);
	a = frame_alloc(17, 1, 0, TAG);
	assert_int_equal(zone_stats(0).touched, 17);
	assert_int_equal(
	    mincore(base, sizeof(in_core) * FRAME_SIZE, in_core), 0);
	for (size_t i = 1; i < sizeof(in_core); i++)
		assert_int_equal(in_core[i] & 1, 0);
	frame_free(a, 17);
	/* It is a high-water mark. */
	a = frame_alloc(3, 1, 0, TAG);
	assert_int_equal(zone_stats(0).touched, 17);
	frame_free(a, 3);
}

static void
B7_low_frames_come_from_low_zones_and_are_spared(void **state)
{
	unsigned char *low = zone_make("low", 33, FRAME_LOW);
	unsigned char *high = zone_make("high", 33, 0);
	void *run[64];
	size_t n = 0;

	(void)state;
	for (; n < 32; n++) {
		run[n] = frame_alloc(1, 1, 0, TAG);
		assert_true((unsigned char *)run[n] >= high &&
		    (unsigned char *)run[n] < high + 33 * FRAME_SIZE);
	}
	/* High memory is gone: ordinary requests may now use low memory. */
	run[n++] = frame_alloc(1, 1, 0, TAG);
	assert_true((unsigned char *)run[32] >= low &&
	    (unsigned char *)run[32] < low + 33 * FRAME_SIZE);
	for (; n < 64; n++)
		run[n] = frame_alloc(1, 1, FRAME_LOW, TAG);
	assert_non_null(run[63]);
	assert_null(frame_alloc(1, 1, FRAME_LOW, TAG));
	frame_free(run[0], 1);
	assert_null(frame_alloc(1, 1, FRAME_LOW, TAG));
	run[0] = frame_alloc(1, 1, 0, TAG);
	assert_non_null(run[0]);
	while (n != 0)
		frame_free(run[--n], 1);
	zone_is_whole(0);
	zone_is_whole(1);
}

/* HelenOS 81d36121: a gap between merged zones was left allocatable. */
static void
A1_nothing_outside_the_zones_is_handed_out(void **state)
{
	unsigned char *base = host_map(96 * FRAME_SIZE, 0);
	uintptr_t owner = 1;
	size_t n = 0;

	(void)state;
	assert_non_null(base);
	assert_int_equal(frame_zone_add("a", base, 32, 0), 0);
	assert_int_equal(frame_zone_add("c", base + 64 * FRAME_SIZE, 32, 0), 0);
	assert_null(frame_alloc(32, 1, 0, TAG));
	for (; n < 62; n++) {
		unsigned char *run = frame_alloc(1, 1, 0, TAG);
		size_t at;

		assert_non_null(run);
		at = (size_t)(run - base) / FRAME_SIZE;
		assert_true((at >= 1 && at < 32) || (at >= 65 && at < 96));
	}
	assert_null(frame_alloc(1, 1, 0, TAG));
	assert_int_equal(
	    frame_lookup((uintptr_t)base + 40 * FRAME_SIZE, &owner), -1);
	assert_int_equal(owner, 0);
	assert_int_equal(frame_lookup(0, NULL), -1);
	assert_int_equal(frame_lookup(UINTPTR_MAX, NULL), -1);
	assert_int_equal(frame_lookup((uintptr_t)&n, NULL), -1);
	/* The zone's own records belong to nobody. */
	assert_int_equal(frame_lookup((uintptr_t)base, NULL), -1);
}

static void
runs_grow_and_shrink_in_place(void **state)
{
	unsigned char *a, *b;

	(void)state;
	(void)zone_make("z", 101, 0);
	a = frame_alloc(10, 1, 0, TAG);
	frame_set_owner(a, 10, 77);
	assert_true(frame_extend(a, 10, 30));
	for (size_t i = 0; i < 30; i++) {
		uintptr_t owner;

		assert_int_equal(
		    frame_lookup((uintptr_t)a + i * FRAME_SIZE, &owner), TAG);
		assert_int_equal(owner, 77);
	}
	assert_int_equal(frame_free_count(), 70);
	b = frame_alloc(5, 1, 0, TAG);
	assert_ptr_equal(b, a + 30 * FRAME_SIZE);
	assert_false(frame_extend(a, 30, 31));
	frame_trim(a, 30, 20);
	assert_int_equal(frame_free_count(), 75);
	assert_int_equal(
	    frame_lookup((uintptr_t)a + 20 * FRAME_SIZE, NULL), FRAME_TAG_FREE);
	assert_int_equal(frame_verify(), 0);
	assert_false(frame_extend(a, 20, 31));
	assert_true(frame_extend(a, 20, 25));
	assert_true(frame_extend(a, 25, 30));
	assert_true(frame_extend(a, 30, 30));
	assert_int_equal(frame_verify(), 0);
	frame_trim(a, 30, 1);
	frame_free(b, 5);
	assert_true(frame_extend(a, 1, 100));
	assert_false(frame_extend(a, 100, 101));
	assert_false(frame_extend(a, 100, SIZE_MAX));
	frame_trim(a, 100, 100);
	frame_free(a, 100);
	zone_is_whole(0);
}

static void
A19_T21_a_freed_frame_has_no_owner(void **state)
{
	unsigned char *run, *after;
	uintptr_t owner = 5;

	(void)state;
	(void)zone_make("z", 64, 0);
	run = frame_alloc(3, 1, 0, FRAME_TAG_SLAB);
	after = frame_alloc(1, 1, 0, TAG);
	assert_int_equal(frame_lookup((uintptr_t)run, &owner), FRAME_TAG_SLAB);
	assert_int_equal(owner, 0);
	frame_set_owner(run, 3, 0x1234);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    frame_lookup(
			(uintptr_t)run + i * FRAME_SIZE + 4095, &owner),
		    FRAME_TAG_SLAB);
		assert_int_equal(owner, 0x1234);
	}
	frame_free(run, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    frame_lookup((uintptr_t)run + i * FRAME_SIZE, &owner),
		    FRAME_TAG_FREE);
		assert_int_equal(owner, 0);
	}
	/* And whoever gets the frame next does not inherit one. */
	run = frame_alloc(2, 1, 0, TAG);
	assert_int_equal(frame_lookup((uintptr_t)run, &owner), TAG);
	assert_int_equal(owner, 0);
	frame_free(run, 2);
	frame_free(after, 1);
	zone_is_whole(0);
}

/* --- reclaim --- */

static struct {
	unsigned calls;
	size_t asked;
	void *spare[8]; /* single frames the call-back can give back */
	unsigned spares;
	size_t lie; /* claims this without freeing */
	bool nested;
} owner;

static size_t
owner_reclaim(size_t frames)
{
	owner.calls++;
	owner.asked = frames;
	assert_int_equal(host_pins(), 0);
	/* With a lock held either of these would hang. */
	assert_int_equal(frame_verify(), 0);
	if (owner.nested && owner.calls == 1)
		assert_null(frame_alloc(1, 1, FRAME_NOWAIT, TAG));
	if (owner.lie != 0)
		return owner.lie;
	if (owner.spares == 0)
		return 0;
	frame_free(owner.spare[--owner.spares], 1);
	return 1;
}

static int
reclaim_setup(void **state)
{
	memset(&owner, 0, sizeof(owner));
	return bare_setup(state);
}

static void
A19_T17_reclaim_runs_without_a_lock(void **state)
{
	void *run[16];
	struct frame_stats st;

	(void)state;
	(void)zone_make("z", 17, 0);
	frame_set_reclaim(owner_reclaim);
	for (size_t i = 0; i < 16; i++)
		run[i] = frame_alloc(1, 1, 0, TAG);
	assert_int_equal(owner.calls, 0);
	/* Three adjacent frames come back one by one: two tries are in vain. */
	owner.spares = 3;
	for (size_t i = 0; i < 3; i++)
		owner.spare[i] = run[5 + i];
	owner.nested = true;
	frame_get_stats(&st);
	assert_int_equal(st.reclaims, 0);
	run[5] = frame_alloc(3, 1, 0, TAG);
	assert_ptr_equal(run[5], owner.spare[0]);
	assert_int_equal(owner.calls, 3);
	assert_int_equal(owner.asked, 3);
	frame_get_stats(&st);
	assert_int_equal(st.reclaims, 3);
	assert_int_equal(st.free, 0);
	frame_free(run[5], 3);
	for (size_t i = 0; i < 16; i++) {
		if (i < 5 || i > 7)
			frame_free(run[i], 1);
	}
	zone_is_whole(0);
}

static void
A19_T26_reclaim_is_bounded(void **state)
{
	void *all;
	struct frame_stats st;
	uint64_t fails;

	(void)state;
	(void)zone_make("z", 17, 0);
	all = frame_alloc(16, 1, 0, TAG);
	frame_set_reclaim(owner_reclaim);
	frame_get_stats(&st);
	fails = st.fails;
	assert_null(frame_alloc(1, 1, FRAME_NOWAIT, TAG));
	assert_int_equal(owner.calls, 0);
	/* Nothing to give: asked once, not again. */
	assert_null(frame_alloc(1, 1, 0, TAG));
	assert_int_equal(owner.calls, 1);
	/* Always claims success and never frees: ends all the same. */
	owner.lie = 1;
	assert_null(frame_alloc(1, 1, 0, TAG));
	assert_in_range(owner.calls, 2, 17);
	frame_get_stats(&st);
	assert_int_equal(st.fails, fails + 3);
	frame_free(all, 16);
	zone_is_whole(0);
}

static void
alloc_in_interrupt(void *arg)
{
	assert_true(port_in_interrupt());
	assert_null(frame_alloc(1, 1, 0, TAG));
	*(bool *)arg = true;
}

static void
no_reclaim_from_an_interrupt(void **state)
{
	void *all;
	bool ran = false;

	(void)state;
	(void)zone_make("z", 17, 0);
	all = frame_alloc(16, 1, 0, TAG);
	frame_set_reclaim(owner_reclaim);
	assert_true(port_hart_call(0, alloc_in_interrupt, &ran));
	assert_true(ran);
	assert_int_equal(owner.calls, 0);
	frame_free(all, 16);
}

/* --- against brute force --- */

struct picture {
	unsigned char tag[1024];
	size_t frames;
	uintptr_t base;
	bool last_was_free;
};

static void
draw(void *arg, uintptr_t addr, size_t frames, unsigned tag)
{
	struct picture *pic = arg;

	assert_int_equal(addr, pic->base + pic->frames * FRAME_SIZE);
	assert_true(frames > 0);
	assert_false(pic->last_was_free && tag == FRAME_TAG_FREE);
	pic->last_was_free = tag == FRAME_TAG_FREE;
	for (size_t i = 0; i < frames; i++)
		pic->tag[pic->frames++] = (unsigned char)tag;
}

static struct picture
picture_of(unsigned zone)
{
	struct picture pic = { .base = zone_stats(zone).base };

	frame_walk(zone, draw, &pic);
	assert_int_equal(pic.frames, zone_stats(zone).total);
	return pic;
}

/* Does a run of this length and alignment exist? */
static bool
fits(const struct picture *pic, size_t frames, size_t align)
{
	size_t run = 0;
	size_t first = pic->base >> FRAME_SHIFT;

	for (size_t i = 0; i < pic->frames; i++) {
		size_t start;

		run = pic->tag[i] == FRAME_TAG_FREE ? run + 1 : 0;
		if (run < frames)
			continue;
		start = i + 1 - frames;
		if ((first + start) % align == 0)
			return true;
	}
	return false;
}

/*
 * A request fails only when no run fits, the picture is whole, and the counts
 * agree with it.
 */
static void
A1_requests_fail_only_when_nothing_fits(void **state)
{
	void *run[400];
	size_t length[400], n = 0, refused = 0;
	struct test_rng rng = { .state = 12345 };
	struct picture pic;

	(void)state;
	(void)zone_make("z", 1000, 0);
	for (unsigned op = 0; op < 20000; op++) {
		size_t frames = 1 + test_below(&rng, 1u << test_below(&rng, 9));
		size_t align = (size_t)1 << test_below(&rng, 6);
		bool expected;

		if (n == ARRAY_COUNT(run) ||
		    (n > 0 && test_below(&rng, 16) < 7)) {
			size_t i = test_below(&rng, n);

			frame_free(run[i], length[i]);
			run[i] = run[--n];
			length[i] = length[n];
			continue;
		}
		pic = picture_of(0);
		expected = fits(&pic, frames, align);
		run[n] = frame_alloc(frames, align, 0, TAG + op % 8);
		assert_int_equal(run[n] != NULL, expected);
		refused += run[n] == NULL;
		length[n] = frames;
		n += run[n] != NULL;
		if (op % 64 == 0)
			assert_int_equal(frame_verify(), 0);
	}
	assert_true(refused > 500);
	while (n != 0) {
		n--;
		frame_free(run[n], length[n]);
	}
	zone_is_whole(0);
}

static void
A5_counts_agree_with_the_picture(void **state)
{
	struct frame_stats st, before;
	struct picture pic;
	void *run[50];
	size_t by_tag[FRAME_TAGS_MAX] = { 0 };

	(void)state;
	(void)zone_make("z", 1000, 0);
	frame_get_stats(&before);
	for (size_t i = 0; i < 50; i++)
		run[i] = frame_alloc(i % 25 + 1, 1, 0, (unsigned)(1 + i % 15));
	frame_free(run[7], 8);
	frame_free(run[31], 7);
	pic = picture_of(0);
	for (size_t i = 0; i < pic.frames; i++)
		by_tag[pic.tag[i]]++;
	frame_get_stats(&st);
	assert_int_equal(st.used_by[0], 0);
	assert_int_equal(st.free, by_tag[FRAME_TAG_FREE]);
	assert_int_equal(st.free, frame_free_count());
	assert_int_equal(st.total, frame_total_count());
	for (size_t t = 1; t < FRAME_TAGS_MAX; t++)
		assert_int_equal(st.used_by[t], by_tag[t]);
	assert_int_equal(st.allocs - before.allocs, 50);
	assert_int_equal(st.frees - before.frees, 2);
	for (size_t i = 0; i < 50; i++) {
		if (i != 7 && i != 31)
			frame_free(run[i], i % 25 + 1);
	}
	zone_is_whole(0);
}

static void
impossible_requests_are_refused(void **state)
{
	(void)state;
	(void)zone_make("z", 64, 0);
	assert_null(frame_alloc(SIZE_MAX, 1, 0, TAG));
	assert_null(frame_alloc(SIZE_MAX / FRAME_SIZE + 2, 1, 0, TAG));
	assert_null(frame_alloc((size_t)1 << 32, 1, 0, TAG));
	assert_null(frame_alloc(((size_t)1 << 32) + 1, 1, 0, TAG));
	assert_null(frame_alloc(1, (size_t)1 << 40, 0, TAG));
	assert_null(frame_alloc((size_t)1 << 28, (size_t)1 << 28, 0, TAG));
	assert_null(frame_alloc(64, 1, 0, TAG));
	zone_is_whole(0);
}

/* --- bugs of a caller: a panic that says what is wrong --- */

static unsigned char *victim;

static void
free_again(void *arg)
{
	(void)arg;
	frame_free(victim, 4);
}

static void
free_wrong_length(void *arg)
{
	frame_free(victim, *(size_t *)arg);
}

static void
free_inside(void *arg)
{
	(void)arg;
	frame_free(victim + FRAME_SIZE, 3);
}

static void
free_odd(void *arg)
{
	(void)arg;
	frame_free(victim + 8, 4);
}

static void
free_foreign(void *arg)
{
	frame_free(arg, 1);
}

static void
misuse_of_frames_is_a_panic(void **state)
{
	size_t length;
	size_t outside[1];
	void *other;
	const char *what;

	(void)state;
	(void)zone_make("z", 64, 0);
	victim = frame_alloc(4, 1, 0, TAG);
	other = frame_alloc(4, 1, 0, TAG);
	length = 3;
	assert_true(host_panics(free_wrong_length, &length, &what));
	assert_non_null(what);
	bare_teardown(state);

	(void)bare_setup(state);
	(void)zone_make("z", 64, 0);
	victim = frame_alloc(4, 1, 0, TAG);
	other = frame_alloc(4, 1, 0, TAG);
	length = 5;
	assert_true(host_panics(free_wrong_length, &length, &what));
	bare_teardown(state);

	(void)bare_setup(state);
	(void)zone_make("z", 64, 0);
	victim = frame_alloc(4, 1, 0, TAG);
	other = frame_alloc(4, 1, 0, TAG);
	assert_true(host_panics(free_inside, NULL, &what));
	bare_teardown(state);

	(void)bare_setup(state);
	(void)zone_make("z", 64, 0);
	victim = frame_alloc(4, 1, 0, TAG);
	other = frame_alloc(4, 1, 0, TAG);
	assert_non_null(other);
	assert_true(host_panics(free_odd, NULL, &what));
	assert_true(host_panics(free_foreign, outside, &what));
	frame_free(victim, 4);
	assert_true(host_panics(free_again, NULL, &what));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bare_test(D1_zone_that_cannot_hold_its_records_is_refused),
		bare_test(zones_beyond_the_table_are_refused),
		bare_test(zone_names_are_copied_and_cut),
		bare_test(
		    A1_runs_of_any_length_are_disjoint_and_keep_their_bytes),
		bare_test(aligned_runs_are_aligned),
		bare_test(A1_every_frame_of_a_zone_can_be_handed_out),
		bare_test(touched_grows_only_with_use),
		bare_test(B7_low_frames_come_from_low_zones_and_are_spared),
		bare_test(A1_nothing_outside_the_zones_is_handed_out),
		bare_test(runs_grow_and_shrink_in_place),
		bare_test(A19_T21_a_freed_frame_has_no_owner),
		cmocka_unit_test_setup_teardown(
		    A19_T17_reclaim_runs_without_a_lock, reclaim_setup,
		    bare_teardown),
		cmocka_unit_test_setup_teardown(
		    A19_T26_reclaim_is_bounded, reclaim_setup, bare_teardown),
		cmocka_unit_test_setup_teardown(
		    no_reclaim_from_an_interrupt, reclaim_setup, bare_teardown),
		bare_test(A1_requests_fail_only_when_nothing_fits),
		bare_test(A5_counts_agree_with_the_picture),
		bare_test(impossible_requests_are_refused),
		bare_test(misuse_of_frames_is_a_panic),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
