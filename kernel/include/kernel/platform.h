/* SPDX-License-Identifier: MIT */
/*
 * What the device tree says about the machine, as plain values. Pure: reads
 * the blob, writes the struct, touches no hardware; runs on the host too.
 */
#ifndef KERNEL_PLATFORM_H
#define KERNEL_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kernel/memmap.h>

#define PLATFORM_HARTS_MAX    128u
#define PLATFORM_BANKS_MAX    16u
#define PLATFORM_RESERVED_MAX 64u
#define PLATFORM_PLICS_MAX    4u
#define PLATFORM_DTB_MAX      (2u << 20) /* bytes */

/* A cpu node. Not eligible: `reason` says why, in a word or two. */
struct platform_hart {
	uint64_t hartid;
	bool eligible; /* status okay and a real mmu-type */
	const char *reason;
	char isa[64];
	uint32_t intc_phandle;
};

enum platform_uart_kind { UART_NONE, UART_NS16550, UART_DW_APB, UART_SIFIVE };

struct platform_uart {
	enum platform_uart_kind kind;
	uint64_t base, size;
	unsigned reg_shift, reg_width; /* bytes per access: 1 or 4 */
	uint32_t irq;                  /* PLIC source; 0: none */
	uint32_t irq_parent;           /* phandle */
	char path[64];
};

/* An interrupt controller; contexts by position in platform.harts. */
struct platform_plic {
	uint64_t base, size;
	uint32_t phandle;
	uint32_t sources;
	int32_t context[PLATFORM_HARTS_MAX]; /* S-mode; -1: none */
};

/* Ranges never wrap: what reaches 2^64 was cut or refused. */
struct platform {
	char model[64];
	uint64_t timebase_hz; /* 0: missing, or not to be believed */
	struct platform_hart harts[PLATFORM_HARTS_MAX];
	unsigned n_harts;       /* cpu nodes kept */
	unsigned harts_dropped; /* cpu nodes beyond PLATFORM_HARTS_MAX */
	struct memmap_range banks[PLATFORM_BANKS_MAX];
	unsigned n_banks;
	unsigned banks_dropped;
	struct memmap_range reserved[PLATFORM_RESERVED_MAX];
	unsigned n_reserved;       /* reserved-memory children and memreserve */
	unsigned reserved_dropped; /* then memory is unsafe: kernel stops */
	struct memmap_range initrd; /* size 0: none */
	const char *bootargs;       /* in the blob; "" when none */
	struct platform_uart uart;
	struct platform_plic plics[PLATFORM_PLICS_MAX];
	unsigned n_plics;
	uint64_t finisher;                     /* sifive,test0; 0: none */
	uint32_t l1d_size, l1d_sets, l1d_line; /* 0: not described */
	uint8_t rng_seed[32];
	unsigned rng_seed_len;
};

enum platform_error {
	PLATFORM_OK,
	PLATFORM_EMAGIC,   /* not a device tree, or misaligned */
	PLATFORM_EVERSION, /* older than 17, or not readable as 17 */
	PLATFORM_ESIZE,    /* smaller than a header, or over PLATFORM_DTB_MAX */
	PLATFORM_EBROKEN,  /* fdt_check_full refuses it */
	PLATFORM_EMEMORY,  /* no usable /memory */
	PLATFORM_ECPUS     /* no cpu node */
};

/*
 * Parse the blob, of which `avail` bytes may be read. `warn` receives a
 * sentence for every oddity survived. Cost O(bytes). On an error the fields
 * found so far are set, the others zero.
 */
enum platform_error platform_parse(struct platform *out, const void *blob,
    size_t avail, void (*warn)(void *arg, const char *sentence), void *arg);
const char *platform_error_text(enum platform_error e);

#endif
