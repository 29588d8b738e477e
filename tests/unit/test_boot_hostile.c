/* SPDX-License-Identifier: MIT */
/*
 * What boot decides of trees that no machine should have: the whole decision,
 * or the one line that it ends with. And of real trees damaged at random: never
 * a crash, never memory that is not there or somebody's, never a hart that
 * something speaks against.
 */
#include "tests/unit/boot_path_test.h"

#define ROOM   8192
#define KERNEL 0x80200000ull
#define KEND   0x802a0000ull
#define DTB    0x87e00000ull
#define TOP    0x88000000ull /* of virt's 128 MiB */

static struct stage
virt(const struct tree *t)
{
	return (struct stage){ .at = { .kernel = { KERNEL, KEND - KERNEL },
				   .dtb = { DTB, t->size },
				   .top = LINEAR_TOP },
		.fw = {
		    .hsm = true, .ipi = true, .hart_status = hart_status } };
}

static uint64_t
page_up(uint64_t v)
{
	return (v + PAGE - 1) & ~(PAGE - 1);
}

static const struct boot *
boots_virt(const struct tree *t)
{
	struct stage s = virt(t);

	return boots(t, &s);
}

static void
ends_with(const struct tree *t, const char *why)
{
	struct stage s = virt(t);
	const struct boot *b = boot(t, &s);

	assert_non_null(b->why);
	assert_string_equal(b->why, why);
}

/* The 128 MiB of virt-4 less kernel and tree: nothing else is taken. */
static void
expect_all_of_virt(const struct boot *b, const struct tree *t)
{
	assert_int_equal(b->m.map.n_usable, 2);
	expect_usable(b, 0, KEND, DTB);
	expect_usable(b, 1, page_up(DTB + t->size), TOP);
	assert_int_equal(b->h.n, 4);
	assert_int_equal(b->p.uart.base, 0x10000000);
	assert_int_equal(b->plics[0].context, 1);
	assert_int_equal(b->route, 0);
}

/* ---- Memory ---- */

static void
I4_bad_no_memory(void **state)
{
	struct tree none = tree_of("no-memory.dtb");
	struct tree off = tree_with_room("virt-4.dtb", ROOM);
	struct tree empty = tree_with_room("virt-4.dtb", ROOM);

	(void)state;
	ends_with(&none, "no usable /memory in the device tree");
	set_text(&off, "/memory@80000000", "status", "disabled");
	ends_with(&off, "no usable /memory in the device tree");
	set_range(&empty, "/memory@80000000", KERNEL, 0);
	ends_with(&empty, "no usable /memory in the device tree");
	free(none.blob);
	free(off.blob);
	free(empty.blob);
}

static void
I4_bad_too_little_memory(void **state)
{
	struct tree tiny = tree_of("tiny-memory.dtb");
	struct tree t = tree_with_room("virt-4.dtb", ROOM);

	(void)state;
	ends_with(&tiny,
	    "too little memory: 0 KiB usable of 1024 KiB, and at least 1024 "
	    "KiB are needed");
	set_text(&t, "/chosen", "bootargs", "mem=1023K");
	ends_with(&t,
	    "too little memory: 1020 KiB usable of 131072 KiB, and at least "
	    "1024 KiB are needed");
	set_text(&t, "/chosen", "bootargs", "mem=1M");
	assert_int_equal(boots_virt(&t)->m.map.usable_bytes, 1u << 20);
	free(tiny.blob);
	free(t.blob);
}

/* Four banks that overlap and touch are 128 MiB, and counted as that. */
static void
I4_bad_overlapping_banks(void **state)
{
	struct tree t = tree_of("overlap.dtb");
	const struct boot *b = boots_virt(&t);

	(void)state;
	assert_int_equal(b->p.n_banks, 4);
	assert_int_equal(b->m.ram_bytes, 128u << 20);
	expect_usable(b, 0, KEND, 0x85f00000);
	expect_usable(b, 1, 0x86100000, 0x87000000);
	expect_usable(b, 2, 0x87001000, DTB);
	expect_usable(b, 3, DTB + page_up(t.size), TOP);
	assert_int_equal(b->m.map.n_usable, 4);
	free(t.blob);
}

