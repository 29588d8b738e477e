/* SPDX-License-Identifier: MIT */
/* /memory, /reserved-memory and the memory reservation block. */
#include <libfdt.h>

#include "platform_impl.h"

#define REG_ENTRIES_MAX 4096u /* of one reg */

/* Ends at 2^64 - 1 at most, so that base + size never wraps. */
static void
cut_at_top(struct walk *w, struct memmap_range *r, const char *what)
{
	if (r->size <= UINT64_MAX - r->base)
		return;
	r->size = UINT64_MAX - r->base;
	walk_warn(w, "%s at 0x%llx reaches beyond 2^64 and is cut there", what,
	    (unsigned long long)r->base);
}

static void
add_bank(struct walk *w, struct memmap_range r)
{
	struct platform *out = w->out;

	cut_at_top(w, &r, "memory");
	if (r.size == 0)
		return;
	if (out->n_banks == PLATFORM_BANKS_MAX) {
		out->banks_dropped++;
		return;
	}
	out->banks[out->n_banks++] = r;
}

/* Grow an entry that r touches: firmware lists neighbours piece by piece. */
static bool
join_reservation(struct platform *out, struct memmap_range r)
{
	for (unsigned i = 0; i < out->n_reserved; i++) {
		struct memmap_range *k = &out->reserved[i];
		uint64_t k_end = k->base + k->size;
		uint64_t r_end = r.base + r.size;

		if (r.base > k_end || k->base > r_end)
			continue;
		if (r.base < k->base)
			k->base = r.base;
		k->size = (r_end > k_end ? r_end : k_end) - k->base;
		return true;
	}
	return false;
}

static void
add_reservation(struct walk *w, struct memmap_range r)
{
	struct platform *out = w->out;

	cut_at_top(w, &r, "reserved memory");
	if (r.size == 0)
		return;
	if (join_reservation(out, r))
		return;
	if (out->n_reserved == PLATFORM_RESERVED_MAX) {
		out->reserved_dropped++;
		return;
	}
	out->reserved[out->n_reserved++] = r;
}

/* Every entry of reg goes to add; false: it cannot be read at all. */
static bool
each_reg(struct walk *w, unsigned depth, const struct prop *reg,
    void (*add)(struct walk *w, struct memmap_range r))
{
	const struct level *parent = &w->levels[depth - 1];
	unsigned ac = parent->address_cells, sc = parent->size_cells;
	char path[WALK_PATH_MAX];
	size_t entry, n;

	node_path(w, depth, path, sizeof(path));
	if (!cells_ok(ac, sc)) {
		walk_warn(w, "%s cannot be read: cell counts %u and %u", path,
		    ac, sc);
		return false;
	}
	entry = 4u * (size_t)(ac + sc);
	n = reg->len / entry;
	if (reg->len % entry != 0)
		walk_warn(w, "%s: reg ends inside an entry", path);
	if (n > REG_ENTRIES_MAX) {
		walk_warn(w, "%s cannot be read: %zu reg entries", path, n);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = reg->data + i * entry;

		add(w,
		    (struct memmap_range){ .base = load_cells(p, ac),
			.size = load_cells(p + 4u * ac, sc) });
	}
	return true;
}

void
visit_memory(struct walk *w, unsigned depth, const struct props *props)
{
	const struct prop *reg = get_prop(props, P_REG);

	if (w->levels[depth].enabled && reg->data != NULL)
		(void)each_reg(w, depth, reg, add_bank);
}

/*
 * A child without reg asks the system to find it a place: nothing to keep.
 * One that cannot be read counts as dropped: its memory must not be used, and
 * we do not know which that is.
 */
void
visit_reservation(struct walk *w, unsigned depth, const struct props *props)
{
	const struct prop *reg = get_prop(props, P_REG);

	if (!w->levels[depth].enabled || reg->data == NULL)
		return;
	if (!each_reg(w, depth, reg, add_reservation) ||
	    reg->len %
		    (4u *
			(size_t)(w->levels[depth - 1].address_cells +
			    w->levels[depth - 1].size_cells)) !=
		0)
		w->out->reserved_dropped++;
}

void
read_memreserve(struct walk *w)
{
	int n = fdt_num_mem_rsv(w->fdt);

	for (int i = 0; i < n; i++) {
		uint64_t base, size;

		if (fdt_get_mem_rsv(w->fdt, i, &base, &size) != 0)
			break;
		add_reservation(
		    w, (struct memmap_range){ .base = base, .size = size });
	}
}

void
report_memory(struct walk *w)
{
	const struct platform *out = w->out;

	if (out->banks_dropped > 0)
		walk_warn(w, "%u memory banks beyond %u are left unused",
		    out->banks_dropped, PLATFORM_BANKS_MAX);
	if (out->reserved_dropped > 0)
		walk_warn(w,
		    "%u reservations cannot be kept (unreadable, or beyond "
		    "%u): memory is not safe to use",
		    out->reserved_dropped, PLATFORM_RESERVED_MAX);
	if (out->harts_dropped > 0)
		walk_warn(w, "%u harts beyond %u are left out",
		    out->harts_dropped, PLATFORM_HARTS_MAX);
}
