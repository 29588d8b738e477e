/* SPDX-License-Identifier: MIT */
/* The platform parser on virt-4 with one thing changed at a time. */
#include "tests/unit/platform_test.h"

#define ROOM 4096

/* virt-4.dtb with room, for one change. */
static struct tree
virt(void)
{
	return tree_with_room("virt-4.dtb", ROOM);
}

static int
node_at(const struct tree *t, const char *path)
{
	int node = fdt_path_offset(t->blob, path);

	assert_true(node >= 0);
	return node;
}

static void
set(struct tree *t, const char *path, const char *name, const void *v, size_t n)
{
	assert_int_equal(
	    fdt_setprop(t->blob, node_at(t, path), name, v, (int)n), 0);
}

static void
set_cells(struct tree *t, const char *path, const char *name,
    const uint32_t *cells, size_t n)
{
	fdt32_t be[64];

	assert_true(n <= ARRAY_COUNT(be));
	for (size_t i = 0; i < n; i++)
		be[i] = cpu_to_fdt32(cells[i]);
	set(t, path, name, be, n * sizeof(be[0]));
}

static void
set_u32(struct tree *t, const char *path, const char *name, uint32_t v)
{
	set_cells(t, path, name, &v, 1);
}

static void
set_text(struct tree *t, const char *path, const char *name, const char *text)
{
	set(t, path, name, text, strlen(text) + 1);
}

static void
drop(struct tree *t, const char *path, const char *name)
{
	assert_int_equal(fdt_delprop(t->blob, node_at(t, path), name), 0);
}

/* Trap T18: four bytes on one QEMU, eight on another. */
static void
I2_3_initrd_cells_of_4_and_8_bytes(void **state)
{
	static const uint32_t start[] = { 1, 0x84200000 };
	static const uint32_t stop[] = { 1, 0x84300000 };
	struct tree t = virt();
	struct parsed *r;

	(void)state;
	set_cells(&t, "/chosen", "linux,initrd-start", start + 1, 1);
	set_cells(&t, "/chosen", "linux,initrd-end", stop + 1, 1);
	r = parse_ok(&t);
	assert_int_equal(r->p.initrd.base, 0x84200000);
	assert_int_equal(r->p.initrd.size, 0x100000);
	set_cells(&t, "/chosen", "linux,initrd-start", start, 2);
	set_cells(&t, "/chosen", "linux,initrd-end", stop, 2);
	r = parse_ok(&t);
	assert_int_equal(r->p.initrd.base, 0x184200000);
	assert_int_equal(r->p.initrd.size, 0x100000);
	assert_int_equal(r->w.count, 0);
	/* One of them missing, or of no width we know. */
	drop(&t, "/chosen", "linux,initrd-end");
	r = parse_ok(&t);
	assert_int_equal(r->p.initrd.size, 0);
	assert_true(warned(r, "initrd"));
	set(&t, "/chosen", "linux,initrd-end", "abc", 3);
	assert_int_equal(parse_ok(&t)->p.initrd.size, 0);
	free(t.blob);
}

struct stdout_case {
	const char *path;
	size_t n;
	enum platform_uart_kind kind;
	const char *warning; /* NULL: none */
};

static void
T77_T78_stdout_paths(void **state)
{
	static const struct stdout_case cases[] = {
		{ "uart", 5, UART_NS16550, NULL },
		{ "uart:115200n8", 14, UART_NS16550, NULL },
		{ "/soc/serial@10000000:9600", 26, UART_NS16550, NULL },
		{ "//soc///serial@10000000/", 25, UART_NS16550, NULL },
		{ "/soc/serial", 12, UART_NS16550, NULL },
		{ "again", 6, UART_NS16550, NULL },
		{ "", 0, UART_NS16550, "is not terminated text" },
		{ "", 1, UART_NS16550, "is empty" },
		{ ":115200", 8, UART_NS16550, "is empty" },
		{ "self", 5, UART_NS16550, "without end" },
		{ "nobody", 7, UART_NS16550, "alias that does not exist" },
		{ "void", 5, UART_NS16550, "is empty" },
		{ "/soc/gone", 10, UART_NS16550, "does not exist" },
		{ "/", 2, UART_NS16550, "names no UART" },
		{ "/memory@80000000", 17, UART_NS16550, "names no UART" },
		{ "/soc/serial@10000000", 20, UART_NS16550, "terminated" },
		{ "/a/b/c/d/e/f/g/h/i/j/k/l/m", 27, UART_NS16550,
		    "does not exist" },
		{ "/soc/clint@2000000", 19, UART_NONE, "no UART we drive" },
	};
	struct tree t = virt();

	(void)state;
	assert_true(fdt_add_subnode(t.blob, 0, "aliases") >= 0);
	set_text(&t, "/aliases", "uart", "/soc/serial@10000000:38400");
	set_text(&t, "/aliases", "again", "uart");
	set_text(&t, "/aliases", "self", "self");
	set(&t, "/aliases", "void", "", 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct stdout_case *c = &cases[i];
		struct parsed *r;

		set(&t, "/chosen", "stdout-path", c->path, c->n);
		r = parse_ok(&t);
		if (r->p.uart.kind != c->kind)
			fail_msg("\"%s\": uart kind %d", c->path,
			    (int)r->p.uart.kind);
		if (c->warning == NULL ? r->w.count != 0
				       : !warned(r, c->warning))
			fail_msg("\"%s\": warned \"%s\"", c->path, r->w.text);
	}
	free(t.blob);
}