/* The same bank sixteen times is one. */
static void
I4_bad_one_bank_many_times(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);
	const struct boot *b;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "memory@%x", i);
		add_memory(&t, name, 0x80000000, 128u << 20);
	}
	b = boots_virt(&t);
	assert_int_equal(b->m.ram_bytes, 128u << 20);
	assert_int_equal(b->p.banks_dropped, 5);
	assert_true(was_said("5 memory banks beyond 16 are left unused"));
	expect_all_of_virt(b, &t);
	free(t.blob);
}

static void
I4_bad_wrapping_sizes(void **state)
{
	struct tree wrap = tree_of("wrap.dtb");
	struct tree all = tree_with_room("virt-4.dtb", ROOM);
	const struct boot *b = boots_virt(&wrap);

	(void)state;
	assert_int_equal(b->m.ram_bytes, 128u << 20);
	assert_true(was_said("reaches beyond 2^64"));
	/* All that there could be: no more than the kernel can map. */
	set_range(&all, "/memory@80000000", 0, UINT64_MAX);
	b = boots_virt(&all);
	assert_int_equal(b->m.ram_bytes, LINEAR_TOP);
	expect_usable(b, 0, KEND, DTB);
	expect_usable(b, 1, page_up(DTB + all.size), GIB(4));
	expect_usable(b, 2, GIB(4), LINEAR_TOP);
	set_range(&all, "/memory@80000000", 0x80000000, UINT64_MAX);
	b = boots_virt(&all);
	assert_int_equal(b->m.ram_bytes, LINEAR_TOP - 0x80000000);
	assert_true(was_said("reaches beyond 2^64 and is cut there"));
	free(wrap.blob);
	free(all.blob);
}

/* The kernel's bank is not among them: the others serve. */
static void
I4_bad_kernel_outside_all_banks(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);
	const struct boot *b;

	(void)state;
	set_range(&t, "/memory@80000000", GIB(4), GIB(1));
	b = boots_virt(&t);
	assert_int_equal(b->m.map.n_usable, 1);
	expect_usable(b, 0, GIB(4), GIB(5));
	assert_false(memmap_is_low(b->m.map.usable[0]));
	expect_said("memory: the kernel lies outside what the device tree "
		    "names\n");
	/* Below it the firmware may be: that is not ours. */
	set_range(&t, "/memory@80000000", 0x80000000, KERNEL - 0x80000000);
	ends_with(&t,
	    "too little memory: 0 KiB usable of 2048 KiB, and at least 1024 "
	    "KiB are needed");
	free(t.blob);
}

/* ---- Reservations ---- */

static void
I4_bad_reservation_over_the_kernel(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);
	const struct boot *b;

	(void)state;
	reserve(&t, "odd@80000000", 0x80000000, 0x4000000);
	b = boots_virt(&t);
	expect_said("memory: the device tree reserves what the kernel lies "
		    "in\n");
	assert_int_equal(b->m.map.n_usable, 2);
	expect_usable(b, 0, 0x84000000, DTB);
	free(t.blob);
}

static void
I4_bad_everything_is_reserved(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);

	(void)state;
	reserve(&t, "all@0", 0, UINT64_MAX);
	ends_with(&t,
	    "too little memory: 0 KiB usable of 131072 KiB, and at least 1024 "
	    "KiB are needed");
	free(t.blob);
}

static void
I4_bad_more_reservations_than_can_be_kept(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);

	(void)state;
	for (unsigned i = 0; i < PLATFORM_RESERVED_MAX; i++)
		assert_int_equal(fdt_add_mem_rsv(t.blob,
				     0x81000000 + 0x10000ull * i, 0x1000),
		    0);
	(void)boots_virt(&t);
	assert_int_equal(fdt_add_mem_rsv(t.blob, 0x87000000, 0x1000), 0);
	ends_with(&t,
	    "the device tree reserves more than 64 ranges: which memory is "
	    "safe cannot be known");
	free(t.blob);
}

/* One that cannot be read may lie anywhere. */
static void
I4_bad_reservation_that_cannot_be_read(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);

	(void)state;
	reserve(&t, "odd@81000000", 0x81000000, 0x1000);
	set(&t, "/reserved-memory/odd@81000000", "reg", "\0\0\0", 3);
	ends_with(&t,
	    "the device tree reserves more than 64 ranges: which memory is "
	    "safe cannot be known");
	free(t.blob);
}

/* ---- Initrd ---- */

