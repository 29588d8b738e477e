/* SPDX-License-Identifier: MIT */
/* Nodes, properties, cells and addresses of the device tree, checked. */
#include <string.h>

#include <kernel/fmt.h>
#include <libfdt.h>

#include "platform_impl.h"

#define WARN_TEXT_MAX 192u

static const char *const prop_names[P_COUNT] = {
	[P_COMPATIBLE] = "compatible",
	[P_STATUS] = "status",
	[P_REG] = "reg",
	[P_RANGES] = "ranges",
	[P_ADDRESS_CELLS] = "#address-cells",
	[P_SIZE_CELLS] = "#size-cells",
	[P_DEVICE_TYPE] = "device_type",
	[P_PHANDLE] = "phandle",
	[P_MODEL] = "model",
	[P_MMU_TYPE] = "mmu-type",
	[P_ISA] = "riscv,isa",
	[P_ISA_BASE] = "riscv,isa-base",
	[P_ISA_EXTENSIONS] = "riscv,isa-extensions",
	[P_TIMEBASE] = "timebase-frequency",
	[P_DCACHE_SIZE] = "d-cache-size",
	[P_DCACHE_SETS] = "d-cache-sets",
	[P_DCACHE_LINE] = "d-cache-block-size",
	[P_INTERRUPTS] = "interrupts",
	[P_INTERRUPTS_EXTENDED] = "interrupts-extended",
	[P_INTERRUPT_PARENT] = "interrupt-parent",
	[P_REG_SHIFT] = "reg-shift",
	[P_REG_IO_WIDTH] = "reg-io-width",
	[P_NDEV] = "riscv,ndev",
	[P_BOOTARGS] = "bootargs",
	[P_STDOUT] = "stdout-path",
	[P_INITRD_START] = "linux,initrd-start",
	[P_INITRD_END] = "linux,initrd-end",
	[P_RNG_SEED] = "rng-seed",
};

void
walk_warn(struct walk *w, const char *fmt, ...)
{
	char text[WARN_TEXT_MAX];
	va_list ap;

	w->warnings++;
	if (w->warn == NULL || w->warnings > WALK_WARNINGS_MAX)
		return;
	if (w->warnings == WALK_WARNINGS_MAX) {
		w->warn(
		    w->arg, "device tree: more oddities, which are not listed");
		return;
	}
	va_start(ap, fmt);
	(void)fmt_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->warn(w->arg, text);
}

static void
keep_prop(struct props *props, const char *name, const void *data, size_t len)
{
	for (unsigned id = 0; id < P_COUNT; id++) {
		if (strcmp(name, prop_names[id]) != 0)
			continue;
		/* Of two with one name the first counts. */
		if (props->p[id].data == NULL)
			props->p[id] = (struct prop){ data, len };
		return;
	}
	/* Names of old that mean the same. */
	if (strcmp(name, "linux,phandle") == 0)
		keep_prop(props, prop_names[P_PHANDLE], data, len);
	else if (strcmp(name, "d-cache-line-size") == 0)
		keep_prop(props, prop_names[P_DCACHE_LINE], data, len);
	else if (strcmp(name, "linux,stdout-path") == 0)
		keep_prop(props, prop_names[P_STDOUT], data, len);
}

void
gather_prop(const struct walk *w, int at, struct props *props)
{
	const char *name = NULL;
	int len = 0;
	const void *data = fdt_getprop_by_offset(w->fdt, at, &name, &len);

	if (data != NULL && name != NULL && len >= 0)
		keep_prop(props, name, data, (size_t)len);
}

void
node_props(const struct walk *w, int node, struct props *props)
{
	int at = fdt_first_property_offset(w->fdt, node);

	memset(props, 0, sizeof(*props));
	for (; at >= 0; at = fdt_next_property_offset(w->fdt, at))
		gather_prop(w, at, props);
}

const char *
node_name(const struct walk *w, int node)
{
	const char *name = fdt_get_name(w->fdt, node, NULL);

	return name == NULL ? "" : name;
}

/* "memory" is the base of "memory" and "memory@80000000". */
bool
name_is(const char *name, const char *base)
{
	size_t n = strlen(base);

	return strncmp(name, base, n) == 0 &&
	    (name[n] == '\0' || name[n] == '@');
}

static char
printable(char c)
{
	return c >= 0x20 && c < 0x7f ? c : '?';
}

void
copy_text(char *out, size_t n, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && i + 1 < n && text[i] != '\0'; i++)
		out[i] = printable(text[i]);
	out[i] = '\0';
}

