/* SPDX-License-Identifier: MIT */
/*
 * From a device tree blob to struct platform.
 *
 * Theory of operation
 * 1. Nothing of the blob is believed before fdt_check_full has passed, and
 *    that is not called before our own look at the header: libfdt reads a
 *    header field by field according to a version it has not checked, reads
 *    beyond a blob of 33 bytes, and takes blocks at odd offsets. After both,
 *    every offset that libfdt hands out lies inside the blob.
 * 2. /chosen is read first (where is the console?), then one walk visits each
 *    node once, then what needed all harts is connected (PLIC contexts). With
 *    512 harts a lookup per hart would be quadratic.
 * 3. Every fact is optional. What is missing or odd is a zero and a warning;
 *    only a blob that is no tree, a tree without memory, and one without harts
 *    are errors. Arrays have fixed sizes, what does not fit is counted.
 * 4. Values are checked here, once: no range wraps, a context lies inside its
 *    controller, texts are terminated and printable. Those who use them trust
 *    them.
 */
#include <string.h>

#include <libfdt.h>

#include "platform_impl.h"

#define FDT_HEADER_BYTES 40u
#define FDT_MAGIC_NUMBER 0xd00dfeedu
#define FDT_VERSION_OURS 17u

static enum platform_error
check_blob(const void *blob, size_t avail)
{
	const uint8_t *header = blob;
	uint32_t size;

	if (blob == NULL || (uintptr_t)blob % 8 != 0)
		return PLATFORM_EMAGIC;
	if (avail < FDT_HEADER_BYTES)
		return PLATFORM_ESIZE;
	if (load_be32(header) != FDT_MAGIC_NUMBER)
		return PLATFORM_EMAGIC;
	/* libfdt is built to assume both: FDT_ASSUME_MASK. */
	if (load_be32(header + 20) < FDT_VERSION_OURS ||
	    load_be32(header + 24) > FDT_VERSION_OURS)
		return PLATFORM_EVERSION;
	size = load_be32(header + 4);
	if (size < FDT_HEADER_BYTES || size > PLATFORM_DTB_MAX || size > avail)
		return PLATFORM_ESIZE;
	/* libfdt 1.7.2 reads both blocks in whole cells wherever they lie. */
	if (load_be32(header + 8) % 4 != 0 || load_be32(header + 16) % 8 != 0)
		return PLATFORM_EBROKEN;
	if (fdt_check_full(blob, size) != 0)
		return PLATFORM_EBROKEN;
	return PLATFORM_OK;
}

static void
read_initrd(struct walk *w, const struct props *chosen)
{
	uint64_t start, end;
	bool has_start = prop_number(get_prop(chosen, P_INITRD_START), &start);
	bool has_end = prop_number(get_prop(chosen, P_INITRD_END), &end);

	if (!has_start && !has_end)
		return;
	if (!has_start || !has_end || end <= start) {
		walk_warn(w, "initrd: start and end are not a range, ignored");
		return;
	}
	w->out->initrd.base = start;
	w->out->initrd.size = end - start;
}

/* Not inlined: its table and the walk's together are too much for a frame. */
static __attribute__((noinline)) void
read_chosen(struct walk *w)
{
	const struct prop *args, *seed;
	struct platform *out = w->out;
	struct props chosen;
	int node = fdt_subnode_offset(w->fdt, 0, "chosen");

	memset(&chosen, 0, sizeof(chosen));
	if (node >= 0)
		node_props(w, node, &chosen);
	args = get_prop(&chosen, P_BOOTARGS);
	if (prop_text(args) != NULL)
		out->bootargs = prop_text(args);
	else if (args->data != NULL && args->len > 0)
		walk_warn(w, "bootargs are not terminated text, ignored");
	read_initrd(w, &chosen);
	seed = get_prop(&chosen, P_RNG_SEED);
	if (seed->data != NULL) {
		out->rng_seed_len = seed->len < sizeof(out->rng_seed)
		    ? (unsigned)seed->len
		    : (unsigned)sizeof(out->rng_seed);
		memcpy(out->rng_seed, seed->data, out->rng_seed_len);
	}
	resolve_stdout(w, get_prop(&chosen, P_STDOUT));
}

/* A cell count of 0 to 4, as small numbers go; else CELLS_BAD. */
static uint8_t
read_cells(const struct prop *p, uint8_t absent)
{
	uint32_t v;

	if (p->data == NULL)
		return absent;
	if (p->len != 4)
		return CELLS_BAD;
	v = load_be32(p->data);
	return v <= 4 ? (uint8_t)v : CELLS_BAD;
}

/* Push the node on the stack of levels. */
static void
enter(struct walk *w, int node, unsigned depth, const struct props *props)
{
	const struct level *parent = depth > 0 ? &w->levels[depth - 1] : NULL;
	const struct prop *irq = get_prop(props, P_INTERRUPT_PARENT);
	const char *name = node_name(w, node);
	struct level *l = &w->levels[depth];
	/* The specification's defaults. */
	uint8_t ac = 2, sc = 1;

	memset(l, 0, sizeof(*l));
	l->node = node;
	l->enabled = prop_enabled(get_prop(props, P_STATUS)) &&
	    (parent == NULL || parent->enabled);
	if (irq->data != NULL && irq->len == 4)
		l->interrupt_parent = load_be32(irq->data);
	else if (parent != NULL)
		l->interrupt_parent = parent->interrupt_parent;
	l->ranges = *get_prop(props, P_RANGES);
	if (depth == 1 && strcmp(name, "cpus") == 0)
		l->kind = LEVEL_CPUS;
	if (depth == 1 && strcmp(name, "reserved-memory") == 0) {
		l->kind = LEVEL_RESERVED;
		ac = parent->address_cells;
		sc = parent->size_cells;
	}
	l->address_cells = read_cells(get_prop(props, P_ADDRESS_CELLS), ac);
	l->size_cells = read_cells(get_prop(props, P_SIZE_CELLS), sc);
}

