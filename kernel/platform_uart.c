/* SPDX-License-Identifier: MIT */
/*
 * The console's UART.
 *
 * stdout-path decides. If it cannot be followed (absent, empty, dangling, an
 * alias loop) or its UART is disabled or malformed, the first enabled UART of
 * the tree is taken. If it names a device that we have no driver for, none is
 * taken: the person sits at that device, and the firmware can still write to
 * it, while another UART would be silence.
 */
#include <string.h>

#include <libfdt.h>

#include "platform_impl.h"

#define ALIAS_HOPS_MAX 4u
#define REG_SHIFT_MAX  4u
#define REGISTERS_8250 8u    /* RBR … SCR */
#define SIFIVE_BYTES   0x1cu /* txdata … div */

static const struct {
	const char *compatible;
	enum platform_uart_kind kind;
} uart_kinds[] = {
	/* The exact before the general: dw-apb nodes may list ns16550a too. */
	{ "starfive,jh7110-uart", UART_DW_APB },
	{ "snps,dw-apb-uart", UART_DW_APB },
	{ "sifive,uart0", UART_SIFIVE },
	{ "ns16550a", UART_NS16550 },
	{ "ns16550", UART_NS16550 },
};

static enum platform_uart_kind
uart_kind(const struct prop *compatible)
{
	if (compatible->data == NULL)
		return UART_NONE;
	for (size_t i = 0; i < sizeof(uart_kinds) / sizeof(uart_kinds[0]); i++)
		if (prop_list_has(compatible, uart_kinds[i].compatible))
			return uart_kinds[i].kind;
	return UART_NONE;
}

/* An absolute path, component by component; negative: no such node. */
static int
find_path(const void *fdt, const char *path, size_t n)
{
	int node = 0;
	size_t at = 0;

	for (unsigned depth = 0; depth < WALK_DEPTH_MAX; depth++) {
		size_t from;

		while (at < n && path[at] == '/')
			at++;
		if (at == n)
			return node;
		for (from = at; at < n && path[at] != '/'; at++)
			;
		node = fdt_subnode_offset_namelen(
		    fdt, node, path + from, (int)(at - from));
		if (node < 0)
			return node;
	}
	return -FDT_ERR_NOTFOUND;
}

/* Cut at ':' (options such as ":115200n8") and at the NUL. */
static size_t
path_length(const char *path, size_t len)
{
	size_t n = 0;

	while (n < len && path[n] != '\0' && path[n] != ':')
		n++;
	return n;
}

/* Follow aliases, a few hops; the node, or negative with *why set. */
static int
follow(const void *fdt, const char *path, size_t n, const char **why)
{
	for (unsigned hop = 0; hop <= ALIAS_HOPS_MAX; hop++) {
		int len = 0, aliases;

		if (n == 0) {
			*why = "is empty";
			return -FDT_ERR_BADPATH;
		}
		if (path[0] == '/') {
			int node = find_path(fdt, path, n);

			*why = "names a node that does not exist";
			return node;
		}
		*why = "is an alias that does not exist";
		aliases = fdt_subnode_offset(fdt, 0, "aliases");
		if (aliases < 0)
			return aliases;
		path = fdt_getprop_namelen(fdt, aliases, path, (int)n, &len);
		if (path == NULL || len < 0)
			return -FDT_ERR_NOTFOUND;
		n = path_length(path, (size_t)len);
	}
	*why = "is an alias of an alias without end";
	return -FDT_ERR_BADPATH;
}

void
resolve_stdout(struct walk *w, const struct prop *path)
{
	const char *why = "is missing";
	int node = -FDT_ERR_NOTFOUND;

	if (path->data != NULL && prop_text(path) == NULL)
		why = "is not terminated text";
	else if (path->data != NULL)
		node = follow(w->fdt, (const char *)path->data,
		    path_length((const char *)path->data, path->len), &why);
	if (node < 0) {
		walk_warn(w,
		    "stdout-path %s: the console is the first enabled UART",
		    why);
		return;
	}
	w->stdout_node = node;
	w->stdout_state = STDOUT_NAMED;
}

