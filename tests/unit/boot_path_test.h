/* SPDX-License-Identifier: MIT */
/* The boot path under cmocka: a stage, a log that is kept, trees to change. */
#ifndef BOOT_PATH_TEST_H
#define BOOT_PATH_TEST_H

#include "tests/unit/platform_test.h"

#define CHECK(promise) assert_true(promise)

#include "tests/unit/boot_path.h"

#define GIB(n) ((uint64_t)(n) << 30)

static struct warnings said;
static uint64_t asked[PLATFORM_HARTS_MAX]; /* of the firmware, in order */
static unsigned n_asked;
static long firmware_answer; /* HSM: 1 is stopped */

void
klog(enum klog_level level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	assert_in_range(level, KLOG_ERROR, KLOG_DEBUG);
	va_start(ap, fmt);
	assert_in_range(vsnprintf(text, sizeof(text), fmt, ap), 1, 511);
	va_end(ap);
	warnings_add(&said, text);
}

static inline long
hart_status(uint64_t hartid)
{
	assert_true(n_asked < ARRAY_COUNT(asked));
	asked[n_asked++] = hartid;
	return firmware_answer;
}

static inline bool
was_asked(uint64_t hartid)
{
	for (unsigned i = 0; i < n_asked; i++)
		if (asked[i] == hartid)
			return true;
	return false;
}

/* One boot at a time, for its size. All that must hold is checked. */
static inline const struct boot *
boot(const struct tree *t, const struct stage *s)
{
	static struct boot b;

	memset(&said, 0, sizeof(said));
	n_asked = 0;
	boot_run(&b, t->blob, t->size, s, warnings_add, &said);
	boot_check(&b, s, t->blob);
	return &b;
}

/* One that gets to the prompt. */
static inline const struct boot *
boots(const struct tree *t, const struct stage *s)
{
	const struct boot *b = boot(t, s);

	if (b->why != NULL)
		fail_msg("boot: %s", b->why);
	return b;
}

static inline bool
was_said(const char *part)
{
	return strstr(said.text, part) != NULL;
}

/* Said, and nothing else. */
static inline void
expect_said(const char *text)
{
	assert_string_equal(said.text, text);
}

static inline void
expect_usable(const struct boot *b, unsigned i, uint64_t base, uint64_t end)
{
	assert_true(i < b->m.map.n_usable);
	assert_int_equal(b->m.map.usable[i].base, base);
	assert_int_equal(
	    b->m.map.usable[i].base + b->m.map.usable[i].size, end);
}

/* ---- Changes to a tree ---- */

static inline int
node_at(const struct tree *t, const char *path)
{
	int node = fdt_path_offset(t->blob, path);

	if (node < 0)
		fail_msg("no node %s", path);
	return node;
}

static inline void
set(struct tree *t, const char *path, const char *name, const void *v, size_t n)
{
	assert_int_equal(
	    fdt_setprop(t->blob, node_at(t, path), name, v, (int)n), 0);
}

static inline void
set_text(struct tree *t, const char *path, const char *name, const char *text)
{
	set(t, path, name, text, strlen(text) + 1);
}

static inline void
set_u32(struct tree *t, const char *path, const char *name, uint32_t v)
{
	fdt32_t be = cpu_to_fdt32(v);

	set(t, path, name, &be, sizeof(be));
}

/* Base and size, two cells each. */
static inline void
set_range(struct tree *t, const char *path, uint64_t base, uint64_t size)
{
	fdt64_t reg[2] = { cpu_to_fdt64(base), cpu_to_fdt64(size) };

	set(t, path, "reg", reg, sizeof(reg));
}

static inline void
drop(struct tree *t, const char *path, const char *name)
{
	(void)fdt_delprop(t->blob, node_at(t, path), name);
}

static inline void
add_node(struct tree *t, const char *parent, const char *name)
{
	assert_true(fdt_add_subnode(t->blob, node_at(t, parent), name) >= 0);
}

static inline void
add_memory(struct tree *t, const char *name, uint64_t base, uint64_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/%s", name);
	add_node(t, "/", name);
	set_text(t, path, "device_type", "memory");
	set_range(t, path, base, size);
}

/* A child of reserved-memory, as OpenSBI adds it. */
static inline void
reserve(struct tree *t, const char *name, uint64_t base, uint64_t size)
{
	char path[80];

	if (fdt_path_offset(t->blob, "/reserved-memory") < 0) {
		add_node(t, "/", "reserved-memory");
		set_u32(t, "/reserved-memory", "#address-cells", 2);
		set_u32(t, "/reserved-memory", "#size-cells", 2);
		set(t, "/reserved-memory", "ranges", "", 0);
	}
	(void)snprintf(path, sizeof(path), "/reserved-memory/%s", name);
	add_node(t, "/reserved-memory", name);
	set_range(t, path, base, size);
	set(t, path, "no-map", "", 0);
}

static inline void
set_initrd(struct tree *t, uint64_t start, uint64_t end, bool wide)
{
	fdt64_t s = cpu_to_fdt64(start), e = cpu_to_fdt64(end);

	if (wide) {
		set(t, "/chosen", "linux,initrd-start", &s, sizeof(s));
		set(t, "/chosen", "linux,initrd-end", &e, sizeof(e));
	} else {
		set_u32(t, "/chosen", "linux,initrd-start", (uint32_t)start);
		set_u32(t, "/chosen", "linux,initrd-end", (uint32_t)end);
	}
}

/* A copy of `from` with room for changes. */
static inline struct tree
tree_copy(const struct tree *from, size_t room)
{
	struct tree t = { .size = from->size + room };

	t.blob = calloc(1, t.size);
	assert_non_null(t.blob);
	assert_int_equal(fdt_open_into(from->blob, t.blob, (int)t.size), 0);
	return t;
}

#endif