void
node_path(const struct walk *w, unsigned depth, char *path, size_t n)
{
	size_t at = 0;

	path[0] = '\0';
	for (unsigned d = 1; d <= depth && d < WALK_DEPTH_MAX; d++) {
		const char *name = node_name(w, w->levels[d].node);

		if (at + 2 >= n)
			return;
		path[at++] = '/';
		copy_text(path + at, n - at, name, strlen(name));
		at += strlen(path + at);
	}
	if (at == 0)
		copy_text(path, n, "/", 1);
}

const struct prop *
get_prop(const struct props *props, enum prop_id id)
{
	return &props->p[id];
}

uint32_t
load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

bool
prop_number(const struct prop *p, uint64_t *v)
{
	if (p->data == NULL || (p->len != 4 && p->len != 8))
		return false;
	*v = load_cells(p->data, p->len == 4 ? 1 : 2);
	return true;
}

bool
prop_is(const struct prop *p, const char *text)
{
	size_t n = strlen(text) + 1;

	return p->data != NULL && p->len >= n && memcmp(p->data, text, n) == 0;
}

const char *
prop_text(const struct prop *p)
{
	if (p->data == NULL || memchr(p->data, '\0', p->len) == NULL)
		return NULL;
	return (const char *)p->data;
}

bool
prop_list_find(const struct prop *p, const char *text, size_t n)
{
	size_t at = 0;

	if (p->data == NULL)
		return false;
	while (at < p->len) {
		const uint8_t *end = memchr(p->data + at, '\0', p->len - at);

		if (end == NULL)
			return false;
		if (p->data[at] == (uint8_t)*text &&
		    (size_t)(end - p->data) - at + 1 >= n &&
		    memcmp(p->data + at, text, n) == 0)
			return true;
		at = (size_t)(end - p->data) + 1;
	}
	return false;
}

bool
prop_enabled(const struct prop *status)
{
	return status->data == NULL || prop_is(status, "okay") ||
	    prop_is(status, "ok");
}

bool
cells_ok(unsigned address_cells, unsigned size_cells)
{
	return address_cells >= 1 && address_cells <= 2 && size_cells >= 1 &&
	    size_cells <= 2;
}

uint64_t
load_cells(const uint8_t *p, unsigned cells)
{
	uint64_t v = load_be32(p);

	return cells == 1 ? v : v << 32 | load_be32(p + 4);
}

/*
 * A bus address as its parent bus sees it. An empty `ranges` is the identity;
 * a bus without one cannot be reached.
 */
static bool
translate(
    const struct level *bus, const struct level *parent, struct memmap_range *r)
{
	unsigned ac = bus->address_cells, sc = bus->size_cells;
	unsigned pc = parent->address_cells;
	size_t entry = 4u * ((size_t)ac + pc + sc);

	if (bus->ranges.data == NULL)
		return false;
	if (bus->ranges.len == 0)
		return true;
	if (!cells_ok(ac, sc) || !cells_ok(pc, 1))
		return false;
	for (size_t i = 0; i < WALK_RANGES_MAX; i++) {
		const uint8_t *p = bus->ranges.data + i * entry;
		uint64_t from, to, size;

		if ((i + 1) * entry > bus->ranges.len)
			return false;
		from = load_cells(p, ac);
		to = load_cells(p + 4u * ac, pc);
		size = load_cells(p + 4u * (ac + pc), sc);
		if (r->base < from || r->base - from >= size ||
		    r->size > size - (r->base - from))
			continue;
		if (to > UINT64_MAX - (r->base - from))
			return false;
		r->base = to + (r->base - from);
		return true;
	}
	return false;
}

/* First (address, size) of `reg`; NULL or what is wrong with it. */
static const char *
first_reg(
    const struct level *parent, const struct prop *reg, struct memmap_range *r)
{
	unsigned ac = parent->address_cells, sc = parent->size_cells;

	if (!cells_ok(ac, sc))
		return "its bus has cell counts other than 1 and 2";
	if (reg->data == NULL || reg->len < 4u * (size_t)(ac + sc))
		return "it has no whole reg entry";
	r->base = load_cells(reg->data, ac);
	r->size = load_cells(reg->data + 4u * ac, sc);
	if (r->size == 0)
		return "its registers have size 0";
	return NULL;
}

bool
node_address(struct walk *w, unsigned depth, const struct props *props,
    struct memmap_range *r)
{
	char path[WALK_PATH_MAX];
	const char *wrong =
	    first_reg(&w->levels[depth - 1], get_prop(props, P_REG), r);

	for (unsigned d = depth - 1; wrong == NULL && d > 0; d--)
		if (!translate(&w->levels[d], &w->levels[d - 1], r))
			wrong = "its bus does not translate its address";
	if (wrong == NULL && r->size > UINT64_MAX - r->base)
		wrong = "its registers reach beyond 2^64";
	if (wrong == NULL)
		return true;
	node_path(w, depth, path, sizeof(path));
	walk_warn(w, "%s is left out: %s", path, wrong);
	return false;
}
