/* SPDX-License-Identifier: MIT */
/*
 * What boot decides on machines that exist: the whole decision, on the
 * VisionFive 2's trees as they are, as its firmware patches them, and with an
 * S7 that claims to be a U74; and on QEMU's machines.
 */
#include "tests/unit/boot_path_test.h"

#include <mm/kmem.h>

#include "mm/kmem_impl.h"

#define ROOM   4096
#define KERNEL 0x40200000ull /* kernel_addr_r of both boot loaders */
#define KBYTES 0xc8a40ull
#define KEND   0x402c9000ull /* rounded up */
#define DTB    0x46000000ull /* fdt_addr_r */
#define INITRD 0x46100000ull /* ramdisk_addr_r */

static const char *const REAL[] = { "jh7110-starfive-visionfive-2-v1.2a.dtb",
	"jh7110-starfive-visionfive-2-v1.3b.dtb" };
static const char *const OWN[] = { "visionfive2.dtb",
	"visionfive2-vendor.dtb" };

static struct stage
board(const struct tree *t, uint64_t boot_hartid)
{
	return (struct stage){ .at = { .kernel = { KERNEL, KBYTES },
				   .dtb = { DTB, t->size },
				   .top = LINEAR_TOP },
		.boot_hartid = boot_hartid,
		.fw = {
		    .hsm = true, .ipi = true, .hart_status = hart_status } };
}

static uint64_t
page_up(uint64_t v)
{
	return (v + PAGE - 1) & ~(PAGE - 1);
}

/* Each tree of the board: ours, and the real ones where they are. */
static void
each_board_tree(void (*fn)(const struct tree *t))
{
	for (size_t i = 0; i < ARRAY_COUNT(OWN); i++) {
		struct tree t = tree_of(OWN[i]);

		fn(&t);
		free(t.blob);
	}
	for (size_t i = 0; i < ARRAY_COUNT(REAL); i++) {
		struct tree t;

		if (!tree_load(&t, QUARRY_DTB_DIR, REAL[i])) {
			print_message(
			    "skip: no %s in QUARRY_DTB_DIR\n", REAL[i]);
			continue;
		}
		fn(&t);
		free(t.blob);
	}
}

/* All of the board but its memory, from the boot hart's point of view. */
static void
expect_board(const struct boot *b, uint64_t boot_hartid)
{
	const struct platform_uart *u = &b->p.uart;
	unsigned k = 1;

	assert_int_equal(b->hz, 4000000);
	assert_int_equal(b->h.n, 4);
	assert_int_equal(b->h.hart[0]->hartid, boot_hartid);
	for (uint64_t id = 1; id <= 4; id++)
		if (id != boot_hartid)
			assert_int_equal(b->h.hart[k++]->hartid, id);
	/* Not even asked about: firmware would say that it can be started. */
	assert_false(was_asked(0));
	assert_int_equal(n_asked, 3);
	assert_int_equal(u->kind, UART_DW_APB);
	assert_int_equal(u->base, 0x10000000);
	assert_int_equal(u->reg_shift, 2);
	assert_int_equal(u->reg_width, 4);
	assert_int_equal(u->irq, 32);
	assert_int_equal(b->n_plics, 1);
	assert_int_equal(b->plics[0].context, 2 * boot_hartid);
	assert_int_equal(b->plics[0].about->base, 0xc000000);
	assert_int_equal(b->plics[0].about->sources, 136);
	assert_int_equal(b->route, 0);
	assert_int_equal(b->p.finisher, 0);
	assert_int_equal(geometry_machine.line_bytes, 64);
	assert_int_equal(geometry_machine.way_bytes, 4096);
}

/* The file's own 4 GiB, no initrd, nothing reserved above the kernel. */
static void
as_it_is(const struct tree *t)
{
	for (uint64_t hart = 1; hart <= 4; hart++) {
		struct stage s = board(t, hart);
		const struct boot *b = boots(t, &s);

		expect_board(b, hart);
		expect_said("smp: hartid 0 skipped: disabled\n");
		assert_int_equal(b->m.ram_bytes, GIB(4));
		assert_int_equal(b->m.map.n_usable, 3);
		expect_usable(b, 0, KEND, DTB);
		expect_usable(b, 1, page_up(DTB + t->size), GIB(4));
		expect_usable(b, 2, GIB(4), GIB(5));
		assert_false(b->m.initrd);
	}
}

