/* SPDX-License-Identifier: MIT */
/* Traces: the file is hostile, what is made from a seed keeps its promises. */
#include "tests/unit/lab_world.h"

#define FILE_MAX 512u

/* A file that is right: two objects on two harts, freed crosswise. */
struct file {
	uint8_t fi_bytes[FILE_MAX];
	size_t fi_length;
};

static void
put32(uint8_t *at, uint32_t value)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void
put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void
file_record(
    struct file *f, unsigned i, uint32_t object, uint32_t size, uint32_t hart)
{
	uint8_t *at = &f->fi_bytes[32 + 8 * i];

	put32(at, object);
	put16(at + 4, size);
	put16(at + 6, hart);
}

/* As the format says; by other means than the reader's. */
static void
file_sign(struct file *f)
{
	static const uint32_t nibbles[16] = { 0x00000000, 0x1db71064,
		0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158,
		0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
	uint32_t crc = UINT32_MAX;
	size_t i;

	for (i = 0; i < f->fi_length; i++) {
		if (i >= 28 && i < 32)
			continue;
		crc ^= f->fi_bytes[i];
		crc = crc >> 4 ^ nibbles[crc & 15];
		crc = crc >> 4 ^ nibbles[crc & 15];
	}
	put32(&f->fi_bytes[28], ~crc);
}

static void
file_make(struct file *f)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->fi_bytes, "QUARRYTR", 8);
	put32(&f->fi_bytes[8], 1);
	put32(&f->fi_bytes[12], 4);
	put32(&f->fi_bytes[16], 2);
	put32(&f->fi_bytes[20], 2);
	file_record(f, 0, 0, 100, 0);
	file_record(f, 1, 1, 16384, 1);
	file_record(f, 2, 1, 0, 0);
	file_record(f, 3, 0, 0, 1);
	f->fi_length = 32 + 4 * 8;
	file_sign(f);
}

/* From memory of just that length: the sanitizer sees the next byte read. */
static bool
load(const struct file *f, const char **why)
{
	uint8_t *bytes = malloc(f->fi_length);
	bool took;

	assert_non_null(bytes);
	memcpy(bytes, f->fi_bytes, f->fi_length);
	*why = NULL;
	took = lab_trace_load(bytes, f->fi_length, why);
	free(bytes);
	assert_true(took == (*why == NULL));
	return took;
}

static void
refused(const struct file *f, const char *word)
{
	size_t before = lab_trace_objects();
	const char *why;

	assert_false(load(f, &why));
	if (strstr(why, word) == NULL)
		fail_msg("'%s' does not say '%s'", why, word);
	/* What was loaded stays. */
	assert_int_equal(lab_trace_objects(), before);
}

static void
I5_1_a_trace_file_is_read(void **state)
{
	const struct trace *tc;
	const char *why;
	struct file f;

	(void)state;
	file_make(&f);
	assert_true(load(&f, &why));
	assert_int_equal(lab_trace_objects(), 2);
	tc = trace_hold();
	assert_non_null(tc);
	assert_int_equal(tc->tc_count, 4);
	assert_int_equal(tc->tc_records[0].tr_size, 100);
	assert_int_equal(tc->tc_records[1].tr_hart, 1);
	/* A free knows the object's size, too. */
	assert_true(tc->tc_records[3].tr_free);
	assert_int_equal(tc->tc_records[3].tr_size, 100);
	/* While it is held nothing replaces it. */
	refused(&f, "in use");
	trace_release();
	assert_true(load(&f, &why));
}

static void
I5_1_a_trace_file_of_any_other_length_is_refused(void **state)
{
	struct file f, cut;
	size_t n;

	(void)state;
	file_make(&f);
	for (n = 1; n < 32; n++) {
		cut = f;
		cut.fi_length = n;
		refused(&cut, "header");
	}
	for (; n < f.fi_length; n++) {
		cut = f;
		cut.fi_length = n;
		refused(&cut, "cut off");
	}
	for (n = f.fi_length + 1; n < f.fi_length + 20; n++) {
		cut = f;
		cut.fi_length = n;
		file_sign(&cut);
		refused(&cut, "after the last");
	}
}

