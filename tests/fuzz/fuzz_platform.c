/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer entry: any bytes are a device tree, and the boot path goes as far
 * as it decides. docs/platform-parsing.md.
 */
#include <stdarg.h>
#include <stdlib.h>

#define CHECK(promise)                                                         \
	do {                                                                   \
		if (!(promise))                                                \
			abort();                                               \
	} while (0)

#include <mm/kmem.h>

#include "tests/unit/boot_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct boot boot;
static unsigned warnings;

static void
warn(void *arg, const char *sentence)
{
	(void)arg;
	CHECK(sentence[0] != '\0' && strlen(sentence) < 192);
	warnings++;
}

void
klog(enum klog_level level, const char *fmt, ...)
{
	(void)level;
	CHECK(fmt[0] != '\0');
}

/* mm is not linked: what it is told may be anything that the parser kept. */
int
kmem_set_machine(const struct kmem_machine *m)
{
	CHECK(m->line_bytes > 0 && m->way_bytes >= m->line_bytes);
	return m->line_bytes % 3 == 0 ? -KMEM_EINVAL : 0;
}

static long
hart_status(uint64_t hartid)
{
	return (long)(hartid % 4) - 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct stage stage = {
		.at = { .kernel = { 0x80200000, 0xa0000 },
		    .dtb = { 0x82200008, size },
		    .top = LINEAR_TOP },
		.fw = { .hsm = true, .ipi = true, .hart_status = hart_status },
	};
	/* The parser wants 8 bytes of alignment; malloc gives 16. */
	uint8_t *blob = malloc(size > 0 ? size : 1);

	CHECK(blob != NULL);
	memcpy(blob, data, size);
	warnings = 0;
	boot_run(&boot, blob, size, &stage, warn, NULL);
	CHECK(boot.p.n_harts <= PLATFORM_HARTS_MAX);
	CHECK(boot.p.n_banks <= PLATFORM_BANKS_MAX);
	CHECK(boot.p.n_reserved <= PLATFORM_RESERVED_MAX);
	CHECK(boot.p.n_plics <= PLATFORM_PLICS_MAX);
	(void)strlen(boot.p.bootargs);
	boot_check(&boot, &stage, blob);
	/* 32 of the parser; of the arguments a few more. */
	CHECK(warnings <= 32 + BOOTARGS_MALFORMED_MAX + 2);
	free(blob);
	return 0;
}
