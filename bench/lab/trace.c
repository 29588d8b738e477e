/* SPDX-License-Identifier: MIT */
/*
 * Traces of allocations, and the file they come in.
 *
 * Theory of operation
 *
 * 1. A trace is a list of events in the order in which they happened: object N
 *    of so many bytes is allocated on hart H, object N is freed on hart H. An
 *    object has one life: its number is never used again, it is freed once,
 *    after it was allocated, and by the end every object is free. A replay can
 *    therefore be repeated, and harts that replay their own parts at once wait
 *    only for events that lie earlier in the trace (load/replay.c).
 * 2. The file, as scripts/trace-convert writes it. All numbers are unsigned and
 *    little-endian.
 *
 *      offset  bytes  what
 *           0      8  "QUARRYTR"
 *           8      4  version: 1
 *          12      4  records: twice the objects
 *          16      4  objects: 1 … 2^19
 *          20      4  harts: 1 … 128
 *          24      4  0
 *          28      4  CRC-32 (as in zip) of bytes 0 … 27 and of all records
 *          32      …  the records, 8 bytes each:
 *                       4  number of the object, below `objects`
 *                       2  bytes of the object, 1 … 16,384; 0: it is freed
 *                       2  hart, below `harts`
 *
 *    Nothing follows the records.
 * 3. The file is hostile. Its length is checked against the header before any
 *    record is looked at, every field before it is used, and each object's life
 *    by a word of state. Loops are bounded by 2^20 records.
 * 4. One trace is loaded at a time. A run holds it, and while it is held it is
 *    not replaced: a count of holders, which a loader takes from 0 to LOADING.
 */
#include <string.h>

#include "trace.h"

#define MAGIC        "QUARRYTR"
#define MAGIC_BYTES  8u
#define HEADER_BYTES 32u
#define RECORD_BYTES 8u
#define CRC_AT       28u
#define VERSION      1u
#define LOADING      UINT32_MAX
#define CRC_POLY     0xedb88320u /* CRC-32, reflected */

/* What an object has come to while a file is read: bytes, or one of these. */
#define STATE_NONE  0u
#define STATE_FREED UINT16_MAX

static struct trace loaded;
static _Atomic(uint32_t) holders;

bool
trace_open(struct trace *tc, uint32_t objects)
{
	memset(tc, 0, sizeof(*tc));
	if (objects == 0 || objects > TRACE_OBJECTS_MAX)
		return false;
	tc->tc_records =
	    lab_memory((size_t)objects * 2u * sizeof(struct trace_record));
	tc->tc_objects = objects;
	return tc->tc_records != NULL;
}

void
trace_close(struct trace *tc)
{
	if (tc->tc_records != NULL)
		lab_memory_free(tc->tc_records,
		    (size_t)tc->tc_objects * 2u * sizeof(struct trace_record));
	memset(tc, 0, sizeof(*tc));
}

const struct trace *
trace_hold(void)
{
	uint32_t now = atomic_load_explicit(&holders, memory_order_relaxed);

	do {
		if (now >= LOADING - 1u)
			return NULL;
		/* Acquire: pairs with the release of lab_trace_load. */
	} while (!atomic_compare_exchange_weak_explicit(&holders, &now,
	    now + 1u, memory_order_acquire, memory_order_relaxed));
	if (loaded.tc_objects != 0)
		return &loaded;
	trace_release();
	return NULL;
}

void
trace_release(void)
{
	/* Release: whoever loads comes after what was read. */
	(void)atomic_fetch_sub_explicit(&holders, 1u, memory_order_release);
}

size_t
lab_trace_objects(void)
{
	const struct trace *tc = trace_hold();
	size_t objects = 0;

	if (tc != NULL) {
		objects = tc->tc_objects;
		trace_release();
	}
	return objects;
}

/* ---- the file ---- */

static uint32_t
read32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	    (uint32_t)at[3] << 24;
}

static uint16_t
read16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

