/* SPDX-License-Identifier: MIT */
/*
 * The platform parser on blobs that are damaged, absurd or too large. Run
 * under the address and undefined sanitizers; blobs lie in blocks of just
 * their size.
 */
#include "tests/unit/platform_test.h"

#include <dirent.h>

/* Per tree and kind of damage: some 1,500 rounds for our own. */
#define DAMAGED_BYTES (5u << 20)

static void
each_tree(void (*f)(const struct tree *t, const char *name))
{
	DIR *dir = opendir(DTB_DIR);
	unsigned n = 0;

	assert_non_null(dir);
	for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
		size_t len = strlen(d->d_name);
		struct tree t;

		if (len < 4 || strcmp(d->d_name + len - 4, ".dtb") != 0)
			continue;
		t = tree_of(d->d_name);
		f(&t, d->d_name);
		free(t.blob);
		n++;
	}
	(void)closedir(dir);
	assert_true(n >= 15);
}

static void
put_be32(void *blob, size_t at, uint32_t v)
{
	fdt32_t be = cpu_to_fdt32(v);

	memcpy((char *)blob + at, &be, sizeof(be));
}

/* Cut at n, in a block of n bytes: refused, and never read beyond. */
static void
parse_cut(const struct tree *t, size_t n, bool honest)
{
	void *cut = malloc(n > 0 ? n : 1);
	struct parsed *r;

	assert_non_null(cut);
	memcpy(cut, t->blob, n);
	if (honest && n >= 8)
		put_be32(cut, 4, (uint32_t)n);
	r = parse(cut, n);
	if (n < t->size)
		assert_int_not_equal(r->e, PLATFORM_OK);
	check_sane(r);
	free(cut);
}

static void
cut_everywhere(const struct tree *t, const char *name)
{
	(void)name;
	for (size_t n = 0; n < t->size; n++) {
		parse_cut(t, n, false);
		parse_cut(t, n, true);
	}
}

static void
T79_truncation_at_every_length_is_refused(void **state)
{
	(void)state;
	each_tree(cut_everywhere);
}

static void damage(const struct tree *t, const char *name);
static void damage_cells(const struct tree *t, const char *name);

/* The real trees are ten times as long: every eighth length. */
static void
T79_real_trees_cut_at_every_eighth_length(void **state)
{
	static const char *const names[] = {
		"jh7110-starfive-visionfive-2-v1.2a.dtb",
		"jh7110-starfive-visionfive-2-v1.3b.dtb"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct tree t;

		if (!tree_load(&t, QUARRY_DTB_DIR, names[i])) {
			print_message(
			    "skip: no %s in QUARRY_DTB_DIR\n", names[i]);
			skip();
		}
		for (size_t n = 0; n < t.size; n += 8) {
			parse_cut(&t, n, false);
			parse_cut(&t, n, true);
		}
		damage(&t, names[i]);
		damage_cells(&t, names[i]);
		free(t.blob);
	}
}

/* Bytes changed at random, towards the edges: an error, or a sane platform. */
static void
damage(const struct tree *t, const char *name)
{
	static const uint8_t edges[] = { 0, 1, 2, 3, 4, 9, 0x7f, 0x80, 0xff };
	struct rng r = { 0xdead5eed };
	uint8_t *bad = malloc(t->size);

	(void)name;
	assert_non_null(bad);
	for (size_t left = DAMAGED_BYTES; left > t->size; left -= t->size) {
		struct parsed *result;

		memcpy(bad, t->blob, t->size);
		for (size_t n = 1 + rng_below(&r, 8); n > 0; n--)
			bad[rng_below(&r, t->size)] = rng_below(&r, 2)
			    ? edges[rng_below(&r, ARRAY_COUNT(edges))]
			    : (uint8_t)rng_next(&r);
		result = parse(bad, t->size);
		check_sane(result);
	}
	free(bad);
}

static void
I2_3_damaged_bytes_never_break_the_parser(void **state)
{
	(void)state;
	each_tree(damage);
}

