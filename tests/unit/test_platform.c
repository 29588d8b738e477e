/* SPDX-License-Identifier: MIT */
/* The platform parser on trees of machines that exist, and on odd ones. */
#include "tests/unit/platform_test.h"

static void
expect_hart(
    const struct platform *p, unsigned i, uint64_t hartid, const char *reason)
{
	assert_true(i < p->n_harts);
	assert_int_equal(p->harts[i].hartid, hartid);
	assert_string_equal(p->harts[i].reason, reason);
	assert_int_equal(p->harts[i].eligible, reason[0] == '\0');
}

static void
expect_range(struct memmap_range r, uint64_t base, uint64_t size)
{
	assert_int_equal(r.base, base);
	assert_int_equal(r.size, size);
}

static void
expect_uart(const struct platform_uart *u, enum platform_uart_kind kind,
    uint64_t base, unsigned shift, unsigned width, uint32_t irq)
{
	assert_int_equal(u->kind, kind);
	assert_int_equal(u->base, base);
	assert_int_equal(u->reg_shift, shift);
	assert_int_equal(u->reg_width, width);
	assert_int_equal(u->irq, irq);
}

/* Parse one of ours that must be clean, and check what always holds. */
static struct parsed *
parse_clean(const struct tree *t)
{
	struct parsed *r = parse_tree(t);

	assert_int_equal(r->e, PLATFORM_OK);
	check_sane(r);
	if (r->w.count != 0)
		fail_msg("unexpected warnings: %s", r->w.text);
	return r;
}

static void
I2_3_virt_one_hart(void **state)
{
	struct tree t = tree_of("virt-1.dtb");
	const struct platform *p = &parse_clean(&t)->p;

	(void)state;
	assert_string_equal(p->model, "riscv-virtio,qemu");
	assert_int_equal(p->timebase_hz, 10000000);
	assert_int_equal(p->n_harts, 1);
	expect_hart(p, 0, 0, "");
	assert_string_equal(
	    p->harts[0].isa, "rv64imafdch_zicsr_zifencei_zba_zbb_zbc_zbs_sstc");
	assert_int_equal(p->n_banks, 1);
	expect_range(p->banks[0], 0x80000000, 0x8000000);
	assert_int_equal(p->n_reserved, 0);
	expect_uart(&p->uart, UART_NS16550, 0x10000000, 0, 1, 10);
	assert_string_equal(p->uart.path, "/soc/serial@10000000");
	assert_int_equal(p->n_plics, 1);
	assert_int_equal(p->plics[0].base, 0xc000000);
	assert_int_equal(p->plics[0].sources, 96);
	assert_int_equal(p->plics[0].phandle, p->uart.irq_parent);
	assert_int_equal(p->plics[0].context[0], 1);
	assert_int_equal(p->finisher, 0x100000);
	assert_int_equal(p->l1d_size, 0);
	assert_string_equal(p->bootargs, "");
	free(t.blob);
}

static void
I2_3_virt_four_harts(void **state)
{
	struct tree t = tree_of("virt-4.dtb");
	const struct platform *p = &parse_clean(&t)->p;

	(void)state;
	assert_int_equal(p->n_harts, 4);
	for (unsigned h = 0; h < 4; h++) {
		expect_hart(p, h, h, "");
		assert_int_equal(p->plics[0].context[h], 2 * h + 1);
	}
	assert_int_equal(p->plics[0].context[4], -1);
	free(t.blob);
}

static void
I2_3_two_banks_and_two_plics(void **state)
{
	struct tree t = tree_of("virt-numa.dtb");
	const struct platform *p = &parse_clean(&t)->p;
	static const int32_t want[2][4] = { { 1, 3, -1, -1 },
		{ -1, -1, 1, 3 } };

	(void)state;
	assert_int_equal(p->n_banks, 2);
	expect_range(p->banks[0], 0x80000000, 0x8000000);
	expect_range(p->banks[1], 0x88000000, 0x8000000);
	assert_int_equal(p->n_plics, 2);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned h = 0; h < 4; h++)
			assert_int_equal(p->plics[i].context[h], want[i][h]);
	assert_int_equal(p->plics[1].base, 0xc600000);
	free(t.blob);
}

