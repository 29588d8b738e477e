/* SPDX-License-Identifier: MIT */
/* libFuzzer entry: any bytes are a device tree. docs/platform-parsing.md. */
#include <stdlib.h>
#include <string.h>

#include <kernel/memmap.h>
#include <kernel/platform.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct platform platform;
static unsigned warnings;

static void
warn(void *arg, const char *sentence)
{
	(void)arg;
	if (sentence[0] == '\0' || strlen(sentence) >= 192)
		abort();
	warnings++;
}

static void
check(bool promise)
{
	if (!promise)
		abort();
}

/* The memory map of whatever the tree said must keep its own promises. */
static void
check_memory(void)
{
	struct memmap_range banks[PLATFORM_BANKS_MAX];
	struct memmap_range reserved[PLATFORM_RESERVED_MAX];
	struct memmap_range kernel = { 0x80200000, 0x100000 };
	struct memmap map;
	uint64_t last = 0;

	for (unsigned i = 0; i < platform.n_banks; i++)
		banks[i] = (struct memmap_range){ platform.banks[i].base,
			platform.banks[i].size };
	for (unsigned i = 0; i < platform.n_reserved; i++)
		reserved[i] = (struct memmap_range){ platform.reserved[i].base,
			platform.reserved[i].size };
	memmap_build(&map, banks, platform.n_banks, reserved,
	    platform.n_reserved, kernel, 0, 1ull << 38);
	for (unsigned i = 0; i < map.n_usable; i++) {
		check(map.usable[i].size > 0 && map.usable[i].base >= last);
		last = map.usable[i].base + map.usable[i].size;
		check(last > map.usable[i].base && last <= 1ull << 38);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The parser wants 8 bytes of alignment; malloc gives 16. */
	uint8_t *blob = malloc(size > 0 ? size : 1);

	check(blob != NULL);
	memcpy(blob, data, size);
	warnings = 0;
	memset(&platform, 0x5a, sizeof(platform));
	if (platform_parse(&platform, blob, size, warn, NULL) == PLATFORM_OK)
		check(platform.n_banks > 0 && platform.n_harts > 0);
	check(warnings <= 32);
	check(platform.n_harts <= PLATFORM_HARTS_MAX);
	check(platform.n_banks <= PLATFORM_BANKS_MAX);
	check(platform.n_reserved <= PLATFORM_RESERVED_MAX);
	check(platform.n_plics <= PLATFORM_PLICS_MAX);
	(void)strlen(platform.bootargs);
	check_memory();
	free(blob);
	return 0;
}
