/* SPDX-License-Identifier: MIT */
/*
 * Slots: which of the per-hart pairs of words belongs to which cache.
 *
 * Slot 0 is nobody's: on every hart it holds the dummy magazine, which reads
 * both empty and full, so that the hot pair of a cache without magazines, or
 * of one whose every call is verified, falls through to the slow path at no
 * cost to anybody else. The next KMEM_SLOTS_FIXED are for caches that ask for
 * one by number, so that code can be compiled for them; such a cache has its
 * slot whatever its level, for that code looks there and nowhere else. The
 * others are handed out lowest first; when none is left a cache works without
 * magazines and kmem_info.magazine says 0.
 */
#include "kmem_impl.h"

#define SLOTS_MAX 4096u

/*
 * The word below the middle is NULL, the middle is a multiple of 512. The first
 * half is a magazine of capacity 0: its mag_low is its end.
 */
_Alignas(MAG_BYTES) void *const mag_dummy_words[2 * MAG_BYTES / 8] = {
	[1] = (void *)((uintptr_t)MAG_BYTES << 32),
};
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
	offsetof(struct magazine, mag_capacity) == 8 &&
	offsetof(struct magazine, mag_low) == 12,
    "the dummy's header");

static struct mm_lock slot_lock;
/* Guarded by slot_lock. Of fixed slots the first word has those claimed. */
static uint64_t slot_used[SLOTS_MAX / 64];

/* Slots that slot_alloc does not hand out. */
#define SLOTS_KEPT (((uint64_t)1 << (KMEM_SLOTS_FIXED + 1)) - 1)

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
	for (unsigned h = 0, harts = port_hart_count(); h < harts; h++)
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

static size_t
slot_count(void)
{
	size_t count = port_slot_count();

	return count < SLOTS_MAX ? count : SLOTS_MAX;
}

static uint64_t
slot_offset(size_t slot)
{
	return port_slot_origin() + slot * sizeof(struct mag_slot);
}

uint64_t
slot_alloc(void)
{
	size_t count = slot_count();
	uint64_t offset = 0;

	mm_lock_acquire(&slot_lock);
	for (unsigned w = 0; w * 64 < count && offset == 0; w++) {
		uint64_t used = slot_used[w] | (w == 0 ? SLOTS_KEPT : 0);
		unsigned bit;

		if (~used == 0)
			continue;
		bit = bit_lowest(~used);
		if (w * 64 + bit >= count)
			break;
		slot_used[w] |= (uint64_t)1 << bit;
		offset = slot_offset(w * 64 + bit);
	}
	mm_lock_release(&slot_lock);
	if (offset != 0)
		slot_clear(offset);
	return offset;
}

/* An even slot and the odd one behind it, which holds its counts. */
uint64_t
slot_alloc_cold(void)
{
	const uint64_t even = UINT64_C(0x5555555555555555);
	size_t count = slot_count();
	uint64_t offset = 0;

	mm_lock_acquire(&slot_lock);
	for (unsigned w = 0; w * 64 < count && offset == 0; w++) {
		uint64_t used = slot_used[w] | (w == 0 ? SLOTS_KEPT : 0);
		uint64_t pairs = ~used & ~used >> 1 & even;
		unsigned bit;

		if (pairs == 0)
			continue;
		bit = bit_lowest(pairs);
		if (w * 64 + bit + 1 >= count)
			break;
		slot_used[w] |= (uint64_t)3 << bit;
		offset = slot_offset(w * 64 + bit);
	}
	mm_lock_release(&slot_lock);
	if (offset == 0)
		return 0;
	slot_clear(offset);
	for (unsigned h = 0, harts = port_hart_count(); h < harts; h++) {
		struct mag_cold *cold = (struct mag_cold *)slot_at(h, offset);

		shared_store_64(&cold->allocs, 0);
		shared_store_64(&cold->frees, 0);
	}
	return offset;
}

uint64_t
slot_claim(unsigned slot)
{
	uint64_t bit = (uint64_t)1 << slot, offset = 0;

	MM_ASSERT2(slot > 0 && slot <= KMEM_SLOTS_FIXED, slot, 0);
	mm_lock_acquire(&slot_lock);
	if (slot < slot_count() && (slot_used[0] & bit) == 0) {
		slot_used[0] |= bit;
		offset = slot_offset(slot);
	}
	mm_lock_release(&slot_lock);
	if (offset != 0)
		slot_clear(offset);
	return offset;
}

static void
slots_drop(uint64_t offset, uint64_t mask)
{
	uint64_t slot = (offset - port_slot_origin()) / sizeof(struct mag_slot);

	if (offset == 0)
		return;
	MM_ASSERT2(slot > 0 && slot < SLOTS_MAX, offset, slot);
	for (unsigned h = 0, harts = port_hart_count(); h < harts; h++)
		MM_ASSERT2(
		    slot_top(slot_at(h, offset)) == mag_dummy_top(), h, slot);
	mask <<= slot % 64;
	mm_lock_acquire(&slot_lock);
	MM_ASSERT2((slot_used[slot / 64] & mask) == mask, offset, slot);
	slot_used[slot / 64] &= ~mask;
	mm_lock_release(&slot_lock);
}

void
slot_free(uint64_t offset)
{
	slots_drop(offset, 1);
}

void
slot_free_cold(uint64_t offset)
{
	slots_drop(offset, 3);
}