/* Trap T1: the E51 says okay; only the missing mmu-type tells. */
static void
I2_3_sifive_u_hart_without_mmu(void **state)
{
	struct tree t = tree_of("sifive-u.dtb");
	const struct platform *p = &parse_clean(&t)->p;

	(void)state;
	assert_int_equal(p->n_harts, 5);
	expect_hart(p, 0, 0, "no mmu");
	for (unsigned h = 1; h < 5; h++) {
		expect_hart(p, h, h, "");
		assert_int_equal(p->plics[0].context[h], 2 * h);
	}
	assert_int_equal(p->plics[0].context[0], -1);
	expect_uart(&p->uart, UART_SIFIVE, 0x10010000, 0, 4, 4);
	assert_int_equal(p->timebase_hz, 1000000);
	assert_int_equal(p->finisher, 0);
	free(t.blob);
}

static void
I2_3_icicle_second_uart_and_high_bank(void **state)
{
	struct tree t = tree_of("icicle.dtb");
	const struct platform *p = &parse_clean(&t)->p;

	(void)state;
	expect_hart(p, 0, 0, "disabled");
	expect_hart(p, 4, 4, "");
	assert_int_equal(p->n_banks, 2);
	expect_range(p->banks[1], 0x1000000000, 0x40000000);
	expect_uart(&p->uart, UART_NS16550, 0x20100000, 2, 4, 91);
	assert_string_equal(p->uart.path, "/soc/serial@20100000");
	assert_int_equal(p->plics[0].context[1], 2);
	assert_int_equal(p->l1d_size, 32768);
	free(t.blob);
}

static void
check_visionfive2(const struct platform *p, const char *why_not_hart_0)
{
	assert_int_equal(p->n_harts, 5);
	expect_hart(p, 0, 0, why_not_hart_0);
	for (unsigned h = 1; h < 5; h++) {
		expect_hart(p, h, h, "");
		assert_int_equal(p->plics[0].context[h], 2 * h);
	}
	assert_int_equal(p->timebase_hz, 4000000);
	assert_int_equal(p->n_banks, 1);
	expect_range(p->banks[0], 0x40000000, 0x100000000);
	assert_int_equal(p->n_plics, 1);
	assert_int_equal(p->plics[0].sources, 136);
	expect_uart(&p->uart, UART_DW_APB, 0x10000000, 2, 4, 32);
	assert_int_equal(p->uart.irq_parent, p->plics[0].phandle);
	assert_int_equal(p->l1d_size, 32768);
	assert_int_equal(p->l1d_sets, 64);
	assert_int_equal(p->l1d_line, 64);
	assert_int_equal(p->finisher, 0);
}

static void
I2_3_visionfive2(void **state)
{
	struct tree t = tree_of("visionfive2.dtb");
	const struct platform *p = &parse_clean(&t)->p;

	(void)state;
	check_visionfive2(p, "disabled");
	/* The list of extensions wins over riscv,isa. */
	assert_string_equal(
	    p->harts[1].isa, "rv64imafdc_zba_zbb_zicntr_zicsr_zifencei_zihpm");
	assert_string_equal(p->model, "StarFive VisionFive 2 v1.3B");
	free(t.blob);
}

/* Trap T4: everything of the S7 but its status says U74. */
static void
T93_vendor_tree_hart_that_claims_an_mmu_is_disabled(void **state)
{
	struct tree t = tree_of("visionfive2-vendor.dtb");
	const struct platform *p = &parse_clean(&t)->p;

	(void)state;
	check_visionfive2(p, "disabled");
	assert_string_equal(p->harts[1].isa, "rv64imafdcbsux");
	assert_int_equal(p->n_reserved, 1);
	expect_range(p->reserved[0], 0x40000000, 0x80000);
	free(t.blob);
}

static void
check_real_tree(const char *name)
{
	struct tree t;

	if (!tree_load(&t, QUARRY_DTB_DIR, name)) {
		print_message("skip: no %s in QUARRY_DTB_DIR\n", name);
		skip();
	}
	check_visionfive2(&parse_clean(&t)->p, "disabled");
	free(t.blob);
}

static void
I2_3_real_visionfive2_v1_2a(void **state)
{
	(void)state;
	check_real_tree("jh7110-starfive-visionfive-2-v1.2a.dtb");
}

static void
I2_3_real_visionfive2_v1_3b(void **state)
{
	(void)state;
	check_real_tree("jh7110-starfive-visionfive-2-v1.3b.dtb");
}