/* Whole cells of the structure block changed: lengths, tags, name offsets. */
static void
damage_cells(const struct tree *t, const char *name)
{
	static const uint32_t edges[] = { 0, 1, 2, 3, 4, 9, 0x7fffffff,
		0x80000000, 0xffffffff, 0xfffffffc, 40, 0x1000 };
	struct rng r = { 0xce115eed };
	uint8_t *bad = malloc(t->size);
	size_t cells = t->size / 4;

	(void)name;
	assert_non_null(bad);
	for (size_t left = DAMAGED_BYTES; left > t->size; left -= t->size) {
		memcpy(bad, t->blob, t->size);
		for (size_t n = 1 + rng_below(&r, 3); n > 0; n--)
			put_be32(bad, 4 * rng_below(&r, cells),
			    edges[rng_below(&r, ARRAY_COUNT(edges))]);
		check_sane(parse(bad, t->size));
	}
	free(bad);
}

static void
I2_3_damaged_cells_never_break_the_parser(void **state)
{
	(void)state;
	each_tree(damage_cells);
}

static void
I2_3_headers_are_checked_before_libfdt_sees_them(void **state)
{
	struct tree t = tree_of("virt-1.dtb");
	uint8_t *odd = malloc(t.size + 8);

	(void)state;
	assert_non_null(odd);
	assert_int_equal(parse(NULL, 0)->e, PLATFORM_EMAGIC);
	assert_int_equal(parse(t.blob, 0)->e, PLATFORM_ESIZE);
	assert_int_equal(parse(t.blob, 39)->e, PLATFORM_ESIZE);
	assert_int_equal(parse(t.blob, t.size - 1)->e, PLATFORM_ESIZE);
	for (unsigned shift = 1; shift < 8; shift++) {
		memcpy(odd + shift, t.blob, t.size);
		assert_int_equal(
		    parse(odd + shift, t.size)->e, PLATFORM_EMAGIC);
	}
	put_be32(t.blob, 20, 16);
	assert_int_equal(parse_tree(&t)->e, PLATFORM_EVERSION);
	put_be32(t.blob, 20, 17);
	put_be32(t.blob, 24, 18);
	assert_int_equal(parse_tree(&t)->e, PLATFORM_EVERSION);
	put_be32(t.blob, 24, 16);
	assert_int_equal(parse_tree(&t)->e, PLATFORM_OK);
	put_be32(t.blob, 4, PLATFORM_DTB_MAX + 1);
	assert_int_equal(parse(t.blob, SIZE_MAX)->e, PLATFORM_ESIZE);
	put_be32(t.blob, 4, 39);
	assert_int_equal(parse_tree(&t)->e, PLATFORM_ESIZE);
	put_be32(t.blob, 0, 0xedfe0dd0);
	assert_int_equal(parse_tree(&t)->e, PLATFORM_EMAGIC);
	free(odd);
	free(t.blob);
}

/* A tree written from nothing: cells 2/2, `fill` writes the nodes. */
static struct tree
write_tree(size_t size, void (*fill)(void *fdt, unsigned n), unsigned n)
{
	struct tree t = { .size = size, .blob = calloc(1, size) };

	assert_non_null(t.blob);
	assert_int_equal(fdt_create(t.blob, (int)size), 0);
	assert_int_equal(fdt_finish_reservemap(t.blob), 0);
	assert_int_equal(fdt_begin_node(t.blob, ""), 0);
	assert_int_equal(fdt_property_u32(t.blob, "#address-cells", 2), 0);
	assert_int_equal(fdt_property_u32(t.blob, "#size-cells", 2), 0);
	fill(t.blob, n);
	assert_int_equal(fdt_end_node(t.blob), 0);
	assert_int_equal(fdt_finish(t.blob), 0);
	return t;
}

static void
begin(void *fdt, const char *base, uint64_t unit)
{
	char name[40];

	(void)snprintf(
	    name, sizeof(name), "%s@%llx", base, (unsigned long long)unit);
	assert_int_equal(fdt_begin_node(fdt, name), 0);
}

static void
end(void *fdt)
{
	assert_int_equal(fdt_end_node(fdt), 0);
}

static void
write_range(void *fdt, uint64_t base, uint64_t size)
{
	fdt64_t reg[2] = { cpu_to_fdt64(base), cpu_to_fdt64(size) };

	assert_int_equal(fdt_property(fdt, "reg", reg, sizeof(reg)), 0);
}