static void
I4_3_visionfive2_trees_as_they_are(void **state)
{
	(void)state;
	each_board_tree(as_it_is);
}

/* How one firmware leaves the tree. */
struct patch {
	unsigned gib, nodes; /* fitted memory; OpenSBI's reservations */
	const char *stdout_path;
	bool wide;    /* initrd addresses of 8 bytes */
	bool rsv;     /* U-Boot's memreserve for the initrd */
	bool split;   /* two memory nodes, parted at 4 GiB */
	bool dtb_top; /* tree at the top of the low 4 GiB, on 8 bytes */
};

static struct tree
patched(const struct tree *from, const struct patch *p)
{
	struct tree t = tree_copy(from, ROOM);
	uint64_t size = GIB(p->gib);

	if (p->split && p->gib > 3) {
		set_range(&t, "/memory@40000000", GIB(1), GIB(3));
		add_memory(&t, "memory@100000000", GIB(4), size - GIB(3));
	} else {
		set_range(&t, "/memory@40000000", GIB(1), size);
	}
	if (p->nodes >= 1)
		reserve(&t, "mmode_resv1@40000000", 0x40000000, 0x40000);
	if (p->nodes >= 2)
		reserve(&t, "mmode_resv0@40040000", 0x40040000, 0x20000);
	if (p->rsv)
		assert_int_equal(fdt_add_mem_rsv(t.blob, INITRD, 0x2800), 0);
	set_initrd(&t, INITRD, INITRD + 0x2800, p->wide);
	set_u32(&t, "/chosen", "boot-hartid", 3);
	set_text(&t, "/chosen", "u-boot,version", "2025.01");
	set_text(&t, "/chosen", "bootargs", "loglevel=debug mem=1024G");
	set_text(&t, "/chosen", "stdout-path", p->stdout_path);
	return t;
}