/* What the board's firmware does to the file: fitted memory, its own place. */
static void
I2_3_visionfive2_as_firmware_patches_it(void **state)
{
	(void)state;
	for (uint64_t gib = 2; gib <= 8; gib *= 2) {
		struct tree t = tree_with_room("visionfive2.dtb", 1024);
		fdt64_t reg[2] = { cpu_to_fdt64(0x40000000),
			cpu_to_fdt64(gib << 30) };
		fdt64_t own[2] = { cpu_to_fdt64(0x40000000),
			cpu_to_fdt64(0x60000) };
		const struct platform *p;
		int node;

		node = fdt_path_offset(t.blob, "/memory@40000000");
		assert_int_equal(
		    fdt_setprop(t.blob, node, "reg", reg, sizeof(reg)), 0);
		node = fdt_add_subnode(t.blob, 0, "reserved-memory");
		assert_int_equal(
		    fdt_setprop_u32(t.blob, node, "#address-cells", 2), 0);
		assert_int_equal(
		    fdt_setprop_u32(t.blob, node, "#size-cells", 2), 0);
		assert_int_equal(fdt_setprop_empty(t.blob, node, "ranges"), 0);
		node = fdt_add_subnode(t.blob, node, "mmode_resv1@40000000");
		assert_int_equal(
		    fdt_setprop(t.blob, node, "reg", own, sizeof(own)), 0);
		assert_int_equal(fdt_add_mem_rsv(t.blob, 0x46000000, 37638), 0);
		p = &parse_clean(&t)->p;
		expect_range(p->banks[0], 0x40000000, gib << 30);
		assert_int_equal(p->n_reserved, 2);
		expect_range(p->reserved[0], 0x46000000, 37638);
		expect_range(p->reserved[1], 0x40000000, 0x60000);
		free(t.blob);
	}
}

/* Ids 1023, 0, 2^31 - 1, 5, and 5 again; phandles in no order. */
static void
I2_3_sparse_hart_ids(void **state)
{
	static const uint64_t ids[] = { 1023, 0, 0x7fffffff, 5 };
	static const int32_t contexts[] = { 2, 6, 1, 4, -1 };
	struct tree t = tree_of("sparse-harts.dtb");
	struct parsed *r = parse_tree(&t);

	(void)state;
	assert_int_equal(r->e, PLATFORM_OK);
	check_sane(r);
	assert_int_equal(r->p.n_harts, 5);
	for (unsigned i = 0; i < 4; i++)
		expect_hart(&r->p, i, ids[i], "");
	expect_hart(&r->p, 4, 5, "duplicate id");
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(r->p.plics[0].context[i], contexts[i]);
	assert_int_equal(r->w.count, 1);
	assert_true(warned(r, "hart id 5 is listed twice"));
	free(t.blob);
}

/* Trap T2: the tree cannot know; five stay eligible, a deadline decides. */
static void
I2_3_dead_harts_are_left_to_the_deadline(void **state)
{
	struct tree t = tree_of("dead-harts.dtb");
	const struct platform *p = &parse_clean(&t)->p;

	(void)state;
	assert_int_equal(p->n_harts, 5);
	for (unsigned h = 0; h < 5; h++)
		expect_hart(p, h, h, "");
	free(t.blob);
}

static void
I2_3_no_memory_is_an_error_with_the_rest_known(void **state)
{
	struct tree t = tree_of("no-memory.dtb");
	struct parsed *r = parse_tree(&t);

	(void)state;
	assert_int_equal(r->e, PLATFORM_EMEMORY);
	check_sane(r);
	assert_int_equal(r->p.n_harts, 4);
	assert_int_equal(r->p.uart.base, 0x10000000);
	assert_int_equal(r->p.finisher, 0x100000);
	assert_string_equal(
	    platform_error_text(r->e), "no usable /memory in the device tree");
	free(t.blob);
}

static void
I2_3_no_stdout_takes_the_first_uart(void **state)
{
	struct tree t = tree_of("no-stdout.dtb");
	struct parsed *r = parse_tree(&t);

	(void)state;
	assert_int_equal(r->e, PLATFORM_OK);
	expect_uart(&r->p.uart, UART_NS16550, 0x10000000, 0, 1, 10);
	assert_int_equal(r->w.count, 1);
	assert_true(warned(r, "stdout-path is missing"));
	free(t.blob);
}

static void
I2_3_unknown_uart_leaves_the_firmware_console(void **state)
{
	struct tree t = tree_of("unknown-uart.dtb");
	struct parsed *r = parse_tree(&t);

	(void)state;
	assert_int_equal(r->e, PLATFORM_OK);
	assert_int_equal(r->p.uart.kind, UART_NONE);
	assert_int_equal(r->w.count, 1);
	assert_true(warned(r, "stdout-path names teletype@10001000"));
	free(t.blob);
}