static void
I4_bad_initrd_where_it_cannot_be(void **state)
{
	static const struct {
		uint64_t start, end;
		const char *said; /* NULL: it can */
	} places[] = {
		{ 0x84000000, 0x84002801, NULL },
		{ 0x20000000, 0x20001000, "is not inside memory" },
		{ TOP - 4096, TOP + 1, "is not inside memory" },
		{ 0x7ffff000, 0x84000000, "is not inside memory" },
		{ 0x84000000, UINT64_MAX, "is not inside memory" },
		{ 0xfffffffffffff000, UINT64_MAX, "is not inside memory" },
		{ KERNEL, KERNEL + 1, "overlaps the kernel" },
		{ KEND - 1, KEND + 4096, "overlaps the kernel" },
		{ 0x80100000, 0x84000000, "overlaps the kernel" },
		{ DTB + 8, DTB + 16, "overlaps the kernel or device tree" },
		{ 0x84000000, 0x84000000, "are not a range" },
		{ 0x84000000, 0x83000000, "are not a range" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		struct tree t = tree_with_room("virt-4.dtb", ROOM);
		const struct boot *b;

		set_initrd(&t, places[i].start, places[i].end, true);
		b = boots_virt(&t);
		assert_int_equal(b->m.initrd, places[i].said == NULL);
		assert_int_equal(said.count, places[i].said != NULL);
		if (places[i].said != NULL) {
			/* What is ignored keeps no memory from anybody. */
			assert_true(was_said(places[i].said));
			expect_all_of_virt(b, &t);
		} else {
			expect_usable(b, 0, KEND, 0x84000000);
			expect_usable(b, 1, 0x84003000, DTB);
		}
		free(t.blob);
	}
}

static void
I4_bad_half_an_initrd(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);

	(void)state;
	set_initrd(&t, 0x84000000, 0x84001000, false);
	drop(&t, "/chosen", "linux,initrd-end");
	assert_false(boots_virt(&t)->m.initrd);
	assert_true(was_said("start and end are not a range"));
	free(t.blob);
}

/* A GiB fits its window; more does not. */
static void
I4_bad_initrd_larger_than_its_window(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);

	(void)state;
	set_range(&t, "/memory@80000000", 0x80000000, GIB(8));
	set_initrd(&t, GIB(4), GIB(5), true);
	assert_true(boots_virt(&t)->m.initrd);
	set_initrd(&t, GIB(4), GIB(5) + 1, true);
	assert_false(boots_virt(&t)->m.initrd);
	assert_true(was_said("or too large"));
	free(t.blob);
}

/* ---- Harts ---- */

static void
I4_bad_sparse_and_absurd_hart_ids(void **state)
{
	struct tree t = tree_of("sparse-harts.dtb");
	struct stage s = virt(&t);
	const struct boot *b;

	(void)state;
	s.boot_hartid = 0x7fffffff;
	b = boots(&t, &s);
	assert_int_equal(b->h.n, 4);
	assert_int_equal(b->h.hart[1]->hartid, 1023);
	assert_int_equal(b->h.hart[2]->hartid, 0);
	assert_int_equal(b->h.hart[3]->hartid, 5);
	assert_int_equal(b->plics[0].context, 1);
	assert_true(was_said("hart id 5 is listed twice"));
	assert_true(was_said("smp: hartid 5 skipped: duplicate id"));
	free(t.blob);
}

/* They are only found dead by the deadline: here they are asked and taken. */
static void
I4_bad_dead_harts_unless_the_firmware_knows(void **state)
{
	struct tree t = tree_of("dead-harts.dtb");

	(void)state;
	assert_int_equal(boots_virt(&t)->h.n, 5);
	firmware_answer = -3;
	assert_int_equal(boots_virt(&t)->h.n, 1);
	assert_int_equal(n_asked, 4);
	assert_true(was_said("hartid 4 skipped: unknown to the firmware"));
	firmware_answer = 1;
	free(t.blob);
}

