/* SPDX-License-Identifier: MIT */
/*
 * Every record of every module: complete, unique, and in step with
 * docs/lua-api.md. With a file's name as argument the reference is written
 * there instead (`make docs`).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lua/binding.h"

#define REFERENCE "docs/lua-api.md"
#define HEAD                                                                   \
	"<!-- Printed by `make docs` from the records in lua/*.c. -->\n"       \
	"# Lua API\n\n"                                                        \
	"What `help()` says at the prompt, on one page. Conventions: "         \
	"[lua.md](lua.md).\n"

static bool
is_meta(const struct binding *b)
{
	return strncmp(b->name, "__", 2) == 0;
}

static void
print_functions(
    FILE *f, const char *owner, const char *dot, const struct binding *b)
{
	for (; b->name != NULL; b++) {
		if (is_meta(b))
			continue;
		fprintf(f, "\n### %s%s%s\n\n`%s`\n\n%s\n", owner, dot, b->name,
		    b->usage, b->text);
		if (b->example != NULL)
			fprintf(f, "\n```lua\n%s\n```\n", b->example);
	}
}

static void
print_reference(FILE *f)
{
	size_t i;

	fputs(HEAD, f);
	for (i = 0; binding_modules[i] != NULL; i++) {
		const struct binding_module *m = binding_modules[i];

		fprintf(f, "\n## %s\n\n%s\n",
		    m->name[0] != '\0' ? m->name : "Functions", m->text);
		print_functions(
		    f, m->name, m->name[0] != '\0' ? "." : "", m->functions);
	}
	for (i = 0; binding_classes[i] != NULL; i++) {
		const struct binding_class *c = binding_classes[i];

		fprintf(f, "\n## %s\n\n%s\n", c->name, c->text);
		print_functions(f, c->name, ":", c->methods);
	}
}

static void
I2_6_every_function_has_help(void **state)
{
	const char *wrong;
	size_t i, n = 0;

	(void)state;
	for (i = 0; binding_modules[i] != NULL; i++) {
		wrong = binding_check_module(binding_modules[i]);
		if (wrong != NULL)
			fail_msg(
			    "module '%s': %s", binding_modules[i]->name, wrong);
		n++;
	}
	for (i = 0; binding_classes[i] != NULL; i++) {
		wrong = binding_check_class(binding_classes[i]);
		if (wrong != NULL)
			fail_msg(
			    "class '%s': %s", binding_classes[i]->name, wrong);
	}
	assert_true(n > 10);
}

/* A usage that does not name its function would mislead. */
static void
I2_6_usage_names_the_function(void **state)
{
	const struct binding *b;
	size_t i;

	(void)state;
	for (i = 0; binding_modules[i] != NULL; i++) {
		for (b = binding_modules[i]->functions; b->name != NULL; b++) {
			if (strstr(b->usage, b->name) == NULL)
				fail_msg("%s.%s: usage '%s'",
				    binding_modules[i]->name, b->name,
				    b->usage);
		}
	}
	for (i = 0; binding_classes[i] != NULL; i++) {
		for (b = binding_classes[i]->methods; b->name != NULL; b++) {
			if (!is_meta(b) && strstr(b->usage, b->name) == NULL)
				fail_msg("%s:%s: usage '%s'",
				    binding_classes[i]->name, b->name,
				    b->usage);
		}
	}
}

static const char *const contract[] = {
	"slab.create",
	"slab.find",
	"slab.caches",
	"slab.stat",
	"slab.reap",
	"slab.errors",
	"slab.verify",
	"slab.whatis",
	"slab.schema",
	"slab.kmalloc",
	"slab.mark",
	"slab.diff",
	"slab.leaks",
	"slab.log",
	"slab.users",
	"frame.free",
	"frame.total",
	"frame.stat",
	"frame.zones",
	"frame.alloc",
	"frame.pressure",
	"frame.fragmentation",
	"hart.id",
	"hart.count",
	"hart.list",
	"hart.run",
	"hart.call",
	"hart.chan",
	"hart.counter",
	"hart.barrier",
	"bench.run",
	"bench.list",
	"bench.suite",
	"bench.time",
	"bench.instret",
	"bench.hist",
	"trace.start",
	"trace.stop",
	"trace.load",
	"fault.set",
	"fault.clear",
	"fault.count",
	"con.table",
	"con.spark",
	"con.hist",
	"con.bar",
	"con.map",
	"con.top",
	"con.size",
	"con.term",
	"fs.ls",
	"fs.read",
	"fs.put",
	"fs.rm",
	".run",
	"sys.info",
	"sys.dt",
	"sys.mem",
	"sys.uptime",
	"sys.log",
	"sys.limit",
	"sys.reboot",
	"sys.poweroff",
	".help",
	".apropos",
	".examples",
	"unsafe.peek",
	"unsafe.poke",
	"unsafe.call",
	"unsafe.free",
	"unsafe.crash",
	NULL,
};

static bool
exists(const char *module, size_t n, const char *name)
{
	const struct binding *b;
	size_t i;

	for (i = 0; binding_modules[i] != NULL; i++) {
		const struct binding_module *m = binding_modules[i];

		if (strlen(m->name) != n || memcmp(m->name, module, n) != 0)
			continue;
		for (b = m->functions; b->name != NULL; b++) {
			if (strcmp(b->name, name) == 0)
				return true;
		}
	}
	return false;
}

static void
I2_contract_names_exist(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; contract[i] != NULL; i++) {
		const char *dot = strchr(contract[i], '.');

		assert_non_null(dot);
		if (!exists(contract[i], (size_t)(dot - contract[i]), dot + 1))
			fail_msg("'%s' is in the contract and not here",
			    contract[i]);
	}
}

static void
I2_10_reference_is_in_step(void **state)
{
	char *want = NULL, *got;
	size_t n = 0, m;
	FILE *f = open_memstream(&want, &n);

	(void)state;
	assert_non_null(f);
	print_reference(f);
	fclose(f);
	f = fopen(REFERENCE, "r");
	if (f == NULL)
		fail_msg("no %s: run `make docs`", REFERENCE);
	got = malloc(n + 2);
	assert_non_null(got);
	m = fread(got, 1, n + 1, f);
	fclose(f);
	if (m != n || memcmp(got, want, n) != 0)
		fail_msg(
		    "%s differs from the records: run `make docs`", REFERENCE);
	free(got);
	free(want);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I2_6_every_function_has_help),
		cmocka_unit_test(I2_6_usage_names_the_function),
		cmocka_unit_test(I2_contract_names_exist),
		cmocka_unit_test(I2_10_reference_is_in_step),
	};

	if (argc == 2) {
		FILE *f = fopen(argv[1], "w");

		if (f == NULL)
			return 1;
		print_reference(f);
		return fclose(f) == 0 ? 0 : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
