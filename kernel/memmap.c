/* SPDX-License-Identifier: MIT */
/*
 * The memory map: banks minus reservations, as frames.
 *
 * Theory of operation
 * 1. A sweep from address 0 upwards. Each step finds the lowest address at or
 *    above the position that lies in a bank; if a reservation covers it, the
 *    position moves to that reservation's end, otherwise the piece runs to the
 *    end of memory (banks that touch or overlap count as one), to the next
 *    reservation, to 4 GiB, or to the top, whichever is first. Nothing is
 *    sorted or copied: what comes out is ascending and disjoint by itself.
 * 2. Every step moves the position to an end or a start of an input, so there
 *    are at most a few steps per input, each linear: 96 inputs, some 10^4
 *    comparisons.
 * 3. Pieces are rounded inwards, so a frame that a reservation only touches is
 *    not given away.
 */
#include <kernel/memmap.h>

#define FRAME_BYTES 4096u

struct sweep {
	const struct memmap_range *banks, *reserved;
	unsigned n_banks, n_reserved;
	struct memmap_range own; /* [bank base, kernel end) */
};

/* One past the range; what wraps is cut at the highest address. */
static uint64_t
end_of(struct memmap_range r)
{
	return r.size > UINT64_MAX - r.base ? UINT64_MAX : r.base + r.size;
}

static bool
covers(struct memmap_range r, uint64_t at)
{
	return r.base <= at && at < end_of(r);
}

/* Reservation i; the last is what lies below and under the kernel. */
static struct memmap_range
reservation(const struct sweep *s, unsigned i)
{
	return i < s->n_reserved ? s->reserved[i] : s->own;
}

/* Lowest address >= at inside a bank; false: none. */
static bool
next_in_bank(const struct sweep *s, uint64_t at, uint64_t *start)
{
	bool found = false;

	for (unsigned i = 0; i < s->n_banks; i++) {
		uint64_t from = s->banks[i].base > at ? s->banks[i].base : at;

		if (from >= end_of(s->banks[i]))
			continue;
		if (!found || from < *start)
			*start = from;
		found = true;
	}
	return found;
}

/* The highest end of the reservations that cover `at`; 0: none does. */
static uint64_t
reserved_until(const struct sweep *s, uint64_t at)
{
	uint64_t until = 0;

	for (unsigned i = 0; i <= s->n_reserved; i++)
		if (covers(reservation(s, i), at) &&
		    end_of(reservation(s, i)) > until)
			until = end_of(reservation(s, i));
	return until;
}

/* Where memory that is there at `at` ends, over banks that touch. */
static uint64_t
memory_until(const struct sweep *s, uint64_t at)
{
	bool grew = true;
	uint64_t end = at;

	while (grew) {
		grew = false;
		for (unsigned i = 0; i < s->n_banks; i++) {
			if (s->banks[i].base <= end &&
			    end_of(s->banks[i]) > end) {
				end = end_of(s->banks[i]);
				grew = true;
			}
		}
	}
	return end;
}

/* The first start of a reservation in (at, end], or end. */
static uint64_t
next_reservation(const struct sweep *s, uint64_t at, uint64_t end)
{
	for (unsigned i = 0; i <= s->n_reserved; i++) {
		struct memmap_range r = reservation(s, i);

		if (r.size > 0 && r.base > at && r.base < end)
			end = r.base;
	}
	return end;
}

/*
 * The kernel's range, down to the base of the bank that holds it: the firmware
 * lies there, said or not. If no bank does, it may lie anywhere below.
 */
static struct memmap_range
own_range(const struct sweep *s, struct memmap_range kernel)
{
	uint64_t base = kernel.base;
	bool inside = false;

	if (kernel.size == 0)
		return kernel;
	for (unsigned i = 0; i < s->n_banks; i++) {
		if (!covers(s->banks[i], kernel.base))
			continue;
		inside = true;
		if (s->banks[i].base < base)
			base = s->banks[i].base;
	}
	if (!inside)
		base = 0;
	return (
	    struct memmap_range){ .base = base, .size = end_of(kernel) - base };
}

void
memmap_remove(struct memmap *out, unsigned i)
{
	out->usable_bytes -= out->usable[i].size;
	for (out->n_usable--; i < out->n_usable; i++)
		out->usable[i] = out->usable[i + 1];
}

/* Append [start, end), as frames. A full list loses its smallest range. */
static void
add(struct memmap *out, uint64_t start, uint64_t end)
{
	uint64_t size;

	if (start > UINT64_MAX - (FRAME_BYTES - 1))
		return;
	start = (start + FRAME_BYTES - 1) & ~(uint64_t)(FRAME_BYTES - 1);
	end &= ~(uint64_t)(FRAME_BYTES - 1);
	if (start >= end)
		return;
	size = end - start;
	if (out->n_usable == MEMMAP_RANGES_MAX) {
		unsigned smallest = 0;

		for (unsigned i = 1; i < out->n_usable; i++)
			if (out->usable[i].size < out->usable[smallest].size)
				smallest = i;
		if (size <= out->usable[smallest].size) {
			out->lost_bytes += size;
			return;
		}
		out->lost_bytes += out->usable[smallest].size;
		memmap_remove(out, smallest);
	}
	out->usable[out->n_usable++] =
	    (struct memmap_range){ .base = start, .size = size };
	out->usable_bytes += size;
}

static void
apply_limit(struct memmap *out, uint64_t limit)
{
	uint64_t left = limit & ~(uint64_t)(FRAME_BYTES - 1);
	unsigned keep = 0;

	if (limit == 0)
		return;
	out->usable_bytes = 0;
	while (keep < out->n_usable && left > 0) {
		struct memmap_range *r = &out->usable[keep++];

		if (r->size > left)
			r->size = left;
		left -= r->size;
		out->usable_bytes += r->size;
	}
	out->n_usable = keep;
}

void
memmap_build(struct memmap *out, const struct memmap_range *banks,
    unsigned n_banks, const struct memmap_range *reserved, unsigned n_reserved,
    struct memmap_range kernel, uint64_t limit, uint64_t top)
{
	struct sweep s = { .banks = banks,
		.reserved = reserved,
		.n_banks = n_banks,
		.n_reserved = n_reserved };
	uint64_t at = 0;

	*out = (struct memmap){ .n_usable = 0 };
	s.own = own_range(&s, kernel);
	while (next_in_bank(&s, at, &at) && at < top) {
		uint64_t end = reserved_until(&s, at);

		if (end > 0) {
			at = end;
			continue;
		}
		end = next_reservation(&s, at, memory_until(&s, at));
		if (at < MEMMAP_SPLIT && end > MEMMAP_SPLIT)
			end = MEMMAP_SPLIT;
		if (end > top)
			end = top;
		add(out, at, end);
		at = end;
	}
	apply_limit(out, limit);
}