static void
I4_bad_more_harts_than_there_can_be(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", 128u << 10);
	const struct boot *b;
	char name[32];

	(void)state;
	/* Added in front of the old ones: 299 first. */
	for (unsigned i = 10; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "/cpus/cpu@%x", i);
		add_node(&t, "/cpus", name + 6);
		set_u32(&t, name, "reg", i);
		set_text(&t, name, "device_type", "cpu");
		set_text(&t, name, "mmu-type", "riscv,sv39");
	}
	b = boots_virt(&t);
	assert_int_equal(b->p.n_harts, PLATFORM_HARTS_MAX);
	assert_int_equal(b->p.harts_dropped, 294 - PLATFORM_HARTS_MAX);
	/* The boot hart is among those left out; its place is kept. */
	assert_null(b->h.hart[0]);
	assert_int_equal(b->h.n, PLATFORM_HARTS_MAX);
	assert_true(was_said("more than this kernel holds"));
	assert_true(was_said("no cpu node for the boot hart"));
	assert_int_equal(b->route, -1);
	free(t.blob);
}

static void
I4_bad_no_cpus(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);

	(void)state;
	assert_int_equal(fdt_del_node(t.blob, node_at(&t, "/cpus")), 0);
	ends_with(&t, "no cpu node in the device tree");
	free(t.blob);
}

/* ---- Clock, console ---- */

static void
I4_bad_timebase(void **state)
{
	static const struct {
		uint64_t hz, want;
	} bases[] = { { 0, 10000000 }, { 1, 10000000 }, { 999, 10000000 },
		{ 1000, 1000 }, { 32768, 32768 }, { 10000000000, 10000000000 },
		{ 10000000001, 10000000 }, { UINT64_MAX, 10000000 } };
	struct tree none = tree_of("no-timebase.dtb");

	(void)state;
	assert_int_equal(boots_virt(&none)->hz, 10000000);
	assert_true(was_said("timebase-frequency is missing"));
	assert_true(was_said("no timebase-frequency: 10000000 Hz assumed"));
	free(none.blob);
	for (size_t i = 0; i < ARRAY_COUNT(bases); i++) {
		struct tree t = tree_with_room("virt-4.dtb", ROOM);
		fdt64_t hz = cpu_to_fdt64(bases[i].hz);

		set(&t, "/cpus", "timebase-frequency", &hz, sizeof(hz));
		assert_int_equal(boots_virt(&t)->hz, bases[i].want);
		assert_int_equal(
		    said.count, bases[i].hz == bases[i].want ? 0 : 3);
		free(t.blob);
	}
}

static void
I4_bad_alias_circle_and_unknown_uart(void **state)
{
	struct tree loop = tree_of("alias-loop.dtb");
	struct tree unknown = tree_of("unknown-uart.dtb");
	const struct boot *b = boots_virt(&loop);

	(void)state;
	assert_int_equal(b->p.uart.base, 0x10000000);
	assert_true(was_said("an alias of an alias without end"));
	b = boots_virt(&unknown);
	assert_int_equal(b->p.uart.kind, UART_NONE);
	assert_int_equal(b->route, -1);
	expect_said("stdout-path names teletype@10001000, which is no UART we "
		    "drive: the firmware's console is used\n");
	free(loop.blob);
	free(unknown.blob);
}

/* Of two stdout-paths the first counts; libfdt will not write two. */
static void
I4_bad_two_stdout_paths(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);
	const char *names = (const char *)t.blob + fdt_off_dt_strings(t.blob);
	int at, len;
	struct fdt_property *p;

	(void)state;
	set_text(&t, "/chosen", "stdout-patH", "/nowhere");
	names = (const char *)t.blob + fdt_off_dt_strings(t.blob);
	at = fdt_first_property_offset(t.blob, node_at(&t, "/chosen"));
	for (; at >= 0; at = fdt_next_property_offset(t.blob, at)) {
		p = fdt_offset_ptr_w(t.blob, at, sizeof(*p));
		if (strcmp(fdt_string(t.blob, (int)fdt32_to_cpu(p->nameoff)),
			"stdout-patH") != 0)
			continue;
		(void)fdt_getprop(
		    t.blob, node_at(&t, "/chosen"), "stdout-path", &len);
		for (uint32_t i = 0; i < fdt_size_dt_strings(t.blob); i++)
			if (strcmp(names + i, "stdout-path") == 0)
				p->nameoff = cpu_to_fdt32(i);
	}
	expect_all_of_virt(boots_virt(&t), &t);
	free(t.blob);
}

/* ---- Size and shape ---- */

