/* SPDX-License-Identifier: MIT */
/*
 * Slots: which of the per-hart pairs of words belongs to which cache.
 *
 * Slot 0 is nobody's: on every hart it holds the dummy magazine, which reads
 * both empty and full, so that the hot pair of a cache without magazines, or
 * of one whose every call is verified, falls through to the slow path at no
 * cost to anybody else. Slots are handed out lowest first; when none is left a
 * cache works without magazines and kmem_info.magazine says 0.
 */
#include "kmem_impl.h"

#define SLOTS_MAX 4096u

/* The word below the middle is NULL, the middle is a multiple of 512. */
_Alignas(MAG_BYTES) void *const mag_dummy_words[2 * MAG_BYTES / 8];

static struct mm_lock slot_lock;
static uint64_t slot_used[SLOTS_MAX / 64]; /* guarded by slot_lock */

uint64_t
slot_dummy(void)
{
	return port_slot_origin();
}

static struct mag_slot *
slot_at(unsigned hart, uint64_t offset)
{
	return (struct mag_slot *)((uintptr_t)port_slot_base(hart) + offset);
}

/* Nobody uses the slot yet: its cache is not published. */
static void
slot_clear(uint64_t offset)
{
	for (unsigned h = 0; h < port_hart_count(); h++)
		slot_set(slot_at(h, offset), mag_dummy_top(), mag_dummy_top());
}

void
slots_init(void)
{
	MM_ASSERT(port_slot_count() > 0);
	MM_ASSERT((uintptr_t)mag_dummy_top() % MAG_BYTES == 0);
	mm_lock_init(&slot_lock);
	for (unsigned i = 0; i < SLOTS_MAX / 64; i++)
		slot_used[i] = 0;
	slot_used[0] = 1;
	slot_clear(slot_dummy());
}

uint64_t
slot_alloc(void)
{
	size_t count = port_slot_count();
	uint64_t offset = 0;

	if (count > SLOTS_MAX)
		count = SLOTS_MAX;
	mm_lock_acquire(&slot_lock);
	for (unsigned w = 0; w * 64 < count && offset == 0; w++) {
		unsigned bit;

		if (~slot_used[w] == 0)
			continue;
		bit = bit_lowest(~slot_used[w]);
		if (w * 64 + bit >= count)
			break;
		slot_used[w] |= (uint64_t)1 << bit;
		offset = port_slot_origin() +
		    (w * 64 + bit) * sizeof(struct mag_slot);
	}
	mm_lock_release(&slot_lock);
	if (offset != 0)
		slot_clear(offset);
	return offset;
}

void
slot_free(uint64_t offset)
{
	uint64_t slot = (offset - port_slot_origin()) / sizeof(struct mag_slot);

	if (offset == 0)
		return;
	MM_ASSERT2(slot > 0 && slot < SLOTS_MAX, offset, slot);
	for (unsigned h = 0; h < port_hart_count(); h++)
		MM_ASSERT2(
		    slot_top(slot_at(h, offset)) == mag_dummy_top(), h, slot);
	mm_lock_acquire(&slot_lock);
	MM_ASSERT2(
	    (slot_used[slot / 64] >> (slot % 64) & 1) == 1, offset, slot);
	slot_used[slot / 64] &= ~((uint64_t)1 << (slot % 64));
	mm_lock_release(&slot_lock);
}