static void
visit_root(struct walk *w, const struct props *props)
{
	const char *model = prop_text(get_prop(props, P_MODEL));

	w->is_jh7110 = prop_list_find(
	    get_prop(props, P_COMPATIBLE), "starfive,jh7110", 15);
	if (model != NULL)
		copy_text(w->out->model, sizeof(w->out->model), model,
		    sizeof(w->out->model));
}

static bool
is_memory(const struct walk *w, int node, const struct props *props)
{
	return prop_is(get_prop(props, P_DEVICE_TYPE), "memory") ||
	    name_is(node_name(w, node), "memory");
}

static void
visit(struct walk *w, int node, unsigned depth, const struct props *props)
{
	enter(w, node, depth, props);
	if (depth == 0) {
		visit_root(w, props);
		return;
	}
	if (depth == 1 && is_memory(w, node, props)) {
		visit_memory(w, depth, props);
		return;
	}
	switch (w->levels[depth - 1].kind) {
	case LEVEL_CPUS:
		visit_cpu(w, depth, props);
		return;
	case LEVEL_CPU:
		visit_cpu_child(w, depth, props);
		return;
	case LEVEL_RESERVED:
		visit_reservation(w, depth, props);
		return;
	case LEVEL_OTHER:
		break;
	}
	if (w->levels[depth].kind == LEVEL_CPUS)
		visit_cpus(w, props);
	visit_plic(w, depth, props);
	visit_uart(w, depth, props);
}

/* A node whose properties are being gathered; node < 0: none is. */
struct open_node {
	int node;
	unsigned depth;
	struct props props;
};

static void
close_node(struct walk *w, struct open_node *o)
{
	if (o->node >= 0 && o->depth < WALK_DEPTH_MAX) {
		visit(w, o->node, o->depth, &o->props);
	} else if (o->node >= 0 && !w->too_deep) {
		w->too_deep = true;
		walk_warn(w, "nodes more than %u deep are left out",
		    WALK_DEPTH_MAX - 1);
	}
	o->node = -1;
}

/*
 * Tag by tag, so that each is looked at once: a node is visited when its
 * properties end, which is before its first child. Not inlined, for the same
 * reason as read_chosen.
 */
static __attribute__((noinline)) void
walk_tree(struct walk *w)
{
	struct open_node o = { .node = -1 };
	unsigned depth = 0; /* nodes that are open */
	int at = 0, next = 0;

	for (;; at = next) {
		switch (fdt_next_tag(w->fdt, at, &next)) {
		case FDT_BEGIN_NODE:
			close_node(w, &o);
			memset(&o.props, 0, sizeof(o.props));
			o.node = at;
			o.depth = depth++;
			break;
		case FDT_PROP:
			if (o.node >= 0)
				gather_prop(w, at, &o.props);
			break;
		case FDT_END_NODE:
			close_node(w, &o);
			depth--;
			break;
		case FDT_NOP:
			break;
		default: /* FDT_END: fdt_check_full has seen it */
			return;
		}
	}
}

enum platform_error
platform_parse(struct platform *out, const void *blob, size_t avail,
    void (*warn)(void *arg, const char *sentence), void *arg)
{
	struct walk w = { .out = out, .fdt = blob, .warn = warn, .arg = arg };
	enum platform_error e = check_blob(blob, avail);

	memset(out, 0, sizeof(*out));
	out->bootargs = "";
	if (e != PLATFORM_OK)
		return e;
	read_memreserve(&w);
	read_chosen(&w);
	walk_tree(&w);
	choose_uart(&w);
	connect_plics(&w);
	report_memory(&w);
	if (out->timebase_hz == 0)
		walk_warn(
		    &w, "timebase-frequency is missing: time has no unit");
	if (out->n_banks == 0)
		return PLATFORM_EMEMORY;
	if (out->n_harts == 0)
		return PLATFORM_ECPUS;
	return PLATFORM_OK;
}

const char *
platform_error_text(enum platform_error e)
{
	switch (e) {
	case PLATFORM_OK:
		return "no error";
	case PLATFORM_EMAGIC:
		return "no device tree there, or not on 8 bytes";
	case PLATFORM_EVERSION:
		return "a device tree that is not of version 17";
	case PLATFORM_ESIZE:
		return "a device tree shorter than its header, longer than "
		       "what can be read, or over 2 MiB";
	case PLATFORM_EBROKEN:
		return "a damaged device tree";
	case PLATFORM_EMEMORY:
		return "no usable /memory in the device tree";
	case PLATFORM_ECPUS:
		return "no cpu node in the device tree";
	}
	return "unknown error";
}