static void
write_memory(void *fdt, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		begin(fdt, "memory", 0x80000000ull + i * 0x200000ull);
		write_range(fdt, 0x80000000ull + i * 0x200000ull, 0x100000);
		end(fdt);
	}
}

static void
write_cpus(void *fdt, unsigned n)
{
	assert_int_equal(fdt_begin_node(fdt, "cpus"), 0);
	assert_int_equal(fdt_property_u32(fdt, "#address-cells", 1), 0);
	assert_int_equal(fdt_property_u32(fdt, "#size-cells", 0), 0);
	for (unsigned i = 0; i < n; i++) {
		begin(fdt, "cpu", i);
		assert_int_equal(fdt_property_u32(fdt, "reg", i), 0);
		assert_int_equal(
		    fdt_property_string(fdt, "mmu-type", "riscv,sv39"), 0);
		/* Per hart, in 8 bytes, as some trees have it. */
		assert_int_equal(
		    fdt_property_u64(fdt, "timebase-frequency", 24000000), 0);
		assert_int_equal(
		    fdt_begin_node(fdt, "interrupt-controller"), 0);
		assert_int_equal(
		    fdt_property_string(fdt, "compatible", "riscv,cpu-intc"),
		    0);
		/* The old name, and backwards. */
		assert_int_equal(
		    fdt_property_u32(fdt, "linux,phandle", n + 1 - i), 0);
		end(fdt);
		end(fdt);
	}
	end(fdt);
}

/* n harts, the PLIC before them in the tree. */
static void
write_many_harts(void *fdt, unsigned n)
{
	fdt32_t *targets = calloc(n, 4 * sizeof(*targets));

	assert_non_null(targets);
	for (unsigned i = 0; i < n; i++) {
		targets[4 * i] = cpu_to_fdt32(n + 1 - i);
		targets[4 * i + 1] = cpu_to_fdt32(11);
		targets[4 * i + 2] = cpu_to_fdt32(n + 1 - i);
		targets[4 * i + 3] = cpu_to_fdt32(9);
	}
	begin(fdt, "plic", 0xc000000);
	assert_int_equal(
	    fdt_property_string(fdt, "compatible", "riscv,plic0"), 0);
	write_range(fdt, 0xc000000, 0x4000000);
	assert_int_equal(fdt_property_u32(fdt, "riscv,ndev", 96), 0);
	assert_int_equal(fdt_property(fdt, "interrupts-extended", targets,
			     (int)(n * 4 * sizeof(*targets))),
	    0);
	end(fdt);
	free(targets);
	write_cpus(fdt, n);
	write_memory(fdt, 1);
}

static void
I2_3_512_harts_keep_the_first_128(void **state)
{
	struct tree t = write_tree(512 << 10, write_many_harts, 512);
	struct parsed *r = parse_ok(&t);

	(void)state;
	assert_int_equal(r->p.n_harts, PLATFORM_HARTS_MAX);
	assert_int_equal(r->p.harts_dropped, 512 - PLATFORM_HARTS_MAX);
	for (unsigned h = 0; h < PLATFORM_HARTS_MAX; h++) {
		assert_int_equal(r->p.harts[h].hartid, h);
		assert_int_equal(r->p.plics[0].context[h], 2 * h + 1);
	}
	assert_int_equal(r->p.timebase_hz, 24000000);
	assert_true(warned(r, "384 harts beyond 128 are left out"));
	free(t.blob);
}

static void
write_many_banks(void *fdt, unsigned n)
{
	write_cpus(fdt, 2);
	write_memory(fdt, n);
}

static void
T85_1000_memory_nodes_keep_the_first_16(void **state)
{
	struct tree t = write_tree(512 << 10, write_many_banks, 1000);
	struct parsed *r = parse_ok(&t);

	(void)state;
	assert_int_equal(r->p.n_banks, PLATFORM_BANKS_MAX);
	assert_int_equal(r->p.banks_dropped, 1000 - PLATFORM_BANKS_MAX);
	assert_int_equal(r->p.banks[15].base, 0x80000000ull + 15 * 0x200000);
	assert_true(warned(r, "984 memory banks"));
	free(t.blob);
}