/* Any one bit that is wrong is seen. */
static void
I5_1_a_damaged_trace_file_is_refused(void **state)
{
	struct file f, bad;
	const char *why;
	size_t bit;

	(void)state;
	file_make(&f);
	for (bit = 0; bit < f.fi_length * 8; bit++) {
		bad = f;
		bad.fi_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(load(&bad, &why));
	}
	bad = f;
	bad.fi_bytes[40] ^= 1u;
	refused(&bad, "damaged");
}

struct lie {
	size_t li_at;
	uint32_t li_value;
	const char *li_word;
};

static void
I5_1_a_trace_file_that_lies_in_its_header_is_refused(void **state)
{
	static const struct lie lies[] = {
		{ 0, 0x12345678, "no trace" },
		{ 8, 0, "version" },
		{ 8, 2, "version" },
		{ 24, 1, "version" },
		{ 12, 3, "two records" },
		{ 12, 0, "two records" },
		{ 12, UINT32_MAX, "two records" },
		{ 16, 0, "objects" },
		{ 16, TRACE_OBJECTS_MAX + 1, "objects" },
		{ 16, 0x80000002, "objects" },
		{ 16, UINT32_MAX, "objects" },
		{ 20, 0, "harts" },
		{ 20, TRACE_HARTS_MAX + 1, "harts" },
		{ 20, UINT32_MAX, "harts" },
	};
	struct file f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		file_make(&f);
		put32(&f.fi_bytes[lies[i].li_at], lies[i].li_value);
		file_sign(&f);
		refused(&f, lies[i].li_word);
	}
	/* As many records as are allowed, and not there. */
	file_make(&f);
	put32(&f.fi_bytes[12], TRACE_OBJECTS_MAX * 2);
	put32(&f.fi_bytes[16], TRACE_OBJECTS_MAX);
	file_sign(&f);
	refused(&f, "cut off");
}

struct wrong {
	unsigned wr_record;
	uint32_t wr_object, wr_size, wr_hart;
	const char *wr_word;
};

static void
I5_1_a_trace_file_whose_events_are_wrong_is_refused(void **state)
{
	static const struct wrong wrongs[] = {
		{ 0, 2, 100, 0, "out of range" },
		{ 0, UINT32_MAX, 100, 0, "out of range" },
		{ 2, 2, 0, 0, "out of range" },
		{ 0, 0, 100, 2, "out of range" },
		{ 3, 0, 0, 0xffff, "out of range" },
		{ 0, 0, 16385, 0, "larger" },
		{ 0, 0, 0xffff, 0, "larger" },
		{ 1, 0, 100, 0, "allocated twice" },
		/* After it was freed, too: an object has one life. */
		{ 3, 1, 100, 0, "allocated twice" },
		{ 0, 0, 0, 0, "never allocated" },
		{ 1, 1, 0, 0, "never allocated" },
		{ 3, 1, 0, 0, "freed twice" },
	};
	const char *why;
	struct file f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];

		file_make(&f);
		file_record(
		    &f, w->wr_record, w->wr_object, w->wr_size, w->wr_hart);
		file_sign(&f);
		refused(&f, w->wr_word);
	}
	/* The limits themselves are allowed: 1 byte, and in file_make 16384. */
	file_make(&f);
	file_record(&f, 0, 0, 1, 0);
	file_sign(&f);
	assert_true(load(&f, &why));
}

/* What scripts/trace-convert wrote; tests/setup shows that it writes that. */
static void
I5_1_what_trace_convert_writes_is_read(void **state)
{
	const struct trace *tc;

	assert_int_equal(world_load_trace(state), 0);
	assert_int_equal(lab_trace_objects(), 7);
	tc = trace_hold();
	assert_int_equal(tc->tc_records[1].tr_size, 4096);
	trace_release();
}