/* Bit by bit: a file is read once. */
static uint32_t
crc_add(uint32_t crc, const uint8_t *at, size_t n)
{
	size_t i;
	unsigned bit;

	for (i = 0; i < n; i++) {
		crc ^= at[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (CRC_POLY & (0u - (crc & 1u)));
	}
	return crc;
}

/* A sentence, or NULL: header and length are what they must be. */
static const char *
header_refused(const uint8_t *at, size_t n)
{
	uint32_t records, objects, harts, crc;

	if (n < HEADER_BYTES)
		return "shorter than a trace's header of 32 bytes";
	if (memcmp(at, MAGIC, MAGIC_BYTES) != 0)
		return "no trace of scripts/trace-convert";
	if (read32(at + 8) != VERSION || read32(at + 24) != 0)
		return "a trace of a version that is not known here";
	records = read32(at + 12);
	objects = read32(at + 16);
	harts = read32(at + 20);
	if (objects == 0 || objects > TRACE_OBJECTS_MAX)
		return "a trace has 1 to 524,288 objects";
	if (records != objects * 2u)
		return "not two records for each object";
	if (harts == 0 || harts > TRACE_HARTS_MAX)
		return "a trace has 1 to 128 harts";
	if ((n - HEADER_BYTES) / RECORD_BYTES < records)
		return "cut off: fewer records than the header says";
	if (n != HEADER_BYTES + (size_t)records * RECORD_BYTES)
		return "bytes after the last record";
	crc = crc_add(UINT32_MAX, at, CRC_AT);
	crc = crc_add(crc, at + HEADER_BYTES, n - HEADER_BYTES);
	if (~crc != read32(at + CRC_AT))
		return "the checksum is wrong: the file is damaged";
	return NULL;
}

/* Read one record and follow its object's life. A sentence, or NULL. */
static const char *
record_refused(
    struct trace *tc, const uint8_t *at, uint32_t harts, uint16_t *states)
{
	struct trace_record *tr = &tc->tc_records[tc->tc_count];
	uint32_t object = read32(at), hart = read16(at + 6);
	uint16_t size = read16(at + 4);

	if (object >= tc->tc_objects)
		return "an object's number is out of range";
	if (hart >= harts)
		return "a hart's number is out of range";
	if (size > TRACE_SIZE_MAX)
		return "an object is larger than 16,384 bytes";
	if (size != 0 && states[object] != STATE_NONE)
		return "an object is allocated twice";
	if (size == 0 && states[object] == STATE_NONE)
		return "an object is freed that was never allocated";
	if (size == 0 && states[object] == STATE_FREED)
		return "an object is freed twice";
	tr->tr_object = object;
	tr->tr_hart = (uint8_t)hart;
	tr->tr_free = size == 0;
	tr->tr_size = size != 0 ? size : states[object];
	states[object] = size != 0 ? size : STATE_FREED;
	tc->tc_count++;
	return NULL;
}

/*
 * Fill `tc` from a file whose header is right. There are two records for each
 * object, and none is allocated or freed twice: so all are freed at the end.
 */
static const char *
records_refused(struct trace *tc, const uint8_t *file)
{
	uint32_t objects = read32(file + 16), harts = read32(file + 20), i;
	const uint8_t *at = file + HEADER_BYTES;
	const char *why = NULL;
	uint16_t *states;

	states = lab_memory(objects * sizeof(*states));
	if (states == NULL)
		return "no memory for it";
	if (!trace_open(tc, objects))
		why = "no memory for it";
	memset(states, 0, objects * sizeof(*states));
	for (i = 0; why == NULL && i < objects * 2u; i++)
		why = record_refused(
		    tc, at + (size_t)i * RECORD_BYTES, harts, states);
	lab_memory_free(states, objects * sizeof(*states));
	if (why != NULL)
		trace_close(tc);
	return why;
}

bool
lab_trace_load(const void *bytes, size_t n, const char **why)
{
	uint32_t none = 0;
	struct trace fresh;

	*why = header_refused(bytes, n);
	if (*why != NULL)
		return false;
	/* Acquire: pairs with trace_release, and with the store below. */
	if (!atomic_compare_exchange_strong_explicit(&holders, &none, LOADING,
		memory_order_acquire, memory_order_relaxed)) {
		*why = "the trace is in use by a run";
		return false;
	}
	*why = records_refused(&fresh, bytes);
	if (*why == NULL) {
		trace_close(&loaded);
		loaded = fresh;
	}
	/* Release: pairs with the acquire of trace_hold. */
	atomic_store_explicit(&holders, 0u, memory_order_release);
	return *why == NULL;
}