static void
expect_patched(
    const struct boot *b, const struct patch *p, const struct stage *s)
{
	uint64_t end = GIB(1) + GIB(p->gib);
	uint64_t low = end < GIB(4) ? end : GIB(4);
	uint64_t dtb_end = page_up(s->at.dtb.base + s->at.dtb.size);
	unsigned n = 0;

	assert_int_equal(b->m.ram_bytes, GIB(p->gib));
	assert_true(b->m.initrd);
	if (s->at.dtb.base == DTB) {
		expect_usable(b, n++, KEND, DTB);
		expect_usable(b, n++, dtb_end, INITRD);
		expect_usable(b, n++, INITRD + 0x3000, low);
	} else {
		expect_usable(b, n++, KEND, INITRD);
		expect_usable(
		    b, n++, INITRD + 0x3000, s->at.dtb.base & ~(PAGE - 1));
		expect_usable(b, n++, dtb_end, low);
	}
	if (end > GIB(4))
		expect_usable(b, n++, GIB(4), end);
	assert_int_equal(b->m.map.n_usable, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(memmap_is_low(b->m.map.usable[i]),
		    b->m.map.usable[i].base < GIB(4));
}

static void
as_firmware_patches_it(const struct tree *from)
{
	static const char *const paths[] = { "serial0:115200n8", "serial0",
		"/soc/serial@10000000", "/soc/serial@10000000:115200" };
	unsigned tried = 0;

	for (unsigned i = 0; i < 3 * 3 * 4 * 16; i++) {
		const struct patch p = { .gib = 2u << i % 3,
			.nodes = i / 3 % 3,
			.stdout_path = paths[i / 9 % 4],
			.wide = (i / 36 & 1) != 0,
			.rsv = (i / 36 & 2) != 0,
			.split = (i / 36 & 4) != 0,
			.dtb_top = (i / 36 & 8) != 0 };
		struct tree t = patched(from, &p);
		uint64_t hart = 1 + i % 4;
		struct stage s = board(&t, hart);
		const struct boot *b;

		if (p.dtb_top)
			s.at.dtb.base = p.gib == 2 ? 0xbff17fe0 : 0xff717fe0;
		b = boots(&t, &s);
		expect_board(b, hart);
		expect_patched(b, &p, &s);
		expect_said("smp: hartid 0 skipped: disabled\n");
		assert_int_equal(b->args.loglevel, KLOG_DEBUG);
		free(t.blob);
		tried++;
	}
	assert_int_equal(tried, 576);
}

static void
I4_3_visionfive2_trees_as_firmware_patches_them(void **state)
{
	(void)state;
	each_board_tree(as_firmware_patches_it);
}

/* ---- The S7 ---- */

#define S7 "/cpus/cpu@0"

static void
s7_is_like_a_u74(struct tree *t)
{
	set_text(t, S7, "compatible", "sifive,u74-mc");
	set_text(t, S7, "mmu-type", "riscv,sv39");
	set_text(t, S7, "riscv,isa", "rv64imafdc");
	set_text(t, S7, "status", "okay");
	drop(t, S7, "riscv,isa-extensions");
}

/* What a tree may say of it, and why it is not started for all that. */
static void
s7_as_told(const struct tree *from)
{
	static const struct {
		const char *status, *mmu, *isa, *compatible, *why;
	} told[] = {
		{ "okay", NULL, "rv64imac", "sifive,s7", "no mmu" },
		{ NULL, NULL, "rv64imafdc", "riscv", "no mmu" },
		{ "okay", "riscv,none", "rv64imafdc", "riscv", "no mmu" },
		{ "fail", "riscv,sv39", "rv64gc", "riscv", "disabled" },
		{ "okay", "riscv,sv39", "rv64imacu", "sifive,u74-mc",
		    "monitor core" },
		{ NULL, "riscv,sv39", "rv64imafdc", "sifive,u74-mc",
		    "monitor core" },
		{ "ok", "riscv,sv48", "rv64gc", "sifive,s7", "monitor core" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(told); i++) {
		struct tree t = tree_copy(from, ROOM);
		struct stage s = board(&t, 1 + i % 4);
		char line[80];

		s7_is_like_a_u74(&t);
		if (told[i].status == NULL)
			drop(&t, S7, "status");
		else
			set_text(&t, S7, "status", told[i].status);
		if (told[i].mmu == NULL)
			drop(&t, S7, "mmu-type");
		else
			set_text(&t, S7, "mmu-type", told[i].mmu);
		set_text(&t, S7, "riscv,isa", told[i].isa);
		set_text(&t, S7, "compatible", told[i].compatible);
		expect_board(boots(&t, &s), 1 + i % 4);
		(void)snprintf(line, sizeof(line),
		    "smp: hartid 0 skipped: %s\n", told[i].why);
		expect_said(line);
		free(t.blob);
	}
}

static void
I4_3_the_s7_is_never_started_whatever_the_tree_says(void **state)
{
	(void)state;
	each_board_tree(s7_as_told);
}

/* On another machine, where hart 0 is a hart like others, the isa decides. */
static void
I4_3_a_hart_without_fpu_is_not_started(void **state)
{
	static const struct {
		const char *isa;
		bool runs;
	} told[] = {
		{ "rv64imafdc", true },
		{ "rv64gc", true },
		{ "rv64gcv_zba", true },
		{ "rv64imafdcbsux", true },
		{ "rv64imac", false },
		{ "rv64imafc", false },
		{ "rv64imac_zba_zbb_zicsr_zifencei", false },
		{ "rv64imacu", false },
		{ "rv64imac_sdext_zdinx", false },
		{ "rv64imacsd", false }, /* a name that begins with s */
		{ "rv64i", false },
		{ "rv64", false },
		{ "riscv", true }, /* says nothing of an isa */
		{ "", true },
	};
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(told); i++) {
		struct tree t = tree_with_room("virt-4.dtb", ROOM);

		s = board(&t, 0);
		s.at.kernel.base = 0x80200000;
		s.at.dtb.base = 0x87e00000;
		set_text(&t, "/cpus/cpu@2", "riscv,isa", told[i].isa);
		assert_int_equal(boots(&t, &s)->h.n, told[i].runs ? 4 : 3);
		expect_said(
		    told[i].runs ? "" : "smp: hartid 2 skipped: no fpu\n");
		assert_int_equal(was_asked(2), told[i].runs);
		free(t.blob);
	}
}

static void
I4_3_a_list_of_extensions_without_d_is_no_fpu(void **state)
{
	static const char without[] = "i\0m\0a\0f\0c\0zdinx";
	static const char with[] = "i\0m\0a\0f\0c\0zicsr\0d";
	struct tree t = tree_with_room("virt-4.dtb", ROOM);
	struct stage s = board(&t, 0);

	(void)state;
	s.at.kernel.base = 0x80200000;
	s.at.dtb.base = 0x87e00000;
	set(&t, "/cpus/cpu@1", "riscv,isa-extensions", without,
	    sizeof(without));
	set(&t, "/cpus/cpu@3", "riscv,isa-extensions", with, sizeof(with));
	assert_int_equal(boots(&t, &s)->h.n, 3);
	expect_said("smp: hartid 1 skipped: no fpu\n");
	free(t.blob);
}

/* The series without an MMU, by their names, on any machine. */
static void
I4_3_monitor_cores_are_known_by_name(void **state)
{
	static const char *const names[] = { "sifive,s7", "sifive,s76",
		"sifive,s51", "sifive,e51", "sifive,e31" };
	static const char *const others[] = { "sifive,u74", "sifive,u54",
		"sifive,bullet0", "sifive", "sifive,", "thead,c906" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names) + ARRAY_COUNT(others); i++) {
		bool is = i < ARRAY_COUNT(names);
		const char *name =
		    is ? names[i] : others[i - ARRAY_COUNT(names)];
		struct tree t = tree_with_room("virt-4.dtb", ROOM);
		struct stage s = board(&t, 0);

		s.at.kernel.base = 0x80200000;
		s.at.dtb.base = 0x87e00000;
		set_text(&t, "/cpus/cpu@3", "compatible", name);
		assert_int_equal(boots(&t, &s)->h.n, is ? 3 : 4);
		expect_said(is ? "smp: hartid 3 skipped: monitor core\n" : "");
		free(t.blob);
	}
}