static void
I2_3_uart_registers_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint32_t shift, width, size;
		bool good;
	} cases[] = {
		{ 0, 1, 0x100, true },
		{ 2, 4, 0x100, true },
		{ 2, 1, 0x20, true },
		{ 4, 1, 0x80, true },
		{ 2, 4, 0x1f, false },
		{ 0, 4, 0x100, false },
		{ 5, 1, 0x1000, false },
		{ 0xffffffff, 1, 0x1000, false },
		{ 0, 2, 0x100, false },
		{ 0, 0, 0x100, false },
		{ 0, 1, 7, false },
		{ 0, 1, 0, false },
	};
	static const char uart[] = "/soc/serial@10000000";
	struct tree t = virt();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint32_t reg[] = { 0, 0x10000000, 0, cases[i].size };
		struct parsed *r;

		set_u32(&t, uart, "reg-shift", cases[i].shift);
		set_u32(&t, uart, "reg-io-width", cases[i].width);
		set_cells(&t, uart, "reg", reg, 4);
		r = parse_ok(&t);
		assert_int_equal(r->p.uart.kind == UART_NS16550, cases[i].good);
		assert_int_equal(r->w.count == 0, cases[i].good);
	}
	free(t.blob);
}

/* A disabled console falls back, also when its bus is what is disabled. */
static void
I2_3_disabled_uart_is_not_taken(void **state)
{
	struct tree t = virt();
	struct parsed *r;

	(void)state;
	set_text(&t, "/soc/serial@10000000", "status", "disabled");
	r = parse_ok(&t);
	assert_int_equal(r->p.uart.kind, UART_NONE);
	assert_true(warned(r, "disabled or malformed"));
	set_text(&t, "/soc/serial@10000000", "status", "ok");
	assert_int_equal(parse_ok(&t)->p.uart.kind, UART_NS16550);
	set_text(&t, "/soc", "status", "fail");
	r = parse_ok(&t);
	assert_int_equal(r->p.uart.kind, UART_NONE);
	assert_int_equal(r->p.n_plics, 0);
	assert_int_equal(r->p.finisher, 0);
	free(t.blob);
}

static void
I2_3_interrupts_of_the_uart(void **state)
{
	static const char uart[] = "/soc/serial@10000000";
	static const uint32_t extended[] = { 0x77, 33, 4 };
	struct tree t = virt();
	struct parsed *r;

	(void)state;
	set_cells(&t, uart, "interrupts-extended", extended, 3);
	r = parse_ok(&t);
	assert_int_equal(r->p.uart.irq, 33);
	assert_int_equal(r->p.uart.irq_parent, 0x77);
	drop(&t, uart, "interrupts-extended");
	drop(&t, uart, "interrupt-parent");
	assert_int_equal(parse_ok(&t)->p.uart.irq_parent, 0);
	/* Inherited from the root, over the bus. */
	set_u32(&t, "/", "interrupt-parent", 0x66);
	r = parse_ok(&t);
	assert_int_equal(r->p.uart.irq_parent, 0x66);
	assert_int_equal(r->p.uart.irq, 10);
	drop(&t, uart, "interrupts");
	assert_int_equal(parse_ok(&t)->p.uart.irq, 0);
	free(t.blob);
}