/* PLIC source and controller; no interrupt is not an error: we poll. */
static void
read_irq(struct walk *w, unsigned depth, const struct props *props,
    struct platform_uart *u)
{
	const struct prop *extended = get_prop(props, P_INTERRUPTS_EXTENDED);
	const struct prop *plain = get_prop(props, P_INTERRUPTS);

	if (extended->data != NULL && extended->len >= 8) {
		u->irq_parent = load_be32(extended->data);
		u->irq = load_be32(extended->data + 4);
	} else if (plain->data != NULL && plain->len >= 4) {
		u->irq_parent = w->levels[depth].interrupt_parent;
		u->irq = load_be32(plain->data);
	}
}

/* Register layout; NULL or what is wrong with it. */
static const char *
read_layout(const struct props *props, struct platform_uart *u)
{
	const struct prop *shift = get_prop(props, P_REG_SHIFT);
	const struct prop *width = get_prop(props, P_REG_IO_WIDTH);
	uint64_t v;

	if (u->kind == UART_SIFIVE) {
		u->reg_width = 4;
		return u->size < SIFIVE_BYTES ? "its registers are too small"
					      : NULL;
	}
	u->reg_width = 1;
	if (shift->data != NULL) {
		if (!prop_number(shift, &v) || v > REG_SHIFT_MAX)
			return "its reg-shift is not 0 to 4";
		u->reg_shift = (unsigned)v;
	}
	if (width->data != NULL) {
		if (!prop_number(width, &v) || (v != 1 && v != 4))
			return "its reg-io-width is not 1 or 4";
		u->reg_width = (unsigned)v;
	}
	if (u->reg_width == 4 && u->reg_shift < 2)
		return "its reg-shift and reg-io-width exclude each other";
	if (u->reg_width == 4 && u->base % 4 != 0)
		return "its address is not a multiple of 4";
	if (u->size < (uint64_t)REGISTERS_8250 << u->reg_shift)
		return "its registers are too small";
	return NULL;
}

static bool
read_uart(struct walk *w, unsigned depth, const struct props *props,
    struct platform_uart *u)
{
	struct memmap_range r;
	const char *wrong;

	node_path(w, depth, u->path, sizeof(u->path));
	if (!node_address(w, depth, props, &r))
		return false;
	u->base = r.base;
	u->size = r.size;
	wrong = read_layout(props, u);
	if (wrong != NULL) {
		walk_warn(w, "%s is left out: %s", u->path, wrong);
		return false;
	}
	read_irq(w, depth, props, u);
	return true;
}

void
visit_uart(struct walk *w, unsigned depth, const struct props *props)
{
	bool named = w->stdout_state == STDOUT_NAMED &&
	    w->levels[depth].node == w->stdout_node;
	struct platform_uart u = { .kind = uart_kind(
				       get_prop(props, P_COMPATIBLE)) };

	if (u.kind == UART_NONE) {
		if (named)
			w->stdout_state = STDOUT_UNKNOWN;
		return;
	}
	if (!named && w->out->uart.kind != UART_NONE)
		return;
	if (!w->levels[depth].enabled || !read_uart(w, depth, props, &u)) {
		if (named)
			w->stdout_state = STDOUT_BROKEN;
		return;
	}
	if (named)
		w->stdout_state = STDOUT_USED;
	w->out->uart = u;
}

void
choose_uart(struct walk *w)
{
	struct platform_uart *u = &w->out->uart;
	char path[WALK_PATH_MAX];

	switch (w->stdout_state) {
	case STDOUT_UNKNOWN:
		copy_text(path, sizeof(path), node_name(w, w->stdout_node),
		    sizeof(path));
		walk_warn(w,
		    "stdout-path names %s, which is no UART we drive: the "
		    "firmware's console is used",
		    path);
		*u = (struct platform_uart){ .kind = UART_NONE };
		return;
	case STDOUT_NAMED: /* the root, a cpu, memory, or too deep to be met */
	case STDOUT_BROKEN:
		walk_warn(w,
		    "stdout-path names no UART, or one that is disabled or "
		    "malformed: the console is the first enabled UART");
		break;
	case STDOUT_UNNAMED:
	case STDOUT_USED:
		break;
	}
	if (u->kind == UART_NONE)
		walk_warn(
		    w, "no UART that we drive: the firmware's console is used");
}