/* It runs, so it can; and the tree has been caught at it. */
static void
I4_3_boot_hart_runs_although_the_tree_denies_it(void **state)
{
	struct tree t = tree_with_room("virt-4.dtb", ROOM);
	struct stage s = board(&t, 2);
	const struct boot *b;

	(void)state;
	s.at.kernel.base = 0x80200000;
	s.at.dtb.base = 0x87e00000;
	drop(&t, "/cpus/cpu@2", "mmu-type");
	b = boots(&t, &s);
	assert_int_equal(b->h.n, 4);
	assert_int_equal(b->h.hart[0]->hartid, 2);
	assert_int_equal(b->plics[0].context, 5);
	expect_said("smp: boot hartid 2: \"no mmu\", says the device tree, and "
		    "it runs\n");
	s.boot_hartid = 9;
	b = boots(&t, &s);
	assert_null(b->h.hart[0]);
	assert_int_equal(b->h.n, 4);
	assert_int_equal(b->n_plics, 0);
	assert_int_equal(b->route, -1);
	assert_true(was_said("no cpu node for the boot hart, hartid 9"));
	free(t.blob);
}

/* ---- QEMU's machines ---- */

static void
I4_3_virt_contexts_of_every_boot_hart(void **state)
{
	struct tree t = tree_of("virt-4.dtb");

	(void)state;
	for (uint64_t hart = 0; hart < 4; hart++) {
		struct stage s = board(&t, hart);
		const struct boot *b;

		s.at.kernel.base = 0x80200000;
		s.at.dtb.base = 0x87e00000;
		b = boots(&t, &s);
		expect_said("");
		assert_int_equal(b->h.n, 4);
		assert_int_equal(b->hz, 10000000);
		assert_int_equal(b->plics[0].context, 2 * hart + 1);
		assert_int_equal(b->route, 0);
		assert_int_equal(b->p.uart.kind, UART_NS16550);
		assert_int_equal(b->m.map.n_usable, 2);
		expect_usable(b, 0, 0x802c9000, 0x87e00000);
		expect_usable(b, 1, page_up(0x87e00000 + t.size), 0x88000000);
	}
	free(t.blob);
}