static void
T83_bus_addresses_are_translated_or_refused(void **state)
{
	/* (child 2, parent 2, size 2): 0x10000000 is seen at 0x2_10000000. */
	static const uint32_t ranges[] = { 0, 0, 0, 0, 0, 0x1000, 0, 0x0c000000,
		1, 0x0c000000, 0, 0x8000000 };
	static const uint32_t narrow[] = { 0x10000000, 0x100 };
	static const uint32_t wrapping[] = { 0x08000000, 0xffffffff, 0xfff00000,
		0x80000000 };
	static const uint32_t narrow_ranges[] = { 0, 1, 0x20000000,
		0x80000000 };
	struct tree t = virt();
	struct parsed *r;

	(void)state;
	set_cells(&t, "/soc", "ranges", ranges, ARRAY_COUNT(ranges));
	r = parse_ok(&t);
	assert_int_equal(r->p.uart.base, 0x110000000);
	assert_int_equal(r->p.plics[0].base, 0x10c000000);
	assert_int_equal(r->p.finisher, 0);
	assert_true(warned(r, "/soc/test@100000 is left out"));
	/* A bus with one cell each under a parent with two. */
	set_u32(&t, "/soc", "#address-cells", 1);
	set_u32(&t, "/soc", "#size-cells", 1);
	set_cells(&t, "/soc", "ranges", narrow_ranges, 4);
	set_cells(&t, "/soc/serial@10000000", "reg", narrow, 2);
	r = parse_ok(&t);
	assert_int_equal(r->p.uart.base, 0x130000000);
	assert_int_equal(r->p.uart.size, 0x100);
	/* One that leads beyond 2^64, no ranges, and cells of 3. */
	set_cells(&t, "/soc", "ranges", wrapping, 4);
	assert_int_equal(parse_ok(&t)->p.uart.kind, UART_NONE);
	drop(&t, "/soc", "ranges");
	assert_int_equal(parse_ok(&t)->p.uart.kind, UART_NONE);
	set(&t, "/soc", "ranges", "", 0);
	assert_int_equal(parse_ok(&t)->p.uart.base, 0x10000000);
	set_u32(&t, "/soc", "#address-cells", 3);
	r = parse_ok(&t);
	assert_int_equal(r->p.uart.kind, UART_NONE);
	assert_true(warned(r, "cell counts"));
	free(t.blob);
}

/*
 * An entry cut short would take its size from the tag that follows, which is
 * 1 or 3: enough for a device of one byte.
 */
static void
T83_a_range_cut_short_is_not_read(void **state)
{
	static const uint32_t reg[] = { 0x100000, 1 };
	static const uint32_t ranges[] = { 0x100000, 0, 0x100000, 0x1000 };
	struct tree t = virt();

	(void)state;
	set_u32(&t, "/soc", "#address-cells", 1);
	set_u32(&t, "/soc", "#size-cells", 1);
	set_cells(&t, "/soc/test@100000", "reg", reg, 2);
	set_cells(&t, "/soc", "ranges", ranges, 4);
	assert_int_equal(parse_ok(&t)->p.finisher, 0x100000);
	set_cells(&t, "/soc", "ranges", ranges, 3);
	assert_int_equal(parse_ok(&t)->p.finisher, 0);
	free(t.blob);
}

static void
T83_cells_of_memory_and_reservations(void **state)
{
	static const uint32_t one_one[] = { 0x80000000, 0x10000000 };
	struct tree t = virt();
	struct parsed *r;

	(void)state;
	set_u32(&t, "/", "#address-cells", 1);
	set_u32(&t, "/", "#size-cells", 1);
	set_cells(&t, "/memory@80000000", "reg", one_one, 2);
	r = parse_ok(&t);
	assert_int_equal(r->p.banks[0].base, 0x80000000);
	assert_int_equal(r->p.banks[0].size, 0x10000000);
	/* A reservation that cannot be read makes memory unsafe. */
	assert_true(fdt_add_subnode(t.blob, 0, "reserved-memory") >= 0);
	set_u32(&t, "/reserved-memory", "#address-cells", 3);
	assert_true(fdt_add_subnode(t.blob, node_at(&t, "/reserved-memory"),
			"fw@80000000") >= 0);
	set_cells(&t, "/reserved-memory/fw@80000000", "reg", one_one, 2);
	r = parse_ok(&t);
	assert_int_equal(r->p.reserved_dropped, 1);
	drop(&t, "/reserved-memory", "#address-cells"); /* then the root's */
	r = parse_ok(&t);
	assert_int_equal(r->p.reserved_dropped, 0);
	assert_int_equal(r->p.reserved[0].size, 0x10000000);
	set_u32(&t, "/", "#address-cells", 0xffffffff);
	assert_int_equal(parse_tree(&t)->e, PLATFORM_EMEMORY);
	check_sane(parse_tree(&t));
	free(t.blob);
}

