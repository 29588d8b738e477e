/* SPDX-License-Identifier: MIT */
/*
 * The objects of a storm: patterns that show when one has two owners.
 *
 * A holder's stamp is a function of the address, the hart and a serial number,
 * so no two holders ever have the same. It is written into the object and kept
 * in the holder's slot. If the allocator hands an object out twice, or gives
 * its frame to somebody else, the second holder's words replace the first's,
 * and the first sees it when it frees. Small objects are written whole; of
 * larger ones four words at each end, and every 32nd of them whole, which
 * keeps the cost of an operation near a hundred instructions.
 */
#include "storm_state.h"

#define END_WORDS  4u
#define FULL_EVERY 32u
#define SPREAD     UINT64_C(0x9e3779b97f4a7c15)

static bool
constructed_kind(unsigned kind)
{
	return kind < STORM_CACHES && storm_kinds[kind].ki_ctor;
}

/* Words that a holder may write: behind the constructed part. */
static inline uint64_t *
pattern_begin(const struct storm_slot *slot)
{
	return slot->sl_obj + slot->sl_first;
}

static inline uint64_t *
pattern_end(const struct storm_slot *slot)
{
	return slot->sl_obj + slot->sl_size / sizeof(uint64_t);
}

static void
pattern_write(const struct storm_slot *slot)
{
	uint64_t *p = pattern_begin(slot), *end = pattern_end(slot);
	uint64_t stamp = slot->sl_stamp;

	if (!slot->sl_full) {
		p[0] = p[1] = p[2] = p[3] = stamp;
		end[-1] = end[-2] = end[-3] = end[-4] = stamp;
		return;
	}
	for (; p < end; p++)
		*p = stamp;
}

/* Where the pattern is broken; NULL: nowhere. */
static const uint64_t *
pattern_mismatch(const struct storm_slot *slot)
{
	const uint64_t *p = pattern_begin(slot), *end = pattern_end(slot);
	uint64_t s = slot->sl_stamp;

	if (!slot->sl_full) {
		if (((p[0] ^ s) | (p[1] ^ s) | (p[2] ^ s) | (p[3] ^ s) |
			(end[-1] ^ s) | (end[-2] ^ s) | (end[-3] ^ s) |
			(end[-4] ^ s)) == 0)
			return NULL;
		while (p < pattern_begin(slot) + END_WORDS && *p == s)
			p++;
		if (*p == s)
			p = end - END_WORDS;
	}
	for (; p < end; p++)
		if (*p != s)
			return p;
	return NULL;
}

static const char *
kind_name(unsigned kind)
{
	return kind < STORM_CACHES ? storm_kinds[kind].ki_name : "kmalloc";
}

/*
 * 8 … 4,096 bytes, just below a power of two, small ones as likely as large
 * ones: ten classes, so that most of a hart's work is not refilling magazines.
 */
static uint32_t
kmalloc_size(uint64_t random)
{
	unsigned shift = (unsigned)(random >> 40) % 10u;

	if (shift == 0)
		return 8;
	return (uint32_t)((8u << shift) - ((random >> 48) & 7u));
}

bool
storm_place(struct storm *st, struct storm_slot *slot, unsigned kind,
    unsigned flags, uint64_t random, uint64_t serial, unsigned index)
{
	uint32_t size;
	void *obj;

	if (kind < STORM_CACHES) {
		size = (uint32_t)storm_kinds[kind].ki_size;
		obj = kmem_cache_alloc(st->st_cache[kind], flags);
	} else {
		size = kmalloc_size(random);
		obj = kmalloc(size, flags);
	}
	if (obj == NULL)
		return false;
	slot->sl_obj = obj;
	slot->sl_size = size;
	slot->sl_kind = (uint8_t)kind;
	slot->sl_first = 0;
	slot->sl_stamp = ((uint64_t)(uintptr_t)obj * SPREAD) ^
	    ((uint64_t)(index + 1u) << 56) ^ serial;
	if (constructed_kind(kind)) {
		slot->sl_first = STORM_CTOR_WORDS;
		if (!storm_constructed(obj))
			storm_finding(st,
			    "%s object %p came without its constructed state, "
			    "on hart %u of the storm",
			    kind_name(kind), obj, index);
	}
	slot->sl_full = serial % FULL_EVERY == 0 ||
	    size / sizeof(uint64_t) - slot->sl_first < 2u * END_WORDS;
	pattern_write(slot);
	return true;
}

bool
storm_check(struct storm *st, const struct storm_slot *slot, unsigned index)
{
	const uint64_t *word = pattern_mismatch(slot);

	if (word != NULL) {
		storm_finding(st,
		    "%s object %p of %u bytes has two owners: byte %u holds "
		    "%#llx, hart %u wrote %#llx",
		    kind_name(slot->sl_kind), (void *)slot->sl_obj,
		    (unsigned)slot->sl_size,
		    (unsigned)((uintptr_t)word - (uintptr_t)slot->sl_obj),
		    (unsigned long long)*word, index,
		    (unsigned long long)slot->sl_stamp);
		return false;
	}
	if (slot->sl_first != 0 && !storm_constructed(slot->sl_obj)) {
		storm_finding(st,
		    "%s object %p lost its constructed state while hart %u "
		    "held it",
		    kind_name(slot->sl_kind), (void *)slot->sl_obj, index);
		return false;
	}
	return true;
}

void
storm_release(struct storm *st, struct storm_slot *slot)
{
	void *obj = slot->sl_obj;

	slot->sl_obj = NULL;
	if (slot->sl_kind < STORM_CACHES)
		kmem_cache_free(st->st_cache[slot->sl_kind], obj);
	else
		kfree(obj);
}
