/* SPDX-License-Identifier: MIT */
/*
 * Reader of the initrd: ustar, newc, or one bare file.
 *
 * Theory of operation
 * 1. ar_at is the offset of the next header. Before a byte is read, what is
 *    left of the blob is compared with what is wanted; sizes come from the
 *    headers and are compared with what is left before they are added to
 *    anything, so no sum wraps.
 * 2. Each header moves ar_at by at least its own length, so a walk ends. Damage
 *    ends it too: ar_error says what, ar_error_at where; what came before is
 *    good.
 * 3. An archive without its end mark has been cut: that is damage, because
 *    scripts may be missing that somebody relies on.
 * 4. Long names: GNU 'L' members and the path of pax 'x' members name the file
 *    that follows. Other members without contents of interest are skipped.
 */
#include <string.h>

#include <kernel/archive.h>

#define TAR_BLOCK      512u
#define TAR_NAME_BYTES 100u
#define TAR_PREFIX     345u
#define TAR_PREFIX_MAX 155u
#define TAR_SIZE       124u
#define TAR_SUM        148u
#define TAR_TYPE       156u
#define TAR_MAGIC      257u

#define CPIO_HEADER   110u
#define CPIO_MODE     14u /* offsets of eight hex digits */
#define CPIO_SIZE     54u
#define CPIO_NAMESIZE 94u
#define CPIO_TYPE     0170000u
#define CPIO_REGULAR  0100000u

/* A name in the blob, not terminated; text NULL: none. */
struct long_name {
	const char *text;
	size_t n;
};

static bool
end(struct archive *ar)
{
	ar->ar_ended = true;
	ar->ar_at = ar->ar_size;
	return false;
}