static void
I2_3_isa_is_cut_at_a_whole_name(void **state)
{
	static const char cpu[] = "/cpus/cpu@0";
	static const char list[] = "i\0m\0zicsr\0a\0v\0zba\0"
				   "zaverylongextensionname\0f\0"
				   "zanotherverylongextensionname\0zbb\0zbb";
	char letters[101];
	struct tree t = virt();

	(void)state;
	set_text(&t, cpu, "riscv,isa",
	    "rv64imafdcvh_zicbom_zicbop_zicboz_zicntr_zicsr_zifencei_"
	    "zihintpause_zihpm_zawrs_zfa_zfh_zba_zbb_zbc_zbs");
	assert_string_equal(parse_ok(&t)->p.harts[0].isa,
	    "rv64imafdcvh_zicbom_zicbop_zicboz_zicntr_zicsr_zifencei");
	memset(letters, 'x', 100);
	letters[100] = '\0';
	set_text(&t, cpu, "riscv,isa", letters);
	assert_int_equal(strlen(parse_ok(&t)->p.harts[0].isa), 63);
	set(&t, cpu, "riscv,isa-extensions", list, sizeof(list));
	assert_string_equal(parse_ok(&t)->p.harts[0].isa,
	    "rv64imavf_zicsr_zba_zaverylongextensionname_zbb_zbb");
	set(&t, cpu, "riscv,isa-extensions", "zzz", 3); /* not terminated */
	assert_string_equal(parse_ok(&t)->p.harts[0].isa, "rv64i");
	set(&t, cpu, "riscv,isa-extensions", "\033[2Jm", 6);
	assert_string_equal(parse_ok(&t)->p.harts[0].isa, "rv64i_?[2Jm");
	free(t.blob);
}

static void
I2_3_harts_and_why_not(void **state)
{
	static const uint32_t two[] = { 1, 7 };
	struct tree t = virt();
	struct parsed *r;

	(void)state;
	set_text(&t, "/cpus/cpu@0", "mmu-type", "riscv,none");
	set_text(&t, "/cpus/cpu@1", "mmu-type", "riscv,sv32");
	set_text(&t, "/cpus/cpu@2", "status", "fail-sss");
	drop(&t, "/cpus/cpu@3", "reg");
	r = parse_ok(&t);
	assert_int_equal(r->p.n_harts, 3);
	assert_string_equal(r->p.harts[0].reason, "no mmu");
	assert_string_equal(r->p.harts[1].reason, "no sv39");
	assert_string_equal(r->p.harts[2].reason, "disabled");
	assert_true(warned(r, "/cpus/cpu@3 is left out"));
	/* 64-bit ids. */
	set_u32(&t, "/cpus", "#address-cells", 2);
	set_cells(&t, "/cpus/cpu@3", "reg", two, 2);
	r = parse_ok(&t);
	assert_int_equal(r->p.n_harts, 1);
	assert_int_equal(r->p.harts[0].hartid, 0x100000007);
	assert_true(r->p.harts[0].eligible);
	set_u32(&t, "/cpus", "#address-cells", 0);
	assert_int_equal(parse_tree(&t)->e, PLATFORM_ECPUS);
	free(t.blob);
}

static void
I2_3_plic_contexts_that_cannot_be_are_refused(void **state)
{
	static const char plic[] = "/soc/plic@c000000";
	static const uint32_t small[] = { 0, 0xc000000, 0, 0x203000 };
	struct tree t = virt();
	struct parsed *r;

	(void)state;
	/* Room for contexts 0 to 2: hart 0 has 1, hart 1 would have 3. */
	set_cells(&t, plic, "reg", small, 4);
	r = parse_ok(&t);
	assert_int_equal(r->p.plics[0].context[0], 1);
	assert_int_equal(r->p.plics[0].context[1], -1);
	assert_true(warned(r, "interrupts-extended"));
	set_u32(&t, plic, "riscv,ndev", 5000);
	assert_int_equal(parse_ok(&t)->p.plics[0].sources, 1023);
	set(&t, plic, "interrupts-extended", "odd", 3);
	r = parse_ok(&t);
	assert_int_equal(r->p.plics[0].context[0], -1);
	drop(&t, plic, "interrupts-extended");
	assert_int_equal(parse_ok(&t)->p.plics[0].context[0], -1);
	for (uint32_t i = 0; i < 6; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "plic@%x", i);
		assert_true(fdt_add_subnode(t.blob, 0, path) >= 0);
		(void)snprintf(path, sizeof(path), "/plic@%x", i);
		set_text(&t, path, "compatible", "thead,c900-plic");
		set_cells(&t, path, "reg", small, 4);
	}
	r = parse_ok(&t);
	assert_int_equal(r->p.n_plics, PLATFORM_PLICS_MAX);
	assert_true(warned(r, "interrupt controllers beyond 4"));
	free(t.blob);
}