static void
I4_bad_a_thousand_nodes(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", 256u << 10);
	char name[48];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "/soc/thing@%x", i);
		add_node(&t, "/soc", name + 5);
		set_text(&t, name, "compatible", "example,thing");
		set_u32(&t, name, "reg", i);
	}
	expect_all_of_virt(boots_virt(&t), &t);
	expect_said("");
	free(t.blob);
}

static void
I4_bad_truncated(void **state)
{
	struct tree t = tree_of("virt-4.dtb");
	struct stage s = virt(&t);

	(void)state;
	for (size_t n = 0; n < t.size; n += 7) {
		struct tree cut = { .size = n, .blob = malloc(n + 1) };
		const struct boot *b;

		assert_non_null(cut.blob);
		memcpy(cut.blob, t.blob, n);
		memset(&said, 0, sizeof(said));
		b = boot(&cut, &s);
		assert_non_null(b->why);
		free(cut.blob);
	}
	free(t.blob);
}

static void
I4_bad_command_line_of_3_kb(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);
	char line[3072];
	size_t at = 0;
	const struct boot *b;

	(void)state;
	while (at < sizeof(line) - 40)
		at += (size_t)snprintf(
		    line + at, sizeof(line) - at, "word%zu=%zu mem=x ", at, at);
	(void)snprintf(line + at, sizeof(line) - at, "maxharts=3");
	set_text(&t, "/chosen", "bootargs", line);
	b = boots_virt(&t);
	assert_int_equal(b->h.n, 3);
	assert_int_equal(b->args.maxharts, 3);
	assert_int_equal(b->args.mem, 0);
	assert_true(was_said("mem=x: mem wants a size"));
	assert_true(was_said("more malformed boot arguments"));
	assert_true(was_said("unknown, ignored: word0=0 "));
	assert_true(said.count <= BOOTARGS_MALFORMED_MAX + 3);
	free(t.blob);
}

/* ---- Damage at random ---- */

#define SEEDS 4000u

/* Values at which something changes. */
static uint64_t
edge(struct rng *r)
{
	static const uint64_t edges[] = { 0, 1, 2, 4, 8, 9, 11, 64, 0x1000,
		0x10000000, 0x40000000, KERNEL, DTB, 0x7fffffff, 0x80000000,
		0xffffffff, 0xfffff000, UINT64_MAX };

	return edges[rng_below(r, ARRAY_COUNT(edges))] + rng_below(r, 3) - 1;
}

/* A cell of some property becomes an edge; the tree stays a tree. */
static void
damage_cell(struct tree *t, struct rng *r)
{
	int at = 0, next = 0, picked = -1;
	unsigned seen = 0;
	struct fdt_property *p;
	uint32_t len, v;

	for (;; at = next) {
		uint32_t tag = fdt_next_tag(t->blob, at, &next);

		if (tag == FDT_END)
			break;
		if (tag == FDT_PROP && rng_below(r, ++seen) == 0)
			picked = at;
	}
	if (picked < 0)
		return;
	p = fdt_offset_ptr_w(t->blob, picked, sizeof(*p));
	len = fdt32_to_cpu(p->len);
	if (len < 4) {
		p->nameoff = cpu_to_fdt32(
		    (uint32_t)rng_below(r, fdt_size_dt_strings(t->blob)));
		return;
	}
	v = cpu_to_fdt32((uint32_t)edge(r));
	memcpy(p->data + rng_below(r, len / 4) * 4, &v, sizeof(v));
}

static void
damage_bytes(struct tree *t, struct rng *r)
{
	uint8_t *bytes = t->blob;
	size_t n = 1 + rng_below(r, 32), from, to;

	switch (rng_below(r, 3)) {
	case 0:
		bytes[rng_below(r, t->size)] ^=
		    (uint8_t)(1u << rng_below(r, 8));
		break;
	case 1: /* splice, on a cell */
		from = rng_below(r, t->size - 4 * n) & ~(size_t)3;
		to = rng_below(r, t->size - 4 * n) & ~(size_t)3;
		memmove(bytes + to, bytes + from, 4 * n);
		break;
	default:
		t->size -= rng_below(r, n * 8);
		break;
	}
}