static void
write_reservations(void *fdt, uint64_t step, unsigned n)
{
	write_cpus(fdt, 1);
	write_memory(fdt, 1);
	assert_int_equal(fdt_begin_node(fdt, "reserved-memory"), 0);
	for (unsigned i = 0; i < n; i++) {
		begin(fdt, "r", 0x80000000ull + i * step);
		write_range(fdt, 0x80000000ull + i * step, 0x1000);
		end(fdt);
	}
	end(fdt);
}

static void
write_scattered(void *fdt, unsigned n)
{
	write_reservations(fdt, 0x2000, n);
}

static void
write_contiguous(void *fdt, unsigned n)
{
	write_reservations(fdt, 0x1000, n);
}

static void
write_descending(void *fdt, unsigned n)
{
	write_reservations(fdt, 0 - 0x1000ull, n);
}

/* Nothing may be handed out then; neighbours are one reservation. */
static void
T85_more_reservations_than_fit_are_counted(void **state)
{
	struct tree t = write_tree(512 << 10, write_scattered, 1000);
	struct parsed *r = parse_ok(&t);

	(void)state;
	assert_int_equal(r->p.n_reserved, PLATFORM_RESERVED_MAX);
	assert_int_equal(r->p.reserved_dropped, 1000 - PLATFORM_RESERVED_MAX);
	assert_true(warned(r, "memory is not safe to use"));
	free(t.blob);
	t = write_tree(512 << 10, write_contiguous, 1000);
	r = parse_ok(&t);
	assert_int_equal(r->p.n_reserved, 1);
	assert_int_equal(r->p.reserved[0].base, 0x80000000);
	assert_int_equal(r->p.reserved[0].size, 1000 * 0x1000);
	assert_int_equal(r->p.reserved_dropped, 0);
	free(t.blob);
	t = write_tree(512 << 10, write_descending, 1000);
	r = parse_ok(&t);
	assert_int_equal(r->p.n_reserved, 1);
	assert_int_equal(r->p.reserved[0].base, 0x80000000 - 999 * 0x1000);
	assert_int_equal(r->p.reserved[0].size, 1000 * 0x1000);
	free(t.blob);
}

static void
write_deep(void *fdt, unsigned n)
{
	write_cpus(fdt, 1);
	write_memory(fdt, 1);
	for (unsigned i = 0; i < n; i++)
		begin(fdt, "d", i);
	for (unsigned i = 0; i < n; i++)
		end(fdt);
}

static void
I2_3_deep_trees_are_cut_not_followed(void **state)
{
	struct tree t = write_tree(512 << 10, write_deep, 5000);
	struct parsed *r = parse_ok(&t);

	(void)state;
	assert_true(warned(r, "deep are left out"));
	free(t.blob);
}

static void
write_nothing(void *fdt, unsigned n)
{
	(void)fdt;
	(void)n;
}

static void
I2_3_no_cpus_and_an_empty_tree_are_errors(void **state)
{
	struct tree t = write_tree(4096, write_memory, 1);
	struct parsed *r = parse_tree(&t);

	(void)state;
	check_sane(r);
	assert_int_equal(r->e, PLATFORM_ECPUS);
	free(t.blob);
	t = write_tree(4096, write_nothing, 0);
	assert_int_equal(parse_tree(&t)->e, PLATFORM_EMEMORY);
	free(t.blob);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(T79_truncation_at_every_length_is_refused),
		cmocka_unit_test(T79_real_trees_cut_at_every_eighth_length),
		cmocka_unit_test(I2_3_damaged_bytes_never_break_the_parser),
		cmocka_unit_test(I2_3_damaged_cells_never_break_the_parser),
		cmocka_unit_test(
		    I2_3_headers_are_checked_before_libfdt_sees_them),
		cmocka_unit_test(I2_3_512_harts_keep_the_first_128),
		cmocka_unit_test(T85_1000_memory_nodes_keep_the_first_16),
		cmocka_unit_test(T85_more_reservations_than_fit_are_counted),
		cmocka_unit_test(I2_3_deep_trees_are_cut_not_followed),
		cmocka_unit_test(I2_3_no_cpus_and_an_empty_tree_are_errors),
	};

	return cmocka_run_group_tests_name(
	    "platform_hostile", tests, NULL, NULL);
}