/* Others wired to the hart: machine, virtual supervisor, not wired, twice. */
static void
I2_3_only_the_supervisors_interrupt_counts(void **state)
{
	struct tree t = virt();
	uint32_t hart = fdt_get_phandle(
	    t.blob, node_at(&t, "/cpus/cpu@1/interrupt-controller"));
	uint32_t targets[] = { hart, 11, hart, 10, hart, 0xffffffff, hart, 9,
		hart, 9 };
	struct parsed *r;

	(void)state;
	set_cells(&t, "/soc/plic@c000000", "interrupts-extended", targets, 8);
	r = parse_ok(&t);
	assert_int_equal(r->w.count, 0);
	assert_int_equal(r->p.plics[0].context[0], -1);
	assert_int_equal(r->p.plics[0].context[1], 3);
	set_cells(&t, "/soc/plic@c000000", "interrupts-extended", targets, 10);
	r = parse_ok(&t);
	assert_int_equal(r->p.plics[0].context[1], 3);
	assert_true(warned(r, "interrupts-extended"));
	free(t.blob);
}

static void
I2_3_chosen_texts_and_seed(void **state)
{
	static const char args[] = "run=x.lua \"quoted words\" console=ttyS0";
	uint8_t seed[48];
	char *large = malloc(65536);
	struct tree t = tree_with_room("virt-4.dtb", 80000);
	struct parsed *r;

	(void)state;
	assert_non_null(large);
	for (unsigned i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)(i + 1);
	set_text(&t, "/chosen", "bootargs", args);
	set(&t, "/chosen", "rng-seed", seed, sizeof(seed));
	set_text(&t, "/", "model",
	    "\033]0;name\007 and a model name that is "
	    "longer than its field of 64 bytes allows");
	r = parse_ok(&t);
	assert_string_equal(r->p.bootargs, args);
	assert_int_equal(r->p.rng_seed_len, 32);
	assert_memory_equal(r->p.rng_seed, seed, 32);
	assert_int_equal(strlen(r->p.model), 63);
	assert_memory_equal(r->p.model, "?]0;name?", 9);
	set(&t, "/chosen", "bootargs", "abc", 3);
	r = parse_ok(&t);
	assert_string_equal(r->p.bootargs, "");
	assert_true(warned(r, "bootargs"));
	memset(large, 'a', 65535);
	large[65535] = '\0';
	set(&t, "/chosen", "bootargs", large, 65536);
	assert_int_equal(strlen(parse_ok(&t)->p.bootargs), 65535);
	free(large);
	free(t.blob);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I2_3_initrd_cells_of_4_and_8_bytes),
		cmocka_unit_test(T77_T78_stdout_paths),
		cmocka_unit_test(
		    I2_3_uart_registers_that_cannot_be_are_refused),
		cmocka_unit_test(I2_3_disabled_uart_is_not_taken),
		cmocka_unit_test(I2_3_interrupts_of_the_uart),
		cmocka_unit_test(T83_bus_addresses_are_translated_or_refused),
		cmocka_unit_test(T83_a_range_cut_short_is_not_read),
		cmocka_unit_test(I2_3_only_the_supervisors_interrupt_counts),
		cmocka_unit_test(T83_cells_of_memory_and_reservations),
		cmocka_unit_test(I2_3_isa_is_cut_at_a_whole_name),
		cmocka_unit_test(I2_3_harts_and_why_not),
		cmocka_unit_test(I2_3_plic_contexts_that_cannot_be_are_refused),
		cmocka_unit_test(I2_3_chosen_texts_and_seed),
	};

	return cmocka_run_group_tests_name("platform_odd", tests, NULL, NULL);
}
