/* SPDX-License-Identifier: MIT */
/*
 * Reader of ustar and newc (cpio) archives in memory, told apart by magic; a
 * blob with no magic is one file, "init.lua". Pure; nothing is copied.
 */
#ifndef KERNEL_ARCHIVE_H
#define KERNEL_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_NAME_MAX  256u
#define ARCHIVE_FILES_MAX 100000u

enum archive_kind { ARCHIVE_USTAR, ARCHIVE_NEWC, ARCHIVE_RAW };

struct archive {
	const uint8_t *ar_data;
	size_t ar_size;
	size_t ar_at; /* next header */
	unsigned ar_files;
	enum archive_kind ar_kind;
	bool ar_ended;        /* the end mark, or damage, was met */
	const char *ar_error; /* why the walk ended early; NULL: at its end */
	size_t ar_error_at;   /* byte offset */
};

struct archive_entry {
	char name[ARCHIVE_NAME_MAX]; /* without leading ./ and / */
	const uint8_t *data;
	size_t size;
};

void archive_open(struct archive *ar, const void *data, size_t size);
/* Next regular file; false at the end or at damage (ar_error). */
bool archive_next(struct archive *ar, struct archive_entry *e);
/* By name, from the start; the last of several wins, as tar does. */
bool archive_find(
    const void *data, size_t size, const char *name, struct archive_entry *e);

#endif