static void
I2_3_tiny_memory_and_no_timebase(void **state)
{
	struct tree tiny = tree_of("tiny-memory.dtb");
	struct tree timeless = tree_of("no-timebase.dtb");
	struct parsed *r;

	(void)state;
	expect_range(parse_clean(&tiny)->p.banks[0], 0x80000000, 0x100000);
	r = parse_tree(&timeless);
	assert_int_equal(r->e, PLATFORM_OK);
	assert_int_equal(r->p.timebase_hz, 0);
	assert_true(warned(r, "timebase-frequency is missing"));
	free(tiny.blob);
	free(timeless.blob);
}

static void
I2_3_overlapping_banks_and_reservations(void **state)
{
	struct tree t = tree_of("overlap.dtb");
	const struct platform *p = &parse_clean(&t)->p;

	(void)state;
	assert_int_equal(p->n_banks, 4);
	expect_range(p->banks[1], 0x82000000, 0x4000000);
	/* Inner lies in outer, dynamic has no place, the header's is first. */
	assert_int_equal(p->n_reserved, 3);
	expect_range(p->reserved[0], 0x80100000, 0x1000);
	expect_range(p->reserved[1], 0x85f00000, 0x200000);
	expect_range(p->reserved[2], 0x87000800, 0x100);
	free(t.blob);
}

static void
T82_ranges_that_wrap_are_cut_or_refused(void **state)
{
	struct tree t = tree_of("wrap.dtb");
	struct parsed *r = parse_tree(&t);

	(void)state;
	assert_int_equal(r->e, PLATFORM_OK);
	check_sane(r);
	assert_int_equal(r->p.n_banks, 2);
	expect_range(r->p.banks[1], 0xfffffffffffff000, 0xfff);
	assert_int_equal(r->p.n_reserved, 2);
	expect_range(r->p.reserved[0], 0xffffffffffff0000, 0xffff);
	assert_int_equal(r->p.reserved_dropped, 0);
	assert_int_equal(r->p.initrd.size, 0);
	assert_int_equal(r->p.finisher, 0);
	assert_int_equal(r->p.uart.kind, UART_NONE);
	assert_true(warned(r, "initrd"));
	assert_true(warned(r, "/soc/test@100000 is left out"));
	free(t.blob);
}

static void
T88_alias_cycle_ends_at_the_first_uart(void **state)
{
	struct tree t = tree_of("alias-loop.dtb");
	struct parsed *r = parse_tree(&t);

	(void)state;
	assert_int_equal(r->e, PLATFORM_OK);
	expect_uart(&r->p.uart, UART_NS16550, 0x10000000, 0, 1, 10);
	assert_true(warned(r, "an alias of an alias without end"));
	free(t.blob);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I2_3_virt_one_hart),
		cmocka_unit_test(I2_3_virt_four_harts),
		cmocka_unit_test(I2_3_two_banks_and_two_plics),
		cmocka_unit_test(I2_3_sifive_u_hart_without_mmu),
		cmocka_unit_test(I2_3_icicle_second_uart_and_high_bank),
		cmocka_unit_test(I2_3_visionfive2),
		cmocka_unit_test(
		    T93_vendor_tree_hart_that_claims_an_mmu_is_disabled),
		cmocka_unit_test(I2_3_real_visionfive2_v1_2a),
		cmocka_unit_test(I2_3_real_visionfive2_v1_3b),
		cmocka_unit_test(I2_3_visionfive2_as_firmware_patches_it),
		cmocka_unit_test(I2_3_sparse_hart_ids),
		cmocka_unit_test(I2_3_dead_harts_are_left_to_the_deadline),
		cmocka_unit_test(
		    I2_3_no_memory_is_an_error_with_the_rest_known),
		cmocka_unit_test(I2_3_no_stdout_takes_the_first_uart),
		cmocka_unit_test(I2_3_unknown_uart_leaves_the_firmware_console),
		cmocka_unit_test(I2_3_tiny_memory_and_no_timebase),
		cmocka_unit_test(I2_3_overlapping_banks_and_reservations),
		cmocka_unit_test(T82_ranges_that_wrap_are_cut_or_refused),
		cmocka_unit_test(T88_alias_cycle_ends_at_the_first_uart),
	};

	return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
