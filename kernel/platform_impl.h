/* SPDX-License-Identifier: MIT */
/*
 * Private to kernel/platform*.c: the walk over the device tree.
 *
 * Every node is visited once, and every tag is read once: the properties that
 * anything here reads are gathered while they pass (struct props); what a node
 * needs from its ancestors (cells, ranges, interrupt parent, status) lies in a
 * stack of levels. So the cost is linear in the blob, and nothing recurses.
 */
#ifndef KERNEL_PLATFORM_IMPL_H
#define KERNEL_PLATFORM_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <kernel/platform.h>

#define WALK_DEPTH_MAX    12u /* deeper nodes are not looked at */
#define WALK_WARNINGS_MAX 32u
#define WALK_PATH_MAX     64u
#define WALK_RANGES_MAX   64u   /* entries of one `ranges` */
#define CELLS_BAD         0xffu /* a cell count that is not a number */

/* A property's bytes in the blob; data NULL: absent. */
struct prop {
	const uint8_t *data;
	size_t len;
};

enum prop_id {
	P_COMPATIBLE,
	P_STATUS,
	P_REG,
	P_RANGES,
	P_ADDRESS_CELLS,
	P_SIZE_CELLS,
	P_DEVICE_TYPE,
	P_PHANDLE,
	P_MODEL,
	P_MMU_TYPE,
	P_ISA,
	P_ISA_BASE,
	P_ISA_EXTENSIONS,
	P_TIMEBASE,
	P_DCACHE_SIZE,
	P_DCACHE_SETS,
	P_DCACHE_LINE,
	P_INTERRUPTS,
	P_INTERRUPTS_EXTENDED,
	P_INTERRUPT_PARENT,
	P_REG_SHIFT,
	P_REG_IO_WIDTH,
	P_NDEV,
	P_BOOTARGS,
	P_STDOUT,
	P_INITRD_START,
	P_INITRD_END,
	P_RNG_SEED,
	P_COUNT
};

struct props {
	struct prop p[P_COUNT];
};

enum level_kind { LEVEL_OTHER, LEVEL_CPUS, LEVEL_CPU, LEVEL_RESERVED };

/* What children need from a node. */
struct level {
	struct prop ranges;
	uint32_t interrupt_parent; /* phandle; 0: none */
	int node;                  /* offset in the blob */
	enum level_kind kind;
	uint8_t address_cells, size_cells; /* of children; or CELLS_BAD */
	bool enabled;                      /* with all ancestors */
	unsigned hart;                     /* LEVEL_CPU: position in harts */
};

/* What became of the node that stdout-path names. */
enum stdout_state {
	STDOUT_UNNAMED, /* no usable path */
	STDOUT_NAMED,   /* a node that the walk has not met yet */
	STDOUT_USED,
	STDOUT_BROKEN, /* a UART, disabled or malformed */
	STDOUT_UNKNOWN /* no UART we drive */
};

struct walk {
	struct platform *out;
	const void *fdt;
	void (*warn)(void *arg, const char *sentence);
	void *arg;
	unsigned warnings;
	struct level levels[WALK_DEPTH_MAX];
	enum stdout_state stdout_state;
	int stdout_node;
	bool too_deep;
	bool plics_dropped;
	bool is_jh7110;
	bool odd_cache;
	/* interrupts-extended of each PLIC: harts may follow it in the tree */
	struct prop plic_targets[PLATFORM_PLICS_MAX];
};

/* platform_node.c */
void walk_warn(struct walk *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void gather_prop(const struct walk *w, int at, struct props *props);
void node_props(const struct walk *w, int node, struct props *props);
const char *node_name(const struct walk *w, int node);
bool name_is(const char *name, const char *base);
/* "/soc/serial@10000000", cut to n bytes; what does not print is '?'. */
void node_path(const struct walk *w, unsigned depth, char *path, size_t n);
void copy_text(char *out, size_t n, const char *text, size_t len);

const struct prop *get_prop(const struct props *props, enum prop_id id);
uint32_t load_be32(const uint8_t *p);
/* 4 or 8 bytes; false when absent or of another length. */
bool prop_number(const struct prop *p, uint64_t *v);
bool prop_is(const struct prop *p, const char *text);
/* NUL-terminated text, NULL when absent or not terminated. */
const char *prop_text(const struct prop *p);
/* Does a string of the list, with its NUL, begin with these n bytes? */
bool prop_list_find(const struct prop *p, const char *text, size_t n);

/* Is `text` one of the strings of the list? Inline: its length is known. */
static inline __attribute__((always_inline)) bool
prop_list_has(const struct prop *p, const char *text)
{
	return prop_list_find(p, text, strlen(text) + 1);
}
bool prop_enabled(const struct prop *status);

/* 1 or 2 cells each: all that we read. */
bool cells_ok(unsigned address_cells, unsigned size_cells);
uint64_t load_cells(const uint8_t *p, unsigned cells);
/* First entry of `reg` of the node at `depth`, as a CPU address. */
bool node_address(struct walk *w, unsigned depth, const struct props *props,
    struct memmap_range *r);

/* platform_cpus.c */
void visit_cpus(struct walk *w, const struct props *props);
void visit_cpu(struct walk *w, unsigned depth, const struct props *props);
void visit_cpu_child(struct walk *w, unsigned depth, const struct props *props);

/* platform_memory.c */
void visit_memory(struct walk *w, unsigned depth, const struct props *props);
void visit_reservation(
    struct walk *w, unsigned depth, const struct props *props);
void read_memreserve(struct walk *w);
void report_memory(struct walk *w);

/* platform_uart.c */
void resolve_stdout(struct walk *w, const struct prop *path);
void visit_uart(struct walk *w, unsigned depth, const struct props *props);
void choose_uart(struct walk *w);

/* platform_plic.c */
void visit_plic(struct walk *w, unsigned depth, const struct props *props);
void connect_plics(struct walk *w);

#endif