static void
I5_1_without_a_trace_trace_file_says_so(void **state)
{
	const struct lab_bench *bench = NULL;
	struct world_run wr;
	size_t i;

	(void)state;
	for (i = 0; lab_trace[i].lb_id != NULL; i++)
		if (strcmp(lab_trace[i].lb_id, "trace/file") == 0)
			bench = &lab_trace[i];
	assert_non_null(bench);
	assert_int_equal(lab_trace_objects(), 0);
	world_forget();
	world_run(&wr, bench, 1, WORLD_QUICK, 1);
	assert_true(wr.wr_failed);
	assert_non_null(strstr(wr.wr_out.error, "lab.trace"));
}

/* Every life is whole: allocated once, then freed once, in both its sizes. */
static void
check_lives(const struct trace *tc)
{
	uint16_t *sizes = calloc(tc->tc_objects, sizeof(*sizes));
	uint32_t i, freed = 0;

	assert_non_null(sizes);
	assert_int_equal(tc->tc_count, tc->tc_objects * 2);
	for (i = 0; i < tc->tc_count; i++) {
		const struct trace_record *tr = &tc->tc_records[i];

		assert_true(tr->tr_object < tc->tc_objects);
		assert_in_range(tr->tr_size, 1, TRACE_SIZE_MAX);
		assert_true(tr->tr_hart < 8);
		if (tr->tr_free) {
			assert_int_equal(sizes[tr->tr_object], tr->tr_size);
			sizes[tr->tr_object] = UINT16_MAX;
			freed++;
		} else {
			assert_int_equal(sizes[tr->tr_object], 0);
			sizes[tr->tr_object] = tr->tr_size;
		}
	}
	assert_int_equal(freed, tc->tc_objects);
	free(sizes);
}

typedef bool (*maker_fn)(struct trace *, uint64_t);

static void
I5_1_made_traces_are_whole_and_repeat(void **state)
{
	static const maker_fn makers[] = { trace_make_server,
		trace_make_compile, trace_make_adversary };
	static const uint32_t counts[] = { 1, 2, 7, 255, 257, 2000, 20000 };
	struct trace a, b, c;
	size_t m, i, bytes;

	(void)state;
	for (m = 0; m < sizeof(makers) / sizeof(makers[0]); m++)
		for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			assert_true(trace_open(&a, counts[i]));
			assert_true(trace_open(&b, counts[i]));
			assert_true(trace_open(&c, counts[i]));
			assert_true(makers[m](&a, 1));
			assert_true(makers[m](&b, 1));
			assert_true(makers[m](&c, 2));
			check_lives(&a);
			check_lives(&c);
			bytes = a.tc_count * sizeof(*a.tc_records);
			assert_memory_equal(a.tc_records, b.tc_records, bytes);
			/* Another seed, another trace. */
			if (counts[i] >= 2000)
				assert_memory_not_equal(
				    a.tc_records, c.tc_records, bytes);
			trace_close(&a);
			trace_close(&b);
			trace_close(&c);
		}
	assert_false(trace_open(&a, 0));
	assert_false(trace_open(&a, TRACE_OBJECTS_MAX + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: nothing is loaded yet. */
		cmocka_unit_test(I5_1_without_a_trace_trace_file_says_so),
		cmocka_unit_test(I5_1_a_trace_file_is_read),
		cmocka_unit_test(
		    I5_1_a_trace_file_of_any_other_length_is_refused),
		cmocka_unit_test(I5_1_a_damaged_trace_file_is_refused),
		cmocka_unit_test(
		    I5_1_a_trace_file_that_lies_in_its_header_is_refused),
		cmocka_unit_test(
		    I5_1_a_trace_file_whose_events_are_wrong_is_refused),
		cmocka_unit_test(I5_1_what_trace_convert_writes_is_read),
		cmocka_unit_test(I5_1_made_traces_are_whole_and_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