/* As firmware hands it over, so that there is much to break. */
static struct tree
victim(const char *name, bool real)
{
	struct tree from, t;

	if (!real || !tree_load(&from, QUARRY_DTB_DIR, name))
		from = tree_of(real ? "visionfive2.dtb" : name);
	t = tree_copy(&from, 2048);
	reserve(&t, "mmode_resv1@40000000", 0x40000000, 0x40000);
	reserve(&t, "mmode_resv0@40040000", 0x40040000, 0x20000);
	assert_int_equal(fdt_add_mem_rsv(t.blob, 0x46100000, 0x2800), 0);
	set_initrd(&t, 0x46100000, 0x46102800, true);
	set_text(&t, "/chosen", "bootargs", "maxharts=9 mem=4G loglevel=1");
	assert_int_equal(fdt_pack(t.blob), 0);
	t.size = fdt_totalsize(t.blob);
	free(from.blob);
	return t;
}

static void
I4_3_damaged_trees_never_hand_out_what_is_not_theirs(void **state)
{
	static const struct {
		const char *name;
		uint64_t kernel, dtb;
		bool real;
	} machines[] = {
		{ "jh7110-starfive-visionfive-2-v1.3b.dtb", 0x40200000,
		    0x46000000, true },
		{ "visionfive2-vendor.dtb", 0x40200000, 0xff717fe0, false },
		{ "icicle.dtb", KERNEL, 0xbfe00000, false },
		{ "virt-numa.dtb", KERNEL, 0x8fe00000, false },
	};
	unsigned booted = 0, ended = 0;

	(void)state;
	for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
		struct tree from = victim(machines[m].name, machines[m].real);
		struct stage s = virt(&from);

		s.at.kernel.base = machines[m].kernel;
		s.at.dtb.base = machines[m].dtb;
		s.boot_hartid = 1;
		for (uint64_t seed = 1; seed <= SEEDS / 4; seed++) {
			struct rng r = { seed * 0x9e3779b97f4a7c15u + m };
			struct tree t = { malloc(from.size), from.size };
			unsigned n = 1 + (unsigned)rng_below(&r, 4);

			assert_non_null(t.blob);
			memcpy(t.blob, from.blob, from.size);
			for (unsigned i = 0; i < n; i++)
				damage_cell(&t, &r);
			if (rng_below(&r, 4) == 0)
				damage_bytes(&t, &r);
			firmware_answer = (long)rng_below(&r, 8) - 1;
			if (boot(&t, &s)->why == NULL)
				booted++;
			else
				ended++;
			free(t.blob);
		}
		free(from.blob);
	}
	firmware_answer = 1;
	print_message("%u boot, %u end with a line\n", booted, ended);
	/* Damage that stops every boot would show little; and so for none. */
	assert_true(booted > SEEDS / 2 && ended > SEEDS / 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I4_bad_no_memory),
		cmocka_unit_test(I4_bad_too_little_memory),
		cmocka_unit_test(I4_bad_overlapping_banks),
		cmocka_unit_test(I4_bad_one_bank_many_times),
		cmocka_unit_test(I4_bad_wrapping_sizes),
		cmocka_unit_test(I4_bad_kernel_outside_all_banks),
		cmocka_unit_test(I4_bad_reservation_over_the_kernel),
		cmocka_unit_test(I4_bad_everything_is_reserved),
		cmocka_unit_test(I4_bad_more_reservations_than_can_be_kept),
		cmocka_unit_test(I4_bad_reservation_that_cannot_be_read),
		cmocka_unit_test(I4_bad_initrd_where_it_cannot_be),
		cmocka_unit_test(I4_bad_half_an_initrd),
		cmocka_unit_test(I4_bad_initrd_larger_than_its_window),
		cmocka_unit_test(I4_bad_sparse_and_absurd_hart_ids),
		cmocka_unit_test(I4_bad_dead_harts_unless_the_firmware_knows),
		cmocka_unit_test(I4_bad_more_harts_than_there_can_be),
		cmocka_unit_test(I4_bad_no_cpus),
		cmocka_unit_test(I4_bad_timebase),
		cmocka_unit_test(I4_bad_alias_circle_and_unknown_uart),
		cmocka_unit_test(I4_bad_two_stdout_paths),
		cmocka_unit_test(I4_bad_a_thousand_nodes),
		cmocka_unit_test(I4_bad_truncated),
		cmocka_unit_test(I4_bad_command_line_of_3_kb),
		cmocka_unit_test(
		    I4_3_damaged_trees_never_hand_out_what_is_not_theirs),
	};

	firmware_answer = 1;
	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