/* Each socket's controller serves its own harts; the UART is on the first. */
static void
I4_3_two_sockets_and_where_the_console_interrupts(void **state)
{
	struct tree t = tree_of("virt-numa.dtb");

	(void)state;
	for (uint64_t hart = 0; hart < 4; hart++) {
		struct stage s = board(&t, hart);
		const struct boot *b;

		s.at.kernel.base = 0x80200000;
		s.at.dtb.base = 0x8fe00000;
		b = boots(&t, &s);
		assert_int_equal(b->n_plics, 1);
		assert_ptr_equal(b->plics[0].about, &b->p.plics[hart / 2]);
		assert_int_equal(b->plics[0].context, 2 * (hart % 2) + 1);
		assert_int_equal(b->route, hart < 2 ? 0 : -1);
		assert_int_equal(b->m.ram_bytes, 256u << 20);
	}
	free(t.blob);
}

/* virt has sources 1 … 96; the UART is made to claim others. */
static void
I4_3_source_that_the_controller_lacks_is_polled(void **state)
{
	static const struct {
		uint32_t source;
		int route;
	} cases[] = { { 1, 0 }, { 96, 0 }, { 97, -1 }, { 0, -1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct tree t = tree_with_room("virt-4.dtb", ROOM);
		struct stage s = board(&t, 0);

		s.at.kernel.base = 0x80200000;
		s.at.dtb.base = 0x87e00000;
		set_u32(
		    &t, "/soc/serial@10000000", "interrupts", cases[i].source);
		assert_int_equal(boots(&t, &s)->route, cases[i].route);
		free(t.blob);
	}
}

static void
I4_3_icicle_low_and_high_bank(void **state)
{
	struct tree t = tree_of("icicle.dtb");
	struct stage s = board(&t, 3);
	const struct boot *b;

	(void)state;
	s.at.kernel.base = 0x80200000;
	s.at.dtb.base = 0xbfe00000;
	b = boots(&t, &s);
	expect_said("smp: hartid 0 skipped: disabled\n");
	assert_int_equal(b->plics[0].context, 6);
	assert_int_equal(b->hz, 1000000);
	assert_int_equal(b->m.map.n_usable, 3);
	expect_usable(b, 0, 0x802c9000, 0xbfe00000);
	expect_usable(b, 1, page_up(0xbfe00000 + t.size), 0xc0000000);
	expect_usable(b, 2, 0x1000000000, 0x1040000000);
	assert_false(memmap_is_low(b->m.map.usable[2]));
	free(t.blob);
}

/* ---- Caches ---- */

/* What the tree says of the first eligible hart's data cache goes to mm. */
static void
I4_3_data_cache_of_the_tree_reaches_the_allocator(void **state)
{
	static const struct {
		uint32_t size, sets, line;
		size_t want_line, want_way;
		const char *said;
	} caches[] = {
		{ 32768, 64, 64, 64, 4096, "" },
		{ 16384, 128, 32, 32, 4096, "" },
		{ 65536, 256, 64, 64, 16384, "" },
		{ 32768, 64, 128, 128, 8192,
		    "d-cache: lines of 128 bytes: objects are aligned to "
		    "them, the allocator's own structures to 64\n" },
		{ 32768, 64, 8, 64, 4096,
		    "d-cache: lines of 8 bytes, ways of 512: not used, 64 and "
		    "4096 assumed\n" },
		{ 32768, 64, 48, 64, 4096,
		    "d-cache: lines of 48 bytes, ways of 3072: not used, 64 "
		    "and 4096 assumed\n" },
		{ 0x80000000, 32768, 64, 64, 4096,
		    "d-cache: lines of 64 bytes, ways of 2097152: not used, 64 "
		    "and 4096 assumed\n" },
		{ 4096, 64, 128, 64, 4096,
		    "d-cache of 4096 bytes cannot be 64 sets of 128: "
		    "ignored\n" },
		{ 32768, 0, 64, 64, 4096,
		    "d-cache of 32768 bytes cannot be 0 sets of 64: "
		    "ignored\n" },
	};
	struct tree t;
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(caches); i++) {
		static const char *const cpus[] = { "/cpus/cpu@0",
			"/cpus/cpu@1", "/cpus/cpu@2", "/cpus/cpu@3" };

		geometry_reset();
		t = tree_with_room("virt-4.dtb", ROOM);
		s = board(&t, 0);
		s.at.kernel.base = 0x80200000;
		s.at.dtb.base = 0x87e00000;
		for (size_t h = 0; h < ARRAY_COUNT(cpus); h++) {
			set_u32(&t, cpus[h], "d-cache-size", caches[i].size);
			set_u32(&t, cpus[h], "d-cache-sets", caches[i].sets);
			set_u32(
			    &t, cpus[h], "d-cache-block-size", caches[i].line);
		}
		(void)boots(&t, &s);
		expect_said(caches[i].said);
		assert_int_equal(
		    geometry_machine.line_bytes, caches[i].want_line);
		assert_int_equal(
		    geometry_machine.way_bytes, caches[i].want_way);
		free(t.blob);
	}
	geometry_reset();
}