static bool
fail(struct archive *ar, const char *what)
{
	ar->ar_error = what;
	ar->ar_error_at = ar->ar_at;
	return end(ar);
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

void
archive_open(struct archive *ar, const void *data, size_t size)
{
	const uint8_t *p = data;

	*ar = (struct archive){ .ar_data = p, .ar_size = size };
	if (p == NULL)
		ar->ar_size = 0;
	size = ar->ar_size;
	ar->ar_kind = ARCHIVE_RAW;
	if (size >= 6 &&
	    (memcmp(p, "070701", 6) == 0 || memcmp(p, "070702", 6) == 0))
		ar->ar_kind = ARCHIVE_NEWC;
	else if (size >= TAR_MAGIC + 5 &&
	    memcmp(p + TAR_MAGIC, "ustar", 5) == 0)
		ar->ar_kind = ARCHIVE_USTAR;
	else if (size >= TAR_BLOCK && all_zero(p, TAR_BLOCK))
		ar->ar_kind = ARCHIVE_USTAR; /* an empty one: only end marks */
}

/*
 * The name without leading "./" and "/"; false when nothing is left or it is
 * too long to be a name.
 */
static bool
set_name(struct archive_entry *e, const char *text, size_t n)
{
	for (;;) {
		if (n > 0 && text[0] == '/') {
			text++;
			n--;
		} else if (n > 1 && text[0] == '.' && text[1] == '/') {
			text += 2;
			n -= 2;
		} else {
			break;
		}
	}
	if (n == 0 || n >= sizeof(e->name))
		return false;
	memcpy(e->name, text, n);
	e->name[n] = '\0';
	return true;
}

static size_t
field_length(const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\0', n);

	return end == NULL ? n : (size_t)(end - p);
}

/* An octal field: blanks, digits, then blank, NUL or the field's end. */
static bool
octal(const uint8_t *p, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = 0, first;

	while (i < n && p[i] == ' ')
		i++;
	for (first = i; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(p[i] - '0'); /* 12 digits: 36 bits */
	if (i < n && p[i] != ' ' && p[i] != '\0')
		return false;
	*out = v;
	return i > first;
}

/* GNU's binary sizes, for files beyond 8 GiB: big-endian, top bit set. */
static bool
base256(const uint8_t *p, size_t n, uint64_t *out)
{
	uint64_t v = p[0] & 0x7fu;

	for (size_t i = 1; i < n; i++) {
		if (v >> 56 != 0)
			return false;
		v = v << 8 | p[i];
	}
	*out = v;
	return true;
}

static bool
tar_size(const uint8_t *h, uint64_t *size)
{
	if (h[TAR_SIZE] & 0x80u)
		return base256(h + TAR_SIZE, 12, size);
	return octal(h + TAR_SIZE, 12, size);
}

/* The sum of all bytes, with blanks in place of the sum itself. */
static bool
tar_sum_ok(const uint8_t *h)
{
	uint64_t said, sum = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= TAR_SUM && i < TAR_SUM + 8 ? ' ' : h[i];
	return octal(h + TAR_SUM, 8, &said) && said == sum;
}

static bool
tar_name(struct archive_entry *e, const uint8_t *h, struct long_name longer)
{
	char name[TAR_PREFIX_MAX + 1 + TAR_NAME_BYTES];
	size_t at = 0, n;

	if (longer.text != NULL)
		return set_name(e, longer.text, longer.n);
	/* GNU ("ustar  ") keeps other things where POSIX keeps a prefix. */
	if (h[TAR_MAGIC + 5] == '\0') {
		n = field_length(h + TAR_PREFIX, TAR_PREFIX_MAX);
		memcpy(name, h + TAR_PREFIX, n);
		at = n;
		if (n > 0)
			name[at++] = '/';
	}
	n = field_length(h, TAR_NAME_BYTES);
	memcpy(name + at, h, n);
	return set_name(e, name, at + n);
}

/* The path of a pax header: records "LENGTH path=VALUE\n". */
static struct long_name
pax_path(const char *text, size_t n)
{
	struct long_name found = { .text = NULL };
	size_t at = 0;

	while (at < n) {
		size_t length = 0, i = at;

		while (i < n && text[i] >= '0' && text[i] <= '9' && length <= n)
			length = length * 10 + (size_t)(text[i++] - '0');
		if (i == n || text[i] != ' ' || length > n - at ||
		    length < i - at + 2)
			break;
		i++;
		if (at + length - i > 5 && memcmp(text + i, "path=", 5) == 0) {
			found.text = text + i + 5;
			found.n = length - (i - at) - 5 - 1;
		}
		at += length;
	}
	return found;
}

static bool
is_regular(uint8_t type)
{
	return type == '0' || type == '\0' || type == '7';
}

/* Links, devices, directories: whatever size they claim, no data follows. */
static bool
has_no_data(uint8_t type)
{
	return type >= '1' && type <= '6';
}

/* The header at ar_at: its data's size; false: the end, or damage. */
static bool
tar_header(struct archive *ar, uint64_t *size)
{
	const uint8_t *h = ar->ar_data + ar->ar_at;
	size_t left = ar->ar_size - ar->ar_at;

	if (left == 0)
		return fail(ar, "archive without its end mark");
	if (left < TAR_BLOCK)
		return fail(ar, "archive cut off in a header");
	if (all_zero(h, TAR_BLOCK))
		return end(ar);
	if (memcmp(h + TAR_MAGIC, "ustar", 5) != 0)
		return fail(ar, "no header where one should be");
	if (!tar_sum_ok(h))
		return fail(ar, "header with a wrong checksum");
	if (!tar_size(h, size))
		return fail(ar, "header with a size that is no number");
	if (has_no_data(h[TAR_TYPE]))
		*size = 0;
	left -= TAR_BLOCK;
	/* The data is padded to whole blocks. */
	if (*size > left || (0 - *size) % TAR_BLOCK > left - *size)
		return fail(ar, "archive cut off in a file");
	return true;
}

static bool
next_ustar(struct archive *ar, struct archive_entry *e)
{
	struct long_name longer = { .text = NULL };
	uint64_t size;

	while (tar_header(ar, &size)) {
		const uint8_t *h = ar->ar_data + ar->ar_at;
		const uint8_t *data = h + TAR_BLOCK;
		const char *text = (const char *)data;
		uint8_t type = h[TAR_TYPE];

		if (is_regular(type)) {
			if (!tar_name(e, h, longer))
				return fail(ar, "file with an unusable name");
			e->data = data;
			e->size = (size_t)size;
		}
		if (type == 'L')
			longer = (struct long_name){ .text = text,
				.n = field_length(data, (size_t)size) };
		else if (type == 'x')
			longer = pax_path(text, (size_t)size);
		else if (type != 'K' && type != 'g')
			longer.text = NULL;
		ar->ar_at +=
		    TAR_BLOCK + (size_t)(size + (0 - size) % TAR_BLOCK);
		if (is_regular(type))
			return true;
	}
	return false;
}

/* Eight hex digits, nothing else. */
static bool
hex8(const uint8_t *p, uint32_t *out)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint8_t c = p[i], low = c | 0x20u;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (uint32_t)(low - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

struct cpio_header {
	uint32_t mode, size, name_size;
	size_t name_at, data_at, next; /* offsets in the archive */
};

/* Every member starts on 4 bytes; offset + n fits, both were checked. */
static size_t
align4(size_t offset)
{
	return (offset + 3) & ~(size_t)3;
}

static bool
cpio_header(struct archive *ar, struct cpio_header *c)
{
	const uint8_t *h = ar->ar_data + ar->ar_at;
	size_t left = ar->ar_size - ar->ar_at;

	if (left == 0)
		return fail(ar, "archive without its end mark");
	if (left < CPIO_HEADER)
		return fail(ar, "archive cut off in a header");
	if (memcmp(h, "070701", 6) != 0 && memcmp(h, "070702", 6) != 0)
		return fail(ar, "no header where one should be");
	for (size_t at = 6; at < CPIO_HEADER; at += 8) {
		uint32_t ignored;

		if (!hex8(h + at, &ignored))
			return fail(ar, "header with a digit that is not hex");
	}
	(void)hex8(h + CPIO_MODE, &c->mode);
	(void)hex8(h + CPIO_SIZE, &c->size);
	(void)hex8(h + CPIO_NAMESIZE, &c->name_size);
	c->name_at = ar->ar_at + CPIO_HEADER;
	if (c->name_size == 0)
		return fail(ar, "header without a name");
	if (c->name_size > ar->ar_size - c->name_at)
		return fail(ar, "archive cut off in a name");
	if (ar->ar_data[c->name_at + c->name_size - 1] != '\0')
		return fail(ar, "name that is not terminated");
	c->data_at = align4(c->name_at + c->name_size);
	if (c->data_at > ar->ar_size || c->size > ar->ar_size - c->data_at)
		return fail(ar, "archive cut off in a file");
	c->next = align4(c->data_at + c->size);
	return true;
}

static bool
next_newc(struct archive *ar, struct archive_entry *e)
{
	static const char trailer[] = "TRAILER!!!";
	struct cpio_header c;

	while (cpio_header(ar, &c)) {
		const char *name = (const char *)ar->ar_data + c.name_at;
		bool regular = (c.mode & CPIO_TYPE) == CPIO_REGULAR;

		if (c.name_size == sizeof(trailer) &&
		    memcmp(name, trailer, sizeof(trailer)) == 0)
			return end(ar);
		if (c.next > ar->ar_size)
			return fail(ar, "archive cut off in a file");
		if (regular && !set_name(e, name, strlen(name)))
			return fail(ar, "file with an unusable name");
		ar->ar_at = c.next;
		if (!regular)
			continue;
		e->data = ar->ar_data + c.data_at;
		e->size = c.size;
		return true;
	}
	return false;
}

static bool
next_raw(struct archive *ar, struct archive_entry *e)
{
	if (ar->ar_at == ar->ar_size)
		return end(ar);
	(void)set_name(e, "init.lua", 8);
	e->data = ar->ar_data;
	e->size = ar->ar_size;
	ar->ar_at = ar->ar_size;
	return true;
}

bool
archive_next(struct archive *ar, struct archive_entry *e)
{
	bool found = false;

	if (ar->ar_ended)
		return false;
	switch (ar->ar_kind) {
	case ARCHIVE_USTAR:
		found = next_ustar(ar, e);
		break;
	case ARCHIVE_NEWC:
		found = next_newc(ar, e);
		break;
	case ARCHIVE_RAW:
		found = next_raw(ar, e);
		break;
	}
	if (found && ++ar->ar_files > ARCHIVE_FILES_MAX)
		return fail(ar, "more files than an archive may hold");
	return found;
}

bool
archive_find(
    const void *data, size_t size, const char *name, struct archive_entry *e)
{
	struct archive_entry wanted, one;
	struct archive ar;
	bool found = false;

	if (!set_name(&wanted, name, strlen(name)))
		return false;
	archive_open(&ar, data, size);
	while (archive_next(&ar, &one)) {
		if (strcmp(one.name, wanted.name) != 0)
			continue;
		*e = one;
		found = true;
	}
	return found;
}
