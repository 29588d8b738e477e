/* SPDX-License-Identifier: MIT */
/* Boot arguments: a pure parser. docs/boot.md lists the words. */
#ifndef KERNEL_BOOTARGS_H
#define KERNEL_BOOTARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOTARGS_RUN_MAX       128u
#define BOOTARGS_WARN_MAX      96u
#define BOOTARGS_MALFORMED_MAX 16u /* warned about one by one */

enum bootargs_exit {
	EXIT_AUTO,
	EXIT_FINISHER,
	EXIT_SRST,
	EXIT_REBOOT,
	EXIT_SEMIHOST,
	EXIT_SPIN
};
enum bootargs_term { TERM_AUTO, TERM_ANSI, TERM_DUMB };
enum bootargs_protect {
	PROTECT_UNSET,
	PROTECT_FAST,
	PROTECT_CHECKED,
	PROTECT_DEBUG
};

struct bootargs {
	char run[BOOTARGS_RUN_MAX]; /* "" when absent */
	uint64_t mem;               /* bytes; 0: all */
	unsigned maxharts;          /* 0: all */
	enum bootargs_protect protect;
	bool heap_fatal;
	uint64_t lua_mem; /* bytes; 0: default */
	enum bootargs_term term;
	enum bootargs_exit exit;
	bool unsafe;
	int loglevel; /* enum klog_level; -1 when absent */
	/* Words of scripts/run-qemu, not for people. */
	bool batch; /* batch=1: run, then power off; no prompt */
};

/*
 * Parse `text` (NUL-terminated, any length; NULL is empty). Every field gets a
 * value. For each malformed value (the first 16, then once for the others), and
 * once for all unknown words together, warn(arg, sentence) is called with at
 * most BOOTARGS_WARN_MAX bytes in which bytes that do not print are shown as
 * '?'. Of several words with one key the last counts. Cost O(length).
 */
void bootargs_parse(struct bootargs *out, const char *text,
    void (*warn)(void *arg, const char *sentence), void *arg);

#endif