/* ---- What the firmware answers ---- */

static void
I4_3_what_the_firmware_answers(void **state)
{
	static const struct {
		bool hsm;
		long answer;
		const char *args;
		unsigned n;
		const char *why;
	} cases[] = {
		{ true, 1, "", 4, "" },
		{ false, 1, "", 1, "the firmware has no HSM extension" },
		{ true, -3, "", 1, "unknown to the firmware" },
		{ true, 0, "", 1, "started by somebody else" },
		{ true, 1, "maxharts=2", 2, "maxharts= leaves it out" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct tree t = tree_with_room("virt-4.dtb", ROOM);
		struct stage s = board(&t, 1);

		s.at.kernel.base = 0x80200000;
		s.at.dtb.base = 0x87e00000;
		s.fw.hsm = cases[i].hsm;
		firmware_answer = cases[i].answer;
		set_text(&t, "/chosen", "bootargs", cases[i].args);
		assert_int_equal(boots(&t, &s)->h.n, cases[i].n);
		assert_int_equal(said.count, 4 - cases[i].n);
		assert_true(was_said(cases[i].why));
		firmware_answer = 1;
		free(t.blob);
	}
}

/* The legacy IPI's mask is one word of the first 64 harts. */
static void
I4_3_without_ipi_extension_high_ids_are_not_started(void **state)
{
	struct tree t = tree_of("sparse-harts.dtb");
	struct stage s = board(&t, 0);
	const struct boot *b;

	(void)state;
	s.at.kernel.base = 0x80200000;
	s.at.dtb.base = 0x87e00000;
	s.fw.ipi = false;
	b = boots(&t, &s);
	assert_int_equal(b->h.n, 2);
	assert_int_equal(b->h.hart[1]->hartid, 5);
	/* The boot hart is the second of the tree. */
	assert_int_equal(b->plics[0].context, 6);
	assert_true(was_said("hartid 1023 skipped: no IPI reaches it"));
	assert_true(was_said("hartid 2147483647 skipped: no IPI reaches it"));
	assert_true(was_said("hartid 5 skipped: duplicate id"));
	free(t.blob);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I4_3_visionfive2_trees_as_they_are),
		cmocka_unit_test(
		    I4_3_visionfive2_trees_as_firmware_patches_them),
		cmocka_unit_test(
		    I4_3_the_s7_is_never_started_whatever_the_tree_says),
		cmocka_unit_test(I4_3_a_hart_without_fpu_is_not_started),
		cmocka_unit_test(I4_3_a_list_of_extensions_without_d_is_no_fpu),
		cmocka_unit_test(I4_3_monitor_cores_are_known_by_name),
		cmocka_unit_test(
		    I4_3_boot_hart_runs_although_the_tree_denies_it),
		cmocka_unit_test(I4_3_virt_contexts_of_every_boot_hart),
		cmocka_unit_test(
		    I4_3_two_sockets_and_where_the_console_interrupts),
		cmocka_unit_test(
		    I4_3_source_that_the_controller_lacks_is_polled),
		cmocka_unit_test(I4_3_icicle_low_and_high_bank),
		cmocka_unit_test(
		    I4_3_data_cache_of_the_tree_reaches_the_allocator),
		cmocka_unit_test(I4_3_what_the_firmware_answers),
		cmocka_unit_test(
		    I4_3_without_ipi_extension_high_ids_are_not_started),
	};

	firmware_answer = 1;
	return cmocka_run_group_tests_name("boot path", tests, NULL, NULL);
}
